//! A private authority and raw TLS servers on loopback, for the suites of the HTTP capability.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each suite uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use rotabox::broker::http::client::Trust;
use rotabox::broker::http::cookies::Jar;
use rotabox::broker::http::dial::{Capability, Connection, Settings};
use rotabox::broker::http::failure::DialError;
use rotabox::broker::http::resolve::Lookup;
use rotabox::page::answer::Answer;
use rotabox::page::model::Method;
use rotabox::page::place::Placed;
use rotabox::policy::HostFile;
use rotabox::policy::file::HostPort;
use rotabox::policy::host::{Opening, Roots};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The name under which the stand-ins are reached.
pub const HOST: &str = "api.example.test";

/// A private authority.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "a private authority");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        Self { issuer: rcgen::Issuer::new(params, key), file }
    }

    /// TLS of a server called `name`.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.server_with(name, |_| ())
    }

    /// As [`Authority::server`], with a change to the certificate.
    pub fn server_with(&self, name: &str, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Arc<ServerConfig> {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let (certificate, key) = self.signed(&params);
        server_config(certificate, key)
    }

    /// TLS of a server called `name` that wants a certificate of the client.
    pub fn server_for_known_clients(&self, name: &str) -> Arc<ServerConfig> {
        let mut roots = rustls::RootCertStore::empty();
        let pem = std::fs::read(self.file.path()).unwrap();
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let (certificate, key) = self.signed(&params);
        let config = builder().with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key).unwrap();
        Arc::new(config)
    }

    /// TLS of a server called `name` that speaks one version only.
    pub fn server_of_version(&self, name: &str, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let (certificate, key) = self.signed(&rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Arc::new(config)
    }

    pub fn signed(&self, params: &rcgen::CertificateParams) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    /// An operator's file that trusts this authority and nobody else.
    pub fn host_file(&self) -> HostFile {
        HostFile { roots: Roots::None, ca: Some(self.file.path().to_owned()), ..HostFile::default() }
    }
}

pub fn server_config(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Arc<ServerConfig> {
    Arc::new(builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

/// TLS of a server that signed its certificate itself.
pub fn self_signed(name: &str) -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    server_config(made.cert.der().clone(), key)
}

/// One accepted connection of a stand-in.
pub struct Conn {
    pub stream: TlsStream<TcpStream>,
    /// How many connections came before.
    pub index: usize,
    requests: Requests,
}

/// All requests that a stand-in has read, head and body.
pub type Requests = Arc<Mutex<Vec<String>>>;

impl Conn {
    /// Reads one request whole; none at the end of the connection.
    pub async fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |value| value.trim().parse().unwrap());
        while bytes.len() < end + length {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            }
        }
        let request = String::from_utf8_lossy(&bytes).into_owned();
        self.requests.lock().unwrap().push(request.clone());
        Some(request)
    }

    /// Writes bytes; false once the client is gone.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Reads one request, then writes an answer in raw bytes and closes as TLS wants it.
    pub async fn once(mut self, answer: impl AsRef<[u8]>) {
        self.request().await;
        self.write(answer).await;
        self.close().await;
    }

    /// Answers 200 with a body.
    pub async fn ok(&mut self, body: &str) -> bool {
        self.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await
    }

    /// Closes as TLS wants it.
    pub async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Closes with a reset.
    pub fn reset(self) {
        // The one way to send a reset; the pending data is dropped.
        self.stream.get_ref().0.set_zero_linger().unwrap();
        drop(self);
    }
}

/// A stand-in on loopback.
pub struct Server {
    pub port: u16,
    pub requests: Requests,
    /// Connections accepted, with or without a handshake.
    pub connections: Arc<AtomicUsize>,
}

impl Server {
    /// Each connection is handed to `serve`.
    pub async fn start<S, F>(tls: Arc<ServerConfig>, serve: S) -> Server
    where
        S: Fn(Conn) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let requests = Requests::default();
        let seen = Arc::clone(&requests);
        let serve = Arc::new(Mutex::new(serve));
        Self::raw(requests, move |socket, index| {
            let tls = TlsAcceptor::from(Arc::clone(&tls));
            let requests = Arc::clone(&seen);
            let serve = Arc::clone(&serve);
            async move {
                let Ok(stream) = tls.accept(socket).await else { return };
                let serving = (serve.lock().unwrap())(Conn { stream, index, requests });
                serving.await;
            }
        })
        .await
    }

    /// Each connection is handed to `serve` without TLS.
    pub async fn plain<S, F>(serve: S) -> Server
    where
        S: Fn(TcpStream, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::raw(Requests::default(), serve).await
    }

    async fn raw<S, F>(requests: Requests, serve: S) -> Server
    where
        S: Fn(TcpStream, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let index = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, index));
            }
        });
        Server { port, requests, connections }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// A capability that may reach only this stand-in, as `HOST`, and trusts `host_file`.
    pub fn capability(&self, host_file: &HostFile) -> Capability {
        self.capability_with(host_file, Duration::from_secs(20), 64 * 1024)
    }

    pub fn capability_with(&self, host_file: &HostFile, deadline: Duration, answer_bytes: usize) -> Capability {
        let settings = Settings { answer_bytes, deadline: Instant::now() + deadline, ..self.settings() };
        Capability::with_lookup(settings, Trust::load(host_file).unwrap(), Names::loopback())
    }

    pub fn capability_as(&self, host_file: &HostFile, names: Arc<Names>) -> Capability {
        Capability::with_lookup(self.settings(), Trust::load(host_file).unwrap(), names)
    }

    pub fn host(&self) -> HostPort {
        HostPort { host: HOST.to_owned(), port: self.port }
    }

    /// Waits until that many connections were accepted.
    pub async fn has_connections(&self, count: usize) {
        while self.connections() < count {
            tokio::task::yield_now().await;
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            hosts: vec![self.host()],
            open: vec![loopback(HOST, self.port)],
            answer_bytes: 64 * 1024,
            deadline: Instant::now() + Duration::from_secs(20),
        }
    }

    /// Sends a request on a capability of its own and answers what came of it.
    pub async fn ask(&self, authority: &Authority, request: Placed) -> Result<Answer, DialError> {
        let mut http = self.capability_with(&authority.host_file(), Duration::from_secs(10), 64 * 1024);
        http.send(request, &mut Jar::default(), Connection::Fresh).await.0
    }

    pub fn get(&self, path: &str) -> Placed {
        self.request(Method::Get, path, None)
    }

    pub fn post(&self, path: &str, body: &str) -> Placed {
        self.request(Method::Post, path, Some(body.as_bytes().to_vec()))
    }

    pub fn request(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Placed {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Placed {
            method,
            origin: format!("https://{HOST}:{}", self.port),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![("authorization".to_owned(), "SSWS t0ken-of-the-admin".to_owned())],
            body,
        }
    }
}

/// A listener that nobody may dial.
pub struct Canary(std::net::TcpListener);

impl Canary {
    pub fn new() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub fn was_touched(&self) -> bool {
        self.0.accept().is_ok()
    }
}

/// An opening of loopback for one host and port.
pub fn loopback(host: &str, port: u16) -> Opening {
    Opening { host: host.to_owned(), network: "127.0.0.0/8".parse().unwrap(), port }
}

type Answers = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// A name service that answers as it is told and writes down what it was asked.
pub struct Names {
    answers: Box<Answers>,
    pub asked: Mutex<Vec<String>>,
}

impl Names {
    pub fn new(answers: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answers: Box::new(answers), asked: Mutex::new(Vec::new()) })
    }

    /// Everything is here.
    pub fn loopback() -> Arc<Self> {
        Self::new(|_| Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]))
    }
}

impl Lookup for Names {
    fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        (self.answers)(host)
    }
}
