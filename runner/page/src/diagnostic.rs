//! `file:line:column`, the line, a caret and a hint: one shape for every error in a page or a policy.

use std::fmt;
use std::sync::Arc;

/// Bytes `start..end` of a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Span { start: range.start, end: range.end }
    }
}

/// A text with the name it is known by (`okta/page.toml`, or `okta.wasm (sealed page)`).
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// What messages call it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// A file called `name` that holds `text`.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }

    /// `okta/page.toml:31`, for decisions that name a line.
    pub fn line_of(&self, span: Span) -> String {
        format!("{}:{}", self.name, self.position(span.start).0)
    }

    /// A message about `span`.
    pub fn problem(&self, span: Span, message: impl Into<String>, hint: Option<String>) -> Diagnostic {
        let (line, column) = self.position(span.start);
        let excerpt = self.text.lines().nth(line - 1).unwrap_or("").to_owned();
        let width = self
            .text
            .get(span.start..span.end)
            .map_or(1, |text| text.lines().next().unwrap_or("").chars().count().max(1));
        Diagnostic { file: self.name.to_string(), line, column, excerpt, width, message: message.into(), hint }
    }
}

/// An error at a place of a file: what happened, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line itself.
    pub excerpt: String,
    /// How many characters the caret spans.
    pub width: usize,
    /// What happened: lower case, no full stop.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        let room = self.excerpt.chars().count().saturating_sub(self.column - 1).max(1);
        write!(
            f,
            "  {}\n  {}^{}",
            self.excerpt,
            " ".repeat(self.column - 1),
            "~".repeat(self.width.min(room).saturating_sub(1))
        )?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// The nearest of `names` to `word`, if it is near enough to be a slip.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count().min(word.chars().count()) / 4)
        .min()
        .map(|(_, name)| name)
}
