//! Detached signatures of modules: `okta.wasm.minisig` beside `okta.wasm`, made by the minisign tool.
//!
//! ```text
//! untrusted comment: signature from minisign secret key        anything; nobody signs it
//! RUQ…                                                         74 bytes: algorithm, key id, signature of the module's BLAKE2b
//! trusted comment: rotabox okta 1.2.0                          which rotator, in which version
//! …                                                            64 bytes: signature of the first one and the trusted comment
//! ```
//!
//! A page has no version of its own, so the version stands in the trusted comment, which is signed: whoever signs says
//! `minisign -Sm okta.wasm -t 'rotabox okta 1.2.0'`. The operator's file says whose signatures count, for which rotators, and from which
//! version on. All of it is checked over the bytes before anything in them is parsed. That the page in them goes by the signed name
//! is for the caller to check once it was parsed ([`Signed::covers`]): or a key that may sign for `okta` could sign for anything.

use crate::page::diagnostic::{Diagnostic, SourceFile, Span};
use crate::page::tree::{Parsed, Problem, nothing_hidden};
use crate::policy::signers::{Signer, key_id};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::Signature;
use semver::Version;
use serde::Serialize;

/// Most bytes of a signature file: minisign's own comments have at most 8 KiB.
pub const SIGNATURE_BYTES: usize = 16 * 1024;
/// What is put behind a module's name for that of its signature.
pub const EXTENSION: &str = ".minisig";

const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";
/// A signature of the bytes' hash. The other one, `Ed`, is of the bytes themselves, and of old tools.
const HASHED: &[u8] = b"ED";
const LEGACY: &[u8] = b"Ed";
const HOW: &str = "sign it again: `minisign -Sm MODULE.wasm -t 'rotabox NAME VERSION'`";

/// A signature that was checked and counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signed {
    /// The signer's name in the operator's file.
    pub signer: String,
    /// The key's id as minisign prints it.
    pub key_id: String,
    /// The rotator that was signed.
    pub rotator: String,
    /// Its version.
    pub version: String,
}

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The file is no signature.
    #[error("{0}")]
    Malformed(Box<Diagnostic>),
    /// The key is none of the operator's.
    #[error(
        "{file} is by key {key_id}, and the host file lists no such key (it lists {}); if that signer is to be trusted, add its key under `[[signers]]`",
        listed.join(", ")
    )]
    UnknownKey {
        /// The signature's file.
        file: String,
        /// The key's id.
        key_id: String,
        /// `name key-id` of each signer.
        listed: Vec<String>,
    },
    /// It is not of these bytes, or its comment was changed.
    #[error(
        "{file} is no signature by `{signer}` of this module and this comment: one of the three was changed; get module and signature again from where they were published"
    )]
    Broken {
        /// The signature's file.
        file: String,
        /// Whose key it names.
        signer: String,
    },
    /// The signer may not sign for this rotator.
    #[error("{file}: `{signer}` signed rotator `{rotator}`, and may sign for {} only; add it to the signer's `rotators` in the host file, if that is meant", rotators.join(", "))]
    NotFor {
        /// The signature's file.
        file: String,
        /// The signer.
        signer: String,
        /// What was signed.
        rotator: String,
        /// What it may sign.
        rotators: Vec<String>,
    },
    /// An old version.
    #[error(
        "{file}: this is version {version} of `{rotator}`, and the host file asks for {minimum} or later; get a newer one"
    )]
    TooOld {
        /// The signature's file.
        file: String,
        /// The rotator.
        rotator: String,
        /// Its version.
        version: Box<Version>,
        /// The oldest that is approved.
        minimum: Box<Version>,
    },
}

impl Signed {
    /// The page in the signed bytes goes by the signed name.
    pub fn covers(&self, page: &str) -> bool {
        self.rotator == page
    }
}

/// A signature file, read but not checked.
struct Parts {
    key_id: String,
    trusted: String,
    trusted_span: Span,
    signature: Signature,
}

/// Checks a signature over the bytes of a module, before they are parsed.
pub fn check(module: &[u8], file: &SourceFile, signers: &[Signer]) -> Result<Signed, SignatureError> {
    let parts = read(file).map_err(|problem| SignatureError::Malformed(problem.of(file)))?;
    let name = || file.name.to_string();
    let Some(signer) = signers.iter().find(|signer| signer.key_id == parts.key_id) else {
        let listed = signers.iter().map(|signer| format!("`{}` {}", signer.name, signer.key_id)).collect();
        return Err(SignatureError::UnknownKey { file: name(), key_id: parts.key_id, listed });
    };
    // Covers the module and the trusted comment. The comment is read only now that somebody has signed it.
    if signer.key.verify(module, &parts.signature, false).is_err() {
        return Err(SignatureError::Broken { file: name(), signer: signer.name.clone() });
    }
    let (rotator, version) = comment(&parts).map_err(|problem| SignatureError::Malformed(problem.of(file)))?;
    if !signer.rotators.contains(&rotator) {
        let (signer, rotators) = (signer.name.clone(), signer.rotators.clone());
        return Err(SignatureError::NotFor { file: name(), signer, rotator, rotators });
    }
    let minimum = signer.minimum.iter().find(|(of, _)| *of == rotator).map(|(_, minimum)| minimum);
    if let Some(minimum) = minimum.filter(|minimum| version < **minimum) {
        return Err(SignatureError::TooOld {
            file: name(),
            rotator,
            version: Box::new(version),
            minimum: Box::new(minimum.clone()),
        });
    }
    Ok(Signed { signer: signer.name.clone(), key_id: signer.key_id.clone(), rotator, version: version.to_string() })
}

/// Four lines.
fn read(file: &SourceFile) -> Parsed<Parts> {
    nothing_hidden(&file.text, "a signature")
        .map_err(|problem| problem.hint("get the signature again from where it was published"))?;
    let mut offset = 0;
    let lines: Vec<(Span, &str)> = file
        .text
        .split_inclusive('\n')
        .map(|line| {
            let start = offset;
            offset += line.len();
            let line = line.strip_suffix('\n').unwrap_or(line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            (Span { start, end: start + line.len() }, line)
        })
        .collect();
    let [(first_span, first), (second_span, second), (third_span, third), (fourth_span, fourth)] = lines.as_slice()
    else {
        let end = Span { start: file.text.len(), end: file.text.len() };
        let span = lines.get(4).map_or(end, |(span, _)| *span);
        let message = format!("a signature has four lines, and this file has {}", lines.len());
        return Err(Problem::new(span, message).hint(HOW));
    };
    if !first.starts_with(UNTRUSTED.trim_end()) {
        return Err(
            Problem::new(*first_span, format!("the first line begins with `{}`", UNTRUSTED.trim_end())).hint(HOW)
        );
    }
    let bytes = decoded(second, *second_span, 74)?;
    match bytes.get(..2) {
        Some(HASHED) => {}
        Some(LEGACY) => {
            return Err(Problem::new(*second_span, "this is a signature of the old kind, without a hash")
                .hint("sign with minisign 0.10 or later, or with its `-H`"));
        }
        _ => return Err(Problem::new(*second_span, "this is no signature of a known algorithm").hint(HOW)),
    }
    let Some(trusted) = third.strip_prefix(TRUSTED) else {
        return Err(Problem::new(*third_span, format!("the third line begins with `{TRUSTED}`")).hint(HOW));
    };
    decoded(fourth, *fourth_span, 64)?;
    let signature = Signature::decode(&format!("{first}\n{second}\n{third}\n{fourth}\n"))
        .map_err(|_| Problem::new(*second_span, "this is no signature that minisign makes").hint(HOW))?;
    Ok(Parts {
        key_id: key_id(bytes.get(2..10).unwrap_or_default()),
        trusted: trusted.to_owned(),
        trusted_span: Span { start: third_span.start + TRUSTED.len(), end: third_span.end },
        signature,
    })
}

fn decoded(line: &str, span: Span, bytes: usize) -> Parsed<Vec<u8>> {
    match STANDARD.decode(line) {
        Err(_) => Err(Problem::new(span, "this line is not base64").hint(HOW)),
        Ok(found) if found.len() != bytes => {
            let message = format!("{bytes} bytes belong here, and these are {}", found.len());
            Err(Problem::new(span, message).hint(HOW))
        }
        Ok(found) => Ok(found),
    }
}

/// `rotabox okta 1.2.0`, and nothing else.
fn comment(parts: &Parts) -> Parsed<(String, Version)> {
    let wrong = |message: String| {
        Err(Problem::new(parts.trusted_span, message)
            .hint("the signer has to say what was signed: `minisign -Sm MODULE.wasm -t 'rotabox okta 1.2.0'`"))
    };
    match parts.trusted.split(' ').collect::<Vec<_>>().as_slice() {
        ["rotabox", rotator, version] if !rotator.is_empty() => match Version::parse(version) {
            Ok(version) => Ok(((*rotator).to_owned(), version)),
            Err(error) => wrong(format!("the version that was signed is none: {error}")),
        },
        _ => wrong("the trusted comment does not name a rotator and a version".to_owned()),
    }
}

#[cfg(test)]
mod tests;
