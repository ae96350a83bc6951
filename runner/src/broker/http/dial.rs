//! Sends one placed request and reads its answer. Takes the request by value: a retry has to be placed, and so
//! authorised, again.

use super::client::{self, Trust};
use super::common::{Common, Purse};
use super::connector::Reached;
use super::cookies::Jar;
use super::failure::{DialError, NoAnswer, NotSent};
use super::resolve::{Asked, Lookup, ResolveError, Resolver, SystemLookup};
use super::{read, request};
use crate::page::answer::Answer;
use crate::page::place::Placed;
use crate::policy::file::HostPort;
use crate::policy::host::Opening;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long a connection that was opened ahead is taken to be open still. Servers that close idle connections wait for some seconds.
pub const LIVELY: Duration = Duration::from_secs(1);

/// The HTTP capability of one run.
pub struct Capability {
    trust: Trust,
    resolver: Resolver,
    answer_bytes: usize,
    deadline: Instant,
    /// Vetted once a run.
    addresses: BTreeMap<HostPort, Vec<SocketAddr>>,
    /// Look-ups that have begun.
    asked: BTreeMap<HostPort, Asked>,
    /// Kept for a step.
    lines: BTreeMap<HostPort, Kept>,
    /// Opened ahead, and not used yet.
    ahead: BTreeMap<HostPort, Line>,
    /// Where a connection is to be opened ahead beside the next request.
    next: Option<HostPort>,
    /// For how long one of those can be used.
    lively: Duration,
    /// What is shared with the other lines of a batch; or with the other steps of the one run.
    common: Option<(Common, Purse)>,
    /// A pause that a provider asks for holds for all that share.
    pauses: bool,
}

/// A connection of the present step.
struct Kept {
    line: Line,
    /// It may have carried something of one account: no other line gets it.
    personal: bool,
}

/// What the capability needs to know, fixed for a run.
#[derive(Debug)]
pub struct Settings {
    /// Hosts that may be dialled, exact: the records' URLs and literal origins.
    pub hosts: Vec<HostPort>,
    /// The operator's openings.
    pub open: Vec<Opening>,
    /// Most bytes of one answer's body.
    pub answer_bytes: usize,
    /// When requests end, unless [`Capability::ends_at`] says otherwise.
    pub deadline: Instant,
}

/// On which connection a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// One that this step has already used for the same origin, if there is one.
    Kept,
    /// The same; or one that another step, or another line of the batch, has left. For requests that place nothing of one account and change nothing:
    /// such a connection may be closed by the server at any time.
    Shared,
    /// One of its own, closed afterwards. For requests that change something: a kept connection may have been closed
    /// by the server, and then nobody can say what it read; and what a server sends behind an answer could be taken for the next one.
    Fresh,
}

/// What was seen of the connection, for the audit log and the result.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The address that was dialled: the provider's or, with one, the proxy's.
    pub peer: Option<SocketAddr>,
    /// How long it took.
    pub took: Duration,
}

/// A client for one origin, and what is known of its connection.
pub(super) struct Line {
    client: reqwest::Client,
    peers: Vec<SocketAddr>,
    reached: Reached,
}

impl Capability {
    /// For one run. `trust` was read when files could still be read.
    pub fn new(settings: Settings, trust: Trust) -> Capability {
        Self::with_lookup(settings, trust, Arc::new(SystemLookup))
    }

    /// As [`Capability::new`], with another name service: for tests.
    pub fn with_lookup(settings: Settings, trust: Trust, lookup: Arc<dyn Lookup>) -> Capability {
        Capability {
            trust,
            resolver: Resolver::new(settings.hosts, settings.open, lookup),
            answer_bytes: settings.answer_bytes,
            deadline: settings.deadline,
            addresses: BTreeMap::new(),
            asked: BTreeMap::new(),
            lines: BTreeMap::new(),
            ahead: BTreeMap::new(),
            next: None,
            lively: LIVELY,
            common: None,
            pauses: false,
        }
    }

    /// Shares with the other lines of a batch what may be shared.
    #[must_use]
    pub fn sharing(mut self, common: Common, purse: Purse) -> Capability {
        self.common = Some((common, purse));
        self.pauses = true;
        self
    }

    /// Keeps from one step of its run to the next what the lines of a batch would share: a connection that carried no password, no candidate,
    /// no cookie and no capture. A handshake less is a good part of a short run.
    #[must_use]
    pub fn keeping(mut self) -> Capability {
        self.common = Some((Common::default(), Purse::default()));
        self
    }

    /// With another limit than [`LIVELY`] for connections that are opened ahead.
    #[must_use]
    pub fn trusting_idle(mut self, lively: Duration) -> Capability {
        self.lively = lively;
        self
    }

    /// Until when the provider at `host` wants nothing of this batch.
    pub fn paused(&self, host: &HostPort) -> Option<Instant> {
        self.common.as_ref().filter(|_| self.pauses)?.0.paused(host)
    }

    /// The provider at `host` asked for a pause.
    pub fn pause(&self, host: &HostPort, pause: Duration) {
        if let Some((common, _)) = self.common.as_ref().filter(|_| self.pauses) {
            common.pause(host, pause);
        }
    }

    /// Sends the request and reads the answer. Cookies of the jar are sent along and taken back.
    pub async fn send(
        &mut self,
        request: Placed,
        jar: &mut Jar,
        connection: Connection,
    ) -> (Result<Answer, DialError>, Seen) {
        let started = Instant::now();
        let mut seen = Seen::default();
        let answer = self.exchange(request, jar, connection, &mut seen).await;
        seen.took = started.elapsed();
        (answer, seen)
    }

    /// Begins to look a host up before it is needed, and waits for nothing. What goes wrong is said when a request is sent.
    pub fn warm(&mut self, host: &HostPort) {
        if let Some(asked) = self.resolver.begin(host, self.trust.proxy()) {
            self.asked.insert(host.clone(), asked);
        }
    }

    /// Opens a connection to `host` as soon as its address is known, for the first request that goes there, whatever it is. Waits for the
    /// address, and for nothing else; may be dropped at any time. What goes wrong is said when a request is sent.
    pub async fn open_ahead(&mut self, host: &HostPort) {
        if let Some(asked) = self.asked.get_mut(host) {
            asked.answered().await;
        }
        if let Ok(peers) = self.vetted(host).await {
            self.open(host, peers);
        }
    }

    /// Beside the next request, opens a connection to `host` for one that follows it, if its address is known then. Not in a batch: there nobody
    /// waits for one line, and the lines share what they have opened.
    pub fn open_next(&mut self, host: Option<HostPort>) {
        self.next = host.filter(|_| !self.pauses);
    }

    fn open(&mut self, host: &HostPort, peers: Vec<SocketAddr>) {
        // Behind a proxy, an address says nothing about the host.
        if self.resolver.vet(host).is_err() {
            return;
        }
        let Ok(line) = self.undialled(host, peers) else { return };
        let Ok(opener) = self.trust.opener(host, &line.peers, &line.reached) else { return };
        let Ok(nowhere) = reqwest::Url::parse(&format!("https://{host}/")) else { return };
        tokio::spawn(async move {
            // A request that is about to be sent goes first.
            tokio::task::yield_now().await;
            // Ends when the connection is open, or cannot be: its connector hands none out.
            let _ = opener.get(nowhere).send().await;
        });
        self.ahead.insert(host.clone(), line);
    }

    /// Forgets kept connections: the next request dials anew. Called between steps. Those that carried nothing of one account are left to
    /// the steps that follow and the other lines of a batch.
    pub fn fresh(&mut self) {
        for (host, kept) in std::mem::take(&mut self.lines) {
            if let (Some((common, purse)), false) = (&self.common, kept.personal) {
                common.keep(host, *purse, kept.line);
            }
        }
    }

    /// From now on requests end at `deadline`: a step may have less time than the run.
    pub fn ends_at(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    async fn exchange(
        &mut self,
        mut request: Placed,
        jar: &mut Jar,
        connection: Connection,
        seen: &mut Seen,
    ) -> Result<Answer, DialError> {
        let (url, target) = request::address(&request)?;
        if Instant::now() >= self.deadline {
            return Err(DialError::OutOfTime { sent: false });
        }
        self.resolver.vet(&target)?;
        let mut wire = reqwest::Request::new(request::method(request.method), url);
        let cookies = jar.header(&target, &request.path, Timestamp::now());
        let personal = connection == Connection::Kept || cookies.is_some();
        *wire.headers_mut() = request::headers(&request, cookies)?;
        *wire.body_mut() = request.body.take().map(reqwest::Body::from);
        let line = self.line(&target, connection).await?;
        if let Some(next) = self.next.take()
            && let Some(peers) = self.known(&next)
        {
            self.open(&next, peers);
        }
        // A fresh connection is none of those that are kept.
        let kept = connection != Connection::Fresh;
        self.mark(&target, kept && personal);

        let cap = self.answer_bytes;
        let exchange = async {
            let response = line
                .client
                .execute(wire)
                .await
                .map_err(|error| DialError::of(&error, &target.host, self.trust.proxy(), line.reached.get()))?;
            seen.peer = response.remote_addr();
            if !seen.peer.is_some_and(|peer| line.peers.contains(&peer)) {
                return Err(DialError::NoAnswer(NoAnswer::OtherPeer));
            }
            read::read(response, cap).await.map_err(DialError::NoAnswer)
        };
        let answer = match tokio::time::timeout_at(self.deadline.into(), exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(DialError::OutOfTime { sent: line.reached.get() }),
        };
        match &answer {
            Ok(answer) => {
                self.mark(&target, kept && has_cookie(&answer.headers));
                jar.take(&target, &request.path, &answer.headers, Timestamp::now());
            }
            // Whatever is left of the connection is not used again, nor what was opened beside it; an address that failed is looked up again.
            Err(error) => {
                self.lines.remove(&target);
                self.ahead.remove(&target);
                if let Some((common, purse)) = &self.common {
                    common.close(&target, *purse);
                }
                if matches!(error, DialError::NotSent(_)) {
                    self.addresses.remove(&target);
                    if let Some((common, _)) = &self.common {
                        common.forget(&target);
                    }
                }
            }
        }
        answer
    }

    /// The connection to `target`, if it is kept, carries something of one account.
    fn mark(&mut self, target: &HostPort, personal: bool) {
        if let Some(kept) = self.lines.get_mut(target) {
            kept.personal |= personal;
        }
    }

    async fn line(&mut self, target: &HostPort, connection: Connection) -> Result<Line, DialError> {
        if connection != Connection::Fresh
            && let Some(kept) = self.lines.get(target)
        {
            return Ok(kept.line.share());
        }
        let shared = || match &self.common {
            Some((common, purse)) if connection == Connection::Shared => common.take(target, *purse),
            _ => None,
        };
        let line = match self.ahead.remove(target).or_else(shared) {
            Some(line) => line,
            None => {
                let peers = self.vetted(target).await?;
                self.undialled(target, peers)?
            }
        };
        if connection != Connection::Fresh {
            self.lines.insert(target.clone(), Kept { line: line.share(), personal: false });
        }
        Ok(line)
    }

    /// A line that has not dialled yet, and can dial nobody but `peers`.
    fn undialled(&self, target: &HostPort, peers: Vec<SocketAddr>) -> Result<Line, DialError> {
        let reached = Reached::within(self.lively);
        let client =
            self.trust.client(target, &peers, &reached).map_err(|_| NotSent::Request("the client cannot be set up"))?;
        Ok(Line { client, peers, reached })
    }

    fn known(&self, target: &HostPort) -> Option<Vec<SocketAddr>> {
        let common = || self.common.as_ref().and_then(|(common, _)| common.addresses(target));
        self.addresses.get(target).cloned().or_else(common)
    }

    /// The addresses that are dialled for `target`, looked up once a run.
    async fn vetted(&mut self, target: &HostPort) -> Result<Vec<SocketAddr>, DialError> {
        if let Some(known) = self.known(target) {
            return Ok(known);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        let limit = left.min(client::LOOKUP);
        let asked = self.asked.remove(target);
        let found = match self.trust.proxy() {
            None => self.resolver.resolve(target, limit, asked).await,
            Some(proxy) => self.resolver.resolve_proxy(proxy, limit, asked).await,
        };
        match found {
            Ok(found) => {
                if let Some((common, _)) = &self.common {
                    common.learn(target, &found);
                }
                self.addresses.insert(target.clone(), found.clone());
                Ok(found)
            }
            Err(ResolveError::TooSlow { .. }) if limit == left => Err(DialError::OutOfTime { sent: false }),
            Err(error) => Err(error.into()),
        }
    }
}

fn has_cookie(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == "set-cookie")
}

impl Line {
    /// The same client: it shares its connection.
    fn share(&self) -> Line {
        Line { client: self.client.clone(), peers: self.peers.clone(), reached: self.reached.clone() }
    }
}
