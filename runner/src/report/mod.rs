//! Results as JSON and text; escaping of untrusted text.

pub mod escape;
pub mod explanation;
pub mod inspection;
pub(crate) mod layout;
pub mod page_summary;
pub mod page_table;
pub mod page_view;
pub mod result;
