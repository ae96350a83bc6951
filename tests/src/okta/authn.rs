//! `/api/v1/authn`: primary authentication, and cancelling what it began.

use super::errors::Problem;
use super::{Okta, json_body};
use crate::http::{Answer, Request};
use serde_json::{Value, json};

pub(super) fn answer(okta: &Okta, request: &Request, path: &[&str]) -> Result<Answer, Problem> {
    match (request.method.as_str(), path) {
        ("POST", []) => sign_in(okta, request),
        ("POST", ["cancel"]) => cancel(okta, request),
        (_, [] | ["cancel"]) => Err(Problem::method()),
        _ => Err(Problem::no_such_path()),
    }
}

fn sign_in(okta: &Okta, request: &Request) -> Result<Answer, Problem> {
    // with a token it would be a "trusted application", which may do more than prove a password
    if request.header("authorization").is_some() {
        okta.check_token(request)?;
    }
    let body = json_body(request)?;
    for name in body.keys() {
        if !["username", "password", "options", "context", "relayState"].contains(&name.as_str()) {
            return Err(Problem::malformed());
        }
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(username), Some(password)) = (text("username"), text("password")) else {
        return Err(Problem::validation(
            "authRequest",
            "The 'username' and 'password' attributes are required in this context.",
        ));
    };
    okta.directory(|directory| {
        let wanted = username.to_lowercase();
        let i = directory.find(|account| account.login.to_lowercase() == wanted).ok_or_else(Problem::authentication)?;
        let rules = directory.rules.clone();
        let number = directory.transactions;
        let account = &mut directory.accounts[i];
        if account.status == "LOCKED_OUT" {
            return locked_out(okta, rules.show_lockout);
        }
        if !matches!(account.status.as_str(), "ACTIVE" | "PASSWORD_EXPIRED") || account.provider != "OKTA" {
            return Err(Problem::authentication());
        }
        let right = match &mut account.stale {
            Some((before, left)) if *left > 0 => {
                *left -= 1;
                before == password
            }
            _ => account.password.as_deref() == Some(password),
        };
        if !right {
            account.failed += 1;
            if account.failed >= rules.lockout {
                account.status = "LOCKED_OUT".to_owned();
                return locked_out(okta, rules.show_lockout);
            }
            return Err(Problem::authentication());
        }
        account.failed = 0;
        let expires = "2026-12-31T23:59:59.000Z";
        let user = json!({
            "id": account.id,
            "passwordChanged": "2026-06-03T10:20:30.000Z",
            "profile": {
                "login": account.login, "firstName": account.first_name, "lastName": account.last_name,
                "locale": "en", "timeZone": "America/Los_Angeles",
            },
        });
        let links = json!({ "cancel": { "href": format!("{}/api/v1/authn/cancel", okta.base), "hints": { "allow": ["POST"] } } });
        let state = format!("00StateToken{number:030}");
        let status = match (account.status.as_str(), account.mfa) {
            ("PASSWORD_EXPIRED", _) => "PASSWORD_EXPIRED",
            (_, true) => "MFA_REQUIRED",
            _ => {
                account.sessions += 1;
                let body = json!({
                    "expiresAt": expires, "status": "SUCCESS",
                    "sessionToken": format!("20111SessionToken{number:024}"),
                    "_embedded": { "user": user }, "_links": links,
                });
                directory.transactions += 1;
                return Ok(Answer::json(200, &body));
            }
        };
        directory.transactions += 1;
        directory.open_transactions.push(state.clone());
        let embedded = match status {
            "MFA_REQUIRED" => json!({ "user": user, "factors": [{ "id": "ostStandIn0000000001", "factorType": "token:software:totp" }] }),
            _ => json!({ "user": user, "policy": { "complexity": { "minLength": rules.min_length } } }),
        };
        let body = json!({ "stateToken": state, "expiresAt": expires, "status": status, "_embedded": embedded, "_links": links });
        Ok(Answer::json(200, &body))
    })
}

fn locked_out(okta: &Okta, show: bool) -> Result<Answer, Problem> {
    if !show {
        return Err(Problem::authentication());
    }
    let next = json!({ "name": "unlock", "href": format!("{}/api/v1/authn/recovery/unlock", okta.base), "hints": { "allow": ["POST"] } });
    Ok(Answer::json(200, &json!({ "status": "LOCKED_OUT", "_embedded": {}, "_links": { "next": next } })))
}

fn cancel(okta: &Okta, request: &Request) -> Result<Answer, Problem> {
    let body = json_body(request)?;
    let state = body.get("stateToken").and_then(Value::as_str).ok_or_else(Problem::malformed)?;
    okta.directory(|directory| {
        let i = directory.open_transactions.iter().position(|open| open == state).ok_or_else(Problem::bad_token)?;
        directory.open_transactions.remove(i);
        Ok(Answer::json(200, &json!({ "relayState": null })))
    })
}
