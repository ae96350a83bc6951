//! `okta-prod.toml`: the operator's file for one rotator.

use crate::page::diagnostic::{Diagnostic, SourceFile, Span};
pub use crate::vault::Select;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

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
    /// `[routes] off = [...]`: routes that the operator switches off (they must be `removable`).
    pub off: Vec<(String, Span)>,
    /// `[limits]`
    pub limits: Limits,
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

/// An exact `host[:port]`; 443 unless written. Lower case, no wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// The host: a name or a literal address (IPv6 in brackets).
    pub host: String,
    /// The port.
    pub port: u16,
}

/// `[records.api]`: which vault record.
#[derive(Clone, Debug)]
pub struct RecordRule {
    /// `title` or `uid`.
    pub select: Select,
    /// The hosts its URL may name. Required where the page uses the record's URL.
    pub hosts: Vec<HostPort>,
    /// Where the table begins.
    pub span: Span,
}

/// `[account]`: patterns with `*` (any run of characters), ignoring case.
#[derive(Clone, Debug, Default)]
pub struct AccountRule {
    /// Any of these.
    pub allow: Vec<String>,
    /// None of these.
    pub except: Vec<String>,
    /// Where the table (or, without one, the file) begins.
    pub span: Span,
}

/// `[settings]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `reconcile = "old-refused"` (default `"never"`).
    pub reconcile: bool,
    /// `unverified = "accept"` (default `"refuse"`).
    pub accept_unverified: bool,
    /// `confinement = "require"` (default `"best-effort"`).
    pub require_confinement: bool,
}

/// `[limits]`, each with a default and an operator ceiling in `rotabox.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `deadline = 120` seconds for everything: compile, rotator, HTTP, sleep. 1 to 900.
    pub deadline: Duration,
    /// `settle = 2` seconds between looks after an ambiguous or refused verification (fractions allowed; 0 to 60).
    pub settle: Duration,
    /// `requests = 40` for the whole run, verifications included.
    pub requests: u32,
    /// `memory = 256` MiB for the rotator's linear memories together.
    pub memory_bytes: u64,
    /// `fuel = 5_000_000_000` for each step.
    pub fuel: u64,
    /// `answer = 4` MiB for one answer's body.
    pub answer_bytes: usize,
}

/// Parses a policy and checks all that can be checked without page and params.
pub fn parse(_file: SourceFile) -> Result<Policy, Box<Diagnostic>> {
    todo!()
}
