//! `compare`: every contestant once a round, round after round, then once under trace; tables of it, and the goals.
//!
//! What ran just before decides what is left in the processor's caches. So each round has an order of its own, and over the rounds
//! everyone comes behind everyone else equally often.

use crate::figures::{Figures, table, three, whole};
use crate::goals;
use crate::machine;
use crate::measure::Sample;
use crate::scene::{Changes, Contestant, Scene, Who};
use crate::stand_ins::{NEW, StandIns};
use crate::trace::{self, Counts, Look};
use anyhow::{Context, ensure};
use std::path::Path;

/// Runs under trace; the least of each figure is taken.
const TRACED: usize = 3;

/// A contestant and what was measured.
pub struct Row {
    contestant: Contestant,
    samples: Vec<Sample>,
    counts: Option<Counts>,
}

impl Row {
    fn wall(&self) -> Figures {
        self.samples.iter().map(|sample| sample.wall.as_secs_f64() * 1000.0).collect()
    }

    fn cpu(&self) -> Figures {
        self.samples.iter().map(|sample| sample.cpu.as_secs_f64() * 1000.0).collect()
    }

    fn faults(&self) -> Figures {
        self.samples.iter().map(|sample| sample.faults as f64).collect()
    }

    fn peak_mib(&self) -> Option<f64> {
        self.counts.as_ref().map(|counts| counts.peak_kib as f64 / 1024.0)
    }
}

/// All of them.
pub struct Comparison {
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// Runs them. One round more than `rounds`: the first is not counted.
pub fn compare(
    scene: &Scene,
    stand_ins: &mut StandIns,
    rounds: usize,
    scripts: bool,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<Comparison> {
    let contestants = scene.contestants(scripts)?;
    let python = rotabox_tests::artifacts::target().join("bench-venv/bin/python");
    let mut notes = machine::describe(&scene.rotabox, scripts.then_some(python.as_path()));
    let mut rows: Vec<Row> =
        contestants.into_iter().map(|contestant| Row { contestant, samples: Vec::new(), counts: None }).collect();
    for round in 0..=rounds {
        say(&format!("round {round} of {rounds}"));
        for index in order(rows.len(), round) {
            let Some(row) = rows.get_mut(index) else { continue };
            let sample = once(&row.contestant, stand_ins, |stand_ins| row.contestant.job.run(stand_ins.pid()))?;
            if round > 0 {
                row.samples.push(sample);
            }
        }
    }
    for row in &mut rows {
        say(&format!("under trace: {}", row.contestant.title));
        for _ in 0..TRACED {
            let counts = once(&row.contestant, stand_ins, |_| trace::run(&row.contestant.job, Look::Closely))?;
            row.counts = Some(match row.counts.take() {
                None => counts,
                Some(before) => least(before, counts),
            });
        }
    }
    notes.push(format!("load after: {}", machine::load()));
    Ok(Comparison { rows, notes })
}

/// The order of a round: a row of a Williams square (E. J. Williams, 1949: experimental designs balanced for residual effects). Over twice as many
/// rounds as there are contestants, each comes directly behind each other one twice.
fn order(contestants: usize, round: usize) -> Vec<usize> {
    let first = (0..contestants).map(|place| if place % 2 == 1 { place / 2 } else { contestants - 1 - place / 2 });
    let mut order: Vec<usize> = first.map(|index| (index + round) % contestants).collect();
    if contestants > 0 && (round / contestants) % 2 == 1 {
        order.reverse();
    }
    order
}

/// Runs it on fresh accounts, and looks whether it did what it said it did.
pub fn once<T>(
    contestant: &Contestant,
    stand_ins: &mut StandIns,
    run: impl FnOnce(&StandIns) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    stand_ins.reset()?;
    let done = run(stand_ins).with_context(|| contestant.title.to_owned())?;
    let [rest, okta] = stand_ins.reset()?;
    let (rest, okta) = (rest == NEW, okta == NEW);
    let expected = (contestant.changes == Changes::Rest, contestant.changes == Changes::Okta);
    ensure!((rest, okta) == expected, "{} did not change what it should have", contestant.title);
    Ok(done)
}

/// The run with fewer system calls, with the lower peak of both.
pub fn least(a: Counts, b: Counts) -> Counts {
    let peak_kib = a.peak_kib.min(b.peak_kib);
    let fewer = if b.syscalls < a.syscalls { b } else { a };
    Counts { peak_kib, ..fewer }
}

impl Comparison {
    /// What it was taken on.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn row(&self, who: Who) -> Option<&Row> {
        self.rows.iter().find(|row| row.contestant.who == who)
    }

    /// The medians of the ratios, round by round: of wall time, and of CPU time, which a busy machine moves less.
    fn ratio(&self, this: Who, that: Who) -> [Option<f64>; 2] {
        let (Some(this), Some(that)) = (self.row(this), self.row(that)) else { return [None; 2] };
        [this.wall().over(&that.wall()).median(), this.cpu().over(&that.cpu()).median()]
    }

    /// The table of times.
    pub fn times(&self) -> String {
        let base = self.row(Who::Two).map(Row::wall).unwrap_or_default();
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                let ratio = row.wall().over(&base).median().map_or_else(String::new, three);
                vec![row.contestant.title.to_owned(), row.wall().text(), ratio, row.cpu().text()]
            })
            .collect();
        table(&["", "wall, ms: median (min–max)", "/ `run`, 2 calls", "CPU, ms"], &rows)
    }

    /// The table of what is counted.
    pub fn counts(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                let counts = row.counts.clone().unwrap_or_default();
                vec![
                    row.contestant.title.to_owned(),
                    row.peak_mib().map(three).unwrap_or_default(),
                    row.faults().median().map(|faults| whole(faults.round() as u64)).unwrap_or_default(),
                    whole(counts.syscalls),
                    counts.opened.len().to_string(),
                    counts.processes.to_string(),
                    counts.threads.to_string(),
                ]
            })
            .collect();
        table(&["", "peak MiB", "page faults", "system calls", "files opened", "processes", "more threads"], &rows)
    }

    /// The goals, with what was reached.
    pub fn goals(&self, batch: [Option<f64>; 3]) -> (String, bool) {
        let peak = |who| self.row(who).and_then(Row::peak_mib);
        let memory = peak(Who::Two).zip(peak(Who::Requests)).map(|(run, python)| run / python);
        let first = self.row(Who::Large).map(|row| [row.wall().median(), row.cpu().median()]).unwrap_or_default();
        let [plain, https, in_flight] = batch;
        let all = [
            (goals::RUN, self.ratio(Who::Two, Who::EmptyDynamic)),
            (goals::BASH, self.ratio(Who::Bash, Who::Two)),
            (goals::REQUESTS, self.ratio(Who::Requests, Who::Two)),
            (goals::OKTA, self.ratio(Who::OktaScript, Who::Okta)),
            (goals::MEMORY, [memory, None]),
            (goals::FIRST, first),
            (goals::BATCH, [None, plain]),
            (goals::BATCH_HTTPS, [None, https]),
            (goals::IN_FLIGHT, [in_flight, None]),
        ];
        let rows: Vec<Vec<String>> = all.iter().map(|(goal, [wall, cpu])| goal.row(*wall, *cpu)).collect();
        let missed = all.iter().any(|(goal, [wall, cpu])| goal.is_missed(wall.or(*cpu)));
        (table(&["measure (medians of interleaved rounds)", "reached", "by CPU time", "must", "aim"], &rows), missed)
    }
}

/// Which runner is measured unless another is named.
pub fn default_runner() -> std::path::PathBuf {
    rotabox_tests::artifacts::target().join(Path::new("release/rotabox"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn everyone_runs_once_a_round_and_comes_behind_everyone_else_equally_often() {
        for contestants in [1, 2, 10, 11] {
            let mut behind = BTreeMap::new();
            for round in 0..2 * contestants {
                let order = order(contestants, round);
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..contestants).collect::<Vec<_>>());
                for pair in order.windows(2) {
                    *behind.entry(pair.to_vec()).or_insert(0) += 1;
                }
            }
            assert_eq!(behind.len(), contestants * (contestants - 1), "{contestants}");
            assert!(behind.values().all(|count| *count == 2), "{contestants}: {behind:?}");
        }
    }
}
