//! A cookie jar for one step. Its values are secrets: never shown, always redacted.

use crate::policy::file::HostPort;
use zeroize::Zeroizing;

/// The cookies of one step, by origin.
#[derive(Default)]
pub struct Jar {}

impl Jar {
    /// Every cookie value, lent for redaction.
    pub fn values(&self) -> Vec<&str> {
        Vec::new()
    }

    pub(super) fn header(&self, _origin: &HostPort, _path: &str) -> Option<Zeroizing<String>> {
        None
    }

    pub(super) fn take(&mut self, _origin: &HostPort, _path: &str, _headers: &[(String, String)]) {}
}
