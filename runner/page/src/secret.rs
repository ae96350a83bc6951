//! A value that can be lent to placing and redacting, and to nothing else.

use std::fmt;
use zeroize::Zeroizing;

/// A secret string. It has no `Display`, `Clone`, `Deref`, `Serialize` or `==`; `Debug` prints its label only;
/// its memory is wiped when it is dropped.
pub struct Secret {
    label: String,
    text: Zeroizing<String>,
}

impl Secret {
    /// Takes the secret `text`; `label` says where it is from (`api.token`, `new-password`) and is not secret.
    pub fn new(label: impl Into<String>, text: String) -> Self {
        Self { label: label.into(), text: Zeroizing::new(text) }
    }

    /// Where it is from: safe to print.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Lends the text to the code that places it into a request or cuts it out of an output.
    pub fn lend(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.label)
    }
}
