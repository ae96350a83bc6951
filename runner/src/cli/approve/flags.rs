//! The flags of `approve` that answer what only the operator knows.

use crate::policy::file::{HostPort, Select};
use clap::{Args, ValueEnum};

/// Answers given on the command line.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "What only you know (asked on a terminal, if not given)")]
pub(super) struct Flags {
    /// The policy's name: the gateway's script says `rotabox run NAME`
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Which vault record a record of the page is: `api=title:Okta API Access Details` or `api=uid:…`
    ///
    /// A title has to be exact. If no record or more than one has it, a run is refused.
    #[arg(long, value_name = "RECORD=title:TITLE", value_parser = record)]
    pub(super) record: Vec<(String, Select)>,
    /// A host that the record's URL may name: `api=acme.okta.com`, with `:port` if it is not 443 [repeatable]
    ///
    /// Exact, no wildcards: whoever edits the vault record must not be able to send the secrets elsewhere.
    #[arg(long, value_name = "RECORD=HOST", value_parser = host)]
    pub(super) host: Vec<(String, HostPort)>,
    /// Whose password may be changed: a login, with `*` for any run of characters [repeatable]
    ///
    /// Required where the page sets passwords with an admin secret; elsewhere, without it, any account.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub(super) allow: Vec<String>,
    /// Whose password may not be changed, even if `--allow` matches [repeatable]
    ///
    /// Name the account that the admin secret belongs to.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub(super) except: Vec<String>,
    /// Reset a password with admin rights when the provider refuses the old one?
    #[arg(long, value_enum)]
    pub(super) reconcile: Option<Reconcile>,
    /// Accept a change that nobody saw work? Only for a page that has no verify route
    #[arg(long, value_enum)]
    pub(super) unverified: Option<Unverified>,
    /// A host that the page itself writes out, and that you agree to: `graph.microsoft.com` [repeatable]
    #[arg(long, value_name = "HOST", value_parser = literal_host)]
    pub(super) literal_host: Vec<HostPort>,
    /// A removable route to switch off [repeatable]
    #[arg(long, value_name = "ROUTE")]
    pub(super) off: Vec<String>,
    /// Allow a module that always imports WASI an inert one: no files, sockets, environment, arguments
    #[arg(long, value_enum)]
    pub(super) wasi: Option<WasiChoice>,
    /// Refuse to run where the kernel lacks a wall? [default: best-effort]
    #[arg(long, value_enum)]
    pub(super) confinement: Option<Confinement>,
}

/// `[settings] reconcile`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Reconcile {
    /// Never
    Never,
    /// When the old password and the new one are refused, or there is no old one
    OldRefused,
}

/// `[settings] unverified`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Unverified {
    /// Do not run such a page
    Refuse,
    /// Take the provider's word
    Accept,
}

/// `[rotator] wasi`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WasiChoice {
    /// No WASI
    None,
    /// One that does nothing
    Inert,
}

/// `[settings] confinement`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Confinement {
    /// Run, and say which wall is missing
    BestEffort,
    /// Refuse to run
    Require,
}

fn record(text: &str) -> Result<(String, Select), String> {
    let (name, select) = named(text, "api=title:Okta API Access Details")?;
    match (select.strip_prefix("title:"), select.strip_prefix("uid:")) {
        (Some(title), _) if !title.is_empty() => Ok((name, Select::Title(title.to_owned()))),
        (_, Some(uid)) if !uid.is_empty() => Ok((name, Select::Uid(uid.to_owned()))),
        _ => Err(format!("say `{name}=title:…` with the exact title, or `{name}=uid:…`")),
    }
}

fn host(text: &str) -> Result<(String, HostPort), String> {
    let (name, host) = named(text, "api=acme.okta.com")?;
    Ok((name, literal_host(host)?))
}

/// An exact `host[:port]`.
pub(super) fn literal_host(text: &str) -> Result<HostPort, String> {
    HostPort::parse(text).map_err(|mistake| format!("{}; {}", mistake.message, mistake.hint))
}

/// A pattern of `[account]`.
pub(super) fn pattern(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("this pattern is empty; write a login, with `*` for any run of characters".to_owned()),
        text if text.chars().any(char::is_control) => Err("there are control characters in this".to_owned()),
        text => Ok(text.to_owned()),
    }
}

fn named<'t>(text: &'t str, example: &str) -> Result<(String, &'t str), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value)),
        _ => Err(format!("the page's name for the record comes first, as in `{example}`")),
    }
}
