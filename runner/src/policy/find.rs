//! The policy folder: a policy by name, or the one policy that lists a module's digest; and who owns it.
//!
//! | asked for | is |
//! | --- | --- |
//! | `okta-prod` | `okta-prod.toml` in the folder; it names the module, whose digest it must list |
//! | `X.wasm`, or anything with a slash | a module under any name; exactly one policy must list its digest |
//!
//! Each file is read once, and what was read is what is checked and used.

mod error;

use super::approved::{Approval, approval};
use super::file::{self, POLICY_BYTES, Policy};
use super::guard;
pub(super) use super::guard::read_guarded;
use crate::page::diagnostic::{SourceFile, nearest};
use crate::page::sealed;
use crate::page::{Page, parse};
use crate::report::escape::escape;
use sha2::{Digest as _, Sha256};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use crate::page::parse::PAGE_BYTES;
pub use error::FindError;

/// Where policies live unless `--policies DIR` says otherwise.
pub const DEFAULT_FOLDER: &str = "/etc/rotabox/policies";
/// The host file unless `--config FILE` says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/rotabox/rotabox.toml";
/// Most bytes of a module. One in Rust has some 100 KiB, one with a language runtime inside some 15 MiB.
pub const MODULE_BYTES: usize = 64 * 1024 * 1024;

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
    pub page: Page,
    /// sha256 of the page's text.
    pub page_sha256: String,
    /// The runner's own user could change this policy: the result says `policy: self-owned`.
    pub self_owned: bool,
    /// The user whom the policy file belongs to.
    pub owner: u32,
}

impl Found {
    /// Who approved this module with this page, by the policy's own word.
    pub fn approval(&self) -> Option<&Approval> {
        let page = self.policy.rotator.page.as_ref().map(|_| self.page_sha256.as_str());
        approval(&self.policy.approved, &self.module_sha256, page)
    }
}

/// Finds by `what`: a policy's name (`okta-prod`), or a path to a module (`X.wasm`: exactly one policy must list its digest).
pub fn find(folder: &Path, what: &str) -> Result<Found, FindError> {
    if what.ends_with(".wasm") || what.contains('/') {
        if what.ends_with(".toml") {
            return Err(FindError::PathOfPolicy { path: PathBuf::from(what) });
        }
        let module = module(Path::new(what))?;
        return together(by_digest(folder, what, &module.sha256)?, module, Path::new(what));
    }
    let listed = policy(folder, what)?;
    let path = folder.join(&listed.policy.rotator.module);
    let module = module(&path)?;
    if !listed.policy.rotator.sha256.contains(&module.sha256) {
        return Err(FindError::DigestNotListed {
            policy: listed.name,
            line: listed.policy.file.line_of(listed.policy.rotator.sha256_span),
            listed: listed.policy.rotator.sha256,
            module: path,
            found: module.sha256,
        });
    }
    together(listed, module, &path)
}

/// A policy that was read, before its module is looked at.
#[derive(Debug)]
pub struct Listed {
    /// Its name: the file's name without `.toml`.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// The policy.
    pub policy: Policy,
    /// sha256 of the policy file.
    pub sha256: String,
    /// The runner's own user could change it.
    pub self_owned: bool,
    /// The user whom its file belongs to.
    pub owner: u32,
}

/// A module that was read.
#[derive(Debug)]
pub struct Module {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// sha256 of them.
    pub sha256: String,
}

/// Reads a module, whatever it is, and digests it.
pub fn module(path: &Path) -> Result<Module, FindError> {
    let bytes = guard::read_pinned(path, MODULE_BYTES)?;
    Ok(Module { sha256: digest(&bytes), bytes })
}

/// Reads a text of at most `cap` bytes that needs no guard: it is checked by itself.
pub fn text(path: &Path, cap: usize) -> Result<SourceFile, FindError> {
    let bytes = guard::read_pinned(path, cap)?;
    let text = String::from_utf8(bytes).map_err(|_| FindError::NotText { path: path.to_owned() })?;
    Ok(SourceFile::new(path.display().to_string(), text))
}

/// Reads the policy with this name.
pub fn policy(folder: &Path, name: &str) -> Result<Listed, FindError> {
    let have = names(folder)?;
    if !have.iter().any(|other| other == name) {
        let bare = name.strip_suffix(".toml").filter(|bare| have.iter().any(|other| other == bare));
        let near = bare.or_else(|| nearest(name, have.iter().map(String::as_str))).map(str::to_owned);
        let (folder, name) = (folder.to_owned(), name.to_owned());
        return Err(match is_name(&name) || near.is_some() {
            true => FindError::NoSuchPolicy { folder, name, nearest: near, have },
            false => FindError::BadName { name },
        });
    }
    let path = folder.join(format!("{name}.toml"));
    let guarded = read_guarded(&path, POLICY_BYTES)?;
    listed(name, path, guarded)
}

fn listed(name: &str, path: PathBuf, guarded: guard::Guarded) -> Result<Listed, FindError> {
    let sha256 = digest(guarded.text.as_bytes());
    let policy = file::parse(SourceFile::new(path.display().to_string(), guarded.text))?;
    Ok(Listed { name: name.to_owned(), path, policy, sha256, self_owned: guarded.self_owned, owner: guarded.owner })
}

/// The names of the policies in the folder, in alphabetical order: its files `NAME.toml`.
pub fn names(folder: &Path) -> Result<Vec<String>, FindError> {
    let entries = std::fs::read_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::NotFound => FindError::NoFolder { folder: folder.to_owned() },
        _ => FindError::unreadable(folder, &error),
    })?;
    let names = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.strip_suffix(".toml").filter(|name| is_name(name)).map(str::to_owned)
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// Letters, digits, dot, dash and underscore, lower case, beginning with a letter or digit.
pub fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

/// The one policy that lists this digest.
fn by_digest(folder: &Path, module: &str, sha256: &str) -> Result<Listed, FindError> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let path = folder.join(format!("{name}.toml"));
        let guarded = read_guarded(&path, POLICY_BYTES)?;
        // A policy that does not parse is another one's trouble, unless it may be the one that is meant.
        if guarded.text.to_ascii_lowercase().contains(sha256) {
            let listed = listed(&name, path, guarded)?;
            if listed.policy.rotator.sha256.iter().any(|other| other == sha256) {
                found.push(listed);
            }
        }
    }
    match (found.pop(), found.as_slice()) {
        (Some(one), []) => Ok(one),
        (None, _) => Err(FindError::NoPolicyForDigest {
            folder: folder.to_owned(),
            module: PathBuf::from(module),
            found: sha256.to_owned(),
        }),
        (Some(last), others) => {
            let policies = others.iter().map(|other| other.name.clone()).chain([last.name]).collect();
            Err(FindError::SeveralPolicies { module: PathBuf::from(module), policies })
        }
    }
}

/// The page is read last: it may be the policy's file.
fn together(listed: Listed, module: Module, path: &Path) -> Result<Found, FindError> {
    let source = page_source(&listed, &module, path)?;
    let page_sha256 = digest(source.text.as_bytes());
    Ok(Found {
        page: parse::parse(source)?,
        page_sha256,
        name: listed.name,
        path: listed.path,
        policy: listed.policy,
        policy_sha256: listed.sha256,
        module: module.bytes,
        module_sha256: module.sha256,
        self_owned: listed.self_owned,
        owner: listed.owner,
    })
}

/// The page's text: sealed in the module, or the file that the policy pins.
fn page_source(listed: &Listed, module: &Module, path: &Path) -> Result<SourceFile, FindError> {
    let policy = &listed.policy;
    match (sealed_page(module, path)?, &policy.rotator.page) {
        (Some(page), None) => Ok(page),
        (Some(_), Some(page)) => Err(FindError::Malformed(Box::new(policy.file.problem(
            page.span,
            "this module has its page sealed in, so the policy cannot name another one",
            Some("remove `page` and `page-sha256`".to_owned()),
        )))),
        (None, None) => Err(FindError::Malformed(Box::new(policy.file.problem(
            policy.rotator.span,
            "this module has no page sealed in, so the policy must name one",
            Some("write `page = \"…\"` and `page-sha256 = [\"…\"]` under `[rotator]`".to_owned()),
        )))),
        (None, Some(page)) => {
            let parent = listed.path.parent().unwrap_or(Path::new(""));
            let path = parent.join(&page.path);
            let bytes = guard::read_pinned(&path, PAGE_BYTES)?;
            let found = digest(&bytes);
            if !page.sha256.contains(&found) {
                return Err(FindError::PageDigestNotListed {
                    line: policy.file.line_of(page.span),
                    listed: page.sha256.clone(),
                    page: path,
                    found,
                });
            }
            let text = String::from_utf8(bytes).map_err(|_| FindError::NotText { path: path.clone() })?;
            Ok(SourceFile::new(path.display().to_string(), text))
        }
    }
}

/// The page that is sealed into a module, if one is.
pub fn sealed_page(module: &Module, path: &Path) -> Result<Option<SourceFile>, FindError> {
    let sealed = |error| FindError::Sealed { module: path.to_owned(), error };
    let Some(text) = sealed::read(&module.bytes).map_err(sealed)? else { return Ok(None) };
    let name = escape(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy(), 200);
    Ok(Some(SourceFile::new(format!("{name} (sealed page)"), text)))
}

/// sha256 of some bytes, as 64 lower-case hex digits.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
