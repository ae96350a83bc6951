//! The process with the rotator dies or hangs: the ledger says what that means.

use crate::*;
use rotabox_tests::fault::Fault;
use rotabox_tests::gate::Moment;
use serde_json::json;

/// Does something to the worker while the stand-in holds a request.
fn interfere(setup: &Setup, (on, skip, moment): (&str, usize, Moment), name: &str) -> Ran {
    let gate = setup.server.hold(on, skip, moment);
    while_running(setup, |_| {
        gate.wait();
        let worker = processes(setup).1;
        signal(name, &worker);
        if name == "KILL" {
            eventually("the worker is dead", || {
                let status = std::fs::read_to_string(worker.join("status")).unwrap_or_default();
                !status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
            });
        }
        gate.open();
    })
}

#[test]
fn killed_before_the_change_it_is_unchanged() {
    for (at, sent) in [((SIGN_IN, 0, Moment::Read), 1), ((FIND, 0, Moment::Read), 2), ((FIND, 0, Moment::Applied), 2)] {
        let setup = setup();
        let ran = interfere(&setup, at, "KILL");
        assert_eq!(outcome(&ran), (1, "unchanged", "old"), "{at:?}: {ran:#?}");
        assert!(first_line(&ran).contains("worker"), "{ran:#?}");
        assert_eq!(setup.server.lines().len(), sent, "{at:?}");
        setup.check_truth(&ran, Some("old"));
    }
}

#[test]
fn killed_while_the_change_is_under_way_its_answer_still_counts() {
    for moment in [Moment::Read, Moment::Applied] {
        let setup = setup();
        let ran = interfere(&setup, (SET, 0, moment), "KILL");
        assert_eq!(outcome(&ran), (4, "changed-unverified", "new"), "{moment:?}: {ran:#?}");
        setup.check_truth(&ran, Some("new"));
        assert_eq!(outcome(&setup.run(&RUN)), (0, "already-current", "new"));
    }
}

#[test]
fn killed_and_the_answer_lost_it_is_unknown_and_a_second_run_finds_out() {
    for (apply, truth, again) in [(true, "new", "already-current"), (false, "old", "rotated")] {
        let setup = setup();
        let fault = json!({ "on": SET, "times": 1, "apply": apply, "then": "reset" });
        setup.server.script(serde_json::from_value::<Fault>(fault).unwrap());
        let ran = interfere(&setup, (SET, 0, Moment::Applied), "KILL");
        assert_eq!(outcome(&ran), (6, "unknown", "unknown"), "{ran:#?}");
        setup.check_truth(&ran, Some(truth));
        let ran = setup.run(&RUN);
        assert_eq!(outcome(&ran), (0, again, "new"), "{ran:#?}");
        setup.check_truth(&ran, Some("new"));
    }
}

#[test]
fn killed_in_the_last_sign_in_the_broker_has_seen_the_answer_itself() {
    let setup = setup();
    let ran = interfere(&setup, (SIGN_IN, 1, Moment::Read), "KILL");
    assert_eq!(outcome(&ran), (0, "rotated", "new"), "{ran:#?}");
    setup.check_truth(&ran, Some("new"));
}

#[test]
fn stopped_for_good_it_ends_by_the_deadline_and_nothing_is_left() {
    for (at, expected, truth) in [
        ((FIND, 0, Moment::Read), (1, "unchanged", "old"), "old"),
        ((SET, 0, Moment::Applied), (4, "changed-unverified", "new"), "new"),
    ] {
        let setup = Setup::with("truth", json!({}), json!({ "limits": { "deadline": 4, "settle": 0 } }));
        let ran = interfere(&setup, at, "STOP");
        assert_eq!(outcome(&ran), expected, "{at:?}: {ran:#?}");
        setup.check_truth(&ran, Some(truth));
    }
}
