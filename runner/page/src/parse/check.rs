//! The rules across routes: every need can be met, every kept document is kept, and nothing else can vouch for a
//! password.

use super::route::Draft;
use super::{Problem, Problems};
use crate::model::{Body, Need, Route};
use crate::names::{BindName, RouteName, Step};
use crate::predicate::{Literal, Test};
use crate::template::Source;
use std::collections::BTreeSet;

/// Checks all routes together.
pub(super) fn across(drafts: &[Draft], problems: &mut Problems) {
    for draft in drafts {
        for (need, span) in &draft.needs {
            if let Need::Kept(route) = need
                && !drafts.iter().any(|other| other.route.name == *route && other.route.keeps)
            {
                problems.0.push(
                    Problem::new(*span, format!("route `{route}` keeps no document"))
                        .hint(format!("add `keeps = true` to `{route}`")),
                );
            }
        }
    }
    for step in Step::ALL {
        reachable(drafts, step, problems);
    }
    vouching(drafts, problems);
    changing(drafts, problems);
    choosing(drafts, problems);
    switching_off(drafts, problems);
}

/// What changes something sets the new password: an accepted change means that it is live.
fn changing(drafts: &[Draft], problems: &mut Problems) {
    for draft in drafts.iter().filter(|draft| draft.route.changes && !draft.route.places_new_password()) {
        problems.0.push(
            Problem::new(
                draft.route.request_span,
                format!("route `{}` has `changes = true`, but does not place `{{new-password}}`", draft.route.name),
            )
            .hint("place it in the body, or take `changes` out if the route does not set the password"),
        );
    }
}

/// The rotator does not choose whose password it is, in a roundabout way either: nothing that a changing or verifying request
/// places comes from a look-up that the rotator filled in, unless the answer was compared with `{user}`.
fn choosing(drafts: &[Draft], problems: &mut Problems) {
    let mut chosen: BTreeSet<&BindName> = BTreeSet::new();
    let mut kept: BTreeSet<&RouteName> = BTreeSet::new();
    loop {
        let before = chosen.len() + kept.len();
        for route in drafts.iter().map(|draft| &draft.route) {
            let by_argument = route.sources().iter().any(|source| matches!(source, Source::Arg(_)));
            if (by_argument || chosen_part(route, &chosen, &kept).is_some()) && !is_of_the_user(route) {
                chosen.extend(route.gives());
                kept.extend(route.keeps.then_some(&route.name));
            }
        }
        if chosen.len() + kept.len() == before {
            break;
        }
    }
    for draft in drafts.iter().filter(|draft| draft.route.changes || draft.route.places_candidate()) {
        let Some(need) = chosen_part(&draft.route, &chosen, &kept) else { continue };
        let span =
            draft.needs.iter().find(|(other, _)| *other == need).map_or(draft.route.request_span, |(_, span)| *span);
        let what = match &need {
            Need::Met(name) | Need::Kept(name) => format!("the document of `{name}`"),
            Need::Bound(name) => format!("`{name}`"),
        };
        problems.0.push(
            Problem::new(
                span,
                format!("{what} comes from a look-up with arguments: the rotator would choose whose password it is"),
            )
            .hint("let that look-up compare its answer with `{user}` under `requires` or `picks`"),
        );
    }
}

/// The first thing that a route places and the rotator could have chosen.
fn chosen_part(route: &Route, chosen: &BTreeSet<&BindName>, kept: &BTreeSet<&RouteName>) -> Option<Need> {
    if let Body::JsonFrom { route, .. } = &route.body
        && kept.contains(route)
    {
        return Some(Need::Kept(route.clone()));
    }
    route.sources().into_iter().find_map(|source| match source {
        Source::Bind(name) | Source::Capture(name) if chosen.contains(&name) => Some(Need::Bound(name)),
        _ => None,
    })
}

/// An answer is only taken where something in it equals `{user}`.
fn is_of_the_user(route: &Route) -> bool {
    let required = route.requires.iter().any(|require| equals_user(&require.test));
    let picked = route.picks.as_ref().is_some_and(|picks| picks.filter.iter().any(|(_, test)| equals_user(test)));
    let alternatives = &route.expects.any;
    let expected =
        !alternatives.is_empty() && alternatives.iter().all(|all| all.0.iter().any(|(_, test)| equals_user(test)));
    required || picked || expected
}

fn equals_user(test: &Test) -> bool {
    let is_user = |value: &Literal| match value {
        Literal::Text(template) => template.sources().any(|source| *source == Source::User),
        Literal::Number(_) | Literal::Bool(_) => false,
    };
    match test {
        Test::Equals { value, .. } => is_user(value),
        Test::OneOf { values, .. } => values.iter().all(is_user),
        _ => false,
    }
}

/// What the operator may switch off is needed by nothing that stays on.
fn switching_off(drafts: &[Draft], problems: &mut Problems) {
    for draft in drafts.iter().filter(|draft| !draft.route.removable) {
        for (need, span) in &draft.needs {
            let mut givers = drafts.iter().filter(|other| meets(other, need)).peekable();
            if givers.peek().is_some() && givers.all(|giver| giver.route.removable) {
                problems.0.push(
                    Problem::new(
                        *span,
                        format!(
                            "route `{}` could not be sent any more: {} only by routes that can be switched off",
                            draft.route.name,
                            given_as(need)
                        ),
                    )
                    .hint("take `removable` out of one of them, or write it here too"),
                );
            }
        }
    }
}

fn gives(draft: &Draft, name: &BindName) -> bool {
    draft.route.gives().any(|given| given == name)
}

fn meets(draft: &Draft, need: &Need) -> bool {
    match need {
        Need::Met(route) | Need::Kept(route) => draft.route.name == *route,
        Need::Bound(name) => gives(draft, name),
    }
}

/// Every route of a step can be sent in it: what it needs is given by routes that can be sent before it.
fn reachable(drafts: &[Draft], step: Step, problems: &mut Problems) {
    let of_step: Vec<&Draft> = drafts.iter().filter(|draft| draft.route.steps.contains(&step)).collect();
    let mut sendable: Vec<&Draft> = Vec::new();
    loop {
        let more: Vec<&Draft> = of_step
            .iter()
            .filter(|draft| !sendable.iter().any(|have| have.route.name == draft.route.name))
            .filter(|draft| draft.needs.iter().all(|(need, _)| sendable.iter().any(|other| meets(other, need))))
            .copied()
            .collect();
        if more.is_empty() {
            break;
        }
        sendable.extend(more);
    }
    for draft in of_step {
        let name = &draft.route.name;
        if sendable.iter().any(|have| have.route.name == *name) {
            continue;
        }
        for (need, span) in &draft.needs {
            if sendable.iter().any(|other| meets(other, need)) {
                continue;
            }
            let givers: Vec<&Draft> =
                drafts.iter().filter(|other| other.route.name != *name && meets(other, need)).collect();
            let in_step = givers.iter().any(|giver| giver.route.steps.contains(&step));
            let (message, hint) = match (in_step, givers.first()) {
                (true, _) => (
                    format!("route `{name}` can never be sent in {step}: what it needs waits for it in turn"),
                    "break the circle in `after` or in the binds".to_owned(),
                ),
                (false, Some(giver)) => (
                    format!("route `{name}` is for {step}, but {} only in other steps", given_as(need)),
                    format!("add \"{step}\" to `for` of route `{}`, or take it out here", giver.route.name),
                ),
                (false, None) => (
                    format!("route `{name}` can never be sent: {} by no other route", given_as(need)),
                    "let an earlier route give it".to_owned(),
                ),
            };
            problems.0.push(Problem::new(*span, message).hint(hint));
        }
    }
}

fn given_as(need: &Need) -> String {
    match need {
        Need::Met(route) => format!("`{route}` is sent"),
        Need::Kept(route) => format!("the document of `{route}` is kept"),
        Need::Bound(name) => format!("`{name}` is given"),
    }
}

/// Where a verify step uses a record's secret (or what it opened: a token, a cookie), the status alone of a sign-in could be
/// the secret's doing: then `expects` must test the body.
fn vouching(drafts: &[Draft], problems: &mut Problems) {
    let mut tainted: BTreeSet<&BindName> = BTreeSet::new();
    let secretive = |draft: &Draft, tainted: &BTreeSet<&BindName>| {
        draft.route.sources().iter().any(|source| match source {
            Source::Capture(name) => tainted.contains(name),
            source => source.is_record_secret(),
        })
    };
    loop {
        let before = tainted.len();
        for draft in drafts.iter().filter(|draft| draft.route.steps.contains(&Step::Verify)) {
            if secretive(draft, &tainted) {
                tainted.extend(draft.route.captures.iter().map(|(name, _)| name));
            }
        }
        if tainted.len() == before {
            break;
        }
    }
    let opener = drafts.iter().find(|draft| draft.route.steps.contains(&Step::Verify) && secretive(draft, &tainted));
    let Some(opener) = opener else { return };
    for draft in drafts.iter().filter(|draft| draft.route.places_candidate() && !draft.route.tests_body()) {
        problems.0.push(
            Problem::new(
                draft.route.request_span,
                format!(
                    "route `{}` of the same step uses a record's secret, whose session could vouch for any password",
                    opener.route.name
                ),
            )
            .hint("let each alternative of `expects` test the body, such as `\"/name\" = \"{user}\"`"),
        );
    }
}
