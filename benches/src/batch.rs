//! `batch`: lines a second for a core, memory for a rotation in flight, and how both grow with the number of lines.
//!
//! A rate for a core is lines divided by the CPU seconds of broker and worker: with as many cores as machines have, the
//! stand-in would take part of them too.

use crate::figures::{Figures, table, three};
use crate::measure::{Job, Sample};
use crate::scene::Scene;
use crate::stand_ins::{MANY, NEW, OLD, StandIns, user_of};
use crate::trace::{self, Look};
use anyhow::{Context, ensure};
use rotabox_tests::params::{Form, Params};
use rotabox_tests::rest::TOKEN;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

/// Lines of a batch whose rate is taken.
const LINES: usize = 20_000;
/// Times that it is taken; the median counts.
const TIMES: usize = 3;
/// In flight against a slow provider: the difference is what those between cost.
const IN_FLIGHT: [usize; 2] = [64, 512];
/// Numbers of lines, to see the growth.
const GROWTH: [usize; 5] = [1, 10, 100, 10_000, MANY];

/// What the lines of a batch do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The rotator is run, and sends nothing.
    NoHttp,
    /// One look-up each, on connections that are shared.
    OneCall,
    /// A sign-in, a look-up, a change, a sign-in.
    Rotation,
    /// One look-up each at a provider that takes 200 ms.
    Slow,
}

impl What {
    fn title(self) -> &'static str {
        match self {
            What::NoHttp => "no HTTP",
            What::OneCall => "one HTTPS call",
            What::Rotation => "whole rotation, 4 HTTPS calls",
            What::Slow => "one HTTPS call that takes 200 ms",
        }
    }

    fn policy(self) -> &'static str {
        match self {
            What::NoHttp => "idle",
            What::OneCall => "look",
            What::Rotation => "many",
            What::Slow => "slow",
        }
    }

    /// The exit code of the batch, and what each of its results holds.
    fn good(self) -> (i32, &'static [&'static str]) {
        match self {
            What::NoHttp => (1, &["\"outcome\":\"unchanged\"", "\"requests\":[]"]),
            What::OneCall | What::Slow => (1, &["\"outcome\":\"unchanged\"", "\"route\":\"find\"", "as it is meant"]),
            What::Rotation => (0, &["\"outcome\":\"rotated\""]),
        }
    }
}

/// One batch that was measured.
#[derive(Clone, Copy, Debug)]
struct Taken {
    what: What,
    lines: usize,
    jobs: usize,
    sample: Sample,
    peak_kib: u64,
}

impl Taken {
    #[expect(clippy::cast_precision_loss, reason = "lines are far below 2^52")]
    fn rate_for_a_core(&self) -> f64 {
        self.lines as f64 / self.sample.cpu.as_secs_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "lines and KiB are far below 2^52")]
    fn row(&self) -> Vec<String> {
        let wall = self.sample.wall.as_secs_f64();
        vec![
            self.what.title().to_owned(),
            self.lines.to_string(),
            self.jobs.to_string(),
            three(wall),
            three(self.lines as f64 / wall),
            three(self.sample.cpu.as_secs_f64() * 1e6 / self.lines as f64),
            three(self.rate_for_a_core()),
            three(self.peak_kib as f64 / 1024.0),
        ]
    }
}

const HEAD: [&str; 8] =
    ["each line", "lines", "in flight", "wall, s", "lines/s", "CPU a line, µs", "lines/s for a core", "peak MiB"];

/// All of them.
#[derive(Debug, Default)]
pub struct Batches {
    rates: Vec<Taken>,
    growth: Vec<Taken>,
}

/// Measures them, with one worker process.
pub fn measure(scene: &Scene, stand_ins: &mut StandIns, say: &mut dyn FnMut(&str)) -> anyhow::Result<Batches> {
    let mut batches = Batches::default();
    for (what, lines, jobs) in [
        (What::NoHttp, LINES, 64),
        (What::OneCall, LINES, 64),
        (What::Rotation, LINES / 10, 64),
        (What::Slow, IN_FLIGHT[0] * 4, IN_FLIGHT[0]),
        (What::Slow, IN_FLIGHT[1] * 4, IN_FLIGHT[1]),
    ] {
        say(&format!("batch: {}, {lines} lines, {jobs} in flight", what.title()));
        batches.rates.push(take(scene, stand_ins, what, (lines, jobs, TIMES))?);
    }
    for what in [What::NoHttp, What::OneCall] {
        for lines in GROWTH {
            say(&format!("batch: {}, {lines} lines", what.title()));
            batches.growth.push(take(scene, stand_ins, what, (lines, 64, 1))?);
        }
    }
    Ok(batches)
}

fn take(
    scene: &Scene,
    stand_ins: &mut StandIns,
    what: What,
    (lines, jobs, times): (usize, usize, usize),
) -> anyhow::Result<Taken> {
    let input = input(scene, stand_ins, what, lines)?;
    let mut argv = scene.argv("batch", "rotabox.toml");
    argv.extend([what.policy(), "--workers", "1", "--jobs"].map(str::to_owned));
    argv.push(jobs.to_string());
    let (exit, _) = what.good();
    let job = Job { argv, stdin: input, exit, ..scene.job("batch", &[], "no.line") };
    let mut samples = Vec::new();
    for _ in 0..times {
        stand_ins.reset_many()?;
        samples.push(job.run(stand_ins.pid())?);
        check(&job, what, lines)?;
    }
    let median = samples.iter().map(|sample| sample.cpu.as_secs_f64()).collect::<Figures>().median();
    samples.sort_by_key(|sample| sample.cpu);
    let sample = samples.get(samples.len() / 2).copied().filter(|_| median.is_some()).context("no sample")?;
    stand_ins.reset_many()?;
    let counts = trace::run(&job, Look::AtTheEnds)?;
    check(&job, what, lines)?;
    std::fs::remove_file(&job.stdin)?;
    Ok(Taken { what, lines, jobs, sample, peak_kib: counts.peak_kib })
}

/// The lines, each for an account of its own.
fn input(scene: &Scene, stand_ins: &StandIns, what: What, lines: usize) -> anyhow::Result<PathBuf> {
    let url = if what == What::Slow { &stand_ins.facts.slow } else { &stand_ins.facts.many };
    let path = scene.write("batch.lines", "")?;
    let mut file = BufWriter::new(File::create(&path)?);
    for number in 0..lines {
        let api = json!({
            "uid": "apiUid", "title": "API Access Details", "login": "svc", "password": TOKEN, "url": url, "script": "change: ok",
        });
        file.write_all(&Params::new(&user_of(number), Some(OLD), NEW, api).line(Form::Plain))?;
    }
    file.into_inner().context("the lines cannot be written")?;
    Ok(path)
}

/// Every line has its result, and each did what it should.
fn check(job: &Job, what: What, lines: usize) -> anyhow::Result<()> {
    let (_, marks) = what.good();
    let mut good = 0;
    for line in BufReader::new(File::open(job.output("out"))?).lines() {
        let line = line?;
        ensure!(marks.iter().all(|mark| line.contains(mark)), "a result without {marks:?}: {line}");
        good += 1;
    }
    ensure!(good == lines, "{good} results of {lines} lines");
    Ok(())
}

impl Batches {
    fn of(&self, what: What, jobs: usize) -> Option<&Taken> {
        self.rates.iter().find(|taken| taken.what == what && taken.jobs == jobs)
    }

    /// For the goals: without HTTP and with one call, lines/s for a core; memory for a rotation in flight, in KiB.
    #[expect(clippy::cast_precision_loss, reason = "KiB are far below 2^52")]
    pub fn goals(&self) -> [Option<f64>; 3] {
        let rate = |what| self.of(what, 64).map(Taken::rate_for_a_core);
        let [few, many] = IN_FLIGHT;
        let more = self.of(What::Slow, few).zip(self.of(What::Slow, many));
        let in_flight = more.map(|(few_taken, many_taken)| {
            many_taken.peak_kib.saturating_sub(few_taken.peak_kib) as f64 / (many - few) as f64
        });
        [rate(What::NoHttp), rate(What::OneCall), in_flight]
    }

    /// Rates.
    pub fn rates(&self) -> String {
        table(&HEAD, &self.rates.iter().map(Taken::row).collect::<Vec<_>>())
    }

    /// Growth.
    pub fn growth(&self) -> String {
        table(&HEAD, &self.growth.iter().map(Taken::row).collect::<Vec<_>>())
    }
}
