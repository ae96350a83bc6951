//! A case is a folder named as a sentence, readable by the author of a rotator:
//!
//! ```text
//! tests/cases/okta/change/no-answer-then-new-accepted-is-rotated/
//!   params.json    what the gateway sends, before it is encoded
//!   policy.toml    the operator's file
//!   page.toml      the page, for a rotator with an open one
//!   script.txt     what the puppet does (tests/guests/puppet)
//!   provider.toml  the stand-in: its accounts, its faults
//!   rotator.txt    the rotator's name, if the folder above is not named after it
//!   expect.toml    what must come of it
//! ```
//!
//! Each file but the last is laid over the one of the same name in `tests/cases/<rotator>/default/`: tables are merged, lists of tables
//! one by one, anything else replaced, and a `null` (in TOML: `"@none@"`) takes away. `policy.raw.toml` is taken as it is.
//! In every string, `@url@`, `@host@`, `@module@`, `@sha256@`, `@page@`, `@page-sha256@`, `@old@`, `@new@`, `@token@` and `@script@` are replaced.

use crate::artifacts;
use crate::ca::Ca;
use crate::fault::Fault;
use crate::okta::{self, Okta};
use crate::params::{Form, Params};
use crate::rest::{self, Rest};
use crate::run::{Bench, Ran, check_places};
use crate::script::{Line, Scripted};
use crate::server::Server;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What must come of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The command line; `["run", "prod"]` if left out.
    #[serde(default = "run")]
    pub verb: Vec<String>,
    /// The exit code.
    pub exit: i32,
    /// The outcome's word.
    pub outcome: String,
    /// The password that the result says is live.
    pub live: Option<String>,
    /// The password that is live: `new`, `old` or `other`; what the outcome means if left out.
    pub truth: Option<String>,
    /// All requests that the stand-in saw, in order: `POST /api/v1/authn 200`, `-` for no answer.
    pub requests: Option<Vec<String>>,
    /// The same, but other requests may stand between them.
    pub among: Option<Vec<String>>,
    /// Texts that stderr must hold.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that it must not hold.
    #[serde(default)]
    pub never_says: Vec<String>,
    /// The route that proved the live password.
    pub proved_by: Option<String>,
    /// Most seconds that it may take.
    pub seconds: Option<f64>,
    /// Whether a connection may be made at all, with no request seen.
    #[serde(default = "yes")]
    pub connects: bool,
}

fn run() -> Vec<String> {
    vec!["run".to_owned(), "prod".to_owned()]
}

fn yes() -> bool {
    true
}

/// The stand-in of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stand {
    /// `okta`, `rest` or `script`.
    kind: String,
    /// `good`, `expired`, `unknown-ca`, `wrong-name` or `off` (nobody listens).
    #[serde(default = "good")]
    tls: String,
    #[serde(default)]
    fault: Vec<Fault>,
    #[serde(default)]
    okta: Option<okta::Start>,
    #[serde(default)]
    rest: Option<rest::Start>,
    #[serde(default)]
    line: Vec<Line>,
    /// The login of the account whose password counts, if the params name it in another way.
    #[serde(rename = "truth-of")]
    truth_of: Option<String>,
}

fn good() -> String {
    "good".to_owned()
}

/// All cases below `folder`: folders with an `expect.toml`.
pub fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let entries: Vec<PathBuf> =
            fs::read_dir(&folder).expect("a folder of cases").flatten().map(|e| e.path()).collect();
        if entries.iter().any(|path| path.ends_with("expect.toml")) {
            check_files(&folder, &entries);
            found.push(folder);
        } else {
            left.extend(entries.into_iter().filter(|path| path.is_dir() && !path.ends_with("default")));
        }
    }
    found.sort();
    found
}

/// A file that nothing reads is a case that tests less than it says.
fn check_files(folder: &Path, entries: &[PathBuf]) {
    const KNOWN: [&str; 9] = [
        "expect.toml",
        "params.json",
        "policy.toml",
        "policy.raw.toml",
        "page.toml",
        "script.txt",
        "provider.toml",
        "rotator.txt",
        "README.md",
    ];
    for path in entries {
        assert!(
            KNOWN.iter().any(|known| path.ends_with(known)),
            "{}: `{}` is no file of a case",
            folder.display(),
            path.display()
        );
    }
}

/// Everything that a case is set up with: the bench, the stand-in, the params. Suites in Rust begin with one, too.
pub struct Setup {
    /// The folder with policy, page and host file.
    pub bench: Bench,
    /// The stand-in.
    pub server: Server,
    /// What the gateway sends.
    pub params: Params,
    truth: Truth,
    reachable: bool,
    old: String,
    new: String,
}

impl Setup {
    /// The default of a rotator: `okta`, `rest` or `puppet`.
    pub fn of(rotator: &str) -> Setup {
        let cases = artifacts::root().join("tests/cases");
        let default = cases.join(rotator).join("default");
        Setup::load(rotator, &Files { case: &default.clone(), default }, Value::Null, Value::Null)
    }

    /// The default of a rotator, with params and policy laid over.
    pub fn with(rotator: &str, params: Value, policy: Value) -> Setup {
        let cases = artifacts::root().join("tests/cases");
        let default = cases.join(rotator).join("default");
        Setup::load(rotator, &Files { case: &default.clone(), default }, params, policy)
    }

    fn load(rotator: &str, files: &Files<'_>, more_params: Value, more_policy: Value) -> Setup {
        let mut params = files.merged("params.json").expect("params.json in the default folder");
        if !more_params.is_null() {
            merge(&mut params, more_params);
        }
        let top = |params: &Value, key: &str| params.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (old, new) = (top(&params, "oldPassword"), top(&params, "newPassword"));
        let mut words = vec![("@old@", old.clone()), ("@new@", new.clone())];

        let mut stand = files.merged("provider.toml").expect("provider.toml in the default folder");
        replace(&mut stand, &words);
        let at = files.case.display();
        let stand: Stand = serde_json::from_value(stand).unwrap_or_else(|error| panic!("{at}: provider.toml: {error}"));
        let mut bench = Bench::new();
        let account = stand.truth_of.clone().unwrap_or_else(|| top(&params, "user"));
        let (server, truth) = start(&stand, bench.ca(), &account);
        for fault in stand.fault {
            server.script(fault);
        }
        bench.open("localhost", server.port());

        let read = |name: &str| files.find(name).map(|path| fs::read_to_string(path).expect("a file of the case"));
        let guest = artifacts::guest(read("rotator.txt").as_deref().map_or(rotator, str::trim));
        words.extend([
            ("@url@", server.url()),
            ("@host@", format!("localhost:{}", server.port())),
            ("@module@", guest.path.display().to_string()),
            ("@sha256@", guest.sha256.clone()),
            ("@token@", token(&stand.kind).to_owned()),
            ("@script@", read("script.txt").unwrap_or_default()),
        ]);
        if let Some(page) = read("page.toml") {
            let path = bench.write("page.toml", &page);
            let digest = artifacts::sha256(page.as_bytes());
            words.extend([("@page@", path.display().to_string()), ("@page-sha256@", digest)]);
        }
        if let Some(mut text) = read("policy.raw.toml") {
            for (word, value) in &words {
                text = text.replace(word, value);
            }
            bench.policy("prod", &text);
        } else {
            let mut policy = files.merged("policy.toml").expect("policy.toml in the default folder");
            if !more_policy.is_null() {
                merge(&mut policy, more_policy);
            }
            replace(&mut policy, &words);
            bench.policy("prod", &toml::to_string(&to_toml(policy)).expect("a policy as TOML"));
        }
        replace(&mut params, &words);
        Setup { bench, server, params: split(params), truth, reachable: stand.tls == "good", old, new }
    }

    /// Runs, and asserts what must hold in every case.
    pub fn run(&self, verb: &[&str]) -> Ran {
        self.run_line(verb, &self.params.line(Form::Plain))
    }

    /// The same with these bytes on stdin.
    pub fn run_line(&self, verb: &[&str], line: &[u8]) -> Ran {
        self.server.begin_run();
        let secrets = self.params.secrets();
        let ran = self.bench.run(verb, line, &secrets);
        self.server.check_once_only();
        check_places(&self.server, &secrets);
        check_lockout(&self.server);
        ran
    }

    /// Asserts that the result says what is true: `truth` if given, else whatever `live` means.
    pub fn check_truth(&self, ran: &Ran, truth: Option<&str>) {
        let Some(live) = (self.truth)() else { return };
        let word = match &live {
            live if *live == self.new => "new",
            live if *live == self.old => "old",
            _ => "other",
        };
        let said = ran.result.get("live").and_then(Value::as_str).unwrap_or_default();
        let fits = match (truth, said) {
            (Some(expected), _) => word == expected,
            (None, "new") => word == "new",
            (None, "old") => word == "old" || self.old == self.new,
            (None, "neither") => word == "other",
            (None, _) => true,
        };
        assert!(fits, "the live password is the {word} one, and the result says `{said}`: {ran:#?}");
    }

    /// The live password at the stand-in.
    pub fn live(&self) -> Option<String> {
        (self.truth)()
    }
}

/// Runs one case; panics if anything is not as expected.
pub fn check(cases: &Path, folder: &Path) {
    let below = folder.strip_prefix(cases).expect("a case below the cases");
    let rotator = below.iter().next().and_then(|name| name.to_str()).expect("a rotator's folder");
    let files = Files { case: folder, default: cases.join(rotator).join("default") };
    let expect: Expect = parse(&fs::read_to_string(folder.join("expect.toml")).expect("expect.toml"), folder);
    let setup = Setup::load(rotator, &files, Value::Null, Value::Null);
    let ran = setup.run(&expect.verb.iter().map(String::as_str).collect::<Vec<_>>());
    setup.check_truth(&ran, expect.truth.as_deref());
    expect.check(&ran, &setup.server, setup.reachable);
}

impl Expect {
    fn check(&self, ran: &Ran, server: &Server, reachable: bool) {
        let text = |name: &str| ran.result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let seen = server.lines();
        let shown = format!("\nrequests: {seen:#?}\nresult: {}\nstderr: {}", ran.result, ran.stderr);
        assert_eq!((ran.exit, text("outcome")), (self.exit, self.outcome.clone()), "exit and outcome{shown}");
        if let Some(live) = &self.live {
            assert_eq!(text("live"), *live, "live{shown}");
        }
        if let Some(route) = &self.proved_by {
            assert_eq!(text("proved_by"), *route, "proved_by{shown}");
        }
        if let Some(requests) = &self.requests {
            assert_eq!(seen, *requests, "requests{shown}");
            if requests.is_empty() && reachable && !self.connects {
                assert_eq!(server.connections(), 0, "a connection was made{shown}");
            }
        }
        if let Some(among) = &self.among {
            let mut rest = seen.iter();
            for line in among {
                assert!(rest.any(|seen| seen == line), "`{line}` is not among the requests, in that order{shown}");
            }
        }
        for text in &self.says {
            assert!(ran.stderr.contains(text.as_str()), "stderr does not say `{text}`{shown}");
        }
        for text in &self.never_says {
            assert!(!ran.stderr.contains(text.as_str()), "stderr says `{text}`{shown}");
        }
        if let Some(seconds) = self.seconds {
            assert!(ran.took.as_secs_f64() <= seconds, "it took {:?}{shown}", ran.took);
        }
    }
}

/// At most two failed sign-ins before the changing request, and two after it (design, section 7).
fn check_lockout(server: &Server) {
    let mut failed = 0;
    for (request, status) in server.seen() {
        if server.changes(&request) {
            failed = 0;
        }
        let sign_in = matches!(request.path(), "/api/v1/authn" | "/login");
        failed += u32::from(sign_in && status == Some(401));
        assert!(failed <= 2, "a third failed sign-in: an account may be locked");
    }
}

/// Says what is live at the provider; `None` where there is no such thing.
type Truth = Box<dyn Fn() -> Option<String> + Send + Sync>;

fn start(stand: &Stand, ca: &Ca, user: &str) -> (Server, Truth) {
    let user = user.to_owned();
    let stranger = Ca::new();
    let ca = if stand.tls == "unknown-ca" { &stranger } else { ca };
    let tls = match stand.tls.as_str() {
        "expired" => Some(ca.expired_server(&["localhost"])),
        "wrong-name" => Some(ca.server(&["elsewhere.example.test"])),
        "good" | "unknown-ca" | "off" => None,
        other => panic!("no `tls = {other:?}`"),
    };
    match stand.kind.as_str() {
        "okta" => {
            let (server, okta) = Okta::start(stand.okta.clone().unwrap_or_default(), ca, &[]);
            let server = again(server, Arc::clone(&okta) as _, tls, &stand.tls);
            (server, Box::new(move || okta.password(&user)))
        }
        "rest" => {
            let (server, rest) = Rest::start(stand.rest.clone().unwrap_or_default(), ca, &[]);
            let server = again(server, Arc::clone(&rest) as _, tls, &stand.tls);
            (server, Box::new(move || rest.password(&user)))
        }
        "script" => {
            let provider = Arc::new(Scripted::new(stand.line.clone()));
            let server = Server::start(Arc::clone(&provider) as _, ca, &[]);
            (again(server, provider, tls, &stand.tls), Box::new(|| None))
        }
        other => panic!("no `kind = {other:?}`"),
    }
}

/// The same provider with another certificate, or a port that nobody listens on.
fn again(
    server: Server,
    provider: Arc<dyn crate::server::Provider>,
    tls: Option<Arc<rustls::ServerConfig>>,
    word: &str,
) -> Server {
    if word == "off" {
        server.stop_listening();
    }
    match tls {
        Some(tls) => Server::start_with(provider, tls, 0),
        None => server,
    }
}

fn token(kind: &str) -> &'static str {
    match kind {
        "okta" => okta::TOKEN,
        "rest" => rest::TOKEN,
        _ => "scripted-T0ken/of+the=provider",
    }
}

struct Files<'a> {
    case: &'a Path,
    default: PathBuf,
}

impl Files<'_> {
    /// The case's own file, else the default one.
    fn find(&self, name: &str) -> Option<PathBuf> {
        [self.case.join(name), self.default.join(name)].into_iter().find(|path| path.is_file())
    }

    /// The case's file laid over the default one.
    fn merged(&self, name: &str) -> Option<Value> {
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).ok()?;
            Some(if name.ends_with(".json") {
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            } else {
                parse(&text, &path)
            })
        };
        match (read(self.default.join(name)), read(self.case.join(name))) {
            (Some(mut under), Some(over)) => {
                merge(&mut under, over);
                Some(under)
            }
            (under, over) => over.or(under),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str, path: &Path) -> T {
    toml::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn to_toml(value: Value) -> toml::Value {
    match value {
        Value::Null => panic!("null in a policy"),
        Value::Bool(truth) => toml::Value::Boolean(truth),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None => toml::Value::Float(number.as_f64().expect("a number")),
        },
        Value::String(text) => toml::Value::String(text),
        Value::Array(values) => toml::Value::Array(values.into_iter().map(to_toml).collect()),
        Value::Object(values) => {
            toml::Value::Table(values.into_iter().map(|(key, value)| (key, to_toml(value))).collect())
        }
    }
}

fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() || value == "@none@" {
                    under.remove(&key);
                } else {
                    merge(under.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(under), Value::Array(over)) if over.iter().all(Value::is_object) && !over.is_empty() => {
            for (i, value) in over.into_iter().enumerate() {
                match under.get_mut(i) {
                    Some(under) => merge(under, value),
                    None => under.push(value),
                }
            }
        }
        (under, over) => *under = over,
    }
}

fn replace(value: &mut Value, words: &[(&str, String)]) {
    match value {
        Value::String(text) => {
            for (word, by) in words {
                if text.contains(word) {
                    *text = text.replace(word, by);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, words)),
        Value::Object(values) => values.values_mut().for_each(|value| replace(value, words)),
        _ => {}
    }
}

fn split(params: Value) -> Params {
    let Value::Object(mut top) = params else { panic!("params.json is no object") };
    let Some(Value::Array(records)) = top.remove("records") else { panic!("params.json has no records") };
    Params { top: Map::from_iter(top), records }
}
