//! The audit log: what was asked, sent, answered and concluded, in a chain that shows edits.
//!
//! | module | what |
//! | --- | --- |
//! | [`event`] | what is recorded, and what is not |
//! | [`canonical`] | the one way to write a record |
//! | [`chain`] | records linked by their hashes; reading one back |
//! | [`sink`], [`syslog`] | the file, the system log |
//! | `group` | bringing records to the disk for many runs at once |
//! | [`trail`] | one run's way through it |
//! | [`verify`] | is a log whole? |
//! | [`ocsf`] | outcomes as OCSF events |
//!
//! **The rule**: what cannot be recorded is not done. [`Trail::intend`] answers an [`Intended`] once the record is on the disk,
//! and a changing request needs one; so a full disk refuses the change and leaves the password as it was. What is recorded
//! after a change goes through [`Trail::note`], which cannot fail: the outcome is what it is, and a warning says what the
//! log lacks.

pub mod canonical;
pub mod chain;
pub mod event;
mod group;
pub mod ocsf;
mod sink;
mod syslog;
mod trail;
pub mod verify;

pub use event::Event;
pub use group::Ticket;
pub use syslog::SOCKET;
pub use trail::{Intended, Trail};

use chain::{Hash, Tail};
use serde_json::{Map, Value};
use sink::AuditFile;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use syslog::{Severity, SystemLog};

/// `[audit]` of the host file: where records go. Nowhere, unless it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `file = "/var/log/rotabox/audit.jsonl"`. Absolute.
    pub file: Option<PathBuf>,
    /// `syslog = true`: to the system log of this host; all records if there is no file, else the intents and outcomes.
    pub syslog: bool,
}

/// The open sinks of this process. Cheap to clone: it is the same log.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Mutex<Sinks>>);

#[derive(Debug)]
struct Sinks {
    file: Option<AuditFile>,
    system_log: Option<SystemLog>,
    /// The chain of a process that writes no file.
    tail: Option<Tail>,
    /// Records of many runs are brought to the disk together.
    group: Option<group::Group>,
}

/// What came of one record.
#[derive(Debug, Default)]
struct Recorded {
    /// Its hash, if it is where it will stay.
    anchor: Option<Hash>,
    /// What people should look at.
    warnings: Vec<String>,
    /// It is written, and has yet to be brought to the disk.
    ticket: Option<Ticket>,
}

impl Audit {
    /// Opens what the operator's file names: before stdin is read, while files can still be opened.
    pub fn open(settings: &Settings) -> Result<Audit, AuditError> {
        Audit::open_at(settings, Path::new(SOCKET))
    }

    /// As [`Audit::open`], with the system log's socket elsewhere: for tests.
    pub fn open_at(settings: &Settings, socket: &Path) -> Result<Audit, AuditError> {
        let file = settings.file.as_deref().map(AuditFile::open).transpose()?;
        let system_log = settings.syslog.then(|| SystemLog::open(socket)).transpose()?;
        Ok(Audit(Arc::new(Mutex::new(Sinks { file, system_log, tail: None, group: None }))))
    }

    /// For a host whose operator wants no log: records go nowhere, and nothing is refused.
    pub fn off() -> Audit {
        Audit(Arc::new(Mutex::new(Sinks { file: None, system_log: None, tail: None, group: None })))
    }

    /// From now on records are brought to the disk by a thread, for many runs at once: [`Trail::on_disk`] tells when.
    pub fn in_groups(&self) -> Result<(), AuditError> {
        let mut sinks = self.lock();
        if let Some(file) = &sinks.file {
            let bug = |error: io::Error| AuditError::Bug { what: format!("the audit log's thread: {error}") };
            let group = group::Group::start(file.syncer().map_err(bug)?).map_err(bug)?;
            sinks.group = Some(group);
        }
        Ok(())
    }

    /// Whether records go nowhere.
    fn is_off(&self) -> bool {
        let sinks = self.lock();
        sinks.file.is_none() && sinks.system_log.is_none()
    }

    /// Waits until a record is on the disk.
    async fn on_disk(&self, ticket: Ticket) -> Result<(), AuditError> {
        let (waiting, path) = {
            let sinks = self.lock();
            match (&sinks.group, &sinks.file) {
                (Some(group), Some(file)) => (group.waiting(), file.path().to_owned()),
                _ => return Ok(()),
            }
        };
        waiting.until(ticket).await.map_err(|why| Ticket::failed(&path, why))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sinks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trail of one run.
    pub fn trail(&self, run: &str) -> Trail {
        Trail::new(self.clone(), run)
    }

    /// Writes one record. The error is that of the sink that counts: the file, or else the system log.
    fn write(&self, record: Map<String, Value>, event: &Event) -> Result<Recorded, AuditError> {
        let mut sinks = self.lock();
        let Sinks { file, system_log, tail, group } = &mut *sinks;
        let severity = if event.is_bad() { Severity::Warning } else { Severity::Notice };
        match (file, system_log) {
            (None, None) => Ok(Recorded::default()),
            (Some(file), system_log) => {
                let appended = file.append(record, event.is_durable() && group.is_none())?;
                let ticket = group.as_ref().filter(|_| event.is_durable()).map(group::Group::ticket);
                let mut warnings: Vec<String> = appended.found.into_iter().collect();
                if let (Some(log), true) = (system_log, event.is_durable())
                    && let Err(error) = log.send(severity, &appended.line)
                {
                    warnings.push(error.to_string());
                }
                Ok(Recorded { anchor: event.is_durable().then_some(appended.tail.hash), warnings, ticket })
            }
            (None, Some(log)) => {
                let bug = |error: canonical::NotCanonical| AuditError::Bug { what: error.to_string() };
                let mut line = Vec::new();
                let next = chain::seal(record, *tail, &mut line).map_err(bug)?;
                log.send(severity, &line)?;
                *tail = Some(next);
                Ok(Recorded { anchor: Some(next.hash), ..Recorded::default() })
            }
        }
    }
}

/// Why the log could not be opened or written. Before a change, this refuses it.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The system said no.
    #[error("the audit file `{path}` cannot be opened ({why}); {hint}", path = path.display(), hint = hint(*why))]
    CannotOpen {
        /// `[audit] file`.
        path: PathBuf,
        /// The system's word.
        why: io::ErrorKind,
    },
    /// Others could write or exchange it, or it is no file.
    #[error("the audit file `{path}` is not safe: {what}; {fix}", path = path.display())]
    Unsafe {
        /// `[audit] file`.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// There are lines in it, and none of the last ones is a record.
    #[error(
        "the file `{path}` holds no audit record where its last one should be; look at it with `rotabox audit verify`, then move it \
         away, or name another file under [audit]", path = path.display()
    )]
    NotALog {
        /// `[audit] file`.
        path: PathBuf,
    },
    /// A later release writes it.
    #[error(
        "the audit file `{path}` is written by a later release of rotabox (record version {version}); use that release, or name \
         another file under [audit]", path = path.display()
    )]
    Newer {
        /// `[audit] file`.
        path: PathBuf,
        /// The version of its last record.
        version: u64,
    },
    /// Somebody holds the lock.
    #[error("another process holds the audit file `{path}` and does not let go; find it with `fuser` and end it", path = path.display())]
    Busy {
        /// `[audit] file`.
        path: PathBuf,
    },
    /// Writing or syncing failed.
    #[error("the audit file `{path}` cannot be written ({why}); {hint}", path = path.display(), hint = hint(*why))]
    CannotWrite {
        /// `[audit] file`.
        path: PathBuf,
        /// The system's word.
        why: io::ErrorKind,
    },
    /// Its end cannot be read, so nothing can be linked to it.
    #[error("the end of the audit file `{path}` cannot be read ({why}); {hint}", path = path.display(), hint = hint(*why))]
    CannotRead {
        /// `[audit] file`.
        path: PathBuf,
        /// The system's word.
        why: io::ErrorKind,
    },
    /// Nobody listens there.
    #[error(
        "the system log does not listen at `{path}` ({why}); start it (in a container: mount its socket), or take `syslog` \
         from [audit]", path = path.display()
    )]
    NoSystemLog {
        /// Its socket.
        path: PathBuf,
        /// The system's word.
        why: io::ErrorKind,
    },
    /// It listened, and does not take a message.
    #[error("the system log at `{path}` took no message ({why}); look whether it runs and has room", path = path.display())]
    SystemLogFails {
        /// Its socket.
        path: PathBuf,
        /// The system's word.
        why: io::ErrorKind,
    },
    /// A bug of ours.
    #[error("a bug of rotabox: {what}; please report it")]
    Bug {
        /// What happened.
        what: String,
    },
}

impl AuditError {
    fn cannot_open(path: &Path, error: &io::Error) -> AuditError {
        AuditError::CannotOpen { path: path.to_owned(), why: error.kind() }
    }

    fn cannot_read(path: &Path, error: &io::Error) -> AuditError {
        AuditError::CannotRead { path: path.to_owned(), why: error.kind() }
    }

    fn cannot_write(path: &Path, error: &io::Error) -> AuditError {
        AuditError::CannotWrite { path: path.to_owned(), why: error.kind() }
    }

    fn unsafe_file(path: &Path, what: &'static str, fix: &'static str) -> AuditError {
        AuditError::Unsafe { path: path.to_owned(), what, fix }
    }
}

/// What to do about an error of the file system.
fn hint(why: io::ErrorKind) -> &'static str {
    match why {
        io::ErrorKind::NotFound => "make its folder, owned by the runner's user",
        io::ErrorKind::PermissionDenied => "give the runner's user the right to write there",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on its disk",
        io::ErrorKind::FileTooLarge => "rotate it, or raise the limit on file sizes (ulimit -f)",
        io::ErrorKind::ReadOnlyFilesystem => "name a file on a disk that can be written",
        _ => "name another file under [audit], or mend what is wrong with this one",
    }
}
