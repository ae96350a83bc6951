//! A raw answer of the provider, and what can be read from it. It never leaves the broker.

/// A raw answer.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Lower-case names and values, in order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body, capped by whoever read it.
    pub body: Vec<u8>,
}
