//! The one decision: may this route be sent now?
//!
//! Pure; borrows everything. Enforcement, `explain`, `routes()` and the audit event render the same value. The order
//! is that of the files: first what the page says, then what the operator switched off or bounded, then for whom.

use super::bind::{Account, Bound, account_line};
use crate::page::model::{Need, Route};
use crate::page::names::BindName;
use crate::page::progress::{Denial, Progress};

/// What is asked: a route by name with arguments, in the state of a step and a run.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The route's name, as the rotator wrote it.
    pub route: &'a str,
    /// Its arguments.
    pub args: &'a [(String, String)],
    /// What the step knows.
    pub progress: &'a Progress,
    /// What the run has done.
    pub run: RunFacts,
}

/// What the run has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// Requests sent, verifications included.
    pub requests: u32,
    /// A changing request of this step was sent, or may have been.
    pub changed: bool,
}

/// The answer.
#[derive(Debug)]
#[must_use]
pub enum Decision<'b> {
    /// It may be sent.
    Allow {
        /// The route.
        route: &'b Route,
        /// The line that allows it: `okta/page.toml:31`.
        line: String,
    },
    /// It may not.
    Deny(Refusal),
}

/// Why not, by which line, and what would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub rule: Rule,
    /// `file:line` of that rule; the file alone where no line says it.
    pub line: String,
    /// Names that would help: the routes that give what is missing and are not switched off, or all routes of the page
    /// where the asked one does not exist.
    pub instead: Vec<String>,
}

/// The rules that can refuse a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The page does not allow it.
    Page(Denial),
    /// `[routes] off` names it.
    SwitchedOff,
    /// The run's quota of requests is used up.
    Requests {
        /// The quota.
        most: u32,
    },
    /// A changing request was sent in this step already.
    ChangedAlready,
    /// The account's own login, as the provider gave it, is not one the policy allows.
    LoginNotAllowed {
        /// The bind that holds it.
        bind: String,
        /// Why not.
        verdict: Account,
    },
}

/// Decides.
pub fn decide<'b>(bound: &'b Bound, ask: &Ask<'_>) -> Decision<'b> {
    match refused(bound, ask) {
        Ok(route) => Decision::Allow { route, line: bound.page.file.line_of(route.span) },
        Err(refusal) => Decision::Deny(*refusal),
    }
}

fn refused<'b>(bound: &'b Bound, ask: &Ask<'_>) -> Result<&'b Route, Box<Refusal>> {
    let (page, policy) = (&bound.page, &bound.policy);
    let route =
        ask.progress.admit(page, ask.route, ask.args).map_err(|denial| Box::new(by_page(bound, ask, denial)))?;
    let refuse = |rule, line| Err(Box::new(Refusal { rule, line, instead: Vec::new() }));
    if let Some((_, span)) = policy.off.iter().find(|(off, _)| off == route.name.as_str()) {
        return refuse(Rule::SwitchedOff, policy.file.line_of(*span));
    }
    if ask.run.requests >= policy.limits.requests {
        return refuse(Rule::Requests { most: policy.limits.requests }, policy.file.line_of(policy.limits_span));
    }
    if ask.run.changed && route.changes {
        return refuse(Rule::ChangedAlready, page.file.line_of(route.span));
    }
    if let Some((bind, verdict)) = foreign_login(bound, ask.progress) {
        let line = account_line(policy, &verdict);
        return refuse(Rule::LoginNotAllowed { bind: bind.to_string(), verdict }, line);
    }
    Ok(route)
}

fn by_page(bound: &Bound, ask: &Ask<'_>, denial: Denial) -> Refusal {
    let page = &bound.page;
    let asked = page.route(ask.route);
    let line = asked.map_or_else(|| page.file.name.to_string(), |route| page.file.line_of(route.span));
    let instead = match &denial {
        Denial::UnknownRoute { .. } => page.routes.iter().map(|route| route.name.to_string()).collect(),
        Denial::Missing(need) => givers(bound, ask, need),
        _ => Vec::new(),
    };
    Refusal { rule: Rule::Page(denial), line, instead }
}

/// The routes of this step that give what is missing.
fn givers(bound: &Bound, ask: &Ask<'_>, need: &Need) -> Vec<String> {
    let on = |route: &&Route| !bound.policy.off.iter().any(|(off, _)| off == route.name.as_str());
    let gives = |route: &&Route| match need {
        Need::Met(name) | Need::Kept(name) => route.name == *name,
        Need::Bound(name) => route.binds.iter().chain(&route.captures).any(|(given, _)| given == name),
    };
    let of_step = bound.page.routes.iter().filter(|route| route.steps.contains(&ask.progress.step));
    of_step.filter(on).filter(gives).map(|route| route.name.to_string()).collect()
}

/// A bind that holds the account's own login (`account.login`, or any other whose last word is `login`), and what is
/// not allowed about it. Until a look-up binds one, there is nothing to say.
fn foreign_login<'b>(bound: &'b Bound, progress: &Progress) -> Option<(&'b BindName, Account)> {
    let binds = bound.page.routes.iter().flat_map(|route| route.binds.iter().map(|(name, _)| name));
    binds.filter(|name| name.as_str().ends_with(".login")).find_map(|name| {
        let login = match progress.bind(name.as_str())? {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match bound.policy.account.judge(&login) {
            Account::Allowed => None,
            verdict => Some((name, verdict)),
        }
    })
}
