//! The request line, query, headers and Basic.

use super::names::Names;
use super::text::{Reader, Stand, inside, pieces};
use super::{Parsed, Problem};
use crate::diagnostic::Span;
use crate::model::{Basic, Method, Origin, Target};
use crate::template::{Piece, Template, Value};
use crate::tree::{Node, choices};
use std::net::{Ipv4Addr, Ipv6Addr};

const METHODS: [Method; 6] = [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];

/// Most headers of a page's own, and most query pairs: more than any known API asks for.
const MOST_PAIRS: usize = 32;

/// Headers that a page may not set, with the reason.
const FORBIDDEN: &[(&str, &str)] = &[
    ("host", "the broker sets it to the host that the policy allows"),
    ("content-length", "the broker frames the body"),
    ("transfer-encoding", "the broker frames the body"),
    ("content-encoding", "bodies are sent as they are written"),
    ("te", "the broker frames the body"),
    ("trailer", "the broker frames the body"),
    ("connection", "the broker owns the connection"),
    ("keep-alive", "the broker owns the connection"),
    ("upgrade", "the broker owns the connection"),
    ("expect", "the broker owns the connection"),
    ("via", "the broker owns the connection"),
    ("cookie", "cookies are kept by the broker for the step"),
    ("accept-encoding", "answers are read as they are sent"),
    ("range", "a part of an answer cannot be judged"),
    ("forwarded", "it would hide who asks"),
    ("x-real-ip", "it would hide who asks"),
    ("x-original-url", "it would send the request elsewhere than the page says"),
    ("x-rewrite-url", "it would send the request elsewhere than the page says"),
    ("x-http-method", "it would make the method another than the page says"),
    ("x-http-method-override", "it would make the method another than the page says"),
    ("x-method-override", "it would make the method another than the page says"),
    ("metadata", "it opens a cloud's metadata service"),
    ("metadata-flavor", "it opens a cloud's metadata service"),
];

/// Beginnings of header names that a page may not set, with the reason.
const FORBIDDEN_PREFIXES: &[(&str, &str)] = &[
    ("proxy-", "the broker owns the connection"),
    ("sec-", "it belongs to browsers"),
    ("x-forwarded-", "it would hide who asks"),
    ("x-aws-ec2-metadata-", "it opens a cloud's metadata service"),
];

/// Reads `request = "GET {api.url}/…"`.
pub(super) fn request(reader: &mut Reader<'_>, node: &Node) -> Parsed<(Method, Target)> {
    let text = node.text()?;
    let wrong = |message: String| {
        Problem::new(node.span, message).hint("write it as \"GET {api.url}/path\" or \"GET https://host.example/path\"")
    };
    let Some((method, target)) = text.split_once(' ') else {
        return Err(wrong("a request is a method, a blank and a target".to_owned()));
    };
    let method = METHODS.into_iter().find(|known| known.as_str() == method).ok_or_else(|| {
        let names = METHODS.map(Method::as_str);
        let span = inside(reader.file, node.span, text, 0..method.len());
        Problem::new(span, format!("`{}` is no method a page may use", method.escape_debug()))
            .hint(choices(&method.to_ascii_uppercase(), names))
    })?;
    let skip = text.len() - target.len();
    let bad = target.find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\'));
    if let Some(found) = bad {
        let character = target.get(found..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let span = inside(reader.file, node.span, text, skip + found..skip + found + character.len_utf8());
        return Err(Problem::new(span, format!("a target cannot hold `{}`", character.escape_debug())).hint(
            match character {
                '?' => "write the query as `query = { name = \"value\" }`",
                _ => "write it percent-encoded if it is part of a name",
            },
        ));
    }
    let mut pieces: Vec<Piece> = pieces(reader.file, node.span, text)?;
    // The method is the beginning of the first literal.
    if let Some(Piece::Literal(first)) = pieces.first_mut() {
        *first = first.get(skip..).unwrap_or("").to_owned();
        if first.is_empty() {
            pieces.remove(0);
        }
    }
    let origin = origin(reader.names, &mut pieces, |at| match at {
        Some(at) => inside(reader.file, node.span, text, at),
        None => node.span,
    })?;
    let segments = segments(reader, pieces, node, text)?;
    Ok((method, Target { origin, segments }))
}

/// Takes the origin off the front of a target.
fn origin(
    names: &Names,
    pieces: &mut Vec<Piece>,
    span: impl Fn(Option<std::ops::Range<usize>>) -> Span,
) -> Parsed<Origin> {
    let alone = pieces.len() == 1;
    let origin = match pieces.first_mut() {
        Some(Piece::Name { name, encoding: None, at }) => {
            let origin = Origin::Record(names.record_url(name, span(Some(at.clone())))?);
            pieces.remove(0);
            return Ok(origin);
        }
        Some(Piece::Literal(literal)) if literal.starts_with("https://") => {
            let rest = literal.split_off("https://".len());
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if path.is_empty() && !alone {
                return Err(Problem::new(span(None), "a host that the page writes out cannot hold a name")
                    .hint("for a host that differs, use a record: `{api.url}/…`"));
            }
            let origin = authority_of(authority).map_err(|why| {
                Problem::new(span(None), format!("`{}` is no host: {why}", authority.escape_debug()))
                    .hint("write an exact host name, and `:port` if it is not 443")
            })?;
            *literal = path.to_owned();
            origin
        }
        other => {
            let message = match other {
                Some(Piece::Literal(literal)) if literal.starts_with("http://") => {
                    "a request over plain http would show every secret in it"
                }
                _ => "a target begins with a record's URL or with `https://`",
            };
            return Err(Problem::new(span(None), message).hint("write `{api.url}/…` or `https://host.example/…`"));
        }
    };
    if matches!(pieces.first(), Some(Piece::Literal(path)) if path.is_empty()) {
        pieces.remove(0);
    }
    Ok(origin)
}

/// `host[:port]`, exact.
fn authority_of(text: &str) -> Result<Origin, &'static str> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let address: Ipv6Addr = address.parse().map_err(|_| "this is not an IPv6 address")?;
            (format!("[{address}]"), port.strip_prefix(':').or(if port.is_empty() { None } else { Some("") }))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (text.to_ascii_lowercase(), None),
        },
    };
    let port = match port {
        None => 443,
        Some(digits) if digits.starts_with('0') || !digits.chars().all(|c| c.is_ascii_digit()) => {
            return Err("the port is a number from 1 to 65535");
        }
        Some(digits) => digits.parse().map_err(|_| "the port is a number from 1 to 65535")?,
    };
    if host.starts_with('[') {
        return Ok(Origin::Literal { host, port });
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err("a host has letters, digits, dashes and dots");
    }
    let numeric =
        host.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x"));
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err("an IPv4 address has four numbers");
    }
    Ok(Origin::Literal { host, port })
}

/// Splits what follows the origin into segments.
fn segments(reader: &mut Reader<'_>, pieces: Vec<Piece>, node: &Node, text: &str) -> Parsed<Vec<Template>> {
    let mut segments: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        let literal = match piece {
            Piece::Literal(literal) => literal,
            name => {
                let Some(last) = segments.last_mut() else {
                    return Err(Problem::new(node.span, "a slash belongs between the URL and what follows it"));
                };
                last.push(name);
                continue;
            }
        };
        escapes(&literal).map_err(|why| Problem::new(node.span, why))?;
        for (index, part) in literal.split('/').enumerate() {
            if index > 0 {
                segments.push(Vec::new());
            }
            match segments.last_mut() {
                Some(last) if !part.is_empty() => last.push(Piece::Literal(part.to_owned())),
                None if !part.is_empty() => {
                    return Err(Problem::new(node.span, "a slash belongs between the URL and what follows it"));
                }
                _ => {}
            }
        }
    }
    let count = segments.len();
    let mut templates = Vec::with_capacity(count);
    for (index, pieces) in segments.into_iter().enumerate() {
        if pieces.is_empty() && index + 1 < count {
            return Err(Problem::new(node.span, "a target cannot hold an empty segment (`//`)"));
        }
        if let [Piece::Literal(only)] = pieces.as_slice()
            && crate::place::is_dots(only)
        {
            return Err(Problem::new(node.span, format!("a target cannot hold the segment `{only}`"))
                .hint("write the path that is meant"));
        }
        templates.push(reader.resolve(pieces, node.span, text, Stand::Request)?);
    }
    Ok(templates)
}

/// Every `%` of a path literal begins an escape.
fn escapes(literal: &str) -> Result<(), String> {
    for (at, _) in literal.match_indices('%') {
        let escape = literal.get(at + 1..at + 3).unwrap_or("");
        if escape.len() != 2 || !escape.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(
                "a `%` in a target must begin an escape such as `%2F`; write `%25` for a percent sign".to_owned()
            );
        }
        if u8::from_str_radix(escape, 16).is_ok_and(|byte| byte < 0x20 || byte == 0x7f) {
            return Err(format!("a target cannot hold the control character `%{escape}`"));
        }
    }
    Ok(())
}

/// Reads `query` or `form`: names and values, in order.
pub(super) fn pairs(reader: &mut Reader<'_>, node: &Node) -> Parsed<Vec<(String, Value)>> {
    let table = node.table()?;
    most(table.entries.len(), node)?;
    let mut pairs = Vec::new();
    for (key, node) in &table.entries {
        if key.name.is_empty() || key.name.chars().any(char::is_control) {
            return Err(Problem::new(key.span, "a name belongs here"));
        }
        if key.name == "_method" {
            return Err(Problem::new(
                key.span,
                "`_method` cannot be sent: it would make the method another than the page says",
            )
            .hint("write the method in `request`"));
        }
        pairs.push((key.name.clone(), reader.value(node)?));
    }
    Ok(pairs)
}

/// Reads `headers`.
pub(super) fn headers(reader: &mut Reader<'_>, node: &Node) -> Parsed<Vec<(String, Value)>> {
    let table = node.table()?;
    most(table.entries.len(), node)?;
    let mut headers: Vec<(String, Value)> = Vec::new();
    for (key, node) in &table.entries {
        let name = header_name(&key.name).ok_or_else(|| {
            Problem::new(key.span, format!("`{}` is not the name of a header", key.name.escape_debug()))
        })?;
        let reason = FORBIDDEN
            .iter()
            .find(|(word, _)| *word == name)
            .or_else(|| FORBIDDEN_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)));
        if let Some((_, reason)) = reason {
            return Err(
                Problem::new(key.span, format!("a page cannot set the header `{name}`: {reason}")).hint("leave it out")
            );
        }
        if headers.iter().any(|(have, _)| *have == name) {
            return Err(Problem::new(key.span, format!("the header `{name}` is written twice")));
        }
        let value = reader.value(node)?;
        if let Value::Text(template) = &value
            && let Some(text) = template.constant()
            && let Err(why) = crate::place::header_text(text)
        {
            return Err(Problem::new(node.span, format!("this cannot stand in a header: {why}")));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

/// A header's name in lower case, if it is one (RFC 9110 token).
pub(super) fn header_name(text: &str) -> Option<String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (!text.is_empty() && text.len() <= 128 && text.chars().all(token)).then(|| text.to_ascii_lowercase())
}

fn most(count: usize, node: &Node) -> Parsed<()> {
    match count <= MOST_PAIRS {
        true => Ok(()),
        false => Err(Problem::new(node.span, format!("there are {count} entries here; {MOST_PAIRS} are allowed"))),
    }
}

/// Reads `basic = { user = …, password = … }`.
pub(super) fn basic(reader: &mut Reader<'_>, node: &Node) -> Parsed<Basic> {
    let table = node.table()?;
    table.only(&["user", "password"], "`basic`")?;
    let user = reader.template(table.need("user", "`basic`")?, Stand::Request)?;
    let password = reader.template(table.need("password", "`basic`")?, Stand::Request)?;
    if user.parts.iter().any(|part| matches!(part, crate::template::Part::Literal(text) if text.contains(':'))) {
        let span = table.get("user").map_or(node.span, |user| user.span);
        return Err(Problem::new(span, "the user of Basic cannot hold a colon: it ends the user"));
    }
    Ok(Basic { user, password })
}
