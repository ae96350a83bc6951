//! What comes back: answers as they are, under caps, in time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod http_common;

use http_common::{Authority, Canary, Conn, HOST, Server};
use rotabox::broker::http::cookies::Jar;
use rotabox::broker::http::dial::Connection;
use rotabox::broker::http::failure::{DialError, NoAnswer};
use rotabox::page::answer::Answer;
use rotabox::page::model::Method;
use std::future::Future;
use std::time::{Duration, Instant};

/// What a GET comes to on a stand-in that treats each connection like this.
async fn answer_of<F>(serve: fn(Conn) -> F) -> Result<Answer, DialError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve).await;
    let answer = server.ask(&authority, server.get("/")).await;
    assert_eq!(server.requests().len(), 1, "nothing is sent twice");
    answer
}

fn unanswered(answer: Result<Answer, DialError>) -> NoAnswer {
    match answer {
        Err(DialError::NoAnswer(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(answer) => panic!("answered {}", answer.status),
    }
}

#[tokio::test]
async fn an_answer_arrives_whole_and_the_request_is_what_was_placed() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |conn| {
        conn.once("HTTP/1.1 201 Created\r\nX-Request-Id: r1\r\ncontent-length: 2\r\n\r\n{}")
    })
    .await;
    let mut http = server.capability(&authority.host_file());
    let placed = server.post("/api/v1/users/a%2Fb?filter=a%20eq%20%22b%22", r#"{"password":"new"}"#);
    let (answer, seen) = http.send(placed, &mut Jar::default(), Connection::Fresh).await;
    let answer = answer.map_err(|error| error.to_string()).unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body, b"{}");
    assert!(answer.headers.contains(&("x-request-id".to_owned(), "r1".to_owned())));
    assert_eq!(seen.peer.unwrap().port(), server.port);
    let request = &server.requests()[0];
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /api/v1/users/a%2Fb?filter=a%20eq%20%22b%22 HTTP/1.1"));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "accept-encoding: identity",
            "accept: application/json, */*;q=0.5",
            "authorization: SSWS t0ken-of-the-admin",
            "content-length: 18",
            &format!("host: {HOST}:{}", server.port),
            &format!("user-agent: rotabox/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(body, r#"{"password":"new"}"#);
}

#[tokio::test]
async fn every_method_has_the_length_that_servers_ask_for() {
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |conn| conn.once("HTTP/1.1 204 No Content\r\n\r\n")).await;
    for (method, body, length) in [
        (Method::Get, None, None),
        (Method::Head, None, None),
        (Method::Delete, None, None),
        (Method::Post, None, Some("content-length: 0")),
        (Method::Put, None, Some("content-length: 0")),
        (Method::Patch, None, Some("content-length: 0")),
        (Method::Post, Some(b"abc".to_vec()), Some("content-length: 3")),
        (Method::Delete, Some(b"{}".to_vec()), Some("content-length: 2")),
    ] {
        let answer = server.ask(&authority, server.request(method, "/", body)).await.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        let request = server.requests().pop().unwrap();
        assert!(request.starts_with(&format!("{} / HTTP/1.1\r\n", method.as_str())), "{request}");
        assert_eq!(request.lines().find(|line| line.starts_with("content-length")), length, "{request}");
        assert!(!request.contains("transfer-encoding"), "{request}");
    }
}

#[tokio::test]
async fn answers_are_read_in_each_form_they_may_have() {
    let authority = Authority::new();
    for (case, raw, status, body) in [
        ("with a length", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", 200, "abc"),
        (
            "in chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nt: 1\r\n\r\n",
            200,
            "abc",
        ),
        ("until the end", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc", 200, "abc"),
        ("of HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nabc", 200, "abc"),
        ("without a body", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("a bare number", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n0", 200, "0"),
        ("a client error", "HTTP/1.1 429 Too Many\r\nretry-after: 1000000000\r\ncontent-length: 0\r\n\r\n", 429, ""),
        ("a server error", "HTTP/1.1 503 Sorry\r\ncontent-length: 0\r\n\r\n", 503, ""),
        ("without a reason", "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, ""),
        (
            "after interim answers",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            200,
            "",
        ),
        ("coded as identity", "HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\ncontent-length: 1\r\n\r\nx", 200, "x"),
    ] {
        let server = Server::start(authority.server(HOST), move |conn| conn.once(raw)).await;
        match server.ask(&authority, server.get("/")).await {
            Ok(answer) => {
                assert_eq!((answer.status, String::from_utf8_lossy(&answer.body).as_ref()), (status, body), "{case}");
            }
            Err(error) => panic!("{case}: {error}"),
        }
    }
}

#[tokio::test]
async fn headers_are_text_whatever_their_bytes() {
    let answer = answer_of(|conn| conn.once(b"HTTP/1.1 200 OK\r\nX-Utf8: na\xc3\xafve\r\nX-Latin1: na\xefve\r\nx-two: 1\r\nX-Two: 2\r\ncontent-length: 0\r\n\r\n")).await;
    let headers = answer.map_err(|error| error.to_string()).unwrap().headers;
    let of = |name: &str| {
        headers.iter().filter(|header| header.0 == name).map(|header| header.1.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("x-utf8"), ["naïve"]);
    assert_eq!(of("x-latin1"), ["naïve"]);
    assert_eq!(of("x-two"), ["1", "2"]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let authority = Authority::new();
    let canary = Canary::new();
    let port = canary.port();
    for status in [301, 302, 303, 307, 308] {
        for location in [
            format!("https://127.0.0.1:{port}/latest"),
            format!("https://{HOST}:{port}/"),
            format!("http://{HOST}:{port}/"),
            format!("//127.0.0.1:{port}/"),
            "/elsewhere".to_owned(),
            "//".to_owned(),
        ] {
            let raw = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            let server = Server::start(authority.server(HOST), move |conn| conn.once(raw.clone())).await;
            let answer = server.ask(&authority, server.get("/")).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(answer.status, status);
            assert!(answer.headers.contains(&("location".to_owned(), location)));
            assert_eq!((server.requests().len(), server.connections()), (1, 1));
        }
    }
    assert!(!canary.was_touched());
}

#[tokio::test]
async fn a_coded_answer_is_none() {
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, identity", "identity, gzip"] {
        let raw = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 4\r\n\r\n\u{1f}\u{0}ab");
        let authority = Authority::new();
        let server = Server::start(authority.server(HOST), move |conn| conn.once(raw.clone())).await;
        let answer = server.ask(&authority, server.get("/")).await;
        assert_eq!(unanswered(answer), NoAnswer::Encoded, "{coding}");
    }
}

#[tokio::test]
async fn a_body_up_to_the_cap_is_read_and_one_above_is_none() {
    const CAP: usize = 10_000;
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), |mut conn| async move {
        let request = conn.request().await.unwrap_or_default();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let (kind, size) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
        let size: usize = size.parse().unwrap();
        match kind {
            "length" => {
                conn.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n")).await;
                // A body of ten gigabytes is only announced.
                conn.write("x".repeat(size.min(CAP * 2))).await;
            }
            _ => {
                conn.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                let mut left = size;
                while left > 0 {
                    let chunk = left.min(700);
                    if !conn.write(format!("{chunk:x}\r\n{}\r\n", "x".repeat(chunk))).await {
                        return;
                    }
                    left -= chunk;
                }
                conn.write("0\r\n\r\n").await;
            }
        }
        conn.close().await;
    })
    .await;
    for (path, size) in [
        ("length", CAP),
        ("length", CAP + 1),
        ("length", 10_000_000_000),
        ("chunked", CAP),
        ("chunked", CAP + 1),
        ("chunked", 10_000_000_000),
    ] {
        let mut http = server.capability_with(&authority.host_file(), Duration::from_secs(2), CAP);
        let request = server.get(&format!("/{path}/{size}"));
        let answer = http.send(request, &mut Jar::default(), Connection::Kept).await.0;
        if size <= CAP {
            assert_eq!(answer.unwrap_or_else(|error| panic!("{path} {size}: {error}")).body.len(), size);
        } else {
            assert_eq!(unanswered(answer), NoAnswer::TooLarge { cap: CAP }, "{path} {size}");
        }
    }
}

#[tokio::test]
async fn a_cut_answer_is_none() {
    let authority = Authority::new();
    for (case, raw) in [
        ("nothing at all", ""),
        ("half a status line", "HTTP/1.1 2"),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-"),
        ("half a body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
        ("half a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
        ("no last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n"),
        ("interim answers only", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let server = Server::start(authority.server(HOST), move |conn| conn.once(raw)).await;
        let answer = server.ask(&authority, server.post("/", "x")).await;
        assert_eq!(unanswered(answer), NoAnswer::Closed, "{case}");
        assert_eq!(server.requests().len(), 1, "{case}");
    }
}

#[tokio::test]
async fn a_body_that_ends_without_the_end_of_tls_is_cut() {
    let answer = answer_of(|mut conn| async move {
        conn.request().await;
        conn.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"half\":").await;
        // Dropped: TCP ends, TLS does not.
    })
    .await;
    assert_eq!(unanswered(answer), NoAnswer::Closed);
}

#[tokio::test]
async fn a_reset_after_the_request_is_no_answer() {
    let answer = answer_of(|mut conn| async move {
        conn.request().await;
        conn.reset();
    })
    .await;
    assert_eq!(unanswered(answer), NoAnswer::Closed);
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    let authority = Authority::new();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-a: b\r\n".repeat(200));
    let long = format!("HTTP/1.1 200 OK\r\nx-a: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(2 << 20));
    let wide = format!("HTTP/1.1 200 OK\r\nx-a: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(70 << 10));
    for (case, raw) in [
        ("HTTP/0.9", "hello"),
        ("another protocol", "SSH-2.0-OpenSSH_9.9\r\n"),
        ("a bad status", "HTTP/1.1 2x0 OK\r\n\r\n"),
        ("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        ("another version", "HTTP/3.0 200 OK\r\n\r\n"),
        ("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        ("a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"),
        ("a length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a bad chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"),
        ("NUL in a header", "HTTP/1.1 200 OK\r\nx-a: a\0b\r\n\r\n"),
        ("a blank in a name", "HTTP/1.1 200 OK\r\nx a: b\r\n\r\n"),
        ("a folded line", "HTTP/1.1 200 OK\r\nx-a: b\r\n c\r\n\r\n"),
        ("200 headers", many.as_str()),
        ("a header of two megabytes", long.as_str()),
        ("a header of 70 kilobytes", wide.as_str()),
    ] {
        let raw = raw.to_owned();
        let server = Server::start(authority.server(HOST), move |conn| conn.once(raw.clone())).await;
        let answer = server.ask(&authority, server.get("/")).await;
        if let Ok(answer) = &answer {
            panic!("{case}: {} {:?}", answer.status, answer.headers);
        }
        let why = unanswered(answer);
        let expected = matches!(why, NoAnswer::Malformed | NoAnswer::HeadersTooLarge { .. });
        assert!(expected, "{case}: {why:?}");
        assert_eq!(server.requests().len(), 1, "{case}");
    }
}

/// Must end at the deadline, and not much later.
async fn ends_at_the_deadline<F>(serve: fn(Conn) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    const DEADLINE: Duration = Duration::from_millis(300);
    let authority = Authority::new();
    let server = Server::start(authority.server(HOST), serve).await;
    let began = Instant::now();
    let mut http = server.capability_with(&authority.host_file(), DEADLINE, 1 << 20);
    let answer = http.send(server.post("/", "x"), &mut Jar::default(), Connection::Fresh).await.0;
    assert_eq!(answer.err(), Some(DialError::OutOfTime { sent: true }));
    assert!(began.elapsed() >= DEADLINE);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    ends_at_the_deadline(|mut conn| async move {
        conn.request().await;
        std::future::pending::<()>().await;
    })
    .await;
}

#[tokio::test]
async fn a_dripping_head_ends_at_the_deadline() {
    ends_at_the_deadline(|mut conn| async move {
        conn.request().await;
        conn.write("HTTP/1.1 200 OK\r\nx-a: ").await;
        while conn.write("b").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_dripping_body_ends_at_the_deadline() {
    ends_at_the_deadline(|mut conn| async move {
        conn.request().await;
        conn.write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
        while conn.write("x").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_endless_stream_of_interim_answers_ends_at_the_deadline() {
    ends_at_the_deadline(|mut conn| async move {
        conn.request().await;
        while conn.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(100)).await {}
    })
    .await;
}

#[tokio::test]
async fn no_error_text_holds_anything_of_the_request_or_the_answer() {
    let authority = Authority::new();
    for raw in [
        "",
        "HTTP/1.1 2x0 leaked-by-the-answer\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-encoding: leaked-by-the-answer\r\n\r\n",
    ] {
        let server = Server::start(authority.server(HOST), move |conn| conn.once(raw)).await;
        let request = server.post("/leaked-path?leaked-query=1", "leaked-body");
        let error = server.ask(&authority, request).await.err().unwrap();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("leaked") && !text.contains("t0ken"), "{text}");
        }
    }
}

mod any_bytes {
    use super::*;
    use proptest::prelude::*;

    /// Pieces of answers, in any order.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let pieces = [
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 500 \r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "content-length: 3\r\n",
            "content-length: 18446744073709551615\r\n",
            "content-length: 99999999999999999999999\r\n",
            "transfer-encoding: chunked\r\n",
            "transfer-encoding: gzip, chunked\r\n",
            "connection: keep-alive\r\n",
            "connection: close\r\n",
            "set-cookie: a=b; expires=x\r\n",
            ": no name\r\n",
            "\r\n",
            "\n",
            "3\r\nabc\r\n",
            "ffffffffffffffff\r\n",
            "0\r\n\r\n",
            "abc",
        ];
        prop_oneof![
            8 => proptest::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..20),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn end_in_an_answer_or_none_within_the_caps_and_are_asked_for_once(
            pieces in proptest::collection::vec(piece(), 0..9),
            starts_well in any::<bool>(),
        ) {
            let mut raw = if starts_well { b"HTTP/1.1 200 OK\r\n".to_vec() } else { Vec::new() };
            raw.extend(pieces.concat());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (answer, requests) = runtime.block_on(async {
                let authority = Authority::new();
                let server = Server::start(authority.server(HOST), move |conn| conn.once(raw.clone())).await;
                (server.ask(&authority, server.post("/", "x")).await, server.requests().len())
            });
            prop_assert_eq!(requests, 1);
            match answer {
                Ok(answer) => prop_assert!(answer.body.len() <= 64 * 1024 && (100..1000).contains(&answer.status)),
                Err(error) => prop_assert!(matches!(error, DialError::NoAnswer(_)), "{error}"),
            }
        }
    }
}
