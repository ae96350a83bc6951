//! What becomes of the answer: when it counts as a yes or a no, what must hold of it, what is taken and what is shown.

use super::implies::{Of, Sets, disjoint, implies, within};
use super::{Changes, Direction};
use crate::page::model::{Picks, Route};
use crate::page::names::BindName;
use crate::page::predicate::{Expectation, Place, Require, table};

/// Every change of how answers are judged and read.
pub(super) fn compare(old: &Route, new: &Route, changes: &mut Changes) {
    verdict(old, new, changes);
    requires(old, new, changes);
    picks(old, new, changes);
    taken(&old.binds, &new.binds, false, new, changes);
    taken(&old.captures, &new.captures, true, new, changes);
    match (old.keeps, new.keeps) {
        (false, true) => {
            changes.add(Direction::Wider, Some(new), "keeps", &[], "the broker keeps the document, to send it back");
        }
        // An answer that could not be kept ended the step.
        (true, false) => changes.add(Direction::Other, Some(new), "keeps", &[], "the document is no longer kept"),
        _ => {}
    }
    shown(old, new, changes);
    warned(old, new, changes);
}

/// `expects` and `refuses`. An answer that meets both is neither a yes nor a no: fewer of one are then more of the other, so less is
/// less only if none did.
fn verdict(old: &Route, new: &Route, changes: &mut Changes) {
    let apart = old.refuses.as_ref().is_none_or(|refuses| disjoint(&old.expects, refuses));
    let direction = |sets| match sets {
        Sets::Same => None,
        Sets::More => Some(Direction::Wider),
        Sets::Less if apart => Some(Direction::Narrower),
        Sets::Less | Sets::Other => Some(Direction::Other),
    };
    let expects =
        Sets::of(within(&new.expects, &old.expects, Of::Expects), within(&old.expects, &new.expects, Of::Expects));
    if let Some(direction) = direction(expects) {
        let words = format!("accepted: {}; it was {}", new.expects, old.expects);
        changes.add(direction, Some(new), "expects", &[], words);
    }
    let refuses = match (&old.refuses, &new.refuses) {
        (None, None) => Sets::Same,
        (None, Some(_)) => Sets::More,
        (Some(_), None) => Sets::Less,
        (Some(old), Some(new)) => Sets::of(within(new, old, Of::Refuses), within(old, new, Of::Refuses)),
    };
    if let Some(direction) = direction(refuses) {
        let written =
            |refuses: &Option<Expectation>| refuses.as_ref().map_or("nothing".to_owned(), ToString::to_string);
        let words =
            format!("counts as \"nothing was changed\": {}; it was {}", written(&new.refuses), written(&old.refuses));
        changes.add(direction, Some(new), "refuses", &[], words);
    }
}

/// All of them must hold.
fn requires(old: &Route, new: &Route, changes: &mut Changes) {
    let demanded = |by: &Route, that: &Require| {
        by.requires.iter().any(|this| this.at == that.at && implies(&this.test, &that.test))
    };
    let written = |require: &Require| format!("{} {}", require.at.described(), require.test);
    for gone in old.requires.iter().filter(|require| !demanded(new, require)) {
        // Another test at the same place, if there is one, says what is demanded now.
        let now: Vec<String> = new
            .requires
            .iter()
            .filter(|require| require.at == gone.at)
            .map(|require| require.test.to_string())
            .collect();
        let now = if now.is_empty() { String::new() } else { format!("; now {}", now.join(" and ")) };
        let words = format!("no longer required: {}{now}", written(gone));
        changes.add(Direction::Wider, Some(new), "requires", &[], words);
    }
    for (index, added) in new.requires.iter().enumerate().filter(|(_, require)| !demanded(old, require)) {
        let words = format!("required: {}", written(added));
        changes.add(Direction::Narrower, Some(new), "requires", &[&index.to_string()], words);
    }
    // What an unmet one tells the rotator: the value, of each answer that does not meet it. So a stricter test tells more.
    fn telling(route: &Route) -> impl Iterator<Item = &Require> {
        route.requires.iter().filter(|require| require.otherwise.contains("{value}"))
    }
    let told =
        |by: &Route, that: &Require| telling(by).any(|this| this.at == that.at && implies(&this.test, &that.test));
    for require in telling(new).filter(|require| !told(old, require)) {
        let words = format!("the rotator is told the value at {}, if it is not as required", require.at.described());
        changes.add(Direction::Wider, Some(new), "requires", &[], words);
    }
    for require in telling(old).filter(|require| !told(new, require)) {
        let which = if telling(new).any(|other| other.at == require.at) { ", where it was" } else { "" };
        let words = format!("the rotator is no longer told the value at {}{which}", require.at.described());
        changes.add(Direction::Narrower, Some(new), "requires", &[], words);
    }
}

/// Which element is picked decides what everything else is about.
fn picks(old: &Route, new: &Route, changes: &mut Changes) {
    let written = |picks: &Picks| {
        let filter = if picks.filter.is_empty() { String::new() } else { format!(" where {}", table(&picks.filter)) };
        let from = Place::Json(picks.from.clone());
        format!("exactly {} of {}{filter}", picks.exactly, from.described())
    };
    let mut add = |direction, words: String| changes.add(direction, Some(new), "picks", &[], words);
    match (&old.picks, &new.picks) {
        (None, None) => {}
        (None, Some(picks)) => add(Direction::Other, format!("picked: {}", written(picks))),
        (Some(picks), None) => add(Direction::Other, format!("no longer picked: {}", written(picks))),
        (Some(before), Some(picks)) => {
            let Picks { from, filter, exactly, otherwise } = picks;
            if (from, filter, exactly) != (&before.from, &before.filter, &before.exactly) {
                add(Direction::Other, format!("picked: {}; it was {}", written(picks), written(before)));
            }
            match (before.otherwise.contains("{count}"), otherwise.contains("{count}")) {
                (false, true) => add(Direction::Wider, "the rotator is told how many elements match".to_owned()),
                (true, false) => {
                    add(Direction::Narrower, "the rotator is no longer told how many elements match".to_owned());
                }
                _ => {}
            }
        }
    }
}

/// Binds and captures. One that cannot be taken ends the step, so that one less is not simply less.
fn taken(old: &[(BindName, Place)], new: &[(BindName, Place)], secret: bool, route: &Route, changes: &mut Changes) {
    let (about, what) = if secret { ("captures", "the secret ") } else { ("binds", "") };
    for (name, place) in new {
        let keys = [name.as_str()];
        match old.iter().find(|(before, _)| before == name) {
            None => {
                let words = format!("the broker takes {what}`{name}` from {}", place.described());
                changes.add(Direction::Wider, Some(route), about, &keys, words);
            }
            Some((_, before)) if before != place => {
                let words = format!(
                    "the broker takes {what}`{name}` from {}; it was {}",
                    place.described(),
                    before.described()
                );
                changes.add(Direction::Other, Some(route), about, &keys, words);
            }
            Some(_) => {}
        }
    }
    for (name, place) in old.iter().filter(|(name, _)| !new.iter().any(|(other, _)| other == name)) {
        let words = format!("the broker no longer takes {what}`{name}` from {}", place.described());
        changes.add(Direction::Other, Some(route), about, &[name.as_str()], words);
    }
}

fn shown(old: &Route, new: &Route, changes: &mut Changes) {
    for (name, place) in &new.shows {
        match old.shows.iter().find(|(before, _)| before == name) {
            None => {
                let words = format!("the rotator reads {} as `{name}`", place.described());
                changes.add(Direction::Wider, Some(new), "shows", &[name], words);
            }
            Some((_, before)) if before != place => {
                // Part of a whole, unless the whole is now an element that was picked.
                let direction = match (before.covers(place), place.covers(before)) {
                    (true, false) => Direction::Narrower,
                    (false, true) => Direction::Wider,
                    _ => Direction::Other,
                };
                let words =
                    format!("the rotator reads {} as `{name}`; it was {}", place.described(), before.described());
                changes.add(direction, Some(new), "shows", &[name], words);
            }
            Some(_) => {}
        }
    }
    for (name, place) in old.shows.iter().filter(|(name, _)| !new.shows.iter().any(|(other, _)| other == name)) {
        let words = format!("the rotator no longer reads {} as `{name}`", place.described());
        changes.add(Direction::Narrower, Some(new), "shows", &[name], words);
    }
}

/// Warnings are for the operator: one less is told less.
fn warned(old: &Route, new: &Route, changes: &mut Changes) {
    for gone in old.warns.iter().filter(|warn| !new.warns.contains(warn)) {
        let words = format!("the result no longer warns of {} {}", gone.at.described(), gone.test);
        changes.add(Direction::Wider, Some(new), "warns", &[], words);
    }
    for added in new.warns.iter().filter(|warn| !old.warns.contains(warn)) {
        let words = format!("the result warns of {} {}", added.at.described(), added.test);
        changes.add(Direction::Narrower, Some(new), "warns", &[], words);
    }
}
