//! Where a request may go: allowed hosts only, one look-up, every address vetted, nothing from the environment.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod http_common;

use http_common::{Authority, Canary, HOST, Names, Server};
use rotabox::broker::http::client::Trust;
use rotabox::broker::http::cookies::Jar;
use rotabox::broker::http::dial::{Capability, Connection, Settings};
use rotabox::broker::http::failure::{DialError, NotSent};
use rotabox::broker::http::resolve::ResolveError;
use rotabox::page::place::Placed;
use rotabox::policy::HostFile;
use rotabox::policy::file::HostPort;
use rotabox::policy::host::Opening;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A capability for `HOST` and some literal hosts, all at `port`, without any opening.
fn capability(port: u16, names: &Arc<Names>, deadline: Duration) -> Capability {
    let literals = ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:7f00:1]", "metadata.google.internal"];
    let settings = Settings {
        hosts: literals.iter().chain(&[HOST]).map(|host| HostPort { host: (*host).to_owned(), port }).collect(),
        open: Vec::new(),
        answer_bytes: 1000,
        deadline: Instant::now() + deadline,
    };
    Capability::with_lookup(settings, Trust::load(&HostFile::default()).unwrap(), Arc::clone(names) as _)
}

fn placed(origin: String) -> Placed {
    Placed {
        method: rotabox::page::model::Method::Get,
        origin,
        path: "/".to_owned(),
        query: String::new(),
        headers: Vec::new(),
        body: None,
    }
}

async fn refusal(http: &mut Capability, origin: String) -> ResolveError {
    match http.send(placed(origin), &mut Jar::default(), Connection::Kept).await.0 {
        Err(DialError::NotSent(NotSent::Resolve(why))) => why,
        Err(other) => panic!("{other}"),
        Ok(answer) => panic!("answered {}", answer.status),
    }
}

fn names(addresses: &'static [&'static str]) -> Arc<Names> {
    Names::new(move |_| Ok(addresses.iter().map(|address| address.parse().unwrap()).collect()))
}

#[tokio::test]
async fn a_name_that_is_not_allowed_is_not_even_looked_up() {
    let names = Names::loopback();
    let mut http = capability(8443, &names, Duration::from_secs(5));
    for host in [
        format!("https://{HOST}"),
        format!("https://{HOST}:8444"),
        "https://evil.test:8443".to_owned(),
        format!("https://{HOST}.evil.test:8443"),
        format!("https://evil-{HOST}:8443"),
        "https://other.example.test:8443".to_owned(),
        "https://data-in-the-name.evil.test:8443".to_owned(),
        "https://192.168.0.1:8443".to_owned(),
    ] {
        assert!(matches!(refusal(&mut http, host).await, ResolveError::NotAllowed(_)));
    }
    assert!(names.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_metadata_name_is_not_looked_up_even_if_it_is_allowed() {
    let names = Names::loopback();
    let mut http = capability(8443, &names, Duration::from_secs(5));
    let why = refusal(&mut http, "https://metadata.google.internal:8443".to_owned()).await;
    assert!(matches!(why, ResolveError::MetadataName(_)));
    assert!(names.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_literal_address_is_judged_like_one_that_was_looked_up() {
    let canary = Canary::new();
    let names = Names::loopback();
    let mut http = capability(canary.port(), &names, Duration::from_secs(5));
    for host in ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:7f00:1]"] {
        let why = refusal(&mut http, format!("https://{host}:{}", canary.port())).await;
        assert!(matches!(why, ResolveError::Refused { .. }), "{host}: {why}");
    }
    assert!(names.asked.lock().unwrap().is_empty());
    assert!(!canary.was_touched());
}

#[tokio::test]
async fn an_allowed_name_with_a_private_address_is_refused_and_so_is_a_mixture() {
    for addresses in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["168.63.129.16"],
        &["1.1.1.1", "127.0.0.1"],
        &["127.0.0.1", "1.1.1.1"],
        &["2606:4700::1111", "fd00:ec2::254"],
    ] {
        let canary = Canary::new();
        let names = names(addresses);
        let mut http = capability(canary.port(), &names, Duration::from_secs(5));
        let why = refusal(&mut http, format!("https://{HOST}:{}", canary.port())).await;
        assert!(matches!(why, ResolveError::Refused { .. }), "{addresses:?}: {why}");
        let text = why.to_string();
        assert!(text.contains("[[network.open]]") && text.contains(HOST), "{text}");
        assert!(!canary.was_touched(), "{addresses:?}");
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_its_later_addresses_do_not_matter() {
    // What rebinding does: another address at each look-up. The canary listens on the second one.
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |conn| conn.once("HTTP/1.1 204 Fine\r\n\r\n")).await;
    let canary = std::net::TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), server.port)).unwrap();
    canary.set_nonblocking(true).unwrap();
    let asked = AtomicUsize::new(0);
    let names = Names::new(move |_| {
        let last = 1 + u8::try_from(asked.fetch_add(1, Ordering::SeqCst)).unwrap();
        Ok(vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))])
    });
    let mut http = server.capability_as(&authority.host_file(), Arc::clone(&names));
    http.warm(&HostPort { host: HOST.to_owned(), port: server.port });
    for connection in [Connection::Kept, Connection::Fresh, Connection::Kept] {
        let (answer, seen) = http.send(server.get("/"), &mut Jar::default(), connection).await;
        assert_eq!(answer.map(|answer| answer.status), Ok(204));
        assert_eq!(seen.peer.unwrap().ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        http.fresh();
    }
    assert_eq!(names.asked.lock().unwrap().len(), 1);
    assert!(canary.accept().is_err());
}

#[tokio::test]
async fn an_address_that_cannot_be_connected_to_is_looked_up_again() {
    // The port is closed on the first address only.
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |conn| conn.once("HTTP/1.1 204 Fine\r\n\r\n")).await;
    let asked = AtomicUsize::new(0);
    let names = Names::new(move |_| {
        let last = if asked.fetch_add(1, Ordering::SeqCst) == 0 { 9 } else { 1 };
        Ok(vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))])
    });
    let mut http = server.capability_as(&authority.host_file(), names);
    // What was to be opened beside the first one goes with it.
    http.open_next(Some(server.host()));
    let first = http.send(server.get("/"), &mut Jar::default(), Connection::Fresh).await.0;
    assert!(matches!(first, Err(DialError::NotSent(NotSent::Connect { .. }))));
    let second = http.send(server.get("/"), &mut Jar::default(), Connection::Fresh).await.0;
    assert_eq!(second.map(|answer| answer.status), Ok(204));
}

#[tokio::test]
async fn the_systems_own_resolver_is_asked() {
    let authority = Authority::new();
    let server = Server::start(authority.server("localhost"), |conn| conn.once("HTTP/1.1 204 Fine\r\n\r\n")).await;
    let opening =
        |network: &str| Opening { host: "localhost".to_owned(), network: network.parse().unwrap(), port: server.port };
    let settings = Settings {
        hosts: vec![HostPort { host: "localhost".to_owned(), port: server.port }],
        open: vec![opening("127.0.0.0/8"), opening("::1/128")],
        ..server.settings()
    };
    let mut http = Capability::new(settings, Trust::load(&authority.host_file()).unwrap());
    let request = placed(format!("https://localhost:{}", server.port));
    let answer = http.send(request, &mut Jar::default(), Connection::Fresh).await.0;
    assert_eq!(answer.map(|answer| answer.status), Ok(204));
}

#[tokio::test]
async fn a_name_service_that_fails_says_why_and_nothing_is_sent() {
    let failing =
        Names::new(|_| Err(io::Error::other("failed to lookup address information: Name or service not known")));
    let mut http = capability(8443, &failing, Duration::from_secs(5));
    let why = refusal(&mut http, format!("https://{HOST}:8443")).await;
    assert_eq!(why.to_string(), format!("`{HOST}` cannot be looked up: Name or service not known"));
    let empty = names(&[]);
    let mut http = capability(8443, &empty, Duration::from_secs(5));
    let why = refusal(&mut http, format!("https://{HOST}:8443")).await;
    assert!(matches!(why, ResolveError::Failed { .. }), "{why}");
    let many = Names::new(|_| Ok((0..65).map(|last| IpAddr::from([1, 1, 1, last])).collect()));
    let mut http = capability(8443, &many, Duration::from_secs(5));
    let why = refusal(&mut http, format!("https://{HOST}:8443")).await;
    assert!(matches!(why, ResolveError::Failed { .. }), "{why}");
}

#[tokio::test]
async fn a_name_service_that_hangs_ends_at_the_deadline_with_nothing_sent() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let hanging = Names::new(move |_| {
        let _ = held.lock().unwrap().recv();
        Ok(Vec::new())
    });
    let mut http = capability(8443, &hanging, Duration::from_millis(100));
    let origin = format!("https://{HOST}:8443");
    let answer = http.send(placed(origin), &mut Jar::default(), Connection::Fresh).await.0;
    assert_eq!(answer.err(), Some(DialError::OutOfTime { sent: false }));
    drop(release);
}

/// The test binary runs this as a process of its own, with an environment made to mislead.
#[tokio::test]
#[ignore = "run by `nothing_is_taken_from_the_environment`"]
async fn in_a_hostile_environment() {
    assert!(std::env::vars_os().any(|(name, _)| name == "HTTPS_PROXY"));
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |conn| conn.once("HTTP/1.1 204 Fine\r\n\r\n")).await;
    let answer = server.ask(&authority, server.get("/")).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(204));
    // A root that only the environment names is none.
    let other = Authority::new();
    let answer = server.ask(&other, server.get("/")).await;
    assert!(matches!(answer, Err(DialError::NotSent(NotSent::Tls { .. }))));
    eprintln!("in a hostile environment: all done");
}

#[test]
fn nothing_is_taken_from_the_environment() {
    let canary = Canary::new();
    let proxy = format!("http://127.0.0.1:{}", canary.port());
    let keys = tempfile::tempdir().unwrap();
    let key_log = keys.path().join("keys");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "in_a_hostile_environment", "--ignored", "--nocapture"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &proxy);
    }
    command.env("SSLKEYLOGFILE", &key_log).env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/nowhere");
    let output = command.env("RUST_LOG", "trace").env("NO_PROXY", "").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("all done"), "{text}");
    assert!(!text.contains("t0ken"), "{text}");
    assert!(!canary.was_touched());
    assert!(!key_log.exists());
}

#[test]
fn certificates_that_cannot_be_used_are_said_before_anything_is_dialled() {
    use rotabox::policy::host::Roots;
    let folder = tempfile::tempdir().unwrap();
    let with_ca = |name: &str, content: Option<&str>| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        HostFile { ca: Some(path), ..HostFile::default() }
    };
    let none = HostFile { roots: Roots::None, ..HostFile::default() };
    let socks = HostFile { proxy: Some("socks5://127.0.0.1:1080".parse().unwrap()), ..HostFile::default() };
    for (host_file, words) in [
        (with_ca("missing.pem", None), "No such file"),
        (with_ca("empty.pem", Some("")), "holds no certificate"),
        (with_ca("text.pem", Some("not a certificate")), "holds no certificate"),
        (
            with_ca("key.pem", Some("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
            "holds no certificate",
        ),
        (with_ca("cut.pem", Some("-----BEGIN CERTIFICATE-----\nAAAA\n")), "cannot be read"),
        (with_ca("bad.pem", Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), "cannot be read"),
        (none, "trusts nobody"),
        (socks, "only http:// and https:// proxies"),
    ] {
        let text = Trust::load(&host_file).err().unwrap().to_string();
        assert!(text.contains(words) && text.contains("rotabox.toml"), "{text}");
    }
    for roots in [Roots::Bundled, Roots::System] {
        let host_file = HostFile { roots, ..HostFile::default() };
        let loaded = Trust::load(&host_file);
        // A machine without a bundle says so.
        let fine = loaded.is_ok() || (roots == Roots::System && !std::path::Path::new("/etc/ssl/certs").exists());
        assert!(fine, "{:?}", loaded.err());
    }
}
