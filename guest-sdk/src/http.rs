//! Requests, by the page's route names, and what the broker says of their answers.

use crate::failure::{Code, Done, Failure};
use crate::host::{self, Host};
use std::fmt;
use std::rc::Rc;

/// Sends the page's routes. [`page!`](crate::page) adds one function a route.
pub struct Http {
    host: Rc<dyn Host>,
}

impl Http {
    pub(crate) fn new() -> Self {
        Self { host: host::current() }
    }

    /// The routes of this step that could be sent now, in the page's order: uses left, everything in `after` there,
    /// and not all of whose binds exist already.
    pub fn offered(&mut self) -> Vec<String> {
        self.host.routes()
    }

    /// Whether a route could be sent now. Calling one that could not is a denial, which the operator gets to see.
    pub fn offers(&mut self, route: &str) -> bool {
        self.offered().iter().any(|offered| offered == route)
    }

    /// Sends a route and waits for its answer. `args` are the arguments that the page declares, each exactly once. A
    /// route that changes something is sent at most once in a run.
    pub fn call(&mut self, route: &str, args: &[(&str, &str)]) -> Result<Answer, Problem> {
        self.host.send(route, args)
    }
}

/// What the rotator sees of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The route that was sent.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
    /// The broker's verdict by the page.
    pub judged: Judged,
    /// What was not met, in the page's words.
    pub unmet: Vec<String>,
    /// The values that the page shows, name and text, in the page's order; see [`Answer::shown`].
    pub shows: Vec<(String, String)>,
}

/// The broker's verdict on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// `expects` holds.
    Accepted,
    /// `refuses` holds: the provider says that nothing was changed, or that the candidate is wrong.
    Refused,
    /// Neither, both, or a 5xx.
    Unmatched,
    /// A `requires`, pick, bind or capture failed: the step has ended.
    Unmet,
    /// Not accepted, but the route may fail.
    Passed,
    /// A word of a later version.
    Other(String),
}

impl Judged {
    /// The verdict that the broker's word stands for.
    pub fn parse(word: &str) -> Self {
        match word {
            "accepted" => Judged::Accepted,
            "refused" => Judged::Refused,
            "unmatched" => Judged::Unmatched,
            "unmet" => Judged::Unmet,
            "passed" => Judged::Passed,
            other => Judged::Other(other.to_owned()),
        }
    }

    /// The broker's word.
    pub fn as_str(&self) -> &str {
        match self {
            Judged::Accepted => "accepted",
            Judged::Refused => "refused",
            Judged::Unmatched => "unmatched",
            Judged::Unmet => "unmet",
            Judged::Passed => "passed",
            Judged::Other(word) => word,
        }
    }
}

impl Answer {
    /// This answer, if it was accepted; else the failure that ends the step.
    pub fn accepted(self) -> Result<Answer, Failure> {
        if self.is_accepted() { Ok(self) } else { Err(self.into_failure()) }
    }

    /// Nothing, if it was accepted; else the failure that ends the step. For the last call of a step.
    pub fn done(self) -> Done {
        self.accepted().map(drop)
    }

    /// This answer, if it was accepted or its route may fail; else the failure that ends the step.
    pub fn accepted_or_passed(self) -> Result<Answer, Failure> {
        if self.is_accepted() || self.is_passed() { Ok(self) } else { Err(self.into_failure()) }
    }

    /// `expects` holds.
    pub fn is_accepted(&self) -> bool {
        self.judged == Judged::Accepted
    }

    /// Not accepted, but the route may fail.
    pub fn is_passed(&self) -> bool {
        self.judged == Judged::Passed
    }

    /// A value that the page shows under this name; none if it was not in the answer.
    pub fn shown(&self, name: &str) -> Option<&str> {
        self.shows.iter().find(|(shown, _)| shown == name).map(|(_, text)| text.as_str())
    }

    /// The failure that this answer means to a step that cannot go on.
    pub fn into_failure(self) -> Failure {
        let code = match self.judged {
            Judged::Refused => Code::Refused,
            Judged::Unmet => Code::Unmet,
            _ => Code::Unexpected,
        };
        Failure::new(code, self.to_string())
    }
}

/// `change-password: refused (HTTP 403), code = E0000014`
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (HTTP {})", self.route, self.judged.as_str(), self.status)?;
        for text in &self.unmet {
            write!(f, ", {text}")?;
        }
        for (name, text) in &self.shows {
            write!(f, ", {name} = {text}")?;
        }
        Ok(())
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The page has no route of this name; the text lists those it has.
    NotInPage(String),
    /// Page or policy refuse this call; the text names the line.
    Denied(String),
    /// Nothing was sent: no connection, the step has ended, a value that cannot be placed, a rehearsal.
    NotSent(String),
    /// The request may have reached the provider, but no whole answer came back.
    NoAnswer(String),
    /// The deadline of the run has passed.
    OutOfTime,
    /// Anything that later versions add.
    Other(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotInPage(text) => write!(f, "not in the page: {text}"),
            Problem::Denied(text) => write!(f, "denied: {text}"),
            Problem::NotSent(text) => write!(f, "not sent: {text}"),
            Problem::NoAnswer(text) => write!(f, "no answer: {text}"),
            Problem::OutOfTime => f.write_str("out of time"),
            Problem::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Problem {}
