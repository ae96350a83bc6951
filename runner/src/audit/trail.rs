//! One run's way through the log.

use super::chain::Hash;
use super::event::{self, Event};
use super::{Audit, AuditError, Ticket};
use crate::broker::http::redact::Redactor;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Most lines of the rotator that one run's trail takes.
const SAID_LINES: u32 = 200;
/// Most denials that one run's trail takes: one is enough to end a run, and a rotator may ask thousands of times.
const DENIALS: u32 = 50;
/// Most bytes of the lines.
const SAID_BYTES: usize = 64 * 1024;

/// The intent is on the disk (or the operator wants no log): only now may the changing request leave.
#[derive(Debug)]
#[must_use = "a changing request needs it"]
pub struct Intended(());

#[cfg(test)]
impl Intended {
    /// For tests of what comes after.
    pub(crate) fn for_tests() -> Intended {
        Intended(())
    }
}

/// Records the events of one run.
#[derive(Debug)]
pub struct Trail {
    audit: Audit,
    /// Records go nowhere, and are not made.
    off: bool,
    run: String,
    clock: fn() -> Timestamp,
    anchor: Option<Hash>,
    warnings: Vec<String>,
    /// The last record that has yet to be brought to the disk.
    ticket: Option<Ticket>,
    /// Events that could not be recorded.
    unrecorded: u64,
    denials: u32,
    said_lines: u32,
    said_bytes: usize,
    /// Lines of the rotator beyond what is taken.
    said_left_out: u64,
}

impl Trail {
    pub(super) fn new(audit: Audit, run: &str) -> Trail {
        Trail {
            off: audit.is_off(),
            audit,
            run: run.to_owned(),
            clock: Timestamp::now,
            anchor: None,
            warnings: Vec::new(),
            ticket: None,
            unrecorded: 0,
            denials: 0,
            said_lines: 0,
            said_bytes: 0,
            said_left_out: 0,
        }
    }

    /// The log that it is part of.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The operator wants no log: nothing is recorded, and nothing is warned of.
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// The same trail by another clock: for tests.
    pub fn with_clock(mut self, clock: fn() -> Timestamp) -> Trail {
        self.clock = clock;
        self
    }

    /// Records that a changing request is about to leave. On an error it must not.
    pub async fn intend(&mut self, sending: event::Sending, redactor: &Redactor) -> Result<Intended, AuditError> {
        self.record(Event::Intent(sending), redactor)?;
        self.on_disk().await?;
        Ok(Intended(()))
    }

    /// Waits until all that must be on the disk is there, where that is done for many runs at once.
    pub async fn on_disk(&mut self) -> Result<(), AuditError> {
        match self.ticket.take() {
            Some(ticket) => self.audit.on_disk(ticket).await,
            None => Ok(()),
        }
    }

    /// Records an event before anything was changed: on an error, nothing should be. Intents and outcomes are on the disk
    /// when this answers, with all that was written before them; or, in groups, when [`Trail::on_disk`] does.
    pub fn record(&mut self, event: Event, redactor: &Redactor) -> Result<(), AuditError> {
        if self.leaves_out(&event) || self.off {
            return Ok(());
        }
        let event = event.made_safe(redactor);
        let recorded = self.audit.write(self.fields(&event), &event);
        match recorded {
            Ok(recorded) => {
                self.anchor = recorded.anchor.or(self.anchor);
                self.warnings.extend(recorded.warnings);
                self.ticket = recorded.ticket.or(self.ticket);
                Ok(())
            }
            Err(error) => {
                self.unrecorded += 1;
                Err(error)
            }
        }
    }

    /// Records an event whatever comes of it: for everything from the change on. What went wrong is a warning, once.
    pub fn note(&mut self, event: Event, redactor: &Redactor) {
        if let Err(error) = self.record(event, redactor) {
            let warning = format!("the audit log is not complete: {error}");
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// The hash of the last record of this run that is where it will stay, for the result line: whoever keeps it can tell
    /// whether the log still reaches that far.
    pub fn anchor(&self) -> Option<String> {
        self.anchor.map(|hash| hash.to_string())
    }

    /// What the result should warn of.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A rotator that talks without end fills no disk.
    fn leaves_out(&mut self, event: &Event) -> bool {
        if let Event::Denial(_) = event {
            self.denials += 1;
            return self.denials > DENIALS;
        }
        let Event::Said(said) = event else { return false };
        let bytes = self.said_bytes.saturating_add(said.guest.len().min(event::WORDS_MOST));
        if self.said_lines >= SAID_LINES || bytes > SAID_BYTES {
            self.said_left_out += 1;
            return true;
        }
        self.said_lines += 1;
        self.said_bytes = bytes;
        false
    }

    fn fields(&self, event: &Event) -> Map<String, Value> {
        let mut fields = event.fields();
        fields.insert("time".to_owned(), format!("{:.3}", (self.clock)()).into());
        fields.insert("run".to_owned(), self.run.as_str().into());
        if matches!(event, Event::Outcome(_)) {
            let denials_left_out = u64::from(self.denials.saturating_sub(DENIALS));
            let left_out = [("unrecorded", self.unrecorded), ("said_left_out", self.said_left_out)];
            for (name, count) in left_out.into_iter().chain([("denials_left_out", denials_left_out)]) {
                if count > 0 {
                    fields.insert(name.to_owned(), count.into());
                }
            }
        }
        fields
    }
}
