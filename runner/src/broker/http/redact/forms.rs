//! The forms of a secret that undoing escapes does not lead back to: base64, hex, and other character sets.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::collections::BTreeSet;

/// Forms of a long secret, to be looked for anywhere, whatever their case.
pub(super) fn anywhere(text: &str) -> Vec<Vec<u8>> {
    let mut forms = BTreeSet::new();
    forms.insert(text.as_bytes().to_vec());
    forms.extend(latin1(text));
    for inner in inner(text) {
        forms.insert(hex(&inner));
        for alphabet in [STANDARD, URL_SAFE] {
            forms.insert(alphabet.encode(&inner).into_bytes());
            forms.extend((0..3).map(|before| base64_inside(&inner, before, &alphabet)));
        }
    }
    forms.into_iter().collect()
}

/// Forms of a short secret, to be looked for as words.
pub(super) fn alone(text: &str) -> Vec<Vec<u8>> {
    let mut forms = BTreeSet::new();
    forms.insert(text.as_bytes().to_vec());
    let hex = hex(text.as_bytes());
    forms.insert(hex.to_ascii_uppercase());
    forms.insert(hex);
    for alphabet in [STANDARD, URL_SAFE] {
        let base64 = alphabet.encode(text);
        forms.insert(base64.trim_end_matches('=').as_bytes().to_vec());
        forms.insert(base64.into_bytes());
    }
    forms.into_iter().collect()
}

/// What is put into base64 and hex: the secret in its character sets, and as the usual encoders escape it.
fn inner(text: &str) -> BTreeSet<Vec<u8>> {
    let strict = percent(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte), "%20");
    let form = percent(text, |byte| byte.is_ascii_alphanumeric() || b"*-._".contains(&byte), "+");
    let mut inner = BTreeSet::from([text.as_bytes().to_vec(), json(text), xml(text)]);
    inner.extend([utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)]);
    inner.extend([lower_escapes(&strict), strict, lower_escapes(&form), form]);
    inner.extend(latin1(text));
    inner
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The characters that `bytes` alone decides, when `before` (mod 3) other bytes stand before and others may follow.
fn base64_inside(bytes: &[u8], before: usize, alphabet: &GeneralPurpose) -> Vec<u8> {
    let mut padded = vec![0; before];
    padded.extend_from_slice(bytes);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    alphabet.encode(&padded).into_bytes().into_iter().take(last).skip(first).collect()
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

fn percent(text: &str, keeps: impl Fn(u8) -> bool, blank: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.extend_from_slice(blank.as_bytes()),
            byte if keeps(byte) => out.push(byte),
            byte => {
                out.push(b'%');
                out.extend(hex(&[byte]).to_ascii_uppercase());
            }
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
