//! A module that takes too long to compile: the broker ends it, and says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{BLIND, Desk, common};
use std::io::Read;
use std::process::{Command, Stdio};

/// Far more than a second of compiling on any machine, and inside every cap of the scan.
fn bomb() -> Vec<u8> {
    let busy = "(func (param i64) (result i64) local.get 0 local.get 0 i64.mul i64.const 7 i64.rem_u i64.popcnt)"
        .repeat(90_000);
    common::component(&common::core("", "(i32.const 1024)").replace("(memory", &format!("{busy} (memory")))
}

#[test]
fn a_module_that_takes_too_long_to_compile_is_not_started() {
    let desk = Desk::new();
    let module = rotabox::page::sealed::seal(&bomb(), BLIND).unwrap();
    desk.write("bomb.wasm", &module);
    let digest = {
        use sha2::Digest;
        sha2::Sha256::digest(&module).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    desk.write(
        "policies/prod.toml",
        format!(
            "version = 1\n[rotator]\nmodule = \"{}\"\nsha256 = \"{digest}\"\n[records.api]\ntitle = \"A\"\nhosts = [\"a.test\"]\n\
             [account]\nallow = [\"*\"]\n[settings]\nunverified = \"accept\"\n[limits]\ncompile = 1\n",
            desk.path("bomb.wasm").display()
        ),
    );
    let mut child = Command::new(common::ROTABOX)
        .args(["run", "prod", "--policies"])
        .arg(desk.path("policies"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The gateway says nothing and keeps the line open: compiling is all that this run waits for.
    let line = child.stdin.take();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{stdout}{stderr}");
    drop(line);
    let result: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(result["outcome"], "not-started", "{stdout}");
    assert_eq!(result["limits"]["compile_seconds"], 1, "{stdout}");
    assert!(stderr.contains("was not compiled within 1 s ([limits] compile)"), "{stderr}");
}
