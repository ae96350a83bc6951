//! A cassette: a recorded run, free of secrets. What a rotator asked, what it was told, and how each of its steps ended.
//!
//! Only what crosses the border to the worker is on it, and no secret ever crosses that. What is left could still be
//! somebody's: names of people and places, in values that a page shows. [`tape`] replaces these by stand-ins, so that a
//! cassette can be committed beside the rotator that it tests. No time, port, host or id of a run is on it either: two recordings of
//! the same events are the same bytes.
//!
//! | module | what |
//! | --- | --- |
//! | this one | what is on a cassette |
//! | [`parse`] | a file becomes a [`Cassette`]; strict, each mistake with its place |
//! | [`write`] | a [`Cassette`] becomes a file; the same events, the same bytes |
//! | [`tape`] | records a run |
//! | [`stand_in`] | what is put where a name stood |
//! | [`replay`] | answers a rotator from a cassette, and notes where it does otherwise |
//! | [`place`] | puts the file in place, whole or not at all |

pub mod parse;
pub mod place;
pub mod replay;
pub mod stand_in;
pub mod tape;
pub mod write;

use crate::page::Step;
use crate::wire::{Answer, Level, Problem};

/// The version of the format. It changes when a key changes its meaning or goes away.
pub const VERSION: u64 = 1;
/// Most bytes of a cassette: one of a rotation has some three thousand.
pub const CASSETTE_BYTES: usize = 4 << 20;
/// Most steps: a run has eight at most.
pub const STEPS_MAX: usize = 64;
/// Most events of a step.
pub const EVENTS_MAX: usize = 2_000;

/// What the account is called on a cassette that does not say.
pub const USER: &str = "user@domain.example";

/// A recorded run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cassette {
    /// What was asked for: `run`, `rehearse`, `verify` or `verify new`.
    pub verb: Option<String>,
    /// What it came to, by the broker's word.
    pub outcome: Option<String>,
    /// The user name that the rotator is told.
    pub user: String,
    /// Whether there is an old password.
    pub old_password: bool,
    /// The rotator is given an inert WASI.
    pub inert_wasi: bool,
    /// Record fields that the page shows: (`app.tenant`, value).
    pub texts: Vec<(String, String)>,
    /// What it was recorded with. Not compared with anything.
    pub made: Option<Made>,
    /// The steps, in order.
    pub steps: Vec<TapedStep>,
}

/// What a cassette was recorded with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// rotabox's version.
    pub rotabox: String,
    /// The page's name.
    pub rotator: String,
    /// The module's sha256.
    pub module: String,
    /// The page's sha256.
    pub page: String,
}

/// One step of the rotator.
#[derive(Clone, Debug, PartialEq)]
pub struct TapedStep {
    /// Which.
    pub label: Label,
    /// What it did, in order.
    pub events: Vec<Event>,
    /// How it ended.
    pub ends: End,
}

/// A step, and for a verification of which password. (The rotator is not told which.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Label {
    VerifyOld,
    VerifyNew,
    Change,
    Reconcile,
    Finish,
}

impl Label {
    /// Every label.
    pub const ALL: [Label; 5] = [Label::VerifyOld, Label::VerifyNew, Label::Change, Label::Reconcile, Label::Finish];

    /// The words that results use, too.
    pub fn as_str(self) -> &'static str {
        match self {
            Label::VerifyOld => "verify old",
            Label::VerifyNew => "verify new",
            Label::Change => "change",
            Label::Reconcile => "reconcile",
            Label::Finish => "finish",
        }
    }

    /// The label with these words.
    pub fn parse(words: &str) -> Option<Label> {
        Label::ALL.into_iter().find(|label| label.as_str() == words)
    }

    /// The step that the rotator is asked for.
    pub fn step(self) -> Step {
        match self {
            Label::VerifyOld | Label::VerifyNew => Step::Verify,
            Label::Change => Step::Change,
            Label::Reconcile => Step::Reconcile,
            Label::Finish => Step::Finish,
        }
    }
}

/// What a rotator did. It may ask for the time as often as it likes: that is not on the cassette.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It asked which routes could be sent.
    Routes(Vec<String>),
    /// It sent one.
    Sent {
        /// The route's name, as the rotator wrote it.
        route: String,
        /// Its arguments.
        args: Vec<(String, String)>,
        /// What it was told.
        told: Result<Answer, Problem>,
    },
    /// It waited. Replaying, it is told at once that the time has come.
    Slept {
        /// How long it wanted to.
        milliseconds: u64,
    },
    /// It logged a line.
    Logged {
        /// How much it matters.
        level: Level,
        /// Its text.
        text: String,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The rotator said that it succeeded.
    Ok,
    /// It said that it failed.
    Failed {
        /// A word.
        code: String,
        /// For people.
        detail: String,
    },
    /// It was stopped.
    Trapped(String),
}

/// The verdicts that a rotator can be told of.
pub const VERDICTS: [&str; 5] = ["accepted", "refused", "unmatched", "unmet", "passed"];

/// A problem's word in the contract, and its text.
pub fn problem_words(problem: &Problem) -> (&'static str, &str) {
    match problem {
        Problem::NotInPage(text) => ("not-in-page", text),
        Problem::Denied(text) => ("denied", text),
        Problem::NotSent(text) => ("not-sent", text),
        Problem::NoAnswer(text) => ("no-answer", text),
        Problem::OutOfTime => ("out-of-time", ""),
        Problem::Other(text) => ("other", text),
    }
}

/// The problem of a word and a text; none if there is no such word.
pub fn problem_of(word: &str, text: String) -> Option<Problem> {
    Some(match word {
        "not-in-page" => Problem::NotInPage(text),
        "denied" => Problem::Denied(text),
        "not-sent" => Problem::NotSent(text),
        "no-answer" => Problem::NoAnswer(text),
        "out-of-time" => Problem::OutOfTime,
        "other" => Problem::Other(text),
        _ => return None,
    })
}

/// What a rotator wrote, as it stands on a cassette: on one line, with everything escaped that a terminal could misread.
pub(crate) fn said(text: &str) -> String {
    crate::report::escape::escape(text, SAID_MOST)
}

/// Most characters of one text that a rotator wrote.
const SAID_MOST: usize = 4096;

/// A level's word.
pub fn level_word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

#[cfg(test)]
mod tests;
