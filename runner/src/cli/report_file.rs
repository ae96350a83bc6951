//! A report that a verb writes beside its output: `--html FILE`, `--junit FILE`.
//!
//! | what is there | what happens |
//! | --- | --- |
//! | nothing | the report is written, whole or not at all |
//! | an earlier report of the same kind, or an empty file | it is replaced |
//! | a file that the same command reads, under whatever name | refused |
//! | any other file | refused: it is not ours to replace |
//! | a pipe or a device (`/dev/stdout`) | the report is written to it |

use crate::vault::shown;
use anyhow::Context as _;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A report of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// In words, with its article: "an HTML page".
    pub(super) words: &'static str,
    /// How every report of this kind begins.
    pub(super) begins: &'static str,
}

/// A place that may be written to.
#[derive(Debug)]
pub(super) struct ReportFile {
    /// As it was given.
    given: PathBuf,
    /// Without links.
    path: PathBuf,
    /// It is no regular file.
    special: bool,
}

impl ReportFile {
    /// Looks at the place, before anything is done. `inputs` are the files that the command reads; those that are not there do not count.
    pub(super) fn at(given: &Path, kind: Kind, inputs: &[&Path]) -> anyhow::Result<ReportFile> {
        let name = shown(&given.to_string_lossy());
        let found = match given.metadata() {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                anyhow::ensure!(given.symlink_metadata().is_err(), "{name} is a link to nowhere; name another file");
                return Ok(ReportFile { given: given.to_owned(), path: given.to_owned(), special: false });
            }
            Err(error) => return Err(cannot(&name, &error)),
        };
        anyhow::ensure!(!found.is_dir(), "{name} is a folder; name a file in it");
        not_read(given, inputs)?;
        if !found.is_file() {
            return Ok(ReportFile { given: given.to_owned(), path: given.to_owned(), special: true });
        }
        let mut begins = Vec::new();
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(given);
        let read = file.and_then(|file| file.take(kind.begins.len() as u64).read_to_end(&mut begins));
        read.map_err(|error| cannot(&name, &error))?;
        anyhow::ensure!(
            begins.is_empty() || begins == kind.begins.as_bytes(),
            "{name} is there already, and is not {} of rotabox; name another file, or remove it",
            kind.words
        );
        let path = given.canonicalize().map_err(|error| cannot(&name, &error))?;
        Ok(ReportFile { given: given.to_owned(), path, special: false })
    }

    /// Writes the report: whole, or not at all.
    pub(super) fn write(&self, text: &str) -> anyhow::Result<()> {
        let name = shown(&self.given.to_string_lossy());
        if self.special {
            let written =
                OpenOptions::new().write(true).open(&self.path).and_then(|mut file| file.write_all(text.as_bytes()));
            return written.map_err(|error| cannot(&name, &error));
        }
        let file_name = self.path.file_name().with_context(|| format!("{name} is not the name of a file"))?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = folder.join(format!(".{}.{}.new", file_name.to_string_lossy(), std::process::id()));
        let put = OpenOptions::new().write(true).create_new(true).open(&beside).and_then(|mut file: File| {
            file.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&beside, &self.path)).inspect_err(|_| {
                let _ = std::fs::remove_file(&beside);
            })
        });
        put.map_err(|error| cannot(&name, &error))
    }
}

/// An error if `given` is one of the files that the command reads, under whatever name.
pub(super) fn not_read(given: &Path, inputs: &[&Path]) -> anyhow::Result<()> {
    let identity = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    let Some(wanted) = identity(given) else { return Ok(()) };
    match inputs.iter().find(|input| identity(input) == Some(wanted)) {
        None => Ok(()),
        Some(input) => anyhow::bail!(
            "{} would be overwritten, and this command reads it ({}); name another file",
            shown(&given.to_string_lossy()),
            shown(&input.to_string_lossy())
        ),
    }
}

fn cannot(name: &str, error: &std::io::Error) -> anyhow::Error {
    let why = crate::report::system::why(error);
    anyhow::anyhow!("{name} cannot be written ({why}); name a file in a folder that is there and may be written to")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Kind = Kind { words: "a page", begins: "<page>" };

    fn at(folder: &tempfile::TempDir, name: &str, inputs: &[&Path]) -> anyhow::Result<ReportFile> {
        ReportFile::at(&folder.path().join(name), PAGE, inputs)
    }

    #[test]
    fn a_report_is_written_and_replaces_only_one_of_its_own_kind() {
        let folder = tempfile::tempdir().unwrap();
        let read = || std::fs::read_to_string(folder.path().join("r")).unwrap();
        at(&folder, "r", &[]).unwrap().write("<page>1").unwrap();
        at(&folder, "r", &[]).unwrap().write("<page>2").unwrap();
        assert_eq!(read(), "<page>2");
        std::fs::write(folder.path().join("r"), "").unwrap();
        at(&folder, "r", &[]).unwrap().write("<page>3").unwrap();
        for other in ["<pag", "mine", "<PAGE>"] {
            std::fs::write(folder.path().join("r"), other).unwrap();
            let error = at(&folder, "r", &[]).unwrap_err().to_string();
            assert!(error.contains("is not a page of rotabox; name another file"), "{error}");
            assert_eq!(read(), other);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_is_read_is_known_under_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("in");
        std::fs::write(&input, "<page>").unwrap();
        std::fs::hard_link(&input, folder.path().join("hard")).unwrap();
        std::os::unix::fs::symlink("in", folder.path().join("soft")).unwrap();
        for name in ["in", "hard", "soft", "./in"] {
            let error = at(&folder, name, &[&folder.path().join("gone"), &input]).unwrap_err().to_string();
            assert!(error.contains("would be overwritten, and this command reads it"), "{name}: {error}");
        }
        at(&folder, "soft", &[]).unwrap().write("<page>2").unwrap();
        assert_eq!(std::fs::read_to_string(&input).unwrap(), "<page>2", "a link is followed");
        assert!(folder.path().join("soft").is_symlink());
    }

    #[test]
    fn what_cannot_be_written_says_why_without_numbers() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("dead")).unwrap();
        for (name, words) in [(".", "is a folder"), ("dead", "a link to nowhere")] {
            let error = at(&folder, name, &[]).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let error = at(&folder, "no/r", &[]).unwrap().write("<page>").unwrap_err().to_string();
        assert!(error.contains("no such file or folder") && !error.contains("os error"), "{error}");
        ReportFile::at(Path::new("/dev/null"), PAGE, &[]).unwrap().write("<page>").unwrap();
        let full = ReportFile::at(Path::new("/dev/full"), PAGE, &[]).unwrap().write("<page>").unwrap_err();
        assert!(full.to_string().contains("no space left"), "{full}");
    }
}
