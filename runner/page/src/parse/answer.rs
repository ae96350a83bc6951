//! What a route says about its answer.

use super::names::{flat, word};
use super::predicate::{place, pointer, test, test_table, tests};
use super::text::{Reader, pieces};
use super::{Parsed, Problem};
use crate::diagnostic::Span;
use crate::model::{Paging, Picks};
use crate::names::BindName;
use crate::predicate::{All, Expectation, Literal, Place, Require, Test, Warn};
use crate::template::{Piece, Template};
use crate::tree::{Kind, Node, Table};

/// Most pages that a list may be read in.
const MOST_PAGES: u64 = 100;

/// Reads `expects` or `refuses`.
pub(super) fn expectation(reader: &mut Reader<'_>, node: &Node) -> Parsed<Expectation> {
    let mut any = Vec::new();
    match &node.kind {
        Kind::Table(table) => any.push(All(alternative(reader, table)?)),
        Kind::List(items) => {
            for item in items {
                any.push(All(alternative(reader, item.table()?)?));
            }
            if any.is_empty() {
                return Err(Problem::new(node.span, "an empty array holds for no answer"));
            }
        }
        _ => return Err(node.wanted("a table of places and tests, or an array of such tables,")),
    }
    Ok(Expectation { any })
}

fn alternative(reader: &mut Reader<'_>, table: &Table) -> Parsed<Vec<(Place, Test)>> {
    if table.entries.is_empty() {
        return Err(
            Problem::new(table.span, "an empty table says nothing about an answer").hint("write `{ status = 200 }`")
        );
    }
    for (key, node) in &table.entries {
        if key.name != "status" {
            continue;
        }
        let at = Place::Status;
        let all = test(reader, node, &at)?;
        let numbers: Vec<&Literal> = match &all {
            Test::Equals { value, .. } => vec![value],
            Test::OneOf { values, .. } => values.iter().collect(),
            _ => {
                return Err(Problem::new(node.span, "a status is a number from 100 to 599, or an array of them")
                    .hint("write `status = 200` or `status = [200, 204]`"));
            }
        };
        if numbers.iter().any(|n| matches!(n, Literal::Number(n) if n.as_u64().is_some_and(|n| n >= 500))) {
            return Err(Problem::new(
                node.span,
                "a 5xx always counts as unmatched: it says nothing about what happened",
            )
            .hint("leave it out"));
        }
    }
    tests(reader, table)
}

/// Reads `requires`: an array of tables (or one table).
pub(super) fn requires(reader: &mut Reader<'_>, node: &Node) -> Parsed<Vec<Require>> {
    match &node.kind {
        Kind::Table(table) => Ok(vec![require(reader, table)?]),
        _ => node.list()?.iter().map(|item| require(reader, item.table()?)).collect(),
    }
}

fn require(reader: &mut Reader<'_>, table: &Table) -> Parsed<Require> {
    let node = table.need("at", "a requirement").map_err(|problem| {
        problem.hint("write `{ at = \"/status\", equals = \"ACTIVE\", else = \"the account is {value}\" }`")
    })?;
    let at = place(node.text()?, node.span)?;
    let test = test_table(reader, table, &["at", "else"], &at)?;
    let otherwise = match table.get("else") {
        Some(node) => words(reader, node, "value")?,
        None => format!("{} is {{value}}", Template::literal(at.described())),
    };
    Ok(Require { at, test, otherwise })
}

/// A text for people, in which only `{name}` stands for something.
fn words(reader: &mut Reader<'_>, node: &Node, name: &str) -> Parsed<String> {
    let text = node.text()?;
    for piece in pieces(reader.file, node.span, text)? {
        let Piece::Name { name: found, encoding, at } = piece else { continue };
        if found != name || encoding.is_some() {
            let span = super::text::inside(reader.file, node.span, text, at);
            return Err(Problem::new(span, format!("only `{{{name}}}` can stand here"))
                .hint("a brace that is meant as text is written twice"));
        }
    }
    Ok(text.to_owned())
}

/// Reads `picks`.
pub(super) fn picks(reader: &mut Reader<'_>, node: &Node) -> Parsed<Picks> {
    let table = node.table()?;
    table.only(&["from", "where", "exactly", "else"], "`picks`")?;
    let from = table.need("from", "`picks`")?;
    let from = pointer(from.text()?, from.span)?;
    let filter = match table.get("where") {
        None => Vec::new(),
        Some(node) => {
            let filter = tests(reader, node.table()?)?;
            if filter.iter().any(|(place, _)| !matches!(place, Place::Json(_))) {
                return Err(Problem::new(
                    node.span,
                    "`where` tests the elements of the list: places in it are JSON pointers",
                ));
            }
            filter
        }
    };
    let exactly = match table.get("exactly") {
        None => 1,
        Some(node) => {
            node.whole(1, 1).map_err(|problem| problem.hint("a page works on exactly one element: `exactly = 1`"))?
        }
    };
    let otherwise = match table.get("else") {
        Some(node) => words(reader, node, "count")?,
        None => "{count} entries of the list match, and exactly one must".to_owned(),
    };
    Ok(Picks { from, filter, exactly: usize::try_from(exactly).unwrap_or(1), otherwise })
}

/// Reads `pages`.
pub(super) fn pages(node: &Node) -> Parsed<Paging> {
    let table = node.table()?;
    table.only(&["next", "into", "at-most"], "`pages`")?;
    let next = table.need("next", "`pages`")?;
    let at = place(next.text()?, next.span)?;
    if matches!(at, Place::Status | Place::Cookie(_)) {
        return Err(Problem::new(next.span, "this place holds no link to a next page")
            .hint("write `next = \"header:link\"`, a JSON pointer, or a header"));
    }
    let into = match table.get("into") {
        None => None,
        Some(node) => Some(node.text()?.to_owned()),
    };
    let at_most = match table.get("at-most") {
        None => 10,
        Some(node) => node.whole(1, MOST_PAGES)?,
    };
    Ok(Paging { next: at, into, at_most: u32::try_from(at_most).unwrap_or(10) })
}

/// Reads `binds` or `captures`: full names, places, and where the name stands.
pub(super) fn given(reader: &mut Reader<'_>, node: &Node, capture: bool) -> Parsed<Vec<(BindName, Place, Span)>> {
    let mut given: Vec<(BindName, Place, Span)> = Vec::new();
    for (name, span, node) in flat(node.table()?) {
        let full = match name.contains('.') {
            true => {
                reader.names.shared(&name, span)?;
                name
            }
            false => format!("{}.{}", reader.head.name, word(&name, span)?),
        };
        let place = place(node.text()?, node.span)?;
        match &place {
            Place::Status if capture => return Err(Problem::new(node.span, "a status is no secret")),
            place if place.is_cookie() && !capture => return Err(cookie(node.span)),
            _ => {}
        }
        if given.iter().any(|(have, ..)| have.as_str() == full) {
            return Err(Problem::new(span, format!("`{full}` is taken twice")));
        }
        given.push((BindName::new(full), place, span));
    }
    Ok(given)
}

/// Reads `shows`.
pub(super) fn shows(node: &Node) -> Parsed<Vec<(String, Place)>> {
    let mut shows = Vec::new();
    for (key, node) in &node.table()?.entries {
        let name = word(&key.name, key.span)?;
        let place = place(node.text()?, node.span)?;
        if place.is_cookie() {
            return Err(cookie(node.span));
        }
        shows.push((name, place));
    }
    Ok(shows)
}

fn cookie(span: Span) -> Problem {
    Problem::new(span, "a cookie is a secret: it can be captured, but neither bound nor shown")
        .hint("use `captures = { name = \"cookie:…\" }`")
}

/// Reads `warns`: a table of places and tests, each a warning of its own.
pub(super) fn warns(reader: &mut Reader<'_>, node: &Node) -> Parsed<Vec<Warn>> {
    Ok(tests(reader, node.table()?)?.into_iter().map(|(at, test)| Warn { at, test }).collect())
}
