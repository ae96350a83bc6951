//! How much of the time that is left one step may take. Whatever a rotator or a provider does with it, there is time for the steps
//! that tell what became of the run.
//!
//! | step | takes at most | leaves |
//! | --- | --- | --- |
//! | verify, before anything is changed | a half | a change that is begun has its time |
//! | change, reconcile | three fifths | also an answer that never comes leaves time to look what became of the change |
//! | verify, after a change that is in doubt | a half | looks at the other password |
//! | verify, after an accepted change; the only look; finish | all | nothing comes after it that could tell more |

use crate::broker::ledger::{Fate, Ledger};
use crate::page::Step;
use std::time::Duration;

/// What may come after a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// A change, and all that it brings.
    Change,
    /// Looks at the other password: the changing request is in doubt.
    Looks,
    /// Nothing that could tell more.
    Nothing,
}

impl Follows {
    pub(super) fn of(ledger: &Ledger, one_look: bool) -> Follows {
        let is = |fate| [Step::Change, Step::Reconcile].into_iter().any(|step| ledger.fate(step) == fate);
        if one_look || is(Fate::Accepted) {
            Follows::Nothing
        } else if is(Fate::Ambiguous) {
            Follows::Looks
        } else {
            Follows::Change
        }
    }
}

/// The most that `step` may take of what is `left`.
pub(super) fn of(step: Step, follows: Follows, left: Duration) -> Duration {
    match (step, follows) {
        (Step::Change | Step::Reconcile, _) => left * 3 / 5,
        (Step::Verify, Follows::Change | Follows::Looks) => left / 2,
        (Step::Verify, Follows::Nothing) | (Step::Finish, _) => left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Intended;

    #[test]
    fn whatever_the_steps_before_took_a_fifth_of_the_deadline_is_left_to_look() {
        let whole = Duration::from_secs(100);
        let mut left = whole;
        for (step, follows) in [(Step::Verify, Follows::Change), (Step::Change, Follows::Change)] {
            left -= of(step, follows, left);
        }
        assert_eq!(left, whole / 5);
        // In doubt, each look leaves time for the next one.
        for _ in 0..3 {
            left -= of(Step::Verify, Follows::Looks, left);
            assert!(left >= Duration::from_secs(2), "{left:?}");
        }
        assert_eq!(of(Step::Verify, Follows::Nothing, left), left);
        assert_eq!(of(Step::Finish, Follows::Nothing, left), left);
    }

    #[test]
    fn what_follows_is_read_from_the_ledger() {
        let mut ledger = Ledger::default();
        assert_eq!(Follows::of(&ledger, false), Follows::Change);
        assert_eq!(Follows::of(&ledger, true), Follows::Nothing);
        ledger.change_leaves(Step::Reconcile, Intended::for_tests());
        assert_eq!(Follows::of(&ledger, false), Follows::Looks);
        ledger.change_judged(Fate::Accepted);
        assert_eq!(Follows::of(&ledger, false), Follows::Nothing);
        ledger.change_judged(Fate::Refused);
        assert_eq!(Follows::of(&ledger, false), Follows::Change);
    }
}
