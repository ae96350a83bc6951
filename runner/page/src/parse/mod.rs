//! `page.toml` to [`Page`].
//!
//! One reader a part of the file; each problem carries its place, and the first in the file is returned: of the TOML
//! syntax, else of the shape and names, else of the rules across routes.
//!
//! | file | what |
//! | --- | --- |
//! | `names` | the names a page declares, and what a name in a template is |
//! | `records` | `[records.…]` and `[password]` |
//! | `route` | `[[route]]`, and the rules inside one route |
//! | `request` | the request line, query, headers, Basic |
//! | `body` | JSON, form, XML and text |
//! | `predicate` | places and tests |
//! | `answer` | `expects`, `refuses`, `requires`, `picks`, `pages`, `binds`, `captures`, `shows`, `warns` |
//! | `text` | templates, with the place of each name |
//! | `check` | the rules across routes |

mod answer;
mod body;
mod check;
mod names;
mod predicate;
mod records;
mod request;
mod route;
mod text;

use crate::diagnostic::{Diagnostic, SourceFile, Span};
use crate::model::{Page, PasswordRules};
use crate::tree::{self, Kind, Parsed, Problem, Table};

/// Most bytes of a page: a page is read by people. The largest we know is some 10 KiB.
pub const PAGE_BYTES: usize = 256 * 1024;

pub use self::route::ROUTE_KEYS;

/// The keys of a page.
pub const PAGE_KEYS: &[&str] = &["version", "name", "about", "records", "password", "route"];

/// Parses a page and checks every rule of the language. The first problem in the file is returned.
pub fn parse(file: SourceFile) -> Result<Page, Box<Diagnostic>> {
    read(&file).map_err(|problem| problem.of(&file))
}

/// The problems of one pass over the file; the first in the file is what counts.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

impl Problems {
    /// The value, or nothing and one more problem.
    fn take<T>(&mut self, parsed: Parsed<T>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(problem) => {
                self.0.push(problem);
                None
            }
        }
    }

    /// The value of an optional key.
    fn field<'t, T>(
        &mut self,
        table: &'t Table,
        key: &str,
        read: impl FnOnce(&'t tree::Node) -> Parsed<T>,
    ) -> Option<T> {
        let node = table.get(key)?;
        self.take(read(node))
    }

    /// Fails with the first problem in the file, if there is any.
    fn done(self) -> Parsed<()> {
        match self.0.into_iter().min_by_key(|problem| problem.span.start) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }
}

fn read(file: &SourceFile) -> Parsed<Page> {
    if file.text.len() > PAGE_BYTES {
        return Err(Problem::new(Span::default(), format!("a page has at most {PAGE_BYTES} bytes")));
    }
    tree::nothing_hidden(&file.text, "a page")?;
    let table = tree::read(&file.text)?;
    let mut problems = Problems::default();
    problems.take(table.only(PAGE_KEYS, "a page"));
    problems.take(version(&table));
    let name = problems.take(table.need("name", "a page").and_then(|node| names::word(node.text()?, node.span)));
    let about = problems.field(&table, "about", |node| Ok(node.text()?.to_owned()));
    let records = problems.field(&table, "records", records::records);
    let password = problems.field(&table, "password", records::password);
    let route_nodes: &[tree::Node] = match table.get("route").map(|node| &node.kind) {
        Some(Kind::List(nodes)) => nodes,
        Some(_) => {
            let span = table.key("route").map_or(table.span, |key| key.span);
            problems.0.push(Problem::new(span, "routes are written `[[route]]`, with double brackets"));
            &[]
        }
        None => {
            problems.0.push(Problem::new(table.span, "a page needs at least one route").hint("add a `[[route]]`"));
            &[]
        }
    };
    let records = records.unwrap_or_default();
    let names = names::Names::collect(&records, route_nodes);
    let mut drafts = Vec::new();
    for node in route_nodes {
        drafts.extend(route::route(file, &names, node, &mut problems));
    }
    problems.take(names.distinct(&records));
    problems.done()?;
    let mut problems = Problems::default();
    check::across(&drafts, &mut problems);
    problems.done()?;
    Ok(Page {
        file: file.clone(),
        name: name.unwrap_or_default(),
        about,
        records,
        password: password.unwrap_or_else(PasswordRules::default),
        routes: drafts.into_iter().map(|draft| draft.route).collect(),
    })
}

fn version(table: &Table) -> Parsed<()> {
    let node = table.need("version", "a page").map_err(|problem| problem.hint("write `version = 1` at the top"))?;
    match node.whole(0, u64::MAX)? {
        1 => Ok(()),
        other => {
            Err(Problem::new(node.span, format!("this is a page of version {other}; this release reads version 1"))
                .hint("use a newer release, or write the page for version 1"))
        }
    }
}

#[cfg(test)]
mod tests;
