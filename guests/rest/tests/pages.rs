//! Every page of `pages/`, driven by the rotator against the provider's answers, as far as its documents tell them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod providers;

use providers::{Case, cases};
use rotabox_guest::testing::{Double, Reply, Run, json};
use rotabox_guest::{Code, Judged, Step};
use rotator_rest::Rest;
use std::path::PathBuf;

fn pages() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pages")
}

fn double(case: &Case, replies: &[(&str, Reply)]) -> Double {
    let page = std::fs::read_to_string(pages().join(format!("{}.toml", case.page))).unwrap();
    let double = Double::new(&page).user(case.user);
    replies.iter().fold(double, |double, (route, reply)| double.reply(route, reply.clone()))
}

fn run(case: &Case, step: Step, replies: &[(&str, Reply)]) -> Run {
    double(case, replies).run::<Rest>(step)
}

#[test]
fn every_page_has_a_case_and_every_case_a_page() {
    let mut names: Vec<String> = std::fs::read_dir(pages())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let mut cases: Vec<&str> = cases().iter().map(|case| case.page).collect();
    cases.sort_unstable();
    assert_eq!(names, cases);
}

#[test]
fn changing_and_reconciling_send_the_routes_in_order_and_place_the_new_password() {
    for case in cases() {
        for step in [Step::Change, Step::Reconcile] {
            let run = run(&case, step, &case.change);
            assert!(run.result.is_ok(), "{}: {:?}", case.page, run.result);
            let expected: Vec<&str> = case.change.iter().map(|(route, _)| *route).collect();
            assert_eq!(run.routes(), expected, "{}", case.page);
            let set = run.request(case.sets);
            assert_eq!(set.line(), case.set_line, "{}", case.page);
            assert_eq!(set.body, case.set_body, "{}", case.page);
        }
    }
}

#[test]
fn an_account_that_is_not_there_is_not_created() {
    for case in cases() {
        let Some((missing, reply)) = &case.missing else { continue };
        let before = case.change.iter().take_while(|(route, _)| route != missing).cloned();
        let replies: Vec<_> = before.chain([(*missing, reply.clone())]).collect();
        let run = run(&case, Step::Change, &replies);
        assert!(run.result.is_err(), "{}", case.page);
        assert!(!run.routes().contains(&case.sets), "{}: {:?}", case.page, run.routes());
    }
}

#[test]
fn a_refusal_is_the_providers_word_and_everything_else_is_ambiguous() {
    for case in cases() {
        let before = case.change.iter().take_while(|(route, _)| *route != case.sets).cloned();
        let replies = |last: Reply| before.clone().chain([(case.sets, last)]).collect::<Vec<_>>();
        if let Some(refusal) = &case.refusal {
            let run = run(&case, Step::Change, &replies(refusal.clone()));
            assert_eq!(run.request(case.sets).judged, Some(Judged::Refused), "{}", case.page);
            assert_eq!(run.code(), Some(&Code::Refused), "{}", case.page);
        }
        for ambiguous in [Reply::status(500), Reply::status(302), Reply::json(503, json!({ "error": "x" }))] {
            let run = run(&case, Step::Change, &replies(ambiguous));
            assert_eq!(run.request(case.sets).judged, Some(Judged::Unmatched), "{}", case.page);
            assert!(run.result.is_err(), "{}", case.page);
        }
        let run = run(&case, Step::Change, &replies(Reply::no_answer()));
        assert_eq!(run.code(), Some(&Code::GaveUp), "{}", case.page);
    }
}

#[test]
fn a_sign_in_proves_the_password() {
    for case in cases() {
        let Some(verify) = &case.verify else {
            let run = run(&case, Step::Verify, &[]);
            assert_eq!(run.code(), Some(&Code::Unsupported), "{}", case.page);
            continue;
        };
        let accepted = run(&case, Step::Verify, &verify.replies);
        assert_eq!(accepted.verdict(), Some(Judged::Accepted), "{}: {:?}", case.page, accepted.result);
        assert!(accepted.left.is_empty(), "{}: {:?} left", case.page, accepted.left);
        assert!(accepted.request(verify.route).candidate, "{}", case.page);

        let before = verify.replies.iter().take_while(|(route, _)| *route != verify.route).cloned();
        let replies = |last: Reply| before.clone().chain([(verify.route, last)]).collect::<Vec<_>>();
        let refused = run(&case, Step::Verify, &replies(verify.refusal.clone()));
        assert_eq!(refused.verdict(), Some(Judged::Refused), "{}", case.page);
        for unclear in [Reply::status(500), Reply::status(429), Reply::text(200, "<html>Welcome</html>")] {
            let text = format!("{unclear:?}");
            let run = run(&case, Step::Verify, &replies(unclear));
            assert_eq!(run.verdict(), None, "{}: {text}", case.page);
        }
    }
}

#[test]
fn an_open_sign_in_is_closed_even_if_that_fails() {
    for case in cases() {
        let Some(verify) = &case.verify else { continue };
        let Some((last, _)) = verify.replies.last().filter(|(route, _)| *route != verify.route) else { continue };
        let before = verify.replies.iter().take_while(|(route, _)| route != last).cloned();
        let replies: Vec<_> = before.chain([(*last, Reply::status(404))]).collect();
        assert_eq!(run(&case, Step::Verify, &replies).verdict(), Some(Judged::Accepted), "{}", case.page);
    }
}

#[test]
fn the_published_example_posts_to_the_records_url_itself() {
    let page = std::fs::read_to_string(pages().join("rest.toml")).unwrap();
    let run = Double::new(&page)
        .url("api", "https://api.acme.example/v2/rotate")
        .reply("set", Reply::json(201, json!({})))
        .run::<Rest>(Step::Change);
    run.result.as_ref().unwrap();
    let set = run.request("set");
    assert_eq!(set.line(), "POST https://api.acme.example/v2/rotate");
    assert_eq!(set.header("authorization"), Some("Bearer secret-api-token"));
    assert_eq!(set.header("content-type"), Some("application/json"));
}

#[test]
fn finishing_ends_the_sessions_where_the_api_can() {
    let token = Reply::json(200, json!({ "access_token": "acc3ss" }));
    let finishes = [
        (
            "keycloak",
            vec![
                ("token", token),
                ("find", Reply::json(200, json!([{ "id": "0f-1", "username": "svc", "enabled": true }]))),
                ("end-sessions", Reply::status(204)),
            ],
            "POST https://kc.example/admin/realms/text-kc-realm/users/0f-1/logout",
        ),
        (
            "grafana",
            vec![
                ("find", Reply::json(200, json!({ "id": 7, "isExternal": false }))),
                ("end-sessions", Reply::json(200, json!({ "message": "User logged out" }))),
            ],
            "POST https://admin.example/api/admin/users/7/logout",
        ),
    ];
    let with_finish: Vec<String> = cases()
        .iter()
        .filter(|case| {
            std::fs::read_to_string(pages().join(format!("{}.toml", case.page))).unwrap().contains("\"finish\"")
        })
        .map(|case| case.page.to_owned())
        .collect();
    assert_eq!(with_finish.len(), finishes.len(), "{with_finish:?}");
    for (page, replies, line) in finishes {
        let case = cases().into_iter().find(|case| case.page == page).unwrap();
        let run = run(&Case { user: "svc", ..case }, Step::Finish, &replies);
        assert!(run.result.is_ok(), "{page}: {:?}", run.result);
        assert_eq!(run.request("end-sessions").line(), line);
    }
}
