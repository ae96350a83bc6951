//! `expects`, `refuses`, `requires`, `warns`: places of an answer and tests on what stands there.
//!
//! | place | is |
//! | --- | --- |
//! | `status` | the HTTP status |
//! | `""`, `"/a/b"` | a JSON pointer (RFC 6901) into the body |
//! | `"header:name"` | a response header, the first of that name |
//! | `"xml:Path/To/Element"` | text of the first such element, names without prefix; `@attr` at the end for an attribute |

use crate::template::Template;

/// A place of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The HTTP status.
    Status,
    /// A JSON pointer; empty is the whole body.
    Json(String),
    /// A response header, lower case.
    Header(String),
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

/// `expects` or `refuses`: one table, or a list of tables of which any may hold.
#[derive(Clone, Debug, PartialEq)]
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
