//! What a process gives up before it reads anything.

use serde::Serialize;

/// What really holds in this process. Flows into the result, the audit log and `doctor`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Enforced {}

impl Enforced {
    /// The first wall that is missing, in words.
    pub fn missing(&self) -> Option<String> {
        todo!()
    }
}

/// The broker's start: before stdin, files and threads.
pub fn broker_start() -> Enforced {
    todo!()
}
