//! `[[signers]]` of the host file: whose signatures count, for which rotators, from which version on.
//!
//! | key | says |
//! | --- | --- |
//! | `name` | what messages call the signer |
//! | `key` | the public key: the second line of the file that `minisign -G` wrote |
//! | `rotators` | names of pages that this key may sign for |
//! | `minimum` | the oldest version of a rotator that is approved: `{ okta = "1.2.0" }` |
//!
//! Where one signer is listed, `approve` takes no module without a signature of a listed one.

use crate::page::diagnostic::Span;
use crate::page::tree::{self, Node, Parsed, Problem, Table};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::PublicKey;
use semver::Version;

/// Bytes of a public key: algorithm, key id, key.
const KEY_BYTES: usize = 42;

/// Somebody whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// What messages call it.
    pub name: String,
    /// The public key.
    pub key: PublicKey,
    /// The key's id as minisign prints it: 16 hexadecimal digits.
    pub key_id: String,
    /// Rotators that it may sign for, by the page's `name`.
    pub rotators: Vec<String>,
    /// (rotator, the oldest version that is approved)
    pub minimum: Vec<(String, Version)>,
    /// Where the table begins.
    pub span: Span,
}

/// Reads `[[signers]]`.
pub(super) fn read(node: &Node) -> Parsed<Vec<Signer>> {
    let list = node.list().map_err(|problem| problem.hint("write `[[signers]]` with `name`, `key` and `rotators`"))?;
    let mut signers: Vec<Signer> = Vec::new();
    for node in list {
        let signer = signer(node.table()?)?;
        if let Some(other) = signers.iter().find(|other| other.key_id == signer.key_id) {
            return Err(Problem::new(signer.span, format!("this key is that of `{}` already", other.name))
                .hint("list a key once, with all its rotators"));
        }
        if signers.iter().any(|other| other.name == signer.name) {
            return Err(Problem::new(signer.span, format!("there are two signers called `{}`", signer.name))
                .hint("give each key a name of its own"));
        }
        signers.push(signer);
    }
    Ok(signers)
}

fn signer(table: &Table) -> Parsed<Signer> {
    let of = "`[[signers]]`";
    table.only(&["name", "key", "rotators", "minimum"], of)?;
    let name = table.need("name", of).map_err(|problem| problem.hint("write `name = \"acme-release\"`"))?;
    let (key, key_id) = key(table.need("key", of).map_err(|problem| problem.hint(KEY))?)?;
    let rotators = table.need("rotators", of).map_err(|problem| {
        problem.hint("write `rotators = [\"okta\"]`: a key signs for what is listed, and nothing else")
    })?;
    let rotators = rotators_of(rotators)?;
    Ok(Signer {
        name: words(name)?,
        key,
        key_id,
        minimum: table.get("minimum").map_or(Ok(Vec::new()), |node| minimum(node, &rotators))?,
        rotators,
        span: table.span,
    })
}

const KEY: &str = "write the second line of the signer's `minisign.pub`, such as `RWQ…`";

/// The key and its id.
fn key(node: &Node) -> Parsed<(PublicKey, String)> {
    let text = node.text()?;
    let wrong = |message: &str| Err(Problem::new(node.span, message).hint(KEY));
    if text.contains(char::is_whitespace) {
        return wrong("this is more than a key");
    }
    let Ok(bytes) = STANDARD.decode(text) else { return wrong("this is no minisign key: it is not base64") };
    if bytes.len() != KEY_BYTES {
        return wrong(&format!("this is no minisign key: it has {} bytes, and a key has {KEY_BYTES}", bytes.len()));
    }
    let Ok(key) = PublicKey::from_base64(text) else { return wrong("this is no minisign key of a known algorithm") };
    Ok((key, key_id(bytes.get(2..10).unwrap_or_default())))
}

/// As minisign prints it: the eight bytes as one number, the last byte first.
pub(crate) fn key_id(bytes: &[u8]) -> String {
    bytes.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}

fn rotators_of(node: &Node) -> Parsed<Vec<String>> {
    let list = node.list().map_err(|problem| problem.hint("write `[\"okta\"]`"))?;
    if list.is_empty() {
        return Err(Problem::new(node.span, "this list is empty, which could mean all or nothing")
            .hint("list the rotators that this key may sign for, by the names of their pages"));
    }
    list.iter().map(words).collect()
}

fn minimum(node: &Node, rotators: &[String]) -> Parsed<Vec<(String, Version)>> {
    let table = node.table().map_err(|problem| problem.hint("write `minimum = { okta = \"1.2.0\" }`"))?;
    let versions = table.entries.iter().map(|(key, node)| {
        if !rotators.contains(&key.name) {
            let message = format!("`{}` is none of this signer's `rotators`", key.name.escape_debug());
            return Err(
                Problem::new(key.span, message).hint(tree::choices(&key.name, rotators.iter().map(String::as_str)))
            );
        }
        let version = Version::parse(node.text()?).map_err(|error| {
            Problem::new(node.span, format!("this is no version: {error}")).hint("write three numbers, as in `1.2.0`")
        })?;
        Ok((key.name.clone(), version))
    });
    versions.collect()
}

/// A name: nothing empty, nothing with blanks.
fn words(node: &Node) -> Parsed<String> {
    let text = node.text()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    match !text.is_empty() && text.len() <= 100 && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(Problem::new(node.span, "this is no name").hint("write letters, digits, `-`, `_`, `.` and `@`")),
    }
}
