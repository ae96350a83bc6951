//! The parsed page. What exists here has been checked; nothing needs to be validated again.

use crate::diagnostic::{SourceFile, Span};
use crate::names::{ArgName, BindName, RecordName, RouteName, Step};
use crate::predicate::{Expectation, Place, Require, Test, Warn};
use crate::secret::Secret;
use crate::template::{JsonTemplate, Template, Value};
use std::collections::BTreeSet;
use std::fmt;

/// A page: what a rotator needs and each route it may call.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it was read, for messages.
    pub file: SourceFile,
    /// `name`: lower-case letters, digits and dashes.
    pub name: String,
    /// The author's words. Untrusted text.
    pub about: Option<String>,
    /// What it needs from the vault.
    pub records: Vec<Record>,
    /// Rules for the new password, checked before any request.
    pub password: PasswordRules,
    /// The routes, in the page's order.
    pub routes: Vec<Route>,
}

/// `[records.api]`
#[derive(Clone, Debug)]
pub struct Record {
    /// The page's name for it.
    pub name: RecordName,
    /// The vault label of the field with the URL, if the page uses one.
    pub url: Option<String>,
    /// Fields that are placed but never shown.
    pub secrets: Vec<Field>,
    /// Fields that the rotator may read.
    pub texts: Vec<Field>,
    /// Where it is declared.
    pub span: Span,
}

/// A field of a record: the page's name for it and its label in the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `token` in `{api.token}`.
    pub name: String,
    /// The label of the field in the vault, such as `password`.
    pub label: String,
}

/// `[password]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasswordRules {
    /// Most bytes (UTF-8) that the provider really takes.
    pub max_bytes: Option<usize>,
    /// Fewest characters.
    pub min_characters: Option<usize>,
    /// Texts that may not occur in it.
    pub refuse: Vec<String>,
}

/// `[[route]]`: one request.
#[derive(Clone, Debug)]
pub struct Route {
    /// Distinct among routes.
    pub name: RouteName,
    /// The author's words. Untrusted text.
    pub about: Option<String>,
    /// The steps it may be sent in.
    pub steps: BTreeSet<Step>,
    /// What must have happened in this step before: written in `after`, and implied by the binds it uses.
    pub needs: Vec<Need>,
    /// It changes something that matters; sent at most once in a run.
    pub changes: bool,
    /// A failure is not the end of the step.
    pub may_fail: bool,
    /// The operator may switch it off.
    pub removable: bool,
    /// How often it may be sent in one step.
    pub uses: u32,
    /// The request's method.
    pub method: Method,
    /// Origin and path.
    pub target: Target,
    /// Query pairs, in order.
    pub query: Vec<(String, Value)>,
    /// Headers, lower-case names, in order.
    pub headers: Vec<(String, Value)>,
    /// HTTP Basic.
    pub basic: Option<Basic>,
    /// The body.
    pub body: Body,
    /// When the answer counts as accepted. Without it: any 2xx (no alternatives).
    pub expects: Expectation,
    /// True if the page writes `expects` (the default stands only on plain look-ups).
    pub expects_written: bool,
    /// When the provider says that nothing was changed, or that the candidate is wrong.
    pub refuses: Option<Expectation>,
    /// What must hold of an accepted answer for the step to go on.
    pub requires: Vec<Require>,
    /// Demands one element out of a list.
    pub picks: Option<Picks>,
    /// Further pages of a list.
    pub pages: Option<Paging>,
    /// Values for later templates. (name, where)
    pub binds: Vec<(BindName, Place)>,
    /// Secrets for later templates.
    pub captures: Vec<(BindName, Place)>,
    /// The broker keeps the document for `json-from`.
    pub keeps: bool,
    /// What the rotator sees of the answer: (name, where).
    pub shows: Vec<(String, Place)>,
    /// Said in the result when the answer was accepted.
    pub warns: Vec<Warn>,
    /// Arguments that the rotator fills in.
    pub args: Vec<ArgRule>,
    /// Where the route begins in the file.
    pub span: Span,
    /// Where its `request` stands.
    pub request_span: Span,
}

/// What must have happened before in the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// That route met `expects` and `requires`.
    Met(RouteName),
    /// That bind or capture exists.
    Bound(BindName),
    /// That route kept a document.
    Kept(RouteName),
}

/// HTTP methods a page may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The record's URL, or an origin that the page writes out.
    pub origin: Origin,
    /// Path segments; each is one segment whatever its values hold. `/` alone is one empty literal segment.
    pub segments: Vec<Template>,
}

/// The beginning of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `{api.url}`: scheme, host, port and base path of the record's URL.
    Record(RecordName),
    /// `https://graph.microsoft.com`: exact; the policy must list the host in `literal-hosts`.
    Literal {
        /// Lower-case host name.
        host: String,
        /// Port, 443 unless written.
        port: u16,
    },
}

/// `basic = { user = …, password = … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basic {
    /// May not contain a colon.
    pub user: Template,
    /// Any text.
    pub password: Template,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// No body.
    None,
    /// `json = …`: content type `application/json` unless a header says otherwise.
    Json(JsonTemplate),
    /// `json-from = "read"` with `json = { … }`: the kept document with members set or replaced.
    JsonFrom {
        /// The route that keeps the document.
        route: RouteName,
        /// Members, set at the top level; nested tables are merged.
        set: Vec<(String, JsonTemplate)>,
    },
    /// `form = { … }`: application/x-www-form-urlencoded.
    Form(Vec<(String, Value)>),
    /// `xml = "…"`: values are escaped as XML text.
    Xml(Template),
    /// `text = "…"`: text/plain.
    Text(Template),
}

/// `picks = { from, where, exactly, else }`
#[derive(Clone, Debug, PartialEq)]
pub struct Picks {
    /// JSON pointer of the list.
    pub from: String,
    /// Tests on each element.
    pub filter: Vec<(Place, Test)>,
    /// How many must match: 1 (the only number that makes sense today).
    pub exactly: usize,
    /// What is said otherwise; `{count}` is how many matched.
    pub otherwise: String,
}

/// `pages = { next, at-most, into }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// `header:link` (rel="next"), or a place holding a URL, or (with `into`) a token.
    pub next: Place,
    /// Query key that takes the token; without it `next` is a URL on the same origin and path.
    pub into: Option<String>,
    /// Most pages that are read.
    pub at_most: u32,
}

/// `[route.args] group = { class = "token", max = 64 }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgRule {
    /// Its name.
    pub name: ArgName,
    /// What it may be.
    pub class: ArgClass,
    /// Most characters.
    pub max: usize,
}

/// Classes of arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgClass {
    /// ASCII letters, digits, `-`, `_`, `.`; not `.` or `..`.
    Token,
    /// ASCII digits.
    Number,
    /// 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// Printable text without control characters.
    Text,
    /// One of these.
    OneOf(Vec<String>),
}

impl ArgClass {
    /// Most characters, where the page does not say.
    pub fn default_max(&self) -> usize {
        match self {
            ArgClass::Token | ArgClass::Number => 64,
            ArgClass::Uuid => 36,
            ArgClass::Text | ArgClass::OneOf(_) => 256,
        }
    }

    /// What the class allows, in words.
    pub fn described(&self) -> String {
        match self {
            ArgClass::Token => "letters, digits, `-`, `_` and `.`, but not `.` or `..`".to_owned(),
            ArgClass::Number => "digits".to_owned(),
            ArgClass::Uuid => "a UUID".to_owned(),
            ArgClass::Text => "text without control characters".to_owned(),
            ArgClass::OneOf(values) => {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                format!("one of {}", values.join(", "))
            }
        }
    }
}

impl ArgRule {
    /// True if the value is of the class, not empty, and not too long.
    pub fn admits(&self, value: &str) -> bool {
        if value.is_empty() || value.chars().count() > self.max {
            return false;
        }
        match &self.class {
            ArgClass::Token => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                value.chars().all(allowed) && value != "." && value != ".."
            }
            ArgClass::Number => value.chars().all(|c| c.is_ascii_digit()),
            ArgClass::Uuid => {
                let groups: Vec<&str> = value.split('-').collect();
                groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
                    && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
            }
            ArgClass::Text => !value.chars().any(char::is_control),
            ArgClass::OneOf(values) => values.iter().any(|allowed| allowed == value),
        }
    }

    /// What it may be, in words: "letters, digits, …, at most 64 characters".
    pub fn described(&self) -> String {
        match self.class {
            ArgClass::OneOf(_) => self.class.described(),
            _ => format!("{}, at most {} characters", self.class.described(), self.max),
        }
    }
}

impl PasswordRules {
    /// Checks the new password. The error says which rule, never the password.
    pub fn check(&self, password: &Secret) -> Result<(), String> {
        let text = password.lend();
        if let Some(most) = self.max_bytes.filter(|most| text.len() > *most) {
            return Err(format!("the new password has more than {most} bytes, and the provider takes no more"));
        }
        if let Some(least) = self.min_characters.filter(|least| text.chars().count() < *least) {
            return Err(format!("the new password has fewer than {least} characters, and the provider takes no fewer"));
        }
        match self.refuse.iter().find(|refused| text.contains(refused.as_str())) {
            Some(refused) => {
                Err(format!("the new password contains `{}`, which the provider does not take", refused.escape_debug()))
            }
            None => Ok(()),
        }
    }
}

impl Page {
    /// The route with this name.
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name.as_str() == name)
    }

    /// The record with this name.
    pub fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name.as_str() == name)
    }

    /// True if some route can judge a password: it places `{candidate}`.
    pub fn can_verify(&self) -> bool {
        self.routes.iter().any(Route::places_candidate)
    }

    /// True if some route is for this step.
    pub fn has_step(&self, step: Step) -> bool {
        self.routes.iter().any(|route| route.steps.contains(&step))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Record(record) => write!(f, "{{{record}.url}}"),
            Origin::Literal { host, port: 443 } => write!(f, "https://{host}"),
            Origin::Literal { host, port } => write!(f, "https://{host}:{port}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)?;
        self.segments.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AWKWARD, page};

    #[test]
    fn a_password_that_breaks_a_rule_is_refused_without_being_said() {
        let rules = PasswordRules {
            max_bytes: Some(26),
            min_characters: Some(6),
            refuse: vec!["\\\\".to_owned(), "\n".to_owned()],
        };
        let check = |text: &str| rules.check(&Secret::new("new-password", text.to_owned()));
        assert_eq!(check(AWKWARD), Ok(()));
        for (text, wanted) in [
            ("abcde", "fewer than 6 characters"),
            ("ééééé", "fewer than 6 characters"),
            ("éééééééééééééé", "more than 26 bytes"),
            ("abc\\\\def", "contains `\\\\\\\\`"),
            ("abc\ndef", "contains `\\n`"),
        ] {
            let said = check(text).unwrap_err();
            assert!(said.contains(wanted) && !said.contains(text), "{said}");
        }
        assert_eq!(
            page("wiki").password,
            PasswordRules { max_bytes: Some(4096), min_characters: None, refuse: vec!["\\".to_owned()] }
        );
    }

    #[test]
    fn a_page_says_what_it_can_do() {
        let page = page("entra");
        assert!(!page.can_verify() && page.has_step(Step::Change) && !page.has_step(Step::Finish));
        assert_eq!(
            page.route("set").map(Route::request).as_deref(),
            Some("PATCH https://graph.microsoft.com/v1.0/users/{user}")
        );
        assert!(page.record("app").is_some_and(|record| record.url.is_none()) && page.record("api").is_none());
    }
}
