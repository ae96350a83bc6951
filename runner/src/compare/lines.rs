//! Lines of keys: a change names the line that it is about, and not only the route's.

use crate::page::Page;
use crate::page::diagnostic::{SourceFile, Span};
use crate::page::tree::{self, Kind, Node, Table};

/// A page's text as a tree with places.
pub(super) struct Lines {
    file: SourceFile,
    document: Option<Table>,
}

impl Lines {
    /// Those of a page. Its text was read before, so it can be read again.
    pub(super) fn of(page: &Page) -> Lines {
        Lines { file: page.file.clone(), document: tree::read(&page.file.text).ok() }
    }

    /// `file:line` of the deepest of `keys` that is written, in a route or in the page; none if there is no such route, or
    /// if the page does not have the first of them.
    pub(super) fn line(&self, route: Option<&str>, keys: &[&str]) -> Option<String> {
        let document = self.document.as_ref()?;
        let (mut span, table) = match route {
            None => (None, document),
            Some(name) => self.route(document, name).map(|(span, table)| (Some(span), table))?,
        };
        let mut here = Some(Here::Table(table));
        for (depth, key) in keys.iter().enumerate() {
            match here.and_then(|here| here.step(key)) {
                Some((found, further)) => (span, here) = (Some(found), further),
                // A whole key that is not written: the route's own line would mislead less than none, the page's would not.
                None if depth == 0 && route.is_none() => return None,
                None => break,
            }
        }
        span.map(|span| self.file.line_of(span))
    }

    fn route<'t>(&self, document: &'t Table, name: &str) -> Option<(Span, &'t Table)> {
        document.get("route")?.list().ok()?.iter().find_map(|node| {
            let table = node.table().ok()?;
            (table.get("name")?.text().ok()? == name).then_some((node.span, table))
        })
    }
}

/// Something with keys.
#[derive(Clone, Copy)]
enum Here<'t> {
    Table(&'t Table),
    List(&'t [Node]),
}

impl<'t> Here<'t> {
    /// What stands under a key, or at a place of a list. Headers are written in any case.
    fn step(self, key: &str) -> Option<(Span, Option<Here<'t>>)> {
        let (span, node) = match self {
            Here::Table(table) => {
                let exact = table.entries.iter().find(|(have, _)| have.name == key);
                let (have, node) =
                    exact.or_else(|| table.entries.iter().find(|(have, _)| have.name.eq_ignore_ascii_case(key)))?;
                (have.span, node)
            }
            Here::List(items) => {
                let node = items.get(key.parse::<usize>().ok()?)?;
                (node.span, node)
            }
        };
        let further = match &node.kind {
            Kind::Table(table) => Some(Here::Table(table)),
            Kind::List(items) => Some(Here::List(items)),
            _ => None,
        };
        Some((span, further))
    }
}
