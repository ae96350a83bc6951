//! The page inside a component: a custom section named `rotabox:page` at the top level of the binary.
//!
//! Read here by a walk over section headers only, in safe code, so that the broker never parses more of a module.

/// The section's name.
pub const SECTION: &str = "rotabox:page";

/// Why no page could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a component binary.
    #[error("this is not a WebAssembly component: {0}")]
    NotAComponent(&'static str),
    /// A section header that does not add up.
    #[error("the module is damaged near byte {0}")]
    Damaged(usize),
    /// More than one page.
    #[error("the module has more than one `rotabox:page` section")]
    Twice,
    /// Not UTF-8.
    #[error("the sealed page is not UTF-8 text")]
    NotText,
}

/// The sealed page of a component; `None` if it has none (a module with an open page).
pub fn read(_component: &[u8]) -> Result<Option<&str>, SealError> {
    todo!()
}

/// The component with `page` sealed in (replacing a page that was there).
pub fn seal(_component: &[u8], _page: &str) -> Result<Vec<u8>, SealError> {
    todo!()
}
