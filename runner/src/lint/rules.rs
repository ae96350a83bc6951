//! Every rule: its name, one sentence, and where it is written.

use super::locate::Reading;
use super::{Notes, Subject, accounts, answers, host, policy, proofs, requests, secrets, stored};
use crate::page::diagnostic::SourceFile;
use crate::policy::{HostFile, Policy};

/// A rule.
pub struct Rule {
    /// Its name, which a finding carries.
    pub id: &'static str,
    /// What it finds: one sentence without full stop.
    pub about: &'static str,
    pub(super) check: Check,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// The page alone.
    Page(fn(&Reading<'_>, &mut Notes<'_>)),
    /// The policy, with the page if there is one.
    Policy(fn(&Subject<'_>, &Policy, &mut Notes<'_>)),
    /// The host file.
    Host(fn(&HostFile, &SourceFile, &mut Notes<'_>)),
}

/// The rule with this name.
pub fn named(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

const fn page(id: &'static str, about: &'static str, check: fn(&Reading<'_>, &mut Notes<'_>)) -> Rule {
    Rule { id, about, check: Check::Page(check) }
}

const fn policy(id: &'static str, about: &'static str, check: fn(&Subject<'_>, &Policy, &mut Notes<'_>)) -> Rule {
    Rule { id, about, check: Check::Policy(check) }
}

const fn host(id: &'static str, about: &'static str, check: fn(&HostFile, &SourceFile, &mut Notes<'_>)) -> Rule {
    Rule { id, about, check: Check::Host(check) }
}

/// All of them, pages first.
pub const RULES: &[Rule] = &[
    page("secret-in-query", "a secret in a query, which servers and proxies log", secrets::in_query),
    page("secret-in-path", "a secret in a path, which servers and proxies log", secrets::in_path),
    page(
        "secret-elsewhere",
        "a secret that is sent to more than one origin, or not to its record's own",
        secrets::elsewhere,
    ),
    page("secret-in-odd-place", "a secret in a header or a field whose name is no credential's", secrets::in_odd_place),
    page("literal-secret", "a constant where a secret belongs", secrets::literal),
    page("secret-shown-again", "a secret in a place that is read back, or that everyone reads", secrets::shown_again),
    page("secret-in-write", "a record's secret in the body of a request that writes", stored::in_write),
    page("secret-twice", "a secret in several places of one request", stored::twice),
    page("password-in-look-up", "the old password in a request that is no verification", secrets::in_look_up),
    page("beside-a-secret", "constants beside a secret in a body", secrets::beside),
    page("secret-unused", "a secret of a record that no request places", secrets::unused),
    page("text-readable", "a field of a vault record that the rotator reads", secrets::readable_text),
    page("shows-whole-answer", "an answer that the rotator sees in whole", answers::shows_whole),
    page(
        "shows-credential",
        "a place of an answer that the rotator sees and that may hold a credential",
        answers::shows_credential,
    ),
    page("shows-wide", "an object or a list that the rotator sees, or many places of one answer", answers::shows_wide),
    page("binds-credential", "a place that may hold a credential, taken as a plain value", answers::binds_credential),
    page("captures-credential", "a token or a password that an answer carries", answers::captures),
    page(
        "returns-credential",
        "a request whose answer is a temporary password, or a link that sets one",
        answers::returns_credential,
    ),
    page("admin-power", "passwords that are set by the power of a record's secret", accounts::admin_power),
    page("literal-account", "a changing or verifying request that names an account itself", accounts::literal),
    page("account-not-user", "a changing request in which nothing is the user", accounts::not_user),
    page("account-affixed", "an account that is the user's name with something around it", accounts::affixed),
    page("proof-not-user", "a proof that a password works, and not whose", proofs::not_user),
    page(
        "bind-unchecked",
        "an account's id, taken from an answer that was not compared with the user",
        accounts::unchecked_bind,
    ),
    page(
        "argument-near-change",
        "an argument whose answer a changing or verifying request uses",
        accounts::argument_near_change,
    ),
    page("argument-in-write", "an argument in a request that writes", accounts::argument_in_write),
    page("argument-wide", "an argument of any text", accounts::wide_argument),
    page("may-create", "a changing request that could make an account that is not there", accounts::may_create),
    page("reaches-further", "a request for rights, keys or second factors", requests::reaches_further),
    page("acts-as", "a header or a query pair that acts for somebody else", requests::acts_as),
    page("write-not-marked", "a request that writes and is not marked as changing", requests::unmarked),
    page(
        "accepts-too-much",
        "a change or a proof that other answers than the documented one pass",
        requests::accepts_too_much,
    ),
    page("no-refuses", "a changing request or a proof that cannot be refused", requests::no_refuses),
    page("no-verify", "a page that cannot see whether a password works", requests::no_verify),
    page("literal-host", "a host that the page names", requests::literal_host),
    page("borrowed-host", "a host below which anyone can have a name", requests::borrowed_host),
    page("cleartext", "an address without encryption among what is sent", requests::cleartext),
    page("idle-route", "a request that no step needs", requests::idle),
    policy("free-account", "an admin's secret, and no bound on whose password it sets", policy::free_account),
    policy("wide-account", "an admin's secret, and a whole domain of accounts", policy::wide_account),
    policy("nobody-allowed", "an `except` that covers all of `allow`", policy::nobody_allowed),
    policy("idle-except", "an `except` that excepts nothing", policy::idle_except),
    policy("admin-not-excepted", "an admin's secret whose own account is not excepted", policy::admin_not_excepted),
    policy("several-hosts", "several hosts of which a vault record may name any", policy::several_hosts),
    policy("loose-host", "a host that is an address, a short name, or anyone's", policy::loose_host),
    policy("cleartext-port", "a port on which servers speak without encryption", policy::cleartext_port),
    policy("idle-literal-host", "a listed host that the page does not write out", policy::idle_literal_host),
    policy("unverified-accepted", "a new password that nobody sees working counts as good", policy::unverified),
    policy("reconcile-with-admin", "passwords that are reset although the old one is refused", policy::reconcile),
    policy("wasi-inert", "a module that is given an inert WASI", policy::wasi),
    policy("several-digests", "several digests, of which any may run", policy::several_digests),
    policy("self-owned", "a policy that the runner's own user can rewrite", policy::self_owned),
    policy("walls-optional", "a run that goes on where the kernel has no walls", policy::walls_optional),
    host("wide-opening", "an address opening for far more than a provider", host::wide_opening),
    host("local-opening", "an address opening for this machine or its link", host::local_opening),
    host("cleartext-opening", "an opening for, or a proxy on, a connection without encryption", host::cleartext),
    host("no-audit", "a host on which nothing is recorded", host::no_audit),
];
