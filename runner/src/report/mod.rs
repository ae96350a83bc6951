//! What is said to people and to machines. Untrusted text is escaped here, whatever it is a part of.
//!
//! | module | what |
//! | --- | --- |
//! | [`result`] | the end of a run: one JSON line, and a few lines of text |
//! | [`page_view`] | a page as plain data: each request, each secret and its place |
//! | [`page_summary`] | what a page can and cannot do, in plain words |
//! | [`page_table`] | both as text, for the one who has to say yes |
//! | [`difference`] | what a new version can do that the old one could not |
//! | [`html`] | the same as one page of HTML, for a ticket |
//! | [`inspection`] | what a module is: digest, imports, page, accepted or not |
//! | [`explanation`] | which lines allow or refuse a request |
//! | [`replay`] | what came of replaying cassettes |
//! | [`junit`] | the same for CI |
//! | [`layout`] | lines of 100 columns |
//! | [`escape`] | untrusted text |
//! | [`system`] | what the system says when it refuses |

pub mod difference;
pub mod escape;
pub mod explanation;
pub mod html;
pub mod inspection;
pub mod junit;
pub(crate) mod layout;
pub mod page_summary;
pub mod page_table;
pub mod page_view;
pub mod replay;
pub mod result;
pub mod system;

/// "1 request", "3 requests"
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// One line of JSON, in ASCII: what a terminal could misread is written as `\uXXXX`.
pub fn ascii_json(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned());
    let mut line = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        if character.is_ascii() && !character.is_ascii_control() {
            line.push(character);
        } else {
            let mut units = [0; 2];
            line.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line.push('\n');
    line
}
