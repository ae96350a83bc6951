//! A decision in words: what was refused, by which line of which file, and the line that would allow it.

use super::decide::{Decision, Refusal};

/// One or two sentences for a refusal.
pub fn refusal(_refusal: &Refusal, _route: &str) -> String {
    todo!()
}

/// The same for any decision.
pub fn decision(_decision: &Decision<'_>, _route: &str) -> String {
    todo!()
}
