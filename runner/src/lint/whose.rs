//! Whose account is a request about? Told from where values come from on the page, never from what the author calls them.

use crate::page::Page;
use crate::page::model::Route;
use crate::page::names::BindName;
use crate::page::predicate::{Literal, Place, Test};
use crate::page::request::Spot;
use crate::page::template::{Encoding, Part, Source, Template};
use std::collections::BTreeSet;

/// Does the request place `{user}`, or a value that an answer about the user gave?
pub(super) fn is_about_user(page: &Page, route: &Route) -> bool {
    about(page, route, &mut BTreeSet::new())
}

/// Does this value come from the user: `{user}` itself, or what an answer about the user gave?
pub(super) fn is_of_user(page: &Page, source: &Source) -> bool {
    of_user(page, source, &mut BTreeSet::new())
}

fn about(page: &Page, route: &Route, seen: &mut BTreeSet<BindName>) -> bool {
    route.sources().iter().any(|source| of_user(page, source, seen))
}

fn of_user(page: &Page, source: &Source, seen: &mut BTreeSet<BindName>) -> bool {
    let (Source::Bind(name) | Source::Capture(name)) = source else { return *source == Source::User };
    // What a value gives back to itself says nothing.
    if !seen.insert(name.clone()) {
        return false;
    }
    let mut givers = page.routes.iter().filter(|route| route.gives().any(|given| given == name)).peekable();
    let known = givers.peek().is_some() && givers.all(|giver| compares_user(giver) || about(page, giver, seen));
    seen.remove(name);
    known
}

/// Is an answer taken only if something in it equals `{user}`?
pub(super) fn compares_user(route: &Route) -> bool {
    route_tests(route).any(|(_, test)| equals_user(test)) || expects_user(route)
}

/// What must hold of an answer for the step to go on, in `requires` and `picks`.
fn route_tests(route: &Route) -> impl Iterator<Item = (&Place, &Test)> {
    let picked = route.picks.iter().flat_map(|picks| picks.filter.iter().map(|(place, test)| (place, test)));
    picked.chain(route.requires.iter().map(|require| (&require.at, &require.test)))
}

/// Is an answer accepted only if something in it equals `{user}`, whichever alternative it meets?
pub(super) fn expects_user(route: &Route) -> bool {
    let alternatives = &route.expects.any;
    !alternatives.is_empty() && alternatives.iter().all(|all| all.0.iter().any(|(_, test)| equals_user(test)))
}

/// What an answer is compared with that is `{user}` with something around it, and where.
pub(super) fn compares_affixed(route: &Route) -> Option<(&Place, &Template)> {
    let expected = route.expects.any.iter().flat_map(|all| all.0.iter().map(|(place, test)| (place, test)));
    route_tests(route).chain(expected).find_map(|(place, test)| {
        let texts: &[Literal] = match test {
            Test::Equals { value, .. } => std::slice::from_ref(value),
            Test::OneOf { values, .. } => values,
            _ => &[],
        };
        texts.iter().find_map(|literal| match literal {
            Literal::Text(template) if is_affixed(template) => Some((place, template)),
            _ => None,
        })
    })
}

/// `{user}` with something around it, as a name; not inside another language, such as a filter.
pub(super) fn is_affixed(template: &Template) -> bool {
    let is_user =
        |part: &Part| matches!(part, Part::Name { source: Source::User, encoding: None | Some(Encoding::Url) });
    template.parts.len() > 1 && template.parts.iter().any(is_user)
}

fn equals_user(test: &Test) -> bool {
    let is_user = |value: &Literal| match value {
        Literal::Text(template) => template.sources().any(|source| *source == Source::User),
        Literal::Number(_) | Literal::Bool(_) => false,
    };
    match test {
        Test::Equals { value, .. } => is_user(value),
        Test::OneOf { values, .. } => !values.is_empty() && values.iter().all(is_user),
        _ => false,
    }
}

/// A request that signs the user in: it places the user and a password of the user's.
pub(super) fn signs_user_in(page: &Page, route: &Route) -> bool {
    let sources = route.sources();
    let password = [Source::OldPassword, Source::Candidate].iter().any(|source| sources.contains(source));
    password && is_about_user(page, route)
}

/// Does this value stand in the same object, or in the same form, as what is at `spot`?
pub(super) fn stands_beside(route: &Route, spot: &Spot, wanted: &Source) -> bool {
    let above = |spot: &Spot| match spot {
        Spot::Json(pointer) => pointer.rsplit_once('/').map(|(above, _)| above.to_owned()),
        Spot::Form(_) => Some("form".to_owned()),
        _ => None,
    };
    let Some(here) = above(spot) else { return false };
    let mut found = false;
    route.each_template(&mut |other, template| {
        found |= above(&other).as_ref() == Some(&here) && template.sources().any(|source| source == wanted);
    });
    found
}
