//! Untrusted text in a message: in backquotes, escaped, capped.

use crate::report::escape::escape;

/// Most characters of one untrusted text in a message. Titles and labels are shorter; a longer one is cut.
const MOST_CHARACTERS: usize = 80;
/// Most entries of one list in a message.
const MOST_ENTRIES: usize = 20;

/// `text` in backquotes, escaped, on one line; what is too long is cut. A backquote of its own is escaped too.
pub fn shown(text: &str) -> String {
    format!("`{}`", escape(text, MOST_CHARACTERS).replace('`', "\\u{60}"))
}

/// Entries with commas between them; beyond twenty their number.
pub fn list(entries: impl IntoIterator<Item = String>) -> String {
    let mut entries = entries.into_iter();
    let mut out = entries.by_ref().take(MOST_ENTRIES).collect::<Vec<_>>().join(", ");
    let more = entries.count();
    if more > 0 {
        out.push_str(&format!(" and {more} more"));
    }
    out
}
