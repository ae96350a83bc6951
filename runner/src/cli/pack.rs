//! `pack`: a crate or a module becomes a component with its page sealed in.

use super::{Exit, Out, shell_word};
use crate::pack::{self, Written};
use crate::report::escape::escape;
use crate::vault::shown;
use clap::Args;
use std::path::PathBuf;

/// Make a component of a crate or a module, with its page sealed in
///
/// A crate folder is built for wasm32-unknown-unknown first; a core module becomes a component; a component is taken as
/// it is. The page is checked, then sealed in: it is covered by the module's digest. The same input gives the same bytes.
#[derive(Debug, Args)]
#[command(after_long_help = "Exit codes: 0 packed, 2 not.

Examples:
  rotabox pack guests/okta -o okta.wasm
  rotabox pack target/wasm32-unknown-unknown/release/okta.wasm --page page.toml -o okta.wasm
  rotabox pack guests/rest --open-page -o rest.wasm")]
pub(super) struct Pack {
    /// A crate folder, a core module or a component
    #[arg(value_name = "CRATE_OR_MODULE")]
    source: PathBuf,
    /// The page to seal in [default: page.toml in the crate folder]
    ///
    /// A module file has no default: give its page, or say --open-page.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Seal no page in: each policy names a page file and pins its digest
    ///
    /// For one module that serves many targets, such as `guests/rest`.
    #[arg(long, conflicts_with = "page")]
    open_page: bool,
    /// Where to write the component [default: NAME.wasm in this folder, or beside a module as NAME.rotator.wasm]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Pack {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let page = self.page_to_seal()?;
        let written = pack::pack_path(&self.source, page.as_deref(), self.out.as_deref())?;
        let path = escape(&written.path.display().to_string(), 4096);
        out.data(&format!("{}  {path}\n", written.sha256));
        out.error(&words(&written));
        Ok(Exit::OK)
    }

    /// The page, or none for an open one; never a guess.
    fn page_to_seal(&self) -> anyhow::Result<Option<PathBuf>> {
        if self.open_page || self.page.is_some() {
            return Ok(self.page.clone());
        }
        if let Some(own) = pack::own_page(&self.source) {
            return Ok(Some(own));
        }
        if !self.source.exists() {
            let source = shown(&self.source.to_string_lossy());
            anyhow::bail!("{source} does not exist; give a crate folder, a core module or a component");
        }
        let (what, page) = match self.source.is_dir() {
            true => ("this crate folder has no page.toml", "write one"),
            false => ("a module file does not say which page is its own", "give it with `--page FILE`"),
        };
        anyhow::bail!("{what}; {page}, or say `--open-page` if each policy is to name a page file of its own")
    }
}

/// What was made and what comes next.
fn words(written: &Written) -> String {
    let path = escape(&written.path.display().to_string(), 4096);
    let mut text = format!(
        "rotabox: packed: {path}, {} bytes, {}\n",
        written.size,
        if written.sealed { "page sealed in" } else { "open page" }
    );
    if !written.foreign.is_empty() {
        text.push_str(&format!(
            "warning: it imports {} beyond the contract; only a policy with `wasi = \"inert\"` can run it\n",
            written.foreign.join(", ")
        ));
    }
    let page = if written.sealed { "" } else { " --page page.toml" };
    let file = shell_word(&written.path);
    text.push_str(&format!("next: rotabox inspect {file}{page}\n      rotabox approve {file}{page}\n"));
    text
}
