//! `replay`: does a module do what it did when the cassette was recorded?

use super::{Exit, Out, play};
use crate::policy::find::DEFAULT_FOLDER;
use crate::report::replay::Verdict;
use clap::Args;
use std::path::PathBuf;

/// Replay a cassette: does the module do what it did when it was recorded?
///
/// The module runs in a worker, behind the same walls as in a run, and is told what the cassette says. Nothing is read from a gateway
/// or a vault, and nothing is sent: the process cannot make a socket.
///
/// Lines with `-` stand on the cassette; lines with `+` are what the module did instead. What it does after the first of them,
/// it does because of it.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the same, 1 something differs, 2 the cassette or the module could not be used.",
    after_long_help = "Exit codes:
  0  the module does the same
  1  something differs
  2  the cassette or the module could not be used

Examples:
  rotabox replay cassettes/rotated.toml --module okta.wasm
  rotabox replay cassettes/rotated.toml --module okta-prod"
)]
pub(super) struct Replay {
    /// A recorded run
    #[arg(value_name = "CASSETTE")]
    cassette: PathBuf,
    /// A module, or the name of a policy, whose module is meant
    #[arg(long, value_name = "FILE|NAME")]
    module: String,
    /// The policy folder
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    policies: PathBuf,
}

impl Replay {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let cassette = play::cassette(&self.cassette)?;
        let module = play::module(&self.module, &self.policies)?;
        let name = self.cassette.display().to_string();
        let mut exit = Exit::OK;
        for played in play::play(&module.bytes, vec![(name, Ok(cassette))])? {
            match &played.verdict {
                Verdict::Same { .. } => {}
                Verdict::Differs(_) => exit = Exit(1),
                Verdict::Broken(reason) => anyhow::bail!("{reason}"),
            }
            out.data(&played.text(out.is_coloured()));
        }
        Ok(exit)
    }
}
