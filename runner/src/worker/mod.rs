//! The worker: the process with wasmtime and the rotator, and nothing else.
//!
//! It is this binary, started again as `rotabox __worker` with an empty environment and a pipe each way. It never receives a
//! secret. Everything is on one thread, without an async runtime: a frame comes, the run that it belongs to goes on until it
//! waits for the next one or ends; one that computes for long steps aside for frames of others. Whatever breaks the protocol ends the process; the broker sees that and says so.
//!
//! | module | what |
//! | --- | --- |
//! | `scan` | what a module must be, before anything is compiled |
//! | `engine` | compile and link |
//! | `native` | machine code from a file instead of a compiler |
//! | `runs` | the runs that are outstanding |
//! | `guest` | one step in a fresh store: the contract's imports |
//! | `port` | a run's way to the broker |
//! | `wasi` | an inert WASI, where the policy gives one |
//! | `meter` | limits of a store |
//! | `reuse` | memory of stores that are over, wiped, for those that follow |
//! | `trapped` | why a step ended, in words |

mod engine;
mod guest;
mod meter;
mod native;
mod port;
mod reuse;
mod runs;
mod scan;
mod trapped;
mod wasi;

use crate::broker::link::{NATIVE_WORD, TOLD_WORD};
use crate::broker::starting::{WITH_CODE, WITHOUT_CODE};
use crate::confine::handover::{self, Message};
use crate::confine::{self, Handed, input_waits};
use crate::wire::frame::{self, Decoder, FrameError, ReadError};
use crate::wire::{DETAIL_MAX, FromCompiler, REASONS_MAX, RunId, ToBroker, ToWorker, clip};
use std::io::{BufReader, Read, Write};
use std::process::ExitCode;

/// Runs the worker's side of the protocol on stdin and stdout until stdin ends.
pub fn main() -> ExitCode {
    // stderr is nowhere, and a message could quote the guest.
    std::panic::set_hook(Box::new(|_| {}));
    // `rotabox __worker BROKER [native|told]`
    let mut args = std::env::args_os().skip(2);
    let broker = args.next().and_then(|id| id.to_str()?.parse().ok());
    let word = args.next();
    let Ok(mut enforced) = confine::worker_start(broker) else { return ExitCode::FAILURE };
    let native = match word {
        Some(word) if word == NATIVE_WORD => Some(confine::handed_over()),
        Some(word) if word == TOLD_WORD => match told() {
            Some(native) => native,
            None => return ExitCode::FAILURE,
        },
        _ => None,
    };
    confine::worker_first_wall(&mut enforced);
    match serve(std::io::stdin().lock(), Box::new(confine::stdout()), native, enforced) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Waits for the broker to say what there is; nothing if it has gone, or says something else.
fn told() -> Option<Option<Handed>> {
    let Message { word, descriptors, .. } = handover::inherited().ok()?.receive().ok()??;
    let mut descriptors = descriptors.into_iter();
    match (word, descriptors.next(), descriptors.next()) {
        (WITH_CODE, Some(file), None) => Some(Some(Handed::from(file))),
        (WITHOUT_CODE, None, None) => Some(None),
        _ => None,
    }
}

/// What [`main`] does behind its walls, without them and over any pipes: for tests, which throw modules at it by the thousand.
/// A run that computes for longer than some 20 milliseconds of fuel looks at this process's own standard input.
pub fn answer(input: impl Read, output: Box<dyn Write + Send>) -> Result<(), Stop> {
    serve(input, output, None, confine::Enforced::default())
}

/// Why the worker gives up: nothing that could be said to the broker would help.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// What came is no frame.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was to be said fits into no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The broker does not listen.
    #[error("the pipe to the broker is broken: {0}")]
    Write(#[from] std::io::Error),
    /// The broker went away.
    #[error("the pipe ended before there was anything to do")]
    Early,
    /// The broker says what makes no sense now.
    #[error("`{0}` came out of turn")]
    OutOfTurn(&'static str),
}

type Next<'n> = dyn FnMut() -> Result<Option<(RunId, ToWorker)>, ReadError> + 'n;

fn serve(
    stdin: impl Read,
    stdout: Box<dyn Write + Send>,
    native: Option<Handed>,
    mut enforced: confine::Enforced,
) -> Result<(), Stop> {
    let out = port::Out::new(stdout);
    let mut pipe = BufReader::with_capacity(64 * 1024, out.before_each_read_of(stdin));
    let mut decoder = Decoder::<ToWorker>::new();
    let mut next = || frame::read(&mut pipe, &mut decoder);

    let loaded = loaded(&mut next, &out, native)?;
    // What was asked for may be answered already.
    let Some(loaded) = loaded else { return Ok(out.flush()?) };
    confine::worker_second_wall(&mut enforced);
    out.write(RunId(0), &ToBroker::Ready(enforced))?;
    let mut runs = runs::Runs::new(loaded, out.clone());
    loop {
        if runs.has_work() && pipe.buffer().is_empty() && !input_waits() {
            out.flush()?;
            runs.work()?;
            continue;
        }
        match frame::read(&mut pipe, &mut decoder)? {
            Some((run, frame)) => runs.take(run, frame)?,
            None => return Ok(()),
        }
    }
}

/// Up to what can be run; nothing if the worker was asked for something else, which it has answered.
fn loaded(next: &mut Next<'_>, out: &port::Out, native: Option<Handed>) -> Result<Option<engine::Loaded>, Stop> {
    let module = match (next()?.ok_or(Stop::Early)?, native) {
        ((_, ToWorker::Module(module)), _) => module,
        ((_, ToWorker::LoadNative(code)), Some(file)) => match engine::load_native(file, &code) {
            Ok(loaded) => return Ok(Some(loaded)),
            Err(reason) => {
                out.write(RunId(0), &ToBroker::NativeRefused(clip(reason, DETAIL_MAX)))?;
                match next()?.ok_or(Stop::Early)? {
                    (_, ToWorker::Module(module)) => module,
                    _ => return Err(Stop::OutOfTurn("module")),
                }
            }
        },
        _ => return Err(Stop::OutOfTurn("module")),
    };
    match next()?.ok_or(Stop::Early)? {
        (_, ToWorker::Load(limits)) => match engine::load(&module, limits) {
            Ok(loaded) => return Ok(Some(loaded)),
            Err(reasons) => out.write(RunId(0), &ToBroker::Rejected(clipped(reasons)))?,
        },
        (_, ToWorker::Compile(limits)) => {
            let answer = match engine::compile(&module, limits) {
                Ok(code) => FromCompiler::Compiled(code),
                Err(reasons) => FromCompiler::Rejected(clipped(reasons)),
            };
            out.write(RunId(0), &answer)?;
        }
        (_, ToWorker::Describe) => out.write(RunId(0), &ToBroker::Described(scan::describe(&module)))?,
        _ => return Err(Stop::OutOfTurn("load")),
    }
    Ok(None)
}

fn clipped(reasons: Vec<String>) -> Vec<String> {
    reasons.into_iter().take(REASONS_MAX).map(|reason| clip(reason, crate::wire::DETAIL_MAX)).collect()
}
