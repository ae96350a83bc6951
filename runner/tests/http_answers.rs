//! What comes back: answers as they are, under caps, in time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod http_common;

use http_common::{Authority, Server};
use rotabox::broker::http::cookies::Jar;
use rotabox::broker::http::dial::Connection;

#[tokio::test]
async fn an_answer_arrives_whole_and_the_request_is_what_was_placed() {
    let authority = Authority::new();
    let server = Server::start(authority.server(http_common::HOST), |mut conn| async move {
        while conn.request().await.is_some() {
            conn.write("HTTP/1.1 201 Created\r\nX-Request-Id: r1\r\ncontent-length: 2\r\n\r\n{}").await;
        }
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
            &format!("host: {}:{}", http_common::HOST, server.port),
            &format!("user-agent: rotabox/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(body, r#"{"password":"new"}"#);
}
