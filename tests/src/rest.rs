//! A stand-in for "any REST API", as the published example calls one: a POST to one URL with a bearer token and
//! `{"userEmail": …, "newPassword": …}`, 201 with a JSON body; and a sign-in, which that example does not use.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /rotate` | 201; 401 wrong token; 404 no such account; 422 a password that is refused |
//! | `POST /login` `{"email", "password"}` | 200; 401 wrong |
//! | `GET /user?email=…` | 200 with an id; 401 wrong token; 404 no such account |

use crate::ca::Ca;
use crate::http::{Answer, Request};
use crate::server::{Provider, Server, lock};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What a stand-in begins with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Start {
    /// The bearer token.
    pub token: String,
    /// Passwords by e-mail.
    pub users: BTreeMap<String, String>,
    /// Whether there is a sign-in.
    pub sign_in: bool,
    /// Most bytes of a password; a longer one is refused.
    pub max_bytes: usize,
}

impl Default for Start {
    fn default() -> Start {
        Start { token: TOKEN.to_owned(), users: BTreeMap::new(), sign_in: true, max_bytes: 72 }
    }
}

/// The token unless another is given.
pub const TOKEN: &str = "rest/Stand-in+ToKen~7Zq=";

/// A stand-in for any REST API.
pub struct Rest {
    start: Start,
    users: Mutex<BTreeMap<String, String>>,
}

impl Rest {
    /// Starts one with a leaf for `localhost` and `names`.
    pub fn start(start: Start, ca: &Ca, names: &[&str]) -> (Server, Arc<Rest>) {
        let users = Mutex::new(start.users.clone());
        let rest = Arc::new(Rest { start, users });
        (Server::start(Arc::clone(&rest) as Arc<dyn Provider>, ca, names), rest)
    }

    /// The live password.
    pub fn password(&self, email: &str) -> Option<String> {
        lock(&self.users).get(email).cloned()
    }

    /// Sets a password behind the API's back.
    pub fn set_password(&self, email: &str, password: &str) {
        lock(&self.users).insert(email.to_owned(), password.to_owned());
    }

    /// The accounts but `email` whose password is no longer the one of the beginning.
    pub fn touched(&self, email: &str) -> Vec<String> {
        let users = lock(&self.users);
        let others = self.start.users.iter().filter(|(other, _)| other.as_str() != email);
        others.filter(|(other, password)| users.get(*other) != Some(password)).map(|(other, _)| other.clone()).collect()
    }

    fn find(&self, request: &Request) -> Answer {
        if !self.is_trusted(request) {
            return error(401, "invalid token");
        }
        let email = request.query().into_iter().find_map(|(key, value)| (key == "email").then_some(value));
        match email.filter(|email| lock(&self.users).contains_key(email)) {
            Some(email) => Answer::json(200, &json!({ "id": "u-17", "email": email })),
            None => error(404, "no such user"),
        }
    }

    fn is_trusted(&self, request: &Request) -> bool {
        request.header("authorization") == Some(format!("Bearer {}", self.start.token).as_str())
    }

    fn rotate(&self, request: &Request) -> Answer {
        if !self.is_trusted(request) {
            return error(401, "invalid token");
        }
        let Some((email, password)) = pair(request, "userEmail", "newPassword") else { return error(422, "bad body") };
        let mut users = lock(&self.users);
        let Some(live) = users.get_mut(&email) else { return error(404, "no such user") };
        if password.is_empty() || password.len() > self.start.max_bytes {
            return error(422, "password refused");
        }
        *live = password;
        Answer::json(201, &json!({ "status": "rotated", "userEmail": email }))
    }

    fn login(&self, request: &Request) -> Answer {
        let Some((email, password)) = pair(request, "email", "password") else { return error(422, "bad body") };
        match lock(&self.users).get(&email) {
            Some(live) if *live == password => Answer::json(200, &json!({ "session": "ok" })),
            _ => error(401, "wrong e-mail or password"),
        }
    }
}

impl Provider for Rest {
    fn answer(&self, request: &Request) -> Answer {
        match (request.method.as_str(), request.path()) {
            ("GET", "/user") => self.find(request),
            ("POST", "/rotate") => self.rotate(request),
            ("POST", "/login") if self.start.sign_in => self.login(request),
            _ => error(404, "no such path"),
        }
    }

    fn changes(&self, request: &Request) -> bool {
        request.path() == "/rotate"
    }
}

/// Exactly these two members, both text.
fn pair(request: &Request, first: &str, second: &str) -> Option<(String, String)> {
    if request.header("content-type") != Some("application/json") {
        return None;
    }
    let body = request.json()?;
    let object = body.as_object().filter(|object| object.len() == 2)?;
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((text(first)?, text(second)?))
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}
