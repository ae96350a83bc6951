//! The broker's end of the pipes to the worker. Treats every frame as hostile.

use crate::wire::{Description, Limits, RunId, ToBroker, ToWorker, WorkerMisbehaved};

/// A worker process: this binary, re-executed as `rotabox __worker`, with an empty environment and two pipes.
pub struct Link {}

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
    /// Starts a worker. Needs a tokio runtime.
    pub fn spawn() -> std::io::Result<Link> {
        todo!()
    }

    /// Hands the module over, to be scanned, compiled and linked.
    pub async fn load(&mut self, _module: &[u8], _limits: Limits) -> Result<(), LoadError> {
        todo!()
    }

    /// Hands a module over, to be described without compiling. The worker is used up afterwards.
    pub async fn describe(&mut self, _module: &[u8]) -> Result<Description, LoadError> {
        todo!()
    }

    /// Sends a frame.
    pub async fn send(&mut self, _run: RunId, _frame: &ToWorker) -> Result<(), WorkerMisbehaved> {
        todo!()
    }

    /// The next frame of any run.
    pub async fn next(&mut self) -> Result<(RunId, ToBroker), WorkerMisbehaved> {
        todo!()
    }

    /// Kills the worker and reaps it.
    pub async fn kill(&mut self) {
        todo!()
    }
}
