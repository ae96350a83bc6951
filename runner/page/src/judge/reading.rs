//! An answer, read on demand, and what stands at a place of it.
//!
//! | body | JSON places | XML places |
//! | --- | --- | --- |
//! | JSON without duplicate members | the value, or absent | unreadable |
//! | XML without a DTD | unreadable | the text, or absent |
//! | empty, and the answer says so: 204, 205, or `content-length: 0` | absent | absent |
//! | anything else, also empty for no stated reason | unreadable | unreadable |
//!
//! Status, headers and cookies are always readable.

use crate::answer::Answer;
use crate::predicate::Place;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::fmt;

/// Most characters of a value in a message.
const DESCRIBED: usize = 100;

/// Most XML nodes that are read: a 4 MiB answer of the smallest elements has fewer.
const XML_NODES: u32 = 1_000_000;
/// Most attributes of one XML element, and most declarations of namespaces in one document. The reader compares each with
/// all others, so that an answer of a few hundred KiB could hold it for minutes, beyond any deadline. Real answers have
/// below twenty and some dozens.
const XML_ATTRIBUTES: usize = 128;
const XML_NAMESPACES: usize = 256;

/// An answer; its body is parsed when first asked for.
pub struct Reading<'a> {
    answer: &'a Answer,
    json: OnceCell<Option<Value>>,
    xml: OnceCell<Option<roxmltree::Document<'a>>>,
}

/// What stands at a place.
#[derive(Debug, PartialEq)]
pub enum Found<'r> {
    /// A JSON value.
    Json(&'r Value),
    /// Text of a header, a cookie or XML; or the status.
    Text(Cow<'r, str>),
    /// Nothing, and the answer proves it.
    Absent,
    /// It cannot be told.
    Unreadable,
}

impl<'a> Reading<'a> {
    /// A reading of an answer.
    pub fn new(answer: &'a Answer) -> Reading<'a> {
        Reading { answer, json: OnceCell::new(), xml: OnceCell::new() }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| parse_json(&self.answer.body)).as_ref()
    }

    /// What stands at a place. JSON pointers are read in `element`, if there is one.
    pub fn find<'r>(&'r self, place: &Place, element: Option<&'r Value>) -> Found<'r> {
        match place {
            Place::Status => Found::Text(Cow::Owned(self.answer.status.to_string())),
            Place::Header(name) => match self.headers(name).next() {
                Some(value) => Found::Text(Cow::Borrowed(value)),
                None => Found::Absent,
            },
            Place::Cookie(name) => match self.cookie(name) {
                Some(value) => Found::Text(Cow::Borrowed(value)),
                None => Found::Absent,
            },
            Place::Json(_) | Place::Xml(_) if element.is_none() && self.proved_empty() => Found::Absent,
            Place::Json(pointer) => match element.or_else(|| self.json()) {
                Some(value) => value.pointer(pointer).map_or(Found::Absent, Found::Json),
                None => Found::Unreadable,
            },
            Place::Xml(path) => self.xml(path),
        }
    }

    /// The values of a header, in order.
    pub fn headers<'r>(&'r self, name: &str) -> impl Iterator<Item = &'r str> {
        self.answer
            .headers
            .iter()
            .filter(move |(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of the first cookie of that name that the answer sets.
    fn cookie(&self, name: &str) -> Option<&str> {
        self.headers("set-cookie").find_map(|cookie| {
            let pair = cookie.split(';').next().unwrap_or("");
            let (have, value) = pair.split_once('=')?;
            (have.trim() == name).then_some(value.trim())
        })
    }

    /// True if the answer has no body and says so: a body that was cut off does not.
    fn proved_empty(&self) -> bool {
        let mut lengths = self.headers("content-length");
        let said = matches!((lengths.next(), lengths.next()), (Some("0"), None));
        self.answer.body.is_empty() && (matches!(self.answer.status, 204 | 205) || said)
    }

    fn xml(&self, path: &[String]) -> Found<'_> {
        let Some(document) = self.xml.get_or_init(|| parse_xml(&self.answer.body)) else { return Found::Unreadable };
        match path.split_first() {
            Some((root, rest)) if document.root_element().tag_name().name() == root => {
                below(document.root_element(), rest).map_or(Found::Absent, |text| Found::Text(Cow::Owned(text)))
            }
            _ => Found::Absent,
        }
    }
}

/// XML without a DTD, and of a sane shape.
fn parse_xml(body: &[u8]) -> Option<roxmltree::Document<'_>> {
    let text = std::str::from_utf8(body).ok().filter(|text| is_quick_to_read(text))?;
    let options = roxmltree::ParsingOptions { allow_dtd: false, nodes_limit: XML_NODES, entity_resolver: None };
    roxmltree::Document::parse_with_options(text, options).ok()
}

/// Few enough attributes and declarations. Counts more than there are, never less.
fn is_quick_to_read(xml: &str) -> bool {
    xml.matches("xmlns").count() <= XML_NAMESPACES
        && xml.split('<').all(|tag| tag.starts_with(['!', '?']) || quoted_in(tag) <= XML_ATTRIBUTES)
}

/// How many quoted texts there are up to the end of a tag: each attribute has one.
fn quoted_in(tag: &str) -> usize {
    let mut quoted = 0;
    let mut rest = tag;
    while let Some(at) = rest.find(['"', '\'', '>']) {
        let (before, after) = rest.split_at(at + 1);
        let Some(quote) = before.chars().next_back().filter(|end| *end != '>') else { break };
        quoted += 1;
        rest = after.split_once(quote).map_or("", |(_, rest)| rest);
    }
    quoted
}

/// Text of the first element (or attribute) at `path` below `node`, in the document's order.
fn below(node: roxmltree::Node<'_, '_>, path: &[String]) -> Option<String> {
    let Some((first, rest)) = path.split_first() else {
        return Some(node.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect());
    };
    if let Some(name) = first.strip_prefix('@') {
        return node
            .attributes()
            .find(|attribute| attribute.name() == name)
            .map(|attribute| attribute.value().to_owned());
    }
    node.children()
        .filter(|child| child.is_element() && child.tag_name().name() == first)
        .find_map(|child| below(child, rest))
}

impl Found<'_> {
    /// The value for a bind: anything but null.
    pub fn value(&self) -> Option<Value> {
        match self {
            Found::Json(Value::Null) | Found::Absent | Found::Unreadable => None,
            Found::Json(value) => Some((*value).clone()),
            Found::Text(text) => Some(Value::String(text.to_string())),
        }
    }

    /// The text for a capture: not empty; a number counts as its digits.
    pub fn secret(&self) -> Option<String> {
        match self {
            Found::Json(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Found::Json(Value::Number(number)) => Some(number.to_string()),
            Found::Text(text) if !text.is_empty() => Some(text.to_string()),
            _ => None,
        }
    }

    /// The text that is shown: strings as they are, everything else as JSON; nothing if nothing is there.
    pub fn text(&self) -> Option<String> {
        match self {
            Found::Json(Value::String(text)) => Some(text.clone()),
            Found::Json(value) => Some(value.to_string()),
            Found::Text(text) => Some(text.to_string()),
            Found::Absent | Found::Unreadable => None,
        }
    }

    /// The value in a message, cut where it is long.
    pub fn described(&self) -> String {
        match self {
            Found::Absent => "absent".to_owned(),
            Found::Unreadable => "unreadable".to_owned(),
            found => {
                let text = found.text().unwrap_or_default();
                match text.char_indices().nth(DESCRIBED) {
                    Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or("")),
                    None => text,
                }
            }
        }
    }
}

/// JSON whose objects name no member twice: two readers could take different ones.
pub fn parse_json(body: &[u8]) -> Option<Value> {
    let Distinct = serde_json::from_slice(body).ok()?;
    serde_json::from_slice(body).ok()
}

/// Any JSON without duplicate members.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Distinct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_str<E>(self, _: &str) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_unit<E>(self) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Distinct, A::Error> {
        while let Some(Distinct) = items.next_element()? {}
        Ok(Distinct)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Distinct, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(serde::de::Error::custom("a member is named twice"));
            }
            let Distinct = members.next_value()?;
        }
        Ok(Distinct)
    }
}
