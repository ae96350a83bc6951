//! Several runs and one file: each appends to the same chain. And a disk that has no room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod audit_common;

use audit_common::{Log, at_once, nothing, open, outcome, sending, warning};
use rotabox::audit::AuditError;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Child, Command};

const RUNS: usize = 6;
const EVENTS: usize = 40;

/// Starts one of the tests below as a process of its own, in the log's folder.
fn child(log: &Log, test: &str, before: &str) -> Child {
    std::fs::write(log.folder.path().join("child"), "").unwrap();
    Command::new("/bin/sh")
        .args(["-c", &format!("{before} exec \"$0\" --ignored --exact {test} --test-threads 1")])
        .arg(std::env::current_exe().unwrap())
        .current_dir(log.folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// The log, if this process was started by [`child`].
fn as_child() -> Option<&'static Path> {
    Path::new("child").exists().then_some(Path::new("audit.jsonl"))
}

#[test]
fn runs_at_once_make_one_chain() {
    let log = Log::new();
    let children: Vec<_> = (0..RUNS).map(|_| child(&log, "child_appends", "")).collect();
    // And two in one process, each with a descriptor of its own.
    let threads: Vec<_> = (0..2).map(|_| log.open().unwrap()).collect();
    std::thread::scope(|scope| {
        for audit in threads {
            scope.spawn(move || append_a_run(&mut audit.trail(&format!("{:?}", std::thread::current().id()))));
        }
    });
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut runs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let records = log.records();
    for record in records.iter().filter(|record| record.text("event") != "chain-start") {
        runs.entry(record.text("run").to_owned()).or_default().push(record.text("event").to_owned());
    }
    assert_eq!(runs.len(), RUNS + 2);
    for events in runs.values() {
        assert_eq!(events.len(), EVENTS + 2);
        assert_eq!((events[0].as_str(), events[EVENTS + 1].as_str()), ("intent", "outcome"), "in the order of the run");
    }
    assert_eq!(records.len(), (RUNS + 2) * (EVENTS + 2) + 1, "one beginning, nothing lost");
}

fn append_a_run(trail: &mut rotabox::audit::Trail) {
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    for index in 0..EVENTS {
        trail.record(warning(&index.to_string()), &nothing()).unwrap();
    }
    trail.note(outcome("rotated", 0), &nothing());
    assert!(trail.warnings().is_empty(), "{:?}", trail.warnings());
}

#[test]
#[ignore = "started by runs_at_once_make_one_chain"]
fn child_appends() {
    let Some(path) = as_child() else { return };
    append_a_run(&mut open(path).unwrap().trail(&format!("process-{}", std::process::id())));
}

#[test]
fn a_full_disk_refuses_the_change_before_it_and_only_warns_behind_it() {
    let log = Log::new();
    // Blocks of 512 or 1024 bytes, as the shell likes.
    let mut child = child(&log, "child_fills_the_disk", "ulimit -f 16;");
    assert!(child.wait().unwrap().success(), "the limit's signal did not end it, and all of its checks hold");
    // What did not fit was taken back: the log is whole.
    assert!(log.check(&[]).unwrap().records > 10);
    assert!(log.bytes().len() <= 16 * 1024);
    // With room again, the chain goes on.
    log.trail("after").record(warning("room"), &nothing()).unwrap();
    assert!(log.check(&[]).is_ok());
}

#[test]
#[ignore = "started by a_full_disk_refuses_the_change_before_it_and_only_warns_behind_it"]
fn child_fills_the_disk() {
    let Some(path) = as_child() else { return };
    rotabox::confine::broker_start();
    let mut trail = open(path).unwrap().trail("full");
    let refused =
        (0..1000).find_map(|_| at_once(trail.intend(sending(), &nothing())).err()).expect("the disk has an end");
    assert!(matches!(refused, AuditError::CannotWrite { why: ErrorKind::FileTooLarge, .. }), "{refused}");
    assert!(refused.to_string().contains("rotate it"), "{refused}");
    let anchor = trail.anchor();
    assert!(anchor.is_some());
    // Behind a change: no error, one warning, and the anchor is that of the last record there is.
    for _ in 0..3 {
        trail.note(outcome("rotated", 0), &nothing());
    }
    assert_eq!(trail.warnings().len(), 1);
    assert!(trail.warnings()[0].starts_with("the audit log is not complete"), "{:?}", trail.warnings());
    assert_eq!(trail.anchor(), anchor);
}

#[test]
fn behind_the_walls_of_the_broker_the_log_is_still_written() {
    let log = Log::new();
    assert!(child(&log, "child_behind_the_walls", "").wait().unwrap().success());
    assert_eq!(log.events(), ["chain-start", "intent", "warning", "outcome"]);
}

#[test]
#[ignore = "started by behind_the_walls_of_the_broker_the_log_is_still_written"]
fn child_behind_the_walls() {
    let Some(path) = as_child() else { return };
    let mut enforced = rotabox::confine::broker_start();
    let mut trail = open(path).unwrap().trail("walls");
    rotabox::confine::broker_walls(&mut enforced, &[443]);
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    trail.note(warning("a warning"), &nothing());
    trail.note(outcome("rotated", 0), &nothing());
    assert!(trail.warnings().is_empty(), "{:?}", trail.warnings());
}

#[test]
fn whoever_keeps_the_lock_is_not_waited_for_without_end() {
    let log = Log::with(1);
    let mut trail = log.trail("r1");
    let holder = std::fs::File::open(&log.path).unwrap();
    holder.lock().unwrap();
    let refused = at_once(trail.intend(sending(), &nothing())).unwrap_err();
    assert!(matches!(refused, AuditError::Busy { .. }), "{refused}");
    holder.unlock().unwrap();
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    trail.note(outcome("rotated", 0), &nothing());
    assert_eq!(log.records().last().unwrap().fields["unrecorded"], 1, "the gap is said");
}
