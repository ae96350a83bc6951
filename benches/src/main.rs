//! The command line of the benchmark.

use clap::{Parser, Subcommand};
use rotabox_bench::batch::{self, Batches};
use rotabox_bench::guards::{self, Budgets};
use rotabox_bench::scene::Scene;
use rotabox_bench::stand_ins::StandIns;
use rotabox_bench::{compare, measure, order, stand_ins, trace};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures rotabox beside what it replaces
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run everything side by side, interleaved round by round, and print tables
    Compare {
        /// Rounds: more of them on a noisy machine
        #[arg(long, default_value_t = 20)]
        rounds: usize,
        /// The runner to measure [default: the release build]
        #[arg(long, value_name = "FILE")]
        rotabox: Option<PathBuf>,
        /// Leave out Bash and Python
        #[arg(long)]
        without_scripts: bool,
        /// Leave out `batch`
        #[arg(long)]
        without_batch: bool,
        /// Write the tables to this file as well, as Markdown
        #[arg(long, value_name = "FILE")]
        markdown: Option<PathBuf>,
    },
    /// Compare counts that noise cannot move with their budgets (benches/budgets.toml)
    Guards {
        /// The runner, of the profile that the budgets are for
        #[arg(long, value_name = "FILE")]
        rotabox: PathBuf,
        /// The program whose instructions are counted, of the same profile; left out, they are not
        #[arg(long, value_name = "FILE")]
        happy_path: Option<PathBuf>,
    },
    /// Print the functions that a run calls, one a line, in the order in which they are first seen; needs perf
    Order {
        /// The runner, of the release profile with symbols
        #[arg(long, value_name = "FILE")]
        rotabox: PathBuf,
        /// How often each flow is run
        #[arg(long, default_value_t = 25)]
        runs: usize,
    },
    #[command(hide = true)]
    Serve { folder: PathBuf },
    #[command(hide = true)]
    Hold {
        #[arg(last = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    match answer(Cli::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn answer(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Serve { folder } => stand_ins::serve(&folder)?,
        Verb::Order { rotabox, runs } => {
            let (scene, mut stand_ins) = furnished(&rotabox)?;
            let mut say = |text: &str| drop(writeln!(std::io::stderr(), "bench: {text}"));
            let functions = order::order(&scene, &mut stand_ins, runs, &mut say)?;
            std::io::stdout().write_all(functions.as_bytes())?;
        }
        Verb::Hold { command } => trace::hold(&command)?,
        Verb::Guards { rotabox, happy_path } => return guard(&rotabox, happy_path.as_deref()),
        Verb::Compare { rounds, rotabox, without_scripts, without_batch, markdown } => {
            measure::become_subreaper()?;
            let (scene, mut stand_ins) = furnished(&rotabox.unwrap_or_else(compare::default_runner))?;
            let mut say = |text: &str| drop(writeln!(std::io::stderr(), "bench: {text}"));
            let comparison = compare::compare(&scene, &mut stand_ins, rounds, !without_scripts, &mut say)?;
            let batches = if without_batch || !scene.knows("batch")? {
                Batches::default()
            } else {
                batch::measure(&scene, &mut stand_ins, &mut say)?
            };
            let (goals, missed) = comparison.goals(batches.goals());
            let mut text = String::new();
            writeln!(text, "{rounds} rounds\n")?;
            for note in comparison.notes() {
                writeln!(text, "- {note}")?;
            }
            write!(text, "\n{goals}\n{}\n{}", comparison.times(), comparison.counts())?;
            write!(text, "\n{}\n{}", batches.rates(), batches.growth())?;
            std::io::stdout().write_all(text.as_bytes())?;
            if let Some(file) = markdown {
                std::fs::write(file, &text)?;
            }
            if missed {
                say("a goal that must be reached was missed");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A scene for this runner, and the stand-ins that it speaks of.
fn furnished(rotabox: &Path) -> anyhow::Result<(Scene, StandIns)> {
    let scene = Scene::new(rotabox)?;
    let stand_ins = StandIns::start(&scene.folder)?;
    scene.furnish(&stand_ins.facts)?;
    Ok((scene, stand_ins))
}

fn guard(rotabox: &Path, happy_path: Option<&Path>) -> anyhow::Result<ExitCode> {
    measure::become_subreaper()?;
    let budgets = Budgets::read()?;
    let (scene, mut stand_ins) = furnished(rotabox)?;
    let mut out = std::io::stderr().lock();
    let mut say = |text: &str| drop(writeln!(out, "guards: {text}"));
    let mut wrong = budgets.unwanted(&guards::tree()?);
    let mut counted = guards::count(&scene, &mut stand_ins, &mut say)?;
    match happy_path {
        Some(program) => drop(counted.insert(guards::INSTRUCTIONS.to_owned(), guards::instructions(&scene, program)?)),
        None => say("NOT COUNTED: instructions, because valgrind is missing"),
    }
    let (table, above) = budgets.judge(&counted, happy_path.is_none());
    say(&format!("\n{table}"));
    wrong.extend(above);
    for line in &wrong {
        say(line);
    }
    if wrong.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say("if it is on purpose, change benches/budgets.toml in the same commit and say there what it buys");
    Ok(ExitCode::FAILURE)
}
