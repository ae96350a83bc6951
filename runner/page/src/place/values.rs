//! Where the value of a name is.

use super::{FieldValue, Scope};
use crate::template::{Part, Source, Template};
use serde_json::Value;
use std::borrow::Cow;

/// The value of a name as text. The reason of an error never holds the value.
pub(crate) fn text<'a>(scope: &Scope<'a>, source: &Source) -> Result<Cow<'a, str>, &'static str> {
    let secret = |secret: Option<&'a crate::secret::Secret>| secret.map(|secret| Cow::Borrowed(secret.lend()));
    let found = match source {
        Source::User => Some(Cow::Borrowed(scope.user)),
        Source::OldPassword => secret(scope.old_password),
        Source::NewPassword => secret(scope.new_password),
        Source::Candidate => secret(scope.candidate),
        Source::Field { record, field, .. } => {
            let values = scope.records.get(record.as_str());
            match values.and_then(|values| values.fields.get(field)) {
                Some(FieldValue::Secret(secret)) => Some(Cow::Borrowed(secret.lend())),
                Some(FieldValue::Text(text)) => Some(Cow::Borrowed(text.as_str())),
                None => None,
            }
        }
        Source::Bind(name) => match scope.progress.bind(name.as_str()) {
            Some(value) => return scalar(value).ok_or("it is a list, an object or null, which only JSON can hold"),
            None => None,
        },
        Source::Capture(name) => secret(scope.progress.capture(name.as_str())),
        Source::Arg(name) => {
            scope.args.iter().find(|(have, _)| have == name.as_str()).map(|(_, text)| Cow::Borrowed(text.as_str()))
        }
    };
    found.ok_or("it has no value in this run")
}

/// A string, number or bool as text.
pub(crate) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A template of a test, filled as it stands; nothing if a name in it has no value.
pub(crate) fn plain(scope: &Scope<'_>, template: &Template) -> Option<String> {
    let mut filled = String::new();
    for part in &template.parts {
        match part {
            Part::Literal(text) => filled.push_str(text),
            Part::Name { source, encoding } => {
                let value = text(scope, source).ok()?;
                match encoding {
                    Some(encoding) => filled.push_str(&super::encode::inner(&value, *encoding)),
                    None => filled.push_str(&value),
                }
            }
        }
    }
    Some(filled)
}
