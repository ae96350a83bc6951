//! Untrusted text in a message: in backquotes, escaped, capped.

/// Most characters of one untrusted text in a message. Titles and labels are shorter; a longer one is cut.
const MOST_CHARACTERS: usize = 80;
/// Most entries of one list in a message.
const MOST_ENTRIES: usize = 20;

/// `text` in backquotes. Controls, escapes for terminals, characters that turn the direction of writing, and the
/// backquote itself become `\u{…}`; what is too long ends in `…`.
pub fn shown(text: &str) -> String {
    let mut out = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == MOST_CHARACTERS {
            out.push('…');
            break;
        }
        match character {
            '\'' | '"' => out.push(character),
            '`' => out.push_str("\\u{60}"),
            // Also escapes what is invisible or unassigned: all of Unicode's category C, and all separators but the blank.
            other => out.extend(other.escape_debug()),
        }
    }
    out.push('`');
    out
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
