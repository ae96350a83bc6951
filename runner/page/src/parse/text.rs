//! Templates, with the place of each name and what may stand where.

use super::names::Names;
use super::{Parsed, Problem};
use crate::diagnostic::{SourceFile, Span};
use crate::model::Need;
use crate::names::Step;
use crate::template::{Encoding, Part, Piece, Source, Template, Value, scan};
use crate::tree::{Kind, Node, choices};
use std::collections::BTreeSet;
use std::ops::Range;

/// What is known of a route before its templates are read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) steps: BTreeSet<Step>,
    pub(super) changes: bool,
    pub(super) args: Vec<String>,
}

/// Reads the templates of one route and remembers what they need.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) names: &'a Names,
    pub(super) head: &'a Head,
    /// What the route's templates need, with the place of the name.
    pub(super) needs: Vec<(Need, Span)>,
}

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// In the request.
    Request,
    /// In a test on an answer.
    Test,
}

impl Reader<'_> {
    /// A template.
    pub(super) fn template(&mut self, node: &Node, stand: Stand) -> Parsed<Template> {
        let text = node.text()?;
        let pieces = pieces(self.file, node.span, text)?;
        self.resolve(pieces, node.span, text, stand)
    }

    /// Pieces whose names are resolved. `text` is what stands in the string at `span`.
    pub(super) fn resolve(&mut self, pieces: Vec<Piece>, span: Span, text: &str, stand: Stand) -> Parsed<Template> {
        let mut parts = Vec::new();
        let mut before = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => {
                    before.push_str(&literal);
                    parts.push(Part::Literal(literal));
                }
                Piece::Name { name, encoding, at } => {
                    let span = inside(self.file, span, text, at);
                    let source = self.source(&name, span, stand)?;
                    let encoding = encoding.map(|word| encoding_of(&word, span, &before)).transpose()?;
                    parts.push(Part::Name { source, encoding });
                }
            }
        }
        Ok(Template { parts })
    }

    /// A value: a template, or `{ base64 = "…" }`.
    pub(super) fn value(&mut self, node: &Node) -> Parsed<Value> {
        let Kind::Table(table) = &node.kind else {
            return self.template(node, Stand::Request).map(Value::Text);
        };
        table.only(&["base64"], "a value")?;
        let inner = table.need("base64", "a value")?;
        self.template(inner, Stand::Request).map(Value::Base64)
    }

    fn source(&mut self, name: &str, span: Span, stand: Stand) -> Parsed<Source> {
        let source = self.names.resolve(name, span, &self.head.name, &self.head.args)?;
        if stand == Stand::Test && source.is_secret() {
            return Err(Problem::new(span, format!("a test cannot name the secret `{name}`"))
                .hint("test what the answer says; secrets are only placed, never compared"));
        }
        let only = |step| self.head.steps.len() == 1 && self.head.steps.contains(&step);
        match &source {
            Source::Candidate if !only(Step::Verify) => {
                return Err(Problem::new(
                    span,
                    "`{candidate}` can only stand in routes that are `for = [\"verify\"]` alone",
                )
                .hint("to change a password use `{old-password}` and `{new-password}`"));
            }
            Source::OldPassword if !only(Step::Change) => {
                return Err(Problem::new(
                    span,
                    "`{old-password}` can only stand in routes that are `for = [\"change\"]` alone",
                )
                .hint("to test a password use `{candidate}` in a verify route; to reset one, admin rights"));
            }
            Source::NewPassword if !self.head.changes => {
                return Err(Problem::new(span, "`{new-password}` can only stand in a route that changes something")
                    .hint("add `changes = true` to the route; to test a password use `{candidate}`"));
            }
            Source::Bind(bind) | Source::Capture(bind) => self.needs.push((Need::Bound(bind.clone()), span)),
            _ => {}
        }
        Ok(source)
    }
}

/// Splits the string at `span`, whose text is `text`.
pub(super) fn pieces(file: &SourceFile, span: Span, text: &str) -> Parsed<Vec<Piece>> {
    scan(text).map_err(|error| Problem::new(inside(file, span, text, error.at), error.message).hint(error.hint))
}

fn encoding_of(word: &str, span: Span, before: &str) -> Parsed<Encoding> {
    let encoding = Encoding::parse(word).ok_or_else(|| {
        Problem::new(span, format!("`{word}` is no encoding"))
            .hint(choices(word, Encoding::ALL.iter().map(|encoding| encoding.as_str())))
    })?;
    if let Some(quote) = encoding.quote()
        && before.matches(quote).count() % 2 == 0
    {
        return Err(Problem::new(span, format!("a value written as `:{word}` must stand between {quote} and {quote}"))
            .hint(format!("write {quote}{{…:{word}}}{quote}: the encoding protects a value inside a string only")));
    }
    Ok(encoding)
}

/// The place of a part of a string's text in the file: exact where the string has no escapes before it, else found by its own
/// text, else the whole string.
pub(super) fn inside(file: &SourceFile, span: Span, text: &str, at: Range<usize>) -> Span {
    let Some(raw) = file.text.get(span.start..span.end) else { return span };
    let word = text.get(at.clone()).unwrap_or("");
    let quotes = raw.find(text).or_else(|| {
        let head = text.get(..at.end)?;
        raw.find(head)
    });
    let start = match quotes {
        Some(quotes) => span.start + quotes + at.start,
        None => match raw.find(word) {
            Some(found) if !word.is_empty() => span.start + found,
            _ => return span,
        },
    };
    Span { start, end: start + at.len() }
}
