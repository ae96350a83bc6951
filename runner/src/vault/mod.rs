//! Vault records, and picking the one that a policy names.

pub use crate::page::Secret;
use std::collections::BTreeMap;

/// One vault record. `Debug` shows uid, title and labels only.
pub struct VaultRecord {
    /// Its uid.
    pub uid: String,
    /// Its title. Untrusted text.
    pub title: String,
    /// Values by label (exact, as sent). Strings as they are; numbers and booleans as their JSON text; null, empty
    /// strings, arrays and objects are kept as `None` (present, but no text).
    pub fields: BTreeMap<String, Option<Secret>>,
}

impl std::fmt::Debug for VaultRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultRecord").field("uid", &self.uid).field("title", &self.title).finish_non_exhaustive()
    }
}
