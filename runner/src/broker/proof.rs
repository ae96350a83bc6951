//! A claim is a value: the only way to hold a [`Proved`] is to have seen the provider accept that password.

use crate::page::names::RouteName;
use std::marker::PhantomData;

/// The old password.
#[derive(Debug)]
pub enum Old {}
/// The new password.
#[derive(Debug)]
pub enum New {}

/// Which password a verification is about.
pub trait Which {
    /// The word in results.
    const WORD: &'static str;
    /// True for the new password.
    const IS_NEW: bool;
}

impl Which for Old {
    const WORD: &'static str = "old";
    const IS_NEW: bool = false;
}

impl Which for New {
    const WORD: &'static str = "new";
    const IS_NEW: bool = true;
}

/// The provider was seen to accept this password in this run. Its field is private and [`observe`] is the one place
/// that builds it.
#[derive(Debug)]
pub struct Proved<W> {
    route: RouteName,
    which: PhantomData<W>,
}

impl<W: Which> Proved<W> {
    /// The route whose answer proved it.
    pub fn route(&self) -> &RouteName {
        &self.route
    }
}

/// What a verification saw.
#[derive(Debug)]
pub enum Sight<W> {
    /// The provider accepted it.
    Accepted(Proved<W>),
    /// The provider refused it.
    Refused {
        /// The route that said so.
        route: RouteName,
    },
    /// Anything else, with the reason in words.
    CannotTell(String),
}

/// What the answers of one verify step said about its candidate, in order. One refusal wins over any acceptance.
#[derive(Debug, Default)]
pub struct Observations {
    accepted: Option<RouteName>,
    refused: Option<RouteName>,
    unclear: Option<String>,
}

impl Observations {
    /// A route that placed the candidate met `expects`.
    pub fn accepted(&mut self, route: &RouteName) {
        self.accepted.get_or_insert_with(|| route.clone());
    }

    /// A route that placed the candidate met `refuses`.
    pub fn refused(&mut self, route: &RouteName) {
        self.refused.get_or_insert_with(|| route.clone());
    }

    /// A route that placed the candidate met neither, or got no answer, or was not sent.
    pub fn unclear(&mut self, reason: String) {
        self.unclear.get_or_insert(reason);
    }
}

/// Judges a finished verify step. `otherwise` says why nothing was observed. An unclear answer beside an accepted one
/// cannot tell either: both looked at the same password.
pub fn observe<W: Which>(seen: Observations, otherwise: impl FnOnce() -> String) -> Sight<W> {
    match (seen.refused, seen.unclear, seen.accepted) {
        (Some(route), _, _) => Sight::Refused { route },
        (None, Some(reason), _) => Sight::CannotTell(reason),
        (None, None, Some(route)) => Sight::Accepted(Proved { route, which: PhantomData }),
        (None, None, None) => Sight::CannotTell(otherwise()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(words: &str) -> Observations {
        let mut seen = Observations::default();
        for word in words.split_whitespace() {
            match word {
                "accepted" => seen.accepted(&RouteName::new("a")),
                "refused" => seen.refused(&RouteName::new("r")),
                _ => seen.unclear("why".to_owned()),
            }
        }
        seen
    }

    #[test]
    fn one_refusal_wins_and_silence_proves_nothing() {
        for (words, wanted) in [
            ("accepted", "accepted"),
            ("accepted accepted", "accepted"),
            ("accepted refused", "refused"),
            ("refused accepted", "refused"),
            ("unclear refused", "refused"),
            ("accepted unclear", "cannot tell"),
            ("unclear accepted", "cannot tell"),
            ("unclear", "cannot tell"),
            ("", "cannot tell"),
        ] {
            let sight = match observe::<New>(seen(words), || "nothing".to_owned()) {
                Sight::Accepted(_) => "accepted",
                Sight::Refused { .. } => "refused",
                Sight::CannotTell(_) => "cannot tell",
            };
            assert_eq!(sight, wanted, "{words:?}");
        }
    }
}
