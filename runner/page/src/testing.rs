//! What the tests of this crate share: the worked pages, a world of values, answers.

use crate::answer::Answer;
use crate::diagnostic::SourceFile;
use crate::judge::{Judgement, judge};
use crate::model::{Page, Route};
use crate::names::Step;
use crate::parse::parse;
use crate::place::{FieldValue, PlaceError, Placed, RecordValues, Records, Scope, place};
use crate::progress::Progress;
use crate::secret::Secret;

macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../tests/pages/", $name, ".toml")))),*]
    };
}

/// The worked pages.
pub(crate) const PAGES: &[(&str, &str)] = pages![
    "couchdb",
    "elasticsearch",
    "entra",
    "everything",
    "grafana",
    "json-rpc",
    "okta",
    "rabbitmq",
    "scim",
    "splunk",
    "synapse",
    "vault-userpass",
    "wiki",
];

/// The password that finds most mistakes.
pub(crate) const AWKWARD: &str = "N3w\"pa$s\\w0rd & <é> %41+";

/// A worked page.
pub(crate) fn page(name: &str) -> Page {
    let text = PAGES.iter().find(|(have, _)| *have == name).expect("a worked page").1;
    page_of(text)
}

/// The page of a text.
pub(crate) fn page_of(text: &str) -> Page {
    parse(SourceFile::new("page.toml", text)).unwrap_or_else(|problem| panic!("{problem}"))
}

/// A page with one record, `api`, and these routes.
pub(crate) fn routes(text: &str) -> Page {
    page_of(&format!(
        "version = 1\nname = \"t\"\n[records.api]\nurl = \"url\"\nsecret = {{ token = \"password\" }}\ntext = {{ login = \"login\" }}\n{text}"
    ))
}

/// Every value that a template may name.
pub(crate) struct World {
    pub(crate) user: String,
    pub(crate) passwords: [Secret; 3],
    pub(crate) records: Records,
    pub(crate) args: Vec<(String, String)>,
    pub(crate) progress: Progress,
}

impl World {
    /// A world for a page: every record has the URL `https://api.example/base`, every field has the value `field`.
    pub(crate) fn new(page: &Page, step: Step, user: &str, password: &str, field: &str) -> World {
        let mut records = Records::new();
        for record in &page.records {
            let mut values =
                RecordValues { url: Some("https://api.example/base".to_owned()), ..RecordValues::default() };
            for secret in &record.secrets {
                let label = format!("{}.{}", record.name, secret.name);
                values.fields.insert(secret.name.clone(), FieldValue::Secret(Secret::new(label, field.to_owned())));
            }
            for text in &record.texts {
                values.fields.insert(text.name.clone(), FieldValue::Text(field.to_owned()));
            }
            records.insert(record.name.to_string(), values);
        }
        let passwords =
            ["old-password", "new-password", "candidate"].map(|name| Secret::new(name, password.to_owned()));
        World { user: user.to_owned(), passwords, records, args: Vec::new(), progress: Progress::new(step) }
    }

    pub(crate) fn arg(mut self, name: &str, value: &str) -> World {
        self.args.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        let [old, new, candidate] = &self.passwords;
        Scope {
            user: &self.user,
            old_password: Some(old),
            new_password: Some(new),
            candidate: Some(candidate),
            records: &self.records,
            args: &self.args,
            progress: &self.progress,
        }
    }

    /// Places a route.
    pub(crate) fn place(&self, page: &Page, route: &str) -> Result<Placed, PlaceError> {
        place(page, page.route(route).expect("a route"), &self.scope(), None)
    }

    /// Judges an answer without learning from it.
    pub(crate) fn judge(&self, page: &Page, route: &str, answer: Answer) -> Judgement {
        judge(page.route(route).expect("a route"), &[answer], false, &self.scope())
    }

    /// Judges an answer and learns from it.
    pub(crate) fn learn(&mut self, page: &Page, route: &str, answer: Answer) -> Judgement {
        let route: &Route = page.route(route).expect("a route");
        let mut judgement = judge(route, &[answer], false, &self.scope());
        self.progress.spend(route);
        self.progress.learn(route, &mut judgement);
        judgement
    }
}

/// An answer with a body.
pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// An answer with headers.
pub(crate) fn answer_with(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Answer { status, headers, body: body.as_bytes().to_vec() }
}
