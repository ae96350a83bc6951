//! Whatever goes wrong, the outcome is true: the real binary, interfered with at chosen moments.
//!
//! | module | what |
//! | --- | --- |
//! | `signals` | SIGTERM, SIGINT, SIGHUP before, during and behind the change, once and again |
//! | `worker` | the process with the rotator is killed, or stopped |
//! | `kills` | `kill -9` of the broker at many moments, then a re-run of each kind |
//! | `reruns` | the gateway runs again: exchanged, another password, an old one that is empty, stale or the same |
//! | `streams` | stdout and stderr are closed, full, or not read |
//! | `log` | an audit log that cannot be opened or has no room |
//!
//! What a provider can do wrong stands in `tests/cases/truth`, a folder a case.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod kills;
mod log;
mod reruns;
mod signals;
mod streams;
mod worker;

use rotabox_tests::case::Setup;
use rotabox_tests::run::Ran;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const RUN: [&str; 2] = ["run", "prod"];
const OLD: &str = "Old-Passw0rd!";
/// The requests of the rotator, in order. The second sign-in is that with the new password.
const SIGN_IN: &str = "POST /login";
const FIND: &str = "GET /user";
const SET: &str = "POST /rotate";
/// Longest that something may take which should come at once, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn setup() -> Setup {
    Setup::of("truth")
}

/// A run, and meanwhile something else.
fn while_running(setup: &Setup, meanwhile: impl FnOnce(&dyn Fn() -> bool)) -> Ran {
    thread::scope(|scope| {
        let run = scope.spawn(|| setup.run(&RUN));
        meanwhile(&|| run.is_finished());
        run.join().unwrap()
    })
}

fn outcome(ran: &Ran) -> (i32, &str, &str) {
    let text = |name: &str| ran.result[name].as_str().unwrap_or_default();
    (ran.exit, text("outcome"), text("live"))
}

/// The first line on stderr says what happened, and what to do.
fn first_line(ran: &Ran) -> &str {
    ran.stderr.lines().next().unwrap_or_default()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn is_worker(process: &Path) -> bool {
    std::fs::read(process.join("cmdline")).is_ok_and(|line| line.windows(8).any(|part| part == b"__worker"))
}

/// The broker and the worker of a run, as soon as there are both: their folders in /proc.
fn processes(setup: &Setup) -> (PathBuf, PathBuf) {
    let mut found = None;
    eventually("a broker and a worker", || {
        let all = setup.bench.processes();
        let worker = all.iter().find(|process| is_worker(process));
        let broker = all.iter().find(|process| !is_worker(process));
        found = broker.cloned().zip(worker.cloned());
        found.is_some()
    });
    found.unwrap()
}

fn signal(name: &str, process: &Path) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(process.file_name().unwrap()).status().unwrap();
    assert!(status.success(), "kill -{name}");
}

/// Sends a signal, and waits until the process has taken it.
fn signal_taken(name: &str, process: &Path) {
    signal(name, process);
    eventually("the signal is taken", || {
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        let pending = |line: &str| line.strip_prefix("ShdPnd:").or(line.strip_prefix("SigPnd:")).map(str::to_owned);
        status.lines().filter_map(pending).all(|mask| mask.trim().bytes().all(|digit| digit == b'0'))
    });
}

/// No process of this bench is left.
fn nobody_is_left(setup: &Setup) {
    eventually("no process is left", || setup.bench.processes().is_empty());
}

/// The binary through a shell: `before` may set limits, `behind` may redirect. Exit code, stdout, stderr.
fn through_shell(setup: &Setup, before: &str, behind: &str) -> (i32, String, String) {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("{before} exec \"$0\" \"$@\" {behind}")])
        .arg(setup.bench.folder().join("bin/rotabox"));
    command.args(setup.bench.args(&RUN));
    let line = setup.bench.folder().join("line");
    std::fs::write(&line, setup.params.line(rotabox_tests::params::Form::Plain)).unwrap();
    setup.server.begin_run();
    let output = command.stdin(std::fs::File::open(&line).unwrap()).output().unwrap();
    nobody_is_left(setup);
    setup.server.check_once_only();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

fn result(stdout: &str) -> Value {
    assert_eq!(stdout.lines().count(), 1, "one JSON line: {stdout}");
    serde_json::from_str(stdout).unwrap()
}
