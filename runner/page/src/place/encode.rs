//! The encoders: pure, total or with a reason. Each has a property test with a decoder of its own.

use crate::template::Encoding;
use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt::Write;
use zeroize::Zeroizing;

/// RFC 3986, unreserved: what never needs an escape.
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What a page may write raw in a path (RFC 3986, pchar) beside unreserved; `%` begins an escape that the parser checked.
fn path_raw(byte: u8) -> bool {
    unreserved(byte) || b"!$&'()*+,;=:@%".contains(&byte)
}

fn percent(text: &str, keep: impl Fn(u8) -> bool, blank: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if keep(byte) {
            encoded.push(char::from(byte));
        } else if byte == b' ' {
            encoded.push_str(blank);
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A literal of a path: only what cannot stand there raw is encoded.
pub(crate) fn path_literal(text: &str) -> Cow<'_, str> {
    match text.bytes().all(path_raw) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(percent(text, path_raw, "%20")),
    }
}

/// A value in a path: one segment, or a part of one, whatever it holds.
pub(crate) fn path_value(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if text.contains('/') {
        return Err("it holds a slash, which servers take for a separator even when it is encoded");
    }
    if text.contains('\\') {
        return Err("it holds a backslash, which some servers take for a slash");
    }
    let bytes = text.as_bytes();
    let escape =
        bytes.windows(3).any(|window| matches!(window, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    if escape {
        return Err("it holds a percent escape, which some servers decode a second time");
    }
    Ok(Cow::Owned(percent(text, unreserved, "%20")))
}

/// Appends `name=value`, with `&` before it if needed.
pub(crate) fn pair(to: &mut String, name: &str, value: &str, blank: &str) {
    if !to.is_empty() {
        to.push('&');
    }
    to.push_str(&percent(name, unreserved, blank));
    to.push('=');
    to.push_str(&Zeroizing::new(percent(value, unreserved, blank)));
}

/// True if a segment is `.` or `..`, also when its dots are encoded.
pub(crate) fn is_dots(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

/// Checks the value of a header: visible ASCII, single blanks inside.
pub(crate) fn header_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
        return Err("it holds a character that cannot stand in a header (only visible ASCII and blanks can)");
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
        return Err("it begins or ends with a blank, or holds two in a row");
    }
    Ok(())
}

/// The password of HTTP Basic (RFC 7617: no control characters).
pub(crate) fn basic_password(text: &str) -> Result<Cow<'_, str>, &'static str> {
    match text.chars().any(char::is_control) {
        true => Err("it holds a control character, which HTTP Basic cannot carry"),
        false => Ok(Cow::Borrowed(text)),
    }
}

/// The user of HTTP Basic: no colon either.
pub(crate) fn basic_user(text: &str) -> Result<Cow<'_, str>, &'static str> {
    match text.contains(':') {
        true => Err("it holds a colon, which ends the user of HTTP Basic"),
        false => basic_password(text),
    }
}

/// Standard base64 with padding.
pub(crate) fn base64(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}

/// Text or an attribute's value in XML 1.0. Line breaks and tabs are references, or a reader would make them blanks.
pub(crate) fn xml(text: &str) -> Result<Cow<'_, str>, &'static str> {
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\0'..='\x1f' | '\u{FFFE}' | '\u{FFFF}' => return Err("it holds a character that XML 1.0 forbids"),
            other => escaped.push(other),
        }
    }
    Ok(Cow::Owned(escaped))
}

/// A value in a text body: nothing that could begin a line of its own.
pub(crate) fn line(text: &str) -> Result<Cow<'_, str>, &'static str> {
    match text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        true => Err("it holds a control character"),
        false => Ok(Cow::Borrowed(text)),
    }
}

/// The encodings for a language inside the place's own.
pub(crate) fn inner(text: &str, encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Scim | Encoding::Json => {
            let mut escaped = String::with_capacity(text.len() * 2);
            for character in text.chars() {
                match character {
                    '"' => escaped.push_str("\\\""),
                    '\\' => escaped.push_str("\\\\"),
                    control if control.is_control() => {
                        let _ = write!(escaped, "\\u{:04X}", u32::from(control));
                    }
                    other => escaped.push(other),
                }
            }
            Cow::Owned(escaped)
        }
        Encoding::Odata => Cow::Owned(text.replace('\'', "''")),
        Encoding::Url => Cow::Owned(percent(text, unreserved, "%20")),
        Encoding::LdapFilter => {
            let mut escaped = String::with_capacity(text.len() * 2);
            for character in text.chars() {
                match character {
                    '*' | '(' | ')' | '\\' | '\0' => {
                        let _ = write!(escaped, "\\{:02x}", u32::from(character));
                    }
                    other => escaped.push(other),
                }
            }
            Cow::Owned(escaped)
        }
    }
}
