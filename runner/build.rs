//! The binary carries a build id, a hash of all that was linked, by which native code is known to be its own. Most linkers are told to
//! leave one anyway; here nothing depends on that.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var_os("CARGO_CFG_TARGET_OS");
    if target.is_some_and(|target| target == "linux") {
        println!("cargo::rustc-link-arg=-Wl,--build-id=sha1");
    }
}
