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
//! In every string, `@url@`, `@host@`, `@module@`, `@sha256@`, `@page@`, `@page-sha256@`, `@old@`, `@new@`, `@token@` and `@script@` are replaced;
//! so are `@pin@` where the stand-in's `tls` is `pinned`, and `@certificate@`, `@key@`, `@strange-certificate@` and `@strange-key@` where
//! it is `known-clients`: a client's certificate of the authority that it trusts, and one of another.

use crate::artifacts::{self, Guest};
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
    /// `good`, `expired`, `unknown-ca`, `wrong-name`, `pinned` (its key's digest is known), `known-clients` (it takes no others), or `off`
    /// (nobody listens).
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
    words: Vec<(String, String)>,
    truth: Truth,
    touched: Touched,
    reachable: bool,
    old: String,
    new: String,
}

/// What a setup is made of, before its words are replaced.
pub struct Parts {
    /// The params, `records` as a list.
    pub params: Value,
    /// The stand-in (`provider.toml`).
    pub provider: Value,
    /// The policy.
    pub policy: PolicyText,
    /// The page file that the policy pins.
    pub page: Option<String>,
    /// What the puppet does.
    pub script: String,
    /// The module.
    pub module: Guest,
    /// Further words, and what they are replaced by.
    pub words: Vec<(String, String)>,
}

/// A policy, as a tree that tables can be laid over, or as it is.
pub enum PolicyText {
    /// Written out as TOML.
    Tree(Value),
    /// Taken as it is.
    Raw(String),
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

    /// What a case of `tests/cases` is set up with: `okta/change/old-to-new`.
    pub fn of_case(case: &str) -> Setup {
        let cases = artifacts::root().join("tests/cases");
        let rotator = case.split('/').next().expect("a rotator's folder");
        let folder = cases.join(case);
        assert!(folder.join("expect.toml").is_file(), "no case `{case}`");
        Setup::load(
            rotator,
            &Files { case: &folder, default: cases.join(rotator).join("default") },
            Value::Null,
            Value::Null,
        )
    }

    fn load(rotator: &str, files: &Files<'_>, more_params: Value, more_policy: Value) -> Setup {
        let read = |name: &str| files.find(name).map(|path| fs::read_to_string(path).expect("a file of the case"));
        let mut params = files.merged("params.json").expect("params.json in the default folder");
        merge(&mut params, more_params);
        let policy = match read("policy.raw.toml") {
            Some(text) => PolicyText::Raw(text),
            None => {
                let mut policy = files.merged("policy.toml").expect("policy.toml in the default folder");
                merge(&mut policy, more_policy);
                PolicyText::Tree(policy)
            }
        };
        Setup::assemble(Parts {
            params,
            provider: files.merged("provider.toml").expect("provider.toml in the default folder"),
            policy,
            page: read("page.toml"),
            script: read("script.txt").unwrap_or_default(),
            module: artifacts::guest(read("rotator.txt").as_deref().map_or(rotator, str::trim)),
            words: Vec::new(),
        })
    }

    /// Sets up a bench, a stand-in and the operator's files from these parts.
    pub fn assemble(parts: Parts) -> Setup {
        let Parts { mut params, mut provider, policy, page, script, module, words: mut more } = parts;
        let top = |params: &Value, key: &str| params.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (old, new) = (top(&params, "oldPassword"), top(&params, "newPassword"));
        more.extend([("@old@".to_owned(), old.clone()), ("@new@".to_owned(), new.clone())]);
        let mut words = more;

        replace(&mut provider, &words);
        let stand: Stand = serde_json::from_value(provider).unwrap_or_else(|error| panic!("provider.toml: {error}"));
        let mut bench = Bench::new();
        let account = stand.truth_of.clone().unwrap_or_else(|| top(&params, "user"));
        let Started { server, truth, touched, words: of_tls } = start(&stand, bench.ca(), &account);
        for fault in stand.fault {
            server.script(fault);
        }
        bench.open("localhost", server.port());

        let script = fill(&script, &words);
        words.extend(of_tls);
        words.extend([
            ("@url@".to_owned(), server.url()),
            ("@host@".to_owned(), format!("localhost:{}", server.port())),
            ("@port@".to_owned(), server.port().to_string()),
            ("@module@".to_owned(), module.path.display().to_string()),
            ("@sha256@".to_owned(), module.sha256.clone()),
            ("@token@".to_owned(), token(&stand.kind).to_owned()),
            ("@script@".to_owned(), script),
        ]);
        if let Some(page) = page {
            let page = fill(&page, &words);
            let path = bench.write("page.toml", &page);
            let digest = artifacts::sha256(page.as_bytes());
            words.extend([("@page@".to_owned(), path.display().to_string()), ("@page-sha256@".to_owned(), digest)]);
        }
        let policy = match policy {
            PolicyText::Raw(text) => fill(&text, &words),
            PolicyText::Tree(mut tree) => {
                replace(&mut tree, &words);
                toml::to_string(&to_toml(tree)).expect("a policy as TOML")
            }
        };
        bench.policy("prod", &policy);
        replace(&mut params, &words);
        let reachable = stand.tls == "good";
        Setup { bench, server, params: split(params), words, truth, touched, reachable, old, new }
    }

    /// A text in which the words of this setup (`@url@` and so on) are replaced.
    pub fn filled(&self, text: &str) -> String {
        fill(text, &self.words)
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

    /// The accounts other than the run's own whose password was changed.
    pub fn touched(&self) -> Vec<String> {
        (self.touched)()
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
    expect.check(&ran, &setup);
}

impl Expect {
    fn check(&self, ran: &Ran, setup: &Setup) {
        let server = &setup.server;
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
            if requests.is_empty() && setup.reachable && !self.connects {
                assert_eq!(server.connections(), 0, "a connection was made{shown}");
            }
        }
        if let Some(among) = &self.among {
            let mut rest = seen.iter();
            for line in among {
                assert!(rest.any(|seen| seen == line), "`{line}` is not among the requests, in that order{shown}");
            }
        }
        for text in self.says.iter().map(|text| setup.filled(text)) {
            assert!(ran.stderr.contains(text.as_str()), "stderr does not say `{text}`{shown}");
        }
        for text in self.never_says.iter().map(|text| setup.filled(text)) {
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
/// Says which other accounts were changed.
type Touched = Box<dyn Fn() -> Vec<String> + Send + Sync>;

struct Started {
    server: Server,
    truth: Truth,
    touched: Touched,
    words: Vec<(String, String)>,
}

fn start(stand: &Stand, ca: &Ca, user: &str) -> Started {
    let user = user.to_owned();
    let stranger = Ca::new();
    let ca = if stand.tls == "unknown-ca" { &stranger } else { ca };
    let mut words = Vec::new();
    let tls = match stand.tls.as_str() {
        "pinned" => {
            let (tls, pin) = ca.pinned_server(&["localhost"]);
            words.push(("@pin@".to_owned(), pin));
            Some(tls)
        }
        "known-clients" => {
            for (word, of) in [("", ca), ("strange-", &stranger)] {
                let client = of.client("gateway.example.test");
                words.push((format!("@{word}certificate@"), client.cert_pem));
                words.push((format!("@{word}key@"), client.key_pem));
            }
            Some(ca.server_of_known_clients(&["localhost"]))
        }
        "expired" => Some(ca.expired_server(&["localhost"])),
        "wrong-name" => Some(ca.server(&["elsewhere.example.test"])),
        "good" | "unknown-ca" | "off" => None,
        other => panic!("no `tls = {other:?}`"),
    };
    match stand.kind.as_str() {
        "okta" => {
            let (server, okta) = Okta::start(stand.okta.clone().unwrap_or_default(), ca, &[]);
            let server = again(server, Arc::clone(&okta) as _, tls, &stand.tls);
            Started { server, truth: Box::new(move || okta.password(&user)), touched: Box::new(Vec::new), words }
        }
        "rest" => {
            let (server, rest) = Rest::start(stand.rest.clone().unwrap_or_default(), ca, &[]);
            let server = again(server, Arc::clone(&rest) as _, tls, &stand.tls);
            let (same, own) = (Arc::clone(&rest), user.clone());
            let touched: Touched = Box::new(move || same.touched(&own));
            Started { server, truth: Box::new(move || rest.password(&user)), touched, words }
        }
        "script" => {
            let provider = Arc::new(Scripted::new(stand.line.clone()));
            let server = Server::start(Arc::clone(&provider) as _, ca, &[]);
            let server = again(server, provider, tls, &stand.tls);
            Started { server, truth: Box::new(|| None), touched: Box::new(Vec::new), words }
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

/// The token that the stand-in of that kind takes.
pub fn token(kind: &str) -> &'static str {
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
        (_, Value::Null) => {}
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

/// Lays a tree over another: tables are merged, lists of tables one by one, null and `@none@` take away.
pub fn lay_over(under: &mut Value, over: Value) {
    merge(under, over);
}

fn replace(value: &mut Value, words: &[(String, String)]) {
    match value {
        Value::String(text) => *text = fill(text, words),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, words)),
        Value::Object(values) => values.values_mut().for_each(|value| replace(value, words)),
        _ => {}
    }
}

fn fill(text: &str, words: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (word, by) in words {
        if text.contains(word.as_str()) {
            text = text.replace(word.as_str(), by);
        }
    }
    text
}

fn split(params: Value) -> Params {
    let Value::Object(mut top) = params else { panic!("params.json is no object") };
    let Some(Value::Array(records)) = top.remove("records") else { panic!("params.json has no records") };
    Params { top: Map::from_iter(top), records }
}
