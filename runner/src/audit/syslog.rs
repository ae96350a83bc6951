//! The system log: one datagram a message to its local socket. No network.
//!
//! The format is that of the C library (`<PRI>rotabox[pid]: message`), which every system log reads on its local socket;
//! journald does not read RFC 5424 there. Without a time: the system log writes down when it got the message, and the
//! record has its own.

use super::AuditError;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the system log listens.
pub const SOCKET: &str = if cfg!(target_os = "macos") { "/var/run/syslog" } else { "/dev/log" };

/// How long a full system log is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Security and authorization messages, private.
const AUTHPRIV: u8 = 10;

/// How much a message matters, as the system log counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Warning = 4,
    Notice = 5,
}

/// The open socket.
#[derive(Debug)]
pub(super) struct SystemLog {
    path: PathBuf,
    socket: UnixDatagram,
}

impl SystemLog {
    /// Connects, while files can still be reached by name.
    pub(super) fn open(path: &Path) -> Result<SystemLog, AuditError> {
        let failed = |error: io::Error| AuditError::NoSystemLog { path: path.to_owned(), why: error.kind() };
        let socket = connected(path).map_err(failed)?;
        Ok(SystemLog { path: path.to_owned(), socket })
    }

    /// Sends one message; once more if the system log was started anew meanwhile.
    pub(super) fn send(&mut self, severity: Severity, message: &[u8]) -> Result<(), AuditError> {
        let message = self.datagram(severity, message);
        let again = match self.socket.send(&message) {
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected) => {
                error
            }
            Err(error) => return Err(self.failed(&error)),
        };
        match connected(&self.path) {
            Ok(socket) => self.socket = socket,
            Err(_) => return Err(self.failed(&again)),
        }
        self.socket.send(&message).map(|_| ()).map_err(|error| self.failed(&error))
    }

    fn datagram(&self, severity: Severity, message: &[u8]) -> Vec<u8> {
        let priority = AUTHPRIV * 8 + severity as u8;
        let mut datagram = format!("<{priority}>rotabox[{}]: ", std::process::id()).into_bytes();
        datagram.extend_from_slice(message.strip_suffix(b"\n").unwrap_or(message));
        datagram
    }

    fn failed(&self, error: &io::Error) -> AuditError {
        AuditError::SystemLogFails { path: self.path.clone(), why: error.kind() }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the local socket of the system log, by its path: no host can be reached by it"
)]
fn connected(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}
