//! The system log: what it is told, and what happens when nobody listens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod audit_common;

use audit_common::{Log, at_once, nothing, outcome, sending, warning};
use rotabox::audit::chain::{self, Record};
use rotabox::audit::verify::verify;
use rotabox::audit::{Audit, AuditError, Settings};
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// A system log of the test's own.
struct SystemLog {
    socket: UnixDatagram,
}

impl SystemLog {
    fn listen(log: &Log) -> SystemLog {
        let socket = UnixDatagram::bind(path(log)).unwrap();
        socket.set_nonblocking(true).unwrap();
        SystemLog { socket }
    }

    /// Everything it was told so far: (priority, message).
    fn told(&self) -> Vec<(u8, String)> {
        let mut told = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let text = std::str::from_utf8(&buffer[..length]).unwrap();
                    let (priority, rest) = text.strip_prefix('<').unwrap().split_once('>').unwrap();
                    let tag = format!("rotabox[{}]: ", std::process::id());
                    told.push((priority.parse().unwrap(), rest.strip_prefix(&tag).unwrap().to_owned()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return told,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn path(log: &Log) -> PathBuf {
    log.folder.path().join("log")
}

fn audit(log: &Log, file: bool) -> Result<Audit, AuditError> {
    Audit::open_at(&Settings { file: file.then(|| log.path.clone()), syslog: true }, &path(log))
}

fn record(message: &str) -> Record {
    chain::read(format!("{message}\n").as_bytes()).unwrap()
}

#[test]
fn beside_a_file_it_gets_intents_and_outcomes_as_anchors_out_of_reach() {
    let log = Log::new();
    let system = SystemLog::listen(&log);
    let mut trail = audit(&log, true).unwrap().trail("r1");
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    trail.note(warning("for the file only"), &nothing());
    trail.note(outcome("unknown", 6), &nothing());
    let told = system.told();
    let records = log.records();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].0, record(&told[0].1).hash), (85, records[1].hash), "authpriv.notice, the intent");
    assert_eq!((told[1].0, record(&told[1].1).hash), (84, records[3].hash), "authpriv.warning, a bad outcome");
    assert_eq!(trail.anchor().unwrap(), records[3].hash.to_string());
}

#[test]
fn without_a_file_it_gets_everything_and_a_process_has_a_chain_of_its_own() {
    let log = Log::new();
    let system = SystemLog::listen(&log);
    let mut trail = audit(&log, false).unwrap().trail("r1");
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    trail.note(warning("a warning"), &nothing());
    trail.note(outcome("rotated", 0), &nothing());
    let lines: String = system.told().into_iter().map(|(_, message)| message + "\n").collect();
    let mut events = Vec::new();
    let intact = verify(lines.as_bytes(), &[], |record| events.push(record.text("event").to_owned())).unwrap().unwrap();
    assert_eq!(events, ["intent", "warning", "outcome"]);
    assert_eq!(trail.anchor().unwrap(), intact.last.unwrap().hash.to_string());
    assert!(!log.path.exists());
}

#[test]
fn a_system_log_that_is_not_there_is_said_at_once() {
    let error = audit(&Log::new(), true).unwrap_err();
    assert!(matches!(error, AuditError::NoSystemLog { why: ErrorKind::NotFound, .. }), "{error}");
    assert!(error.to_string().contains("mount its socket"), "{error}");
}

#[test]
fn alone_it_refuses_the_change_when_it_is_gone_and_is_used_again_when_it_is_back() {
    let log = Log::new();
    let system = SystemLog::listen(&log);
    let mut trail = audit(&log, false).unwrap().trail("r1");
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    drop(system);
    std::fs::remove_file(path(&log)).unwrap();
    let refused = at_once(trail.intend(sending(), &nothing())).unwrap_err();
    assert!(matches!(refused, AuditError::SystemLogFails { .. }), "{refused}");
    let system = SystemLog::listen(&log);
    trail.note(outcome("unchanged", 1), &nothing());
    assert!(trail.warnings().is_empty(), "{:?}", trail.warnings());
    let last = record(&system.told()[0].1);
    assert_eq!((last.seq, last.fields["unrecorded"].as_u64()), (1, Some(1)), "a record that nobody got leaves no gap");
}

#[test]
fn beside_a_file_a_system_log_that_goes_away_refuses_nothing_and_is_a_warning() {
    let log = Log::new();
    let system = SystemLog::listen(&log);
    let mut trail = audit(&log, true).unwrap().trail("r1");
    drop(system);
    std::fs::remove_file(path(&log)).unwrap();
    let _ = at_once(trail.intend(sending(), &nothing())).unwrap();
    assert!(trail.warnings()[0].contains("took no message"), "{:?}", trail.warnings());
    assert_eq!(log.events(), ["chain-start", "intent"]);
}
