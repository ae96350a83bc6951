//! Bytes as a raw answer, through the real client: name service, TCP on loopback, TLS, HTTP, caps.
//!
//! The first byte is the request's method (`H`, `P`, else GET; a small letter puts a good status line before the answer), the second in how
//! many pieces the answer comes (`0`: one), the third whether the end of TLS is left out (`c`).

use crate::artifacts;
use crate::ca::Ca;
use rotabox::broker::http::client::Trust;
use rotabox::broker::http::cookies::Jar;
use rotabox::broker::http::dial::{Capability, Connection, Settings};
use rotabox::broker::http::failure::DialError;
use rotabox::broker::http::resolve::Lookup;
use rotabox::page::answer::Answer;
use rotabox::page::model::Method;
use rotabox::page::place::Placed;
use rotabox::policy::HostFile;
use rotabox::policy::host::{Opening, Roots};
use rotabox::policy::hosts::HostPort;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const HOST: &str = "api.example.test";
/// Most bytes of a body.
const CAP: usize = 4096;
/// No input waits for anything: all are far below.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) fn response(bytes: &[u8]) {
    let [letter, pieces, end, raw @ ..] = bytes else { return };
    let method = match letter.to_ascii_uppercase() {
        b'H' => Method::Head,
        b'P' => Method::Post,
        _ => Method::Get,
    };
    let status: &[u8] = if letter.is_ascii_lowercase() { b"HTTP/1.1 200 OK\r\n" } else { b"" };
    let raw = &[status, raw].concat();
    let script =
        Script { raw: raw.clone(), pieces: usize::from(pieces.saturating_sub(b'0')).clamp(1, 64), ends: *end != b'c' };
    thread_local!(static SCENE: Scene = Scene::new());
    SCENE.with(|scene| {
        let answer = scene.ask(method, script);
        let first = scene.seen.recv_timeout(DEADLINE).expect("the server");
        assert!(first.ends_with(" /S3cret-path HTTP/1.1"), "{first}");
        // A second request of this input, or one of the last that came late.
        assert_eq!(scene.seen.try_iter().next(), None, "it was asked twice");
        match answer {
            Ok(answer) => check(&answer, method, raw),
            Err(DialError::NoAnswer(why)) => assert!(!why.to_string().contains("S3cret"), "{why}"),
            Err(other) => panic!("{other}"),
        }
    });
}

/// An answer is what was written, within the caps.
fn check(answer: &Answer, method: Method, raw: &[u8]) {
    assert!((200..1000).contains(&answer.status) || answer.status == 101, "{}", answer.status);
    assert!(answer.body.len() <= CAP, "{} bytes", answer.body.len());
    assert!(method != Method::Head || answer.body.is_empty());
    assert!(answer.headers.len() <= 100, "{} header lines", answer.headers.len());
    for (name, value) in &answer.headers {
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()), "{name:?}");
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
    }
    let chunked = raw.to_ascii_lowercase().windows(7).any(|word| word == b"chunked");
    let stands = |part: &[u8]| part.is_empty() || raw.windows(part.len()).any(|window| window == part);
    assert!(chunked || stands(&answer.body), "a body that nobody wrote");
}

/// What the server does with the next connection.
struct Script {
    raw: Vec<u8>,
    pieces: usize,
    ends: bool,
}

/// A client's settings, and a server on a thread of its own that lives as long as the process.
struct Scene {
    runtime: tokio::runtime::Runtime,
    trust: Trust,
    port: u16,
    next: Sender<Script>,
    /// The request lines that came.
    seen: Receiver<String>,
}

impl Scene {
    fn new() -> Scene {
        let ca = Ca::new();
        let folder = artifacts::scratch();
        let host = HostFile { roots: Roots::None, ca: Some(ca.write(folder.path())), ..HostFile::default() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let tls = ca.server(&[HOST]);
        let (next, scripts) = channel();
        let (tell, seen) = channel();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                // A connection too many finds no script, and is told of all the same.
                let script = scripts.try_recv().ok();
                let said = serve(socket, &tls, script).unwrap_or_else(|error| format!("no request: {error}"));
                if tell.send(said).is_err() {
                    return;
                }
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Scene { runtime, trust: Trust::load(&host).expect("the authority"), port, next, seen }
    }

    fn ask(&self, method: Method, script: Script) -> Result<Answer, DialError> {
        self.next.send(script).expect("the server");
        let settings = Settings {
            hosts: vec![HostPort { host: HOST.to_owned(), port: self.port }],
            open: vec![Opening {
                host: HOST.to_owned(),
                network: "127.0.0.0/8".parse().expect("a network"),
                port: self.port,
            }],
            answer_bytes: CAP,
            deadline: Instant::now() + DEADLINE,
        };
        let mut http = Capability::with_lookup(settings, self.trust.clone(), Arc::new(Here));
        let request = Placed {
            method,
            origin: format!("https://{HOST}:{}", self.port),
            path: "/S3cret-path".to_owned(),
            query: String::new(),
            headers: vec![("authorization".to_owned(), "S3cret-header".to_owned())],
            body: (method == Method::Post).then(|| b"x".to_vec()),
        };
        self.runtime.block_on(async { http.send(request, &mut Jar::default(), Connection::Fresh).await.0 })
    }
}

/// Reads one request, then writes what the script says.
fn serve(socket: TcpStream, tls: &Arc<ServerConfig>, script: Option<Script>) -> io::Result<String> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    let server = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(server, socket);
    let mut request = Vec::new();
    while !whole(&request) {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
    let script = script.unwrap_or(Script { raw: Vec::new(), pieces: 1, ends: true });
    let piece = script.raw.len().div_ceil(script.pieces).max(1);
    // The client may have heard enough before all is said.
    let said = script.raw.chunks(piece).try_for_each(|piece| stream.write_all(piece).and_then(|()| stream.flush()));
    if script.ends && said.is_ok() {
        stream.conn.send_close_notify();
        drop(stream.flush());
    }
    Ok(String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned())
}

/// Its head is there, and the one byte of a body if it announces it.
fn whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    !request.starts_with(b"POST") || request.len() > end + 4
}

/// Everything is here.
struct Here;

impl Lookup for Here {
    fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
    }
}
