//! What came of replaying cassettes, for people: a line each, and below it what differs.

use super::escape::escape;
use crate::cassette::replay::{Mark, StepReplay};
use crate::page::diagnostic::is_hidden;
use std::fmt::Write as _;

/// Lines that are shown around what differs.
const AROUND: usize = 3;
/// Most lines of one cassette's differences; a rotator can do a great many things.
const LINES_MOST: usize = 300;
/// Most characters of one line.
const LINE_MOST: usize = 2_000;

/// What came of one cassette.
#[derive(Debug)]
pub struct Played {
    /// Its file, as it was named.
    pub file: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a cassette.
#[derive(Debug)]
pub enum Verdict {
    /// Everything went as on it.
    Same {
        /// How many steps it has.
        steps: usize,
    },
    /// Not everything did.
    Differs(Vec<StepReplay>),
    /// It could not be read, or not be replayed.
    Broken(String),
}

impl Played {
    /// A word, and the words after it: `differs`, "1 of 6 steps differs".
    pub fn summary(&self) -> (&'static str, String) {
        match &self.verdict {
            Verdict::Same { steps } => ("same", count(*steps, "step")),
            Verdict::Differs(steps) => {
                let differing = steps.iter().filter(|step| !step.is_same()).count();
                ("differs", format!("{differing} of {}", count(steps.len(), "step")))
            }
            Verdict::Broken(_) => ("broken", "it could not be replayed".to_owned()),
        }
    }

    /// What there is to say beyond the summary; empty if all is well.
    pub fn details(&self, coloured: bool) -> String {
        match &self.verdict {
            Verdict::Same { .. } => String::new(),
            Verdict::Differs(steps) => differences(steps, coloured),
            Verdict::Broken(reason) => reason.lines().fold(String::new(), |text, line| text + line + "\n"),
        }
    }

    /// The line, and what follows it.
    pub fn text(&self, coloured: bool) -> String {
        let (word, words) = self.summary();
        let colour = match &self.verdict {
            Verdict::Same { .. } => Colour::Green,
            Verdict::Differs(_) | Verdict::Broken(_) => Colour::Red,
        };
        let file = escape(&self.file, LINE_MOST);
        format!("{} {file}: {words}\n{}", colour.paint(&format!("{word:<7}"), coloured), self.details(coloured))
    }
}

/// The last line of a test: "3 cassettes: 2 same, 1 differs".
pub fn total(played: &[Played]) -> String {
    let of = |wanted: &str| played.iter().filter(|played| played.summary().0 == wanted).count();
    let parts = ["same", "differs", "broken"].map(|word| (of(word), word));
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    format!("{}: {}\n", count(played.len(), "cassette"), parts.join(", "))
}

/// "1 step", "2 steps".
pub fn count(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// As a unified diff: `-` stands on the cassette, `+` is what the rotator did.
fn differences(steps: &[StepReplay], coloured: bool) -> String {
    let mut out = String::new();
    let mut lines = 0_usize;
    let mut left_out = 0_usize;
    for step in steps.iter().filter(|step| !step.is_same()) {
        let _ = writeln!(out, "{}", Colour::Cyan.paint(&format!("@@ {} @@", step.label), coloured));
        let mut gap = false;
        for (at, (mark, line)) in step.lines.iter().enumerate() {
            let from = at.saturating_sub(AROUND);
            let near = step.lines.iter().skip(from).take(at - from + AROUND + 1);
            if near.into_iter().all(|(mark, _)| *mark == Mark::Same) {
                gap = true;
                continue;
            }
            if std::mem::take(&mut gap) && lines < LINES_MOST {
                out.push_str("  …\n");
            }
            lines += 1;
            // The end of a step is worth a line in any case.
            if lines > LINES_MOST && at + 1 < step.lines.len() {
                left_out += 1;
                continue;
            }
            let (sign, colour) = match mark {
                Mark::Same => (' ', Colour::None),
                Mark::Missing => ('-', Colour::Red),
                Mark::Extra => ('+', Colour::Green),
            };
            let _ = writeln!(out, "{}", colour.paint(&format!("{sign} {}", plain(line)), coloured));
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "… and {}", count(left_out, "more line"));
    }
    out
}

/// The line as it is, so that it can be put on a cassette: the rotator's texts are escaped in it already, and TOML escapes the rest.
fn plain(line: &str) -> String {
    let visible = |c| if is_hidden(c) { '\u{fffd}' } else { c };
    let mut out: String = line.chars().take(LINE_MOST).map(visible).collect();
    if out.len() < line.len() && line.chars().nth(LINE_MOST).is_some() {
        out.push('…');
    }
    out
}

#[derive(Clone, Copy)]
enum Colour {
    None,
    Red,
    Green,
    Cyan,
}

impl Colour {
    fn paint(self, text: &str, coloured: bool) -> String {
        let code = match self {
            Colour::None => return text.to_owned(),
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Cyan => 36,
        };
        if coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mark: Mark, text: &str) -> (Mark, String) {
        (mark, text.to_owned())
    }

    fn played() -> Played {
        let mut lines: Vec<_> = (0..9).map(|i| line(Mark::Same, &format!("{{ sleep = {i} }}"))).collect();
        lines.push(line(Mark::Missing, "{ send = \"a\" }"));
        lines.push(line(Mark::Extra, "{ send = \"b\u{1b}[2J\" }"));
        let steps = vec![
            StepReplay { label: "verify old", lines: vec![line(Mark::Same, "ends = \"ok\"")] },
            StepReplay { label: "change", lines },
        ];
        Played { file: "x.toml".to_owned(), verdict: Verdict::Differs(steps) }
    }

    #[test]
    fn what_differs_is_shown_with_its_surroundings() {
        let wanted = "differs x.toml: 1 of 2 steps\n@@ change @@\n  …\n  { sleep = 6 }\n  { sleep = 7 }\n  { sleep = 8 }\n\
                      - { send = \"a\" }\n+ { send = \"b\u{fffd}[2J\" }\n";
        assert_eq!(played().text(false), wanted);
    }

    #[test]
    fn a_terminal_gets_colours_and_nothing_of_the_rotators_own() {
        let text = played().text(true);
        assert!(text.contains("\u{1b}[31m- { send = \"a\" }\u{1b}[0m\n") && text.contains("\u{1b}[32m+ "), "{text}");
        assert!(!text.contains("\u{1b}[2J"), "{text}");
    }

    #[test]
    fn a_flood_is_cut() {
        let lines = (0..100_000).map(|_| line(Mark::Extra, "{ routes = [] }")).collect();
        let verdict = Verdict::Differs(vec![StepReplay { label: "change", lines }]);
        let text = Played { file: "x.toml".to_owned(), verdict }.text(false);
        assert_eq!(text.lines().count(), 1 + 1 + LINES_MOST + 1 + 1);
        assert!(text.ends_with("… and 99699 more lines\n"), "{text}");
    }

    #[test]
    fn totals_name_what_there_is() {
        let same = || Played { file: String::new(), verdict: Verdict::Same { steps: 1 } };
        assert_eq!(total(&[same()]), "1 cassette: 1 same\n");
        let broken = Played { file: String::new(), verdict: Verdict::Broken("why".to_owned()) };
        assert_eq!(total(&[same(), played(), broken, same()]), "4 cassettes: 2 same, 1 differs, 1 broken\n");
    }
}
