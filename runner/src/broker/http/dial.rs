//! Sends one placed request and reads its answer. Takes the request by value: a retry has to be placed, and so
//! authorised, again.

use super::cookies::Jar;
use crate::page::answer::Answer;
use crate::page::place::Placed;
use crate::policy::HostFile;
use std::time::{Duration, Instant};

/// The HTTP capability of one run.
pub struct Capability {}

/// What the capability needs to know, fixed for a run.
#[derive(Debug)]
pub struct Settings {
    /// Hosts that may be dialled, exact (host, port): the records' URLs and literal origins.
    pub hosts: Vec<(String, u16)>,
    /// Proxy, CA, roots, openings.
    pub host_file: HostFile,
    /// Most bytes of one answer's body.
    pub answer_bytes: usize,
    /// One deadline for everything.
    pub deadline: Instant,
}

/// What was seen of the connection, for the audit log and the result.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The address that was dialled.
    pub peer: Option<std::net::SocketAddr>,
    /// How long it took.
    pub took: Duration,
}

/// Why there is no answer. Texts name host and stage, never URL, query, header or body.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nothing was sent.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// Bytes left, but no whole answer came back.
    #[error("no whole answer: {0}")]
    NoAnswer(String),
    /// The deadline passed; `sent` says whether bytes may have left.
    #[error("out of time")]
    OutOfTime {
        /// Whether bytes may have left.
        sent: bool,
    },
}

impl Capability {
    /// Reads the CA file and prepares TLS. Fails before anything is dialled.
    pub fn new(_settings: Settings) -> Result<Capability, String> {
        todo!()
    }

    /// Sends the request on a fresh or kept connection of this `jar`'s step and reads the answer. Cookies of the jar are sent
    /// along and taken back.
    pub async fn send(&mut self, _request: Placed, _jar: &mut Jar) -> (Result<Answer, DialError>, Seen) {
        todo!()
    }

    /// Forgets kept connections: the next request dials anew. Called between steps.
    pub fn fresh(&mut self) {
        todo!()
    }
}
