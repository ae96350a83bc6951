//! What a release has to reach, and what it aims at. Ratios, because they hold on every machine.

use crate::figures::three;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// At most.
    Less,
    /// At least.
    More,
}

/// One goal.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// What is measured, with its unit.
    pub measure: &'static str,
    /// Which way is better.
    pub better: Better,
    /// Must hold.
    pub must: f64,
    /// Is aimed at.
    pub aim: f64,
}

const fn at_most(measure: &'static str, must: f64, aim: f64) -> Goal {
    Goal { measure, better: Better::Less, must, aim }
}

const fn at_least(measure: &'static str, must: f64, aim: f64) -> Goal {
    Goal { measure, better: Better::More, must, aim }
}

/// `run`, 2 calls / empty dynamic process.
pub const RUN: Goal = at_most("`run`, 2 HTTPS calls / empty dynamic Rust process", 6.0, 4.0);
/// Bash / `run`.
pub const BASH: Goal = at_least("Bash, curl, jq / `run`, 2 HTTPS calls", 20.0, 35.0);
/// Python / `run`.
pub const REQUESTS: Goal = at_least("Python with requests / `run`, 2 HTTPS calls", 20.0, 35.0);
/// The published script / `run`.
pub const OKTA: Goal =
    at_least("published Okta script, SDK 2.9 / `run`, whole Okta flow with verification", 60.0, 120.0);
/// Memory.
pub const MEMORY: Goal = at_most("peak memory, broker and worker / Python with requests", 0.5, 0.3);
/// Without native code.
pub const FIRST: Goal = at_most("first run of a module of 150 KB, without native code, ms", 150.0, 90.0);
/// Batch without HTTP.
pub const BATCH: Goal = at_least("`batch`, no HTTP, lines/s for a core", 20_000.0, 50_000.0);
/// Batch with HTTPS.
pub const BATCH_HTTPS: Goal =
    at_least("`batch`, one HTTPS call each, 64 in flight, lines/s for a core", 8_000.0, 15_000.0);
/// Memory in flight.
pub const IN_FLIGHT: Goal = at_most("`batch`, memory for a rotation in flight, KiB", 300.0, 150.0);

impl Goal {
    fn holds(&self, value: f64, bound: f64) -> bool {
        match self.better {
            Better::Less => value <= bound,
            Better::More => value >= bound,
        }
    }

    /// The row: measure, reached by the clock, by CPU time, must, aim. What has no time by the clock is judged by CPU time.
    pub fn row(&self, wall: Option<f64>, cpu: Option<f64>) -> Vec<String> {
        let sign = if self.better == Better::Less { "≤" } else { "≥" };
        let judged = wall.or(cpu);
        let against = |bound: f64| {
            let verdict = match judged {
                None => "",
                Some(value) if self.holds(value, bound) => ": pass",
                Some(_) => ": **miss**",
            };
            format!("{sign} {}{verdict}", three(bound))
        };
        let shown = |value: Option<f64>, otherwise: &str| value.map_or_else(|| otherwise.to_owned(), three);
        let missing = if judged.is_none() { "not measured" } else { "" };
        vec![self.measure.to_owned(), shown(wall, missing), shown(cpu, ""), against(self.must), against(self.aim)]
    }

    /// Whether what must hold was measured and does not.
    pub fn is_missed(&self, reached: Option<f64>) -> bool {
        reached.is_some_and(|value| !self.holds(value, self.must))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_says_pass_or_miss_for_both_bounds() {
        for (goal, reached, must, aim) in [
            (RUN, Some(5.0), "≤ 6.00: pass", "≤ 4.00: **miss**"),
            (RUN, Some(6.5), "≤ 6.00: **miss**", "≤ 4.00: **miss**"),
            (BASH, Some(35.0), "≥ 20.0: pass", "≥ 35.0: pass"),
            (BASH, None, "≥ 20.0", "≥ 35.0"),
        ] {
            let row = goal.row(reached, Some(1.0).filter(|_| reached.is_some()));
            assert_eq!((row[3].as_str(), row[4].as_str()), (must, aim));
        }
        assert!(RUN.is_missed(Some(6.1)) && !RUN.is_missed(None) && BASH.is_missed(Some(19.0)));
    }
}
