//! Many lines through `rotabox batch`, measured: `make soak`.
//!
//!     soak [--lines N] [--jobs N] [--workers N] [--faults N] [--kills N] [--as-finished] [--no-audit] [--no-http]
//!
//! `--faults 100`: one request in a hundred goes wrong. `--kills 5000`: a worker is killed each time 5000 results have come. `ROTABOX_BIN` names
//! the runner, such as a release build. Ends with an error if a line is missing, comes twice, or says what is not true.

use rotabox_tests::soak::{Plan, Report, Soak};
use std::io::Write;

fn main() -> anyhow::Result<()> {
    let mut plan = Plan::of(100_000);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || -> anyhow::Result<usize> {
            let text = args.next().ok_or_else(|| anyhow::anyhow!("`{arg}` needs a number"))?;
            Ok(text.parse()?)
        };
        match arg.as_str() {
            "--lines" => plan.lines = number()?,
            "--jobs" => plan.jobs = number()?,
            "--workers" => plan.workers = Some(number()?),
            "--faults" => plan.fault_every = number()?,
            "--kills" => plan.kill_every = number()?,
            "--as-finished" => plan.as_finished = true,
            "--no-audit" => plan.audit = false,
            "--no-http" => plan.http = false,
            other => anyhow::bail!("`{other}` is not known; see the top of tests/src/bin/soak.rs"),
        }
    }
    let lines = plan.lines;
    let soak = Soak::new(plan);
    let (first, second) = soak.run();
    let mut out = std::io::stdout().lock();
    show(&mut out, "first run", lines, &first)?;
    if let Some(second) = second {
        show(&mut out, "second run, nothing going wrong", lines, &second)?;
    }
    Ok(())
}

fn show(out: &mut impl Write, title: &str, lines: usize, report: &Report) -> anyhow::Result<()> {
    let seconds = report.took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let rate = lines as f64 / seconds;
    writeln!(out, "{title}: {lines} lines in {seconds:.1} s, {rate:.0} a second; exit {}", report.exit)?;
    writeln!(out, "  outcomes     {:?}", report.outcomes)?;
    writeln!(out, "  requests     {}, workers killed {}", report.requests, report.killed)?;
    writeln!(out, "  CPU          broker {:.1} s, workers {:.1} s", report.cpu.0, report.cpu.1)?;
    let tenths: Vec<String> = report.tenths.iter().map(|at| format!("{:.1}", at.as_secs_f64())).collect();
    writeln!(out, "  each tenth   {} s", tenths.join(" "))?;
    writeln!(out, "  broker KiB   {:?}", report.broker_kib)?;
    writeln!(out, "  workers KiB  {:?}", report.workers_kib)?;
    for line in report.stderr.lines().take(8) {
        writeln!(out, "  | {line}")?;
    }
    Ok(())
}
