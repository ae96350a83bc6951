//! Which Rust toolchain builds for `wasm32-unknown-unknown` here. Asked in this order:
//!
//! | toolchain | found by | how it builds |
//! | --- | --- | --- |
//! | the current one | its sysroot holds the target's library (`rustup target add …`, or Debian's `libstd-rust-dev-wasm32`) | plain cargo |
//! | Debian's second one | `/usr/bin/rustc` with the library's source (`rust-web-src`), and a linker for wasm | cargo builds the standard library too |

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of rotators: imports nothing but the contract.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A toolchain that builds for [`TARGET`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// The cargo to call.
    pub cargo: OsString,
    /// Set for cargo: name and value.
    pub env: Vec<(&'static str, OsString)>,
    /// Given to `cargo build`.
    pub args: Vec<&'static str>,
    /// Where its standard library was compiled from, if here: a path that must not get into the module.
    pub library_source: Option<PathBuf>,
}

/// No toolchain here builds for the target.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Rust toolchain here builds for {TARGET} ({found}). With rustup: `rustup target add {TARGET}`. On Debian: \
     `apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src lld`"
)]
pub struct NoToolchain {
    /// What was looked at, and what it lacks.
    pub found: String,
}

/// Finds the toolchain for the crate in `folder` (whose `rust-toolchain.toml` may name one).
pub fn find(folder: &Path) -> Result<Toolchain, NoToolchain> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let current = sysroot(&rustc, folder);
    if let Some(sysroot) = &current
        && sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
    {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        return Ok(Toolchain { cargo, env: Vec::new(), args: Vec::new(), library_source: None });
    }
    debian(current.as_deref())
}

/// Debian's `rustc-web`, `cargo-web` and `rust-web-src`, with rustup's linker or LLVM's.
fn debian(current: Option<&Path>) -> Result<Toolchain, NoToolchain> {
    let mut found = match current {
        Some(sysroot) => format!("`{}` lacks the target", sysroot.display()),
        None => "there is no rustc".to_owned(),
    };
    let (rustc, cargo) = (Path::new("/usr/bin/rustc"), Path::new("/usr/bin/cargo"));
    let source = rustc
        .is_file()
        .then(|| sysroot(rustc.as_os_str(), Path::new("/")))
        .flatten()
        .map(|sysroot| sysroot.join("lib/rustlib/src/rust"))
        .filter(|source| source.join("library/std").is_dir());
    let Some(source) = source.filter(|_| cargo.is_file()) else {
        found.push_str(", Debian's rustc, cargo and library source are not all there");
        return Err(NoToolchain { found });
    };
    let Some((linker, folders)) = linker(current) else {
        found.push_str(", Debian's rustc has no linker: neither rust-lld nor wasm-ld is there");
        return Err(NoToolchain { found });
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path))).unwrap_or(path);
    Ok(Toolchain {
        cargo: cargo.into(),
        env: vec![
            ("PATH", path),
            ("RUSTC", rustc.into()),
            ("RUSTC_BOOTSTRAP", "1".into()),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.into()),
        ],
        args: vec!["-Zbuild-std=std,panic_abort"],
        library_source: Some(source),
    })
}

/// The linker's name, and the folders that go before `PATH` so that it is found: the current toolchain's `rust-lld`,
/// else LLVM's `wasm-ld`.
fn linker(current: Option<&Path>) -> Option<(&'static str, Vec<PathBuf>)> {
    let hosts = current.and_then(|sysroot| std::fs::read_dir(sysroot.join("lib/rustlib")).ok());
    for host in hosts.into_iter().flatten().flatten() {
        let bin = host.path().join("bin");
        if bin.join("rust-lld").is_file() {
            let gcc_ld = bin.join("gcc-ld");
            return Some(("rust-lld", vec![bin, gcc_ld]));
        }
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).any(|folder| folder.join("wasm-ld").is_file()).then(|| ("wasm-ld", Vec::new()))
}

fn sysroot(rustc: &std::ffi::OsStr, folder: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).current_dir(folder).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim()))
}
