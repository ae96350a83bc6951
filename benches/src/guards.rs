//! `guards`: counts that noise cannot move, each with a budget. CI fails when one is passed.

use crate::compare::{least, once};
use crate::figures::{table, whole};
use crate::scene::{Contestant, Scene, Who};
use crate::stand_ins::StandIns;
use crate::trace::{self, Counts, Look};
use anyhow::{Context, bail, ensure};
use rotabox_tests::artifacts::root;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Each count is the least of that many runs.
const RUNS: usize = 7;
/// Below this part of its budget, a figure is said to sleep.
const ASLEEP: f64 = 0.6;

/// The guard that needs valgrind.
pub const INSTRUCTIONS: &str = "broker.instructions";

/// The budgets: benches/budgets.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Packages that the runner's tree must not hold, and why.
    absent: BTreeMap<String, String>,
    /// The counts.
    guard: Vec<Budget>,
}

/// One budget.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// `run.system-calls`: of what, and what.
    pub name: String,
    /// At most that many.
    pub most: u64,
    /// What it means that it has grown.
    pub means: String,
}

/// What was counted, by the names of the budgets.
pub type Counted = BTreeMap<String, u64>;

impl Budgets {
    /// Reads them.
    pub fn read() -> anyhow::Result<Budgets> {
        let path = root().join("benches/budgets.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Budgets::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Budgets> {
        let budgets: Budgets = toml::from_str(text)?;
        let names: BTreeSet<&str> = budgets.guard.iter().map(|budget| budget.name.as_str()).collect();
        ensure!(names.len() == budgets.guard.len(), "a guard has two budgets");
        Ok(budgets)
    }

    /// The table, and what is wrong: a count above its budget, a budget without a count, a count without a budget.
    /// `without_valgrind`: instructions need not be there.
    pub fn judge(&self, counted: &Counted, without_valgrind: bool) -> (String, Vec<String>) {
        let mut wrong = Vec::new();
        let mut rows = Vec::new();
        for budget in &self.guard {
            let Some(count) = counted.get(&budget.name).copied() else {
                if without_valgrind && budget.name == INSTRUCTIONS {
                    continue;
                }
                wrong.push(format!("`{}` has a budget and was not counted", budget.name));
                continue;
            };
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let part = count as f64 / budget.most as f64;
            let word = match part {
                part if part > 1.0 => "TOO MUCH",
                part if part < ASLEEP => "asleep: lower the budget",
                _ => "",
            };
            let [count, most] = [count, budget.most].map(whole);
            if part > 1.0 {
                wrong.push(format!("`{}` is {count}, and its budget is {most}: {}", budget.name, budget.means));
            }
            rows.push(vec![budget.name.clone(), count, most, format!("{:.0} %", part * 100.0), word.to_owned()]);
        }
        let known: BTreeSet<&String> = self.guard.iter().map(|budget| &budget.name).collect();
        wrong.extend(counted.keys().filter(|name| !known.contains(name)).map(|name| format!("`{name}` has no budget")));
        (table(&["guard", "counted", "budget", "", ""], &rows), wrong)
    }

    /// Packages in the runner's tree, as cargo lists it, that must not be there.
    pub fn unwanted(&self, tree: &str) -> Vec<String> {
        let there: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        let unwanted = self.absent.iter().filter(|(name, _)| there.contains(name.as_str()));
        unwanted
            .map(|(name, why)| {
                format!("`{name}` is in the runner's tree: {why}. `cargo tree -p rotabox -i {name}` says who brings it")
            })
            .collect()
    }
}

/// What `cargo tree` says that the runner is built from, and with.
pub fn tree() -> anyhow::Result<String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["tree", "--locked", "--package", "rotabox", "--edges", "normal,build", "--prefix", "none"]);
    let output = cargo.current_dir(root()).output().context("cargo cannot be started")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Counts all but the instructions.
pub fn count(scene: &Scene, stand_ins: &mut StandIns, say: &mut dyn FnMut(&str)) -> anyhow::Result<Counted> {
    let mut counted = Counted::from([("binary.bytes".to_owned(), fs::metadata(&scene.rotabox)?.len())]);
    for contestant in scene.contestants(false)? {
        let name = match contestant.who {
            Who::Two => "run",
            Who::TwoFirst => "first-run",
            Who::Okta => "okta",
            _ => continue,
        };
        say(&format!("counting: {}", contestant.title));
        let (counts, faults) = least_of(&contestant, stand_ins)?;
        let mut add = |what: &str, count: u64| counted.insert(format!("{name}.{what}"), count);
        add("page-faults", faults);
        add("system-calls", counts.syscalls);
        add("peak-kib", counts.peak_kib);
        if contestant.who == Who::Two {
            add("files-opened", u64::try_from(counts.opened.len())?);
            add("processes", u64::try_from(counts.processes)?);
            add("more-threads", u64::try_from(counts.threads)?);
            say(&format!("opened: {}", counts.opened.join(" ")));
        }
    }
    Ok(counted)
}

fn least_of(contestant: &Contestant, stand_ins: &mut StandIns) -> anyhow::Result<(Counts, u64)> {
    let mut best: Option<(Counts, u64)> = None;
    for _ in 0..RUNS {
        let sample = once(contestant, stand_ins, |stand_ins| contestant.job.run(stand_ins.pid()))?;
        let counts = once(contestant, stand_ins, |_| trace::run(&contestant.job, Look::Closely))?;
        best = Some(match best {
            None => (counts, sample.faults),
            Some((before, faults)) => (least(before, counts), faults.min(sample.faults)),
        });
    }
    best.context("no run")
}

/// Instructions that the broker needs for a good run, by callgrind. One run is the difference between many and few, so that
/// starting the program does not count.
pub fn instructions(scene: &Scene, happy_path: &Path) -> anyhow::Result<u64> {
    const FEW: u64 = 5;
    const MANY: u64 = 25;
    let of = |times: u64| -> anyhow::Result<u64> {
        let out = scene.folder.join("callgrind.out");
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", out.display()));
        valgrind.arg(happy_path).arg(scene.folder.join("policies")).arg("okta").arg(scene.folder.join("okta.line"));
        let output = valgrind.arg(times.to_string()).env_clear().output().context("valgrind cannot be started")?;
        ensure!(output.status.success(), "valgrind: {}", String::from_utf8_lossy(&output.stderr));
        summary(&fs::read_to_string(&out)?).context("callgrind wrote no summary")
    };
    let (few, many) = (of(FEW)?, of(MANY)?);
    match many.checked_sub(few) {
        Some(more) if more > 0 => Ok(more / (MANY - FEW)),
        _ => bail!("{MANY} runs took no more instructions than {FEW}"),
    }
}

/// The total of a callgrind file: its line `summary: N` or `totals: N`.
fn summary(text: &str) -> Option<u64> {
    let line =
        |word: &str| text.lines().find_map(|line| line.strip_prefix(word)?.split_whitespace().next()?.parse().ok());
    line("summary:").or_else(|| line("totals:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "[absent]\nlead = \"it is heavy\"\n\
                       [[guard]]\nname = \"run.calls\"\nmost = 100\nmeans = \"more calls\"\n\
                       [[guard]]\nname = \"run.faults\"\nmost = 1000\nmeans = \"more memory\"\n";

    #[test]
    fn what_is_above_missing_or_without_a_budget_is_wrong() {
        let budgets = Budgets::parse(TWO).unwrap();
        for (calls, faults, wrong) in [(100, 900, 0), (101, 900, 1), (101, 1001, 2), (1, 1, 0)] {
            let counted = Counted::from([("run.calls".to_owned(), calls), ("run.faults".to_owned(), faults)]);
            assert_eq!(budgets.judge(&counted, false).1.len(), wrong, "{calls} {faults}");
        }
        let counted = Counted::from([("run.calls".to_owned(), 1), ("run.other".to_owned(), 1)]);
        let wrong = budgets.judge(&counted, false).1;
        assert_eq!(wrong, ["`run.faults` has a budget and was not counted", "`run.other` has no budget"]);
    }

    #[test]
    fn a_package_is_unwanted_by_its_whole_name() {
        let budgets = Budgets::parse(TWO).unwrap();
        assert!(budgets.unwanted("rotabox v0.1.0 (/x)\nlead-free v1.0.0\ngold v1.2.3 (*)\n").is_empty());
        assert_eq!(budgets.unwanted("gold v1.2.3\nlead v0.2.1 (*)\n").len(), 1);
    }

    #[test]
    fn the_budgets_of_the_repository_can_be_read() {
        assert!(!Budgets::read().unwrap().guard.is_empty());
    }

    #[test]
    fn a_callgrind_file_has_a_total() {
        assert_eq!(summary("events: Ir\nfn=(1)\n1 20\nsummary: 1234\n"), Some(1234));
        assert_eq!(summary("events: Ir\ntotals: 77\n"), Some(77));
        assert_eq!(summary("events: Ir\n"), None);
    }
}
