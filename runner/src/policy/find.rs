//! The policy folder: a policy by name, or the one policy that lists a module's digest; and who owns it.

use super::file::Policy;
use std::path::{Path, PathBuf};

/// Where policies live unless `--policies DIR` says otherwise.
pub const DEFAULT_FOLDER: &str = "/etc/rotabox/policies";
/// The host file unless `--config FILE` says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/rotabox/rotabox.toml";

/// A policy that was found, with the module it names, read once and checked against the digests.
#[derive(Debug)]
pub struct Found {
    /// Its name: the file's name without `.toml`.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// The policy.
    pub policy: Policy,
    /// sha256 of the policy file, 64 hex digits.
    pub policy_sha256: String,
    /// The module's bytes, as read once.
    pub module: Vec<u8>,
    /// sha256 of the module.
    pub module_sha256: String,
    /// The page: sealed, or the file that the policy names (digest checked).
    pub page: crate::page::Page,
    /// sha256 of the page's text.
    pub page_sha256: String,
    /// The runner's own user could change this policy: the result says `policy: self-owned`.
    pub self_owned: bool,
}

/// Finds by `what`: a policy's name (`okta-prod`), or a path to a module (`X.wasm`: exactly one policy must list its digest).
pub fn find(_folder: &Path, _what: &str) -> Result<Found, FindError> {
    todo!()
}

/// Why no policy could be used. Nothing has been tried (exit 2).
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    // NoFolder, NoSuchPolicy{name, have, nearest}, DigestNotListed{...}, NoPolicyForDigest, SeveralPolicies, Unreadable, WritableByOthers, Policy(Diagnostic), Page(Diagnostic), Sealed(SealError), ...
    /// A file of the operator or the author that does not parse.
    #[error("{0}")]
    Malformed(#[from] Box<crate::page::diagnostic::Diagnostic>),
}
