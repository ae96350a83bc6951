//! Stdin, line by line, on a thread of its own. It reads no further than somebody takes: back-pressure.

use crate::gateway::MAX_INPUT;
use std::io::{ErrorKind, Read};
use tokio::sync::mpsc;
use zeroize::{Zeroize as _, Zeroizing};

/// Pieces of input that are read ahead. Lines are handed over by the piece: waking somebody for each would cost more than cutting it.
const AHEAD: usize = 1;
/// Bytes of a piece.
const CHUNK: usize = 32 * 1024;

/// One line that is not blank.
#[derive(Debug)]
pub struct Line {
    /// Its number, from 1; blank lines count.
    pub number: u64,
    /// Its bytes without the line end, or why they are not worth a look.
    pub text: Result<Zeroizing<Vec<u8>>, String>,
}

/// How stdin ended.
#[derive(Debug)]
pub enum Next {
    /// A line.
    Line(Line),
    /// It cannot be read any further, in words.
    Broken(String),
}

/// The lines of an input, one after the other.
#[derive(Debug)]
pub struct Lines {
    pieces: mpsc::Receiver<Result<Vec<Line>, String>>,
    piece: std::vec::IntoIter<Line>,
}

impl Lines {
    /// The next line; nothing at the end. May be dropped at any time and called again.
    pub async fn next(&mut self) -> Option<Next> {
        loop {
            if let Some(line) = self.piece.next() {
                return Some(Next::Line(line));
            }
            match self.pieces.recv().await? {
                Ok(lines) => self.piece = lines.into_iter(),
                Err(why) => return Some(Next::Broken(why)),
            }
        }
    }
}

/// Reads `input` until its end, or until the lines are dropped.
pub fn read(mut input: impl Read + Send + 'static) -> std::io::Result<Lines> {
    let (pieces, taken) = mpsc::channel(AHEAD);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut cutter = Cutter::default();
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        loop {
            let count = match input.read(&mut chunk) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let _ = pieces.blocking_send(Err(format!("stdin cannot be read ({})", error.kind())));
                    return;
                }
            };
            let found = if count == 0 {
                cutter.end().into_iter().collect()
            } else {
                cutter.take(chunk.get(..count).unwrap_or_default())
            };
            if !found.is_empty() && pieces.blocking_send(Ok(found)).is_err() || count == 0 {
                return;
            }
        }
    })?;
    Ok(Lines { pieces: taken, piece: Vec::new().into_iter() })
}

/// Cuts pieces of input into lines.
#[derive(Debug, Default)]
struct Cutter {
    lines: u64,
    have: Zeroizing<Vec<u8>>,
    /// The line that is being read is too long already.
    overlong: bool,
}

impl Cutter {
    fn take(&mut self, piece: &[u8]) -> Vec<Line> {
        let mut found = Vec::new();
        let mut rest = piece;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(at);
            self.add(line);
            found.extend(self.end());
            rest = behind.get(1..).unwrap_or_default();
        }
        self.add(rest);
        found
    }

    /// The line that has no end yet, if it is not blank.
    fn end(&mut self) -> Option<Line> {
        self.lines += 1;
        let mut text = std::mem::take(&mut self.have);
        if std::mem::take(&mut self.overlong) {
            let why = format!("the line is longer than {} MiB, which no params line needs", MAX_INPUT >> 20);
            return Some(Line { number: self.lines, text: Err(why) });
        }
        if self.lines == 1 && text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        let blank = text.trim_ascii().is_empty();
        (!blank).then_some(Line { number: self.lines, text: Ok(text) })
    }

    fn add(&mut self, piece: &[u8]) {
        if self.overlong {
            return;
        }
        if self.have.len() + piece.len() > MAX_INPUT {
            self.have.zeroize();
            self.overlong = true;
            return;
        }
        // Grown by hand: an allocation that is left behind is wiped.
        if self.have.len() + piece.len() > self.have.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity((self.have.len() + piece.len()).next_power_of_two()));
            larger.extend_from_slice(&self.have);
            self.have = larger;
        }
        self.have.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(pieces: &[&[u8]]) -> Vec<(u64, Option<String>)> {
        let mut cutter = Cutter::default();
        let mut found: Vec<Line> = pieces.iter().flat_map(|piece| cutter.take(piece)).collect();
        found.extend(cutter.end());
        found
            .into_iter()
            .map(|line| (line.number, line.text.ok().map(|text| String::from_utf8_lossy(&text).into_owned())))
            .collect()
    }

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let line = |number, text: &str| (number, Some(text.to_owned()));
        assert_eq!(cut(&[b"one\n\n \t\r\ntwo"]), [line(1, "one"), line(4, "two")]);
        assert_eq!(cut(&[b"one\r\n"]), [line(1, "one\r")]);
        assert_eq!(cut(&[b"\xef\xbb\xbfone\n"]), [line(1, "one")]);
        assert_eq!(cut(&[b"", b"\n\n"]), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_its_own_fault() {
        let long = vec![b'a'; MAX_INPUT / 2 + 1];
        let found = cut(&[b"one\n", &long, &long, b"aa", b"\ntwo\n"]);
        assert_eq!(found, [(1, Some("one".to_owned())), (2, None), (3, Some("two".to_owned()))]);
    }

    #[tokio::test]
    async fn what_was_read_before_stdin_broke_comes_first() {
        struct Breaks(u8);
        impl Read for Breaks {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Err(ErrorKind::Interrupted.into()),
                    2 => (&b"one\ntwo\nthr"[..]).read(buffer),
                    _ => Err(ErrorKind::ConnectionReset.into()),
                }
            }
        }
        let mut lines = read(Breaks(0)).unwrap();
        for number in [1, 2] {
            assert!(matches!(lines.next().await, Some(Next::Line(line)) if line.number == number));
        }
        assert!(matches!(lines.next().await, Some(Next::Broken(why)) if why.contains("connection reset")));
        assert!(lines.next().await.is_none());
        let mut lines = read(&b"\n\none"[..]).unwrap();
        assert!(matches!(lines.next().await, Some(Next::Line(line)) if line.number == 3));
        assert!(lines.next().await.is_none());
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "[ab\n\r ]{0,60}", cuts in proptest::collection::vec(0usize..60, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(&pieces), cut(&[bytes]));
        }
    }
}
