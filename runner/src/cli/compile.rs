//! `compile`: native code into the store, so that a run need not compile.

use super::{Exit, Files, Out, in_words, worker};
use crate::native::store::{self, PutError};
use crate::native::{self, Refusal};
use crate::policy::file::Limits;
use crate::policy::find::{self, FindError};
use crate::policy::host;
use crate::report::escape::escape;
use crate::wire;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Compile modules ahead, so that a run starts in a few milliseconds
///
/// A run maps the machine code that it finds in the store, if only root or the owner of the policy can have written it, and if this
/// very build of the runner made it. Else it compiles the module itself, as if there were no store, and says so. So compile again
/// after every upgrade of the runner, and after every new version of a module: `rotabox doctor` tells which ones.
///
/// Compiling happens in a worker process without rights. What is in the store already is left as it is.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all of them are in the store, 1 some are not.",
    after_long_help = "Exit codes:
  0  all of them are in the store
  1  some are not: each reason is said

Run it as root, or as the user that owns the policies, and not as the gateway's.

Examples:
  rotabox compile                      # what every policy of the folder names
  rotabox compile okta-prod
  rotabox compile /opt/rotabox/okta.wasm"
)]
pub(super) struct Compile {
    /// Policies, or modules [default: every policy of the folder]
    #[arg(value_name = "NAME")]
    what: Vec<String>,
    /// The store [default: `[native] store` of the host file, or /var/lib/rotabox/native]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Compile also what is in the store already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    files: Files,
}

/// A module to be compiled.
struct Module {
    bytes: Vec<u8>,
    sha256: String,
    limits: wire::Limits,
    /// The user whom the policy belongs to, or for a module alone: who runs this.
    owner: u32,
}

/// Why a module is not in the store.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Put(#[from] PutError),
    /// It was written, and no run would use it.
    #[error("it was written, and no run will use it: {0}")]
    Useless(#[from] Refusal),
    #[error("{}", in_words(.0))]
    Worker(anyhow::Error),
}

impl Compile {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let host = host::load(self.files.config.as_deref())?;
        let store = self.store.as_deref().unwrap_or(host.native_store());
        let all = if self.what.is_empty() { find::names(&self.files.policies)? } else { self.what.clone() };
        if all.is_empty() {
            anyhow::bail!(
                "{} has no policy yet; write one with `rotabox approve MODULE`",
                self.files.policies.display()
            );
        }
        let mut failed = false;
        for what in all {
            let about = escape(&what, 200);
            let limits = |limits: &Limits| host.limits(limits);
            match self.module(&what, limits).and_then(|module| self.keep(store, &module)) {
                Ok(done) => out.data(&format!("{about}: {done}\n")),
                Err(failure) => {
                    failed = true;
                    out.error(&format!("rotabox: {about}: {failure}\n"));
                }
            }
        }
        Ok(if failed { Exit(1) } else { Exit::OK })
    }

    /// A policy's module; or one that is given by its path, whether a policy lists it or not.
    fn module(&self, what: &str, ceilings: impl Fn(&Limits) -> Limits) -> Result<Module, Failure> {
        let wire = |limits: &Limits, inert_wasi| wire::Limits {
            memory_bytes: limits.memory_bytes,
            fuel: limits.fuel,
            inert_wasi,
        };
        if what.ends_with(".wasm") || what.contains('/') {
            let module = find::module(Path::new(what))?;
            let description = worker::describe(&module.bytes).map_err(Failure::Worker)?;
            let limits = wire(&Limits::default(), !description.reasons_without_wasi.is_empty());
            let owner = rustix::process::geteuid().as_raw();
            return Ok(Module { bytes: module.bytes, sha256: module.sha256, limits, owner });
        }
        let found = find::find(&self.files.policies, what)?;
        let limits = wire(&ceilings(&found.policy.limits), found.policy.rotator.inert_wasi);
        Ok(Module { bytes: found.module, sha256: found.module_sha256, limits, owner: found.owner })
    }

    fn keep(&self, store: &Path, module: &Module) -> Result<String, Failure> {
        let short = module.sha256.get(..12).unwrap_or(&module.sha256).to_owned();
        if !self.force && in_order(store, module).is_ok() {
            return Ok(format!("module {short} is in the store already"));
        }
        let began = Instant::now();
        let code = worker::compile(&module.bytes, module.limits.clone()).map_err(Failure::Worker)?;
        let took = began.elapsed().as_secs_f64();
        let path = store::put(store, &module.sha256, &code)?;
        in_order(store, module)?;
        let kib = code.len() >> 10;
        Ok(format!(
            "module {short} compiled in {took:.1} s, {kib} KiB in {}",
            escape(&path.display().to_string(), 1024)
        ))
    }
}

/// Would a run use what the store has?
fn in_order(store: &Path, module: &Module) -> Result<(), Refusal> {
    native::look_up(store, &module.sha256, module.owner)?.check_all()
}
