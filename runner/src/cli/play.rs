//! What `replay` and `test` share: modules, cassettes, and a worker that plays them.

use crate::broker::link::Link;
use crate::cassette::{CASSETTE_BYTES, Cassette, parse, replay};
use crate::cli::in_words;
use crate::confine;
use crate::page::diagnostic::SourceFile;
use crate::policy::{file, find};
use crate::report::escape::escape;
use crate::report::replay::{Played, Verdict};
use crate::report::system::why;
use crate::wire::Limits;
use anyhow::Context as _;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest that the worker may take to load a module.
const PATIENCE: Duration = Duration::from_secs(120);

/// A module that is played to.
pub(super) struct Module {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// The files that were read for it.
    pub(super) files: Vec<PathBuf>,
}

/// A module: a file, or what a policy names.
pub(super) fn module(what: &str, policies: &Path) -> anyhow::Result<Module> {
    if what.ends_with(".wasm") || what.contains('/') {
        return Ok(Module { bytes: find::module(Path::new(what))?.bytes, files: vec![PathBuf::from(what)] });
    }
    let found = find::find(policies, what)?;
    let rotator = &found.policy.rotator;
    let named = [Some(&rotator.module), rotator.page.as_ref().map(|page| &page.path)];
    let named = named.into_iter().flatten().map(|path| policies.join(path));
    Ok(Module { files: [found.path].into_iter().chain(named).collect(), bytes: found.module })
}

/// Reads a cassette. What is wrong with it is said in full.
pub(super) fn cassette(path: &Path) -> anyhow::Result<Cassette> {
    let name = escape(&path.display().to_string(), 400);
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("there is no cassette `{name}`; record one with `rotabox record`"),
        _ => anyhow::anyhow!("`{name}` cannot be read ({}); give it to whoever runs this", why(&error)),
    };
    let found = path.metadata().map_err(unreadable)?;
    anyhow::ensure!(found.is_file(), "`{name}` is no file; name a cassette (a folder of them is for `rotabox test`)");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(CASSETTE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    anyhow::ensure!(
        bytes.len() <= CASSETTE_BYTES,
        "`{name}` has more than {} MiB, the most of a cassette",
        CASSETTE_BYTES >> 20
    );
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            anyhow::bail!("{name}:{line}: this is not UTF-8 text; record the cassette again");
        }
    };
    Ok(parse::parse(&SourceFile::new(path.display().to_string(), text))?)
}

/// Plays cassettes, in order. From its beginning on this process can make no socket.
pub(super) fn play(module: &[u8], cassettes: Vec<(String, anyhow::Result<Cassette>)>) -> anyhow::Result<Vec<Played>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    confine::offline();
    runtime.block_on(async {
        let mut workers = Workers { module, with_wasi: None, without: None };
        let mut played = Vec::new();
        for (file, cassette) in cassettes {
            let verdict = match cassette {
                Ok(cassette) => workers.play(&cassette).await,
                Err(error) => Err(error),
            };
            played.push(Played { file, verdict: verdict.unwrap_or_else(|error| Verdict::Broken(in_words(&error))) });
        }
        workers.end().await;
        Ok(played)
    })
}

/// One worker with an inert WASI and one without; each is started when it is needed, and serves until it breaks.
struct Workers<'m> {
    module: &'m [u8],
    with_wasi: Option<Worker>,
    without: Option<Worker>,
}

struct Worker {
    link: Link,
    last_run: u32,
}

impl Workers<'_> {
    async fn play(&mut self, cassette: &Cassette) -> anyhow::Result<Verdict> {
        let slot = if cassette.inert_wasi { &mut self.with_wasi } else { &mut self.without };
        let mut worker = match slot.take() {
            Some(worker) => worker,
            None => Worker::start(self.module, cassette.inert_wasi).await?,
        };
        match replay::replay(&mut worker.link, &mut worker.last_run, cassette).await {
            Ok(steps) => {
                *slot = Some(worker);
                let same = steps.iter().all(replay::StepReplay::is_same);
                Ok(if same { Verdict::Same { steps: steps.len() } } else { Verdict::Differs(steps) })
            }
            Err(error) => {
                worker.link.kill().await;
                Err(error.into())
            }
        }
    }

    async fn end(self) {
        for worker in [self.with_wasi, self.without].into_iter().flatten() {
            let Worker { mut link, .. } = worker;
            link.kill().await;
        }
    }
}

impl Worker {
    async fn start(module: &[u8], inert_wasi: bool) -> anyhow::Result<Worker> {
        let limits = file::Limits::default();
        let limits = Limits { memory_bytes: limits.memory_bytes, fuel: limits.fuel, inert_wasi };
        let mut link = Link::spawn().context("the worker process could not be started")?;
        match tokio::time::timeout(PATIENCE, link.load(module, limits)).await {
            Ok(loaded) => loaded.map(|_enforced| ())?,
            Err(_) => anyhow::bail!("the module was not ready within {} seconds", PATIENCE.as_secs()),
        }
        Ok(Worker { link, last_run: 0 })
    }
}
