//! Pinned public keys, and certificates that this side shows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod http_common;

use http_common::{Authority, Conn, HOST, Names, Server, loopback};
use rotabox::broker::http::client::{SetupError, Trust};
use rotabox::broker::http::cookies::Jar;
use rotabox::broker::http::dial::{Capability, Connection, Settings};
use rotabox::broker::http::failure::{DialError, NotSent, TlsReason};
use rotabox::broker::http::identity::BadClientCertificate;
use rotabox::page::Secret;
use rotabox::policy::HostFile;
use rotabox::policy::file::HostPort;
use rotabox::policy::tls::{ByOrigin, ClientPems, Demands, Pin};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn serve_all(mut conn: Conn) {
    while conn.request().await.is_some() {
        conn.ok("{}").await;
    }
}

/// TLS of a server that `authority` signed, and the pin of its key.
fn signed(authority: &Authority) -> (Arc<ServerConfig>, Pin) {
    let (certificate, key) = authority.signed(&rcgen::CertificateParams::new(vec![HOST.to_owned()]).unwrap());
    let pair = rcgen::KeyPair::try_from(key.secret_der()).unwrap();
    (http_common::server_config(certificate, key), pin(&pair))
}

fn pin(pair: &rcgen::KeyPair) -> Pin {
    use rcgen::PublicKeyData;
    Pin::of_key(&pair.subject_public_key_info())
}

fn some_pin() -> Pin {
    pin(&rcgen::KeyPair::generate().unwrap())
}

fn origin(server: &Server) -> HostPort {
    HostPort { host: HOST.to_owned(), port: server.port }
}

fn pinned(server: &Server, pins: &[Pin]) -> ByOrigin {
    ByOrigin::from([(origin(server), Demands { pins: pins.to_vec(), client: None })])
}

fn capability(servers: &[&Server], host_file: &HostFile, demands: &ByOrigin) -> Capability {
    let settings = Settings {
        hosts: servers.iter().map(|server| origin(server)).collect(),
        open: servers.iter().map(|server| loopback(HOST, server.port)).collect(),
        answer_bytes: 64 * 1024,
        deadline: Instant::now() + Duration::from_secs(60),
    };
    Capability::with_lookup(settings, Trust::load(host_file).unwrap().towards(demands).unwrap(), Names::loopback())
}

async fn post(http: &mut Capability, server: &Server) -> Result<u16, DialError> {
    let request = server.post("/", "password");
    http.send(request, &mut Jar::default(), Connection::Fresh).await.0.map(|answer| answer.status)
}

#[tokio::test]
async fn a_server_with_another_key_than_the_pinned_one_gets_no_byte() {
    let authority = Authority::new();
    let (tls, own) = signed(&authority);
    let server = Server::start(tls, serve_all).await;
    let file = authority.host_file();
    for pins in [vec![own], vec![some_pin(), own], vec![]] {
        let answer = post(&mut capability(&[&server], &file, &pinned(&server, &pins)), &server).await;
        assert_eq!(answer, Ok(200), "{pins:?}");
    }
    let seen = server.requests().len();
    for pins in [vec![some_pin()], vec![some_pin(), some_pin()]] {
        let mut http = capability(&[&server], &file, &pinned(&server, &pins));
        let error = post(&mut http, &server).await.unwrap_err();
        let why = TlsReason::NotPinned { found: own };
        assert_eq!(error, DialError::NotSent(NotSent::Tls { host: HOST.to_owned(), why }));
        // Its certificates are known now, which changes nothing.
        assert_eq!(post(&mut http, &server).await.unwrap_err(), error);
        assert!(error.to_string().contains(&own.to_string()) && error.to_string().contains("`pins`"), "{error}");
        let DialError::NotSent(why) = error else { panic!() };
        assert!(!why.may_pass(), "it is not tried again");
    }
    assert_eq!(server.requests().len(), seen, "no byte of a request");
}

#[tokio::test]
async fn a_pin_comes_on_top_of_the_chain_and_never_in_its_place() {
    let authority = Authority::new();
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = Server::start(http_common::server_config(made.cert.der().clone(), key), serve_all).await;
    let own = pin(&made.signing_key);
    let mut http = capability(&[&server], &authority.host_file(), &pinned(&server, &[own]));
    let why = TlsReason::UnknownAuthority;
    assert_eq!(post(&mut http, &server).await, Err(DialError::NotSent(NotSent::Tls { host: HOST.to_owned(), why })));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_pin_binds_its_own_origin_only() {
    let authority = Authority::new();
    let (one, other) = (signed(&authority), signed(&authority));
    let own = one.1;
    let (one, other) = (Server::start(one.0, serve_all).await, Server::start(other.0, serve_all).await);
    let mut http = capability(&[&one, &other], &authority.host_file(), &pinned(&one, &[own]));
    assert_eq!(post(&mut http, &one).await, Ok(200));
    assert_eq!(post(&mut http, &other).await, Ok(200));
}

/// A certificate for clients, and its key.
fn client(authority: &Authority) -> (String, String) {
    let mut params = rcgen::CertificateParams::new(vec!["gateway".to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let (certificate, key) = authority.signed(&params);
    let pair = rcgen::KeyPair::try_from(key.secret_der()).unwrap();
    (pem(&certificate), pair.serialize_pem())
}

fn pem(certificate: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn shown(server: &Server, (certificate, key): (String, String)) -> ByOrigin {
    let client = ClientPems { certificate: Secret::new("certificate", certificate), key: Secret::new("key", key) };
    ByOrigin::from([(origin(server), Demands { pins: Vec::new(), client: Some(client) })])
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_is_shown_the_records_and_no_other_server_is() {
    let authority = Authority::new();
    let own = Server::start(authority.server_for_known_clients(HOST), serve_all).await;
    let other = Server::start(authority.server_for_known_clients(HOST), serve_all).await;
    let demands = shown(&own, client(&authority));
    let mut http = capability(&[&own, &other], &authority.host_file(), &demands);
    assert_eq!(post(&mut http, &own).await, Ok(200));
    // The other one asks for a certificate too, gets none, and so lets nobody in.
    let refused = post(&mut http, &other).await;
    assert!(matches!(refused, Err(DialError::NoAnswer(_))), "{refused:?}");
    assert_eq!((own.requests().len(), other.requests().len()), (1, 0));
    // One that another authority signed is of no use.
    let mut http = capability(&[&own], &authority.host_file(), &shown(&own, client(&Authority::new())));
    assert!(post(&mut http, &own).await.is_err());
    assert_eq!(own.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_shown_no_certificate() {
    let authority = Authority::new();
    let server = Server::start(authority.server_for_known_clients(HOST), serve_all).await;
    let mut demands = shown(&server, client(&authority));
    demands.get_mut(&origin(&server)).unwrap().pins = vec![some_pin()];
    let error = post(&mut capability(&[&server], &authority.host_file(), &demands), &server).await;
    assert!(
        matches!(&error, Err(DialError::NotSent(NotSent::Tls { why: TlsReason::NotPinned { .. }, .. }))),
        "{error:?}"
    );
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn what_is_no_client_certificate_is_said_before_anything_is_dialled_and_never_quoted() {
    let authority = Authority::new();
    let server = Server::start(authority.server_for_known_clients(HOST), serve_all).await;
    let (certificate, key) = client(&authority);
    let other_key = client(&authority).1;
    let flat = |pem: &str| pem.replace('\n', " ");
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let garbled = "-----BEGIN PRIVATE KEY-----\nSGVsbG8gd29ybGQ=\n-----END PRIVATE KEY-----\n".to_owned();
    for (case, certificate, key, expected) in [
        ("no certificate", String::new(), key.clone(), BadClientCertificate::NoCertificate),
        ("a certificate on one line", flat(&certificate), key.clone(), BadClientCertificate::NoCertificate),
        ("a key as certificate", key.clone(), key.clone(), BadClientCertificate::NoCertificate),
        ("no key", certificate.clone(), "hunter2".to_owned(), BadClientCertificate::NoKey),
        ("a key on one line", certificate.clone(), flat(&key), BadClientCertificate::NoKey),
        ("a locked key", certificate.clone(), locked, BadClientCertificate::NoKey),
        ("no such key", certificate.clone(), garbled, BadClientCertificate::UnknownKey),
        ("the key of another", certificate.clone(), other_key, BadClientCertificate::OtherKey),
    ] {
        let secrets = [certificate.clone(), key.clone()];
        let demands = shown(&server, (certificate, key));
        let error = Trust::load(&authority.host_file()).unwrap().towards(&demands).err().unwrap();
        let SetupError::ClientCertificate { why, .. } = &error else { panic!("{case}: {error}") };
        assert_eq!(*why, expected, "{case}");
        let said = format!("{error} {error:?} {demands:?}");
        for line in secrets.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with("-----")) {
            assert!(line.is_empty() || !said.contains(line), "{case}: {said}");
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_proxy_that_is_reached_by_tls_might_be_shown_the_certificate_and_so_is_refused() {
    let authority = Authority::new();
    let origin = HostPort { host: HOST.to_owned(), port: 443 };
    let (certificate, key) = client(&authority);
    let client = ClientPems { certificate: Secret::new("certificate", certificate), key: Secret::new("key", key) };
    let demands = ByOrigin::from([(origin, Demands { pins: Vec::new(), client: Some(client) })]);
    for (proxy, refused) in [("https://proxy.test:3129", true), ("http://proxy.test:3128", false)] {
        let file = HostFile { proxy: Some(proxy.parse().unwrap()), ..authority.host_file() };
        let trust = Trust::load(&file).unwrap().towards(&demands);
        assert_eq!(matches!(trust, Err(SetupError::ClientCertificateBehindTlsProxy { .. })), refused, "{proxy}");
    }
}
