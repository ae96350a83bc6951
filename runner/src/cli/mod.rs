//! The command line: one small file a verb.

mod approve;
mod audit;
mod batch;
mod compile;
mod diff;
mod doctor;
mod explain;
mod inspect;
mod lint;
mod out;
mod pack;
mod play;
mod record;
mod replay;
mod report_file;
mod run;
mod signed;
mod test;
mod worker;

use crate::confine::Enforced;
use crate::report::system::why;
use clap::{Args, Command, FromArgMatches as _, Parser, Subcommand};
pub use out::Out;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs a password rotation from a sealed component that holds no secret and reaches one provider only.
#[derive(Debug, Parser)]
#[command(
    name = "rotabox",
    version,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes of `run`: 0 the new password was seen to work, 1 unchanged, 2 not started, 3 denied, \
                  4 changed but unverified, 5 out of sync, 6 unknown, 70 a bug. `rotabox help run` tells more."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Run),
    Rehearse(run::Rehearse),
    Verify(run::Verify),
    Batch(batch::Batch),
    Approve(Box<approve::Approve>),
    Inspect(inspect::Inspect),
    Lint(lint::Lint),
    Diff(diff::Diff),
    Explain(explain::Explain),
    Compile(compile::Compile),
    Doctor(doctor::Doctor),
    Pack(pack::Pack),
    Record(record::Record),
    Replay(replay::Replay),
    Test(test::Test),
    Audit(audit::Audit),
}

/// Where the operator's files are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Operator's files")]
pub struct Files {
    /// The policy folder
    #[arg(long, value_name = "DIR", default_value = crate::policy::find::DEFAULT_FOLDER)]
    pub policies: PathBuf,
    /// The host file (proxy, CA, address openings) [default: /etc/rotabox/rotabox.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// Done.
    pub const OK: Exit = Exit(0);
    /// Bad input, page, policy or module: nothing was tried.
    pub const NOT_STARTED: Exit = Exit(2);
}

/// A path as a word of a shell, to be copied from a message. One that a terminal could misread is only shown.
fn shell_word(path: &Path) -> String {
    let text = crate::report::escape::escape(&path.display().to_string(), 4096);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The verb that a gateway calls thousands of times a day, without making up the other fifteen first. What it does not take (a mistake, a
/// wish for help) is left to the whole command line, which has the words for it.
fn one_of_a_run(args: &[OsString]) -> Option<Verb> {
    let [_, verb, rest @ ..] = args else { return None };
    if verb != "run" {
        return None;
    }
    let alone = run::Run::augment_args(Command::new("run")).disable_version_flag(true).disable_help_flag(true);
    let matches = alone.try_get_matches_from(std::iter::once(verb).chain(rest)).ok()?;
    run::Run::from_arg_matches(&matches).ok().map(Verb::Run)
}

impl Verb {
    /// Its output is all that it is for: one that cannot be written is a failure. The exit code of every other verb belongs to what was done.
    fn is_for_its_output(&self) -> bool {
        match self {
            Verb::Inspect(_)
            | Verb::Lint(_)
            | Verb::Diff(_)
            | Verb::Explain(_)
            | Verb::Doctor(_)
            | Verb::Replay(_)
            | Verb::Test(_)
            | Verb::Audit(_) => true,
            Verb::Approve(args) => args.prints(),
            Verb::Run(_)
            | Verb::Rehearse(_)
            | Verb::Verify(_)
            | Verb::Batch(_)
            | Verb::Compile(_)
            | Verb::Pack(_)
            | Verb::Record(_) => false,
        }
    }
}

/// Parses `args` and runs the verb. Errors go to stderr.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut out = Out::standard();
    let args: Vec<OsString> = args.into_iter().collect();
    let verb = match one_of_a_run(&args).map_or_else(|| Cli::try_parse_from(args).map(|cli| cli.verb), Ok) {
        Ok(verb) => verb,
        Err(error) => {
            let text = error.render().to_string();
            return if error.use_stderr() {
                out.error(&text);
                ExitCode::from(Exit::NOT_STARTED.0)
            } else {
                out.data(&text);
                ExitCode::from(written(&mut out, Exit::OK).0)
            };
        }
    };
    // Cargo needs its environment, and is the author's own.
    let enforced = match verb {
        Verb::Pack(_) => Enforced::default(),
        _ => crate::confine::broker_start(),
    };
    let is_for_its_output = verb.is_for_its_output();
    let exit = match verb {
        Verb::Run(args) => args.execute(enforced, &mut out),
        Verb::Rehearse(args) => args.execute(enforced, &mut out),
        Verb::Verify(args) => args.execute(enforced, &mut out),
        Verb::Batch(args) => args.execute(enforced, &mut out),
        Verb::Approve(args) => args.execute(&mut out),
        Verb::Inspect(args) => args.execute(&mut out),
        Verb::Lint(args) => args.execute(&mut out),
        Verb::Diff(args) => args.execute(&mut out),
        Verb::Explain(args) => args.execute(&mut out),
        Verb::Compile(args) => args.execute(&mut out),
        Verb::Doctor(args) => args.execute(enforced, &mut out),
        Verb::Pack(args) => args.execute(&mut out),
        Verb::Record(args) => args.execute(enforced, &mut out),
        Verb::Replay(args) => args.execute(&mut out),
        Verb::Test(args) => args.execute(&mut out),
        Verb::Audit(args) => args.execute(&mut out),
    };
    let exit = exit.unwrap_or_else(|error| {
        out.error(&format!("rotabox: {}\n", in_words(&error)));
        Exit::NOT_STARTED
    });
    let exit = if is_for_its_output { written(&mut out, exit) } else { done(&mut out, exit) };
    ExitCode::from(exit.0)
}

/// What went wrong, and each reason behind it. Many an error says its reason itself: nothing is said twice.
fn in_words(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |mut said, cause| {
        let words = cause.downcast_ref().map_or_else(|| cause.to_string(), why);
        if !said.contains(&words) {
            said.push_str(if said.is_empty() { "" } else { ": " });
            said.push_str(&words);
        }
        said
    })
}

/// The exit code, if all of the output was written. Whoever closed the pipe has read enough, and is told nothing.
fn written(out: &mut Out, exit: Exit) -> Exit {
    let Some(error) = out.unwritten() else { return exit };
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        let why = why(error);
        out.error(&format!(
            "rotabox: the output could not be written ({why}); what stands on stdout is not all of it\n"
        ));
    }
    Exit::NOT_STARTED
}

/// The exit code of what was done. A result that nobody got, not even by a closed pipe, is said.
fn done(out: &mut Out, exit: Exit) -> Exit {
    if let Some(error) = out.unwritten() {
        let why = match error.kind() {
            std::io::ErrorKind::BrokenPipe => "nobody reads it".to_owned(),
            _ => why(error),
        };
        out.error(&format!(
            "rotabox: the result could not be written to stdout ({why}); exit code {} says what was done\n",
            exit.0
        ));
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Same(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("the list cannot be read: {0}; name another")]
    struct Within(#[from] Same);

    #[test]
    fn a_reason_that_an_error_says_itself_is_not_said_again() {
        let cause = || Same(std::io::Error::other("it is cut"));
        assert_eq!(in_words(&anyhow::Error::new(cause())), "it is cut");
        let within = anyhow::Error::new(Within(cause()));
        assert_eq!(in_words(&within), "the list cannot be read: it is cut; name another");
        assert_eq!(in_words(&anyhow::Error::new(cause()).context("no list")), "no list: it is cut");
    }
}
