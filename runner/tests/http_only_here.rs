//! `broker/http` is the only code that opens a socket, but for one that leads to no host.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

/// What code needs to reach the network, or a socket of any kind.
const NETWORK: [&str; 17] = [
    "TcpStream",
    "TcpListener",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "ToSocketAddrs",
    "to_socket_addrs",
    "lookup_host",
    "getaddrinfo",
    "reqwest",
    "hyper",
    "tokio::net",
    "std::net::*",
    "libc::socket",
    "socket2",
];

/// The system log's socket is a file of this host: a datagram to it goes to no other. The one name, in the one file.
const SYSTEM_LOG: (&str, &str) = ("src/audit/syslog.rs", "UnixDatagram");

/// The pair of sockets between a batch's broker and its launcher leads to no other process.
const HANDOVER: (&str, &str) = ("src/confine/handover.rs", "UnixStream");

#[test]
fn no_code_outside_broker_http_opens_a_socket() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here.parent().unwrap();
    let mut files = Vec::new();
    // Everything that runs with secrets or with a rotator; `tests` holds stand-ins, which listen.
    for folder in ["runner/src", "runner/page/src", "guest-sdk", "guests"] {
        rust_files(&workspace.join(folder), &mut files);
    }
    let home = here.join("src/broker/http");
    let (inside, outside): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| file.starts_with(&home) || **file == home.with_extension("rs"));
    let may = |file: &PathBuf| {
        [SYSTEM_LOG, HANDOVER].iter().find(|(path, _)| *file == here.join(path)).map_or("", |(_, word)| *word)
    };
    let found: Vec<_> = outside.iter().flat_map(|file| uses(file, may(file))).collect();
    assert!(found.is_empty(), "sockets belong to broker/http:\n{}", found.join("\n"));
    // The search finds what is there to be found.
    assert!(inside.iter().flat_map(|file| uses(file, "")).any(|line| line.contains("reqwest")));
    assert!(outside.len() > 20, "{}", outside.len());
}

/// Lines of code that name the network, other than by a word that the file may use. Comments may.
fn uses(file: &Path, may: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        if NETWORK.iter().any(|word| *word != may && code.contains(word)) {
            found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
        }
    }
    found
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                rust_files(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
