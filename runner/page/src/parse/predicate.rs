//! Places and tests.

use super::request::header_name;
use super::text::{Reader, Stand};
use super::{Parsed, Problem};
use crate::diagnostic::Span;
use crate::predicate::{Literal, Place, Test};
use crate::tree::{Kind, Node, Table, choices};

/// The tests by name; exactly one stands in a table.
const TESTS: &[&str] = &["absent", "null", "equals", "one-of", "not", "length", "contains"];

/// What may stand in the place of a value that is read.
const PLACES: &str = "a place is `status`, a JSON pointer (\"/a/b\", or \"\" for the whole answer), `header:name`, \
                      `cookie:name` or `xml:Path/To/Element`";

/// Reads the text of a place.
pub(super) fn place(text: &str, span: Span) -> Parsed<Place> {
    let wrong = |message: String| Problem::new(span, message).hint(PLACES);
    if text == "status" {
        return Ok(Place::Status);
    }
    if text.is_empty() || text.starts_with('/') {
        return pointer(text, span).map(Place::Json);
    }
    if let Some(name) = text.strip_prefix("header:") {
        let name =
            header_name(name).ok_or_else(|| wrong(format!("`{}` is not the name of a header", name.escape_debug())))?;
        return Ok(Place::Header(name));
    }
    if let Some(name) = text.strip_prefix("cookie:") {
        header_name(name).ok_or_else(|| wrong(format!("`{}` is not the name of a cookie", name.escape_debug())))?;
        return Ok(Place::Cookie(name.to_owned()));
    }
    if let Some(path) = text.strip_prefix("xml:") {
        let names: Vec<String> = path.split('/').map(str::to_owned).collect();
        let last = names.len().saturating_sub(1);
        for (index, name) in names.iter().enumerate() {
            let plain = name.strip_prefix('@').filter(|_| index == last && index > 0).unwrap_or(name);
            if plain.is_empty()
                || plain.chars().any(|c| c.is_whitespace() || c.is_control() || "@:<>&\"'[]".contains(c))
            {
                return Err(wrong(format!("`{}` is not a path of XML elements", path.escape_debug()))
                    .hint("write names from the root down, without prefixes, and `@name` last for an attribute"));
            }
        }
        return Ok(Place::Xml(names));
    }
    Err(wrong(format!("`{}` is not a place of an answer", text.escape_debug())))
}

/// A JSON pointer (RFC 6901).
pub(super) fn pointer(text: &str, span: Span) -> Parsed<String> {
    if !(text.is_empty() || text.starts_with('/')) {
        return Err(Problem::new(span, format!("`{}` is not a JSON pointer", text.escape_debug()))
            .hint(format!("a JSON pointer begins with a slash: \"/{text}\"")));
    }
    for (at, _) in text.match_indices('~') {
        if !matches!(text.get(at + 1..at + 2), Some("0" | "1")) {
            return Err(Problem::new(span, "in a JSON pointer `~` is written `~0`, and a slash in a name `~1`"));
        }
    }
    Ok(text.to_owned())
}

/// Reads a table of place -> test.
pub(super) fn tests(reader: &mut Reader<'_>, table: &Table) -> Parsed<Vec<(Place, Test)>> {
    let mut tests = Vec::new();
    for (key, node) in &table.entries {
        let at = place(&key.name, key.span)?;
        let test = test(reader, node, &at)?;
        tests.push((at, test));
    }
    Ok(tests)
}

/// Reads one test on what stands at `at`.
pub(super) fn test(reader: &mut Reader<'_>, node: &Node, at: &Place) -> Parsed<Test> {
    match &node.kind {
        Kind::Table(table) if *at != Place::Status => test_table(reader, table, &[], at),
        Kind::Table(table) => match table.key("not").or(table.key("one-of")) {
            Some(_) => test_table(reader, table, &[], at),
            None => Err(status_form(node)),
        },
        Kind::List(items) if *at == Place::Status => {
            let values = literals(reader, items, at)?;
            match values.is_empty() {
                true => Err(status_form(node)),
                false => Ok(Test::OneOf { values, ignore_case: false }),
            }
        }
        Kind::List(_) => {
            Err(Problem::new(node.span, "an array is not a test").hint("for any of several write `{ one-of = […] }`"))
        }
        _ => Ok(Test::Equals { value: literal(reader, node, at)?, ignore_case: false }),
    }
}

/// Reads a table that holds exactly one test, `ignore-case`, and keys of its own (`extra`).
pub(super) fn test_table(reader: &mut Reader<'_>, table: &Table, extra: &[&str], at: &Place) -> Parsed<Test> {
    let keys: Vec<&str> = TESTS.iter().chain(&["ignore-case"]).chain(extra).copied().collect();
    table.only(&keys, "a test")?;
    let mut written = table.entries.iter().filter(|(key, _)| TESTS.contains(&key.name.as_str()));
    let Some((key, node)) = written.next() else {
        return Err(Problem::new(table.span, "there is no test here").hint(choices("", TESTS.iter().copied())));
    };
    if let Some((second, _)) = written.next() {
        return Err(Problem::new(second.span, format!("`{}` and `{}` are two tests", key.name, second.name))
            .hint("write one test a table; several places, or several entries, must all hold"));
    }
    let ignore_case = match table.get("ignore-case") {
        None => false,
        Some(node) if matches!(key.name.as_str(), "equals" | "one-of") => node.bool()?,
        Some(node) => return Err(Problem::new(node.span, "`ignore-case` goes with `equals` and `one-of` only")),
    };
    match key.name.as_str() {
        "absent" => node.bool().map(Test::Absent),
        "null" => node.bool().map(Test::Null),
        "equals" => Ok(Test::Equals { value: literal(reader, node, at)?, ignore_case }),
        "one-of" => {
            let values = literals(reader, node.list()?, at)?;
            match values.is_empty() {
                true => Err(Problem::new(node.span, "nothing is one of an empty array")),
                false => Ok(Test::OneOf { values, ignore_case }),
            }
        }
        "not" => test(reader, node, at).map(|inner| Test::Not(Box::new(inner))),
        "length" => node.whole(0, 1_000_000).map(|n| Test::Length(usize::try_from(n).unwrap_or(usize::MAX))),
        _ => reader.template(node, Stand::Test).map(Test::Contains),
    }
}

fn literals(reader: &mut Reader<'_>, items: &[Node], at: &Place) -> Parsed<Vec<Literal>> {
    items.iter().map(|item| literal(reader, item, at)).collect()
}

fn literal(reader: &mut Reader<'_>, node: &Node, at: &Place) -> Parsed<Literal> {
    if *at == Place::Status {
        let status = node.whole(100, 599).map_err(|_| status_form(node))?;
        return Ok(Literal::Number(status.into()));
    }
    match &node.kind {
        Kind::Text(_) => reader.template(node, Stand::Test).map(Literal::Text),
        Kind::Number(number) => Ok(Literal::Number(number.clone())),
        Kind::Bool(value) => Ok(Literal::Bool(*value)),
        Kind::List(_) => {
            Err(Problem::new(node.span, "an array is not a value").hint("for any of several write `one-of = […]`"))
        }
        Kind::Date => Err(Problem::new(node.span, "JSON has no dates").hint("write it as text, in quotes")),
        Kind::Table(_) => Err(Problem::new(node.span, "a text, a number, `true` or `false` belongs here, not a table")),
    }
}

fn status_form(node: &Node) -> Problem {
    Problem::new(node.span, "a status is a number from 100 to 599, or an array of them")
        .hint("write `status = 200` or `status = [200, 204]`")
}
