//! The names a page declares, and what a name in a template is.

use super::{Parsed, Problem};
use crate::diagnostic::Span;
use crate::model::Record;
use crate::names::{ArgName, BindName, RecordName};
use crate::template::Source;
use crate::tree::{Kind, Node, Table, choices};
use std::collections::BTreeMap;

/// Words that mean something of their own in templates.
const RESERVED: &[&str] = &["user", "old-password", "new-password", "candidate", "arg"];

/// Checks that a text is a name: lower-case letters, digits and dashes, beginning with a letter.
pub(super) fn word(text: &str, span: Span) -> Parsed<String> {
    let well_formed = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && text.len() <= 64;
    if well_formed {
        return Ok(text.to_owned());
    }
    Err(Problem::new(span, format!("`{}` is not a name", text.escape_debug())).hint(
        "names have lower-case letters, digits and dashes, begin with a letter, and are at most 64 characters long",
    ))
}

/// Who gives a bind or capture.
#[derive(Debug)]
pub(super) struct Giver {
    pub(super) route: String,
    pub(super) capture: bool,
    span: Span,
}

/// Every name that a template may use, collected before any template is read.
#[derive(Debug, Default)]
pub(super) struct Names {
    records: Vec<Record>,
    routes: Vec<(String, Span)>,
    given: BTreeMap<String, Vec<Giver>>,
}

impl Names {
    /// Collects leniently: what is malformed is reported where it is read.
    pub(super) fn collect(records: &[Record], routes: &[Node]) -> Names {
        let mut names = Names { records: records.to_vec(), ..Names::default() };
        for node in routes {
            let Kind::Table(table) = &node.kind else { continue };
            let Some(Node { kind: Kind::Text(route), span }) = table.get("name") else { continue };
            names.routes.push((route.clone(), *span));
            for (key, capture) in [("binds", false), ("captures", true)] {
                let Some(Node { kind: Kind::Table(given), .. }) = table.get(key) else { continue };
                for (name, span, _) in flat(given) {
                    let full = if name.contains('.') { name } else { format!("{route}.{name}") };
                    names.given.entry(full).or_default().push(Giver { route: route.clone(), capture, span });
                }
            }
        }
        names
    }

    /// Records, routes and shared names are distinct, and a name is a bind everywhere or a capture everywhere.
    pub(super) fn distinct(&self, records: &[Record]) -> Parsed<()> {
        let mut problems = super::Problems::default();
        for (index, (route, span)) in self.routes.iter().enumerate() {
            if self.routes.iter().take(index).any(|(earlier, _)| earlier == route) {
                problems.0.push(Problem::new(*span, format!("there are two routes called `{route}`")));
            }
            if let Some(record) = records.iter().find(|record| record.name.as_str() == route) {
                problems.0.push(
                    Problem::new(*span, format!("`{}` is a record already", record.name))
                        .hint("give the route another name: `{name.…}` must mean one thing"),
                );
            }
            if RESERVED.contains(&route.as_str()) {
                problems.0.push(reserved(route, *span));
            }
        }
        for record in records {
            if RESERVED.contains(&record.name.as_str()) {
                problems.0.push(reserved(record.name.as_str(), record.span));
            }
        }
        for (name, givers) in &self.given {
            let first = givers.first().is_some_and(|giver| giver.capture);
            if let Some(other) = givers.iter().find(|giver| giver.capture != first) {
                problems.0.push(
                    Problem::new(other.span, format!("`{name}` is a bind in one route and a capture in another"))
                        .hint("a value is shown or it is secret: use `binds` or `captures` for all of them"),
                );
            }
        }
        problems.done()
    }

    /// The record whose URL begins a request.
    pub(super) fn record_url(&self, name: &str, span: Span) -> Parsed<RecordName> {
        let record = name.strip_suffix(".url").and_then(|record| self.record(record));
        match record {
            Some(Record { name, url: Some(_), .. }) => Ok(name.clone()),
            Some(Record { name, url: None, .. }) => {
                Err(Problem::new(span, format!("the record `{name}` declares no URL"))
                    .hint(format!("add `url = \"url\"` (the label of the vault field) to `[records.{name}]`")))
            }
            None => {
                let urls = self.records.iter().filter(|record| record.url.is_some());
                let urls: Vec<String> = urls.map(|record| format!("{}.url", record.name)).collect();
                let problem = Problem::new(span, format!("`{name}` is not the URL of a record"));
                Err(match (urls.is_empty(), name.strip_suffix(".url")) {
                    (true, Some(record)) => problem.hint(format!(
                        "declare it: `[records.{record}]` with `url = \"url\"` (the label of the vault field)"
                    )),
                    _ => problem.hint(choices(name, urls.iter().map(String::as_str))),
                })
            }
        }
    }

    fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name.as_str() == name)
    }

    /// What a name in a template is. `args` are the route's own.
    pub(super) fn resolve(&self, name: &str, span: Span, route: &str, args: &[String]) -> Parsed<Source> {
        match name {
            "user" => return Ok(Source::User),
            "old-password" => return Ok(Source::OldPassword),
            "new-password" => return Ok(Source::NewPassword),
            "candidate" => return Ok(Source::Candidate),
            _ => {}
        }
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        if first == "arg" {
            return match args.iter().any(|arg| arg == rest) {
                true => Ok(Source::Arg(ArgName::new(rest))),
                false => Err(Problem::new(span, format!("route `{route}` declares no argument `{rest}`")).hint(
                    match args.is_empty() {
                        true => format!("add `args = {{ {rest} = {{ class = \"token\" }} }}` to the route"),
                        false => choices(rest, args.iter().map(String::as_str)),
                    },
                )),
            };
        }
        if let Some(record) = self.record(first) {
            return field(record, rest, span);
        }
        match self.given.get(name) {
            Some(givers) if givers.iter().all(|giver| giver.route == route) => {
                Err(Problem::new(span, format!("`{name}` is taken from the answer to this very request"))
                    .hint("use a value that an earlier route binds"))
            }
            Some(givers) if givers.iter().any(|giver| giver.capture) => Ok(Source::Capture(BindName::new(name))),
            Some(_) => Ok(Source::Bind(BindName::new(name))),
            None => {
                let all = self.all(args);
                Err(Problem::new(span, format!("route `{route}` names `{name}`, which does not exist"))
                    .hint(choices(name, all.iter().map(String::as_str))))
            }
        }
    }

    /// Checks the name of a shared bind (`account.id`).
    pub(super) fn shared(&self, name: &str, span: Span) -> Parsed<()> {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        word(first, span)?;
        word(rest, span)?;
        if RESERVED.contains(&first) {
            return Err(reserved(first, span));
        }
        let what = match (self.record(first).is_some(), self.routes.iter().any(|(route, _)| route == first)) {
            (true, _) => "record",
            (_, true) => "route",
            _ => return Ok(()),
        };
        Err(Problem::new(span, format!("`{name}` cannot be shared: `{first}` is a {what}")).hint(format!(
            "a plain name (`{rest}`) belongs to its route; a shared one has a first part of its own, such as `account.{rest}`"
        )))
    }

    /// The routes that give a bind or capture.
    pub(super) fn route_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.routes.iter().map(|(name, _)| name.as_str())
    }

    /// The binds and captures of the page.
    pub(super) fn bind_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.given.keys().map(String::as_str)
    }

    fn all(&self, args: &[String]) -> Vec<String> {
        let builtin = RESERVED.iter().filter(|word| **word != "arg").map(|word| (*word).to_owned());
        let fields = self.records.iter().flat_map(|record| {
            record.secrets.iter().chain(&record.texts).map(|field| format!("{}.{}", record.name, field.name))
        });
        let args = args.iter().map(|arg| format!("arg.{arg}"));
        builtin.chain(fields).chain(self.given.keys().cloned()).chain(args).collect()
    }
}

/// A field that a record declares.
fn field(record: &Record, name: &str, span: Span) -> Parsed<Source> {
    let Record { name: record_name, secrets, texts, .. } = record;
    if name == "url" {
        return Err(Problem::new(span, format!("`{{{record_name}.url}}` can only begin a request"))
            .hint(format!("write `request = \"GET {{{record_name}.url}}/…\"`")));
    }
    let secret = secrets.iter().any(|field| field.name == name);
    if secret || texts.iter().any(|field| field.name == name) {
        return Ok(Source::Field { record: record_name.clone(), field: name.to_owned(), secret });
    }
    let names = secrets.iter().chain(texts).map(|field| field.name.as_str());
    Err(Problem::new(span, format!("`[records.{record_name}]` declares no field `{name}`")).hint(choices(name, names)))
}

fn reserved(name: &str, span: Span) -> Problem {
    Problem::new(span, format!("`{name}` has a meaning of its own in templates")).hint("use another name")
}

/// The entries of `binds` or `captures`; `account.id = "/id"` without quotes is a table to TOML, and meant as a name.
pub(super) fn flat(table: &Table) -> Vec<(String, Span, &Node)> {
    let mut entries = Vec::new();
    for (key, node) in &table.entries {
        match &node.kind {
            Kind::Table(inner) => {
                for (second, node) in &inner.entries {
                    let span = Span { start: key.span.start.min(second.span.start), end: second.span.end };
                    entries.push((format!("{}.{}", key.name, second.name), span, node));
                }
            }
            _ => entries.push((key.name.clone(), key.span, node)),
        }
    }
    entries
}
