//! A worker that is started before anybody knows what it will run.
//!
//! Starting a process takes longer than reading the operator's files, and needs none of them: so it is the first thing that a run does.
//! The worker's standard input is one end of a pair of sockets; over it comes, before the first frame, one message that brings the file of
//! native code, or says that there is none. Until then the worker does nothing but wait.

use super::link::{Link, TOLD_WORD, itself, worker_command};
use crate::confine::handover::{self, Channel};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;
use tokio::process::{Child, ChildStdout, Command};

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
}

impl Starting {
    /// Starts it from this very binary. Needs a tokio runtime, and a thread that lives as long as the worker shall.
    pub fn spawn() -> io::Result<Starting> {
        let (channel, other) = handover::channel()?;
        let mut command = worker_command(&itself()?);
        command.arg(TOLD_WORD).stdin(Stdio::from(other));
        let mut child = Command::from(command).kill_on_drop(true).spawn()?;
        let from_worker = child.stdout.take().ok_or_else(|| io::Error::other("the pipe from the worker is missing"))?;
        Ok(Starting { channel, child, from_worker })
    }

    /// The process.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Tells it what there is: a file of native code, which [`Link::load_native`] speaks of, or none.
    pub fn tell(self, native: Option<&File>) -> io::Result<Link> {
        match native {
            Some(file) => self.channel.send(WITH_CODE, 0, &[file.as_fd()])?,
            None => self.channel.send(WITHOUT_CODE, 0, &[])?,
        }
        let to_worker = self.channel.into_descriptor()?;
        Link::told(Started { child: self.child, to_worker, from_worker: self.from_worker })
    }
}

/// A worker that was killed and whose end nobody has waited for: the kernel takes its memory back meanwhile.
#[derive(Debug)]
pub struct Leaving(Option<u32>);

impl Leaving {
    /// A process that is killed before [`Leaving::wait`] is called.
    pub fn of(starting: &Starting) -> Leaving {
        Leaving(starting.process())
    }

    /// There is none.
    pub fn nobody() -> Leaving {
        Leaving(None)
    }

    /// Waits for its end, so that nothing of the run is left when this process ends.
    pub fn wait(self) {
        use rustix::process::{Pid, WaitOptions, waitpid};
        let id = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may have been waited for already: then it is no child of ours any more, and that is an error.
            while matches!(waitpid(Some(id), WaitOptions::empty()), Err(rustix::io::Errno::INTR)) {}
        }
    }
}
