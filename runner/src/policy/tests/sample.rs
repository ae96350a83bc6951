//! A page, a policy that fits it, and params that fit both.

use super::super::bind::{BindError, Bound, bind};
use super::super::file::{self, Policy};
use super::{ZEROS, source};
use crate::gateway::Params;
use crate::page::diagnostic::SourceFile;
use crate::page::{Page, Secret, parse};
use crate::vault::VaultRecord;

pub(super) const PAGE: &str = r#"version = 1
name = "okta"

[records.api]
url    = "url"
secret = { token = "password" }
text   = { group = "Gruppe" }

[password]
max-bytes = 20
refuse = ['\']

[[route]]
name     = "find-by-login"
for      = ["change", "reconcile", "verify", "finish"]
may-fail = true
request  = "GET {api.url}/api/v1/users/{user}"
headers  = { authorization = "SSWS {api.token}" }
expects  = { status = 200 }
binds    = { "account.id" = "/id", "account.login" = "/profile/login" }

[[route]]
name     = "find-by-filter"
for      = ["change", "reconcile", "verify", "finish"]
uses     = 2
request  = "GET {api.url}/api/v1/users"
query    = { filter = 'profile.login eq "{user:scim}"' }
headers  = { authorization = "SSWS {api.token}" }
expects  = { status = 200 }
picks    = { from = "", where = { "/status" = { not = "DEPROVISIONED" } }, exactly = 1 }
binds    = { "account.id" = "/id", "account.login" = "/profile/login" }

[[route]]
name     = "change-password"
for      = ["change"]
changes  = true
request  = "POST {api.url}/api/v1/users/{account.id}/credentials/change_password"
headers  = { authorization = "SSWS {api.token}" }
json     = { oldPassword = { value = "{old-password}" }, newPassword = { value = "{new-password}" } }
expects  = { status = 200 }
refuses  = { status = [400, 401, 403, 404, 429] }

[[route]]
name     = "admin-set"
for      = ["reconcile"]
changes  = true
request  = "POST {api.url}/api/v1/users/{account.id}"
headers  = { authorization = "SSWS {api.token}" }
json     = { credentials = { password = { value = "{new-password}" } } }
expects  = { status = 200 }
refuses  = { status = [400, 401, 403, 404, 429] }

[[route]]
name     = "sign-in"
for      = ["verify"]
request  = "POST {api.url}/api/v1/authn"
json     = { username = "{account.login}", password = "{candidate}" }
expects  = { status = 200, "/status" = "SUCCESS" }
refuses  = { status = 401, "/errorCode" = "E0000004" }

[[route]]
name     = "tell"
for      = ["finish"]
request  = "POST https://hooks.acme.example:8443/{arg.channel}"
json     = { text = "{arg.note}" }
expects  = { status = 200 }
[route.args]
channel = { class = "token", max = 8 }
note    = { class = "text" }

[[route]]
name      = "end-sessions"
for       = ["finish"]
removable = true
request   = "DELETE {api.url}/api/v1/users/{account.id}/sessions"
headers   = { authorization = "SSWS {api.token}" }
expects   = { status = 204 }
"#;

pub(super) const POLICY: &str = r#"version = 1

[rotator]
module = "okta.wasm"
sha256 = ["ZEROS"]
literal-hosts = ["hooks.acme.example:8443"]

[records.api]
title = "Okta API Access Details"
hosts = ["acme.okta.com", "acme.example:8443"]

[account]
allow  = ["*@svc.acme.example"]
except = ["rotation-admin@svc.acme.example"]

[settings]
reconcile = "old-refused"

[routes]
off = []

[limits]
requests = 10
"#;

pub(super) fn page(text: &str) -> Page {
    parse::parse(SourceFile::new("okta/page.toml", text)).unwrap_or_else(|problem| panic!("{problem}"))
}

pub(super) fn policy(text: &str) -> Policy {
    file::parse(source(&text.replace("ZEROS", ZEROS))).unwrap_or_else(|problem| panic!("{problem}"))
}

/// `text` with one part exchanged; panics if there is no such part.
pub(super) fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from:?}");
    text.replacen(from, to, 1)
}

pub(super) fn record(uid: &str, title: &str, fields: &[(&str, &str)]) -> VaultRecord {
    let fields = fields.iter().map(|(label, text)| {
        let secret = (!text.is_empty()).then(|| Secret::new(*label, (*text).to_owned()));
        ((*label).to_owned(), secret)
    });
    VaultRecord { uid: uid.to_owned(), title: title.to_owned(), fields: fields.collect() }
}

pub(super) fn params() -> Params {
    Params {
        user: "jo@svc.acme.example".to_owned(),
        old_password: Some(Secret::new("old-password", "old-secret".to_owned())),
        new_password: Some(Secret::new("new-password", "new-secret".to_owned())),
        user_record_uid: None,
        provider_record_uid: None,
        resource_record_uid: None,
        records: vec![
            record("cfgUid", "Lab PAM Configuration", &[]),
            record("usrUid", "Jo", &[("login", "jo"), ("password", "old-secret")]),
            record(
                "apiUid",
                "Okta API Access Details",
                &[
                    ("url", "https://ACME.okta.com/"),
                    ("password", "00tok-secret"),
                    ("Gruppe", "staff"),
                    ("login", "svc"),
                ],
            ),
        ],
    }
}

pub(super) fn bind_with(page_text: &str, policy_text: &str, params: Params) -> Result<Bound, BindError> {
    bind(page(page_text), policy(policy_text), params)
}

/// What a refusal says.
#[track_caller]
pub(super) fn refused(page_text: &str, policy_text: &str, params: Params) -> String {
    let error = match bind_with(page_text, policy_text, params) {
        Ok(_) => panic!("bound"),
        Err(error) => error,
    };
    let said = format!("{error} {error:?}");
    assert!(!said.contains("-secret"), "no error holds a secret: {said}");
    error.to_string()
}
