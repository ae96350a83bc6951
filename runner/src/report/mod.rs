//! Results as JSON and text; escaping of untrusted text.

pub mod escape;
pub mod result;
