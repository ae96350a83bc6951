//! The numbered hostile suite: `docs/attacks.md` says what each attack is and what comes of it.
//!
//! Most attacks are files below `tests/hostile` (see `rotabox_tests::hostile::attack`), tried with both walls and with each alone; what
//! needs more than a file is a function here. The table itself is checked by `table`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod alone;
mod build;
mod files;

use libtest_mimic::{Arguments, Trial};
use rotabox_tests::hostile::{attack, invariants, table};
use std::process::ExitCode;

/// Becomes the binary on a kernel that lacks a wall.
const OLD_KERNEL: &str = env!("CARGO_BIN_EXE_old-kernel");

/// A test that is written in Rust: its place and name, and what it does.
type Coded = (&'static str, fn());

macro_rules! coded {
    ($($place:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($place), "::", stringify!($name)), $place::$name as fn())),*]
    };
}

const CODED: &[Coded] = coded! {
    files::a_module_of_100_mib_is_not_even_read,
    files::there_is_no_switch_that_takes_an_unapproved_module,
    files::a_policy_that_others_could_write_or_exchange_is_refused,
    files::a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for,
    files::a_line_on_stdin_that_never_ends_is_not_waited_for_beyond_the_deadline,
    alone::a_worker_that_dies_whatever_of_ends_the_run_with_one_line,
    alone::a_signal_before_the_change_stops_and_one_in_it_is_seen_through,
    alone::a_log_without_room_for_the_intent_stops_the_run_before_the_change,
    alone::a_bystander_sees_no_secret_in_arguments_environment_or_limits,
    alone::a_handshake_without_end_ends_by_the_deadline,
    build::the_shipped_sources_have_no_hook_no_switch_and_no_listening_socket,
    build::the_shipped_binary_has_no_text_format_and_no_test_code,
};

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for case in attack::files().iter().flat_map(|file| attack::cases(file)) {
        for kernel in case.kernels() {
            let case = case.clone();
            trials.push(Trial::test(case.name(kernel), move || {
                invariants::check(&case, kernel, OLD_KERNEL);
                Ok(())
            }));
        }
    }
    for (name, test) in CODED {
        trials.push(Trial::test(*name, move || {
            test();
            Ok(())
        }));
    }
    trials.push(Trial::test("table::every_attack_has_a_row_and_every_row_a_test", || {
        let coded: Vec<&str> = CODED.iter().map(|(name, _)| *name).collect();
        let faults = table::faults(&coded);
        if faults.is_empty() { Ok(()) } else { Err(format!("docs/attacks.md:\n{}", faults.join("\n")).into()) }
    }));
    libtest_mimic::run(&args, trials).exit_code()
}
