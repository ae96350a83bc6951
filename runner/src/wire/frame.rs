//! Bytes to frames and back.
//!
//! One pure [`Decoder`] serves the worker's blocking pipe and the broker's asynchronous one. It reads its input once,
//! front to back, without indexing; it allocates a payload only after the header's length was held against the cap of its tag.

use super::kind::{
    CALL, COMPILE, COMPILED, DESCRIBE, DESCRIBED, DONE, Kind, LEAVE, LEFT, LOAD, LOAD_NATIVE, LOG, MODULE,
    NATIVE_REFUSED, OFFER, READY, REJECTED, REPLY, START, TRAPPED,
};
use super::{
    ARGS_MAX, CODE_MAX, Call, DETAIL_MAX, FromCompiler, LINE_MAX, NAME_MAX, RunId, ToBroker, ToWorker, VALUE_MAX,
    WorkerMisbehaved,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead};
use std::marker::PhantomData;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Bytes of a header: length (4), tag (1), run (4).
pub const HEADER_BYTES: usize = 9;

/// Why bytes are no frame. Holds nothing that the other side wrote, but for numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A payload above the cap of its tag.
    #[error("a `{frame}` frame of {announced} bytes was announced, and {cap} is the most")]
    TooLarge {
        /// Its name.
        frame: &'static str,
        /// What the header says.
        announced: u64,
        /// The most that it may say.
        cap: u64,
    },
    /// A tag that does not exist in this direction.
    #[error("there is no frame with the tag {0}")]
    UnknownTag(u8),
    /// A frame of the worker itself with a run's id, or the other way round.
    #[error("a `{frame}` frame does not belong to run {run}")]
    WrongRun {
        /// Its name.
        frame: &'static str,
        /// The run that the header names.
        run: u32,
    },
    /// A payload that is not the JSON it should be.
    #[error("the payload of a `{frame}` frame does not decode ({what})")]
    Malformed {
        /// Its name.
        frame: &'static str,
        /// In which way.
        what: &'static str,
    },
    /// A text or list inside the payload above its cap.
    #[error("a `{frame}` frame has a {what} above {cap}")]
    OverCap {
        /// Its name.
        frame: &'static str,
        /// Which part.
        what: &'static str,
        /// The most bytes or elements.
        cap: usize,
    },
    /// The pipe ended inside a frame.
    #[error("the pipe ended inside a frame")]
    Cut,
}

/// The frames of one direction.
pub trait Frame: Sized {
    /// All of them.
    const KINDS: &'static [Kind];
    /// Which of them this is.
    fn kind(&self) -> Kind;
    /// Appends the payload.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), FrameError>;
    /// Reads the payload of a frame of this kind. Trailing data is an error.
    fn read(kind: Kind, payload: Vec<u8>) -> Result<Self, FrameError>;
}

impl Frame for ToWorker {
    const KINDS: &'static [Kind] = &[MODULE, LOAD, DESCRIBE, START, REPLY, COMPILE, LOAD_NATIVE, LEAVE, OFFER];

    fn kind(&self) -> Kind {
        match self {
            ToWorker::Module(_) => MODULE,
            ToWorker::Load(_) => LOAD,
            ToWorker::Compile(_) => COMPILE,
            ToWorker::LoadNative(_) => LOAD_NATIVE,
            ToWorker::Describe => DESCRIBE,
            ToWorker::Start(_) => START,
            ToWorker::Reply(_) => REPLY,
            ToWorker::Leave => LEAVE,
            ToWorker::Offer(_) => OFFER,
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            ToWorker::Module(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            ToWorker::Load(limits) => to_json(LOAD, limits, out),
            ToWorker::Compile(limits) => to_json(COMPILE, limits, out),
            ToWorker::LoadNative(code) => to_json(LOAD_NATIVE, code, out),
            ToWorker::Describe | ToWorker::Leave => Ok(()),
            ToWorker::Start(start) => to_json(START, start, out),
            ToWorker::Reply(reply) => to_json(REPLY, reply, out),
            ToWorker::Offer(routes) => to_json(OFFER, routes, out),
        }
    }

    fn read(kind: Kind, payload: Vec<u8>) -> Result<Self, FrameError> {
        match kind {
            MODULE => Ok(ToWorker::Module(payload)),
            LOAD => from_json(kind, &payload).map(ToWorker::Load),
            COMPILE => from_json(kind, &payload).map(ToWorker::Compile),
            LOAD_NATIVE => from_json(kind, &payload).map(ToWorker::LoadNative),
            DESCRIBE => nothing(kind, &payload, ToWorker::Describe),
            START => from_json(kind, &payload).map(ToWorker::Start),
            REPLY => from_json(kind, &payload).map(ToWorker::Reply),
            LEAVE => nothing(kind, &payload, ToWorker::Leave),
            OFFER => from_json(kind, &payload).map(ToWorker::Offer),
            other => Err(FrameError::UnknownTag(other.tag)),
        }
    }
}

impl Frame for ToBroker {
    const KINDS: &'static [Kind] = &[READY, REJECTED, DESCRIBED, CALL, LOG, DONE, TRAPPED, NATIVE_REFUSED, LEFT];

    fn kind(&self) -> Kind {
        match self {
            ToBroker::Ready(_) => READY,
            ToBroker::Rejected(_) => REJECTED,
            ToBroker::NativeRefused(_) => NATIVE_REFUSED,
            ToBroker::Described(_) => DESCRIBED,
            ToBroker::Call(_) => CALL,
            ToBroker::Log(_) => LOG,
            ToBroker::Done(_) => DONE,
            ToBroker::Trapped(_) => TRAPPED,
            ToBroker::Left => LEFT,
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            ToBroker::Ready(enforced) => to_json(READY, enforced, out),
            ToBroker::Rejected(reasons) => to_json(REJECTED, reasons, out),
            ToBroker::NativeRefused(reason) => to_json(NATIVE_REFUSED, reason, out),
            ToBroker::Described(description) => to_json(DESCRIBED, description, out),
            ToBroker::Call(call) => to_json(CALL, call, out),
            ToBroker::Log(line) => to_json(LOG, line, out),
            ToBroker::Done(result) => to_json(DONE, result, out),
            ToBroker::Trapped(reason) => to_json(TRAPPED, reason, out),
            ToBroker::Left => Ok(()),
        }
    }

    fn read(kind: Kind, payload: Vec<u8>) -> Result<Self, FrameError> {
        let frame = match kind {
            READY => from_json(kind, &payload).map(ToBroker::Ready),
            REJECTED => from_json(kind, &payload).map(ToBroker::Rejected),
            NATIVE_REFUSED => from_json(kind, &payload).map(ToBroker::NativeRefused),
            DESCRIBED => from_json(kind, &payload).map(ToBroker::Described),
            CALL => from_json(kind, &payload).map(ToBroker::Call),
            LOG => from_json(kind, &payload).map(ToBroker::Log),
            DONE => from_json(kind, &payload).map(ToBroker::Done),
            TRAPPED => from_json(kind, &payload).map(ToBroker::Trapped),
            LEFT => nothing(kind, &payload, ToBroker::Left),
            other => Err(FrameError::UnknownTag(other.tag)),
        }?;
        within_caps(&frame)?;
        Ok(frame)
    }
}

impl Frame for FromCompiler {
    const KINDS: &'static [Kind] = &[COMPILED, REJECTED];

    fn kind(&self) -> Kind {
        match self {
            FromCompiler::Compiled(_) => COMPILED,
            FromCompiler::Rejected(_) => REJECTED,
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            FromCompiler::Compiled(code) => {
                out.extend_from_slice(code);
                Ok(())
            }
            FromCompiler::Rejected(reasons) => to_json(REJECTED, reasons, out),
        }
    }

    fn read(kind: Kind, payload: Vec<u8>) -> Result<Self, FrameError> {
        match kind {
            COMPILED => Ok(FromCompiler::Compiled(payload)),
            // The same caps as of any worker.
            REJECTED => match ToBroker::read(kind, payload)? {
                ToBroker::Rejected(reasons) => Ok(FromCompiler::Rejected(reasons)),
                other => Err(FrameError::UnknownTag(other.kind().tag)),
            },
            other => Err(FrameError::UnknownTag(other.tag)),
        }
    }
}

/// The whole frame, header and payload, to be written at once.
pub fn encode<F: Frame>(run: RunId, frame: &F) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::new();
    encode_to(run, frame, &mut bytes)?;
    Ok(bytes)
}

/// Appends the whole frame, or nothing.
pub fn encode_to<F: Frame>(run: RunId, frame: &F, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
    let begin = bytes.len();
    bytes.extend_from_slice(&[0; HEADER_BYTES]);
    let payload = bytes.len();
    let written = frame.write(bytes).and_then(|()| header(frame.kind(), run, bytes.len().saturating_sub(payload)));
    match written {
        Ok(header) => {
            if let Some(place) = bytes.get_mut(begin..payload) {
                place.copy_from_slice(&header);
            }
            Ok(())
        }
        Err(error) => {
            bytes.truncate(begin);
            Err(error)
        }
    }
}

/// The header of a frame whose payload is written apart from it (a module is not worth a copy).
pub fn module_header(module: &[u8]) -> Result<[u8; HEADER_BYTES], FrameError> {
    header(MODULE, RunId(0), module.len())
}

fn header(kind: Kind, run: RunId, length: usize) -> Result<[u8; HEADER_BYTES], FrameError> {
    let announced = u64::try_from(length).unwrap_or(u64::MAX);
    let length = u32::try_from(length).ok().filter(|length| *length <= kind.cap);
    let length = length.ok_or(FrameError::TooLarge { frame: kind.name, announced, cap: kind.cap.into() })?;
    check_run(kind, run)?;
    let [l0, l1, l2, l3] = length.to_le_bytes();
    let [r0, r1, r2, r3] = run.0.to_le_bytes();
    Ok([l0, l1, l2, l3, kind.tag, r0, r1, r2, r3])
}

/// Puts frames together from the pieces in which a pipe delivers them.
#[derive(Debug)]
pub struct Decoder<F> {
    state: State,
    frames: PhantomData<F>,
}

#[derive(Debug)]
enum State {
    Header { have: Vec<u8> },
    Payload { kind: Kind, run: RunId, length: usize, have: Vec<u8> },
}

impl<F: Frame> Decoder<F> {
    /// At the edge between two frames.
    pub fn new() -> Self {
        Decoder { state: State::between(), frames: PhantomData }
    }

    /// True if no part of a frame was taken yet: a pipe may end here.
    pub fn is_between_frames(&self) -> bool {
        matches!(&self.state, State::Header { have } if have.is_empty())
    }

    /// Takes from the front of `input` what it needs, at most to the end of one frame. `None`: all was taken and the frame needs more.
    /// After an error nothing more can be read: where the next frame would begin is not known.
    pub fn take(&mut self, input: &mut &[u8]) -> Result<Option<(RunId, F)>, FrameError> {
        loop {
            match &mut self.state {
                State::Header { have } => {
                    fill(have, HEADER_BYTES, input);
                    let Ok(bytes) = <[u8; HEADER_BYTES]>::try_from(have.as_slice()) else { return Ok(None) };
                    self.state = open::<F>(bytes)?;
                }
                State::Payload { kind, run, length, have } => {
                    fill(have, *length, input);
                    if have.len() < *length {
                        return Ok(None);
                    }
                    let (kind, run, payload) = (*kind, *run, std::mem::take(have));
                    self.state = State::between();
                    return Ok(Some((run, F::read(kind, payload)?)));
                }
            }
        }
    }
}

impl<F: Frame> Default for Decoder<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn between() -> State {
        State::Header { have: Vec::new() }
    }
}

/// A header becomes a payload to be read. The only place where a payload's memory is taken, after the cap.
fn open<F: Frame>([l0, l1, l2, l3, tag, r0, r1, r2, r3]: [u8; HEADER_BYTES]) -> Result<State, FrameError> {
    let announced = u32::from_le_bytes([l0, l1, l2, l3]);
    let run = RunId(u32::from_le_bytes([r0, r1, r2, r3]));
    let kind = *F::KINDS.iter().find(|kind| kind.tag == tag).ok_or(FrameError::UnknownTag(tag))?;
    let too_large = FrameError::TooLarge { frame: kind.name, announced: announced.into(), cap: kind.cap.into() };
    if announced > kind.cap {
        return Err(too_large);
    }
    check_run(kind, run)?;
    let length = usize::try_from(announced).map_err(|_| too_large)?;
    Ok(State::Payload { kind, run, length, have: Vec::with_capacity(length) })
}

fn check_run(kind: Kind, run: RunId) -> Result<(), FrameError> {
    let fits = kind.of_run == (run.0 != 0);
    if fits { Ok(()) } else { Err(FrameError::WrongRun { frame: kind.name, run: run.0 }) }
}

/// Moves bytes from the front of `input` until `have` has `want`.
fn fill(have: &mut Vec<u8>, want: usize, input: &mut &[u8]) {
    let missing = want.saturating_sub(have.len()).min(input.len());
    if let Some((front, rest)) = input.split_at_checked(missing) {
        have.extend_from_slice(front);
        *input = rest;
    }
}

/// The next frame of a blocking pipe; `None` at its end.
pub fn read<F: Frame>(pipe: &mut impl BufRead, decoder: &mut Decoder<F>) -> Result<Option<(RunId, F)>, ReadError> {
    loop {
        let mut input = match pipe.fill_buf() {
            Ok(input) => input,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if input.is_empty() {
            return end(decoder);
        }
        let before = input.len();
        let frame = decoder.take(&mut input)?;
        let taken = before.saturating_sub(input.len());
        pipe.consume(taken);
        if frame.is_some() {
            return Ok(frame);
        }
    }
}

/// The next frame of an asynchronous pipe; `None` at its end. May be dropped at any await and called again.
pub async fn read_async<F: Frame>(
    pipe: &mut (impl AsyncBufRead + Unpin),
    decoder: &mut Decoder<F>,
) -> Result<Option<(RunId, F)>, ReadError> {
    loop {
        let mut input = pipe.fill_buf().await?;
        if input.is_empty() {
            return end(decoder);
        }
        let before = input.len();
        let frame = decoder.take(&mut input)?;
        let taken = before.saturating_sub(input.len());
        pipe.consume(taken);
        if frame.is_some() {
            return Ok(frame);
        }
    }
}

fn end<F: Frame>(decoder: &Decoder<F>) -> Result<Option<(RunId, F)>, ReadError> {
    if decoder.is_between_frames() { Ok(None) } else { Err(FrameError::Cut.into()) }
}

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The pipe itself.
    #[error("the pipe cannot be read: {0}")]
    Pipe(#[from] io::Error),
    /// What came through it.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl From<ReadError> for WorkerMisbehaved {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Pipe(error) => WorkerMisbehaved::Gone(error.kind().to_string()),
            ReadError::Frame(error) => WorkerMisbehaved::Frame(error),
        }
    }
}

fn to_json<T: Serialize>(kind: Kind, value: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    serde_json::to_writer(out, value).map_err(|_| FrameError::Malformed { frame: kind.name, what: "not encodable" })
}

/// Errors of the parser quote what they read, so only their class is kept.
fn from_json<T: DeserializeOwned>(kind: Kind, payload: &[u8]) -> Result<T, FrameError> {
    use serde_json::error::Category;
    serde_json::from_slice(payload).map_err(|error| {
        let what = match error.classify() {
            Category::Syntax => "it is no JSON",
            Category::Data => "it has other members or types",
            Category::Eof | Category::Io => "it ends too early",
        };
        FrameError::Malformed { frame: kind.name, what }
    })
}

fn nothing<F>(kind: Kind, payload: &[u8], frame: F) -> Result<F, FrameError> {
    if payload.is_empty() {
        Ok(frame)
    } else {
        Err(FrameError::Malformed { frame: kind.name, what: "it is not empty" })
    }
}

/// The caps of texts, which a true worker applies before it writes: guests write these.
fn within_caps(frame: &ToBroker) -> Result<(), FrameError> {
    let name = frame.kind().name;
    let over = |what, size: usize, cap| {
        if size > cap { Err(FrameError::OverCap { frame: name, what, cap }) } else { Ok(()) }
    };
    match frame {
        ToBroker::Call(Call::Send { route, args }) => {
            over("route name", route.len(), NAME_MAX)?;
            over("number of arguments", args.len(), ARGS_MAX)?;
            args.iter().try_for_each(|(arg, value)| {
                over("argument name", arg.len(), NAME_MAX)?;
                over("argument", value.len(), VALUE_MAX)
            })
        }
        ToBroker::Log(line) => over("line", line.text.len(), LINE_MAX),
        ToBroker::Done(Err(failure)) => {
            over("code", failure.code.len(), CODE_MAX)?;
            over("detail", failure.detail.len(), DETAIL_MAX)
        }
        ToBroker::Trapped(reason) | ToBroker::NativeRefused(reason) => over("reason", reason.len(), DETAIL_MAX),
        ToBroker::Rejected(reasons) => {
            over("number of reasons", reasons.len(), super::REASONS_MAX)?;
            reasons.iter().try_for_each(|reason| over("reason", reason.len(), DETAIL_MAX))
        }
        ToBroker::Ready(_) | ToBroker::Described(_) | ToBroker::Call(_) | ToBroker::Done(Ok(())) | ToBroker::Left => {
            Ok(())
        }
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
