//! A worker that is started before anybody knows what it will run.
//!
//! Starting a process takes longer than reading the operator's files, and needs none of them: so it is the first thing that a run does.
//! The worker's standard input is one end of a pair of sockets; over it comes, before the first frame, one message that brings the file of
//! native code, or says that there is none. Until then the worker does nothing but wait.

use super::link::{Link, TOLD_WORD, itself, worker_command};
use crate::confine::handover::{self, Channel};
use crate::wire::frame;
use crate::wire::{NativeCode, RunId, ToWorker};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, ChildStdout, Command};

/// How long the end of a killed worker is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The message that brings a file.
pub(crate) const WITH_CODE: u8 = b'n';
/// The message that brings none.
pub(crate) const WITHOUT_CODE: u8 = b'-';

/// A worker process that waits for that message. Killed when dropped.
#[derive(Debug)]
pub struct Starting {
    channel: Channel,
    child: Child,
    from_worker: ChildStdout,
}

/// What is left of it for a [`Link`].
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) to_worker: OwnedFd,
    pub(super) from_worker: ChildStdout,
    /// It is asked to load native code already.
    pub(super) loads_native: bool,
}

impl Starting {
    /// Starts it from this very binary. Needs a tokio runtime, and a thread that lives as long as the worker shall.
    pub fn spawn() -> io::Result<Starting> {
        let (channel, other) = handover::channel()?;
        let mut command = worker_command(&itself()?);
        command.arg(TOLD_WORD).stdin(Stdio::from(other));
        let mut child = Command::from(command).kill_on_drop(true).spawn()?;
        let from_worker = child.stdout.take().ok_or_else(|| io::Error::other("the pipe from the worker is missing"))?;
        #[cfg(target_os = "linux")]
        if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
            beside_us(id);
        }
        Ok(Starting { channel, child, from_worker })
    }

    /// The process.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Tells it what there is: a file of native code, which it begins to load, or none.
    pub fn tell(self, native: Option<(&File, NativeCode)>) -> io::Result<Link> {
        let loads_native = native.is_some();
        let to_worker = match native {
            Some((file, code)) => {
                self.channel.send(WITH_CODE, 0, &[file.as_fd()])?;
                let frame = frame::encode(RunId(0), &ToWorker::LoadNative(code)).map_err(io::Error::other)?;
                // Some hundred bytes, into a socket that is empty: nobody waits.
                let mut to_worker = File::from(self.channel.into_descriptor()?);
                to_worker.write_all(&frame)?;
                to_worker.into()
            }
            None => {
                self.channel.send(WITHOUT_CODE, 0, &[])?;
                self.channel.into_descriptor()?
            }
        };
        Link::told(Started { child: self.child, to_worker, from_worker: self.from_worker, loads_native })
    }
}

/// Moves a process that was just started to another processor, if there is one that we may use: where it shares ours it would wait until we
/// wait, and start no earlier than if it had been started then. It may come back later.
#[cfg(target_os = "linux")]
fn beside_us(id: rustix::process::Pid) {
    use rustix::thread::{sched_getaffinity, sched_getcpu, sched_setaffinity};
    let Ok(all) = sched_getaffinity(None) else { return };
    let mut others = all;
    others.unset(sched_getcpu());
    // It is only about time: what fails leaves the process where it is.
    if others.count() > 0 && sched_setaffinity(Some(id), &others).is_ok() {
        let _ = sched_setaffinity(Some(id), &all);
    }
}

/// A worker that was killed and whose end nobody has waited for: the kernel takes its memory back while the result is written. With it
/// goes what is to be closed behind the result.
pub struct Leaving {
    worker: Option<u32>,
    closing: Vec<Box<dyn FnOnce()>>,
}

impl Leaving {
    /// A process that is killed before [`Leaving::wait`] is called.
    pub fn of(starting: &Starting) -> Leaving {
        Leaving { worker: starting.process(), closing: Vec::new() }
    }

    /// There is none.
    pub fn nobody() -> Leaving {
        Leaving { worker: None, closing: Vec::new() }
    }

    /// Something to be done in [`Leaving::wait`], before the worker's end is waited for.
    pub fn after(&mut self, close: impl FnOnce() + 'static) {
        self.closing.push(Box::new(close));
    }

    /// Closes what is left, and waits for the worker's end, so that nothing of the run is left when this process ends; not for ever: a killed process that hangs in the
    /// kernel must not keep a result from its reader.
    pub fn wait(self) {
        use rustix::process::{Pid, WaitOptions, waitpid};
        self.closing.into_iter().for_each(|close| close());
        let Some(id) = self.worker.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else { return };
        // It may have been waited for already: then it is no child of ours any more, and that is an error.
        if matches!(waitpid(Some(id), WaitOptions::NOHANG), Ok(None)) {
            has_ended(id);
            let _ = waitpid(Some(id), WaitOptions::NOHANG);
        }
    }
}

/// Waits until that child has ended, or [`PATIENCE`] has; cut short by a signal, it is left to the system to reap.
#[cfg(target_os = "linux")]
fn has_ended(id: rustix::process::Pid) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{PidfdFlags, pidfd_open};
    if let Ok(process) = pidfd_open(id, PidfdFlags::empty()) {
        let at_most = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&at_most));
    }
}

/// The same, where a process is no descriptor.
#[cfg(not(target_os = "linux"))]
fn has_ended(id: rustix::process::Pid) {
    use rustix::process::{WaitOptions, waitpid};
    let until = std::time::Instant::now() + PATIENCE;
    while matches!(waitpid(Some(id), WaitOptions::NOHANG), Ok(None)) && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}
