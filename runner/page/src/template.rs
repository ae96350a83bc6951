//! `"{user}"`: text with names in it. Parsed once; a template that exists is well-formed and every name in it resolved.
//!
//! | written | means |
//! | --- | --- |
//! | `{user}` | the account's user name |
//! | `{old-password}`, `{new-password}`, `{candidate}` | the passwords; `candidate` only in verify, `new-password` only where `changes` |
//! | `{api.url}` | a record's URL: only as the beginning of a request |
//! | `{api.token}` | a field that `[records.api]` declares |
//! | `{account.id}`, `{read.tags}` | a bind or capture of another route |
//! | `{arg.group}` | an argument that `[route.args]` declares |
//! | `{name:scim}` | the value, escaped for a language inside the place's own encoding |
//! | `{{`, `}}` | a brace |
//!
//! `Display` prints everything here as the page writes it; printing and parsing again gives the same value.

use crate::diagnostic::is_hidden;
use crate::names::{ArgName, BindName, RecordName};
use std::fmt;
use std::ops::Range;

/// Text with names in it, such as `SSWS {api.token}`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Template {
    /// Literal text and names, in order; literals are never empty and never adjacent.
    pub parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Literal(String),
    /// A name, with the escaping for a language inside a language, if one is written.
    Name {
        /// Where the value comes from.
        source: Source,
        /// `scim` in `{user:scim}`.
        encoding: Option<Encoding>,
    },
}

/// Where the value of a name comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// `{user}`
    User,
    /// `{old-password}`
    OldPassword,
    /// `{new-password}`
    NewPassword,
    /// `{candidate}`: the password under verification
    Candidate,
    /// `{api.token}` or `{api.tenant}`
    Field {
        /// The record, as the page names it.
        record: RecordName,
        /// The field's name on the page (not its vault label).
        field: String,
        /// Declared under `secret`, not `text`.
        secret: bool,
    },
    /// A value that a route binds.
    Bind(BindName),
    /// A secret that a route captures.
    Capture(BindName),
    /// An argument of this route.
    Arg(ArgName),
}

impl Source {
    /// True for values that must never leave the broker: passwords, secret fields and captures.
    pub fn is_secret(&self) -> bool {
        match self {
            Source::OldPassword | Source::NewPassword | Source::Candidate | Source::Capture(_) => true,
            Source::Field { secret, .. } => *secret,
            Source::User | Source::Bind(_) | Source::Arg(_) => false,
        }
    }

    /// True for a secret of a vault record, such as an admin token.
    pub fn is_record_secret(&self) -> bool {
        matches!(self, Source::Field { secret: true, .. })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::User => f.write_str("user"),
            Source::OldPassword => f.write_str("old-password"),
            Source::NewPassword => f.write_str("new-password"),
            Source::Candidate => f.write_str("candidate"),
            Source::Field { record, field, .. } => write!(f, "{record}.{field}"),
            Source::Bind(name) | Source::Capture(name) => write!(f, "{name}"),
            Source::Arg(name) => write!(f, "arg.{name}"),
        }
    }
}

/// Escaping for a language inside the place's own encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Inside `"…"` of a SCIM (RFC 7644) or Okta filter: backslash and quote escaped as in JSON.
    Scim,
    /// Inside `'…'` of an OData filter: quotes doubled.
    Odata,
    /// Inside `"…"` of JSON that is itself a string.
    Json,
    /// Percent-encoding, for a URL inside a value.
    Url,
    /// Inside an LDAP filter (RFC 4515).
    LdapFilter,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Encoding; 5] =
        [Encoding::Scim, Encoding::Odata, Encoding::Json, Encoding::Url, Encoding::LdapFilter];

    /// The word after the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Scim => "scim",
            Encoding::Odata => "odata",
            Encoding::Json => "json",
            Encoding::Url => "url",
            Encoding::LdapFilter => "ldap-filter",
        }
    }

    /// The encoding with this name.
    pub fn parse(text: &str) -> Option<Encoding> {
        Encoding::ALL.into_iter().find(|encoding| encoding.as_str() == text)
    }

    /// The quote that must stand around a value of this encoding, if its language has string literals.
    pub fn quote(self) -> Option<char> {
        match self {
            Encoding::Scim | Encoding::Json => Some('"'),
            Encoding::Odata => Some('\''),
            Encoding::Url | Encoding::LdapFilter => None,
        }
    }
}

impl Template {
    /// A template without names.
    pub fn literal(text: impl Into<String>) -> Template {
        let text = text.into();
        Template { parts: if text.is_empty() { Vec::new() } else { vec![Part::Literal(text)] } }
    }

    /// The names in it, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name { source, .. } => Some(source),
            Part::Literal(_) => None,
        })
    }

    /// Its text, if there is no name in it.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The name, if it is exactly one name without an encoding: such a template keeps a bind's JSON type.
    pub fn sole_name(&self) -> Option<&Source> {
        match self.parts.as_slice() {
            [Part::Name { source, encoding: None }] => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Part::Name { source, encoding: None } => write!(f, "{{{source}}}")?,
                Part::Name { source, encoding: Some(encoding) } => write!(f, "{{{source}:{}}}", encoding.as_str())?,
            }
        }
        Ok(())
    }
}

/// A value that is placed: text, or text that is base64-encoded as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `"Bearer {token.access}"`
    Text(Template),
    /// `{ base64 = "{api.login}:{login.token}" }`
    Base64(Template),
}

impl Value {
    /// The template inside.
    pub fn template(&self) -> &Template {
        match self {
            Value::Text(template) | Value::Base64(template) => template,
        }
    }
}

impl fmt::Display for Value {
    /// The template as written; base64 as `{ base64 = "…" }`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(template) => template.fmt(f),
            Value::Base64(template) => write!(f, "{{ base64 = {} }}", toml_string(&template.to_string())),
        }
    }
}

/// A JSON body: the TOML tree with templates at its string leaves. A template that is exactly one name keeps the
/// value's JSON type.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    /// `{ null = true }`
    Null,
    /// `true`
    Bool(bool),
    /// A number, as written.
    Number(serde_json::Number),
    /// A string with names in it.
    Text(Value),
    /// An array.
    List(Vec<JsonTemplate>),
    /// An object, in the page's order.
    Object(Vec<(String, JsonTemplate)>),
}

impl fmt::Display for JsonTemplate {
    /// As the page could write it, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonTemplate::Null => f.write_str("{ null = true }"),
            JsonTemplate::Bool(value) => value.fmt(f),
            JsonTemplate::Number(value) => value.fmt(f),
            JsonTemplate::Text(Value::Text(template)) => f.write_str(&toml_string(&template.to_string())),
            JsonTemplate::Text(value) => value.fmt(f),
            JsonTemplate::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            JsonTemplate::Object(members) if members.is_empty() => f.write_str("{}"),
            JsonTemplate::Object(members) => {
                for (index, (key, value)) in members.iter().enumerate() {
                    write!(f, "{}{} = {value}", if index == 0 { "{ " } else { ", " }, toml_key(key))?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// A TOML string that holds `text`: single quotes where they do, double quotes with escapes elsewhere.
pub fn toml_string(text: &str) -> String {
    let hidden = text.chars().any(is_hidden);
    if !hidden && !text.contains(['"', '\\']) {
        return format!("\"{text}\"");
    }
    if !hidden && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            other if is_hidden(other) => quoted.push_str(&format!("\\U{:08X}", u32::from(other))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A TOML key: bare where that is allowed, quoted elsewhere.
pub fn toml_key(text: &str) -> String {
    let bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { text.to_owned() } else { toml_string(text) }
}

/// A piece of a template before its names are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text, braces already single.
    Literal(String),
    /// `{name}` or `{name:encoding}`.
    Name {
        /// What stands before the colon.
        name: String,
        /// What stands after it.
        encoding: Option<String>,
        /// Where the braces are, in bytes of the text.
        at: Range<usize>,
    },
}

/// A brace that does not add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BraceError {
    /// Where, in bytes of the text.
    pub(crate) at: Range<usize>,
    /// What is wrong.
    pub(crate) message: &'static str,
    /// What to do.
    pub(crate) hint: &'static str,
}

/// Splits text into literals and names. Literals are never empty and never adjacent.
pub(crate) fn scan(text: &str) -> Result<Vec<Piece>, BraceError> {
    const DOUBLE: &str = "a brace that is meant as text is written twice: `{{` or `}}`";
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut offset = 0;
    let mut rest = text;
    while let Some(found) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(found);
        literal.push_str(before);
        offset += found;
        if from.starts_with("{{") || from.starts_with("}}") {
            literal.extend(from.chars().next());
            rest = from.get(2..).unwrap_or("");
            offset += 2;
        } else if let Some(inner) = from.strip_prefix('{') {
            let end = inner.find(['{', '}']).filter(|end| inner.get(*end..).is_some_and(|tail| tail.starts_with('}')));
            let Some(end) = end else {
                return Err(BraceError { at: offset..offset + 1, message: "this brace is not closed", hint: DOUBLE });
            };
            let word = inner.get(..end).unwrap_or("");
            let at = offset..offset + end + 2;
            if word.is_empty() {
                return Err(BraceError { at, message: "there is no name between these braces", hint: DOUBLE });
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            let (name, encoding) = match word.split_once(':') {
                Some((name, encoding)) => (name.to_owned(), Some(encoding.to_owned())),
                None => (word.to_owned(), None),
            };
            pieces.push(Piece::Name { name, encoding, at });
            rest = inner.get(end + 1..).unwrap_or("");
            offset += end + 2;
        } else {
            let at = offset..offset + 1;
            return Err(BraceError { at, message: "this brace closes nothing", hint: DOUBLE });
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}
