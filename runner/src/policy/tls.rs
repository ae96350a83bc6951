//! What a policy demands of TLS towards one record's provider, beyond a chain to a trusted root.
//!
//! | written in `[records.api]` | demands |
//! | --- | --- |
//! | `pins = ["sha256/…"]` | the server's certificate has one of these public keys |
//! | `client-certificate = { certificate = "…", key = "…" }` | this side shows a certificate, taken from two fields of the vault record |
//!
//! A pin is the digest of the certificate's public key (its SubjectPublicKeyInfo, in DER), as RFC 7469 and most tools write it. It
//! comes on top of the usual check of the chain, never in its place. Both hold for the origin of the record's URL: no other host is shown
//! the certificate.

use super::file::{HostPort, Policy, RecordRule};
use crate::page::Secret;
use crate::page::diagnostic::Span;
use crate::page::model::Record;
use crate::page::tree::{Node, Parsed, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// `sha256/` and the base64 of the SHA-256 of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a public key: its SubjectPublicKeyInfo in DER.
    pub fn of_key(public_key: &[u8]) -> Pin {
        Pin(Sha256::digest(public_key).into())
    }

    fn parse(text: &str) -> Option<Pin> {
        let digest = STANDARD.decode(text.strip_prefix("sha256/")?).ok()?;
        digest.try_into().ok().map(Pin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

/// `client-certificate = { certificate = "LABEL", key = "LABEL" }`: fields of the vault record, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Label of the field with the certificate, and those between it and the root.
    pub certificate: String,
    /// Label of the field with its private key.
    pub key: String,
    /// Where it stands.
    pub span: Span,
}

/// `pins`
pub(super) fn pins(node: &Node) -> Parsed<Vec<Pin>> {
    let list = node.list().map_err(|problem| problem.hint("write `[\"sha256/…\"]`"))?;
    if list.is_empty() {
        return Err(Problem::new(node.span, "this list is empty, which could mean any certificate or none")
            .hint("list the pins of the current key and of the next one, or remove the key"));
    }
    list.iter().map(pin).collect()
}

fn pin(node: &Node) -> Parsed<Pin> {
    let text = node.text()?;
    Pin::parse(text).ok_or_else(|| {
        let hint = match text.strip_prefix("sha256//") {
            Some(_) => "write `sha256/` with one slash",
            None => {
                "write `sha256/` and the base64 of the SHA-256 of the server's public key (44 characters); \
                 docs/policy-reference.md has the command that prints it"
            }
        };
        Problem::new(node.span, "this is no pin").hint(hint)
    })
}

/// `client-certificate`
pub(super) fn client_certificate(node: &Node) -> Parsed<ClientCertificate> {
    const EXAMPLE: &str =
        "write `{ certificate = \"LABEL\", key = \"LABEL\" }`, with the labels of two fields of the vault record";
    let table = node.table().map_err(|problem| problem.hint(EXAMPLE))?;
    let of = "`client-certificate`";
    table.only(&["certificate", "key"], of)?;
    let label = |key: &str| {
        let node = table.need(key, of).map_err(|problem| problem.hint(EXAMPLE))?;
        super::file::words(node)
    };
    let (certificate, key) = (label("certificate")?, label("key")?);
    Ok(ClientCertificate { certificate, key, span: node.span })
}

/// Both mean nothing where the page sends nothing to the record's URL; and the page has no business with the private key.
pub(super) fn fit(record: &Record, rule: &RecordRule) -> Parsed<()> {
    let Some(span) = rule.pins_span.or(rule.client_certificate.as_ref().map(|client| client.span)) else {
        return Ok(());
    };
    if record.url.is_none() {
        let message = format!("the page does not use the URL of `{}`, so this would mean nothing", record.name);
        return Err(Problem::new(span, message).hint("remove it, or write it under the record whose URL is used"));
    }
    match &rule.client_certificate {
        Some(client) if reads(record, &client.key) => Err(Problem::new(
            client.span,
            format!("the page reads the field `{}` of this record, so that it cannot be a private key", client.key),
        )
        .hint("keep the private key in a field of its own")),
        _ => Ok(()),
    }
}

/// Whether a page's record takes the field with this label.
pub(super) fn reads(record: &Record, label: &str) -> bool {
    let fields = record.secrets.iter().chain(&record.texts).map(|field| field.label.as_str());
    fields.chain(record.url.as_deref()).any(|other| other == label)
}

/// What TLS towards one origin is held to.
#[derive(Debug, Default)]
pub struct Demands {
    /// Public keys that the server's certificate may have; any, if there are none.
    pub pins: Vec<Pin>,
    /// What this side shows.
    pub client: Option<ClientPems>,
}

/// A client's certificate and its key, as the vault has them.
#[derive(Debug)]
pub struct ClientPems {
    /// The certificate's text. Not secret, but not ours to show either.
    pub certificate: Secret,
    /// The key's text.
    pub key: Secret,
}

/// By origin: the host and port of a record's URL.
pub type ByOrigin = BTreeMap<HostPort, Demands>;

/// Adds what a record demands of its origin. `false` if another record of the same origin demands something else: then it would depend on the
/// route which of them holds.
#[must_use]
pub(super) fn add(all: &mut ByOrigin, origin: &HostPort, more: Demands) -> bool {
    let known = all.entry(origin.clone()).or_default();
    let mut pins = more.pins;
    pins.sort();
    pins.dedup();
    if known.pins.is_empty() {
        known.pins = pins;
    } else if !pins.is_empty() && known.pins != pins {
        return false;
    }
    match (&known.client, more.client) {
        (_, None) => true,
        (None, Some(client)) => {
            known.client = Some(client);
            true
        }
        (Some(known), Some(client)) => {
            known.certificate.lend() == client.certificate.lend() && known.key.lend() == client.key.lend()
        }
    }
}

/// `file:line` of what a record demands.
pub(super) fn line(policy: &Policy, rule: &RecordRule) -> String {
    let client = rule.client_certificate.as_ref().map(|client| client.span);
    policy.file.line_of(client.or(rule.pins_span).unwrap_or(rule.span))
}
