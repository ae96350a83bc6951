//! Whose password a page changes.

use super::locate::Reading;
use super::{Notes, words};
use crate::page::model::{ArgClass, Method, Page, Route};
use crate::page::names::BindName;
use crate::page::predicate::{Literal, Test};
use crate::page::request::Spot;
use crate::page::template::{Source, Template};
use crate::policy::fit;
use std::collections::BTreeSet;

fn is_verdict(route: &Route) -> bool {
    route.changes || route.places_candidate()
}

pub(super) fn admin_power(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let Some((route, secret)) = fit::set_by_admin(reading.page, |_| false, true) else { return };
    notes.look(
        route.request_span,
        format!("`{}` sets passwords by the power of `{secret}`: it could set any that this secret can", route.name),
        "take the old password as proof where the API can; give the secret the fewest rights; let `allow` say whose, \
         and except the account that the secret belongs to",
    );
}

pub(super) fn literal(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes().filter(|(_, route)| is_verdict(route)) {
        let constants: Vec<Option<&str>> = route.target.segments.iter().map(Template::constant).collect();
        let in_path = constants.windows(2).find_map(|pair| match pair {
            [Some(collection), Some(account)] if words::is_collection(collection) && words::names_account(account) => {
                Some((*collection, *account))
            }
            _ => None,
        });
        match in_path {
            // The user's own session, opened with the user's own password, may speak of itself.
            Some((_, account)) if words::is_myself(account) => {
                if let Some(secret) = record_secret(reading.page, route).filter(|_| route.changes) {
                    notes.refuse(
                        at.request(),
                        format!(
                            "`{}` changes the password of `{account}`, which is whoever `{secret}` belongs to",
                            route.name
                        ),
                        "name the account by `{user}` or by an id that a look-up of `{user}` gave",
                    );
                }
            }
            Some((collection, account)) => notes.refuse(
                at.request(),
                format!("`{}` names the account itself: `{collection}/{account}`, whoever the run is for", route.name),
                "name the account by `{user}` or by an id that a look-up of `{user}` gave",
            ),
            None => {}
        }
    }
}

/// A secret of a vault record that the route places, or that its captures come from.
fn record_secret(page: &Page, route: &Route) -> Option<String> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut waiting = vec![route];
    while let Some(route) = waiting.pop() {
        if !seen.insert(route.name.as_str()) {
            continue;
        }
        for source in route.sources() {
            match source {
                Source::Field { secret: true, .. } => return Some(source.to_string()),
                Source::Capture(name) => waiting
                    .extend(page.routes.iter().filter(|giver| giver.captures.iter().any(|(given, _)| *given == name))),
                _ => {}
            }
        }
    }
    None
}

pub(super) fn not_user(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let page = reading.page;
    for (at, route) in reading.routes().filter(|(_, route)| route.changes) {
        let sources = route.sources();
        let named = sources.iter().any(|source| matches!(source, Source::User | Source::Bind(_)));
        let own_password = |route: &Route| route.sources().contains(&Source::OldPassword);
        let own_session = page.routes.iter().any(|other| {
            other.sources().contains(&Source::User)
                && own_password(other)
                && other.steps.iter().any(|step| route.steps.contains(step))
        });
        if !named && !own_session {
            notes.refuse(
                at.request(),
                format!("`{}` changes a password, and nothing in it is the user: it could be anyone's", route.name),
                "name the account by `{user}` or by an id that a look-up of `{user}` gave, or sign in as the user first",
            );
        }
    }
}

pub(super) fn unchecked_bind(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let used: BTreeSet<BindName> = reading
        .page
        .routes
        .iter()
        .filter(|route| is_verdict(route))
        .flat_map(|route| {
            let mut names = Vec::new();
            route.each_template(&mut |spot, template| {
                if matches!(spot, Spot::Path(_) | Spot::Query(_)) || is_account_field(&spot) {
                    names.extend(template.sources().filter_map(|source| match source {
                        Source::Bind(name) => Some(name.clone()),
                        _ => None,
                    }));
                }
            });
            names
        })
        .collect();
    for (at, route) in reading.routes() {
        let Some((name, place)) = route.binds.iter().find(|(name, _)| used.contains(name)) else { continue };
        if compares_user(route) {
            continue;
        }
        let in_path =
            route.target.segments.iter().any(|segment| segment.sources().any(|source| *source == Source::User));
        let named = route.sources().iter().any(|source| matches!(source, Source::User | Source::Bind(_)));
        let what = format!(
            "`{}` takes `{name}` from {}, and the answer is not compared with `{{user}}`",
            route.name,
            place.described()
        );
        let safer = "compare it: `requires = [{ at = \"/login\", equals = \"{user}\", else = \"another account\" }]`, or `picks` with it";
        if !named {
            notes.refuse(at.key(&["binds"]), format!("{what}, nor is the request about the user"), safer);
        } else if !in_path && !route.sources().iter().any(|source| matches!(source, Source::Bind(_))) {
            notes.look(at.key(&["binds"]), format!("{what}: a search may find somebody else first"), safer);
        }
    }
}

/// Is it a field of a body that says whose password it is?
fn is_account_field(spot: &Spot) -> bool {
    let (Spot::Json(name) | Spot::Form(name)) = spot else { return false };
    ["id", "user", "userid", "username", "login", "account", "name"]
        .contains(&words::parts(words::telling(name)).concat().as_str())
}

/// Is something in the answer compared with the user?
pub(super) fn compares_user(route: &Route) -> bool {
    let picked = route.picks.iter().flat_map(|picks| picks.filter.iter().map(|(_, test)| test));
    let required = route.requires.iter().map(|require| &require.test);
    let expected = route.expects.any.iter().flat_map(|all| all.0.iter().map(|(_, test)| test));
    picked.chain(required).chain(expected).any(equals_user)
}

fn equals_user(test: &Test) -> bool {
    match test {
        Test::Equals { value: Literal::Text(template), .. } => template.sources().any(|source| *source == Source::User),
        _ => false,
    }
}

pub(super) fn argument_near_change(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let needed: BTreeSet<String> = reading
        .page
        .routes
        .iter()
        .filter(|route| is_verdict(route))
        .flat_map(|route| route.sources())
        .filter_map(|source| match source {
            Source::Bind(name) | Source::Capture(name) => Some(name.to_string()),
            _ => None,
        })
        .collect();
    for (at, route) in reading.routes().filter(|(_, route)| !route.args.is_empty()) {
        if let Some(given) = route.gives().find(|given| needed.contains(given.as_str())) {
            notes.look(
                at.key(&["args"]),
                format!(
                    "the rotator fills in `{}`, and its answer gives `{given}` to a changing or verifying request",
                    route.name
                ),
                "look the account up by `{user}` alone; if that cannot be, keep the comparison with `{user}`",
            );
        }
    }
}

pub(super) fn argument_in_write(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes().filter(|(_, route)| !route.args.is_empty()) {
        let what = format!("`{}` is a {} in which the rotator chooses {}", route.name, route.method, arguments(route));
        match route.method {
            Method::Get | Method::Head => {}
            Method::Post => notes.look(
                at.key(&["args"]),
                what,
                "write what is sent on the page, or take it from `{user}` or a bind",
            ),
            Method::Put | Method::Patch | Method::Delete => notes.refuse(
                at.key(&["args"]),
                format!("{what}: it reaches whatever has such a name"),
                "write what is sent on the page, or take it from `{user}` or a bind",
            ),
        }
    }
}

fn arguments(route: &Route) -> String {
    let names: Vec<String> = route.args.iter().map(|arg| format!("`arg.{}`", arg.name)).collect();
    names.join(", ")
}

pub(super) fn wide_argument(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes() {
        for arg in route.args.iter().filter(|arg| arg.class == ArgClass::Text) {
            notes.look(
                at.key(&["args", arg.name.as_str()]),
                format!("`{}` takes any text of up to {} characters as `arg.{}`", route.name, arg.max, arg.name),
                "take `class = \"token\"`, or list the values with `one-of`",
            );
        }
    }
}

pub(super) fn may_create(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    for (at, route) in reading.routes().filter(|(_, route)| route.changes && route.needs.is_empty()) {
        let by_name =
            route.target.segments.iter().any(|segment| segment.sources().any(|source| *source == Source::User));
        if by_name && matches!(route.method, Method::Put | Method::Post) && record_secret(reading.page, route).is_some()
        {
            notes.look(
                at.request(),
                format!(
                    "`{}` is a {} to the user's own name, and nothing looks the user up before: it may create one",
                    route.name, route.method
                ),
                "let a GET of the user come first, and name it in `after`",
            );
        }
    }
}
