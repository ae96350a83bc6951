//! Connections: whom they trust, when they are used again, and what is known to have been sent.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod http_common;

use http_common::{Authority, Conn, HOST, Server};
use rotabox::broker::http::cookies::Jar;
use rotabox::broker::http::dial::{Capability, Connection};
use rotabox::broker::http::failure::{DialError, NotSent, TlsReason};
use rotabox::page::answer::Answer;
use rotabox::page::place::Placed;
use rotabox::policy::file::HostPort;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

fn not_sent(answer: Result<Answer, DialError>) -> NotSent {
    match answer {
        Err(DialError::NotSent(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(answer) => panic!("answered {}", answer.status),
    }
}

async fn serve_all(mut conn: Conn) {
    while conn.request().await.is_some() {
        conn.ok("{}").await;
    }
}

async fn send(http: &mut Capability, request: Placed, connection: Connection) -> Result<u16, DialError> {
    http.send(request, &mut Jar::default(), connection).await.0.map(|answer| answer.status)
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_no_byte() {
    let authority = Authority::new();
    let expired = |params: &mut rcgen::CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    };
    let early = |params: &mut rcgen::CertificateParams| params.not_before = rcgen::date_time_ymd(2090, 1, 1);
    let for_clients = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    };
    for (case, tls, why, words) in [
        ("another name", authority.server("other.example.test"), TlsReason::OtherName, "for another name"),
        ("a wildcard above", authority.server("*.test"), TlsReason::OtherName, "for another name"),
        ("expired", authority.server_with(HOST, expired), TlsReason::Expired, "is expired"),
        ("early", authority.server_with(HOST, early), TlsReason::NotYetValid, "not valid yet"),
        ("not for servers", authority.server_with(HOST, for_clients), TlsReason::BadCertificate, "not one of a server"),
        (
            "another authority",
            Authority::new().server(HOST),
            TlsReason::UnknownAuthority,
            "`ca` in [network] of rotabox.toml",
        ),
        (
            "self-signed",
            http_common::self_signed(HOST),
            TlsReason::UnknownAuthority,
            "`ca` in [network] of rotabox.toml",
        ),
    ] {
        let server = Server::start(tls, serve_all).await;
        let error = not_sent(server.ask(&authority, server.post("/", "password")).await);
        assert_eq!(error, NotSent::Tls { host: HOST.to_owned(), why }, "{case}");
        let text = error.to_string();
        assert!(
            text.starts_with("`api.example.test` is not trusted: its certificate") && text.contains(words),
            "{text}"
        );
        assert_eq!((server.requests().len(), server.connections()), (0, 1), "{case}");
    }
}

#[tokio::test]
async fn a_server_without_a_safe_version_of_tls_gets_no_byte() {
    // Answers the hello as servers do that stopped at TLS 1.1: by an alert, or by choosing it.
    let alert = vec![0x15, 3, 1, 0, 2, 2, 70];
    let mut hello = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    for (answer, why) in [
        (alert, TlsReason::NotCompatible),
        (hello, TlsReason::NotCompatible),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), TlsReason::NotTls),
    ] {
        let answer = Arc::new(answer);
        let server = Server::plain(move |mut socket, _| {
            let answer = Arc::clone(&answer);
            async move {
                let mut hello = [0; 4096];
                let _ = socket.read(&mut hello).await;
                let _ = socket.write_all(&answer).await;
                // Until the client is gone, so that nothing is reset under its eyes.
                while socket.read(&mut hello).await.is_ok_and(|n| n > 0) {}
            }
        })
        .await;
        let error = not_sent(server.ask(&Authority::new(), server.post("/", "password")).await);
        assert_eq!(error, NotSent::Tls { host: HOST.to_owned(), why });
    }
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_gets_no_byte() {
    let authority = Authority::new();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let closing = Server::plain(|socket, _| async move { drop(socket) }).await;
    let refusing = Server { port: gone, requests: Default::default(), connections: Default::default() };
    for server in [closing, refusing] {
        let error = not_sent(server.ask(&authority, server.post("/", "password")).await);
        let NotSent::Connect { host, why } = error else { panic!("{error}") };
        assert_eq!(host, HOST);
        assert!(
            ["Connection refused", "Connection reset", "the connection was closed"]
                .iter()
                .any(|text| why.starts_with(text)),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_handshake_without_end_ends_at_the_deadline_with_nothing_sent() {
    let server = Server::plain(|socket, _| async move {
        let _kept = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let mut http = server.capability_with(&Authority::new().host_file(), Duration::from_millis(200), 1000);
    let answer = send(&mut http, server.post("/", "x"), Connection::Fresh).await;
    assert_eq!(answer, Err(DialError::OutOfTime { sent: false }));
}

#[tokio::test]
async fn after_the_deadline_nothing_is_dialled() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve_all).await;
    let mut http = server.capability_with(&authority.host_file(), Duration::ZERO, 1000);
    let answer = send(&mut http, server.get("/"), Connection::Fresh).await;
    assert_eq!(answer, Err(DialError::OutOfTime { sent: false }));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_server_that_closes_before_it_reads_may_have_read() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |conn| conn.close()).await;
    let error = server.ask(&authority, server.post("/", "x")).await.err().unwrap();
    assert!(matches!(error, DialError::NoAnswer(_)), "{error:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_is_no_answer() {
    let authority = Authority::new();
    let server = Server::start(authority.server_for_known_clients(HOST), serve_all).await;
    let error = server.ask(&authority, server.post("/", "x")).await.err().unwrap();
    // In TLS 1.3 the refusal comes after the client's part: bytes may have left.
    assert!(matches!(error, DialError::NoAnswer(_)), "{error:?}");
    assert_eq!(server.requests().len(), 0);
}

/// A server that answers all requests, and says which connection has ended.
async fn that_tells_of_ends(authority: &Authority) -> (Server, mpsc::UnboundedReceiver<usize>) {
    let (ended, ends) = mpsc::unbounded_channel();
    let server = Server::start(authority.server(HOST), move |mut conn| {
        let ended = ended.clone();
        async move {
            while conn.request().await.is_some() {
                conn.ok("{}").await;
            }
            ended.send(conn.index).unwrap();
        }
    });
    (server.await, ends)
}

#[tokio::test]
async fn a_step_uses_its_connection_again_and_the_next_step_does_not() {
    let authority = Authority::new();
    let (ended, mut ends) = mpsc::unbounded_channel();
    let server = Server::start(authority.server(HOST), move |mut conn| {
        let ended = ended.clone();
        async move {
            while conn.request().await.is_some() {
                conn.ok("{}").await;
            }
            ended.send(conn.index).unwrap();
        }
    })
    .await;
    let mut http = server.capability(&authority.host_file());
    for expected in [1, 1, 1] {
        assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
        assert_eq!(server.connections(), expected);
    }
    // A change goes its own way, and its connection is closed behind it.
    assert_eq!(send(&mut http, server.post("/", "x"), Connection::Fresh).await, Ok(200));
    assert_eq!((server.connections(), ends.recv().await), (2, Some(1)));
    // The kept one is still there.
    assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
    assert_eq!(server.connections(), 2);
    // The next step closes it.
    http.fresh();
    assert_eq!(ends.recv().await, Some(0));
    assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
    assert_eq!(server.connections(), 3);
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_connection_that_is_opened_ahead_serves_the_first_request_whatever_it_is() {
    for connection in [Connection::Kept, Connection::Shared, Connection::Fresh] {
        let authority = Authority::new();
        let (server, _ends) = that_tells_of_ends(&authority).await;
        let mut http = server.capability(&authority.host_file()).keeping();
        http.open_ahead(&server.host()).await;
        server.has_connections(1).await;
        // A step begins.
        http.fresh();
        assert_eq!(send(&mut http, server.post("/first", "x"), connection).await, Ok(200));
        assert_eq!(server.connections(), 1, "{connection:?}");
        assert_eq!(send(&mut http, server.get("/second"), Connection::Kept).await, Ok(200));
        let one_more = usize::from(connection == Connection::Fresh);
        assert_eq!(server.connections(), 1 + one_more, "only what changes something keeps it for itself");
        let requests = server.requests();
        let lines: Vec<_> = requests.iter().filter_map(|request| request.lines().next()).collect();
        assert_eq!(lines, ["POST /first HTTP/1.1", "GET /second HTTP/1.1"], "what opened it sent nothing");
    }
}

#[tokio::test]
async fn a_request_waits_for_the_connection_that_is_being_opened() {
    let authority = Authority::new();
    let (server, _ends) = that_tells_of_ends(&authority).await;
    let mut http = server.capability(&authority.host_file());
    http.open_ahead(&server.host()).await;
    assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_connection_that_was_opened_long_ahead_is_not_used() {
    let authority = Authority::new();
    let (server, mut ends) = that_tells_of_ends(&authority).await;
    let mut http = server.capability(&authority.host_file()).trusting_idle(Duration::ZERO);
    http.open_ahead(&server.host()).await;
    assert_eq!(send(&mut http, server.post("/", "x"), Connection::Fresh).await, Ok(200));
    assert_eq!((server.connections(), ends.recv().await), (2, Some(0)));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_goes_wrong_ahead_is_said_when_a_request_is_sent() {
    let authority = Authority::new();
    let server = Server::start(Authority::new().server(HOST), serve_all).await;
    let mut http = server.capability(&authority.host_file());
    http.open_ahead(&server.host()).await;
    server.has_connections(1).await;
    let error = not_sent(http.send(server.post("/", "x"), &mut Jar::default(), Connection::Fresh).await.0);
    assert_eq!(error, NotSent::Tls { host: HOST.to_owned(), why: TlsReason::UnknownAuthority });
    assert_eq!(server.requests().len(), 0);
    // Nor is anything opened where nothing may be sent.
    let stranger = HostPort { host: "stranger.example.test".to_owned(), port: server.port };
    http.open_ahead(&stranger).await;
    let mut request = server.get("/");
    request.origin = format!("https://{stranger}");
    let refused = not_sent(http.send(request, &mut Jar::default(), Connection::Kept).await.0);
    assert!(matches!(refused, NotSent::Resolve(_)), "{refused:?}");
}

#[tokio::test]
async fn a_run_keeps_for_its_next_step_only_a_connection_that_carried_nothing_of_the_account() {
    let authority = Authority::new();
    let (server, mut ends) = that_tells_of_ends(&authority).await;
    let mut http = server.capability(&authority.host_file()).keeping();
    // Two steps that look something up.
    for _ in 0..2 {
        assert_eq!(send(&mut http, server.get("/"), Connection::Shared).await, Ok(200));
        assert_eq!(server.connections(), 1);
        http.fresh();
    }
    // A sign-in is no look-up: it does not begin on what another step has left.
    assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
    assert_eq!(server.connections(), 2);
    http.fresh();
    assert_eq!(ends.recv().await, Some(1), "what carried the sign-in is closed with its step");
    // The look-up's is still there, until a sign-in follows on it within the step.
    assert_eq!(send(&mut http, server.get("/"), Connection::Shared).await, Ok(200));
    assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
    assert_eq!(server.connections(), 2);
    http.fresh();
    assert_eq!(ends.recv().await, Some(0));
    assert_eq!(send(&mut http, server.get("/"), Connection::Shared).await, Ok(200));
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_kept_connection_is_found_however_the_answer_before_ended() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |mut conn| async move {
        while let Some(request) = conn.request().await {
            let big = "x".repeat(40_000);
            match request.lines().next().unwrap_or_default() {
                "GET /none HTTP/1.1" => conn.write("HTTP/1.1 204 Fine\r\n\r\n").await,
                "GET /small HTTP/1.1" => conn.ok("{}").await,
                "GET /big HTTP/1.1" => conn.ok(&big).await,
                "GET /late HTTP/1.1" => {
                    conn.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{").await;
                    conn.write("}").await
                }
                _ => {
                    conn.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n").await;
                    conn.write("0\r\n\r\n").await
                }
            };
        }
    })
    .await;
    let mut http = server.capability(&authority.host_file());
    for path in ["/none", "/small", "/big", "/late", "/chunks"].repeat(4) {
        assert!(send(&mut http, server.get(path), Connection::Kept).await.is_ok());
    }
    assert_eq!((server.requests().len(), server.connections()), (20, 1));
}

#[tokio::test]
async fn two_requests_never_share_a_connection_that_a_failure_left_behind() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |mut conn| async move {
        conn.request().await;
        let answer = if conn.index == 0 {
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 200\r\n\r\n"
        } else {
            "HTTP/1.1 204 Fine\r\n\r\n"
        };
        conn.write(answer).await;
        // What would be taken for the answer to the second request.
        conn.write("HTTP/1.1 200 Forged\r\ncontent-length: 0\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut http = server.capability(&authority.host_file());
    assert!(matches!(send(&mut http, server.get("/"), Connection::Kept).await, Err(DialError::NoAnswer(_))));
    assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(204));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn bytes_behind_an_answer_are_never_the_answer_to_a_change() {
    const FORGED: &str = "HTTP/1.1 299 Forged\r\ncontent-length: 0\r\n\r\n";
    // In one piece with the answer, and in a piece of their own.
    for together in [true, false] {
        let authority = Authority::new();
        let server = Server::start(authority.server(HOST), move |mut conn| async move {
            conn.request().await;
            if conn.index > 0 {
                conn.ok("{}").await;
            } else if together {
                conn.write(&format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}{FORGED}")).await;
            } else {
                conn.ok("{}").await;
                conn.write(FORGED).await;
            }
            while conn.request().await.is_some() {}
        })
        .await;
        let mut http = server.capability(&authority.host_file());
        assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
        let change = send(&mut http, server.post("/", "x"), Connection::Fresh).await;
        assert_eq!(change, Ok(200), "{together}");
    }
}

/// How a stand-in treats the second request of its first connection.
type Ending = fn(Conn) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

#[tokio::test]
async fn a_request_on_a_connection_that_went_stale_is_sent_at_most_once() {
    let endings: [(&str, Ending); 4] = [
        ("closed at once", |conn| Box::pin(conn.close())),
        ("reset at once", |conn| Box::pin(async { conn.reset() })),
        ("closed after reading", |mut conn| {
            Box::pin(async move {
                conn.request().await;
                conn.close().await;
            })
        }),
        ("reset after reading", |mut conn| {
            Box::pin(async move {
                conn.request().await;
                conn.reset();
            })
        }),
    ];
    for (case, ending) in endings {
        for connection in [Connection::Kept, Connection::Fresh] {
            let authority = Authority::new();
            let server = Server::start(authority.server(HOST), move |mut conn| async move {
                conn.request().await;
                conn.ok("{}").await;
                if conn.index == 0 { ending(conn).await } else { serve_all(conn).await }
            })
            .await;
            let mut http = server.capability(&authority.host_file());
            assert_eq!(send(&mut http, server.get("/first"), Connection::Kept).await, Ok(200));
            let second = send(&mut http, server.post("/second", "change"), connection).await;
            let arrived = server.requests().iter().filter(|request| request.starts_with("POST")).count();
            match (connection, second) {
                // It has its own connection, whatever became of the other.
                (Connection::Fresh, second) => assert_eq!((second, arrived), (Ok(200), 1), "{case}"),
                // Written to a new connection because the old one was known to be closed, or not answered.
                (Connection::Kept | Connection::Shared, Ok(status)) => {
                    assert_eq!((status, arrived), (200, 1), "{case}")
                }
                (_, Err(DialError::NoAnswer(_))) => assert!(arrived <= 1, "{case}: {arrived}"),
                (_, Err(other)) => panic!("{case}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn cookies_go_back_within_a_step_and_end_with_its_jar() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |mut conn| async move {
        while conn.request().await.is_some() {
            conn.write(
                "HTTP/1.1 200 OK\r\nset-cookie: session=0123456789abcdef; Path=/; Secure; HttpOnly\r\n\
                 set-cookie: only=here; Path=/login\r\nset-cookie: evil=1; Domain=other.test\r\ncontent-length: 0\r\n\r\n",
            )
            .await;
        }
    })
    .await;
    let mut http = server.capability(&authority.host_file());
    let mut jar = Jar::default();
    for path in ["/login", "/login", "/api"] {
        assert_eq!(
            http.send(server.get(path), &mut jar, Connection::Kept).await.0.map(|answer| answer.status),
            Ok(200)
        );
    }
    assert_eq!(send(&mut http, server.get("/api"), Connection::Kept).await, Ok(200));
    let requests = server.requests();
    let cookies: Vec<_> =
        requests.iter().map(|request| request.lines().find_map(|line| line.strip_prefix("cookie: "))).collect();
    assert_eq!(cookies, [None, Some("only=here; session=0123456789abcdef"), Some("session=0123456789abcdef"), None]);
    assert_eq!(jar.values(), ["0123456789abcdef"]);
}

#[tokio::test]
async fn the_only_roots_are_those_of_the_operators_file() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve_all).await;
    // The compiled-in roots do not know the private authority; together with the file they do.
    let bundled = rotabox::policy::HostFile::default();
    let mut http = server.capability(&bundled);
    let answer = send(&mut http, server.get("/"), Connection::Fresh).await;
    assert_eq!(
        answer,
        Err(DialError::NotSent(NotSent::Tls { host: HOST.to_owned(), why: TlsReason::UnknownAuthority }))
    );
    let both = rotabox::policy::HostFile { roots: Default::default(), ..authority.host_file() };
    let mut http = server.capability(&both);
    assert_eq!(send(&mut http, server.get("/"), Connection::Fresh).await, Ok(200));
}

#[tokio::test]
async fn both_safe_versions_of_tls_are_spoken() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = Server::start(authority.server_of_version(HOST, version), serve_all).await;
        let answer = server.ask(&authority, server.get("/")).await;
        assert_eq!(answer.map(|answer| answer.status), Ok(200), "{:?}", version.version);
    }
}

#[tokio::test]
async fn the_proxy_of_the_operators_file_is_asked_to_connect_and_resolves_the_name() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve_all).await;
    let proxy = Proxy::start(server.port, "HTTP/1.1 200 Connected\r\n\r\n").await;
    let mut host_file = authority.host_file();
    host_file.proxy = Some(format!("http://us%65r:pa%20ss@proxy.example.test:{}", proxy.port).parse().unwrap());
    let names = http_common::Names::loopback();
    let mut http = server.capability_as(&host_file, Arc::clone(&names));
    let (answer, seen) = http.send(server.post("/", "password"), &mut Jar::default(), Connection::Fresh).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200));
    assert_eq!(seen.peer.unwrap().port(), proxy.port);
    // The provider's name never reaches the name service: the proxy resolves it.
    assert_eq!(*names.asked.lock().unwrap(), ["proxy.example.test"]);
    let head = proxy.head().to_ascii_lowercase();
    assert!(head.starts_with(&format!("connect {HOST}:{} http/1.1\r\n", server.port)), "{head}");
    assert!(head.contains("proxy-authorization: basic dxnlcjpwysbzcw=="), "{head}");
    assert!(!head.contains("t0ken"), "{head}");
    assert!(!server.requests()[0].to_ascii_lowercase().contains("proxy-"));
}

#[tokio::test]
async fn a_proxy_that_refuses_means_that_nothing_was_sent() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve_all).await;
    for (refusal, words) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "asks for a user and a password"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "refuses to connect"),
        ("HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1/\r\n\r\n", "refuses to connect"),
        ("", "was closed while"),
        ("nonsense\r\n\r\n", ""),
    ] {
        let proxy = Proxy::start(server.port, refusal).await;
        let mut host_file = authority.host_file();
        host_file.proxy = Some(format!("http://127.0.0.1:{}", proxy.port).parse().unwrap());
        let mut http = server.capability(&host_file);
        let answer = send(&mut http, server.post("/", "password"), Connection::Fresh).await;
        let Err(DialError::NotSent(why)) = answer else { panic!("{refusal}: {answer:?}") };
        let text = why.to_string();
        let start = format!("`{HOST}` cannot be connected to through the proxy `127.0.0.1:{}`: ", proxy.port);
        assert!(text.starts_with(&start) && text.contains(words), "{text}");
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn a_proxy_changes_nothing_about_which_hosts_are_allowed() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve_all).await;
    let proxy = Proxy::start(server.port, "HTTP/1.1 200 Connected\r\n\r\n").await;
    let mut host_file = authority.host_file();
    host_file.proxy = Some(format!("http://127.0.0.1:{}", proxy.port).parse().unwrap());
    for origin in ["https://evil.test".to_owned(), format!("https://{HOST}"), "https://169.254.169.254".to_owned()] {
        let mut http = server.capability(&host_file);
        let mut request = server.get("/");
        request.origin = origin;
        assert!(matches!(
            send(&mut http, request, Connection::Fresh).await,
            Err(DialError::NotSent(NotSent::Resolve(_)))
        ));
    }
    assert_eq!(proxy.head(), "");
}

#[tokio::test]
async fn nothing_is_opened_ahead_where_nothing_may_be_sent_through_a_proxy_either() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve_all).await;
    let proxy = Proxy::start(server.port, "HTTP/1.1 200 Connected\r\n\r\n").await;
    let mut host_file = authority.host_file();
    host_file.proxy = Some(format!("http://127.0.0.1:{}", proxy.port).parse().unwrap());
    let mut http = server.capability(&host_file);
    for host in ["evil.test", HOST, "169.254.169.254"] {
        http.open_ahead(&HostPort { host: host.to_owned(), port: 443 }).await;
    }
    // What was opened before this would have reached the proxy before it.
    assert_eq!(send(&mut http, server.get("/"), Connection::Kept).await, Ok(200));
    let head = proxy.head();
    let asked: Vec<_> = head.lines().filter(|line| line.starts_with("CONNECT")).collect();
    assert_eq!(asked, [format!("CONNECT {HOST}:{} HTTP/1.1", server.port)]);
}

/// A proxy that connects everything to one port, after its answer.
struct Proxy {
    port: u16,
    seen: Arc<std::sync::Mutex<String>>,
}

impl Proxy {
    async fn start(target: u16, answer: &'static str) -> Proxy {
        let seen = Arc::new(std::sync::Mutex::new(String::new()));
        let heads = Arc::clone(&seen);
        let server = Server::plain(move |mut socket, _| {
            let heads = Arc::clone(&heads);
            async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = socket.read_u8().await else { return };
                    head.push(byte);
                }
                heads.lock().unwrap().push_str(&String::from_utf8_lossy(&head));
                socket.write_all(answer.as_bytes()).await.unwrap();
                if answer.contains(" 200 ") {
                    let mut target = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut socket, &mut target).await;
                }
            }
        })
        .await;
        Proxy { port: server.port, seen }
    }

    fn head(&self) -> String {
        self.seen.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_session_is_not_taken_up_again_so_each_connection_proves_the_server_anew() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    // Two servers that know each other's sessions: whoever resumes one with the second never sees its certificate.
    let tickets = rustls::crypto::ring::Ticketer::new().unwrap();
    let with_tickets = |config: Arc<rustls::ServerConfig>| {
        let mut config = (*config).clone();
        config.ticketer = Arc::clone(&tickets);
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    };
    let acceptors = [with_tickets(authority.server(HOST)), with_tickets(stranger.server(HOST))];
    let (tell, requests) = std::sync::mpsc::channel();
    let server = Server::plain(move |socket, index| {
        let (acceptor, tell) = (acceptors[index.min(1)].clone(), tell.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(socket).await else { return };
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|n| n > 0) {
                tell.send(index).unwrap();
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let mut http = server.capability(&authority.host_file());
    let first = http.send(server.get("/"), &mut Jar::default(), Connection::Fresh).await.0;
    assert_eq!(first.map(|answer| answer.status), Ok(200));
    let second = http.send(server.post("/", "password"), &mut Jar::default(), Connection::Fresh).await.0;
    let why = TlsReason::UnknownAuthority;
    assert_eq!(not_sent(second), NotSent::Tls { host: HOST.to_owned(), why });
    assert_eq!(requests.try_iter().collect::<Vec<_>>(), [0], "the second server gets no byte");
}
