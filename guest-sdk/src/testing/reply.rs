//! What a scripted provider answers.

use rotabox_page::answer::Answer;
use serde_json::Value;

/// A scripted answer, or why there is none.
#[derive(Clone, Debug)]
pub struct Reply(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    NotSent(String),
    NoAnswer(String),
    OutOfTime,
}

impl Reply {
    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self(Kind::Answer { status, headers: Vec::new(), body: Vec::new() })
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: Value) -> Self {
        Self::text(status, body.to_string()).header("content-type", "application/json")
    }

    /// An answer with any body.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self(Kind::Answer { status, headers: Vec::new(), body: body.into().into_bytes() })
    }

    /// Adds a response header. A reply that is no answer has none.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Kind::Answer { headers, .. } = &mut self.0 {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// The request did not leave: no connection.
    pub fn not_sent() -> Self {
        Self(Kind::NotSent("no connection".to_owned()))
    }

    /// The request may have arrived, but no whole answer came back.
    pub fn no_answer() -> Self {
        Self(Kind::NoAnswer("the connection was closed".to_owned()))
    }

    /// The deadline of the run passes while the answer is awaited.
    pub fn out_of_time() -> Self {
        Self(Kind::OutOfTime)
    }
}

impl Kind {
    /// The answer as the judging code takes it.
    pub(super) fn answer(self) -> Result<Answer, crate::http::Problem> {
        match self {
            Kind::Answer { status, headers, body } => Ok(Answer { status, headers, body }),
            Kind::NotSent(text) => Err(crate::http::Problem::NotSent(text)),
            Kind::NoAnswer(text) => Err(crate::http::Problem::NoAnswer(text)),
            Kind::OutOfTime => Err(crate::http::Problem::OutOfTime),
        }
    }
}
