//! `rotabox batch`: each promise a test, with the real binary against the stand-in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod many;
mod together;

use rotabox_tests::artifacts;
use rotabox_tests::leak;
use rotabox_tests::params::{Form, Params};
use rotabox_tests::rest::{self, Rest};
use rotabox_tests::run::Bench;
use rotabox_tests::server::Server;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest that something may take which should come at once, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a well-behaved rotator does (see tests/guests/puppet).
const SCRIPT: &str = "verify: send sign-in\nchange: must find; send set\n";
/// The requests of a line, in order. The second sign-in is that with the new password.
const SIGN_IN: &str = "POST /login";
const SET: &str = "POST /rotate";

/// A bench with a stand-in that has these many accounts.
struct Batch {
    bench: Bench,
    server: Server,
    rest: Arc<Rest>,
}

/// What came of it.
#[derive(Debug)]
struct Ran {
    exit: i32,
    results: Vec<Value>,
    stderr: String,
    took: Duration,
}

fn user(index: usize) -> String {
    format!("u{index}@example.test")
}

fn old(index: usize) -> String {
    format!("Old-{index}-Passw0rd!")
}

fn new(index: usize) -> String {
    format!("New-{index}-Passw0rd?")
}

impl Batch {
    fn of(accounts: usize) -> Batch {
        Batch::with(accounts, "")
    }

    /// With more lines in `[limits]` of the policy.
    fn with(accounts: usize, limits: &str) -> Batch {
        let mut bench = Bench::new();
        let users = (0..accounts).map(|index| (user(index), old(index))).collect();
        let (server, rest) = Rest::start(rest::Start { users, ..rest::Start::default() }, bench.ca(), &[]);
        server.of_many_accounts();
        bench.open("localhost", server.port());
        let text = std::fs::read_to_string(artifacts::root().join("tests/cases/truth/default/page.toml")).unwrap();
        let page = bench.write("page.toml", &text);
        let guest = artifacts::guest("puppet");
        let limits = if limits.contains("deadline") { limits.to_owned() } else { format!("deadline = 60\n{limits}") };
        let policy = format!(
            "version = 1\n[rotator]\nmodule = {:?}\nsha256 = [{:?}]\npage = {page:?}\npage-sha256 = [{:?}]\n[records.api]\n\
             title = \"API\"\nhosts = [\"localhost:{}\"]\n[account]\nallow = [\"*@example.test\"]\n[limits]\nsettle = 0.05\n{limits}\n",
            guest.path,
            guest.sha256,
            artifacts::sha256(text.as_bytes()),
            server.port()
        );
        bench.policy("prod", &policy);
        Batch { bench, server, rest }
    }

    fn line(&self, index: usize) -> String {
        self.line_of(&user(index), &old(index), &new(index), SCRIPT)
    }

    fn line_of(&self, user: &str, old: &str, new: &str, script: &str) -> String {
        let url = self.server.url();
        let api = json!({ "uid": "apiUid", "title": "API", "password": rest::TOKEN, "url": url, "script": script });
        String::from_utf8(Params::new(user, Some(old), new, api).line(Form::Plain)).unwrap()
    }

    fn lines(&self, count: usize) -> String {
        (0..count).map(|index| self.line(index)).collect()
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        self.bench.args(&[&["batch", "prod"], more].concat())
    }

    fn run(&self, more: &[&str], stdin: &str) -> Ran {
        let args = self.args(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr, took) = self.bench.raw(&args, stdin.as_bytes());
        let results = stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        Ran { exit: status.code().expect("no signal"), results, stderr, took }
    }

    /// A batch, and meanwhile something else.
    fn while_running(&self, more: &[&str], stdin: &str, meanwhile: impl FnOnce()) -> Ran {
        thread::scope(|scope| {
            let run = scope.spawn(|| self.run(more, stdin));
            meanwhile();
            run.join().unwrap()
        })
    }

    fn live(&self, index: usize) -> String {
        self.rest.password(&user(index)).unwrap()
    }

    /// The processes with this word in their command line.
    fn processes(&self, word: &str) -> Vec<PathBuf> {
        let has = |process: &PathBuf| {
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).split('\0').any(|argument| argument == word)
        };
        self.bench.processes().into_iter().filter(has).collect()
    }

    fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.bench.folder().join("audit/audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Ran {
    /// Line number and outcome of each result, in the order in which they came.
    fn outcomes(&self) -> Vec<(u64, &str)> {
        self.results.iter().map(|result| (result["line"].as_u64().unwrap(), word(result, "outcome"))).collect()
    }

    fn first_line(&self) -> &str {
        self.stderr.lines().next().unwrap_or_default()
    }
}

fn word<'r>(result: &'r Value, name: &str) -> &'r str {
    result[name].as_str().unwrap_or_default()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn signal(name: &str, process: &Path) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(process.file_name().unwrap()).status().unwrap();
    assert!(status.success(), "kill -{name}");
}

#[test]
fn each_line_is_a_run_and_results_come_in_the_order_of_the_input() {
    let batch = Batch::of(20);
    let ran = batch.run(&["--jobs", "8"], &batch.lines(20));
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert_eq!(ran.outcomes(), (1..=20).map(|line| (line, "rotated")).collect::<Vec<_>>());
    assert_eq!(ran.first_line(), "rotabox: batch: all 20 lines ended well");
    let mut runs: Vec<&str> = ran.results.iter().map(|result| word(result, "run")).collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), 20, "each has a run id of its own");
    for (index, result) in ran.results.iter().enumerate() {
        assert_eq!(batch.live(index), new(index));
        let routes: Vec<&str> =
            result["requests"].as_array().unwrap().iter().map(|entry| word(entry, "route")).collect();
        assert_eq!(routes, ["sign-in", "find", "set", "sign-in"], "no request of another line");
        assert_eq!(word(result, "proved_by"), "sign-in");
    }
    // One chain of many runs: an intent before each change, and each run's end.
    let audit = batch.audit();
    let of = |event: &str| audit.iter().filter(|record| record["event"] == event).count();
    assert_eq!((of("run-start"), of("intent"), of("outcome")), (20, 20, 20));
    for pair in audit.windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["prev"]);
    }
    for result in &ran.results {
        let anchored = audit.iter().find(|record| record["hash"] == result["audit_anchor"]).expect("its anchor");
        assert_eq!((&anchored["event"], &anchored["run"]), (&json!("outcome"), &result["run"]));
    }
}

#[test]
fn no_secret_of_any_line_is_said_anywhere() {
    let batch = Batch::of(6);
    // One rotator tries to say what it knows of another line: nothing. And the provider says the password back.
    let fault = json!({ "on": SIGN_IN, "skip": 2, "times": 2, "status": 401, "body": old(3) });
    batch.server.script(serde_json::from_value(fault).unwrap());
    let args = batch.args(&["--jobs", "4"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (_, stdout, stderr, _) = batch.bench.raw(&args, batch.lines(6).as_bytes());
    let audit = std::fs::read_to_string(batch.bench.folder().join("audit/audit.jsonl")).unwrap();
    for secret in (0..6).flat_map(|index| [old(index), new(index)]).chain([rest::TOKEN.to_owned()]) {
        for (place, text) in [("stdout", &stdout), ("stderr", &stderr), ("the audit log", &audit)] {
            assert_eq!(leak::find(text.as_bytes(), &secret), None, "{secret} in {place}: {text}");
        }
    }
}

#[test]
fn a_line_that_is_no_params_is_its_own_fault_and_says_its_number() {
    let batch = Batch::of(3);
    let stranger = batch.line_of("eve@elsewhere.test", "a-Passw0rd", "b-Passw0rd", SCRIPT);
    let input = format!("{}garbage!\n\n{}{stranger}{}", batch.line(0), batch.line(1), batch.line(2));
    let ran = batch.run(&[], &input);
    assert_eq!(ran.exit, 7, "some were rotated: {ran:#?}");
    assert_eq!(
        ran.outcomes(),
        [(1, "rotated"), (2, "not-started"), (4, "rotated"), (5, "not-started"), (6, "rotated")],
        "the blank line has no result, and counts"
    );
    assert!(ran.first_line().starts_with("rotabox: batch: 3 of 5 lines ended well"), "{}", ran.stderr);
    assert!(ran.stderr.contains("line 2: not-started: the params are not base64"), "{}", ran.stderr);
    assert!(word(&ran.results[3], "reason").contains("does not allow the account"), "{ran:#?}");
    assert!(!ran.stderr.contains("garbage"), "{}", ran.stderr);
}

#[test]
fn none_rotated_none_tried_and_no_line_have_exit_codes_of_their_own() {
    let batch = Batch::of(2);
    let wrong = |index| batch.line_of(&user(index), "wrong-Passw0rd", "wrong-too-Passw0rd", SCRIPT);
    let ran = batch.run(&[], &format!("{}{}", wrong(0), wrong(1)));
    assert_eq!((ran.exit, ran.outcomes()), (1, vec![(1, "out-of-sync"), (2, "out-of-sync")]), "{ran:#?}");
    assert!(ran.first_line().contains("2 in doubt"), "{}", ran.stderr);
    let ran = batch.run(&[], "x\ny\n");
    assert_eq!((ran.exit, ran.outcomes()), (2, vec![(1, "not-started"), (2, "not-started")]), "{ran:#?}");
    let ran = batch.run(&[], "\n\n");
    assert_eq!((ran.exit, ran.results.len()), (2, 0), "{ran:#?}");
    assert!(ran.first_line().contains("no line came"), "{}", ran.stderr);
}

#[test]
fn a_batch_that_cannot_begin_says_so_once_and_tries_no_line() {
    let batch = Batch::of(1);
    batch.bench.policy("prod", "version = 1\n[rotator]\nmodule = \"/nowhere.wasm\"\nsha256 = []\n");
    let ran = batch.run(&[], &batch.lines(1));
    assert_eq!((ran.exit, ran.results.len()), (2, 1), "{ran:#?}");
    assert_eq!((word(&ran.results[0], "outcome"), ran.results[0].get("line")), ("not-started", None));
    assert_eq!(batch.server.connections(), 0);
}

#[test]
fn as_finished_a_line_that_takes_long_holds_no_result_back() {
    let batch = Batch::of(3);
    let gate = batch.server.hold(SET, 0, rotabox_tests::gate::Moment::Read);
    // The first line to reach its change is held; the other two go by it.
    let ran = batch.while_running(&["--as-finished", "--jobs", "3"], &batch.lines(3), || {
        gate.wait();
        let others = || (0..3).filter(|index| batch.live(*index) == new(*index)).count();
        eventually("the others are rotated", || others() == 2);
        gate.open();
    });
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let mut lines: Vec<u64> = ran.outcomes().into_iter().map(|(line, _)| line).collect();
    lines.sort_unstable();
    assert_eq!(lines, [1, 2, 3]);
}
