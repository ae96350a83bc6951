//! The patterns of `[account]`: `*` stands for any run of characters, also none; everything else for itself, ignoring
//! case. There is no other special character, and no way to escape the star: no login holds one.
//!
//! What is allowed is matched narrowly ([`Pattern::matches`]), what is excepted widely ([`Pattern::may_mean`]): to many providers
//! `ádmin`, `ａｄｍｉｎ` and `admın` are `admin`, and whoever can edit a vault record chooses the letters.

use crate::page::diagnostic::Span;
use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
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
        all_of(&self.pieces, &lower(text))
    }

    /// Could a provider take `text` for something that this matches? For what is excepted: letters without their accents, widths and
    /// ligatures are compared too.
    pub fn may_mean(&self, text: &str) -> bool {
        let plain = self.written.is_ascii() && text.is_ascii();
        let folded = || self.pieces.iter().map(|piece| fold(piece)).collect::<Vec<_>>();
        self.matches(text) || (!plain && all_of(&folded(), &fold(text)))
    }
}

/// Do these pieces, with anything between them, make up all of `text`?
fn all_of(pieces: &[String], text: &str) -> bool {
    let (first, rest) = match pieces {
        [] => return false,
        [only] => return only == text,
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

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Lower case, letter by letter: what stands next to a letter does not count, unlike in `str::to_lowercase`. Nothing becomes a letter of
/// ASCII that was none: the Kelvin sign (U+212A) is no `k`.
fn lower(text: &str) -> String {
    let mut lowered = String::with_capacity(text.len());
    for character in text.chars() {
        let becomes_ascii = !character.is_ascii() && character.to_lowercase().any(|lower| lower.is_ascii());
        if becomes_ascii { lowered.push(character) } else { lowered.extend(character.to_lowercase()) }
    }
    lowered
}

/// What is left of a login at a provider that looks at letters only: without case, accents, widths, ligatures, and characters that
/// nobody sees.
fn fold(text: &str) -> String {
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let is_mark = |character: char| classes.get_u8(character) != 0;
    let mut folded = String::with_capacity(text.len());
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(text.chars());
    for character in decomposed.filter(|character| !is_mark(*character) && !is_unseen(*character)) {
        for lower in character.to_lowercase().filter(|lower| !is_mark(*lower)) {
            match LETTERS.iter().find(|(letter, _)| *letter == lower) {
                Some((_, plain)) => folded.push_str(plain),
                None => folded.push(lower),
            }
        }
    }
    folded
}

/// Letters that common collations take for others, and that Unicode does not take apart.
const LETTERS: [(char, &str); 12] = [
    ('ı', "i"),
    ('ø', "o"),
    ('ł', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('ħ', "h"),
    ('ŧ', "t"),
    ('ß', "ss"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('þ', "th"),
    ('ŋ', "n"),
];

/// Soft hyphen, joiners, marks of direction, variation selectors, the byte order mark, tags.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
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
    fn nothing_but_the_letters_of_ascii_matches_them() {
        for text in ["jo@\u{212a}elvin.test", "jo@kel\u{ff56}in.test", "jo@kelv\u{131}n.test", "j\u{f8}@kelvin.test"] {
            assert!(!matches("jo@kelvin.test", text), "{text}");
        }
        assert!(matches("jo@\u{212a}elvin.test", "JO@\u{212a}elvin.test"));
    }

    #[test]
    fn what_a_provider_could_take_for_an_excepted_login_is_excepted() {
        let may_mean = |pattern: &str, text: &str| Pattern::new(pattern, Span::default()).may_mean(text);
        for text in [
            "admin@x.test",
            "ADMIN@X.TEST",
            "\u{e1}dmin@x.test",
            "a\u{301}dmin@x.test",
            "adm\u{131}n@x.test",
            "ADM\u{130}N@x.test",
            "\u{ff41}\u{ff44}\u{ff4d}\u{ff49}\u{ff4e}\u{ff20}x.test",
            "ad\u{200b}min@x.test",
            "ad\u{ad}m\u{2170}n@x.test",
            "\u{1d41a}dmin@x.test",
        ] {
            assert!(may_mean("admin@x.test", text), "{text}");
        }
        for (pattern, text, expected) in [
            ("*-root@x.test", "db-r\u{f8}\u{f8}t@x.test", true),
            ("gro\u{df}@x.test", "GROSS@x.test", true),
            ("j\u{f6}rg@x.test", "jorg@x.test", true),
            ("admin@x.test", "administrator@x.test", false),
            ("admin@x.test", "adnin@x.test", false),
            ("admin@x.test", "\u{438}\u{432}\u{430}\u{43d}@x.test", false),
            ("admin@x.test", "j\u{f6}rg@x.test", false),
        ] {
            assert_eq!(may_mean(pattern, text), expected, "{pattern} on {text}");
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
        fn what_matches_may_mean_it_and_so_may_what_is_folded(pattern in "[ab*é\u{130}]{0,8}", text in "[abéÁK\u{131}\u{301}]{0,10}") {
            let pattern = Pattern::new(pattern, Span::default());
            prop_assert!(!pattern.matches(&text) || pattern.may_mean(&text));
            prop_assert!(!pattern.may_mean(&text) || pattern.may_mean(&fold(&text)));
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn any_text_matches_itself_and_what_is_longer_does_not(text in "[^*\\p{Lu}\\p{Lt}\\p{Lm}]{0,20}", more in "[a-z@.]{1,5}") {
            prop_assert!(matches(&text, &text));
            let longer = format!("{text}{more}");
            prop_assert!(!matches(&text, &longer));
        }
    }
}
