//! Bodies: a JSON tree, a kept document with members set, form, XML, text.

use super::{PlaceError, Scope, encode, error, fill, plain, text};
use crate::model::{Body, Route};
use crate::request::Spot;
use crate::template::{JsonTemplate, Source, Value as PageValue};
use serde_json::{Map, Value};
use zeroize::Zeroize;

/// Room for a body, in bytes: a buffer that need not grow leaves no copy of a secret behind.
const ROOM: usize = 4096;

/// The body's bytes.
pub(super) fn body(route: &Route, scope: &Scope<'_>) -> Result<Option<Vec<u8>>, PlaceError> {
    match &route.body {
        Body::None => Ok(None),
        Body::Json(template) => written(json(template, scope, "")?).map(Some),
        Body::JsonFrom { route, set } => {
            let kept = scope.progress.kept(route.as_str()).and_then(Value::as_object).cloned();
            let at = Spot::Json(String::new());
            let mut document =
                kept.ok_or_else(|| error(route.to_string(), &at, "that route has kept no document in this step"))?;
            merge(&mut document, set, scope, "")?;
            written(Value::Object(document)).map(Some)
        }
        Body::Form(pairs) => {
            let mut form = String::with_capacity(ROOM);
            for (name, value) in pairs {
                encode::pair(&mut form, name, &text(value, scope, &Spot::Form(name.clone()))?, "+");
            }
            Ok(Some(form.into_bytes()))
        }
        Body::Xml(template) => {
            let xml = fill(template, scope, &Spot::Xml, plain, encode::xml)?;
            Ok(Some(xml.as_bytes().to_vec()))
        }
        Body::Text(template) => {
            let text = fill(template, scope, &Spot::Text, plain, encode::line)?;
            Ok(Some(text.as_bytes().to_vec()))
        }
    }
}

fn json(template: &JsonTemplate, scope: &Scope<'_>, at: &str) -> Result<Value, PlaceError> {
    match template {
        JsonTemplate::Null => Ok(Value::Null),
        JsonTemplate::Bool(value) => Ok(Value::Bool(*value)),
        JsonTemplate::Number(value) => Ok(Value::Number(value.clone())),
        JsonTemplate::Text(value) => leaf(value, scope, at),
        JsonTemplate::List(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                list.push(json(item, scope, &format!("{at}/{index}"))?);
            }
            Ok(Value::Array(list))
        }
        JsonTemplate::Object(set) => {
            let mut object = Map::new();
            for (name, member) in set {
                object.insert(name.clone(), json(member, scope, &below(at, name))?);
            }
            Ok(Value::Object(object))
        }
    }
}

/// A string; or, for a template that is exactly one bind, the bind's own value.
fn leaf(value: &PageValue, scope: &Scope<'_>, at: &str) -> Result<Value, PlaceError> {
    let spot = Spot::Json(at.to_owned());
    if let PageValue::Text(template) = value
        && let Some(Source::Bind(name)) = template.sole_name()
    {
        let bound = scope.progress.bind(name.as_str()).cloned();
        return bound.ok_or_else(|| error(name.to_string(), &spot, "it has no value in this run"));
    }
    text(value, scope, &spot).map(|text| Value::String(text.to_string()))
}

/// Sets members in a kept document; tables are merged into the objects that are there.
fn merge(
    into: &mut Map<String, Value>,
    set: &[(String, JsonTemplate)],
    scope: &Scope<'_>,
    at: &str,
) -> Result<(), PlaceError> {
    for (name, member) in set {
        let at = below(at, name);
        match (into.get_mut(name), member) {
            (Some(Value::Object(inner)), JsonTemplate::Object(set)) => merge(inner, set, scope, &at)?,
            _ => {
                into.insert(name.clone(), json(member, scope, &at)?);
            }
        }
    }
    Ok(())
}

fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The tree as bytes; its strings are wiped.
fn written(mut value: Value) -> Result<Vec<u8>, PlaceError> {
    let mut bytes = Vec::with_capacity(ROOM);
    let written = serde_json::to_writer(&mut bytes, &value);
    wipe(&mut value);
    match written {
        Ok(()) => Ok(bytes),
        Err(_) => Err(error("json", &Spot::Json(String::new()), "it cannot be written as JSON")),
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
