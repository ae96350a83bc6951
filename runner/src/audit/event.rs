//! What is recorded. Plain values: each is one JSON object, tagged by `event`.
//!
//! | event | when | on the disk before the run goes on |
//! | --- | --- | --- |
//! | `run-start` | page, policy and params are bound | with the intent |
//! | `intent` | a changing request is about to leave | yes |
//! | `request` | an answer was judged, or there was none | |
//! | `denial` | the rotator asked for what page or policy refuse | |
//! | `limit` | a quota or a deadline ended something | |
//! | `trap` | the rotator's instance was stopped | |
//! | `said` | a line of the rotator's own log | |
//! | `warning` | what is worth a warning in the result | |
//! | `outcome` | the end of the run | yes |
//! | `chain-start`, `chain-break` | written by the log itself | with the next one that is |
//!
//! Names only: no URL path, query, header, value or body has a place here. What comes from outside (a provider's words, a
//! rotator's, a vault's, a name the rotator made up) passes the run's redactor, and is escaped and cut.

use super::chain::{Hash, Record};
use crate::broker::http::redact::Redactor;
use crate::confine::Enforced;
use crate::native::Native;
use crate::page::Step;
use crate::report::escape::escape;
use crate::report::result::Limits;
use crate::wire::Level;
use serde::Serialize;
use serde_json::{Map, Value};

/// Most characters of one text.
pub const WORDS_MOST: usize = 1024;
/// Most entries of one list, and most characters of each: hosts.
pub const LIST_MOST: usize = 32;
const HOST_MOST: usize = 256;

/// One event of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// What will run, under which rules and behind which walls.
    RunStart(Box<RunStart>),
    /// A changing request is about to leave. Only [`super::Trail::intend`] records it.
    Intent(Sending),
    /// A request came to this.
    Request(Request),
    /// The rotator asked for what page or policy refuse.
    Denial(Denial),
    /// A quota or a deadline ended something.
    Limit(Limit),
    /// The rotator's instance was stopped.
    Trap(Trap),
    /// A line of the rotator's own log.
    Said(Said),
    /// What the result warns of.
    Warning(Warning),
    /// The end.
    Outcome(Box<Outcome>),
}

/// `run-start`
#[derive(Clone, Debug, Serialize)]
pub struct RunStart {
    /// The release of rotabox.
    pub rotabox: &'static str,
    /// `run`, `rehearse` or `verify`.
    pub verb: &'static str,
    /// The policy's name.
    pub policy: String,
    /// sha256 of the policy file.
    pub policy_sha256: String,
    /// The runner's own user could have changed the policy.
    pub policy_self_owned: bool,
    /// The page's name.
    pub rotator: String,
    /// sha256 of the module.
    pub module_sha256: String,
    /// sha256 of the page.
    pub page_sha256: String,
    /// Who approved this module, by the policy's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<String>,
    /// Whose password: the user of the params.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The provider's hosts.
    pub hosts: Vec<String>,
    /// Where the machine code came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
    /// The limits in force.
    pub limits: Limits,
    /// What this process gave up.
    pub walls: Enforced,
}

/// `intent`
#[derive(Clone, Debug, Serialize)]
pub struct Sending {
    /// The step.
    pub step: String,
    /// The route.
    pub route: String,
    /// The method.
    pub method: &'static str,
    /// The provider's host.
    pub host: String,
    /// Whose password.
    pub account: String,
}

/// `request`
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The step, and for verifications of which password: `verify old`.
    pub step: String,
    /// The route.
    pub route: String,
    /// The method.
    pub method: &'static str,
    /// The provider's host.
    pub host: String,
    /// The address that was dialled, with its port: the provider's or the proxy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The broker's verdict, or why there is none.
    pub judged: String,
    /// A changing request.
    pub changes: bool,
    /// How long it took.
    pub milliseconds: u64,
}

/// `denial`
#[derive(Clone, Debug, Serialize)]
pub struct Denial {
    /// The step.
    pub step: String,
    /// What the rotator asked for: its own word.
    pub asked: String,
    /// The rule, as `explain` words it.
    pub reason: String,
    /// The line that refuses it: `okta/page.toml:31`.
    pub line: String,
}

/// `limit`
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// The step; empty before the first.
    pub step: String,
    /// Which: `deadline`, `requests`, `sign-ins`, `answer`, `fuel`, `memory`, …
    pub limit: &'static str,
    /// In words.
    pub reason: String,
}

/// `trap`
#[derive(Clone, Debug, Serialize)]
pub struct Trap {
    /// The step.
    pub step: String,
    /// Why, as the worker says it: untrusted.
    pub guest: String,
}

/// `said`
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// The step.
    pub step: String,
    /// How much it matters, to the rotator.
    pub level: Level,
    /// Its words: untrusted.
    pub guest: String,
}

/// `warning`
#[derive(Clone, Debug, Serialize)]
pub struct Warning {
    /// In words.
    pub reason: String,
}

/// `outcome`
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// `run`, `rehearse` or `verify`.
    pub verb: &'static str,
    /// The outcome's word.
    pub outcome: &'static str,
    /// The exit code.
    pub exit: u8,
    /// The live password: `new`, `old`, `as-before`, `neither`, `unknown`.
    pub live: crate::broker::outcome::Live,
    /// The step whose changing request may have reached the provider, if any did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<Step>,
    /// The route that proved the live password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proved_by: Option<String>,
    /// In words.
    pub reason: String,
    /// The policy's name, or what was asked for.
    pub policy: String,
    /// The page's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotator: Option<String>,
    /// Whose password; none if the params were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The provider's hosts.
    pub hosts: Vec<String>,
    /// Requests sent.
    pub requests: u32,
    /// Warnings of the result.
    pub warnings: u64,
    /// How long the run took.
    pub milliseconds: u64,
}

impl Event {
    /// The run does not go on before this is on the disk, and all that was written before it. A `run-start` need not be waited
    /// for: nothing is changed without an intent, and waiting takes milliseconds. Where there is a
    /// file, these go to the system log too: anchors out of reach of whoever can write the file.
    pub(super) fn is_durable(&self) -> bool {
        matches!(self, Event::Intent(_) | Event::Outcome(_))
    }

    /// Ended badly, for the system log's own severity.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Event::Outcome(outcome) if outcome.exit != 0)
    }

    /// Makes every text safe: redacted, escaped, cut.
    pub(super) fn made_safe(mut self, redactor: &Redactor) -> Event {
        if let Some(hosts) = self.hosts() {
            hosts.truncate(LIST_MOST);
            for host in hosts {
                *host = safe(&redactor.redact(host), HOST_MOST);
            }
        }
        for text in self.texts() {
            *text = safe(&redactor.redact(text), WORDS_MOST);
        }
        self
    }

    /// The members of the record.
    pub(super) fn fields(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            // Every event is a struct of plain fields: this cannot happen, and a test looks at each.
            _ => Map::from_iter([("event".to_owned(), "unwritable".into())]),
        }
    }

    fn hosts(&mut self) -> Option<&mut Vec<String>> {
        match self {
            Event::RunStart(start) => Some(&mut start.hosts),
            Event::Outcome(outcome) => Some(&mut outcome.hosts),
            Event::Intent(_)
            | Event::Request(_)
            | Event::Denial(_)
            | Event::Limit(_)
            | Event::Trap(_)
            | Event::Said(_)
            | Event::Warning(_) => None,
        }
    }

    /// Every other text that is not a word of ours. No `..`: whoever adds a field decides here.
    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Event::RunStart(start) => {
                let RunStart {
                    rotabox: _,
                    verb: _,
                    policy,
                    policy_sha256: _,
                    policy_self_owned: _,
                    rotator,
                    module_sha256: _,
                    page_sha256: _,
                    native: _,
                    approved_by,
                    approved_at: _,
                    account,
                    hosts: _,
                    limits: _,
                    walls: _,
                } = &mut **start;
                [policy, rotator].into_iter().chain(approved_by).chain(account).collect()
            }
            Event::Intent(Sending { step, route, method: _, host, account }) => vec![step, route, host, account],
            Event::Request(Request {
                step,
                route,
                method: _,
                host,
                peer,
                status: _,
                judged,
                changes: _,
                milliseconds: _,
            }) => [step, route, host, judged].into_iter().chain(peer).collect(),
            Event::Denial(Denial { step, asked, reason, line }) => vec![step, asked, reason, line],
            Event::Limit(Limit { step, limit: _, reason }) => vec![step, reason],
            Event::Trap(Trap { step, guest }) => vec![step, guest],
            Event::Said(Said { step, level: _, guest }) => vec![step, guest],
            Event::Warning(Warning { reason }) => vec![reason],
            Event::Outcome(outcome) => {
                let Outcome {
                    verb: _,
                    outcome: _,
                    exit: _,
                    live: _,
                    changed_by: _,
                    proved_by,
                    reason,
                    policy,
                    rotator,
                    account,
                    hosts: _,
                    requests: _,
                    warnings: _,
                    milliseconds: _,
                } = &mut **outcome;
                [reason, policy].into_iter().chain(proved_by).chain(rotator).chain(account).collect()
            }
        }
    }
}

/// Escaped and cut. A text that was escaped before stays as it is.
fn safe(text: &str, most: usize) -> String {
    escape(text, most).replace("\\u{5c}u{", "\\u{")
}

/// `chain-start`: the first record of a file.
pub(super) fn chain_start(continues: Option<Hash>) -> Map<String, Value> {
    let mut fields = Map::from_iter([("event".to_owned(), "chain-start".into())]);
    if let Some(hash) = continues {
        fields.insert("continues".to_owned(), hash.to_string().into());
    }
    fields
}

/// `chain-break`: what stands before it is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Break {
    /// The line had no end: a crash, a full disk. Otherwise it is whole, and was altered.
    pub(super) torn: bool,
    /// From the end of the last record that can be read, without a newline at the end.
    pub(super) bytes: u64,
    /// Of those bytes.
    pub(super) sha256: Hash,
}

const TORN: &str = "torn";
const ALTERED: &str = "altered";

impl Break {
    pub(super) fn fields(self) -> Map<String, Value> {
        Map::from_iter([
            ("event".to_owned(), "chain-break".into()),
            ("found".to_owned(), if self.torn { TORN } else { ALTERED }.into()),
            ("bytes".to_owned(), self.bytes.into()),
            ("sha256".to_owned(), self.sha256.to_string().into()),
        ])
    }
}

/// The break that this record is about, if it is one.
pub(super) fn recorded_break(record: &Record) -> Option<Break> {
    if record.text("event") != "chain-break" {
        return None;
    }
    // A break that cannot be understood matches no bytes.
    Some(Break {
        torn: record.text("found") == TORN,
        bytes: record.fields.get("bytes").and_then(Value::as_u64).unwrap_or(0),
        sha256: Hash::parse(record.text("sha256")).unwrap_or(Hash::NONE),
    })
}

#[cfg(test)]
mod tests;
