//! Methods, constants, hosts, proofs.

use super::locate::{At, Reading};
use super::{Notes, words};
use crate::page::model::{Method, Need, Origin, Route};
use crate::page::names::Step;
use crate::page::predicate::{Literal, Place, Test};
use crate::page::request::Spot;
use crate::page::template::{Source, Template};
use std::collections::BTreeSet;

/// Statuses that say "later" or "made": a change that is answered so is not known to be done.
const NOT_YET: &[u64] = &[202];

pub(super) fn reaches_further(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let safer = "take the request out; a rotator changes one password and nothing else";
    for (at, route) in reading.routes() {
        if matches!(route.method, Method::Get | Method::Head) {
            continue;
        }
        // What changes something places the new password. Where it goes to the end of a path about keys or rights, it may be a key.
        if route.changes {
            let end = route.target.segments.last().and_then(Template::constant);
            if let Some(power) = end.filter(|end| words::is_power(end)) {
                notes.look(
                    at.request(),
                    format!(
                        "`{}` puts `new-password` into `{power}`: that is about rights, keys or second factors",
                        route.name
                    ),
                    "see in the provider's documentation that this sets the account's password, and nothing else",
                );
            }
            continue;
        }
        let mut constants = route.target.segments.iter().filter_map(Template::constant).rev();
        let (last, before) = (constants.next().unwrap_or(""), constants.next().unwrap_or(""));
        let power =
            [last].into_iter().chain(words::is_collection(last).then_some(before)).find(|word| words::is_power(word));
        if let Some(power) = power {
            let what = format!(
                "`{}` is a {} of `{power}`: that is about rights, keys or second factors, not about a password",
                route.name, route.method
            );
            notes.refuse(at.request(), what, safer);
        } else if route.method == Method::Delete && !ends_a_session(route) {
            notes.refuse(at.request(), format!("`{}` deletes something that is no session", route.name), safer);
        }
    }
}

/// Is what the request is about a session? The end of the path says so: what stands before it only leads there.
fn ends_a_session(route: &Route) -> bool {
    let ends = |segment: &str| {
        words::parts(segment).iter().any(|word| {
            [
                "session", "sessions", "token", "tokens", "login", "logout", "signout", "authn", "auth", "devices",
                "revoke", "cancel",
            ]
            .contains(&word.as_str())
        })
    };
    let segments = &route.target.segments;
    let names_one = segments.last().is_some_and(|segment| segment.constant().is_none());
    // `/sessions/{id}` is one of the sessions; `/authn/cancel` and `/sessions/{id}/revoke` are told by what they do.
    let constants = segments.iter().rev().skip_while(|segment| segment.constant().is_none());
    constants.map_while(|segment| segment.constant()).take(if names_one { 1 } else { 2 }).any(ends)
}

/// Calls `each` with every header and query pair.
fn pairs(at: &At<'_>, route: &Route, mut each: impl FnMut(&str, &Template, crate::page::diagnostic::Span)) {
    for (name, value) in &route.headers {
        each(name, value.template(), at.key(&["headers", name]));
    }
    for (name, value) in &route.query {
        each(name, value.template(), at.key(&["query", name]));
    }
}

pub(super) fn acts_as(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    const WORDS: &[&str] =
        &["sudo", "impersonate", "onbehalfof", "runas", "actas", "actingas", "actinguser", "loginas"];
    for (at, route) in reading.routes() {
        pairs(&at, route, |name, value, span| {
            let whole = words::parts(name).concat();
            if WORDS.iter().any(|word| whole.contains(word)) {
                notes.look(
                    span,
                    format!("`{}` sends {name} = {value}: it acts for somebody else", route.name),
                    "name the account in the path, where page and policy bound it; or sign in as the user",
                );
            }
        });
    }
}

pub(super) fn unmarked(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        let writes = !matches!(route.method, Method::Get | Method::Head);
        if !writes || route.changes || route.places_candidate() {
            continue;
        }
        let what = format!(
            "`{}` is a {} that the page does not mark as changing: it may be sent again",
            route.name, route.method
        );
        let safer = "see that it only opens or ends a session, or searches; what sets a password has `changes = true`";
        // A session that is opened is used.
        let opens = reading.page.routes.iter().any(|other| {
            other.sources().iter().any(|source| match source {
                Source::Capture(name) => route.captures.iter().any(|(given, _)| given == name),
                _ => false,
            })
        });
        if ends_a_session(route) || opens {
            notes.note(at.request(), what, safer);
        } else {
            notes.look(at.request(), what, safer);
        }
    }
}

pub(super) fn accepts_too_much(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes().filter(|(_, route)| route.changes || route.places_candidate()) {
        let does = if route.changes { "changes a password" } else { "tests a password" };
        for all in &route.expects.any {
            let statuses: Vec<&Test> =
                all.0.iter().filter(|(place, _)| *place == Place::Status).map(|(_, test)| test).collect();
            let in_body = all.0.iter().any(|(place, _)| place.in_body());
            if statuses.is_empty() && !in_body {
                notes.look(
                    at.key(&["expects"]),
                    format!("`{}` {does}, and any 2xx is taken for a yes", route.name),
                    "write the one status that the API documents",
                );
            }
            if let Some(status) = statuses.iter().find_map(|test| named(test, |status| (400..600).contains(&status))) {
                let what =
                    format!("`{}` {does}, and {status} is taken for a yes, by which a provider says no", route.name);
                let safer = "write the status of a success; an error's belongs into `refuses`, if it means that nothing was done";
                // An API that says yes by an error says so in the body.
                if in_body {
                    notes.look(at.key(&["expects"]), what, safer);
                } else {
                    notes.refuse(at.key(&["expects"]), what, safer);
                }
            }
            let redirect = statuses.iter().find_map(|test| named(test, |status| (300..400).contains(&status)));
            if let Some(status) = redirect.filter(|_| route.places_candidate() && all.0.len() == statuses.len()) {
                notes.look(
                    at.key(&["expects"]),
                    format!("`{}` {does}, and {status} is taken for a yes: a wrong password is often sent elsewhere as well", route.name),
                    "test where it leads: `\"header:location\" = { not = { contains = \"login\" } }`, or the cookie that only a success sets",
                );
            }
            if let Some(status) = statuses.iter().find_map(|test| named(test, |status| NOT_YET.contains(&status))) {
                notes.look(
                    at.key(&["expects"]),
                    format!(
                        "`{}` {does}, and {status} is taken for a yes, which says that it is not done yet",
                        route.name
                    ),
                    "write the status that says that it is done",
                );
            }
        }
    }
}

/// A status that the test names and that is such a one.
fn named(test: &Test, such: impl Fn(u64) -> bool) -> Option<u64> {
    let number = |literal: &Literal| match literal {
        Literal::Number(number) => number.as_u64().filter(|status| such(*status)),
        _ => None,
    };
    match test {
        Test::Equals { value, .. } => number(value),
        Test::OneOf { values, .. } => values.iter().find_map(number),
        _ => None,
    }
}

pub(super) fn no_refuses(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes().filter(|(_, route)| route.refuses.is_none()) {
        if route.changes {
            notes.look(
                at.request(),
                format!("`{}` has no `refuses`: an answer that is not accepted leaves the outcome unknown", route.name),
                "write the statuses by which the provider says that nothing was changed: `refuses = { status = [400, 401, 403] }`",
            );
        } else if route.places_candidate() {
            notes.look(
                at.request(),
                format!("`{}` has no `refuses`: a wrong password is never more than \"cannot tell\"", route.name),
                "write how the provider answers to a wrong password: `refuses = { status = 401 }`",
            );
        }
    }
}

pub(super) fn no_verify(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    if !reading.page.can_verify() {
        notes.look(
            reading.key(&["name"]),
            "no request can verify a password: that a new one works is the provider's word only (`unverified`)",
            "add a route `for = [\"verify\"]` that signs in with `{candidate}`, if the API can do that",
        );
    }
}

fn literal_hosts(reading: &Reading<'_>, mut each: impl FnMut(&At<'_>, &Route, &str)) {
    let mut seen = BTreeSet::new();
    for (at, route) in reading.routes() {
        if let Origin::Literal { host, port } = &route.target.origin
            && seen.insert((host, port))
        {
            each(&at, route, host);
        }
    }
}

pub(super) fn literal_host(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    literal_hosts(reading, |at, route, _| {
        notes.look(
            at.request(),
            format!("the page itself names {} as where requests go, first in `{}`", route.target.origin, route.name),
            "take the origin from a record's URL, unless it is the same for every customer of the provider",
        );
    });
}

pub(super) fn borrowed_host(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    literal_hosts(reading, |at, route, host| {
        if words::is_borrowed(host) {
            notes.refuse(
                at.request(),
                format!("`{}` goes to {host}: anyone can have such a name", route.name),
                "send requests to the provider's own host only",
            );
        }
    });
}

pub(super) fn cleartext(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        route.each_template(&mut |spot: Spot, template: &Template| {
            let (Spot::Json(name) | Spot::Form(name) | Spot::Query(name) | Spot::Header(name)) = &spot else { return };
            // Others are names: of grants, of schemas.
            if words::is_address(name) && template.to_string().to_ascii_lowercase().contains("http://") {
                notes.look(
                    at.spot(&spot),
                    format!("`{}` sends an address without encryption in {spot}", route.name),
                    "write `https://`: what the provider sends there could be read and altered on the way",
                );
            }
        });
    }
}

pub(super) fn idle(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let page = reading.page;
    let needed = |route: &Route| {
        page.routes.iter().filter(|other| other.name != route.name).any(|other| {
            other.needs.iter().any(|need| match need {
                Need::Met(name) | Need::Kept(name) => *name == route.name,
                Need::Bound(bind) => route.gives().any(|given| given == bind),
            })
        })
    };
    for (at, route) in reading.routes() {
        let reads = matches!(route.method, Method::Get | Method::Head);
        let is_step = route.changes || route.places_candidate() || route.steps.iter().all(|step| *step == Step::Finish);
        if !reads || is_step || needed(route) {
            continue;
        }
        // A session by cookie is needed without a line that says so.
        let signs_in = route.sources().iter().any(|source| matches!(source, Source::OldPassword));
        if !route.shows.is_empty() {
            notes.look(
                at.request(),
                format!("`{}` is needed by no other request: it is there for what the rotator reads", route.name),
                "take it out, unless the rotator chooses by it what comes next",
            );
        } else if !signs_in {
            notes.note(
                at.request(),
                format!("`{}` is needed by no other request", route.name),
                "take it out, or name it in the `after` of the request that it is for",
            );
        }
    }
}
