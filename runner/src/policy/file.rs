//! `okta-prod.toml`: the operator's file for one rotator.
//!
//! | table | says |
//! | --- | --- |
//! | `[rotator]` | which module, by digest; hosts that its page writes out; a page file for an open module |
//! | `[records.api]` | which vault record the page's `api` is, and which hosts its URL may name |
//! | `[account]` | for whom |
//! | `[settings]` | options that only the operator may choose |
//! | `[routes]` | routes of the page that are switched off |
//! | `[limits]` | bounds on time, requests, memory |
//! | `[[approved]]` | who approved which module, and when |
//!
//! Keys that do not exist are refused: a misspelt `except` must not be silence.

use super::approved;
pub use super::approved::Approval;
pub use super::hosts::HostPort;
pub use super::pattern::Pattern;
use super::tls::{self, ClientCertificate, Pin};
use crate::page::diagnostic::{Diagnostic, SourceFile, Span};
use crate::page::tree::{self, Kind, Node, Parsed, Problem, Table};
pub use crate::vault::Select;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Most bytes of a policy: it is short, and read by people.
pub const POLICY_BYTES: usize = 256 * 1024;

/// A parsed policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where it was read.
    pub file: SourceFile,
    /// `[rotator]`
    pub rotator: Rotator,
    /// `[records.api]`, by the page's record names.
    pub records: BTreeMap<String, RecordRule>,
    /// `[account]`
    pub account: AccountRule,
    /// `[settings]`
    pub settings: Settings,
    /// Where `[settings]` (or, without it, the file) begins.
    pub settings_span: Span,
    /// `[routes] off = [...]`: routes that the operator switches off (they must be `removable`).
    pub off: Vec<(String, Span)>,
    /// `[limits]`
    pub limits: Limits,
    /// `[[approved]]`: who approved which module, and when.
    pub approved: Vec<Approval>,
    /// Where `requests` or else `[limits]` (or, without it, the file) begins.
    pub limits_span: Span,
}

/// `[rotator]`
#[derive(Clone, Debug)]
pub struct Rotator {
    /// `module`: absolute, or relative to the policy's folder.
    pub module: PathBuf,
    /// `sha256`: digests that are accepted, 64 lower-case hex digits each, at least one.
    pub sha256: Vec<String>,
    /// Where `sha256` stands, for messages.
    pub sha256_span: Span,
    /// `page` and `page-sha256`: only for a module with an open page.
    pub page: Option<OpenPage>,
    /// `literal-hosts`: `host[:port]` that the page may write out.
    pub literal_hosts: Vec<HostPort>,
    /// `wasi = "inert"` (default `"none"`).
    pub inert_wasi: bool,
    /// Where the table begins.
    pub span: Span,
}

/// A page file that the policy names.
#[derive(Clone, Debug)]
pub struct OpenPage {
    /// Absolute, or relative to the policy's folder.
    pub path: PathBuf,
    /// Digests that are accepted.
    pub sha256: Vec<String>,
    /// Where they stand.
    pub span: Span,
}

/// `[records.api]`: which vault record.
#[derive(Clone, Debug)]
pub struct RecordRule {
    /// `title` or `uid`.
    pub select: Select,
    /// The hosts its URL may name. Required where the page uses the record's URL.
    pub hosts: Vec<HostPort>,
    /// Where `hosts` stands; without it, where the table begins.
    pub hosts_span: Span,
    /// `pins`: public keys that the server's certificate may have. Empty: any.
    pub pins: Vec<Pin>,
    /// Where they stand.
    pub pins_span: Option<Span>,
    /// `client-certificate`: what is shown to a server that asks for it.
    pub client_certificate: Option<ClientCertificate>,
    /// Where the table begins.
    pub span: Span,
}

/// `[account]`
#[derive(Clone, Debug, Default)]
pub struct AccountRule {
    /// Any of these. Empty: any account, unless the page sets passwords with an admin secret.
    pub allow: Vec<Pattern>,
    /// None of these.
    pub except: Vec<Pattern>,
    /// Where the table (or, without one, the file) begins.
    pub span: Span,
}

/// `[settings]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `reconcile = "old-refused"` (default `"never"`).
    pub reconcile: bool,
    /// `unverified = "accept"` (default `"refuse"`).
    pub accept_unverified: bool,
    /// `confinement = "require"` (default `"best-effort"`).
    pub require_confinement: bool,
}

/// `[limits]`, each with a default and, if the operator writes one, a ceiling in `rotabox.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `deadline = 120` seconds for everything: compile, rotator, HTTP, sleep. 1 to 900.
    pub deadline: Duration,
    /// `compile = 60` seconds for scanning and compiling the module, inside the deadline. 1 to 600.
    pub compile: Duration,
    /// `settle = 2` seconds between looks after an ambiguous or refused verification (fractions allowed; 0 to 60).
    pub settle: Duration,
    /// `requests = 40` for the whole run, verifications included. 1 to 1000.
    pub requests: u32,
    /// `memory = 256` MiB for the rotator's linear memories together. 1 to 512: what the engine reserves for one.
    pub memory_bytes: u64,
    /// `fuel = 5_000_000_000` for each step; about one a wasm instruction. 1 million to 10 million million.
    pub fuel: u64,
    /// `answer = 4` MiB for one answer's body. 1 to 64.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            deadline: Duration::from_secs(120),
            compile: Duration::from_secs(60),
            settle: Duration::from_secs(2),
            requests: 40,
            memory_bytes: 256 << 20,
            fuel: 5_000_000_000,
            answer_bytes: 4 << 20,
        }
    }
}

/// What a policy may hold besides its version.
pub const SECTIONS: [&str; 7] = ["rotator", "records", "account", "settings", "routes", "limits", "approved"];

/// Parses a policy and checks all that can be checked without page and params. The first problem is returned.
pub fn parse(file: SourceFile) -> Result<Policy, Box<Diagnostic>> {
    read(&file).map_err(|problem| problem.of(&file))
}

fn read(file: &SourceFile) -> Parsed<Policy> {
    tree::nothing_hidden(&file.text, "a policy")?;
    let document = tree::read(&file.text)?;
    version(&document, "a policy")?;
    let known: Vec<&str> = ["version"].into_iter().chain(SECTIONS).collect();
    document.only(&known, "a policy")?;
    let rotator = document.get("rotator").ok_or_else(|| {
        Problem::new(document.span, "a policy needs `[rotator]`")
            .hint("write `[rotator]` with `module` and `sha256`, or let `rotabox approve` write it")
    })?;
    let span_of = |key: &str| document.get(key).map_or(document.span, |node| node.span);
    let requests_span = document.get("limits").and_then(|node| Some(node.table().ok()?.get("requests")?.span));
    Ok(Policy {
        file: file.clone(),
        rotator: read_rotator(rotator.table()?)?,
        records: document.get("records").map_or(Ok(BTreeMap::new()), read_records)?,
        account: read_account(document.get("account"), document.span)?,
        settings: document.get("settings").map_or(Ok(Settings::default()), read_settings)?,
        off: document.get("routes").map_or(Ok(Vec::new()), read_routes)?,
        limits: document.get("limits").map_or(Ok(Limits::default()), read_limits)?,
        approved: document.get("approved").map_or(Ok(Vec::new()), approved::read)?,
        settings_span: span_of("settings"),
        limits_span: requests_span.unwrap_or_else(|| span_of("limits")),
    })
}

/// `version = 1` must be there.
pub(super) fn version(document: &Table, of: &str) -> Parsed<()> {
    let version = document.need("version", of).map_err(|problem| problem.hint("write `version = 1` at the top"))?;
    version.whole(1, 1).map(drop).map_err(|_| {
        Problem::new(version.span, "this is a version that this runner does not read").hint("it reads `version = 1`")
    })
}

fn read_rotator(table: &Table) -> Parsed<Rotator> {
    table.only(&["module", "sha256", "page", "page-sha256", "literal-hosts", "wasi"], "`[rotator]`")?;
    let module = table
        .need("module", "`[rotator]`")
        .map_err(|problem| problem.hint("write `module = \"/opt/rotabox/okta.wasm\"`"))?;
    let sha256 = table.need("sha256", "`[rotator]`").map_err(|problem| {
        problem
            .hint("write `sha256 = [\"…\"]` with the module's digest; `rotabox approve` shows the page and writes it")
    })?;
    let page = match (table.get("page"), table.get("page-sha256")) {
        (None, None) => None,
        (Some(page), Some(pin)) => Some(OpenPage { path: path(page)?, sha256: digests(pin)?, span: pin.span }),
        (Some(page), None) => {
            return Err(Problem::new(page.span, "`page` needs `page-sha256` beside it")
                .hint("write the digest that `sha256sum` prints for the page file"));
        }
        (None, Some(pin)) => {
            return Err(Problem::new(pin.span, "`page-sha256` needs `page` beside it")
                .hint("name the page file; or leave both out, if the module has its page sealed in"));
        }
    };
    Ok(Rotator {
        module: path(module)?,
        sha256: digests(sha256)?,
        sha256_span: sha256.span,
        page,
        literal_hosts: table.get("literal-hosts").map_or(Ok(Vec::new()), hosts)?,
        inert_wasi: table.get("wasi").map_or(Ok(false), |node| choice(node, "none", "inert"))?,
        span: table.span,
    })
}

pub(super) fn path(node: &Node) -> Parsed<PathBuf> {
    let text = node.text()?;
    if text.is_empty() || text.contains('\0') {
        return Err(Problem::new(node.span, "this is no path").hint("write the path of the file"));
    }
    Ok(PathBuf::from(text))
}

/// One digest, or a list of them.
fn digests(node: &Node) -> Parsed<Vec<String>> {
    match &node.kind {
        Kind::Text(_) => Ok(vec![digest(node)?]),
        Kind::List(items) if !items.is_empty() => items.iter().map(digest).collect(),
        _ => Err(node.wanted("a list of digests").hint("write `[\"…\"]` with 64 hexadecimal digits")),
    }
}

pub(super) fn digest(node: &Node) -> Parsed<String> {
    let text = node.text()?.to_ascii_lowercase();
    let wrong = |message: String, hint: &str| Err(Problem::new(node.span, message).hint(hint));
    if text.starts_with("sha256:") {
        return wrong("a digest is written without `sha256:` in front".to_owned(), "write the 64 digits only");
    }
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let count = text.chars().count();
        let hint = "write the 64 hexadecimal digits that `rotabox inspect` or `sha256sum` prints";
        return wrong(format!("this is no sha256 digest ({count} characters)"), hint);
    }
    Ok(text)
}

fn hosts(node: &Node) -> Parsed<Vec<HostPort>> {
    let list = node.list().map_err(|problem| problem.hint("write `[\"acme.okta.com\"]`"))?;
    list.iter().map(host).collect()
}

pub(super) fn host(node: &Node) -> Parsed<HostPort> {
    HostPort::parse(node.text()?).map_err(|mistake| Problem::new(node.span, mistake.message).hint(mistake.hint))
}

/// False for the default word, true for the other.
pub(super) fn choice(node: &Node, default: &str, other: &str) -> Parsed<bool> {
    match node.text()? {
        text if text == default => Ok(false),
        text if text == other => Ok(true),
        text => {
            Err(Problem::new(node.span, format!("`{text}` is no choice here"))
                .hint(tree::choices(text, [default, other])))
        }
    }
}

fn read_records(node: &Node) -> Parsed<BTreeMap<String, RecordRule>> {
    let table = node.table().map_err(|problem| problem.hint("write `[records.api]` with `title` or `uid`"))?;
    let rules = table.entries.iter().map(|(key, node)| {
        let table = node.table().map_err(|problem| {
            problem.hint("write `[records.api]`, by the page's name for the record, and `title` or `uid` below it")
        })?;
        Ok((key.name.clone(), read_record(table, &key.name)?))
    });
    rules.collect()
}

fn read_record(table: &Table, name: &str) -> Parsed<RecordRule> {
    let of = format!("`[records.{name}]`");
    table.only(&["title", "uid", "hosts", "pins", "client-certificate"], &of)?;
    let select = match (table.get("title"), table.get("uid")) {
        (Some(title), None) => Select::Title(words(title)?),
        (None, Some(uid)) => Select::Uid(words(uid)?),
        (Some(_), Some(uid)) => {
            return Err(Problem::new(uid.span, format!("{of} has `title` and `uid`"))
                .hint("keep one of them: a record is picked by one thing"));
        }
        (None, None) => {
            return Err(Problem::new(table.span, format!("{of} does not say which vault record it is"))
                .hint("write `title = \"…\"`, exactly as in the vault, or `uid = \"…\"`"));
        }
    };
    let hosts_node = table.get("hosts");
    Ok(RecordRule {
        select,
        hosts: hosts_node.map_or(Ok(Vec::new()), hosts)?,
        hosts_span: hosts_node.map_or(table.span, |node| node.span),
        pins: table.get("pins").map_or(Ok(Vec::new()), tls::pins)?,
        pins_span: table.get("pins").map(|node| node.span),
        client_certificate: table.get("client-certificate").map(tls::client_certificate).transpose()?,
        span: table.span,
    })
}

/// Text that is not empty and has no control characters.
pub(super) fn words(node: &Node) -> Parsed<String> {
    let text = node.text()?;
    if text.is_empty() {
        return Err(Problem::new(node.span, "this is empty").hint("write it exactly as in the vault"));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::new(node.span, "there are control characters in this").hint("remove them"));
    }
    Ok(text.to_owned())
}

fn read_account(node: Option<&Node>, file: Span) -> Parsed<AccountRule> {
    let Some(node) = node else { return Ok(AccountRule { span: file, ..AccountRule::default() }) };
    let table = node.table()?;
    table.only(&["allow", "except"], "`[account]`")?;
    let patterns = |key: &str| table.get(key).map_or(Ok(Vec::new()), patterns);
    Ok(AccountRule { allow: patterns("allow")?, except: patterns("except")?, span: table.span })
}

fn patterns(node: &Node) -> Parsed<Vec<Pattern>> {
    let list = node.list().map_err(|problem| problem.hint("write `[\"*@svc.acme.example\"]`"))?;
    if list.is_empty() {
        return Err(Problem::new(node.span, "this list is empty, which could mean all or nothing")
            .hint("list the logins (`*` stands for any run of characters), or remove the key"));
    }
    list.iter().map(|node| Ok(Pattern::new(words(node)?, node.span))).collect()
}

fn read_settings(node: &Node) -> Parsed<Settings> {
    let table = node.table()?;
    table.only(&["reconcile", "unverified", "confinement"], "`[settings]`")?;
    let choose = |key, default, other| table.get(key).map_or(Ok(false), |node| choice(node, default, other));
    Ok(Settings {
        reconcile: choose("reconcile", "never", "old-refused")?,
        accept_unverified: choose("unverified", "refuse", "accept")?,
        require_confinement: choose("confinement", "best-effort", "require")?,
    })
}

fn read_routes(node: &Node) -> Parsed<Vec<(String, Span)>> {
    let table = node.table()?;
    table.only(&["off"], "`[routes]`")?;
    let Some(off) = table.get("off") else { return Ok(Vec::new()) };
    let list = off.list().map_err(|problem| problem.hint("write `off = [\"end-sessions\"]`"))?;
    list.iter().map(|node| Ok((node.text()?.to_owned(), node.span))).collect()
}

fn read_limits(node: &Node) -> Parsed<Limits> {
    let table = node.table()?;
    table.only(&["deadline", "compile", "settle", "requests", "memory", "fuel", "answer"], "`[limits]`")?;
    let written = Ceilings::read(table)?;
    let default = Limits::default();
    let settle = table.get("settle").map_or(Ok(default.settle), seconds)?;
    Ok(written.or(Limits { settle, ..default }))
}

/// Limits as a file writes them: ceilings in the host file, or a policy's own before defaults are filled in. The keys,
/// units and bounds are those of [`Limits`]; what is not written is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// `deadline`
    pub deadline: Option<Duration>,
    /// `compile`
    pub compile: Option<Duration>,
    /// `requests`
    pub requests: Option<u32>,
    /// `memory`
    pub memory_bytes: Option<u64>,
    /// `fuel`
    pub fuel: Option<u64>,
    /// `answer`
    pub answer_bytes: Option<usize>,
}

impl Ceilings {
    pub(super) fn read(table: &Table) -> Parsed<Ceilings> {
        let whole = |key: &str, least, most, unit: &str| match table.get(key) {
            None => Ok(None),
            Some(node) => node.whole(least, most).map(Some).map_err(|problem| problem.hint(unit)),
        };
        let narrow = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
        let mebibytes = |value: Option<u64>| value.map(|value| value << 20);
        Ok(Ceilings {
            deadline: whole("deadline", 1, 900, "seconds for the whole run")?.map(Duration::from_secs),
            compile: whole("compile", 1, 600, "seconds for scanning and compiling")?.map(Duration::from_secs),
            requests: narrow(whole("requests", 1, 1000, "requests for the whole run, verifications included")?),
            memory_bytes: mebibytes(whole("memory", 1, 512, "MiB for the rotator")?),
            fuel: whole("fuel", 1_000_000, 10_000_000_000_000, "about one a wasm instruction, for each step")?,
            answer_bytes: mebibytes(whole("answer", 1, 64, "MiB for the body of one answer")?)
                .and_then(|value| usize::try_from(value).ok()),
        })
    }

    fn or(self, default: Limits) -> Limits {
        Limits {
            deadline: self.deadline.unwrap_or(default.deadline),
            compile: self.compile.unwrap_or(default.compile),
            settle: default.settle,
            requests: self.requests.unwrap_or(default.requests),
            memory_bytes: self.memory_bytes.unwrap_or(default.memory_bytes),
            fuel: self.fuel.unwrap_or(default.fuel),
            answer_bytes: self.answer_bytes.unwrap_or(default.answer_bytes),
        }
    }
}

/// Seconds, fractions allowed.
fn seconds(node: &Node) -> Parsed<Duration> {
    let value = match &node.kind {
        Kind::Number(number) => number.as_f64().filter(|seconds| (0.0..=60.0).contains(seconds)),
        _ => None,
    };
    value
        .map(Duration::from_secs_f64)
        .ok_or_else(|| Problem::new(node.span, "a number of seconds from 0 to 60 belongs here"))
}
