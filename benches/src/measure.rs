//! One run of one command, from outside: its wall time, and what the system booked for it and all its children.

use anyhow::{Context, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command, and where its input comes from and its output goes to.
#[derive(Clone, Debug)]
pub struct Job {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// What it reads on stdin.
    pub stdin: PathBuf,
    /// Where stdout and stderr go: `<name>.out` and `<name>.err` of this folder.
    pub folder: PathBuf,
    /// What it is called.
    pub name: String,
    /// The exit code of a good run.
    pub exit: i32,
    /// What stdout holds after a good run.
    pub says: Option<String>,
}

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// From before the process is made until it has ended.
    pub wall: Duration,
    /// User and system time of it and its children.
    pub cpu: Duration,
    /// Page faults of it and its children, without and with reading from a disk.
    pub faults: u64,
}

impl Job {
    /// The command, not started.
    pub fn command(&self) -> anyhow::Result<Command> {
        self.wrapped(&[])
    }

    /// The command as arguments of another one.
    pub fn wrapped(&self, before: &[&str]) -> anyhow::Result<Command> {
        let mut words = before.iter().copied().chain(self.argv.iter().map(String::as_str));
        let mut command = Command::new(words.next().context("an empty command")?);
        command
            .args(words)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::from(File::open(&self.stdin)?))
            .stdout(Stdio::from(File::create(self.output("out"))?))
            .stderr(Stdio::from(File::create(self.output("err"))?));
        Ok(command)
    }

    /// The file with its stdout (`out`) or stderr (`err`).
    pub fn output(&self, which: &str) -> PathBuf {
        self.folder.join(format!("{}.{which}", self.name))
    }

    /// An error with what it said, unless exit code and stdout are those of a good run.
    pub fn check(&self, exit: Option<i32>) -> anyhow::Result<()> {
        let said = |which| fs::read_to_string(self.output(which)).unwrap_or_default();
        if exit != Some(self.exit) {
            bail!("{} ended with {exit:?}, not {}:\n{}{}", self.name, self.exit, said("out"), said("err"))
        }
        match &self.says {
            Some(text) if !said("out").contains(text) => bail!("{} did not say {text}:\n{}", self.name, said("out")),
            _ => Ok(()),
        }
    }

    /// Runs it once. `keep` is a child of ours that is not its.
    pub fn run(&self, keep: u32) -> anyhow::Result<Sample> {
        let mut command = self.command()?;
        let before = usage()?;
        let began = Instant::now();
        let status = command.status().with_context(|| format!("{} cannot be started", self.name))?;
        let wall = began.elapsed();
        reap_orphans(keep)?;
        let after = usage()?;
        self.check(status.code())?;
        Ok(Sample { wall, cpu: after.0.saturating_sub(before.0), faults: after.1.saturating_sub(before.1) })
    }
}

/// CPU time and page faults of all children that have ended and were waited for.
fn usage() -> anyhow::Result<(Duration, u64)> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |value: nix::sys::time::TimeVal| {
        Duration::new(u64::try_from(value.tv_sec()).unwrap_or(0), 1000 * u32::try_from(value.tv_usec()).unwrap_or(0))
    };
    let faults = usage.minor_page_faults() + usage.major_page_faults();
    Ok((time(usage.user_time()) + time(usage.system_time()), u64::try_from(faults)?))
}

/// Waits for children of a dead child, which are ours since this process is their subreaper.
fn reap_orphans(keep: u32) -> anyhow::Result<()> {
    for thread in fs::read_dir("/proc/self/task")?.flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()) {
            if u32::try_from(child).is_ok_and(|child| child != keep) {
                waitpid(Pid::from_raw(child), None)?;
            }
        }
    }
    Ok(())
}

/// Makes this process the one that gets the children of dead children, so that what they used is booked here.
pub fn become_subreaper() -> anyhow::Result<()> {
    nix::sys::prctl::set_child_subreaper(true).context("this process cannot become a subreaper")
}

/// A field of `/proc/PID/status` in KiB.
pub fn status_kib(pid: i32, field: &str) -> Option<u64> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}
