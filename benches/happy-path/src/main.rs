//! What the broker computes in a good run of `guests/okta`, in one process: no worker, no network, no walls.
//!
//!     happy-path POLICIES NAME LINE-FILE TIMES
//!
//! The policy and the module are read and checked, the line is decoded, page, policy and params are bound; then each request of the
//! run is decided, placed, judged, learnt from, and what the rotator would see of it is redacted; at the end the result line is made.
//! The guards count its instructions under callgrind, which cannot follow the walled processes themselves: it knows neither
//! Landlock nor a program that executes itself again.

use anyhow::{Context, bail, ensure};
use rotabox::broker::outcome::Outcome;
use rotabox::broker::proof::{New, Observations, Sight, observe};
use rotabox::broker::session::Known;
use rotabox::confine::Enforced;
use rotabox::gateway;
use rotabox::page::answer::Answer;
use rotabox::page::judge::{Verdict, judge};
use rotabox::page::names::RouteName;
use rotabox::page::place::{Scope, place};
use rotabox::page::progress::Progress;
use rotabox::page::{Secret, Step};
use rotabox::policy::decide::RunFacts;
use rotabox::policy::{Ask, Bound, Decision, bind, decide, find};
use rotabox::report::escape::escape;
use rotabox::report::result::{RunResult, Said, Verb};
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The requests of a good run: the step, whether it is about the new password, the route, and the answer.
const REQUESTS: [(Step, bool, &str, u16, &str); 8] = [
    (Step::Verify, false, "find-by-login", 200, USER),
    (Step::Verify, false, "sign-in", 200, SIGNED_IN),
    (Step::Change, false, "find-by-login", 200, USER),
    (Step::Change, false, "change-password", 200, r#"{"password":{},"provider":{"type":"OKTA","name":"OKTA"}}"#),
    (Step::Verify, true, "find-by-login", 200, USER),
    (Step::Verify, true, "sign-in", 200, SIGNED_IN),
    (Step::Finish, false, "find-by-login", 200, USER),
    (Step::Finish, false, "end-sessions", 204, ""),
];

const USER: &str = r#"{"id":"00ustandin0000000013","status":"ACTIVE","created":"2025-01-02T03:04:05.000Z","activated":null,
"type":{"id":"otyStandIn0000000001"},"profile":{"firstName":"Jo","lastName":"Doe","mobilePhone":null,"secondEmail":null,
"login":"jo@example.test","email":"jo@example.test"},"credentials":{"provider":{"type":"OKTA","name":"OKTA"},"password":{}},
"_links":{"self":{"href":"https://localhost/api/v1/users/00ustandin0000000013"}}}"#;

const SIGNED_IN: &str = r#"{"expiresAt":"2026-12-31T23:59:59.000Z","status":"SUCCESS","sessionToken":"20111SessionToken0001",
"_embedded":{"user":{"id":"00ustandin0000000013","profile":{"login":"jo@example.test","firstName":"Jo","lastName":"Doe"}}}}"#;

fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("happy-path: {error:#}\n")));
            ExitCode::FAILURE
        }
    }
}

fn answer() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [policies, name, line, times] = args.as_slice() else {
        bail!("usage: happy-path POLICIES NAME LINE-FILE TIMES")
    };
    let line = std::fs::read(line).context("the line")?;
    for _ in 0..times.parse::<u32>()? {
        let result = run(Path::new(policies), name, &line)?;
        ensure!(result.contains("\"outcome\":\"rotated\""), "{result}");
        black_box(result);
    }
    Ok(())
}

fn run(policies: &Path, name: &str, line: &[u8]) -> anyhow::Result<String> {
    let mut result = RunResult::new(Verb::Run, name, Enforced::default());
    let found = find::find(policies, name)?;
    result.found(&found);
    let bound = bind(found.page, found.policy, gateway::decode(line)?)?;
    result.hosts(&bound.hosts);
    let known = Known::new(&bound);
    let mut step = None;
    let (mut progress, mut seen) = (Progress::new(Step::Verify), Observations::default());
    for (sent, (of, new, route, status, body)) in (0..).zip(REQUESTS) {
        if step.replace((of, new)) != Some((of, new)) {
            progress = Progress::new(of);
        }
        let answer = Answer {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        };
        let name = exchange(&bound, &known, &mut progress, (of, new), route, &answer, sent)?;
        if (of, new) == (Step::Verify, true) && route == "sign-in" {
            seen.accepted(name);
        }
    }
    let Sight::Accepted(proved) = observe::<New>(seen, || "no sign-in".to_owned()) else {
        bail!("the new password was not seen to work")
    };
    result.conclude(Said::Outcome(Outcome::Rotated(proved)), Duration::from_millis(1));
    Ok(result.line())
}

fn exchange<'b>(
    bound: &'b Bound,
    known: &Known,
    progress: &mut Progress,
    (step, new): (Step, bool),
    route: &str,
    answer: &Answer,
    requests: u32,
) -> anyhow::Result<&'b RouteName> {
    let ask = Ask { route, args: &[], progress, run: RunFacts { requests, changed: false } };
    let route = match decide(bound, &ask) {
        Decision::Allow { route, .. } => route,
        Decision::Deny(refusal) => bail!("{route} is denied: {refusal:?}"),
    };
    let candidate = match step {
        Step::Verify if new => bound.new_password.as_ref(),
        Step::Verify => bound.old_password.as_ref(),
        _ => None,
    };
    black_box(place(&bound.page, route, &scope(bound, candidate, progress), None)?);
    progress.spend(route);
    let mut judgement = judge(route, std::slice::from_ref(answer), false, &scope(bound, candidate, progress));
    ensure!(judgement.verdict == Verdict::Accepted, "{} is judged {:?}", route.name, judgement.verdict);
    progress.learn(route, &mut judgement);
    for (_, text) in &judgement.shown {
        black_box(escape(&known.redactor().redact(text), 4096));
    }
    Ok(&route.name)
}

/// All values that templates may name.
fn scope<'a>(bound: &'a Bound, candidate: Option<&'a Secret>, progress: &'a Progress) -> Scope<'a> {
    Scope {
        user: &bound.user,
        old_password: bound.old_password.as_ref(),
        new_password: bound.new_password.as_ref(),
        candidate,
        records: &bound.records,
        args: &[],
        progress,
    }
}
