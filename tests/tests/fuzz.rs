//! Every target of `rotabox_tests::fuzz`: its corpus, and changed copies of it.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `ROTABOX_FUZZ_SECONDS` | how long for each target; without it, a moment, with the same inputs each time |
//! | `ROTABOX_FUZZ_SEED` | which inputs; without it, others each time |
//!
//! `cargo test -p rotabox-tests --test fuzz -- page_parse` picks a target.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests; how far a target came is worth a line"
)]

use libtest_mimic::{Arguments, Trial};
use rotabox_tests::fuzz::{TARGETS, Until};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

fn main() -> ExitCode {
    let number =
        |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")));
    let seconds: Option<u64> = number("ROTABOX_FUZZ_SECONDS");
    let seed: Option<u64> = number("ROTABOX_FUZZ_SEED");
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_secs());
    let seed = match seconds {
        Some(_) => seed.unwrap_or_else(now),
        None => seed.unwrap_or(1),
    };
    let trials = TARGETS.iter().map(|target| {
        Trial::test(target.name, move || {
            let until =
                seconds.map_or(Until::Inputs(target.brief), |seconds| Until::Passed(Duration::from_secs(seconds)));
            let count = target.attack(seed, until);
            println!("{}: {count} inputs, seed {seed}", target.name);
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
