//! Why a route may be sent, or not, and what the policy says about it: the words of `explain`.

use super::escape::escape;
use super::layout::pairs;
use super::page_table;
use super::page_view::route_view;
use crate::page::model::{Origin, Route};
use crate::page::{Page, Step};
use crate::policy::bind::Account;
use crate::policy::file::{HostPort, Policy, Select};
use crate::policy::which::{Candidate, Difference, Unjudged};

/// Most characters of one untrusted text.
const MOST: usize = 400;

/// What stands in page and policy about a route that exists.
pub fn route(page: &Page, policy: &Policy, name: &str, route: &Route) -> String {
    let mut text = format!("\n{}\n", page_table::route(&route_view(page, route)));
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |label: &str, value: String| rows.push((label.to_owned(), escape(&value, MOST)));
    let line = |span| policy.file.line_of(span);
    match &route.target.origin {
        Origin::Literal { host, port } => {
            let host = HostPort { host: host.clone(), port: *port };
            row(
                "goes to",
                format!("{host}, which the page writes out and `literal-hosts` lists ({})", line(policy.rotator.span)),
            );
        }
        Origin::Record(record) => {
            if let Some(rule) = policy.records.get(record.as_str()) {
                row("goes to", format!("{} ({})", hosts(&rule.hosts), line(rule.hosts_span)));
                if let Some(span) = rule.pins_span {
                    let pins: Vec<String> = rule.pins.iter().map(ToString::to_string).collect();
                    row("pinned to", format!("{} ({})", pins.join(", "), line(span)));
                }
                if let Some(client) = &rule.client_certificate {
                    row(
                        "shows it",
                        format!(
                            "the certificate in the record's field {:?}, with the key in {:?} ({})",
                            client.certificate,
                            client.key,
                            line(client.span)
                        ),
                    );
                }
            }
        }
    }
    for record in &page.records {
        if let Some(rule) = policy.records.get(record.name.as_str()) {
            let select = match &rule.select {
                Select::Title(title) => format!("titled {title:?}"),
                Select::Uid(uid) => format!("with uid {uid:?}"),
            };
            row("record", format!("`{}` is the vault record {select} ({})", record.name, line(rule.span)));
        }
    }
    row("accounts", format!("{} ({})", accounts(policy), line(policy.account.span)));
    for step in &route.steps {
        row(&format!("in {step}"), begun(page, policy, *step));
    }
    text.push_str(&format!("  by policy `{}`\n", escape(name, MOST)));
    text.push_str(&pairs(&rows, 4, 13));
    text
}

/// When a run begins a step, or that it never does.
fn begun(page: &Page, policy: &Policy, step: Step) -> String {
    if let Some(never) = never_begun(page, policy, step) {
        return never;
    }
    match step {
        Step::Verify => "begun to see whether the old or the new password works".to_owned(),
        Step::Change if page.can_verify() => "begun when the old password was seen to work".to_owned(),
        Step::Change => "begun at once: the page cannot verify, and the policy accepts that".to_owned(),
        Step::Reconcile => {
            "begun when the old password is refused, or there is none, and the new one does not work yet".to_owned()
        }
        Step::Finish => "begun when the new password was seen to work after a change".to_owned(),
    }
}

/// Why no run begins a step at all, with the line that says so.
pub fn never_begun(page: &Page, policy: &Policy, step: Step) -> Option<String> {
    let line = policy.file.line_of(policy.settings_span);
    if !page.can_verify() && !policy.settings.accept_unverified {
        return Some(format!(
            "no run begins: the page has no verify route, and the policy does not accept that ({line}); \
             `unverified = \"accept\"` under `[settings]` would"
        ));
    }
    if step == Step::Reconcile && !policy.settings.reconcile {
        return Some(format!(
            "never begun: the policy does not allow to reconcile ({line}); `reconcile = \"old-refused\"` under `[settings]` would"
        ));
    }
    None
}

/// Whose passwords may be changed.
fn accounts(policy: &Policy) -> String {
    let patterns = |patterns: &[crate::policy::file::Pattern]| {
        let texts: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
        texts.join(", ")
    };
    let allow = match policy.account.allow.as_slice() {
        [] => "any".to_owned(),
        some => patterns(some),
    };
    match policy.account.except.as_slice() {
        [] => allow,
        some => format!("{allow}, but not {}", patterns(some)),
    }
}

/// An account that the policy does not allow.
pub fn account_refused(policy: &Policy, user: &str, verdict: &Account) -> String {
    let user = escape(user, MOST);
    match verdict {
        Account::Excepted(pattern) => format!(
            "the account `{user}` is excepted with `{}` ({}); take the pattern out of `except` to allow it",
            escape(pattern.as_str(), MOST),
            policy.file.line_of(pattern.span)
        ),
        Account::Allowed | Account::NotListed => format!(
            "no pattern of `allow` matches the account `{user}` ({}); add one under `[account]` to allow it",
            policy.file.line_of(policy.account.span)
        ),
    }
}

/// What of a request was not judged, and why.
pub fn unjudged(page: &Page, route: &Route, unjudged: Unjudged) -> String {
    let line = page.file.line_of(route.request_span);
    let most = route.pages.as_ref().map_or(1, |pages| pages.at_most);
    match unjudged {
        Unjudged::Query => format!(
            "the query is not what the page writes, and was not judged: it can be that of a further page of the list (up to {most}), which \
             the provider's answer names ({line}); whose account it is about cannot be told from it"
        ),
        Unjudged::Token => format!(
            "the token of a further page of the list (up to {most}) stands in the query, and was not judged: the provider's answer names \
             it ({line})"
        ),
    }
}

/// Why a route cannot have produced a request, one line a difference.
pub fn differences(policy: &Policy, candidate: &Candidate<'_>) -> Vec<String> {
    let target = &candidate.route.target;
    candidate
        .differs
        .iter()
        .map(|difference| match difference {
            Difference::Method(method) => format!("the method is {method} there"),
            Difference::Host { allowed, line } => match allowed.as_slice() {
                [] => format!("the policy lists no host for it ({line})"),
                allowed => format!("it goes to {} only ({line})", hosts(allowed)),
            },
            Difference::Path => format!("the path is {} there", escape(&target.to_string(), usize::MAX)),
            Difference::Query { missing, unknown, other } => {
                let mut said = Vec::new();
                let mut say = |keys: &[String], words: &str| {
                    if !keys.is_empty() {
                        let keys: Vec<String> = keys.iter().map(|key| format!("`{}`", escape(key, 100))).collect();
                        said.push(format!("{} {words}", keys.join(", ")));
                    }
                };
                say(missing, "missing");
                say(unknown, "not on the page");
                say(other, "not as the page writes it");
                format!("the query differs: {}", said.join("; "))
            }
            Difference::Account { user, verdict } => account_refused(policy, user, verdict),
        })
        .collect()
}

fn hosts(hosts: &[HostPort]) -> String {
    let hosts: Vec<String> = hosts.iter().map(HostPort::to_string).collect();
    hosts.join(", ")
}
