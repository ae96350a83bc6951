//! `inspect`: what a module or a page can do, and whether it is accepted.

use super::report_file::{Kind, ReportFile};
use super::{Exit, Out, signed, worker};
use crate::lint;
use crate::page::diagnostic::SourceFile;
use crate::page::{Page, parse, tree};
use crate::policy::find;
use crate::report::html;
use crate::report::inspection::{CodeHint, Inspection, ModuleView, PageFrom, Wasi};
use crate::report::page_view;
use crate::vault::shown;
use clap::Args;
use std::path::{Path, PathBuf};

/// Show what a module can do: its page as a table, digest, imports, and whether it is accepted
///
/// The binary is parsed in a worker process without rights. Nothing is run, and nothing is sent. What the author says
/// about the page is marked as such; everything else is what the runner would enforce.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 accepted, 1 not accepted, 2 unreadable.",
    after_long_help = "Exit codes:
  0  accepted: a policy can run it
  1  not accepted: the reasons are listed
  2  unreadable

Examples:
  rotabox inspect okta.wasm
  rotabox inspect rest.wasm --page openbao.toml
  rotabox inspect guests/okta/page.toml
  rotabox inspect okta.wasm --json
  rotabox inspect okta.wasm --html okta.html"
)]
pub(super) struct Inspect {
    /// A module, or a page on its own
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The page file of a module with an open page
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// The host file, which lists the signers [default: /etc/rotabox/rotabox.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One line of JSON in ASCII instead of tables
    #[arg(long)]
    json: bool,
    /// Also write all of it as one HTML page, without scripts: for a ticket, or for paper
    ///
    /// It replaces an earlier one, and no other file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Inspect {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let place = self.html.as_deref().map(|path| self.html_at(path)).transpose()?;
        let mut seen = examine(&self.file, self.page.as_deref())?;
        if !seen.module.is_empty() {
            seen.inspection.signature = Some(signed::inspected(&self.file, &seen.module, self.config.as_deref()));
        }
        if let Some(place) = place {
            place.write(&html::html(&seen.inspection))?;
            let path = self.html.as_deref().unwrap_or(Path::new(""));
            out.error(&format!("rotabox: written: {}\n", shown(&path.to_string_lossy())));
        }
        out.data(&if self.json { seen.inspection.json() } else { seen.inspection.text() });
        Ok(if seen.inspection.accepted { Exit::OK } else { Exit(1) })
    }

    /// The place of the HTML page, which is no file that is read here.
    fn html_at(&self, path: &Path) -> anyhow::Result<ReportFile> {
        let kind = Kind { words: "an HTML page", begins: html::BEGINS };
        let signature = signed::beside(&self.file);
        let default = Path::new(find::DEFAULT_CONFIG);
        let inputs = [Some(self.file.as_path()), self.page.as_deref(), Some(self.config.as_deref().unwrap_or(default))];
        let inputs: Vec<&Path> = inputs.into_iter().flatten().chain([signature.as_path()]).collect();
        ReportFile::at(path, kind, &inputs)
    }
}

/// A file that was looked at.
pub(super) struct Seen {
    /// What there is to say.
    pub(super) inspection: Inspection,
    /// The module's bytes; empty if the file is a page.
    pub(super) module: Vec<u8>,
    /// The page, if there is one without mistakes.
    pub(super) page: Option<Page>,
}

/// Looks at a file. An error means that it cannot be read at all.
pub(super) fn examine(file: &Path, page: Option<&Path>) -> anyhow::Result<Seen> {
    examine_read(find::module(file)?, file, page)
}

/// Looks at a module or page that was read from `file`.
pub(super) fn examine_read(read: find::Module, file: &Path, page: Option<&Path>) -> anyhow::Result<Seen> {
    let mut inspection = Inspection::new(file.display().to_string(), read.bytes.len(), read.sha256.clone());
    if !read.bytes.starts_with(b"\0asm") {
        return examine_page(file, page, read.bytes, inspection);
    }
    let description = worker::describe(&read.bytes)?;
    let module = ModuleView::new(description);
    if module.wasi == Wasi::Refused {
        inspection.reasons.extend(module.refused_with_inert_wasi.iter().cloned());
    }
    inspection.module = Some(module);
    let source = match (find::sealed_page(&read, file), page) {
        (Err(error), _) => {
            inspection.page_from = PageFrom::Damaged;
            inspection.reasons.push(error.to_string());
            None
        }
        (Ok(Some(_)), Some(_)) => {
            anyhow::bail!("this module has its page sealed in, and no other one counts; leave `--page` out")
        }
        (Ok(Some(source)), None) => {
            inspection.page_from = PageFrom::Sealed;
            Some(source)
        }
        (Ok(None), Some(path)) => {
            inspection.page_from = PageFrom::File;
            Some(page_file(path, find::module(path)?.bytes)?)
        }
        (Ok(None), None) => None,
    };
    let page = source.and_then(|source| take_page(source, &mut inspection));
    inspection.code = inspection.page.as_ref().map(|page| CodeHint::new(&read.bytes, page));
    inspection.accepted = inspection.reasons.is_empty();
    Ok(Seen { inspection, module: read.bytes, page })
}

fn examine_page(file: &Path, page: Option<&Path>, bytes: Vec<u8>, mut inspection: Inspection) -> anyhow::Result<Seen> {
    if let Some(what) = what_else(file, &bytes) {
        anyhow::bail!("{} is {what}", shown(&file.to_string_lossy()));
    }
    if page.is_some() {
        anyhow::bail!(
            "`--page` belongs to a module, and {} is a page itself; leave it out",
            shown(&file.to_string_lossy())
        );
    }
    inspection.page_from = PageFrom::Itself;
    let page = take_page(page_file(file, bytes)?, &mut inspection);
    inspection.accepted = inspection.reasons.is_empty();
    Ok(Seen { inspection, module: Vec::new(), page })
}

/// What a file is that cannot be meant as a page, and what to do with it. What is named `.toml` or begins like a file of ours is taken for a
/// page, if it is nothing else: its mistakes are said line by line.
fn what_else(file: &Path, bytes: &[u8]) -> Option<String> {
    const NEITHER: &str =
        "neither a WebAssembly module nor a page; a module begins with the bytes `\\0asm`, and a page is a TOML file";
    let lossy = String::from_utf8_lossy(bytes);
    let is_ours = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
        || lossy.lines().any(|line| line.starts_with("[[route]]") || line.trim_end() == "version = 1");
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if is_ours || !text.contains('\0') => text,
        Err(error) if is_ours => {
            let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
            return Some(format!("not UTF-8 text (line {line}), and a page is; save it as UTF-8"));
        }
        _ => return Some(NEITHER.to_owned()),
    };
    if text.trim().is_empty() && !is_ours {
        return Some("empty; get the module again from where it came".to_owned());
    }
    if ["(module", "(component"].iter().any(|form| text.trim_start().starts_with(form)) {
        return Some(
            "WebAssembly as text, which no policy can run; give the binary module that is made of it".to_owned(),
        );
    }
    let Ok(table) = tree::read(text) else { return (!is_ours).then(|| NEITHER.to_owned()) };
    let has = |wanted: &[&str]| table.entries.iter().any(|(key, _)| wanted.contains(&key.name.as_str()));
    let (what, with) = match lint::kind::of(file, &table) {
        _ if has(&["step", "made"]) => ("cassette", "play it with `rotabox replay`"),
        Some(lint::kind::Kind::Policy) => ("policy", "look at it with `rotabox lint` or `rotabox doctor`"),
        Some(lint::kind::Kind::Host) => ("host file", "look at it with `rotabox lint`"),
        Some(lint::kind::Kind::Page) | None => {
            return (!is_ours && !has(&["version", "name", "records", "route"])).then(|| NEITHER.to_owned());
        }
    };
    Some(format!("a {what}, and no module or page; {with}"))
}

/// A page file's text.
fn page_file(path: &Path, bytes: Vec<u8>) -> anyhow::Result<SourceFile> {
    let name = shown(&path.to_string_lossy());
    let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{name} is not UTF-8 text, and a page is"))?;
    Ok(SourceFile::new(path.display().to_string(), text))
}

/// Parses the page; a mistake is a reason not to accept the file.
fn take_page(source: SourceFile, inspection: &mut Inspection) -> Option<Page> {
    inspection.page_sha256 = Some(find::digest(source.text.as_bytes()));
    match parse::parse(source) {
        Ok(page) => {
            inspection.page = Some(page_view::view(&page));
            inspection.findings = lint::page(&page);
            Some(page)
        }
        Err(problem) => {
            inspection.reasons.push("the page has a mistake (below)".to_owned());
            inspection.page_problem = Some(problem.to_string());
            None
        }
    }
}
