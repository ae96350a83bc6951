//! What a run ended in.
//!
//! | exit | outcome | live password |
//! | --- | --- | --- |
//! | 0 | rotated, already-current; changed-unverified where the page has no verify route and the operator accepts that | new |
//! | 1 | unchanged | as before, old if it was seen to work |
//! | 2 | not-started: bad input, page, policy or module | as before |
//! | 3 | denied: the rotator asked for what page or policy refuse, before any changing request | as before |
//! | 4 | changed-unverified | new, by the provider's word |
//! | 5 | out-of-sync: the old and the new one are both refused | neither |
//! | 6 | unknown | cannot be told |
//! | 70 | a bug of ours | as far as known |

use super::proof::{New, Old, Proved};

/// What a run ended in. `Rotated` and `AlreadyCurrent` cannot be built without having seen the new password work.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// Changed, and the new password was seen to work.
    Rotated(Proved<New>),
    /// The new password worked already; nothing was changed.
    AlreadyCurrent(Proved<New>),
    /// The provider accepted the change; nobody has seen the new password work.
    ChangedUnverified {
        /// The page has no verify route, and the operator wrote `unverified = "accept"`.
        accepted_by_operator: bool,
        /// Why it was not verified.
        reason: String,
    },
    /// Nothing was changed.
    Unchanged {
        /// The old password was seen to work in this run.
        old: Option<Proved<Old>>,
        /// Why nothing was changed.
        reason: String,
    },
    /// Refused before the rotator ran.
    NotStarted {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The rotator asked for what page or policy refuse, before any changing request.
    Denied {
        /// What it asked for, and which line refuses it.
        reason: String,
    },
    /// The old and the new password are both refused.
    OutOfSync {
        /// How that was seen.
        reason: String,
    },
    /// It cannot be told which password is live.
    Unknown {
        /// What was sent, and what is not known.
        reason: String,
    },
    /// A bug of ours.
    Bug {
        /// What happened.
        reason: String,
    },
}

/// The password that is live at the provider, as far as the run can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Live {
    /// The new one.
    New,
    /// The old one: it was seen to work.
    Old,
    /// Whichever it was before.
    AsBefore,
    /// Neither the old nor the new one.
    Neither,
    /// Cannot be told.
    Unknown,
}

impl Outcome {
    /// Word, exit code and live password: the table of the module.
    fn row(&self) -> (&'static str, u8, Live) {
        match self {
            Outcome::Rotated(_) => ("rotated", 0, Live::New),
            Outcome::AlreadyCurrent(_) => ("already-current", 0, Live::New),
            Outcome::ChangedUnverified { accepted_by_operator: true, .. } => ("changed-unverified", 0, Live::New),
            Outcome::ChangedUnverified { accepted_by_operator: false, .. } => ("changed-unverified", 4, Live::New),
            Outcome::Unchanged { old: Some(_), .. } => ("unchanged", 1, Live::Old),
            Outcome::Unchanged { old: None, .. } => ("unchanged", 1, Live::AsBefore),
            Outcome::NotStarted { .. } => ("not-started", 2, Live::AsBefore),
            Outcome::Denied { .. } => ("denied", 3, Live::AsBefore),
            Outcome::OutOfSync { .. } => ("out-of-sync", 5, Live::Neither),
            Outcome::Unknown { .. } => ("unknown", 6, Live::Unknown),
            Outcome::Bug { .. } => ("bug", 70, Live::Unknown),
        }
    }

    /// The word in the result.
    pub fn word(&self) -> &'static str {
        self.row().0
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        self.row().1
    }

    /// The live password.
    pub fn live(&self) -> Live {
        self.row().2
    }

    /// Which route proved the password that is live, if one did.
    pub fn proved_by(&self) -> Option<&str> {
        match self {
            Outcome::Rotated(proved) | Outcome::AlreadyCurrent(proved) => Some(proved.route().as_str()),
            Outcome::Unchanged { old: Some(proved), .. } => Some(proved.route().as_str()),
            _ => None,
        }
    }

    /// What happened, in words.
    pub fn reason(&self) -> &str {
        match self {
            Outcome::Rotated(_) => "the password was changed, and the new one was seen to work",
            Outcome::AlreadyCurrent(_) => "the new password works already; nothing was changed",
            Outcome::ChangedUnverified { reason, .. }
            | Outcome::Unchanged { reason, .. }
            | Outcome::NotStarted { reason }
            | Outcome::Denied { reason }
            | Outcome::OutOfSync { reason }
            | Outcome::Unknown { reason }
            | Outcome::Bug { reason } => reason,
        }
    }

    /// What a PAM admin should do next; empty where nothing is to be done.
    pub fn advice(&self) -> &'static str {
        match self {
            Outcome::Rotated(_) | Outcome::AlreadyCurrent(_) => "",
            Outcome::ChangedUnverified { accepted_by_operator: true, .. } => {
                "keep the new password; this page has no way to prove it"
            }
            Outcome::ChangedUnverified { .. } => {
                "keep the new password in the vault and sign in with it once; if it fails, reset it by hand"
            }
            Outcome::Unchanged { old: Some(_), .. } => "the old password still works; mend the cause and rotate again",
            Outcome::Unchanged { old: None, .. } => "nothing was changed; mend the cause and rotate again",
            Outcome::NotStarted { .. } => "nothing was tried; mend what is named and run again",
            Outcome::Denied { .. } => {
                "nothing was changed; have the rotator's author or the policy's owner look at the line that is named"
            }
            Outcome::OutOfSync { .. } => {
                "set the password by hand at the provider and in the vault, or allow `reconcile = \"old-refused\"` and run again"
            }
            Outcome::Unknown { .. } => {
                "keep both passwords, run again (a second run finds out without changing anything twice), or sign in by hand"
            }
            Outcome::Bug { .. } => "keep both passwords, and report this with the result line",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_and_live_passwords_are_those_of_the_table() {
        let reason = String::new;
        for (outcome, exit, live) in [
            (Outcome::ChangedUnverified { accepted_by_operator: true, reason: reason() }, 0, Live::New),
            (Outcome::ChangedUnverified { accepted_by_operator: false, reason: reason() }, 4, Live::New),
            (Outcome::Unchanged { old: None, reason: reason() }, 1, Live::AsBefore),
            (Outcome::NotStarted { reason: reason() }, 2, Live::AsBefore),
            (Outcome::Denied { reason: reason() }, 3, Live::AsBefore),
            (Outcome::OutOfSync { reason: reason() }, 5, Live::Neither),
            (Outcome::Unknown { reason: reason() }, 6, Live::Unknown),
            (Outcome::Bug { reason: reason() }, 70, Live::Unknown),
        ] {
            assert_eq!((outcome.exit(), outcome.live()), (exit, live), "{outcome:?}");
        }
    }
}
