//! Whose password a proof is about. A request that places `{candidate}` and never says whose it is proves that the password works for
//! somebody.
//!
//! | form | |
//! | --- | --- |
//! | the request places `{user}`, or a value that a look-up of the user gave | fine |
//! | the request places a capture of a request about the user (a sign-in of two steps) | fine |
//! | each alternative of `expects` compares the answer with `{user}` | fine, whatever the request says |
//! | `{user}` stands in a header only, or beside another login | look |
//! | an earlier request of the user's opens a session by a cookie, which no line shows | look |
//! | HTTP Basic, or `login:password` in a header, whose login is another value | refuse, whatever else the request says |
//! | anything else: a constant, a field of a vault record, the password alone, a look-up of which nothing is used | refuse |

use super::locate::{At, Reading};
use super::{Notes, accounts, whose};
use crate::page::Page;
use crate::page::model::{Method, Need, Route};
use crate::page::request::Spot;
use crate::page::template::{Part, Source, Template};

const SAFER: &str = "name the account by `{user}` or by a value that a look-up of `{user}` gave, in the request that places `{candidate}`; \
                     or compare the answer: `expects = { status = 200, \"/login\" = \"{user}\" }`";

pub(super) fn not_user(reading: &Reading<'_>, notes: &mut Notes<'_>) {
    let proofs = reading.routes().filter(|(_, route)| route.places_candidate() && !whose::expects_user(route));
    for (at, route) in proofs {
        match login(reading.page, route) {
            Login::User => {}
            Login::Other(spot, login) => notes.refuse(
                at.spot(&spot),
                format!("`{}` proves the password of {login}, and not of the user", route.name),
                SAFER,
            ),
            Login::Both(spot, login) => notes.look(
                at.spot(&spot),
                format!(
                    "`{}` sends {login} beside the user and the password: one of them is whose password it proves",
                    route.name
                ),
                "see in the provider's documentation which of them names the account",
            ),
            Login::Unsaid => unsaid(reading.page, &at, route, notes),
        }
    }
}

/// Who signs in, as far as it stands right beside the password.
enum Login {
    User,
    /// Somebody else, in words.
    Other(Spot, String),
    /// The user, and something else that could be meant.
    Both(Spot, String),
    /// The password does not stand beside a login.
    Unsaid,
}

fn login(page: &Page, route: &Route) -> Login {
    if let Some(basic) = &route.basic
        && basic.password.sources().any(|source| *source == Source::Candidate)
        && !basic.user.parts.is_empty()
    {
        return judged(page, Spot::BasicUser, &basic.user.parts);
    }
    let (mut user, mut other) = (false, None);
    route.each_template(&mut |spot, template| {
        let parts = match &spot {
            Spot::Header(_) => before_colon(template),
            // What stands in the same object or form, under a name that means a login, may be the login.
            Spot::Json(_) | Spot::Form(_) => Some(template.parts.as_slice()).filter(|parts| {
                let beside = || whose::stands_beside(route, &spot, &Source::Candidate);
                !parts.is_empty() && accounts::is_account_field(&spot) && beside()
            }),
            _ => None,
        };
        match parts.map(|parts| judged(page, spot, parts)) {
            Some(Login::User) => user = true,
            Some(Login::Other(spot, login)) => other = other.take().or(Some((spot, login))),
            _ => {}
        }
    });
    match (user, other) {
        (true, None) => Login::User,
        (true, Some((spot, login))) => Login::Both(spot, login),
        (false, Some((spot, login))) => Login::Other(spot, login),
        (false, None) => Login::Unsaid,
    }
}

/// `login` of `login:{candidate}`; none if the template is of another form.
fn before_colon(template: &Template) -> Option<&[Part]> {
    let is_candidate = |part: &Part| matches!(part, Part::Name { source: Source::Candidate, .. });
    let before = template.parts.get(..template.parts.iter().position(is_candidate)?)?;
    let is_login = match before {
        [] => false,
        [Part::Literal(text)] => text.trim_end().ends_with(':') && text.trim_end().len() > 1,
        parts => parts.iter().any(|part| matches!(part, Part::Literal(text) if text.contains(':'))),
    };
    is_login.then_some(before)
}

fn judged(page: &Page, spot: Spot, login: &[Part]) -> Login {
    let of_user = |part: &Part| matches!(part, Part::Name { source, .. } if whose::is_of_user(page, source));
    if login.iter().any(of_user) {
        return Login::User;
    }
    let words = Template { parts: login.to_vec() };
    let words = words.to_string();
    Login::Other(spot, format!("`{}`", words.trim_end().trim_end_matches(':')))
}

/// The password does not stand beside a login: then something else of the request has to say whose it is.
fn unsaid(page: &Page, at: &At<'_>, route: &Route, notes: &mut Notes<'_>) {
    let (mut said, mut in_header) = (false, false);
    route.each_template(&mut |spot, template| {
        if template.sources().any(|source| whose::is_of_user(page, source)) {
            match (spot, template.sources().any(|source| matches!(source, Source::Capture(_)))) {
                // A capture in a header is a session of the user's.
                (Spot::Header(_), false) => in_header = true,
                _ => said = true,
            }
        }
    });
    if said {
        return;
    }
    let what = format!("`{}` proves that a password works, and ", route.name);
    if in_header {
        notes.look(at.request(), format!("{what}the user stands in a header only"), SAFER);
    } else if let Some(opener) = session(page, route) {
        let what = format!("{what}only a cookie of `{opener}` could say whose it is");
        notes.look(at.request(), what, SAFER);
    } else {
        notes.refuse(at.request(), format!("{what}nothing in it is the user: it could be anyone's"), SAFER);
    }
}

/// An earlier request that could have opened a session of the user's, and not of whoever a record's secret belongs to.
fn session<'p>(page: &'p Page, route: &Route) -> Option<&'p str> {
    let needed = |other: &&Route| {
        route.needs.iter().any(|need| match need {
            Need::Met(name) | Need::Kept(name) => *name == other.name,
            Need::Bound(name) => other.gives().any(|given| given == name),
        })
    };
    let opens = |other: &&Route| {
        !matches!(other.method, Method::Get | Method::Head)
            && whose::is_about_user(page, other)
            && !other.sources().iter().any(Source::is_record_secret)
    };
    page.routes.iter().filter(needed).find(opens).map(|other| other.name.as_str())
}
