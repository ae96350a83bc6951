//! A worker process, asked one question by a verb that runs nothing.

use crate::broker::link::{Link, LoadError};
use crate::confine::Enforced;
use crate::wire::{Description, Limits};
use std::time::Duration;

/// Longest that a worker may take for one answer. Compiling a module with a language runtime inside takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a module is, by its own binary.
pub(super) fn describe(module: &[u8]) -> anyhow::Result<Description> {
    ask(async |link| link.describe(module).await)
}

/// Whether a module can be compiled and linked; answers with what the worker gave up before it read it.
pub(super) fn load(module: &[u8], limits: Limits) -> anyhow::Result<Enforced> {
    ask(async |link| link.load(module, limits.clone()).await)
}

/// A module's machine code, if it is accepted.
pub(super) fn compile(module: &[u8], limits: Limits) -> anyhow::Result<Vec<u8>> {
    ask(async |link| link.compile(module, limits.clone()).await)
}

fn ask<T>(question: impl AsyncFn(&mut Link) -> Result<T, LoadError>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut link = Link::spawn()?;
        let answer = tokio::time::timeout(PATIENCE, question(&mut link)).await;
        link.kill().await;
        match answer {
            Ok(answer) => Ok(answer?),
            Err(_) => anyhow::bail!("the worker did not answer within {} seconds", PATIENCE.as_secs()),
        }
    })
}
