//! The requests: an overview, then each in full.

use super::parts::{self, code, harmless, text};
use crate::report::page_table::{marks, rows, steps};
use crate::report::page_view::{PageView, RouteView};

/// Route, step, marks, request: complete.
pub(super) fn overview(page: &PageView) -> String {
    let rows: Vec<[String; 4]> = page
        .routes
        .iter()
        .map(|route| {
            let request = format!("{} {}", route.method, route.url);
            [link(page, &route.name), text(&steps(route)), marked(route), code(&request)]
        })
        .collect();
    format!(
        "<p>This table is complete. Anything that is not in it cannot be sent.</p>{}",
        parts::table(["request", "step", "marks", "sends"], &rows)
    )
}

/// A name that leads to its request; the name alone if there is none.
pub(super) fn link(page: &PageView, name: &str) -> String {
    match page.routes.iter().position(|route| route.name == name) {
        Some(index) => format!("<a href=\"#request-{}\">{}</a>", index + 1, code(name)),
        None => code(name),
    }
}

fn marked(route: &RouteView) -> String {
    let words: Vec<String> = marks(route)
        .iter()
        .map(|mark| {
            let class = match mark.as_str() {
                "CHANGES" => "changes",
                "proves" => "proves",
                _ => "plain",
            };
            parts::chip(class, mark)
        })
        .collect();
    words.concat()
}

/// Each request in full.
pub(super) fn each(page: &PageView) -> String {
    page.routes.iter().enumerate().map(|(index, route)| one(index, route)).collect()
}

fn one(index: usize, route: &RouteView) -> String {
    let mut before = "";
    let mut html = format!(
        "<article id=\"request-{}\">\n<h3>{} <span class=\"small\">{}</span> {}</h3>\n<dl>",
        index + 1,
        code(&route.name),
        text(&steps(route)),
        marked(route)
    );
    for (label, value) in rows(route).into_iter().filter(|(label, _)| *label != "marks") {
        if label != before {
            html.push_str(&format!("{}<dt>{}</dt>", if before.is_empty() { "" } else { "</dd>" }, text(label)));
            html.push_str(if label == "author says" { "<dd class=\"author\">" } else { "<dd>" });
            before = label;
        }
        // `rows` are harmless already.
        html.push_str(&format!("<p>{}</p>", harmless(&value)));
    }
    html.push_str(&format!("</dd><dt>written at</dt><dd><p>{}</p></dd></dl>\n</article>\n", text(&route.line)));
    html
}
