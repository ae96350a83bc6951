//! `batch`: many params lines on stdin, a result line for each on stdout.

use super::{Exit, Files, Out};
use crate::broker::batch::{Request, execute};
use crate::confine::Enforced;
use crate::report::result::Verb;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Rotate many: one params line each on stdin, one JSON line each on stdout
///
/// Each line is a run of its own, with its own deadline, ledger and secrets: what happens to one changes nothing for another. Lines for the
/// same account take their turns in the order of the input. Of stdin no more is read than is being worked on.
///
/// stdout gets the result of each line, as `rotabox run` writes it, with the line's number. stderr gets a summary, and on a terminal
/// the progress meanwhile. Ctrl-C begins nothing new and finishes what was sent; a second run of the same input finds out for each
/// account what is live, and changes nothing twice.
#[derive(Debug, Args)]
#[command(after_help = EXITS, after_long_help = EXITS_AND_EXAMPLE)]
pub(super) struct Batch {
    /// A policy's name (`okta-prod`), or a module that exactly one policy lists by digest (`X.wasm`)
    #[arg(value_name = "NAME")]
    what: String,
    /// Most lines under way at the same time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4096))]
    jobs: u16,
    /// Most lines that are begun in a second; fractions are allowed [default: as many as go]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Write results as lines finish, instead of in the order of the input
    #[arg(long)]
    as_finished: bool,
    /// Worker processes [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    #[command(flatten)]
    files: Files,
}

const EXITS: &str = "Exit codes: 0 every line ended in exit 0, 7 some did, 1 none did, 2 none was tried, 70 a bug.";
const EXITS_AND_EXAMPLE: &str = "Exit codes:
  0   every line ended as a run with exit 0 does
  7   some lines did
  1   none did, though some were tried
  2   no line was tried: bad policy or module, or no line that could be read
  70  a bug in rotabox

Example:
  rotabox batch okta-prod --jobs 8 --rate 5 < lines > results.jsonl
  jq -c 'select(.exit != 0) | {line, outcome, reason}' results.jsonl";

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=1_000_000.0).contains(&rate) { Ok(rate) } else { Err("not between 0.001 and 1000000".to_owned()) }
}

impl Batch {
    pub(super) fn execute(self, enforced: Enforced, out: &mut Out) -> anyhow::Result<Exit> {
        if std::io::stdin().is_terminal() {
            anyhow::bail!(
                "`batch` reads params lines from stdin, and stdin is a terminal; pipe one base64 line for each account, for \
                 example `rotabox batch {} < lines`",
                self.what
            );
        }
        super::out::on_panic(Verb::Run);
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let request = Request {
            what: self.what,
            policies: self.files.policies,
            config: self.files.config,
            jobs: usize::from(self.jobs),
            workers: self.workers.map_or_else(cores, usize::from),
            rate: self.rate,
            as_finished: self.as_finished,
        };
        let bar = bar();
        let progress = |tally: &crate::broker::batch::tally::Tally| {
            bar.set_position(tally.lines());
            bar.set_message(format!("{} of them ended well", tally.rotated()));
        };
        let failed = Arc::new(Mutex::new(None));
        let stdout = Remembering { stdout: std::io::stdout(), failed: Arc::clone(&failed) };
        let executed = execute(&request, enforced, stdout, progress);
        bar.finish_and_clear();
        if let Some(error) = failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            out.not_written(error);
        }
        match executed {
            Ok(summary) => {
                out.error(&summary.words());
                Ok(Exit(summary.exit()))
            }
            Err(result) => {
                out.data(&result.line());
                out.error(&result.words());
                Ok(Exit(result.exit()))
            }
        }
    }
}

/// Stdout, and why it took no more.
struct Remembering {
    stdout: Stdout,
    failed: Arc<Mutex<Option<std::io::Error>>>,
}

impl Remembering {
    fn remember<T>(&self, written: std::io::Result<T>) -> std::io::Result<T> {
        written.map_err(|error| {
            let kind = error.kind();
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            kind.into()
        })
    }
}

impl Write for Remembering {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.stdout.write(bytes);
        match written {
            // It is tried again.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(error),
            written => self.remember(written),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.stdout.flush();
        self.remember(flushed)
    }
}

/// Shown on a terminal only: the drawing is left out anywhere else.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{spinner} {human_pos} lines, {msg} · {per_sec} · {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
