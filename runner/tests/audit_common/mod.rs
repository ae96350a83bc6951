//! What the suites of the audit log share.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests; each suite uses a part"
)]

use rotabox::audit::chain::{Hash, Record};
use rotabox::audit::event::{Event, Outcome, Said, Sending, Warning};
use rotabox::audit::verify::{Broken, Intact, verify};
use rotabox::audit::{Audit, AuditError, Settings, Trail};
use rotabox::broker::http::redact::Redactor;
use rotabox::broker::outcome::Live;
use rotabox::page::Step;
use rotabox::wire::Level;
use std::path::{Path, PathBuf};

/// A folder with a log in it.
pub struct Log {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl Log {
    pub fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        Log { folder, path }
    }

    /// A log with these many warnings in it, behind the chain's first record.
    pub fn with(records: usize) -> Log {
        let log = Log::new();
        let mut trail = log.trail("first");
        for index in 0..records {
            trail.record(warning(&index.to_string()), &nothing()).unwrap();
        }
        log
    }

    pub fn open(&self) -> Result<Audit, AuditError> {
        open(&self.path)
    }

    pub fn trail(&self, run: &str) -> Trail {
        self.open().unwrap().trail(run)
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        std::fs::write(&self.path, bytes).unwrap();
    }

    pub fn append(&self, bytes: impl AsRef<[u8]>) {
        self.write([&self.bytes(), bytes.as_ref()].concat());
    }

    pub fn check(&self, anchors: &[&str]) -> Result<Intact, Broken> {
        let anchors: Vec<Hash> = anchors.iter().map(|anchor| Hash::parse(anchor).unwrap()).collect();
        verify(self.bytes().as_slice(), &anchors, |_| ()).unwrap()
    }

    /// Every record; the log must be intact.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        verify(self.bytes().as_slice(), &[], |record| records.push(record.clone())).unwrap().unwrap();
        records
    }

    pub fn events(&self) -> Vec<String> {
        self.records().iter().map(|record| record.text("event").to_owned()).collect()
    }
}

pub fn open(path: &Path) -> Result<Audit, AuditError> {
    Audit::open(&Settings { file: Some(path.to_owned()), syslog: false })
}

pub fn nothing() -> Redactor {
    Redactor::new([])
}

pub fn warning(reason: &str) -> Event {
    Event::Warning(Warning { reason: reason.to_owned() })
}

pub fn said(guest: &str) -> Event {
    Event::Said(Said { step: "change".to_owned(), level: Level::Info, guest: guest.to_owned() })
}

pub fn sending() -> Sending {
    Sending {
        step: "change".to_owned(),
        route: "change-password".to_owned(),
        method: "POST",
        host: "acme.okta.com".to_owned(),
        account: "ada@acme.example".to_owned(),
    }
}

pub fn outcome(outcome: &'static str, exit: u8) -> Event {
    Event::Outcome(Box::new(Outcome {
        verb: "run",
        outcome,
        exit,
        live: Live::New,
        changed_by: Some(Step::Change),
        proved_by: Some("sign-in".to_owned()),
        reason: "the password was changed, and the new one was seen to work".to_owned(),
        policy: "okta-prod".to_owned(),
        rotator: Some("okta".to_owned()),
        account: Some("ada@acme.example".to_owned()),
        hosts: vec!["acme.okta.com".to_owned()],
        requests: 4,
        warnings: 0,
        milliseconds: 812,
    }))
}

/// What is ready at once: without groups, nothing in a trail waits.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
