//! `[[route]]`, and the rules inside one route.

use super::names::{Names, word};
use super::text::{Head, Reader};
use super::{Parsed, Problem, Problems, answer, body, request};
use crate::diagnostic::{SourceFile, Span};
use crate::model::{ArgClass, ArgRule, Body, Method, Need, Origin, Route, Target};
use crate::names::{ArgName, BindName, RecordName, RouteName, Step};
use crate::predicate::Place;
use crate::tree::{Kind, Node, Table, choices, unknown_key};
use std::collections::BTreeSet;

/// The keys of a route.
pub const ROUTE_KEYS: &[&str] = &[
    "name",
    "about",
    "for",
    "after",
    "changes",
    "may-fail",
    "removable",
    "uses",
    "request",
    "query",
    "headers",
    "basic",
    "json",
    "json-from",
    "form",
    "xml",
    "text",
    "expects",
    "refuses",
    "requires",
    "picks",
    "pages",
    "binds",
    "captures",
    "keeps",
    "shows",
    "warns",
    "args",
];

/// Most times that a route may be sent in one step.
const MOST_USES: u64 = 100;

/// A route with what the rules across routes still need to know.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) route: Route,
    /// Each need with the place that causes it.
    pub(super) needs: Vec<(Need, Span)>,
}

/// Reads a route. Every problem of its parts is noted; a route with problems is no route.
pub(super) fn route(file: &SourceFile, names: &Names, node: &Node, problems: &mut Problems) -> Option<Draft> {
    let before = problems.0.len();
    let table = problems.take(node.table())?;
    for (key, _) in table.entries.iter().filter(|(key, _)| !ROUTE_KEYS.contains(&key.name.as_str())) {
        problems.0.push(unknown_key(key, ROUTE_KEYS, "a route"));
    }
    let name = problems.take(table.need("name", "a route").and_then(|node| word(node.text()?, node.span)));
    let steps = problems.take(table.need("for", "a route").map_err(for_hint).and_then(steps));
    let args = problems.field(table, "args", args).unwrap_or_default();
    let flag = |problems: &mut Problems, key: &str| problems.field(table, key, Node::bool).unwrap_or(false);
    let changes = flag(problems, "changes");
    let may_fail = flag(problems, "may-fail");
    let removable = flag(problems, "removable");
    let keeps = flag(problems, "keeps");
    let head = Head {
        name: name.unwrap_or_default(),
        steps: steps.unwrap_or_default(),
        changes,
        args: args.iter().map(|arg| arg.name.to_string()).collect(),
    };
    let mut reader = Reader { file, names, head: &head, needs: Vec::new() };
    if let Some(after) = problems.field(table, "after", |node| after(names, &head.name, node)) {
        reader.needs.extend(after);
    }
    let request_node = problems.take(table.need("request", "a route"));
    let (method, target) = request_node
        .and_then(|node| problems.take(request::request(&mut reader, node)))
        .unwrap_or_else(|| (Method::Get, Target { origin: Origin::Record(RecordName::new("")), segments: Vec::new() }));
    let expects = problems.field(table, "expects", |node| answer::expectation(&mut reader, node));
    let binds = problems.field(table, "binds", |node| answer::given(&mut reader, node, false)).unwrap_or_default();
    let captures = problems.field(table, "captures", |node| answer::given(&mut reader, node, true)).unwrap_or_default();
    let route = Route {
        name: RouteName::new(&head.name),
        about: problems.field(table, "about", |node| Ok(node.text()?.to_owned())),
        steps: head.steps.clone(),
        changes,
        may_fail,
        removable,
        keeps,
        uses: problems
            .field(table, "uses", |node| node.whole(1, MOST_USES))
            .map_or(1, |n| u32::try_from(n).unwrap_or(1)),
        method,
        target,
        query: problems.field(table, "query", |node| request::pairs(&mut reader, node)).unwrap_or_default(),
        headers: problems.field(table, "headers", |node| request::headers(&mut reader, node)).unwrap_or_default(),
        basic: problems.field(table, "basic", |node| request::basic(&mut reader, node)),
        body: problems.take(body::body(&mut reader, table)).unwrap_or(Body::None),
        expects_written: expects.is_some(),
        expects: expects.unwrap_or_default(),
        refuses: problems.field(table, "refuses", |node| answer::expectation(&mut reader, node)),
        requires: problems.field(table, "requires", |node| answer::requires(&mut reader, node)).unwrap_or_default(),
        picks: problems.field(table, "picks", |node| answer::picks(&mut reader, node)),
        pages: problems.field(table, "pages", answer::pages),
        shows: problems.field(table, "shows", answer::shows).unwrap_or_default(),
        warns: problems.field(table, "warns", |node| answer::warns(&mut reader, node)).unwrap_or_default(),
        binds: binds.iter().map(|(name, place, _)| (name.clone(), place.clone())).collect(),
        captures: captures.iter().map(|(name, place, _)| (name.clone(), place.clone())).collect(),
        needs: Vec::new(),
        args,
        span: node.span,
        request_span: request_node.map_or(node.span, |node| node.span),
    };
    let needs = reader.needs;
    if problems.0.len() > before {
        return None;
    }
    rules(&route, table, &binds, &captures, problems);
    let mut route = route;
    for (need, _) in &needs {
        if !route.needs.contains(need) {
            route.needs.push(need.clone());
        }
    }
    Some(Draft { route, needs })
}

fn for_hint(problem: Problem) -> Problem {
    problem.hint("write `for = [\"change\"]` with any of \"verify\", \"change\", \"reconcile\", \"finish\"")
}

fn steps(node: &Node) -> Parsed<BTreeSet<Step>> {
    let mut steps = BTreeSet::new();
    for item in node.list().map_err(for_hint)? {
        let text = item.text()?;
        let step = Step::parse(text).ok_or_else(|| {
            Problem::new(item.span, format!("`{}` is no step", text.escape_debug()))
                .hint(choices(text, Step::ALL.map(Step::as_str)))
        })?;
        if !steps.insert(step) {
            return Err(Problem::new(item.span, format!("`{step}` is written twice")));
        }
    }
    match steps.is_empty() {
        true => Err(for_hint(Problem::new(node.span, "a route is for at least one step"))),
        false => Ok(steps),
    }
}

fn after(names: &Names, route: &str, node: &Node) -> Parsed<Vec<(Need, Span)>> {
    let mut needs = Vec::new();
    for item in node.list()? {
        let text = item.text()?;
        if text == route {
            return Err(Problem::new(item.span, "a route cannot come after itself"));
        }
        let need = if names.route_names().any(|name| name == text) {
            Need::Met(RouteName::new(text))
        } else if names.bind_names().any(|name| name == text) {
            Need::Bound(BindName::new(text))
        } else {
            let all: Vec<&str> = names.route_names().chain(names.bind_names()).collect();
            return Err(Problem::new(item.span, format!("`{}` is neither a route nor a bind", text.escape_debug()))
                .hint(choices(text, all.iter().copied())));
        };
        needs.push((need, item.span));
    }
    Ok(needs)
}

/// `[route.args]`
fn args(node: &Node) -> Parsed<Vec<ArgRule>> {
    let mut args = Vec::new();
    for (key, node) in &node.table()?.entries {
        let name = ArgName::new(word(&key.name, key.span)?);
        let table = node.table().map_err(|problem| problem.hint("write `{ class = \"token\", max = 64 }`"))?;
        table.only(&["class", "max", "one-of"], "an argument")?;
        let class = match (table.get("class"), table.get("one-of")) {
            (None, Some(values)) => one_of(values)?,
            (Some(class), None) => match class.text()? {
                "token" => ArgClass::Token,
                "number" => ArgClass::Number,
                "uuid" => ArgClass::Uuid,
                "text" => ArgClass::Text,
                other => {
                    return Err(Problem::new(class.span, format!("`{}` is no class", other.escape_debug()))
                        .hint(choices(other, ["token", "number", "uuid", "text"])));
                }
            },
            _ => {
                return Err(Problem::new(key.span, "an argument has a class, or a list of values")
                    .hint("write `{ class = \"token\", max = 64 }` or `{ one-of = [\"a\", \"b\"] }`"));
            }
        };
        let max = match table.get("max") {
            Some(node) => usize::try_from(node.whole(1, 1024)?).unwrap_or(1024),
            None => class.default_max(),
        };
        args.push(ArgRule { name, class, max });
    }
    Ok(args)
}

fn one_of(node: &Node) -> Parsed<ArgClass> {
    let mut values = Vec::new();
    for item in node.list()? {
        let text = item.text()?;
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(Problem::new(item.span, "a value of an argument is not empty and has no control characters"));
        }
        values.push(text.to_owned());
    }
    match values.is_empty() {
        true => Err(Problem::new(node.span, "nothing is one of an empty array")),
        false => Ok(ArgClass::OneOf(values)),
    }
}

type Given = [(BindName, Place, Span)];

/// The rules inside one route, once all of it is read.
fn rules(route: &Route, table: &Table, binds: &Given, captures: &Given, problems: &mut Problems) {
    let key = |name: &str| table.key(name).map_or(route.request_span, |key| key.span);
    let mut fail = |span: Span, message: &str, hint: &str| problems.0.push(Problem::new(span, message).hint(hint));
    let candidate = route.places_candidate();
    let look_up = !route.changes && !candidate;
    if route.changes && route.steps.iter().any(|step| !matches!(step, Step::Change | Step::Reconcile)) {
        fail(
            key("for"),
            "only change and reconcile may change something",
            "write `for = [\"change\"]`, or leave out `changes`",
        );
    }
    if candidate && route.changes {
        fail(key("changes"), "a route that tests `{candidate}` cannot change something", "use two routes");
    }
    if !look_up && !route.expects_written {
        let what = if route.changes { "changes something" } else { "tests a password" };
        fail(
            route.request_span,
            &format!("a route that {what} must say when the provider has accepted"),
            "add `expects = { status = 200 }` with the very status the API documents",
        );
    }
    if look_up && route.refuses.is_some() {
        fail(
            key("refuses"),
            "`refuses` belongs to routes that change something or test `{candidate}`",
            "leave it out; `requires` says what must hold of a look-up's answer",
        );
    }
    if route.may_fail && !look_up {
        let what = if route.changes { "changes something" } else { "tests `{candidate}`" };
        fail(key("may-fail"), &format!("a route that {what} cannot be `may-fail`: its verdict counts"), "leave it out");
    }
    if candidate && route.removable {
        fail(key("removable"), "a route that tests `{candidate}` cannot be removable: it is the proof", "leave it out");
    }
    if !look_up && route.uses != 1 {
        fail(
            key("uses"),
            "a request that changes something or tests `{candidate}` is sent once in a step",
            "leave out `uses`",
        );
    }
    if route.keeps && !look_up {
        fail(key("keeps"), "only a look-up can keep its document", "leave out `keeps`");
    }
    if route.basic.is_some() && route.headers.iter().any(|(name, _)| name == "authorization") {
        fail(key("basic"), "`basic` and the header `authorization` are the same header", "leave out one of them");
    }
    if matches!(route.method, Method::Get | Method::Head) && route.body != Body::None {
        fail(route.request_span, "a GET or HEAD has no body", "use POST, or write the values under `query`");
    }
    if !look_up && route.sources().iter().any(|source| matches!(source, crate::template::Source::Arg(_))) {
        fail(
            route.request_span,
            "an argument cannot stand in a request that changes something or tests `{candidate}`",
            "the rotator would choose whose password it is: use `{user}` or a bind",
        );
    }
    for (name, written) in [("requires", !route.requires.is_empty()), ("picks", route.picks.is_some())] {
        if written && !look_up {
            let what = if route.changes { "changes something" } else { "tests `{candidate}`" };
            fail(
                key(name),
                &format!("`{name}` cannot alter what came of a request that {what}"),
                "put the test into each alternative of `expects`, which is its verdict",
            );
        }
    }
    if route.pages.is_some() && (route.picks.is_none() || route.method != Method::Get || !look_up) {
        fail(
            key("pages"),
            "`pages` belongs to a GET look-up that `picks` one element out of a list",
            "add `picks`, or leave out `pages`",
        );
    }
    if candidate && route.sources().iter().any(crate::template::Source::is_record_secret) && !route.tests_body() {
        fail(
            key("expects"),
            "this request carries a record's secret beside `{candidate}`, so the status alone proves nothing",
            "let each alternative of `expects` test the body, such as `\"/status\" = \"SUCCESS\"`",
        );
    }
    if table.get("json-from").is_some() && !matches!(table.get("json").map(|node| &node.kind), Some(Kind::Table(_))) {
        fail(key("json-from"), "`json-from` needs `json = { … }` with the members to set", "add it");
    }
    for (name, place, span) in binds {
        if captures.iter().any(|(_, captured, _)| place.covers(captured)) {
            fail(*span, &format!("`{name}` would hold a value that is captured as a secret"), "bind a narrower place");
        }
    }
    for (name, place) in &route.shows {
        if captures.iter().any(|(_, captured, _)| place.covers(captured)) {
            let message = format!("`{name}` would show a value that is captured as a secret");
            fail(key("shows"), &message, "show a narrower place");
        }
    }
}
