//! A page as a table for the one who has to say yes: in plain words what it can and cannot do, then every request with
//! each secret and its exact place.

use super::escape::escape;
use super::layout::{heading, list, pairs, table};
use super::page_summary::{self, Summary};
use super::page_view::{ConstantView, PageView, PagesView, PlacedView, RouteView, TakenView};
use crate::lint::{Finding, Severity};
use crate::page::Step;

/// Most characters of the author's words. What is enforced is never cut.
pub(super) const WORDS: usize = 400;
/// Width of the column of labels.
const LABEL: u16 = 13;

/// The author's words between quotes that they cannot end: a quote of this form, or one that looks like it, is escaped in them.
fn quoted(words: &str) -> String {
    let mut inner = String::new();
    for character in escape(words, WORDS).chars() {
        match character {
            '“' | '”' | '‟' | '„' | '″' | '‶' | '〝' | '〞' | '〟' | '＂' | '❝' | '❞' | '🙶' | '🙷' | '🙸' =>
            {
                inner.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
            }
            other => inner.push(other),
        }
    }
    format!("“{inner}”")
}

/// The page in full: summary, findings, overview, every route.
pub fn page(view: &PageView, findings: &[Finding]) -> String {
    let mut text = String::new();
    let summary = page_summary::summary(view);
    text.push_str(&in_words(view, &summary));
    text.push_str(&self::findings(findings));
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
        text.push_str(&pairs(&[("the author says".to_owned(), quoted(about))], 2, 16));
    }
    text.push_str(&list("+", &escaped(&summary.can)));
    text.push_str(&heading("What it cannot do"));
    text.push_str(&list("-", &escaped(&summary.cannot)));
    text
}

/// What the linter found, the gravest first; notes apart.
pub fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for (title, mark, severity) in [
        ("Do not say yes to these without a reason", "!!", Severity::Refuse),
        ("Look at these before you say yes", "!", Severity::Look),
        ("Good to know", "·", Severity::Note),
    ] {
        let mut rows = Vec::new();
        for finding in findings.iter().filter(|finding| finding.severity == severity) {
            let where_it_is = format!("({}, {})", finding.place(), finding.rule);
            rows.push((mark.to_owned(), format!("{} {where_it_is}", safe(&finding.what))));
            rows.push((String::new(), format!("safer: {}", safe(&finding.safer))));
        }
        if !rows.is_empty() {
            text.push_str(&heading(title));
            text.push_str(&pairs(&rows, 2, 3));
        }
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

pub(super) fn steps(route: &RouteView) -> String {
    if route.steps.len() == Step::ALL.len() { "every step".to_owned() } else { route.steps.join(", ") }
}

/// Words for what is special about a route.
pub(super) fn marks(route: &RouteView) -> Vec<String> {
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
    let mut rows = rows(route);
    rows.push(("written at", safe(&route.line)));
    let mut before = "";
    let shown: Vec<(String, String)> = rows
        .into_iter()
        .map(|(label, value)| {
            // Only the first of several carries the label.
            let repeated = std::mem::replace(&mut before, label) == label;
            (if repeated { String::new() } else { label.to_owned() }, value)
        })
        .collect();
    text.push_str(&pairs(&shown, 4, LABEL));
    text
}

/// All that there is to say about a route but its name, step and line, escaped: labels and texts.
pub(super) fn rows(route: &RouteView) -> Vec<(&'static str, String)> {
    let mut rows: Vec<(&'static str, String)> = Vec::new();
    let mut row = |label: &'static str, texts: Vec<String>| rows.extend(texts.into_iter().map(|text| (label, text)));
    row("author says", route.about.iter().map(|about| quoted(about)).collect());
    row("request", vec![safe(&format!("{} {}", route.method, route.url))]);
    row("sent when", vec![sent_when(route)]);
    row("secret", route.secrets.iter().map(placed).collect());
    row("value", route.values.iter().map(placed).collect());
    row("argument", route.arguments.iter().map(|arg| safe(&format!("{}: {}", arg.name, arg.may_be))).collect());
    let constant = |constant: &ConstantView| safe(&format!("{} = {}", constant.place, constant.text));
    row("constant", route.constants.iter().map(constant).collect());
    let sent_back =
        |from: &String| safe(&format!("the document that `{from}` kept, with the members above set or replaced"));
    row("sent back", route.sends_back.iter().map(sent_back).collect());
    row("accepted", vec![safe(&route.accepted)]);
    row("refused", route.refused.iter().map(|refused| safe(refused)).collect());
    row("requires", route.requires.iter().map(|require| safe(require)).collect());
    row("picks", route.picks.iter().map(|picks| safe(picks)).collect());
    let pages = |pages: &PagesView| {
        let into = pages.into.as_ref().map_or_else(String::new, |key| format!(", for query {key}"));
        safe(&format!("up to {} pages; the next one is named by {}{into}", pages.at_most, pages.next))
    };
    row("list", route.pages.iter().map(pages).collect());
    let taken = |taken: &TakenView| {
        safe(&format!("{} from {}{}", taken.name, taken.from, if taken.secret { " (as a secret)" } else { "" }))
    };
    row("broker takes", route.takes.iter().map(taken).collect());
    row(
        "broker takes",
        route.keeps.then(|| "the whole document, to send it back later".to_owned()).into_iter().collect(),
    );
    row("may be read", may_be_read(route));
    row("warns", route.warns.iter().map(|warn| safe(warn)).collect());
    row("marks", explained_marks(route));
    rows
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

fn explained_marks(route: &RouteView) -> Vec<String> {
    let mut marks: Vec<String> = Vec::new();
    if route.uses > 1 {
        marks.push(format!("may be sent {} times in a step", route.uses));
    }
    if route.changes {
        marks.push("CHANGES something that matters: sent at most once in a run, never repeated".to_owned());
    }
    if route.proves {
        marks.push("proves: its verdict says whether the password under verification works".to_owned());
    }
    if route.may_fail {
        marks.push("may fail: the step goes on without it".to_owned());
    }
    if route.removable {
        marks.push("removable: the policy may switch it off".to_owned());
    }
    marks
}

fn escaped(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| safe(text)).collect()
}

fn safe(text: &str) -> String {
    escape(text, usize::MAX)
}
