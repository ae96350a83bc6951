//! `doctor`: what is in order, and what is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, BLIND, Desk, Said};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

fn doctor(desk: &Desk, args: &[&str]) -> Said {
    let args: Vec<&str> = ["doctor", "--policies", "policies"].iter().chain(args).copied().collect();
    let said = desk.run(&args);
    assert_eq!(said.stderr, "", "{}", said.all());
    let marks = ["ok    ", "warn  ", "FAIL  ", "      "];
    for line in said.stdout.lines() {
        assert!(marks.iter().any(|mark| line.starts_with(mark)), "{line:?}");
        // A line of a file is shown as it is.
        assert!(line.starts_with("     ") || line.chars().count() <= 100, "{line}");
    }
    assert_eq!(said.stdout.contains("FAIL  "), said.exit == 1, "{}", said.all());
    said
}

fn acme() -> Desk {
    let desk = Desk::new();
    desk.approve_acme();
    desk
}

#[test]
fn a_host_in_order_has_nothing_that_fails() {
    let desk = acme();
    let said = doctor(&desk, &[]).exits(0);
    let said = said.says("ok policies 1 in policies").says("ok acme-prod rotator `acme`, module");
    let said = said.says("accepted and compiled; verifies, changes, reconciles").says("ok worker starts and answers");
    said.says("root certificates, compiled in; no proxy").says("ok clock 20").says("walls");
    doctor(&desk, &["acme-prod"]).exits(0).says("ok acme-prod");
    doctor(&desk, &["acme.wasm"]).exits(0).says("ok acme.wasm");
}

#[test]
fn a_module_without_native_code_is_named_until_it_is_compiled() {
    let desk = acme();
    desk.write("rotabox.toml", format!("[native]\nstore = \"{}\"\n", desk.path("native").display()));
    let with = |args: &[&str]| doctor(&desk, &[&["--config", "rotabox.toml"], args].concat()).exits(0);
    with(&[]).says("warn acme-prod no native code is in the store").says("run `rotabox compile acme-prod` as root");
    let compile = ["compile", "--policies", "policies", "--config", "rotabox.toml"];
    desk.run(&compile).exits(0).says("acme-prod: module").says("compiled in");
    with(&[]).says("ok acme-prod native code is in the store").does_not_say("no native code");
    let entry = std::fs::read_dir(desk.path("native")).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(&entry, Permissions::from_mode(0o666)).unwrap();
    with(&[]).says("warn acme-prod its native code is not used").says("chmod go-w");
}

#[test]
fn what_cannot_be_compiled_is_said_and_the_rest_is_compiled() {
    let desk = acme();
    desk.write("policies/broken.toml", "version = ");
    let compile = ["compile", "--policies", "policies", "--store", "store"];
    desk.run(&compile).exits(1).says("acme-prod: module").says("rotabox: broken:");
    desk.run(&[&compile[..], &["acme-prod"]].concat()).exits(0).says("is in the store already");
    desk.run(&[&compile[..], &["acme-prod", "--force"]].concat()).exits(0).says("compiled in");
    desk.run(&[&compile[..], &["none"]].concat()).exits(1).says("there is no policy");
    desk.run(&["compile", "--policies", "none"]).exits(2).says("there is no policy folder");
    desk.write("file", "");
    desk.run(&["compile", "acme.wasm", "--store", "file/store"]).exits(1).says("cannot be written");
}

#[test]
fn a_folder_without_policies_is_a_warning_and_none_at_all_a_failure() {
    let desk = Desk::new();
    doctor(&desk, &[]).exits(1).says("FAIL policies there is no policy folder");
    std::fs::create_dir(desk.path("policies")).unwrap();
    doctor(&desk, &[]).exits(0).says("warn policies policies has none yet; write one with `rotabox approve MODULE`");
    doctor(&desk, &["acme-prod"]).exits(1).says("there is no policy");
}

#[test]
fn each_thing_that_is_wrong_with_a_policy_is_named_with_its_fix() {
    let desk = acme();
    let good = desk.read("policies/acme-prod.toml");
    for (from, to, words) in [
        ("version = 1", "version = 2", "a version that this runner does not read"),
        ("title = \"Acme \\\"API\\\"\"\n", "", "does not say which vault record"),
        ("[account]\n", "[acount]\n", "acount"),
        ("allow = [\"*@svc.acme.example\"]\n", "", "allow"),
        ("off = [\"tell\"]", "off = [\"find\"]", "does not let route `find` be switched off"),
        ("acme.wasm\"", "other.wasm\"", "other.wasm"),
    ] {
        assert!(good.contains(from), "{from}");
        desk.write("policies/acme-prod.toml", good.replace(from, to));
        doctor(&desk, &[]).exits(1).says("FAIL acme-prod").says(words);
    }
    desk.write("policies/acme-prod.toml", &good);
    desk.module("acme.wasm", &ACME.replace("Accounts", "Acounts"));
    doctor(&desk, &[]).exits(1).says("is not the one that was approved").says("rotabox approve");
}

#[test]
fn one_bad_policy_does_not_hide_the_others() {
    let desk = acme();
    desk.write("policies/broken.toml", "version = ");
    let said = doctor(&desk, &[]).exits(1).says("ok acme-prod").says("FAIL broken");
    let caret = said.stdout.lines().position(|line| line.trim() == "^").expect("a caret");
    assert!(said.stdout.lines().nth(caret - 1).unwrap().contains("version = "), "{}", said.stdout);
    doctor(&desk, &["acme-prod"]).exits(0).does_not_say("broken");
}

#[test]
fn files_that_others_could_write_fail() {
    let desk = acme();
    std::fs::set_permissions(desk.path("policies/acme-prod.toml"), Permissions::from_mode(0o666)).unwrap();
    doctor(&desk, &[]).exits(1).says("FAIL acme-prod").says("chmod go-w");
    std::fs::set_permissions(desk.path("policies/acme-prod.toml"), Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(desk.path("policies"), Permissions::from_mode(0o777)).unwrap();
    doctor(&desk, &[]).exits(1).says("FAIL acme-prod").says("chmod go-w");
}

#[test]
fn a_page_that_cannot_verify_fails_unless_that_is_accepted() {
    let desk = Desk::new();
    desk.module("blind.wasm", BLIND);
    let mut args = vec!["approve", "blind.wasm", "--policies", "policies", "--name", "blind", "--record", "api=uid:u"];
    args.extend(["--host", "api=a.example", "--allow", "*", "--accept", "free-account", "--unverified", "refuse"]);
    desk.run(&args).exits(0);
    doctor(&desk, &[]).exits(1).says("the page has no verify route, so no run begins");
}

#[test]
fn the_host_file_and_what_it_names_are_looked_at() {
    let desk = acme();
    let with = |text: &str| {
        desk.write("rotabox.toml", text);
        doctor(&desk, &["--config", "rotabox.toml"])
    };
    with("version = 1\n").exits(0).says("ok host file rotabox.toml, 0 address openings");
    with("version = 1\n[network]\nprxy = \"http://x\"\n").exits(1).says("FAIL host file").says("proxy");
    let openings = "[[network.open]]\nhost = \"git.corp.example\"\nnetwork = \"10.20.0.0/16\"\n";
    let proxy = format!("version = 1\n[network]\nproxy = \"http://proxy.corp.example:3128\"\n{openings}");
    with(&proxy).exits(0).says("1 address opening, 0 signers").says("proxy proxy.corp.example:3128");
    let ca = |name: &str| format!("version = 1\n[network]\nca = \"{}\"\n", desk.path(name).display());
    with(&ca("none.pem")).exits(1).says("FAIL network");
    desk.write("empty.pem", "nothing");
    with(&ca("empty.pem")).exits(1).says("FAIL network");
    let key = rcgen::generate_simple_self_signed(["corp.example".to_owned()]).unwrap();
    desk.write("ca.pem", key.cert.pem());
    with(&ca("ca.pem")).exits(0).says("compiled in and those of");
    with(&format!("{}roots = \"none\"\n", ca("ca.pem"))).exits(0).says("ok network 1 root certificate, of `ca` only");
    let said = doctor(&desk, &["--config", "none.toml"]).exits(1).says("FAIL host file");
    said.says("warn audit not known: the host file").does_not_say("no log is kept");
}

#[test]
fn the_audit_log_is_looked_at_and_not_made() {
    let desk = acme();
    let file = desk.path("audit.jsonl");
    let config = |path: &std::path::Path| {
        desk.write("rotabox.toml", format!("version = 1\n[audit]\nfile = \"{}\"\n", path.display()));
        doctor(&desk, &["--config", "rotabox.toml"])
    };
    config(&file).exits(0).says("the first run makes the file");
    assert!(!file.exists());
    config(&desk.path("none/audit.jsonl")).exits(1).says("FAIL audit");
    desk.write("audit.jsonl", "no record\n");
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    config(&file).exits(1).says("FAIL audit").says("holds no audit record");
    desk.write("audit.jsonl", "");
    config(&file).exits(0).says("ok audit").says("it has no record yet");
}

#[test]
fn an_audit_log_whose_end_is_broken_is_a_warning() {
    let desk = acme();
    let file = desk.path("audit.jsonl");
    desk.write("rotabox.toml", format!("version = 1\n[audit]\nfile = \"{}\"\n", file.display()));
    // Each run that does not begin leaves its records.
    for _ in 0..2 {
        desk.run(&["run", "acme-prod", "--policies", "policies", "--config", "rotabox.toml"]).exits(2);
    }
    let look = || doctor(&desk, &["--config", "rotabox.toml"]).exits(0);
    let whole = desk.read("audit.jsonl");
    let count = whole.lines().count();
    look().says(&format!("its last {count} records are one unbroken chain (all of it: `rotabox audit verify"));
    desk.write("audit.jsonl", whole.replacen("acme-prod", "acme-prox", 1));
    look().says("warn audit").says("the record was altered").says("`rotabox audit verify");
    let less: String =
        whole.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| format!("{line}\n")).collect();
    desk.write("audit.jsonl", less);
    look().says("warn audit").says("record 1 is missing before this one");
    desk.run(&["audit", "verify", "audit.jsonl"]).exits(1).says("record 1 is missing before this one");
    desk.write("audit.jsonl", whole.trim_end());
    look().says("warn audit").says("the last line is cut short");
}

#[test]
fn a_hostile_policy_or_page_cannot_reach_the_terminal() {
    let desk = acme();
    desk.write("policies/evil.toml", "version = 1\nx\u{202e}y = \"\u{1b}[2J\"\n");
    let said = doctor(&desk, &[]).exits(1);
    let harmless = |character: char| character == '\n' || (!character.is_control() && character != '\u{202e}');
    assert!(said.stdout.chars().all(harmless), "{}", said.stdout);
}
