//! Strict JSON (RFC 8259) for what the gateway sends.
//!
//! Not `serde_json`, because here duplicate keys are refused at every depth, every text and number is wiped when it is
//! dropped, no buffer is outgrown, and no error can hold a piece of the input.

use super::{InputError, Layer};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use zeroize::Zeroizing;

/// Most levels of arrays and objects. Records are flat; field values have two or three levels.
const MAX_DEPTH: usize = 32;
/// Most values in one document, so that eight megabytes of brackets do not become a gigabyte of tree. A vault record
/// has some ten fields.
const MAX_VALUES: usize = 100_000;

/// The keys that messages may name.
const CONTRACT: [&str; 9] = [
    "user",
    "oldPassword",
    "newPassword",
    "userRecordUid",
    "providerRecordUid",
    "resourceRecordUid",
    "records",
    "uid",
    "title",
];

/// A JSON value.
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it was written.
    Number(Zeroizing<String>),
    Text(Zeroizing<String>),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "true or false",
            Json::Number(_) => "a number",
            Json::Text(_) => "text",
            Json::List(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

/// Parses one document. A byte order mark before it is skipped.
pub(super) fn parse(document: &[u8], layer: Layer) -> Result<Json, InputError> {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let text = std::str::from_utf8(document)
        .map_err(|error| InputError::NotUtf8 { layer, at: error.valid_up_to().saturating_add(1) })?;
    let mut parser = Parser { text, at: 0, values: 0, layer };
    parser.blanks();
    let value = parser.value(0)?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.wrong("something follows the document"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    /// The next byte; always on a character boundary.
    at: usize,
    values: usize,
    layer: Layer,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Json, InputError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.wrong("there are more than 100000 values"));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(self.wrong("there is no value")),
            None => Err(self.wrong("the document ends too early")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, InputError> {
        let mut members = BTreeMap::new();
        self.open(depth)?;
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            let begin = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in quotes is missing"));
            }
            let key = self.string()?;
            self.blanks();
            if !self.eat(b':') {
                return Err(self.wrong("a colon is missing"));
            }
            self.blanks();
            let value = self.value(depth + 1)?;
            match members.entry(String::clone(&key)) {
                Entry::Vacant(free) => free.insert(value),
                Entry::Occupied(_) => {
                    let key = CONTRACT.into_iter().find(|known| *known == key.as_str());
                    return Err(InputError::DuplicateKey { layer: self.layer, at: begin + 1, key });
                }
            };
            if !self.more(b'}', "a comma or a closing brace is missing")? {
                return Ok(Json::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, InputError> {
        let mut elements = Vec::new();
        self.open(depth)?;
        if self.eat(b']') {
            return Ok(Json::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if !self.more(b']', "a comma or a closing bracket is missing")? {
                return Ok(Json::List(elements));
            }
        }
    }

    /// Steps over `{` or `[` and the blanks after it.
    fn open(&mut self, depth: usize) -> Result<(), InputError> {
        if depth >= MAX_DEPTH {
            return Err(self.wrong("values are nested more than 32 deep"));
        }
        self.at += 1;
        self.blanks();
        Ok(())
    }

    /// Steps over `,` (true) or the closing mark (false).
    fn more(&mut self, close: u8, missing: &'static str) -> Result<bool, InputError> {
        self.blanks();
        if self.eat(close) {
            return Ok(false);
        }
        if !self.eat(b',') {
            return Err(self.wrong(missing));
        }
        self.blanks();
        Ok(true)
    }

    fn string(&mut self) -> Result<Zeroizing<String>, InputError> {
        self.at += 1;
        // Escapes are never shorter than what they stand for, so this never grows and leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(self.closing_quote()));
        loop {
            let run = self.rest().bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let Some(run) = run else {
                self.at = self.text.len();
                return Err(self.wrong("a text does not end"));
            };
            text.push_str(self.rest().get(..run).unwrap_or_default());
            self.at += run;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.wrong("a control character stands in a text without being escaped")),
            }
        }
    }

    /// How many bytes the text holds at most.
    fn closing_quote(&self) -> usize {
        let mut escaped = false;
        let end = self.rest().bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        end.unwrap_or(self.rest().len())
    }

    fn escape(&mut self) -> Result<char, InputError> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.wrong("there is an escape that JSON does not have")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, InputError> {
        let begin = self.at;
        self.at += 1;
        let high = self.four_digits()?;
        let code = match high {
            0xD800..=0xDBFF => {
                let low = if self.eat(b'\\') && self.eat(b'u') { self.four_digits()? } else { 0 };
                if !(0xDC00..=0xDFFF).contains(&low) {
                    self.at = begin;
                    return Err(self.wrong("half of a surrogate pair stands alone"));
                }
                0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| {
            self.at = begin;
            self.wrong("half of a surrogate pair stands alone")
        })
    }

    fn four_digits(&mut self) -> Result<u32, InputError> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.wrong("four hexadecimal digits are missing"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Json, InputError> {
        let begin = self.at;
        self.eat(b'-');
        if self.eat(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.wrong("a number begins with a zero"));
            }
        } else {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(Json::Number(Zeroizing::new(self.text.get(begin..self.at).unwrap_or_default().to_owned())))
    }

    fn digits(&mut self) -> Result<(), InputError> {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        if count == 0 { Err(self.wrong("a digit is missing")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, InputError> {
        if !self.rest().starts_with(word) {
            return Err(self.wrong("there is no value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn blanks(&mut self) {
        self.at += self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, why: &'static str) -> InputError {
        InputError::NotJson { layer: self.layer, at: self.at + 1, why }
    }
}
