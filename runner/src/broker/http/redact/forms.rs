//! The forms of a secret that undoing escapes does not lead back to: base64, hex, and other character sets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;

/// Forms of a long secret, to be looked for anywhere, whatever their case.
pub(super) fn anywhere(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![text.as_bytes().to_vec()];
    forms.extend(latin1(text));
    for inner in inner(text) {
        forms.push(hex(&inner));
        for before in 0..3 {
            let encoded = base64_inside(&inner, before);
            if encoded.iter().any(|byte| matches!(byte, b'+' | b'/')) {
                forms.push(url_safe(&encoded));
            }
            forms.push(encoded);
        }
        // On its own it ends in padding, which is cut out as well.
        if inner.len() % 3 != 0 {
            let encoded = STANDARD.encode(&inner).into_bytes();
            forms.push(url_safe(&encoded));
            forms.push(encoded);
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// Calls `each` with the first four bytes of each form of [`anywhere`], in lower case. A text that holds none of these holds none of the
/// forms, and they cost a fraction of what the forms do: nothing is allocated for most secrets.
pub(super) fn beginnings(text: &str, mut each: impl FnMut([u8; 4])) {
    // What an encoder makes of the first characters is how its whole begins: each has four bytes of them at least.
    let head = text.char_indices().nth(6).and_then(|(end, _)| text.get(..end)).unwrap_or(text);
    let raw = four(head.bytes());
    let latin1 = latin1(head).map(four);
    let mut add = |four: [u8; 4]| each(four.map(|byte| byte.to_ascii_lowercase()));
    add(raw);
    latin1.into_iter().for_each(&mut add);
    let mut encoded = |inner: [u8; 4]| {
        let [one, two, ..] = inner;
        add([digit(one >> 4), digit(one & 15), digit(two >> 4), digit(two & 15)]);
        for before in 0..3 {
            let base64 = four_of_base64(inner, before);
            add(base64);
            if base64.iter().any(|byte| matches!(byte, b'+' | b'/')) {
                add(four(url_safe(&base64)));
            }
        }
    };
    encoded(raw);
    encoded(four(head.encode_utf16().flat_map(u16::to_le_bytes)));
    encoded(four(head.encode_utf16().flat_map(u16::to_be_bytes)));
    latin1.into_iter().for_each(&mut encoded);
    // What these leave as it is begins as it is.
    if head.bytes().any(|byte| !byte.is_ascii_alphanumeric()) {
        for escaped in [percent_of(head, STRICT, "%20"), percent_of(head, FORM, "+")].map(|bytes| bytes.collect()) {
            let escaped: Vec<u8> = escaped;
            encoded(four(lower_escapes(&escaped)));
            encoded(four(escaped));
        }
        if head.bytes().any(|byte| byte < b' ' || b"\"\\&<>\x7f".contains(&byte)) {
            encoded(four(json(head)));
            encoded(four(xml(head)));
        }
    }
}

/// The first four of more.
fn four(bytes: impl IntoIterator<Item = u8>) -> [u8; 4] {
    let mut four = [0; 4];
    four.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    four
}

/// The first four characters of [`base64_inside`].
fn four_of_base64(bytes: [u8; 4], before: usize) -> [u8; 4] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let ahead = u32::from_be_bytes(bytes);
    // The bits of the first character that others before decide as well: none, four or two.
    let skipped = [0, 4, 2].get(before).copied().unwrap_or(0);
    [0, 6, 12, 18].map(|at| {
        let six = ahead << (skipped + at) >> 26;
        ALPHABET.get(six as usize).copied().unwrap_or_default()
    })
}

/// Forms of a short secret, to be looked for as words.
pub(super) fn alone(text: &str) -> Vec<Vec<u8>> {
    let mut forms = BTreeSet::new();
    forms.insert(text.as_bytes().to_vec());
    let hex = hex(text.as_bytes());
    forms.insert(hex.to_ascii_uppercase());
    forms.insert(hex);
    let base64 = STANDARD.encode(text);
    for base64 in [base64.as_str(), base64.trim_end_matches('=')] {
        forms.insert(base64.as_bytes().to_vec());
        forms.insert(url_safe(base64.as_bytes()));
    }
    forms.into_iter().collect()
}

/// What is put into base64 and hex: the secret in its character sets, and as the usual encoders escape it.
fn inner(text: &str) -> Vec<Vec<u8>> {
    let mut inner = vec![text.as_bytes().to_vec(), utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)];
    inner.extend(latin1(text));
    if text.bytes().any(|byte| !byte.is_ascii_alphanumeric()) {
        let strict: Vec<u8> = percent_of(text, STRICT, "%20").collect();
        let form: Vec<u8> = percent_of(text, FORM, "+").collect();
        inner.extend([json(text), xml(text), lower_escapes(&strict), strict, lower_escapes(&form), form]);
    }
    inner.sort_unstable();
    inner.dedup();
    inner
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| out.extend([digit(byte >> 4), digit(byte & 15)]));
    out
}

/// A hex digit in lower case.
fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// The characters that `bytes` alone decides, when `before` (mod 3) other bytes stand before and others may follow.
fn base64_inside(bytes: &[u8], before: usize) -> Vec<u8> {
    let mut padded = vec![0; before];
    padded.extend_from_slice(bytes);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    let mut encoded = STANDARD.encode(&padded).into_bytes();
    encoded.truncate(last);
    encoded.split_off(first)
}

/// The same in the alphabet for URLs.
fn url_safe(base64: &[u8]) -> Vec<u8> {
    let swap = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    base64.iter().map(swap).collect()
}

/// ISO 8859-1, if the text has it and is not ASCII.
fn latin1(text: &str) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.filter(|_| !text.is_ascii())
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

fn json(text: &str) -> Vec<u8> {
    let quoted = serde_json::Value::from(text).to_string().into_bytes();
    quoted.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).map_or_else(Vec::new, <[u8]>::to_vec)
}

fn xml(text: &str) -> Vec<u8> {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('"', "&quot;").into_bytes()
}

/// What percent-encoding leaves as it is, besides letters and digits: in a URL's parts, and in forms.
const STRICT: &[u8] = b"-._~";
const FORM: &[u8] = b"*-._";

fn percent_of(text: &str, kept: &'static [u8], blank: &'static str) -> impl Iterator<Item = u8> {
    text.bytes().flat_map(move |byte| {
        let (bytes, count) = match byte {
            b' ' => (four(blank.bytes()), blank.len()),
            byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => ([byte, 0, 0, 0], 1),
            byte => {
                let digits = [digit(byte >> 4), digit(byte & 15)].map(|digit| digit.to_ascii_uppercase());
                (four([b'%'].into_iter().chain(digits)), 3)
            }
        };
        bytes.into_iter().take(count)
    })
}

/// `%2F` as `%2f`.
fn lower_escapes(encoded: &[u8]) -> Vec<u8> {
    let mut left = 0;
    encoded
        .iter()
        .map(|byte| {
            left = if *byte == b'%' { 3 } else { i32::max(left - 1, 0) };
            if left > 0 { byte.to_ascii_lowercase() } else { *byte }
        })
        .collect()
}
