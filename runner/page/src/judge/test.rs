//! Tests, judged.

use super::reading::{Found, Reading};
use crate::place::Scope;
use crate::place::values::{plain, scalar};
use crate::predicate::{All, Expectation, Literal, Place, Test};
use crate::template::{Source, Template};
use serde_json::{Number, Value};
use std::borrow::Cow;

/// `expects`: without alternatives any 2xx; an alternative that writes no status asks for a 2xx as well.
pub(super) fn expected(expects: &Expectation, reading: &Reading<'_>, scope: &Scope<'_>) -> bool {
    let success = (200..300).contains(&reading.status());
    if expects.any.is_empty() {
        return success;
    }
    let writes_status = |all: &All| all.0.iter().any(|(place, _)| *place == Place::Status);
    expects.any.iter().any(|alternative| (success || writes_status(alternative)) && all(alternative, reading, scope))
}

/// True if any alternative holds.
pub(super) fn any(expectation: &Expectation, reading: &Reading<'_>, scope: &Scope<'_>) -> bool {
    expectation.any.iter().any(|alternative| all(alternative, reading, scope))
}

fn all(all: &All, reading: &Reading<'_>, scope: &Scope<'_>) -> bool {
    all.0.iter().all(|(place, test)| holds(test, &reading.find(place, None), scope))
}

/// True if the test holds. Where nothing can be read, none does; where nothing stands, only `absent = true` (or a `not` of
/// `absent = false`).
pub(super) fn holds(test: &Test, found: &Found<'_>, scope: &Scope<'_>) -> bool {
    match (found, test) {
        (Found::Unreadable, _) => false,
        (Found::Absent, Test::Absent(absent)) => *absent,
        (Found::Absent, Test::Not(inner)) => match inner.as_ref() {
            Test::Absent(_) | Test::Not(_) => !holds(inner, found, scope),
            _ => false,
        },
        (Found::Absent, _) => false,
        (_, Test::Absent(absent)) => !absent,
        (_, Test::Not(inner)) => !holds(inner, found, scope),
        (_, Test::Null(null)) => matches!(found, Found::Json(Value::Null)) == *null,
        (_, Test::Equals { value, ignore_case }) => equals(value, *ignore_case, found, scope),
        (_, Test::OneOf { values, ignore_case }) => {
            values.iter().any(|value| equals(value, *ignore_case, found, scope))
        }
        (_, Test::Length(length)) => match found {
            Found::Json(Value::Array(items)) => items.len() == *length,
            Found::Json(Value::Object(members)) => members.len() == *length,
            Found::Json(Value::String(text)) => text.chars().count() == *length,
            Found::Text(text) => text.chars().count() == *length,
            _ => false,
        },
        (_, Test::Contains(template)) => match found {
            Found::Json(Value::Array(items)) => {
                items.iter().any(|item| text_equals(template, false, &Found::Json(item), scope))
            }
            Found::Json(Value::String(text)) => plain(scope, template).is_some_and(|part| text.contains(&part)),
            Found::Text(text) => plain(scope, template).is_some_and(|part| text.contains(&part)),
            _ => false,
        },
    }
}

fn equals(literal: &Literal, ignore_case: bool, found: &Found<'_>, scope: &Scope<'_>) -> bool {
    match (literal, found) {
        (Literal::Text(template), found) => text_equals(template, ignore_case, found, scope),
        (Literal::Bool(value), Found::Json(Value::Bool(found))) => value == found,
        (Literal::Bool(value), Found::Text(text)) => text.as_ref() == if *value { "true" } else { "false" },
        (Literal::Number(value), Found::Json(Value::Number(found))) => same_number(value, found),
        (Literal::Number(value), Found::Text(text)) => {
            text.parse::<Number>().is_ok_and(|found| same_number(value, &found))
        }
        _ => false,
    }
}

/// A constant text equals a string only. A template that is exactly one bind equals a value of the bind's own type; any other
/// template with names in it equals a number, true or false by its text as well (`"{user}"` may be all digits).
fn text_equals(template: &Template, ignore_case: bool, found: &Found<'_>, scope: &Scope<'_>) -> bool {
    if let (Some(Source::Bind(name)), Found::Json(found)) = (template.sole_name(), found)
        && let Some(bound) = scope.progress.bind(name.as_str())
        && !bound.is_string()
    {
        return match (bound, found) {
            (Value::Number(bound), Value::Number(found)) => same_number(bound, found),
            (bound, Value::String(found)) => scalar(bound).is_some_and(|bound| bound == *found),
            (bound, found) => bound == *found,
        };
    }
    let found: Cow<'_, str> = match found {
        Found::Text(text) => Cow::Borrowed(text),
        Found::Json(Value::String(text)) => Cow::Borrowed(text),
        Found::Json(value) if template.constant().is_none() => match scalar(value) {
            Some(text) => text,
            None => return false,
        },
        _ => return false,
    };
    let Some(wanted) = plain(scope, template) else { return false };
    match ignore_case {
        true => wanted.to_lowercase() == found.to_lowercase(),
        false => wanted == found,
    }
}

/// Whole numbers by value, others by their nearest float, so that `1` is `1.0`.
fn same_number(one: &Number, other: &Number) -> bool {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one == other),
    }
}
