//! The file: opened once, while files can still be opened; appended to under a lock, by any number of runs at once.
//!
//! The lock (`flock`) is held only while a record is linked and written, not while it is brought to the disk. Whoever has it
//! reads the last record of the file, unless the file still has the length that this process left it with: between two records of
//! this run there may be others.
//! A write that fails halfway is taken back. What a crash left behind is not repaired but named, by a `chain-break` record
//! with its size and hash, and the chain goes on from the last record that can be read.

use super::AuditError;
use super::chain::{self, Hash, LineFault, RECORD_BYTES, Tail};
use super::event::{self, Break};
use serde_json::{Map, Value};
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the lock is waited for. It is held for less than a millisecond; whoever holds it longer is stopped or hostile.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(2);
/// Looked at first to find the last record: most are below 2 KiB.
const LAST_BYTES: u64 = 8 * 1024;
/// Looked at if the last record is not in there: room for a torn record and for the intact one before it.
const WINDOW_BYTES: u64 = 4 * RECORD_BYTES as u64;
const GROUP_OR_OTHERS_WRITE: u32 = 0o022;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The open file.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
    folder: File,
    /// The last record that this process knows of: of this file, or of the one that it goes on from.
    known: Option<Hash>,
    /// How long the file was when it was last looked at.
    length: u64,
    /// The file's name may not be on the disk yet.
    new: bool,
    /// The last record, as long as the file has the length that this process has left it with: nothing was appended since.
    last: Option<(u64, Tail)>,
}

/// What came of appending.
#[derive(Debug)]
pub(super) struct Appended {
    /// The last record that was written.
    pub(super) tail: Tail,
    /// Its line, with its newline.
    pub(super) line: Vec<u8>,
    /// What was found on the way that people should look at.
    pub(super) found: Option<String>,
}

impl AuditFile {
    /// Opens the file, or makes it; refuses what could be written or exchanged by others, and what is no audit log.
    pub(super) fn open(path: &Path) -> Result<AuditFile, AuditError> {
        let cannot = |error: &io::Error| AuditError::cannot_open(path, error);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = File::open(folder).map_err(|error| cannot(&error))?;
        let around = folder.metadata().map_err(|error| cannot(&error))?;
        if around.mode() & OTHERS_WRITE != 0 && around.mode() & STICKY == 0 {
            return Err(AuditError::unsafe_file(
                path,
                "anyone may write to its folder",
                "take that right away (chmod o-w)",
            ));
        }
        // Without blocking: a pipe put in place of the file must not hold the runner.
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
            .map_err(|error| match error.raw_os_error() {
                Some(libc::ELOOP) => AuditError::unsafe_file(path, "it is a link", "name the file itself"),
                Some(libc::ENXIO) => not_a_file(path),
                _ => cannot(&error),
            })?;
        let metadata = file.metadata().map_err(|error| cannot(&error))?;
        refuse_unsafe(path, &metadata)?;
        let mut file = AuditFile {
            path: path.to_owned(),
            file,
            folder,
            known: None,
            length: metadata.len(),
            new: false,
            last: None,
        };
        let end = file.with_lock(|file| file.look_at_end())?;
        file.known = match end {
            End::Empty => newest_older_file(path),
            End::Intact { tail, .. } => Some(tail.hash),
            End::Damaged { before, .. } => before.map(|tail| tail.hash),
            End::Newer(version) => return Err(AuditError::Newer { path: path.to_owned(), version }),
        };
        Ok(file)
    }

    /// Links one record to the end of the file and writes it; with `durable`, answers only when it is on the disk.
    pub(super) fn append(&mut self, record: Map<String, Value>, durable: bool) -> Result<Appended, AuditError> {
        let appended = self.with_lock(|file| file.append_locked(record))?;
        if durable {
            let failed = |error: io::Error| AuditError::cannot_write(&self.path, &error);
            self.file.sync_data().map_err(failed)?;
            if self.new {
                self.folder.sync_all().map_err(failed)?;
                self.new = false;
            }
        }
        Ok(appended)
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What brings all that was written to the disk, for another thread.
    pub(super) fn syncer(&self) -> io::Result<impl Fn() -> io::Result<()> + Send + 'static> {
        let (file, folder) = (self.file.try_clone()?, self.folder.try_clone()?);
        let named = std::sync::atomic::AtomicBool::new(false);
        Ok(move || {
            file.sync_data()?;
            if !named.load(std::sync::atomic::Ordering::Relaxed) {
                folder.sync_all()?;
                named.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            Ok(())
        })
    }

    fn append_locked(&mut self, record: Map<String, Value>) -> Result<Appended, AuditError> {
        let end = self.look_at_end()?;
        let mut bytes = Vec::with_capacity(4096);
        let mut found = None;
        self.new |= matches!(end, End::Empty);
        let sealed = |error: super::canonical::NotCanonical| AuditError::Bug { what: error.to_string() };
        let tail = match end {
            End::Intact { tail, newline } => {
                if !newline {
                    bytes.push(b'\n');
                }
                tail
            }
            End::Empty => {
                chain::seal(on_envelope(event::chain_start(self.known), &record), None, &mut bytes).map_err(sealed)?
            }
            End::Damaged { before, about, newline } => {
                if !newline {
                    bytes.push(b'\n');
                }
                found = Some(damage(&self.path, about));
                chain::seal(on_envelope(about.fields(), &record), before, &mut bytes).map_err(sealed)?
            }
            End::Newer(version) => return Err(AuditError::Newer { path: self.path.clone(), version }),
        };
        let start = bytes.len();
        let tail = chain::seal(record, Some(tail), &mut bytes).map_err(sealed)?;
        let length = self.length;
        if let Err(error) = (&self.file).write_all(&bytes) {
            // Half a record helps nobody. If it cannot be taken back, the next run names it.
            let _ = self.file.set_len(length);
            return Err(AuditError::cannot_write(&self.path, &error));
        }
        self.length = length + bytes.len() as u64;
        self.known = Some(tail.hash);
        self.last = Some((self.length, tail));
        Ok(Appended { tail, line: bytes.split_off(start), found })
    }

    /// What the file ends with. Under the lock.
    fn look_at_end(&mut self) -> Result<End, AuditError> {
        let failed = |error: io::Error| AuditError::cannot_read(&self.path, &error);
        self.length = self.file.metadata().map_err(failed)?.len();
        if self.length == 0 {
            return Ok(End::Empty);
        }
        if let Some((length, tail)) = self.last
            && length == self.length
        {
            return Ok(End::Intact { tail, newline: true });
        }
        let last = self.last_bytes(LAST_BYTES).map_err(failed)?;
        if let Some(end) = last_record(&last) {
            return Ok(end);
        }
        let window = if self.length > LAST_BYTES { self.last_bytes(WINDOW_BYTES).map_err(failed)? } else { last };
        last_record(&window)
            .or_else(|| damaged(&window, window.len() as u64 == self.length))
            .ok_or_else(|| AuditError::NotALog { path: self.path.clone() })
    }

    fn last_bytes(&self, most: u64) -> io::Result<Vec<u8>> {
        let start = self.length.saturating_sub(most);
        let mut bytes = vec![0; usize::try_from(self.length - start).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    fn with_lock<T>(&mut self, act: impl FnOnce(&mut AuditFile) -> Result<T, AuditError>) -> Result<T, AuditError> {
        let until = Instant::now() + LOCK_PATIENCE;
        loop {
            match self.file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => return Err(AuditError::Busy { path: self.path.clone() }),
                Err(TryLockError::Error(error)) => return Err(AuditError::cannot_write(&self.path, &error)),
            }
        }
        let answer = act(self);
        // A lock that stayed would hold up the others until this process ends, and no longer.
        let _ = self.file.unlock();
        answer
    }
}

/// What a file ends with.
#[derive(Debug)]
enum End {
    Empty,
    Intact {
        tail: Tail,
        /// The last record has its newline.
        newline: bool,
    },
    Damaged {
        /// The last record that can be read.
        before: Option<Tail>,
        /// What stands behind it.
        about: Break,
        /// It ends with a newline.
        newline: bool,
    },
    /// A record of a later release.
    Newer(u64),
}

/// The last line, if it is a record.
fn last_record(bytes: &[u8]) -> Option<End> {
    let (body, newline) = without_newline(bytes);
    let line = body.rsplit(|byte| *byte == b'\n').next().unwrap_or(body);
    match record(line) {
        Ok(record) => Some(End::Intact { tail: record.tail(), newline }),
        Err(LineFault::Newer(version)) => Some(End::Newer(version)),
        Err(_) => None,
    }
}

/// The last record that can be read, and what stands behind it; none if this is no audit log. `whole`: these are all the bytes
/// of the file.
fn damaged(bytes: &[u8], whole: bool) -> Option<End> {
    let (body, newline) = without_newline(bytes);
    let mut rest = body;
    let mut lines = 0_u64;
    while let Some(cut) = rest.iter().rposition(|byte| *byte == b'\n') {
        lines += 1;
        let (before, _) = rest.split_at(cut);
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or(before);
        if let Ok(record) = record(line) {
            let behind = body.get(cut + 1..).unwrap_or_default();
            let about = Break { torn: !newline && lines == 1, bytes: behind.len() as u64, sha256: Hash::of(behind) };
            return Some(End::Damaged { before: Some(record.tail()), about, newline });
        }
        rest = before;
    }
    // The very first record, cut short: anything else is a file of somebody else.
    let first_torn = whole && lines == 0 && !newline && body.starts_with(b"{\"") && body.len() < RECORD_BYTES;
    first_torn.then(|| End::Damaged {
        before: None,
        about: Break { torn: true, bytes: body.len() as u64, sha256: Hash::of(body) },
        newline,
    })
}

fn without_newline(bytes: &[u8]) -> (&[u8], bool) {
    bytes.strip_suffix(b"\n").map_or((bytes, false), |body| (body, true))
}

/// The line, given without its newline, as a record.
fn record(line: &[u8]) -> Result<chain::Record, LineFault> {
    let mut whole = Vec::with_capacity(line.len() + 1);
    whole.extend_from_slice(line);
    whole.push(b'\n');
    chain::read(&whole)
}

/// The log's own records have the time and the run of the record that they are written with.
fn on_envelope(mut own: Map<String, Value>, record: &Map<String, Value>) -> Map<String, Value> {
    for name in ["time", "run"] {
        if let Some(value) = record.get(name) {
            own.insert(name.to_owned(), value.clone());
        }
    }
    own
}

fn damage(path: &Path, about: Break) -> String {
    let what = if about.torn { "ended in a line that was cut short" } else { "ended in lines that were altered" };
    format!(
        "the audit file `{}` {what} ({} bytes); this was recorded in it, look with `rotabox audit verify`",
        path.display(),
        about.bytes
    )
}

/// Refuses a file that others can write, or that is known by another name too.
fn refuse_unsafe(path: &Path, metadata: &Metadata) -> Result<(), AuditError> {
    if !metadata.is_file() {
        return Err(not_a_file(path));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() && metadata.uid() != 0 {
        return Err(AuditError::unsafe_file(path, "it belongs to another user", "make it the runner's own (chown)"));
    }
    if metadata.mode() & GROUP_OR_OTHERS_WRITE != 0 {
        return Err(AuditError::unsafe_file(path, "others may write to it", "take that right away (chmod go-w)"));
    }
    if metadata.nlink() != 1 {
        return Err(AuditError::unsafe_file(
            path,
            "it has a second name (a hard link)",
            "remove that name, or name another file",
        ));
    }
    Ok(())
}

fn not_a_file(path: &Path) -> AuditError {
    AuditError::unsafe_file(path, "it is no regular file", "name a file")
}

/// The last record of the file that was rotated away last: `audit.jsonl.1`, `audit.jsonl-20260101`. Best effort; a compressed
/// file holds no line that could be read.
fn newest_older_file(path: &Path) -> Option<Hash> {
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let older = std::fs::read_dir(folder).ok()?.flatten().filter(|entry| {
        let of = entry.file_name();
        let rest = of.to_str().and_then(|of| of.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['.', '-'])) && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    let newest = older
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .max_by_key(|(modified, _)| *modified)?;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(newest.1).ok()?;
    let length = file.metadata().ok()?.len();
    let start = length.saturating_sub(RECORD_BYTES as u64);
    let mut bytes = vec![0; usize::try_from(length - start).ok()?];
    file.read_exact_at(&mut bytes, start).ok()?;
    match last_record(&bytes)? {
        End::Intact { tail, .. } => Some(tail.hash),
        End::Empty | End::Damaged { .. } | End::Newer(_) => None,
    }
}
