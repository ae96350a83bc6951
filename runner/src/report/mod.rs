//! What is said to people and to machines. Untrusted text is escaped here, whatever it is a part of.
//!
//! | module | what |
//! | --- | --- |
//! | [`result`] | the end of a run: one JSON line, and a few lines of text |
//! | [`page_view`] | a page as plain data: each request, each secret and its place |
//! | [`page_summary`] | what a page can and cannot do, in plain words |
//! | [`page_table`] | both as text, for the one who has to say yes |
//! | [`difference`] | what a new version can do that the old one could not |
//! | [`inspection`] | what a module is: digest, imports, page, accepted or not |
//! | [`explanation`] | which lines allow or refuse a request |
//! | [`json`] | one line of ASCII |
//! | [`layout`] | lines of 100 columns |
//! | [`escape`] | untrusted text |

pub mod difference;
pub mod escape;
pub mod explanation;
pub mod inspection;
pub mod json;
pub(crate) mod layout;
pub mod page_summary;
pub mod page_table;
pub mod page_view;
pub mod result;
