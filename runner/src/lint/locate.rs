//! From a key of a parsed file back to its line. The parsed page keeps few places; the rest is found in the TOML again.

use crate::page::Page;
use crate::page::diagnostic::{SourceFile, Span};
use crate::page::model::Route;
use crate::page::request::Spot;
use crate::page::tree::{self, Kind, Node, Table};

/// A page beside its TOML.
pub(super) struct Reading<'p> {
    pub(super) page: &'p Page,
    document: Option<Table>,
}

impl<'p> Reading<'p> {
    /// Reads the page's text again, which was read once already: that cannot fail, and if it did, lines would be coarser.
    pub(super) fn of(page: &'p Page) -> Reading<'p> {
        Reading { page, document: tree::read(&page.file.text).ok() }
    }

    /// Each route with its part of the file, in the page's order.
    pub(super) fn routes(&self) -> impl Iterator<Item = (At<'_>, &'p Route)> {
        let tables = self.document.as_ref().and_then(|document| document.get("route")?.list().ok());
        self.page.routes.iter().enumerate().map(move |(index, route)| {
            let table = tables.and_then(|tables| tables.get(index)?.table().ok());
            (At { table, coarse: route.request_span }, route)
        })
    }

    /// The place of a key, such as `["records", "api", "text"]`; of the deepest that there is, or else the file's first line.
    pub(super) fn key(&self, path: &[&str]) -> Span {
        self.document.as_ref().map_or(Span::default(), |document| deepest(document, path).unwrap_or(document.span))
    }
}

/// One route's part of the file.
#[derive(Clone, Copy)]
pub(super) struct At<'d> {
    table: Option<&'d Table>,
    coarse: Span,
}

impl At<'_> {
    /// The place of the request line.
    pub(super) fn request(&self) -> Span {
        self.coarse
    }

    /// The place of a key of the route, or of what stands below it: `["shows", "code"]`. Of the deepest that there is.
    pub(super) fn key(&self, path: &[&str]) -> Span {
        self.table.and_then(|table| deepest(table, path)).unwrap_or(self.coarse)
    }

    /// The place of what is demanded of the answer: the first of these keys that is written.
    pub(super) fn comparison(&self) -> Span {
        let written = |key: &&&str| self.table.is_some_and(|table| table.get(key).is_some());
        ["requires", "picks", "expects"].iter().find(written).map_or(self.coarse, |key| self.key(&[key]))
    }

    /// The place of a part of the request.
    pub(super) fn spot(&self, spot: &Spot) -> Span {
        match spot {
            Spot::Path(_) => self.coarse,
            Spot::Query(name) => self.key(&["query", name]),
            Spot::Header(name) => self.key(&["headers", name]),
            Spot::BasicUser => self.key(&["basic", "user"]),
            Spot::BasicPassword => self.key(&["basic", "password"]),
            Spot::Form(name) => self.key(&["form", name]),
            Spot::Xml => self.key(&["xml"]),
            Spot::Text => self.key(&["text"]),
            Spot::Json(pointer) => {
                let parts: Vec<String> = pointer.split('/').skip(1).map(unescaped).collect();
                let path: Vec<&str> = std::iter::once("json").chain(parts.iter().map(String::as_str)).collect();
                self.key(&path)
            }
        }
    }
}

/// One part of a JSON pointer as the name that it stands for.
fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The place of a key of any file of ours, or else its first line.
pub(super) fn in_file(file: &SourceFile, path: &[&str]) -> Span {
    tree::read(&file.text).ok().and_then(|document| deepest(&document, path)).unwrap_or_default()
}

/// Follows keys and indexes as far as they lead. Names are compared exactly first, then without case (headers).
fn deepest(table: &Table, path: &[&str]) -> Option<Span> {
    let (first, rest) = path.split_first()?;
    let exact = table.entries.iter().find(|(key, _)| key.name == *first);
    let (key, node) = exact.or_else(|| table.entries.iter().find(|(key, _)| key.name.eq_ignore_ascii_case(first)))?;
    Some(below(node, rest).unwrap_or(if rest.is_empty() { key.span } else { node.span }))
}

fn below(node: &Node, path: &[&str]) -> Option<Span> {
    match &node.kind {
        Kind::Table(table) => deepest(table, path),
        Kind::List(items) => {
            let (first, rest) = path.split_first()?;
            let item = items.get(first.parse::<usize>().ok()?)?;
            Some(below(item, rest).unwrap_or(item.span))
        }
        _ => None,
    }
}
