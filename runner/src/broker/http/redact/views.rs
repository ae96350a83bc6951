//! A text as it stands and with its escapes undone, each byte knowing where in the text it comes from.

use std::borrow::Cow;
use zeroize::Zeroizing;

/// How many layers of escapes are undone.
const LAYERS: usize = 3;
/// Most views of one text. Ordinary texts have one to three; only a hostile one has many.
const MOST: usize = 40;

/// A text, perhaps with escapes undone.
pub(super) struct View {
    bytes: Zeroizing<Vec<u8>>,
    /// For each byte the part of the text it comes from; none for the text itself.
    from: Option<Vec<(u32, u32)>>,
    layers: usize,
    squeezed: bool,
}

/// What a run of bytes stands for.
enum Stands {
    Byte(u8),
    Char(char),
    Nothing,
}

/// Undoes one escape: what the bytes at the front stand for, and how many bytes that takes.
type Undo = fn(&[u8]) -> Option<(Stands, usize)>;

/// All views of a text; itself first.
pub(super) fn all(text: &str) -> Vec<View> {
    const UNDO: [(Undo, &[u8]); 4] = [(percent, b"%"), (form, b"%+"), (backslash, b"\\"), (entity, b"&")];
    const BLANKS: &[u8] = b" \t\n\x0c\r:";
    let mut views = vec![View::of(text)];
    let mut at = 0;
    while let Some(view) = views.get(at) {
        let mut more = Vec::new();
        if view.layers < LAYERS && !view.squeezed {
            more.extend(UNDO.iter().filter_map(|(undo, marks)| view.undone(*undo, marks)));
            more.extend(view.undone(space, BLANKS).map(|squeezed| View { squeezed: true, ..squeezed }));
        }
        let room = MOST - views.len();
        views.extend(more.into_iter().take(room));
        at += 1;
    }
    views
}

impl View {
    fn of(text: &str) -> View {
        View { bytes: Zeroizing::new(text.as_bytes().to_vec()), from: None, layers: 0, squeezed: false }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn lower(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.bytes.to_ascii_lowercase())
    }

    /// Without white space: words run together.
    pub(super) fn is_squeezed(&self) -> bool {
        self.squeezed
    }

    /// The part of the text that `len` bytes (at least one) at `at` come from.
    pub(super) fn source(&self, at: usize, len: usize) -> (usize, usize) {
        let Some(places) = &self.from else { return (at, at + len) };
        let first = places.get(at).map_or(0, |(from, _)| *from);
        let last = places.get((at + len).saturating_sub(1)).map_or(0, |(_, to)| *to);
        (first as usize, last as usize)
    }

    /// The view with each such escape undone once; none if there is nothing to undo. Each escape begins with one of `marks`.
    fn undone(&self, undo: Undo, marks: &[u8]) -> Option<View> {
        if !self.bytes.iter().any(|byte| marks.contains(byte)) {
            return None;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.bytes.len()));
        let mut from = Vec::with_capacity(self.bytes.len());
        let mut at = 0;
        let mut any = false;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (stands, taken) = match undo(rest) {
                Some((stands, taken)) => {
                    any = true;
                    (stands, taken)
                }
                None => (Stands::Byte(rest.first().copied().unwrap_or_default()), 1),
            };
            let mut buffer = [0; 4];
            let stands: &[u8] = match stands {
                Stands::Byte(byte) => {
                    buffer = [byte, 0, 0, 0];
                    buffer.get(..1).unwrap_or_default()
                }
                Stands::Char(c) => c.encode_utf8(&mut buffer).as_bytes(),
                Stands::Nothing => &[],
            };
            let (first, last) = self.source(at, taken);
            bytes.extend_from_slice(stands);
            from.extend(stands.iter().map(|_| (narrow(first), narrow(last))));
            at += taken;
        }
        any.then_some(View { bytes, from: Some(from), layers: self.layers + 1, squeezed: false })
    }
}

/// Texts are cut far below 4 GiB before they come here.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// `%2F`
fn percent(rest: &[u8]) -> Option<(Stands, usize)> {
    match rest {
        [b'%', high, low, ..] => Some((Stands::Byte(hex(&[*high, *low])?.try_into().ok()?), 3)),
        _ => None,
    }
}

/// `%2F`, and `+` for a blank.
fn form(rest: &[u8]) -> Option<(Stands, usize)> {
    match rest {
        [b'+', ..] => Some((Stands::Byte(b' '), 1)),
        rest => percent(rest),
    }
}

/// What JSON, JavaScript and Rust write: `\n`, `\/`, `\xE9`, `\u00E9`, `\uD83D\uDE00`, `\u{1F600}`.
fn backslash(rest: &[u8]) -> Option<(Stands, usize)> {
    let [b'\\', kind, after @ ..] = rest else { return None };
    let plain = |c| Some((Stands::Byte(c), 2));
    match kind {
        b'n' => plain(b'\n'),
        b'r' => plain(b'\r'),
        b't' => plain(b'\t'),
        b'b' => plain(8),
        b'f' => plain(12),
        b'v' => plain(11),
        b'0' => plain(0),
        b'/' | b'\\' | b'"' | b'\'' => plain(*kind),
        b'x' => Some((Stands::Char(char::from_u32(hex(after.get(..2)?)?)?), 4)),
        b'u' if after.first() == Some(&b'{') => {
            let end = after.iter().take(8).position(|byte| *byte == b'}')?;
            Some((Stands::Char(char::from_u32(hex(after.get(1..end)?)?)?), end + 3))
        }
        b'u' => match (hex(after.get(..4)?)?, after.get(4..)) {
            (high @ 0xd800..=0xdbff, Some([b'\\', b'u', more @ ..])) => {
                let low = hex(more.get(..4)?)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                Some((Stands::Char(char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?), 12))
            }
            (code, _) => Some((Stands::Char(char::from_u32(code)?), 6)),
        },
        _ => None,
    }
}

/// `&amp;`, `&#38;`, `&#x26;`
fn entity(rest: &[u8]) -> Option<(Stands, usize)> {
    let [b'&', body @ ..] = rest else { return None };
    let end = body.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(body.get(..end)?).ok()?;
    let c = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => char::from_u32(hex(digits.as_bytes())?)?,
            None if number.bytes().all(|byte| byte.is_ascii_digit()) => char::from_u32(number.parse().ok()?)?,
            None => return None,
        },
        None => named(name)?,
    };
    Some((Stands::Char(c), end + 2))
}

/// White space, and the colons of `de:ad:be:ef`.
fn space(rest: &[u8]) -> Option<(Stands, usize)> {
    let first = rest.first()?;
    (first.is_ascii_whitespace() || *first == b':').then_some((Stands::Nothing, 1))
}

/// One to six hex digits.
fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| Some((value << 4) | char::from(*digit).to_digit(16)?))
}

fn named(name: &str) -> Option<char> {
    let name: Cow<'_, str> = if name.bytes().all(|byte| byte.is_ascii_uppercase()) {
        // `&AMP;` is the same.
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    let ascii = ASCII.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    ascii.or_else(|| {
        let place = LATIN1.iter().position(|known| *known == name)?;
        char::from_u32(u32::try_from(0xa0 + place).ok()?)
    })
}

/// Names of HTML 5 for ASCII.
const ASCII: [(&str, char); 38] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
];

/// Names of HTML for U+00A0 to U+00FF, in order.
const LATIN1: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy",
    "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm",
    "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig",
    "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve",
    "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
    "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc",
    "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
    "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];
