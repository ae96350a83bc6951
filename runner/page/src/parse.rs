//! `page.toml` to [`Page`].

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::model::Page;

/// Parses a page and checks every rule of the language. The first problem in the file is returned.
pub fn parse(_file: SourceFile) -> Result<Page, Box<Diagnostic>> {
    todo!()
}
