//! The line on stdin becomes [`Params`], the only thing that leaves this module.
//!
//! ```text
//! base64( { "user": …, "oldPassword": …, "newPassword": …, "records": base64( [ { "uid": …, "title": …, label: value, … }, … ] ) } )
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | `line` | bytes to the one base64 text in them: byte order marks, UTF-16, CRLF, blanks, wrapped lines; then strict base64 |
//! | `json` | strict JSON: no duplicate keys, a depth, a number of values; every text wiped when dropped |
//! | `stdin` | standard input without a helper thread |
//! | `params` | the keys of the contract: names, types, and what may be missing |
//!
//! Every buffer that held input is wiped. No error holds any of it: an [`InputError`] has positions, counts, kinds and
//! the names of the contract's own keys, and nothing else.

mod json;
mod line;
mod params;
mod stdin;
#[cfg(test)]
mod tests;

use crate::page::Secret;
use crate::vault::VaultRecord;
use std::fmt;
use std::io::{ErrorKind, Read};

/// Most bytes read from stdin: far above what fits through a shell's argument (128 KiB), and small enough that a
/// gateway that pipes the wrong file is told so.
pub const MAX_INPUT: usize = 8 * 1024 * 1024;

/// Most characters of `user`. Mail addresses end at 254, distinguished names rarely pass 255; nothing real is near.
pub const MAX_USER: usize = 1024;

/// What the gateway sent. No `Clone`; `Debug` shows no value.
#[derive(Debug)]
pub struct Params {
    /// `user`: the account's login. Not blank, no control characters, at most [`MAX_USER`] characters.
    pub user: String,
    /// `oldPassword`: absent, null and empty are all `None`.
    pub old_password: Option<Secret>,
    /// `newPassword`: absent, null and empty are all `None`; `run` refuses that.
    pub new_password: Option<Secret>,
    /// `userRecordUid`, if not empty.
    pub user_record_uid: Option<String>,
    /// `providerRecordUid`, if not empty.
    pub provider_record_uid: Option<String>,
    /// `resourceRecordUid`, if not empty.
    pub resource_record_uid: Option<String>,
    /// `records`, decoded.
    pub records: Vec<VaultRecord>,
}

/// Reads all of `input` (up to [`MAX_INPUT`]) and decodes it, in every form that gateways and shells make of one
/// base64 line.
pub fn read(input: &mut dyn Read) -> Result<Params, InputError> {
    let bytes = line::read_all(input)?;
    decode(&bytes)
}

/// The same of this process's standard input, beside whatever else the event loop does, and without a helper thread where the
/// system can tell that there is something to read. Needs a tokio runtime.
pub async fn read_stdin() -> Result<Params, InputError> {
    decode(&stdin::read_all().await?)
}

/// Decodes what was read already. The caller wipes `input`.
pub fn decode(input: &[u8]) -> Result<Params, InputError> {
    let text = line::text(input)?;
    let lines = line::lines(&text);
    let params = line::base64(&lines, Layer::Params).and_then(|document| params::parse(&document));
    if params.is_err() && lines.len() > 1 && lines.first().is_some_and(|first| is_params(first)) {
        // Not one wrapped text: two params lines of the same length.
        return Err(InputError::SeveralLines { lines: lines.len() });
    }
    params
}

/// True if this line alone is a JSON object in base64.
fn is_params(line: &[u8]) -> bool {
    line::base64(&[line], Layer::Params)
        .and_then(|document| json::parse(&document, Layer::Params))
        .is_ok_and(|value| matches!(value, json::Json::Object(_)))
}

/// The two places where base64 and JSON stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The line itself.
    Params,
    /// The text at `records`.
    Records,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layer::Params => "the params",
            Layer::Records => "`records`",
        })
    }
}

/// Why the line was refused (exit 2; nothing has been tried). Never echoes any of it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InputError {
    /// Nothing came.
    #[error(
        "stdin was empty; the gateway pipes one base64 line, for example `echo \"$PARAMS\" | rotabox run okta-prod`"
    )]
    Empty,
    /// Stdin could not be read to its end.
    #[error("stdin could not be read ({0}); pipe the gateway's base64 line into this command")]
    Unreadable(ErrorKind),
    /// More than [`MAX_INPUT`].
    #[error(
        "stdin holds more than {} MiB, which no params line needs; check that the gateway's line is what is piped in",
        MAX_INPUT / 1024 / 1024
    )]
    TooLong,
    /// More than one line, and not one that was wrapped.
    #[error(
        "stdin holds {lines} lines, which are not one text that was wrapped; pipe exactly one params line into each run"
    )]
    SeveralLines {
        /// Lines that are not blank.
        lines: usize,
    },
    /// UTF-16 in disguise, or binary data.
    #[error("stdin is not text: {why}; pipe the base64 line as ASCII or UTF-8")]
    NotText {
        /// How that shows.
        why: &'static str,
    },
    /// Not base64.
    #[error(
        "{layer} are not base64: {why} (character {at}); send the gateway's text as it is, without quotes or line breaks added"
    )]
    NotBase64 {
        /// Where.
        layer: Layer,
        /// From 1, in the text without blanks and line ends.
        at: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// The decoded bytes are not UTF-8.
    #[error("{layer} decode to bytes that are not UTF-8 (byte {at}); the JSON must be written as UTF-8 before base64")]
    NotUtf8 {
        /// Where.
        layer: Layer,
        /// From 1, in the decoded bytes.
        at: usize,
    },
    /// Not JSON, or more than is accepted of it.
    #[error("{layer} are not valid JSON once decoded: {why} at byte {at}; check what wrote them")]
    NotJson {
        /// Where.
        layer: Layer,
        /// From 1, in the decoded text.
        at: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// A key stands twice in one object.
    #[error(
        "{layer} hold {} twice in one object (byte {at}), so it cannot be told which one counts; remove one of them",
        key.map_or("the same key".to_owned(), |key| format!("the key `{key}`"))
    )]
    DuplicateKey {
        /// Where.
        layer: Layer,
        /// From 1, in the decoded text.
        at: usize,
        /// The key, if it is one of the contract's own.
        key: Option<&'static str>,
    },
    /// The params are JSON, but no object.
    #[error(
        "the params decode to {found} instead of an object; send the object with `user`, `newPassword` and `records`"
    )]
    NotAnObject {
        /// What they are.
        found: &'static str,
    },
    /// A key of the contract holds a value of another type.
    #[error("`{key}` is {found}; it must be {wanted}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What it is.
        found: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// `records` is an array instead of text.
    #[error("`records` is a JSON array; it must be text: the base64 of that array")]
    RecordsNotEncoded,
    /// `records` decodes to something else than an array.
    #[error("`records` decodes to {found}; it must be the base64 of a JSON array of records")]
    RecordsNotAnArray {
        /// What it is.
        found: &'static str,
    },
    /// An element of `records` is no object.
    #[error("record {number} of `records` is {found}; each must be an object with `uid`, `title` and fields")]
    RecordNotAnObject {
        /// From 1.
        number: usize,
        /// What it is.
        found: &'static str,
    },
    /// `uid` or `title` of a record is no text.
    #[error("`{key}` of record {number} of `records` is {found}; it must be text")]
    RecordWrongType {
        /// From 1.
        number: usize,
        /// `uid` or `title`.
        key: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// No user.
    #[error("the params have no `user`; fill in the login of the account's record in the vault")]
    NoUser,
    /// A user that is no login.
    #[error("`user` {why}; correct the login of the account's record in the vault")]
    BadUser {
        /// What is wrong with it.
        why: &'static str,
    },
}
