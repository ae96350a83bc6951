//! The gateway runs again, whatever it believes. Each table is one account's story, run after run.

use crate::*;
use rotabox_tests::params::Form;
use serde_json::json;

/// Old and new password as the gateway has them (none: not sent at all); what must come of it; sign-ins that fail on the way.
type Line = (Option<&'static str>, &'static str, (i32, &'static str, &'static str), usize);

fn tell(reconcile: &str, story: &[Line]) {
    let setup = Setup::with("truth", json!({}), json!({ "settings": { "reconcile": reconcile } }));
    for (i, (old, new, expected, failed)) in story.iter().enumerate() {
        let before = setup.live().unwrap();
        let mut params = setup.params.clone();
        params.top.insert("newPassword".into(), json!(new));
        match old {
            Some(old) => params.top.insert("oldPassword".into(), json!(old)),
            None => params.top.remove("oldPassword"),
        };
        let ran = setup.run_line(&RUN, &params.line(Form::Plain));
        let seen = setup.server.lines();
        let said = format!("run {i}, {old:?} to {new:?} with {before:?} live: {seen:#?} {ran:#?}");
        assert_eq!(outcome(&ran), *expected, "{said}");
        assert_eq!(seen.iter().filter(|line| *line == "POST /login 401").count(), *failed, "failed sign-ins: {said}");
        let live = setup.live().unwrap();
        let true_word = match expected.2 {
            "new" => live == *new,
            "neither" => live == before && live != *new && Some(live.as_str()) != *old,
            "unknown" => live == before,
            other => panic!("no story ends with {other}"),
        };
        assert!(true_word, "{live:?} is live: {said}");
    }
}

const ROTATED: (i32, &str, &str) = (0, "rotated", "new");
const CURRENT: (i32, &str, &str) = (0, "already-current", "new");
const OUT_OF_SYNC: (i32, &str, &str) = (5, "out-of-sync", "neither");
const UNKNOWN: (i32, &str, &str) = (6, "unknown", "unknown");

#[test]
fn without_reconcile() {
    tell(
        "never",
        &[
            (Some(OLD), "second-1", ROTATED, 0),
            (Some(OLD), "second-1", CURRENT, 1), // the same run again: the old one is stale
            (Some("second-1"), OLD, ROTATED, 0), // exchanged: the gateway takes it back
            (Some("second-1"), OLD, CURRENT, 1), // and again
            (Some(OLD), OLD, CURRENT, 0),        // old and new are the same
            (Some(OLD), "third-1", ROTATED, 0),  // on with another one
            (Some(OLD), "fourth-1", OUT_OF_SYNC, 2), // yet another, from a stale old one
            (Some("wrong-1"), "wrong-1", OUT_OF_SYNC, 1), // the same, and wrong: one sign-in says it
            (Some(""), "third-1", CURRENT, 0),   // an empty old one
            (None, "third-1", CURRENT, 0),       // none at all
            (Some(""), "fourth-1", UNKNOWN, 1),
            (None, "fourth-1", UNKNOWN, 1),
            (Some("third-1"), "fourth-1", ROTATED, 0),
        ],
    );
}

#[test]
fn with_reconcile() {
    tell(
        "old-refused",
        &[
            (Some(OLD), "second-1", ROTATED, 0), // with the old one, by the old one
            (Some(OLD), "second-1", CURRENT, 1),
            (Some(OLD), "third-1", ROTATED, 2),       // from a stale old one: reset
            (Some("second-1"), OLD, ROTATED, 2),      // exchanged, and neither is live
            (Some("wrong-1"), "wrong-1", ROTATED, 1), // the same, and wrong
            (Some(""), "fourth-1", ROTATED, 1),
            (None, "fifth-1", ROTATED, 1),
            (None, "fifth-1", CURRENT, 0),
        ],
    );
}
