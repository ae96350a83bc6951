use super::super::file::Limits;
use super::super::find::FindError;
use super::super::host::{HostFile, Opening, Roots, load, parse};
use super::{assert_problem, source};
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

fn good(text: &str) -> HostFile {
    parse(source(text)).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn everything_is_optional() {
    let host = good("");
    assert!(host.proxy.is_none() && host.ca.is_none() && host.open.is_empty());
    assert_eq!(host.roots, Roots::Bundled);
    assert_eq!(host.audit, crate::audit::Settings::default());
    assert_eq!(host.limits(&Limits::default()), Limits::default());
}

#[test]
fn a_full_host_file_is_read() {
    let host = good(
        r#"
version = 1

[network]
proxy = "http://proxy.corp.example:3128"
ca    = "/etc/rotabox/corp-ca.pem"
roots = "none"

[[network.open]]
host    = "GitLab.corp.example"
network = "10.20.0.0/16"

[[network.open]]
host    = "[fd00::7]"
network = "fd00::7/128"
port    = 8443

[audit]
file   = "/var/log/rotabox/audit.jsonl"
syslog = true

[ceilings]
deadline = 60
requests = 20
memory   = 64
fuel     = 2_000_000
answer   = 2
"#,
    );
    assert_eq!(host.proxy.as_ref().map(url::Url::as_str), Some("http://proxy.corp.example:3128/"));
    assert_eq!(host.ca.as_deref(), Some(Path::new("/etc/rotabox/corp-ca.pem")));
    assert_eq!(host.roots, Roots::None);
    assert_eq!(host.audit.file.as_deref(), Some(Path::new("/var/log/rotabox/audit.jsonl")));
    assert!(host.audit.syslog);
    let opening =
        |host: &str, network: &str, port| Opening { host: host.to_owned(), network: network.parse().unwrap(), port };
    assert_eq!(
        host.open,
        [opening("gitlab.corp.example", "10.20.0.0/16", 443), opening("[fd00::7]", "fd00::7/128", 8443)]
    );
}

#[test]
fn a_ceiling_lowers_what_is_above_it_and_nothing_else() {
    let host = good("[ceilings]\ndeadline = 60\nmemory = 512\n");
    let limits = host.limits(&Limits::default());
    assert_eq!(limits, Limits { deadline: Duration::from_secs(60), ..Limits::default() });
    let all = good("[ceilings]\ndeadline = 1\ncompile = 4\nrequests = 2\nmemory = 3\nfuel = 1000000\nanswer = 1");
    let least = Limits {
        deadline: Duration::from_secs(1),
        compile: Duration::from_secs(4),
        settle: Duration::from_secs(2),
        requests: 2,
        memory_bytes: 3 << 20,
        fuel: 1_000_000,
        answer_bytes: 1 << 20,
    };
    assert_eq!(all.limits(&Limits::default()), least);
    assert_eq!(all.limits(&Limits { requests: 1, ..Limits::default() }).requests, 1);
}

#[test]
fn each_mistake_says_where_it_is_and_what_to_do() {
    let open = |more: &str| format!("[[network.open]]\nhost = \"a.test\"\n{more}");
    for (text, at, message, hint) in [
        ("[netwrok]".to_owned(), "netwrok", "no key of the host file", "did you mean `network`?"),
        ("version = 3".to_owned(), "3", "does not read", "`version = 1`"),
        ("[network]\nproxi = \"x\"".to_owned(), "proxi", "no key of `[network]`", "did you mean `proxy`?"),
        ("[network]\nproxy = \"proxy\"".to_owned(), "\"proxy\"", "no URL", "http://proxy"),
        ("[network]\nproxy = \"socks5://p:1\"".to_owned(), "\"socks5", "http or https", "http://proxy"),
        ("[network]\nproxy = \"http://u:p@p.test:1\"".to_owned(), "\"http", "no place for secrets", "without a login"),
        ("[network]\nproxy = \"http://p.test/x\"".to_owned(), "\"http", "no path", "http://proxy"),
        ("[network]\nca = \"corp.pem\"".to_owned(), "\"corp.pem\"", "not absolute", "from `/` on"),
        ("[network]\nroots = \"all\"".to_owned(), "\"all\"", "no choice", "`bundled`, `system`, `none`"),
        ("[network]\nroots = \"none\"".to_owned(), "\"none\"", "nobody is trusted", "`ca`"),
        ("[network.open]\nhost = \"a\"".to_owned(), "[network.open]", "an array belongs here", "[[network.open]]"),
        (open(""), "[[network.open]]", "needs `network`", "10.20.0.0/16"),
        ("[[network.open]]\nnetwork = \"10.0.0.0/8\"".to_owned(), "[[network.open]]", "needs `host`", "gitlab"),
        (open("network = \"10.20.0.5\""), "\"10", "length of the network is missing", "write `10.20.0.5/32`"),
        (open("network = \"fd00::5\""), "\"fd", "length", "write `fd00::5/128`"),
        (open("network = \"10.20.0.5/16\""), "\"10", "address within a network", "write `10.20.0.0/16`"),
        (open("network = \"private\""), "\"private\"", "no network", "10.20.0.0/16"),
        (open("network = \"0.0.0.0/0\""), "\"0.0", "far more", "below 8"),
        (open("network = \"::/0\""), "\"::/0", "far more", "below 16"),
        (open("network = \"10.0.0.0/8\"\nports = 1"), "ports", "no key of `[[network.open]]`", "did you mean `port`?"),
        (
            "[[network.open]]\nhost = \"a.test:8443\"\nnetwork = \"10.0.0.0/8\"".to_owned(),
            "\"a.test:8443\"",
            "key of its own",
            "`port = 8443`",
        ),
        (
            "[[network.open]]\nhost = \"*.a.test\"\nnetwork = \"10.0.0.0/8\"".to_owned(),
            "\"*.a.test\"",
            "wildcards",
            "list each",
        ),
        ("[audit]".to_owned(), "[audit]", "names no place", "`syslog = true`"),
        ("[audit]\nsyslog = false".to_owned(), "[audit]", "names no place", "leave `[audit]` out"),
        ("[audit]\nsyslog = \"true\"".to_owned(), "\"true\"", "belongs here, not a text", "without quotes"),
        ("[audit]\nfile = \"audit.jsonl\"".to_owned(), "\"audit.jsonl\"", "not absolute", "from `/` on"),
        ("[audit]\nfiles = \"/a\"".to_owned(), "files", "no key of `[audit]`", "did you mean `file`?"),
        ("[ceilings]\ndeadline = 0".to_owned(), "0", "from 1 to 900", "seconds"),
        ("[ceilings]\nsettle = 1".to_owned(), "settle", "no key of `[ceilings]`", "`deadline`"),
    ] {
        let problem = parse(source(&text)).err().unwrap_or_else(|| panic!("accepted: {text}"));
        assert_problem(&text, &problem, at, message, hint);
    }
}

#[test]
fn an_explicit_host_file_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rotabox.toml");
    assert!(matches!(load(Some(&path)), Err(FindError::Unreadable { .. })));
    std::fs::write(&path, "[network]\nroots = \"system\"").unwrap();
    assert_eq!(load(Some(&path)).unwrap().roots, Roots::System);
    std::fs::write(&path, "[network]\nroots = 1").unwrap();
    let error = load(Some(&path)).unwrap_err().to_string();
    assert!(error.contains("rotabox.toml:2:9"), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String, toml in "[a-z\\[\\].=\"{}#\\n 0-9:/-]{0,80}") {
        let _ = parse(source(&text));
        let _ = parse(source(&format!("[network]\n{toml}")));
        let _ = parse(source(&format!("[[network.open]]\nhost = \"a\"\nnetwork = \"{toml}\"")));
    }
}
