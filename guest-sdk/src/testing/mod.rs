//! A scripted double of the broker, for tests of a rotator: native, no wasm, no network.
//!
//! It judges with the same code as the broker: what may be sent and when, what each request looks like, whether an
//! answer is accepted, refused or unmet, and what the rotator gets to see of it. A test scripts the provider's answers
//! and then looks at the requests that were made, with example secrets in their places.
//!
//! ```
//! use rotabox_guest::testing::{Double, NEW_PASSWORD, Reply, json};
//! use rotabox_guest::{Done, Http, Judged, Rotator, Step};
//!
//! const PAGE: &str = r#"
//!     version = 1
//!     name = "acme"
//!
//!     [records.api]
//!     url = "url"
//!     secret = { token = "password" }
//!
//!     [[route]]
//!     name = "set"
//!     for = ["change"]
//!     changes = true
//!     request = "PUT {api.url}/users/{user}"
//!     headers = { authorization = "Bearer {api.token}" }
//!     json = { password = "{new-password}" }
//!     expects = { status = 204 }
//!     refuses = { status = 403 }
//!     shows = { why = "/error" }
//! "#;
//!
//! struct Acme;
//! impl Rotator for Acme {
//!     fn change(http: &mut Http) -> Done {
//!         http.call("set", &[])?.accepted()?;
//!         Ok(())
//!     }
//! }
//!
//! let run = Double::new(PAGE).user("ann b").reply("set", Reply::status(204)).run::<Acme>(Step::Change);
//! run.result.as_ref().expect("it changes the password");
//! let set = run.request("set");
//! assert_eq!(set.line(), "PUT https://api.example/users/ann%20b");
//! assert_eq!(set.header("authorization"), Some("Bearer secret-api-token"));
//! assert_eq!(set.json(), json!({ "password": NEW_PASSWORD }));
//!
//! let refusal = Reply::json(403, json!({ "error": "too-short" }));
//! let run = Double::new(PAGE).reply("set", refusal).run::<Acme>(Step::Change);
//! assert_eq!(run.request("set").judged, Some(Judged::Refused));
//! assert_eq!(run.failure().detail, "set: refused (HTTP 403), why = too-short");
//! ```

#![expect(clippy::panic, reason = "a double says what is wrong with a test by failing it")]

mod reply;
mod script;

pub use reply::Reply;
pub use serde_json::{Value, json};

use crate::failure::{Code, Done, Failure};
use crate::http::{Http, Judged};
use crate::log::Level;
use crate::rotator::{self, Rotator, Step};
use rotabox_page::diagnostic::SourceFile;
use rotabox_page::model::{Method, Page};
use rotabox_page::place::{FieldValue, RecordValues, Records};
use rotabox_page::{Secret, parse};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// The account's user name, unless a test sets another.
pub const USER: &str = "ann@acme.example";
/// What stands behind `{old-password}`: the passwords hold what needs escaping in JSON, forms, XML and URLs.
pub const OLD_PASSWORD: &str = r#"0ld"pa$s\w0rd & <é> %41+"#;
/// What stands behind `{new-password}`.
pub const NEW_PASSWORD: &str = r#"N3w"pa$s\w0rd & <é> %41+"#;
/// What stands behind `{candidate}` in verify.
pub const CANDIDATE: &str = r#"C4nd"pa$s\w0rd & <é> %41+"#;

/// A run of one step, being prepared.
#[derive(Debug)]
pub struct Double {
    page: Page,
    user: String,
    old_password: Option<String>,
    new_password: String,
    candidate: String,
    records: Records,
    replies: BTreeMap<String, VecDeque<Reply>>,
    rehearsal: bool,
}

impl Double {
    /// A double with this page (the text of `page.toml`; [`page!`](crate::page) gives it as `PAGE`).
    ///
    /// Every record has example values: the URL `https://RECORD.example`, the secrets `secret-RECORD-FIELD` and the
    /// texts `text-RECORD-FIELD`.
    ///
    /// # Panics
    ///
    /// If the page has a mistake: with its line.
    pub fn new(page: &str) -> Self {
        let page = parse::parse(SourceFile::new("page.toml", page)).unwrap_or_else(|problem| panic!("{problem}"));
        let mut records = Records::new();
        for record in &page.records {
            let mut values = RecordValues {
                url: record.url.as_ref().map(|_| format!("https://{}.example", record.name)),
                ..RecordValues::default()
            };
            for field in &record.secrets {
                let text = format!("secret-{}-{}", record.name, field.name);
                let label = format!("{}.{}", record.name, field.name);
                values.fields.insert(field.name.clone(), FieldValue::Secret(Secret::new(label, text)));
            }
            for field in &record.texts {
                let text = format!("text-{}-{}", record.name, field.name);
                values.fields.insert(field.name.clone(), FieldValue::Text(text));
            }
            records.insert(record.name.as_str().to_owned(), values);
        }
        Self {
            page,
            user: USER.to_owned(),
            old_password: Some(OLD_PASSWORD.to_owned()),
            new_password: NEW_PASSWORD.to_owned(),
            candidate: CANDIDATE.to_owned(),
            records,
            replies: BTreeMap::new(),
            rehearsal: false,
        }
    }

    /// The account's user name.
    pub fn user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    /// The gateway sent no old password.
    pub fn without_old_password(mut self) -> Self {
        self.old_password = None;
        self
    }

    /// The URL of a record: scheme, host, port and base path, without a slash at the end.
    ///
    /// # Panics
    ///
    /// If the page has no such record.
    pub fn url(mut self, record: &str, url: &str) -> Self {
        self.record(record).url = Some(url.to_owned());
        self
    }

    /// A field of a record, by the page's names.
    ///
    /// # Panics
    ///
    /// If the page has no such record or field.
    pub fn field(mut self, record: &str, field: &str, value: &str) -> Self {
        match self.record(record).fields.get_mut(field) {
            Some(FieldValue::Secret(secret)) => *secret = Secret::new(format!("{record}.{field}"), value.to_owned()),
            Some(FieldValue::Text(text)) => value.clone_into(text),
            None => panic!("`[records.{record}]` of the page has no field `{field}`"),
        }
        self
    }

    fn record(&mut self, record: &str) -> &mut RecordValues {
        self.records.get_mut(record).unwrap_or_else(|| panic!("the page has no `[records.{record}]`"))
    }

    /// The provider's next answer to this route. Replies of one route are given in order; each further page of a list
    /// takes one.
    ///
    /// # Panics
    ///
    /// If the page has no such route.
    pub fn reply(mut self, route: &str, reply: Reply) -> Self {
        assert!(self.page.route(route).is_some(), "the page has no route `{route}`");
        self.replies.entry(route.to_owned()).or_default().push_back(reply);
        self
    }

    /// Answers changing calls with `not-sent("rehearsal")`, as a rehearsal does.
    pub fn rehearsal(mut self) -> Self {
        self.rehearsal = true;
        self
    }

    /// Runs one step of the rotator `R`.
    ///
    /// # Panics
    ///
    /// If it sends a route for which no reply is left, or if the step panics.
    pub fn run<R: Rotator>(self, step: Step) -> Run {
        self.drive(step.clone(), |_| rotator::run::<R>(&step))
    }

    /// Runs a function as a step: a part of a rotator on its own.
    ///
    /// # Panics
    ///
    /// As [`Double::run`].
    pub fn drive(self, step: Step, body: impl FnOnce(&mut Http) -> Done) -> Run {
        let host = Rc::new(script::Script::new(self, &step));
        let result = crate::host::during(host.clone(), || body(&mut Http::new()));
        host.finish(result)
    }
}

/// What happened in a step.
#[derive(Debug)]
pub struct Run {
    /// What the rotator answered.
    pub result: Done,
    /// Every request that was sent, in order.
    pub requests: Vec<Request>,
    /// Calls that page or broker refused, and why.
    pub denied: Vec<String>,
    /// Why the step ended before its time: an unmet `requires`, pick, bind or capture.
    pub ended: Option<String>,
    /// What the page thinks worth a warning.
    pub warnings: Vec<String>,
    /// The rotator's log.
    pub log: Vec<(Level, String)>,
    /// How long the rotator slept, in milliseconds.
    pub slept: u64,
    /// Routes for which a reply is left, once a reply.
    pub left: Vec<String>,
}

impl Run {
    /// The routes that were sent, in order.
    pub fn routes(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.route.as_str()).collect()
    }

    /// The first request of a route.
    ///
    /// # Panics
    ///
    /// If there was none.
    pub fn request(&self, route: &str) -> &Request {
        let sent = self.requests.iter().find(|request| request.route == route);
        sent.unwrap_or_else(|| panic!("`{route}` was not sent, only {:?}; {:?}", self.routes(), self.result))
    }

    /// The failure that the rotator answered.
    ///
    /// # Panics
    ///
    /// If the step succeeded.
    pub fn failure(&self) -> &Failure {
        match &self.result {
            Err(failure) => failure,
            Ok(()) => panic!("the step succeeded, after {:?}", self.routes()),
        }
    }

    /// The code of the failure; none if the step succeeded.
    pub fn code(&self) -> Option<&Code> {
        self.result.as_ref().err().map(|failure| &failure.code)
    }

    /// What the broker makes of a verify step: accepted, refused (one refusal wins), or none: it cannot tell. It goes by
    /// the answers, whatever the rotator returns.
    pub fn verdict(&self) -> Option<Judged> {
        let verdicts = || self.requests.iter().filter(|request| request.candidate).map(|request| &request.judged);
        if verdicts().any(|judged| *judged == Some(Judged::Refused)) {
            return Some(Judged::Refused);
        }
        let accepted = verdicts().all(|judged| *judged == Some(Judged::Accepted)) && verdicts().count() > 0;
        accepted.then_some(Judged::Accepted)
    }
}

/// A request as it would leave, with example secrets in their places.
#[derive(Clone, Debug)]
pub struct Request {
    /// The route.
    pub route: String,
    /// `GET`
    pub method: &'static str,
    /// `https://api.example`
    pub origin: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query without `?`, encoded.
    pub query: String,
    /// Lower-case names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: String,
    /// The verdict on its answer; none if there was no answer. Of a list, the last page has it.
    pub judged: Option<Judged>,
    /// It placed `{candidate}`, so its verdict is a verification.
    pub candidate: bool,
}

impl Request {
    /// `GET https://api.example/users?limit=2`
    pub fn line(&self) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        format!("{} {}{}{query}", self.method, self.origin, self.path)
    }

    /// A header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("the body is not JSON ({error}): {}", self.body))
    }
}

/// The request of a placed one.
fn request(route: &rotabox_page::model::Route, placed: &rotabox_page::place::Placed) -> Request {
    let method: Method = placed.method;
    Request {
        route: route.name.as_str().to_owned(),
        method: method.as_str(),
        origin: placed.origin.clone(),
        path: placed.path.clone(),
        query: placed.query.clone(),
        headers: placed.headers.clone(),
        body: placed.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned(),
        judged: None,
        candidate: route.places_candidate(),
    }
}
