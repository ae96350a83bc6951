//! Reading files once, through one descriptor; and for those that decide what may be done, looking at who could have
//! written them.
//!
//! A policy or host file is refused if the file, its folder, or a folder that a link leads through can be written by
//! others, or if anyone at all may write to a folder further up; a sticky folder (`/tmp`) is none of these, as long as
//! the entry in it belongs to root or to the folder's owner (a folder: or to the runner's own user). Links are followed if root or the owner of the folder they
//! stand in made them (Kubernetes mounts are made of links). A file that a digest pins needs none of this.

use super::find::FindError;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

/// Most links on one path: the kernel's own bound.
const MOST_LINKS: usize = 40;
const STICKY: u32 = 0o1000;
const GROUP_OR_OTHERS: u32 = 0o022;
const OTHERS: u32 = 0o002;

/// A file that decides something, as it was read once.
pub(super) struct Guarded {
    pub(super) text: String,
    /// The runner's own user, not being root, owns the file, a folder above it, or a link to it.
    pub(super) self_owned: bool,
    /// The user whom the file belongs to.
    pub(super) owner: u32,
}

/// Reads a file that decides what may be done.
pub(super) fn read_guarded(path: &Path, cap: usize) -> Result<Guarded, FindError> {
    let way = Way::to(path)?;
    let (mut file, metadata) = open(&way.end)?;
    let mut entries = way.entries;
    entries.push(Entry::new(Kind::File, way.end.clone(), &metadata));
    let user = rustix::process::geteuid().as_raw();
    judge(&entries, user)?;
    let bytes = read(&mut file, &metadata, &way.end, cap)?;
    let text = String::from_utf8(bytes).map_err(|_| FindError::NotText { path: path.to_owned() })?;
    Ok(Guarded { text, self_owned: owned_by(&entries, user), owner: metadata.uid() })
}

/// Reads a file that a digest pins.
pub(super) fn read_pinned(path: &Path, cap: usize) -> Result<Vec<u8>, FindError> {
    let (mut file, metadata) = open(path)?;
    read(&mut file, &metadata, path, cap)
}

pub(super) fn open(path: &Path) -> Result<(File, Metadata), FindError> {
    // Without blocking: a pipe put in place of a file must not hold the runner.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = file.map_err(|error| FindError::unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| FindError::unreadable(path, &error))?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(FindError::NotAFile { path: path.to_owned() }) }
}

fn read(file: &mut File, metadata: &Metadata, path: &Path, cap: usize) -> Result<Vec<u8>, FindError> {
    let too_large = || FindError::TooLarge { path: path.to_owned(), cap };
    let size = usize::try_from(metadata.len()).ok().filter(|size| *size <= cap).ok_or_else(too_large)?;
    let mut bytes = Vec::with_capacity(size + 1);
    file.take(cap as u64 + 1).read_to_end(&mut bytes).map_err(|error| FindError::unreadable(path, &error))?;
    if bytes.len() > cap { Err(too_large()) } else { Ok(bytes) }
}

/// Every folder and link on the way to a file, and where the way ends, free of links.
pub(super) struct Way {
    pub(super) entries: Vec<Entry>,
    pub(super) end: PathBuf,
}

/// What was found on the way.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
    pub(super) owner: u32,
    mode: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    Link,
    File,
}

impl Entry {
    pub(super) fn new(kind: Kind, path: PathBuf, metadata: &Metadata) -> Entry {
        Entry { kind, path, owner: metadata.uid(), mode: metadata.mode() }
    }

    #[cfg(test)]
    pub(super) fn test(kind: Kind, path: &str, owner: u32, mode: u32) -> Entry {
        Entry { kind, path: PathBuf::from(path), owner, mode }
    }
}

impl Way {
    pub(super) fn to(path: &Path) -> Result<Way, FindError> {
        let absolute = std::path::absolute(path).map_err(|error| FindError::unreadable(path, &error))?;
        let mut ahead: VecDeque<OsString> = components(&absolute);
        let mut at = PathBuf::from("/");
        let mut entries = vec![Entry::new(Kind::Folder, at.clone(), &metadata(&at)?)];
        let mut links = 0;
        while let Some(next) = ahead.pop_front() {
            if next == ".." {
                at.pop();
                continue;
            }
            let here = at.join(&next);
            let found = metadata(&here)?;
            if found.is_symlink() {
                links += 1;
                if links > MOST_LINKS {
                    return Err(FindError::unreadable(path, &Error::from_raw_os_error(libc::ELOOP)));
                }
                entries.push(Entry::new(Kind::Link, here.clone(), &found));
                let target = std::fs::read_link(&here).map_err(|error| FindError::unreadable(&here, &error))?;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                let mut further = components(&target);
                further.append(&mut ahead);
                ahead = further;
            } else {
                if found.is_dir() {
                    entries.push(Entry::new(Kind::Folder, here.clone(), &found));
                } else if !ahead.is_empty() {
                    return Err(FindError::unreadable(path, &ErrorKind::NotADirectory.into()));
                }
                at = here;
            }
        }
        Ok(Way { entries, end: at })
    }
}

fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir))
        .map(|component| component.as_os_str().to_owned())
        .collect()
}

fn metadata(path: &Path) -> Result<Metadata, FindError> {
    std::fs::symlink_metadata(path).map_err(|error| FindError::unreadable(path, &error))
}

/// Refuses what others could have written. What is `user`'s own is that user's to judge.
pub(super) fn judge(entries: &[Entry], user: u32) -> Result<(), FindError> {
    let folder_of = |entry: &Entry| {
        let folder = entry.path.parent()?;
        entries.iter().find(|other| other.kind == Kind::Folder && other.path == folder)
    };
    let holds = |folder: &Entry| {
        entries.iter().any(|entry| entry.kind != Kind::Folder && entry.path.parent() == Some(folder.path.as_path()))
    };
    for entry in entries {
        let others = match entry.kind {
            Kind::Link => 0,
            Kind::File => entry.mode & GROUP_OR_OTHERS,
            Kind::Folder if entry.mode & STICKY != 0 => 0,
            Kind::Folder if holds(entry) => entry.mode & GROUP_OR_OTHERS,
            Kind::Folder => entry.mode & OTHERS,
        };
        if others != 0 {
            return Err(FindError::WritableByOthers { path: entry.path.clone(), mode: entry.mode & 0o7777 });
        }
        let Some(folder) = folder_of(entry) else { continue };
        let trusted = entry.owner == 0 || entry.owner == folder.owner;
        let shared = folder.mode & STICKY != 0 && folder.mode & GROUP_OR_OTHERS != 0;
        match entry.kind {
            Kind::Link if !trusted => {
                return Err(FindError::ForeignLink { path: entry.path.clone(), owner: entry.owner });
            }
            Kind::File if shared && !trusted => {
                return Err(FindError::ForeignFile { path: entry.path.clone(), owner: entry.owner });
            }
            // Anyone can make `/tmp/policies`, and everything in it.
            Kind::Folder if shared && !trusted && entry.owner != user => {
                return Err(FindError::ForeignFile { path: entry.path.clone(), owner: entry.owner });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Could this user, not being root, change what was found?
fn owned_by(entries: &[Entry], user: u32) -> bool {
    user != 0 && entries.iter().any(|entry| entry.owner == user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn entry(kind: Kind, path: &str, owner: u32, mode: u32) -> Entry {
        Entry::test(kind, path, owner, mode)
    }

    /// `/etc/p/x.toml`, all root's, with one entry put in place of its like.
    fn way(changed: Entry) -> Vec<Entry> {
        let mut entries = vec![
            entry(Kind::Folder, "/", 0, 0o40755),
            entry(Kind::Folder, "/etc", 0, 0o40755),
            entry(Kind::Folder, "/etc/p", 0, 0o40755),
            entry(Kind::File, "/etc/p/x.toml", 0, 0o100644),
        ];
        match entries.iter().position(|entry| entry.path == changed.path) {
            Some(at) => entries[at] = changed,
            None => entries.insert(3, changed),
        }
        entries
    }

    #[test]
    fn what_others_could_have_written_is_refused_with_the_fix() {
        for (changed, refused) in [
            (entry(Kind::File, "/etc/p/x.toml", 0, 0o100644), None),
            (entry(Kind::File, "/etc/p/x.toml", 500, 0o100640), None),
            (entry(Kind::File, "/etc/p/x.toml", 0, 0o100664), Some("`chmod g-w /etc/p/x.toml`")),
            (entry(Kind::File, "/etc/p/x.toml", 0, 0o100646), Some("`chmod o-w /etc/p/x.toml`")),
            (entry(Kind::File, "/etc/p/x.toml", 0, 0o100666), Some("`chmod go-w /etc/p/x.toml`")),
            (entry(Kind::Folder, "/etc/p", 0, 0o40775), Some("`chmod g-w /etc/p`")),
            (entry(Kind::Folder, "/etc/p", 0, 0o40777), Some("`chmod go-w /etc/p`")),
            (entry(Kind::Folder, "/etc/p", 0, 0o41777), None),
            (entry(Kind::Folder, "/etc", 0, 0o40775), None),
            (entry(Kind::Folder, "/etc", 0, 0o40757), Some("`chmod o-w /etc`")),
            (entry(Kind::Folder, "/etc", 0, 0o41777), None),
        ] {
            let text = format!("{changed:?}");
            match (judge(&way(changed), 0), refused) {
                (Ok(()), None) => {}
                (Err(error), Some(fix)) => assert!(error.to_string().contains(fix), "{text}: {error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_stranger_cannot_drop_a_file_into_a_sticky_folder() {
        let mut entries = way(entry(Kind::Folder, "/etc/p", 0, 0o41777));
        entries[3].owner = 500;
        assert!(matches!(judge(&entries, 0), Err(FindError::ForeignFile { owner: 500, .. })));
        entries[2].owner = 500;
        judge(&entries, 0).unwrap();
    }

    #[test]
    fn a_strangers_folder_in_a_sticky_one_is_no_policy_folder() {
        let mut entries = way(entry(Kind::Folder, "/etc", 0, 0o41777));
        judge(&entries, 0).unwrap();
        for entry in &mut entries[2..] {
            entry.owner = 500;
        }
        let error = judge(&entries, 0).unwrap_err();
        assert!(matches!(&error, FindError::ForeignFile { path, owner: 500 } if path.ends_with("p")), "{error}");
        judge(&entries, 500).unwrap();
        entries[1].mode = 0o40755;
        judge(&entries, 0).unwrap();
    }

    #[test]
    fn links_of_root_or_of_the_folders_owner_are_followed_and_no_others() {
        judge(&way(entry(Kind::Link, "/etc/p/..data", 0, 0o120777)), 0).unwrap();
        let mut entries = way(entry(Kind::Link, "/etc/p/..data", 500, 0o120777));
        assert!(matches!(judge(&entries, 0), Err(FindError::ForeignLink { owner: 500, .. })));
        entries[2].owner = 500;
        judge(&entries, 0).unwrap();
    }

    #[test]
    fn self_owned_is_about_the_runners_user_unless_that_is_root() {
        let mut entries = way(entry(Kind::File, "/etc/p/x.toml", 500, 0o100644));
        assert!(owned_by(&entries, 500) && !owned_by(&entries, 501) && !owned_by(&entries, 0));
        entries[3].owner = 0;
        assert!(!owned_by(&entries, 500));
        entries[1].owner = 500;
        assert!(owned_by(&entries, 500), "a folder further up counts");
        assert!(!owned_by(&entries, 0), "root may change everything anyway");
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_links_of_a_kubernetes_mount_are_followed() {
        let folder = folder();
        let real = folder.path().join("..2026_11_21");
        std::fs::create_dir(&real).unwrap();
        std::fs::set_permissions(&real, Permissions::from_mode(0o755)).unwrap();
        write(&real.join("x.toml"), "text", 0o644);
        symlink("..2026_11_21", folder.path().join("..data")).unwrap();
        symlink("..data/x.toml", folder.path().join("x.toml")).unwrap();
        assert_eq!(read_guarded(&folder.path().join("x.toml"), 100).unwrap().text, "text");

        std::fs::set_permissions(&real, Permissions::from_mode(0o777)).unwrap();
        let error = read_guarded(&folder.path().join("x.toml"), 100).err().unwrap();
        assert!(
            matches!(error, FindError::WritableByOthers { ref path, .. } if path.ends_with("..2026_11_21")),
            "{error}"
        );
    }

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = folder();
        let path = folder.path().join("x");
        write(&path, "12345", 0o600);
        assert_eq!(read_pinned(&path, 5).unwrap(), b"12345");
        assert!(matches!(read_pinned(&path, 4), Err(FindError::TooLarge { cap: 4, .. })));
        assert!(matches!(read_pinned(folder.path(), 4), Err(FindError::NotAFile { .. })));
        assert!(matches!(read_pinned(Path::new("/dev/zero"), 4), Err(FindError::NotAFile { .. })));
        let socket = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &socket, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(read_pinned(&socket, 4), Err(FindError::NotAFile { .. })), "and it does not wait");
        assert!(matches!(read_pinned(&folder.path().join("no"), 4), Err(FindError::Unreadable { .. })));
        symlink("loop", folder.path().join("loop")).unwrap();
        assert!(matches!(read_guarded(&folder.path().join("loop"), 4), Err(FindError::Unreadable { .. })));
        write(&path, "x", 0o602);
        assert!(matches!(read_guarded(&path, 4), Err(FindError::WritableByOthers { .. })));
        std::fs::write(&path, [0xff]).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_guarded(&path, 4), Err(FindError::NotText { .. })));
    }
}
