//! `page!`: a rotator's functions, made from its page at compile time by the runner's own parser.
//!
//! Documented where it is used: `rotabox_guest::page!`.

mod generate;
mod names;

use proc_macro::TokenStream;
use quote::quote_spanned;
use rotabox_page::diagnostic::SourceFile;
use std::path::Path;
use syn::LitStr;

/// Generates one function a route of a page; the path is relative to the crate's `Cargo.toml`.
#[proc_macro]
pub fn page(input: TokenStream) -> TokenStream {
    let path = syn::parse_macro_input!(input as LitStr);
    match expand(&path) {
        Ok(code) => code.into(),
        Err(message) => quote_spanned!(path.span()=> ::core::compile_error!(#message);).into(),
    }
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a macro this way where the crate lies")]
fn expand(path: &LitStr) -> Result<proc_macro2::TokenStream, String> {
    let folder = std::env::var("CARGO_MANIFEST_DIR").map_err(|_| "cargo did not say where the crate is".to_owned())?;
    let full = Path::new(&folder).join(path.value());
    let text =
        std::fs::read_to_string(&full).map_err(|error| format!("`{}` could not be read: {error}", full.display()))?;
    let page =
        rotabox_page::parse::parse(SourceFile::new(path.value(), text)).map_err(|problem| problem.to_string())?;
    generate::code(&page, &path.value())
}
