//! Where the next page of a list is. A link is followed on the same origin and path only, so that no answer can send a
//! credential elsewhere.

use super::reading::{Found, Reading};
use crate::answer::Answer;
use crate::model::Route;
use crate::place::NextPage;
use crate::predicate::Place;

/// Longest link or token that is followed, in bytes.
const LONGEST: usize = 8 * 1024;

/// Where the next page is, if there is one; an error text if the link leaves origin or path of `sent_origin`/`sent_path`.
/// The broker makes of the error a [`super::Judgement::unmet`].
pub fn next_page(
    route: &Route,
    answer: &Answer,
    sent_origin: &str,
    sent_path: &str,
) -> Result<Option<NextPage>, String> {
    let Some(pages) = &route.pages else { return Ok(None) };
    let reading = Reading::new(answer);
    let found = match &pages.next {
        Place::Header(name) if name == "link" => next_link(&reading),
        place => match reading.find(place, None) {
            Found::Json(serde_json::Value::Null | serde_json::Value::Bool(false))
            | Found::Absent
            | Found::Unreadable => None,
            // Something says that the list goes on, and this is not where: it was not read to its end.
            Found::Json(value) if !value.is_string() && !value.is_number() => {
                return Err(format!("{} names no next page that can be followed", place.described()));
            }
            found => Some(found.secret().unwrap_or_default()),
        },
    };
    let Some(found) = found.filter(|found| !found.is_empty()) else { return Ok(None) };
    if found.len() > LONGEST {
        return Err(format!("the next page's link is longer than {LONGEST} bytes"));
    }
    match &pages.into {
        Some(key) => Ok(Some(NextPage::Token { key: key.clone(), token: found })),
        None => same_place(&found, sent_origin, sent_path).map(|query| Some(NextPage::Query(query))),
    }
}

/// The target of the first `rel="next"` of all `link` headers (RFC 8288).
fn next_link(reading: &Reading<'_>) -> Option<String> {
    reading.headers("link").find_map(|header| {
        let mut rest = header;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let (target, params) = rest.strip_prefix('<')?.split_once('>')?;
            let (is_next, after) = parameters(params)?;
            if is_next {
                return Some(target.to_owned());
            }
            rest = after;
        }
    })
}

/// Reads `; name=value; …` up to the next comma: is one of them `rel` with the word `next`, and what follows. Only the first `rel`
/// counts. Nothing if a quote is not closed.
fn parameters(text: &str) -> Option<(bool, &str)> {
    let mut rest = text;
    let mut rel = None;
    loop {
        rest = rest.trim_start();
        let Some(parameter) = rest.strip_prefix(';') else {
            let after = rest.find(',').map_or("", |comma| rest.get(comma + 1..).unwrap_or(""));
            return Some((rel.unwrap_or(false), after));
        };
        let parameter = parameter.trim_start();
        let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
        let (name, tail) = parameter.split_at(end);
        let Some(value) = tail.strip_prefix('=') else {
            rest = tail;
            continue;
        };
        let value = value.trim_start();
        let word;
        (word, rest) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (word, rest) = value.split_at(value.find([';', ',']).unwrap_or(value.len()));
                (word.trim_end().to_owned(), rest)
            }
        };
        if name.trim_end().eq_ignore_ascii_case("rel") && rel.is_none() {
            rel = Some(word.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next")));
        }
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((word, text.get(at + 1..)?)),
            '\\' => word.push(characters.next()?.1),
            other => word.push(other),
        }
    }
    None
}

/// The query of a link on the same origin and path.
fn same_place(link: &str, sent_origin: &str, sent_path: &str) -> Result<String, String> {
    let leaves = |what: &str| Err(format!("the next page leaves the {what} of this one"));
    if link.chars().any(|c| c.is_control() || c == '\\') {
        return Err("the next page's link holds a character that no link may hold".to_owned());
    }
    let link = link.split('#').next().unwrap_or("");
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let path = match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if !same_origin(&format!("{scheme}://{authority}"), sent_origin) {
                return leaves("host");
            }
            if path.is_empty() { "/" } else { path }
        }
        _ => match path.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                if !same_origin(&format!("https://{authority}"), sent_origin) {
                    return leaves("host");
                }
                if path.is_empty() { "/" } else { path }
            }
            None => path,
        },
    };
    let last = sent_path.rsplit('/').next().unwrap_or("");
    let same = match path {
        "" => true,
        path if path.starts_with('/') => decoded(path) == decoded(sent_path),
        path => !path.contains('/') && decoded(path) == decoded(last),
    };
    if !same {
        return leaves("path");
    }
    Ok(clean(query))
}

/// `https://host[:443]`, ignoring case.
fn same_origin(one: &str, other: &str) -> bool {
    fn plain(origin: &str) -> String {
        let lower = origin.to_ascii_lowercase();
        lower.strip_suffix(":443").map_or(lower.clone(), str::to_owned)
    }
    plain(one).starts_with("https://") && plain(one) == plain(other)
}

/// The segments of a path, each without percent escapes.
fn decoded(path: &str) -> Vec<Vec<u8>> {
    path.split('/').map(decode).collect()
}

fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = match (first, tail) {
            (b'%', [a, b, ..]) => char::from(*a).to_digit(16).zip(char::from(*b).to_digit(16)),
            _ => None,
        };
        match escape.and_then(|(a, b)| u8::try_from(a * 16 + b).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or(&[]);
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

/// A query with everything escaped that cannot stand in one.
fn clean(query: &str) -> String {
    let mut cleaned = String::with_capacity(query.len());
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte) {
            cleaned.push(char::from(byte));
        } else {
            cleaned.push_str(&format!("%{byte:02X}"));
        }
    }
    cleaned
}
