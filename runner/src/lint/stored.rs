//! Secrets that a provider is asked to store: what is written beside the new password, or a second time. Told from where a secret is
//! declared and what the request is for, not from names.

use super::locate::Reading;
use super::{Notes, secrets};
use crate::page::model::{Method, Route};
use crate::page::request::Spot;
use crate::page::template::{Source, Template};
use std::collections::BTreeMap;

fn writes(route: &Route) -> bool {
    route.changes || matches!(route.method, Method::Put | Method::Patch)
}

pub(super) fn in_write(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes().filter(|(_, route)| writes(route)) {
        // Old APIs want the admin's token among the fields; one that is signed in by a header already does not.
        let mut signed_in = None;
        route.each_template(&mut |spot, template: &Template| {
            let opens = |source: &&Source| source.is_record_secret() || matches!(source, Source::Capture(_));
            if matches!(spot, Spot::Header(_) | Spot::BasicPassword)
                && let Some(source) = template.sources().find(opens)
            {
                signed_in = Some(source.to_string());
            }
        });
        route.each_template(&mut |spot, template| {
            let Some(source) = template.sources().find(|source| source.is_record_secret()) else { return };
            if !secrets::is_body(&spot) {
                return;
            }
            let what = format!(
                "`{}` writes, and sends `{source}` in {spot}: what a provider is given there it may keep, and show",
                route.name
            );
            match &signed_in {
                Some(by) => notes.refuse(
                    at.spot(&spot),
                    format!("{what}; `{by}` signs the request in already"),
                    "leave it out of the body",
                ),
                None => notes.look(
                    at.spot(&spot),
                    what,
                    "send it in a header, where the API takes it there; see in the documentation that this place is for it",
                ),
            }
        });
    }
}

pub(super) fn twice(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        let mut places: BTreeMap<Source, Vec<Spot>> = BTreeMap::new();
        route.each_template(&mut |spot, template| {
            for source in template.sources().filter(|source| source.is_secret()) {
                places.entry(source.clone()).or_default().push(spot.clone());
            }
        });
        for (source, spots) in places {
            // Many forms want a new password twice, side by side.
            let first = spots.first().and_then(above);
            let side_by_side = first.is_some() && spots.iter().all(|spot| above(spot) == first);
            let Some(last) = spots.last().filter(|_| spots.len() > if side_by_side { 2 } else { 1 }) else { continue };
            let named: Vec<String> = spots.iter().map(Spot::to_string).collect();
            notes.look(
                at.spot(last),
                format!("`{}` puts `{source}` into {} places: {}", route.name, spots.len(), named.join(", ")),
                "put a secret into the one place that the provider documents for it",
            );
        }
    }
}

/// What a place stands in: the object, the form, the document; none for what stands alone.
fn above(spot: &Spot) -> Option<String> {
    match spot {
        Spot::Json(pointer) => pointer.rsplit_once('/').map(|(above, _)| format!("json {above}")),
        Spot::Form(_) => Some("form".to_owned()),
        Spot::Xml => Some("xml".to_owned()),
        Spot::Text => Some("text".to_owned()),
        Spot::Path(_) | Spot::Query(_) | Spot::Header(_) | Spot::BasicUser | Spot::BasicPassword => None,
    }
}
