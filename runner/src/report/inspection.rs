//! What a file is, as `inspect` and `approve` show it: digest, imports, the page, and whether it is accepted.
//!
//! Plain data; the binary was parsed by a worker process, never here.

use super::escape::escape;
use super::layout::pairs;
use super::page_table;
use super::page_view::PageView;
use crate::lint::Finding;
use crate::page::sealed;
use crate::signature::Signed;
use crate::wire::Description;
use serde::Serialize;

/// Version of the JSON. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;
/// Most characters of one untrusted text.
const MOST: usize = 400;

/// What a file is. Texts from the file are untrusted, and escaped when they are shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// Of this format.
    pub version: u32,
    /// As it was given.
    pub file: String,
    /// In bytes.
    pub size: usize,
    /// sha256 of the whole file: what a policy pins.
    pub sha256: String,
    /// Accepted: a policy can run it.
    pub accepted: bool,
    /// Why not; empty if it is accepted.
    pub reasons: Vec<String>,
    /// What it is, if it is a module.
    pub module: Option<ModuleView>,
    /// Whether it is signed; none for a page, which is not.
    pub signature: Option<SignatureView>,
    /// Where the page is from.
    pub page_from: PageFrom,
    /// sha256 of the page's text.
    pub page_sha256: Option<String>,
    /// What is wrong with the page, with the line and a caret.
    pub page_problem: Option<String>,
    /// The page, if there is one without mistakes.
    pub page: Option<PageView>,
    /// What the linter finds in the page, the gravest first.
    pub findings: Vec<Finding>,
    /// What the code gives away about the routes that it uses: a hint.
    pub code: Option<CodeHint>,
}

/// Which routes of its page a module's code names. A name is looked for among all bytes of the file but the page's: that it is
/// there does not mean that the route is sent, and code can put a name together. A hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CodeHint {
    /// Some route's name is in the code. A module that drives any page names none.
    pub names_routes: bool,
    /// Routes whose names are not there, in the page's order; empty if none is.
    pub never_named: Vec<String>,
}

impl CodeHint {
    /// Looks for the names.
    pub fn new(module: &[u8], page: &PageView) -> CodeHint {
        let sealed = sealed::read(module).ok().flatten().unwrap_or_default();
        // Where the page begins among the module's bytes: it is a part of them.
        let start = (sealed.as_ptr() as usize).wrapping_sub(module.as_ptr() as usize);
        let (before, after) = match (module.get(..start), module.get(start.saturating_add(sealed.len())..)) {
            (Some(before), Some(after)) if !sealed.is_empty() => (before, after),
            _ => (module, &[] as &[u8]),
        };
        let named =
            |name: &str| [before, after].iter().any(|part| memchr::memmem::find(part, name.as_bytes()).is_some());
        let never: Vec<String> =
            page.routes.iter().map(|route| route.name.clone()).filter(|name| !named(name)).collect();
        let names_routes = never.len() < page.routes.len();
        CodeHint { names_routes, never_named: if names_routes { never } else { Vec::new() } }
    }

    /// For people; nothing if every route is named.
    pub fn in_words(&self) -> Option<String> {
        let names: Vec<String> = self.never_named.iter().map(|name| format!("`{name}`")).collect();
        match (self.names_routes, names.as_slice()) {
            (false, _) => Some("names no route: it drives whatever its page offers".to_owned()),
            (true, []) => None,
            (true, names) => Some(format!("never names {}: does it need what the page allows?", names.join(", "))),
        }
    }
}

/// Whether a module is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SignatureView {
    /// The signature, if it was checked and counts.
    pub signed: Option<Signed>,
    /// The same in words, or why there is none that counts.
    pub words: String,
}

/// Where a page is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageFrom {
    /// Sealed into the module.
    Sealed,
    /// A file of its own, for a module with an open page.
    File,
    /// The file that was inspected is a page.
    Itself,
    /// The module has an open page, and none was given.
    Open,
    /// It cannot be read.
    Damaged,
}

/// What a module is, by its own binary.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModuleView {
    /// Exact names, in the binary's order.
    pub imports: Vec<String>,
    /// Exact names.
    pub exports: Vec<String>,
    /// (field, name, version): languages and tools, by their own word.
    pub producers: Vec<(String, String, String)>,
    /// Core modules inside.
    pub core_modules: u32,
    /// Which WASI it needs.
    pub wasi: Wasi,
    /// Why it is refused with `wasi = "none"`.
    pub refused_without_wasi: Vec<String>,
    /// Why it is refused with `wasi = "inert"`.
    pub refused_with_inert_wasi: Vec<String>,
}

/// The WASI that a module needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wasi {
    /// None: the contract is all that it imports.
    None,
    /// An inert one, which the policy has to allow.
    Inert,
    /// It is not accepted with either.
    Refused,
}

impl ModuleView {
    /// What the worker said.
    pub fn new(description: Description) -> ModuleView {
        let wasi = match (&*description.reasons_without_wasi, &*description.reasons_with_inert_wasi) {
            ([], _) => Wasi::None,
            (_, []) => Wasi::Inert,
            _ => Wasi::Refused,
        };
        ModuleView {
            imports: description.imports,
            exports: description.exports,
            producers: description.producers,
            core_modules: description.core_modules,
            wasi,
            refused_without_wasi: description.reasons_without_wasi,
            refused_with_inert_wasi: description.reasons_with_inert_wasi,
        }
    }
}

impl Inspection {
    /// A file of which nothing is known yet.
    pub fn new(file: String, size: usize, sha256: String) -> Inspection {
        Inspection {
            version: VERSION,
            file,
            size,
            sha256,
            accepted: false,
            reasons: Vec::new(),
            module: None,
            signature: None,
            page_from: PageFrom::Open,
            page_sha256: None,
            page_problem: None,
            page: None,
            findings: Vec::new(),
            code: None,
        }
    }

    /// One line of JSON, in ASCII: what a terminal could misread is written as `\uXXXX`.
    pub fn json(&self) -> String {
        super::ascii_json(self)
    }

    /// All of it for people: the facts, then the page.
    pub fn text(&self) -> String {
        let mut text = self.facts();
        if let Some(problem) = &self.page_problem {
            text.push('\n');
            text.extend(problem.lines().map(|line| escape(line, MOST) + "\n"));
        }
        if let Some(page) = &self.page {
            text.push_str(&page_table::page(page, &self.findings));
        }
        text
    }

    /// The facts without the page.
    fn facts(&self) -> String {
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |label: &str, value: String| rows.push((label.to_owned(), value));
        row("size", format!("{} bytes", self.size));
        row("sha256", self.sha256.clone());
        if let Some(signature) = &self.signature {
            row("signature", escape(&signature.words, MOST * 2));
        }
        if let Some(module) = &self.module {
            let made: Vec<String> = module.producers.iter().map(producer).collect();
            several(&mut row, "made with", &made, "(it does not say)"); // by its own word
            row("modules", format!("{} inside", module.core_modules));
            several(&mut row, "imports", &module.imports, "nothing");
            several(&mut row, "exports", &module.exports, "nothing");
            row("WASI", wasi(module.wasi).to_owned());
        }
        if let Some(hint) = self.code.as_ref().and_then(CodeHint::in_words) {
            row("its code", format!("{} (a hint)", escape(&hint, usize::MAX)));
        }
        row("page", self.page_in_words());
        row("accepted", if self.accepted { "yes".to_owned() } else { "NO".to_owned() });
        several(&mut row, "because", &self.reasons, "");
        let name = escape(&self.file, MOST);
        format!("{name}\n{}", pairs(&rows, 2, 11))
    }

    pub(super) fn page_in_words(&self) -> String {
        let digest = self.page_sha256.as_ref().map_or_else(String::new, |digest| format!(", sha256 {digest}"));
        match self.page_from {
            PageFrom::Sealed => format!("sealed in{digest}"),
            PageFrom::File => format!("a file of its own{digest}; the policy pins it"),
            PageFrom::Itself => "this file".to_owned(),
            PageFrom::Open => {
                "open: each policy names a page file and pins its digest (`--page FILE` shows one)".to_owned()
            }
            PageFrom::Damaged => "cannot be read".to_owned(),
        }
    }
}

fn wasi(wasi: Wasi) -> &'static str {
    match wasi {
        Wasi::None => "none needed",
        Wasi::Inert => {
            "imported: the policy has to say `wasi = \"inert\"` (no files, sockets, environment or arguments)"
        }
        Wasi::Refused => "not accepted with an inert one either",
    }
}

pub(super) fn producer((field, name, version): &(String, String, String)) -> String {
    format!("{name} {version} ({field})").replace("  ", " ")
}

/// One row an entry, escaped; only the first carries the label.
fn several(row: &mut impl FnMut(&str, String), label: &str, entries: &[String], none: &str) {
    if entries.is_empty() && !none.is_empty() {
        row(label, none.to_owned());
    }
    for (index, entry) in entries.iter().enumerate() {
        row(if index == 0 { label } else { "" }, escape(entry, MOST));
    }
}
