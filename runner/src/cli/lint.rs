//! `lint`: what in pages, modules and operators' files is worth a thought.

use super::inspect::{self, Seen};
use super::{Exit, Out};
use crate::lint::kind::{self, Kind};
use crate::lint::rules::{self, RULES};
use crate::lint::{self, Finding, Severity, Subject, Within};
use crate::page::Page;
use crate::page::diagnostic::{SourceFile, nearest};
use crate::policy::find::{self, DEFAULT_FOLDER};
use crate::policy::{HostFile, Policy, bind, file, host};
use crate::report::ascii_json;
use crate::report::inspection::Wasi;
use crate::vault::shown;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Version of the JSON. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// Find what is worth a thought in pages, modules, policies and the host file
///
/// Made for the author's CI and for whoever says yes: what is right in some places and wrong in others, each with its line and
/// the safer way of writing. `refuse`: not to be approved as it is; `look`: somebody has to look; `note`: good to know.
///
/// A policy is judged together with the module that it names, if that is in its place and its digest is listed.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing as grave as `--deny` says, 1 findings, 2 unreadable.",
    after_long_help = "Exit codes:
  0  no finding at or above the level of `--deny`
  1  such findings: all are listed, the gravest first
  2  a file cannot be read, or has a mistake

Examples:
  rotabox lint guests/okta/page.toml
  rotabox lint --deny look --allow literal-host page.toml
  rotabox lint okta.wasm /etc/rotabox/policies/okta-prod.toml /etc/rotabox/rotabox.toml
  rotabox lint --rules"
)]
pub(super) struct Lint {
    /// Pages, modules, policies, the host file
    #[arg(value_name = "FILE", required_unless_present = "rules")]
    files: Vec<PathBuf>,
    /// The least severity that makes it exit 1
    #[arg(long, value_name = "LEVEL", value_parser = level, default_value = "refuse")]
    deny: Severity,
    /// A rule whose findings are shown, and do not count [repeatable]
    #[arg(long, value_name = "RULE", value_parser = rule)]
    allow: Vec<String>,
    /// One line of JSON in ASCII instead of text
    #[arg(long)]
    json: bool,
    /// List every rule
    #[arg(long, exclusive = true)]
    rules: bool,
}

fn level(text: &str) -> Result<Severity, String> {
    Severity::parse(text).ok_or_else(|| "a level is `refuse`, `look` or `note`".to_owned())
}

fn rule(text: &str) -> Result<String, String> {
    let names = RULES.iter().map(|rule| rule.id);
    match (rules::named(text), nearest(text, names)) {
        (Some(rule), _) => Ok(rule.id.to_owned()),
        (None, Some(near)) => Err(format!("there is no such rule; did you mean `{near}`?")),
        (None, None) => Err("there is no such rule; `rotabox lint --rules` lists them".to_owned()),
    }
}

/// What is said, as JSON.
#[derive(Serialize)]
struct Report<'r> {
    version: u32,
    /// As they were given.
    files: Vec<String>,
    /// The gravest finding that counts; none if there is no such finding.
    worst: Option<Severity>,
    /// Some finding that counts is at or above the level of `--deny`.
    denied: bool,
    /// The gravest first.
    findings: &'r [Finding],
}

impl Lint {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        if self.rules {
            out.data(&listed());
            return Ok(Exit::OK);
        }
        let files: Vec<Judged> = self.files.iter().map(|path| read(path)).collect::<anyhow::Result<_>>()?;
        let mut findings = Vec::new();
        for judged in &files {
            findings.extend(judged.findings(&files)?);
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let counts = |finding: &&Finding| !self.allow.iter().any(|allowed| allowed == finding.rule);
        let worst = findings.iter().filter(counts).map(|finding| finding.severity).max();
        let denied = worst.is_some_and(|worst| worst >= self.deny);
        if self.json {
            let files = self.files.iter().map(|path| path.display().to_string()).collect();
            out.data(&ascii_json(&Report { version: VERSION, files, worst, denied, findings: &findings }));
        } else {
            out.data(&lint::text(&findings));
            out.error(&format!("rotabox: {}\n", lint::counted(&findings)));
        }
        Ok(if denied { Exit(1) } else { Exit::OK })
    }
}

/// Every rule with its sentence.
fn listed() -> String {
    let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    RULES.iter().map(|rule| format!("{:width$}  {}\n", rule.id, rule.about)).collect()
}

/// A file that was read.
enum Judged {
    Page(Box<Seen>),
    Policy { path: PathBuf, policy: Box<Policy> },
    Host(Box<HostFile>),
}

/// Reads a file, and sees what it is.
fn read(path: &Path) -> anyhow::Result<Judged> {
    let bytes = find::module(path)?.bytes;
    let name = shown(&path.to_string_lossy());
    let text = std::str::from_utf8(&bytes).ok().filter(|_| !bytes.starts_with(b"\0asm"));
    match text.and_then(|text| kind::of_text(path, text)) {
        Some(Kind::Policy) => {
            let policy = file::parse(source(path, bytes)?)?;
            return Ok(Judged::Policy { path: path.to_owned(), policy: Box::new(policy) });
        }
        Some(Kind::Host) => return Ok(Judged::Host(Box::new(host::parse(source(path, bytes)?)?))),
        Some(Kind::Page) | None => {}
    }
    let seen = inspect::examine(path, None)?;
    match (&seen.page, &seen.inspection.page_problem) {
        (Some(_), _) => Ok(Judged::Page(Box::new(seen))),
        (None, Some(problem)) => anyhow::bail!("{}", crate::report::escape::lines(problem)),
        (None, None) => match seen.inspection.reasons.first() {
            Some(reason) => anyhow::bail!("{name} cannot be judged: {}", crate::report::escape::escape(reason, 400)),
            None => anyhow::bail!("{name} has an open page; judge the page file instead"),
        },
    }
}

fn source(path: &Path, bytes: Vec<u8>) -> anyhow::Result<SourceFile> {
    let text = String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{} is not UTF-8 text", shown(&path.to_string_lossy())))?;
    Ok(SourceFile::new(path.display().to_string(), text))
}

impl Judged {
    fn page(&self) -> Option<(&Page, Option<bool>)> {
        match self {
            Judged::Page(seen) => seen.page.as_ref().map(|page| (page, needs_wasi(seen))),
            Judged::Policy { .. } | Judged::Host(_) => None,
        }
    }

    /// What there is to find in this file. A policy is judged with its module, or else with the one page of the command line.
    fn findings(&self, all: &[Judged]) -> anyhow::Result<Vec<Finding>> {
        match self {
            Judged::Page(seen) => Ok(seen.inspection.findings.clone()),
            Judged::Host(host) => Ok(lint::lint(&Subject { host: Some(host), ..Subject::default() })),
            Judged::Policy { path, policy } => {
                let named = named_module(path, policy);
                let given: Vec<(&Page, Option<bool>)> = all.iter().filter_map(Judged::page).collect();
                let page = match (&named, given.as_slice()) {
                    (Some(seen), _) => seen.page.as_ref().map(|page| (page, needs_wasi(seen))),
                    (None, [one]) => Some(*one),
                    _ => None,
                };
                if let Some((page, _)) = page {
                    bind::fit(page, policy)?;
                }
                let folder = path.parent().unwrap_or(Path::new(""));
                let installed = folder == Path::new(DEFAULT_FOLDER);
                let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let self_owned = installed && find::policy(folder, &name).is_ok_and(|listed| listed.self_owned);
                let subject = Subject {
                    page: page.map(|(page, _)| page),
                    policy: Some(policy),
                    self_owned,
                    needs_wasi: page.and_then(|(_, needs_wasi)| needs_wasi),
                    ..Subject::default()
                };
                Ok(lint::lint(&subject).into_iter().filter(|finding| finding.within == Within::Policy).collect())
            }
        }
    }
}

fn needs_wasi(seen: &Seen) -> Option<bool> {
    seen.inspection.module.as_ref().map(|module| module.wasi != Wasi::None)
}

/// The module that a policy names, if it is there and is one that the policy lists.
fn named_module(path: &Path, policy: &Policy) -> Option<Seen> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let page = policy.rotator.page.as_ref().map(|page| folder.join(&page.path));
    let seen = inspect::examine(&folder.join(&policy.rotator.module), page.as_deref()).ok()?;
    let listed = policy.rotator.sha256.contains(&seen.inspection.sha256)
        && match (&policy.rotator.page, &seen.inspection.page_sha256) {
            (Some(open), Some(sha256)) => open.sha256.contains(sha256),
            (Some(_), None) => false,
            (None, _) => true,
        };
    listed.then_some(seen)
}
