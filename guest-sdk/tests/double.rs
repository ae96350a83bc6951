//! The double against the broker's rules, and what a rotator sees of both.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use rotabox_guest::log::Level;
use rotabox_guest::testing::{CANDIDATE, Double, OLD_PASSWORD, Reply, USER, json};
use rotabox_guest::{Answer, Code, Failure, Judged, Problem, Rotator, Step, account, log, time};
use std::time::Duration;

const PAGE: &str = r#"
version = 1
name = "acme"

[records.api]
url = "url"
secret = { token = "password" }
text = { tenant = "tenant" }

[[route]]
name = "find"
for = ["change"]
may-fail = true
request = "GET {api.url}/{api.tenant}/users/{user}"
headers = { authorization = "Bearer {api.token}" }
expects = { status = 200 }
requires = [{ at = "/state", equals = "live", else = "the account is {value}" }]
binds = { id = "/id" }
shows = { state = "/state", group = "/group" }

[[route]]
name = "join"
for = ["change"]
uses = 2
request = "PUT {api.url}/groups/{arg.group}/{find.id}"
headers = { authorization = "Bearer {api.token}" }

  [route.args]
  group = { class = "token", max = 8 }

[[route]]
name = "set"
for = ["change"]
changes = true
request = "POST {api.url}/set"
json = { old = "{old-password}", new = "{new-password}" }
expects = { status = 200 }
refuses = { status = 403 }

[[route]]
name = "set-other"
for = ["change"]
changes = true
request = "POST {api.url}/set-other"
json = { new = "{new-password}" }
expects = { status = 200 }

[[route]]
name = "sign-in"
for = ["verify"]
request = "POST {api.url}/login"
form = { user = "{user}", password = "{candidate}" }
expects = { status = 200 }
refuses = { status = 401 }
"#;

fn live() -> Reply {
    Reply::json(200, json!({ "id": 7, "state": "live" }))
}

#[test]
fn a_step_that_is_not_written_is_unsupported() {
    struct Nothing;
    impl Rotator for Nothing {}
    for step in [Step::Verify, Step::Change, Step::Reconcile, Step::Finish] {
        let word = step.as_str().to_owned();
        let run = Double::new(PAGE).run::<Nothing>(step);
        assert_eq!(run.result, Err(Failure::unsupported(format!("this rotator has no step `{word}`"))));
    }
    let other = rotabox_guest::run::<Nothing>(&Step::Other("mint".to_owned()));
    assert_eq!(other.unwrap_err().code, Code::Unsupported);
}

#[test]
fn an_account_is_known_without_its_passwords() {
    let run = Double::new(PAGE).drive(Step::Change, |_| {
        assert_eq!(account::user(), USER);
        assert!(account::has_old_password());
        assert_eq!(account::text("api.tenant").as_deref(), Some("text-api-tenant"));
        assert_eq!(account::text("api.token"), None);
        assert_eq!(account::text("api"), None);
        Ok(())
    });
    run.result.unwrap();
    let run = Double::new(PAGE).without_old_password().field("api", "tenant", "t1").drive(Step::Change, |_| {
        assert!(!account::has_old_password());
        assert_eq!(account::text("api.tenant").as_deref(), Some("t1"));
        Ok(())
    });
    run.result.unwrap();
}

#[test]
fn lines_and_naps_are_counted() {
    let run = Double::new(PAGE).drive(Step::Change, |_| {
        let before = time::now();
        time::sleep(Duration::from_micros(1500));
        assert_eq!(time::now() - before, Duration::from_millis(2));
        log::debug!("{} of {}", 1, 2);
        log::error!("broken");
        Ok(())
    });
    assert_eq!(run.log, [(Level::Debug, "1 of 2".to_owned()), (Level::Error, "broken".to_owned())]);
    assert_eq!(run.slept, 2);
}

#[test]
fn routes_are_offered_as_the_page_allows_them() {
    let run = Double::new(PAGE).reply("find", live()).reply("join", Reply::status(200)).drive(Step::Change, |http| {
        assert_eq!(http.offered(), ["find", "set", "set-other"]);
        http.call("find", &[])?.accepted()?;
        assert_eq!(http.offered(), ["join", "set", "set-other"]);
        assert!(http.offers("join") && !http.offers("find") && !http.offers("sign-in"));
        http.call("join", &[("group", "ops")])?.accepted()?;
        assert!(http.offers("join"), "it may be used twice");
        Ok(())
    });
    run.result.as_ref().unwrap();
    assert_eq!(run.request("join").line(), "PUT https://api.example/groups/ops/7");
}

#[test]
fn an_unmet_precondition_ends_the_step() {
    let run = Double::new(PAGE).reply("find", Reply::json(200, json!({ "id": 7, "state": "gone" }))).drive(
        Step::Change,
        |http| {
            let found = http.call("find", &[])?;
            assert_eq!(found.judged, Judged::Unmet);
            assert_eq!(found.unmet, ["the account is gone"]);
            assert!(http.offered().is_empty());
            assert!(matches!(http.call("set", &[]), Err(Problem::NotSent(_))));
            found.done()
        },
    );
    assert_eq!(run.failure().to_string(), "unmet: find: unmet (HTTP 200), the account is gone, state = gone");
    assert_eq!(run.routes(), ["find"]);
    assert!(run.denied.is_empty());
}

#[test]
fn what_the_page_refuses_is_denied_and_noted() {
    for (route, args) in
        [("sign-in", &[][..]), ("join", &[("group", "ops")]), ("find", &[("group", "ops")]), ("nowhere", &[])]
    {
        let run = Double::new(PAGE).drive(Step::Change, |http| http.call(route, args)?.done());
        assert_eq!(run.code(), Some(&Code::Denied), "{route}");
        assert_eq!(run.denied.len(), 1, "{route}");
        assert!(run.requests.is_empty(), "{route}");
    }
}

#[test]
fn an_argument_of_another_class_is_denied() {
    for (group, joined) in
        [("ops", true), ("", false), ("..", false), ("a/b", false), ("a b", false), ("ninechars", false), ("é", false)]
    {
        let run =
            Double::new(PAGE).reply("find", live()).reply("join", Reply::status(200)).drive(Step::Change, |http| {
                http.call("find", &[])?.accepted()?;
                http.call("join", &[("group", group)])?.done()
            });
        assert_eq!(run.code(), (!joined).then_some(&Code::Denied), "{group}");
        assert_eq!(run.routes().contains(&"join"), joined, "{group}");
    }
}

#[test]
fn only_one_changing_request_is_sent_in_a_step() {
    let run = Double::new(PAGE).reply("set", Reply::status(200)).drive(Step::Change, |http| {
        http.call("set", &[])?.accepted()?;
        assert!(!http.offers("set-other"));
        http.call("set-other", &[])?.done()
    });
    assert_eq!(run.routes(), ["set"]);
    assert_eq!(run.code(), Some(&Code::Denied));
}

#[test]
fn a_rehearsal_answers_changing_calls_with_not_sent() {
    let run = Double::new(PAGE).rehearsal().drive(Step::Change, |http| http.call("set", &[])?.done());
    assert_eq!(run.failure(), &Failure::new(Code::GaveUp, "not sent: rehearsal"));
    assert!(run.requests.is_empty());
}

#[test]
fn each_way_to_have_no_answer_is_told_apart() {
    for (reply, problem) in [
        (Reply::not_sent(), "gave-up: not sent: no connection"),
        (Reply::no_answer(), "gave-up: no answer: the connection was closed"),
        (Reply::out_of_time(), "gave-up: out of time"),
    ] {
        let run = Double::new(PAGE).reply("set", reply).drive(Step::Change, |http| http.call("set", &[])?.done());
        assert_eq!(run.failure().to_string(), problem);
        if problem.contains("not sent") {
            assert!(run.requests.is_empty());
            continue;
        }
        assert_eq!(run.request("set").judged, None);
        assert_eq!(run.request("set").json()["old"], OLD_PASSWORD);
    }
}

#[test]
fn a_verdict_goes_by_the_answers_whatever_the_rotator_returns() {
    let careless = |status| {
        let double = Double::new(PAGE).reply("sign-in", Reply::status(status));
        double.drive(Step::Verify, |http| http.call("sign-in", &[]).map(drop).map_err(Into::into))
    };
    assert_eq!(careless(200).verdict(), Some(Judged::Accepted));
    assert_eq!(careless(401).verdict(), Some(Judged::Refused));
    assert_eq!(careless(500).verdict(), None);
    let doubtful = Double::new(PAGE).reply("sign-in", Reply::status(200)).drive(Step::Verify, |http| {
        http.call("sign-in", &[])?.accepted()?;
        Err(Failure::unexpected("it does not feel right"))
    });
    assert_eq!(doubtful.verdict(), Some(Judged::Accepted));
    let run = careless(200);
    assert!(run.request("sign-in").body.starts_with("user=ann%40acme.example&password=C4nd%22pa%24s%5Cw0rd+%26+"));
    assert!(!run.request("sign-in").body.contains(CANDIDATE), "it is encoded as a form");
}

#[test]
fn a_reply_that_was_not_asked_for_is_left_over() {
    let run = Double::new(PAGE)
        .reply("find", live())
        .reply("set", Reply::status(200))
        .drive(Step::Change, |http| http.call("set", &[])?.done());
    assert_eq!(run.left, ["find"]);
}

#[test]
#[should_panic(expected = "the test has no (further) reply for route `set`")]
fn a_request_without_a_reply_fails_the_test() {
    Double::new(PAGE).drive(Step::Change, |http| http.call("set", &[])?.done());
}

#[test]
#[should_panic(expected = "page.toml:1:1")]
fn a_page_with_a_mistake_fails_the_test_with_its_line() {
    let _ = Double::new("version = 1");
}

#[test]
#[should_panic(expected = "the page has no route `sett`")]
fn a_reply_for_a_route_that_does_not_exist_fails_the_test() {
    let _ = Double::new(PAGE).reply("sett", Reply::status(200));
}

#[test]
fn verdicts_become_codes() {
    let answer = |judged: &str| Answer {
        route: "set".to_owned(),
        status: 200,
        judged: Judged::parse(judged),
        unmet: Vec::new(),
        shows: vec![("code".to_owned(), "E1".to_owned())],
    };
    assert!(answer("accepted").done().is_ok());
    assert_eq!(answer("accepted").shown("code"), Some("E1"));
    assert_eq!(answer("accepted").shown("other"), None);
    for (judged, code) in [
        ("refused", Code::Refused),
        ("unmet", Code::Unmet),
        ("unmatched", Code::Unexpected),
        ("passed", Code::Unexpected),
        ("a-later-word", Code::Unexpected),
    ] {
        assert_eq!(answer(judged).judged.as_str(), judged);
        let failure = answer(judged).done().unwrap_err();
        assert_eq!(failure.code, code, "{judged}");
        assert_eq!(failure.detail, format!("set: {judged} (HTTP 200), code = E1"));
        assert_eq!(answer(judged).accepted_or_passed().is_ok(), judged == "passed", "{judged}");
    }
}

#[test]
fn outside_of_a_run_nothing_is_known_and_nothing_is_sent() {
    assert_eq!(account::user(), "");
    let run =
        Double::new(PAGE).reply("set", Reply::status(200)).drive(Step::Change, |http| http.call("set", &[])?.done());
    run.result.unwrap();
    assert_eq!(account::user(), "", "the double is gone with its run");
}
