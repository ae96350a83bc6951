use super::super::bind::Bound;
use super::super::decide::{Ask, Decision, RunFacts, decide};
use super::super::explain;
use super::sample::{PAGE, POLICY, bind_with, params, with};
use crate::page::Step;
use crate::page::judge::{Judgement, Verdict};
use crate::page::names::BindName;
use crate::page::progress::Progress;
use serde_json::{Value, json};

fn bound(policy: &str) -> Bound {
    bind_with(PAGE, policy, params()).unwrap()
}

fn judgement(verdict: Verdict, binds: &[(&str, Value)]) -> Judgement {
    Judgement {
        verdict,
        status: 200,
        unmet: Vec::new(),
        shown: Vec::new(),
        warnings: Vec::new(),
        binds: binds.iter().map(|(name, value)| (BindName::new(*name), value.clone())).collect(),
        captures: Vec::new(),
        kept: None,
    }
}

/// A step in which the account was found, with this login.
fn found(bound: &Bound, step: Step, login: Value) -> Progress {
    let mut progress = Progress::new(step);
    let find = bound.page.route("find-by-login").unwrap();
    progress.spend(find);
    progress.learn(find, &mut judgement(Verdict::Accepted, &[("account.id", json!("00u1")), ("account.login", login)]));
    progress
}

fn said(bound: &Bound, progress: &Progress, run: RunFacts, route: &str, args: &[(&str, &str)]) -> String {
    let args: Vec<_> = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    explain::decision(&decide(bound, &Ask { route, args: &args, progress, run }), route)
}

/// The state of the step and the run, the route and its arguments, and what is said.
type Case<'a> = (Progress, RunFacts, &'a str, &'a [(&'a str, &'a str)], &'a str);

const NEW: RunFacts = RunFacts { requests: 0, changed: false };

#[test]
fn what_may_be_sent_names_the_line_that_allows_it() {
    let bound = bound(POLICY);
    let mut progress = Progress::new(Step::Change);
    assert_eq!(
        said(&bound, &progress, NEW, "find-by-login", &[]),
        "route `find-by-login` may be sent (okta/page.toml:13)"
    );
    progress = found(&bound, Step::Change, json!("jo@svc.acme.example"));
    let ask = Ask { route: "change-password", args: &[], progress: &progress, run: NEW };
    match decide(&bound, &ask) {
        Decision::Allow { route, line } => {
            assert_eq!((route.name.as_str(), line.as_str()), ("change-password", "okta/page.toml:33"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_refusal_says_what_by_which_line_and_what_would_allow_it() {
    let bound = bound(&with(POLICY, "off = []", "off = [\"end-sessions\"]"));
    let jo = || json!("jo@svc.acme.example");
    let fresh = Progress::new;
    let mut used = fresh(Step::Change);
    used.spend(bound.page.route("find-by-login").unwrap());
    let mut twice = fresh(Step::Change);
    twice.spend(bound.page.route("find-by-filter").unwrap());
    twice.spend(bound.page.route("find-by-filter").unwrap());
    let all = RunFacts { requests: 10, changed: false };
    let changed = RunFacts { requests: 3, changed: true };
    let cases: Vec<Case<'_>> = vec![
        (
            fresh(Step::Change),
            NEW,
            "find-by-logn",
            &[],
            "the page has no route `find-by-logn` (okta/page.toml); did you mean `find-by-login`?",
        ),
        (
            fresh(Step::Change),
            NEW,
            "steal\u{1b}[2J",
            &[],
            "the page has no route `steal\\u{1b}[2J` (okta/page.toml); it has `find-by-login`, `find-by-filter`, `change-password`, \
             `admin-set`, `sign-in`, `tell` and `end-sessions`",
        ),
        (
            fresh(Step::Verify),
            NEW,
            "change-password",
            &[],
            "route `change-password` is for change, and this step is verify (okta/page.toml:33); `for = [\"verify\", \"change\"]` \
             on the page would allow it",
        ),
        (
            used,
            NEW,
            "find-by-login",
            &[],
            "route `find-by-login` was sent once in this step, which is all that the page allows (okta/page.toml:13); `uses = 2` \
             on the page would allow another",
        ),
        (
            twice,
            NEW,
            "find-by-filter",
            &[],
            "route `find-by-filter` was sent twice in this step, which is all that the page allows (okta/page.toml:22); \
             `uses = 3` on the page would allow another",
        ),
        (
            fresh(Step::Change),
            NEW,
            "change-password",
            &[],
            "route `change-password` needs `account.id`, which no look-up has given in this step (okta/page.toml:33); call \
             `find-by-login` or `find-by-filter` first",
        ),
        (
            fresh(Step::Finish),
            NEW,
            "tell",
            &[("channel", "a"), ("noted", "b")],
            "route `tell` has no argument `noted` (okta/page.toml:61); did you mean `note`?",
        ),
        (
            fresh(Step::Finish),
            NEW,
            "tell",
            &[("channel", "a"), ("nothing\n", "b")],
            "route `tell` has no argument `nothing\\u{a}` (okta/page.toml:61); declare it in `[route.args]` of the page, or leave \
             it out",
        ),
        (
            fresh(Step::Finish),
            NEW,
            "tell",
            &[("channel", "a")],
            "route `tell` needs the argument `note`, which was not given (okta/page.toml:61); give it once",
        ),
        (
            fresh(Step::Finish),
            NEW,
            "tell",
            &[("channel", "a"), ("note", "b"), ("note", "c")],
            "the argument `note` of route `tell` was given twice (okta/page.toml:61); give it once",
        ),
        (
            fresh(Step::Finish),
            NEW,
            "tell",
            &[("channel", "../x"), ("note", "b")],
            "the argument `channel` of route `tell` may only be letters, digits, `-`, `_` and `.`, but not `.` or `..`, at most 8 \
             characters (okta/page.toml:61); give such a value, or let `[route.args]` of the page declare another class",
        ),
        (
            found(&bound, Step::Finish, jo()),
            NEW,
            "end-sessions",
            &[],
            "route `end-sessions` is switched off by the operator (okta-prod.toml:20); take it out of `off` under `[routes]` to \
             allow it",
        ),
        (
            fresh(Step::Change),
            all,
            "find-by-login",
            &[],
            "the 10 requests of this run are used up (okta-prod.toml:23); `requests = 20` under `[limits]` would allow \
             more, up to the host's `[ceilings]`",
        ),
        (
            found(&bound, Step::Change, jo()),
            changed,
            "change-password",
            &[],
            "route `change-password` changes something, and a changing request was sent in this step already (okta/page.toml:33); \
             a step changes at most once, and nothing allows a second time",
        ),
        (
            found(&bound, Step::Change, json!("boss@acme.example")),
            NEW,
            "change-password",
            &[],
            "the account's own login, which the provider gave as `account.login`, is not one that the policy allows \
             (okta-prod.toml:12); correct `user` in the vault, or add a pattern for it to `allow` under `[account]`",
        ),
        (
            found(&bound, Step::Change, json!("Rotation-Admin@svc.acme.example")),
            NEW,
            "change-password",
            &[],
            "the account's own login, which the provider gave as `account.login`, is one that the policy excepts with \
             `rotation-admin@svc.acme.example` (okta-prod.toml:14); correct `user` in the vault, or take the pattern out of \
             `except`",
        ),
    ];
    for (progress, run, route, args, expected) in cases {
        assert_eq!(said(&bound, &progress, run, route, args), expected);
    }
}

#[test]
fn a_look_up_may_still_be_sent_after_a_change() {
    let bound = bound(POLICY);
    let progress = found(&bound, Step::Change, json!("jo@svc.acme.example"));
    let changed = RunFacts { requests: 3, changed: true };
    let said = said(&bound, &progress, changed, "find-by-filter", &[]);
    assert_eq!(said, "route `find-by-filter` may be sent (okta/page.toml:22)");
}

#[test]
fn the_last_request_of_the_quota_may_be_sent_and_none_after_it() {
    let bound = bound(POLICY);
    let progress = Progress::new(Step::Change);
    for requests in 0..12 {
        let said = said(&bound, &progress, RunFacts { requests, changed: false }, "find-by-login", &[]);
        assert_eq!(said.contains("may be sent"), requests < 10, "{requests}: {said}");
    }
}

#[test]
fn a_login_that_is_no_text_is_not_a_way_around() {
    let bound = bound(POLICY);
    for login in [json!(17), json!(null), json!(["jo@svc.acme.example"]), json!("")] {
        let progress = found(&bound, Step::Change, login.clone());
        assert!(said(&bound, &progress, NEW, "change-password", &[]).contains("the account's own login"), "{login}");
    }
}

#[test]
fn a_giver_that_is_switched_off_is_not_recommended() {
    let page = with(PAGE, "name     = \"find-by-filter\"\n", "name     = \"find-by-filter\"\nremovable = true\n");
    let policy = with(POLICY, "off = []", "off = [\"find-by-filter\"]");
    let bound = bind_with(&page, &policy, params()).unwrap();
    let said = said(&bound, &Progress::new(Step::Change), NEW, "change-password", &[]);
    assert!(said.ends_with("call `find-by-login` first"), "{said}");
}

#[test]
fn the_order_is_page_then_operator_then_run_then_account() {
    let bound = bound(&with(POLICY, "off = []", "off = [\"end-sessions\"]"));
    let worst = RunFacts { requests: 99, changed: true };
    let boss = || json!("boss@acme.example");
    let said = |progress: &Progress, route| said(&bound, progress, worst, route, &[]);
    assert!(said(&found(&bound, Step::Verify, boss()), "end-sessions").contains("is for finish"));
    assert!(said(&found(&bound, Step::Finish, boss()), "end-sessions").contains("switched off"));
    assert!(said(&found(&bound, Step::Change, boss()), "change-password").contains("used up"));
}
