//! The machine's hands: steps of the rotator, through the worker and the network.

use super::ready::first_host;
use crate::broker::ledger::Fate;
use crate::broker::machine::{Plan, StepEnd, Steps};
use crate::broker::proof::{New, Old, Sight, Which, observe};
use crate::broker::session::{Desk, Seen, is_personal};
use crate::page::Step;
use crate::page::model::Route;
use crate::report::result::{Checked, Said};
use std::time::Instant;

/// The machine's hands: steps of the rotator, through the worker and the network.
pub(super) struct Run<'b> {
    pub(super) desk: Desk<'b>,
    plan: Plan,
    /// The first denial of a verification.
    denied: Option<String>,
    /// All that it asked for and was refused, the first of each step.
    denials: Vec<String>,
    /// A precondition did not hold in the last verification.
    unmet: bool,
}

impl Steps for Run<'_> {
    async fn verify<W: Which>(&mut self) -> Sight<W> {
        let bound = self.desk.bound;
        let candidate = if W::IS_NEW { bound.new_password.as_ref() } else { bound.old_password.as_ref() };
        let Some(candidate) = candidate else {
            return Sight::CannotTell(format!("there is no {} password", W::WORD));
        };
        self.open_for(Step::Verify, self.after_verify(W::IS_NEW));
        let seen = self.desk.step(Step::Verify, Some(candidate), &format!("verify {}", W::WORD)).await;
        self.note(&seen);
        if self.denied.is_none() {
            self.denied.clone_from(&seen.denied);
        }
        self.unmet = seen.unmet;
        let otherwise = why(&seen, "the rotator sent no sign-in");
        observe(seen.observations, || otherwise)
    }

    async fn change(&mut self, step: Step) -> StepEnd {
        self.open_for(step, self.plan.can_verify.then_some(Step::Verify));
        let seen = self.desk.step(step, None, step.as_str()).await;
        self.note(&seen);
        let fate = self.desk.ledger.fate(step);
        let reason = match &seen.change_answer {
            Some(answer) => answer.clone(),
            None => why(&seen, "the rotator sent no changing request"),
        };
        StepEnd { fate, reason, denied: seen.denied }
    }

    async fn finish(&mut self) {
        let seen = self.desk.step(Step::Finish, None, "finish").await;
        self.note(&seen);
        if !seen.said_ok {
            let reason = why(&seen, "it ended without a word");
            self.desk.warnings.push(format!("the password was rotated, but `finish` was not done: {reason}"));
        }
    }

    async fn settle(&mut self) {
        let until = (Instant::now() + self.desk.bound.policy.limits.settle).min(self.desk.deadline);
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {}
            () = self.desk.interrupts.wait(2) => {}
        }
    }

    fn denied(&self) -> Option<String> {
        self.denied.clone()
    }
}

fn why(seen: &Seen, otherwise: &str) -> String {
    seen.reason.clone().unwrap_or_else(|| otherwise.to_owned())
}

impl<'b> Run<'b> {
    pub(super) fn new(desk: Desk<'b>, plan: Plan) -> Run<'b> {
        Run { desk, plan, denied: None, denials: Vec::new(), unmet: false }
    }

    /// What follows a sign-in that is accepted.
    fn after_verify(&self, new: bool) -> Option<Step> {
        match (self.desk.one_look, new) {
            (true, _) => None,
            (false, false) => self.plan.can_change.then_some(Step::Change),
            (false, true) => self.plan.has_finish.then_some(Step::Finish),
        }
    }

    /// Beside the first request of step `now`, the connection is opened that is needed next: a change behind a look-up has one of its own, and
    /// so has the first request of step `next`, if `now` sends there what no other step may follow.
    fn open_for(&mut self, now: Step, next: Option<Step>) {
        let bound = self.desk.bound;
        let routes = || bound.page.routes.iter().filter(|route| route.steps.contains(&now));
        let change = routes().find(|route| route.changes && !route.needs.is_empty());
        let next = || {
            let host = first_host(bound, next?)?;
            let spoils =
                |route: &Route| !route.changes && is_personal(route) && bound.origin_of(route) == Some(host.clone());
            routes().any(spoils).then_some(host)
        };
        self.desk.capability.open_next(change.and_then(|route| bound.origin_of(route)).or_else(next));
    }

    fn note(&mut self, seen: &Seen) {
        self.denials.extend(seen.denied.clone());
        self.denials.dedup();
    }

    /// A rotator that asks for what it may not have is worth a look, whatever the run came to.
    pub(super) fn warn_of_denials(&mut self, said: &Said) {
        let reason = match said {
            Said::Outcome(outcome) => outcome.reason(),
            Said::Checked(Checked::Denied(reason)) => reason,
            Said::Checked(_) => "",
        };
        let others = self.denials.iter().filter(|denial| *denial != reason);
        self.desk.warnings.extend(others.map(|denial| format!("the rotator asked for what is refused: {denial}")));
    }

    /// `verify`: does the provider accept the old (or the new) password?
    pub(super) async fn look(&mut self, plan: Plan, new: bool) -> Checked {
        if !plan.can_verify {
            return Checked::CannotTell("the page has no verify route".to_owned());
        }
        if new {
            let sight = self.verify::<New>().await;
            self.checked(sight)
        } else {
            let sight = self.verify::<Old>().await;
            self.checked(sight)
        }
    }

    fn checked<W: Which>(&self, sight: Sight<W>) -> Checked {
        match (sight, &self.denied) {
            (_, Some(reason)) => Checked::Denied(reason.clone()),
            (Sight::Accepted(proved), None) => {
                Checked::Good(format!("the {} password works (seen by route `{}`)", W::WORD, proved.route()))
            }
            (Sight::Refused { route }, None) => {
                Checked::Refused(format!("the provider refuses the {} password (route `{route}`)", W::WORD))
            }
            (Sight::CannotTell(reason), None) if self.unmet => Checked::Refused(reason),
            (Sight::CannotTell(reason), None) => Checked::CannotTell(reason),
        }
    }

    /// `rehearse`: a sign-in with the old password, then all of the changing step but its changing request.
    pub(super) async fn rehearse(&mut self, plan: Plan) -> Checked {
        let mut said = Vec::new();
        if plan.can_verify && plan.has_old {
            let sight = self.verify::<Old>().await;
            match self.checked(sight) {
                Checked::Good(text) => said.push(text),
                Checked::Refused(text) if plan.may_reconcile && plan.can_reconcile => {
                    said.push(format!("{text}; a run would look for the new one and then reconcile"));
                    return self.rehearse_step(Step::Reconcile, said).await;
                }
                other => return other,
            }
        } else if !plan.can_verify {
            said.push("the page has no way to verify a password".to_owned());
        }
        if plan.can_change && (plan.has_old || !plan.can_verify) {
            self.rehearse_step(Step::Change, said).await
        } else if plan.can_reconcile && plan.may_reconcile {
            said.push("the gateway sent no old password that could be used".to_owned());
            self.rehearse_step(Step::Reconcile, said).await
        } else {
            said.push(
                "there is no old password, and reconcile is not allowed or not on the page: a run could change nothing"
                    .to_owned(),
            );
            Checked::CannotTell(said.join("; "))
        }
    }

    async fn rehearse_step(&mut self, step: Step, mut said: Vec<String>) -> Checked {
        let seen = self.desk.step(step, None, step.as_str()).await;
        if let Some(denied) = seen.denied {
            return Checked::Denied(denied);
        }
        debug_assert_eq!(self.desk.ledger.fate(step), Fate::NotSent);
        match seen.would_change {
            Some(change) => {
                said.push(format!("a run would now send the changing request: {change}"));
                Checked::Good(said.join("; "))
            }
            None => Checked::Refused(format!(
                "`{step}` did not get as far as its changing request: {}",
                why(&seen, "the rotator sent none")
            )),
        }
    }
}
