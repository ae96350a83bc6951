//! Escaping of untrusted text: what a rotator, a provider or a vault record wrote, before it reaches a terminal or a log.
//!
//! Escaped as `\u{..}`, never dropped, so that evidence survives: everything that moves a cursor, ends a line, changes a
//! direction or cannot be seen. A backslash that would read as such an escape is escaped as well, so that no text can pass
//! for another.

use std::fmt::Write as _;

/// Stands at the end of a text that was cut.
const CUT: &str = "… (cut)";

/// The text on one line, with everything escaped that a terminal or a log could misread; at most `most` characters of the
/// result, and then a mark, so that the longest result has `most` + 7 characters.
pub fn escape(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most) + CUT.len());
    let mut left = most;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let before = out.len();
        let plain = is_plain(c) && !(c == '\\' && chars.as_str().starts_with("u{"));
        if plain {
            out.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        let width = if plain { 1 } else { out.len() - before };
        match left.checked_sub(width) {
            Some(rest) => left = rest,
            None => {
                out.truncate(before);
                out.push_str(CUT);
                break;
            }
        }
    }
    out
}

/// A text of several lines, each of them escaped; at most 400 characters of each.
pub fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| escape(line, 400)).collect();
    lines.join("\n")
}

/// May the character stand as it is?
fn is_plain(c: char) -> bool {
    !matches!(c,
        // C0 with tab and line breaks, DEL, C1.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Seen as nothing: soft hyphen, combining grapheme joiner, Hangul fillers, Khmer vowels, Mongolian separators.
        | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{3164}' | '\u{ffa0}'
        // Bidirectional controls.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // Line and paragraph separator.
        | '\u{2028}' | '\u{2029}'
        // Zero width, invisible operators.
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}'
        // Variation selectors, interlinear annotation, tags.
        | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        // Private use.
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
        // Musical and shorthand format controls.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
    ) && !is_noncharacter(c)
}

/// U+FDD0 to U+FDEF, and the last two of each plane.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What was escaped.
    fn undone(mut text: &str) -> String {
        let mut out = String::new();
        while let Some(at) = text.find("\\u{") {
            out.push_str(text.get(..at).unwrap_or_default());
            let rest = text.get(at + 3..).unwrap_or_default();
            let (code, after) = rest.split_once('}').unwrap_or_default();
            out.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
            text = after;
        }
        out + text
    }

    #[test]
    fn what_a_terminal_could_misread_is_escaped() {
        for (case, raw, escaped) in [
            ("ordinary text", "Zoë wrote “naïve” – 日本語 🙂", "Zoë wrote “naïve” – 日本語 🙂"),
            ("a colour", "\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a title", "\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("the clipboard", "\u{1b}]52;c;ZXZpbA==\u{1b}\\", "\\u{1b}]52;c;ZXZpbA==\\u{1b}\\"),
            ("a link by C1", "\u{9d}8;;https://evil.test\u{9c}", "\\u{9d}8;;https://evil.test\\u{9c}"),
            ("a forged line", "ok\r\n{\"outcome\":\"rotated\"}", "ok\\u{d}\\u{a}{\"outcome\":\"rotated\"}"),
            ("a tab", "a\tb", "a\\u{9}b"),
            ("a backspace", "no\u{8}\u{8}yes", "no\\u{8}\\u{8}yes"),
            ("DEL and NUL", "\u{7f}\0", "\\u{7f}\\u{0}"),
            ("line separators", "a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("bidirectional override", "user\u{202e}gpj.exe", "user\\u{202e}gpj.exe"),
            ("isolates and marks", "\u{2066}\u{2069}\u{200f}\u{61c}", "\\u{2066}\\u{2069}\\u{200f}\\u{61c}"),
            ("zero width", "pass\u{200b}word\u{feff}\u{2060}", "pass\\u{200b}word\\u{feff}\\u{2060}"),
            ("tags", "\u{e0041}\u{e007f}", "\\u{e0041}\\u{e007f}"),
            ("private use", "\u{e000}\u{10fffd}", "\\u{e000}\\u{10fffd}"),
            ("noncharacters", "\u{fdd0}\u{ffff}\u{1fffe}", "\\u{fdd0}\\u{ffff}\\u{1fffe}"),
            ("what looks escaped", "\\u{1b}", "\\u{5c}u{1b}"),
            ("other backslashes", "C:\\users\\new", "C:\\users\\new"),
        ] {
            assert_eq!(escape(raw, 200), escaped, "{case}");
        }
    }

    #[test]
    fn a_long_text_is_cut_with_a_mark_and_never_inside_an_escape() {
        assert_eq!(escape("abcdef", 6), "abcdef");
        assert_eq!(escape("abcdef", 5), "abcde… (cut)");
        assert_eq!(escape("ab\u{1b}c", 5), "ab… (cut)");
        assert_eq!(escape("x", 0), "… (cut)");
        assert_eq!(escape("", 0), "");
    }

    proptest! {
        #[test]
        fn the_result_is_one_plain_line_within_its_cap(text in any::<String>(), most in 0usize..200) {
            let out = escape(&text, most);
            prop_assert!(out.chars().all(is_plain));
            prop_assert!(out.chars().count() <= most + CUT.chars().count());
        }

        #[test]
        fn nothing_is_lost(text in any::<String>()) {
            prop_assert_eq!(undone(&escape(&text, usize::MAX)), text);
        }
    }
}
