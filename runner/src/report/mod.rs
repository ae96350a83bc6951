//! Results as JSON and text; escaping of untrusted text.
