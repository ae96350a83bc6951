//! No report holds a secret: `explain`, `inspect`, `diff` and `approve` are started where awkward secrets are (a params line on stdin, the
//! environment), and nothing that they write, to a terminal or a file, holds any of them in any form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cli_common::{ACME, ANSWERS, Desk, Said, common};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Secrets that find mistakes: quotes, escapes, percent signs, templates, what looks like a path, a number, an account.
const CANARIES: &[&str] = &[
    "N3w\"pa$s\\w0rd & <é> %41+",
    "{api.token} {{user}}",
    "../../etc/shadow?x=1#f",
    "canary-1234567890-\u{1f511}",
    "svc-1@svc.acme.example.secret",
    "line\nbreak\tcanary",
];

/// Forms in which a secret could stand in a text.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let quoted = toml::Value::String(secret.to_owned()).to_string();
    vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        secret.escape_debug().to_string(),
        secret.escape_default().to_string(),
        secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        percent,
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ]
}

#[track_caller]
fn holds_none(text: &str, what: &str) {
    for secret in CANARIES {
        for form in forms(secret) {
            assert!(!text.contains(&form), "{what} holds {form:?}:\n{text}");
        }
    }
}

/// A params line as the gateway sends it, with these secrets.
fn params(old: &str, new: &str, token: &str) -> String {
    let records = serde_json::json!([
        { "uid": "abc_-123", "title": "App", "password": token },
        { "uid": "u-2", "title": "Acme \"API\"", "url": "https://api.acme.example/", "password": token, "custom": [] },
    ]);
    let line = serde_json::json!({
        "user": "svc-1@svc.acme.example",
        "oldPassword": old,
        "newPassword": new,
        "userRecordUid": "u-1",
        "records": STANDARD.encode(records.to_string()),
    });
    STANDARD.encode(line.to_string())
}

fn explain(desk: &Desk, args: &[&str], params: &str) -> String {
    let mut child = Command::new(common::ROTABOX)
        .args(["explain", "acme-prod", "--policies", "policies"])
        .args(args)
        .current_dir(desk.path(""))
        .env("KEEPER_PARAMS", params)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading: that is its own to decide.
    let _ = child.stdin.take().unwrap().write_all(params.as_bytes());
    let output = child.wait_with_output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn explain_needs_no_params_line_and_says_nothing_of_one_that_is_piped_to_it() {
    let desk = Desk::new();
    desk.approve_acme();
    for (index, secret) in CANARIES.iter().enumerate() {
        let other = CANARIES[(index + 1) % CANARIES.len()];
        let line = params(secret, other, secret);
        for route in ["token", "find", "change", "reset", "sign-in", "tell"] {
            let said = explain(&desk, &["--route", route, "--user", "svc-1@svc.acme.example"], &line);
            assert!(said.contains(route), "{said}");
            holds_none(&said, route);
        }
    }
}

#[test]
fn diff_approve_and_inspect_never_meet_a_secret() {
    // What an author or an operator wrote is shown; what they do not write is not there. An environment full of secrets is the only
    // other place that one could come from.
    let desk = Desk::new();
    desk.module("acme.wasm", ACME);
    desk.module("new.wasm", &ACME.replace("expire = false", "expire = true"));
    let run = |args: &[&str]| {
        let output = Command::new(common::ROTABOX)
            .args(args)
            .current_dir(desk.path(""))
            .env("KEEPER_PASSWORD", CANARIES[0])
            .env("ROTABOX_TOKEN", CANARIES[3])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = Said {
            exit: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        holds_none(&said.all(), args[0]);
        said
    };
    let approve: Vec<&str> = ["approve", "acme.wasm", "--policies", "policies", "--name", "acme-prod"]
        .iter()
        .chain(ANSWERS)
        .copied()
        .collect();
    run(&approve).exits(0);
    run(&["inspect", "acme.wasm"]).exits(0);
    run(&["inspect", "acme.wasm", "--json"]).exits(0);
    run(&["diff", "acme.wasm", "new.wasm"]).exits(1);
    run(&["diff", "acme.wasm", "new.wasm", "--json"]).exits(1);
    run(&["approve", "new.wasm", "--policies", "policies", "--from", "acme-prod", "--accept", "wider"]).exits(0);
    for entry in std::fs::read_dir(desk.path("policies")).unwrap() {
        holds_none(&std::fs::read_to_string(entry.unwrap().path()).unwrap(), "the policy");
    }
}
