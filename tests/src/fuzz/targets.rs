//! What is attacked, and what must hold of it.

use super::Target;
use crate::leak;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rotabox::audit::chain;
use rotabox::broker::http::addresses;
use rotabox::broker::http::redact::Redactor;
use rotabox::cassette;
use rotabox::gateway;
use rotabox::lint;
use rotabox::page::answer::Answer;
use rotabox::page::diagnostic::SourceFile;
use rotabox::page::judge::{self, Verdict};
use rotabox::page::place::{self, Placed, RecordValues, Records, Scope};
use rotabox::page::progress::Progress;
use rotabox::page::{Page, Secret, Step, parse, sealed};
use rotabox::policy::hosts::HostPort;
use rotabox::policy::{file, host};
use rotabox::report::escape::escape;
use rotabox::wire::frame::{self, Decoder, Frame};
use rotabox::wire::{ToBroker, ToWorker};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

/// Every reader of what strangers write.
pub const TARGETS: &[Target] = &[
    Target {
        name: "stdin_params",
        run: stdin_params,
        words: &["oldPassword", "newPassword", "records", "user", "uid", "title", "\":\"", "e30=", "[{}]"],
    },
    Target { name: "page_parse", run: page_parse, words: PAGE_WORDS },
    Target {
        name: "policy_parse",
        run: policy_parse,
        words: &[
            "[rotator]",
            "sha256",
            "[records.api]",
            "hosts",
            "allow = [\"*\"]",
            "[limits]",
            "deadline",
            "[network]",
            "[[network.open]]",
            "[audit]",
        ],
    },
    Target {
        name: "cassette_parse",
        run: cassette_parse,
        words: &[
            "[[step]]\n",
            "events = [",
            "{ send = \"a\", ",
            "status = 200",
            "judged = \"accepted\"",
            "{ routes = [] },",
            "ends = ",
            "{ sleep = 1 }",
        ],
    },
    Target {
        name: "path_and_encoders",
        run: encoders,
        words: &["..", "%2e", "/", "&", "=", "]]>", "&amp;", "{user}", "+", "\u{0}"],
    },
    Target {
        name: "answer_judge",
        run: answer_judge,
        words: &[
            "{\"id\":",
            "\"status\":\"SUCCESS\"",
            "\"stateToken\":",
            "\"profile\":{\"login\":\"ann\"}",
            "[",
            "]",
            "null",
            "E0000004",
        ],
    },
    Target { name: "ip_classify", run: ip_classify, words: &["\u{7f}\0\0\u{1}", "\n\0\0\u{1}", "\0\0\0\0"] },
    Target { name: "redactor", run: redactor, words: &["%41", "\\u0041", "&#65;", "+", "%25", "\\\\"] },
    Target {
        name: "wire_to_broker",
        run: wire_to_broker,
        words: &["\"send\"", "\"routes\"", "{\"ok\":null}", "\"sleep\":{\"milliseconds\":1}"],
    },
    Target {
        name: "wire_to_worker",
        run: wire_to_worker,
        words: &["\"slept\"", "{\"now\":1}", "\"step\":\"verify\"", "\"memory-bytes\":1"],
    },
    Target { name: "log_sanitise", run: log_sanitise, words: &["\\u{1b}", "\u{1b}[2J", "\u{202e}", "\\"] },
    Target {
        name: "audit_chain",
        run: audit_chain,
        words: &["\"seq\":", "\"hash\":\"", "\"prev\":\"", "\"version\":1", "}\n"],
    },
    Target {
        name: "sealed_page",
        run: sealed_page,
        words: &["\0asm\r\0\u{1}\0", "rotabox:page", "\0\u{c}rotabox:page"],
    },
    Target { name: "host_port", run: host_port, words: &["localhost", ":443", "[::1]", "xn--", "."] },
];

const PAGE_WORDS: &[&str] = &[
    "[[route]]\n",
    "name = \"a\"\n",
    "for = [\"verify\"]\n",
    "changes = true\n",
    "request = \"GET {api.url}/x\"\n",
    "{candidate}",
    "{new-password}",
    "expects = { status = 200 }\n",
    "refuses",
    "requires",
    "binds = { id = \"/id\" }\n",
    "shows",
    "captures",
    "json = ",
    "[records.api]\n",
    "secret = { token = \"password\" }\n",
    "[route.args]\n",
    "may-fail = true\n",
    "pages",
    "picks",
];

/// A secret that stands in the corpus: no message may quote it.
const MARKED: &str = "S3cret-Mark3r";

/// What is said of a bad file begins with its place, and does nothing to a terminal.
fn check_message(name: &str, said: &str) {
    assert!(said.starts_with(&format!("{name}:")), "no place: {said:?}");
    assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "it writes to the terminal: {said:?}");
}

fn source(name: &str, bytes: &[u8]) -> Option<SourceFile> {
    std::str::from_utf8(bytes).ok().map(|text| SourceFile::new(name, text))
}

/// The first byte says whether the rest is the line, or the object in it.
fn stdin_params(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let line = if first % 2 == 0 { rest.to_vec() } else { STANDARD.encode(rest).into_bytes() };
    if let Err(error) = gateway::decode(&line) {
        let said = error.to_string();
        assert!(!said.is_empty() && said.len() < 8192, "{} bytes", said.len());
        assert!(!said.contains(MARKED), "a message quotes the params: {said}");
        assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "it writes to the terminal: {said:?}");
    }
}

fn page_parse(bytes: &[u8]) {
    let Some(file) = source("page.toml", bytes) else { return };
    match parse::parse(file) {
        Ok(page) => {
            let findings = lint::page(&page);
            assert_eq!(lint::text(&findings), lint::text(&lint::page(&page)), "the linter says two things of one page");
            for route in &page.routes {
                // What a page must never be able to say (design, section 6).
                assert!(!route.places_candidate() || route.steps.iter().all(|step| *step == Step::Verify));
            }
        }
        Err(mistake) => check_message("page.toml", &mistake.to_string()),
    }
}

fn policy_parse(bytes: &[u8]) {
    let Some(file) = source("p.toml", bytes) else { return };
    match file::parse(file.clone()) {
        Ok(policy) => assert!(policy.rotator.sha256.iter().all(|digest| digest.len() == 64)),
        Err(mistake) => check_message("p.toml", &mistake.to_string()),
    }
    if let Err(mistake) = host::parse(file) {
        check_message("p.toml", &mistake.to_string());
    }
}

fn cassette_parse(bytes: &[u8]) {
    let Some(file) = source("c.toml", bytes) else { return };
    match cassette::parse::parse(&file) {
        Ok(read) => {
            let text = cassette::write::cassette(&read);
            let again = cassette::parse::parse(&SourceFile::new("again", text.as_str()));
            assert_eq!(again.unwrap_or_else(|mistake| panic!("{mistake}\n{text}")), read);
        }
        Err(mistake) => check_message("c.toml", &mistake.to_string()),
    }
}

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
fn encoders(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let middle = text.floor_char_boundary(text.len() / 2);
    let (user, password) = text.split_once('\u{1}').unwrap_or_else(|| text.split_at(middle));
    let (old, new) = (Secret::new("old-password", "o".to_owned()), Secret::new("new-password", password.to_owned()));
    let candidate = Secret::new("candidate", password.to_owned());
    let url = Some("https://provider.example/base".to_owned());
    let fields = [("token".to_owned(), place::FieldValue::Secret(Secret::new("api.token", "t0ken".to_owned())))].into();
    let records = Records::from([("api".to_owned(), RecordValues { url, fields })]);
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

/// The first two bytes are the status; the rest is a body, judged by each route of the Okta page.
fn answer_judge(bytes: &[u8]) {
    static PAGE: OnceLock<Page> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        let path = crate::artifacts::root().join("guests/okta/page.toml");
        let text = std::fs::read_to_string(path).expect("Okta's page");
        parse::parse(SourceFile::new("page.toml", text)).expect("Okta's page")
    });
    let [a, b, body @ ..] = bytes else { return };
    let status = [200, 200, 200, 401, 403, 404, 429, 500, 503, u16::from(*b) + 100][usize::from(*a) % 10];
    for route in &page.routes {
        let step = *route.steps.iter().next().expect("a step");
        let progress = Progress::new(step);
        let records = Records::new();
        let none = None;
        let scope = Scope {
            user: "ann",
            old_password: none,
            new_password: none,
            candidate: none,
            records: &records,
            args: &[],
            progress: &progress,
        };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let answers = [Answer { status, headers, body: body.to_vec() }];
        let judged = judge::judge(route, &answers, false, &scope);
        assert!(
            status < 500 || !matches!(judged.verdict, Verdict::Accepted | Verdict::Refused),
            "a 5xx is {:?}",
            judged.verdict
        );
        assert!(judged.verdict != Verdict::Unmet || (!route.changes && !route.places_candidate()));
        assert!(judged.verdict == Verdict::Accepted || judged.binds.is_empty(), "bound from a refusal");
        assert_eq!(judged.verdict == Verdict::Passed, judged.verdict == Verdict::Passed && route.may_fail);
    }
}

/// Four bytes or sixteen. The oracle is the standard library's, and knows less: what it calls special must be.
fn ip_classify(bytes: &[u8]) {
    let v4 = |v4: Ipv4Addr| {
        let [a, b, c, _] = v4.octets();
        v4.is_private()
            || v4.is_loopback()
            || v4.is_link_local()
            || v4.is_multicast()
            || v4.is_broadcast()
            || v4.is_unspecified()
            || v4.is_documentation()
            || a == 0
            || a >= 240
            || (a == 100 && (64..128).contains(&b))
            || (a == 198 && (b == 18 || b == 19))
            || (a == 192 && b == 0 && c == 0 && !matches!(v4.octets()[3], 9 | 10))
    };
    if let Some(octets) = bytes.first_chunk::<4>() {
        let address = Ipv4Addr::from(*octets);
        let said = addresses::special(IpAddr::V4(address));
        assert!(said.is_some() || !v4(address), "{address} is not seen as special");
        let mapped = addresses::special(IpAddr::V6(address.to_ipv6_mapped()));
        assert_eq!(mapped.is_some(), said.is_some(), "{address} is another one when it is mapped");
        if said.is_some() {
            let vetted = addresses::vet("provider.example", 443, IpAddr::V4(address), &[]);
            assert!(vetted.is_err(), "{address} could be dialled");
        }
    }
    if let Some(octets) = bytes.first_chunk::<16>() {
        let address = Ipv6Addr::from(*octets);
        let said = addresses::special(IpAddr::V6(address));
        let [first, ..] = address.segments();
        let special = address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || (first & 0xfe00) == 0xfc00
            || (first & 0xffc0) == 0xfe80
            || address.to_ipv4_mapped().is_some_and(v4);
        assert!(said.is_some() || !special, "{address} is not seen as special");
    }
}

/// A secret and what stands around it; the first byte says in which encoding.
fn redactor(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let (secret, around) = text.split_once('\n').unwrap_or((&text, "before @ after"));
    if secret.len() < 8 || secret.len() > 200 {
        return;
    }
    let forms: Vec<_> = leak::forms(secret).into_iter().collect();
    let (name, form) = &forms[usize::from(*first) % forms.len()];
    // Base64 inside other base64 is not told apart from it: what stands beside the form must end it.
    let form = String::from_utf8_lossy(form);
    let (before, after) = around.split_once('@').unwrap_or((around, ""));
    let written = format!("{before} {form} {after}");
    let redactor = Redactor::new([("secret", secret)]);
    let cut = redactor.redact(&written);
    assert!(cut.len() < written.len() + 1024);
    assert!(!cut.contains(secret), "the secret itself stands there");
    if !name.starts_with("base64") {
        assert!(!cut.contains(form.as_ref()), "{secret:?} stands there as {name}: {cut:?}");
    }
    assert_eq!(redactor.redact(&cut), cut, "redacting twice is not redacting once");
}

fn wire_to_broker(bytes: &[u8]) {
    frames::<ToBroker>(bytes);
}

fn wire_to_worker(bytes: &[u8]) {
    frames::<ToWorker>(bytes);
}

/// Each frame that decodes is written back as one that decodes to the same; and it does not matter how the bytes come in.
fn frames<F: Frame + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let read = |chunk: usize| {
        let mut decoder = Decoder::<F>::new();
        let mut frames = Vec::new();
        for mut input in bytes.chunks(chunk) {
            while !input.is_empty() {
                match decoder.take(&mut input) {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => {}
                    Err(error) => return (frames, Some(error)),
                }
            }
        }
        (frames, None)
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(1), "frames differ with how their bytes come in");
    for (run, frame) in whole.0 {
        let Ok(written) = frame::encode(run, &frame) else { continue };
        let mut input = written.as_slice();
        let again = Decoder::<F>::new().take(&mut input).expect("what was written is read");
        assert_eq!(again, Some((run, frame)));
    }
}

fn log_sanitise(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for most in [0, 1, 40, usize::MAX] {
        let line = escape(&text, most);
        assert!(line.lines().count() <= 1 && !line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains(['\u{202e}', '\u{2028}', '\u{200b}', '\u{feff}']), "{line:?}");
        assert!(most == usize::MAX || line.chars().count() <= most + 7);
    }
}

/// A line that reads is the one line that could have been written; one that was changed in any byte does not read as it.
fn audit_chain(bytes: &[u8]) {
    let Ok(_) = chain::read(bytes) else { return };
    assert!(bytes.ends_with(b"\n") && bytes.is_ascii(), "it holds more than was written");
    for at in (0..bytes.len()).step_by(7) {
        let mut other = bytes.to_vec();
        other[at] ^= 4;
        assert!(chain::read(&other).is_err(), "a change of byte {at} is not seen");
    }
    let cut = &bytes[..bytes.len() / 2];
    assert!(chain::read(cut).is_err());
}

fn sealed_page(bytes: &[u8]) {
    let read = sealed::read(bytes);
    let Ok(sealed) = sealed::seal(bytes, "version = 1") else {
        return assert!(read.is_err(), "it can be read, and not be sealed");
    };
    assert_eq!(sealed::read(&sealed), Ok(Some("version = 1")), "what was sealed in is not there");
    assert_eq!(sealed::seal(&sealed, "version = 1").as_ref(), Ok(&sealed), "sealing twice is not sealing once");
}

fn host_port(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(read) = HostPort::parse(text) else { return };
    let written = read.to_string();
    assert_eq!(HostPort::parse(&written).ok(), Some(read), "{text:?} is written as {written:?}");
    assert!(!written.contains(['/', '@', '?', '#', '\\', ' ']), "{written:?}");
}
