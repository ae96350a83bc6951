//! Every target of `rotabox_tests::fuzz`: its corpus, and a moment of changed copies. `ROTABOX_FUZZ_SECONDS=30 cargo test -p
//! rotabox-tests --test fuzz` (or `make fuzz`) goes on for that long, each time with another seed; `-- page_parse` picks a target.

#![allow(clippy::print_stdout, reason = "how far a target came is worth a line")]

use libtest_mimic::{Arguments, Trial};
use rotabox_tests::fuzz::{TARGETS, Until};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Inputs of a brief run: the same ones each time.
const BRIEF: u64 = 2_000;

fn main() -> ExitCode {
    let seconds = std::env::var_os("ROTABOX_FUZZ_SECONDS");
    let seconds = seconds.and_then(|text| text.to_str()?.parse().ok());
    let (seed, until) = match seconds {
        Some(seconds) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_secs());
            (now, Until::Passed(Duration::from_secs(seconds)))
        }
        None => (1, Until::Inputs(BRIEF)),
    };
    let trials = TARGETS.iter().map(|target| {
        Trial::test(target.name, move || {
            let count = target.attack(seed, until);
            println!("{}: {count} inputs, seed {seed}", target.name);
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
