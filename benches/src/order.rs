//! `order`: which functions a run calls, in the order in which they are first seen. `runner/link/functions.txt` is made of it.

use crate::compare::once;
use crate::scene::{Scene, Who};
use crate::stand_ins::StandIns;
use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::process::Command;

/// The flows that are looked at: what a gateway starts.
const FLOWS: [Who; 4] = [Who::Two, Who::TwoAudited, Who::Proved, Who::Okta];
/// Samples a second: the most that a timer gives.
const SAMPLES: &str = "25000";

/// Runs each flow so often under `perf`, and answers with the functions that were seen, one a line, without the digest that ends a mangled name: it
/// changes with the compiler, the settings and the versions of packages. Those that come early in a run come first.
pub fn order(
    scene: &Scene,
    stand_ins: &mut StandIns,
    runs: usize,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<String> {
    let samples = scene.folder.join("perf.data");
    let samples = samples.display().to_string();
    let program = scene.rotabox.file_name().context("the runner has no name")?.to_string_lossy().into_owned();
    let mut first: BTreeMap<String, f64> = BTreeMap::new();
    for contestant in scene.contestants(false)?.iter().filter(|contestant| FLOWS.contains(&contestant.who)) {
        say(&contestant.title.replace('`', ""));
        for _ in 0..runs {
            once(contestant, stand_ins, |_| {
                let perf = ["perf", "record", "-q", "-e", "cpu-clock:u", "-F", SAMPLES, "-o", &samples, "--"];
                let status = contestant.job.wrapped(&perf)?.status().context("perf cannot be started")?;
                contestant.job.check(status.code())
            })?;
            let script = ["script", "-i", &samples, "--no-demangle", "-F", "time,ip,sym,dso"];
            let output = Command::new("perf").args(script).output().context("perf cannot be started")?;
            ensure!(output.status.success(), "perf script failed");
            take(&String::from_utf8_lossy(&output.stdout), &program, &mut first);
        }
    }
    ensure!(first.len() > 500, "only {} functions were seen: is the runner built with symbols?", first.len());
    let mut functions: Vec<_> = first.into_iter().collect();
    functions.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    Ok(functions.into_iter().map(|(name, _)| name + "\n").collect())
}

/// Takes the samples of one run: `12.345: 55aa func+0x1 (/path/rotabox)`, a line each.
fn take(samples: &str, program: &str, first: &mut BTreeMap<String, f64>) {
    let mut began = None;
    for line in samples.lines() {
        let mut words = line.split_whitespace();
        let (Some(time), Some(_), Some(function), Some(file)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(time) = time.trim_end_matches(':').parse::<f64>() else { continue };
        let since = time - *began.get_or_insert(time);
        let name = function.rsplit_once("+0x").map_or(function, |(name, _)| name);
        if !file.trim_end_matches(')').ends_with(program) || name.starts_with('[') {
            continue;
        }
        let seen = first.entry(without_digest(name).to_owned()).or_insert(since);
        *seen = seen.min(since);
    }
}

/// `_ZN4core3fmt5write17h0123456789abcdefE` is `_ZN4core3fmt5write`.
fn without_digest(name: &str) -> &str {
    let end = name.len().saturating_sub("17h0123456789abcdefE".len());
    match name.split_at_checked(end) {
        Some((stem, digest)) if digest.starts_with("17h") && digest.ends_with('E') && stem.starts_with("_ZN") => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_without_digests_and_the_earliest_time_counts() {
        let mut first = BTreeMap::new();
        let run = " 10.000001:  7f00 _start+0x4 (/t/rotabox)\n 10.000500:  7f01 _ZN4core3fmt5write17h0123456789abcdefE+0x1f (/t/rotabox)\n \
                   10.000600:  7f02 memcpy+0x1 (/lib/libc.so.6)\n 10.000700:  7f03 [unknown] (/t/rotabox)\n nonsense\n";
        take(run, "rotabox", &mut first);
        take(&run.replace("10.000500", "10.000101"), "rotabox", &mut first);
        let names: Vec<_> = first.keys().map(String::as_str).collect();
        assert_eq!(names, ["_ZN4core3fmt5write", "_start"]);
        assert!((first["_ZN4core3fmt5write"] - 0.0001).abs() < 1e-6);
        assert_eq!(without_digest("ring_core_0_17_14__p256_point_mul"), "ring_core_0_17_14__p256_point_mul");
    }
}
