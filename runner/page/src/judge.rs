//! The verdict on an answer: what the page says about it, from the raw answer alone.

use crate::answer::Answer;
use crate::model::Route;
use crate::names::BindName;
use crate::place::{NextPage, Scope};
use crate::secret::Secret;

/// The broker's own verdict on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `expects` holds and `refuses` does not.
    Accepted,
    /// `refuses` holds and `expects` does not: the provider says that nothing was changed, or that the candidate is wrong.
    Refused,
    /// Both, neither, or a 5xx. On a changing route: ambiguous.
    Unmatched,
    /// Accepted, but a `requires`, pick, bind or capture failed: the step ends. Never on a changing or verifying route.
    Unmet,
    /// Not accepted, but the route may fail.
    Passed,
}

impl Verdict {
    /// The word the rotator sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Refused => "refused",
            Verdict::Unmatched => "unmatched",
            Verdict::Unmet => "unmet",
            Verdict::Passed => "passed",
        }
    }
}

/// What an answer is worth. Not yet redacted or escaped: that is the broker's task.
#[derive(Debug)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Status of the (last) answer.
    pub status: u16,
    /// What was not met, in the page's words.
    pub unmet: Vec<String>,
    /// What the page shows: (name, text).
    pub shown: Vec<(String, String)>,
    /// What is worth a warning, in words.
    pub warnings: Vec<String>,
    /// Values for later templates.
    pub binds: Vec<(BindName, serde_json::Value)>,
    /// Secrets for later templates.
    pub captures: Vec<(BindName, Secret)>,
    /// The document, if the route keeps it.
    pub kept: Option<serde_json::Value>,
}

/// Judges the answers of one route: one, or all pages in order. `more` says that a further page was not read because of `at-most`.
pub fn judge(_route: &Route, _answers: &[Answer], _more: bool, _scope: &Scope<'_>) -> Judgement {
    todo!()
}

/// Where the next page is, if there is one; an error text if the link leaves origin or path of `sent_origin`/`sent_path`.
pub fn next_page(
    _route: &Route,
    _answer: &Answer,
    _sent_origin: &str,
    _sent_path: &str,
) -> Result<Option<NextPage>, String> {
    todo!()
}
