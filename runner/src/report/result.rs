//! The result: one JSON line on stdout for machines, and a few lines on stderr for people, of which the first says what
//! happened and what to do. Neither carries a secret, a body or a query string.

use crate::audit::Trail;
use crate::audit::event::{self, Event};
use crate::broker::http::redact::Redactor;
use crate::broker::ledger::{Entry, Ledger};
use crate::broker::outcome::{Live, Outcome};
use crate::confine::Enforced;
use crate::native::Native;
use crate::page::Step;
use crate::policy::file;
use crate::policy::find::Found;
use crate::wire::Level;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// The version of the result line. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;
/// Room for a result line that is usual.
const LINE_BYTES: usize = 3 * 1024;
/// Most bytes for people. A gateway may read stderr only after stdout has ended, and a pipe holds 64 KiB: more would make each wait
/// for the other, for ever.
const WORDS_BYTES: usize = 32 * 1024;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Rotate.
    Run,
    /// Everything but the change.
    Rehearse,
    /// One sign-in.
    Verify {
        /// With the new password.
        new: bool,
    },
}

impl Verb {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Run => "run",
            Verb::Rehearse => "rehearse",
            Verb::Verify { .. } => "verify",
        }
    }
}

/// What `rehearse` and `verify` come to.
#[derive(Debug)]
pub enum Checked {
    /// Exit 0.
    Good(String),
    /// Refused or unmet: exit 1.
    Refused(String),
    /// Exit 3.
    Denied(String),
    /// Exit 6.
    CannotTell(String),
}

/// The end of any of the three verbs.
#[derive(Debug)]
pub enum Said {
    /// Of `run`; `not-started` of all.
    Outcome(Outcome),
    /// Of `rehearse` and `verify`.
    Checked(Checked),
}

/// The limits that were in force.
#[derive(Clone, Debug, Serialize)]
pub struct Limits {
    deadline_seconds: u64,
    compile_seconds: u64,
    requests: u32,
    memory_mib: u64,
    fuel: u64,
    answer_kib: usize,
}

impl Limits {
    /// The effective limits of a policy.
    pub fn of(limits: &file::Limits) -> Limits {
        Limits {
            deadline_seconds: limits.deadline.as_secs(),
            compile_seconds: limits.compile.as_secs(),
            requests: limits.requests,
            memory_mib: limits.memory_bytes >> 20,
            fuel: limits.fuel,
            answer_kib: limits.answer_bytes >> 10,
        }
    }
}

/// What holds in which process. Only what was really done.
#[derive(Clone, Debug, Serialize)]
pub struct Walls {
    /// The process with the secrets and the network.
    pub broker: Enforced,
    /// The process with the rotator; none if it did not get as far as being ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<Enforced>,
}

impl Walls {
    /// The first wall that is missing, in words that fit into a sentence.
    pub fn missing(&self) -> Option<String> {
        let worker = self.worker.as_ref().and_then(Enforced::missing).map(|missing| format!("in the worker {missing}"));
        self.broker.missing().or(worker)
    }
}

/// The result line. Field order is part of it.
#[derive(Serialize)]
pub struct RunResult {
    version: u32,
    /// The number of its line in a batch, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    run: String,
    verb: &'static str,
    outcome: &'static str,
    exit: u8,
    live: Live,
    #[serde(skip_serializing_if = "Option::is_none")]
    proved_by: Option<String>,
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    advice: String,
    policy: String,
    /// `self-owned` if the runner's own user could have changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_owner: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotator: Option<String>,
    hosts: Vec<String>,
    requests: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_sha256: Option<String>,
    /// Where the machine code came from; none if nothing was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<Native>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    walls: Walls,
    /// The hash of this run's last record in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_anchor: Option<String>,
    milliseconds: u64,
    #[serde(skip)]
    log: Vec<(String, Level, String)>,
    /// Who approved the module and when, for the audit log.
    #[serde(skip)]
    approved: Option<(String, String)>,
    #[serde(skip)]
    redactor: Option<Redactor>,
    #[serde(skip)]
    account: Option<String>,
    #[serde(skip)]
    sent: u32,
    #[serde(skip)]
    changed_by: Option<Step>,
}

impl RunResult {
    /// A result that says nothing yet.
    pub fn new(verb: Verb, what: &str, broker: Enforced) -> RunResult {
        RunResult {
            version: VERSION,
            line: None,
            run: run_id(),
            verb: verb.as_str(),
            outcome: "bug",
            exit: 70,
            live: Live::Unknown,
            proved_by: None,
            reason: String::new(),
            advice: String::new(),
            policy: super::escape::escape(what, 256),
            policy_owner: None,
            rotator: None,
            hosts: Vec::new(),
            requests: Vec::new(),
            warnings: Vec::new(),
            module_sha256: None,
            page_sha256: None,
            policy_sha256: None,
            native: None,
            limits: None,
            walls: Walls { broker, worker: None },
            audit_anchor: None,
            milliseconds: 0,
            log: Vec::new(),
            approved: None,
            redactor: None,
            account: None,
            sent: 0,
            changed_by: None,
        }
    }

    /// Of a line of a batch.
    #[must_use]
    pub fn of_line(mut self, number: u64) -> RunResult {
        self.line = Some(number);
        self
    }

    /// Takes what was found in the policy folder.
    pub fn found(&mut self, found: &Found) {
        self.policy.clone_from(&found.name);
        self.policy_owner = found.self_owned.then_some("self-owned");
        self.rotator = Some(found.page.name.clone());
        self.module_sha256 = Some(found.module_sha256.clone());
        self.page_sha256 = Some(found.page_sha256.clone());
        self.policy_sha256 = Some(found.policy_sha256.clone());
        self.approved = found.approval().map(|approval| (approval.by.clone(), approval.at.clone()));
    }

    /// Takes where the machine code came from.
    pub fn native(&mut self, native: Native) {
        self.native = Some(native);
    }

    /// Takes the limits in force.
    pub fn limits(&mut self, limits: Limits) {
        self.limits = Some(limits);
    }

    /// Takes the provider's hosts.
    pub fn hosts(&mut self, hosts: &[String]) {
        self.hosts = hosts.to_vec();
    }

    /// What holds in both processes.
    pub fn walls(&mut self) -> &mut Walls {
        &mut self.walls
    }

    /// Takes the book, warnings and the rotator's words; all of it is redacted once more.
    pub fn take(&mut self, ledger: &Ledger, warnings: &[String], log: &[(String, Level, String)], redactor: Redactor) {
        self.requests = ledger.entries().to_vec();
        self.sent = ledger.requests();
        self.changed_by = ledger.changed_by();
        for entry in &mut self.requests {
            entry.judged = redactor.redact(&entry.judged);
        }
        self.warnings = warnings.iter().map(|warning| redactor.redact(warning)).collect();
        self.log = log.iter().map(|(step, level, text)| (step.clone(), *level, redactor.redact(text))).collect();
        self.redactor = Some(redactor);
    }

    /// Takes the end of the run.
    pub fn conclude(&mut self, said: Said, took: Duration) {
        match said {
            Said::Outcome(outcome) => {
                self.outcome = outcome.word();
                self.exit = outcome.exit();
                self.live = outcome.live();
                self.proved_by = outcome.proved_by().map(str::to_owned);
                self.reason = outcome.reason().to_owned();
                self.advice = outcome.advice().to_owned();
            }
            Said::Checked(checked) => {
                let (word, exit, reason) = match checked {
                    Checked::Good(reason) => ("good", 0, reason),
                    Checked::Refused(reason) => ("refused", 1, reason),
                    Checked::Denied(reason) => ("denied", 3, reason),
                    Checked::CannotTell(reason) => ("cannot-tell", 6, reason),
                };
                self.outcome = word;
                self.exit = exit;
                self.live = Live::AsBefore;
                self.reason = reason;
            }
        }
        if let Some(redactor) = &self.redactor {
            self.reason = redactor.redact(&self.reason);
        }
        self.milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    }

    /// What cuts this run's secrets out of a text, if it got as far as knowing any.
    pub fn redactor(&self) -> Option<&Redactor> {
        self.redactor.as_ref()
    }

    /// The run's id.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The first record of the audit log: what is about to run.
    pub fn begins(&mut self, account: &str) -> event::RunStart {
        self.account = Some(account.to_owned());
        event::RunStart {
            rotabox: env!("CARGO_PKG_VERSION"),
            verb: self.verb,
            policy: self.policy.clone(),
            policy_sha256: self.policy_sha256.clone().unwrap_or_default(),
            policy_self_owned: self.policy_owner.is_some(),
            rotator: self.rotator.clone().unwrap_or_default(),
            module_sha256: self.module_sha256.clone().unwrap_or_default(),
            page_sha256: self.page_sha256.clone().unwrap_or_default(),
            approved_by: self.approved.as_ref().map(|(by, _)| by.clone()),
            approved_at: self.approved.as_ref().map(|(_, at)| at.clone()),
            account: self.account.clone(),
            hosts: self.hosts.clone(),
            native: self.native,
            limits: self.limits.clone().unwrap_or_else(|| Limits::of(&file::Limits::default())),
            walls: self.walls.broker.clone(),
        }
    }

    /// The last record of the audit log, and what the log has to say to this result.
    pub fn record(&mut self, trail: &mut Trail) {
        if trail.is_off() {
            return;
        }
        let outcome = event::Outcome {
            verb: self.verb,
            outcome: self.outcome,
            exit: self.exit,
            live: self.live,
            changed_by: self.changed_by,
            proved_by: self.proved_by.clone(),
            reason: self.reason.clone(),
            policy: self.policy.clone(),
            rotator: self.rotator.clone(),
            account: self.account.clone(),
            hosts: self.hosts.clone(),
            requests: self.sent,
            warnings: u64::try_from(self.warnings.len()).unwrap_or(u64::MAX),
            milliseconds: self.milliseconds,
        };
        let nothing = Redactor::new([]);
        trail.note(Event::Outcome(Box::new(outcome)), self.redactor.as_ref().unwrap_or(&nothing));
        self.audit_anchor = trail.anchor();
        self.warnings.extend(trail.warnings().iter().cloned());
    }

    /// One more warning, when everything else is said.
    pub fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// The outcome's word.
    pub fn outcome(&self) -> &'static str {
        self.outcome
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        self.exit
    }

    /// The JSON line, with its newline.
    pub fn line(&self) -> String {
        let mut line = Vec::with_capacity(LINE_BYTES);
        let written = serde_json::to_writer(&mut line, self).ok().and_then(|()| String::from_utf8(line).ok());
        let mut line = written.unwrap_or_else(|| {
            format!("{{\"version\":{VERSION},\"outcome\":\"bug\",\"exit\":{},\"reason\":\"the result could not be written\"}}", self.exit)
        });
        line.push('\n');
        line
    }

    /// The lines for people: at most some [`WORDS_BYTES`]. The first one says what happened and what to do.
    pub fn words(&self) -> String {
        let mut text = format!("rotabox: {}: {}", self.outcome, self.reason);
        if !self.advice.is_empty() {
            // A diagnostic is several lines; the advice goes on the first.
            match text.split_once('\n') {
                Some((first, rest)) => text = format!("{first}; {}\n{rest}", self.advice),
                None => {
                    let _ = write!(text, "; {}", self.advice);
                }
            }
        }
        text.push('\n');
        let mut left_out = 0_usize;
        let mut add = |line: String| {
            if text.len().saturating_add(line.len()) < WORDS_BYTES {
                text.push_str(&line);
            } else {
                left_out += 1;
            }
        };
        for entry in &self.requests {
            let status = entry.status.map_or_else(|| "   ".to_owned(), |status| status.to_string());
            add(format!(
                "  {:<10} {:<6} {:<20} {status} {} ({} ms)\n",
                entry.step, entry.method, entry.route, entry.judged, entry.milliseconds
            ));
        }
        for warning in &self.warnings {
            add(format!("warning: {warning}\n"));
        }
        if self.policy_owner.is_some() {
            add("warning: policy: self-owned; the runner's own user can change it, so it binds nobody\n".to_owned());
        }
        for (step, level, line) in &self.log {
            add(format!("rotator| {step}: {}: {line}\n", level_word(*level)));
        }
        if left_out > 0 {
            let are = if left_out == 1 { "is" } else { "are" };
            let _ = writeln!(text, "{} {are} left out", super::counted(left_out, "more line"));
        }
        text
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// A random id: 16 hex digits.
fn run_id() -> String {
    let mut bytes = [0_u8; 8];
    // Without randomness the id is zero: it names a run, and protects nothing.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}
