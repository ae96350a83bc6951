//! Many lines through `rotabox batch` against a stand-in: time, memory, and every line accounted for.
//!
//! The lines are made while they are read, and the results are checked while they come: this program's own memory is that of the
//! accounts. After each batch the truth is asked for: what a result says is live must be live. A batch with faults is followed by one
//! without, on the same input, which must put everything right.

use crate::fault::Fault;
use crate::params::{Form, Params};
use crate::rest::{self, Rest};
use crate::run::Bench;
use crate::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What is tried.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Lines, each for an account of its own.
    pub lines: usize,
    /// `--jobs`.
    pub jobs: usize,
    /// `--workers`; what the runner takes by itself if left out.
    pub workers: Option<usize>,
    /// Each that many requests of each kind go wrong in one of several ways; 0: none.
    pub fault_every: usize,
    /// A worker is killed each time that many results have come; 0: never.
    pub kill_every: usize,
    /// `--as-finished`.
    pub as_finished: bool,
    /// Whether an audit log is kept.
    pub audit: bool,
    /// Whether the rotator sends anything; else each line is one step that ends by itself, and `unchanged`.
    pub http: bool,
}

impl Plan {
    /// So many lines, nothing going wrong.
    pub fn of(lines: usize) -> Plan {
        Plan {
            lines,
            jobs: 64,
            workers: None,
            fault_every: 0,
            kill_every: 0,
            as_finished: false,
            audit: true,
            http: true,
        }
    }
}

/// What a batch came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The exit code.
    pub exit: i32,
    /// Lines by outcome.
    pub outcomes: BTreeMap<String, usize>,
    /// How long it took.
    pub took: Duration,
    /// When each tenth of the results was there.
    pub tenths: Vec<Duration>,
    /// The broker's resident memory at each tenth, in KiB.
    pub broker_kib: Vec<u64>,
    /// That of all workers together.
    pub workers_kib: Vec<u64>,
    /// CPU seconds of the broker, and of the workers that were there at the end.
    pub cpu: (f64, f64),
    /// Workers that were killed.
    pub killed: usize,
    /// Requests that the stand-in saw.
    pub requests: usize,
    /// All of stderr.
    pub stderr: String,
}

/// The accounts, the stand-in, the runner.
pub struct Soak {
    bench: Bench,
    server: Server,
    rest: Arc<Rest>,
    plan: Plan,
}

/// Sign in, look up, set, sign in.
const PAGE: &str = r#"version = 1
name    = "soak"

[records.api]
url    = "url"
secret = { token = "password" }
text   = { script = "script" }

[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/user"
query   = { email = "{user}" }
headers = { authorization = "Bearer {api.token}" }
expects = { status = 200 }
binds   = { id = "/id" }

[[route]]
name    = "set"
for     = ["change"]
after   = ["find.id"]
changes = true
request = "POST {api.url}/rotate"
headers = { authorization = "Bearer {api.token}" }
json    = { userEmail = "{user}", newPassword = "{new-password}" }
expects = { status = 201 }
refuses = { status = [401, 404, 422, 429] }

[[route]]
name    = "sign-in"
for     = ["verify"]
request = "POST {api.url}/login"
json    = { email = "{user}", password = "{candidate}" }
expects = { status = 200 }
refuses = { status = 401 }
"#;

/// The same, as the puppet does it (see tests/guests/puppet).
const SCRIPT: &str = "verify: must sign-in\nchange: must find; must set";

fn user(index: usize) -> String {
    format!("u{index:06}@example.test")
}

fn old(index: usize) -> String {
    format!("Old-{index:06}-Passw0rd!")
}

fn new(index: usize) -> String {
    format!("New-{index:06}-Passw0rd?")
}

impl Soak {
    /// Sets everything up.
    pub fn new(plan: Plan) -> Soak {
        let mut bench = Bench::new();
        let users = (0..plan.lines).map(|index| (user(index), old(index))).collect();
        let (server, rest) = Rest::start(rest::Start { users, ..rest::Start::default() }, bench.ca(), &[]);
        server.only_count();
        if !plan.audit {
            bench.keep_no_log();
        }
        bench.open("localhost", server.port());
        let guest = crate::artifacts::guest("puppet");
        let page = bench.write("page.toml", PAGE);
        let policy = format!(
            "version = 1\n[rotator]\nmodule = {:?}\nsha256 = [{:?}]\npage = {:?}\npage-sha256 = [{:?}]\n[records.api]\n\
             title = \"API\"\nhosts = [\"localhost:{}\"]\n[account]\nallow = [\"*@example.test\"]\n[limits]\ndeadline = 60\nsettle = 0.05\n",
            guest.path,
            guest.sha256,
            page,
            crate::artifacts::sha256(PAGE.as_bytes()),
            server.port()
        );
        bench.policy("prod", &policy);
        Soak { bench, server, rest, plan }
    }

    /// The batch as planned, and then, if something was made to go wrong, once more without.
    pub fn run(&self) -> (Report, Option<Report>) {
        for fault in faults(self.plan.fault_every) {
            self.server.script(fault);
        }
        let first = self.batch(self.plan.kill_every);
        if self.plan.fault_every == 0 && self.plan.kill_every == 0 {
            return (first, None);
        }
        self.server.forget_faults();
        let second = self.batch(0);
        assert_eq!(second.exit, 0, "a second run of the same input puts everything right: {second:#?}");
        (first, Some(second))
    }

    fn batch(&self, kill_every: usize) -> Report {
        self.server.begin_run();
        let requests = self.server.counted();
        let (jobs, workers) = (self.plan.jobs.to_string(), self.plan.workers.map(|workers| workers.to_string()));
        let mut verb = vec!["batch", "prod", "--jobs", &jobs];
        if let Some(workers) = &workers {
            verb.extend(["--workers", workers]);
        }
        if self.plan.as_finished {
            verb.push("--as-finished");
        }
        let args = self.bench.args(&verb);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let began = Instant::now();
        let mut child = self.bench.command(&args).spawn().expect("the binary starts");
        let broker = PathBuf::from(format!("/proc/{}", child.id()));
        let stdin = child.stdin.take().expect("stdin");
        let stdout = child.stdout.take().expect("stdout");
        let mut stderr = child.stderr.take().expect("stderr");
        let mut report = Report::default();
        let (done, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| self.feed(stdin));
            let words = scope.spawn(move || {
                let mut text = String::new();
                stderr.read_to_string(&mut text).map(|_| text).unwrap_or_default()
            });
            let killer = (kill_every > 0).then(|| scope.spawn(|| self.kill_now_and_then(kill_every, &done, &over)));
            self.check(BufReader::new(stdout), &broker, began, &done, &mut report);
            over.store(true, Ordering::SeqCst);
            report.killed = killer.map_or(0, |killer| killer.join().expect("the killer ends"));
            report.stderr = words.join().expect("stderr is read");
        });
        report.exit = child.wait().expect("it ends").code().expect("by itself");
        report.took = began.elapsed();
        report.requests = self.server.counted() - requests;
        self.server.check_once_only();
        report
    }

    fn feed(&self, stdin: impl Write) {
        let mut stdin = std::io::BufWriter::new(stdin);
        for index in 0..self.plan.lines {
            let script = if self.plan.http { SCRIPT } else { "verify: ok" };
            let url = self.server.url();
            let api = json!({ "uid": "apiUid", "title": "API", "password": rest::TOKEN, "url": url, "script": script });
            let params = Params::new(&user(index), Some(&old(index)), &new(index), api);
            // It may have ended without reading all.
            if stdin.write_all(&params.line(Form::Plain)).is_err() {
                return;
            }
        }
    }

    /// Reads the results: each line once, in order, and true.
    fn check(
        &self,
        results: impl BufRead,
        broker: &std::path::Path,
        began: Instant,
        done: &AtomicUsize,
        report: &mut Report,
    ) {
        let mut missing = vec![true; self.plan.lines];
        let tenth = self.plan.lines.div_ceil(10);
        let mut count = 0;
        for text in results.lines() {
            let text = text.expect("results are UTF-8");
            let result: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let number = result["line"]
                .as_u64()
                .and_then(|line| usize::try_from(line).ok())
                .unwrap_or_else(|| panic!("no line: {text}"));
            assert!(self.plan.as_finished || number == count + 1, "line {number} came as result {}", count + 1);
            let index = number - 1;
            assert!(std::mem::replace(&mut missing[index], false), "line {number} came twice");
            count += 1;
            self.is_true(index, &result);
            *report.outcomes.entry(result["outcome"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            done.store(count, Ordering::SeqCst);
            if count % tenth == 0 {
                report.tenths.push(began.elapsed());
                let workers: Vec<PathBuf> = self.workers();
                report.broker_kib.push(resident(broker));
                report.workers_kib.push(workers.iter().map(|worker| resident(worker)).sum());
                if !workers.is_empty() {
                    report.cpu = (cpu(broker), workers.iter().map(|worker| cpu(worker)).sum());
                }
            }
        }
        assert!(missing.iter().all(|missing| !missing), "lines without a result: {count} of {} came", self.plan.lines);
    }

    /// What the result says is live must be live.
    fn is_true(&self, index: usize, result: &Value) {
        let live = self.rest.password(&user(index)).unwrap_or_default();
        let fits = match result["live"].as_str().unwrap_or_default() {
            "new" => live == new(index),
            "old" => live == old(index),
            "as-before" | "unknown" => live == old(index) || live == new(index),
            _ => false,
        };
        assert!(fits, "`{live}` is live: {result}");
        let exit = result["exit"].as_u64();
        let outcome = result["outcome"].as_str().unwrap_or_default();
        assert_eq!(exit == Some(0), matches!(outcome, "rotated" | "already-current"), "{result}");
    }

    fn workers(&self) -> Vec<PathBuf> {
        let is_worker = |process: &PathBuf| {
            std::fs::read(process.join("cmdline")).is_ok_and(|line| line.windows(8).any(|part| part == b"__worker"))
        };
        self.bench.processes().into_iter().filter(is_worker).collect()
    }

    fn kill_now_and_then(&self, every: usize, done: &AtomicUsize, over: &AtomicBool) -> usize {
        let (mut killed, mut next) = (0, every);
        while !over.load(Ordering::SeqCst) {
            if done.load(Ordering::SeqCst) >= next {
                let workers = self.workers();
                if let Some(worker) = workers.get(killed % workers.len().max(1)) {
                    let id = worker.file_name().unwrap_or_default();
                    let status = std::process::Command::new("kill").arg("-KILL").arg(id).status();
                    killed += usize::from(status.is_ok_and(|status| status.success()));
                }
                next += every;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        killed
    }
}

/// One in `every` requests of each kind goes wrong: an answer that is lost (before or behind what was done), a server that is ill, one
/// that is busy.
fn faults(every: usize) -> Vec<Fault> {
    if every == 0 {
        return Vec::new();
    }
    let of = |on: &str, skip: usize, how: Value| {
        let mut fault = json!({ "on": on, "skip": skip, "every": every * 4 });
        if let (Value::Object(fault), Value::Object(how)) = (&mut fault, how) {
            fault.extend(how);
        }
        serde_json::from_value(fault).expect("a fault")
    };
    let mut all = Vec::new();
    for (on, at) in [("POST /login", 0), ("GET /user", 1), ("POST /rotate", 2)] {
        all.push(of(on, at, json!({ "then": "reset", "apply": true })));
        all.push(of(on, at + every, json!({ "then": "close", "apply": false })));
        all.push(of(on, at + every * 2, json!({ "status": 500 })));
        all.push(of(on, at + every * 3, json!({ "status": 429, "headers": { "retry-after": "0" } })));
    }
    all
}

/// Resident memory, in KiB; 0 once the process has ended.
fn resident(process: &std::path::Path) -> u64 {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// CPU seconds, by the kernel's hundredths.
fn cpu(process: &std::path::Path) -> f64 {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
