//! The example of docs/writing-a-rotator.md, as it stands there.

#![allow(clippy::unwrap_used, reason = "tests")]

// Acme: an expired account is unlocked before its password is changed.

use rotabox_guest::{Done, Http, Rotator, log};

rotabox_guest::page!("examples/acme.toml");

struct Acme;

impl Rotator for Acme {
    fn verify(http: &mut Http) -> Done {
        http.sign_in()?.done()
    }

    fn change(http: &mut Http) -> Done {
        let found = http.find()?.accepted()?;
        if found.shown(shown::find::STATE) == Some("expired") {
            log::info!("the account has expired: unlocking it");
            http.unlock(args::Unlock { reason: args::UnlockReason::Expiry })?.accepted()?;
        }
        http.set()?.done()
    }
}

rotabox_guest::export!(Acme);

use rotabox_guest::testing::{Double, NEW_PASSWORD, OLD_PASSWORD, Reply, json};
use rotabox_guest::{Judged, Step};

fn found(state: &str) -> Reply {
    Reply::json(200, json!({ "items": [{ "id": 7, "login": "ann@acme.example", "state": state }] }))
}

#[test]
fn an_expired_account_is_unlocked_first() {
    let run = Double::new(PAGE)
        .reply("find", found("expired"))
        .reply("unlock", Reply::status(204))
        .reply("set", Reply::status(204))
        .run::<Acme>(Step::Change);
    run.result.as_ref().unwrap();
    assert_eq!(run.request("find").line(), "GET https://api.example/v2/accounts?login=ann%40acme.example");
    assert_eq!(run.request("unlock").json(), json!({ "reason": "expiry" }));
    assert_eq!(run.request("set").json(), json!({ "old": OLD_PASSWORD, "new": NEW_PASSWORD }));
}

#[test]
fn a_closed_account_is_left_alone() {
    let run = Double::new(PAGE).reply("find", found("closed")).run::<Acme>(Step::Change);
    assert_eq!(run.failure().to_string(), "unmet: find: unmet (HTTP 200), the account is closed, state = closed");
    assert_eq!(run.routes(), ["find"]);
}

#[test]
fn a_wrong_password_is_refused_and_a_lock_out_proves_nothing() {
    for (error, verdict) in [("bad-credentials", Some(Judged::Refused)), ("locked", None)] {
        let reply = Reply::json(401, json!({ "error": error }));
        let run = Double::new(PAGE).reply("sign-in", reply).run::<Acme>(Step::Verify);
        assert_eq!(run.verdict(), verdict);
    }
}

#[test]
fn the_text_shows_what_is_tested_here() {
    let text = include_str!("../../docs/writing-a-rotator.md");
    let here = include_str!("acme.rs").replace("page!(\"examples/acme.toml\")", "page!(\"page.toml\")");
    let here = here.replace("// Acme: an", "//! Acme: an");
    let blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    let of = |language: &str| -> Vec<&str> {
        blocks.iter().filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
    };
    assert_eq!(of("rust").len(), 2);
    for block in of("rust") {
        assert!(here.contains(block), "{block}");
    }
    assert!(of("toml").contains(&PAGE), "the page of the text is not examples/acme.toml");
}
