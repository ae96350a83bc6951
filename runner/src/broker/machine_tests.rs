//! Every edge of the machine, by scripted steps.

use super::*;
use crate::broker::outcome::Live;
use crate::broker::proof::{Observations, observe};
use crate::page::names::RouteName;
use std::collections::VecDeque;

/// Answers in order; asserts that nothing else is asked for.
struct Script {
    steps: VecDeque<&'static str>,
    denied: Option<String>,
}

impl Script {
    fn take(&mut self, asked: &str) -> &'static str {
        let next =
            self.steps.pop_front().unwrap_or_else(|| panic!("`{asked}` was asked for, but the script has ended"));
        next.strip_prefix(asked).unwrap_or_else(|| panic!("`{asked}` was asked for, `{next}` expected")).trim()
    }
}

impl Steps for Script {
    async fn verify<W: Which>(&mut self) -> Sight<W> {
        let mut seen = Observations::default();
        match self.take(W::WORD) {
            "accepted" => seen.accepted(&RouteName::new("sign-in")),
            "refused" => seen.refused(&RouteName::new("sign-in")),
            "denied" => self.denied = Some("asked for too much".to_owned()),
            _ => seen.unclear("no answer".to_owned()),
        }
        observe(seen, || "nothing was sent".to_owned())
    }

    async fn change(&mut self, step: Step) -> StepEnd {
        let word = self.take(step.as_str());
        let fate = match word {
            "accepted" => Fate::Accepted,
            "refused" => Fate::Refused,
            "ambiguous" => Fate::Ambiguous,
            _ => Fate::NotSent,
        };
        StepEnd {
            fate,
            reason: "as scripted".to_owned(),
            denied: (word == "denied").then(|| "asked for too much".to_owned()),
        }
    }

    async fn finish(&mut self) {
        self.take("finish");
    }

    async fn settle(&mut self) {
        self.take("settle");
    }

    fn denied(&self) -> Option<String> {
        self.denied.clone()
    }
}

const PLAN: Plan = Plan {
    has_old: true,
    same: false,
    can_verify: true,
    can_change: true,
    can_reconcile: true,
    may_reconcile: false,
    accept_unverified: false,
    has_finish: false,
};

fn run(plan: Plan, script: &str) -> Outcome {
    let mut steps = Script {
        steps: script.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| &*s.to_owned().leak()).collect(),
        denied: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(rotate(plan, &mut steps));
    assert!(steps.steps.is_empty(), "{script}: not asked for: {:?}", steps.steps);
    outcome
}

#[test]
fn every_path_ends_in_the_outcome_of_the_table() {
    let reconcile = Plan { may_reconcile: true, ..PLAN };
    let no_old = Plan { has_old: false, can_change: false, ..PLAN };
    let same = Plan { same: true, ..PLAN };
    let blind = Plan { can_verify: false, ..PLAN };
    let blind_accepted = Plan { can_verify: false, accept_unverified: true, ..PLAN };
    let with_finish = Plan { has_finish: true, ..PLAN };
    for (plan, script, word, exit, live) in [
        // the happy path has no failed sign-in
        (PLAN, "old accepted, change accepted, new accepted", "rotated", 0, Live::New),
        (with_finish, "old accepted, change accepted, new accepted, finish", "rotated", 0, Live::New),
        // nothing is risked
        (PLAN, "old unclear", "unchanged", 1, Live::AsBefore),
        (PLAN, "old denied", "denied", 3, Live::AsBefore),
        // already there
        (PLAN, "old refused, new accepted", "already-current", 0, Live::New),
        (same, "new accepted", "already-current", 0, Live::New),
        (no_old, "new accepted", "already-current", 0, Live::New),
        // neither works
        (PLAN, "old refused, new refused", "out-of-sync", 5, Live::Neither),
        (PLAN, "old refused, new unclear", "unknown", 6, Live::Unknown),
        (PLAN, "old refused, new denied", "denied", 3, Live::AsBefore),
        (same, "new refused", "out-of-sync", 5, Live::Neither),
        (same, "new unclear", "unchanged", 1, Live::AsBefore),
        (no_old, "new refused", "unknown", 6, Live::Unknown),
        (no_old, "new unclear", "unknown", 6, Live::Unknown),
        // reconcile
        (reconcile, "old refused, new refused, reconcile accepted, new accepted", "rotated", 0, Live::New),
        (reconcile, "old refused, new unclear, reconcile accepted, new accepted", "rotated", 0, Live::New),
        (reconcile, "old refused, new refused, reconcile refused", "out-of-sync", 5, Live::Neither),
        (reconcile, "old refused, new refused, reconcile not-sent", "out-of-sync", 5, Live::Neither),
        (reconcile, "old refused, new unclear, reconcile refused", "unknown", 6, Live::Unknown),
        (reconcile, "old refused, new refused, reconcile denied", "denied", 3, Live::AsBefore),
        (
            Plan { may_reconcile: true, ..no_old },
            "new refused, reconcile accepted, new accepted",
            "rotated",
            0,
            Live::New,
        ),
        (
            Plan { may_reconcile: true, ..same },
            "new refused, reconcile accepted, new accepted",
            "rotated",
            0,
            Live::New,
        ),
        // the change
        (PLAN, "old accepted, change refused", "unchanged", 1, Live::Old),
        (PLAN, "old accepted, change not-sent", "unchanged", 1, Live::Old),
        (PLAN, "old accepted, change denied", "denied", 3, Live::AsBefore),
        (Plan { can_change: false, ..PLAN }, "old accepted", "unchanged", 1, Live::Old),
        (PLAN, "old accepted, change accepted, new unclear", "changed-unverified", 4, Live::New),
        (PLAN, "old accepted, change accepted, new refused, settle, new accepted", "rotated", 0, Live::New),
        (PLAN, "old accepted, change accepted, new refused, settle, new unclear", "unknown", 6, Live::Unknown),
        (
            PLAN,
            "old accepted, change accepted, new refused, settle, new refused, old refused",
            "out-of-sync",
            5,
            Live::Neither,
        ),
        (
            PLAN,
            "old accepted, change accepted, new refused, settle, new refused, old accepted",
            "unknown",
            6,
            Live::Unknown,
        ),
        (
            PLAN,
            "old accepted, change accepted, new refused, settle, new refused, old unclear",
            "unknown",
            6,
            Live::Unknown,
        ),
        // ambiguous
        (PLAN, "old accepted, change ambiguous, settle, new accepted", "rotated", 0, Live::New),
        (
            PLAN,
            "old accepted, change ambiguous, settle, new refused, old accepted, settle, old accepted",
            "unchanged",
            1,
            Live::Old,
        ),
        (
            PLAN,
            "old accepted, change ambiguous, settle, new refused, old accepted, settle, old refused",
            "unknown",
            6,
            Live::Unknown,
        ),
        (PLAN, "old accepted, change ambiguous, settle, new refused, old refused", "out-of-sync", 5, Live::Neither),
        (
            PLAN,
            "old accepted, change ambiguous, settle, new unclear, old accepted, settle, old accepted",
            "unchanged",
            1,
            Live::Old,
        ),
        (PLAN, "old accepted, change ambiguous, settle, new unclear, old unclear", "unknown", 6, Live::Unknown),
        (PLAN, "old accepted, change ambiguous, settle, new unclear, old refused", "unknown", 6, Live::Unknown),
        // no way to verify
        (blind, "", "not-started", 2, Live::AsBefore),
        (blind_accepted, "change accepted", "changed-unverified", 0, Live::New),
        (blind_accepted, "change refused", "unchanged", 1, Live::AsBefore),
        (blind_accepted, "change not-sent", "unchanged", 1, Live::AsBefore),
        (blind_accepted, "change denied", "denied", 3, Live::AsBefore),
        (blind_accepted, "change ambiguous", "unknown", 6, Live::Unknown),
        (Plan { can_change: false, ..blind_accepted }, "", "not-started", 2, Live::AsBefore),
        (
            Plan { can_change: false, may_reconcile: true, ..blind_accepted },
            "reconcile accepted",
            "changed-unverified",
            0,
            Live::New,
        ),
    ] {
        let outcome = run(plan, script);
        assert_eq!((outcome.word(), outcome.exit(), outcome.live()), (word, exit, live), "{script}");
    }
}
