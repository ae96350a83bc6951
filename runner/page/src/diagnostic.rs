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
    /// Characters that a terminal would obey or hide are printed as U+FFFD: the file may be hostile.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", visible(&self.file), self.line, self.column, visible(&self.message))?;
        let room = self.excerpt.chars().count().saturating_sub(self.column - 1).max(1);
        write!(
            f,
            "  {}\n  {}^{}",
            visible(&self.excerpt),
            " ".repeat(self.column - 1),
            "~".repeat(self.width.min(room).saturating_sub(1))
        )?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {}", visible(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// True for characters that a reader cannot see, or that change how the text around them is seen: control characters, marks of
/// direction, and characters without width.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// The text with each hidden character replaced, one for one, so that columns stay.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if is_hidden(c) {
                '\u{FFFD}'
            } else {
                c
            }
        })
        .collect()
}

/// Longest word for which a nearest name is looked for, in bytes: no name is longer, and the search takes time.
const LONGEST_WORD: usize = 128;

/// The nearest of `names` to `word`, if it is near enough to be a slip.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count().min(word.chars().count()) / 4)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_caret_stands_below_the_word() {
        let file = SourceFile::new("p.toml", "a = 1\nbé = \"wrong\" # c\n");
        let start = file.text.find("\"wrong").unwrap();
        let problem = file.problem(Span { start, end: start + 7 }, "it is wrong", Some("make it right".to_owned()));
        let wanted = "p.toml:2:6: it is wrong\n  bé = \"wrong\" # c\n       ^~~~~~~\nhint: make it right";
        assert_eq!(problem.to_string(), wanted);
    }

    #[test]
    fn hostile_text_is_printed_without_its_effects() {
        let file = SourceFile::new("p\u{1b}.toml", "a\u{1b}[2J\u{202e}b\tc");
        let shown = file.problem(Span { start: 1, end: 2 }, "bad \u{7}", None).to_string();
        assert_eq!(shown, "p\u{FFFD}.toml:1:2: bad \u{FFFD}\n  a\u{FFFD}[2J\u{FFFD}b c\n   ^");
    }

    #[test]
    fn the_nearest_name_is_a_slip_away() {
        let names = ["expects", "refuses", "requires"];
        assert_eq!(nearest("expect", names), Some("expects"));
        assert_eq!(nearest("refsues", names), Some("refuses"));
        assert_eq!(nearest("banana", names), None);
        assert_eq!(nearest(&"expects".repeat(100_000), names), None);
    }

    proptest! {
        #[test]
        fn any_span_makes_a_message(text in any::<String>(), start in 0usize..100, length in 0usize..100) {
            let file = SourceFile::new("p", text.as_str());
            let problem = file.problem(Span { start, end: start + length }, "m", None);
            prop_assert!(!problem.to_string().is_empty());
            prop_assert!(problem.line >= 1 && problem.column >= 1);
        }
    }
}
