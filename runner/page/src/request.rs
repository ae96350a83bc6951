//! What a route's request is made of: every place of it, with the template that fills it.
//!
//! One walk for all that asks where values go: the rules of the language, reports, and errors when placing.

use crate::model::{Body, Route};
use crate::names::BindName;
use crate::template::{JsonTemplate, Source, Template, toml_string};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// A place of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// A segment of the path, from 1, after the record's own base path.
    Path(usize),
    /// A query pair.
    Query(String),
    /// A header.
    Header(String),
    /// The user of HTTP Basic.
    BasicUser,
    /// The password of HTTP Basic.
    BasicPassword,
    /// A JSON pointer into the body; empty for a body that is one value.
    Json(String),
    /// A form pair.
    Form(String),
    /// Text or an attribute of the XML body.
    Xml,
    /// The text body.
    Text,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Path(number) => write!(f, "path segment {number}"),
            Spot::Query(name) => write!(f, "query {}", as_name(name)),
            Spot::Header(name) => write!(f, "header {}", as_name(name)),
            Spot::BasicUser => f.write_str("Basic user"),
            Spot::BasicPassword => f.write_str("Basic password"),
            Spot::Json(pointer) if pointer.is_empty() => f.write_str("JSON body"),
            Spot::Json(pointer) => write!(f, "JSON {}", as_name(pointer)),
            Spot::Form(name) => write!(f, "form {}", as_name(name)),
            Spot::Xml => f.write_str("XML body"),
            Spot::Text => f.write_str("text body"),
        }
    }
}

/// A name that the author chose, in a sentence: as it is where it cannot be read for anything else, in quotes elsewhere.
pub fn as_name(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./~:@$[]+*".contains(c);
    if !name.is_empty() && name.chars().all(plain) { Cow::Borrowed(name) } else { Cow::Owned(toml_string(name)) }
}

impl Route {
    /// The request line as the page writes it: `POST {api.url}/api/v1/users/{account.id}`.
    pub fn request(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Calls `each` with every template of the request, in the order target, query, headers, Basic, body.
    pub fn each_template<'r>(&'r self, each: &mut impl FnMut(Spot, &'r Template)) {
        self.walk(&mut |spot, template| each(spot(), template));
    }

    /// The one walk. Spots are words for people: most who walk want none, and each is made only if it is asked for.
    fn walk<'r>(&'r self, each: &mut impl FnMut(&dyn Fn() -> Spot, &'r Template)) {
        for (index, segment) in self.target.segments.iter().enumerate() {
            each(&|| Spot::Path(index + 1), segment);
        }
        for (name, value) in &self.query {
            each(&|| Spot::Query(name.clone()), value.template());
        }
        for (name, value) in &self.headers {
            each(&|| Spot::Header(name.clone()), value.template());
        }
        if let Some(basic) = &self.basic {
            each(&|| Spot::BasicUser, &basic.user);
            each(&|| Spot::BasicPassword, &basic.password);
        }
        match &self.body {
            Body::None => {}
            Body::Json(json) => leaves(json, String::new(), &mut |at, leaf| {
                if let JsonTemplate::Text(value) = leaf {
                    each(&|| Spot::Json(at.clone()), value.template());
                }
            }),
            Body::JsonFrom { set, .. } => members(set, "", &mut |at, leaf| {
                if let JsonTemplate::Text(value) = leaf {
                    each(&|| Spot::Json(at.clone()), value.template());
                }
            }),
            Body::Form(pairs) => {
                for (name, value) in pairs {
                    each(&|| Spot::Form(name.clone()), value.template());
                }
            }
            Body::Xml(template) => each(&|| Spot::Xml, template),
            Body::Text(template) => each(&|| Spot::Text, template),
        }
    }

    /// Every name that the request places (target, query, headers, Basic, body), once each.
    pub fn sources(&self) -> BTreeSet<Source> {
        let mut sources = BTreeSet::new();
        self.walk(&mut |_, template| sources.extend(template.sources().cloned()));
        sources
    }

    /// True if the request places a name of that kind: it is among [`Route::sources`].
    pub fn places(&self, kind: impl Fn(&Source) -> bool) -> bool {
        let mut found = false;
        self.walk(&mut |_, template| found = found || template.sources().any(&kind));
        found
    }

    /// The names in path and query.
    pub fn target_sources(&self) -> impl Iterator<Item = &Source> {
        let query = self.query.iter().map(|(_, value)| value.template());
        self.target.segments.iter().chain(query).flat_map(Template::sources)
    }

    /// True if the request places `{candidate}`: its verdict is a verification.
    pub fn places_candidate(&self) -> bool {
        self.places(|source| *source == Source::Candidate)
    }

    /// True if the request places `{new-password}`.
    pub fn places_new_password(&self) -> bool {
        self.places(|source| *source == Source::NewPassword)
    }

    /// Where each secret goes: "header authorization", "JSON /newPassword/value".
    pub fn secret_places(&self) -> Vec<(Source, String)> {
        let mut places = Vec::new();
        self.each_template(&mut |spot, template| {
            for source in template.sources().filter(|source| source.is_secret()) {
                let entry = (source.clone(), spot.to_string());
                if !places.contains(&entry) {
                    places.push(entry);
                }
            }
        });
        places
    }

    /// What is sent along as it stands: ("JSON /passwordProfile/forceChangePasswordNextSignIn", "false").
    pub fn constants(&self) -> Vec<(String, String)> {
        let mut constants = Vec::new();
        self.each_template(&mut |spot, template| {
            if let Some(text) = template.constant()
                && !matches!(spot, Spot::Path(_))
            {
                constants.push((spot.to_string(), text.to_owned()));
            }
        });
        let mut other = |at: String, leaf: &JsonTemplate| {
            if !matches!(leaf, JsonTemplate::Text(_)) {
                let text = match leaf {
                    JsonTemplate::Null => "null".to_owned(),
                    leaf => leaf.to_string(),
                };
                constants.push((Spot::Json(at).to_string(), text));
            }
        };
        match &self.body {
            Body::Json(json) => leaves(json, String::new(), &mut other),
            Body::JsonFrom { set, .. } => members(set, "", &mut other),
            _ => {}
        }
        constants
    }

    /// The binds and captures that an accepted answer gives.
    pub fn gives(&self) -> impl Iterator<Item = &BindName> {
        self.binds.iter().chain(&self.captures).map(|(name, _)| name)
    }

    /// True if each alternative of `expects` tests the body.
    pub fn tests_body(&self) -> bool {
        !self.expects.any.is_empty()
            && self.expects.any.iter().all(|all| all.0.iter().any(|(place, _)| place.in_body()))
    }
}

/// Calls `each` with every leaf of a JSON template and its pointer; empty tables and arrays are leaves.
fn leaves<'r>(json: &'r JsonTemplate, at: String, each: &mut impl FnMut(String, &'r JsonTemplate)) {
    match json {
        JsonTemplate::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, format!("{at}/{index}"), each);
            }
        }
        JsonTemplate::Object(set) if !set.is_empty() => members(set, &at, each),
        leaf => each(at, leaf),
    }
}

fn members<'r>(set: &'r [(String, JsonTemplate)], at: &str, each: &mut impl FnMut(String, &'r JsonTemplate)) {
    for (name, value) in set {
        leaves(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_read_for_more_stands_in_quotes() {
        for (spot, said) in [
            (Spot::Json("/profile/nickName".to_owned()), "JSON /profile/nickName"),
            (Spot::Form("user[name]".to_owned()), "form user[name]"),
            (Spot::Query("größe".to_owned()), "query größe"),
            (Spot::Json("/sendEmail = false, x".to_owned()), "JSON \"/sendEmail = false, x\""),
            (Spot::Query("a (fine)".to_owned()), "query \"a (fine)\""),
            (Spot::Form(String::new()), "form \"\""),
            (Spot::Json("/a\"b`c".to_owned()), "JSON '/a\"b`c'"),
            (Spot::Json(String::new()), "JSON body"),
        ] {
            assert_eq!(spot.to_string(), said);
        }
    }
}
