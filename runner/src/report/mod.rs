//! Results as JSON and text; escaping of untrusted text.

pub mod escape;
pub mod inspection;
mod layout;
pub mod page_summary;
pub mod page_table;
pub mod page_view;
pub mod result;
