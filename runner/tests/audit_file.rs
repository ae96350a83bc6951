//! The audit file: what it takes, what it refuses, and what it makes of a file that was damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod audit_common;

use audit_common::{Log, at_once, nothing, open, outcome, said, sending, warning};
use rotabox::audit::chain::{self, Hash};
use rotabox::audit::event::{self, Event};
use rotabox::audit::verify::{Broken, What};
use rotabox::audit::{Audit, AuditError};
use rotabox::broker::http::redact::Redactor;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

#[test]
fn a_run_leaves_one_chain_whose_last_hash_is_the_anchor() {
    let log = Log::new();
    let mut trail = log.trail("r1").with_clock(|| "2026-02-03T04:05:06.7891Z".parse().unwrap());
    let intended = at_once(trail.intend(sending(), &nothing())).unwrap();
    trail.note(warning("a warning"), &nothing());
    trail.note(outcome("rotated", 0), &nothing());
    drop(intended);
    assert_eq!(log.events(), ["chain-start", "intent", "warning", "outcome"]);
    let records = log.records();
    assert!(records.iter().all(|record| record.text("run") == "r1"));
    assert!(records.iter().all(|record| record.text("time") == "2026-02-03T04:05:06.789Z"), "milliseconds, UTC");
    assert_eq!(trail.anchor().unwrap(), records[3].hash.to_string());
    assert!(trail.warnings().is_empty());
    assert_eq!(log.check(&[&trail.anchor().unwrap()]).unwrap().anchors, [4]);
}

#[test]
fn the_next_run_goes_on_where_the_last_one_ended() {
    let log = Log::with(2);
    log.trail("second").record(warning("more"), &nothing()).unwrap();
    assert_eq!(log.events(), ["chain-start", "warning", "warning", "warning"]);
    assert_eq!(log.records()[3].text("run"), "second");
}

#[test]
fn only_what_is_on_the_disk_is_an_anchor() {
    let log = Log::new();
    let mut trail = log.trail("r1");
    trail.record(warning("not waited for"), &nothing()).unwrap();
    assert_eq!(trail.anchor(), None);
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    let anchor = trail.anchor();
    trail.record(warning("not waited for"), &nothing()).unwrap();
    assert_eq!(trail.anchor(), anchor);
}

#[test]
fn a_log_that_is_off_refuses_nothing_and_has_no_anchor() {
    let mut trail = Audit::off().trail("r1");
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    trail.note(outcome("rotated", 0), &nothing());
    assert_eq!((trail.anchor(), trail.warnings().len()), (None, 0));
}

#[test]
fn the_file_is_made_for_its_owner_alone() {
    let log = Log::with(1);
    assert_eq!(std::fs::metadata(&log.path).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn what_others_could_write_or_exchange_and_what_is_no_file_is_refused() {
    let log = Log::with(1);
    let at = |name: &str| log.folder.path().join(name);
    symlink(&log.path, at("link")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    symlink("/dev/full", at("full")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    for (name, mode) in [("group", 0o620), ("others", 0o602)] {
        std::fs::write(at(name), "").unwrap();
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::fs::write(at("two-names"), "").unwrap();
    std::fs::hard_link(at("two-names"), at("second-name")).unwrap();
    std::fs::create_dir(at("open")).unwrap();
    std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o777)).unwrap();
    for (name, what) in [
        ("link", "it is a link"),
        ("dangling", "it is a link"),
        ("full", "it is a link"),
        ("group", "others may write to it"),
        ("others", "others may write to it"),
        ("two-names", "a hard link"),
        ("open/audit.jsonl", "anyone may write to its folder"),
    ] {
        let error = open(&at(name)).unwrap_err();
        assert!(matches!(error, AuditError::Unsafe { .. }) && error.to_string().contains(what), "{name}: {error}");
    }
    assert!(!at("nowhere").exists(), "nothing is made at the end of a link");
    let error = open(Path::new("/dev/full")).unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
    let error = open(&at("folder")).unwrap_err();
    assert!(matches!(error, AuditError::CannotOpen { why: ErrorKind::IsADirectory, .. }), "{error}");
    // A sticky folder, such as /tmp, may be written by anyone: what is in it stays its owner's.
    std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o1777)).unwrap();
    open(&at("open/audit.jsonl")).unwrap();
}

#[test]
fn a_pipe_in_place_of_the_file_does_not_hold_the_runner() {
    let log = Log::new();
    let made = std::process::Command::new("mkfifo").arg(&log.path).status().unwrap();
    assert!(made.success());
    let error = log.open().unwrap_err();
    assert!(matches!(error, AuditError::Unsafe { .. }), "{error}");
}

#[test]
fn a_folder_that_is_missing_or_cannot_be_written_is_said_with_what_to_do() {
    let log = Log::new();
    let error = open(&log.folder.path().join("none/audit.jsonl")).unwrap_err();
    assert!(error.to_string().contains("make its folder"), "{error}");
    // Not even the superuser makes files there.
    let error = open(Path::new("/sys/audit.jsonl")).unwrap_err();
    let AuditError::CannotOpen { why, .. } = error else { panic!("{error}") };
    assert!(matches!(why, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound), "{why}");
}

#[test]
fn a_file_of_somebody_else_is_not_written_to() {
    for foreign in ["hello\n", "{\"a\":1}\n{\"a\":2}\n", "Jan  1 sshd[1]: x\nJan  1", "no newline at all"] {
        let log = Log::new();
        log.write(foreign);
        std::fs::set_permissions(&log.path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = log.open().unwrap_err();
        assert!(matches!(error, AuditError::NotALog { .. }), "{error}");
        assert_eq!(log.bytes(), foreign.as_bytes());
    }
}

#[test]
fn a_log_of_a_later_release_is_not_written_to() {
    let log = Log::with(1);
    let text = String::from_utf8(log.bytes()).unwrap().replace("\"version\":1", "\"version\":2");
    log.write(&text);
    let error = log.open().unwrap_err();
    assert!(matches!(error, AuditError::Newer { version: 2, .. }), "{error}");
    assert_eq!(log.bytes(), text.as_bytes());
}

#[test]
fn a_line_that_a_crash_cut_short_is_recorded_and_the_chain_goes_on() {
    for torn in [b"{\"event\":\"outc".as_slice(), b"\0\0\0\0", b"\xff", &[b'x'; 200_000]] {
        let log = Log::with(2);
        log.append(torn);
        let before = log.bytes();
        assert!(matches!(log.check(&[]).unwrap_err().what, What::TornEnd { .. }));
        let mut trail = log.trail("after");
        trail.record(warning("go on"), &nothing()).unwrap();
        trail.record(warning("go on"), &nothing()).unwrap();
        assert!(log.bytes().starts_with(&before), "nothing that was there is touched");
        assert_eq!(log.events(), ["chain-start", "warning", "warning", "chain-break", "warning", "warning"]);
        let recorded = &log.records()[3];
        assert_eq!(recorded.text("found"), "torn");
        assert_eq!(recorded.fields["bytes"], torn.len());
        assert_eq!(recorded.text("sha256"), Hash::of(torn).to_string());
        assert_eq!(log.check(&[]).unwrap().torn, [(4, torn.len() as u64)]);
        assert_eq!(trail.warnings().len(), 1);
        assert!(trail.warnings()[0].contains("cut short"), "{:?}", trail.warnings());
    }
}

#[test]
fn the_very_first_record_may_be_cut_short_too() {
    let log = Log::with(1);
    let first = log.bytes();
    log.write(&first[..20]);
    log.trail("after").record(warning("go on"), &nothing()).unwrap();
    assert_eq!(log.events(), ["chain-break", "warning"]);
    assert_eq!(log.check(&[]).unwrap().torn, [(1, 20)]);
}

#[test]
fn a_record_that_lacks_only_its_newline_is_kept() {
    let log = Log::with(2);
    let mut bytes = log.bytes();
    bytes.pop();
    log.write(&bytes);
    log.trail("after").record(warning("go on"), &nothing()).unwrap();
    assert_eq!(log.events(), ["chain-start", "warning", "warning", "warning"]);
}

#[test]
fn an_altered_last_line_is_recorded_and_never_passes() {
    for (from, to) in [("\"reason\":\"1\"", "\"reason\":\"2\""), ("}\n", "}\n\n"), ("}\n", "}\n{\"event\":\"x\"}\n")] {
        let log = Log::with(2);
        let text = String::from_utf8(log.bytes()).unwrap();
        let at = text.rfind(from).unwrap();
        log.write(format!("{}{to}{}", &text[..at], &text[at + from.len()..]));
        let mut trail = log.trail("after");
        trail.record(warning("go on"), &nothing()).unwrap();
        assert!(trail.warnings()[0].contains("altered"), "{:?}", trail.warnings());
        let broken = log.check(&[]).unwrap_err();
        assert_eq!(broken.what, What::AlteredAndRecorded, "{to}: {broken}");
    }
}

#[test]
fn a_cut_behind_the_back_of_a_run_shows_against_its_anchor() {
    let log = Log::new();
    let mut trail = log.trail("r1");
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    let kept = log.bytes();
    trail.note(outcome("rotated", 0), &nothing());
    let anchor = trail.anchor().unwrap();
    log.write(kept);
    assert!(log.check(&[]).is_ok());
    let broken = log.check(&[&anchor]).unwrap_err();
    assert_eq!(broken, Broken { line: 3, what: What::AnchorMissing { anchor: Hash::parse(&anchor).unwrap() } });
    // Nor can the next run hide it.
    log.trail("r2").note(outcome("rotated", 0), &nothing());
    assert!(log.check(&[]).is_ok());
    assert!(log.check(&[&anchor]).is_err());
}

#[test]
fn a_new_file_names_the_last_hash_of_the_one_that_was_rotated_away() {
    for older in ["audit.jsonl.1", "audit.jsonl-20260203"] {
        let log = Log::with(3);
        let last = log.records()[3].hash;
        std::fs::rename(&log.path, log.folder.path().join(older)).unwrap();
        std::fs::write(log.folder.path().join("audit.jsonl.2.gz"), "not a log").unwrap();
        let stamp = std::fs::File::open(log.folder.path().join("audit.jsonl.2.gz")).unwrap();
        stamp.set_modified(std::time::UNIX_EPOCH).unwrap();
        log.trail("after").record(warning("new file"), &nothing()).unwrap();
        assert_eq!(log.check(&[]).unwrap().continues, Some(last), "{older}");
    }
}

#[test]
fn a_file_that_is_emptied_under_a_run_starts_a_chain_that_names_the_old_one() {
    let log = Log::with(1);
    let mut trail = log.trail("r1");
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    log.write("");
    trail.note(outcome("rotated", 0), &nothing());
    let intact = log.check(&[]).unwrap();
    assert_eq!((intact.records, intact.continues.is_some()), (2, true));
}

#[test]
fn a_rotator_that_is_denied_without_end_fills_no_disk() {
    let log = Log::new();
    let mut trail = log.trail("r1");
    for _ in 0..1000 {
        let (step, asked) = ("change".to_owned(), "steal".to_owned());
        let (reason, line) = ("no such route".to_owned(), "page.toml:1".to_owned());
        trail.note(Event::Denial(event::Denial { step, asked, reason, line }), &nothing());
    }
    trail.note(outcome("denied", 3), &nothing());
    assert_eq!(log.events().iter().filter(|event| *event == "denial").count(), 50);
    assert_eq!(log.records().last().unwrap().fields["denials_left_out"], 950);
}

#[test]
fn a_rotator_that_talks_without_end_fills_no_disk() {
    let log = Log::new();
    let mut trail = log.trail("r1");
    for _ in 0..1000 {
        trail.record(said("x"), &nothing()).unwrap();
    }
    trail.note(outcome("rotated", 0), &nothing());
    assert_eq!(log.events().iter().filter(|event| *event == "said").count(), 200);
    assert_eq!(log.records().last().unwrap().fields["said_left_out"], 800);

    let log = Log::new();
    let mut trail = log.trail("r1");
    for _ in 0..1000 {
        trail.record(said(&"x".repeat(1 << 20)), &nothing()).unwrap();
    }
    assert!(log.bytes().len() < 100 * 1024, "{}", log.bytes().len());
}

#[test]
fn what_reaches_the_file_is_redacted_and_one_line() {
    let log = Log::new();
    let redactor = Redactor::new([("new-password", "Tr0ub4dor&3-horse")]);
    let mut trail = log.trail("r1");
    trail.record(said("it is Tr0ub4dor&3-horse\n{\"event\":\"outcome\"}\u{1b}[2J"), &redactor).unwrap();
    let text = String::from_utf8(log.bytes()).unwrap();
    assert!(!text.contains("horse"), "{text}");
    assert!(text.contains("[new-password]"), "{text}");
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| chain::read(format!("{line}\n").as_bytes()).is_ok()));
}
