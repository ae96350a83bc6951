//! The verdict on an answer: what the page says about it, from the raw answer alone.
//!
//! What stands at a place is one of three: a value, nothing (which the answer proves), or unreadable. A body that is cut off,
//! is not JSON, or names a member twice is unreadable: **no test holds there**, so that garbage can never make `expects` hold
//! through `absent`. See [`reading`] for the cases.

mod paging;
mod pick;
pub mod reading;
mod test;

pub use paging::next_page;

use crate::answer::Answer;
use crate::model::Route;
use crate::names::BindName;
use crate::place::Scope;
use crate::predicate::Place;
use crate::secret::Secret;
use crate::template::{Piece, scan};
use pick::{Picked, pick};
use reading::{Found, Reading};

/// The broker's own verdict on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `expects` holds and `refuses` does not.
    Accepted,
    /// `refuses` holds and `expects` does not: the provider says that nothing was changed, or that the candidate is wrong.
    Refused,
    /// Both, neither, or a 5xx. On a changing route: ambiguous.
    Unmatched,
    /// Accepted, but a `requires`, pick, bind or capture failed: the step ends. Never on a changing or verifying route.
    Unmet,
    /// Not accepted, but the route may fail.
    Passed,
}

impl Verdict {
    /// The word the rotator sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Refused => "refused",
            Verdict::Unmatched => "unmatched",
            Verdict::Unmet => "unmet",
            Verdict::Passed => "passed",
        }
    }
}

/// What an answer is worth. Not yet redacted or escaped: that is the broker's task.
#[derive(Debug)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Status of the (last) answer.
    pub status: u16,
    /// What was not met, in the page's words.
    pub unmet: Vec<String>,
    /// What the page shows: (name, text).
    pub shown: Vec<(String, String)>,
    /// What is worth a warning, in words.
    pub warnings: Vec<String>,
    /// Values for later templates.
    pub binds: Vec<(BindName, serde_json::Value)>,
    /// Secrets for later templates.
    pub captures: Vec<(BindName, Secret)>,
    /// The document, if the route keeps it.
    pub kept: Option<serde_json::Value>,
}

impl Judgement {
    /// A judgement that ends the step for a reason of the broker's own, such as a next page that leaves the page's path.
    pub fn unmet(status: u16, reason: impl Into<String>) -> Judgement {
        Judgement { unmet: vec![reason.into()], ..Judgement::of(Verdict::Unmet, status) }
    }

    fn of(verdict: Verdict, status: u16) -> Judgement {
        Judgement {
            verdict,
            status,
            unmet: Vec::new(),
            shown: Vec::new(),
            warnings: Vec::new(),
            binds: Vec::new(),
            captures: Vec::new(),
            kept: None,
        }
    }
}

/// Judges the answers of one route: one, or all pages in order. `more` says that a further page was not read because of `at-most`.
///
/// 1. A 5xx is unmatched; so is an answer that meets both of `expects` and `refuses`, or neither. Of several pages the first that
///    is not accepted counts. Where a route may fail, unmatched is passed.
/// 2. Of an accepted answer, `requires`, `picks`, `binds`, `captures` and `keeps` are taken; what cannot be taken is unmet. On a changing
///    route and on one that tests `{candidate}` that is said, but the verdict stays accepted.
/// 3. `shows` and `warns` are read.
pub fn judge(route: &Route, answers: &[Answer], more: bool, scope: &Scope<'_>) -> Judgement {
    let readings: Vec<Reading<'_>> = answers.iter().map(Reading::new).collect();
    let Some((last, first)) = readings.last().zip(readings.first()) else {
        return Judgement::unmet(0, "there was no answer to judge");
    };
    let rejected =
        readings.iter().map(|reading| (verdict(route, reading, scope), reading)).find(|(v, _)| *v != Verdict::Accepted);
    if let Some((verdict, reading)) = rejected {
        let verdict = if route.may_fail && verdict == Verdict::Unmatched { Verdict::Passed } else { verdict };
        let mut judgement = Judgement::of(verdict, reading.status());
        judgement.shown = shown(route, reading, None);
        return judgement;
    }
    let mut judgement = Judgement::of(Verdict::Accepted, last.status());
    let element = match &route.picks {
        None => None,
        Some(picks) => match pick(picks, route, &readings, more, scope) {
            Picked::One(element) => Some(element),
            Picked::None if route.may_fail => return Judgement::of(Verdict::Passed, last.status()),
            Picked::None => {
                judgement.unmet.push(words(&picks.otherwise, "count", "0"));
                return unmet(route, judgement);
            }
            Picked::Wrong(reason) => {
                judgement.unmet.push(reason);
                return unmet(route, judgement);
            }
        },
    };
    take(route, first, element, scope, &mut judgement);
    judgement.shown = shown(route, first, element);
    for warn in &route.warns {
        let found = first.find(&warn.at, element);
        if test::holds(&warn.test, &found, scope) {
            judgement.warnings.push(format!("{} is {}", warn.at.described(), said(route, &warn.at, &found)));
        }
    }
    unmet(route, judgement)
}

/// What `expects` and `refuses` say about one answer.
fn verdict(route: &Route, reading: &Reading<'_>, scope: &Scope<'_>) -> Verdict {
    if reading.status() >= 500 {
        return Verdict::Unmatched;
    }
    let expected = test::expected(&route.expects, reading, scope);
    let refused = route.refuses.as_ref().is_some_and(|refuses| test::any(refuses, reading, scope));
    match (expected, refused) {
        (true, false) => Verdict::Accepted,
        (false, true) => Verdict::Refused,
        _ => Verdict::Unmatched,
    }
}

/// Turns an accepted answer with something unmet into its verdict. An unmet answer binds nothing; what it captured stays, to be
/// redacted.
fn unmet(route: &Route, mut judgement: Judgement) -> Judgement {
    if !judgement.unmet.is_empty() && !route.changes && !route.places_candidate() {
        judgement.verdict = Verdict::Unmet;
        judgement.binds.clear();
        judgement.kept = None;
    }
    judgement
}

/// `requires`, `binds`, `captures` and `keeps` of an accepted answer.
fn take(
    route: &Route,
    reading: &Reading<'_>,
    element: Option<&serde_json::Value>,
    scope: &Scope<'_>,
    judgement: &mut Judgement,
) {
    for require in &route.requires {
        let found = reading.find(&require.at, element);
        if !test::holds(&require.test, &found, scope) {
            judgement.unmet.push(words(&require.otherwise, "value", &said(route, &require.at, &found)));
        }
    }
    for (name, place) in &route.captures {
        match reading.find(place, element).secret() {
            Some(text) => judgement.captures.push((name.clone(), Secret::new(name.to_string(), text))),
            None => {
                judgement.unmet.push(format!("the answer has no text at {} to capture `{name}`", place.described()))
            }
        }
    }
    for (name, place) in &route.binds {
        match reading.find(place, element).value() {
            Some(value) => judgement.binds.push((name.clone(), value)),
            None => judgement.unmet.push(format!("the answer has nothing at {} to bind `{name}`", place.described())),
        }
    }
    if route.keeps {
        match element.or_else(|| reading.json()) {
            Some(document @ serde_json::Value::Object(_)) => judgement.kept = Some(document.clone()),
            _ => judgement.unmet.push("the answer is no JSON object, so that it cannot be kept".to_owned()),
        }
    }
}

fn shown(route: &Route, reading: &Reading<'_>, element: Option<&serde_json::Value>) -> Vec<(String, String)> {
    let text = |(name, place): &(String, Place)| Some((name.clone(), reading.find(place, element).text()?));
    route.shows.iter().filter_map(text).collect()
}

/// What was found, in a message; never a cookie or what the page captures.
fn said(route: &Route, at: &Place, found: &Found<'_>) -> String {
    let secret =
        at.is_cookie() || route.captures.iter().any(|(_, captured)| at.covers(captured) || captured.covers(at));
    match found {
        Found::Json(_) | Found::Text(_) if secret => "a secret".to_owned(),
        found => found.described(),
    }
}

/// A text of the page with `{name}` replaced. Doubled braces are single ones.
fn words(text: &str, name: &str, value: &str) -> String {
    let mut said = String::new();
    for piece in scan(text).unwrap_or_default() {
        match piece {
            Piece::Literal(literal) => said.push_str(&literal),
            Piece::Name { name: found, .. } if found == name => said.push_str(value),
            Piece::Name { .. } => {}
        }
    }
    said
}

#[cfg(test)]
mod tests;
