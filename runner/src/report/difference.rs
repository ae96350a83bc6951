//! What a new version can do that the old one could not, as `diff` and `approve --from` show it: wider and narrower apart, request
//! by request.

use super::escape::escape;
use super::layout::{heading, pairs};
use super::page_table;
use super::page_view::PageView;
use crate::compare::{Change, Direction, Verdict, verdict};
use serde::Serialize;

/// Version of the JSON. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// Two files, compared.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// Of this format.
    pub version: u32,
    /// What all changes come to.
    pub verdict: Verdict,
    /// The file that was approved.
    pub old: Side,
    /// The one that may replace it.
    pub new: Side,
    /// Every change. Texts of both files stand in it, untrusted.
    pub changes: Vec<Change>,
}

/// One of the two files.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// As it was given.
    pub file: String,
    /// sha256 of the whole file.
    pub sha256: String,
    /// sha256 of its page's text, if it has one.
    pub page_sha256: Option<String>,
}

impl Difference {
    /// What the changes between two files come to.
    pub fn new(old: Side, new: Side, changes: Vec<Change>) -> Difference {
        Difference { version: VERSION, verdict: verdict(&changes), old, new, changes }
    }

    /// One line of JSON, in ASCII.
    pub fn json(&self) -> String {
        super::ascii_json(self)
    }

    /// All of it for people. `page` is the new page: a request that was not there is shown in full.
    pub fn text(&self, page: Option<&PageView>) -> String {
        let mut text = format!("{}\n", self.in_words());
        for (direction, mark, title) in [
            (Direction::Wider, "+", "Wider: the new one can, and the old one could not"),
            (Direction::Other, "~", "Different: neither contains the other, which counts as wider"),
            (Direction::Narrower, "-", "Narrower: the old one could, and the new one cannot"),
        ] {
            let changes: Vec<&Change> = self.changes.iter().filter(|change| change.direction == direction).collect();
            if !changes.is_empty() {
                text.push_str(&heading(title));
                text.push_str(&section(&changes, mark, page));
            }
        }
        text
    }

    fn in_words(&self) -> String {
        match self.verdict {
            Verdict::Same if self.old.sha256 == self.new.sha256 => {
                "same: both can do exactly the same (the same file)".to_owned()
            }
            Verdict::Same => "same: both can do exactly the same (other bytes)".to_owned(),
            Verdict::Narrower => "narrower: the new one can do less, and nothing that the old one could not".to_owned(),
            Verdict::Wider => "wider: the new one can do what the old one could not".to_owned(),
        }
    }
}

/// Changes of one direction: those of the page as a whole, then those of each request.
fn section(changes: &[&Change], mark: &str, page: Option<&PageView>) -> String {
    let mut text = String::new();
    let mut subjects: Vec<&Option<String>> = Vec::new();
    for change in changes {
        if !subjects.contains(&&change.route) {
            subjects.push(&change.route);
        }
    }
    for subject in subjects {
        let of_it = || changes.iter().filter(|change| change.route == *subject);
        text.push_str(&match subject {
            None => "  page and module\n".to_owned(),
            Some(route) => format!("  request `{}`\n", escape(route, usize::MAX)),
        });
        let rows: Vec<(String, String)> = of_it().map(|change| (mark.to_owned(), sentence(change))).collect();
        text.push_str(&pairs(&rows, 4, 2));
        let is_new = of_it().any(|change| change.about == "route" && change.old_line.is_none());
        let route = page.and_then(|page| page.routes.iter().find(|route| Some(&route.name) == subject.as_ref()));
        if let (true, Some(route)) = (is_new, route) {
            text.push_str(&page_table::route(route));
        }
    }
    text
}

/// The words, and where they stand.
fn sentence(change: &Change) -> String {
    let line = match (&change.new_line, &change.old_line) {
        (Some(line), _) => format!(" [{line}]"),
        (None, Some(line)) => format!(" [was {line}]"),
        (None, None) => String::new(),
    };
    escape(&format!("{}{line}", change.words), usize::MAX)
}
