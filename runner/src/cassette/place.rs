//! Puts the file in place, whole or not at all. What that takes is opened before the run: afterwards the kernel lets this process open
//! no file any more.

use crate::report::system::why;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A place that is kept for a cassette. What was not committed is removed.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    folder: PathBuf,
    beside: PathBuf,
    file: File,
    /// To be synced, so that the name is as durable as the file. Not every system can.
    handle: Option<File>,
    replace: bool,
}

/// Why a file cannot be put there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// There is one.
    #[error("`{}` exists; name another file, or replace it with `--force`", .0.display())]
    Exists(PathBuf),
    /// Not the name of a file.
    #[error("`{}` is not the name of a file", .0.display())]
    NoFile(PathBuf),
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

impl Place {
    /// Keeps a place, readable and writable by its owner only. A file that is there already stays, unless it is to be replaced.
    pub fn keep(path: &Path, replace: bool) -> Result<Place, PlaceError> {
        let name = path.file_name().ok_or_else(|| PlaceError::NoFile(path.to_owned()))?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match path.symlink_metadata() {
            Ok(_) if !replace => return Err(PlaceError::Exists(path.to_owned())),
            Ok(found) if found.is_dir() => return Err(PlaceError::NoFile(path.to_owned())),
            _ => {}
        }
        let beside = folder.join(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let file = created.map_err(|error| PlaceError::System { path: path.to_owned(), verb: "created", error })?;
        let handle = File::open(folder).ok();
        Ok(Place { path: path.to_owned(), folder: folder.to_owned(), beside, file, handle, replace })
    }

    /// The folder in which a file will be made and one be removed.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the file and gives it its name.
    pub fn commit(mut self, text: &str) -> Result<PathBuf, PlaceError> {
        let path = self.path.clone();
        let wrong = |verb| {
            let path = path.clone();
            move |error| PlaceError::System { path, verb, error }
        };
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all()).map_err(wrong("written"))?;
        if self.replace {
            std::fs::rename(&self.beside, &self.path).map_err(wrong("put in place"))?;
        } else {
            // A link is never made over a file that came meanwhile.
            std::fs::hard_link(&self.beside, &self.path).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => PlaceError::Exists(path.clone()),
                _ => wrong("put in place")(error),
            })?;
        }
        if let Some(folder) = &self.handle {
            let _ = folder.sync_all();
        }
        Ok(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.beside);
    }
}
