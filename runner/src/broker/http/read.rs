//! Reads an answer under caps. A cut, coded or oversized answer is no answer.

use super::failure::NoAnswer;
use crate::page::answer::Answer;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};

/// Most bytes of all header names and values of an answer.
const HEADER_BYTES: usize = 64 * 1024;

/// Reads head and body; at most `cap` bytes of the latter.
pub(super) async fn read(mut response: reqwest::Response, cap: usize) -> Result<Answer, NoAnswer> {
    let status = response.status().as_u16();
    let headers = headers(response.headers())?;
    plain(response.headers())?;
    let too_large = NoAnswer::TooLarge { cap };
    if response.content_length().is_some_and(|announced| announced > cap as u64) {
        return Err(too_large);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| NoAnswer::of(&error))? {
        if chunk.len() > cap - body.len() {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

fn headers(map: &HeaderMap) -> Result<Vec<(String, String)>, NoAnswer> {
    let bytes: usize = map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEADER_BYTES {
        return Err(NoAnswer::HeadersTooLarge { cap: HEADER_BYTES });
    }
    Ok(map.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect())
}

/// UTF-8 if it is; else each byte is a character, as in ISO 8859-1.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

/// We asked for no coding, and undo none: a small answer could unpack into a huge one. And there is one length only.
fn plain(headers: &HeaderMap) -> Result<(), NoAnswer> {
    let only = |name: HeaderName, word: &str| {
        headers.get_all(name).iter().all(|value| {
            let value = value.as_bytes().trim_ascii();
            value.is_empty() || value.eq_ignore_ascii_case(word.as_bytes())
        })
    };
    if !only(CONTENT_ENCODING, "identity") || !only(TRANSFER_ENCODING, "chunked") {
        return Err(NoAnswer::Encoded);
    }
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err(NoAnswer::Malformed);
    }
    Ok(())
}
