//! One file a module: `SHA256.native`, by the module's digest.

use super::label::{Damaged, Label, TAIL_BYTES};
use super::{HASHED_BYTES, build};
use crate::policy::trusted::{self, Distrust};
use crate::vault::shown;
use crate::wire::{Limits, NativeCode};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// An entry that may be run, as far as could be told without reading it.
#[derive(Debug)]
pub struct Stored {
    path: PathBuf,
    file: File,
    label: Label,
}

/// Why an entry is not used. The module is compiled instead.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Somebody else could have written it, or there is none.
    #[error(transparent)]
    Distrusted(#[from] Distrust),
    /// It cannot be read.
    #[error("{} cannot be read: {kind}", shown(&path.to_string_lossy()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// Its bytes are not what was written.
    #[error("{}: {}", shown(&.0.to_string_lossy()), Damaged)]
    Damaged(PathBuf),
    /// Another build of the runner wrote it.
    #[error("{} was compiled by another build of the runner ({})", shown(&path.to_string_lossy()), shown(rotabox))]
    OtherBuild {
        /// The file.
        path: PathBuf,
        /// The release of that build.
        rotabox: String,
    },
    /// It holds another module's code.
    #[error("{} holds the code of another module", shown(&.0.to_string_lossy()))]
    OtherModule(PathBuf),
    /// This binary cannot be told from others, so nothing can be known to be its own.
    #[error("this binary has no build id, without which it has no native code; build it with a linker that leaves one")]
    NoBuildId,
    /// The engine does not take it: it was compiled for another processor, or is damaged.
    #[error("{} does not load: {why}", shown(&path.to_string_lossy()))]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// In the worker's words.
        why: String,
    },
}

impl Refusal {
    /// There is nothing to be refused: the module was never compiled.
    pub fn is_missing(&self) -> bool {
        matches!(self, Refusal::Distrusted(Distrust::Missing(_)) | Refusal::NoBuildId)
    }
}

/// The entry of a module, if it may be used: see the rules of [`super`]. `owner` is the user whom the policy belongs to.
pub fn look_up(store: &Path, module_sha256: &str, owner: u32) -> Result<Stored, Refusal> {
    let path = path(store, module_sha256);
    let (file, metadata) = trusted::open(&path, owner)?;
    let unreadable = |error: io::Error| Refusal::Unreadable { path: path.clone(), kind: error.kind() };
    let bytes = metadata.len();
    let start = bytes.saturating_sub(TAIL_BYTES as u64);
    let mut tail = vec![0; usize::try_from(bytes - start).unwrap_or(TAIL_BYTES)];
    file.read_exact_at(&mut tail, start).map_err(unreadable)?;
    let label = Label::read(&tail, bytes).map_err(|Damaged| Refusal::Damaged(path.clone()))?;
    if label.build != build::id().ok_or(Refusal::NoBuildId)? {
        return Err(Refusal::OtherBuild { path, rotabox: label.rotabox });
    }
    if label.module_sha256 != module_sha256 {
        return Err(Refusal::OtherModule(path));
    }
    Ok(Stored { path, file, label })
}

impl Stored {
    /// The open file, for the worker to map.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Bytes of the code, from the beginning of the file on.
    pub fn code_bytes(&self) -> u64 {
        self.label.code_bytes
    }

    /// Where it was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the worker is told of it: the digest too, unless the code is larger than [`HASHED_BYTES`].
    pub fn native_code(&self, limits: Limits) -> NativeCode {
        let bytes = self.label.code_bytes;
        let sha256 = (bytes <= HASHED_BYTES).then(|| self.label.code_sha256.clone());
        NativeCode { bytes, sha256, limits }
    }

    /// Hashes the code, however large.
    pub fn check_all(&self) -> Result<(), Refusal> {
        // Small enough to cost few pages that were never touched before.
        const PIECE: u64 = 16 * 1024;
        let mut hash = Sha256::new();
        let mut piece = vec![0; usize::try_from(PIECE.min(self.label.code_bytes)).unwrap_or_default()];
        let mut at = 0;
        while at < self.label.code_bytes {
            let want = usize::try_from((self.label.code_bytes - at).min(PIECE)).unwrap_or_default();
            let bytes = piece.get_mut(..want).unwrap_or_default();
            self.file
                .read_exact_at(bytes, at)
                .map_err(|error| Refusal::Unreadable { path: self.path.clone(), kind: error.kind() })?;
            hash.update(&*bytes);
            at += want as u64;
        }
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == self.label.code_sha256 { Ok(()) } else { Err(Refusal::Damaged(self.path.clone())) }
    }

    /// The worker did not take it.
    pub fn unloadable(&self, why: String) -> Refusal {
        Refusal::Unloadable { path: self.path.clone(), why }
    }
}

/// Why an entry could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The system said no.
    #[error("{} cannot be written: {kind}; run this as root, or as the user that owns the policies", shown(&path.to_string_lossy()))]
    CannotWrite {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// This binary cannot be told from others.
    #[error(
        "this binary has no build id, so its native code could not be told from another's; build it with a linker that leaves one"
    )]
    NoBuildId,
}

/// Writes an entry whole or not at all, in place of one that is there. Makes the folder, if there is none. Anyone may read it: there
/// is nothing in it that the module does not say.
pub fn put(store: &Path, module_sha256: &str, code: &[u8]) -> Result<PathBuf, PutError> {
    let label = Label::new(module_sha256, &build::id().ok_or(PutError::NoBuildId)?, code);
    let path = path(store, module_sha256);
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| PutError::CannotWrite { path, kind: error.kind() }
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(store).map_err(cannot(store))?;
    let new = store.join(format!(".{module_sha256}.{}.new", std::process::id()));
    // What a killed `compile` with this number left behind is nobody's.
    let _ = std::fs::remove_file(&new);
    let written = (|| {
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).custom_flags(flags).open(&new)?;
        file.write_all(code)?;
        file.write_all(&label.tail())?;
        // Whatever the umask says: the gateway's user has to read it.
        file.set_permissions(Permissions::from_mode(0o444))?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        File::open(store)?.sync_all()
    })();
    written.map_err(|error| {
        let _ = std::fs::remove_file(&new);
        cannot(&path)(error)
    })?;
    Ok(path)
}

fn path(store: &Path, module_sha256: &str) -> PathBuf {
    store.join(format!("{module_sha256}.native"))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
