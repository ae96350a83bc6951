//! A page as a table for the one who has to say yes: in plain words what it can and cannot do, then every request with
//! each secret and its exact place.

use super::escape::escape;
use super::layout::{heading, list, pairs, table};
use super::page_summary::{self, Summary};
use super::page_view::{PageView, PlacedView, RouteView};
use crate::page::Step;

/// Most characters of one untrusted text.
const MOST: usize = 400;
/// Width of the column of labels.
const LABEL: u16 = 13;

/// The page in full: summary, overview, every route.
pub fn page(view: &PageView) -> String {
    let mut text = String::new();
    let summary = page_summary::summary(view);
    text.push_str(&in_words(view, &summary));
    text.push_str(&overview(view));
    text.push_str(&heading("Each request, as the page writes it"));
    for route in &view.routes {
        text.push('\n');
        text.push_str(&self::route(route));
    }
    text
}

fn in_words(view: &PageView, summary: &Summary) -> String {
    let mut text = heading(&format!("Page `{}`: what it can do", safe(&view.name)));
    if let Some(about) = &view.about {
        text.push_str(&pairs(&[("the author says".to_owned(), format!("“{}”", safe(about)))], 2, 16));
    }
    text.push_str(&list("+", &escaped(&summary.can)));
    text.push_str(&heading("What it cannot do"));
    text.push_str(&list("-", &escaped(&summary.cannot)));
    if !summary.look_at.is_empty() {
        text.push_str(&heading("Look at these before you say yes"));
        text.push_str(&list("!", &escaped(&summary.look_at)));
    }
    text
}

fn overview(view: &PageView) -> String {
    let rows: Vec<[String; 4]> = view
        .routes
        .iter()
        .map(|route| {
            [safe(&route.name), steps(route), marks(route).join(", "), safe(&format!("{} {}", route.method, route.url))]
        })
        .collect();
    heading("Every request it can make") + &table(["route", "step", "marks", "request"], &rows)
}

fn steps(route: &RouteView) -> String {
    if route.steps.len() == Step::ALL.len() { "every step".to_owned() } else { route.steps.join(", ") }
}

/// Words for what is special about a route.
fn marks(route: &RouteView) -> Vec<String> {
    let mut marks = Vec::new();
    if route.changes {
        marks.push("CHANGES".to_owned());
    }
    if route.proves {
        marks.push("proves".to_owned());
    }
    if route.may_fail {
        marks.push("may fail".to_owned());
    }
    if route.removable {
        marks.push("removable".to_owned());
    }
    if route.uses > 1 {
        marks.push(format!("{} times", route.uses));
    }
    if let Some(pages) = &route.pages {
        marks.push(format!("{} pages", pages.at_most));
    }
    marks
}

/// One route in full.
pub fn route(route: &RouteView) -> String {
    let mut text = format!("  {}  ({})\n", safe(&route.name), steps(route));
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |label: &str, value: String| rows.push((label.to_owned(), value));
    if let Some(about) = &route.about {
        row("author says", format!("“{}”", safe(about)));
    }
    row("request", safe(&format!("{} {}", route.method, route.url)));
    row("sent when", sent_when(route));
    several(&mut row, "secret", route.secrets.iter().map(placed));
    several(&mut row, "value", route.values.iter().map(placed));
    several(&mut row, "argument", route.arguments.iter().map(|arg| safe(&format!("{}: {}", arg.name, arg.may_be))));
    several(
        &mut row,
        "constant",
        route.constants.iter().map(|constant| safe(&format!("{} = {}", constant.place, constant.text))),
    );
    if let Some(from) = &route.sends_back {
        row("sent back", safe(&format!("the document that `{from}` kept, with the members above set or replaced")));
    }
    row("accepted", safe(&route.accepted));
    if let Some(refused) = &route.refused {
        row("refused", safe(refused));
    }
    several(&mut row, "requires", route.requires.iter().map(|require| safe(require)));
    if let Some(picks) = &route.picks {
        row("picks", safe(picks));
    }
    if let Some(pages) = &route.pages {
        row("list", safe(&format!("up to {} pages; the next one is named by {}", pages.at_most, pages.next)));
    }
    several(
        &mut row,
        "broker takes",
        route.takes.iter().map(|taken| {
            safe(&format!("{} from {}{}", taken.name, taken.from, if taken.secret { " (as a secret)" } else { "" }))
        }),
    );
    if route.keeps {
        row("broker takes", "the whole document, to send it back later".to_owned());
    }
    several(&mut row, "may be read", may_be_read(route).into_iter());
    several(&mut row, "warns", route.warns.iter().map(|warn| safe(warn)));
    several(&mut row, "marks", explained_marks(route).into_iter().map(str::to_owned));
    row("written at", safe(&route.line));
    text.push_str(&pairs(&rows, 4, LABEL));
    text
}

/// One row an entry; only the first carries the label.
fn several(row: &mut impl FnMut(&str, String), label: &str, entries: impl Iterator<Item = String>) {
    for (index, entry) in entries.enumerate() {
        row(if index == 0 { label } else { "" }, entry);
    }
}

fn sent_when(route: &RouteView) -> String {
    if route.sent_when.is_empty() {
        "at any time in its step".to_owned()
    } else {
        safe(&route.sent_when.join("; and "))
    }
}

/// "`api.token` → header authorization, as SSWS {api.token}"
fn placed(placed: &PlacedView) -> String {
    let written = placed.written.as_ref().map_or_else(String::new, |written| format!(", as {written}"));
    safe(&format!("`{}` → {}{written}", placed.name, placed.place))
}

/// What the rotator gets to see, beyond status and verdict.
fn may_be_read(route: &RouteView) -> Vec<String> {
    let mut read: Vec<String> =
        route.shows.iter().map(|shown| safe(&format!("{} = {}", shown.name, shown.from))).collect();
    read.extend(route.told_when_unmet.iter().map(|told| safe(told)));
    if read.is_empty() {
        read.push("nothing but status and verdict".to_owned());
    }
    read
}

fn explained_marks(route: &RouteView) -> Vec<&'static str> {
    let mut marks = Vec::new();
    if route.changes {
        marks.push("CHANGES something that matters: sent at most once in a run, never repeated");
    }
    if route.proves {
        marks.push("proves: its verdict says whether the password under verification works");
    }
    if route.may_fail {
        marks.push("may fail: the step goes on without it");
    }
    if route.removable {
        marks.push("removable: the policy may switch it off");
    }
    marks
}

fn escaped(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| safe(text)).collect()
}

fn safe(text: &str) -> String {
    escape(text, MOST)
}
