//! A route and its values become one request. The page owns every encoding, by place: no value can change the
//! structure around it.
//!
//! | place | what is done to a value |
//! | --- | --- |
//! | path | not empty, no slash, backslash, control character or percent escape; then everything but letters, digits and `-._~` percent-encoded; the whole segment is never `.` or `..` |
//! | query | everything but letters, digits and `-._~` percent-encoded |
//! | header | visible ASCII and single blanks inside, or refused |
//! | Basic | no colon in the user, no control characters; UTF-8, then base64 |
//! | form | as query, a blank as `+` |
//! | JSON | a string (or the bind's own type), put into a tree that is then written out |
//! | XML | `& < > " '` and line breaks as references; what XML 1.0 forbids is refused |
//! | text | as it stands, without control characters |

mod body;
pub(crate) mod encode;
pub(crate) mod values;

use crate::model::{Body, Method, Origin, Page, Route};
use crate::progress::Progress;
use crate::request::Spot;
use crate::secret::Secret;
use crate::template::{Part, Source, Template, Value};
pub(crate) use encode::{header_text, is_dots};
use std::borrow::Cow;
use std::collections::BTreeMap;
use zeroize::{Zeroize, Zeroizing};

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

/// A request, ready to be sent. Holds secrets: no `Debug`, wiped on drop, taken by value by whoever sends it (a field is moved
/// out of it with `std::mem::take`).
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

impl Drop for Placed {
    fn drop(&mut self) {
        self.path.zeroize();
        self.query.zeroize();
        self.headers.iter_mut().for_each(|(_, value)| value.zeroize());
        self.body.zeroize();
    }
}

/// Makes the request of `route`. `next` is what [`crate::judge::next_page`] answered, for further pages.
pub fn place(_page: &Page, route: &Route, scope: &Scope<'_>, next: Option<&NextPage>) -> Result<Placed, PlaceError> {
    let (origin, base) = origin(route, scope)?;
    let headers = headers(route, scope)?;
    Ok(Placed {
        method: route.method,
        origin,
        path: path(route, scope, &base)?,
        query: query(route, scope, next)?,
        headers,
        body: body::body(route, scope)?,
    })
}

/// The origin and the base path (without trailing slash).
fn origin(route: &Route, scope: &Scope<'_>) -> Result<(String, String), PlaceError> {
    let record = match &route.target.origin {
        Origin::Record(record) => record,
        literal @ Origin::Literal { .. } => return Ok((literal.to_string(), String::new())),
    };
    let url = scope.records.get(record.as_str()).and_then(|values| values.url.as_deref());
    let url = url.ok_or_else(|| PlaceError {
        name: format!("{record}.url"),
        place: "the request".to_owned(),
        reason: "the record has no URL".to_owned(),
    })?;
    let after_scheme = url.find("://").map_or(0, |found| found + 3);
    let slash = url.get(after_scheme..).and_then(|rest| rest.find('/')).map_or(url.len(), |found| after_scheme + found);
    let (origin, base) = url.split_at(slash);
    Ok((origin.to_owned(), base.trim_end_matches('/').to_owned()))
}

fn path(route: &Route, scope: &Scope<'_>, base: &str) -> Result<String, PlaceError> {
    let mut path = base.to_owned();
    for (index, segment) in route.target.segments.iter().enumerate() {
        let spot = Spot::Path(index + 1);
        path.push('/');
        let encoded = fill(segment, scope, &spot, encode::path_literal, encode::path_value)?;
        if is_dots(&encoded) {
            let name = segment.sources().next().map_or_else(|| segment.to_string(), Source::to_string);
            return Err(error(name, &spot, "it would make the segment `.` or `..`"));
        }
        path.push_str(&encoded);
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

fn query(route: &Route, scope: &Scope<'_>, next: Option<&NextPage>) -> Result<String, PlaceError> {
    if let Some(NextPage::Query(query)) = next {
        return Ok(query.clone());
    }
    let token = match next {
        Some(NextPage::Token { key, token }) => Some((key, token)),
        _ => None,
    };
    let mut query = String::with_capacity(1024);
    for (name, value) in route.query.iter().filter(|(name, _)| token.is_none_or(|(key, _)| key != name)) {
        let value = text(value, scope, &Spot::Query(name.clone()))?;
        encode::pair(&mut query, name, &value, "%20");
    }
    if let Some((key, token)) = token {
        encode::pair(&mut query, key, token, "%20");
    }
    Ok(query)
}

fn headers(route: &Route, scope: &Scope<'_>) -> Result<Vec<(String, String)>, PlaceError> {
    let mut headers: Vec<(String, String)> = Vec::with_capacity(route.headers.len() + 2);
    for (name, value) in &route.headers {
        let spot = Spot::Header(name.clone());
        let value = text(value, scope, &spot).and_then(|text| match header_text(&text) {
            Ok(()) => Ok(text),
            Err(reason) => {
                let names: Vec<String> = value.template().sources().map(Source::to_string).collect();
                Err(error(names.join("`, `"), &spot, reason))
            }
        })?;
        headers.push((name.clone(), value.to_string()));
    }
    if let Some(basic) = &route.basic {
        let user = fill(&basic.user, scope, &Spot::BasicUser, plain, encode::basic_user)?;
        let password = fill(&basic.password, scope, &Spot::BasicPassword, plain, encode::basic_password)?;
        let both = Zeroizing::new(format!("{}:{}", *user, *password));
        let encoded = encode::base64(&both);
        headers.push(("authorization".to_owned(), format!("Basic {}", *encoded)));
    }
    let content_type = match &route.body {
        Body::None => None,
        Body::Json(_) | Body::JsonFrom { .. } => Some("application/json"),
        Body::Form(_) => Some("application/x-www-form-urlencoded"),
        Body::Xml(_) => Some("application/xml"),
        Body::Text(_) => Some("text/plain; charset=utf-8"),
    };
    if let Some(content_type) = content_type
        && !headers.iter().any(|(name, _)| name == "content-type")
    {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    Ok(headers)
}

/// Literal text that needs no encoding.
fn plain(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// A value as text: its template filled as it stands, then base64 if the page says so.
fn text(value: &Value, scope: &Scope<'_>, spot: &Spot) -> Result<Zeroizing<String>, PlaceError> {
    let filled = fill(value.template(), scope, spot, plain, |value| Ok(Cow::Borrowed(value)))?;
    Ok(match value {
        Value::Text(_) => filled,
        Value::Base64(_) => encode::base64(&filled),
    })
}

/// Fills a template: literals and values each through their own encoder.
fn fill(
    template: &Template,
    scope: &Scope<'_>,
    spot: &Spot,
    literal: impl Fn(&str) -> Cow<'_, str>,
    encode: impl Fn(&str) -> Result<Cow<'_, str>, &'static str>,
) -> Result<Zeroizing<String>, PlaceError> {
    let mut filled = Zeroizing::new(String::with_capacity(256));
    for part in &template.parts {
        match part {
            Part::Literal(text) => filled.push_str(&literal(text)),
            Part::Name { source, encoding } => {
                let fail = |reason: &str| error(source.to_string(), spot, reason);
                let value = values::text(scope, source).map_err(fail)?;
                let inner = Zeroizing::new(match encoding {
                    Some(encoding) => encode::inner(&value, *encoding).into_owned(),
                    None => value.into_owned(),
                });
                let mut outer = encode(&inner).map_err(fail)?;
                filled.push_str(&outer);
                if let Cow::Owned(outer) = &mut outer {
                    outer.zeroize();
                }
            }
        }
    }
    Ok(filled)
}

fn error(name: impl Into<String>, spot: &Spot, reason: impl Into<String>) -> PlaceError {
    PlaceError { name: name.into(), place: spot.to_string(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
