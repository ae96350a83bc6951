//! The words of a page: steps, and the names of routes, records, binds and arguments.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A step of a run (CyberArk's terms, and `finish`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Does the target accept a candidate password?
    Verify,
    /// Change the password with the proof of the old one (or with whatever the page uses).
    Change,
    /// Reset the password with admin rights, when the old one is refused or unknown.
    Reconcile,
    /// What may be done once the new password was seen to work, such as ending sessions.
    Finish,
}

impl Step {
    /// Every step, in the order of a run.
    pub const ALL: [Step; 4] = [Step::Verify, Step::Change, Step::Reconcile, Step::Finish];

    /// The word used in pages, frames and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Verify => "verify",
            Step::Change => "change",
            Step::Reconcile => "reconcile",
            Step::Finish => "finish",
        }
    }

    /// The step with this name.
    pub fn parse(text: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A name that was checked by the parser (or is about to be compared with one that was).
            pub fn new(text: impl Into<String>) -> Self { Self(text.into()) }
            /// The name as it is written.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str { &self.0 }
        }
    };
}

name!(
    /// A route of the page: lower-case letters, digits and dashes.
    RouteName
);
name!(
    /// A record of the page, such as `api`.
    RecordName
);
name!(
    /// A value taken from an answer: `account.id` (shared by the routes that can fill it) or `route.name`.
    /// Names a bind or a capture. A plain `tags` in route `read` is stored as `read.tags`.
    BindName
);
name!(
    /// An argument that a rotator fills in; `{arg.group}` in templates.
    ArgName
);
