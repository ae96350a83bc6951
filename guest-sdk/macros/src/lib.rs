//! `page!`: a rotator's functions, made from its page at compile time.

use proc_macro::TokenStream;

/// Generates one function a route of the page.
#[proc_macro]
pub fn page(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}
