//! One route, before and after.

use super::implies::argument_within;
use super::{Changes, Direction, answer, flag, more, request};
use crate::page::model::{ArgRule, Need, Paging, Route};

/// Every change of a route that both pages have. `decides`: whether a password counts as seen to work hangs on it.
pub(super) fn compare(old: &Route, new: &Route, decides: bool, changes: &mut Changes) {
    let Route {
        name: _,
        about: _,
        steps: _,
        needs: _,
        changes: _,
        may_fail: _,
        removable: _,
        uses: _,
        method: _,
        target: _,
        query: _,
        headers: _,
        basic: _,
        body: _,
        expects: _,
        expects_written: _, // without it the default stands, and that is compared
        refuses: _,
        requires: _,
        picks: _,
        pages: _,
        binds: _,
        captures: _,
        keeps: _,
        shows: _,
        warns: _,
        args: _,
        span: _,
        request_span: _,
    } = new;
    when(old, new, decides, changes);
    request::compare(old, new, changes);
    arguments(&old.args, new, changes);
    marks(old, new, changes);
    paging(old, new, changes);
    answer::compare(old, new, changes);
}

/// Steps, and what must have happened before.
fn when(old: &Route, new: &Route, decides: bool, changes: &mut Changes) {
    for step in new.steps.difference(&old.steps) {
        changes.add(Direction::Wider, Some(new), "for", &[], format!("it may be sent in {step}"));
    }
    for step in old.steps.difference(&new.steps) {
        changes.add(Direction::Narrower, Some(new), "for", &[], format!("it is no longer sent in {step}"));
    }
    let need = |need: &Need| match need {
        Need::Met(route) => format!("`{route}` was accepted"),
        Need::Bound(bind) => format!("`{bind}` is known"),
        Need::Kept(route) => format!("`{route}` kept its document"),
    };
    for gone in old.needs.iter().filter(|need| !new.needs.contains(need)) {
        let words = format!("it no longer waits until {}", need(gone));
        changes.add(Direction::Wider, Some(new), "after", &[], words);
    }
    for added in new.needs.iter().filter(|need| !old.needs.contains(need)) {
        // A proof that may not be sent refuses nothing, and one that comes later may be answered in a session that vouches for it.
        let (direction, proof) = match decides {
            true => (Direction::Other, ", and a proof that a password works hangs on it"),
            false => (Direction::Narrower, ""),
        };
        let words = format!("it is sent only after {}{proof}", need(added));
        changes.add(direction, Some(new), "after", &[], words);
    }
}

fn marks(old: &Route, new: &Route, changes: &mut Changes) {
    // Marked: sent once, never repeated, and its acceptance is a change. Neither is less than the other.
    match (old.changes, new.changes) {
        (false, true) => {
            let words = "it counts as changing: sent at most once, and an accepted answer counts as a change";
            changes.add(Direction::Other, Some(new), "changes", &[], words);
        }
        (true, false) => {
            let words = "it no longer counts as changing: it may be repeated, and is sent in a rehearsal";
            changes.add(Direction::Other, Some(new), "changes", &[], words);
        }
        _ => {}
    }
    if let Some(direction) = flag(old.may_fail, new.may_fail) {
        let words = if new.may_fail { "the step goes on if it fails" } else { "the step ends if it fails" };
        changes.add(direction, Some(new), "may-fail", &[], words);
    }
    if let Some(direction) = flag(new.removable, old.removable) {
        let words =
            if new.removable { "the policy may switch it off" } else { "the policy can no longer switch it off" };
        changes.add(direction, Some(new), "removable", &[], words);
    }
    if let Some(direction) = more(old.uses, new.uses) {
        let words = format!("it may be sent {}; it was {}", times(new.uses), times(old.uses));
        changes.add(direction, Some(new), "uses", &[], words);
    }
    if old.places_candidate() != new.places_candidate() {
        let words = match new.places_candidate() {
            true => "an accepted answer proves that a password works",
            false => "it no longer proves that a password works",
        };
        changes.add(Direction::Other, Some(new), "request", &[], words);
    }
}

fn times(uses: u32) -> String {
    if uses == 1 { "once in a step".to_owned() } else { format!("{uses} times in a step") }
}

fn paging(old: &Route, new: &Route, changes: &mut Changes) {
    let mut add = |direction, keys: &[&str], words: String| changes.add(direction, Some(new), "pages", keys, words);
    match (&old.pages, &new.pages) {
        (None, None) => {}
        (None, Some(pages)) => add(Direction::Wider, &[], format!("up to {} pages of a list are read", pages.at_most)),
        // With only the first page, a pick could be the only one there and not the only one.
        (Some(_), None) if new.picks.is_some() => {
            add(
                Direction::Other,
                &[],
                "only the first page of a list is read, and one element picked of it".to_owned(),
            );
        }
        (Some(_), None) => add(Direction::Narrower, &[], "only the first page of a list is read".to_owned()),
        (Some(before), Some(after)) => {
            let Paging { next, into, at_most } = after;
            if let Some(direction) = more(before.at_most, *at_most) {
                let words = format!("up to {at_most} pages of a list are read; it was {}", before.at_most);
                add(direction, &["at-most"], words);
            }
            if (next, into) != (&before.next, &before.into) {
                let named = |pages: &Paging| {
                    let into = pages.into.as_ref().map_or_else(String::new, |key| format!(", for query {key}"));
                    format!("{}{into}", pages.next.described())
                };
                let words = format!("the next page is named by {}; it was {}", named(after), named(before));
                add(Direction::Other, &["next"], words);
            }
        }
    }
}

fn arguments(old: &[ArgRule], new: &Route, changes: &mut Changes) {
    for rule in &new.args {
        let keys = [rule.name.as_str()];
        match old.iter().find(|before| before.name == rule.name) {
            None => {
                let words = format!("the rotator fills in `arg.{}`: {}", rule.name, rule.described());
                changes.add(Direction::Wider, Some(new), "args", &keys, words);
            }
            Some(before) if before != rule => {
                let direction = match (argument_within(before, rule), argument_within(rule, before)) {
                    (true, true) => continue,
                    (true, false) => Direction::Wider,
                    (false, true) => Direction::Narrower,
                    (false, false) => Direction::Other,
                };
                let words = format!("`arg.{}` is {}; it was {}", rule.name, rule.described(), before.described());
                changes.add(direction, Some(new), "args", &keys, words);
            }
            Some(_) => {}
        }
    }
    for gone in old.iter().filter(|rule| !new.args.iter().any(|other| other.name == rule.name)) {
        let words = format!("the rotator no longer fills in `arg.{}`", gone.name);
        changes.add(Direction::Narrower, Some(new), "args", &[gone.name.as_str()], words);
    }
}
