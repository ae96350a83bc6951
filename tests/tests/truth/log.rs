//! What cannot be recorded is not done.

use crate::*;
use serde_json::json;
use std::fs;

/// The host file of the bench with another place for the audit log.
fn with_log(setup: &mut Setup, path: &str) {
    let text = fs::read_to_string(setup.bench.folder().join("rotabox.toml")).unwrap();
    let others = text.lines().filter(|line| !line.starts_with("file = ") && *line != "[audit]");
    let text = format!("[audit]\nfile = {path:?}\n{}\n", others.collect::<Vec<_>>().join("\n"));
    setup.bench.config(&text);
}

#[test]
fn a_log_that_cannot_be_opened_refuses_the_run_before_anything_is_dialled() {
    let full = "/dev/full".to_owned();
    let missing = |setup: &Setup| setup.bench.folder().join("nowhere/audit.jsonl").display().to_string();
    let folder = |setup: &Setup| setup.bench.folder().join("policies").display().to_string();
    for path in [&|_: &Setup| full.clone(), &missing, &folder] as [&dyn Fn(&Setup) -> String; 3] {
        let mut setup = setup();
        let path = path(&setup);
        with_log(&mut setup, &path);
        let ran = setup.run(&RUN);
        assert_eq!(outcome(&ran), (2, "not-started", "as-before"), "{path}: {ran:#?}");
        assert!(first_line(&ran).contains("audit"), "{path}: {ran:#?}");
        assert_eq!(setup.server.connections(), 0, "{path}");
        setup.check_truth(&ran, Some("old"));
    }
}

#[test]
fn a_disk_without_room_for_the_intent_refuses_the_change_and_without_room_for_the_outcome_only_warns() {
    // where the intent of a run ends in the log, by a run with room
    let (first, path) = with_own_log();
    assert_eq!(through_shell(&first, "", "").0, 0);
    let log = fs::read_to_string(&path).unwrap();
    let (mut intent, mut at) = (0, 0);
    for line in log.lines() {
        at += line.len() + 1;
        if line.contains("\"event\":\"intent\"") {
            intent = at;
        }
    }
    assert!(intent > 0, "{log}");

    let blocks = (intent - 1) / 512; // `ulimit -f` counts in blocks of 512 bytes
    let (setup, _log) = with_own_log();
    let (code, stdout, stderr) = through_shell(&setup, &format!("ulimit -f {blocks};"), "");
    let said = result(&stdout);
    assert_eq!(
        (code, said["outcome"].as_str(), said["live"].as_str()),
        (1, Some("unchanged"), Some("old")),
        "{stderr}"
    );
    assert!(stderr.lines().next().unwrap().contains("audit"), "{stderr}");
    assert_eq!(setup.server.changing(), 0, "{:#?}", setup.server.lines());
    assert_eq!(setup.live().as_deref(), Some(OLD));

    let (setup, _log) = with_own_log();
    let (code, stdout, stderr) = through_shell(&setup, &format!("ulimit -f {};", intent.div_ceil(512)), "");
    let said = result(&stdout);
    assert_eq!((code, said["outcome"].as_str(), said["live"].as_str()), (0, Some("rotated"), Some("new")), "{stderr}");
    assert!(stderr.contains("warning: the audit log is not complete"), "{stderr}");
    assert_ne!(setup.live().as_deref(), Some(OLD));
}

/// A setup whose log is at a place of ours.
fn with_own_log() -> (Setup, std::path::PathBuf) {
    let mut setup = Setup::with("truth", json!({}), json!({}));
    let path = setup.bench.folder().join("log.jsonl");
    with_log(&mut setup, path.to_str().unwrap());
    (setup, path)
}
