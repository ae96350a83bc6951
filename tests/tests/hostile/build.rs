//! What is shipped has no way in that only tests should have.

use rotabox_tests::artifacts;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The sources that the binary is made of, without their own tests.
fn sources() -> Vec<(PathBuf, String)> {
    let root = artifacts::root();
    let mut left = vec![root.join("runner/src"), root.join("runner/page/src")];
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if !is_test(&path) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
            found.push((path, code));
        }
    }
    assert!(found.len() > 100, "the sources are found");
    found
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_string_lossy();
    name.ends_with("tests") || path.iter().any(|part| part == "tests") || path.extension().is_none_or(|end| end != "rs")
}

// a test of this suite
pub(super) fn the_shipped_sources_have_no_hook_no_switch_and_no_listening_socket() {
    for (path, code) in sources() {
        // `pack` calls cargo, and is no part of a run; `confine` is what clears the environment.
        let may_look =
            ["pack", "confine"].iter().any(|folder| path.parent().is_some_and(|parent| parent.ends_with(folder)));
        for (what, word) in [
            ("reads a variable of the environment", "env::var("),
            ("reads a variable of the environment", "env::var_os("),
            ("reads the environment", "env::vars"),
            ("listens", "TcpListener"),
            ("listens", "UnixListener"),
            ("has a switch of its build", "cfg(feature"),
            ("has a switch of its build", "cfg!(feature"),
            ("has a switch of its build", "option_env!"),
            ("has code that only tests should reach", "cfg(debug_assertions"),
            ("has code that only tests should reach", "cfg!(debug_assertions"),
            ("answers as a worker without its walls", "worker::answer("),
            ("turns the check of certificates off", "danger_accept"),
            ("turns the check of certificates off", "ServerCertVerified::assertion"),
        ] {
            if may_look && what.contains("environment") {
                continue;
            }
            // What the library found for the same bytes a moment ago is said again, in one place, which has tests of its own.
            if path.ends_with("broker/http/chains.rs") && word == "ServerCertVerified::assertion" {
                assert_eq!(code.matches(word).count(), 1, "{}", path.display());
                continue;
            }
            let found = code.lines().find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            assert_eq!(found, None, "{} {what}", path.display());
        }
    }
}

// a test of this suite
pub(super) fn the_shipped_binary_has_no_text_format_and_no_test_code() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
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
            "{p} [{f}]",
        ])
        .current_dir(artifacts::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: Vec<&str> = tree.lines().collect();
    assert!(crates.iter().any(|line| line.starts_with("wasmtime v")), "{tree}");
    for line in &crates {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(
            !["wat", "wast", "rcgen", "proptest", "rotabox-tests", "tempfile", "wasm-smith", "libfuzzer-sys"]
                .contains(&name),
            "{line} is built into the binary"
        );
        let features: Vec<&str> =
            line.rsplit_once(" [").map_or("", |(_, rest)| rest.trim_end_matches(']')).split(',').collect();
        if name == "wasmtime" {
            for feature in [
                "wat",
                "cache",
                "gc",
                "threads",
                "winch",
                "pooling-allocator",
                "component-model-async",
                "coredump",
                "profiling",
                "stack-switching",
            ] {
                assert!(!features.contains(&feature), "wasmtime is built with `{feature}`: {line}");
            }
        }
        if name == "reqwest" {
            for feature in ["http2", "cookies", "gzip", "brotli", "zstd", "deflate", "socks", "system-proxy", "charset"]
            {
                assert!(!features.contains(&feature), "reqwest is built with `{feature}`: {line}");
            }
        }
    }
}
