//! The launcher of a batch: a small process that starts workers when the broker's own walls forbid that.
//!
//! It is this binary, started as `rotabox __launcher` before the walls go up, with an empty environment and one socket to the broker. It
//! sees no module, no params and no frame: it starts a worker when asked, hands the ends of its two pipes over, and reaps it when
//! asked. It dies with the broker, and its workers die with it.
//!
//! | the broker says | the launcher answers |
//! | --- | --- |
//! | `s` | `w`, process id and two descriptors; or `e`, the system's error number |
//! | `k`, process id | kills it if it still runs; `x`, exit code, or `d`, the signal that it died by, or `?` |

use super::link::{NATIVE_WORD, itself};
use crate::confine::handover::{self, Channel, Message};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};

/// The verb that makes this binary a launcher. Not shown in the help.
pub const LAUNCHER_VERB: &str = "__launcher";

/// The broker's side.
#[derive(Debug)]
pub struct Launcher {
    channel: Mutex<Channel>,
    // It ends when the channel does.
    _child: Child,
}

/// A worker that was started: its process, and the broker's ends of its pipes.
#[derive(Debug)]
pub struct Launched {
    /// The process.
    pub process: u32,
    /// Writes to it.
    pub to_worker: OwnedFd,
    /// Reads from it.
    pub from_worker: OwnedFd,
}

impl Launcher {
    /// Starts the launcher from this very binary, on a thread that lives as long as it shall. Each worker is handed `native`, an open file of
    /// native code.
    pub fn spawn(native: Option<&File>) -> io::Result<Launcher> {
        let (channel, other) = handover::channel()?;
        let mut command = Command::new(itself()?);
        command.arg0("rotabox").arg(LAUNCHER_VERB).arg(std::process::id().to_string()).env_clear();
        command.stdin(Stdio::from(other)).stdout(Stdio::null()).process_group(0);
        // As for a worker: nothing is said on stderr, so that descriptor is free for the file.
        match native {
            Some(file) => command.arg(NATIVE_WORD).stderr(file.try_clone()?),
            None => command.stderr(Stdio::null()),
        };
        Ok(Launcher { channel: Mutex::new(channel), _child: command.spawn()? })
    }

    /// Starts a worker. Blocks for as long as that takes.
    pub fn start(&self) -> io::Result<Launched> {
        let answer = self.ask(b's', 0)?;
        match (answer.word, <[OwnedFd; 2]>::try_from(answer.descriptors)) {
            (b'w', Ok([to_worker, from_worker])) => Ok(Launched { process: answer.number, to_worker, from_worker }),
            (b'e', Err(none)) if none.is_empty() => {
                Err(io::Error::from_raw_os_error(i32::try_from(answer.number).unwrap_or_default()))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Ends a worker and answers how it ended, in words. Blocks for as long as that takes.
    pub fn reap(&self, process: u32) -> String {
        match self.ask(b'k', process) {
            Ok(Message { word: b'x', number, .. }) => format!("exited with {number}"),
            Ok(Message { word: b'd', number, .. }) => format!("killed by signal {number}"),
            Ok(_) | Err(_) => "how it ended is not known".to_owned(),
        }
    }

    fn ask(&self, word: u8, number: u32) -> io::Result<Message> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.send(word, number, &[])?;
        channel.receive()?.ok_or_else(|| io::Error::other("the launcher has ended"))
    }
}

/// The launcher's process: serves until the broker has ended.
pub fn main() -> ExitCode {
    // stderr is nowhere, or a file of native code that was opened for reading.
    std::panic::set_hook(Box::new(|_| {}));
    // `rotabox __launcher BROKER [native]`
    let mut args = std::env::args_os().skip(2);
    let broker = args.next().and_then(|id| id.to_str()?.parse().ok());
    let native = args.next().is_some_and(|word| word == NATIVE_WORD);
    if crate::confine::launcher_start(broker).is_err() {
        return ExitCode::FAILURE;
    }
    let (Ok(channel), Ok(itself)) = (handover::inherited(), itself()) else { return ExitCode::FAILURE };
    crate::confine::launcher_walls();
    match serve(&channel, &itself, native) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(channel: &Channel, itself: &Path, native: bool) -> io::Result<()> {
    let mut workers = BTreeMap::new();
    while let Some(message) = channel.receive()? {
        match message.word {
            b's' => match start(itself, native) {
                Ok((mut child, to_worker, from_worker)) => {
                    let process = child.id();
                    if let Err(error) = channel.send(b'w', process, &[to_worker.as_fd(), from_worker.as_fd()]) {
                        let _ = child.kill();
                        return Err(error);
                    }
                    workers.insert(process, child);
                }
                Err(error) => channel.send(b'e', error.raw_os_error().unwrap_or_default().unsigned_abs(), &[])?,
            },
            b'k' => {
                let status = workers.remove(&message.number).and_then(|mut child: Child| {
                    // It may have ended already.
                    let _ = child.kill();
                    child.wait().ok()
                });
                match status.map(|status| (status.code(), status.signal())) {
                    Some((Some(code), _)) => channel.send(b'x', code.unsigned_abs(), &[])?,
                    Some((None, Some(signal))) => channel.send(b'd', signal.unsigned_abs(), &[])?,
                    _ => channel.send(b'?', 0, &[])?,
                }
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

fn start(itself: &Path, native: bool) -> io::Result<(Child, OwnedFd, OwnedFd)> {
    let mut command = super::link::worker_command(itself);
    if native {
        command.arg(NATIVE_WORD).stderr(Stdio::inherit());
    }
    let mut child = command.spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(to_worker), Some(from_worker)) => Ok((child, to_worker.into(), from_worker.into())),
        _ => Err(io::Error::other("the pipes to the worker are missing")),
    }
}
