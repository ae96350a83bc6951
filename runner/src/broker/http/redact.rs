//! The second wall: every secret in play is cut out of whatever leaves the broker, in every common encoding.
//!
//! The text is searched as it stands and with its escapes undone (percent, form, JSON and JavaScript, XML and HTML,
//! white space), each up to three times over and in any order; it is searched for the secret itself and for its base64
//! and hex, ignoring case. So it does not matter which characters an encoder thought worth escaping.
//!
//! | secret | is cut out |
//! | --- | --- |
//! | 8 bytes and more | wherever it stands |
//! | 4 to 7 bytes | where it stands alone as a word: a PIN inside other numbers would shred every text |
//! | 1 to 3 bytes | where it is the whole text, or a whole string in quotes |
//!
//! What a server does beyond an encoding (cutting, hashing, reversing, spelling out) is not undone. A text made of pieces
//! has to be redacted as a whole.

mod forms;
mod views;

use std::cell::OnceCell;
use views::View;
use zeroize::Zeroizing;

/// Shorter secrets are only cut out where they stand alone.
const LONG: usize = 8;
/// Shorter ones only where they are a whole string.
const WORD: usize = 4;
/// Most bytes of a text that are kept. What leaves the broker is cut far below that.
const LONGEST_TEXT: usize = 64 * 1024;
/// One character of a secret may take this many bytes of a text: `%255C%2575…`.
const WIDEST_ENCODING: usize = 24;
/// How often redacting is repeated, should what is left together spell a secret anew.
const ROUNDS: usize = 4;

/// Cuts secrets out of texts. Built anew when a secret is added (captures, cookies): what is costly is made at first use, and the forms of
/// the secrets, some sixty each, only once a text holds something that one of them begins with.
pub struct Redactor {
    secrets: Vec<Known>,
    beginnings: OnceCell<Beginnings>,
    patterns: OnceCell<Vec<Pattern>>,
}

struct Known {
    mark: String,
    text: Zeroizing<String>,
}

/// One form of one secret, to be looked for.
struct Pattern {
    /// Its place among the secrets.
    secret: usize,
    bytes: Zeroizing<Vec<u8>>,
    stands: Stands,
}

/// Where a pattern counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Anywhere, whatever its case (the bytes are lower case).
    Anywhere,
    /// As a word.
    Alone,
    /// As a whole text or a string in quotes.
    Whole,
}

/// What is cut out: bytes `from..to` of the text.
#[derive(Clone, Copy, Debug)]
struct Hit {
    from: usize,
    to: usize,
    secret: usize,
}

impl Redactor {
    /// A redactor for (label, secret) pairs. Labels stand in the marks: they are not secret.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Redactor {
        let mut known: Vec<Known> = Vec::new();
        for (label, text) in secrets {
            if !text.is_empty() && !known.iter().any(|other| *other.text == text) {
                known.push(Known { mark: format!("[{label}]"), text: Zeroizing::new(text.to_owned()) });
            }
        }
        Redactor { secrets: known, beginnings: OnceCell::new(), patterns: OnceCell::new() }
    }

    /// The text with each occurrence replaced by `[api.token]`-like marks; a text above 64 KiB is cut. Redacting twice is
    /// the same as redacting once.
    pub fn redact(&self, text: &str) -> String {
        let shortest = self.secrets.iter().map(|known| known.text.len()).min();
        if shortest.is_none_or(|shortest| text.len() < shortest) {
            return text.to_owned();
        }
        let mut out = self.cut(text);
        for _ in 0..ROUNDS {
            let hits = self.hits(&out);
            if hits.is_empty() {
                return out;
            }
            out = self.replace(&out, &hits);
        }
        self.harmless(&["[withheld]", "[-]"]).to_owned()
    }

    /// Cuts an overlong text, with as much of the end as could be a cut secret.
    fn cut(&self, text: &str) -> String {
        if text.len() <= LONGEST_TEXT {
            return text.to_owned();
        }
        let longest = self.secrets.iter().map(|known| known.text.len()).max().unwrap_or(0);
        let margin = (longest * WIDEST_ENCODING).min(LONGEST_TEXT / 2);
        let head = text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or_default();
        let hits = self.hits(head);
        let mut end = head.floor_char_boundary(head.len() - margin);
        if let Some(hit) = hits.iter().find(|hit| hit.from < end && end < hit.to) {
            end = hit.to;
        }
        format!("{}[cut]", head.get(..end).unwrap_or_default())
    }

    /// What is to be cut out, in order, without overlaps.
    fn hits(&self, text: &str) -> Vec<Hit> {
        let beginnings = self.beginnings.get_or_init(|| Beginnings::of(&self.secrets));
        let mut hits = Vec::new();
        for view in views::all(text) {
            let lower = view.lower();
            if !beginnings.may_be_in(&lower) {
                continue;
            }
            let patterns = self.patterns.get_or_init(|| self.patterns());
            let grams = Grams::of(&lower);
            for pattern in patterns.iter().filter(|pattern| grams.may_hold(&pattern.bytes)) {
                let hay = if pattern.stands == Stands::Anywhere { &lower } else { view.bytes() };
                let found = memchr::memmem::find_iter(hay, pattern.bytes.as_slice());
                let found = found.filter(|at| pattern.counts(&view, *at));
                hits.extend(found.map(|at| {
                    let (from, to) = view.source(at, pattern.bytes.len());
                    // A form in Latin-1 may end inside a character.
                    Hit {
                        from: text.floor_char_boundary(from),
                        to: text.ceil_char_boundary(to),
                        secret: pattern.secret,
                    }
                }));
            }
        }
        merged(hits)
    }

    fn replace(&self, text: &str, hits: &[Hit]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for hit in hits {
            out.push_str(text.get(at..hit.from).unwrap_or_default());
            let mark = self.secrets.get(hit.secret).map_or("", |known| known.mark.as_str());
            out.push_str(self.harmless(&[mark, "[secret]", "[-]"]));
            at = hit.to;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    /// The first of these that holds no secret itself.
    fn harmless<'t>(&self, texts: &[&'t str]) -> &'t str {
        texts.iter().copied().find(|text| self.hits(text).is_empty()).unwrap_or("")
    }

    fn patterns(&self) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for (secret, known) in self.secrets.iter().enumerate() {
            let stands = known.stands();
            for bytes in known.forms() {
                let bytes = Zeroizing::new(if stands == Stands::Anywhere { bytes.to_ascii_lowercase() } else { bytes });
                patterns.push(Pattern { secret, bytes, stands });
            }
        }
        patterns
    }
}

impl Known {
    fn stands(&self) -> Stands {
        match self.text.len() {
            LONG.. => Stands::Anywhere,
            WORD.. => Stands::Alone,
            _ => Stands::Whole,
        }
    }

    fn forms(&self) -> Vec<Vec<u8>> {
        match self.stands() {
            Stands::Anywhere => forms::anywhere(&self.text),
            Stands::Alone => forms::alone(&self.text),
            Stands::Whole => vec![self.text.as_bytes().to_vec()],
        }
    }
}

/// The first four bytes of every form of every secret, in lower case. Nearly every text holds none of them, and then no form.
struct Beginnings {
    fours: Zeroizing<Vec<u32>>,
    /// Tells of most runs of four bytes that they are not among them.
    bits: Zeroizing<[u64; 1 << (Beginnings::BITS - 6)]>,
    /// A form is shorter than that.
    always: bool,
}

impl Beginnings {
    const BITS: u32 = 12;

    fn of(secrets: &[Known]) -> Beginnings {
        // Some sixty for each: none of what is outgrown stays behind.
        let fours = Zeroizing::new(Vec::with_capacity(secrets.len() * 96));
        let mut all = Beginnings { fours, bits: Zeroizing::new([0; _]), always: false };
        for known in secrets {
            match known.stands() {
                Stands::Anywhere => forms::beginnings(&known.text, |four| all.add(&four)),
                Stands::Alone | Stands::Whole => {
                    for form in known.forms().into_iter().map(Zeroizing::new) {
                        match form.first_chunk::<4>() {
                            Some(four) => all.add(&four.map(|byte| byte.to_ascii_lowercase())),
                            None => all.always = true,
                        }
                    }
                }
            }
        }
        all
    }

    fn add(&mut self, four: &[u8; 4]) {
        let four = u32::from_be_bytes(*four);
        if let Some(word) = self.bits.get_mut(Self::place(four) / 64) {
            *word |= 1 << (Self::place(four) % 64);
        }
        self.fours.push(four);
    }

    fn may_be_in(&self, lower: &[u8]) -> bool {
        let mut four = 0;
        self.always
            || (1..).zip(lower).any(|(length, byte)| {
                four = four << 8 | u32::from(*byte);
                let place = Self::place(four);
                length >= 4
                    && self.bits.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
                    && self.fours.contains(&four)
            })
    }

    fn place(four: u32) -> usize {
        (four.wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS)) as usize
    }
}

impl Pattern {
    fn counts(&self, view: &View, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| view.bytes().get(at)).copied();
        let after = view.bytes().get(at + self.bytes.len()).copied();
        let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80);
        let is_quote = |byte: Option<u8>| matches!(byte, Some(b'"' | b'\''));
        let is_all = || view.bytes().trim_ascii() == self.bytes.as_slice();
        match self.stands {
            Stands::Anywhere => true,
            Stands::Alone => !view.is_squeezed() && !is_word(before) && !is_word(after),
            Stands::Whole => !view.is_squeezed() && ((is_quote(before) && is_quote(after)) || is_all()),
        }
    }
}

/// Which runs of four bytes a text has, in lower case. It tells of nearly every pattern that it is not there, for a
/// fraction of what a search costs.
struct Grams(Vec<u64>);

impl Grams {
    const BITS: u32 = 16;

    fn of(lower: &[u8]) -> Grams {
        let mut bits = vec![0; 1 << (Self::BITS - 6)];
        for at in Self::places(lower) {
            if let Some(word) = bits.get_mut(at / 64) {
                *word |= 1_u64 << (at % 64);
            }
        }
        Grams(bits)
    }

    fn may_hold(&self, pattern: &[u8]) -> bool {
        Self::places(pattern).all(|at| self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1))
    }

    fn places(bytes: &[u8]) -> impl Iterator<Item = usize> {
        bytes.windows(4).map(|four| {
            let four = four.iter().fold(0_u32, |gram, byte| gram << 8 | u32::from(byte.to_ascii_lowercase()));
            (four.wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS)) as usize
        })
    }
}

/// Overlapping hits become one, under the name of the longest.
fn merged(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.from, std::cmp::Reverse(hit.to)));
    let mut out: Vec<Hit> = Vec::new();
    let mut longest = 0;
    for hit in hits {
        match out.last_mut() {
            Some(last) if hit.from < last.to => {
                last.to = last.to.max(hit.to);
                if hit.to - hit.from > longest {
                    (last.secret, longest) = (hit.secret, hit.to - hit.from);
                }
            }
            _ => {
                longest = hit.to - hit.from;
                out.push(hit);
            }
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
