//! What one page can do that another cannot: for whoever approves a new version.

use super::escape::escape;
use super::layout::pairs;
use super::page_table::{self, rows};
use super::page_view::{PageView, RecordView, RouteView};

/// What differs, as text; empty if the two can do exactly the same. Names of files and lines do not count, and neither do the
/// author's words.
pub fn text(old: &PageView, new: &PageView) -> String {
    let mut text = head(old, new);
    let named = |view: &'_ PageView, name: &str| view.routes.iter().position(|route| route.name == name);
    for route in &new.routes {
        match named(old, &route.name).and_then(|at| old.routes.get(at)) {
            None => text.push_str(&format!("\nnew request:\n{}", page_table::route(route))),
            Some(before) => text.push_str(&changed(before, route)),
        }
    }
    for route in old.routes.iter().filter(|route| named(new, &route.name).is_none()) {
        text.push_str(&format!("\nno longer there:\n{}", page_table::route(route)));
    }
    let order = |view: &PageView, other: &PageView| -> Vec<String> {
        let both = view.routes.iter().filter(|route| named(other, &route.name).is_some());
        both.map(|route| route.name.clone()).collect()
    };
    if order(old, new) != order(new, old) {
        text.push_str(
            "\nthe requests stand in another order, which counts where a rotator drives the page in its order\n",
        );
    }
    text
}

/// Records, hosts and password rules.
fn head(old: &PageView, new: &PageView) -> String {
    let facts = |view: &PageView| -> Vec<(&'static str, String)> {
        let mut facts = vec![("name", view.name.clone())];
        facts.extend(view.records.iter().map(|record| ("record", self::record(record))));
        facts.extend(view.literal_hosts.iter().map(|host| ("host", format!("{host}, written out"))));
        facts.extend(view.password.iter().map(|rule| ("password", rule.clone())));
        facts.into_iter().map(|(label, value)| (label, escape(&value, usize::MAX))).collect()
    };
    let lines = lines(&facts(old), &facts(new));
    if lines.is_empty() { lines } else { format!("\nrecords, hosts and password rules:\n{lines}") }
}

fn record(record: &RecordView) -> String {
    let mut parts = Vec::new();
    parts.extend(record.url.as_ref().map(|label| format!("URL in `{label}`")));
    parts.extend(record.secrets.iter().map(|field| format!("secret `{}` in `{}`", field.name, field.label)));
    parts.extend(record.texts.iter().map(|field| format!("text `{}` in `{}`", field.name, field.label)));
    format!("`{}`: {}", record.name, parts.join(", "))
}

fn changed(old: &RouteView, new: &RouteView) -> String {
    let facts = |route: &RouteView| {
        let mut facts = vec![("step", route.steps.join(", "))];
        facts.extend(rows(route).into_iter().filter(|(label, _)| *label != "author says"));
        facts
    };
    let lines = lines(&facts(old), &facts(new));
    match lines.is_empty() {
        true => lines,
        false => format!("\nrequest `{}`:\n{lines}", escape(&new.name, usize::MAX)),
    }
}

/// What is gone, then what is new.
fn lines(old: &[(&str, String)], new: &[(&str, String)]) -> String {
    let only = |these: &[(&str, String)], those: &[(&str, String)], mark: &str| -> Vec<(String, String)> {
        let these = these.iter().filter(|row| !those.contains(row));
        these.map(|(label, value)| (format!("{mark} {label}"), value.clone())).collect()
    };
    let rows = [only(old, new, "-"), only(new, old, "+")].concat();
    if rows.is_empty() { String::new() } else { pairs(&rows, 2, 15) }
}
