//! The secrets of a run: lent to placing, cut out of everything that leaves.

use super::{Desk, Running, WORDS_MOST};
use crate::broker::http::redact::Redactor;
use crate::page::place::{FieldValue, Scope};
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
    pub(super) fn words(&self, text: &str, running: &Running<'_>) -> String {
        escape(&self.redactor(running).redact(text), WORDS_MOST)
    }

    /// Knows every secret of the run and of the step that is running.
    pub(super) fn redactor(&self, running: &Running<'_>) -> Redactor {
        let captures = running.progress.captures().map(|secret| (secret.label(), secret.lend()));
        let cookies = running.jar.values().into_iter().map(|value| ("cookie", value));
        Redactor::new(self.secrets().chain(captures).chain(cookies))
    }

    /// Every secret of the run: passwords, record fields, and what came up on the way.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        let passwords = [&self.bound.old_password, &self.bound.new_password].into_iter().flatten();
        let fields =
            self.bound.records.values().flat_map(|values| values.fields.values()).filter_map(|value| match value {
                FieldValue::Secret(secret) => Some(secret),
                FieldValue::Text(_) => None,
            });
        let found = self.found_secrets.iter().map(|(label, text)| (label.as_str(), text.as_str()));
        passwords.chain(fields).map(|secret| (secret.label(), secret.lend())).chain(found)
    }

    /// Keeps what came up in a step for the redaction of everything that follows.
    pub(super) fn remember_secrets(&mut self, running: &Running<'_>) {
        let captures = running.progress.captures().map(|secret| (secret.label(), secret.lend()));
        let cookies = running.jar.values().into_iter().map(|value| ("cookie", value));
        for (label, text) in captures.chain(cookies) {
            if !self.found_secrets.iter().any(|(_, known)| known.as_str() == text) {
                self.found_secrets.push((label.to_owned(), Zeroizing::new(text.to_owned())));
            }
        }
    }
}
