//! `[records.…]` and `[password]`.

use super::names::word;
use super::{Parsed, Problem, Problems};
use crate::model::{Field, PasswordRules, Record};
use crate::names::RecordName;
use crate::tree::{Key, Node, Table, unknown_key};

/// Reads `[records]`.
pub(super) fn records(node: &Node) -> Parsed<Vec<Record>> {
    let mut records = Vec::new();
    let mut problems = Problems::default();
    for (key, node) in &node.table()?.entries {
        records.extend(problems.take(record(key, node)));
    }
    problems.done()?;
    Ok(records)
}

fn record(key: &Key, node: &Node) -> Parsed<Record> {
    let name = word(&key.name, key.span)?;
    let table = node.table()?;
    let mut problems = Problems::default();
    problems.take(table.only(&["url", "secret", "text"], "a record"));
    let url = problems.field(table, "url", label);
    let secrets = problems.field(table, "secret", fields).unwrap_or_default();
    let texts = problems.field(table, "text", fields).unwrap_or_default();
    if let Some(twice) = texts.iter().find(|text| secrets.iter().any(|secret| secret.name == text.name)) {
        let span = table.key("text").map_or(table.span, |key| key.span);
        problems.0.push(Problem::new(span, format!("`{}` is declared under `secret` and under `text`", twice.name)));
    }
    problems.done()?;
    Ok(Record { name: RecordName::new(name), url, secrets, texts, span: key.span })
}

/// `{ token = "password" }`: the page's name and the label in the vault.
fn fields(node: &Node) -> Parsed<Vec<Field>> {
    let mut fields = Vec::new();
    for (key, node) in &node.table()?.entries {
        let name = word(&key.name, key.span)?;
        if name == "url" {
            return Err(Problem::new(key.span, "`url` is the record's URL, not a field")
                .hint("write `url = \"…\"` in the record itself, or use another name"));
        }
        fields.push(Field { name, label: label(node)? });
    }
    Ok(fields)
}

fn label(node: &Node) -> Parsed<String> {
    let text = node.text()?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Problem::new(node.span, "the label of a vault field belongs here, such as \"password\""));
    }
    Ok(text.to_owned())
}

/// Reads `[password]`.
pub(super) fn password(node: &Node) -> Parsed<PasswordRules> {
    let table: &Table = node.table()?;
    let keys = ["max-bytes", "min-characters", "refuse"];
    if let Some((key, _)) = table.entries.iter().find(|(key, _)| !keys.contains(&key.name.as_str())) {
        return Err(unknown_key(key, &keys, "`[password]`"));
    }
    let mut problems = Problems::default();
    let count = |node: &Node| node.whole(1, 65_536).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let rules = PasswordRules {
        max_bytes: problems.field(table, "max-bytes", count),
        min_characters: problems.field(table, "min-characters", count),
        refuse: problems.field(table, "refuse", refused).unwrap_or_default(),
    };
    problems.done()?;
    Ok(rules)
}

fn refused(node: &Node) -> Parsed<Vec<String>> {
    let mut texts = Vec::new();
    for item in node.list()? {
        let text = item.text()?;
        if text.is_empty() {
            return Err(Problem::new(item.span, "an empty text occurs in every password"));
        }
        texts.push(text.to_owned());
    }
    Ok(texts)
}
