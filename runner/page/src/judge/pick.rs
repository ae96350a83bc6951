//! Exactly one element out of a list, over all its pages.

use super::reading::{Found, Reading};
use super::{test, words};
use crate::model::{Picks, Route};
use crate::place::Scope;
use crate::predicate::Place;
use serde_json::Value;

/// What was picked.
pub(super) enum Picked<'r> {
    /// The one element.
    One(&'r Value),
    /// No element matched.
    None,
    /// There is no list, it goes on, or several matched: the reason.
    Wrong(String),
}

/// Picks. A list that was not read to its end proves nothing.
pub(super) fn pick<'r>(
    picks: &Picks,
    route: &Route,
    readings: &'r [Reading<'_>],
    more: bool,
    scope: &Scope<'_>,
) -> Picked<'r> {
    if more {
        let most = route.pages.as_ref().map_or(1, |pages| pages.at_most);
        return Picked::Wrong(format!("the list has more than {most} pages, and not all were read"));
    }
    let from = Place::Json(picks.from.clone());
    let mut matching = Vec::new();
    for reading in readings {
        let Found::Json(Value::Array(items)) = reading.find(&from, None) else {
            return Picked::Wrong(format!(
                "the answer has no list at {}",
                if picks.from.is_empty() { "its top".to_owned() } else { from.described() }
            ));
        };
        let fits = |item: &&Value| {
            picks.filter.iter().all(|(place, test)| test::holds(test, &reading.find(place, Some(item)), scope))
        };
        matching.extend(items.iter().filter(fits));
    }
    match matching.as_slice() {
        [] => Picked::None,
        [one] => Picked::One(one),
        several => Picked::Wrong(words(&picks.otherwise, "count", &several.len().to_string())),
    }
}
