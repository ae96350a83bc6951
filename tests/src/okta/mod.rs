//! A stand-in Okta, written from the vendor's published API description (OpenAPI document of the management API, authentication API reference,
//! error code list). Where it knows better than a client hopes, it refuses: bodies that are not objects with `value`, unknown
//! query keys, methods that a path does not have.
//!
//! | module | what |
//! | --- | --- |
//! | [`directory`] | the accounts, passwords, history, states and rules |
//! | [`expression`] | `filter=` and `search=` |
//! | `users` | `/api/v1/users…` |
//! | `authn` | `/api/v1/authn…` |
//! | `errors` | the one error shape |
//!
//! Left out, because no rotation needs it: groups, factors, applications, OAuth, `sortBy`.

mod authn;
pub mod directory;
mod errors;
pub mod expression;
mod users;

use crate::ca::Ca;
use crate::http::{Answer, Request};
use crate::server::{Provider, Server, lock};
pub use directory::{Account, Directory, Rules};
use errors::Problem;
use serde::Deserialize;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// What a stand-in Okta begins with. As TOML: `token = "…"`, `[rules]`, `[[user]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Start {
    /// The admin's API token.
    pub token: String,
    /// How the organisation is set up.
    pub rules: Rules,
    /// The accounts.
    pub user: Vec<Account>,
    /// That many further active accounts, listed before the others.
    pub others: usize,
    /// The address that all of those share; each has its own if left out.
    pub others_email: Option<String>,
}

impl Default for Start {
    fn default() -> Start {
        Start { token: TOKEN.to_owned(), rules: Rules::default(), user: Vec::new(), others: 0, others_email: None }
    }
}

/// The token unless another is given: 42 characters that begin with `00`, as the vendor's do.
pub const TOKEN: &str = "00stand-In_okta/ToKen+4nObody=but%tests~1Q";

/// A stand-in Okta.
pub struct Okta {
    base: String,
    token: String,
    directory: Mutex<Directory>,
    limit: Mutex<Window>,
}

/// The rate-limit window.
struct Window {
    remaining: u64,
    resets: u64,
}

impl Okta {
    /// Starts one with a leaf for `localhost` and `names`.
    pub fn start(start: Start, ca: &Ca, names: &[&str]) -> (Server, Arc<Okta>) {
        Okta::start_as("localhost", start, ca, names)
    }

    /// Starts one that calls itself `name` in the links that it writes.
    pub fn start_as(name: &str, start: Start, ca: &Ca, names: &[&str]) -> (Server, Arc<Okta>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        let port = listener.local_addr().expect("an address").port();
        let window = Window { remaining: start.rules.rate_limit, resets: now() + start.rules.rate_window };
        let okta = Arc::new(Okta {
            base: format!("https://{name}:{port}"),
            token: start.token.clone(),
            directory: Mutex::new(Directory::new(start)),
            limit: Mutex::new(window),
        });
        let mut all = vec!["localhost", "127.0.0.1", name];
        all.extend(names);
        all.dedup();
        let server = Server::start_on(listener, Arc::clone(&okta) as Arc<dyn Provider>, ca.server(&all));
        (server, okta)
    }

    /// Reads or changes the directory behind the API's back.
    pub fn directory<T>(&self, look: impl FnOnce(&mut Directory) -> T) -> T {
        look(&mut lock(&self.directory))
    }

    /// The live password of the account with this login.
    pub fn password(&self, login: &str) -> Option<String> {
        self.directory(|directory| directory.by_login(login).and_then(|account| account.password.clone()))
    }

    fn route(&self, request: &Request) -> Result<Answer, Problem> {
        if request.header("host").is_none_or(str::is_empty) {
            return Err(Problem::malformed());
        }
        let segments = request.segments();
        let mut path: Vec<&str> = segments.iter().map(String::as_str).collect();
        if path.last() == Some(&"") {
            path.pop(); // the vendor's own client writes `/?` before a query
        }
        if let Some(rest) = path.strip_prefix(&["api", "v1", "authn"]) {
            return authn::answer(self, request, rest);
        }
        if let Some(rest) = path.strip_prefix(&["api", "v1", "users"]) {
            self.check_token(request)?;
            return users::answer(self, request, rest);
        }
        Err(Problem::no_such_path())
    }

    /// `Authorization: SSWS <token>`.
    fn check_token(&self, request: &Request) -> Result<(), Problem> {
        let mut values = request.headers.iter().filter(|(name, _)| name == "authorization");
        let right =
            values.next().and_then(|(_, value)| value.strip_prefix("SSWS ")).is_some_and(|token| token == self.token);
        if right && values.next().is_none() { Ok(()) } else { Err(Problem::bad_token()) }
    }

    /// Counts the request; the three headers that every answer carries, and whether it is one too many.
    fn count(&self) -> ([(&'static str, String); 3], bool) {
        let (limit, length) = self.directory(|directory| (directory.rules.rate_limit, directory.rules.rate_window));
        let mut window = lock(&self.limit);
        if now() >= window.resets {
            *window = Window { remaining: limit, resets: now() + length };
        }
        let over = window.remaining == 0;
        window.remaining = window.remaining.saturating_sub(1);
        let headers = [
            ("x-rate-limit-limit", limit.to_string()),
            ("x-rate-limit-remaining", window.remaining.to_string()),
            ("x-rate-limit-reset", window.resets.to_string()),
        ];
        (headers, over)
    }
}

impl Provider for Okta {
    fn answer(&self, request: &Request) -> Answer {
        let (headers, over) = self.count();
        let result = if over { Err(Problem::too_many()) } else { self.route(request) };
        let mut answer = result.unwrap_or_else(|problem| problem.answer(request.number));
        answer = answer.with("date", &httpdate::fmt_http_date(SystemTime::now()));
        answer = answer.with("x-okta-request-id", &format!("Zr{:024}", request.number));
        for (name, value) in headers {
            answer = answer.with(name, &value);
        }
        answer
    }

    /// Everything but GET, ending sessions, and signing in.
    fn changes(&self, request: &Request) -> bool {
        request.method != "GET"
            && !request.path().ends_with("/sessions")
            && !request.path().starts_with("/api/v1/authn")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// The body of a POST: an object, said to be JSON.
fn json_body(request: &Request) -> Result<serde_json::Map<String, serde_json::Value>, Problem> {
    let kind = request.header("content-type").unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Problem::content_type());
    }
    serde_json::from_slice(&request.body).map_err(|_| Problem::malformed())
}
