//! The first signal starts nothing new, the second one stops waiting; the outcome is true either way.

use crate::*;
use rotabox_tests::gate::Moment;
use std::process::Stdio;

#[test]
fn before_stdin_was_read_nothing_is_started() {
    for name in ["TERM", "INT", "HUP"] {
        let setup = setup();
        let args = setup.bench.args(&RUN);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let child = setup.bench.command(&args).stdin(Stdio::piped()).spawn().unwrap();
        let (broker, _worker) = processes(&setup); // signals are heard before there is a worker
        signal(name, &broker);
        let output = child.wait_with_output().unwrap();
        let result = result(&String::from_utf8(output.stdout).unwrap());
        assert_eq!((output.status.code(), result["outcome"].as_str()), (Some(2), Some("not-started")), "{name}");
        assert_eq!(setup.server.connections(), 0, "{name}");
        nobody_is_left(&setup);
    }
}

#[test]
fn before_the_change_it_is_unchanged_and_nothing_more_is_sent() {
    for (on, live, sent) in [(SIGN_IN, "as-before", 1), (FIND, "old", 2)] {
        for name in ["TERM", "INT", "HUP"] {
            let setup = setup();
            let gate = setup.server.hold(on, 0, Moment::Read);
            let ran = while_running(&setup, |_| {
                gate.wait();
                signal(name, &processes(&setup).0);
            });
            assert_eq!(outcome(&ran), (1, "unchanged", live), "{name} in {on}: {ran:#?}");
            assert!(first_line(&ran).contains("signal"), "{ran:#?}");
            assert_eq!(setup.server.lines().len(), sent, "{name} in {on}");
            gate.open();
            setup.check_truth(&ran, Some("old"));
        }
    }
}

#[test]
fn while_the_change_is_under_way_the_run_goes_on_to_see_what_became_of_it() {
    for moment in [Moment::Read, Moment::Applied] {
        for name in ["TERM", "INT", "HUP"] {
            let setup = setup();
            let gate = setup.server.hold(SET, 0, moment);
            let ran = while_running(&setup, |_| {
                gate.wait();
                signal_taken(name, &processes(&setup).0);
                gate.open();
            });
            assert_eq!(outcome(&ran), (0, "rotated", "new"), "{name} when {moment:?}: {ran:#?}");
            setup.check_truth(&ran, Some("new"));
        }
    }
}

#[test]
fn behind_the_change_the_new_password_is_still_proved() {
    for on in [(SET, 0, Moment::Answered), (SIGN_IN, 1, Moment::Read), (SIGN_IN, 1, Moment::Applied)] {
        let setup = setup();
        let gate = setup.server.hold(on.0, on.1, on.2);
        let ran = while_running(&setup, |_| {
            gate.wait();
            signal_taken("TERM", &processes(&setup).0);
            gate.open();
        });
        assert_eq!(outcome(&ran), (0, "rotated", "new"), "{on:?}: {ran:#?}");
        setup.check_truth(&ran, Some("new"));
    }
}

/// Two signals that come at once may be heard as one, so they are sent until the run gives up.
fn give_up(name: &str, setup: &Setup, over: &dyn Fn() -> bool) {
    let broker = processes(setup).0;
    eventually("the run gives up", || {
        if !over() && broker.exists() {
            drop(Command::new("kill").arg(format!("-{name}")).arg(broker.file_name().unwrap()).output());
        }
        over()
    });
}

#[test]
fn a_second_signal_gives_up_and_says_what_is_not_known() {
    for (moment, truth) in [(Moment::Read, "old"), (Moment::Applied, "new")] {
        let setup = setup();
        let gate = setup.server.hold(SET, 0, moment);
        let ran = while_running(&setup, |over| {
            gate.wait();
            give_up("TERM", &setup, over);
        });
        assert_eq!(outcome(&ran), (6, "unknown", "unknown"), "{moment:?}: {ran:#?}");
        assert!(first_line(&ran).contains("keep both passwords"), "{ran:#?}");
        setup.check_truth(&ran, Some(truth));
        gate.open();
        // what it says is to be done finds out
        let again = setup.run(&RUN);
        let expected = (0, "already-current", "new");
        assert_eq!(outcome(&again), expected, "{moment:?}: {again:#?}");
        setup.check_truth(&again, Some("new"));
    }
}

#[test]
fn a_second_signal_behind_an_accepted_change_leaves_it_unverified() {
    let setup = setup();
    let gate = setup.server.hold(SIGN_IN, 1, Moment::Read);
    let ran = while_running(&setup, |over| {
        gate.wait();
        give_up("INT", &setup, over);
    });
    assert_eq!(outcome(&ran), (4, "changed-unverified", "new"), "{ran:#?}");
    setup.check_truth(&ran, Some("new"));
}
