//! Where a page puts secrets.

use super::locate::Reading;
use super::{Notes, words};
use crate::page::Page;
use crate::page::model::{Body, Origin, Route};
use crate::page::names::RouteName;
use crate::page::predicate::Place;
use crate::page::request::{Spot, as_name};
use crate::page::template::{Source, Template};
use std::collections::BTreeSet;

/// Headers in which a secret is expected although no word of theirs says so.
const OTHER_SECRET_HEADERS: &[&str] = &["private-token", "x-api-key", "dpop"];

/// Calls `each` with every place of every request that holds a secret.
fn each_secret<'p>(route: &'p Route, mut each: impl FnMut(&Source, &Spot, &'p Template)) {
    route.each_template(&mut |spot, template| {
        for source in template.sources().filter(|source| source.is_secret()) {
            each(source, &spot, template);
        }
    });
}

pub(super) fn in_query(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    logged(reading, notes, |spot| matches!(spot, Spot::Query(_)), "query");
}

pub(super) fn in_path(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    logged(reading, notes, |spot| matches!(spot, Spot::Path(_)), "path");
}

fn logged(reading: &Reading<'_>, notes: &mut Notes<'_>, is: impl Fn(&Spot) -> bool, place: &str) {
    for (at, route) in reading.routes() {
        each_secret(route, |source, spot, _| {
            if !is(spot) {
                return;
            }
            let what = format!(
                "`{}` puts `{source}` into the {place}: such places end up in logs of servers and proxies",
                route.name
            );
            let safer = "put it into a header or the body, where the API takes it there";
            // A CSRF token or a session is short-lived; a password or an admin's token is not.
            match source {
                Source::Capture(_) => notes.look(at.spot(spot), what, safer),
                _ => notes.refuse(at.spot(spot), what, safer),
            }
        });
    }
}

pub(super) fn elsewhere(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let page = reading.page;
    let has_url = |record: &str| page.record(record).is_some_and(|record| record.url.is_some());
    let first_origin = |wanted: &Source| {
        page.routes.iter().find(|route| route.sources().contains(wanted)).map(|route| &route.target.origin)
    };
    let password = |source: &Source| matches!(source, Source::OldPassword | Source::NewPassword | Source::Candidate);
    let password_origin =
        page.routes.iter().find(|route| route.sources().iter().any(password)).map(|route| &route.target.origin);
    for (at, route) in reading.routes() {
        let origin = &route.target.origin;
        each_secret(route, |source, spot, _| match source {
            Source::Field { record, .. } => {
                let own = Origin::Record(record.clone());
                if has_url(record.as_str()) && *origin != own {
                    notes.refuse(
                        at.spot(spot),
                        format!("`{}` sends `{source}` to {origin}, which is not where its record leads", route.name),
                        format!("send it to {{{record}.url}} only; a secret for another server is a record of its own"),
                    );
                } else if first_origin(source).is_some_and(|first| first != origin) {
                    notes.look(
                        at.spot(spot),
                        format!(
                            "`{}` sends `{source}` to {origin}, and another request sends it elsewhere",
                            route.name
                        ),
                        "send a secret to one origin only; a second server is a record of its own",
                    );
                }
            }
            Source::Capture(name) => {
                let foreign = page.routes.iter().find(|giver| {
                    giver.captures.iter().any(|(given, _)| given == name) && giver.target.origin != *origin
                });
                if let Some(giver) = foreign {
                    notes.look(
                        at.spot(spot),
                        format!(
                            "`{}` sends `{name}` to {origin}, and `{}` got it from {}",
                            route.name, giver.name, giver.target.origin
                        ),
                        "make sure that both are servers of one provider, which documents it so",
                    );
                }
            }
            source if password(source) && password_origin.is_some_and(|first| first != origin) => notes.look(
                at.spot(spot),
                format!(
                    "`{}` sends `{source}` to {origin}, and another request sends a password elsewhere",
                    route.name
                ),
                "make sure that both are servers of one provider, and that both need the password",
            ),
            _ => {}
        });
    }
}

pub(super) fn in_odd_place(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        each_secret(route, |source, spot, _| {
            let odd = match spot {
                Spot::Header(name) => !words::keeps_secrets(name) && !OTHER_SECRET_HEADERS.contains(&name.as_str()),
                Spot::BasicUser => !matches!(source, Source::Field { .. }) && !matches!(source, Source::Capture(_)),
                Spot::Json(pointer) => {
                    !words::keeps_secrets(pointer) && !words::is_displayed(pointer) && !said_beside(route, pointer)
                }
                Spot::Form(name) => !words::keeps_secrets(name) && !words::is_displayed(name),
                // What is displayed is graver, and another rule's.
                Spot::Path(_) | Spot::Query(_) | Spot::BasicPassword | Spot::Xml | Spot::Text => false,
            };
            if odd {
                notes.look(
                    at.spot(spot),
                    format!(
                        "`{}` puts `{source}` into {spot}, and nothing in that name says that it is kept secret there",
                        route.name
                    ),
                    "see in the provider's documentation that this place is for it",
                );
            }
        });
    }
}

/// In a list of operations (SCIM, JSON Patch), a member beside the value says what it is: `path = "password"`.
fn said_beside(route: &Route, pointer: &str) -> bool {
    let Some((above, _)) = pointer.rsplit_once('/') else { return false };
    let mut said = false;
    route.each_template(&mut |spot, template| {
        if let Spot::Json(other) = spot
            && other.rsplit_once('/').is_some_and(|(parent, _)| parent == above)
            && template.constant().is_some_and(words::keeps_secrets)
        {
            said = true;
        }
    });
    // A JSON-RPC call's `params = ["…"]`, or a body that is one value, says nothing: then the route's path has to.
    said || (pointer.is_empty()
        && route.target.segments.iter().filter_map(Template::constant).any(words::keeps_secrets))
}

pub(super) fn literal(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        route.each_template(&mut |spot, template| {
            let Some(text) = template.constant() else { return };
            let takes_secrets = match &spot {
                Spot::Header(name) => name == "authorization" || (words::is_credential(name) && !name.contains("csrf")),
                Spot::BasicPassword => true,
                Spot::Query(name) | Spot::Form(name) | Spot::Json(name) => words::is_credential(name),
                Spot::Path(_) | Spot::BasicUser | Spot::Xml | Spot::Text => false,
            };
            let is_flag = text.is_empty() || text.parse::<bool>().is_ok() || text.parse::<f64>().is_ok();
            if takes_secrets && !is_flag {
                notes.refuse(
                    at.spot(&spot),
                    format!(
                        "`{}` sends a constant as {spot}: whoever has this file knows it, and the author chose it",
                        route.name
                    ),
                    "take it from a field under `secret` of a vault record, or place `{new-password}`",
                );
            }
        });
    }
}

pub(super) fn shown_again(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let read: Vec<(&Route, String, &'static str)> = reading
        .page
        .routes
        .iter()
        .flat_map(|route| read_places(route).map(move |(place, how)| (route, place, how)))
        .collect();
    for (at, route) in reading.routes() {
        each_secret(route, |source, spot, _| {
            let place = match spot {
                Spot::Json(pointer) => pointer.clone(),
                Spot::Form(name) => format!("/{name}"),
                _ => return,
            };
            let back = read
                .iter()
                .find(|(reader, read, _)| reader.target.origin == route.target.origin && same_field(&place, read));
            if let Some((reader, read, how)) = back {
                notes.refuse(
                    at.spot(spot),
                    format!(
                        "`{}` puts `{source}` into {spot}, and `{}` {how} {read}: the secret comes back",
                        route.name, reader.name
                    ),
                    format!(
                        "put the secret only where the provider never shows it, and take {read} out of `{}`",
                        reader.name
                    ),
                );
            } else if words::is_displayed(&place) {
                notes.refuse(
                    at.spot(spot),
                    format!(
                        "`{}` puts `{source}` into {spot}, which by its name is a field that people read",
                        route.name
                    ),
                    "put a secret only into the field that the provider documents for it",
                );
            }
        });
    }
}

/// What a route reads out of a JSON answer, and who sees it. The whole answer is another rule's.
fn read_places(route: &Route) -> impl Iterator<Item = (String, &'static str)> {
    let pointer = |place: &Place| match place {
        Place::Json(pointer) if !pointer.is_empty() => Some(pointer.clone()),
        _ => None,
    };
    let shown = route.shows.iter().filter_map(move |(_, place)| Some((pointer(place)?, "shows the rotator")));
    let told = route
        .requires
        .iter()
        .filter(|require| require.otherwise.contains("{value}"))
        .filter_map(move |require| Some((pointer(&require.at)?, "tells the rotator")));
    let bound = route.binds.iter().filter_map(move |(_, place)| Some((pointer(place)?, "takes as a plain value")));
    shown.chain(told).chain(bound)
}

/// Could a field that was written be the one that is read? The same pointer, one the end of the other (objects are wrapped in
/// answers and requests), or the read one above the written one.
fn same_field(written: &str, read: &str) -> bool {
    let below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    !written.is_empty() && (written.ends_with(read) || read.ends_with(written) || below(written, read))
}

pub(super) fn in_look_up(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes().filter(|(_, route)| !route.changes && !route.places_candidate()) {
        let mut done = false;
        each_secret(route, |source, spot, _| {
            if *source != Source::OldPassword || std::mem::replace(&mut done, true) {
                return;
            }
            let what = format!("`{}` sends `old-password` in a request that is no verification", route.name);
            if route.uses > 1 {
                let safer = "leave out `uses`: each refused one counts towards the account's lock-out";
                notes.look(at.key(&["uses"]), format!("{what}, up to {} times in a step", route.uses), safer);
            } else {
                let safer = "prove the password in a verify route, and let the step need only the session where it can";
                notes.note(at.spot(spot), what, safer);
            }
        });
    }
}

pub(super) fn beside(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        let mut in_body = false;
        each_secret(route, |_, spot, _| in_body |= is_body(spot));
        if !in_body {
            continue;
        }
        let mut plain = Vec::new();
        for (place, text) in route.constants() {
            let (kind, name) = place.split_once(' ').unwrap_or((&place, ""));
            let text = as_name(&text);
            let spot = match kind {
                "JSON" if name != "body" => Spot::Json(name.to_owned()),
                "form" => Spot::Form(name.to_owned()),
                _ => continue,
            };
            if route.changes && words::is_power_member(name) {
                notes.look(
                    at.spot(&spot),
                    format!("`{}` sends {place} = {text} beside a secret: it may give rights, or keep somebody from hearing of it", route.name),
                    "send nothing but the password, or see in the documentation that this member is needed",
                );
            } else {
                plain.push(format!("{place} = {text}"));
            }
        }
        if !plain.is_empty() {
            let body = if matches!(route.body, Body::Form(_)) { "form" } else { "json" };
            notes.note(
                at.key(&[body]),
                format!("`{}` sends along, beside a secret: {}", route.name, plain.join(", ")),
                "leave out what the provider does not ask for",
            );
        }
    }
}

pub(super) fn is_body(spot: &Spot) -> bool {
    matches!(spot, Spot::Json(_) | Spot::Form(_) | Spot::Xml | Spot::Text)
}

pub(super) fn unused(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let placed: BTreeSet<Source> = reading.page.routes.iter().flat_map(Route::sources).collect();
    for record in &reading.page.records {
        for field in &record.secrets {
            let source = Source::Field { record: record.name.clone(), field: field.name.clone(), secret: true };
            if !placed.contains(&source) {
                notes.look(
                    reading.key(&["records", record.name.as_str(), "secret", &field.name]),
                    format!("the page takes the secret `{source}` from the vault, and no request needs it"),
                    "take it out: what is not asked for cannot be lost",
                );
            }
        }
    }
}

pub(super) fn readable_text(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for record in &reading.page.records {
        for field in &record.texts {
            let at = reading.key(&["records", record.name.as_str(), "text", &field.name]);
            let what =
                format!("the rotator reads `{}.{}`, the vault's field `{}`", record.name, field.name, field.label);
            let source = Source::Field { record: record.name.clone(), field: field.name.clone(), secret: false };
            if let Some((route, spot)) = signs_in(reading.page, &source) {
                notes.refuse(
                    at,
                    format!("{what}, and `{route}` signs in with it: {spot}"),
                    "declare it under `secret`: then it is placed, and never shown",
                );
            } else if words::is_credential(&field.label) || words::is_credential(&field.name) {
                notes.refuse(
                    at,
                    format!("{what}, which by its name is a secret"),
                    "declare it under `secret`: then it is placed, and never shown",
                );
            } else {
                notes.look(at, what, "declare it under `secret` unless the rotator has to read it");
            }
        }
    }
}

/// Where HTTP itself says that a credential stands, and nothing but this value does.
fn signs_in<'p>(page: &'p Page, wanted: &Source) -> Option<(&'p RouteName, Spot)> {
    page.routes.iter().find_map(|route| {
        let mut found = None;
        route.each_template(&mut |spot, template| {
            let is_credential = match &spot {
                Spot::BasicPassword => true,
                Spot::Header(name) => ["authorization", "proxy-authorization", "cookie"].contains(&name.as_str()),
                _ => false,
            };
            // A login stands beside its password.
            let alone = !template.sources().any(Source::is_secret);
            if is_credential && alone && template.sources().any(|source| source == wanted) {
                found = Some(spot);
            }
        });
        Some((&route.name, found?))
    })
}
