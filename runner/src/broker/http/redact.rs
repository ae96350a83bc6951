//! The second wall: every secret in play is cut out of whatever leaves the broker, in every common encoding.

/// One pass over all encodings of all secrets (facts: raw, percent, form, JSON, XML, base64 at three alignments, hex, UTF-16).
pub struct Redactor {}

impl Redactor {
    /// A redactor for (label, secret) pairs; call again when a secret is added (captures, cookies).
    pub fn new<'a>(_secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Redactor {
        todo!()
    }

    /// The text with each occurrence replaced by `[api.token]`-like marks.
    pub fn redact(&self, _text: &str) -> String {
        todo!()
    }
}
