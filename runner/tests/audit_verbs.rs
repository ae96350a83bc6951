//! `audit verify` and `audit export`, as an auditor meets them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod audit_common;

use audit_common::{Log, at_once, nothing, outcome, sending, warning};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Exit code, stdout, stderr.
fn rotabox(args: &[&OsStr]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rotabox")).arg("audit").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn verify(path: &Path, more: &[&str]) -> (i32, String, String) {
    let mut args: Vec<&OsStr> = vec!["verify".as_ref(), path.as_os_str()];
    args.extend(more.iter().map(OsStr::new));
    rotabox(&args)
}

fn a_log_of_two_runs() -> (Log, String) {
    let log = Log::new();
    let mut anchor = None;
    for (run, word, exit) in [("r1", "rotated", 0), ("r2", "unknown", 6)] {
        let mut trail = log.trail(run).with_clock(|| "2026-02-03T04:05:06.789Z".parse().unwrap());
        let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
        trail.note(outcome(word, exit), &nothing());
        anchor = trail.anchor();
    }
    (log, anchor.unwrap())
}

#[test]
fn an_intact_log_is_told_with_its_last_hash() {
    let (log, anchor) = a_log_of_two_runs();
    let at = log.path.display();
    let (code, out, err) = verify(&log.path, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        format!(
            "{at}: intact, 5 records from 2026-02-03T04:05:06.789Z to 2026-02-03T04:05:06.789Z\nlast hash: {anchor}\n\
             without --anchor, an end that was cut off cannot be noticed\n"
        )
    );
    let (code, out, _) = verify(&log.path, &["--anchor", &anchor]);
    assert!(code == 0 && out.ends_with(&format!("anchor {anchor}: line 5\n")), "{out}");
}

#[test]
fn a_broken_log_is_told_with_its_line_and_what_is_wrong() {
    let (log, anchor) = a_log_of_two_runs();
    let text = String::from_utf8(log.bytes()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (bytes, args, line, what) in [
        (text.replacen("\"exit\":6", "\"exit\":0", 1), vec![], 5, "the record was altered"),
        (lines[..3].concat() + lines[4], vec![], 4, "record 3 is missing"),
        ([lines[0], lines[2], lines[1]].concat(), vec![], 2, "record 1 is missing"),
        ([lines[0], lines[1], lines[1]].concat(), vec![], 3, "record 1 is out of order"),
        (lines[..4].concat(), vec!["--anchor", anchor.as_str()], 5, "the end was cut off"),
        (text[..text.len() - 9].to_owned(), vec![], 5, "the last line is cut short"),
        (String::new(), vec![], 1, "the file is empty"),
    ] {
        log.write(&bytes);
        let (code, out, err) = verify(&log.path, &args);
        assert_eq!((code, out.as_str()), (1, ""), "{what}: {err}");
        assert!(err.starts_with(&format!("{}:{line}: broken: ", log.path.display())), "{what}: {err}");
        assert!(err.contains(what), "{err}");
    }
}

#[test]
fn a_file_that_cannot_be_read_and_an_anchor_that_is_none_are_exit_2() {
    let (log, _) = a_log_of_two_runs();
    for (path, args) in [
        (log.folder.path().join("none"), vec![]),
        (log.folder.path().to_owned(), vec![]),
        (log.path.clone(), vec!["--anchor", "abc"]),
    ] {
        let (code, out, err) = verify(&path, &args);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(!err.is_empty());
    }
}

#[test]
fn a_recorded_tear_and_an_older_file_are_told() {
    let (log, _) = a_log_of_two_runs();
    let older = log.records().last().unwrap().hash;
    std::fs::rename(&log.path, log.folder.path().join("audit.jsonl.1")).unwrap();
    log.trail("r3").record(warning("new file"), &nothing()).unwrap();
    log.append("{\"event\":");
    log.trail("r4").record(warning("after the crash"), &nothing()).unwrap();
    let (code, out, _) = verify(&log.path, &[]);
    assert_eq!(code, 0);
    assert!(out.contains(&format!("verify that one with --anchor {older}\n")), "{out}");
    assert!(out.contains("line 3: cut short (9 bytes)"), "{out}");
}

#[test]
fn outcomes_are_exported_as_ocsf_and_nothing_behind_a_broken_line_is() {
    let (log, anchor) = a_log_of_two_runs();
    let export = |class: &str| {
        rotabox(&["export".as_ref(), "--ocsf".as_ref(), log.path.as_os_str(), "--class".as_ref(), class.as_ref()])
    };
    let (code, out, err) = export("account-change");
    assert_eq!((code, err.as_str()), (0, ""));
    let events: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = events.iter().map(|event| (event["type_uid"].as_u64(), event["status_id"].as_u64())).collect();
    assert_eq!(told, [(Some(300_103), Some(1)), (Some(300_103), Some(0))]);
    assert_eq!(events[1]["metadata"]["uid"], anchor);
    assert_eq!(events[0]["user"]["name"], "ada@acme.example");
    let (_, out, _) = export("user-management");
    assert!(out.lines().all(|line| line.contains("\"type_uid\":300708")), "{out}");

    let text = String::from_utf8(log.bytes()).unwrap();
    log.write(text.replace("\"exit\":6", "\"exit\":0"));
    let (code, out, err) = export("account-change");
    assert_eq!((code, out.lines().count()), (1, 1), "{err}");
    assert!(err.contains("altered"), "{err}");
}
