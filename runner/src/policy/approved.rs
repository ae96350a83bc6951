//! `[[approved]]` of a policy: who approved which module, and when. A record, not a rule: what runs is what `sha256` lists. The file's owner
//! and your version control are the evidence; these lines are what `doctor` and the audit log show of it.
//!
//! | key | says |
//! | --- | --- |
//! | `sha256` | the module |
//! | `page-sha256` | its page file, if the module has an open page |
//! | `by`, `at` | who, and when (RFC 3339) |
//! | `signed` | whose signature was checked: `okta 1.2.0 by acme-release` |
//! | `accepted` | what was found and accepted all the same: `wider`, names of linter rules |

use super::file;
use crate::page::diagnostic::Span;
use crate::page::tree::{Node, Parsed, Problem, Table};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The module's digest.
    pub sha256: String,
    /// The page file's digest, if it has one.
    pub page_sha256: Option<String>,
    /// Who. A text of the file: escape it before it is shown.
    pub by: String,
    /// When: RFC 3339, in UTC.
    pub at: String,
    /// Whose signature was checked.
    pub signed: Option<String>,
    /// What was accepted although it was found.
    pub accepted: Vec<String>,
    /// Where the entry begins.
    pub span: Span,
}

/// The last entry for a module: with this page file, if it has one.
pub fn approval<'a>(of: &'a [Approval], module: &str, page: Option<&str>) -> Option<&'a Approval> {
    let fits = |entry: &&Approval| {
        entry.sha256 == module && page.is_none_or(|page| entry.page_sha256.as_deref().is_none_or(|have| have == page))
    };
    of.iter().rev().find(fits)
}

/// Reads `[[approved]]`.
pub(super) fn read(node: &Node) -> Parsed<Vec<Approval>> {
    let list = node.list().map_err(|problem| {
        problem.hint("write `[[approved]]`, in double brackets: there is one for each module that was approved")
    })?;
    list.iter().map(|node| entry(node.table()?)).collect()
}

fn entry(table: &Table) -> Parsed<Approval> {
    let of = "`[[approved]]`";
    table.only(&["sha256", "page-sha256", "by", "at", "signed", "accepted"], of)?;
    let sha256 =
        table.need("sha256", of).map_err(|problem| problem.hint("write the digest of the module that was approved"))?;
    let by = table.need("by", of).map_err(|problem| problem.hint("write who approved it: `by = \"Alice Example\"`"))?;
    let at = table.need("at", of).map_err(|problem| problem.hint(AT))?;
    Ok(Approval {
        sha256: file::digest(sha256)?,
        page_sha256: table.get("page-sha256").map(file::digest).transpose()?,
        by: words(by)?,
        at: time(at)?,
        signed: table.get("signed").map(words).transpose()?,
        accepted: match table.get("accepted") {
            None => Vec::new(),
            Some(node) => node
                .list()
                .map_err(|problem| problem.hint("write `accepted = [\"wider\"]`"))?
                .iter()
                .map(words)
                .collect::<Parsed<_>>()?,
        },
        span: table.span,
    })
}

const AT: &str = "write the time in quotes, in UTC: `at = \"2026-11-22T09:30:00Z\"`";

fn time(node: &Node) -> Parsed<String> {
    let wrong = |problem: Problem| problem.hint(AT);
    let text = node.text().map_err(wrong)?;
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => Ok(time.to_string()),
        Err(_) => Err(wrong(Problem::new(node.span, "this is no time"))),
    }
}

fn words(node: &Node) -> Parsed<String> {
    let text = node.text()?;
    if text.trim().is_empty() {
        return Err(Problem::new(node.span, "this is empty").hint("write a name, or leave the entry out"));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::new(node.span, "there are control characters in this").hint("remove them"));
    }
    Ok(text.to_owned())
}
