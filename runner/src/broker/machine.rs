//! The state machine of a run, as types: each state holds what that moment knows, and consumes itself.
//!
//! ```text
//! VerifyOld ─ accepted ─▶ Change
//!           ├ refused ──▶ LookForNew ─ accepted ▶ already-current; else Reconcile if allowed
//!           └ cannot tell ▶ unchanged
//! no old password ─▶ LookForNew
//! Change, Reconcile ─ accepted ─▶ ProveNew ─ accepted ▶ rotated ─▶ finish
//!                   ├ ambiguous ▶ Settle
//!                   └ refused, not sent ▶ what is known of the old password
//! ```
//!
//! Outcomes come from the ledger ([`Fate`]) and from verifications ([`Sight`]); what the rotator returned is only ever
//! part of a reason.

use super::ledger::Fate;
use super::outcome::Outcome;
use super::proof::{New, Old, Proved, Sight, Which};
use crate::page::Step;

/// What page, policy and params say about the run, before anything is sent.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The gateway sent an old password.
    pub has_old: bool,
    /// Old and new password are the same text.
    pub same: bool,
    /// The page has a route that places `{candidate}`.
    pub can_verify: bool,
    /// The page has routes for `change` that can be used with what there is (an old password, where they place one).
    pub can_change: bool,
    /// The page has routes for `reconcile`.
    pub can_reconcile: bool,
    /// The operator wrote `reconcile = "old-refused"`.
    pub may_reconcile: bool,
    /// The operator wrote `unverified = "accept"`.
    pub accept_unverified: bool,
    /// The page has routes for `finish`.
    pub has_finish: bool,
}

/// How a changing step ended.
#[derive(Debug)]
pub struct StepEnd {
    /// What became of its changing request.
    pub fate: Fate,
    /// Why, in words: the provider's shown code, the rotator's failure, a trap.
    pub reason: String,
    /// The first thing it asked for that page or policy refuse.
    pub denied: Option<String>,
}

/// What the machine can do. The run does it through the worker and the network; tests do it by a model.
pub trait Steps {
    /// Verifies one password in a fresh step.
    fn verify<W: Which>(&mut self) -> impl Future<Output = Sight<W>>;
    /// Runs `change` or `reconcile` in a fresh step.
    fn change(&mut self, step: Step) -> impl Future<Output = StepEnd>;
    /// Runs `finish`; failures become warnings.
    fn finish(&mut self) -> impl Future<Output = ()>;
    /// Waits for the provider to come to rest.
    fn settle(&mut self) -> impl Future<Output = ()>;
    /// What a verify step asked for that page or policy refuse, if it did.
    fn denied(&self) -> Option<String>;
}

/// Runs the machine to its outcome.
pub async fn rotate(plan: Plan, steps: &mut impl Steps) -> Outcome {
    if !plan.can_verify {
        return Blind { plan }.run(steps).await;
    }
    if plan.same || !plan.has_old {
        return LookForNew { plan, old_refused: false }.run(steps).await;
    }
    VerifyOld { plan }.run(steps).await
}

/// The page has no verify route: all that can be had is the provider's word.
struct Blind {
    plan: Plan,
}

impl Blind {
    async fn run(self, steps: &mut impl Steps) -> Outcome {
        if !self.plan.accept_unverified {
            return Outcome::NotStarted {
                reason:
                    "the page has no verify route; to go by the provider's word, write `unverified = \"accept\"` under \
                         [settings] of the policy"
                        .to_owned(),
            };
        }
        let step = if self.plan.can_change {
            Step::Change
        } else if self.plan.can_reconcile && self.plan.may_reconcile {
            Step::Reconcile
        } else {
            return Outcome::NotStarted {
                reason: "the page's change needs an old password, and none was sent; `reconcile` is not allowed or not on the page"
                    .to_owned(),
            };
        };
        let end = steps.change(step).await;
        match end.fate {
            Fate::Accepted => Outcome::ChangedUnverified {
                accepted_by_operator: true,
                reason: "the provider accepted the change; the page has no way to verify it".to_owned(),
            },
            Fate::Ambiguous => Outcome::Unknown {
                reason: format!(
                    "the changing request was sent, but it is not known what became of it ({}); the page has no verify route",
                    end.reason
                ),
            },
            Fate::Refused | Fate::NotSent => nothing_changed(end, None),
        }
    }
}

/// Does the old password work?
struct VerifyOld {
    plan: Plan,
}

impl VerifyOld {
    async fn run(self, steps: &mut impl Steps) -> Outcome {
        match steps.verify::<Old>().await {
            Sight::Accepted(old) if self.plan.can_change => {
                Change { step: Step::Change, before: Before::OldWorks(old) }.run(self.plan, steps).await
            }
            Sight::Accepted(old) => Outcome::Unchanged {
                old: Some(old),
                reason: "the page has no route for `change`, and reconcile is only for an old password that is refused"
                    .to_owned(),
            },
            Sight::Refused { .. } => LookForNew { plan: self.plan, old_refused: true }.run(steps).await,
            Sight::CannotTell(reason) => cannot_verify_now(reason, steps),
        }
    }
}

/// The old password is refused, missing, or the same as the new one: is the new one live already?
struct LookForNew {
    plan: Plan,
    old_refused: bool,
}

impl LookForNew {
    async fn run(self, steps: &mut impl Steps) -> Outcome {
        let sight = steps.verify::<New>().await;
        let (new_refused, reason) = match sight {
            Sight::Accepted(new) => return Outcome::AlreadyCurrent(new),
            Sight::Refused { .. } => (true, String::new()),
            Sight::CannotTell(reason) => (false, reason),
        };
        if let Some(reason) = steps.denied() {
            return Outcome::Denied { reason };
        }
        let old_refused = self.old_refused || (self.plan.same && new_refused);
        if self.plan.same && !new_refused {
            return cannot_verify_now(reason, steps);
        }
        if self.plan.may_reconcile && self.plan.can_reconcile {
            let before = Before::Neither { old_refused, new_refused };
            return Change { step: Step::Reconcile, before }.run(self.plan, steps).await;
        }
        let why_not = if self.plan.can_reconcile {
            "reconcile is not allowed by the policy"
        } else {
            "the page has no routes for reconcile"
        };
        match (old_refused, new_refused) {
            (true, true) => Outcome::OutOfSync {
                reason: format!("the provider refuses the old and the new password, and {why_not}"),
            },
            (true, false) => Outcome::Unknown {
                reason: format!(
                    "the provider refuses the old password, and the new one could not be tried ({reason}); {why_not}"
                ),
            },
            (false, true) => Outcome::Unknown {
                reason: format!("the gateway sent no old password, and the provider refuses the new one; {why_not}"),
            },
            (false, false) => Outcome::Unknown {
                reason: format!(
                    "the gateway sent no old password, and the new one could not be tried ({reason}); {why_not}"
                ),
            },
        }
    }
}

/// What was seen before a changing step.
enum Before {
    /// The old password works.
    OldWorks(Proved<Old>),
    /// It does not, or there is none; and the new one does not work, or could not be tried.
    Neither { old_refused: bool, new_refused: bool },
}

/// `change` or `reconcile`.
struct Change {
    step: Step,
    before: Before,
}

impl Change {
    async fn run(self, plan: Plan, steps: &mut impl Steps) -> Outcome {
        let end = steps.change(self.step).await;
        match (end.fate, self.before) {
            (Fate::Accepted, _) => ProveNew { plan }.run(steps).await,
            (Fate::Ambiguous, _) => Settle { plan, reason: end.reason }.run(steps).await,
            (Fate::Refused | Fate::NotSent, Before::OldWorks(old)) => nothing_changed(end, Some(old)),
            (Fate::Refused | Fate::NotSent, Before::Neither { old_refused, new_refused }) => {
                if let Some(reason) = end.denied {
                    return Outcome::Denied { reason };
                }
                if old_refused && new_refused {
                    return Outcome::OutOfSync {
                        reason: format!(
                            "the provider refuses the old and the new password, and the reset was not done: {}",
                            end.reason
                        ),
                    };
                }
                Outcome::Unknown {
                    reason: format!(
                        "the old password was not seen to work, and the reset was not done: {}",
                        end.reason
                    ),
                }
            }
        }
    }
}

/// The provider accepted the change: see the new password work.
struct ProveNew {
    plan: Plan,
}

impl ProveNew {
    async fn run(self, steps: &mut impl Steps) -> Outcome {
        match steps.verify::<New>().await {
            Sight::Accepted(new) => return finish(self.plan, new, steps).await,
            Sight::CannotTell(reason) => return unproved(reason),
            Sight::Refused { .. } => {}
        }
        steps.settle().await;
        match steps.verify::<New>().await {
            Sight::Accepted(new) => return finish(self.plan, new, steps).await,
            Sight::CannotTell(reason) => {
                return Outcome::Unknown {
                    reason: format!(
                        "the provider accepted the change, then refused the new password, and then could not be asked again ({reason})"
                    ),
                };
            }
            Sight::Refused { .. } => {}
        }
        if self.plan.has_old
            && let Sight::Refused { .. } = steps.verify::<Old>().await
        {
            return Outcome::OutOfSync {
                reason: "the provider accepted the change, but refuses the new password and the old one".to_owned(),
            };
        }
        Outcome::Unknown { reason: "the provider accepted the change, but refuses the new password".to_owned() }
    }
}

/// It is not known what became of the changing request: let the provider come to rest, then look.
struct Settle {
    plan: Plan,
    reason: String,
}

impl Settle {
    async fn run(self, steps: &mut impl Steps) -> Outcome {
        steps.settle().await;
        let new_refused = match steps.verify::<New>().await {
            Sight::Accepted(new) => return finish(self.plan, new, steps).await,
            Sight::Refused { .. } => true,
            Sight::CannotTell(_) => false,
        };
        if self.plan.has_old && !self.plan.same {
            match steps.verify::<Old>().await {
                Sight::Accepted(_) => {
                    steps.settle().await;
                    if let Sight::Accepted(old) = steps.verify::<Old>().await {
                        return Outcome::Unchanged {
                            old: Some(old),
                            reason: format!(
                                "the changing request had no effect ({}); the old password was seen to work twice since",
                                self.reason
                            ),
                        };
                    }
                }
                Sight::Refused { .. } if new_refused => {
                    return Outcome::OutOfSync {
                        reason: format!(
                            "the changing request had no clear answer ({}), and the provider refuses the new and the old password",
                            self.reason
                        ),
                    };
                }
                Sight::Refused { .. } | Sight::CannotTell(_) => {}
            }
        }
        Outcome::Unknown {
            reason: format!(
                "the changing request was sent, and it could not be found out what became of it ({})",
                self.reason
            ),
        }
    }
}

/// `finish` follows `rotated` only.
async fn finish(plan: Plan, new: Proved<New>, steps: &mut impl Steps) -> Outcome {
    if plan.has_finish {
        steps.finish().await;
    }
    Outcome::Rotated(new)
}

fn unproved(reason: String) -> Outcome {
    Outcome::ChangedUnverified {
        accepted_by_operator: false,
        reason: format!("the provider accepted the change, but the new password could not be tried: {reason}"),
    }
}

fn cannot_verify_now(reason: String, steps: &impl Steps) -> Outcome {
    match steps.denied() {
        Some(reason) => Outcome::Denied { reason },
        None => Outcome::Unchanged { old: None, reason: format!("cannot verify now, so nothing was risked: {reason}") },
    }
}

fn nothing_changed(end: StepEnd, old: Option<Proved<Old>>) -> Outcome {
    match (end.denied, end.fate) {
        (Some(reason), Fate::NotSent) => Outcome::Denied { reason },
        _ => Outcome::Unchanged { old, reason: end.reason },
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "model_tests.rs"]
mod model_tests;
