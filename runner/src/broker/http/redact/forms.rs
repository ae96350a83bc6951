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

/// Where the forms of [`anywhere`] begin: the first four bytes of each, in lower case. A text that holds none of these holds none of the
/// forms, and they cost a fraction of what the forms do.
pub(super) fn beginnings(text: &str) -> Vec<[u8; 4]> {
    // What an encoder makes of the first characters is how its whole begins: each has four bytes of them at least.
    let head = text.char_indices().nth(6).and_then(|(end, _)| text.get(..end)).unwrap_or(text);
    let mut found = Vec::with_capacity(80);
    let mut add = |four: Option<&[u8; 4]>| found.extend(four.map(|four| four.map(|byte| byte.to_ascii_lowercase())));
    add(head.as_bytes().first_chunk());
    add(latin1(head).unwrap_or_default().first_chunk());
    for inner in inner(head) {
        let mut digits = [0; 4];
        if let [one, two, ..] = *inner {
            digits = [digit(one >> 4), digit(one & 15), digit(two >> 4), digit(two & 15)];
        }
        add(Some(&digits));
        for before in 0..3 {
            let encoded = four_of_base64(&inner, before);
            add(Some(&encoded));
            if encoded.iter().any(|byte| matches!(byte, b'+' | b'/')) {
                add(url_safe(&encoded).first_chunk());
            }
        }
    }
    found
}

/// The first four characters of [`base64_inside`].
fn four_of_base64(bytes: &[u8], before: usize) -> [u8; 4] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let ahead = bytes.iter().take(4).fold(0_u32, |ahead, byte| ahead << 8 | u32::from(*byte));
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
        let strict = percent(text, b"-._~", "%20");
        let form = percent(text, b"*-._", "+");
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

fn percent(text: &str, kept: &[u8], blank: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b' ' => out.extend_from_slice(blank.as_bytes()),
            byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => out.push(byte),
            byte => out.extend([b'%', digit(byte >> 4), digit(byte & 15)].map(|digit| digit.to_ascii_uppercase())),
        }
    }
    out
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
