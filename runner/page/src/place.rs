//! A route and its values become one request. The page owns every encoding, by place: no value can change the
//! structure around it.

use crate::model::{Method, Page, Route};
use crate::progress::Progress;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// The values of the vault records that the page declares, by the page's names.
pub type Records = BTreeMap<String, RecordValues>;

/// One record's values.
#[derive(Debug, Default)]
pub struct RecordValues {
    /// Canonical base URL without trailing slash (`https://acme.okta.com`, `https://host:8443/base`), already
    /// checked against the operator's hosts.
    pub url: Option<String>,
    /// Field values by the page's field names.
    pub fields: BTreeMap<String, FieldValue>,
}

/// A field's value.
#[derive(Debug)]
pub enum FieldValue {
    /// Declared under `secret`.
    Secret(Secret),
    /// Declared under `text`.
    Text(String),
}

/// All values that templates may name.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// `{user}`
    pub user: &'a str,
    /// `{old-password}`
    pub old_password: Option<&'a Secret>,
    /// `{new-password}`
    pub new_password: Option<&'a Secret>,
    /// `{candidate}`
    pub candidate: Option<&'a Secret>,
    /// Record fields.
    pub records: &'a Records,
    /// Arguments, already admitted.
    pub args: &'a [(String, String)],
    /// Binds, captures, kept documents.
    pub progress: &'a Progress,
}

/// A request, ready to be sent. Holds secrets: no `Debug`, wiped on drop, taken by value by whoever sends it.
pub struct Placed {
    /// Method.
    pub method: Method,
    /// Scheme, host and port: `https://acme.okta.com:8443`.
    pub origin: String,
    /// Path with its leading slash, percent-encoded, without query.
    pub path: String,
    /// Encoded query without `?`; empty if none.
    pub query: String,
    /// Lower-case names and values (visible ASCII and blanks). Includes `authorization` for Basic and `content-type`.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Option<Vec<u8>>,
}

/// Why a value cannot stand where the page puts it. Never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot stand in {place}: {reason}")]
pub struct PlaceError {
    /// The template's name, such as `user`.
    pub name: String,
    /// Where it should have stood: "the path", "header `x-auth`".
    pub place: String,
    /// Why not.
    pub reason: String,
}

/// Makes the request of `route`. `next` is what [`crate::judge::next_page`] answered, for further pages.
pub fn place(_page: &Page, _route: &Route, _scope: &Scope<'_>, _next: Option<&NextPage>) -> Result<Placed, PlaceError> {
    todo!()
}

/// Where the next page of a list is; made by [`crate::judge::next_page`] only, after checking origin and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// The query that replaces the route's own.
    Query(String),
    /// A token that is set at a query key.
    Token {
        /// The key.
        key: String,
        /// The token, not encoded.
        token: String,
    },
}
