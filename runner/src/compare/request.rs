//! What goes over the wire: method, target, query, headers, login, body. It is the same, or it is another request.

use super::{Changes, Direction};
use crate::page::model::{Body, Route};
use crate::page::request::Spot;
use crate::page::template::{JsonTemplate, Source, Template, Value, toml_string};

/// What is said of two texts of the same parts.
const ORDER: &str = "it is put together differently: in another order, or a list in place of a table";

/// Every change of the request.
pub(super) fn compare(old: &Route, new: &Route, changes: &mut Changes) {
    target(old, new, changes);
    let mut part = |about: &'static str, same: bool, before: Vec<Put>, after: Vec<Put>| {
        let found = changes.count();
        puts(new, about, &before, &after, changes);
        if !same && changes.count() == found {
            changes.add(Direction::Other, Some(new), about, &[], ORDER);
        }
    };
    part("query", old.query == new.query, pairs(&old.query, Spot::Query), pairs(&new.query, Spot::Query));
    part("headers", old.headers == new.headers, pairs(&old.headers, Spot::Header), pairs(&new.headers, Spot::Header));
    part("basic", old.basic == new.basic, basic(old), basic(new));
    let (before, after) = (kind(&old.body), kind(&new.body));
    if before != after {
        let words = format!("the body is {}; it was {}", in_words(&new.body), in_words(&old.body));
        changes.add(gains(&all(&body(old)), &all(&body(new)), Direction::Other), Some(new), after, &[], words);
        return;
    }
    let found = changes.count();
    if let (Body::JsonFrom { route: before, .. }, Body::JsonFrom { route: after, .. }) = (&old.body, &new.body)
        && before != after
    {
        let words = format!("the document that `{after}` kept is sent back; it was that of `{before}`");
        changes.add(Direction::Other, Some(new), "json-from", &[], words);
    }
    let about = if after == "json-from" { "json" } else { after };
    puts(new, about, &body(old), &body(new), changes);
    if old.body != new.body && changes.count() == found {
        changes.add(Direction::Other, Some(new), about, &[], ORDER);
    }
}

fn target(old: &Route, new: &Route, changes: &mut Changes) {
    if old.method == new.method && old.target == new.target {
        return;
    }
    fn names(route: &Route) -> Vec<&Source> {
        route.target.segments.iter().flat_map(Template::sources).collect()
    }
    let direction = gains(&names(old), &names(new), Direction::Other);
    changes.add(
        direction,
        Some(new),
        "request",
        &[],
        format!("the request is {}; it was {}", new.request(), old.request()),
    );
}

/// Something that is put into the request.
struct Put {
    /// "header authorization"
    place: String,
    /// Keys below the part's own.
    keys: Vec<String>,
    /// As the page writes it.
    written: String,
    /// The names in it.
    names: Vec<Source>,
}

fn puts(route: &Route, about: &'static str, old: &[Put], new: &[Put], changes: &mut Changes) {
    for put in new {
        let keys: Vec<&str> = put.keys.iter().map(String::as_str).collect();
        let (place, written) = (&put.place, &put.written);
        let before = old.iter().find(|before| before.place == *place);
        let had = before.map_or_else(Vec::new, |before| before.names.iter().collect());
        let names: Vec<&Source> = put.names.iter().collect();
        // Names that were not there; a secret weighs more than the rest.
        let gained: Vec<&Source> = names.iter().copied().filter(|name| !had.contains(name)).collect();
        let secrets: Vec<String> =
            gained.iter().filter(|name| name.is_secret()).map(|name| format!("`{name}`")).collect();
        let direction = gains(&had, &names, Direction::Other);
        match before {
            Some(before) if before.written == *written && before.names == put.names => {}
            Some(before) => {
                let also = match secrets.as_slice() {
                    [] => String::new(),
                    secrets => format!("the secret {} goes to {place}: ", secrets.join(" and ")),
                };
                let words = format!("{also}{place} is `{written}`; it was `{}`", before.written);
                changes.add(direction, Some(route), about, &keys, words);
            }
            None if !secrets.is_empty() => {
                let words = format!("the secret {} goes to {place}, as `{written}`", secrets.join(" and "));
                changes.add(direction, Some(route), about, &keys, words);
            }
            None => changes.add(direction, Some(route), about, &keys, format!("sent along: {place} is `{written}`")),
        }
    }
    for put in old.iter().filter(|put| !new.iter().any(|other| other.place == put.place)) {
        let keys: Vec<&str> = put.keys.iter().map(String::as_str).collect();
        let words = format!("no longer sent: {}, which was `{}`", put.place, put.written);
        changes.add(Direction::Other, Some(route), about, &keys, words);
    }
}

/// Wider if there is a name that was not there, such as a secret in a new place; else as it was said.
fn gains(old: &[&Source], new: &[&Source], otherwise: Direction) -> Direction {
    if new.iter().any(|name| !old.contains(name)) { Direction::Wider } else { otherwise }
}

fn all(puts: &[Put]) -> Vec<&Source> {
    puts.iter().flat_map(|put| &put.names).collect()
}

fn put(spot: Spot, keys: &[&str], value: &Value, quoted: bool) -> Put {
    let written = match value {
        Value::Text(template) if quoted => toml_string(&template.to_string()),
        value => value.to_string(),
    };
    Put {
        place: spot.to_string(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        written,
        names: value.template().sources().cloned().collect(),
    }
}

fn pairs(pairs: &[(String, Value)], spot: fn(String) -> Spot) -> Vec<Put> {
    pairs.iter().map(|(name, value)| put(spot(name.clone()), &[name], value, false)).collect()
}

fn basic(route: &Route) -> Vec<Put> {
    let text = |template: &Template| Value::Text(template.clone());
    route
        .basic
        .iter()
        .flat_map(|basic| {
            [
                put(Spot::BasicUser, &["user"], &text(&basic.user), false),
                put(Spot::BasicPassword, &["password"], &text(&basic.password), false),
            ]
        })
        .collect()
}

fn body(route: &Route) -> Vec<Put> {
    let mut puts = Vec::new();
    match &route.body {
        Body::None => {}
        Body::Json(json) => leaves(json, &mut Vec::new(), &mut puts),
        Body::JsonFrom { route: _, set } => {
            for (name, value) in set {
                leaves(value, &mut vec![name.clone()], &mut puts);
            }
        }
        Body::Form(form) => puts = pairs(form, Spot::Form),
        Body::Xml(template) => puts.push(put(Spot::Xml, &[], &Value::Text(template.clone()), false)),
        Body::Text(template) => puts.push(put(Spot::Text, &[], &Value::Text(template.clone()), false)),
    }
    puts
}

/// Every leaf; empty tables and arrays are leaves. A text keeps its quotes: `"false"` is not `false`.
fn leaves(json: &JsonTemplate, at: &mut Vec<String>, puts: &mut Vec<Put>) {
    let mut below = |key: String, value: &JsonTemplate| {
        at.push(key);
        leaves(value, at, puts);
        at.pop();
    };
    match json {
        JsonTemplate::List(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, item)| below(index.to_string(), item));
        }
        JsonTemplate::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| below(name.clone(), value));
        }
        leaf => {
            let pointer: String =
                at.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect();
            let keys: Vec<&str> = at.iter().map(String::as_str).collect();
            let spot = Spot::Json(pointer);
            puts.push(match leaf {
                JsonTemplate::Text(value) => put(spot, &keys, value, true),
                other => {
                    Put { place: spot.to_string(), keys: at.clone(), written: other.to_string(), names: Vec::new() }
                }
            });
        }
    }
}

/// The key of the page that writes such a body.
fn kind(body: &Body) -> &'static str {
    match body {
        Body::None => "request",
        Body::Json(_) => "json",
        Body::JsonFrom { .. } => "json-from",
        Body::Form(_) => "form",
        Body::Xml(_) => "xml",
        Body::Text(_) => "text",
    }
}

fn in_words(body: &Body) -> &'static str {
    match body {
        Body::None => "empty",
        Body::Json(_) => "JSON that the page writes",
        Body::JsonFrom { .. } => "a document that was kept, with members replaced",
        Body::Form(_) => "a form",
        Body::Xml(_) => "XML",
        Body::Text(_) => "text",
    }
}
