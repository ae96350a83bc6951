//! Changed copies of inputs.

/// Longest input that is made.
const LONGEST: usize = 16 * 1024;

/// A generator of numbers (xorshift64*): small, seeded, and nobody's secret depends on it.
pub struct Source(u64);

impl Source {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Source {
        Source(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `most`; 0 if that is 0.
    pub fn below(&mut self, most: usize) -> usize {
        if most == 0 { 0 } else { usize::try_from(self.next() >> 16).unwrap_or(0) % most }
    }

    /// True once in so many times.
    pub fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// One of the pool, changed in one to six ways.
pub(super) fn changed(pool: &[Vec<u8>], words: &[&str], source: &mut Source) -> Vec<u8> {
    let mut input = pool[source.below(pool.len())].clone();
    for _ in 0..=source.below(6) {
        let at = source.below(input.len() + 1);
        let end = (at + source.below(24)).min(input.len());
        match source.below(10) {
            0 if at < input.len() => input[at] ^= 1 << source.below(8),
            1 if at < input.len() => input[at] = u8::try_from(source.below(256)).unwrap_or(0),
            2 => drop(input.drain(at..end)),
            3 => input.truncate(at),
            4 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            5 => {
                let other = &pool[source.below(pool.len())];
                let from = source.below(other.len() + 1);
                let to = (from + source.below(64)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            6 => {
                const ODD: [&[u8]; 12] = [
                    b"\0",
                    b"\xff\xff\xff\xff",
                    "\u{202e}".as_bytes(),
                    "é🔑".as_bytes(),
                    b"\n",
                    b"\r\n",
                    b"\"",
                    b"\\",
                    b"'''",
                    b"{{",
                    b"9999999999999999999999",
                    b"%2e%2e%2f",
                ];
                input.splice(at..at, ODD[source.below(ODD.len())].iter().copied());
            }
            _ if !words.is_empty() => {
                let word = words[source.below(words.len())].as_bytes();
                let end = if source.one_in(2) { at } else { end };
                input.splice(at..end, word.iter().copied());
            }
            _ => {}
        }
    }
    input.truncate(LONGEST);
    input
}
