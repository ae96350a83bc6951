//! The frames between broker and worker.
//!
//! A frame is a header of nine bytes and a payload: payload length (u32, little endian), tag (u8), run id (u32, little
//! endian). Payloads are strict JSON (unknown fields and trailing data are errors), but for [`ToWorker::Module`] and
//! [`FromCompiler::Compiled`], which are raw bytes, and for the frames that say all by their tag, which have none. The cap comes before the
//! allocation. The broker treats every frame as hostile: each error is a [`WorkerMisbehaved`]. Several runs may be
//! outstanding; run 0 is the worker itself.
//!
//! | module | what |
//! | --- | --- |
//! | this one | what is said, and how much of it |
//! | [`kind`] | tags and caps |
//! | [`frame`] | bytes to frames and back, for blocking and for asynchronous pipes |

pub mod frame;
pub mod kind;

use serde::{Deserialize, Serialize};

/// Bytes of a route's name or an argument's name in a call. Names in a page are far shorter; a longer one cannot match.
pub const NAME_MAX: usize = 256;
/// Arguments of one call. A page declares a handful.
pub const ARGS_MAX: usize = 64;
/// Bytes of one argument's value.
pub const VALUE_MAX: usize = 4096;
/// Bytes of one log line; what is longer is cut.
pub const LINE_MAX: usize = 1024;
/// Log lines of one step; then one line says that the rest was dropped.
pub const LINES_PER_STEP: u32 = 200;
/// Host calls of one step that need the broker. A rotation makes some forty; a rotator that polls a clock makes more.
pub const CALLS_PER_STEP: u32 = 10_000;
/// Bytes of a failure's code.
pub const CODE_MAX: usize = 64;
/// Bytes of a failure's detail, of a trap's reason, and of one reason for not accepting a module.
pub const DETAIL_MAX: usize = 1024;
/// Reasons for not accepting a module; the first ones say enough.
pub const REASONS_MAX: usize = 50;

/// Which run a frame belongs to; 0 is the worker itself (loading, describing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u32);

/// What the broker sends.
#[derive(Clone, Debug, PartialEq)]
pub enum ToWorker {
    /// The module's bytes (raw payload, not JSON). Run 0, first frame.
    Module(Vec<u8>),
    /// Scan, compile and link the module, ready to run. Run 0.
    Load(Limits),
    /// Scan, compile and link the module, and hand back the machine code. Run 0; answered by [`FromCompiler`].
    Compile(Limits),
    /// Instead of a module: map and link the machine code whose file this worker was started with. Run 0.
    LoadNative(NativeCode),
    /// Scan the module and describe it, without compiling. Run 0.
    Describe,
    /// Run one step in a fresh store.
    Start(Start),
    /// The answer to the run's outstanding call.
    Reply(Reply),
    /// The routes that could be sent now, said before the rotator asks: before the start of a run, or before the reply to a call. They hold
    /// until its next `http.send`. No reply.
    Offer(Vec<String>),
    /// Nobody waits for the run any more (its time is up): its store is dropped. Answered with [`ToBroker::Left`], also if it has
    /// ended meanwhile.
    Leave,
}

/// What the worker sends.
#[derive(Clone, Debug, PartialEq)]
pub enum ToBroker {
    /// The module is loaded. Run 0. Says what the worker gave up before it read it.
    Ready(crate::confine::Enforced),
    /// The module is not accepted; each reason is a sentence for people. Run 0.
    Rejected(Vec<String>),
    /// The machine code cannot be used, and why; the module is wanted instead. Run 0.
    NativeRefused(String),
    /// What the module is. Run 0.
    Described(Description),
    /// A host call; the run waits for its reply.
    Call(Call),
    /// A log line of the rotator (or its standard output, level `info`); no reply.
    Log(LogLine),
    /// The step ended by itself.
    Done(Result<(), Failure>),
    /// The step ended in a trap: out of fuel, out of time, out of memory, unreachable code, …
    Trapped(String),
    /// The run that was to be left is gone. The last frame of it.
    Left,
}

/// What a worker that compiles for the store sends. A direction of its own: a worker that runs a rotator has no frame of this size.
#[derive(Clone, Debug, PartialEq)]
pub enum FromCompiler {
    /// The machine code (raw payload, not JSON).
    Compiled(Vec<u8>),
    /// The module is not accepted; each reason is a sentence for people.
    Rejected(Vec<String>),
}

/// Machine code of a module, in a file that the worker has open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NativeCode {
    /// Bytes of it, from the beginning of the file on.
    pub bytes: u64,
    /// Their digest, as 64 hexadecimal digits; without one, the file is believed as it is.
    pub sha256: Option<String>,
    /// As for a module.
    pub limits: Limits,
}

/// Bounds on what a module may use. Every field documents its unit and the message it causes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// Bytes of all linear memories together. Growth beyond it fails inside the rotator.
    pub memory_bytes: u64,
    /// Units of fuel (about one per instruction) for one step. Beyond it: trap "out of fuel".
    pub fuel: u64,
    /// Link an inert WASI p2: no environment, arguments, files, sockets; output goes to the log.
    pub inert_wasi: bool,
}

/// The facts of one step that the rotator may know. Nothing secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Start {
    /// The step.
    pub step: rotabox_page::Step,
    /// The user name.
    pub user: String,
    /// Whether there is an old password.
    pub has_old_password: bool,
    /// Record fields that the page shows: (`app.tenant`, value).
    pub texts: Vec<(String, String)>,
    /// How long the step may take, from when the worker reads this. A rotator that computes beyond it: trap "out of time".
    pub milliseconds: u64,
}

/// A host call that needs the broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Call {
    /// `http.routes`
    Routes,
    /// `http.send`
    Send {
        /// The route's name, as the rotator wrote it.
        route: String,
        /// Its arguments.
        args: Vec<(String, String)>,
    },
    /// `time.now`
    Now,
    /// `time.sleep`
    Sleep {
        /// How long.
        milliseconds: u64,
    },
}

/// The reply to a [`Call`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// To `Routes`.
    Routes(Vec<String>),
    /// To `Send`.
    Sent(Result<Answer, Problem>),
    /// To `Now`: milliseconds since 1970.
    Now(u64),
    /// To `Sleep`.
    Slept,
}

/// What the rotator sees of an answer: redacted and escaped already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The verdict's word.
    pub judged: String,
    /// What was not met.
    pub unmet: Vec<String>,
    /// What the page shows.
    pub shown: Vec<(String, String)>,
}

/// Why there is no answer (the contract's `problem`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in rotator.wit")]
pub enum Problem {
    NotInPage(String),
    Denied(String),
    NotSent(String),
    NoAnswer(String),
    OutOfTime,
    Other(String),
}

/// A log line of the rotator. Untrusted text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LogLine {
    /// `debug`, `info`, `warn` or `error`.
    pub level: Level,
    /// Its text.
    pub text: String,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "documented in rotator.wit")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Why a step failed, in the rotator's words. Untrusted text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Failure {
    /// A word.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// What a module is, by its own binary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Description {
    /// Imported interfaces or functions, exact names with versions, in the binary's order.
    pub imports: Vec<String>,
    /// Exported interfaces or functions.
    pub exports: Vec<String>,
    /// (field, name, version) of the producers section: languages and tools.
    pub producers: Vec<(String, String, String)>,
    /// Core modules inside.
    pub core_modules: u32,
    /// Why it would be refused with `wasi = "none"`; empty if it is accepted.
    pub reasons_without_wasi: Vec<String>,
    /// Why it would be refused with `wasi = "inert"`; empty if it is accepted.
    pub reasons_with_inert_wasi: Vec<String>,
}

/// A worker that does not keep to the protocol. Always the end of the run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerMisbehaved {
    /// Bytes that are no frame.
    #[error("the worker broke the protocol: {0}")]
    Frame(#[from] frame::FrameError),
    /// A frame that makes no sense now.
    #[error("the worker sent `{0}` out of turn")]
    OutOfTurn(&'static str),
    /// The pipe ended inside or before an expected frame.
    #[error("the worker ended without a result ({0})")]
    Gone(String),
    /// It does not take what it is sent.
    #[error("the worker does not read what it is sent")]
    Deaf,
    /// More frames or lines than a step may send.
    #[error("the worker sent more {0} than a step may")]
    Flood(&'static str),
}

/// Cuts a text to at most `max` bytes, at a character's edge, and marks the cut. Guests write these texts.
pub fn clip(mut text: String, max: usize) -> String {
    const MARK: &str = "…";
    if text.len() > max {
        let room = max.saturating_sub(MARK.len());
        text.truncate(text.floor_char_boundary(room));
        text.push_str(MARK);
    }
    text
}
