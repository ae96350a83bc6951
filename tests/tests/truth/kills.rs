//! `kill -9` of the broker, then a re-run: whatever the moment was, the re-run ends in a true outcome.

use crate::*;
use rotabox_tests::gate::Moment;
use rotabox_tests::params::Form;
use serde_json::json;
use std::io::Write;
use std::process::Child;

const OTHER: &str = "yet-another-Passw0rd";

fn start(setup: &Setup) -> Child {
    let args = setup.bench.args(&RUN);
    let mut child = setup.bench.command(&args.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&setup.params.line(Form::Plain)).unwrap();
    child
}

/// A broker that was killed leaves nobody behind, and the gateway's next run, of each kind, ends as it should.
fn then(setup: &Setup, mut child: Child, kind: usize, at: &str) {
    child.kill().unwrap();
    child.wait().unwrap();
    nobody_is_left(setup);
    setup.server.wait_until_left();
    setup.server.check_once_only();
    let new = setup.params.top["newPassword"].as_str().unwrap().to_owned();
    let live = setup.live().unwrap();
    let changed = live == new;
    assert!(changed || live == OLD, "{at}");
    let (old, next, expected) = match (kind % 3, changed) {
        (0, false) => (OLD, new.as_str(), (0, "rotated", "new")),
        (0, true) => (OLD, new.as_str(), (0, "already-current", "new")),
        // the gateway takes it back: old and new are exchanged
        (1, false) => (new.as_str(), OLD, (0, "already-current", "new")),
        (1, true) => (new.as_str(), OLD, (0, "rotated", "new")),
        // it makes yet another password, and never heard of the one that may be live
        (_, false) => (OLD, OTHER, (0, "rotated", "new")),
        (_, true) => (OLD, OTHER, (5, "out-of-sync", "neither")),
    };
    let mut params = setup.params.clone();
    params.top.insert("oldPassword".into(), json!(old));
    params.top.insert("newPassword".into(), json!(next));
    let ran = setup.run_line(&RUN, &params.line(Form::Plain));
    assert_eq!(outcome(&ran), expected, "killed {at}, changed {changed}, re-run {}: {ran:#?}", kind % 3);
    let live = setup.live().unwrap();
    assert_eq!(live == next, ran.exit == 0, "killed {at}: {live} is live: {ran:#?}");
}

fn at(on: &str, skip: usize) {
    for (i, moment) in [Moment::Read, Moment::Applied, Moment::Answered].into_iter().enumerate() {
        let setup = setup();
        let gate = setup.server.hold(on, skip, moment);
        let mut child = start(&setup);
        gate.wait();
        child.kill().unwrap();
        child.wait().unwrap();
        let intended = on == SET || (on, skip) == (SIGN_IN, 1);
        match moment {
            Moment::Read | Moment::Applied => log_shows_the_break(&setup, intended),
            Moment::Answered => log_is_true(&setup, intended),
        }
        gate.open(); // what the stand-in has read, it does: its client's death changes nothing about that
        then(&setup, child, i + skip, &format!("at {on}, {moment:?}"));
    }
}

#[test]
fn in_the_first_sign_in() {
    at(SIGN_IN, 0);
}

#[test]
fn in_the_look_up() {
    at(FIND, 0);
}

#[test]
fn in_the_change_and_the_same_run_again_finds_out() {
    at(SET, 0);
}

#[test]
fn in_the_change_and_the_gateway_takes_it_back_or_makes_another() {
    for kind in [1, 2] {
        let setup = setup();
        let gate = setup.server.hold(SET, 0, Moment::Applied);
        let mut child = start(&setup);
        gate.wait();
        child.kill().unwrap();
        child.wait().unwrap();
        gate.open();
        then(&setup, child, kind, "with the change applied");
    }
}

#[test]
fn in_the_last_sign_in() {
    at(SIGN_IN, 1);
}

/// The log of a run that was killed at a request shows the break: what was intended, and no outcome.
fn log_shows_the_break(setup: &Setup, intended: bool) {
    let log = std::fs::read_to_string(setup.bench.folder().join("audit/audit.jsonl")).unwrap_or_default();
    assert!(!log.contains(r#""event":"outcome""#), "{log}");
    assert_eq!(log.contains(r#""event":"intent""#), intended, "{log}");
}

/// A run whose answer has left goes on until the kill comes, perhaps to its end: what the log holds then has happened.
fn log_is_true(setup: &Setup, intended: bool) {
    let log = std::fs::read_to_string(setup.bench.folder().join("audit/audit.jsonl")).unwrap_or_default();
    assert!(log.contains(r#""event":"intent""#) || !intended, "{log}");
    if log.contains(r#""event":"outcome""#) {
        assert!(log.contains(r#""outcome":"rotated""#), "{log}");
        assert_ne!(setup.live().unwrap(), OLD, "{log}");
    }
}

/// With the fourteen above: fifty.
const MOMENTS: u32 = 36;

fn spread(which: impl Iterator<Item = u32>) {
    let whole = setup().run(&RUN).took;
    for i in which {
        let setup = setup();
        let child = start(&setup);
        thread::sleep(whole * i / MOMENTS); // whatever it is doing then
        then(&setup, child, i as usize, &format!("after {i}/{MOMENTS} of a run"));
    }
}

#[test]
fn at_even_moments_spread_over_a_run() {
    spread((0..MOMENTS).step_by(2));
}

#[test]
fn at_odd_moments_spread_over_a_run() {
    spread((1..MOMENTS).step_by(2));
}
