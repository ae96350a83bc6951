//! Whose password a page changes.

use super::locate::{At, Reading};
use super::{Notes, Severity, whose, words};
use crate::page::model::{ArgClass, Method, Page, Route};
use crate::page::names::BindName;
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
        literal_login(&at, route, notes);
    }
}

/// A constant beside a password of the user's, in the place of a login. (Beside `{candidate}`, another rule finds it.)
fn literal_login(at: &At<'_>, route: &Route, notes: &mut Notes<'_>) {
    let safer = "name the account by `{user}` or by an id that a look-up of `{user}` gave";
    if let Some(basic) = &route.basic
        && let Some(login) = basic.user.constant().filter(|login| !login.is_empty())
        && basic.password.sources().any(|source| *source == Source::OldPassword)
    {
        let what = format!("`{}` signs in as `{login}` with the old password, whoever the run is for", route.name);
        notes.refuse(at.spot(&Spot::BasicUser), what, safer);
    }
    route.each_template(&mut |spot, template| {
        if let Some(login) = template.constant().filter(|login| !login.is_empty())
            && is_account_field(&spot)
            && whose::stands_beside(route, &spot, &Source::NewPassword)
        {
            let what =
                format!("`{}` sends {spot} = `{login}` beside `new-password`, whoever the run is for", route.name);
            notes.look(at.spot(&spot), what, safer);
        }
    });
}

/// `{user}-admin` is another account than the one that `allow` judges.
pub(super) fn affixed(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let only = "`allow` and `except` judge the user's name alone";
    let safer =
        "see in the provider's documentation that this is the same account, or look it up and compare it with `{user}`";
    for (at, route) in reading.routes() {
        if let Some((place, template)) = whose::compares_affixed(route) {
            let what = format!("`{}` compares {} with `{template}`: {only}", route.name, place.described());
            notes.look(at.comparison(), what, safer);
        }
        if whose::compares_user(route) {
            continue;
        }
        route.each_template(&mut |spot, template| {
            let names_account = match &spot {
                Spot::Path(_) | Spot::BasicUser => true,
                Spot::Json(_) | Spot::Form(_) => is_account_field(&spot),
                _ => false,
            };
            if names_account && whose::is_affixed(template) {
                let what = format!("`{}` names the account `{template}` in {spot}: {only}", route.name);
                notes.look(at.spot(&spot), what, safer);
            }
        });
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
        let (mut named, mut in_header) = (false, false);
        route.each_template(&mut |spot, template| {
            if template.sources().any(|source| matches!(source, Source::User | Source::Bind(_))) {
                *if matches!(spot, Spot::Header(_)) { &mut in_header } else { &mut named } = true;
            }
        });
        let own_password = |route: &Route| route.sources().contains(&Source::OldPassword);
        let own_session = page.routes.iter().any(|other| {
            other.sources().contains(&Source::User)
                && own_password(other)
                && other.steps.iter().any(|step| route.steps.contains(step))
        });
        if named || own_session {
            continue;
        }
        if in_header {
            notes.look(
                at.request(),
                format!("`{}` changes a password, and the user stands in a header only", route.name),
                "see in the provider's documentation that this header says whose it is; or name the account in the path or the body",
            );
        } else {
            notes.refuse(
                at.request(),
                format!("`{}` changes a password, and nothing in it is the user: it could be anyone's", route.name),
                "name the account by `{user}` or by an id that a look-up of `{user}` gave, or sign in as the user first",
            );
        }
    }
}

pub(super) fn unchecked_bind(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let page = reading.page;
    let (deciding, others) = used_binds(page);
    for (at, route) in reading.routes() {
        let used = |name: &BindName| deciding.contains(name) || others.contains(name);
        let Some((name, place)) = route.binds.iter().find(|(name, _)| used(name)) else { continue };
        if whose::compares_user(route) {
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
            let what = format!("{what}, nor is the request about the user");
            let severity = if deciding.contains(name) { Severity::Refuse } else { Severity::Look };
            notes.add(severity, at.key(&["binds"]), what, safer);
        } else if !in_path
            && !route.sources().iter().any(|source| matches!(source, Source::Bind(_)))
            && !whose::signs_user_in(page, route)
        {
            notes.look(at.key(&["binds"]), format!("{what}: a search may find somebody else first"), safer);
        }
    }
}

/// The binds that changing and verifying requests place: those that may say whose account it is, and the others. Where nothing else of a
/// request is the user, any bind may, wherever it stands.
fn used_binds(page: &Page) -> (BTreeSet<BindName>, BTreeSet<BindName>) {
    let (mut deciding, mut others) = (BTreeSet::new(), BTreeSet::new());
    for route in page.routes.iter().filter(|route| is_verdict(route)) {
        let said = whose::is_about_user(page, route);
        route.each_template(&mut |spot, template| {
            let decides =
                !said || matches!(spot, Spot::Path(_) | Spot::Query(_) | Spot::BasicUser) || is_account_field(&spot);
            for source in template.sources() {
                if let Source::Bind(name) = source {
                    if decides { &mut deciding } else { &mut others }.insert(name.clone());
                }
            }
        });
    }
    (deciding, others)
}

/// Is it a field of a body that says whose password it is?
pub(super) fn is_account_field(spot: &Spot) -> bool {
    let (Spot::Json(name) | Spot::Form(name)) = spot else { return false };
    ["id", "user", "userid", "username", "login", "account", "name"]
        .contains(&words::parts(words::telling(name)).concat().as_str())
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
