//! The keys of the contract: which there are, of what type, and what may be missing.
//!
//! `uid` and `title` are always the record's own: they name it and are no fields of it. Of fields whose labels clash,
//! the gateway numbers all but one before it sends them, so labels are distinct, and are looked up exactly as sent.

use super::json::{self, Json};
use super::{InputError, Layer, MAX_USER, Params, line};
use crate::page::Secret;
use crate::vault::VaultRecord;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The decoded line becomes params.
pub(super) fn parse(document: &[u8]) -> Result<Params, InputError> {
    let mut object = match json::parse(document, Layer::Params)? {
        Json::Object(object) => object,
        other => return Err(InputError::NotAnObject { found: other.kind() }),
    };
    let mut take = |key| text(key, object.remove(key));
    let params = Params {
        user: user(take("user")?)?,
        old_password: take("oldPassword")?.map(|text| secret("old-password", text)),
        new_password: take("newPassword")?.map(|text| secret("new-password", text)),
        user_record_uid: take("userRecordUid")?.map(open),
        provider_record_uid: take("providerRecordUid")?.map(open),
        resource_record_uid: take("resourceRecordUid")?.map(open),
        records: records(object.remove("records"))?,
    };
    // Keys that the contract does not have are dropped with `object`.
    Ok(params)
}

/// Text that is there: missing, null and empty are the same.
fn text(key: &'static str, value: Option<Json>) -> Result<Option<Zeroizing<String>>, InputError> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(other) => Err(InputError::WrongType { key, found: other.kind(), wanted: "text" }),
    }
}

fn user(text: Option<Zeroizing<String>>) -> Result<String, InputError> {
    let user = text.map(open).ok_or(InputError::NoUser)?;
    if user.trim().is_empty() {
        return Err(InputError::NoUser);
    }
    if user.chars().any(char::is_control) {
        return Err(InputError::BadUser { why: "holds control characters" });
    }
    if user.chars().count() > MAX_USER {
        return Err(InputError::BadUser { why: "has more than 1024 characters" });
    }
    Ok(user)
}

fn records(value: Option<Json>) -> Result<Vec<VaultRecord>, InputError> {
    let encoded = match value {
        Some(Json::List(_)) => return Err(InputError::RecordsNotEncoded),
        other => text("records", other)?,
    };
    let Some(encoded) = encoded else { return Ok(Vec::new()) };
    let lines = line::lines(encoded.as_bytes());
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let decoded = line::base64(&lines, Layer::Records).map_err(|error| match error {
        InputError::SeveralLines { .. } => InputError::NotBase64 {
            layer: Layer::Records,
            at: lines.first().map_or(0, |line| line.len()),
            why: "there are several lines that are not one wrapped text, the first of which ends",
        },
        other => other,
    })?;
    match json::parse(&decoded, Layer::Records)? {
        Json::List(elements) => (1..).zip(elements).map(|(number, element)| record(number, element)).collect(),
        other => Err(InputError::RecordsNotAnArray { found: other.kind() }),
    }
}

fn record(number: usize, element: Json) -> Result<VaultRecord, InputError> {
    let mut object = match element {
        Json::Object(object) => object,
        other => return Err(InputError::RecordNotAnObject { number, found: other.kind() }),
    };
    let mut own = |key| match object.remove(key) {
        None | Some(Json::Null) => Ok(String::new()),
        Some(Json::Text(text)) => Ok(open(text)),
        Some(other) => Err(InputError::RecordWrongType { number, key, found: other.kind() }),
    };
    let (uid, title) = (own("uid")?, own("title")?);
    let fields: BTreeMap<_, _> = object
        .into_iter()
        .map(|(label, value)| {
            let value = field(value).map(|text| secret(&label, text));
            (label, value)
        })
        .collect();
    Ok(VaultRecord { uid, title, fields })
}

/// A field's text; `None` for what is no text.
fn field(value: Json) -> Option<Zeroizing<String>> {
    match value {
        Json::Text(text) | Json::Number(text) => Some(text).filter(|text| !text.is_empty()),
        Json::Bool(value) => Some(Zeroizing::new(value.to_string())),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    }
}

fn secret(label: &str, text: Zeroizing<String>) -> Secret {
    Secret::new(label, open(text))
}

/// Moves the text out, without a copy.
fn open(mut text: Zeroizing<String>) -> String {
    std::mem::take(&mut *text)
}
