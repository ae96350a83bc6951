//! Pieces of HTML. What goes in is text, harmless or not; what comes out is HTML.

use crate::report::escape::escape;

/// Text that was made harmless already, as HTML.
pub(super) fn raw(harmless: &str) -> String {
    let mut html = String::with_capacity(harmless.len());
    for character in harmless.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// Any text as HTML.
pub(super) fn text(untrusted: &str) -> String {
    raw(&escape(untrusted, usize::MAX))
}

/// Any text in the fixed font.
pub(super) fn code(untrusted: &str) -> String {
    format!("<code>{}</code>", text(untrusted))
}

/// A sentence of ours, in which names stand between backticks.
pub(super) fn rich(sentence: &str) -> String {
    harmless(&escape(sentence, usize::MAX))
}

/// The same, made harmless already.
pub(super) fn harmless(sentence: &str) -> String {
    let pieces: Vec<&str> = sentence.split('`').collect();
    // Without its second backtick, one is a backtick.
    let pairs = (pieces.len() - 1) / 2 * 2;
    let mut html = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        match index % 2 {
            1 if index < pairs => html.push_str(&format!("<code>{}</code>", raw(piece))),
            1 => html.push_str(&format!("`{}", raw(piece))),
            _ => html.push_str(&raw(piece)),
        }
    }
    html
}

/// A word that stands out.
pub(super) fn chip(class: &'static str, words: &str) -> String {
    format!("<span class=\"chip {class}\">{}</span> ", text(words))
}

/// Sentences as a list; `none` if there are none.
pub(super) fn list(sentences: &[String], none: &str) -> String {
    if sentences.is_empty() {
        return format!("<p>{}</p>", text(none));
    }
    let items: String = sentences.iter().map(|sentence| format!("<li>{}</li>", rich(sentence))).collect();
    format!("<ul>{items}</ul>")
}

/// A section with its heading; `html` is HTML.
pub(super) fn section(heading: &str, html: &str) -> String {
    format!("<section>\n<h2>{}</h2>\n{html}\n</section>\n", text(heading))
}

/// A table; its cells are HTML. On a phone each row is a block, and each cell says what it is. Without words, the header is left
/// out, and the first cell of a row is its heading.
pub(super) fn table<const N: usize>(header: [&'static str; N], rows: &[[String; N]]) -> String {
    let named = header.iter().any(|word| !word.is_empty());
    let mut html = String::from(if named { "<table>" } else { "<table class=\"facts\">" });
    if named {
        let cells: String = header.iter().map(|word| format!("<th scope=\"col\">{}</th>", text(word))).collect();
        html.push_str(&format!("<thead><tr>{cells}</tr></thead>"));
    }
    html.push_str("<tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (index, (cell, word)) in row.iter().zip(header).enumerate() {
            match (named, index) {
                (false, 0) => html.push_str(&format!("<th scope=\"row\">{cell}</th>")),
                (false, _) => html.push_str(&format!("<td>{cell}</td>")),
                (true, _) => html.push_str(&format!("<td data-label=\"{}\"><div>{cell}</div></td>", text(word))),
            }
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table>");
    html
}
