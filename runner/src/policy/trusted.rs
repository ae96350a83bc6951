//! Opening a file that is believed because of who could have written it, not because of what is in it.
//!
//! Stricter than what holds for policies: everything on the way belongs to root or to one more user, whom the caller names; the file
//! itself is no link and has one name. What is checked is the open descriptor, and that is what the caller gets.

use super::find::FindError;
use super::guard::{self, Entry, Kind, Way};
use crate::vault::shown;
use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Why a file is not believed. The fix comes last.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// There is no such file.
    #[error("there is no {}", shown(&.0.to_string_lossy()))]
    Missing(PathBuf),
    /// It is a link.
    #[error("{} is a link, and a link can be turned elsewhere; put the file itself there", shown(&.0.to_string_lossy()))]
    Link(PathBuf),
    /// It has other names: who owns one may not own the others.
    #[error("{} has {links} names (hard links); remove the others", shown(&path.to_string_lossy()))]
    Names {
        /// The file.
        path: PathBuf,
        /// How many.
        links: u64,
    },
    /// It belongs to somebody else.
    #[error(
        "{} belongs to user {found}, and only root{} may own it; run `chown`",
        shown(&path.to_string_lossy()),
        if *owner == 0 { String::new() } else { format!(" or user {owner}, who owns the policy,") }
    )]
    Owner {
        /// The file, folder or link.
        path: PathBuf,
        /// Whose it is.
        found: u32,
        /// Whose it may be, besides root's.
        owner: u32,
    },
    /// What holds for policies does not hold for it.
    #[error(transparent)]
    Found(#[from] FindError),
}

/// Opens a file that nobody but root and `owner` can have written, made, or put there.
pub fn open(path: &Path, owner: u32) -> Result<(File, Metadata), Distrust> {
    let way = Way::to(path).map_err(|error| match error {
        FindError::Unreadable { kind: ErrorKind::NotFound, .. } => Distrust::Missing(path.to_owned()),
        other => other.into(),
    })?;
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Err(Distrust::Link(path.to_owned()));
    }
    let (file, metadata) = guard::open(&way.end)?;
    let mut entries = way.entries;
    entries.push(Entry::new(Kind::File, way.end, &metadata));
    judge(&entries, metadata.nlink(), owner)?;
    Ok((file, metadata))
}

fn judge(entries: &[Entry], links: u64, owner: u32) -> Result<(), Distrust> {
    if let Some(entry) = entries.iter().find(|entry| entry.owner != 0 && entry.owner != owner) {
        return Err(Distrust::Owner { path: entry.path.clone(), found: entry.owner, owner });
    }
    guard::judge(entries, owner)?;
    match entries.last() {
        Some(file) if links != 1 => Err(Distrust::Names { path: file.path.clone(), links }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn file(folder: &Path) -> PathBuf {
        let path = folder.join("x");
        std::fs::write(&path, "text").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path
    }

    #[test]
    fn a_file_that_only_its_owner_could_write_is_opened() {
        let folder = folder();
        open(&file(folder.path()), user()).unwrap();
        assert!(matches!(open(&folder.path().join("no"), user()), Err(Distrust::Missing(_))));
        assert!(matches!(open(&folder.path().join("no/x"), user()), Err(Distrust::Missing(_))));
    }

    #[test]
    fn links_and_second_names_are_refused() {
        let folder = folder();
        let path = file(folder.path());
        symlink(&path, folder.path().join("soft")).unwrap();
        assert!(matches!(open(&folder.path().join("soft"), user()), Err(Distrust::Link(_))));
        std::fs::hard_link(&path, folder.path().join("hard")).unwrap();
        for name in ["x", "hard"] {
            assert!(matches!(open(&folder.path().join(name), user()), Err(Distrust::Names { links: 2, .. })));
        }
    }

    #[test]
    fn what_others_could_write_is_refused() {
        let folder = folder();
        let path = file(folder.path());
        for mode in [0o664, 0o646, 0o666] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(open(&path, user()), Err(Distrust::Found(FindError::WritableByOthers { .. }))),
                "{mode:o}"
            );
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o775)).unwrap();
        assert!(matches!(open(&path, user()), Err(Distrust::Found(FindError::WritableByOthers { .. }))));
    }

    #[test]
    fn a_stranger_on_the_way_is_refused_whatever_the_mode() {
        let entry = |kind, path: &str, owner| {
            Entry::test(kind, path, owner, if kind == Kind::File { 0o100644 } else { 0o40755 })
        };
        let way = |folder, file| {
            vec![entry(Kind::Folder, "/", 0), entry(Kind::Folder, "/s", folder), entry(Kind::File, "/s/x", file)]
        };
        judge(&way(0, 0), 1, 0).unwrap();
        judge(&way(500, 500), 1, 500).unwrap();
        judge(&way(0, 500), 1, 500).unwrap();
        for (folder, file, owner) in [(0, 501, 0), (501, 0, 0), (0, 501, 500), (501, 500, 500)] {
            let error = judge(&way(folder, file), 1, owner).unwrap_err();
            assert!(matches!(error, Distrust::Owner { found: 501, .. }), "{error}");
        }
    }
}
