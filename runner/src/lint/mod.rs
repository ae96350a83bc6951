//! The linter: what in a page, a policy or the host file is worth a thought before somebody says yes.
//!
//! Parsers refuse what is never right; a rule here finds what is right sometimes. Each finding has its line and the safer
//! way of writing. Rules look at the parsed files only: nothing is run, and the author's own words (`about`) are not asked.
//!
//! | module | what |
//! | --- | --- |
//! | [`rules`] | every rule: its name and one sentence |
//! | [`kind`] | what a file is: a page, a policy, the host file |
//! | [`locate`] | from a key of a parsed file back to its line |
//! | [`words`] | what names of fields, paths and hosts give away |
//! | `secrets` | where a page puts secrets |
//! | `stored` | secrets that a provider is asked to store |
//! | `answers` | what a page takes out of answers, and who sees it |
//! | `whose` | whose account a request is about, told from where its values come from |
//! | `accounts` | whose password a page changes |
//! | `proofs` | whose password a page proves |
//! | `requests` | methods, constants, hosts, proofs |
//! | `policy` | the operator's file |
//! | `host` | the operator's file for the host |

mod accounts;
mod answers;
mod host;
pub mod kind;
mod locate;
mod policy;
mod proofs;
mod requests;
pub mod rules;
mod secrets;
mod stored;
#[cfg(test)]
mod tests;
mod whose;
mod words;

use crate::page::Page;
use crate::page::diagnostic::{SourceFile, Span};
use crate::policy::{HostFile, Policy};
use crate::report::escape::escape;
use locate::Reading;
use rules::{Check, RULES};
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Right in some places, wrong in others: somebody has to look.
    Look,
    /// Not to be approved as it is, unless there is no other way and somebody can say why.
    Refuse,
}

impl Severity {
    /// Every severity, the gravest last.
    pub const ALL: [Severity; 3] = [Severity::Note, Severity::Look, Severity::Refuse];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Look => "look",
            Severity::Refuse => "refuse",
        }
    }

    /// The severity with this name.
    pub fn parse(text: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.as_str() == text)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which file a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Within {
    /// The author's page.
    Page,
    /// The operator's policy.
    Policy,
    /// The operator's file for the host.
    Host,
}

/// Something that is worth a thought. Its texts quote the file, and are untrusted: escape them before they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// The rule's name: `secret-in-query`.
    pub rule: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Which file it is in.
    #[serde(rename = "in")]
    pub within: Within,
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What was found: a sentence, lower case, no full stop.
    pub what: String,
    /// The safer way of writing it.
    pub safer: String,
}

impl Finding {
    /// `okta/page.toml:31`, escaped.
    pub fn place(&self) -> String {
        format!("{}:{}", escape(&self.file, MOST), self.line)
    }
}

impl fmt::Display for Finding {
    /// Three lines: where and how grave, what, and the safer way. Escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}: {} ({})", self.place(), self.column, self.severity, self.rule)?;
        writeln!(f, "  {}", escape(&self.what, usize::MAX))?;
        write!(f, "  safer: {}", escape(&self.safer, usize::MAX))
    }
}

/// Most characters of a file's name.
const MOST: usize = 400;

/// What is looked at. Whatever is there is judged; rules across files need both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The author's page.
    pub page: Option<&'a Page>,
    /// The operator's policy.
    pub policy: Option<&'a Policy>,
    /// The operator's file for the host.
    pub host: Option<&'a HostFile>,
    /// The policy, or the folder it is in, belongs to the user that runs rotations.
    pub self_owned: bool,
    /// Whether the module imports WASI, where that is known.
    pub needs_wasi: Option<bool>,
}

/// Every finding of a page alone.
pub fn page(page: &Page) -> Vec<Finding> {
    lint(&Subject { page: Some(page), ..Subject::default() })
}

/// Every finding, the gravest first; within one severity by file, line and column. The same files give the same list.
pub fn lint(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let reading = subject.page.map(Reading::of);
    for rule in RULES {
        match (rule.check, &reading) {
            (Check::Page(check), Some(reading)) => {
                check(reading, &mut Notes::new(rule.id, Within::Page, &reading.page.file, &mut findings));
            }
            (Check::Policy(check), _) => {
                if let Some(policy) = subject.policy {
                    check(subject, policy, &mut Notes::new(rule.id, Within::Policy, &policy.file, &mut findings));
                }
            }
            (Check::Host(check), _) => {
                if let Some((host, file)) = subject.host.and_then(|host| Some((host, host.file.as_ref()?))) {
                    check(host, file, &mut Notes::new(rule.id, Within::Host, file, &mut findings));
                }
            }
            (Check::Page(_), None) => {}
        }
    }
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    findings.dedup();
    findings
}

fn order(finding: &Finding) -> impl Ord + '_ {
    let place = (finding.within, &finding.file, finding.line, finding.column);
    (Reverse(finding.severity), place, finding.rule, &finding.what)
}

/// The gravest severity among them.
pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}

/// Findings as text for people, one blank line between them; nothing if there are none.
pub fn text(findings: &[Finding]) -> String {
    let texts: Vec<String> = findings.iter().map(|finding| format!("{finding}\n")).collect();
    texts.join("\n")
}

/// "2 to refuse, 5 to look at, 1 to note", or "no findings".
pub fn counted(findings: &[Finding]) -> String {
    let words = [(Severity::Refuse, "to refuse"), (Severity::Look, "to look at"), (Severity::Note, "to note")];
    let counts: Vec<String> = words
        .iter()
        .map(|(severity, words)| (findings.iter().filter(|finding| finding.severity == *severity).count(), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") }
}

/// Where a rule puts what it finds.
struct Notes<'f> {
    rule: &'static str,
    within: Within,
    file: &'f SourceFile,
    findings: &'f mut Vec<Finding>,
}

impl<'f> Notes<'f> {
    fn new(rule: &'static str, within: Within, file: &'f SourceFile, findings: &'f mut Vec<Finding>) -> Notes<'f> {
        Notes { rule, within, file, findings }
    }

    fn add(&mut self, severity: Severity, at: Span, what: impl Into<String>, safer: impl Into<String>) {
        let (line, column) = self.file.position(at.start);
        self.findings.push(Finding {
            rule: self.rule,
            severity,
            within: self.within,
            file: self.file.name.to_string(),
            line,
            column,
            what: what.into(),
            safer: safer.into(),
        });
    }

    fn refuse(&mut self, at: Span, what: impl Into<String>, safer: impl Into<String>) {
        self.add(Severity::Refuse, at, what, safer);
    }

    fn look(&mut self, at: Span, what: impl Into<String>, safer: impl Into<String>) {
        self.add(Severity::Look, at, what, safer);
    }

    fn note(&mut self, at: Span, what: impl Into<String>, safer: impl Into<String>) {
        self.add(Severity::Note, at, what, safer);
    }
}
