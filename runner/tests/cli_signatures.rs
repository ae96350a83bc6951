//! Signatures: checked before anything of a module is parsed, and nothing unsigned is approved where the host file lists signers.
//!
//! `tests/signed` holds a module and signatures of the minisign tool. They are made anew by
//! `cargo test -p rotabox --test cli_signatures -- --ignored`, with keys that are thrown away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, ANSWERS, Desk, Said, rotator};
use proptest::prelude::*;
use rotabox::page::sealed;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn signed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signed").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(signed(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Lines of a host file that trusts the key.
fn signers(key: &str, more: &str) -> String {
    let key = key.lines().nth(1).unwrap();
    format!("version = 1\n[[signers]]\nname = \"acme-release\"\nkey = \"{key}\"\n{more}\n")
}

const ACME_ONLY: &str = "rotators = [\"acme\"]\nminimum = { acme = \"1.2.0\" }";

/// The signed module, and a host file that trusts its signer.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("acme.wasm", bytes("acme.wasm"));
    desk.write("acme.wasm.minisig", bytes("acme.wasm.minisig"));
    desk.write("rotabox.toml", signers(&String::from_utf8(bytes("key.pub")).unwrap(), ACME_ONLY));
    desk
}

fn approve(desk: &Desk, more: &[&str]) -> Said {
    let base = ["approve", "acme.wasm", "--policies", "policies", "--name", "acme-prod", "--config", "rotabox.toml"];
    let args: Vec<&str> = base.iter().chain(ANSWERS).chain(more).copied().collect();
    desk.run(&args)
}

/// Refused before anything of the module was parsed: not even its size is said.
#[track_caller]
fn unparsed(desk: &Desk, said: Said, words: &str) {
    let said = said.exits(2).says(words).does_not_say("imports");
    assert_eq!(said.stdout, "");
    assert!(!desk.path("policies").exists());
}

#[test]
fn a_signed_module_is_approved_and_the_policy_says_by_whom_it_was_signed() {
    let desk = desk();
    approve(&desk, &[]).exits(0).says("signature `acme` 1.2.0, by `acme-release` (key ");
    assert!(desk.read("policies/acme-prod.toml").contains("signed = \"acme 1.2.0 by acme-release\""));
    let doctor = ["doctor", "acme-prod", "--policies", "policies", "--config", "rotabox.toml"];
    desk.run(&doctor).says("signed: acme 1.2.0 by acme-release").says("signature: `acme` 1.2.0").says("1 signer");
    // A minimum that was raised since: runs go by the digest, and doctor says that it is old.
    let key = String::from_utf8(bytes("key.pub")).unwrap();
    desk.write("rotabox.toml", signers(&key, "rotators = [\"acme\"]\nminimum = { acme = \"1.2.1\" }"));
    desk.run(&doctor).says("it would not be approved again").says("1.2.1 or later");
}

#[test]
fn inspect_shows_the_signature_and_does_not_judge_by_it() {
    let desk = desk();
    let inspect = |more: &[&str]| desk.run(&[&["inspect", "acme.wasm", "--config", "rotabox.toml"], more].concat());
    inspect(&[]).exits(0).says("signature `acme` 1.2.0, by `acme-release` (key ");
    let json: serde_json::Value = serde_json::from_str(&inspect(&["--json"]).exits(0).stdout).unwrap();
    assert_eq!(json["signature"]["signed"]["version"], "1.2.0");
    desk.write("acme.wasm.minisig", bytes("old.minisig"));
    inspect(&[]).exits(0).says("signature DOES NOT COUNT: acme.wasm.minisig: this is version 1.1.9");
    desk.write("acme.wasm.minisig", "a\u{200b}\n");
    inspect(&[])
        .exits(0)
        .says("signature DOES NOT COUNT: acme.wasm.minisig:1:2: a signature cannot hold the invisible");
    approve(&desk, &[]).exits(2).says("hint: get the signature again from where it was published");
    std::fs::remove_file(desk.path("acme.wasm.minisig")).unwrap();
    inspect(&[]).exits(0).says("signature NONE (acme.wasm.minisig is not there), and the host file asks for one");
}

#[test]
fn a_host_file_with_a_mistake_is_not_taken_for_a_bad_signature() {
    let desk = desk();
    desk.write("rotabox.toml", "version = 1\n[[signers]]\nname = 1\n");
    let said = desk.run(&["inspect", "acme.wasm", "--config", "rotabox.toml"]).exits(0);
    said.says("signature NOT CHECKED, the host file cannot be used: rotabox.toml:2:1: `[[signers]]` needs `key`")
        .does_not_say("\\u{a}")
        .does_not_say("DOES NOT COUNT");
}

#[test]
fn without_signers_a_signature_is_said_not_to_be_checked() {
    let desk = desk();
    desk.write("rotabox.toml", "version = 1\n");
    approve(&desk, &[]).exits(0).says("signature not checked: acme.wasm.minisig is there");
    std::fs::remove_file(desk.path("acme.wasm.minisig")).unwrap();
    approve(&desk, &["--force"]).exits(0).says("signature none (acme.wasm.minisig is not there)");
    assert!(!desk.read("policies/acme-prod.toml").contains("signed ="));
}

#[test]
fn what_is_not_signed_as_the_operator_asks_is_refused_before_it_is_parsed() {
    let desk = desk();
    let good = desk.read("acme.wasm.minisig");
    let module = bytes("acme.wasm");
    std::fs::remove_file(desk.path("acme.wasm.minisig")).unwrap();
    unparsed(&desk, approve(&desk, &[]), "acme.wasm is not signed");
    unparsed(&desk, approve(&desk, &["--signature", "none.minisig"]), "none.minisig` cannot be read");
    for (signature, words) in [
        (bytes("other-key.minisig"), "the host file lists no such key"),
        (bytes("as-okta.minisig"), "signed rotator `okta`, and may sign for acme only"),
        (bytes("old.minisig"), "this is version 1.1.9 of `acme`, and the host file asks for 1.2.0 or later"),
        (bytes("timestamp.minisig"), "does not name a rotator and a version"),
        (bytes("legacy.minisig"), "of the old kind"),
        (good.replace("acme 1.2.0", "acme 9.9.9").into_bytes(), "one of the three was changed"),
        (good.lines().take(3).collect::<Vec<_>>().join("\n").into_bytes(), "a signature has four lines"),
        (vec![0xff; 100], "is not UTF-8"),
        (vec![b'x'; 20_000], "larger than"),
    ] {
        desk.write("x.minisig", &signature);
        unparsed(&desk, approve(&desk, &["--signature", "x.minisig"]), words);
    }
    desk.write("acme.wasm.minisig", &good);
    for at in [0, module.len() / 2, module.len() - 1] {
        let mut changed = module.clone();
        changed[at] ^= 1;
        desk.write("acme.wasm", changed);
        unparsed(&desk, approve(&desk, &[]), "one of the three was changed");
    }
    let longer = [&module[..], &[0]].concat();
    desk.write("acme.wasm", longer);
    unparsed(&desk, approve(&desk, &[]), "one of the three was changed");
    desk.write("acme.wasm", &module);
    desk.write("rotabox.toml", signers("\nRWQ=", ACME_ONLY));
    unparsed(&desk, approve(&desk, &[]), "rotabox.toml:4:7");
}

#[test]
fn a_signature_for_another_name_than_the_pages_is_refused() {
    let desk = desk();
    let key = String::from_utf8(bytes("key.pub")).unwrap();
    desk.write("rotabox.toml", signers(&key, "rotators = [\"acme\", \"okta\"]"));
    desk.write("x.minisig", bytes("as-okta.minisig"));
    approve(&desk, &["--signature", "x.minisig"])
        .exits(2)
        .says("it is signed as rotator `okta`, and its page is called `acme`");
    assert!(!desk.path("policies").exists());
}

#[test]
fn an_update_has_to_be_signed_as_well() {
    let desk = desk();
    approve(&desk, &[]).exits(0);
    let before = desk.read("policies/acme-prod.toml");
    desk.module("new.wasm", &ACME.replace("Accounts of Acme", "New words"));
    let from = |more: &[&str]| {
        let base = ["approve", "new.wasm", "--policies", "policies", "--from", "acme-prod", "--config", "rotabox.toml"];
        desk.run(&[&base, more].concat())
    };
    from(&[]).exits(2).says("new.wasm is not signed");
    from(&["--signature", "acme.wasm.minisig"]).exits(2).says("one of the three was changed");
    assert_eq!(desk.read("policies/acme-prod.toml"), before);
}

/// The tool, if this machine has it.
fn minisign() -> Option<&'static str> {
    let found = Command::new("minisign").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok().then_some("minisign")
}

fn tool(folder: &Path, args: &[&str]) {
    let done = Command::new("minisign").args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn what_the_tool_of_this_machine_signs_is_approved() {
    // tests/setup.sh installs it where it can; the signatures of tests/signed were made by it, and count everywhere.
    if minisign().is_none() {
        return;
    }
    let desk = Desk::new();
    desk.module("acme.wasm", ACME);
    let folder = desk.path("");
    tool(&folder, &["-G", "-W", "-p", "key.pub", "-s", "key"]);
    tool(&folder, &["-S", "-s", "key", "-m", "acme.wasm", "-t", "rotabox acme 1.3.0"]);
    desk.write("rotabox.toml", signers(&desk.read("key.pub"), ACME_ONLY));
    approve(&desk, &[]).exits(0).says("signature `acme` 1.3.0, by `acme-release`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_hostile_signature_file_is_refused_with_a_message(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let desk = desk();
        desk.write("acme.wasm.minisig", &text);
        let said = approve(&desk, &[]);
        prop_assert_eq!(said.exit, 2, "{}", said.all());
        prop_assert!(said.stderr.starts_with("rotabox: ") && !said.stderr.contains("panicked"), "{}", said.all());
    }
}

#[test]
#[ignore = "makes tests/signed anew, with the minisign tool"]
fn the_signatures_are_made_anew() {
    let folder = signed("");
    std::fs::create_dir_all(&folder).unwrap();
    let keys = tempfile::tempdir().unwrap();
    let key = |name: &str| keys.path().join(name).display().to_string();
    std::fs::write(signed("acme.wasm"), sealed::seal(&rotator(), ACME).unwrap()).unwrap();
    for name in ["a", "b"] {
        tool(keys.path(), &["-G", "-W", "-p", &format!("{name}.pub"), "-s", name]);
    }
    std::fs::copy(keys.path().join("a.pub"), signed("key.pub")).unwrap();
    for (file, by, more) in [
        ("acme.wasm.minisig", "a", &["-t", "rotabox acme 1.2.0"][..]),
        ("other-key.minisig", "b", &["-t", "rotabox acme 1.2.0"]),
        ("as-okta.minisig", "a", &["-t", "rotabox okta 1.2.0"]),
        ("old.minisig", "a", &["-t", "rotabox acme 1.1.9"]),
        ("timestamp.minisig", "a", &[]),
        ("legacy.minisig", "a", &["-l", "-t", "rotabox acme 1.2.0"]),
    ] {
        let _ = std::fs::remove_file(signed(file));
        let secret = key(by);
        tool(&folder, &[&["-S", "-s", &secret, "-m", "acme.wasm", "-x", file], more].concat());
    }
}
