//! Linux: process controls, descriptors, environment.
#![allow(unsafe_code, reason = "prctl, close_range and the environment have no safe interface in the standard library")]

use super::{Measure, Orphaned};

/// No other process of the same user reads its memory or attaches to it. An `exec` resets it.
pub(super) fn not_dumpable() -> Measure {
    Measure::of(control(libc::PR_SET_DUMPABLE, 0))
}

pub(super) fn no_new_privileges() -> Measure {
    Measure::of(control(libc::PR_SET_NO_NEW_PRIVS, 1))
}

/// Killed as soon as the thread that started us ends; at once if that has happened before we could ask for it.
pub(super) fn die_with(broker: Option<u32>) -> Result<Measure, Orphaned> {
    let asked = libc::c_ulong::try_from(libc::SIGKILL).is_ok_and(|signal| control(libc::PR_SET_PDEATHSIG, signal));
    // From here on a new parent can only mean that the broker ended before the request, and its pipes tell that too.
    if is_orphan(broker) {
        return Err(Orphaned);
    }
    Ok(Measure::of(asked))
}

fn is_orphan(broker: Option<u32>) -> bool {
    broker.is_some_and(|broker| std::os::unix::process::parent_id() != broker)
}

/// When memory is short, the rotator's process goes first. Best effort; has to come before [`not_dumpable`], which takes the file
/// away from us.
pub(super) fn first_to_go() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

fn control(option: libc::c_int, value: libc::c_ulong) -> bool {
    const UNUSED: libc::c_ulong = 0;
    // SAFETY: the options used in this file take one number and no pointer; the kernel wants the rest to be zero.
    unsafe { libc::prctl(option, value, UNUSED, UNUSED, UNUSED) == 0 }
}

/// Removes every variable.
pub(super) fn clear_environment() -> Measure {
    if std::env::vars_os().next().is_none() {
        return Measure::On;
    }
    if !alone() {
        return Measure::Failed;
    }
    // SAFETY: `alone` has just counted one thread in this process, so no other can read or write the environment meanwhile, and
    // this one starts none here.
    Measure::of(unsafe { libc::clearenv() } == 0 && std::env::vars_os().next().is_none())
}

/// True if this is the only thread of the process.
fn alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

/// Closes every descriptor above 2. Only for the worker's first act: nothing there owns one yet.
pub(super) fn close_descriptors() -> Measure {
    Measure::of(
        close_range(0)
            || each_descriptor(|fd| unsafe {
                // SAFETY: see `close_range`.
                libc::close(fd) == 0
            }),
    )
}

/// Programs started from here inherit no descriptor above 2, but for those that the start itself hands over.
pub(super) fn do_not_inherit_descriptors() -> Measure {
    Measure::of(
        close_range(libc::CLOSE_RANGE_CLOEXEC)
            || each_descriptor(|fd| unsafe {
                // SAFETY: F_SETFD takes a number and changes nothing but the flag of this one descriptor.
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) == 0
            }),
    )
}

fn close_range(flags: libc::c_uint) -> bool {
    const FIRST: libc::c_uint = 3;
    // SAFETY: with CLOSE_RANGE_CLOEXEC only flags change. Without it, every descriptor above 2 is closed: `worker_start` is the only
    // caller, as the process's first act, when no value in it owns a descriptor but the three standard ones. By number, for a C
    // library without this function.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, flags) == 0 }
}

/// For kernels before 5.9 (and, for the flag, 5.11). The descriptor of the folder itself is among those that are seen, and gone
/// by the time they are acted on, so one failure is expected.
fn each_descriptor(act: impl Fn(libc::c_int) -> bool) -> bool {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else { return false };
    let names: Vec<_> = folder.flatten().map(|entry| entry.file_name()).collect();
    let descriptors = names.iter().filter_map(|name| name.to_str()?.parse::<libc::c_int>().ok()).filter(|fd| *fd > 2);
    descriptors.filter(|fd| !act(*fd)).count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_other_threads_keeps_its_environment_and_says_so() {
        // The test harness runs tests on threads of their own.
        assert!(!alone());
        assert!(std::env::vars_os().next().is_some());
        assert_eq!(clear_environment(), Measure::Failed);
    }

    #[test]
    fn a_worker_whose_broker_is_another_process_is_orphaned() {
        assert!(is_orphan(Some(u32::MAX)));
        assert!(!is_orphan(Some(std::os::unix::process::parent_id())));
    }
}
