//! A run's way to the broker: calls that wait for their reply, and log lines that do not.

use super::Stop;
use crate::wire::frame::{self, Frame, FrameError};
use crate::wire::{CALLS_PER_STEP, Call, LINE_MAX, LINES_PER_STEP, Level, LogLine, Reply, RunId, ToBroker, clip};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// The pipe to the broker, shared by all runs.
///
/// Frames are put together, and written before the worker reads (see [`Out::before_each_read_of`]) or computes without reading: the
/// frames of a batch's lines come many at a time, and so are answered many at a time.
#[derive(Clone)]
pub(super) struct Out(Arc<Mutex<Unwritten>>);

struct Unwritten {
    pipe: Box<dyn Write + Send>,
    bytes: Vec<u8>,
    since: Instant,
}

/// Frames are written at the latest when there are so many bytes of them, …
const UNWRITTEN_BYTES: usize = 32 * 1024;
/// … or when the last write is so long ago: a step may compute for some milliseconds, and those before it have nothing to do with that.
const UNWRITTEN_FOR: Duration = Duration::from_millis(1);

impl Out {
    pub(super) fn new(pipe: Box<dyn Write + Send>) -> Out {
        Out(Arc::new(Mutex::new(Unwritten { pipe, bytes: Vec::new(), since: Instant::now() })))
    }

    /// Adds one frame.
    pub(super) fn write(&self, run: RunId, frame: &impl Frame) -> io::Result<()> {
        let mut out = lock(&self.0);
        frame::encode_to(run, frame, &mut out.bytes).map_err(io::Error::other)?;
        if out.bytes.len() >= UNWRITTEN_BYTES || out.since.elapsed() >= UNWRITTEN_FOR {
            out.flush()?;
        }
        Ok(())
    }

    /// Writes what was added.
    pub(super) fn flush(&self) -> io::Result<()> {
        lock(&self.0).flush()
    }

    /// An input whose reader may have to wait for the broker, who therefore hears first what there is to be said.
    pub(super) fn before_each_read_of<R: Read>(&self, input: R) -> impl Read {
        FlushFirst { out: self.clone(), input }
    }
}

impl Unwritten {
    fn flush(&mut self) -> io::Result<()> {
        self.since = Instant::now();
        if self.bytes.is_empty() {
            return Ok(());
        }
        self.pipe.write_all(&self.bytes)?;
        self.bytes.clear();
        self.bytes.shrink_to(UNWRITTEN_BYTES * 2);
        Ok(())
    }
}

struct FlushFirst<R> {
    out: Out,
    input: R,
}

impl<R: Read> Read for FlushFirst<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.out.flush()?;
        self.input.read(buffer)
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
    /// The routes that could be sent now, if the broker said so.
    offered: Option<Vec<String>>,
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

    /// What the broker said beforehand.
    pub(super) fn offered(&self, routes: Option<Vec<String>>) {
        lock(&self.slot).offered = routes;
    }

    /// The routes that could be sent now; asked for only if nobody said so beforehand.
    pub(super) async fn routes(&self) -> Result<Reply, CallError> {
        let offered = {
            let mut slot = lock(&self.slot);
            let offered = slot.offered.clone();
            if offered.is_some() {
                slot.count()?;
            }
            offered
        };
        match offered {
            Some(routes) => Ok(Reply::Routes(routes)),
            None => self.call(Call::Routes).await,
        }
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
        self.out.write(self.run, &ToBroker::Log(line))?;
        // It is evidence, whatever the rotator does next.
        self.out.flush()
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
            slot.count()?;
            if matches!(call, Call::Send { .. }) {
                slot.offered = None;
            }
            slot.outstanding = outstanding;
        }
        self.out.write(self.run, &ToBroker::Call(call.clone())).map_err(CallError::Pipe)
    }
}

impl Slot {
    fn count(&mut self) -> Result<(), CallError> {
        self.calls = self.calls.saturating_add(1);
        if self.calls > CALLS_PER_STEP { Err(CallError::TooMany) } else { Ok(()) }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::wire::frame::Decoder;

    /// What has reached the pipe.
    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Pipe {
        fn frames(&self) -> Vec<(RunId, ToBroker)> {
            let bytes = self.0.lock().unwrap().clone();
            let (mut input, mut decoder) = (bytes.as_slice(), Decoder::new());
            std::iter::from_fn(|| decoder.take(&mut input).unwrap()).collect()
        }
    }

    fn out() -> (Out, Pipe) {
        let pipe = Pipe::default();
        let out = Out::new(Box::new(pipe.clone()));
        // Time is not what these tests are about.
        lock(&out.0).since = Instant::now() + Duration::from_secs(3600);
        (out, pipe)
    }

    const LEFT: (RunId, ToBroker) = (RunId(7), ToBroker::Left);

    #[test]
    fn frames_are_written_together_before_the_next_read() {
        let (out, pipe) = out();
        let mut input = out.before_each_read_of(io::Cursor::new(b"ab"));
        out.write(RunId(7), &ToBroker::Left).unwrap();
        out.write(RunId(7), &ToBroker::Left).unwrap();
        assert_eq!(pipe.frames(), []);
        assert_eq!(input.read(&mut [0; 1]).unwrap(), 1);
        assert_eq!(pipe.frames(), [LEFT, LEFT]);
    }

    #[test]
    fn a_log_line_is_written_at_once_with_all_that_was_said_before_it() {
        let (out, pipe) = out();
        out.write(RunId(7), &ToBroker::Left).unwrap();
        Port::new(RunId(8), out).log(Level::Info, "a line".to_owned()).unwrap();
        let line = LogLine { level: Level::Info, text: "a line".to_owned() };
        assert_eq!(pipe.frames(), [LEFT, (RunId(8), ToBroker::Log(line))]);
    }

    #[test]
    fn what_is_much_or_waits_for_long_is_written_without_a_read() {
        let (out, pipe) = out();
        let long = ToBroker::Trapped("x".repeat(1000));
        (0..=UNWRITTEN_BYTES / 1000).for_each(|_| out.write(RunId(7), &long).unwrap());
        assert!(pipe.frames().len() > UNWRITTEN_BYTES / 1100);
        let (out, pipe) = self::out();
        lock(&out.0).since = Instant::now() - UNWRITTEN_FOR;
        out.write(RunId(7), &ToBroker::Left).unwrap();
        assert_eq!(pipe.frames(), [LEFT]);
    }

    #[test]
    fn a_frame_that_cannot_be_said_leaves_those_before_it_whole() {
        let (out, pipe) = out();
        out.write(RunId(7), &ToBroker::Left).unwrap();
        assert!(out.write(RunId(7), &ToBroker::Trapped("x".repeat(100_000))).is_err());
        out.write(RunId(7), &ToBroker::Left).unwrap();
        out.flush().unwrap();
        assert_eq!(pipe.frames(), [LEFT, LEFT]);
    }
}
