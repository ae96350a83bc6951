//! What can be wrong with the policy folder, its files, and the modules they name.

use crate::page::diagnostic::Diagnostic;
use crate::page::sealed::SealError;
use crate::report::escape::escape;
use crate::vault::{list, shown};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why no policy could be used. Nothing has been tried (exit 2).
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is no policy folder.
    #[error(
        "there is no policy folder {}; create it, or name another one with `--policies DIR`",
        shown(&folder.to_string_lossy())
    )]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A name that no policy can have.
    #[error(
        "{} cannot be the name of a policy; names have lower-case letters, digits, `.`, `_` and `-`, and a module is given by a path that ends in `.wasm`",
        shown(name)
    )]
    BadName {
        /// What was asked for.
        name: String,
    },
    /// The path of a policy, where its name is wanted.
    #[error(
        "{} is the path of a policy; give its name, and its folder with `--policies DIR`",
        shown(&path.to_string_lossy())
    )]
    PathOfPolicy {
        /// What was asked for.
        path: PathBuf,
    },
    /// No policy with this name.
    #[error(
        "there is no policy {} in {}; {}",
        shown(name),
        shown(&folder.to_string_lossy()),
        instead(nearest.as_deref(), have)
    )]
    NoSuchPolicy {
        /// The folder.
        folder: PathBuf,
        /// What was asked for.
        name: String,
        /// The nearest that there is.
        nearest: Option<String>,
        /// All that there are.
        have: Vec<String>,
    },
    /// The module is not one that the policy lists.
    #[error(
        "the module {} is not the one that was approved: its sha256 is {found}, and policy `{policy}` lists {} ({line}); look at what it can do with `rotabox inspect`, then accept it with `rotabox approve MODULE --from {policy}`",
        shown(&module.to_string_lossy()),
        listed.join(", ")
    )]
    DigestNotListed {
        /// The policy's name.
        policy: String,
        /// `file:line` of its digests.
        line: String,
        /// The digests that it lists.
        listed: Vec<String>,
        /// The module's path.
        module: PathBuf,
        /// The module's digest.
        found: String,
    },
    /// The page file is not one that the policy lists.
    #[error(
        "the page {} is not the one that was approved: its sha256 is {found}, and the policy lists {} ({line}); read the page, then accept it with `rotabox approve`",
        shown(&page.to_string_lossy()),
        listed.join(", ")
    )]
    PageDigestNotListed {
        /// `file:line` of the digests.
        line: String,
        /// The digests that are listed.
        listed: Vec<String>,
        /// The page's path.
        page: PathBuf,
        /// The page's digest.
        found: String,
    },
    /// No policy lists the digest of a module that was given by its path.
    #[error(
        "no policy in {} lists this module ({}, sha256 {found}); read its page and accept it with `rotabox approve`",
        shown(&folder.to_string_lossy()),
        shown(&module.to_string_lossy())
    )]
    NoPolicyForDigest {
        /// The folder.
        folder: PathBuf,
        /// The module's path.
        module: PathBuf,
        /// The module's digest.
        found: String,
    },
    /// Several policies list the digest of a module that was given by its path.
    #[error(
        "several policies list the module {}: {}; give the policy's name instead of the module",
        shown(&module.to_string_lossy()),
        list(policies.iter().map(|name| shown(name)))
    )]
    SeveralPolicies {
        /// The module's path.
        module: PathBuf,
        /// The names of the policies.
        policies: Vec<String>,
    },
    /// A file that cannot be read.
    #[error(
        "{} cannot be read: {}; check the path and that the runner's user may read it",
        shown(&path.to_string_lossy()),
        if *kind == ErrorKind::NotFound { "there is no such file".to_owned() } else { kind.to_string() }
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: ErrorKind,
    },
    /// Not a regular file.
    #[error("{} is no regular file; name the file itself", shown(&path.to_string_lossy()))]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file above its cap.
    #[error("{} is larger than {} KiB, the most for such a file; check that it is the right one", shown(&path.to_string_lossy()), cap / 1024)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes.
        cap: usize,
    },
    /// Not UTF-8.
    #[error("{} is not UTF-8 text; save it as UTF-8", shown(&path.to_string_lossy()))]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder that others can write.
    #[error(
        "{} can be written by others (mode {mode:04o}), so anyone of them could change what is allowed; run `chmod {}-w {}`",
        shown(&path.to_string_lossy()),
        match mode & 0o022 { 0o020 => "g", 0o002 => "o", _ => "go" },
        escape(&path.to_string_lossy(), 1024)
    )]
    WritableByOthers {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A link of a stranger.
    #[error(
        "the link {} belongs to user {owner}, who owns neither the machine nor the folder; make it anew as the folder's owner",
        shown(&path.to_string_lossy())
    )]
    ForeignLink {
        /// The link.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A stranger's file in a folder that everyone may write to.
    #[error(
        "{} belongs to user {owner} and lies in a folder that everyone may write to; move the policies to a folder of their own",
        shown(&path.to_string_lossy())
    )]
    ForeignFile {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// The page in a module cannot be read.
    #[error("{}: {error}; build it again with `rotabox pack`", shown(&module.to_string_lossy()))]
    Sealed {
        /// The module's path.
        module: PathBuf,
        /// Why.
        error: SealError,
    },
    /// A file of the operator or the author that does not parse.
    #[error(transparent)]
    Malformed(#[from] Box<Diagnostic>),
}

/// The nearest, and what else there is.
fn instead(nearest: Option<&str>, have: &[String]) -> String {
    let all =
        format!("there {} {}", if have.len() == 1 { "is" } else { "are" }, list(have.iter().map(|name| shown(name))));
    match (nearest, have) {
        (_, []) => "the folder has none".to_owned(),
        (None, _) => all,
        (Some(near), [_]) => format!("did you mean {}?", shown(near)),
        (Some(near), _) => format!("did you mean {}? {all}", shown(near)),
    }
}

impl FindError {
    pub(in crate::policy) fn unreadable(path: &Path, error: &std::io::Error) -> FindError {
        FindError::Unreadable { path: path.to_owned(), kind: error.kind() }
    }
}
