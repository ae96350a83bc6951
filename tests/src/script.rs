//! A provider that only says what it was told to say: a list of `METHOD path` patterns, each with answers in turn.

use crate::fault::matches;
use crate::http::{Answer, Request};
use crate::server::{Provider, lock};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// One route of a scripted provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// `METHOD path`; `*` stands for any run of characters.
    pub on: String,
    /// Whether it changes something.
    #[serde(default)]
    pub changes: bool,
    /// Only if the body has this text.
    pub body_has: Option<String>,
    /// Answers in turn; the last one again and again.
    pub say: Vec<Say>,
}

/// One answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The status.
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON body.
    pub json: Option<serde_json::Value>,
    /// A text body.
    pub body: Option<String>,
}

/// A scripted provider. What is in no line gets 404.
pub struct Scripted {
    lines: Mutex<Vec<(Line, usize)>>,
}

impl Scripted {
    /// From its lines.
    pub fn new(lines: Vec<Line>) -> Scripted {
        Scripted { lines: Mutex::new(lines.into_iter().map(|line| (line, 0)).collect()) }
    }
}

impl Line {
    fn is_for(&self, request: &Request) -> bool {
        matches(&self.on, &request.line()) && self.body_has.as_ref().is_none_or(|text| request.text().contains(text))
    }
}

impl Provider for Scripted {
    fn answer(&self, request: &Request) -> Answer {
        let mut lines = lock(&self.lines);
        let Some((line, used)) = lines.iter_mut().find(|(line, _)| line.is_for(request)) else {
            return Answer::text(404, "not in the script");
        };
        let say = &line.say[(*used).min(line.say.len() - 1)];
        *used += 1;
        let mut answer = match (&say.json, &say.body) {
            (Some(json), _) => Answer::json(say.status, json),
            (None, Some(body)) => Answer::text(say.status, body),
            (None, None) => Answer::empty(say.status),
        };
        for (name, value) in &say.headers {
            answer = answer.with(name, value);
        }
        answer
    }

    fn changes(&self, request: &Request) -> bool {
        lock(&self.lines).iter().any(|(line, _)| line.changes && line.is_for(request))
    }
}
