//! A core module (or a crate folder) becomes a component with its page sealed in, reproducibly: the same input gives
//! the same bytes, in whatever folder it lies.
//!
//! | given | becomes |
//! | --- | --- |
//! | a crate folder | built for `wasm32-unknown-unknown` by [`build`], then as a core module |
//! | a core module | a component, validated |
//! | a component | is taken as it is |
//! | with a page | the page is parsed, then sealed into a custom section |
//! | without | no page: a module with an open page, such as `guests/rest` |

pub mod build;
pub mod toolchain;

use crate::page::diagnostic::{Diagnostic, SourceFile};
use crate::page::sealed::{self, SealError};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use wit_component::{ComponentEncoder, DecodedWasm};

/// What a rotator may import: interfaces of this package only.
const CONTRACT: &str = "rotabox:rotator/";

/// A component, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Its bytes.
    pub component: Vec<u8>,
    /// SHA-256 of the bytes, in lower-case hexadecimal digits: what a policy pins.
    pub sha256: String,
    /// Imports beyond the contract, such as `wasi:cli/environment@0.2.3`. Only a policy that allows an inert WASI
    /// runs a component that has some.
    pub foreign: Vec<String>,
}

/// A packed component on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it was written.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether a page was sealed in.
    pub sealed: bool,
    /// As in [`Packed::foreign`].
    pub foreign: Vec<String>,
}

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The crate could not be built.
    #[error(transparent)]
    Build(#[from] build::BuildError),
    /// A file that could not be read or written.
    #[error("`{}` could not be {verb}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// "read" or "written".
        verb: &'static str,
        /// What the system says.
        error: std::io::Error,
    },
    /// A page with a mistake.
    #[error("{0}")]
    Page(Box<Diagnostic>),
    /// Neither a core module nor a component.
    #[error("this is not WebAssembly. Give a crate folder, a core module or a component")]
    NotWasm,
    /// A core module that cannot become a component.
    #[error(
        "the module cannot become a component: {0:#}. A rotator is built with `rotabox-guest` (or with bindings of \
         rotator.wit) for wasm32-unknown-unknown"
    )]
    Module(anyhow::Error),
    /// A component that does not export `rotabox:rotator/rotation`.
    #[error("the component exports no `rotabox:rotator/rotation`. Does the crate call `rotabox_guest::export!`?")]
    NoRotator,
    /// The page could not be sealed in.
    #[error("the page could not be sealed in: {0}")]
    Seal(#[from] SealError),
}

/// Makes a component of `wasm` (a core module, or a component already) and seals `page` in. The page is parsed first,
/// so that nobody ships one with a mistake.
pub fn pack(wasm: &[u8], page: Option<&SourceFile>) -> Result<Packed, PackError> {
    if let Some(page) = page {
        crate::page::parse::parse(page.clone()).map_err(PackError::Page)?;
    }
    let component = match wasm.get(..8) {
        Some(b"\0asm\x01\0\0\0") => encode(wasm).map_err(PackError::Module)?,
        Some(b"\0asm\x0d\0\x01\0") => wasm.to_vec(),
        _ => return Err(PackError::NotWasm),
    };
    let foreign = foreign_imports(&component)?;
    let component = match page {
        Some(page) => sealed::seal(&component, &page.text)?,
        None => component,
    };
    let sha256 = Sha256::digest(&component).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Packed { component, sha256, foreign })
}

/// `rotabox pack SOURCE [--page PAGE] [-o OUT]`: packs a crate folder or a `.wasm` file.
///
/// Without `page`, none is sealed in: see [`own_page`]. Without `out`, the component is written to the current folder,
/// under the package name without `rotator-` (`okta.wasm` for `rotator-okta`), or beside a `.wasm` file as
/// `NAME.rotator.wasm`.
pub fn pack_path(source: &Path, page: Option<&Path>, out: Option<&Path>) -> Result<Written, PackError> {
    // A mistake in the page is found before anything is built.
    let page = page.map(read_page).transpose()?;
    if let Some(page) = &page {
        crate::page::parse::parse(page.clone()).map_err(PackError::Page)?;
    }
    let (wasm, default_out) = if source.is_dir() {
        let built = build::build_crate(source)?;
        (built.module, PathBuf::from(format!("{}.wasm", built.name)))
    } else {
        (source.to_owned(), source.with_extension("rotator.wasm"))
    };
    let wasm = std::fs::read(&wasm).map_err(|error| PackError::File { path: wasm, verb: "read", error })?;
    let packed = pack(&wasm, page.as_ref())?;
    let path = out.map_or(default_out, Path::to_owned);
    write(&packed, page.is_some(), path)
}

/// The `page.toml` beside a crate's `Cargo.toml`, if there is one.
pub fn own_page(folder: &Path) -> Option<PathBuf> {
    Some(folder.join("page.toml")).filter(|path| path.is_file())
}

/// Builds and packs crate folders in one go, each as [`pack_path`] would, into `folder`: `folder/okta.wasm` for the
/// package `rotator-okta`. The folder is made if it is not there.
pub fn pack_crates(crates: &[&Path], folder: &Path) -> Result<Vec<Written>, PackError> {
    std::fs::create_dir_all(folder).map_err(|error| PackError::File {
        path: folder.to_owned(),
        verb: "written",
        error,
    })?;
    let built = build::build_crates(crates)?;
    crates
        .iter()
        .zip(built)
        .map(|(source, built)| {
            let page = own_page(source).map(|path| read_page(&path)).transpose()?;
            let wasm = std::fs::read(&built.module).map_err(|error| PackError::File {
                path: built.module,
                verb: "read",
                error,
            })?;
            let packed = pack(&wasm, page.as_ref())?;
            write(&packed, page.is_some(), folder.join(format!("{}.wasm", built.name)))
        })
        .collect()
}

fn read_page(path: &Path) -> Result<SourceFile, PackError> {
    let text = std::fs::read_to_string(path).map_err(|error| PackError::File {
        path: path.to_owned(),
        verb: "read",
        error,
    })?;
    Ok(SourceFile::new(path.display().to_string(), text))
}

fn write(packed: &Packed, sealed: bool, path: PathBuf) -> Result<Written, PackError> {
    match std::fs::write(&path, &packed.component) {
        Ok(()) => Ok(Written {
            path,
            size: packed.component.len() as u64,
            sha256: packed.sha256.clone(),
            sealed,
            foreign: packed.foreign.clone(),
        }),
        Err(error) => Err(PackError::File { path, verb: "written", error }),
    }
}

/// A core module as a component. Nothing of it is rewritten; types and adapters are put around it.
fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

/// The component's imports beyond the contract, sorted.
fn foreign_imports(component: &[u8]) -> Result<Vec<String>, PackError> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component).map_err(PackError::Module)? else {
        return Err(PackError::NoRotator);
    };
    let Some(world) = resolve.worlds.get(world) else { return Err(PackError::NoRotator) };
    let name = |key| resolve.name_world_key(key);
    if !world.exports.keys().map(name).any(|export| export.starts_with("rotabox:rotator/rotation@")) {
        return Err(PackError::NoRotator);
    }
    let mut foreign: Vec<String> =
        world.imports.keys().map(name).filter(|import| !import.starts_with(CONTRACT)).collect();
    foreign.sort();
    Ok(foreign)
}

#[cfg(test)]
mod tests;
