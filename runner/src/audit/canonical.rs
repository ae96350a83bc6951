//! One way to write a record: what was hashed can be hashed again.
//!
//! JSON on one line, in ASCII, without white space. Members are sorted by their names' bytes; numbers are whole and written
//! as `i64` or `u64` print; every character outside of printable ASCII is `\uXXXX`, in lower case, as UTF-16 has it. So two
//! values that are equal have the same bytes, and no byte of a line can be changed without being noticed. A terminal that
//! shows the file sees no control character.

use serde_json::{Map, Value};

/// A number that is no whole number: records hold none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record holds a number that is no whole number")]
pub struct NotCanonical;

/// Appends the canonical text of an object.
pub(super) fn write_object(fields: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    write_object_but(fields, "", out).map(|_| ())
}

/// The same; answers where in `out` a member of that name, which the object does not have, would begin: that of the next one.
pub(super) fn write_object_but(
    fields: &Map<String, Value>,
    missing: &str,
    out: &mut Vec<u8>,
) -> Result<usize, NotCanonical> {
    let mut members: Vec<(&String, &Value)> = fields.iter().collect();
    members.sort_unstable_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
    out.push(b'{');
    let mut place = None;
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if place.is_none() && name.as_str() > missing {
            place = Some(out.len());
        }
        write_text(name, out);
        out.push(b':');
        write_value(value, out)?;
    }
    let end = out.len();
    out.push(b'}');
    Ok(place.unwrap_or(end))
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let digits = match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => number.to_string(),
                (None, Some(number)) => number.to_string(),
                (None, None) => return Err(NotCanonical),
            };
            out.extend_from_slice(digits.as_bytes());
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => return write_object(fields, out),
    }
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.as_bytes().iter().all(plain) {
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            ' '..='~' => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(value: &Value) -> Result<String, NotCanonical> {
        let mut out = Vec::new();
        write_value(value, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn members_are_sorted_and_nothing_but_printable_ascii_is_left() {
        let value = serde_json::json!({ "b": ["\u{1b}[31m\n\"\\ ü 𝄞"], "a": { "z": null, "y": [true, -1, 18446744073709551615_u64] } });
        assert_eq!(
            canonical(&value).unwrap(),
            r#"{"a":{"y":[true,-1,18446744073709551615],"z":null},"b":["\u001b[31m\u000a\"\\ \u00fc \ud834\udd1e"]}"#
        );
    }

    #[test]
    fn numbers_that_are_not_whole_are_refused() {
        for text in ["1.5", "1.0", "1e2", "18446744073709551616", "-9223372036854775809"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(canonical(&value), Err(NotCanonical), "{text}");
        }
    }

    /// Any value a record can hold.
    pub(crate) fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_as_it_was_and_written_the_same_again(value in values()) {
            let text = canonical(&value).unwrap();
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &value);
            prop_assert_eq!(canonical(&read).unwrap(), text);
        }
    }
}
