//! The accounts of a stand-in Okta and the rules for their passwords.

use super::Start;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How the organisation is set up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Rules {
    /// Fewest characters of a password.
    pub min_length: usize,
    /// How many of the last passwords, the present one included, may not come again.
    pub history: usize,
    /// Failed sign-ins in a row that lock an account.
    pub lockout: u32,
    /// Whether a locked account is told so (`LOCKED_OUT`) or gets the 401 that a wrong password gets.
    pub show_lockout: bool,
    /// Whether the user must change a password that an administrator set.
    pub expire_after_admin_set: bool,
    /// Sign-ins after a change that still see the password before it: replication.
    pub lag: u32,
    /// Whether a password that was set is silently cut to so many bytes (0: no).
    pub cut: usize,
    /// Requests in a window.
    pub rate_limit: u64,
    /// Seconds of a window.
    pub rate_window: u64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            min_length: 8,
            history: 4,
            lockout: 10,
            show_lockout: true,
            expire_after_admin_set: false,
            lag: 0,
            cut: 0,
            rate_limit: 600,
            rate_window: 60,
        }
    }
}

/// An account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Account {
    /// `00u` and 17 more; made up if left empty.
    pub id: String,
    /// Unique among live accounts, case ignored.
    pub login: String,
    /// The login, if left empty.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// `STAGED`, `PROVISIONED`, `ACTIVE`, `RECOVERY`, `LOCKED_OUT`, `PASSWORD_EXPIRED`, `SUSPENDED`, `DEPROVISIONED`.
    pub status: String,
    /// `OKTA`, `ACTIVE_DIRECTORY`, `LDAP`, `FEDERATION`, `IMPORT`, `SOCIAL`.
    pub provider: String,
    /// The live password.
    pub password: Option<String>,
    /// Earlier ones, newest last.
    pub history: Vec<String>,
    /// Whether a second factor is asked for.
    pub mfa: bool,
    /// Failed sign-ins in a row.
    #[serde(skip)]
    pub failed: u32,
    /// Open sessions: one more a sign-in.
    #[serde(skip)]
    pub sessions: u32,
    /// Grows with every change.
    #[serde(skip)]
    pub revision: u32,
    /// The password before the last change, and the sign-ins that still see it.
    #[serde(skip)]
    pub stale: Option<(String, u32)>,
}

impl Default for Account {
    fn default() -> Account {
        Account {
            id: String::new(),
            login: String::new(),
            email: String::new(),
            first_name: "Jo".to_owned(),
            last_name: "Doe".to_owned(),
            status: "ACTIVE".to_owned(),
            provider: "OKTA".to_owned(),
            password: None,
            history: Vec::new(),
            mfa: false,
            failed: 0,
            sessions: 0,
            revision: 0,
            stale: None,
        }
    }
}

impl Account {
    /// An active account.
    pub fn new(login: &str, password: &str) -> Account {
        Account { login: login.to_owned(), password: Some(password.to_owned()), ..Account::default() }
    }

    /// As the API shows it.
    pub fn view(&self, base: &str) -> Value {
        let own = format!("{base}/api/v1/users/{}", self.id);
        let changed = self.password.as_ref().map(|_| "2026-06-03T10:20:30.000Z");
        let mut credentials = json!({ "provider": { "type": self.provider, "name": self.provider } });
        if self.password.is_some() {
            credentials["password"] = json!({});
        }
        json!({
            "id": self.id,
            "status": self.status,
            "created": "2025-01-02T03:04:05.000Z",
            "activated": null,
            "statusChanged": "2025-01-02T03:04:05.000Z",
            "lastLogin": null,
            "lastUpdated": format!("2026-06-03T10:20:{:02}.000Z", self.revision % 60),
            "passwordChanged": changed,
            "type": { "id": "otyStandIn0000000001" },
            "profile": {
                "firstName": self.first_name,
                "lastName": self.last_name,
                "mobilePhone": null,
                "secondEmail": null,
                "login": self.login,
                "email": self.email,
            },
            "credentials": credentials,
            "_links": { "self": { "href": own }, "schema": { "href": format!("{base}/api/v1/meta/schemas/user/default") } },
        })
    }

    /// The entity tag.
    pub fn etag(&self) -> String {
        format!("W/\"{}-{}\"", self.id, self.revision)
    }

    /// Sets a password, whatever it is.
    pub(super) fn set(&mut self, password: &str, rules: &Rules) {
        let mut end = if rules.cut == 0 { password.len() } else { rules.cut.min(password.len()) };
        while !password.is_char_boundary(end) {
            end -= 1;
        }
        if let Some(before) = self.password.replace(password[..end].to_owned()) {
            if rules.lag > 0 {
                self.stale = Some((before.clone(), rules.lag));
            }
            self.history.push(before);
        }
        self.revision += 1;
        self.failed = 0;
    }

    /// Why the password may not be set.
    pub(super) fn complaint(&self, password: &str, rules: &Rules, with_history: bool) -> Option<String> {
        let has = |class: fn(char) -> bool| password.chars().any(class);
        let name = self.login.split(['@', '.', '_', '-']).filter(|part| part.len() >= 4);
        let names_user = name.into_iter().any(|part| password.to_lowercase().contains(&part.to_lowercase()));
        let long = password.chars().count() >= rules.min_length && password.chars().count() <= 72;
        if !(long && has(char::is_lowercase) && has(char::is_uppercase) && has(|c| c.is_ascii_digit())) || names_user {
            return Some(format!(
                "Password requirements were not met. Password requirements: at least {} characters, a lowercase letter, an uppercase \
                 letter, a number, no parts of your username. Your password cannot be any of your last {} passwords.",
                rules.min_length, rules.history
            ));
        }
        let recent = self.password.iter().chain(self.history.iter().rev()).take(rules.history);
        if with_history && recent.into_iter().any(|earlier| earlier == password) {
            return Some("Password has been used too recently".to_owned());
        }
        None
    }
}

/// All accounts.
pub struct Directory {
    /// How the organisation is set up.
    pub rules: Rules,
    /// In the order in which they are listed.
    pub accounts: Vec<Account>,
    /// What an `after` stands for: the query without it, and where to go on.
    pub(super) cursors: BTreeMap<String, (Vec<(String, String)>, usize)>,
    /// State tokens of sign-ins that were neither finished nor cancelled.
    pub open_transactions: Vec<String>,
    /// State tokens made so far.
    pub(super) transactions: usize,
}

impl Directory {
    pub(super) fn new(start: Start) -> Directory {
        let others = (0..start.others).map(|i| Account {
            email: start.others_email.clone().unwrap_or_default(),
            ..Account::new(&format!("other{i:04}@example.test"), &format!("Passw0rt-of-{i}"))
        });
        let mut accounts: Vec<Account> = others.chain(start.user).collect();
        for (i, account) in accounts.iter_mut().enumerate() {
            if account.id.is_empty() {
                account.id = format!("00ustandin{:010}", i * 7919 + 13);
            }
            if account.email.is_empty() {
                account.email = account.login.clone();
            }
        }
        let (cursors, open_transactions) = (BTreeMap::new(), Vec::new());
        Directory { rules: start.rules, accounts, cursors, open_transactions, transactions: 0 }
    }

    /// By exact login, case ignored; a live account first.
    pub fn by_login(&self, login: &str) -> Option<&Account> {
        self.find(|account| account.login.to_lowercase() == login.to_lowercase()).map(|i| &self.accounts[i])
    }

    /// By id, login or unambiguous short name: where it is. A login with a slash is found by its id only.
    pub(super) fn locate(&self, key: &str) -> Option<usize> {
        if let Some(i) = self.accounts.iter().position(|account| account.id == key) {
            return Some(i);
        }
        if key.contains('/') {
            return None;
        }
        let key = key.to_lowercase();
        self.find(|account| account.login.to_lowercase() == key).or_else(|| {
            let short = |account: &&Account| account.login.to_lowercase().split('@').next() == Some(key.as_str());
            let mut alike = self.accounts.iter().enumerate().filter(|(_, account)| short(account));
            let first = alike.next()?.0;
            alike.next().is_none().then_some(first)
        })
    }

    /// By login, for a sign-in.
    pub(super) fn find(&self, wanted: impl Fn(&Account) -> bool) -> Option<usize> {
        let live = self.accounts.iter().position(|account| account.status != "DEPROVISIONED" && wanted(account));
        live.or_else(|| self.accounts.iter().position(wanted))
    }
}
