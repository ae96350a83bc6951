//! Where nothing may be dialled: addresses that the operator did not open, whatever a record says.

use crate::RUN;
use rotabox_tests::case::Setup;
use rotabox_tests::server::Canary;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};

/// Runs with the record's URL and the policy's hosts set to that host and port.
fn run_at(setup: &mut Setup, host: &str, port: u16) -> rotabox_tests::run::Ran {
    let policy = std::fs::read_to_string(setup.bench.policies().join("prod.toml")).unwrap();
    let old = format!("localhost:{}", setup.server.port());
    setup.bench.policy("prod", &policy.replace(&old, &format!("{host}:{port}")));
    setup.params.records[2]["url"] = json!(format!("https://{host}:{port}"));
    setup.run(&RUN)
}

#[test]
fn loopback_that_is_not_opened_is_not_dialled_even_if_the_policy_lists_the_host() {
    for (host, address) in [
        ("127.0.0.1", Ipv4Addr::LOCALHOST),
        ("127.0.0.2", Ipv4Addr::new(127, 0, 0, 2)),
        ("localhost", Ipv4Addr::LOCALHOST),
    ] {
        let canary = Canary::on(IpAddr::V4(address));
        let mut setup = Setup::of("rest");
        let ran = run_at(&mut setup, host, canary.address().port());
        assert!(matches!(ran.exit, 1 | 2), "{host}: {ran:?}");
        setup.check_truth(&ran, Some("old"));
    }
}

#[test]
fn forms_of_an_address_that_are_no_plain_host_are_refused() {
    for url in [
        "https://0x7f000001",
        "https://2130706433",
        "https://0177.0.0.1",
        "https://127.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://localhost%2eexample",
        "https://user@localhost",
        "https://localhost\\@evil.example",
        "https://LOCALHOST.",
        "https://loc\u{ad}alhost",
        "ftp://localhost",
        "file:///etc/passwd",
        "data:text/plain,x",
        "//localhost",
        "localhost",
        "",
        "https://",
        "https://localhost?x=1",
        "https://localhost#x",
    ] {
        let mut setup = Setup::of("rest");
        let port = setup.server.port();
        let with_port = if url.contains("://") && !url.contains('?') && !url.contains('#') && !url.starts_with("file") {
            format!("{url}:{port}")
        } else {
            url.to_owned()
        };
        setup.params.records[2]["url"] = json!(with_port);
        let ran = setup.run(&RUN);
        assert_eq!((ran.exit, ran.result["outcome"].as_str()), (2, Some("not-started")), "{url}: {ran:?}");
        assert_eq!(setup.server.connections(), 0, "{url}");
    }
}

#[test]
fn an_opening_for_another_port_opens_nothing() {
    let mut setup = Setup::of("rest");
    let config = std::fs::read_to_string(setup.bench.folder().join("rotabox.toml")).unwrap();
    let port = setup.server.port();
    setup.bench.config(&config.replace(&format!("port = {port}"), &format!("port = {}", port - 1)));
    let ran = setup.run(&RUN);
    assert!(matches!(ran.exit, 1 | 2), "{ran:?}");
    assert_eq!(setup.server.connections(), 0);
}

#[test]
fn only_the_authorities_that_the_operator_names_are_trusted() {
    let mut setup = Setup::of("rest");
    setup.bench.config(&format!(
        "[network]\n[[network.open]]\nhost = \"localhost\"\nnetwork = \"127.0.0.0/8\"\nport = {}\n",
        setup.server.port()
    ));
    let ran = setup.run(&RUN);
    assert_eq!((ran.exit, ran.result["outcome"].as_str()), (1, Some("unchanged")), "{ran:?}");
    assert!(setup.server.seen().is_empty());
}
