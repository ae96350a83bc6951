//! TOML with the place of everything: what the parsers of pages, policies and host files read.

use crate::diagnostic::{Diagnostic, SourceFile, Span, is_hidden, nearest};
use serde_json::Number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most levels of tables and arrays inside each other: far more than any body needs, and far fewer than a stack holds.
const DEPTH: usize = 32;

/// An error before it knows its line.
#[derive(Debug)]
pub struct Problem {
    /// Where it is.
    pub span: Span,
    /// What happened: lower case, no full stop.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What a parser answers.
pub type Parsed<T> = Result<T, Problem>;

impl Problem {
    /// What happened at `span`.
    pub fn new(span: Span, message: impl Into<String>) -> Problem {
        Problem { span, message: message.into(), hint: None }
    }

    /// The same, with what to do.
    pub fn hint(self, hint: impl Into<String>) -> Problem {
        Problem { hint: Some(hint.into()), ..self }
    }

    /// The same, with its line.
    pub fn of(self, file: &SourceFile) -> Box<Diagnostic> {
        Box::new(file.problem(self.span, self.message, self.hint))
    }
}

/// Refuses characters that a reviewer of the file cannot see; `of` is what the file is, such as "a page".
pub fn nothing_hidden(text: &str, of: &str) -> Parsed<()> {
    let hidden = |(_, c): &(usize, char)| is_hidden(*c) && !matches!(c, '\n' | '\r' | '\t');
    match text.char_indices().find(hidden) {
        None => Ok(()),
        Some((start, character)) => {
            let span = Span { start, end: start + character.len_utf8() };
            let message = format!("{of} cannot hold the invisible character U+{:04X}", u32::from(character));
            Err(Problem::new(span, message)
                .hint("leave it out; where a value needs it, write its escape in a \"…\" string"))
        }
    }
}

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug)]
pub enum Kind {
    /// `"text"`
    Text(String),
    /// `3`, `0.5`
    Number(Number),
    /// `true`
    Bool(bool),
    /// `2026-11-21`: no file of ours holds one.
    Date,
    /// `[1, 2]`, or tables in double brackets.
    List(Vec<Node>),
    /// `{ a = 1 }`, or a table in brackets.
    Table(Table),
}

/// A table, in the file's order.
#[derive(Debug)]
pub struct Table {
    /// Where it begins.
    pub span: Span,
    /// Its keys and values.
    pub entries: Vec<(Key, Node)>,
}

/// A key and where it stands.
#[derive(Debug)]
pub struct Key {
    /// The key, without quotes.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// The whole file as one table.
pub fn read(text: &str) -> Parsed<Table> {
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().map_or(Span::default(), Span::from);
        Problem::new(span, format!("this is not TOML: {}", error.message()))
    })?;
    let span = Span { start: 0, end: text.lines().next().unwrap_or("").len() };
    table(document.get_ref(), span, DEPTH)
}

fn table(source: &DeTable<'_>, span: Span, depth: usize) -> Parsed<Table> {
    let mut entries = Vec::new();
    for (key, value) in source {
        let span = Span::from(key.span());
        entries.push((Key { name: key.get_ref().to_string(), span }, node(value, span, depth)?));
    }
    Ok(Table { span, entries })
}

fn node(source: &Spanned<DeValue<'_>>, key: Span, depth: usize) -> Parsed<Node> {
    let mut span = Span::from(source.span());
    if span.start >= span.end {
        span = key; // a table made by a dotted key
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Problem::new(key, format!("tables and arrays are nested deeper than {DEPTH} levels")));
    };
    let kind = match source.get_ref() {
        DeValue::String(text) => Kind::Text(text.to_string()),
        DeValue::Boolean(value) => Kind::Bool(*value),
        DeValue::Datetime(_) => Kind::Date,
        DeValue::Integer(value) => {
            let digits = value.as_str().replace('_', "");
            let number = i128::from_str_radix(&digits, value.radix()).ok().and_then(|n| n.to_string().parse().ok());
            Kind::Number(number.ok_or_else(|| Problem::new(span, "this number is too large"))?)
        }
        DeValue::Float(value) => {
            let digits = value.as_str().replace('_', "");
            let number = digits.strip_prefix('+').unwrap_or(&digits).parse().ok();
            Kind::Number(number.ok_or_else(|| {
                Problem::new(span, "this number cannot be written in JSON").hint("write it as text, in quotes")
            })?)
        }
        DeValue::Array(items) => {
            let items: Parsed<Vec<Node>> = items.iter().map(|item| node(item, key, depth)).collect();
            Kind::List(items?)
        }
        DeValue::Table(inner) => Kind::Table(table(inner, span, depth)?),
    };
    Ok(Node { span, kind })
}

impl Node {
    /// What the value is, with its article.
    pub fn described(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a text",
            Kind::Number(_) => "a number",
            Kind::Bool(_) => "true or false",
            Kind::Date => "a date",
            Kind::List(_) => "an array",
            Kind::Table(_) => "a table",
        }
    }

    /// An error that says what should stand here.
    pub fn wanted(&self, what: &str) -> Problem {
        Problem::new(self.span, format!("{what} belongs here, not {}", self.described()))
    }

    /// A text.
    pub fn text(&self) -> Parsed<&str> {
        match &self.kind {
            Kind::Text(text) => Ok(text),
            Kind::Number(number) => Err(self.wanted("a text").hint(format!("write it in quotes: \"{number}\""))),
            _ => Err(self.wanted("a text")),
        }
    }

    /// `true` or `false`.
    pub fn bool(&self) -> Parsed<bool> {
        match &self.kind {
            Kind::Bool(value) => Ok(*value),
            _ => Err(self.wanted("`true` or `false`")),
        }
    }

    /// A table.
    pub fn table(&self) -> Parsed<&Table> {
        match &self.kind {
            Kind::Table(table) => Ok(table),
            _ => Err(self.wanted("a table")),
        }
    }

    /// An array.
    pub fn list(&self) -> Parsed<&[Node]> {
        match &self.kind {
            Kind::List(items) => Ok(items),
            _ => Err(self.wanted("an array")),
        }
    }

    /// A whole number within bounds (both included).
    pub fn whole(&self, least: u64, most: u64) -> Parsed<u64> {
        let value = match &self.kind {
            Kind::Number(number) => number.as_u64(),
            _ => None,
        };
        value
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| Problem::new(self.span, format!("a whole number from {least} to {most} belongs here")))
    }
}

impl Table {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(have, _)| have.name == key).map(|(_, node)| node)
    }

    /// The key itself, for errors about its being there.
    pub fn key(&self, key: &str) -> Option<&Key> {
        self.entries.iter().find(|(have, _)| have.name == key).map(|(key, _)| key)
    }

    /// The value of a key that must be there; `of` is what the table is, such as "a route".
    pub fn need(&self, key: &str, of: &str) -> Parsed<&Node> {
        self.get(key).ok_or_else(|| Problem::new(self.span, format!("{of} needs `{key}`")))
    }

    /// Refuses the first key that is none of `keys`.
    pub fn only(&self, keys: &[&str], of: &str) -> Parsed<()> {
        match self.entries.iter().find(|(key, _)| !keys.contains(&key.name.as_str())) {
            None => Ok(()),
            Some((key, _)) => Err(unknown_key(key, keys, of)),
        }
    }
}

/// An unknown key: the valid ones, and the nearest.
pub fn unknown_key(key: &Key, keys: &[&str], of: &str) -> Problem {
    let message = format!("`{}` is no key of {of}", key.name);
    Problem::new(key.span, message).hint(choices(&key.name, keys.iter().copied()))
}

/// The hint of every error about a word: the nearest name, and all that would have been right.
pub fn choices<'n>(word: &str, names: impl IntoIterator<Item = &'n str> + Clone) -> String {
    let quoted: Vec<String> = names.clone().into_iter().map(|name| format!("`{name}`")).collect();
    match (nearest(word, names), quoted.as_slice()) {
        (_, []) => "the page has none".to_owned(),
        (Some(near), [_]) => format!("did you mean `{near}`?"),
        (Some(near), all) => format!("did you mean `{near}`? Valid are {}", all.join(", ")),
        (None, [one]) => format!("valid is {one}"),
        (None, all) => format!("valid are {}", all.join(", ")),
    }
}
