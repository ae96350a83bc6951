//! The one decision: may this route be sent now?
//!
//! Pure; borrows everything. Enforcement, `explain`, `routes()` and the audit event render the same value.

use super::bind::Bound;
use crate::page::model::Route;
use crate::page::progress::{Denial, Progress};

/// What is asked: a route by name with arguments, in the state of a step and a run.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The route's name, as the rotator wrote it.
    pub route: &'a str,
    /// Its arguments.
    pub args: &'a [(String, String)],
    /// What the step knows.
    pub progress: &'a Progress,
    /// What the run has done.
    pub run: RunFacts,
}

/// What the run has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// Requests sent, verifications included.
    pub requests: u32,
    /// A changing request of this step was sent, or may have been.
    pub changed: bool,
}

/// The answer.
#[derive(Debug)]
#[must_use]
pub enum Decision<'b> {
    /// It may be sent.
    Allow {
        /// The route.
        route: &'b Route,
        /// The line that allows it: `okta/page.toml:31`.
        line: String,
    },
    /// It may not.
    Deny(Refusal),
}

/// Why not, by which line, and what would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub rule: Rule,
    /// `file:line` of that rule.
    pub line: String,
}

/// The rules that can refuse a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The page does not allow it.
    Page(Denial),
    /// `[routes] off` names it.
    SwitchedOff,
    /// The run's quota of requests is used up.
    Requests {
        /// The quota.
        most: u32,
    },
    /// A changing request was sent in this step already.
    ChangedAlready,
    /// The account's own login, as the provider gave it, is not one the policy allows.
    LoginNotAllowed {
        /// The bind that holds it.
        bind: String,
    },
}

/// Decides.
pub fn decide<'b>(_bound: &'b Bound, _ask: &Ask<'_>) -> Decision<'b> {
    todo!()
}
