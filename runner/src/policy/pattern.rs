//! The patterns of `[account]`: `*` stands for any run of characters, also none; everything else for itself, ignoring
//! case. There is no other special character, and no way to escape the star: no login holds one.

use crate::page::diagnostic::Span;
use std::fmt;

/// A pattern, such as `*@svc.acme.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    written: String,
    /// The texts between the stars, in lower case; never empty. One piece: no star.
    pieces: Vec<String>,
    /// Where it stands in the policy.
    pub span: Span,
}

impl Pattern {
    /// A pattern as it is written at `span`.
    pub fn new(written: impl Into<String>, span: Span) -> Pattern {
        let written = written.into();
        let pieces = lower(&written).split('*').map(str::to_owned).collect();
        Pattern { written, pieces, span }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Does it match all of `text`? Takes time in proportion to both lengths: the pieces are looked for from left to
    /// right, each at its first place, and never again.
    pub fn matches(&self, text: &str) -> bool {
        let text = lower(text);
        let (first, rest) = match self.pieces.as_slice() {
            [] => return false,
            [only] => return *only == text,
            [first, rest @ ..] => (first, rest),
        };
        let Some((last, middle)) = rest.split_last() else { return false };
        let Some(mut text) = text.strip_prefix(first.as_str()).and_then(|text| text.strip_suffix(last.as_str())) else {
            return false;
        };
        middle.iter().all(|piece| match text.split_once(piece.as_str()) {
            Some((_, after)) => {
                text = after;
                true
            }
            None => false,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Lower case, letter by letter: what stands next to a letter does not count, unlike in `str::to_lowercase`.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern, Span::default()).matches(text)
    }

    #[test]
    fn a_star_is_any_run_and_the_rest_is_exact_but_for_case() {
        for (pattern, text, expected) in [
            ("*@svc.acme.example", "jo@svc.acme.example", true),
            ("*@svc.acme.example", "JO@SVC.Acme.Example", true),
            ("*@SVC.acme.example", "jo@svc.acme.example", true),
            ("*@svc.acme.example", "@svc.acme.example", true),
            ("*@svc.acme.example", "jo@svc.acme.example.evil.test", false),
            ("*@svc.acme.example", "jo@svcXacme.example", false),
            ("*@svc.acme.example", "jo@svc.acme.example ", false),
            ("jo", "jo", true),
            ("jo", "joe", false),
            ("jo", "ajo", false),
            ("svc-*-prod", "svc-db-prod", true),
            ("svc-*-prod", "svc--prod", true),
            ("svc-*-prod", "svc-prod", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*ab*ab*", "xabx", false),
            ("*ab*ab*", "xabab", true),
            ("**", "", true),
            ("*", "anything\\at all", true),
            ("?o", "jo", false),
            ("[j]o", "jo", false),
            ("jö*", "JÖrg", true),
            ("ΟΔΟΣ*", "οδοσx", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let began = std::time::Instant::now();
        assert!(!matches(&"a*".repeat(50_000), &format!("{}b", "a".repeat(49_000))));
        assert!(!matches(&format!("{}b", "*a".repeat(20)), &"a".repeat(100_000)));
        assert!(began.elapsed().as_secs() < 5, "a matcher that goes back would take years");
    }

    /// The obvious matcher, exponential and right.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
            ([a, rest @ ..], [b, after @ ..]) => a == b && slow(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_obvious_matcher(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), slow(&chars(&pattern), &chars(&text)), "{} on {}", pattern, text);
        }

        #[test]
        fn any_text_matches_itself_and_what_is_longer_does_not(text in "[^*\\p{Lu}\\p{Lt}\\p{Lm}]{0,20}", more in "[a-z@.]{1,5}") {
            prop_assert!(matches(&text, &text));
            let longer = format!("{text}{more}");
            prop_assert!(!matches(&text, &longer));
        }
    }
}
