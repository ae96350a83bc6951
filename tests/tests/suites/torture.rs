//! Each request of a rotation fails in each way: once, with the provider having done what was asked or not, and for good.
//! What is asserted is what must hold always: the outcome never claims a password that is not live, nothing that
//! changes is sent twice, no third failed sign-in, one result line, no secret.

use crate::RUN;
use rotabox_tests::case::Setup;
use rotabox_tests::fault::Fault;
use serde_json::{Value, json};

/// Ways to fail.
fn ways() -> Vec<Value> {
    let okta = |code: &str| json!({ "errorCode": code, "errorSummary": "no", "errorLink": code, "errorId": "oae", "errorCauses": [] });
    vec![
        json!({ "then": "close" }),
        json!({ "then": "reset" }),
        json!({ "then": "truncate" }),
        json!({ "then": "garbage" }),
        json!({ "status": 500 }),
        json!({ "status": 502, "body": "<html>bad gateway</html>" }),
        json!({ "status": 401, "json": okta("E0000004") }),
        json!({ "status": 403, "json": okta("E0000014") }),
        json!({ "status": 404, "json": okta("E0000007") }),
        json!({ "status": 429, "json": okta("E0000047"), "headers": { "retry-after": "0" } }),
        json!({ "status": 200, "json": {} }),
        json!({ "status": 200, "body": "<html>please sign in</html>" }),
        json!({ "status": 204 }),
        json!({ "status": 307, "headers": { "location": "https://localhost:1/" } }),
    ]
}

fn fault(way: &Value, skip: usize, times: usize, apply: bool) -> Fault {
    let mut fault = way.clone();
    fault["on"] = json!("*");
    fault["skip"] = json!(skip);
    fault["times"] = json!(times);
    fault["apply"] = json!(apply);
    serde_json::from_value(fault).unwrap()
}

/// One run of the Okta rotator, whose happy path has eight requests, with request `at` failing.
fn once(at: usize) {
    for way in ways() {
        for apply in [false, true] {
            let setup = Setup::with("okta", json!({}), json!({ "limits": { "deadline": 15 } }));
            setup.server.script(fault(&way, at, 1, apply));
            let ran = setup.run(&RUN);
            let lie = apply && at == 3 || at == 1;
            if lie && way["json"]["errorCode"].is_string() {
                continue; // the provider says no in its own documented words: whom else could one believe?
            }
            setup.check_truth(&ran, None);
            let (outcome, live) = (ran.result["outcome"].clone(), setup.live().unwrap());
            assert_ne!(outcome, "bug", "request {at}, {way}, applied {apply}: {ran:?}");
            assert_ne!(outcome, "not-started", "request {at}, {way}, applied {apply}: {ran:?}");
            let changed = live != "Old-Passw0rd!";
            let said = format!(
                "request {at}, {way}, applied {apply}: {live:?} is live and the outcome is {outcome}: {}",
                ran.stderr
            );
            // exit 1 promises that nothing was changed
            assert!(ran.exit != 1 || !changed, "{said}");
        }
    }
}

/// The same, from request `from` on, for good.
fn for_good(from: usize) {
    for way in [json!({ "then": "reset" }), json!({ "status": 503 })] {
        for apply in [false, true] {
            let setup = Setup::with("okta", json!({}), json!({ "limits": { "deadline": 2 } }));
            setup.server.script(fault(&way, from, usize::MAX, apply));
            let ran = setup.run(&RUN);
            setup.check_truth(&ran, None);
            assert!(ran.exit != 1 || setup.live().as_deref() == Some("Old-Passw0rd!"), "from {from}, {way}: {ran:?}");
            assert!(ran.took.as_secs() < 6, "from {from}, {way}: {:?}", ran.took);
        }
    }
}

macro_rules! at {
    ($($name:ident, $later:ident: $at:literal),* $(,)?) => {$(
        #[test]
        fn $name() {
            once($at);
        }

        #[test]
        fn $later() {
            for_good($at);
        }
    )*};
}

at! {
    look_up_before_the_first_sign_in_fails, everything_fails: 0,
    first_sign_in_fails, everything_fails_from_the_first_sign_in: 1,
    look_up_before_the_change_fails, everything_fails_before_the_change: 2,
    the_change_fails, everything_fails_from_the_change: 3,
    look_up_after_the_change_fails, everything_fails_after_the_change: 4,
    second_sign_in_fails, everything_fails_from_the_second_sign_in: 5,
    look_up_of_finish_fails, everything_fails_from_finish: 6,
    ending_the_sessions_fails, only_the_sessions_never_end: 7,
}
