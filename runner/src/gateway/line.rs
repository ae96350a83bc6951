//! Bytes to the one base64 text in them, and base64 to bytes.
//!
//! | accepted | because |
//! | --- | --- |
//! | `\n`, `\r\n`, no line end; blanks around; empty lines | `echo`, Windows, here-documents |
//! | a UTF-8 byte order mark; UTF-16 of either order with one | what PowerShell pipes |
//! | several lines of which all but the last have the same length | `base64` wraps at 76 |
//! | no padding; the URL-safe alphabet | other encoders |
//!
//! Base64 itself is strict: one alphabet in one text, padding right if there is any, no stray bits at the end.

use super::{InputError, Layer, MAX_INPUT};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::io::{ErrorKind, Read};
use zeroize::{Zeroize as _, Zeroizing};

const STRICT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(false);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, STRICT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, STRICT);

/// Reads everything, or stops beyond the cap.
pub(super) fn read_all(input: &mut dyn Read) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let mut filling = Filling::new();
    while filling.take(|room| input.read(room))?.is_some_and(|count| count > 0) {}
    filling.whole()
}

/// Room for a line, until it turns out to be longer: real ones have one to eight KiB. All of it is wiped in the end, and so costs a fault
/// for each page.
const FIRST_BYTES: usize = 16 * 1024;

/// A buffer that grows up to the cap. Those that were outgrown are wiped.
pub(super) struct Filling {
    buffer: Zeroizing<Vec<u8>>,
    filled: usize,
}

impl Filling {
    pub(super) fn new() -> Filling {
        Filling { buffer: Zeroizing::new(vec![0; FIRST_BYTES]), filled: 0 }
    }

    /// Reads once. `Some(0)` is the end; `None`: there is nothing to read now (the reader would have to wait).
    pub(super) fn take(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>,
    ) -> Result<Option<usize>, InputError> {
        self.grow()?;
        loop {
            return match read(self.buffer.get_mut(self.filled..).unwrap_or_default()) {
                Ok(count) => {
                    self.filled += count;
                    Ok(Some(count))
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                Err(error) => Err(InputError::Unreadable(error.kind())),
            };
        }
    }

    fn grow(&mut self) -> Result<(), InputError> {
        if self.filled < self.buffer.len() {
            return Ok(());
        }
        if self.filled > MAX_INPUT {
            return Err(InputError::TooLong);
        }
        let mut larger = Zeroizing::new(vec![0; (self.filled * 2).min(MAX_INPUT + 1)]);
        larger.get_mut(..self.filled).unwrap_or_default().copy_from_slice(&self.buffer);
        self.buffer = larger;
        Ok(())
    }

    /// What was read.
    pub(super) fn whole(mut self) -> Result<Zeroizing<Vec<u8>>, InputError> {
        if self.filled > MAX_INPUT {
            return Err(InputError::TooLong);
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default().zeroize();
        self.buffer.truncate(self.filled);
        Ok(self.buffer)
    }
}

/// Text that is borrowed from the input, or was made of UTF-16 and is wiped.
pub(super) enum Text<'a> {
    Given(&'a [u8]),
    Converted(Zeroizing<Vec<u8>>),
}

impl std::ops::Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Text::Given(bytes) => bytes,
            Text::Converted(bytes) => bytes,
        }
    }
}

/// The bytes without a byte order mark, as ASCII if they were UTF-16.
pub(super) fn text(input: &[u8]) -> Result<Text<'_>, InputError> {
    if let Some(rest) = input.strip_prefix(b"\xef\xbb\xbf") {
        return without_nul(rest).map(Text::Given);
    }
    if let Some(rest) = input.strip_prefix(b"\xff\xfe") {
        return from_utf16(rest, u16::from_le_bytes).map(Text::Converted);
    }
    if let Some(rest) = input.strip_prefix(b"\xfe\xff") {
        return from_utf16(rest, u16::from_be_bytes).map(Text::Converted);
    }
    without_nul(input).map(Text::Given)
}

fn without_nul(bytes: &[u8]) -> Result<&[u8], InputError> {
    if bytes.contains(&0) {
        return Err(InputError::NotText { why: "it holds NUL bytes, as UTF-16 without a byte order mark does" });
    }
    Ok(bytes)
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(InputError::NotText { why: "it begins as UTF-16, but ends within a character" });
    }
    let mut ascii = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for pair in pairs {
        match u8::try_from(unit(*pair)) {
            Ok(byte @ 1..0x80) => ascii.push(byte),
            _ => return Err(InputError::NotText { why: "it is UTF-16 with characters that base64 does not have" }),
        }
    }
    Ok(ascii)
}

/// The lines that are not blank, without the blanks around them.
pub(super) fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect()
}

/// Decodes one base64 text that stands on one line, or was wrapped onto several.
pub(super) fn base64(lines: &[&[u8]], layer: Layer) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let joined = join(lines)?;
    let misplaced = |at: usize, why| InputError::NotBase64 { layer, at: at + 1, why };
    let url_safe = joined.iter().position(|byte| matches!(byte, b'-' | b'_'));
    let standard = joined.iter().position(|byte| matches!(byte, b'+' | b'/'));
    if let (Some(a), Some(b)) = (url_safe, standard) {
        return Err(misplaced(a.max(b), "the standard and the URL-safe alphabet are mixed"));
    }
    if joined.ends_with(b"=") && joined.len() % 4 != 0 {
        return Err(misplaced(joined.len() - 1, "padding is wrong"));
    }
    let engine = if url_safe.is_some() { &URL_SAFE } else { &STANDARD };
    let mut decoded = Zeroizing::new(vec![0; joined.len() / 4 * 3 + 3]);
    let length = engine.decode_slice(&*joined, &mut decoded).map_err(|error| {
        use base64::{DecodeError, DecodeSliceError};
        match error {
            // The byte itself is left out: nothing of the input is echoed.
            DecodeSliceError::DecodeError(DecodeError::InvalidByte(at, b'=')) => misplaced(at, "padding is misplaced"),
            DecodeSliceError::DecodeError(DecodeError::InvalidByte(at, _)) => {
                misplaced(at, "a character that base64 does not have")
            }
            DecodeSliceError::DecodeError(DecodeError::InvalidLastSymbol(at, _)) => {
                misplaced(at, "the text was cut, or altered")
            }
            DecodeSliceError::DecodeError(DecodeError::InvalidLength(_)) => {
                misplaced(joined.len().saturating_sub(1), "the text was cut")
            }
            DecodeSliceError::DecodeError(DecodeError::InvalidPadding) => {
                misplaced(joined.len().saturating_sub(1), "padding is wrong")
            }
            DecodeSliceError::OutputSliceTooSmall => misplaced(0, "the length does not add up"),
        }
    })?;
    decoded.truncate(length);
    Ok(decoded)
}

/// One line as it is; several if they look like one text that was wrapped.
fn join<'a>(lines: &[&'a [u8]]) -> Result<Wiped<'a>, InputError> {
    match lines {
        [] => Err(InputError::Empty),
        [line] => Ok(Wiped(Cow::Borrowed(line))),
        [first, middle @ .., last] => {
            let joined = Wiped(Cow::Owned(lines.concat()));
            let padding = joined.iter().rev().take_while(|byte| **byte == b'=').count();
            let one_text = middle.iter().all(|line| line.len() == first.len())
                && last.len() <= first.len()
                && !joined.get(..joined.len() - padding).unwrap_or_default().contains(&b'=');
            if one_text { Ok(joined) } else { Err(InputError::SeveralLines { lines: lines.len() }) }
        }
    }
}

/// Wiped on drop if it is a copy.
struct Wiped<'a>(Cow<'a, [u8]>);

impl std::ops::Deref for Wiped<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(copy) = &mut self.0 {
            copy.zeroize();
        }
    }
}
