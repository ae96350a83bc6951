//! Page + policy + params become [`Bound`]: every name resolved, every rule about hosts and accounts checked.
//!
//! [`fit()`] checks what can be checked without params; [`bind()`] the rest. Vault records that the policy does not name
//! are dropped here, and what is left of the others is what the page declares.

use super::base_url::{UrlMistake, base_url};
use super::file::{HostPort, Policy, RecordRule};
use super::fit;
use super::tls::{self, ByOrigin, ClientPems, Demands};
use crate::gateway::Params;
use crate::page::diagnostic::Diagnostic;
use crate::page::model::{Origin, Record, Route};
use crate::page::place::{FieldValue, RecordValues, Records};
use crate::page::{Page, Secret};
use crate::vault::{FieldError, PickError, VaultRecord, list, pick, shown};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that a run may do, with the values it does it with.
#[derive(Debug)]
pub struct Bound {
    /// The author's page.
    pub page: Arc<Page>,
    /// The operator's policy.
    pub policy: Arc<Policy>,
    /// The account's user name; allowed by the policy.
    pub user: String,
    /// The old password.
    pub old_password: Option<Secret>,
    /// The new password; obeys the page's password rules.
    pub new_password: Option<Secret>,
    /// Values of the records that the page declares. Every other record has been dropped.
    pub records: Records,
    /// Hosts of the provider, for the result: those of the records' URLs and literal origins; with a port unless it is 443.
    pub hosts: Vec<String>,
    /// Where the URLs of the records lead, by the page's name of each.
    pub origins: BTreeMap<String, HostPort>,
    /// What the policy demands of TLS towards single origins.
    pub tls: ByOrigin,
    /// What is worth a warning in the result. Untrusted text in it is escaped.
    pub warnings: Vec<String>,
}

/// Checks a policy against its page without params (for `approve`, `doctor`, and before stdin is read).
pub fn fit(page: &Page, policy: &Policy) -> Result<(), BindError> {
    Ok(fit::fit(page, policy)?)
}

/// Binds. Records that the policy does not name are dropped here.
pub fn bind(page: impl Into<Arc<Page>>, policy: impl Into<Arc<Policy>>, params: Params) -> Result<Bound, BindError> {
    let (page, policy) = (page.into(), policy.into());
    fit(&page, &policy)?;
    bind_fitting(page, policy, params)
}

/// Binds a page and a policy that [`fit()`] has seen: a batch does that once, not for each line.
pub fn bind_fitting(page: Arc<Page>, policy: Arc<Policy>, params: Params) -> Result<Bound, BindError> {
    let verdict = policy.account.judge(&params.user);
    if verdict != Account::Allowed {
        return Err(BindError::AccountNotAllowed { user: params.user, line: account_line(&policy, &verdict), verdict });
    }
    if let Some(password) = &params.new_password {
        page.password.check(password).map_err(BindError::NewPassword)?;
    }
    let mut records = Records::new();
    let mut hosts = Vec::new();
    let mut origins = BTreeMap::new();
    let mut tls = ByOrigin::new();
    let mut picked: Vec<(&Record, &RecordRule, &VaultRecord)> = Vec::new();
    let mut warnings = Vec::new();
    for record in &page.records {
        // `fit` has seen that each record of the page has a rule.
        let Some(rule) = policy.records.get(record.name.as_str()) else { continue };
        let vault = pick(&params.records, &rule.select).map_err(|error| BindError::Pick {
            record: record.name.to_string(),
            line: policy.file.line_of(rule.span),
            error,
        })?;
        let (values, host) = values(record, rule, vault, &policy)?;
        if let Some(origin) = &host {
            let demands = demands(record, rule, vault)?;
            if !tls::add(&mut tls, origin, demands) {
                return Err(BindError::TlsTwice { origin: Box::new(origin.clone()), line: tls::line(&policy, rule) });
            }
        }
        hosts.extend(host.clone());
        origins.extend(host.map(|host| (record.name.to_string(), host)));
        picked.push((record, rule, vault));
        warnings.extend(record_labels(record).filter_map(|label| warning(vault, label)));
        records.insert(record.name.to_string(), values);
    }
    private_keys_are_not_read(&picked, &policy)?;
    hosts.extend(page.routes.iter().filter_map(|route| match &route.target.origin {
        Origin::Literal { host, port } => Some(HostPort { host: host.clone(), port: *port }),
        Origin::Record(_) => None,
    }));
    let mut distinct: Vec<String> = Vec::new();
    for host in hosts.iter().map(HostPort::to_string) {
        if !distinct.contains(&host) {
            distinct.push(host);
        }
    }
    Ok(Bound {
        page,
        policy,
        user: params.user,
        old_password: params.old_password,
        new_password: params.new_password,
        records,
        hosts: distinct,
        origins,
        tls,
        warnings,
    })
}

/// What the page declares of a record, taken from the vault's.
fn values(
    record: &Record,
    rule: &RecordRule,
    vault: &VaultRecord,
    policy: &Policy,
) -> Result<(RecordValues, Option<HostPort>), BindError> {
    let field = |name: &str, label: &str| {
        vault.field(label).map_err(|error| BindError::Field { field: format!("{}.{name}", record.name), error })
    };
    let mut values = RecordValues::default();
    let mut host = None;
    if let Some(label) = &record.url {
        let url = field("url", label)?.lend();
        let url = base_url(url).map_err(|mistake| BindError::BadUrl {
            record: record.name.to_string(),
            title: vault.title.clone(),
            label: label.clone(),
            mistake,
        })?;
        if !rule.hosts.contains(&url.host) {
            return Err(BindError::HostNotAllowed {
                record: record.name.to_string(),
                title: vault.title.clone(),
                host: Box::new(url.host),
                allowed: rule.hosts.clone(),
                line: policy.file.line_of(rule.hosts_span),
            });
        }
        values.url = Some(url.text);
        host = Some(url.host);
    }
    for secret in &record.secrets {
        let name = format!("{}.{}", record.name, secret.name);
        let value = Secret::new(name, field(&secret.name, &secret.label)?.lend().to_owned());
        values.fields.insert(secret.name.clone(), FieldValue::Secret(value));
    }
    for text in &record.texts {
        let value = field(&text.name, &text.label)?.lend().to_owned();
        values.fields.insert(text.name.clone(), FieldValue::Text(value));
    }
    Ok((values, host))
}

/// What the policy demands of TLS towards the record's provider, with the texts that the vault has for it.
fn demands(record: &Record, rule: &RecordRule, vault: &VaultRecord) -> Result<Demands, BindError> {
    let text = |what: &'static str, label: &str| {
        let value = vault.field(label).map_err(|error| BindError::ClientCertificate { what, error })?;
        Ok::<_, BindError>(Secret::new(format!("{} client {what}", record.name), value.lend().to_owned()))
    };
    let client = rule.client_certificate.as_ref().map(|client| {
        Ok::<_, BindError>(ClientPems {
            certificate: text("certificate", &client.certificate)?,
            key: text("key", &client.key)?,
        })
    });
    Ok(Demands { pins: rule.pins.clone(), client: client.transpose()? })
}

/// Two records of the page may be one of the vault: the field with a private key must not reach the rotator by the other name.
fn private_keys_are_not_read(
    picked: &[(&Record, &RecordRule, &VaultRecord)],
    policy: &Policy,
) -> Result<(), BindError> {
    for (_, rule, vault) in picked {
        let Some(client) = &rule.client_certificate else { continue };
        let same = |(_, _, other): &&(&Record, &RecordRule, &VaultRecord)| std::ptr::eq(*vault, *other);
        if let Some((reader, ..)) = picked.iter().filter(same).find(|(other, ..)| tls::reads(other, &client.key)) {
            return Err(BindError::PrivateKeyRead {
                label: client.key.clone(),
                record: reader.name.to_string(),
                line: policy.file.line_of(client.span),
            });
        }
    }
    Ok(())
}

fn record_labels(record: &Record) -> impl Iterator<Item = &str> {
    let fields = record.secrets.iter().chain(&record.texts).map(|field| field.label.as_str());
    record.url.as_deref().into_iter().chain(fields)
}

/// The gateway numbers labels that clash, and does not document which field keeps the plain one.
fn warning(vault: &VaultRecord, label: &str) -> Option<String> {
    let mut numbered = vault.numbered(label).peekable();
    numbered.peek()?;
    Some(format!(
        "the vault record {} has {} beside {}, of which only the last is used; if these were two fields with the same label, rename one",
        shown(&vault.title),
        list(numbered.map(shown)),
        shown(label),
    ))
}

impl Bound {
    /// Where a route leads; nothing if its record has no URL.
    pub fn origin_of(&self, route: &Route) -> Option<HostPort> {
        match &route.target.origin {
            Origin::Literal { host, port } => Some(HostPort { host: host.clone(), port: *port }),
            Origin::Record(record) => self.origins.get(record.as_str()).cloned(),
        }
    }

    /// Is this login (bound by the page as the account's own) allowed too? `allow` and `except` match it like the user.
    pub fn login_allowed(&self, login: &str) -> bool {
        self.policy.account.judge(login) == Account::Allowed
    }

    /// The hosts and ports that may be dialled: those of the records' URLs and of literal origins, each once.
    pub fn dialled(&self) -> Vec<HostPort> {
        let mut hosts = Vec::new();
        for host in self.page.routes.iter().filter_map(|route| self.origin_of(route)) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }
}

/// What the policy says of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// It may be changed.
    Allowed,
    /// No pattern of `allow` matches.
    NotListed,
    /// This pattern of `except` matches.
    Excepted(super::pattern::Pattern),
}

impl super::file::AccountRule {
    /// Matches a login.
    pub fn judge(&self, login: &str) -> Account {
        if let Some(pattern) = self.except.iter().find(|pattern| pattern.may_mean(login)) {
            return Account::Excepted(pattern.clone());
        }
        let listed = self.allow.is_empty() || self.allow.iter().any(|pattern| pattern.matches(login));
        if listed { Account::Allowed } else { Account::NotListed }
    }
}

/// `file:line` of what decided.
pub(super) fn account_line(policy: &Policy, verdict: &Account) -> String {
    policy.file.line_of(match verdict {
        Account::Excepted(pattern) => pattern.span,
        Account::Allowed | Account::NotListed => policy.account.span,
    })
}

/// Why page, policy and params do not go together. Nothing has been tried (exit 2). Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A policy that does not fit the page.
    #[error(transparent)]
    Misfit(#[from] Box<Diagnostic>),
    /// The policy does not allow this account.
    #[error(
        "the policy does not allow the account {}: {} ({line}); change the policy if this account is meant",
        shown(user),
        match verdict {
            Account::Excepted(pattern) => format!("`except` names it with {}", shown(pattern.as_str())),
            _ => "no pattern of `allow` matches it".to_owned(),
        }
    )]
    AccountNotAllowed {
        /// The account's user name. Untrusted text.
        user: String,
        /// Why.
        verdict: Account,
        /// `file:line` of what decided.
        line: String,
    },
    /// No vault record, or more than one, is the one that the policy names.
    #[error("`[records.{record}]` ({line}): {error}")]
    Pick {
        /// The page's name for it.
        record: String,
        /// `file:line` of the policy's table.
        line: String,
        /// Why.
        error: PickError,
    },
    /// A vault record lacks a field.
    #[error("the page needs `{field}`: {error}")]
    Field {
        /// The page's name for it: `api.token`.
        field: String,
        /// Why.
        error: FieldError,
    },
    /// A record's URL is not plain.
    #[error(
        "the URL of the vault record {} (field {}, the page's `{record}.url`) {mistake}; write it as `https://host` or `https://host/base`",
        shown(title),
        shown(label)
    )]
    BadUrl {
        /// The page's name for the record.
        record: String,
        /// The vault record's title. Untrusted text.
        title: String,
        /// The label of the field.
        label: String,
        /// What is wrong. Never the text itself.
        mistake: UrlMistake,
    },
    /// A record's URL leads elsewhere.
    #[error(
        "the URL of the vault record {} leads to `{host}`, and the policy allows {} for `{record}` ({line}); correct the record, or add the host to `hosts` if it is the provider's",
        shown(title),
        list(allowed.iter().map(|host| format!("`{host}`")))
    )]
    HostNotAllowed {
        /// The page's name for the record.
        record: String,
        /// The vault record's title. Untrusted text.
        title: String,
        /// Where the URL leads.
        host: Box<HostPort>,
        /// Where it may lead.
        allowed: Vec<HostPort>,
        /// `file:line` of `hosts`.
        line: String,
    },
    /// A field of the client certificate is missing.
    #[error("the policy takes the {what} of `client-certificate` from the vault: {error}")]
    ClientCertificate {
        /// `certificate` or `key`.
        what: &'static str,
        /// Why.
        error: FieldError,
    },
    /// Two records of one origin demand different things of it.
    #[error(
        "two records lead to `{origin}`, and the policy writes other `pins` or another `client-certificate` for each ({line}); \
         write the same under both, or under one of them only"
    )]
    TlsTwice {
        /// The host of both URLs.
        origin: Box<HostPort>,
        /// `file:line` of the second.
        line: String,
    },
    /// The field with a private key is also read by the page.
    #[error(
        "the field {} is the private key of `client-certificate` ({line}), and the page reads it as a field of `{record}`; keep the \
         private key in a field of its own",
        shown(label)
    )]
    PrivateKeyRead {
        /// The field's label.
        label: String,
        /// The page's record that reads it.
        record: String,
        /// `file:line` of `client-certificate`.
        line: String,
    },
    /// The new password breaks a rule of the page.
    #[error("{0}; adapt the password complexity of the record in the vault to the provider's rules")]
    NewPassword(String),
}
