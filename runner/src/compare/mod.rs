//! What can a new version do that the old one could not? Pure: two pages (and the imports of two modules) in, words out.
//!
//! Each change has a direction, and the directions add up to one verdict:
//!
//! | direction | means | counts as |
//! | --- | --- | --- |
//! | [`Direction::Wider`] | the new one can do what the old one could not | wider |
//! | [`Direction::Other`] | neither is contained in the other, as far as can be told | wider |
//! | [`Direction::Narrower`] | the new one can do less, and nothing else | narrower |
//!
//! The rule behind all of it: **narrower is said only of what is proved to be narrower**. What goes over the wire is either the same or
//! [`Direction::Other`]: a header that is gone makes another request. Conditions (`expects`, `refuses`, `requires`, classes of
//! arguments) are compared as sets of what they admit, so that a stricter one is narrower however it is written.
//!
//! The author's words (`about`, `else`) and places in the file do not count; that an `else` tells the rotator a value does.
//! The structs of the page are taken apart in full here, without `..`: whoever adds a feature decides what its change means.

mod answer;
mod head;
mod implies;
mod lines;
mod request;
mod route;
#[cfg(test)]
mod tests;

use crate::page::Page;
use crate::page::model::{Need, Route};
use crate::page::names::RouteName;
use lines::Lines;
use serde::Serialize;
use std::collections::BTreeSet;

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The new one can do what the old one could not.
    Wider,
    /// Neither contains the other, or that cannot be told. Counts as wider.
    Other,
    /// The new one can do less.
    Narrower,
}

/// What all changes come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Both can do exactly the same.
    Same,
    /// The new one can do nothing that the old one could not, and less.
    Narrower,
    /// The new one can do what the old one could not, or something else.
    Wider,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// Which way it goes.
    pub direction: Direction,
    /// The route that it is about; none for what is about the whole page or the module.
    pub route: Option<String>,
    /// The key of the page that it is about: `requires`, `headers`; `imports` for the module.
    pub about: &'static str,
    /// In words. Names and texts of both pages stand in it: untrusted, escape before showing.
    pub words: String,
    /// `file:line` in the old page; none if it has no such thing.
    pub old_line: Option<String>,
    /// `file:line` in the new page; none if it has no such thing.
    pub new_line: Option<String>,
}

/// What modules import, as far as it counts.
#[derive(Clone, Copy, Debug)]
pub struct Imports<'m> {
    /// Exact names.
    pub names: &'m [String],
    /// It needs an inert WASI.
    pub wasi: bool,
}

/// What the changes add up to.
pub fn verdict<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Verdict {
    changes.into_iter().fold(Verdict::Same, |verdict, change| match (change.direction, verdict) {
        (Direction::Wider | Direction::Other, _) | (_, Verdict::Wider) => Verdict::Wider,
        (Direction::Narrower, Verdict::Same | Verdict::Narrower) => Verdict::Narrower,
    })
}

/// Every change from the old page to the new one, in the order of the new page; what is gone comes last.
pub fn pages(old: &Page, new: &Page) -> Vec<Change> {
    let mut changes = Changes { list: Vec::new(), old: Lines::of(old), new: Lines::of(new) };
    head::compare(old, new, &mut changes);
    let decides = deciding(new);
    for route in &new.routes {
        match old.route(route.name.as_str()) {
            None => changes.add(Direction::Wider, Some(route), "route", &[], words_of_new(route)),
            Some(before) => route::compare(before, route, decides.contains(&route.name), &mut changes),
        }
    }
    for route in old.routes.iter().filter(|route| new.route(route.name.as_str()).is_none()) {
        // A proof less is no restriction: of several sign-ins, one refusal counts.
        let (direction, proof) = match route.places_candidate() {
            true => (Direction::Other, ", and with it a proof that a password works"),
            false => (Direction::Narrower, ""),
        };
        let words = format!("request `{}` is gone ({}){proof}", route.name, route.request());
        changes.add(direction, Some(route), "route", &[], words);
    }
    changes.list
}

/// The requests that decide whether a password counts as seen to work: those that place `{candidate}`, and all that must have come before
/// them.
fn deciding(page: &Page) -> BTreeSet<&RouteName> {
    let mut waiting: Vec<&Route> = page.routes.iter().filter(|route| route.places_candidate()).collect();
    let mut found = BTreeSet::new();
    while let Some(route) = waiting.pop() {
        if !found.insert(&route.name) {
            continue;
        }
        let before = |other: &&Route| {
            route.needs.iter().any(|need| match need {
                Need::Met(name) | Need::Kept(name) => *name == other.name,
                Need::Bound(bind) => other.gives().any(|given| given == bind),
            })
        };
        waiting.extend(page.routes.iter().filter(before));
    }
    found
}

/// Every change from what the old module imports to what the new one does. The names of WASI interfaces do not count, only whether
/// there are any: an inert WASI does nothing under all of them.
pub fn imports(old: Imports<'_>, new: Imports<'_>) -> Vec<Change> {
    let mut list = Vec::new();
    let mut add = |direction, words: String| {
        list.push(Change { direction, route: None, about: "imports", words, old_line: None, new_line: None });
    };
    match (old.wasi, new.wasi) {
        (false, true) => {
            add(Direction::Wider, "the module imports WASI: the policy has to say `wasi = \"inert\"`".to_owned());
        }
        (true, false) => add(Direction::Narrower, "the module no longer imports WASI".to_owned()),
        _ => {}
    }
    let own = |name: &&String| !name.starts_with("wasi:");
    for name in new.names.iter().filter(own).filter(|name| !old.names.contains(name)) {
        add(Direction::Wider, format!("the module imports `{name}`"));
    }
    for name in old.names.iter().filter(own).filter(|name| !new.names.contains(name)) {
        add(Direction::Narrower, format!("the module no longer imports `{name}`"));
    }
    list
}

fn words_of_new(route: &Route) -> String {
    let steps: Vec<&str> = route.steps.iter().map(|step| step.as_str()).collect();
    format!("a new request `{}` in {}: {}", route.name, steps.join(", "), route.request())
}

/// The changes so far, and where lines of both pages are.
struct Changes {
    list: Vec<Change>,
    old: Lines,
    new: Lines,
}

impl Changes {
    /// One more, about `keys` below the key `about` of the route (or of the page).
    fn add(
        &mut self,
        direction: Direction,
        route: Option<&Route>,
        about: &'static str,
        keys: &[&str],
        words: impl Into<String>,
    ) {
        let route = route.map(|route| route.name.to_string());
        let path: Vec<&str> = if about == "route" { Vec::new() } else { [&[about], keys].concat() };
        self.list.push(Change {
            direction,
            about,
            words: words.into(),
            old_line: self.old.line(route.as_deref(), &path),
            new_line: self.new.line(route.as_deref(), &path),
            route,
        });
    }

    /// How many there are: to see whether a comparison found anything.
    fn count(&self) -> usize {
        self.list.len()
    }
}

/// A yes or no that is wider when it is `true`.
fn flag(old: bool, new: bool) -> Option<Direction> {
    match (old, new) {
        (false, true) => Some(Direction::Wider),
        (true, false) => Some(Direction::Narrower),
        _ => None,
    }
}

/// A quantity that is wider when it is larger.
fn more<T: PartialOrd>(old: T, new: T) -> Option<Direction> {
    if new > old {
        Some(Direction::Wider)
    } else if new < old {
        Some(Direction::Narrower)
    } else {
        None
    }
}
