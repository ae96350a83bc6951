//! Does a policy fit its page? All that can be said before any params are there.

use super::file::{HostPort, Policy};
use super::tls;
use crate::page::diagnostic::Diagnostic;
use crate::page::model::{Need, Origin, Record, Route};
use crate::page::template::Source;
use crate::page::tree::{Parsed, Problem, choices};
use crate::page::{Page, Step};
use std::collections::BTreeSet;

/// The first problem, as a message about a place in the policy.
pub(super) fn fit(page: &Page, policy: &Policy) -> Result<(), Box<Diagnostic>> {
    let checks = [records, literal_hosts, switched_off, reconcile, account];
    for check in checks {
        check(page, policy).map_err(|problem| problem.of(&policy.file))?;
    }
    Ok(())
}

/// The records of page and policy are the same, and `hosts` stands where there is a URL.
fn records(page: &Page, policy: &Policy) -> Parsed<()> {
    let names = || page.records.iter().map(|record| record.name.as_str());
    for (name, rule) in &policy.records {
        if page.record(name).is_none() {
            let problem = Problem::new(rule.span, format!("the page has no record `{name}`"));
            return Err(match names().next() {
                Some(_) => problem.hint(choices(name, names().collect::<Vec<_>>())),
                None => problem.hint("remove this table: the page needs no records"),
            });
        }
    }
    for record in &page.records {
        let name = &record.name;
        let Some(rule) = policy.records.get(name.as_str()) else {
            return Err(Problem::new(
                policy.rotator.span,
                format!("the page needs a record `{name}`, and the policy does not say which vault record that is"),
            )
            .hint(example(record)));
        };
        if record.url.is_some() && rule.hosts.is_empty() {
            return Err(Problem::new(
                rule.hosts_span,
                format!("the page uses the URL of `{name}`, and the policy does not say which hosts it may name"),
            )
            .hint("write `hosts = [\"acme.okta.com\"]`, with the provider's own host"));
        }
        if record.url.is_none() && !rule.hosts.is_empty() {
            return Err(Problem::new(
                rule.hosts_span,
                format!("the page does not use the URL of `{name}`, so `hosts` would mean nothing"),
            )
            .hint("remove `hosts`; origins that the page writes out stand in `literal-hosts` under `[rotator]`"));
        }
        tls::fit(record, rule)?;
    }
    Ok(())
}

fn example(record: &Record) -> String {
    let hosts = if record.url.is_some() { " and `hosts = [\"…\"]`" } else { "" };
    format!("add `[records.{}]` with `title = \"…\"`{hosts}", record.name)
}

/// Origins that the page writes out are listed.
fn literal_hosts(page: &Page, policy: &Policy) -> Parsed<()> {
    let literal = page.routes.iter().filter_map(|route| match &route.target.origin {
        Origin::Literal { host, port } => Some((route, HostPort { host: host.clone(), port: *port })),
        Origin::Record(_) => None,
    });
    let needed: BTreeSet<String> = literal.clone().map(|(_, host)| format!("\"{host}\"")).collect();
    for (route, host) in literal {
        if !policy.rotator.literal_hosts.contains(&host) {
            let needed = needed.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Problem::new(
                policy.rotator.span,
                format!("route `{}` of the page goes to `{host}`, and the policy does not list that host", route.name),
            )
            .hint(format!("write `literal-hosts = [{needed}]` under `[rotator]`, if these are the provider's")));
        }
    }
    Ok(())
}

/// What is switched off exists and may be.
fn switched_off(page: &Page, policy: &Policy) -> Parsed<()> {
    let removable = || page.routes.iter().filter(|route| route.removable).map(|route| route.name.as_str());
    for (name, span) in &policy.off {
        let message = match page.route(name) {
            Some(route) if route.removable => continue,
            Some(_) => format!("the page does not let route `{name}` be switched off"),
            None => format!("the page has no route `{name}`"),
        };
        let hint = match removable().next() {
            Some(_) => choices(name, removable().collect::<Vec<_>>()),
            None => "no route of this page can be switched off; remove it here".to_owned(),
        };
        return Err(Problem::new(*span, message).hint(hint));
    }
    Ok(())
}

/// Reconcile is possible if it is asked for.
fn reconcile(page: &Page, policy: &Policy) -> Parsed<()> {
    if policy.settings.reconcile && !page.has_step(Step::Reconcile) {
        return Err(Problem::new(policy.settings_span, "reconcile is asked for, and the page has no route for it")
            .hint("write `reconcile = \"never\"`, or take a rotator that can"));
    }
    Ok(())
}

/// Where an admin secret sets the password, the operator says for whom: the user comes from the vault record, and
/// whoever can edit that could otherwise have any account's password reset.
fn account(page: &Page, policy: &Policy) -> Parsed<()> {
    if !policy.account.allow.is_empty() {
        return Ok(());
    }
    let is_off = |name: &str| policy.off.iter().any(|(off, _)| off == name);
    match set_by_admin(page, is_off, policy.settings.reconcile) {
        None => Ok(()),
        Some((route, secret)) => Err(Problem::new(
            policy.account.span,
            format!(
                "route `{}` sets passwords by the power of `{secret}`, and the policy does not say for whom",
                route.name
            ),
        )
        .hint("write `allow = [\"*@svc.acme.example\"]` under `[account]`, with the logins that are meant")),
    }
}

/// A changing route that can be sent, and the record secret by whose power it may work: placed by the route itself, by a
/// route whose capture it uses, or by any route of its step, for a cookie needs no line on the page. If no route of the step
/// proves the old password either, any field of a record counts: the power must come from somewhere.
pub fn set_by_admin(page: &Page, is_off: impl Fn(&str) -> bool, reconcile: bool) -> Option<(&Route, String)> {
    let on = |route: &&Route| !is_off(route.name.as_str());
    let possible = |step: &Step| *step != Step::Reconcile || reconcile;
    for route in page.routes.iter().filter(on).filter(|route| route.changes) {
        let steps: BTreeSet<Step> = route.steps.iter().copied().filter(possible).collect();
        if steps.is_empty() {
            continue;
        }
        if let Some(secret) = power(page, route, &mut BTreeSet::new()) {
            return Some((route, secret));
        }
        for step in steps {
            let of_step = || page.routes.iter().filter(|other| other.steps.contains(&step));
            let proves_old = of_step().any(|other| other.sources().contains(&Source::OldPassword));
            let field = || if proves_old { None } else { of_step().find_map(placed_field) };
            if let Some(power) = of_step().find_map(placed_secret).or_else(field) {
                return Some((route, power));
            }
        }
    }
    None
}

/// The record secret that a route places, as the page names it.
fn placed_secret(route: &Route) -> Option<String> {
    route.sources().into_iter().find_map(|source| match source {
        Source::Field { record, field, secret: true } => Some(format!("{record}.{field}")),
        _ => None,
    })
}

/// Any field of a record that a route places.
fn placed_field(route: &Route) -> Option<String> {
    route.sources().into_iter().find_map(|source| match source {
        Source::Field { record, field, .. } => Some(format!("{record}.{field}")),
        _ => None,
    })
}

/// The record secret behind a route: its own, or that of a session or capture it needs.
fn power<'p>(page: &'p Page, route: &'p Route, seen: &mut BTreeSet<&'p str>) -> Option<String> {
    if !seen.insert(route.name.as_str()) {
        return None;
    }
    placed_secret(route).or_else(|| {
        route.needs.iter().find_map(|need| {
            page.routes
                .iter()
                .filter(|other| match need {
                    Need::Met(name) => other.name == *name,
                    Need::Bound(name) => other.captures.iter().any(|(capture, _)| capture == name),
                    Need::Kept(_) => false,
                })
                .find_map(|other| power(page, other, seen))
        })
    })
}
