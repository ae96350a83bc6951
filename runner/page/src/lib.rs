//! The page: everything a rotator can do, as its author wrote it and a security team reads it.
//!
//! This crate has no network, no clock and no async, so the runner, the guest SDK's macros and its test double
//! all judge with the same code. Read in this order:
//!
//! | module | what |
//! | --- | --- |
//! | [`names`] | the words: steps, names of routes, binds and arguments |
//! | [`template`] | `"{user}"`: text with names in it, and the encodings by place |
//! | [`predicate`] | `expects`, `refuses`, `requires`: places and tests |
//! | [`model`] | the parsed page |
//! | [`request`] | every place of a route's request, for rules and reports |
//! | [`parse`] | `page.toml` to [`model::Page`], with line and column in every error |
//! | [`progress`] | what one step knows so far; may this route be sent now |
//! | [`place`] | a route and its values become one request |
//! | [`answer`] | a raw answer and what can be read from it |
//! | [`judge`] | the verdict on an answer |
//! | [`sealed`] | the page inside a component's custom section |
//! | [`tree`] | TOML with the place of everything, for the parsers of pages and policies |
//! | [`diagnostic`] | `file:line:column`, the line, a caret, a hint |
//! | [`secret`] | a value that can be lent, not shown |

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")
)]

pub mod answer;
pub mod diagnostic;
pub mod judge;
pub mod model;
pub mod names;
pub mod parse;
pub mod place;
pub mod predicate;
pub mod progress;
pub mod request;
pub mod sealed;
pub mod secret;
pub mod template;
#[cfg(test)]
mod testing;
pub mod tree;

pub use model::Page;
pub use names::Step;
pub use secret::Secret;
