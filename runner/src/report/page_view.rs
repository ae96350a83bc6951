//! A page as people review it: every request, where each secret goes, what is read. Plain data, not yet escaped; the
//! text of [`super::page_table`] and the JSON of `inspect` are made of it.

use crate::page::Page;
use crate::page::model::{Body, Field, Need, Origin, Record, Route};
use crate::page::names::BindName;
use crate::page::predicate::{Place, Require};
use crate::page::request::Spot;
use crate::page::template::{JsonTemplate, Source, Template, Value, toml_string};
use crate::policy::fit;
use serde::Serialize;

/// A page. Every text in it is the author's, and untrusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PageView {
    /// `name`
    pub name: String,
    /// The author's words.
    pub about: Option<String>,
    /// What it takes from the vault.
    pub records: Vec<RecordView>,
    /// Hosts that the page writes out, `host[:port]`, sorted.
    pub literal_hosts: Vec<String>,
    /// Rules for the new password, in words.
    pub password: Vec<String>,
    /// Routes that show whether a password works.
    pub verifies: Vec<String>,
    /// A route that sets passwords by the power of a record's secret, with everything switched on.
    pub admin_power: Option<PowerView>,
    /// The routes, in the page's order.
    pub routes: Vec<RouteView>,
}

/// A route and the secret by whose power it sets passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PowerView {
    /// The route.
    pub route: String,
    /// `api.token`
    pub secret: String,
}

/// `[records.api]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordView {
    /// The page's name for it.
    pub name: String,
    /// Label of the field with the URL; none if the page sends nothing there.
    pub url: Option<String>,
    /// Fields that are placed, never shown.
    pub secrets: Vec<FieldView>,
    /// Fields that the rotator reads.
    pub texts: Vec<FieldView>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldView {
    /// `api.token`
    pub name: String,
    /// Its label in the vault.
    pub label: String,
}

/// `[[route]]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteView {
    /// Its name.
    pub name: String,
    /// The author's words.
    pub about: Option<String>,
    /// `okta/page.toml:31`
    pub line: String,
    /// The steps it may be sent in.
    pub steps: Vec<&'static str>,
    /// The method.
    pub method: &'static str,
    /// The target, as the page writes it.
    pub url: String,
    /// It changes something that matters.
    pub changes: bool,
    /// A failure is not the end of the step.
    pub may_fail: bool,
    /// The operator may switch it off.
    pub removable: bool,
    /// How often it may be sent in one step.
    pub uses: u32,
    /// Most pages of a list that are read; none if it is no list.
    pub pages: Option<PagesView>,
    /// What must have happened before, in words.
    pub sent_when: Vec<String>,
    /// Where secrets go.
    pub secrets: Vec<PlacedView>,
    /// Where other values go.
    pub values: Vec<PlacedView>,
    /// What is sent along as it stands.
    pub constants: Vec<ConstantView>,
    /// The route whose kept document is sent back with these members replaced.
    pub sends_back: Option<String>,
    /// When an answer counts as accepted, as the page writes it.
    pub accepted: String,
    /// When it counts as refused.
    pub refused: Option<String>,
    /// What must hold of an accepted answer.
    pub requires: Vec<String>,
    /// How one element is picked out of a list.
    pub picks: Option<String>,
    /// What is taken for later requests, not shown to the rotator.
    pub takes: Vec<TakenView>,
    /// The broker keeps the document.
    pub keeps: bool,
    /// What the rotator reads of the answer, beyond status and verdict.
    pub shows: Vec<ShownView>,
    /// What an unmet requirement or pick tells the rotator besides, in words.
    pub told_when_unmet: Vec<String>,
    /// What is worth a warning in the result.
    pub warns: Vec<String>,
    /// What the rotator fills in.
    pub arguments: Vec<ArgumentView>,
    /// An accepted answer proves that the password under verification works.
    pub proves: bool,
}

/// Further pages of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PagesView {
    /// Most pages that are read.
    pub at_most: u32,
    /// Where the next one is named.
    pub next: String,
    /// The query key that takes the name of the next one; without it, that is a URL of the same origin and path.
    pub into: Option<String>,
}

/// A name and its place in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlacedView {
    /// `api.token`, `new-password`, `user`
    pub name: String,
    /// "header authorization"
    pub place: String,
    /// The text that stands there, as the page writes it; none if it is the name alone.
    pub written: Option<String>,
}

/// A constant and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConstantView {
    /// "JSON /forceChangePasswordNextSignIn"
    pub place: String,
    /// Its text.
    pub text: String,
}

/// A bind or a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TakenView {
    /// `account.id`
    pub name: String,
    /// Where in the answer.
    pub from: String,
    /// A capture: handled as a secret.
    pub secret: bool,
}

/// What the rotator reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShownView {
    /// The name it reads it by.
    pub name: String,
    /// Where in the answer.
    pub from: String,
}

/// What the rotator fills in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ArgumentView {
    /// `arg.group`
    pub name: String,
    /// What it may be, in words.
    pub may_be: String,
}

/// The view of a page.
pub fn view(page: &Page) -> PageView {
    let mut password = Vec::new();
    password.extend(page.password.max_bytes.map(|most| format!("at most {most} bytes")));
    password.extend(page.password.min_characters.map(|least| format!("at least {least} characters")));
    password.extend(page.password.refuse.iter().map(|text| format!("not with {text:?}")));
    PageView {
        name: page.name.clone(),
        about: page.about.clone(),
        records: page.records.iter().map(record).collect(),
        literal_hosts: literal_hosts(page),
        password,
        verifies: page
            .routes
            .iter()
            .filter(|route| route.places_candidate())
            .map(|route| route.name.to_string())
            .collect(),
        admin_power: fit::set_by_admin(page, |_| false, true)
            .map(|(route, secret)| PowerView { route: route.name.to_string(), secret }),
        routes: page.routes.iter().map(|route| route_view(page, route)).collect(),
    }
}

/// Hosts that the page writes out, `host[:port]`, sorted.
pub fn literal_hosts(page: &Page) -> Vec<String> {
    let hosts = page.routes.iter().filter_map(|route| match &route.target.origin {
        Origin::Record(_) => None,
        Origin::Literal { host, port: 443 } => Some(host.clone()),
        Origin::Literal { host, port } => Some(format!("{host}:{port}")),
    });
    let mut hosts: Vec<String> = hosts.collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn record(record: &Record) -> RecordView {
    let field =
        |field: &Field| FieldView { name: format!("{}.{}", record.name, field.name), label: field.label.clone() };
    RecordView {
        name: record.name.to_string(),
        url: record.url.clone(),
        secrets: record.secrets.iter().map(field).collect(),
        texts: record.texts.iter().map(field).collect(),
    }
}

/// The view of one route.
pub fn route_view(page: &Page, route: &Route) -> RouteView {
    let (mut secrets, mut values) = (Vec::new(), Vec::new());
    route.each_template(&mut |spot, template| {
        for source in template.sources() {
            let list = if source.is_secret() { &mut secrets } else { &mut values };
            let placed = placed(route, source, &spot, template);
            if !list.contains(&placed) {
                list.push(placed);
            }
        }
    });
    RouteView {
        name: route.name.to_string(),
        about: route.about.clone(),
        line: page.file.line_of(route.span),
        steps: route.steps.iter().map(|step| step.as_str()).collect(),
        method: route.method.as_str(),
        url: route.target.to_string(),
        changes: route.changes,
        may_fail: route.may_fail,
        removable: route.removable,
        uses: route.uses,
        pages: route.pages.as_ref().map(|pages| PagesView {
            at_most: pages.at_most,
            next: answer_place(&pages.next),
            into: pages.into.clone(),
        }),
        sent_when: route.needs.iter().map(|need| need_in_words(page, need)).collect(),
        secrets,
        values,
        constants: constants(route),
        sends_back: match &route.body {
            Body::JsonFrom { route, .. } => Some(route.to_string()),
            _ => None,
        },
        accepted: route.expects.to_string(),
        refused: route.refuses.as_ref().map(ToString::to_string),
        requires: route.requires.iter().map(requirement).collect(),
        picks: route.picks.as_ref().map(|picks| {
            let filter = match picks.filter.as_slice() {
                [] => String::new(),
                filter => format!(" where {}", crate::page::predicate::table(filter)),
            };
            format!("exactly {} of {}{filter}; {}", picks.exactly, json_place(&picks.from), otherwise(&picks.otherwise))
        }),
        takes: taken(&route.binds, false).chain(taken(&route.captures, true)).collect(),
        keeps: route.keeps,
        shows: route
            .shows
            .iter()
            .map(|(name, place)| ShownView { name: name.clone(), from: answer_place(place) })
            .collect(),
        told_when_unmet: told_when_unmet(route),
        warns: route.warns.iter().map(|warn| format!("{} {}", answer_place(&warn.at), warn.test)).collect(),
        arguments: route
            .args
            .iter()
            .map(|arg| ArgumentView { name: format!("arg.{}", arg.name), may_be: arg.described() })
            .collect(),
        proves: route.places_candidate(),
    }
}

fn placed(route: &Route, source: &Source, spot: &Spot, template: &Template) -> PlacedView {
    let place = match spot {
        Spot::Path(_) => "path".to_owned(),
        spot => spot.to_string(),
    };
    let written = match template.sole_name() {
        _ if is_base64(route, template) => Some(Value::Base64(template.clone()).to_string()),
        Some(_) => None,
        None => Some(template.to_string()),
    };
    PlacedView { name: source.to_string(), place, written }
}

/// What is sent along as it stands. A text in JSON keeps its quotes: `"false"` is not `false`.
fn constants(route: &Route) -> Vec<ConstantView> {
    let mut constants = Vec::new();
    route.each_template(&mut |spot, template| {
        let Some(text) = template.constant().filter(|_| !matches!(spot, Spot::Path(_))) else { return };
        let text = match &spot {
            _ if is_base64(route, template) => Value::Base64(template.clone()).to_string(),
            Spot::Json(_) => toml_string(text),
            _ => text.to_owned(),
        };
        constants.push(ConstantView { place: spot.to_string(), text });
    });
    // The page's own list begins with the same texts; what follows are numbers, booleans, nulls and what is empty.
    let others = route.constants().into_iter().skip(constants.len());
    constants.extend(others.map(|(place, text)| ConstantView { place, text }));
    constants
}

/// True if the page has this very template encoded as a whole.
fn is_base64(route: &Route, template: &Template) -> bool {
    let this = |value: &Value| matches!(value, Value::Base64(inner) if std::ptr::eq(inner, template));
    let pairs = |pairs: &[(String, Value)]| pairs.iter().any(|(_, value)| this(value));
    fn leaf(json: &JsonTemplate, this: &impl Fn(&Value) -> bool) -> bool {
        match json {
            JsonTemplate::Text(value) => this(value),
            JsonTemplate::List(items) => items.iter().any(|item| leaf(item, this)),
            JsonTemplate::Object(members) => members.iter().any(|(_, member)| leaf(member, this)),
            JsonTemplate::Null | JsonTemplate::Bool(_) | JsonTemplate::Number(_) => false,
        }
    }
    pairs(&route.query)
        || pairs(&route.headers)
        || match &route.body {
            Body::Form(form) => pairs(form),
            Body::Json(json) => leaf(json, &this),
            Body::JsonFrom { set, .. } => set.iter().any(|(_, member)| leaf(member, &this)),
            Body::None | Body::Xml(_) | Body::Text(_) => false,
        }
}

fn need_in_words(page: &Page, need: &Need) -> String {
    match need {
        Need::Met(route) => format!("`{route}` was accepted"),
        Need::Kept(route) => format!("`{route}` kept its document"),
        Need::Bound(bind) => match givers(page, bind).as_slice() {
            [] => format!("`{bind}` is known"),
            givers => format!("`{bind}` is known, from {}", givers.join(" or ")),
        },
    }
}

/// The routes that can fill a bind or capture, in backticks.
fn givers(page: &Page, bind: &BindName) -> Vec<String> {
    page.routes
        .iter()
        .filter(|route| route.gives().any(|given| given == bind))
        .map(|route| format!("`{}`", route.name))
        .collect()
}

/// `{value}` and `{count}` in an `else` are told to the rotator.
fn told_when_unmet(route: &Route) -> Vec<String> {
    let values = route.requires.iter().filter(|require| require.otherwise.contains("{value}"));
    let mut told: Vec<String> =
        values.map(|require| format!("the value at {}, if it is not as required", answer_place(&require.at))).collect();
    let counts = route.picks.iter().filter(|picks| picks.otherwise.contains("{count}"));
    told.extend(
        counts.map(|picks| format!("how many of {} match, if not exactly {}", json_place(&picks.from), picks.exactly)),
    );
    told
}

fn requirement(require: &Require) -> String {
    format!("{} {}; {}", answer_place(&require.at), require.test, otherwise(&require.otherwise))
}

/// What is said when it does not hold is the author's, and nothing hangs on it. A string of TOML cannot be ended from within.
fn otherwise(words: &str) -> String {
    format!("else the author says {}", toml_string(words))
}

fn taken(pairs: &[(BindName, Place)], secret: bool) -> impl Iterator<Item = TakenView> {
    pairs.iter().map(move |(name, place)| TakenView { name: name.to_string(), from: answer_place(place), secret })
}

/// A place of an answer, for people: `/id`, `header:link`, "the whole answer".
fn answer_place(place: &Place) -> String {
    match place {
        Place::Json(pointer) => json_place(pointer),
        place => place.to_string(),
    }
}

/// The place that is no member of an answer.
pub(super) const WHOLE_ANSWER: &str = "the whole answer";

fn json_place(pointer: &str) -> String {
    if pointer.is_empty() { WHOLE_ANSWER.to_owned() } else { pointer.to_owned() }
}
