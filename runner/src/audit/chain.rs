//! The chain: each record names the hash of the one before it. Pure: no file, no clock.
//!
//! `hash` is SHA-256 over the canonical record without `hash`, `prev` is the `hash` of the record before, `seq` counts from
//! zero. The first record has a `prev` of zeros.

use super::canonical::{self, NotCanonical};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// The version of the record format. It changes when a field changes its meaning or goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

impl Version {
    /// What this release writes, and the newest that it reads.
    pub const CURRENT: Version = Version(1);
}

/// Most bytes of one record with its newline. The largest that is written has some texts of [`super::event::WORDS_MOST`]
/// characters and [`super::event::LIST_MOST`] hosts, each character up to twelve bytes: 140 KiB. A longer line is no record, and
/// is not kept in memory.
pub const RECORD_BYTES: usize = 256 * 1024;

/// A SHA-256: 64 lower-case hex digits in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Zeros: what the first record has before it.
    pub const NONE: Hash = Hash([0; 32]);

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }

    pub(super) fn finished(hasher: Sha256) -> Hash {
        Hash(hasher.finalize().into())
    }

    /// From 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Hash> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Hash(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |four: u8| DIGITS.get(usize::from(four)).map_or('0', |digit| char::from(*digit));
        let text: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The last record of a chain: what the next one is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Tail {
    /// `seq` and `prev` of the record that follows.
    pub(super) fn next(tail: Option<Tail>) -> (u64, Hash) {
        tail.map_or((0, Hash::NONE), |tail| (tail.seq.saturating_add(1), tail.hash))
    }
}

/// The member with a record's own hash.
const HASH: &str = "hash";

/// Links a record to the chain: appends its line, newline included, and answers the new tail.
pub fn seal(mut fields: Map<String, Value>, after: Option<Tail>, out: &mut Vec<u8>) -> Result<Tail, NotCanonical> {
    let (seq, prev) = Tail::next(after);
    fields.insert("seq".to_owned(), seq.into());
    fields.insert("prev".to_owned(), prev.to_string().into());
    fields.insert("version".to_owned(), Version::CURRENT.0.into());
    fields.shift_remove(HASH);
    let begin = out.len();
    // Written once: the hash is that of the text, and then stands in it.
    let place = canonical::write_object_but(&fields, HASH, out)?;
    let hash = Hash::of(out.get(begin..).unwrap_or_default());
    out.splice(place..place, format!("\"{HASH}\":\"{hash}\",").into_bytes());
    out.push(b'\n');
    Ok(Tail { seq, hash })
}

/// The hash of a record, whose own `hash` is taken out.
fn hash_of(fields: &mut Map<String, Value>) -> Result<Hash, NotCanonical> {
    fields.shift_remove(HASH);
    let mut text = Vec::with_capacity(1024);
    canonical::write_object(fields, &mut text)?;
    Ok(Hash::of(&text))
}

/// A record whose hash is that of its content.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number.
    pub seq: u64,
    /// The hash of the record before.
    pub prev: Hash,
    /// Its own.
    pub hash: Hash,
    /// All of it but `hash`.
    pub fields: Map<String, Value>,
}

impl Record {
    /// The text of a member; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// The link to this record.
    pub fn tail(&self) -> Tail {
        Tail { seq: self.seq, hash: self.hash }
    }
}

/// Why a line is no record, whatever stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// No newline at its end.
    #[error("the line is cut short")]
    CutShort,
    /// Longer than any record.
    #[error("the line is longer than any record")]
    TooLong,
    /// No JSON object with `seq`, `prev`, `hash`, `version`.
    #[error("the line is no audit record")]
    NotARecord,
    /// The content does not have this hash.
    #[error("the record was altered: its hash is not that of its content")]
    WrongHash,
    /// The content is right, the bytes are not those that were written.
    #[error("the line was rewritten: it says the same, but was not written by rotabox")]
    Rewritten,
    /// Written by a later release.
    #[error("the record has version {0}, which a later release of rotabox reads")]
    Newer(u64),
}

/// Reads one line, with its newline.
pub fn read(line: &[u8]) -> Result<Record, LineFault> {
    if line.len() > RECORD_BYTES {
        return Err(LineFault::TooLong);
    }
    let line = line.strip_suffix(b"\n").ok_or(LineFault::CutShort)?;
    let mut fields: Map<String, Value> = serde_json::from_slice(line).map_err(|_| LineFault::NotARecord)?;
    let number = |name: &str| fields.get(name).and_then(Value::as_u64).ok_or(LineFault::NotARecord);
    let hash = |name: &str| fields.get(name).and_then(Value::as_str).and_then(Hash::parse).ok_or(LineFault::NotARecord);
    let (seq, version, prev, said) = (number("seq")?, number("version")?, hash("prev")?, hash("hash")?);
    if version > Version::CURRENT.0 {
        return Err(LineFault::Newer(version));
    }
    let mut again = Vec::with_capacity(line.len());
    canonical::write_object(&fields, &mut again).map_err(|NotCanonical| LineFault::NotARecord)?;
    if hash_of(&mut fields).map_err(|NotCanonical| LineFault::NotARecord)? != said {
        return Err(LineFault::WrongHash);
    }
    if again != line {
        return Err(LineFault::Rewritten);
    }
    Ok(Record { seq, prev, hash: said, fields })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(word: &str, after: Option<Tail>) -> (Vec<u8>, Tail) {
        let mut out = Vec::new();
        let fields = Map::from_iter([("event".to_owned(), word.into())]);
        let tail = seal(fields, after, &mut out).unwrap();
        (out, tail)
    }

    #[test]
    fn a_record_can_be_checked_with_other_tools() {
        let (line, tail) = line("test", None);
        let text = String::from_utf8(line).unwrap();
        // printf %s '{"event":"test","prev":"000…","seq":0,"version":1}' | sha256sum
        let zeros = "0".repeat(64);
        let hashed = format!(r#"{{"event":"test","prev":"{zeros}","seq":0,"version":1}}"#);
        assert_eq!(tail.hash, Hash::of(hashed.as_bytes()));
        assert_eq!(
            text,
            format!("{{\"event\":\"test\",\"hash\":\"{}\",\"prev\":\"{zeros}\",\"seq\":0,\"version\":1}}\n", tail.hash)
        );
        assert_eq!(tail.hash.to_string(), "6523d22ed1a0855b77e23714fe741fb02bf36af829ce5a91fadd19d0312bcc6f");
    }

    #[test]
    fn a_record_links_to_the_one_before() {
        let (first, tail) = line("one", None);
        let (second, _) = line("two", Some(tail));
        let second = read(&second).unwrap();
        assert_eq!((second.seq, second.prev), (1, tail.hash));
        assert_eq!(read(&first).unwrap().tail(), tail);
    }

    #[test]
    fn each_fault_of_a_line_has_its_name() {
        let (good, _) = line("good", None);
        let text = String::from_utf8(good).unwrap();
        let seal_version = |version: u64| {
            let mut fields: Map<String, Value> = serde_json::from_str(text.trim()).unwrap();
            fields.insert("version".to_owned(), version.into());
            let hash = hash_of(&mut fields).unwrap();
            fields.insert("hash".to_owned(), hash.to_string().into());
            let mut out = Vec::new();
            canonical::write_object(&fields, &mut out).unwrap();
            out.push(b'\n');
            String::from_utf8(out).unwrap()
        };
        for (line, fault) in [
            (text.trim_end().to_owned(), LineFault::CutShort),
            (format!("{}\n", " ".repeat(RECORD_BYTES)), LineFault::TooLong),
            ("\n".to_owned(), LineFault::NotARecord),
            ("[]\n".to_owned(), LineFault::NotARecord),
            ("{\"seq\":1.5}\n".to_owned(), LineFault::NotARecord),
            (text.replace("\"seq\":0", "\"seq\":0.0"), LineFault::NotARecord),
            (text.replace("good", "evil"), LineFault::WrongHash),
            (text.replace("\"seq\":0", "\"seq\":1"), LineFault::WrongHash),
            (text.replace(',', ", "), LineFault::Rewritten),
            (text.replace("good", "g\\u006fod"), LineFault::Rewritten),
            (text.replacen('{', "{\"event\":\"evil\",", 1), LineFault::Rewritten),
            (seal_version(2), LineFault::Newer(2)),
        ] {
            assert_eq!(read(line.as_bytes()).map(|record| record.seq), Err(fault), "{line:.80}");
        }
        assert_eq!(read(seal_version(1).as_bytes()).unwrap().seq, 0);
    }

    #[test]
    fn only_sixty_four_lower_case_hex_digits_are_a_hash() {
        let (_, tail) = line("one", None);
        let text = tail.hash.to_string();
        assert_eq!(Hash::parse(&text), Some(tail.hash));
        for wrong in ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &text.replace(|_| true, "g")] {
            assert_eq!(Hash::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bit_of_a_record_can_be_flipped(word in "[a-zü\\PC]{0,20}", at: prop::sample::Index, bit in 0_u8..8) {
            let (mut line, _) = line(&word, None);
            let at = at.index(line.len());
            line[at] ^= 1 << bit;
            prop_assert!(read(&line).is_err());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
