//! The rotator and its page, judged by the real page code. What Okta answers is written after its own API document.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use rotabox_guest::testing::{CANDIDATE, Double, NEW_PASSWORD, OLD_PASSWORD, Reply, Run, USER, Value, json};
use rotabox_guest::{Code, Judged, Step};
use rotator_okta::Okta;

const PAGE: &str = include_str!("../page.toml");
const FIND: &str = "GET https://acme.okta.example/api/v1/users/ann%40acme.example";
const FILTER: &str = "GET https://acme.okta.example/api/v1/users?filter=";

fn okta() -> Double {
    Double::new(PAGE).url("api", "https://acme.okta.example")
}

/// A user as Okta describes it.
fn user() -> Value {
    json!({
        "id": "00ub0oNGTSWTBKOLGLNR",
        "status": "ACTIVE",
        "profile": { "login": USER, "email": "ann.mail@acme.example", "firstName": "Ann" },
        "credentials": { "password": {}, "provider": { "type": "OKTA", "name": "OKTA" } }
    })
}

/// That user with another value at a JSON pointer.
fn user_with(pointer: &str, value: &str) -> Value {
    let mut user = user();
    *user.pointer_mut(pointer).unwrap() = json!(value);
    user
}

fn error(status: u16, code: &str) -> Reply {
    let body =
        json!({ "errorCode": code, "errorSummary": "…", "errorLink": code, "errorId": "oaeVn", "errorCauses": [] });
    Reply::json(status, body)
}

fn not_found() -> Reply {
    error(404, "E0000007")
}

fn signed_in(status: &str) -> Reply {
    let token = if status == "SUCCESS" { "sessionToken" } else { "stateToken" };
    Reply::json(200, json!({ "status": status, "expiresAt": "2026-11-03T10:15:57.000Z", token: "00t0k3n" }))
}

/// Why the step ended, without the route's name.
fn reason(run: &Run) -> &str {
    run.ended.as_deref().unwrap_or_default().split_once(": ").unwrap_or_default().1
}

fn said(run: &Run) -> String {
    run.failure().to_string()
}

#[test]
fn the_password_is_changed_by_id_with_the_old_one_as_proof() {
    let run = okta()
        .reply("find-by-login", Reply::json(200, user()))
        .reply("change-password", Reply::json(200, json!({ "password": {}, "provider": { "type": "OKTA" } })))
        .run::<Okta>(Step::Change);
    run.result.as_ref().unwrap();
    assert_eq!(run.routes(), ["find-by-login", "change-password"]);
    assert_eq!(run.request("find-by-login").line(), FIND);
    let change = run.request("change-password");
    assert_eq!(
        change.line(),
        "POST https://acme.okta.example/api/v1/users/00ub0oNGTSWTBKOLGLNR/credentials/change_password"
    );
    assert_eq!(
        change.json(),
        json!({ "oldPassword": { "value": OLD_PASSWORD }, "newPassword": { "value": NEW_PASSWORD } })
    );
    for request in &run.requests {
        assert_eq!(request.header("authorization"), Some("SSWS secret-api-token"));
    }
}

#[test]
fn a_login_that_is_not_found_in_the_path_is_asked_for_by_a_filter_over_all_pages() {
    let link = r#"<https://acme.okta.example/api/v1/users?after=200u&limit=200>; rel="next""#;
    let run = okta()
        .reply("find-by-login", not_found())
        .reply("find-by-filter", Reply::json(200, json!([])).header("Link", link))
        .reply("find-by-filter", Reply::json(200, json!([user()])))
        .reply("change-password", Reply::json(200, json!({})))
        .run::<Okta>(Step::Change);
    run.result.as_ref().unwrap();
    assert_eq!(run.routes(), ["find-by-login", "find-by-filter", "find-by-filter", "change-password"]);
    assert_eq!(run.requests[1].line(), format!("{FILTER}profile.login%20eq%20%22ann%40acme.example%22&limit=200"));
    assert_eq!(run.requests[2].query, "after=200u&limit=200");
    assert!(run.request("change-password").path.contains("/00ub0oNGTSWTBKOLGLNR/"));
}

#[test]
fn a_login_that_cannot_stand_in_a_path_is_asked_for_by_a_filter_at_once() {
    let login = r#"svc/"a\b"#;
    let run = okta()
        .user(login)
        .reply("find-by-filter", Reply::json(200, json!([user_with("/profile/login", login)])))
        .reply("change-password", Reply::json(200, json!({})))
        .run::<Okta>(Step::Change);
    run.result.as_ref().unwrap();
    let filter = run.request("find-by-filter");
    assert_eq!(filter.query, "filter=profile.login%20eq%20%22svc%2F%5C%22a%5C%5Cb%22&limit=200");
    assert!(run.denied.is_empty(), "{:?}", run.denied);
}

#[test]
fn a_next_link_to_another_host_is_not_followed() {
    let link = r#"<https://evil.example/api/v1/users?after=x>; rel="next""#;
    let run = okta()
        .reply("find-by-login", not_found())
        .reply("find-by-filter", Reply::json(200, json!([])).header("Link", link))
        .run::<Okta>(Step::Change);
    assert_eq!(run.routes(), ["find-by-login", "find-by-filter"]);
    run.failure();
}

#[test]
fn an_account_is_found_by_its_mail_address_when_no_login_matches() {
    let dead = {
        let mut dead = user_with("/status", "DEPROVISIONED");
        dead["id"] = json!("00uOld");
        dead
    };
    let run = okta()
        .user("Ann.Mail@acme.example")
        .reply("find-by-login", not_found())
        .reply("find-by-filter", Reply::json(200, json!([])))
        .reply("find-by-email", Reply::json(200, json!([dead, user()])))
        .reply("change-password", Reply::json(200, json!({})))
        .run::<Okta>(Step::Change);
    run.result.as_ref().unwrap();
    assert!(run.request("find-by-email").query.starts_with("filter=profile.email%20eq%20"));
    assert!(run.request("change-password").path.contains("/00ub0oNGTSWTBKOLGLNR/"), "{:?}", run.requests);
    assert!(run.left.is_empty());
}

#[test]
fn an_account_that_does_not_exist_is_said_to_be_missing() {
    let run = okta()
        .reply("find-by-login", not_found())
        .reply("find-by-filter", Reply::json(200, json!([])))
        .reply("find-by-email", Reply::json(200, json!([])))
        .run::<Okta>(Step::Change);
    assert_eq!(run.code(), Some(&Code::Unmet));
    assert_eq!(reason(&run), "0 live accounts have this login or e-mail address");
    assert!(run.requests[1].line().starts_with(FILTER));
}

#[test]
fn accounts_that_share_an_address_are_told_apart_by_nobody() {
    let run = okta()
        .reply("find-by-login", not_found())
        .reply("find-by-filter", Reply::json(200, json!([])))
        .reply("find-by-email", Reply::json(200, json!([user(), user()])))
        .run::<Okta>(Step::Reconcile);
    assert_eq!(reason(&run), "2 live accounts have this login or e-mail address");
}

#[test]
fn preconditions_end_the_step_before_anything_is_changed() {
    for (pointer, value, expected) in [
        ("/credentials/provider/type", "ACTIVE_DIRECTORY", "the account is managed by ACTIVE_DIRECTORY"),
        ("/credentials/provider/type", "FEDERATION", "the account is managed by FEDERATION"),
        ("/status", "DEPROVISIONED", "the account is DEPROVISIONED"),
        ("/status", "LOCKED_OUT", "the account is LOCKED_OUT"),
        ("/status", "SUSPENDED", "the account is SUSPENDED"),
        ("/profile/login", "root@acme.example", "the API answered with another account"),
    ] {
        for step in [Step::Change, Step::Reconcile, Step::Verify, Step::Finish] {
            let run =
                okta().reply("find-by-login", Reply::json(200, user_with(pointer, value))).run::<Okta>(step.clone());
            assert_eq!(run.routes(), ["find-by-login"], "{value} {step:?}");
            assert_eq!(run.code(), Some(&Code::Unmet), "{value} {step:?}");
            assert_eq!(reason(&run), expected, "{value} {step:?}");
        }
    }
}

#[test]
fn each_state_in_which_a_password_can_be_changed_is_usable() {
    for status in ["ACTIVE", "PASSWORD_EXPIRED", "STAGED", "RECOVERY"] {
        let run = okta()
            .reply("find-by-login", Reply::json(200, user_with("/status", status)))
            .reply("change-password", Reply::json(200, json!({})))
            .run::<Okta>(Step::Change);
        assert!(run.result.is_ok(), "{status}: {:?}", run.result);
    }
}

#[test]
fn a_refusal_is_okta_s_own_word_that_nothing_was_changed() {
    for (status, code) in [
        (400, "E0000001"),
        (401, "E0000011"),
        (403, "E0000006"),
        (403, "E0000014"),
        (404, "E0000007"),
        (429, "E0000047"),
    ] {
        for (step, route) in [(Step::Change, "change-password"), (Step::Reconcile, "admin-set")] {
            let run = okta()
                .reply("find-by-login", Reply::json(200, user()))
                .reply(route, error(status, code))
                .run::<Okta>(step);
            assert_eq!(run.request(route).judged, Some(Judged::Refused), "{code}");
            assert_eq!(run.code(), Some(&Code::Refused), "{code}");
            assert_eq!(
                said(&run),
                format!("refused: {route}: refused (HTTP {status}), code = {code}, error-id = oaeVn")
            );
        }
    }
}

#[test]
fn an_answer_to_a_change_that_is_not_okta_s_is_ambiguous() {
    for reply in [
        Reply::text(403, "<html>blocked by a proxy</html>"),
        Reply::status(429),
        Reply::json(500, json!({ "errorCode": "E0000009" })),
        Reply::status(504),
    ] {
        let text = format!("{reply:?}");
        let run = okta()
            .reply("find-by-login", Reply::json(200, user()))
            .reply("change-password", reply)
            .run::<Okta>(Step::Change);
        assert_eq!(run.request("change-password").judged, Some(Judged::Unmatched), "{text}");
    }
}

#[test]
fn no_answer_to_the_change_is_not_asked_for_again() {
    let run = okta()
        .reply("find-by-login", Reply::json(200, user()))
        .reply("change-password", Reply::no_answer())
        .run::<Okta>(Step::Change);
    assert_eq!(run.routes(), ["find-by-login", "change-password"]);
    assert_eq!(run.code(), Some(&Code::GaveUp));
}

#[test]
fn a_token_that_okta_refuses_is_named_by_its_code() {
    let run = okta()
        .reply("find-by-login", error(401, "E0000011"))
        .reply("find-by-filter", error(401, "E0000011"))
        .reply("find-by-email", error(401, "E0000011"))
        .run::<Okta>(Step::Change);
    assert_eq!(said(&run), "unexpected: find-by-email: unmatched (HTTP 401), code = E0000011");
}

#[test]
fn reconciling_sets_the_password_with_admin_rights_and_leaves_the_rest_alone() {
    let run = okta()
        .without_old_password()
        .reply("find-by-login", Reply::json(200, user()))
        .reply("admin-set", Reply::json(200, user()))
        .run::<Okta>(Step::Reconcile);
    run.result.as_ref().unwrap();
    let set = run.request("admin-set");
    assert_eq!(set.line(), "POST https://acme.okta.example/api/v1/users/00ub0oNGTSWTBKOLGLNR");
    assert_eq!(set.json(), json!({ "credentials": { "password": { "value": NEW_PASSWORD } } }));
}

#[test]
fn without_an_old_password_nothing_is_changed_with_proof() {
    let run = okta().without_old_password().reply("find-by-login", Reply::json(200, user())).run::<Okta>(Step::Change);
    assert_eq!(run.routes(), ["find-by-login"]);
    assert_eq!(run.code(), Some(&Code::GaveUp));
}

#[test]
fn a_sign_in_with_the_accounts_own_login_proves_the_password() {
    for status in ["SUCCESS", "PASSWORD_WARN", "PASSWORD_EXPIRED", "MFA_REQUIRED", "MFA_ENROLL", "MFA_CHALLENGE"] {
        let mut okta = okta()
            .user("ANN@acme.example")
            .reply("find-by-login", Reply::json(200, user()))
            .reply("sign-in", signed_in(status));
        if status != "SUCCESS" {
            okta = okta.reply("cancel", Reply::json(200, json!({ "relayState": "x" })));
        }
        let run = okta.run::<Okta>(Step::Verify);
        assert_eq!(run.verdict(), Some(Judged::Accepted), "{status}: {:?}", run.result);
        let sign_in = run.request("sign-in");
        assert_eq!(sign_in.line(), "POST https://acme.okta.example/api/v1/authn");
        assert_eq!(sign_in.json(), json!({ "username": USER, "password": CANDIDATE }));
        assert_eq!(sign_in.header("authorization"), None);
        assert_eq!(run.warnings.len(), usize::from(status == "PASSWORD_EXPIRED"), "{status}: {:?}", run.warnings);
        assert!(run.left.is_empty(), "{status}: the transaction was left open");
        if status != "SUCCESS" {
            assert_eq!(run.request("cancel").json(), json!({ "stateToken": "00t0k3n" }));
        }
        assert!(run.denied.is_empty(), "{:?}", run.denied);
    }
}

#[test]
fn a_transaction_that_cannot_be_cancelled_does_not_change_the_verdict() {
    for reply in [error(403, "E0000006"), Reply::no_answer()] {
        let run = okta()
            .reply("find-by-login", Reply::json(200, user()))
            .reply("sign-in", signed_in("MFA_REQUIRED"))
            .reply("cancel", reply)
            .run::<Okta>(Step::Verify);
        assert_eq!(run.verdict(), Some(Judged::Accepted));
    }
}

#[test]
fn a_bad_login_is_refused_and_anything_else_proves_nothing() {
    for (reply, verdict) in [
        (error(401, "E0000004"), Some(Judged::Refused)),
        (error(401, "E0000011"), None),
        (error(403, "E0000004"), None),
        (error(429, "E0000047"), None),
        (signed_in("LOCKED_OUT"), None),
        (signed_in("PASSWORD_RESET"), None),
        (Reply::text(200, "<html>"), None),
        (Reply::status(503), None),
        (Reply::no_answer(), None),
    ] {
        let text = format!("{reply:?}");
        let run = okta()
            .reply("find-by-login", Reply::json(200, user()))
            .reply("sign-in", reply)
            .reply("cancel", Reply::status(200))
            .run::<Okta>(Step::Verify);
        assert_eq!(run.verdict(), verdict, "{text}");
        assert!(run.result.is_err(), "{text}");
    }
}

#[test]
fn finishing_ends_the_sessions() {
    let run = okta()
        .reply("find-by-login", Reply::json(200, user()))
        .reply("end-sessions", Reply::status(204))
        .run::<Okta>(Step::Finish);
    run.result.as_ref().unwrap();
    assert_eq!(
        run.request("end-sessions").line(),
        "DELETE https://acme.okta.example/api/v1/users/00ub0oNGTSWTBKOLGLNR/sessions"
    );
}

#[test]
fn a_rehearsal_changes_nothing() {
    let run = okta().rehearsal().reply("find-by-login", Reply::json(200, user())).run::<Okta>(Step::Change);
    assert_eq!(run.routes(), ["find-by-login"]);
    assert_eq!(said(&run), "gave-up: not sent: rehearsal");
}
