//! `/api/v1/users…`

use super::directory::{Account, Directory};
use super::errors::Problem;
use super::expression::{Expression, Kind};
use super::{Okta, json_body};
use crate::http::{Answer, Request};
use serde_json::{Map, Value, json};

/// The default, and the largest, page.
const PAGE: usize = 200;
/// The default page of `q=`.
const SHORT_PAGE: usize = 10;

pub(super) fn answer(okta: &Okta, request: &Request, path: &[&str]) -> Result<Answer, Problem> {
    match (request.method.as_str(), path) {
        ("GET", []) => list(okta, request),
        ("GET", [key]) => get(okta, request, key),
        ("POST", [key]) => update(okta, request, key),
        ("POST", [id, "credentials", "change_password"]) => change_password(okta, request, id),
        ("DELETE", [id, "sessions"]) => end_sessions(okta, request, id),
        (_, [] | [_] | [_, "credentials", "change_password"] | [_, "sessions"]) => Err(Problem::method()),
        _ => Err(Problem::no_such_path()),
    }
}

fn list(okta: &Okta, request: &Request) -> Result<Answer, Problem> {
    let query = known_query(request, &["q", "filter", "search", "after", "limit"])?;
    let get = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let limit = match get("limit") {
        None if get("q").is_some() => SHORT_PAGE,
        None => PAGE,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| Problem::validation("limit", "limit: not a number"))?,
    };
    let limit = limit.min(PAGE);
    let expression = match (get("filter"), get("search")) {
        (Some(_), Some(_)) => return Err(Problem::criteria("search and filter exclude each other")),
        (Some(text), None) => Some((text, Kind::Filter)),
        (None, Some(text)) => Some((text, Kind::Search)),
        (None, None) => None,
    };
    let expression = match expression {
        None => None,
        Some((text, kind)) => Some((Expression::parse(text, kind).map_err(Problem::criteria)?, kind)),
    };
    okta.directory(|directory| {
        let same: Vec<_> = query.iter().filter(|(name, _)| name != "after").cloned().collect();
        let start = match get("after") {
            None => 0,
            Some(after) => match directory.cursors.get(after) {
                Some((of, start)) if *of == same => *start,
                _ => return Err(Problem::validation("after", "after: the cursor is of another list")),
            },
        };
        let wanted = |account: &&Account| match (&expression, get("q")) {
            (Some((expression, kind)), _) => expression.holds(&account.view(&okta.base), *kind),
            (None, Some(q)) => {
                let q = q.to_lowercase();
                let fields = [&account.first_name, &account.last_name, &account.email];
                account.status != "DEPROVISIONED" && fields.iter().any(|field| field.to_lowercase().starts_with(&q))
            }
            (None, None) => account.status != "DEPROVISIONED",
        };
        let all: Vec<Value> =
            directory.accounts.iter().filter(wanted).map(|account| account.view(&okta.base)).collect();
        let page: Vec<Value> = all.iter().skip(start).take(limit).cloned().collect();
        let mut answer = Answer::json(200, &Value::Array(page));
        answer = answer.with("link", &format!("<{}>; rel=\"self\"", link(okta, &query)));
        if all.len() > start + limit && get("q").is_none() {
            let after = format!("200u{:x}Qk", 0x5eed_u64.wrapping_mul(directory.cursors.len() as u64 + 977));
            directory.cursors.insert(after.clone(), (same.clone(), start + limit));
            let mut next = vec![("after".to_owned(), after)];
            next.extend(same);
            answer = answer.with("link", &format!("<{}>; rel=\"next\"", link(okta, &next)));
        }
        Ok(answer)
    })
}

/// The absolute link of a list.
fn link(okta: &Okta, query: &[(String, String)]) -> String {
    let mut url = url::Url::parse(&format!("{}/api/v1/users", okta.base)).expect("a URL");
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url.into()
}

fn get(okta: &Okta, request: &Request, key: &str) -> Result<Answer, Problem> {
    known_query(request, &["expand", "fields"])?;
    okta.directory(|directory| {
        let account = &directory.accounts[find(directory, key)?];
        Ok(Answer::json(200, &account.view(&okta.base)).with("etag", &account.etag()))
    })
}

/// Partial update. Of all that it can do, the stand-in knows how to set a password and names.
fn update(okta: &Okta, request: &Request, key: &str) -> Result<Answer, Problem> {
    let strict = flag(&known_query(request, &["strict"])?, "strict")?;
    let body = json_body(request)?;
    okta.directory(|directory| {
        let i = find(directory, key)?;
        let rules = directory.rules.clone();
        let account = &mut directory.accounts[i];
        if request.header("if-match").is_some_and(|tag| tag != account.etag()) {
            return Ok(Answer::empty(412));
        }
        let password = match body.get("credentials") {
            None => None,
            Some(credentials) => Some(password_of(credentials.get("password"))?),
        };
        if let Some(profile) = body.get("profile") {
            for (name, value) in profile.as_object().ok_or_else(Problem::malformed)? {
                let text = value.as_str().ok_or_else(Problem::malformed)?.to_owned();
                match name.as_str() {
                    "firstName" => account.first_name = text,
                    "lastName" => account.last_name = text,
                    _ => return Err(Problem::validation(name, format!("{name}: not known to the stand-in"))),
                }
            }
        }
        only_keys(&body, &["credentials", "profile"])?;
        if let Some(password) = password {
            if account.provider != "OKTA" {
                return Err(Problem::managed_elsewhere());
            }
            if account.status == "DEPROVISIONED" {
                return Err(Problem::status());
            }
            if let Some(complaint) = account.complaint(&password, &rules, strict) {
                return Err(Problem::validation("password", format!("password: {complaint}")));
            }
            account.set(&password, &rules);
            if matches!(account.status.as_str(), "RECOVERY" | "PASSWORD_EXPIRED" | "LOCKED_OUT") {
                account.status = "ACTIVE".to_owned();
            }
            if rules.expire_after_admin_set && account.status == "ACTIVE" {
                account.status = "PASSWORD_EXPIRED".to_owned();
            }
        }
        Ok(Answer::json(200, &account.view(&okta.base)))
    })
}

fn change_password(okta: &Okta, request: &Request, id: &str) -> Result<Answer, Problem> {
    flag(&known_query(request, &["strict"])?, "strict")?;
    let body = json_body(request)?;
    only_keys(&body, &["oldPassword", "newPassword", "revokeSessions"])?;
    let revoke = match body.get("revokeSessions") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(Problem::malformed)?,
    };
    let old = password_of(body.get("oldPassword"))?;
    let new = password_of(body.get("newPassword"))?;
    okta.directory(|directory| {
        // documented as the id; a login is not promised here
        let i = directory
            .accounts
            .iter()
            .position(|account| account.id == id)
            .ok_or_else(|| Problem::not_found(id, "User"))?;
        let rules = directory.rules.clone();
        let account = &mut directory.accounts[i];
        if account.provider != "OKTA" {
            return Err(Problem::managed_elsewhere());
        }
        let usable = matches!(account.status.as_str(), "STAGED" | "ACTIVE" | "PASSWORD_EXPIRED" | "RECOVERY");
        if !usable || account.password.is_none() {
            return Err(Problem::status());
        }
        if account.password.as_deref() != Some(&old) {
            return Err(Problem::credentials("Old Password is not correct"));
        }
        if let Some(complaint) = account.complaint(&new, &rules, true) {
            return Err(Problem::credentials(complaint));
        }
        account.set(&new, &rules);
        if matches!(account.status.as_str(), "PASSWORD_EXPIRED" | "RECOVERY") {
            account.status = "ACTIVE".to_owned();
        }
        if revoke {
            account.sessions = 0;
        }
        let provider = json!({ "type": account.provider, "name": account.provider });
        Ok(Answer::json(200, &json!({ "password": {}, "provider": provider })))
    })
}

fn end_sessions(okta: &Okta, request: &Request, id: &str) -> Result<Answer, Problem> {
    let query = known_query(request, &["oauthTokens", "forgetDevices"])?;
    flag(&query, "oauthTokens")?;
    flag(&query, "forgetDevices")?;
    okta.directory(|directory| {
        let i = find(directory, id)?;
        directory.accounts[i].sessions = 0;
        Ok(Answer::empty(204))
    })
}

fn find(directory: &Directory, key: &str) -> Result<usize, Problem> {
    directory.locate(key).ok_or_else(|| Problem::not_found(key, "User"))
}

/// `{ "value": "…" }`, as the API documents it; a bare string is refused.
fn password_of(value: Option<&Value>) -> Result<String, Problem> {
    let object = value.and_then(Value::as_object).ok_or_else(Problem::malformed)?;
    only_keys(object, &["value"])?;
    object.get("value").and_then(Value::as_str).map(str::to_owned).ok_or_else(Problem::malformed)
}

fn only_keys(object: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    if object.keys().all(|key| known.contains(&key.as_str())) { Ok(()) } else { Err(Problem::malformed()) }
}

/// The query, if each key is a known one and comes once.
fn known_query(request: &Request, known: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let query = request.query();
    for (i, (name, _)) in query.iter().enumerate() {
        if !known.contains(&name.as_str()) || query[..i].iter().any(|(earlier, _)| earlier == name) {
            return Err(Problem::validation(name, format!("{name}: not a parameter of this operation")));
        }
    }
    Ok(query)
}

fn flag(query: &[(String, String)], name: &str) -> Result<bool, Problem> {
    match query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::validation(name, format!("{name}: not a boolean"))),
    }
}
