//! A file is put in place whole or not at all: written beside its place, synced, and then given its name.

use crate::cli::shell_word;
use crate::report::system::why;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What may become of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It stays: the new one is not put in place.
    Keep,
    /// It is replaced.
    Replace,
}

/// What was done, once the policy is in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// A policy was written.
    Approved(Existing),
    /// A digest was added to one.
    Added {
        /// What has to be put in the place of what the policy names.
        to_move: Vec<Move>,
    },
}

/// A file that has to take another one's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// "module" or "page".
    pub(super) what: &'static str,
    /// The new one.
    pub(super) from: PathBuf,
    /// Where the policy looks for it.
    pub(super) to: PathBuf,
}

impl Done {
    /// What may become of a policy that is there.
    pub(super) fn existing(&self) -> Existing {
        match self {
            Done::Approved(existing) => *existing,
            Done::Added { .. } => Existing::Replace,
        }
    }

    /// In two words.
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Done::Approved(_) => "approved",
            Done::Added { .. } => "digest added",
        }
    }

    /// What is to be done before all else, as lines of a shell; none if nothing is.
    pub(super) fn moves(&self) -> Option<String> {
        let Done::Added { to_move } = self else { return None };
        let what = match to_move.as_slice() {
            [] => return None,
            [one] => one.what,
            _ => "module and page",
        };
        let mut said = format!(
            "the policy names the same files as before: put the new {what} in place of the old, or no run uses it\n"
        );
        for Move { from, to, .. } in to_move {
            said.push_str(&format!("  mv {} {}\n", shell_word(from), shell_word(to)));
        }
        Some(said)
    }
}

/// Why nothing was put in place.
#[derive(Debug, thiserror::Error)]
pub(super) enum PutError {
    /// There is such a file.
    #[error("`{}` exists", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The system refused.
    #[error("`{}` could not be {verb}: {}", path.display(), why(error))]
    System {
        /// What it was about.
        path: PathBuf,
        /// "created", "written", …
        verb: &'static str,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Puts `text` at `folder/name`, readable by all, writable by its owner only. The folder is made if it is not there.
pub(super) fn put(folder: &Path, name: &str, text: &str, existing: Existing) -> Result<PathBuf, PutError> {
    make(folder)?;
    let path = folder.join(name);
    if existing == Existing::Keep && path.symlink_metadata().is_ok() {
        return Err(PutError::Exists { path });
    }
    let temporary = Temporary::write(folder, name, text)?;
    let placed = match existing {
        Existing::Replace => std::fs::rename(&temporary.path, &path),
        // A link is never made over a file that came meanwhile; where links are unknown, the look above has to do.
        Existing::Keep => match std::fs::hard_link(&temporary.path, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(PutError::Exists { path }),
            Err(_) => std::fs::rename(&temporary.path, &path),
            Ok(()) => Ok(()),
        },
    };
    placed.map_err(|error| PutError::System { path: path.clone(), verb: "put in place", error })?;
    drop(temporary);
    // The name is as durable as the file. A system that cannot sync a folder has said what it can.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(path)
}

/// Makes the folder and what is missing above it, open to readers whatever the umask is.
fn make(folder: &Path) -> Result<(), PutError> {
    let wrong = |error| PutError::System { path: folder.to_owned(), verb: "created", error };
    if folder.is_dir() {
        return Ok(());
    }
    if folder.symlink_metadata().is_ok() {
        let error = ErrorKind::NotADirectory.into();
        return Err(PutError::System { path: folder.to_owned(), verb: "used", error });
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        make(above)?;
    }
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(wrong(error)),
        Ok(()) => std::fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(wrong),
    }
}

/// A file beside its place; removed when it is dropped, if it is still there under this name.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn write(folder: &Path, name: &str, text: &str) -> Result<Temporary, PutError> {
        // Not a name that a policy can have, so that nobody finds it half-written.
        let path = folder.join(format!(".{name}.{}.new", std::process::id()));
        let wrong = |verb| {
            let path = path.clone();
            move |error| PutError::System { path, verb, error }
        };
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path).map_err(wrong("created"))?;
        let temporary = Temporary { path: path.clone() };
        file.set_permissions(Permissions::from_mode(0o644)).map_err(wrong("written"))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong("written"))?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_is_put_with_its_modes_and_nothing_is_left_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        let path = put(&folder, "x.toml", "one", Existing::Keep).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!((mode(&path), mode(&folder), mode(&root.path().join("a"))), (0o644, 0o755, 0o755));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_stays_unless_it_is_to_be_replaced() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "x.toml", "one", Existing::Keep).unwrap();
        assert!(matches!(put(root.path(), "x.toml", "two", Existing::Keep), Err(PutError::Exists { .. })));
        assert_eq!(std::fs::read_to_string(root.path().join("x.toml")).unwrap(), "one");
        put(root.path(), "x.toml", "two", Existing::Replace).unwrap();
        assert_eq!(std::fs::read_to_string(root.path().join("x.toml")).unwrap(), "two");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_to_nowhere_counts_as_a_file_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("x.toml")).unwrap();
        assert!(matches!(put(root.path(), "x.toml", "one", Existing::Keep), Err(PutError::Exists { .. })));
        assert!(!root.path().join("nowhere").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        let error = put(&root.path().join("file/sub"), "x.toml", "one", Existing::Keep).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
