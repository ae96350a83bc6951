//! `diff`: what can the new module do that the old one could not?

use super::inspect::{Seen, examine};
use super::{Exit, Out};
use crate::page::Page;
use crate::page::diagnostic::Span;
use crate::report::inspection::Wasi;
use crate::report::page_diff;
use clap::Args;
use std::path::PathBuf;

/// Compare two modules or pages: what can the new one do that the old one could not?
///
/// Both are looked at as by `inspect`; nothing is run. Names of files, lines and the author's words do not count. A digest that differs while
/// nothing else does means other code with the same page: it can do exactly what the old one could.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 they can do the same, 1 they differ, 2 one cannot be read.",
    after_long_help = "Exit codes:
  0  they can do exactly the same
  1  they differ: what is gone stands after `-`, what is new after `+`
  2  one of them cannot be read or is not accepted

Example:
  rotabox diff /opt/rotabox/okta.wasm okta-new.wasm"
)]
pub(super) struct Diff {
    /// The module (or page) that was approved
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The module (or page) that may replace it
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The page file of OLD, if that is a module with an open page
    #[arg(long, value_name = "FILE")]
    old_page: Option<PathBuf>,
    /// The page file of NEW, if that is a module with an open page
    #[arg(long, value_name = "FILE")]
    new_page: Option<PathBuf>,
}

impl Diff {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let old = examine(&self.old, self.old_page.as_deref())?;
        let new = examine(&self.new, self.new_page.as_deref())?;
        let text = text(&old, &new)?;
        if text.is_empty() {
            let code = if old.inspection.sha256 == new.inspection.sha256 { "the same file" } else { "other bytes" };
            out.data(&format!("the same: both can do exactly the same ({code})\n"));
            return Ok(Exit::OK);
        }
        out.data(&format!("they differ:\n{text}"));
        Ok(Exit(1))
    }
}

/// What differs; empty if nothing does.
pub(super) fn text(old: &Seen, new: &Seen) -> anyhow::Result<String> {
    for (seen, which) in [(old, "old"), (new, "new")] {
        if !seen.inspection.accepted {
            let reasons = seen.inspection.reasons.join("; ");
            let reasons = crate::report::escape::escape(&reasons, 1000);
            anyhow::bail!("the {which} one is not accepted: {reasons}. Look at it with `rotabox inspect`");
        }
    }
    let mut text = String::new();
    let wasi = |seen: &Seen| seen.inspection.module.as_ref().map(|module| module.wasi);
    match (wasi(old), wasi(new)) {
        (Some(Wasi::None), Some(Wasi::Inert)) => {
            text.push_str("\nmodule:\n  + it imports WASI: the policy has to say `wasi = \"inert\"`\n");
        }
        (Some(Wasi::Inert), Some(Wasi::None)) => text.push_str("\nmodule:\n  - it imports WASI\n"),
        _ => {}
    }
    match (&old.inspection.page, &new.inspection.page) {
        (Some(old_view), Some(new_view)) => {
            text.push_str(&page_diff::text(old_view, new_view));
            if text.is_empty() && old.page.as_ref().map(bare) != new.page.as_ref().map(bare) {
                text.push_str("\nthe pages differ in a way that the table does not show; compare their texts\n");
            }
        }
        (None, None) => {}
        (Some(_), None) => {
            text.push_str("\npage:\n  + open: each policy names a page file; before, one was sealed in\n")
        }
        (None, Some(_)) => text.push_str("\npage:\n  + sealed in; before, each policy named a page file\n"),
    }
    Ok(text)
}

/// All of a page but places in the file and the author's words: what the table leaves out must not go unnoticed.
fn bare(page: &Page) -> String {
    let Page { file: _, name, about: _, records, password, routes } = page;
    let mut routes = routes.clone();
    for route in &mut routes {
        route.about = None;
        route.span = Span::default();
        route.request_span = Span::default();
    }
    let mut records = records.clone();
    for record in &mut records {
        record.span = Span::default();
    }
    format!("{name:?} {records:?} {password:?} {routes:?}")
}
