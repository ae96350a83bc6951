//! The stand-ins hold what they promise: otherwise the cases prove nothing.

use rotabox_tests::ca::Ca;
use rotabox_tests::fault::Fault;
use rotabox_tests::http::{Answer, Request};
use rotabox_tests::leak;
use rotabox_tests::server::{Provider, Server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

struct Plain;
impl Provider for Plain {
    fn answer(&self, _: &Request) -> Answer {
        Answer::text(200, "yes")
    }
    fn changes(&self, request: &Request) -> bool {
        request.method == "POST"
    }
}

fn ask(server: &Server, ca: &Ca, request: &str) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = rustls_pki_types::pem::PemObject::from_pem_slice(ca.pem().as_bytes()).unwrap();
    roots.add(pem).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", server.port()))?;
    let mut stream = rustls::StreamOwned::new(connection, stream);
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

const POST: &str = "POST /change HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_changing_request_that_comes_twice_fails_the_test() {
    let ca = Ca::new();
    let server = Server::start(Arc::new(Plain), &ca, &[]);
    assert!(ask(&server, &ca, POST).unwrap().ends_with("yes"));
    server.check_once_only();
    ask(&server, &ca, POST).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| server.check_once_only())).is_err());
    server.begin_run();
    ask(&server, &ca, POST).unwrap();
    server.check_once_only();
}

#[test]
fn faults_reach_the_client_as_what_they_are() {
    let ca = Ca::new();
    let server = Server::start(Arc::new(Plain), &ca, &[]);
    let get = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (then, reads) in [("close", true), ("reset", false), ("truncate", false), ("garbage", true)] {
        let fault: Fault = toml::from_str(&format!("on = \"GET /a\"\ntimes = 1\nthen = {then:?}")).unwrap();
        server.script(fault);
        let got = ask(&server, &ca, get);
        assert_eq!(got.is_ok(), reads, "{then}: {got:?}");
        assert!(!got.unwrap_or_default().ends_with("yes"), "{then}");
        assert!(ask(&server, &ca, get).unwrap().ends_with("yes"), "{then} is over");
    }
    assert_eq!(server.lines().last().unwrap(), "GET /a 200");
}

#[test]
fn a_stranger_is_not_trusted() {
    let server = Server::start(Arc::new(Plain), &Ca::new(), &[]);
    assert!(ask(&server, &Ca::new(), POST).is_err());
    assert!(server.seen().is_empty());
}

#[test]
fn forms_of_a_secret_are_all_told_apart() {
    let forms = leak::forms("N3w\"pa$s\\w0rd & <é> %41+");
    assert!(forms.len() > 20, "{}", forms.len());
}
