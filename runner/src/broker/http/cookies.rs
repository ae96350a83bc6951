//! A cookie jar for one step. Its values are secrets: never shown, always redacted.

/// The cookies of one step, by origin.
#[derive(Default)]
pub struct Jar {}

impl Jar {
    /// Every cookie value, lent for redaction.
    pub fn values(&self) -> Vec<&str> {
        todo!()
    }
}
