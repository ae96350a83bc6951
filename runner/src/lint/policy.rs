//! The operator's file.

use super::locate::in_file;
use super::{Notes, Subject, words};
use crate::page::Page;
use crate::page::model::Origin;
use crate::policy::Policy;
use crate::policy::file::{HostPort, Pattern};
use crate::policy::fit;
use crate::policy::hosts::HostPort as Host;

/// Ports on which servers speak without encryption.
const CLEARTEXT_PORTS: &[u16] = &[80, 8000, 8008, 8080, 8888];
/// First labels of domains that hold machines' accounts only.
const SERVICE: &[&str] =
    &["svc", "service", "services", "bot", "bots", "machine", "machines", "robot", "robots", "app", "apps"];

/// The secret by whose power passwords are set under this policy.
fn admin(page: Option<&Page>, policy: &Policy) -> Option<String> {
    let is_off = |name: &str| policy.off.iter().any(|(off, _)| off == name);
    fit::set_by_admin(page?, is_off, policy.settings.reconcile).map(|(_, secret)| secret)
}

/// With an admin's secret, and also where no page is there to say that there is none.
fn perhaps_admin(subject: &Subject<'_>, policy: &Policy) -> Option<String> {
    match subject.page {
        Some(page) => admin(Some(page), policy).map(|secret| format!("`{secret}` sets passwords")),
        None => (!policy.records.is_empty()).then(|| "a record's secret may set passwords".to_owned()),
    }
}

/// True if a pattern holds no letter or digit: it allows everyone.
fn is_free(pattern: &Pattern) -> bool {
    !pattern.as_str().chars().any(char::is_alphanumeric)
}

pub(super) fn free_account(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    let Some(power) = perhaps_admin(subject, policy) else { return };
    let safer =
        "list the logins that are meant, such as `allow = [\"*@svc.acme.example\"]`, and except the admin's own";
    for pattern in policy.account.allow.iter().filter(|pattern| is_free(pattern)) {
        let what =
            format!("{power}, and `{pattern}` allows every account: whoever edits the vault record chooses whose");
        match subject.page {
            Some(_) => notes.refuse(pattern.span, what, safer),
            None => notes.look(pattern.span, what, safer),
        }
    }
}

pub(super) fn wide_account(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    let Some(power) = perhaps_admin(subject, policy) else { return };
    for pattern in policy.account.allow.iter().filter(|pattern| !is_free(pattern)) {
        let text = pattern.as_str();
        let stars = text.matches('*').count();
        let fixed = text.chars().filter(|character| character.is_alphanumeric()).count();
        let domain = text.strip_prefix("*@").filter(|domain| !domain.contains('*'));
        let whose = match domain {
            Some(domain) if !is_service(domain) => format!("every account of {domain}, people's and admins' as well"),
            None if stars > 0 && fixed < 4 => "far more than one kind of account".to_owned(),
            _ => continue,
        };
        notes.look(
            pattern.span,
            format!("{power}, and `{pattern}` allows {whose}"),
            "list the logins, or give them a domain or a prefix of their own (`svc-*@acme.example`)",
        );
    }
}

fn is_service(domain: &str) -> bool {
    domain
        .split('.')
        .next()
        .is_some_and(|label| words::parts(label).iter().any(|word| SERVICE.contains(&word.as_str())))
}

/// Does every login that `inner` matches also match `outer`? Exact: a character that stands in neither pattern is put for each star
/// of `inner`; only a star of `outer` can take it.
fn covers(outer: &Pattern, inner: &Pattern) -> bool {
    let mut text = String::new();
    for character in inner.as_str().chars() {
        text.push(if character == '*' { '\u{F8FF}' } else { character });
    }
    outer.matches(&text)
}

pub(super) fn nobody_allowed(_: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    let account = &policy.account;
    let covered = |allowed: &Pattern| account.except.iter().find(|except| covers(except, allowed));
    let everyone = account.allow.is_empty().then(|| account.except.iter().find(|except| is_star(except))).flatten();
    let safer = "narrow `except` to the accounts that are not meant";
    if let Some(except) = everyone {
        notes.refuse(except.span, format!("`{except}` excepts every account: no run would begin"), safer);
    }
    let dead: Vec<(&Pattern, &Pattern)> =
        account.allow.iter().filter_map(|allowed| Some((allowed, covered(allowed)?))).collect();
    for (allowed, except) in &dead {
        let what = format!("`except` with `{except}` covers all of `{allowed}`");
        if dead.len() == account.allow.len() {
            notes.refuse(except.span, format!("{what}, and nothing else is allowed: no run would begin"), safer);
        } else {
            notes.look(allowed.span, format!("{what}: it allows nobody"), "take it out of `allow`, or narrow `except`");
        }
    }
}

fn is_star(pattern: &Pattern) -> bool {
    !pattern.as_str().is_empty() && pattern.as_str().chars().all(|character| character == '*')
}

pub(super) fn idle_except(_: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    let account = &policy.account;
    for except in account.except.iter().filter(|except| !except.as_str().contains('*')) {
        if !account.allow.is_empty() && !account.allow.iter().any(|allowed| allowed.matches(except.as_str())) {
            notes.note(
                except.span,
                format!("`{except}` is excepted, and nothing allows it: it could be misspelt"),
                "write it as the provider writes the login, or take it out",
            );
        }
    }
}

pub(super) fn admin_not_excepted(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    let Some(secret) = admin(subject.page, policy) else { return };
    let wild = policy.account.allow.iter().any(|pattern| pattern.as_str().contains('*'));
    if wild && policy.account.except.is_empty() {
        notes.look(
            in_file(&policy.file, &["account", "allow"]),
            format!("`{secret}` sets passwords, and no account is excepted, not even the one that it belongs to"),
            "write `except = [\"…\"]` with the logins that may never be changed from here",
        );
    }
}

pub(super) fn several_hosts(_: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    for (name, rule) in &policy.records {
        let hosts: Vec<String> = rule.hosts.iter().map(HostPort::to_string).collect();
        if hosts.len() > 1 {
            notes.look(
                rule.hosts_span,
                format!(
                    "the vault record of `{name}` may name any of {}: who edits it chooses where its secrets go",
                    hosts.join(", ")
                ),
                "write a policy for each, so that each record has one host",
            );
        }
    }
}

/// Each host that the policy lists, with its place.
fn hosts(policy: &Policy, mut each: impl FnMut(&Host, crate::page::diagnostic::Span)) {
    for (name, rule) in &policy.records {
        for (index, host) in rule.hosts.iter().enumerate() {
            each(host, in_file(&policy.file, &["records", name, "hosts", &index.to_string()]));
        }
    }
    for (index, host) in policy.rotator.literal_hosts.iter().enumerate() {
        each(host, in_file(&policy.file, &["rotator", "literal-hosts", &index.to_string()]));
    }
}

pub(super) fn loose_host(_: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    hosts(policy, |host, span| {
        let name = host.host.as_str();
        let is_address = name.starts_with('[') || name.parse::<std::net::IpAddr>().is_ok();
        let (what, safer) = if is_address {
            (
                "is an address: whoever has it next gets the secrets, if a certificate is had for it",
                "write the provider's name",
            )
        } else if words::is_borrowed(name) {
            (
                "is a host of which anyone can have a neighbour's name: one slip, and it is theirs",
                "see that this very name is the provider's",
            )
        } else if !name.contains('.') {
            ("is a short name, which the search list of this machine completes", "write the whole name")
        } else {
            return;
        };
        notes.look(span, format!("`{host}` {what}"), safer);
    });
}

pub(super) fn cleartext_port(_: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    hosts(policy, |host, span| {
        if CLEARTEXT_PORTS.contains(&host.port) {
            notes.look(
                span,
                format!("`{host}` is a port on which servers mostly speak without encryption; only TLS is spoken here"),
                "write the port on which the provider speaks TLS, mostly 443",
            );
        }
    });
}

pub(super) fn idle_literal_host(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    let Some(page) = subject.page else { return };
    let written = |listed: &Host| {
        page.routes.iter().any(|route| {
            matches!(&route.target.origin, Origin::Literal { host, port } if *host == listed.host && *port == listed.port)
        })
    };
    for (index, host) in policy.rotator.literal_hosts.iter().enumerate() {
        if !written(host) {
            notes.look(
                in_file(&policy.file, &["rotator", "literal-hosts", &index.to_string()]),
                format!("`{host}` is allowed, and the page does not write it out: a later version could, unasked"),
                "take it out of `literal-hosts`",
            );
        }
    }
}

pub(super) fn unverified(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    if !policy.settings.accept_unverified {
        return;
    }
    let at = in_file(&policy.file, &["settings", "unverified"]);
    match subject.page.map(Page::can_verify) {
        Some(true) => notes.look(
            at,
            "`unverified = \"accept\"`, although the page can verify: a later version without a proof would pass unasked",
            "write `unverified = \"refuse\"`",
        ),
        _ => notes.look(
            at,
            "`unverified = \"accept\"`: exit 0 means that the provider said yes, and nobody saw the new password work",
            "take a rotator that can verify, if there is one for this provider",
        ),
    }
}

pub(super) fn reconcile(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    if !policy.settings.reconcile {
        return;
    }
    let Some(power) = perhaps_admin(subject, policy) else { return };
    notes.look(
        in_file(&policy.file, &["settings", "reconcile"]),
        format!("`reconcile = \"old-refused\"`: {power} without the old one; whoever spoils the vault's old password causes it"),
        "write `reconcile = \"never\"`, and allow it for the one run that needs it",
    );
}

pub(super) fn wasi(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    if !policy.rotator.inert_wasi {
        return;
    }
    let at = in_file(&policy.file, &["rotator", "wasi"]);
    match subject.needs_wasi {
        Some(false) => notes.look(
            at,
            "`wasi = \"inert\"`, and the module does not need it",
            "write `wasi = \"none\"`, or leave it out",
        ),
        _ => notes.note(
            at,
            "the module is given an inert WASI: more code of the runner that it can call, and nothing to reach by it",
            "take a module built without WASI, if there is one",
        ),
    }
}

pub(super) fn several_digests(_: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    let safer = "take out the digests of versions that are no longer in use";
    if policy.rotator.sha256.len() > 1 {
        let what = format!("{} modules are approved here, and any of them may run", policy.rotator.sha256.len());
        notes.note(policy.rotator.sha256_span, what, safer);
    }
    if let Some(page) = policy.rotator.page.as_ref().filter(|page| page.sha256.len() > 1) {
        notes.note(
            page.span,
            format!("{} pages are approved here, and any of them may be used", page.sha256.len()),
            safer,
        );
    }
}

pub(super) fn self_owned(subject: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    if subject.self_owned {
        notes.look(
            in_file(&policy.file, &["rotator"]),
            "policy: self-owned; the user that runs rotations can rewrite it, so it binds nobody who has become that user",
            "give the file and its folder to root, or to another user than the runner's",
        );
    }
}

pub(super) fn walls_optional(_: &Subject<'_>, policy: &Policy, notes: &mut Notes<'_>) {
    if !policy.settings.require_confinement {
        notes.note(
            policy.settings_span,
            "a run goes on where the kernel lacks a wall, and says so in its result",
            "write `confinement = \"require\"` under `[settings]` once `rotabox doctor` shows that this host has them all",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::diagnostic::Span;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pattern_that_covers_another_matches_all_that_it_matches(
            outer in "[ab*]{0,6}", inner in "[ab*]{0,5}", fill in proptest::collection::vec("[abc]{0,3}", 6),
        ) {
            let pattern = |text: &str| Pattern::new(text, Span::default());
            let (outer, inner) = (pattern(&outer), pattern(&inner));
            let mut fill = fill.into_iter();
            let text: String = inner.as_str().split('*').map(str::to_owned).reduce(|before, after| {
                before + &fill.next().unwrap_or_default() + &after
            }).unwrap_or_default();
            prop_assert!(inner.matches(&text));
            if covers(&outer, &inner) {
                prop_assert!(outer.matches(&text), "{outer} covers {inner}, and not {text}");
            }
        }
    }
}
