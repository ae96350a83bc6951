//! `diff`: what can the new module do that the old one could not?

use super::inspect::{Seen, examine};
use super::{Exit, Out};
use crate::compare::{self, Change, Direction, Imports, Verdict};
use crate::report::difference::{Difference, Side};
use crate::report::inspection::{ModuleView, Wasi};
use clap::Args;
use std::path::PathBuf;

/// Compare two modules or pages: what can the new one do that the old one could not?
///
/// Both are looked at as by `inspect`; nothing is run. What is wider stands apart from what is narrower, request by request, each with its
/// line. Narrower is said only of what is proved to be; everything that cannot be compared counts as wider. Names of files, lines and the
/// author's words do not count. A digest that differs while nothing else does means other code with the same page: it can do exactly
/// what the old one could.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 same, 1 wider, 3 narrower, 2 one cannot be read.",
    after_long_help = "Exit codes:
  0  same: both can do exactly the same
  1  wider: the new one can do what the old one could not, whatever else it can no longer do
  3  narrower: the new one can do less, and nothing new
  2  one of them cannot be read or is not accepted, or both have an open page and none is given

Examples:
  rotabox diff /opt/rotabox/okta.wasm okta-new.wasm
  rotabox diff old/page.toml new/page.toml --json"
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
    /// One line of JSON in ASCII instead of text
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let old = examine(&self.old, self.old_page.as_deref())?;
        let new = examine(&self.new, self.new_page.as_deref())?;
        let difference = difference(&old, &new)?;
        let view = new.inspection.page.as_ref();
        out.data(&if self.json { difference.json() } else { difference.text(view) });
        Ok(match difference.verdict {
            Verdict::Same => Exit::OK,
            Verdict::Wider => Exit(1),
            Verdict::Narrower => Exit(3),
        })
    }
}

/// What the new one can do that the old one could not. An error if one of them is not accepted.
pub(super) fn difference(old: &Seen, new: &Seen) -> anyhow::Result<Difference> {
    for (seen, which) in [(old, "old"), (new, "new")] {
        if !seen.inspection.accepted {
            let reasons = seen.inspection.reasons.join("; ");
            let reasons = crate::report::escape::escape(&reasons, 1000);
            let problem = match &seen.inspection.page_problem {
                None => String::new(),
                Some(problem) => {
                    let lines = problem.lines().map(|line| crate::report::escape::escape(line, 400));
                    format!("\n{}", lines.collect::<Vec<_>>().join("\n"))
                }
            };
            anyhow::bail!("the {which} one is not accepted: {reasons}. Look at it with `rotabox inspect`{problem}");
        }
    }
    let mut changes = Vec::new();
    if let (Some(old), Some(new)) = (&old.inspection.module, &new.inspection.module) {
        changes.extend(compare::imports(imports(old), imports(new)));
    }
    match (&old.page, &new.page) {
        (Some(old), Some(new)) => changes.extend(compare::pages(old, new)),
        // What either can do stands in a page that was not given: that nothing differs cannot be known.
        (None, None) => anyhow::bail!(
            "both modules have an open page, so what they can do stands in page files, and none was given; nothing was compared. Give the \
             page of each with `--old-page FILE` and `--new-page FILE` (the same file, if the page stays as it is)"
        ),
        (Some(_), None) => changes.push(whole(
            Direction::Wider,
            "the page is open: each policy names a page file; before, one was sealed in",
        )),
        (None, Some(_)) => {
            changes.push(whole(Direction::Other, "the page is sealed in; before, each policy named a page file"));
        }
    }
    Ok(Difference::new(side(old), side(new), changes))
}

fn imports(module: &ModuleView) -> Imports<'_> {
    Imports { names: &module.imports, wasi: module.wasi == Wasi::Inert }
}

fn whole(direction: Direction, words: &str) -> Change {
    Change { direction, route: None, about: "page", words: words.to_owned(), old_line: None, new_line: None }
}

fn side(seen: &Seen) -> Side {
    let inspection = &seen.inspection;
    Side {
        file: inspection.file.clone(),
        sha256: inspection.sha256.clone(),
        page_sha256: inspection.page_sha256.clone(),
    }
}
