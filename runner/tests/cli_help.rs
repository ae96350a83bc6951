//! The help of every verb, short and long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cli_common;

use cli_common::{Desk, matches_file};

/// The verbs that the help lists.
fn verbs(desk: &Desk) -> Vec<String> {
    let help = desk.run(&["--help"]).exits(0).stdout;
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What wraps stands further in.
    let verbs = verbs.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help").map(str::to_owned).collect()
}

#[test]
fn each_verb_has_a_short_and_a_long_help() {
    let desk = Desk::new();
    let verbs = verbs(&desk);
    assert!(verbs.len() >= 9, "{verbs:?}");
    matches_file("help/rotabox.txt", &desk.run(&["--help"]).exits(0).stdout);
    for verb in verbs {
        let short = desk.run(&[&verb, "-h"]).exits(0);
        let long = desk.run(&[&verb, "--help"]).exits(0);
        assert!(short.stderr.is_empty() && long.stderr.is_empty());
        assert!(short.stdout.lines().all(|line| line.chars().count() <= 100), "{}", short.stdout);
        matches_file(
            &format!("help/{verb}.txt"),
            &format!("{}\n\n===== --help =====\n\n{}", short.stdout, long.stdout),
        );
    }
}

#[test]
fn a_verb_that_does_not_exist_is_said_on_stderr_with_the_nearest() {
    Desk::new().run(&["aprove"]).exits(2).says("approve");
    Desk::new().run(&[]).exits(2).says("Usage");
}

#[test]
fn the_worker_is_no_verb_of_the_help() {
    Desk::new().run(&["--help"]).exits(0).does_not_say("__worker");
}
