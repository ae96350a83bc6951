//! A run's way to the broker: calls that wait for their reply, and log lines that do not.

use super::Stop;
use crate::wire::frame::{self, Frame, FrameError};
use crate::wire::{CALLS_PER_STEP, Call, LINE_MAX, LINES_PER_STEP, Level, LogLine, Reply, RunId, ToBroker, clip};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// The pipe to the broker, shared by all runs.
#[derive(Clone)]
pub(super) struct Out(Arc<Mutex<Box<dyn Write + Send>>>);

impl Out {
    pub(super) fn new(pipe: Box<dyn Write + Send>) -> Out {
        Out(Arc::new(Mutex::new(pipe)))
    }

    /// One frame, one write.
    pub(super) fn write(&self, run: RunId, frame: &impl Frame) -> io::Result<()> {
        let bytes = frame::encode(run, frame).map_err(io::Error::other)?;
        lock(&self.0).write_all(&bytes)
    }
}

/// What a run and the loop around it share. Clones are the same port.
#[derive(Clone)]
pub(super) struct Port {
    run: RunId,
    out: Out,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    outstanding: Outstanding,
    /// The earliest time that something in the guest waits for.
    alarm: Option<Instant>,
    /// The latest time that the broker said has come. Its word counts: it may keep another clock than ours.
    slept_until: Option<Instant>,
    calls: u32,
    lines: u32,
}

#[derive(Default)]
enum Outstanding {
    #[default]
    Nothing,
    /// A host call, and what its reply must be.
    Call(Expect),
    /// A sleep until this time, which no host call waits for.
    Alarm(Instant),
    Here(Reply),
}

#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Routes,
    Sent,
    Now,
    Slept,
}

/// Why a host call did not come about. Ends the step.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// More than [`CALLS_PER_STEP`].
    #[error("more than {CALLS_PER_STEP} host calls")]
    TooMany,
    /// The broker went away, or the call is too large to be said.
    #[error("the broker cannot be reached")]
    Pipe(#[source] io::Error),
}

/// What a run that does not go on is waiting for.
#[derive(Debug, PartialEq)]
pub(super) enum Waits {
    ForReply,
    /// Nothing could ever wake it.
    ForNothing,
}

impl Port {
    pub(super) fn new(run: RunId, out: Out) -> Port {
        Port { run, out, slot: Arc::default() }
    }

    /// Says the call and waits for its reply, which is of the call's own kind.
    pub(super) async fn call(&self, call: Call) -> Result<Reply, CallError> {
        self.say(&call, Outstanding::Call(Expect::of(&call)))?;
        std::future::poll_fn(|_| {
            let mut slot = lock(&self.slot);
            match std::mem::take(&mut slot.outstanding) {
                Outstanding::Here(reply) => Poll::Ready(Ok(reply)),
                other => {
                    slot.outstanding = other;
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Writes a log line, or counts it as dropped.
    pub(super) fn log(&self, level: Level, text: String) -> io::Result<()> {
        let lines = {
            let mut slot = lock(&self.slot);
            slot.lines = slot.lines.saturating_add(1);
            slot.lines
        };
        let line = if lines <= LINES_PER_STEP {
            LogLine { level, text: clip(text, LINE_MAX) }
        } else if lines == LINES_PER_STEP.saturating_add(1) {
            LogLine { level: Level::Warn, text: "further lines were dropped".to_owned() }
        } else {
            return Ok(());
        };
        self.out.write(self.run, &ToBroker::Log(line))
    }

    /// The time, as far as this run can tell.
    pub(super) fn now(&self) -> Instant {
        let now = Instant::now();
        lock(&self.slot).slept_until.map_or(now, |slept_until| now.max(slept_until))
    }

    /// Asks to be woken at that time; the earliest of several counts.
    pub(super) fn wake_at(&self, time: Instant) {
        let mut slot = lock(&self.slot);
        slot.alarm = Some(slot.alarm.map_or(time, |alarm| alarm.min(time)));
    }

    /// After a run stopped going on: sees to it that something wakes it.
    pub(super) fn settle(&self) -> Result<Waits, CallError> {
        let alarm = {
            let mut slot = lock(&self.slot);
            match slot.outstanding {
                Outstanding::Call(_) | Outstanding::Alarm(_) => return Ok(Waits::ForReply),
                Outstanding::Nothing | Outstanding::Here(_) => slot.alarm.take(),
            }
        };
        let Some(alarm) = alarm else { return Ok(Waits::ForNothing) };
        // Rounded up, or a wait for less than a millisecond would spin.
        let wait = alarm.saturating_duration_since(self.now()).saturating_add(Duration::from_micros(999));
        let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.say(&Call::Sleep { milliseconds }, Outstanding::Alarm(alarm))?;
        Ok(Waits::ForReply)
    }

    /// The broker's reply to the outstanding call. One that was not asked for is an error.
    pub(super) fn deliver(&self, reply: Reply) -> Result<(), Stop> {
        let mut slot = lock(&self.slot);
        slot.outstanding = match (&slot.outstanding, reply) {
            (Outstanding::Call(expected), reply) if *expected == Expect::from(&reply) => Outstanding::Here(reply),
            (Outstanding::Alarm(time), Reply::Slept) => {
                slot.slept_until = Some(*time);
                Outstanding::Nothing
            }
            _ => return Err(Stop::OutOfTurn("reply")),
        };
        Ok(())
    }

    fn say(&self, call: &Call, outstanding: Outstanding) -> Result<(), CallError> {
        {
            let mut slot = lock(&self.slot);
            slot.calls = slot.calls.saturating_add(1);
            if slot.calls > CALLS_PER_STEP {
                return Err(CallError::TooMany);
            }
            slot.outstanding = outstanding;
        }
        self.out.write(self.run, &ToBroker::Call(call.clone())).map_err(CallError::Pipe)
    }
}

impl Expect {
    fn of(call: &Call) -> Expect {
        match call {
            Call::Routes => Expect::Routes,
            Call::Send { .. } => Expect::Sent,
            Call::Now => Expect::Now,
            Call::Sleep { .. } => Expect::Slept,
        }
    }
}

impl From<&Reply> for Expect {
    fn from(reply: &Reply) -> Expect {
        match reply {
            Reply::Routes(_) => Expect::Routes,
            Reply::Sent(_) => Expect::Sent,
            Reply::Now(_) => Expect::Now,
            Reply::Slept => Expect::Slept,
        }
    }
}

impl From<FrameError> for CallError {
    fn from(error: FrameError) -> CallError {
        CallError::Pipe(io::Error::other(error))
    }
}

/// There is one thread; a lock is only what lets a store be sent between threads in theory.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
