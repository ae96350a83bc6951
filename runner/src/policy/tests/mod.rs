//! Tests of the operator's files, and of what they and a page allow together.

mod bind;
mod decide;
mod docs;
mod file;
mod find;
mod host;
mod sample;
mod tls;
mod which;

use crate::page::diagnostic::{Diagnostic, SourceFile};

/// A policy whose digest is all zeros.
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Asserts where a problem is, what it says and what it advises. `at` is the text that the caret stands under.
#[track_caller]
fn assert_problem(text: &str, found: &Diagnostic, at: &str, message: &str, hint: &str) {
    let caret: String = found.excerpt.chars().skip(found.column - 1).take(found.width).collect();
    assert!(caret.starts_with(at), "{text}\nthe caret is under {caret:?}, not {at:?}\n{found}");
    assert!(found.message.contains(message), "{text}\n{found}");
    let said = found.hint.as_deref().unwrap_or_default();
    assert!(said.contains(hint), "{text}\n{found}");
    assert!(!found.message.ends_with('.') && !said.ends_with('.'), "no full stop: {found}");
    assert!(!said.is_empty(), "every problem says what to do: {found}");
}

fn source(text: &str) -> SourceFile {
    SourceFile::new("okta-prod.toml", text)
}
