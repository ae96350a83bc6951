//! What needs more than a file, with both walls and with each alone: somebody interferes with the running processes, a log has no room, a
//! server never ends its handshake.

use crate::OLD_KERNEL;
use rotabox_tests::case::Setup;
use rotabox_tests::gate::Moment;
use rotabox_tests::hostile::kernel::{KERNELS, Kernel};
use rotabox_tests::leak;
use rotabox_tests::params::Form;
use rotabox_tests::run::Ran;
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const RUN: [&str; 2] = ["run", "prod"];
const FIND: &str = "GET /user";
const SET: &str = "POST /rotate";
/// Longest that something may take which should come at once, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn each(mut test: impl FnMut(Kernel, Setup)) {
    for kernel in KERNELS {
        let mut setup = Setup::of("truth");
        through(&mut setup, kernel, &[]);
        test(kernel, setup);
    }
}

/// On that kernel, behind other programs.
fn through(setup: &mut Setup, kernel: Kernel, before: &[&str]) {
    let old = [OLD_KERNEL, kernel.name()];
    let old: &[&str] = if kernel == Kernel::Both { &[] } else { &old };
    setup.bench.through(&[before, old].concat());
}

/// A run whose request is held, and what is done to its broker and its worker meanwhile.
fn held(setup: &Setup, on: &str, moment: Moment, meanwhile: impl FnOnce(&Path, &Path)) -> Ran {
    let gate = setup.server.hold(on, 0, moment);
    thread::scope(|scope| {
        let run = scope.spawn(|| setup.run(&RUN));
        gate.wait();
        let (workers, brokers): (Vec<PathBuf>, Vec<PathBuf>) =
            setup.bench.processes().into_iter().partition(|process| {
                fs::read(process.join("cmdline")).is_ok_and(|line| line.windows(8).any(|part| part == b"__worker"))
            });
        meanwhile(&brokers[0], &workers[0]);
        gate.open();
        run.join().unwrap()
    })
}

fn signal(name: &str, process: &Path) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(process.file_name().unwrap()).status().unwrap();
    assert!(status.success(), "kill -{name}");
}

/// Waits until the process has taken all its signals, or has ended.
fn taken(process: &Path) {
    let began = Instant::now();
    loop {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        let ended = status.lines().all(|line| !line.starts_with("State:") || line.contains('Z'));
        let pending = |line: &str| line.strip_prefix("ShdPnd:").or(line.strip_prefix("SigPnd:")).map(str::to_owned);
        let none = status.lines().filter_map(pending).all(|mask| mask.trim().bytes().all(|digit| digit == b'0'));
        if ended || none {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "a signal is not taken");
        thread::sleep(Duration::from_millis(2));
    }
}

fn outcome(result: &Value) -> (i64, &str) {
    (result["exit"].as_i64().unwrap(), result["outcome"].as_str().unwrap())
}

// a test of this suite
pub(super) fn a_worker_that_dies_whatever_of_ends_the_run_with_one_line() {
    each(|kernel, setup| {
        kernel.check(&setup.run(&["rehearse", "prod"]).result, "the kernel is as it is meant to be");
    });
    for name in ["KILL", "SEGV", "ABRT", "TERM"] {
        each(|kernel, setup| {
            let ran = held(&setup, FIND, Moment::Read, |_, worker| {
                signal(name, worker);
                taken(worker);
                if name == "SEGV" {
                    // The first one takes the handlers away that ask whether it was a guest's doing.
                    signal(name, worker);
                    taken(worker);
                }
            });
            assert_eq!(outcome(&ran.result), (1, "unchanged"), "{name}, {}: {ran:#?}", kernel.name());
            assert!(ran.stderr.lines().next().unwrap().contains("worker"), "{name}, {}: {ran:#?}", kernel.name());
            setup.check_truth(&ran, Some("old"));
        });
    }
}

// a test of this suite
pub(super) fn a_signal_before_the_change_stops_and_one_in_it_is_seen_through() {
    each(|kernel, setup| {
        let ran = held(&setup, FIND, Moment::Read, |broker, _| {
            signal("TERM", broker);
            taken(broker);
        });
        assert_eq!(outcome(&ran.result), (1, "unchanged"), "{}: {ran:#?}", kernel.name());
        setup.check_truth(&ran, Some("old"));
    });
    each(|kernel, setup| {
        let ran = held(&setup, SET, Moment::Applied, |broker, _| {
            signal("HUP", broker);
            taken(broker);
        });
        assert_eq!(outcome(&ran.result), (0, "rotated"), "{}: {ran:#?}", kernel.name());
        setup.check_truth(&ran, Some("new"));
    });
}

// a test of this suite
pub(super) fn a_log_without_room_for_the_intent_stops_the_run_before_the_change() {
    /// `ulimit -f` counts in blocks of so many bytes.
    const BLOCK: usize = 512;
    let length = |log: &str, event: &str| {
        let line = log.lines().find(|line| line.contains(&format!("\"event\":\"{event}\""))).expect(event);
        line.len() + 1
    };
    each(|kernel, setup| {
        // How long the records are, by a run with room.
        assert_eq!(setup.run(&RUN).exit, 0, "{}", kernel.name());
        let log = setup.bench.audit();
        let (start, intent) = (length(&log, "run-start"), length(&log, "intent"));

        // A log so long that some whole number of blocks has room for the run's start, and none for its intent.
        let mut setup = Setup::of("truth");
        let blocks = (0..40).find_map(|_| {
            setup.run(&["rehearse", "prod"]);
            let from = setup.bench.audit().len() + start + 16; // a number may have a digit more
            let blocks = from.div_ceil(BLOCK);
            (blocks * BLOCK + 32 < from + intent).then_some(blocks)
        });
        let limit = format!("ulimit -f {}; exec \"$0\" \"$@\"", blocks.expect("a log of a fitting length"));
        through(&mut setup, kernel, &["/bin/sh", "-c", &limit, "/usr/bin/env"]);
        let args = setup.bench.args(&RUN);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr, _) = setup.bench.raw(&args, &setup.params.line(Form::Plain));
        let result: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"));
        assert_eq!((status.code(), outcome(&result)), (Some(1), (1, "unchanged")), "{}: {stderr}", kernel.name());
        assert!(stderr.lines().next().unwrap().contains("audit"), "{}: {stderr}", kernel.name());
        assert_eq!(setup.server.changing(), 0, "{}: {:#?}", kernel.name(), setup.server.lines());
    });
}

// a test of this suite
pub(super) fn a_bystander_sees_no_secret_in_arguments_environment_or_limits() {
    each(|kernel, setup| {
        let secrets = setup.params.secrets();
        let ran = held(&setup, FIND, Moment::Read, |broker, worker| {
            for process in [broker, worker] {
                for file in ["cmdline", "environ", "comm", "maps"] {
                    let text = fs::read(process.join(file)).unwrap();
                    let found = secrets.iter().find_map(|secret| leak::find(&text, secret));
                    assert_eq!(found, None, "{file} of {}", process.display());
                }
                let limits = fs::read_to_string(process.join("limits")).unwrap();
                let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
                assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
            }
            assert_eq!(fs::read(worker.join("environ")).unwrap(), b"", "the worker's environment");
        });
        assert_eq!(outcome(&ran.result), (0, "rotated"), "{}", kernel.name());
        for process in ["broker", "worker"] {
            assert_eq!(ran.result["walls"][process]["not-dumpable"], "on", "{process}, {}", kernel.name());
        }
    });
}

// a test of this suite
pub(super) fn a_handshake_without_end_ends_by_the_deadline() {
    each(|kernel, mut setup| {
        // Accepts by its backlog, and never says a word.
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = silent.local_addr().unwrap().port();
        setup.bench.open("localhost", port);
        let policy = fs::read_to_string(setup.bench.policies().join("prod.toml")).unwrap();
        let policy = policy.replace(&format!("localhost:{}", setup.server.port()), &format!("localhost:{port}"));
        let lines = policy.lines().map(|line| if line.starts_with("deadline") { "deadline = 3" } else { line });
        let policy = lines.collect::<Vec<_>>().join("\n");
        assert!(policy.contains("deadline = 3"), "{policy}");
        setup.bench.policy("prod", &policy);
        let own = setup.server.url();
        let record = setup.params.records.iter_mut().find(|record| record["url"] == json!(own)).expect("the record");
        record["url"] = json!(format!("https://localhost:{port}"));
        let ran = setup.run(&RUN);
        assert_eq!(outcome(&ran.result), (1, "unchanged"), "{}: {ran:#?}", kernel.name());
        assert_eq!(setup.server.connections(), 0, "{}", kernel.name());
    });
}
