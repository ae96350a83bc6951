//! The secrets of a run: lent to placing, cut out of everything that leaves.

use super::{Desk, Running, WORDS_MOST};
use crate::broker::http::redact::Redactor;
use crate::page::place::{FieldValue, Scope};
use crate::policy::Bound;
use crate::report::escape::escape;
use zeroize::Zeroizing;

impl Desk<'_> {
    /// All values that templates may name, in the state of the step.
    pub(super) fn scope<'s>(&'s self, running: &'s Running<'_>, args: &'s [(String, String)]) -> Scope<'s> {
        Scope {
            user: &self.bound.user,
            old_password: self.bound.old_password.as_ref(),
            new_password: self.bound.new_password.as_ref(),
            candidate: running.candidate,
            records: &self.bound.records,
            args,
            progress: &running.progress,
        }
    }

    /// The record fields that the rotator may read.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let fields = self
            .bound
            .records
            .iter()
            .flat_map(|(record, values)| values.fields.iter().map(move |field| (record, field)));
        fields
            .filter_map(|(record, (name, value))| match value {
                FieldValue::Text(text) => Some((format!("{record}.{name}"), text.clone())),
                FieldValue::Secret(_) => None,
            })
            .collect()
    }

    /// Untrusted text, redacted, escaped and capped.
    pub(super) fn words(&self, text: &str) -> String {
        escape(&self.known.redactor.redact(text), WORDS_MOST)
    }

    /// Learns the secrets that came up in a step, for the redaction of everything that follows. Called as soon as an answer is in,
    /// and before anything of it is said.
    pub(super) fn remember_secrets(&mut self, running: &Running<'_>) {
        let captures = running.progress.captures().map(|secret| (secret.label(), secret.lend()));
        let cookies = running.jar.values().into_iter().map(|value| ("cookie", value));
        self.known.learn(self.bound, captures.chain(cookies));
    }
}

/// Every secret of the run, and the redactor that knows them.
pub struct Known {
    /// What came up on the way: captures and cookies, by label.
    found: Vec<(String, Zeroizing<String>)>,
    redactor: Redactor,
}

impl Known {
    /// The passwords and record fields of `bound`.
    pub fn new(bound: &Bound) -> Known {
        Known { found: Vec::new(), redactor: Redactor::new(given(bound)) }
    }

    /// Cuts every secret that is known by now.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The same, to outlive the run.
    pub fn into_redactor(self) -> Redactor {
        self.redactor
    }

    fn learn<'s>(&mut self, bound: &Bound, more: impl Iterator<Item = (&'s str, &'s str)>) {
        let before = self.found.len();
        for (label, text) in more {
            if !self.found.iter().any(|(_, known)| known.as_str() == text) {
                self.found.push((label.to_owned(), Zeroizing::new(text.to_owned())));
            }
        }
        if self.found.len() > before {
            let found = self.found.iter().map(|(label, text)| (label.as_str(), text.as_str()));
            self.redactor = Redactor::new(given(bound).chain(found));
        }
    }
}

fn given(bound: &Bound) -> impl Iterator<Item = (&str, &str)> {
    let passwords = [&bound.old_password, &bound.new_password].into_iter().flatten();
    let fields = bound.records.values().flat_map(|values| values.fields.values()).filter_map(|value| match value {
        FieldValue::Secret(secret) => Some(secret),
        FieldValue::Text(_) => None,
    });
    let keys = bound.tls.values().filter_map(|demands| Some(&demands.client.as_ref()?.key));
    passwords.chain(fields).chain(keys).map(|secret| (secret.label(), secret.lend()))
}
