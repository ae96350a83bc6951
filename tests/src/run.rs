//! Runs the real binary as a gateway would, and asserts after every run what must hold whatever the case:
//!
//! * it ends inside its deadline, by itself and not by a signal, and leaves no process behind;
//! * stdout is exactly one well-formed result line, which agrees with the exit code and with the table of outcomes;
//! * stderr begins with a line that says what happened;
//! * no secret stands in stdout or stderr, in any encoding;
//! * no file was made in the working folder, and no environment variable changed anything (it gets misleading ones).

use crate::artifacts;
use crate::ca::Ca;
use crate::leak;
use crate::server::Server;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest that a run may take, unless a case says otherwise.
const DEADLINE: Duration = Duration::from_secs(90);
/// How long a killed worker may take to be gone.
const GRACE: Duration = Duration::from_secs(2);

/// A folder with everything that an operator sets up.
pub struct Bench {
    folder: tempfile::TempDir,
    ca: Ca,
    binary: PathBuf,
    config: String,
    launcher: Vec<String>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub exit: i32,
    /// The result line.
    pub result: Value,
    /// All of stderr.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Bench {
    /// A fresh folder, a fresh authority, no openings.
    pub fn new() -> Bench {
        let folder = artifacts::scratch();
        for name in ["bin", "policies", "cwd", "audit"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        // a path of its own, so that processes left behind are known by it
        let binary = folder.path().join("bin/rotabox");
        fs::hard_link(artifacts::rotabox(), &binary)
            .or_else(|_| fs::copy(artifacts::rotabox(), &binary).map(drop))
            .expect("the binary can be linked");
        let ca = Ca::new();
        let path = ca.write(folder.path());
        let audit = folder.path().join("audit/audit.jsonl").display().to_string();
        let ca_file = path.display().to_string();
        let config = format!("[audit]\nfile = {audit:?}\n[network]\nca = {ca_file:?}\nroots = \"none\"\n");
        let bench = Bench { folder, ca, binary, config, launcher: Vec::new() };
        bench.write_config();
        bench
    }

    /// The authority that the runner is told to trust.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The policy folder.
    pub fn policies(&self) -> PathBuf {
        self.folder().join("policies")
    }

    /// Opens a host on loopback.
    pub fn open(&mut self, host: &str, port: u16) {
        for network in ["127.0.0.0/8", "::1/128"] {
            self.config.push_str(&format!("[[network.open]]\nhost = {host:?}\nnetwork = {network:?}\nport = {port}\n"));
        }
        self.write_config();
    }

    /// Replaces the operator's file for the host.
    pub fn config(&mut self, text: &str) {
        text.clone_into(&mut self.config);
        self.write_config();
    }

    /// Adds to the operator's file for the host.
    pub fn add_config(&mut self, text: &str) {
        self.config.push_str(text);
        self.write_config();
    }

    /// Takes `[audit]` out of the host file.
    pub fn keep_no_log(&mut self) {
        let network = self.config.find("[network]").unwrap_or(0);
        self.config.drain(..network);
        self.write_config();
    }

    fn write_config(&self) {
        fs::write(self.folder().join("rotabox.toml"), &self.config).expect("rotabox.toml can be written");
    }

    /// From now on the binary is started by this program, which gets the binary's path and arguments behind its own. It has to
    /// become the binary (`exec`).
    pub fn through(&mut self, launcher: &[&str]) {
        self.launcher = launcher.iter().map(|word| (*word).to_owned()).collect();
    }

    /// The audit log as it is now.
    pub fn audit(&self) -> String {
        fs::read_to_string(self.folder().join("audit/audit.jsonl")).unwrap_or_default()
    }

    /// Writes a policy.
    pub fn policy(&self, name: &str, text: &str) -> PathBuf {
        self.write(&format!("policies/{name}.toml"), text)
    }

    /// Writes a file of the bench.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        fs::write(&path, text).expect("a file can be written");
        path
    }

    /// Runs a verb with `--policies` and `--config`, `stdin` piped in, and asserts the invariants.
    pub fn run(&self, verb: &[&str], stdin: &[u8], secrets: &[String]) -> Ran {
        let args = self.args(verb);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr, took) = self.raw(&args, stdin);
        let shown = format!("{status:?} after {took:?}\nstdout: {stdout}\nstderr: {stderr}");
        for secret in secrets {
            for (name, text) in [("stdout", &stdout), ("stderr", &stderr)] {
                let found = leak::find(text.as_bytes(), secret);
                assert!(found.is_none(), "{name} holds a secret as {found:?}\n{shown}");
            }
        }
        assert!(status.signal().is_none(), "ended by a signal: {shown}");
        let exit = status.code().expect("an exit code");
        assert!(stdout.ends_with('\n') && stdout.lines().count() == 1, "stdout is not one line: {shown}");
        let result: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {shown}"));
        check_result(&result, exit, recorded(verb), &shown);
        let first = stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("rotabox: ") && first.len() > 20, "the first line says nothing: {shown}");
        assert!(!stderr.contains('\u{1b}'), "stderr holds escape characters: {shown}");
        self.check_audit(&result, secrets, &shown);
        Ran { exit, result, stderr, took }
    }

    /// The audit log is whole, ends in what the result says, and holds no secret. Checked by the bytes of the lines, apart
    /// from the runner's own code.
    fn check_audit(&self, result: &Value, secrets: &[String], shown: &str) {
        let text = self.audit();
        let sent = result.get("requests").and_then(Value::as_array).is_some_and(|requests| !requests.is_empty());
        let kept = fs::read_to_string(self.folder().join("rotabox.toml")).is_ok_and(|text| text.contains("[audit]"));
        assert!(!kept || !sent || !text.is_empty(), "requests were sent, and the audit log is empty: {shown}");
        for secret in secrets {
            let found = leak::find(text.as_bytes(), secret);
            assert!(found.is_none(), "the audit log holds a secret as {found:?}\n{text}");
        }
        let (mut prev, mut intents, mut last) = ("0".repeat(64), 0_usize, Value::Null);
        for (i, line) in text.lines().enumerate() {
            let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("audit: {error}: {line}"));
            let of = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let hash = of("hash");
            let bare = line.replacen(&format!("\"hash\":\"{hash}\","), "", 1);
            assert_eq!(artifacts::sha256(bare.as_bytes()), hash, "the hash of audit line {i}: {line}");
            assert_eq!(
                (of("prev"), record["seq"].as_u64()),
                (prev, Some(i as u64)),
                "the chain at audit line {i}: {line}"
            );
            assert!(line.is_ascii() && !line.contains('\u{1b}'), "audit line {i} is not plain: {line}");
            if record.get("run") == result.get("run") {
                intents += usize::from(of("event") == "intent");
                last = record.clone();
            }
            prev = hash;
        }
        if kept && sent {
            assert_eq!(last["event"], "outcome", "the audit log does not end in an outcome: {text}");
            assert_eq!((&last["outcome"], &last["exit"]), (&result["outcome"], &result["exit"]), "{text}");
            let changed = last.get("changed_by").is_some_and(|step| !step.is_null());
            assert!(!changed || intents > 0, "something was changed without an intent on record: {text}");
        }
    }

    /// Runs any command line of the binary; the invariants that hold for all of them are asserted.
    pub fn raw(&self, args: &[&str], stdin: &[u8]) -> (ExitStatus, String, String, Duration) {
        let began = Instant::now();
        let mut child = self.command(args).spawn().expect("the binary starts");
        let mut pipe = child.stdin.take().expect("stdin");
        let bytes = stdin.to_vec();
        std::thread::spawn(move || drop(pipe.write_all(&bytes))); // it may end without reading
        let read = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                drop(pipe.read_to_end(&mut bytes));
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let stdout = read(Box::new(child.stdout.take().expect("stdout")));
        let stderr = read(Box::new(child.stderr.take().expect("stderr")));
        let status = loop {
            if let Some(status) = child.try_wait().expect("the child can be waited for") {
                break status;
            }
            if began.elapsed() > DEADLINE {
                drop(child.kill());
                drop(child.wait());
                panic!("still running after {DEADLINE:?}: {args:?}");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = began.elapsed();
        self.check_no_process_left(args);
        let cwd = self.folder().join("cwd");
        let left: Vec<_> =
            fs::read_dir(&cwd).expect("the working folder").flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "files were made: {left:?}");
        (status, stdout.join().expect("stdout"), stderr.join().expect("stderr"), took)
    }

    /// The binary with these arguments, three pipes, and an environment that tries to mislead it.
    pub fn command(&self, args: &[&str]) -> Command {
        let cwd = self.folder().join("cwd");
        let mut command = match self.launcher.split_first() {
            None => Command::new(&self.binary),
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(&self.binary);
                command
            }
        };
        command
            .args(args)
            .current_dir(&cwd)
            .env_clear()
            // none of these may change anything
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env("ALL_PROXY", "http://127.0.0.1:1")
            .env("SSL_CERT_FILE", "/nowhere")
            .env("SSLKEYLOGFILE", cwd.join("keys"))
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .env("TMPDIR", &cwd)
            .env("HOME", &cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// `--policies` and `--config` of this bench, after the verb.
    pub fn args(&self, verb: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = verb.iter().map(|word| (*word).to_owned()).collect();
        let path = |path: PathBuf| path.into_os_string().into_string().expect("a path in UTF-8");
        args.extend(["--policies".to_owned(), path(self.policies())]);
        args.extend(["--config".to_owned(), path(self.folder().join("rotabox.toml"))]);
        args
    }

    /// The processes of this bench that are running: their folders in /proc.
    pub fn processes(&self) -> Vec<PathBuf> {
        let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
        processes.filter(|path| fs::read_link(path.join("exe")).is_ok_and(|exe| exe == self.binary)).collect()
    }

    fn check_no_process_left(&self, args: &[&str]) {
        let began = Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(began.elapsed() < GRACE, "processes were left behind by {args:?}: {left:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Default for Bench {
    fn default() -> Bench {
        Bench::new()
    }
}

/// The verb that the result names: `record` does what another one does.
fn recorded<'v>(verb: &[&'v str]) -> &'v str {
    match verb[0] {
        "record" if verb.contains(&"--rehearse") => "rehearse",
        "record" if verb.contains(&"--verify") || verb.contains(&"--verify-new") => "verify",
        "record" => "run",
        other => other,
    }
}

/// The table of outcomes, as the design has it.
fn check_result(result: &Value, exit: i32, verb: &str, shown: &str) {
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(result.get("version"), Some(&Value::from(1)), "{shown}");
    assert_eq!(text("verb"), verb, "{shown}");
    assert_eq!(result.get("exit").and_then(Value::as_i64), Some(i64::from(exit)), "{shown}");
    assert!(!text("reason").is_empty(), "no reason: {shown}");
    let (outcome, live) = (text("outcome"), text("live"));
    let fits = match outcome.as_str() {
        "rotated" | "already-current" => exit == 0 && live == "new",
        "changed-unverified" => (exit == 0 || exit == 4) && live == "new",
        "unchanged" => exit == 1 && (live == "old" || live == "as-before"),
        "not-started" => exit == 2 && live == "as-before",
        "denied" => exit == 3 && live == "as-before",
        "out-of-sync" => exit == 5 && live == "neither",
        "unknown" => exit == 6 && live == "unknown",
        "good" => exit == 0 && verb != "run",
        "refused" => exit == 1 && verb != "run",
        "cannot-tell" => exit == 6 && verb != "run",
        _ => false,
    };
    assert!(fits, "outcome `{outcome}`, live `{live}` and exit {exit} do not fit together: {shown}");
    if matches!(outcome.as_str(), "rotated" | "already-current") {
        assert!(!text("proved_by").is_empty(), "nothing is said to prove it: {shown}");
    }
    for entry in result.get("requests").and_then(Value::as_array).into_iter().flatten() {
        let entry = entry.to_string();
        assert!(!entry.contains("://") && !entry.contains('?'), "a URL in the result: {shown}");
    }
}

/// Asserts that no secret went where none belongs: into a path, a query, or a header that is not for credentials.
pub fn check_places(server: &Server, secrets: &[String]) {
    for (request, _) in server.seen() {
        for secret in secrets {
            let found = leak::find(request.target.as_bytes(), secret);
            assert!(found.is_none(), "a secret as {found:?} in the target of {}", request.line());
            for (name, value) in &request.headers {
                let home = name == "authorization" || name == "cookie" || name.starts_with("x-");
                let found = leak::find(value.as_bytes(), secret);
                assert!(home || found.is_none(), "a secret as {found:?} in header `{name}` of {}", request.line());
            }
        }
    }
}
