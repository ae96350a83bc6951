//! One resolution, vetted, which is then dialled. A name that is not among the allowed hosts is never looked up: a
//! look-up alone can carry data out.

use super::addresses::{self, Refused};
use crate::policy::file::HostPort;
use crate::policy::host::Opening;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Most addresses of one name that are looked at; what a name service really answers is below 20.
const MOST_ADDRESSES: usize = 64;

/// How names become addresses. Blocks; called on a thread of its own.
pub trait Lookup: Send + Sync {
    /// All addresses of `host`, which is a name, never a literal address.
    fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver: hosts file, split DNS and directory services work as the operator knows them.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|found| found.ip()).collect())
    }
}

/// Why a host has no addresses that may be dialled. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Not among the hosts of the policy. It was not looked up.
    #[error("`{}:{}` is not a host of the policy", .0.host, .0.port)]
    NotAllowed(HostPort),
    /// A metadata service by name. It was not looked up.
    #[error("`{0}` is a name of a cloud metadata service, which is never dialled")]
    MetadataName(String),
    /// An address that may not be dialled. A mixed answer counts as this.
    #[error(
        "`{host}` is refused: {refused}. If that is meant, open it in rotabox.toml: [[network.open]] with this host, \
         its network and port {port}"
    )]
    Refused {
        /// The host.
        host: String,
        /// The port that was meant; an opening without one is for 443.
        port: u16,
        /// The address, and what it is.
        refused: Refused,
    },
    /// The name service has no address, or no answer.
    #[error("`{host}` cannot be looked up: {why}")]
    Failed {
        /// The host.
        host: String,
        /// In the name service's words.
        why: String,
    },
    /// The name service took too long.
    #[error("`{host}` cannot be looked up: no answer of the name service within {seconds} seconds")]
    TooSlow {
        /// The host.
        host: String,
        /// How long it was given.
        seconds: u64,
    },
}

/// A look-up that has begun. Dropped, its answer goes nowhere.
pub(super) enum Asked {
    /// On its thread.
    Waiting(tokio::sync::oneshot::Receiver<io::Result<Vec<IpAddr>>>),
    /// The answer of the name service.
    Answered(io::Result<Vec<IpAddr>>),
}

impl Asked {
    /// Waits for the answer, and keeps it. May be dropped at any time, and called again.
    pub(super) async fn answered(&mut self) {
        if let Asked::Waiting(answer) = self {
            let answer = answer.await;
            *self = Asked::Answered(answer.unwrap_or_else(|_| Err(io::Error::other(NO_ANSWER))));
        }
    }

    async fn answer(mut self) -> io::Result<Vec<IpAddr>> {
        self.answered().await;
        match self {
            Asked::Answered(answer) => answer,
            Asked::Waiting(_) => Err(io::Error::other(NO_ANSWER)),
        }
    }
}

const NO_ANSWER: &str = "the look-up ended without an answer";

/// Which hosts may be looked up, and which addresses may be dialled.
pub struct Resolver {
    hosts: Vec<HostPort>,
    open: Vec<Opening>,
    lookup: Arc<dyn Lookup>,
}

impl Resolver {
    /// `hosts` are exact; `open` are the operator's openings.
    pub fn new(hosts: Vec<HostPort>, open: Vec<Opening>, lookup: Arc<dyn Lookup>) -> Self {
        Self { hosts, open, lookup }
    }

    /// Is it a host of the policy?
    pub fn is_allowed(&self, target: &HostPort) -> bool {
        self.hosts.contains(target)
    }

    /// What can be said of `target` without a look-up: it must be a host of the policy, and a literal address must be
    /// one that may be dialled, which is then answered.
    pub fn vet(&self, target: &HostPort) -> Result<Option<SocketAddr>, ResolveError> {
        if !self.is_allowed(target) {
            return Err(ResolveError::NotAllowed(target.clone()));
        }
        if addresses::is_metadata_name(&target.host) {
            return Err(ResolveError::MetadataName(target.host.clone()));
        }
        literal(&target.host).map(|address| self.admit(target, address)).transpose()
    }

    /// The addresses of `target`, all of them vetted. One that may not be dialled refuses the whole answer: a mixture
    /// is what an attack by rebinding looks like.
    pub(super) async fn resolve(
        &self,
        target: &HostPort,
        limit: Duration,
        asked: Option<Asked>,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        if let Some(address) = self.vet(target)? {
            return Ok(vec![address]);
        }
        let found = self.look_up(&target.host, limit, asked).await?;
        found.into_iter().map(|address| self.admit(target, address)).collect()
    }

    /// The addresses of the proxy. The operator named it, in a file that only the operator writes: it needs no opening.
    pub(super) async fn resolve_proxy(
        &self,
        proxy: &HostPort,
        limit: Duration,
        asked: Option<Asked>,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        let found = match literal(&proxy.host) {
            Some(address) => vec![address],
            None => self.look_up(&proxy.host, limit, asked).await?,
        };
        Ok(found.into_iter().map(|address| SocketAddr::new(address.to_canonical(), proxy.port)).collect())
    }

    fn admit(&self, target: &HostPort, address: IpAddr) -> Result<SocketAddr, ResolveError> {
        addresses::vet(&target.host, target.port, address, &self.open)
            .map(|address| SocketAddr::new(address, target.port))
            .map_err(|refused| ResolveError::Refused { host: target.host.clone(), port: target.port, refused })
    }

    /// Begins to look `target` up, or the proxy, before anybody needs it; nothing for what is not looked up at all.
    pub(super) fn begin(&self, target: &HostPort, proxy: Option<&HostPort>) -> Option<Asked> {
        match proxy {
            None => self.vet(target).ok()?.is_none().then(|| self.ask(&target.host))?.ok(),
            Some(proxy) => literal(&proxy.host).is_none().then(|| self.ask(&proxy.host))?.ok(),
        }
    }

    /// Asks on a thread of its own, which nobody waits for when time is up: `getaddrinfo` cannot be stopped.
    fn ask(&self, host: &str) -> io::Result<Asked> {
        let (answer, asked) = tokio::sync::oneshot::channel();
        let lookup = Arc::clone(&self.lookup);
        let name = host.to_owned();
        std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            // Nobody may be waiting any more.
            let _ = answer.send(lookup.lookup(&name));
        })?;
        Ok(Asked::Waiting(asked))
    }

    async fn look_up(&self, host: &str, limit: Duration, asked: Option<Asked>) -> Result<Vec<IpAddr>, ResolveError> {
        let failed = |why: String| ResolveError::Failed { host: host.to_owned(), why };
        let asked = match asked {
            Some(asked) => asked,
            None => self.ask(host).map_err(|error| failed(error.to_string()))?,
        };
        let found = timeout_at(Instant::now() + limit, asked.answer())
            .await
            .map_err(|_| ResolveError::TooSlow { host: host.to_owned(), seconds: limit.as_secs() })?
            .map_err(|error| failed(plain(&error)))?;
        if found.is_empty() {
            return Err(failed("the name has no address".to_owned()));
        }
        if found.len() > MOST_ADDRESSES {
            return Err(failed(format!("the name has more than {MOST_ADDRESSES} addresses")));
        }
        Ok(found)
    }
}

/// A host that is a literal address: IPv4, or IPv6 in brackets as URLs have it.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// What the name service says, without the call that said it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}
