//! What another process on the machine can see of a run, and what happens when somebody interferes.

use crate::RUN;
use rotabox_tests::case::Setup;
use rotabox_tests::fault::Fault;
use rotabox_tests::leak;
use rotabox_tests::params::Form;
use rotabox_tests::run::Ran;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A run that hangs in the request `on`, with `meanwhile` looking on.
fn meanwhile(on: &str, deadline: u32, apply: bool, meanwhile: impl FnOnce(&Setup, &Path, &Path)) -> (Setup, Ran) {
    let setup = Setup::with("okta", json!({}), json!({ "limits": { "deadline": deadline } }));
    let fault: Fault =
        serde_json::from_value(json!({ "on": on, "apply": apply, "times": 1, "then": "silence" })).unwrap();
    setup.server.script(fault);
    let before = setup.params.line(Form::Plain);
    let ran = thread::scope(|scope| {
        let run = scope.spawn(|| setup.run_line(&RUN, &before));
        let began = Instant::now();
        let hangs = |setup: &Setup| {
            let seen = setup.server.seen();
            seen.last()
                .is_some_and(|(request, status)| status.is_none() && rotabox_tests::fault::matches(on, &request.line()))
        };
        while !hangs(&setup) {
            assert!(began.elapsed() < Duration::from_secs(60) && !run.is_finished(), "it never got to `{on}`");
            thread::sleep(Duration::from_millis(5));
        }
        let processes = setup.bench.processes();
        let is_worker = |path: &&PathBuf| {
            fs::read(path.join("cmdline")).is_ok_and(|line| line.windows(8).any(|w| w == b"__worker"))
        };
        let worker = processes.iter().find(is_worker).expect("a worker").clone();
        let broker = processes.iter().find(|path| !is_worker(path)).expect("a broker").clone();
        meanwhile(&setup, &broker, &worker);
        run.join().unwrap()
    });
    setup.check_truth(&ran, None);
    (setup, ran)
}

fn status_line(process: &Path, name: &str) -> String {
    let status = fs::read_to_string(process.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
    line.trim().to_owned()
}

/// The first of `secrets` found in the process's readable memory, and where; `Err` if it cannot be read at all.
fn search(process: &Path, secrets: &[String]) -> std::io::Result<Option<String>> {
    let maps = fs::read_to_string(process.join("maps"))?;
    let mut memory = File::open(process.join("mem"))?;
    let wanted: Vec<(usize, Vec<u8>)> = secrets
        .iter()
        .enumerate()
        .flat_map(|(i, secret)| leak::forms(secret).into_iter().map(move |(_, form)| (i, form)))
        .filter(|(_, form)| form.len() >= 8)
        .collect();
    let mut found = None;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, access) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let Some((start, end)) = range.split_once('-') else { continue };
        let address = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
        let (start, end) = (address(start), address(end));
        // memory that was only reserved (guard pages, the whole 4 GiB of a linear memory) is not there
        if !access.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let mut at = start;
        let mut tail = Vec::new();
        while at < end {
            let mut chunk = vec![0; usize::try_from((end - at).min(1 << 20)).unwrap()];
            if memory.seek(SeekFrom::Start(at)).is_err() || memory.read_exact(&mut chunk).is_err() {
                break;
            }
            at += chunk.len() as u64;
            if chunk.iter().all(|byte| *byte == 0) {
                tail.clear();
                continue;
            }
            let mut window = std::mem::take(&mut tail);
            window.extend_from_slice(&chunk);
            for (i, form) in &wanted {
                if holds(&window, form) {
                    found.get_or_insert(format!("{:?} in {line}", secrets[*i]));
                }
            }
            tail = window[window.len().saturating_sub(512)..].to_vec();
        }
    }
    Ok(found)
}

/// Substring search that skips by the first byte: a debug build has tens of megabytes to look through.
fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    let (first, last) = (needle[0], haystack.len().saturating_sub(needle.len() - 1));
    let mut at = 0;
    while at < last {
        match haystack[at..last].iter().position(|byte| *byte == first) {
            None => return false,
            Some(skip) if haystack[at + skip..].starts_with(needle) => return true,
            Some(skip) => at += skip + 1,
        }
    }
    false
}

#[test]
fn the_worker_holds_no_secret_in_memory_and_nothing_else_worth_having() {
    meanwhile("POST /api/v1/authn", 12, false, |setup, broker, worker| {
        assert_eq!(fs::read(worker.join("environ")).unwrap_or_default(), b"", "the worker's environment");
        assert_eq!(status_line(worker, "Seccomp"), "2");
        assert_eq!(status_line(worker, "NoNewPrivs"), "1");
        assert_eq!(status_line(broker, "NoNewPrivs"), "1");
        for descriptor in fs::read_dir(worker.join("fd")).unwrap().flatten() {
            let link = fs::read_link(descriptor.path()).unwrap_or_default().display().to_string();
            // Its standard input is one end of a pair of sockets, whose other end is the broker's: of this machine, and nothing else's.
            let paired = link.strip_prefix("socket:[").is_some_and(|inode| {
                let sockets = fs::read_to_string(worker.join("net/unix")).unwrap();
                let inode = inode.trim_end_matches(']');
                descriptor.file_name() == "0"
                    && sockets.lines().any(|line| line.split_whitespace().nth(6) == Some(inode))
            });
            assert!(
                paired || link.starts_with("pipe:") || link == "/dev/null" || link.is_empty(),
                "the worker has {link}"
            );
        }
        let mut secrets = setup.params.secrets();
        secrets.push(String::from_utf8(setup.params.line(Form::NoNewline)).unwrap());
        for process in [broker, worker] {
            for file in ["cmdline", "environ", "comm"] {
                let bytes = fs::read(process.join(file)).unwrap_or_default();
                for secret in &secrets {
                    assert_eq!(leak::find(&bytes, secret), None, "{file} of {}", process.display());
                }
            }
        }
        if status_line(Path::new("/proc/self"), "Uid").starts_with('0') {
            assert_eq!(search(worker, &secrets).unwrap(), None, "the worker's memory holds a secret");
            assert!(search(broker, &secrets).unwrap().is_some(), "the search finds what the broker has");
        } else {
            assert!(search(broker, &secrets).is_err(), "the same user can read the broker's memory");
        }
    });
}

fn send(signal: &str, process: &Path) {
    let pid = process.file_name().unwrap();
    assert!(Command::new("kill").arg(signal).arg(pid).status().unwrap().success());
}

#[test]
fn a_signal_before_the_change_ends_the_run_unchanged() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let (setup, ran) = meanwhile("POST /api/v1/authn", 30, false, |_, broker, _| send(signal, broker));
        assert_eq!((ran.exit, ran.result["outcome"].as_str()), (1, Some("unchanged")), "{signal}: {ran:?}");
        assert!(ran.took < Duration::from_secs(20), "{signal}: {ran:?}");
        assert_eq!(setup.server.lines().len(), 2, "{signal}");
    }
}

#[test]
fn a_signal_during_the_change_still_finds_out_what_became_of_it() {
    let change = "POST /api/v1/users/*/credentials/change_password";
    let (_, ran) = meanwhile(change, 8, true, |_, broker, _| send("-TERM", broker));
    assert!(matches!(ran.exit, 0 | 6), "{ran:?}");
}

#[test]
fn a_worker_that_is_killed_is_classed_by_the_ledger() {
    let (setup, ran) = meanwhile("POST /api/v1/authn", 10, false, |_, _, worker| send("-KILL", worker));
    assert_eq!((ran.exit, ran.result["outcome"].as_str()), (1, Some("unchanged")), "{ran:?}");
    assert_eq!(setup.server.lines().len(), 2);
    let change = "POST /api/v1/users/*/credentials/change_password";
    let (_, ran) = meanwhile(change, 8, true, |_, _, worker| send("-KILL", worker));
    assert!(matches!(ran.exit, 0 | 4 | 6), "{ran:?}");
}

#[test]
fn a_closed_stdout_changes_nothing_about_the_exit_code() {
    let setup = Setup::of("rest");
    let args = setup.bench.args(&RUN);
    let mut child = setup.bench.command(&args.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    child.stdin.take().unwrap().write_all(&setup.params.line(Form::Plain)).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(setup.live().as_deref(), setup.params.top["newPassword"].as_str());
}

#[test]
fn a_killed_broker_leaves_no_worker_behind() {
    let setup = Setup::with("okta", json!({}), Value::Null);
    let fault: Fault = serde_json::from_value(json!({ "on": "POST /api/v1/authn", "then": "silence" })).unwrap();
    setup.server.script(fault);
    let args = setup.bench.args(&RUN);
    let mut child = setup.bench.command(&args.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&setup.params.line(Form::Plain)).unwrap();
    let began = Instant::now();
    while setup.server.seen().len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let began = Instant::now();
    while !setup.bench.processes().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(5), "left: {:?}", setup.bench.processes());
        thread::sleep(Duration::from_millis(5));
    }
}
