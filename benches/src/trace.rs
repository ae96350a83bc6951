//! One run under `ptrace`: system calls, opened files, processes, threads, and peak memory. All of it is counted, none of it
//! timed, so a busy machine does not move it much. Slow: a traced run is never one whose time is taken.

use crate::measure::{Job, status_kib};
use anyhow::{Context, bail};
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// System calls of all processes.
    pub syscalls: u64,
    /// The same by number.
    pub by_number: BTreeMap<u64, u64>,
    /// Every successful opening of a file, in order.
    pub opened: Vec<String>,
    /// Processes, the first included.
    pub processes: usize,
    /// Threads beyond the first of each process.
    pub threads: usize,
    /// The most that the peaks of processes living at one time came to: never less than the real peak. In KiB, pages of files
    /// included.
    pub peak_kib: u64,
}

/// A process, alive or not.
#[derive(Debug, Default)]
struct Process {
    /// Shares its parent's memory until it executes another program.
    borrowed: bool,
    alive: bool,
    peak_kib: u64,
}

#[derive(Default)]
struct Tracer {
    counts: Counts,
    /// Thread to process.
    threads: BTreeMap<i32, i32>,
    processes: BTreeMap<i32, Process>,
    /// Threads that are inside a system call, and the file that it opens.
    inside: BTreeMap<i32, Option<String>>,
    /// The program itself has begun.
    begun: bool,
}

/// What waits to be traced: stops, and becomes the command when it goes on.
pub fn hold(command: &[String]) -> anyhow::Result<()> {
    let (program, args) = command.split_first().context("no command")?;
    raise(Signal::SIGSTOP)?;
    Err(Command::new(program).args(args).exec().into())
}

/// How closely is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At every system call.
    Closely,
    /// When processes are made and when they end: peaks only, and hardly slower than without.
    AtTheEnds,
}

/// Runs the job once under trace.
pub fn run(job: &Job, look: Look) -> anyhow::Result<Counts> {
    let me = std::env::current_exe()?;
    let me = me.to_str().context("a path that is no UTF-8")?;
    let mut child = job.wrapped(&[me, "hold", "--"])?.spawn()?;
    match follow(&mut child, look) {
        Ok((exit, counts)) => {
            job.check(Some(exit))?;
            Ok(counts)
        }
        Err(error) => {
            drop(child.kill());
            Err(error.context("this process may not trace its children, or lost one"))
        }
    }
}

fn follow(child: &mut Child, look: Look) -> anyhow::Result<(i32, Counts)> {
    let root = Pid::from_raw(i32::try_from(child.id())?);
    match waitpid(root, Some(WaitPidFlag::WUNTRACED))? {
        WaitStatus::Stopped(..) => {}
        other => bail!("it did not wait: {other:?}"),
    }
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACEEXIT;
    ptrace::seize(root, options)?;
    kill(root, Signal::SIGCONT)?;
    let mut tracer = Tracer::default();
    let mut exit = None;
    tracer.meet(root.as_raw());
    while !tracer.threads.is_empty() {
        let status = waitpid(None, Some(WaitPidFlag::__WALL))?;
        match status {
            WaitStatus::Exited(pid, code) => {
                tracer.gone(pid.as_raw());
                exit = if pid == root { Some(code) } else { exit };
            }
            WaitStatus::Signaled(pid, signal, _) => {
                tracer.gone(pid.as_raw());
                if pid == root {
                    bail!("it was killed by {signal}");
                }
            }
            WaitStatus::PtraceSyscall(pid) => {
                tracer.syscall(pid);
                go_on(pid, look, None);
            }
            // Group stops are events too; there is none but the one that began it all, and that is over.
            WaitStatus::PtraceEvent(pid, _, event) => {
                tracer.event(pid, event);
                go_on(pid, look, None);
            }
            WaitStatus::Stopped(pid, signal) => {
                tracer.meet(pid.as_raw());
                go_on(pid, look, Some(signal));
            }
            WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
        }
    }
    tracer.counts.processes = tracer.processes.len();
    Ok((exit.context("its end was not seen")?, tracer.counts))
}

/// A thread that has been killed meanwhile cannot go on, and says so at the next wait.
fn go_on(pid: Pid, look: Look, signal: Option<Signal>) {
    let _ = match look {
        Look::Closely => ptrace::syscall(pid, signal),
        Look::AtTheEnds => ptrace::cont(pid, signal),
    };
}

impl Tracer {
    /// A thread that is seen for the first time, by its own stop or by that of its maker.
    fn meet(&mut self, thread: i32) {
        if self.threads.contains_key(&thread) {
            return;
        }
        let process = status_kib(thread, "Tgid").and_then(|pid| i32::try_from(pid).ok()).unwrap_or(thread);
        self.threads.insert(thread, process);
        if process == thread {
            self.processes.entry(process).or_default().alive = true;
        } else {
            self.counts.threads += 1;
        }
    }

    fn event(&mut self, pid: Pid, event: i32) {
        self.meet(pid.as_raw());
        match event {
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                let Some(made) = ptrace::getevent(pid).ok().and_then(|made| i32::try_from(made).ok()) else { return };
                self.meet(made);
                if event == libc::PTRACE_EVENT_VFORK
                    && let Some(process) = self.processes.get_mut(&made)
                {
                    process.borrowed = true;
                }
            }
            libc::PTRACE_EVENT_EXEC => {
                let pid = pid.as_raw();
                if !self.begun {
                    self.begun = true;
                    self.counts = Counts::default();
                }
                let process = self.processes.entry(pid).or_default();
                (process.borrowed, process.peak_kib) = (false, 0);
            }
            libc::PTRACE_EVENT_EXIT => {
                let alive = self.processes.iter().filter(|(_, process)| process.alive);
                let alive: Vec<i32> = alive.map(|(pid, _)| *pid).collect();
                alive.into_iter().for_each(|process| self.look(process));
            }
            _ => {}
        }
    }

    /// At every entry and at every return of a system call.
    fn syscall(&mut self, pid: Pid) {
        let thread = pid.as_raw();
        self.meet(thread);
        if let Some(path) = self.inside.remove(&thread) {
            if let Some(path) = path
                && returned(pid).is_some_and(|value| value >= 0)
            {
                self.counts.opened.push(path);
            }
            return;
        }
        if !self.begun {
            self.inside.insert(thread, None);
            return;
        }
        let Some((number, args)) = entered(pid) else { return };
        self.counts.syscalls += 1;
        *self.counts.by_number.entry(number).or_default() += 1;
        self.inside.insert(thread, opens(number, args).map(|address| text(pid, address)));
        self.look(thread);
    }

    /// Notes the peak of the thread's process, and that of all together.
    fn look(&mut self, thread: i32) {
        let process = self.threads.get(&thread).copied().unwrap_or(thread);
        if let (Some(process), Some(peak)) = (self.processes.get_mut(&process), status_kib(thread, "VmHWM"))
            && !process.borrowed
            && self.begun
        {
            process.peak_kib = process.peak_kib.max(peak);
        }
        let all = self.processes.values().filter(|process| process.alive && !process.borrowed);
        self.counts.peak_kib = self.counts.peak_kib.max(all.map(|process| process.peak_kib).sum());
    }

    fn gone(&mut self, thread: i32) {
        self.threads.remove(&thread);
        self.inside.remove(&thread);
        if let Some(process) = self.processes.get_mut(&thread) {
            process.alive = false;
        }
    }
}

/// The number of the call that is entered, and its first two arguments.
fn entered(pid: Pid) -> Option<(u64, [u64; 2])> {
    let registers = ptrace::getregs(pid).ok()?;
    #[cfg(target_arch = "x86_64")]
    return Some((registers.orig_rax, [registers.rdi, registers.rsi]));
    #[cfg(target_arch = "aarch64")]
    return Some((*registers.regs.get(8)?, [*registers.regs.first()?, *registers.regs.get(1)?]));
}

/// What the call that is left has returned.
fn returned(pid: Pid) -> Option<i64> {
    let registers = ptrace::getregs(pid).ok()?;
    #[cfg(target_arch = "x86_64")]
    return Some(registers.rax.cast_signed());
    #[cfg(target_arch = "aarch64")]
    return Some(registers.regs.first()?.cast_signed());
}

/// Where the path is, if the call opens a file.
fn opens(number: u64, [first, second]: [u64; 2]) -> Option<u64> {
    let number = i64::try_from(number).ok()?;
    #[cfg(target_arch = "x86_64")]
    if number == libc::SYS_open {
        return Some(first);
    }
    let _ = first;
    (number == libc::SYS_openat || number == libc::SYS_openat2).then_some(second)
}

/// The C string there; what can be read of it.
fn text(pid: Pid, address: u64) -> String {
    let mut bytes = Vec::new();
    for offset in (0..4096).step_by(8) {
        let Ok(word) = ptrace::read(pid, (address + offset) as ptrace::AddressType) else { break };
        let word = word.to_ne_bytes();
        let end = word.iter().position(|byte| *byte == 0);
        bytes.extend(word.iter().take(end.unwrap_or(8)));
        if end.is_some() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
