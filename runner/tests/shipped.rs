//! What must not be in the binary that is shipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::ROTABOX;
use std::path::Path;
use std::process::{Command, Stdio};

/// Crates that the binary is made of, as cargo says.
fn crates() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--package",
            "rotabox",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn nothing_of_the_tests_and_nothing_that_reads_text_modules_is_among_its_crates() {
    let crates = crates();
    let has = |name: &str| crates.iter().any(|other| other == name);
    assert!(has("rotabox") && has("wasmtime") && has("rustls") && has("landlock"), "{crates:?}");
    for name in [
        // text modules; test tools
        "wat",
        "wast",
        "rcgen",
        "tempfile",
        "proptest",
        "wasm-smith",
        "libfuzzer-sys",
        "rotabox-tests",
        // what of the engine is off, or would bring another way to the network
        "wasmtime-cache",
        "wasmtime-wasi-http",
        "wasmtime-cli",
        "winch-codegen",
        "openssl",
        "native-tls",
        "h2",
        "aws-lc-rs",
        "hickory-resolver",
    ] {
        assert!(!has(name), "`{name}` is part of the binary");
    }
}

#[test]
fn it_reads_no_variable_of_its_own_and_holds_no_hook_of_the_tests() {
    let binary = std::fs::read(ROTABOX).unwrap();
    let holds = |text: &str| memchr::memmem::find(&binary, text.as_bytes()).is_some();
    // The search finds what is there.
    assert!(holds("__worker"));
    // Variables that change something are called so; the tests use some.
    assert!(!holds("ROTABOX_"), "a variable of our own");
    for tests in ["walls_kill", "walls_alone", "wat::parse", "/wast-"] {
        assert!(!holds(tests), "{tests}");
    }
}

/// As long as it waits for the gateway, everything that a run ever opens besides its requests is open.
#[cfg(target_os = "linux")]
#[test]
fn while_it_runs_nothing_listens() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let page = "version = 1\nname = \"p\"\n[[route]]\nname = \"sign-in\"\nfor = [\"verify\"]\n\
                request = \"GET https://a.test/\"\nbasic = { user = \"{user}\", password = \"{candidate}\" }\nexpects = { status = 200 }\n\
                refuses = { status = 401 }\n";
    let module = common::component(&common::core("", "(i32.const 1024)"));
    let module = rotabox::page::sealed::seal(&module, page).unwrap();
    write("m.wasm", &module);
    let digest = {
        use sha2::Digest;
        sha2::Sha256::digest(&module).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let policy = format!(
        "version = 1\n[rotator]\nmodule = \"{}\"\nsha256 = \"{digest}\"\nliteral-hosts = [\"a.test\"]\n",
        folder.path().join("m.wasm").display()
    );
    write("p.toml", policy.as_bytes());
    let mut child = Command::new(ROTABOX)
        .args(["verify", "p", "--policies"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = format!("/proc/{}", child.id());
    // Both walls of the broker are up, so it has its worker and all its files: it waits for its line.
    let began = std::time::Instant::now();
    let filters = || {
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("Seccomp_filters:") && !line.ends_with("\t0"))
    };
    while !filters() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none() && began.elapsed() < std::time::Duration::from_secs(60), "it does not wait: {ended:?}");
        std::thread::yield_now();
    }
    // A process that is not dumpable shows its descriptors to root only; others see nothing, and the walls refuse `listen` anyway.
    if let Ok(descriptors) = std::fs::read_dir(format!("{process}/fd")) {
        for descriptor in descriptors.flatten() {
            let link = std::fs::read_link(descriptor.path()).unwrap_or_default().display().to_string();
            let Some(inode) = link.strip_prefix("socket:[").and_then(|link| link.strip_suffix(']')) else { continue };
            for table in ["tcp", "tcp6", "udp", "udp6"] {
                let table = std::fs::read_to_string(Path::new("/proc/net").join(table)).unwrap_or_default();
                let mine = table.lines().find(|line| line.split_whitespace().nth(9) == Some(inode));
                assert!(mine.is_none(), "it has a socket of the network: {mine:?}");
            }
        }
    }
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "an empty line is no input: {}", String::from_utf8_lossy(&output.stderr));
}
