//! What was sent, and what came of it. Outcomes come from here and from verifications, never from what the rotator
//! returns.

use crate::audit::Intended;
use crate::page::Step;
use crate::page::judge::Verdict;
use serde::Serialize;

/// How many failed sign-ins are risked before a changing request, and again after it (lock-out).
pub const FAILED_SIGN_INS: u32 = 2;

/// What became of the changing request of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// No changing request left this process.
    #[default]
    NotSent,
    /// The provider says that nothing was changed.
    Refused,
    /// The provider says that it was done.
    Accepted,
    /// It may have been done: no answer, or one that the page does not know.
    Ambiguous,
}

impl Fate {
    /// The fate of a changing request whose answer got this verdict.
    pub fn of(verdict: Verdict) -> Fate {
        match verdict {
            Verdict::Accepted => Fate::Accepted,
            Verdict::Refused => Fate::Refused,
            Verdict::Unmatched | Verdict::Unmet | Verdict::Passed => Fate::Ambiguous,
        }
    }
}

/// One request, for the result. Names only: no URL, no value.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The step, and for verifications of which password: `verify old`, `change`.
    pub step: String,
    /// The route.
    pub route: String,
    /// The method.
    pub method: &'static str,
    /// The provider's host.
    pub host: String,
    /// The HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The broker's verdict, or why there is none.
    pub judged: String,
    /// Milliseconds from the first byte sent (or the dial) to the last read.
    pub milliseconds: u64,
}

/// The broker's book of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    requests: u32,
    failed_sign_ins: u32,
    failed_before_change: u32,
    changes: Vec<(Step, Fate)>,
}

impl Ledger {
    /// Requests sent so far.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// All entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether one more sign-in that may fail can be risked.
    pub fn may_risk_sign_in(&self) -> bool {
        self.failed_sign_ins < FAILED_SIGN_INS
    }

    /// The sign-in that was just sent may have counted as a failed one: books it if one more can be risked all the same.
    pub fn may_risk_another(&mut self) -> bool {
        let may = self.failed_sign_ins + 1 < FAILED_SIGN_INS;
        self.failed_sign_ins += u32::from(may);
        may
    }

    /// Counts a request that is about to be sent.
    pub fn count_request(&mut self) {
        self.requests += 1;
    }

    /// Books what a request came to.
    pub fn book(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Books a sign-in that was not accepted.
    pub fn failed_sign_in(&mut self) {
        self.failed_sign_ins += 1;
    }

    /// Books that a changing request is about to leave: from here on it counts as ambiguous until its answer is judged.
    /// The allowance of failed sign-ins starts anew. Takes the proof that the intent is on record.
    pub fn change_leaves(&mut self, step: Step, _on_record: Intended) {
        self.changes.push((step, Fate::Ambiguous));
        self.failed_before_change = std::mem::take(&mut self.failed_sign_ins);
    }

    /// Books the fate of the changing request that left last. One that did not leave after all, or was refused, gives
    /// no new allowance of failed sign-ins.
    pub fn change_judged(&mut self, fate: Fate) {
        if let Some((_, last)) = self.changes.last_mut() {
            *last = fate;
            if matches!(fate, Fate::NotSent | Fate::Refused) {
                self.failed_sign_ins += std::mem::take(&mut self.failed_before_change);
            }
        }
    }

    /// The fate of the changing request of `step`.
    pub fn fate(&self, step: Step) -> Fate {
        self.changes.iter().rev().find(|(of, _)| *of == step).map_or(Fate::NotSent, |(_, fate)| *fate)
    }

    /// The step whose changing request may have reached the provider.
    pub fn changed_by(&self) -> Option<Step> {
        self.changes.iter().find(|(_, fate)| matches!(fate, Fate::Accepted | Fate::Ambiguous)).map(|(step, _)| *step)
    }

    /// Whether any changing request may have reached the provider.
    pub fn anything_changed(&self) -> bool {
        self.changed_by().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_left_is_ambiguous_until_its_answer_is_judged() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.fate(Step::Change), Fate::NotSent);
        ledger.change_leaves(Step::Change, Intended::for_tests());
        assert_eq!(ledger.fate(Step::Change), Fate::Ambiguous);
        assert!(ledger.anything_changed());
        ledger.change_judged(Fate::of(Verdict::Refused));
        assert_eq!(ledger.fate(Step::Change), Fate::Refused);
        assert!(!ledger.anything_changed());
        assert_eq!(ledger.fate(Step::Reconcile), Fate::NotSent);
    }

    #[test]
    fn two_failed_sign_ins_before_a_change_and_two_after_it() {
        let mut ledger = Ledger::default();
        for _ in 0..2 {
            assert!(ledger.may_risk_sign_in());
            ledger.failed_sign_in();
        }
        assert!(!ledger.may_risk_sign_in());
        ledger.change_leaves(Step::Change, Intended::for_tests());
        assert!(ledger.may_risk_sign_in());
    }

    #[test]
    fn only_accepted_and_refused_are_certain() {
        for (verdict, fate) in [
            (Verdict::Accepted, Fate::Accepted),
            (Verdict::Refused, Fate::Refused),
            (Verdict::Unmatched, Fate::Ambiguous),
            (Verdict::Unmet, Fate::Ambiguous),
            (Verdict::Passed, Fate::Ambiguous),
        ] {
            assert_eq!(Fate::of(verdict), fate);
        }
    }
}
