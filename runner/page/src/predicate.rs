//! `expects`, `refuses`, `requires`, `warns`: places of an answer and tests on what stands there.
//!
//! | place | is |
//! | --- | --- |
//! | `status` | the HTTP status |
//! | `""`, `"/a/b"` | a JSON pointer (RFC 6901) into the body |
//! | `"header:name"` | a response header, the first of that name |
//! | `"cookie:name"` | the value of a cookie that the answer sets (only in `captures`) |
//! | `"xml:Path/To/Element"` | text of the first such element, names without prefix; `@attr` at the end for an attribute |
//!
//! `Display` prints places and tests as the page writes them.

use crate::template::{Template, toml_key, toml_string};
use std::fmt;

/// A place of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The HTTP status.
    Status,
    /// A JSON pointer; empty is the whole body.
    Json(String),
    /// A response header, lower case.
    Header(String),
    /// The value of a cookie that the answer sets. Only captured, never shown.
    Cookie(String),
    /// An XML element (or `@attribute`), from the root's name down.
    Xml(Vec<String>),
}

/// A test on what stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Equal to a literal or a template. Strings: exact, or ignoring case.
    Equals {
        /// What it must equal.
        value: Literal,
        /// Compare strings ignoring case (Unicode lower case).
        ignore_case: bool,
    },
    /// Equal to one of them.
    OneOf {
        /// The values.
        values: Vec<Literal>,
        /// As in `Equals`.
        ignore_case: bool,
    },
    /// The inner test fails (an absent place fails `Not` too, unless the inner test is `Absent`).
    Not(Box<Test>),
    /// Nothing stands there (`true`), or something does (`false`).
    Absent(bool),
    /// JSON null stands there (`true`), or something else does (`false`).
    Null(bool),
    /// An array, object or string of this many elements, members or characters.
    Length(usize),
    /// A string that contains this text, or an array with an element equal to it.
    Contains(Template),
}

/// A value in a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text with names in it.
    Text(Template),
    /// A number.
    Number(serde_json::Number),
    /// true or false.
    Bool(bool),
}

/// Tests that must all hold.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct All(pub Vec<(Place, Test)>);

/// `expects` or `refuses`: one table, or a list of tables of which any may hold. Without alternatives (the default of
/// `expects`): any 2xx. An alternative of `expects` that writes no `status` asks for any 2xx as well.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Expectation {
    /// The alternatives.
    pub any: Vec<All>,
}

/// One entry of `requires`.
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// Where to look (below the picked element, if the route picks).
    pub at: Place,
    /// What must hold.
    pub test: Test,
    /// What is said when it does not; `{value}` is what was found.
    pub otherwise: String,
}

/// One entry of `warns`: said in the result when it holds and the answer was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Warn {
    /// Where to look.
    pub at: Place,
    /// What is worth a warning.
    pub test: Test,
}

impl Place {
    /// True if it is a part of the body, not of the status or the headers.
    pub fn in_body(&self) -> bool {
        matches!(self, Place::Json(_) | Place::Xml(_))
    }

    /// True if the value here contains the one at `inner`.
    pub fn covers(&self, inner: &Place) -> bool {
        match (self, inner) {
            (Place::Json(outer), Place::Json(inner)) => {
                inner.strip_prefix(outer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (Place::Xml(outer), Place::Xml(inner)) => inner.starts_with(outer),
            (outer, inner) => outer == inner,
        }
    }

    /// True if what stands here is a secret whatever the page says: a cookie.
    pub fn is_cookie(&self) -> bool {
        match self {
            Place::Cookie(_) => true,
            Place::Header(name) => name == "set-cookie",
            Place::Status | Place::Json(_) | Place::Xml(_) => false,
        }
    }

    /// The place in a sentence: "`/status`", "the answer".
    pub fn described(&self) -> String {
        match self {
            Place::Json(pointer) if pointer.is_empty() => "the answer".to_owned(),
            place => format!("`{place}`"),
        }
    }
}

impl fmt::Display for Place {
    /// As in a page, without quotes; the whole answer is the empty text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Status => f.write_str("status"),
            Place::Json(pointer) => f.write_str(pointer),
            Place::Header(name) => write!(f, "header:{name}"),
            Place::Cookie(name) => write!(f, "cookie:{name}"),
            Place::Xml(path) => write!(f, "xml:{}", path.join("/")),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Text(template) => f.write_str(&toml_string(&template.to_string())),
            Literal::Number(number) => number.fmt(f),
            Literal::Bool(value) => value.fmt(f),
        }
    }
}

impl Test {
    /// The templates in it.
    pub fn templates(&self) -> Vec<&Template> {
        fn of(literal: &Literal) -> Option<&Template> {
            match literal {
                Literal::Text(template) => Some(template),
                Literal::Number(_) | Literal::Bool(_) => None,
            }
        }
        match self {
            Test::Equals { value, .. } => of(value).into_iter().collect(),
            Test::OneOf { values, .. } => values.iter().filter_map(of).collect(),
            Test::Not(inner) => inner.templates(),
            Test::Contains(template) => vec![template],
            Test::Absent(_) | Test::Null(_) | Test::Length(_) => Vec::new(),
        }
    }

    /// The test as the members of a table: `one-of = ["A", "B"], ignore-case = true`.
    pub fn members(&self) -> String {
        let ignoring = |ignore: &bool| if *ignore { ", ignore-case = true" } else { "" };
        match self {
            Test::Equals { value, ignore_case } => format!("equals = {value}{}", ignoring(ignore_case)),
            Test::OneOf { values, ignore_case } => {
                let values: Vec<String> = values.iter().map(Literal::to_string).collect();
                format!("one-of = [{}]{}", values.join(", "), ignoring(ignore_case))
            }
            Test::Not(inner) => format!("not = {inner}"),
            Test::Absent(absent) => format!("absent = {absent}"),
            Test::Null(null) => format!("null = {null}"),
            Test::Length(length) => format!("length = {length}"),
            Test::Contains(template) => format!("contains = {}", toml_string(&template.to_string())),
        }
    }
}

impl fmt::Display for Test {
    /// A bare value for plain equality, a table for everything else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Equals { value, ignore_case: false } => value.fmt(f),
            test => write!(f, "{{ {} }}", test.members()),
        }
    }
}

/// Tests as a table of the page: `{ status = 200, "/status" = "SUCCESS" }`.
pub fn table(tests: &[(Place, Test)]) -> String {
    let entries: Vec<String> = tests
        .iter()
        .map(|(place, test)| match (place, test) {
            (Place::Status, Test::OneOf { values, .. }) => {
                let values: Vec<String> = values.iter().map(Literal::to_string).collect();
                format!("status = [{}]", values.join(", "))
            }
            _ => format!("{} = {test}", toml_key(&place.to_string())),
        })
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.any.as_slice() {
            [] => f.write_str("any 2xx"),
            [one] => f.write_str(&table(&one.0)),
            several => {
                let several: Vec<String> = several.iter().map(|all| table(&all.0)).collect();
                write!(f, "[{}]", several.join(", "))
            }
        }
    }
}

impl fmt::Display for Require {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = toml_string(&self.at.to_string());
        write!(f, "{{ at = {at}, {}, else = {} }}", self.test.members(), toml_string(&self.otherwise))
    }
}
