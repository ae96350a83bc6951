//! Which route could have produced a request? The reverse of placing, for people who look at a log of the provider's.
//!
//! Only method, host, path and query are compared; what a name in a template stood for is read back out of the request
//! as far as it can be. A record's URL may have a base path that nobody knows here, so the path's beginning may be one.

use super::bind::Account;
use super::file::{HostPort, Policy};
use crate::page::Page;
use crate::page::model::{Method, Origin, Route};
use crate::page::template::{Part, Source, Template, Value};

/// A request, as somebody saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Where it went.
    pub host: HostPort,
    /// Its path in segments, as they stood on the wire.
    pub path: Vec<String>,
    /// Its query, decoded.
    pub query: Vec<(String, String)>,
}

/// A route, and how near it comes to a request.
#[derive(Clone, Debug)]
pub struct Candidate<'p> {
    /// The route.
    pub route: &'p Route,
    /// Why it cannot have produced the request; empty if it can.
    pub differs: Vec<Difference>,
    /// What names of its templates stood for.
    pub values: Vec<(Source, String)>,
    /// `/base`, if the record's URL would have to end in it.
    pub base: Option<String>,
    /// What was not judged, because the page does not say it.
    pub unjudged: Option<Unjudged>,
}

/// What only the provider could say. (What the page says is always judged.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    /// The whole query: that of a further page of a list, which the provider's answer named.
    Query,
    /// The value of one key: the token of a further page.
    Token,
}

/// Why a route cannot have produced a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The page writes another method.
    Method(Method),
    /// Requests of the route go elsewhere.
    Host {
        /// Where to.
        allowed: Vec<HostPort>,
        /// The line that says so.
        line: String,
    },
    /// The path is another one.
    Path,
    /// The query is another one: keys that it should have, keys that it should not, keys with another value.
    Query {
        /// Not there.
        missing: Vec<String>,
        /// Not on the page.
        unknown: Vec<String>,
        /// Not as the page writes it.
        other: Vec<String>,
    },
    /// The account is one that the policy does not allow.
    Account {
        /// The user that the request named.
        user: String,
        /// What the policy says.
        verdict: Account,
    },
}

impl Seen {
    /// Reads `GET` and `https://acme.okta.com/api/v1/users?limit=2`. The error says what to write.
    pub fn read(method: &str, url: &str) -> Result<Seen, String> {
        const METHODS: [Method; 6] =
            [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];
        let method = METHODS
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(method))
            .ok_or("this is no method of a page; write GET, HEAD, POST, PUT, PATCH or DELETE")?;
        let url =
            url::Url::parse(url).map_err(|error| format!("this is no URL ({error}); write `https://host/path`"))?;
        if url.scheme() != "https" {
            return Err(format!("a route is always https, never {}; write `https://host/path`", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a route has no login in its URL; write `https://host/path`".to_owned());
        }
        let host = url.host_str().ok_or("this URL has no host; write `https://host/path`")?.to_owned();
        let path = url.path_segments().map(|segments| segments.map(str::to_owned).collect()).unwrap_or_default();
        Ok(Seen {
            method,
            host: HostPort { host, port: url.port().unwrap_or(443) },
            path,
            query: url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
        })
    }
}

/// Every route of the page, the nearest first.
pub fn candidates<'p>(page: &'p Page, policy: &Policy, seen: &Seen) -> Vec<Candidate<'p>> {
    let mut candidates: Vec<(usize, Candidate<'p>)> =
        page.routes.iter().map(|route| (distance(route, seen), compare(page, policy, route, seen))).collect();
    // Another path is another request; where only the account is wrong, the request is the route's.
    let weight = |difference: &Difference| match difference {
        Difference::Path => 2,
        Difference::Method(_) | Difference::Host { .. } | Difference::Query { .. } => 1,
        Difference::Account { .. } => 0,
    };
    candidates.sort_by_key(|(distance, candidate)| (candidate.differs.iter().map(weight).sum::<usize>(), *distance));
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
}

/// How far the paths are apart: characters of the segments that do not match.
fn distance(route: &Route, seen: &Seen) -> usize {
    let templates = &route.target.segments;
    let apart = |(template, segment): (&Template, &String)| match segment_matches(template, segment, &mut Vec::new()) {
        true => 0,
        false => strsim::levenshtein(&template.to_string(), segment),
    };
    let further: usize = templates.iter().skip(seen.path.len()).map(|template| template.to_string().len()).sum();
    let longer: usize = seen.path.iter().skip(templates.len()).map(String::len).sum();
    templates.iter().zip(&seen.path).map(apart).sum::<usize>() + further + longer
}

fn compare<'p>(page: &Page, policy: &Policy, route: &'p Route, seen: &Seen) -> Candidate<'p> {
    let mut candidate = Candidate { route, differs: Vec::new(), values: Vec::new(), base: None, unjudged: None };
    if route.method != seen.method {
        candidate.differs.push(Difference::Method(route.method));
    }
    let (allowed, line) = hosts(page, policy, route);
    if !allowed.contains(&seen.host) {
        candidate.differs.push(Difference::Host { allowed, line });
    }
    if !path(route, seen, &mut candidate) {
        candidate.differs.push(Difference::Path);
    }
    let difference = query(route, seen, &mut candidate);
    candidate.differs.extend(difference);
    if candidate.differs.is_empty() {
        let users = candidate.values.iter().filter(|(source, _)| *source == Source::User).map(|(_, user)| user);
        let refused = users
            .map(|user| (user.clone(), policy.account.judge(user)))
            .find(|(_, verdict)| *verdict != Account::Allowed);
        candidate.differs.extend(refused.map(|(user, verdict)| Difference::Account { user, verdict }));
    }
    candidate
}

/// Where requests of the route go, and the line that says so.
fn hosts(page: &Page, policy: &Policy, route: &Route) -> (Vec<HostPort>, String) {
    match &route.target.origin {
        Origin::Literal { host, port } => {
            (vec![HostPort { host: host.clone(), port: *port }], page.file.line_of(route.request_span))
        }
        Origin::Record(record) => match policy.records.get(record.as_str()) {
            Some(rule) => (rule.hosts.clone(), policy.file.line_of(rule.hosts_span)),
            None => (Vec::new(), policy.file.name.to_string()),
        },
    }
}

/// The path, after whatever base path the record's URL may have.
fn path(route: &Route, seen: &Seen, candidate: &mut Candidate<'_>) -> bool {
    let templates = &route.target.segments;
    // A URL without a path has one empty segment.
    let bare = templates.is_empty() && seen.path.iter().all(String::is_empty);
    if bare {
        return true;
    }
    let Some(base) = seen.path.len().checked_sub(templates.len()) else { return false };
    let (before, path) = seen.path.split_at(base);
    if base > 0 && (!matches!(route.target.origin, Origin::Record(_)) || before.iter().any(String::is_empty)) {
        return false;
    }
    let mut values = Vec::new();
    if !templates.iter().zip(path).all(|(template, segment)| segment_matches(template, segment, &mut values)) {
        return false;
    }
    candidate.values.extend(values);
    candidate.base = (base > 0).then(|| format!("/{}", before.join("/")));
    true
}

fn segment_matches(template: &Template, segment: &str, values: &mut Vec<(Source, String)>) -> bool {
    if template.parts.is_empty() {
        return segment.is_empty();
    }
    let Some(decoded) = decoded(segment) else { return false };
    let literal = |text: &str| self::decoded(text).unwrap_or_else(|| text.to_owned());
    let mut found = Vec::new();
    if !matches(&template.parts, &decoded, &literal, &mut found) {
        return false;
    }
    // What placing refuses in a value of a path.
    if found.iter().any(|(_, value)| value.contains(['/', '\\']) || value.chars().any(char::is_control)) {
        return false;
    }
    values.extend(found);
    true
}

/// Matches text against parts: literals stand for themselves, names for any text that is not empty.
fn matches(parts: &[Part], text: &str, literal: &impl Fn(&str) -> String, values: &mut Vec<(Source, String)>) -> bool {
    // Enough for any real request; a page of nothing but names takes no longer than this.
    let mut tries = 100_000;
    matches_within(parts, text, literal, values, &mut tries)
}

fn matches_within(
    parts: &[Part],
    text: &str,
    literal: &impl Fn(&str) -> String,
    values: &mut Vec<(Source, String)>,
    tries: &mut u32,
) -> bool {
    let Some(left) = tries.checked_sub(1) else { return false };
    *tries = left;
    match parts {
        [] => text.is_empty(),
        [Part::Literal(first), rest @ ..] => text
            .strip_prefix(literal(first).as_str())
            .is_some_and(|left| matches_within(rest, left, literal, values, tries)),
        [Part::Name { source, encoding }, rest @ ..] => {
            // The longest value first.
            text.char_indices().rev().map(|(at, character)| at + character.len_utf8()).any(|end| {
                let (value, left) = text.split_at(end);
                let mark = values.len();
                // A value inside another language is not read back.
                if encoding.is_none() {
                    values.push((source.clone(), value.to_owned()));
                }
                let fits = matches_within(rest, left, literal, values, tries);
                if !fits {
                    values.truncate(mark);
                }
                fits
            })
        }
    }
}

/// The keys are those of the page, each once, and constants are as they are written. A further page of a list adds its token under the
/// key that the page names; where it names none, the provider says the whole query.
fn query(route: &Route, seen: &Seen, candidate: &mut Candidate<'_>) -> Option<Difference> {
    let difference = query_of(route, seen, None, &mut candidate.values)?;
    let Some(pages) = &route.pages else { return Some(difference) };
    let Some(key) = &pages.into else {
        candidate.unjudged = Some(Unjudged::Query);
        return None;
    };
    if !seen.query.iter().any(|(name, _)| name == key) {
        return Some(difference);
    }
    let difference = query_of(route, seen, Some(key), &mut candidate.values);
    candidate.unjudged = difference.is_none().then_some(Unjudged::Token);
    difference
}

/// The query as the page writes it; `token` is a key that holds any text, once, in place of what the page may write there.
fn query_of(
    route: &Route,
    seen: &Seen,
    token: Option<&String>,
    values: &mut Vec<(Source, String)>,
) -> Option<Difference> {
    let (mut missing, mut other, mut found) = (Vec::new(), Vec::new(), Vec::new());
    let written = route.query.iter().filter(|(name, _)| Some(name) != token);
    for (name, value) in written.map(|(name, value)| (name, Some(value))).chain(token.map(|key| (key, None))) {
        let mut sent = seen.query.iter().filter(|(key, _)| key == name).map(|(_, text)| text);
        match (sent.next(), sent.next(), value) {
            (None, ..) => missing.push(name.clone()),
            (Some(_), Some(_), _) => other.push(name.clone()),
            (Some(text), None, Some(value)) => {
                let template = value.template();
                let encoded = matches!(value, Value::Base64(_));
                if !encoded && !matches(&template.parts, text, &str::to_owned, &mut found) {
                    other.push(name.clone());
                }
            }
            (Some(_), None, None) => {}
        }
    }
    let mut unknown: Vec<String> = Vec::new();
    for (key, _) in &seen.query {
        if !route.query.iter().any(|(name, _)| name == key) && Some(key) != token && !unknown.contains(key) {
            unknown.push(key.clone());
        }
    }
    if missing.is_empty() && unknown.is_empty() && other.is_empty() {
        values.extend(found);
        return None;
    }
    Some(Difference::Query { missing, unknown, other })
}

/// Percent-decoded; none if that is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
