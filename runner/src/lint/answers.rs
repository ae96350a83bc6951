//! What a page takes out of answers, and who sees it.

use super::locate::Reading;
use super::{Notes, words};
use crate::page::Page;
use crate::page::diagnostic::Span;
use crate::page::model::Route;
use crate::page::predicate::Place;

/// More places of one answer than any rotator needs to choose its next request.
const MANY: usize = 6;

/// A place by the name that a reviewer knows: a pointer, `header:name`.
fn named(place: &Place) -> Option<String> {
    match place {
        Place::Status => None,
        place => Some(place.to_string()),
    }
}

pub(super) fn shows_whole(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        for (name, place) in &route.shows {
            if matches!(place, Place::Json(pointer) if pointer.is_empty()) {
                notes.refuse(
                    at.key(&["shows", name]),
                    format!("`{}` shows the rotator the whole answer", route.name),
                    "show the one field that the rotator needs, such as `code = \"/error/code\"`",
                );
            }
        }
    }
}

/// A request whose answer the page itself takes for a secret at this very place: the same request, or any to the same origin.
fn captured<'p>(page: &'p Page, route: &Route, place: &Place, same: bool) -> Option<&'p Route> {
    let is_same = |other: &Route| {
        other.method == route.method
            && other.target == route.target
            && other.query == route.query
            && other.body == route.body
    };
    page.routes.iter().filter(|other| other.name != route.name && other.target.origin == route.target.origin).find(
        |other| {
            let covered = |captured: &Place| if same { place.covers(captured) } else { place == captured };
            (!same || is_same(other)) && other.captures.iter().any(|(_, captured)| covered(captured))
        },
    )
}

/// What `shows` or `binds` takes plainly, and another request takes for a secret.
fn taken_for_secret(reading: &Reading<'_>, route: &Route, place: &Place, notes: &mut Notes<'_>, at: Span, how: &str) {
    let safer = "take it as a secret under `captures` if a later request needs it, or leave it out";
    if let Some(other) = captured(reading.page, route, place, true) {
        let what =
            format!("`{}` {how} {place}, which `{}` takes from the same answer as a secret", route.name, other.name);
        notes.refuse(at, what, safer);
    } else if let Some(other) = captured(reading.page, route, place, false) {
        let what = format!("`{}` {how} {place}, and what `{}` finds there is a secret", route.name, other.name);
        notes.look(at, what, safer);
    }
}

pub(super) fn shows_credential(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let safer = "take it as a secret under `captures` if a later request needs it, or leave it out";
    for (at, route) in reading.routes() {
        for (name, place) in &route.shows {
            if let Some(place) = named(place).filter(|place| words::is_credential(place) || leaks(place)) {
                let what =
                    format!("`{}` shows the rotator {place}, which by its name may hold a credential", route.name);
                notes.refuse(at.key(&["shows", name]), what, safer);
            } else {
                taken_for_secret(reading, route, place, notes, at.key(&["shows", name]), "shows the rotator");
            }
        }
        let told = route.requires.iter().enumerate().filter(|(_, require)| require.otherwise.contains("{value}"));
        for (index, require) in told {
            if let Some(place) = named(&require.at).filter(|place| words::is_credential(place) || leaks(place)) {
                let what = format!(
                    "`{}` tells the rotator what stands at {place} (`{{value}}`), which by its name may hold a credential",
                    route.name
                );
                notes.refuse(at.key(&["requires", &index.to_string(), "else"]), what, "take `{value}` out of `else`");
            }
        }
    }
}

/// Headers in which providers hand out sessions and links that hold tokens.
fn leaks(place: &str) -> bool {
    ["header:location", "header:authorization", "header:authentication-info"]
        .contains(&place.to_ascii_lowercase().as_str())
}

pub(super) fn shows_wide(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        for (name, place) in &route.shows {
            let Place::Json(pointer) = place else { continue };
            let why = if pointer.is_empty() {
                continue;
            } else if let Some(inner) = read_below(reading.page, route, place) {
                format!("in which this page itself reads {inner}: it is more than one value")
            } else if words::is_container(pointer) {
                "which by its name is more than one value".to_owned()
            } else {
                continue;
            };
            notes.look(
                at.key(&["shows", name]),
                format!("`{}` shows the rotator {pointer}, {why}", route.name),
                "show the one field that the rotator needs",
            );
        }
        if route.shows.len() > MANY {
            notes.look(
                at.key(&["shows"]),
                format!("`{}` shows the rotator {} places of one answer", route.name, route.shows.len()),
                "show what the rotator needs to choose its next request: mostly a code",
            );
        }
    }
}

/// A place below this one that some request to the same origin reads: what stands above it is an object or a list.
fn read_below(page: &Page, route: &Route, outer: &Place) -> Option<String> {
    let read = |other: &Route| {
        let taken = other.binds.iter().chain(&other.captures).map(|(_, place)| place);
        let shown = other.shows.iter().map(|(_, place)| place);
        let required = other.requires.iter().map(|require| &require.at);
        let below = |place: &&Place| *place != outer && outer.covers(place);
        taken.chain(shown).chain(required).find(below).map(ToString::to_string)
    };
    page.routes.iter().filter(|other| other.target.origin == route.target.origin).find_map(read)
}

pub(super) fn binds_credential(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        for (name, place) in &route.binds {
            let short = name.as_str().strip_prefix(&format!("{}.", route.name)).unwrap_or(name.as_str());
            let span = [name.as_str(), short].map(|name| at.key(&["binds", name]));
            let span = span.into_iter().max_by_key(|span| span.start).unwrap_or(at.request());
            taken_for_secret(reading, route, place, notes, span, "takes as a plain value");
            if let Some(place) = named(place).filter(|place| words::is_credential(place)) {
                notes.refuse(
                    span,
                    format!(
                        "`{}` takes {place} as the plain value `{name}`, and by its name it may hold a credential",
                        route.name
                    ),
                    "take it under `captures`: then it is handled as a secret",
                );
            }
        }
    }
}

pub(super) fn captures(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        for (name, place) in &route.captures {
            let Some(place) = named(place) else { continue };
            if words::is_reset(&place) || words::telling(&place).to_ascii_lowercase().contains("password") {
                notes.look(
                    at.key(&["captures"]),
                    format!("`{}` takes {place} as the secret `{name}`: the provider hands out a password, or a way to set one", route.name),
                    "use the call that takes the new password, if the API has one: then nothing is handed out",
                );
            } else {
                notes.note(
                    at.key(&["captures"]),
                    format!("the answer to `{}` carries a credential at {place}; the broker keeps it as `{name}` for the step", route.name),
                    "end that session in the same step, if the API has a call for it",
                );
            }
        }
    }
}

pub(super) fn returns_credential(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    // A call that is given the new password need not hand one out.
    for (at, route) in reading.routes().filter(|(_, route)| !route.places_new_password()) {
        let constants = route.target.segments.iter().filter_map(|segment| segment.constant());
        if let Some(segment) = constants.clone().find(|segment| words::returns_credential(segment)) {
            notes.refuse(
                at.request(),
                format!(
                    "`{}` asks for `{segment}`: such calls answer with a temporary password, or a link that sets one",
                    route.name
                ),
                "use the call that takes the new password, and answers with nothing",
            );
        }
        for (key, value) in &route.query {
            let silent = key.to_ascii_lowercase().replace(['-', '_'], "") == "sendemail"
                && value.template().constant().is_some_and(|text| text.eq_ignore_ascii_case("false"));
            if silent || words::returns_credential(key) {
                notes.refuse(
                    at.key(&["query", key]),
                    format!("`{}` sends the query {key} = {value}: the provider then answers with what it would have mailed", route.name),
                    "use the call that takes the new password, and answers with nothing",
                );
            }
        }
    }
}
