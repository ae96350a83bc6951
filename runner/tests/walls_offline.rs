//! The wall of the verbs that replay: no socket, for this process and for what it starts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; this one tries what is not allowed"
)]
#![cfg(target_os = "linux")]

use rotabox::confine::{self, Measure};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

/// The wall holds for the thread that puts it up, and for what comes from it: this one ends with the test.
#[test]
fn a_replay_makes_no_socket_and_neither_does_what_it_starts() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(TcpStream::connect(address).expect("before the wall is up, a connection can be made"));
    std::thread::spawn(move || {
        // Without privileges a filter needs this first, as it does in the verbs.
        confine_like_a_verb();
        assert_eq!(confine::offline(), Measure::On);
        let refused = |what: &str, error: std::io::Error| {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}: {error}");
        };
        refused("TCP", TcpStream::connect(address).unwrap_err());
        refused("listening", TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_err());
        refused("UDP", UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_err());
        refused("a name on this host", UnixListener::bind("/nowhere").unwrap_err());
        drop(UnixStream::pair().expect("the event loop wakes itself through a pair"));
        let child =
            Command::new("bash").args(["-c", &format!("exec 3<>/dev/tcp/127.0.0.1/{}", address.port())]).output();
        let child = child.expect("bash starts");
        assert!(!child.status.success(), "{child:?}");
    })
    .join()
    .unwrap();
    drop(TcpStream::connect(address).expect("other threads are not held by it"));
}

fn confine_like_a_verb() {
    let enforced = confine::broker_start();
    assert_eq!(enforced.no_new_privileges, Measure::On);
}
