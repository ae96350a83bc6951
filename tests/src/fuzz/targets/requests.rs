//! What becomes a request: values in their places, and where it goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rotabox::gateway;
use rotabox::page::diagnostic::SourceFile;
use rotabox::page::place::{self, Placed, RecordValues, Records, Scope};
use rotabox::page::progress::Progress;
use rotabox::page::template::toml_string;
use rotabox::page::{Page, Secret, Step, parse};
use rotabox::policy::hosts::HostPort;
use rotabox::policy::{Policy, bind, file};
use std::sync::OnceLock;

const PLACES: &str = r#"
version = 1
name = "places"
[records.api]
url = "url"
secret = { token = "password" }
[[route]]
name = "json"
for = ["change"]
request = "POST {api.url}/a/{user}/b"
query = { q = "x{user}y", r = "1" }
headers = { authorization = "Bearer {api.token}" }
json = { one = "{user}", two = { three = ["{new-password}", "z"] } }
changes = true
expects = { status = 200 }
[[route]]
name = "form"
for = ["verify"]
request = "POST {api.url}/f"
form = { u = "{user}", p = "{candidate}", s = '"{user:scim}"' }
expects = { status = 200 }
[[route]]
name = "xml"
for = ["verify"]
request = "POST {api.url}/x"
xml = "<r><u>{user}</u><p>{candidate}</p></r>"
expects = { status = 200 }
"#;

fn places() -> &'static Page {
    static PAGE: OnceLock<Page> = OnceLock::new();
    PAGE.get_or_init(|| parse::parse(SourceFile::new("places.toml", PLACES)).expect("the page of the target"))
}

/// A user name and a password, parted by the first NUL or in the middle.
pub(super) fn encoders(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let middle = text.floor_char_boundary(text.len() / 2);
    let (user, password) = text.split_once('\u{1}').unwrap_or_else(|| text.split_at(middle));
    let (old, new) = (Secret::new("old-password", "o".to_owned()), Secret::new("new-password", password.to_owned()));
    let candidate = Secret::new("candidate", password.to_owned());
    let records = records();
    for route in &places().routes {
        let step = *route.steps.iter().next().expect("a step");
        let progress = Progress::new(step);
        let verifies = step == Step::Verify;
        let scope = Scope {
            user,
            old_password: Some(&old),
            new_password: Some(&new),
            candidate: verifies.then_some(&candidate),
            records: &records,
            args: &[],
            progress: &progress,
        };
        if let Ok(placed) = place::place(places(), route, &scope, None) {
            decoded(route.name.as_str(), &placed, user, password);
        }
    }
}

fn records() -> Records {
    let url = Some("https://provider.example/base".to_owned());
    let fields = [("token".to_owned(), place::FieldValue::Secret(Secret::new("api.token", "t0ken".to_owned())))].into();
    Records::from([("api".to_owned(), RecordValues { url, fields })])
}

/// A page with one route, some lines of which are given; and what it places for this user.
fn placed(lines: &str, user: &str) -> Option<(Page, Placed)> {
    let text = format!(
        "version = 1\nname = \"p\"\n[records.api]\nurl = \"url\"\nsecret = {{ token = \"password\" }}\n[[route]]\nname = \"r\"\n\
         for = [\"change\"]\nexpects = {{ status = 200 }}\n{lines}"
    );
    let page = parse::parse(SourceFile::new("p.toml", text)).ok()?;
    let progress = Progress::new(Step::Change);
    let records = records();
    let scope = Scope {
        user,
        old_password: None,
        new_password: None,
        candidate: None,
        records: &records,
        args: &[],
        progress: &progress,
    };
    let placed = place::place(&page, page.routes.first()?, &scope, None).ok()?;
    Some((page, placed))
}

/// The path of a page's request, and a user name in the next line: as many segments as were written, none of which another parser
/// reads in another way.
pub(super) fn path_template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (path, user) = text.split_once('\n').unwrap_or((text, "ann"));
    let line = format!("request = {}\n", toml_string(&format!("GET {{api.url}}{path}")));
    let Some((page, placed)) = placed(&line, user) else { return };
    let written = format!("{}{}", placed.origin, placed.path);
    let url = url::Url::parse(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!((url.host_str(), url.path()), (Some("provider.example"), placed.path.as_str()), "{written}");
    assert_eq!((url.query(), url.fragment(), url.username()), (None, None, ""), "{written}");
    let uri: http::Uri = written.parse().unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!((uri.host(), uri.path()), (Some("provider.example"), placed.path.as_str()), "{written}");
    // The record's own path has one.
    let segments = page.routes[0].target.segments.len() + 1;
    assert_eq!(placed.path.split('/').skip(1).count(), segments, "{written}");
    for segment in placed.path.split('/').skip(1) {
        let decoded = percent_decoded(segment);
        assert!(!matches!(decoded.as_slice(), b"." | b".."), "{written}");
    }
}

/// A header's name, its value and a user name, in a line each: none that frames or routes a message, and none that ends a line.
pub(super) fn header_filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.splitn(3, '\n');
    let (name, value) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let line =
        format!("request = \"GET {{api.url}}/x\"\nheaders = {{ {} = {} }}\n", toml_string(name), toml_string(value));
    let Some((_, placed)) = placed(&line, lines.next().unwrap_or("ann")) else { return };
    for (name, value) in &placed.headers {
        let known = http::HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|error| panic!("{name:?}: {error}"));
        let name = known.as_str();
        assert!(!ABOUT_THE_MESSAGE.contains(&name), "{name}");
        assert!(
            !["proxy-", "x-forwarded-", "x-http-method", "sec-"].iter().any(|start| name.starts_with(start)),
            "{name}"
        );
        assert!(value.bytes().all(|byte| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic()), "{value:?}");
        http::HeaderValue::from_str(value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
    }
}

/// What only whoever writes the message may say (RFC 9110, 7.6.1 and 7.8; RFC 9112, 6; and what servers take for it).
const ABOUT_THE_MESSAGE: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "forwarded",
    "via",
    "accept-encoding",
];

/// A record's URL against the hosts of a policy: what is accepted leads where two other parsers say that it leads.
pub(super) fn record_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    static POLICY: OnceLock<Policy> = OnceLock::new();
    let policy = POLICY.get_or_init(|| file::parse(SourceFile::new("p.toml", POLICY_OF_RECORDS)).expect("the policy"));
    let records = serde_json::json!([{ "uid": "u1", "title": "API", "url": text, "password": "t0ken" }]);
    let records = STANDARD.encode(records.to_string());
    let params = serde_json::json!({ "user": "ann", "oldPassword": "old", "newPassword": "new", "records": records });
    let line = STANDARD.encode(params.to_string());
    let params = gateway::decode(line.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let Ok(bound) = bind(places().clone(), policy.clone(), params) else { return };
    let url = bound.records["api"].url.clone().expect("a URL");
    let read = url::Url::parse(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let of = |host: Option<&str>, port: Option<u16>| format!("{}:{}", host.unwrap_or_default(), port.unwrap_or(443));
    let listed = of(read.host_str(), read.port());
    assert!(HOSTS_OF_RECORDS.contains(&listed.as_str()), "{listed} is not a host of the policy: {text:?}");
    // What the vault says, read by two others.
    let first = url::Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let second: http::Uri = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let lower = second.host().map(str::to_ascii_lowercase);
    assert_eq!((first.scheme(), of(first.host_str(), first.port())), ("https", listed.clone()), "{text:?}");
    assert_eq!((second.scheme_str(), of(lower.as_deref(), second.port_u16())), (Some("https"), listed), "{text:?}");
    assert_eq!(second.path().trim_end_matches('/'), read.path().trim_end_matches('/'), "{text:?}");
    assert!(read.query().is_none() && read.fragment().is_none() && read.username().is_empty(), "{url}");
}

const HOSTS_OF_RECORDS: [&str; 5] =
    ["acme.okta.com:443", "acme.example:8443", "[fd00::1]:443", "10.20.30.40:9000", "xn--bcher-kva.example:443"];
const POLICY_OF_RECORDS: &str = r#"version = 1
[rotator]
module = "/opt/rotabox/places.wasm"
sha256 = ["0000000000000000000000000000000000000000000000000000000000000000"]
[records.api]
title = "API"
hosts = ["acme.okta.com", "acme.example:8443", "[fd00::1]", "10.20.30.40:9000", "xn--bcher-kva.example"]
[account]
allow = ["*"]
"#;

/// Decoding gives back what was put in, and the structure is that of the page.
fn decoded(route: &str, placed: &Placed, user: &str, password: &str) {
    let query = if placed.query.is_empty() { String::new() } else { format!("?{}", placed.query) };
    let text = format!("{}{}{query}", placed.origin, placed.path);
    let url = url::Url::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(url.host_str(), Some("provider.example"));
    assert_eq!(url.path(), placed.path, "another parser reads another path");
    assert_eq!(url.fragment(), None);
    let body = placed.body.as_deref().unwrap_or_default();
    match route {
        "json" => {
            let segments: Vec<&str> = url.path_segments().expect("segments").collect();
            let [base, a, name, b] = segments[..] else { panic!("{segments:?}") };
            assert_eq!((base, a, b), ("base", "a", "b"));
            assert_eq!(percent_decoded(name), user.as_bytes());
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            assert_eq!(pairs, [("q".to_owned(), format!("x{user}y")), ("r".to_owned(), "1".to_owned())]);
            let body: serde_json::Value = serde_json::from_slice(body).expect("JSON");
            assert_eq!(body, serde_json::json!({ "one": user, "two": { "three": [password, "z"] } }));
        }
        "form" => {
            let pairs: Vec<_> = url::form_urlencoded::parse(body).into_owned().collect();
            let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["u", "p", "s"]);
            assert_eq!((pairs[0].1.as_str(), pairs[1].1.as_str()), (user, password));
        }
        "xml" => {
            let text = std::str::from_utf8(body).expect("text");
            let document = roxmltree::Document::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let of = |name: &str| {
                let node = document.root_element().children().find(|node| node.has_tag_name(name));
                node.and_then(|node| node.text()).unwrap_or_default().to_owned()
            };
            assert_eq!(document.root_element().children().count(), 2, "{text}");
            assert_eq!((of("u"), of("p")), (user.to_owned(), password.to_owned()));
        }
        other => panic!("no route `{other}`"),
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match hex {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

pub(super) fn host_port(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(read) = HostPort::parse(text) else { return };
    let written = read.to_string();
    assert_eq!(HostPort::parse(&written).ok(), Some(read), "{text:?} is written as {written:?}");
    assert!(!written.contains(['/', '@', '?', '#', '\\', ' ']), "{written:?}");
}
