//! Reading a log from its beginning: is it one unbroken chain, and does it reach as far as it was anchored?
//!
//! Streaming: one line is held at a time, whatever the size of the file. Reading stops at the first thing that is wrong,
//! because nothing behind it can be vouched for.

use super::chain::{self, Hash, LineFault, RECORD_BYTES, Record, Tail};
use super::event;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, Read as _, Seek, SeekFrom};

/// What [`verify_end`] reads: some thousand records, in a few milliseconds; and more than one record, however long.
pub const END_BYTES: u64 = 4 * RECORD_BYTES as u64;

/// What an unbroken log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intact {
    /// How many records.
    pub records: u64,
    /// The last one.
    pub last: Option<Tail>,
    /// The times of the first and the last one, as written.
    pub times: Option<(String, String)>,
    /// The hash that the first record names as the last one of an older file.
    pub continues: Option<Hash>,
    /// Lines that were cut short, and that a later run found and recorded: (line, bytes).
    pub torn: Vec<(u64, u64)>,
    /// The line of each anchor that was asked for, in that order.
    pub anchors: Vec<u64>,
}

/// Where a log is broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Broken {
    /// Counted from one; for an end that is missing, the line after the last.
    pub line: u64,
    /// What is wrong there.
    pub what: What,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The line itself.
    #[error("{0}")]
    Line(LineFault),
    /// The first record is not the first of a chain.
    #[error("the beginning is missing: {} came before this one", records(*missing))]
    NoBeginning {
        /// How many.
        missing: u64,
    },
    /// Records were taken out.
    #[error("{} missing before this one", range(*from, *to))]
    Missing {
        /// The first that is missing.
        from: u64,
        /// The last.
        to: u64,
    },
    /// A record that was seen before, or stands in another place than it was written.
    #[error("record {seq} is out of order: {expected} comes here")]
    OutOfOrder {
        /// Its number.
        seq: u64,
        /// The number that belongs here.
        expected: u64,
    },
    /// The numbers fit, the hashes do not.
    #[error("the record before this one was exchanged: this one was linked to another")]
    Exchanged,
    /// A new chain where one goes on.
    #[error(
        "a new chain starts here, and record {after} came before it: the file was emptied, or two files were joined"
    )]
    StartsAnew {
        /// The number of the record before.
        after: u64,
    },
    /// A whole line was altered, and a later run recorded that it found it so.
    #[error("the line was altered: the next run found it so and recorded it")]
    AlteredAndRecorded,
    /// A break was recorded, and what it was about is not there or is something else.
    #[error("this record says that {bytes} bytes before it could not be read, and they are not there")]
    BreakWithoutBytes {
        /// How many.
        bytes: u64,
    },
    /// The end of the file.
    #[error(
        "the last line is cut short ({bytes} bytes), by a crash, a full disk or by hand; the next run records it and goes on"
    )]
    TornEnd {
        /// How many bytes.
        bytes: u64,
    },
    /// No record has this hash.
    #[error("the record {anchor} is not in this file: the end was cut off, or the anchor belongs to another file")]
    AnchorMissing {
        /// The hash.
        anchor: Hash,
    },
    /// There is nothing.
    #[error("the file is empty")]
    Empty,
}

/// "1 record", "3 records"
pub fn records(count: u64) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// "record 3 is", "records 3 to 5 are"
fn range(from: u64, to: u64) -> String {
    if from == to { format!("record {from} is") } else { format!("records {from} to {to} are") }
}

/// Reads a whole log. `each` gets every record, in order, as soon as it is known to be linked.
///
/// The outer error is one of reading, the inner one what is wrong with the log.
pub fn verify(
    log: impl BufRead,
    anchors: &[Hash],
    mut each: impl FnMut(&Record),
) -> io::Result<Result<Intact, Broken>> {
    read(log, anchors, false, &mut each)
}

/// Reads the last records of a log, at most [`END_BYTES`] of it: are they whole, and one chain? What stands before them is not looked at.
/// Lines are counted from where reading began.
pub fn verify_end(mut log: impl BufRead + Seek) -> io::Result<Result<Intact, Broken>> {
    let length = log.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(END_BYTES);
    log.seek(SeekFrom::Start(start))?;
    read(log, &[], start > 0, &mut |_| ())
}

/// `midway`: the log begins somewhere in it, perhaps within a line.
fn read(
    mut log: impl BufRead,
    anchors: &[Hash],
    midway: bool,
    each: &mut dyn FnMut(&Record),
) -> io::Result<Result<Intact, Broken>> {
    let anchored = anchors.iter().map(|_| None).collect();
    let mut reader = Reader { intact: Intact::default(), anchors: anchored, gap: None, midway };
    let mut line = Vec::new();
    let (mut number, mut whole) = (0_u64, true);
    loop {
        line.clear();
        let most = u64::try_from(RECORD_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        if (&mut log).take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(reader.end(number, anchors));
        }
        // A piece of a line that is longer than any record is no record, whatever it looks like.
        let read = if whole { chain::read(&line) } else { Err(LineFault::TooLong) };
        number += u64::from(whole);
        whole = line.ends_with(b"\n");
        match read {
            Err(fault) => reader.unreadable(number, fault, &line),
            Ok(record) => {
                if let Err(broken) = reader.record(number, &record, anchors) {
                    return Ok(Err(broken));
                }
                each(&record);
            }
        }
    }
}

struct Reader {
    intact: Intact,
    anchors: Vec<Option<u64>>,
    gap: Option<Gap>,
    /// The first record that can be read is the beginning.
    midway: bool,
}

/// Bytes that are no record, up to the next one that is.
struct Gap {
    line: u64,
    fault: LineFault,
    /// Pieces of a line that is longer than any record count as lines.
    lines: u64,
    bytes: Bytes,
}

impl Reader {
    fn unreadable(&mut self, line: u64, fault: LineFault, bytes: &[u8]) {
        let gap = self.gap.get_or_insert_with(|| Gap { line, fault, lines: 0, bytes: Bytes::default() });
        gap.lines += 1;
        gap.bytes.add(bytes);
    }

    fn record(&mut self, line: u64, record: &Record, anchors: &[Hash]) -> Result<(), Broken> {
        let broken = |line, what| Err(Broken { line, what });
        if self.midway && self.intact.records == 0 {
            // What it goes on from, and says of it, stands before it.
            self.gap = None;
            self.intact.records = 1;
            self.intact.last = Some(record.tail());
            return Ok(());
        }
        if let Err(what) = self.linked(record) {
            // What is wrong first is what stands first.
            return match self.gap.take() {
                Some(gap) => broken(gap.line, What::Line(gap.fault)),
                None => broken(line, what),
            };
        }
        let recorded = event::recorded_break(record);
        match (self.gap.take(), recorded) {
            (None, None) => {}
            (None, Some(recorded)) => return broken(line, What::BreakWithoutBytes { bytes: recorded.bytes }),
            (Some(gap), Some(recorded)) if gap.bytes.are(recorded.bytes, recorded.sha256) => {
                // A line without an end is one line.
                if !recorded.torn || gap.lines > 1 {
                    return broken(gap.line, What::AlteredAndRecorded);
                }
                self.intact.torn.push((gap.line, recorded.bytes));
            }
            (Some(gap), _) => return broken(gap.line, What::Line(gap.fault)),
        }
        if self.intact.records == 0 {
            self.intact.continues = Hash::parse(record.text("continues"));
        }
        let time = record.text("time").to_owned();
        match &mut self.intact.times {
            Some((_, last)) => *last = time,
            none => *none = Some((time.clone(), time)),
        }
        self.intact.records += 1;
        self.intact.last = Some(record.tail());
        for (place, _) in self.anchors.iter_mut().zip(anchors).filter(|(_, anchor)| **anchor == record.hash) {
            *place = Some(line);
        }
        Ok(())
    }

    /// Is the record linked to the last one that was read?
    fn linked(&self, record: &Record) -> Result<(), What> {
        let (expected, prev) = Tail::next(self.intact.last);
        if (record.seq, record.prev) == (expected, prev) {
            return Ok(());
        }
        Err(match self.intact.last {
            None => What::NoBeginning { missing: record.seq },
            Some(last) if record.seq == 0 && record.prev == Hash::NONE => What::StartsAnew { after: last.seq },
            Some(_) if record.seq > expected => What::Missing { from: expected, to: record.seq.saturating_sub(1) },
            Some(_) if record.seq < expected => What::OutOfOrder { seq: record.seq, expected },
            Some(_) => What::Exchanged,
        })
    }

    fn end(mut self, lines: u64, anchors: &[Hash]) -> Result<Intact, Broken> {
        if let Some(gap) = self.gap {
            let what = match gap.fault {
                LineFault::CutShort => What::TornEnd { bytes: gap.bytes.count },
                fault => What::Line(fault),
            };
            return Err(Broken { line: gap.line, what });
        }
        if self.intact.records == 0 {
            return Err(Broken { line: 1, what: What::Empty });
        }
        for (anchor, place) in anchors.iter().zip(self.anchors) {
            match place {
                Some(line) => self.intact.anchors.push(line),
                None => return Err(Broken { line: lines + 1, what: What::AnchorMissing { anchor: *anchor } }),
            }
        }
        Ok(self.intact)
    }
}

/// Counts and hashes bytes, all but a newline at their very end.
#[derive(Default)]
struct Bytes {
    count: u64,
    hasher: Sha256,
    newline: bool,
}

impl Bytes {
    fn add(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.newline) {
            self.put(b"\n");
        }
        let body = bytes.strip_suffix(b"\n");
        self.newline = body.is_some();
        self.put(body.unwrap_or(bytes));
    }

    fn put(&mut self, bytes: &[u8]) {
        self.count += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    fn are(&self, count: u64, hash: Hash) -> bool {
        self.count == count && Hash::finished(self.hasher.clone()) == hash
    }
}

#[cfg(test)]
mod tests;
