//! `record`: a run, and a cassette of it.

use super::report_file::not_read;
use super::run::stdin_is_piped;
use super::{Exit, Files, Out};
use crate::broker::run::{Recording, Request, execute};
use crate::cassette::place::Place;
use crate::cassette::tape::Tape;
use crate::confine::Enforced;
use crate::policy::find::DEFAULT_CONFIG;
use crate::report::escape::escape;
use crate::report::result::{RunResult, Verb};
use clap::Args;
use std::path::{Path, PathBuf};

/// Rotate, and record what the rotator asked and was told
///
/// Does what `run` does (or `rehearse`, or `verify`), with the same output and exit code, and writes a cassette: a file with
/// the rotator's calls and their answers as the rotator saw them, step by step. `rotabox replay` and `rotabox test` play it to a module
/// without provider, vault or network.
///
/// No secret is on a cassette: a rotator never sees one, and the file is searched for all of them before it is written. The
/// user's name, record fields, and shown values that do not stand on the page are replaced by stand-ins; `--keep` keeps one that
/// the rotator goes by. A cassette that cannot be written is a warning: the outcome and the exit code are those of the run.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: those of `run`. 2, before anything is tried, if FILE exists.",
    after_long_help = "Exit codes: those of `run` (or `rehearse`, or `verify`). 2, before anything is tried, if FILE exists.

Example:
  echo \"$PARAMS\" | rotabox record okta-test --to cassettes/rotated.toml"
)]
pub(super) struct Record {
    /// A policy's name, or a module that exactly one policy lists by digest
    #[arg(value_name = "NAME")]
    what: String,
    /// The cassette to write
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
    /// Keep a value as it is: `user`, `RECORD.FIELD` or `ROUTE.SHOWN` [repeatable]
    #[arg(long, value_name = "NAME")]
    keep: Vec<String>,
    /// Record a rehearsal: everything but the change
    #[arg(long)]
    rehearse: bool,
    /// Record one sign-in with the old password
    #[arg(long, conflicts_with = "rehearse")]
    verify: bool,
    /// Record one sign-in with the new password
    #[arg(long, conflicts_with_all = ["rehearse", "verify"])]
    verify_new: bool,
    #[command(flatten)]
    files: Files,
}

impl Record {
    pub(super) fn execute(self, enforced: Enforced, out: &mut Out) -> anyhow::Result<Exit> {
        stdin_is_piped("record", &self.what)?;
        // `--force` is for an earlier cassette.
        let policy = self.files.policies.join(format!("{}.toml", self.what));
        let config = self.files.config.as_deref().unwrap_or(Path::new(DEFAULT_CONFIG));
        not_read(&self.to, &[Path::new(&self.what), &policy, config])?;
        let place = Place::keep(&self.to, self.force)?;
        let verb = match (self.rehearse, self.verify, self.verify_new) {
            (true, _, _) => Verb::Rehearse,
            (_, true, _) => Verb::Verify { new: false },
            (_, _, true) => Verb::Verify { new: true },
            (false, false, false) => Verb::Run,
        };
        super::out::on_panic(verb);
        let mut tape = Tape::new(self.keep);
        let recording = Recording { tape: &mut tape, folder: place.folder().to_owned() };
        let request = Request { what: self.what, policies: self.files.policies, config: self.files.config, verb };
        let (result, worker) = execute(&request, enforced, Some(recording));
        // The result goes first: whatever becomes of the cassette, the gateway has it.
        out.data(&result.line());
        out.error(&result.words());
        out.error(&written(tape, place, &result));
        worker.wait();
        Ok(Exit(result.exit()))
    }
}

/// Writes the cassette; answers with what to say of it.
fn written(tape: Tape, place: Place, result: &RunResult) -> String {
    let Some(redactor) = result.redactor() else {
        return "warning: no cassette was written: no step of the rotator was run\n".to_owned();
    };
    let finished = match tape.finish(result.outcome(), redactor) {
        Ok(finished) => finished,
        Err(error) => return format!("warning: no cassette was written: {error}\n"),
    };
    match place.commit(&finished.text) {
        Ok(path) => {
            let mut said = format!("cassette: {}\n", escape(&path.display().to_string(), 4096));
            finished.notes.iter().for_each(|note| said.push_str(&format!("note: {note}\n")));
            said
        }
        Err(error) => format!("warning: no cassette was written: {error}\n"),
    }
}
