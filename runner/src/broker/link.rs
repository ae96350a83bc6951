//! The broker's end of the pipes to the worker. Treats every frame as hostile.

use super::launcher::Launcher;
use super::starting::Started;
use crate::confine::Enforced;
use crate::wire::frame::{self, Decoder, Frame};
use crate::wire::{
    CALLS_PER_STEP, Description, FromCompiler, LINES_PER_STEP, Limits, NativeCode, RunId, ToBroker, ToWorker,
    WorkerMisbehaved,
};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The verb that makes this binary a worker. Not shown in the help.
pub const WORKER_VERB: &str = "__worker";
/// Says to a worker that its descriptor 2 is a file of native code.
pub const NATIVE_WORD: &str = "native";
/// Says to a worker that a message comes before the first frame: it brings a file of native code, or says that there is none.
pub const TOLD_WORD: &str = "told";

/// Bytes that are read ahead from a worker of one run: its frames come one by one, and each page of the buffer costs a fault.
const ONE_RUN: usize = 4 * 1024;
/// The same from a worker of a batch, which writes many frames at a time.
const MANY_RUNS: usize = 64 * 1024;

/// Names of routes, as [`ToWorker::Offer`] has them.
pub type Offer = Vec<String>;

/// A worker process: this binary, re-executed as `rotabox __worker`, with an empty environment and a way in and a way out: two pipes or,
/// if it was started early, a pair of sockets and a pipe. It is killed when this is dropped.
#[derive(Debug)]
pub struct Link {
    process: Process,
    to_worker: ChildStdin,
    from_worker: BufReader<ChildStdout>,
    decoder: Decoder<ToBroker>,
    /// Frames that came while one was written, checked already.
    early: VecDeque<(RunId, ToBroker)>,
    ledger: Ledger,
    /// A frame was left half-written: nothing can be sent any more.
    torn: bool,
}

/// The worker's process, and whose child it is.
#[derive(Debug)]
enum Process {
    /// Ours.
    Child(Box<Child>),
    /// The launcher's; `ended` once it was reaped.
    Launched { launcher: Arc<Launcher>, id: u32, ended: Option<String> },
}

/// Why a module was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The worker says why it does not accept it.
    #[error("the module is not accepted: {}", .0.join("; "))]
    Rejected(Vec<String>),
    /// The worker broke the protocol, or died.
    #[error(transparent)]
    Misbehaved(#[from] WorkerMisbehaved),
}

impl Link {
    /// Starts a worker from this very binary. Needs a tokio runtime, and a thread that lives as long as the worker shall: the worker
    /// is killed when the thread that started it ends.
    pub fn spawn() -> std::io::Result<Link> {
        Link::spawn_from(&itself()?)
    }

    /// Starts a worker from another file of the same build (tests run in a binary of their own).
    pub fn spawn_from(program: &Path) -> std::io::Result<Link> {
        Link::spawn_from_with(program, None)
    }

    /// The same, and hands it an open file of native code, which [`Link::load_native`] speaks of.
    pub fn spawn_from_with(program: &Path, native: Option<&File>) -> std::io::Result<Link> {
        let mut command = Command::from(worker_command(program));
        if let Some(file) = native {
            // A worker says nothing on stderr, so that descriptor is free for the file.
            command.arg(NATIVE_WORD).stderr(file.try_clone()?);
        }
        let mut child = command.kill_on_drop(true).spawn()?;
        let (Some(to_worker), Some(from_worker)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("the pipes to the worker are missing"));
        };
        Ok(Link::new(Process::Child(Box::new(child)), to_worker, from_worker, ONE_RUN))
    }

    /// Has the launcher start a worker.
    pub async fn launched(launcher: &Arc<Launcher>) -> std::io::Result<Link> {
        let starting = Arc::clone(launcher);
        let started = tokio::task::spawn_blocking(move || starting.start()).await.map_err(std::io::Error::other)??;
        let to_worker = ChildStdin::from_std(std::process::ChildStdin::from(started.to_worker))?;
        let from_worker = ChildStdout::from_std(std::process::ChildStdout::from(started.from_worker))?;
        let process = Process::Launched { launcher: Arc::clone(launcher), id: started.process, ended: None };
        Ok(Link::new(process, to_worker, from_worker, MANY_RUNS))
    }

    /// A worker that was started early and has now been told what there is; and asked to load it, if it is native code.
    pub(super) fn told(started: Started) -> std::io::Result<Link> {
        let to_worker = ChildStdin::from_std(std::process::ChildStdin::from(started.to_worker))?;
        let mut link = Link::new(Process::Child(Box::new(started.child)), to_worker, started.from_worker, ONE_RUN);
        if started.loads_native {
            link.ledger.turn = Turn::LoadingNative;
        }
        Ok(link)
    }

    fn new(process: Process, to_worker: ChildStdin, from_worker: ChildStdout, read_ahead: usize) -> Link {
        Link {
            process,
            to_worker,
            from_worker: BufReader::with_capacity(read_ahead, from_worker),
            decoder: Decoder::new(),
            early: VecDeque::new(),
            ledger: Ledger { turn: Turn::Fresh, runs: BTreeMap::new() },
            torn: false,
        }
    }

    /// The worker's process id, while it runs.
    pub fn process(&self) -> Option<u32> {
        match &self.process {
            Process::Child(child) => child.id(),
            Process::Launched { id, ended, .. } => ended.is_none().then_some(*id),
        }
    }

    /// Hands the module over, to be scanned, compiled and linked. Answers with what the worker gave up before it read it.
    pub async fn load(&mut self, module: &[u8], limits: Limits) -> Result<Enforced, LoadError> {
        self.hand_over(module).await?;
        self.ledger.turn = Turn::Loading;
        self.send(RunId(0), &ToWorker::Load(limits)).await?;
        match self.next().await? {
            (_, ToBroker::Ready(enforced)) => Ok(enforced),
            (_, ToBroker::Rejected(reasons)) => Err(LoadError::Rejected(reasons)),
            (_, other) => Err(WorkerMisbehaved::OutOfTurn(other.kind().name).into()),
        }
    }

    /// Has the worker map the native code of the file that it was started with, if it was not asked to already. `Err` in the answer
    /// says why it does not; then [`Link::load`] is next.
    pub async fn load_native(&mut self, code: NativeCode) -> Result<Result<Enforced, String>, LoadError> {
        if self.ledger.turn != Turn::LoadingNative {
            self.ledger.turn = Turn::LoadingNative;
            self.send(RunId(0), &ToWorker::LoadNative(code)).await?;
        }
        match self.next().await? {
            (_, ToBroker::Ready(enforced)) => Ok(Ok(enforced)),
            (_, ToBroker::NativeRefused(reason)) => Ok(Err(reason)),
            (_, other) => Err(WorkerMisbehaved::OutOfTurn(other.kind().name).into()),
        }
    }

    /// Hands a module over, to be scanned, compiled and linked, and answers with its machine code. The worker is used up afterwards.
    pub async fn compile(&mut self, module: &[u8], limits: Limits) -> Result<Vec<u8>, LoadError> {
        self.hand_over(module).await?;
        self.send(RunId(0), &ToWorker::Compile(limits)).await?;
        match frame::read_async(&mut self.from_worker, &mut Decoder::<FromCompiler>::new()).await {
            Ok(Some((_, FromCompiler::Compiled(code)))) => Ok(code),
            Ok(Some((_, FromCompiler::Rejected(reasons)))) => Err(LoadError::Rejected(reasons)),
            Ok(None) => Err(self.gone().await.into()),
            Err(error) => Err(WorkerMisbehaved::from(error).into()),
        }
    }

    /// Hands a module over, to be described without compiling. The worker is used up afterwards.
    pub async fn describe(&mut self, module: &[u8]) -> Result<Description, LoadError> {
        self.hand_over(module).await?;
        self.ledger.turn = Turn::Describing;
        self.send(RunId(0), &ToWorker::Describe).await?;
        match self.next().await? {
            (_, ToBroker::Described(description)) => Ok(description),
            (_, other) => Err(WorkerMisbehaved::OutOfTurn(other.kind().name).into()),
        }
    }

    /// Appends a frame to `bytes`, which [`Link::send_bytes_until`] is to send next. One that is too large is not appended.
    pub fn put(&mut self, run: RunId, frame: &ToWorker, bytes: &mut Vec<u8>) -> Result<(), WorkerMisbehaved> {
        frame::encode_to(run, frame, bytes)?;
        self.ledger.sent(run, frame);
        Ok(())
    }

    /// The same, with an offer before the frame.
    pub fn put_with(
        &mut self,
        run: RunId,
        offer: Option<Offer>,
        frame: &ToWorker,
        bytes: &mut Vec<u8>,
    ) -> Result<(), WorkerMisbehaved> {
        if let Some(routes) = offer {
            self.put(run, &ToWorker::Offer(routes), bytes)?;
        }
        self.put(run, frame, bytes)
    }

    /// Sends what [`Link::put`] has put together. As [`Link::send_until`].
    pub async fn send_bytes_until(&mut self, bytes: &[u8], until: std::time::Instant) -> Result<(), WorkerMisbehaved> {
        match tokio::time::timeout_at(until.into(), self.write(bytes)).await {
            Ok(sent) => sent,
            Err(_) => Err(WorkerMisbehaved::Deaf),
        }
    }

    /// Sends a frame. Not to be dropped before it ends, unless the worker is killed: a frame cannot be half-written.
    pub async fn send(&mut self, run: RunId, frame: &ToWorker) -> Result<(), WorkerMisbehaved> {
        let bytes = frame::encode(run, frame)?;
        self.ledger.sent(run, frame);
        self.write(&bytes).await
    }

    /// The same, given up at `until`: a worker that takes nothing must not hold the broker. It has to be killed then. What
    /// can be written at once is written, whatever time it is.
    pub async fn send_until(
        &mut self,
        run: RunId,
        frame: &ToWorker,
        until: std::time::Instant,
    ) -> Result<(), WorkerMisbehaved> {
        match tokio::time::timeout_at(until.into(), self.send(run, frame)).await {
            Ok(sent) => sent,
            Err(_) => Err(WorkerMisbehaved::Deaf),
        }
    }

    /// The next frame of any run. May be dropped at any time, as an arm of a select, and called again.
    pub async fn next(&mut self) -> Result<(RunId, ToBroker), WorkerMisbehaved> {
        if let Some(early) = self.early.pop_front() {
            return Ok(early);
        }
        match frame::read_async(&mut self.from_worker, &mut self.decoder).await {
            Ok(Some((run, frame))) => {
                self.ledger.received(run, &frame)?;
                Ok((run, frame))
            }
            Ok(None) => Err(self.gone().await),
            Err(error) => Err(error.into()),
        }
    }

    /// Kills the worker and reaps it.
    pub async fn kill(&mut self) {
        // It may be dead already; either way there is nothing left to do about it.
        match &mut self.process {
            Process::Child(child) => {
                let _ = child.kill().await;
            }
            Process::Launched { .. } => {
                let _ = self.gone().await;
            }
        }
    }

    /// Kills the worker, and leaves it to others to reap it.
    pub fn dismiss(&mut self) {
        match &mut self.process {
            Process::Child(child) => {
                // It may be dead already.
                let _ = child.start_kill();
            }
            // The launcher kills it when it ends.
            Process::Launched { .. } => {}
        }
    }

    async fn hand_over(&mut self, module: &[u8]) -> Result<(), WorkerMisbehaved> {
        let header = frame::module_header(module)?;
        self.write(&header).await?;
        self.write(module).await
    }

    /// Writes all, and meanwhile takes what the worker writes: it may be blocked in a write of its own and not read.
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), WorkerMisbehaved> {
        if std::mem::replace(&mut self.torn, true) {
            return Err(WorkerMisbehaved::Gone("an earlier frame to it was not written whole".to_owned()));
        }
        while !bytes.is_empty() {
            tokio::select! {
                written = self.to_worker.write(bytes) => match written {
                    Ok(count) if count > 0 => bytes = bytes.split_at_checked(count).map_or(&[], |(_, rest)| rest),
                    Ok(_) | Err(_) => return Err(self.gone().await),
                },
                read = frame::read_async(&mut self.from_worker, &mut self.decoder) => match read {
                    Ok(Some((run, frame))) => {
                        self.ledger.received(run, &frame)?;
                        self.early.push_back((run, frame));
                    }
                    Ok(None) => return Err(self.gone().await),
                    Err(error) => return Err(error.into()),
                },
            }
        }
        self.torn = false;
        Ok(())
    }

    /// How it ended. A worker that closed its pipe and lives on is killed.
    async fn gone(&mut self) -> WorkerMisbehaved {
        const UNKNOWN: &str = "how it ended is not known";
        WorkerMisbehaved::Gone(match &mut self.process {
            Process::Child(child) => {
                let _ = child.start_kill();
                child.wait().await.map_or_else(|_| UNKNOWN.to_owned(), words)
            }
            Process::Launched { ended: Some(ended), .. } => ended.clone(),
            Process::Launched { launcher, id, ended } => {
                let (launcher, id) = (Arc::clone(launcher), *id);
                let reaped = tokio::task::spawn_blocking(move || launcher.reap(id)).await;
                ended.insert(reaped.unwrap_or_else(|_| UNKNOWN.to_owned())).clone()
            }
        })
    }
}

/// A worker as it is started: an empty environment, two pipes, and a process group of its own: Ctrl-C is the broker's to handle. It
/// belongs to the process that starts it, and leaves its folder by itself: asked to do that, the standard library of a static binary
/// would copy the whole process instead of starting the program at once.
pub(super) fn worker_command(program: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    command.arg0("rotabox").arg(WORKER_VERB).arg(std::process::id().to_string()).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    command
}

/// Not the path: the file may have been replaced since we started, and all processes must be of one build.
pub(super) fn itself() -> std::io::Result<PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if itself.exists() { Ok(itself.to_owned()) } else { std::env::current_exe() }
}

fn words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "how it ended is not known".to_owned(),
    }
}

/// What the worker may say now.
#[derive(Debug)]
struct Ledger {
    turn: Turn,
    runs: BTreeMap<RunId, Run>,
}

#[derive(Debug, PartialEq)]
enum Turn {
    /// No module yet.
    Fresh,
    Loading,
    LoadingNative,
    Describing,
    Loaded,
    /// Rejected or described: there is nothing more to say.
    Over,
}

#[derive(Debug, Default)]
struct Run {
    /// Nobody waits for it any more; what it said before it knew is dropped, and `left` is its last word.
    left: bool,
    waits_for_reply: bool,
    calls: u32,
    lines: u32,
}

impl Ledger {
    fn sent(&mut self, run: RunId, frame: &ToWorker) {
        match frame {
            ToWorker::Start(_) => {
                self.runs.insert(run, Run::default());
            }
            ToWorker::Reply(_) => {
                if let Some(run) = self.runs.get_mut(&run) {
                    run.waits_for_reply = false;
                }
            }
            // It may have ended already: its word about that and our own crossed.
            ToWorker::Leave => self.runs.entry(run).or_default().left = true,
            ToWorker::Module(_)
            | ToWorker::Load(_)
            | ToWorker::LoadNative(_)
            | ToWorker::Offer(_)
            | ToWorker::Compile(_)
            | ToWorker::Describe => {}
        }
    }

    fn received(&mut self, id: RunId, frame: &ToBroker) -> Result<(), WorkerMisbehaved> {
        let out_of_turn = WorkerMisbehaved::OutOfTurn(frame.kind().name);
        match (&self.turn, frame) {
            (Turn::Loading | Turn::LoadingNative, ToBroker::Ready(_)) => {
                self.turn = Turn::Loaded;
                return Ok(());
            }
            (Turn::LoadingNative, ToBroker::NativeRefused(_)) => {
                self.turn = Turn::Fresh;
                return Ok(());
            }
            (Turn::Loading, ToBroker::Rejected(_)) | (Turn::Describing, ToBroker::Described(_)) => {
                self.turn = Turn::Over;
                return Ok(());
            }
            (_, ToBroker::Ready(_) | ToBroker::Rejected(_) | ToBroker::NativeRefused(_) | ToBroker::Described(_)) => {
                return Err(out_of_turn);
            }
            (_, ToBroker::Call(_) | ToBroker::Log(_) | ToBroker::Done(_) | ToBroker::Trapped(_) | ToBroker::Left) => {}
        }
        // A run that waits for a reply is suspended: it says nothing.
        let run = self.runs.get_mut(&id).filter(|run| run.left || !run.waits_for_reply).ok_or(out_of_turn)?;
        match frame {
            ToBroker::Call(_) => {
                run.waits_for_reply = true;
                run.calls = run.calls.saturating_add(1);
                if run.calls > CALLS_PER_STEP {
                    return Err(WorkerMisbehaved::Flood("host calls"));
                }
            }
            ToBroker::Log(_) => {
                run.lines = run.lines.saturating_add(1);
                // One more says that lines were dropped.
                if run.lines > LINES_PER_STEP.saturating_add(1) {
                    return Err(WorkerMisbehaved::Flood("log lines"));
                }
            }
            ToBroker::Done(_) | ToBroker::Trapped(_) if run.left => {}
            ToBroker::Left if !run.left => return Err(WorkerMisbehaved::OutOfTurn(frame.kind().name)),
            ToBroker::Done(_) | ToBroker::Trapped(_) | ToBroker::Left => {
                self.runs.remove(&id);
            }
            ToBroker::Ready(_) | ToBroker::Rejected(_) | ToBroker::NativeRefused(_) | ToBroker::Described(_) => {}
        }
        Ok(())
    }
}
