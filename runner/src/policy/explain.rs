//! A decision in words: what was refused, by which line of which file, and the line that would allow it.

use super::bind::Account;
use super::decide::{Decision, Refusal, Rule};
use crate::page::Step;
use crate::page::model::Need;
use crate::page::progress::Denial;
use crate::vault::shown;

/// One or two sentences for a refusal. Untrusted names in it are escaped.
pub fn refusal(refusal: &Refusal, route: &str) -> String {
    let line = &refusal.line;
    let route = shown(route);
    match &refusal.rule {
        Rule::Page(denial) => by_page(denial, refusal, &route),
        Rule::SwitchedOff => format!(
            "route {route} is switched off by the operator ({line}); take it out of `off` under `[routes]` to allow it"
        ),
        Rule::Requests { most: most @ 1000.. } => {
            format!("the {most} requests of this run are used up ({line}); no policy can allow more")
        }
        Rule::Requests { most } => format!(
            "the {most} requests of this run are used up ({line}); `requests = {}` under `[limits]` would allow more, up to the \
             host's `[ceilings]`",
            most.saturating_mul(2).clamp(1, 1000)
        ),
        Rule::ChangedAlready => format!(
            "route {route} changes something, and a changing request was sent in this step already ({line}); a step \
             changes at most once, and nothing allows a second time"
        ),
        Rule::LoginNotAllowed { bind, verdict } => match verdict {
            Account::Excepted(pattern) => format!(
                "the account's own login, which the provider gave as `{bind}`, is one that the policy excepts with {} \
                 ({line}); correct `user` in the vault, or take the pattern out of `except`",
                shown(pattern.as_str())
            ),
            Account::Allowed | Account::NotListed => format!(
                "the account's own login, which the provider gave as `{bind}`, is not one that the policy allows ({line}); \
                 correct `user` in the vault, or add a pattern for it to `allow` under `[account]`"
            ),
        },
    }
}

/// The same for any decision.
pub fn decision(decision: &Decision<'_>, route: &str) -> String {
    match decision {
        Decision::Allow { line, .. } => format!("route {} may be sent ({line})", shown(route)),
        Decision::Deny(denied) => refusal(denied, route),
    }
}

fn by_page(denial: &Denial, refusal: &Refusal, route: &str) -> String {
    let line = &refusal.line;
    match denial {
        Denial::UnknownRoute { nearest, .. } => {
            let advice = match nearest {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", quoted(&refusal.instead, "and")),
            };
            format!("the page has no route {route} ({line}); {advice}")
        }
        Denial::WrongStep { step, allowed } => {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            let all: Vec<String> = Step::ALL
                .into_iter()
                .filter(|other| other == step || allowed.contains(&other.to_string()))
                .map(|step| format!("\"{step}\""))
                .collect();
            format!(
                "route {route} is for {}, and this step is {step} ({line}); `for = [{}]` on the page would allow it",
                plain(&allowed, "and"),
                all.join(", ")
            )
        }
        Denial::UsedUp { uses } => format!(
            "route {route} was sent {} in this step, which is all that the page allows ({line}); `uses = {}` on the page would \
             allow another",
            times(*uses),
            uses.saturating_add(1)
        ),
        Denial::Missing(need) => missing(need, refusal, route),
        Denial::UnknownArg { name, nearest } => {
            let advice = match nearest {
                Some(near) => format!("did you mean `{near}`?"),
                None => "declare it in `[route.args]` of the page, or leave it out".to_owned(),
            };
            format!("route {route} has no argument {} ({line}); {advice}", shown(name))
        }
        Denial::ArgCount { name, given: 0 } => {
            format!("route {route} needs the argument {}, which was not given ({line}); give it once", shown(name))
        }
        Denial::ArgCount { name, given } => format!(
            "the argument {} of route {route} was given {} ({line}); give it once",
            shown(name),
            times(u32::try_from(*given).unwrap_or(u32::MAX))
        ),
        Denial::BadArg { name, class } => format!(
            "the argument {} of route {route} may only be {class} ({line}); give such a value, or let `[route.args]` of the page \
             declare another class",
            shown(name)
        ),
    }
}

fn missing(need: &Need, refusal: &Refusal, route: &str) -> String {
    let line = &refusal.line;
    let (wants, what) = match need {
        Need::Bound(name) => (format!("needs `{name}`, which no look-up has given in this step"), "gives it"),
        Need::Met(name) => (format!("must come after `{name}`, which was not accepted in this step"), "can be sent"),
        Need::Kept(name) => (format!("needs the document of `{name}`, which was not read in this step"), "keeps it"),
    };
    let advice = match refusal.instead.as_slice() {
        [] => format!("no route that is allowed in this step {what}"),
        givers => format!("call {} first", quoted(givers, "or")),
    };
    format!("route {route} {wants} ({line}); {advice}")
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

fn quoted(names: &[String], last: &str) -> String {
    plain(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>(), last)
}

/// `a`, `a and b`, `a, b and c`.
fn plain(names: &[String], last: &str) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [rest @ .., end] => format!("{} {last} {end}", rest.join(", ")),
    }
}
