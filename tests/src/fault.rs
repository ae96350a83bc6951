//! Faults by script: which request, whether the stand-in carries it out first, and what the client gets instead of the answer.
//!
//! ```toml
//! [[fault]]
//! on    = "POST /api/v1/users/*/credentials/change_password"
//! times = 1          # how often; default: always
//! skip  = 0          # matching requests that are let through first
//! every = 1          # of the others, each that many
//! apply = true       # carry the request out, then go wrong; default false
//! then  = "reset"    # close, reset, silence, truncate, drip, garbage
//! ```
//!
//! or, for an answer of another kind, `status`, `headers`, `json` or `body` in the place of `then`; or `raw`, the very text that
//! goes over the connection before it ends, with `endless`, a text that follows again and again until the client goes away.

use crate::http::{Answer, Request};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A fault that waits for its request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `METHOD path`; `*` stands for any run of characters.
    pub on: String,
    /// How often.
    #[serde(default = "always")]
    pub times: usize,
    /// Matching requests that are let through first.
    #[serde(default)]
    pub skip: usize,
    /// Of the others, each that many.
    #[serde(default = "one")]
    pub every: usize,
    /// Matching requests so far, those that were skipped apart.
    #[serde(skip)]
    count: usize,
    /// Whether the stand-in carries the request out first.
    #[serde(default)]
    pub apply: bool,
    /// `close`, `reset`, `silence`, `truncate`, `drip` or `garbage`.
    pub then: Option<String>,
    /// An answer's status.
    pub status: Option<u16>,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its body as JSON.
    pub json: Option<serde_json::Value>,
    /// Its body as text.
    pub body: Option<String>,
    /// The bytes in place of an answer, head and all.
    pub raw: Option<String>,
    /// What follows `raw` for as long as the client takes it.
    pub endless: Option<String>,
}

fn always() -> usize {
    usize::MAX
}

fn one() -> usize {
    1
}

/// What the client gets.
#[derive(Clone, Debug)]
pub enum How {
    /// An answer.
    Answer(Answer),
    /// These bytes, then the end.
    Raw(Vec<u8>),
    /// The first bytes once, the others for as long as the client takes them.
    Endless(Vec<u8>, Vec<u8>),
    /// The end of the connection, in good order.
    Close,
    /// A TCP reset.
    Reset,
    /// Nothing, for as long as the client waits.
    Silence,
    /// The head and half of the body, then the end.
    Truncate(Answer),
    /// Byte after byte, slowly.
    Drip(Answer),
}

impl How {
    /// The stand-in's true answer, if this is a way of delivering one.
    #[must_use]
    pub fn or_truly(self, truly: Answer) -> How {
        match self {
            How::Truncate(_) => How::Truncate(truly),
            How::Drip(_) => How::Drip(truly),
            other => other,
        }
    }
}

impl Fault {
    /// If the request is this fault's: what to do, and whether to carry the request out first.
    pub fn take(&mut self, request: &Request) -> Option<(How, bool)> {
        if self.times == 0 || !matches(&self.on, &request.line()) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.count += 1;
        if !self.count.is_multiple_of(self.every.max(1)) {
            return None;
        }
        self.times = self.times.saturating_sub(1);
        Some((self.how(), self.apply))
    }

    fn how(&self) -> How {
        let sample = || Answer::json(200, &serde_json::json!({ "a": "whole answer", "that": "never arrives whole" }));
        match self.then.as_deref() {
            Some("close") => How::Close,
            Some("reset") => How::Reset,
            Some("silence") => How::Silence,
            Some("truncate") => How::Truncate(sample()),
            Some("drip") => How::Drip(sample()),
            Some("garbage") => How::Raw(b"\x00\x01 this is no HTTP \r\n\r\n".to_vec()),
            Some(other) => panic!("a fault has no way `{other}`"),
            None if self.endless.is_some() => {
                let bytes = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
                How::Endless(bytes(&self.raw), bytes(&self.endless))
            }
            None if self.raw.is_some() => How::Raw(self.raw.clone().unwrap_or_default().into_bytes()),
            None => {
                let status = self.status.expect("a fault has `then` or `status`");
                let mut answer = match (&self.json, &self.body) {
                    (Some(json), _) => Answer::json(status, json),
                    (None, Some(body)) => Answer::text(status, body),
                    (None, None) => Answer::empty(status),
                };
                for (name, value) in &self.headers {
                    answer = answer.with(name, value);
                }
                How::Answer(answer)
            }
        }
    }
}

/// Whether `text` is of the form `pattern`, in which `*` stands for any run of characters.
pub fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            rest.is_empty() || (0..=tail.len()).filter(|i| tail.is_char_boundary(*i)).any(|i| matches(rest, &tail[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run() {
        for (pattern, text, expected) in [
            ("GET /a", "GET /a", true),
            ("GET /a", "GET /ab", false),
            ("POST /u/*/c", "POST /u/1/c", true),
            ("POST /u/*/c", "POST /u/1/d", false),
            ("* /u/*", "DELETE /u/", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
