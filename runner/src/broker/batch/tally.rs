//! What a batch came to: counts, the lines that need a look, and the exit code.

use super::Finished;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Most bytes for people. A gateway may read stderr only after stdout has ended, and a pipe holds 64 KiB.
const WORDS_BYTES: usize = 32 * 1024;

/// Counts while lines finish.
#[derive(Debug, Default)]
pub struct Tally {
    lines: u64,
    /// Lines that ended in exit 0.
    rotated: u64,
    /// Nobody may know which password is live: exits 4, 5, 6 and 70.
    in_doubt: u64,
    /// Lines that were tried: not exit 2.
    tried: u64,
    outcomes: BTreeMap<&'static str, u64>,
    /// A line of text for each that did not end in exit 0, as far as there is room.
    words: String,
    left_out: u64,
}

/// Why a batch ended before its input did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C, SIGTERM or SIGHUP.
    Signal,
    /// Nobody reads the results.
    StdoutClosed,
    /// Stdin broke.
    Stdin(String),
    /// There is no worker any more.
    Workers(String),
}

impl Stop {
    /// In words that fit behind "stopped, because".
    pub fn words(&self) -> String {
        match self {
            Stop::Signal => "a signal asked for it".to_owned(),
            Stop::StdoutClosed => "nobody reads the results any more (stdout is closed)".to_owned(),
            Stop::Stdin(why) | Stop::Workers(why) => why.clone(),
        }
    }
}

/// The end of a batch.
#[derive(Debug)]
pub struct Summary {
    /// The counts.
    pub tally: Tally,
    /// Why it ended before its input did; with the number of the last line that was read.
    pub stopped: Option<(Stop, u64)>,
    /// Workers that failed and were replaced.
    pub replaced: u64,
    /// How long it took.
    pub took: Duration,
}

impl Tally {
    /// Counts one line.
    pub(super) fn add(&mut self, finished: &Finished) {
        self.lines += 1;
        self.rotated += u64::from(finished.exit == 0);
        self.tried += u64::from(finished.exit != 2);
        self.in_doubt += u64::from(matches!(finished.exit, 4 | 5 | 6 | 70));
        *self.outcomes.entry(finished.outcome).or_default() += 1;
        if finished.exit != 0 {
            let line = format!("line {}: {}\n", finished.number, finished.words);
            if self.words.len() + line.len() < WORDS_BYTES {
                self.words.push_str(&line);
            } else {
                self.left_out += 1;
            }
        }
    }

    /// Lines that have finished.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Of those, the ones that ended in exit 0.
    pub fn rotated(&self) -> u64 {
        self.rotated
    }
}

impl Summary {
    /// All, some or none:
    ///
    /// | exit | lines |
    /// | --- | --- |
    /// | 0 | every line ended in exit 0, and the input was read to its end |
    /// | 1 | none did, but some were tried |
    /// | 2 | none was tried |
    /// | 7 | some did |
    pub fn exit(&self) -> u8 {
        let tally = &self.tally;
        match (tally.rotated, tally.tried) {
            (0, 0) => 2,
            (0, _) => 1,
            (rotated, _) if rotated == tally.lines && self.stopped.is_none() => 0,
            _ => 7,
        }
    }

    /// The lines for people. The first one says what happened and what to do.
    pub fn words(&self) -> String {
        let Tally { lines, rotated, in_doubt, .. } = self.tally;
        let mut text = match (lines, rotated) {
            (0, _) => "rotabox: batch: no line came; pipe one params line for each account".to_owned(),
            (1, 1) => "rotabox: batch: the one line ended well".to_owned(),
            (lines, rotated) if lines == rotated => format!("rotabox: batch: all {lines} lines ended well"),
            (lines, rotated) => {
                format!("rotabox: batch: {rotated} of {lines} lines ended well, {} did not", lines - rotated)
            }
        };
        if in_doubt > 0 {
            let _ = write!(text, "; {in_doubt} in doubt: keep both passwords of these, and look at them first");
        } else if rotated < lines {
            text.push_str("; mend what their results name and run the same input again");
        }
        if let Some((stop, last)) = &self.stopped {
            let _ = write!(
                text,
                "; stopped, because {}: what follows line {last} was not read, so run the same input again",
                stop.words()
            );
        }
        text.push('\n');
        for (outcome, count) in &self.tally.outcomes {
            let _ = writeln!(text, "  {outcome:<20} {count:>8}");
        }
        let seconds = self.took.as_secs_f64();
        if lines > 0 && seconds > 0.0 {
            #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
            let rate = lines as f64 / seconds;
            let _ = writeln!(text, "  {seconds:.1} seconds, {rate:.1} lines a second");
        }
        if self.replaced > 0 {
            let _ = writeln!(text, "warning: {} times a worker failed and was replaced", self.replaced);
        }
        text.push_str(&self.tally.words);
        if self.tally.left_out > 0 {
            let _ = writeln!(text, "{} more lines did not end well; their results are on stdout", self.tally.left_out);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(lines: &[(u8, &'static str)], stopped: Option<Stop>) -> Summary {
        let mut tally = Tally::default();
        for (number, (exit, outcome)) in (1..).zip(lines) {
            let words = format!("{outcome}: because");
            tally.add(&Finished { number, place: 0, exit: *exit, outcome, words, line: String::new() });
        }
        let stopped = stopped.map(|stop| (stop, 9));
        Summary { tally, stopped, replaced: 0, took: Duration::from_secs(2) }
    }

    #[test]
    fn the_exit_code_says_all_some_none_or_not_tried() {
        let (good, current) = ((0, "rotated"), (0, "already-current"));
        let (as_before, not_started, unknown) = ((1, "unchanged"), (2, "not-started"), (6, "unknown"));
        for (lines, stopped, exit) in [
            (&[][..], None, 2),
            (&[good, current], None, 0),
            (&[good, current], Some(Stop::Signal), 7),
            (&[good, as_before], None, 7),
            (&[good, not_started], None, 7),
            (&[unknown, good], None, 7),
            (&[as_before, not_started], None, 1),
            (&[unknown], None, 1),
            (&[not_started, not_started], None, 2),
        ] {
            assert_eq!(summary(lines, stopped.clone()).exit(), exit, "{lines:?} {stopped:?}");
        }
    }

    #[test]
    fn the_first_line_says_what_happened_and_what_to_do() {
        let first = |lines: &[(u8, &'static str)], stopped| {
            summary(lines, stopped).words().lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(first(&[(0, "rotated"), (0, "rotated")], None), "rotabox: batch: all 2 lines ended well");
        let some = first(&[(0, "rotated"), (1, "unchanged")], Some(Stop::Signal));
        assert!(some.contains("1 of 2") && some.contains("signal") && some.contains("what follows line 9"), "{some}");
        assert!(first(&[(6, "unknown")], None).contains("keep both passwords"));
    }

    #[test]
    fn words_for_people_fit_into_a_pipe() {
        let text = summary(&vec![(1, "unchanged"); 10_000], None).words();
        assert!(text.len() < 48 * 1024 && text.contains("more lines did not end well"), "{}", text.len());
        assert!(text.contains("line 1: unchanged: because"));
    }
}
