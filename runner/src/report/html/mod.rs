//! `inspect --html`: one page to be attached to a ticket. It holds no script and asks for nothing: the policy in its head says so,
//! and names its one style sheet by digest.
//!
//! Everything that comes from the file is untrusted: made harmless by [`super::escape`] first, then written as HTML text. The
//! same file gives the same bytes.

mod parts;
mod requests;

use self::parts::{chip, code, list, rich, section, text};
use super::inspection::{CodeHint, Inspection, Wasi};
use super::page_summary::{self, Put};
use super::page_view::PageView;
use crate::lint::{self, Finding, Severity};
use base64::Engine as _;
use sha2::{Digest as _, Sha256};

/// How every page begins.
pub const BEGINS: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                          <meta name=\"generator\" content=\"rotabox inspect\">\n";

const STYLE: &str = include_str!("style.css");

/// What holds the rotator to its page: what it cannot do, and why.
const WALLS: &[(&str, &str)] = &[
    (
        "see a password or a token of yours, or more of an answer than stands above",
        "It runs in a process of its own, which never receives one. The broker puts secrets into the places below, and cuts every \
         secret out of what it hands back.",
    ),
    (
        "send anything but the requests below",
        "That process has no network (seccomp, and Landlock where the kernel has it). It names a request; one function decides by \
         page and policy, and the broker sends it. No redirects are followed, and a changing request is sent at most once.",
    ),
    (
        "reach a host that the policy does not name",
        "The policy lists hosts exactly, and the vault record's URL has to be one of them. Each name is looked up once; private and \
         metadata addresses are refused unless the operator opened them.",
    ),
    (
        "choose the account",
        "The broker fills in `{user}`, from the params, within `allow` and `except` of the policy. No argument can stand in a \
         changing request. What else names an account stands in the requests below, and among what the linter found.",
    ),
    (
        "open a file, read the environment, start a program",
        "No file, no argument and no variable is given to it; some 25 system calls are left to its process, and no new executable \
         memory once it is compiled.",
    ),
    (
        "claim a success that was none",
        "Exit 0 comes from what the broker sent and saw. The rotator's word can only make an outcome worse.",
    ),
    ("become something else", "The policy pins the sha256 above, which covers code and page. Another file is not run."),
];

/// The page.
pub fn html(seen: &Inspection) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let title = seen.page.as_ref().map_or_else(|| seen.file.clone(), |page| page.name.clone());
    let mut body = head(seen);
    if let Some(problem) = &seen.page_problem {
        let lines = super::escape::lines(problem);
        body.push_str(&section("The page has a mistake", &format!("<pre>{}</pre>", parts::raw(&lines))));
    }
    if let Some(page) = &seen.page {
        let summary = page_summary::summary(page);
        body.push_str(&cards(page));
        body.push_str(&section("What it can reach", &list(&page_summary::destinations(page), "Nothing.")));
        body.push_str(&section("Where each secret can go", &secrets(page)));
        body.push_str(&section("What it can read", &list(&page_summary::read(page), "Nothing.")));
        body.push_str(&section("What it cannot do, and why", &walls(&summary.cannot)));
        body.push_str(&section("What the linter found", &findings(&seen.findings)));
        body.push_str(&section("Every request it can make", &requests::overview(page)));
        body.push_str(&section("Each request, as the page writes it", &requests::each(page)));
    }
    body.push_str(&section("The file", &file(seen)));
    format!(
        "{BEGINS}\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{} – rotabox inspect</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <footer><p>Made by <code>rotabox inspect</code> {} from the file alone: nothing was run, and nothing was sent. \
         No secret was there to be written down.</p></footer>\n</body>\n</html>\n",
        text(&title),
        text(env!("CARGO_PKG_VERSION")),
    )
}

fn head(seen: &Inspection) -> String {
    let (kind, name) = match &seen.page {
        Some(page) => ("Rotator", page.name.as_str()),
        None => ("File", seen.file.as_str()),
    };
    let mut head =
        format!("<header>\n<p class=\"kicker\">rotabox · review of a rotator</p>\n<h1>{kind} {}</h1>\n", code(name));
    if let Some(about) = seen.page.as_ref().and_then(|page| page.about.as_ref()) {
        let about = super::escape::escape(about, super::page_table::WORDS);
        head.push_str(&format!(
            "<figure class=\"author\"><blockquote>{}</blockquote><figcaption>the author’s words: nothing hangs on them</figcaption></figure>\n",
            parts::raw(&about)
        ));
    }
    // What there is to weigh comes first. That a policy can run it is no praise.
    head.push_str("<p class=\"chips\">");
    for (severity, words) in
        [(Severity::Refuse, "to refuse"), (Severity::Look, "to look at"), (Severity::Note, "to note")]
    {
        let count = seen.findings.iter().filter(|finding| finding.severity == severity).count();
        if count > 0 {
            head.push_str(&chip(severity.as_str(), &format!("{count} {words}")));
        }
    }
    if seen.page.is_some() && seen.findings.is_empty() {
        head.push_str(&chip("good", &lint::counted(&seen.findings)));
    }
    head.push_str(&match seen.accepted {
        true => chip("plain", "accepted by the runner: a policy can run it"),
        false => chip("bad", "NOT accepted by the runner"),
    });
    head.push_str("</p>\n");
    if !seen.reasons.is_empty() {
        head.push_str(&format!("<div class=\"reasons\">{}</div>\n", list(&seen.reasons, "")));
    }
    head.push_str(&format!(
        "<dl class=\"digest\"><div><dt>sha256</dt><dd>{}</dd></div><div><dt>file</dt><dd>{}, {} bytes</dd></div></dl>\n</header>\n",
        code(&seen.sha256),
        code(&seen.file),
        seen.size
    ));
    head
}

/// The four numbers by which a page is first weighed.
fn cards(page: &PageView) -> String {
    let puts = page_summary::puts(page);
    let mut secrets: Vec<&str> = puts.iter().map(|put| put.secret).collect();
    secrets.sort_unstable();
    secrets.dedup();
    let shown: usize = page.routes.iter().map(|route| route.shows.len() + route.told_when_unmet.len()).sum();
    let texts: usize = page.records.iter().map(|record| record.texts.len()).sum();
    let changing = page.routes.iter().filter(|route| route.changes).count();
    let cards = [
        (page_summary::destinations(page).len(), "host it can reach", "hosts it can reach"),
        (secrets.len(), "secret placed for it", "secrets placed for it"),
        (changing, "changing request", "changing requests"),
        (shown + texts, "value of answers and records it reads", "values of answers and records it reads"),
    ];
    let card = |(number, one, more): &(usize, &str, &str)| {
        format!("<li><strong>{number}</strong><span>{}</span></li>", if *number == 1 { one } else { more })
    };
    let cards: String = cards.iter().map(card).collect();
    format!("<ul class=\"cards\">{cards}</ul>\n")
}

fn secrets(page: &PageView) -> String {
    let puts = page_summary::puts(page);
    if puts.is_empty() {
        return "<p>No request places a secret.</p>".to_owned();
    }
    let mut order: Vec<&str> = Vec::new();
    for put in &puts {
        if !order.contains(&put.secret) {
            order.push(put.secret);
        }
    }
    let rows: Vec<[String; 3]> = order
        .iter()
        .flat_map(|secret| puts.iter().filter(move |put| put.secret == *secret))
        .map(|put| [code(put.secret), text(put.place), routes_of(page, put)])
        .collect();
    format!(
        "<p>These are all the places. The broker puts secrets there; the rotator never holds one.</p>{}",
        parts::table(["secret", "goes into", "of the request"], &rows)
    )
}

fn routes_of(page: &PageView, put: &Put<'_>) -> String {
    let links: Vec<String> = put.routes.iter().map(|route| requests::link(page, route)).collect();
    links.join(", ")
}

fn walls(cannot: &[String]) -> String {
    let rows: Vec<[String; 2]> = WALLS.iter().map(|(what, why)| [text(what), rich(why)]).collect();
    let last = cannot.last().map_or_else(String::new, |last| format!("<p>It cannot {}.</p>", rich(last)));
    format!(
        "{}{last}<p class=\"small\">Where a kernel lacks a wall, each run’s result says so, and {} in the policy refuses to run there.</p>",
        parts::table(["it cannot", "because"], &rows),
        code("confinement = \"require\"")
    )
}

fn findings(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "<p>Nothing.</p>".to_owned();
    }
    let items: String = findings
        .iter()
        .map(|finding| {
            format!(
                "<li class=\"{severity}\"><p>{} {}</p><p class=\"safer\">Safer: {}</p><p class=\"where\">{} · {}</p></li>",
                chip(finding.severity.as_str(), finding.severity.as_str()),
                rich(&finding.what),
                rich(&finding.safer),
                parts::raw(&finding.place()),
                text(finding.rule),
                severity = finding.severity.as_str(),
            )
        })
        .collect();
    format!("<ol class=\"findings\">{items}</ol>")
}

fn file(seen: &Inspection) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |label: &str, value: String| rows.push([text(label), value]);
    row("page", rich(&seen.page_in_words()));
    if let Some(signature) = &seen.signature {
        row("signature", rich(&signature.words));
    }
    if let Some(module) = &seen.module {
        let made: Vec<String> = module.producers.iter().map(super::inspection::producer).collect();
        row("made with", format!("{} <span class=\"small\">(by its own word)</span>", list(&made, "It does not say.")));
        row("core modules", module.core_modules.to_string());
        row("imports", list(&ticked(&module.imports), "Nothing."));
        row("exports", list(&ticked(&module.exports), "Nothing."));
        let wasi = match module.wasi {
            Wasi::None => "none needed",
            Wasi::Inert => {
                "imported: the policy has to say `wasi = \"inert\"` (no files, sockets, environment or arguments)"
            }
            Wasi::Refused => "not accepted with an inert one either",
        };
        row("WASI", rich(wasi));
    }
    if let Some(hint) = seen.code.as_ref().and_then(CodeHint::in_words) {
        row(
            "its code",
            format!("{} <span class=\"small\">(a hint: names are looked for among its bytes)</span>", rich(&hint)),
        );
    }
    parts::table(["", ""], &rows)
}

fn ticked(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{}`", name.replace('`', "'"))).collect()
}

#[cfg(test)]
mod tests;
