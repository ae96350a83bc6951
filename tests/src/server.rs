//! The server under every stand-in: TLS on loopback, one thread a connection, every request recorded, faults by script.
//!
//! Promise 4 says that a request that changes something is never sent twice. That is asserted here, for every stand-in
//! and every case: [`Server::check_once_only`] after each run, and again when the server is dropped.

use crate::ca::Ca;
use crate::fault::{Fault, How};
use crate::gate::{Gate, Held, Moment};
use crate::http::{Answer, Request, read_request};
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a read waits before it looks whether the server is to end.
const TICK: Duration = Duration::from_millis(100);
/// How long a drip waits between two bytes.
const DRIP: Duration = Duration::from_millis(200);
/// Longest that a test waits for the connections of dead clients to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a stand-in does with requests.
pub trait Provider: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: &Request) -> Answer;
    /// Whether the request is one that changes something, which may come once in a run only.
    fn changes(&self, request: &Request) -> bool;
}

/// A running stand-in. Ends when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    provider: Arc<dyn Provider>,
    tls: Arc<rustls::ServerConfig>,
    faults: Mutex<Vec<Fault>>,
    gates: Mutex<Vec<Arc<Held>>>,
    seen: Mutex<Seen>,
    connections: AtomicUsize,
    ended: AtomicUsize,
    ending: AtomicBool,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    /// The status of each answer; none if there was no whole answer.
    statuses: Vec<Option<u16>>,
    /// Where the present run begins in `requests`.
    run: usize,
    /// What clients sent that was no HTTP.
    broken: Vec<String>,
    /// Several accounts are changed in one run: a changing request may come again with another body.
    by_body: bool,
    /// Only counted, not kept: for more runs than memory is meant to grow with.
    many: Option<Many>,
}

#[derive(Default)]
struct Many {
    requests: usize,
    /// Hashes of the changing requests, bodies included, since the last run began.
    changing: HashSet<u64>,
    twice: Vec<String>,
}

impl Seen {
    /// Takes a request in, which gets its number.
    fn take(&mut self, request: &mut Request, changes: bool) {
        let Some(many) = &mut self.many else {
            request.number = self.requests.len();
            self.requests.push(request.clone());
            self.statuses.push(None);
            return;
        };
        request.number = many.requests;
        many.requests += 1;
        if changes {
            let mut hasher = DefaultHasher::new();
            (request.line(), &request.body).hash(&mut hasher);
            if !many.changing.insert(hasher.finish()) {
                many.twice.push(request.line());
            }
        }
    }
}

impl Server {
    /// Starts on a free port of 127.0.0.1 with a leaf for `localhost`, `127.0.0.1` and `names`.
    pub fn start(provider: Arc<dyn Provider>, ca: &Ca, names: &[&str]) -> Server {
        let mut all = vec!["localhost", "127.0.0.1"];
        all.extend(names);
        Server::start_with(provider, ca.server(&all), 0)
    }

    /// Starts with that TLS configuration on that port (0: a free one).
    pub fn start_with(provider: Arc<dyn Provider>, tls: Arc<rustls::ServerConfig>, port: u16) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port on loopback");
        Server::start_on(listener, provider, tls)
    }

    /// Starts on a listener that is there already (its address may have had to be known to the provider).
    pub fn start_on(listener: TcpListener, provider: Arc<dyn Provider>, tls: Arc<rustls::ServerConfig>) -> Server {
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            provider,
            tls,
            faults: Mutex::default(),
            gates: Mutex::default(),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Server { address, shared }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `https://localhost:PORT`.
    pub fn url(&self) -> String {
        self.url_for("localhost")
    }

    /// `https://NAME:PORT`.
    pub fn url_for(&self, name: &str) -> String {
        format!("https://{name}:{}", self.port())
    }

    /// Adds a fault.
    pub fn script(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Nothing goes wrong by script any more.
    pub fn forget_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Holds the request `on` (`METHOD path`, with `*`) that comes after `skip` others of its kind.
    pub fn hold(&self, on: &str, skip: usize, moment: Moment) -> Gate {
        let (gate, held) = Gate::new(on, skip, moment);
        lock(&self.shared.gates).push(held);
        gate
    }

    /// A new run begins: what was seen is kept, the once-only rule starts afresh.
    pub fn begin_run(&self) {
        let mut seen = lock(&self.shared.seen);
        seen.run = seen.requests.len();
        if let Some(many) = &mut seen.many {
            many.changing.clear();
        }
    }

    /// Runs come for several accounts at once: a changing request may come again with another body, but never with the same.
    pub fn of_many_accounts(&self) {
        lock(&self.shared.seen).by_body = true;
    }

    /// From now on requests are counted and not kept. Many runs come at once, each for another account: a changing request may come
    /// again with another body, but never with the same.
    pub fn only_count(&self) {
        lock(&self.shared.seen).many.get_or_insert_default();
    }

    /// How many requests were counted.
    pub fn counted(&self) -> usize {
        lock(&self.shared.seen).many.as_ref().map_or(0, |many| many.requests)
    }

    /// Forgets all that was seen, for those who send very much. No request may be on its way.
    pub fn forget(&self) {
        *lock(&self.shared.seen) = Seen::default();
    }

    /// The requests of the present run, in the order in which they were read, and the status of each answer.
    pub fn seen(&self) -> Vec<(Request, Option<u16>)> {
        let seen = lock(&self.shared.seen);
        seen.requests[seen.run..].iter().cloned().zip(seen.statuses[seen.run..].iter().copied()).collect()
    }

    /// How many changing requests came in the present run.
    pub fn changing(&self) -> usize {
        let seen = lock(&self.shared.seen);
        seen.requests[seen.run..].iter().filter(|request| self.shared.provider.changes(request)).count()
    }

    /// The same as lines: `POST /api/v1/authn 200`, with `-` for no answer.
    pub fn lines(&self) -> Vec<String> {
        let line = |(request, status): (Request, Option<u16>)| {
            format!("{} {}", request.line(), status.map_or_else(|| "-".to_owned(), |status| status.to_string()))
        };
        self.seen().into_iter().map(line).collect()
    }

    /// From now on connections are refused.
    pub fn stop_listening(&self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        while TcpStream::connect(self.address).is_ok() {
            std::thread::yield_now();
        }
    }

    /// Whether the request is one that changes something.
    pub fn changes(&self, request: &Request) -> bool {
        self.shared.provider.changes(request)
    }

    /// How many connections were accepted, those that never sent a request included.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until every connection has ended: what dead clients had sent is done by then, and nothing more will be.
    pub fn wait_until_left(&self) {
        let begun = Instant::now();
        while self.shared.ended.load(Ordering::SeqCst) < self.connections() {
            assert!(begun.elapsed() < PATIENCE, "a connection is still open after {PATIENCE:?}");
            std::thread::yield_now();
        }
    }

    /// Panics if a changing request came more than once in the present run, or if a client sent what is no HTTP.
    pub fn check_once_only(&self) {
        let seen = lock(&self.shared.seen);
        let mut counts = BTreeMap::new();
        for request in seen.requests[seen.run..].iter().filter(|request| self.shared.provider.changes(request)) {
            let body = if seen.by_body { request.text() } else { String::new() };
            *counts.entry((request.line(), body)).or_insert(0_usize) += 1;
        }
        let twice: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
        assert!(twice.is_empty(), "changing requests were sent more than once in a run: {twice:?}");
        let twice = seen.many.as_ref().map_or(&[][..], |many| &many.twice);
        assert!(twice.is_empty(), "the same changing requests came more than once: {twice:?}");
        assert!(seen.broken.is_empty(), "broken requests came: {:?}", seen.broken);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address)); // wakes the accepting thread
        if !std::thread::panicking() {
            self.check_once_only();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            drop(serve(stream, number, &shared));
            shared.ended.fetch_add(1, Ordering::SeqCst);
        });
    }
}

/// One connection, until either side ends it.
fn serve(stream: TcpStream, connection: usize, shared: &Arc<Shared>) -> io::Result<()> {
    stream.set_read_timeout(Some(TICK))?;
    stream.set_nodelay(true)?;
    let tls = rustls::ServerConnection::new(Arc::clone(&shared.tls)).map_err(io::Error::other)?;
    let mut stream = rustls::StreamOwned::new(tls, Patient { stream, shared: Arc::clone(shared) });
    loop {
        let (method, target, headers, body) = match read_request(&mut stream) {
            Ok(Some(parts)) => parts,
            Ok(None) => return Ok(()),
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData && error.to_string().starts_with("the client sent") {
                    lock(&shared.seen).broken.push(error.to_string());
                }
                return Err(error);
            }
        };
        let request = {
            let mut request = Request { number: 0, connection, at: Instant::now(), method, target, headers, body };
            let changes = shared.provider.changes(&request);
            lock(&shared.seen).take(&mut request, changes);
            request
        };
        let gates = lock(&shared.gates).clone();
        gates.iter().for_each(|gate| gate.pass(&request, Moment::Read));
        let fault = lock(&shared.faults).iter_mut().find_map(|fault| fault.take(&request));
        let how = match fault {
            None => How::Answer(shared.provider.answer(&request)),
            Some((how, false)) => how,
            Some((how, true)) => how.or_truly(shared.provider.answer(&request)),
        };
        if let How::Answer(answer) = &how
            && let Some(status) = lock(&shared.seen).statuses.get_mut(request.number)
        {
            *status = Some(answer.status);
        }
        gates.iter().for_each(|gate| gate.pass(&request, Moment::Applied));
        let replied = reply(&mut stream, how);
        gates.iter().for_each(|gate| gate.pass(&request, Moment::Answered));
        gates.iter().for_each(|gate| gate.over(&request));
        if !replied? || request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            stream.conn.send_close_notify();
            return stream.flush();
        }
    }
}

/// Writes the reply; whether the connection goes on.
fn reply(stream: &mut rustls::StreamOwned<rustls::ServerConnection, Patient>, how: How) -> io::Result<bool> {
    match how {
        How::Answer(answer) => {
            stream.write_all(&answer.bytes())?;
            stream.flush()?;
            Ok(!answer.headers.iter().any(|(name, value)| name == "connection" && value == "close"))
        }
        How::Raw(bytes) => {
            stream.write_all(&bytes)?;
            stream.flush()?;
            Ok(false)
        }
        How::Endless(head, again) => {
            stream.write_all(&head)?;
            while !stream.sock.shared.ending.load(Ordering::SeqCst) {
                stream.write_all(&again)?;
                stream.flush()?;
            }
            Ok(false)
        }
        How::Close => Ok(false),
        How::Reset => {
            socket2::SockRef::from(&stream.sock.stream).set_linger(Some(Duration::ZERO))?;
            Err(io::ErrorKind::ConnectionReset.into())
        }
        How::Silence => {
            let mut rest = [0; 64];
            while stream.read(&mut rest)? > 0 {}
            Ok(false)
        }
        How::Truncate(answer) => {
            let bytes = answer.bytes();
            let half = bytes.len() - answer.body.len().div_ceil(2).max(1);
            stream.write_all(&bytes[..half])?;
            stream.flush()?;
            Err(io::ErrorKind::ConnectionAborted.into()) // no close_notify either
        }
        How::Drip(answer) => {
            for byte in answer.bytes() {
                stream.write_all(&[byte])?;
                stream.flush()?;
                std::thread::sleep(DRIP);
                if stream.sock.shared.ending.load(Ordering::SeqCst) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

/// A socket whose reads wait as long as the server lives.
struct Patient {
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Read for Patient {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(out) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.shared.ending.load(Ordering::SeqCst) {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
                result => return result,
            }
        }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A listener that nobody may touch: counts the connections that come.
pub struct Canary {
    address: SocketAddr,
    touched: Arc<AtomicUsize>,
    ending: Arc<AtomicBool>,
}

impl Canary {
    /// Listens on a free port of `address`, a loopback address.
    pub fn on(address: IpAddr) -> Canary {
        Canary::at(address, 0)
    }

    /// The same on that port, if nobody has it there; else on a free one.
    pub fn at(address: IpAddr, port: u16) -> Canary {
        assert!(address.is_loopback(), "canaries live on loopback");
        let listener = TcpListener::bind((address, port))
            .or_else(|_| TcpListener::bind((address, 0)))
            .expect("a port on loopback");
        let canary = Canary {
            address: listener.local_addr().expect("an address"),
            touched: Arc::default(),
            ending: Arc::default(),
        };
        let (touched, ending) = (Arc::clone(&canary.touched), Arc::clone(&canary.ending));
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                touched.fetch_add(1, Ordering::SeqCst);
            }
        });
        canary
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        let touched = self.touched.load(Ordering::SeqCst);
        self.ending.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if !std::thread::panicking() {
            assert_eq!(touched, 0, "the canary on {} was touched", self.address);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
