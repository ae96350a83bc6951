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

use crate::names::{ArgName, BindName, RecordName};

/// Text with names in it, such as `SSWS {api.token}`.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A value that is placed: text, or text that is base64-encoded as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `"Bearer {token.access}"`
    Text(Template),
    /// `{ base64 = "{api.login}:{login.token}" }`
    Base64(Template),
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
