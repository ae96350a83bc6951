//! Why a step failed, in the rotator's words.

use crate::http::Problem;
use std::fmt;

/// What a step answers.
pub type Done = Result<(), Failure>;

/// Why a step failed. It decides no outcome; its text is shown to people as the rotator's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub code: Code,
    /// For people: what happened.
    pub detail: String,
}

/// The well-known kinds of failure, and a rotator's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// The rotator does not do this step.
    Unsupported,
    /// The provider refused: it says that nothing was changed, or that the password is wrong.
    Refused,
    /// A precondition of the page does not hold.
    Unmet,
    /// An answer that the rotator cannot use.
    Unexpected,
    /// No such account.
    NotFound,
    /// No answer, or no time left.
    GaveUp,
    /// Page or policy refused a call.
    Denied,
    /// A bug of the rotator.
    Panic,
    /// Any other lower-case word.
    Other(String),
}

impl Code {
    /// The word that the broker sees.
    pub fn as_str(&self) -> &str {
        match self {
            Code::Unsupported => "unsupported",
            Code::Refused => "refused",
            Code::Unmet => "unmet",
            Code::Unexpected => "unexpected",
            Code::NotFound => "not-found",
            Code::GaveUp => "gave-up",
            Code::Denied => "denied",
            Code::Panic => "panic",
            Code::Other(word) => word,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Failure {
    /// A failure of this kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The rotator does not do this step.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(Code::Unsupported, detail)
    }

    /// There is no such account.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// An answer that the rotator cannot use.
    pub fn unexpected(detail: impl Into<String>) -> Self {
        Self::new(Code::Unexpected, detail)
    }

    /// A precondition that the rotator itself checks does not hold.
    pub fn unmet(detail: impl Into<String>) -> Self {
        Self::new(Code::Unmet, detail)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Failure {}

/// So that `?` works on a call: what could not be asked or was not answered ends the step.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let code = match &problem {
            Problem::NotInPage(_) | Problem::Denied(_) => Code::Denied,
            Problem::NotSent(_) | Problem::NoAnswer(_) | Problem::OutOfTime => Code::GaveUp,
            Problem::Other(_) => Code::Unexpected,
        };
        Failure::new(code, problem.to_string())
    }
}
