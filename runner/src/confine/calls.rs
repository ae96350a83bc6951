//! seccomp: which system calls may be made, from here on.
//!
//! The worker has a list of what it may do, and is killed for anything else. It comes in two stages, because compiling needs
//! memory that becomes executable, once: the second stage takes that away before the rotator's first instruction.
//! The broker has a list of what it may not do (its resolver and its TLS need too much for the other kind), and gets
//! an error for it: killing the process that must say how a run ended would help nobody.

use super::Measure;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// What the worker may do at any time, and who does it.
const WORKER: &[i64] = &[
    libc::SYS_read, // frames
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll, // is there a frame, while a step steps aside
    libc::SYS_ppoll, // the same, on other architectures
    libc::SYS_write, // frames
    libc::SYS_close, // descriptors that end with a value
    libc::SYS_munmap, // the allocator, stores that are dropped
    libc::SYS_madvise, // the allocator, stores that are dropped
    libc::SYS_mremap, // the allocator
    libc::SYS_brk,  // the allocator
    libc::SYS_futex, // locks of the standard library
    libc::SYS_rt_sigreturn, // the end of a trap's handler
    libc::SYS_rt_sigaction, // the engine's trap handlers
    libc::SYS_rt_sigprocmask, // the engine's trap handlers
    libc::SYS_sigaltstack, // the engine's trap handlers
    libc::SYS_exit, // the end
    libc::SYS_exit_group, // the end
    libc::SYS_nanosleep, // locks of the standard library
    libc::SYS_clock_nanosleep, // locks of the standard library
    libc::SYS_clock_gettime, // clocks, where the kernel has no vDSO
    libc::SYS_getrandom, // hash seeds, inert WASI
    libc::SYS_sched_yield, // locks of the standard library
    libc::SYS_sched_getaffinity, // the engine asks how many cores there are
    libc::SYS_restart_syscall, // a read that was interrupted
    libc::SYS_gettid, // abort
    libc::SYS_getpid, // abort
    libc::SYS_tgkill, // abort
    #[cfg(target_arch = "aarch64")]
    libc::SYS_membarrier, // publishing code on this architecture
];

/// What the broker may not do. None of it belongs to a rotation.
const NOT_THE_BROKER: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat, // no program is started any more
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp, // no look into other processes
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4, // it never listens
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register, // a way around every other rule
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key, // the kernel's favourite holes
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_pivot_root,
    libc::SYS_chroot, // the view of the file system stays
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at, // files without a path
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_personality, // the machine itself
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// What a replay may not do. Without a socket nothing leads out of this machine.
const NOT_A_REPLAY: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_io_uring_setup, // a way around the others
];

/// The worker's first stage: memory may become executable by `mprotect`, and the second stage may be put on top.
pub(super) fn worker_compiling() -> Measure {
    let mut rules = allowed(WORKER);
    rules.insert(libc::SYS_mmap, not_executable());
    rules.insert(libc::SYS_mprotect, Vec::new());
    rules.insert(libc::SYS_seccomp, Vec::new());
    rules.insert(libc::SYS_prctl, argument(0, SeccompCmpOp::Eq, u64::from(libc::PR_SET_NO_NEW_PRIVS.unsigned_abs())));
    put_on(rules, SeccompAction::KillProcess, SeccompAction::Allow)
}

/// The worker's second stage: nothing new becomes executable.
pub(super) fn worker_running() -> Measure {
    let mut rules = allowed(WORKER);
    rules.insert(libc::SYS_mmap, not_executable());
    rules.insert(libc::SYS_mprotect, not_executable());
    put_on(rules, SeccompAction::KillProcess, SeccompAction::Allow)
}

/// The list of a batch's launcher: the broker's, but it starts programs and makes no connection.
pub(super) fn launcher() -> Measure {
    let mut rules = allowed(NOT_THE_BROKER);
    rules.remove(&libc::SYS_execve);
    for call in [libc::SYS_socket, libc::SYS_connect, libc::SYS_bind] {
        rules.insert(call, Vec::new());
    }
    put_on(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()))
}

/// The broker's list.
pub(super) fn broker() -> Measure {
    put_on(allowed(NOT_THE_BROKER), SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()))
}

/// For a broker that replays. A pair of connected sockets can still be made: the event loop wakes itself through one.
pub(super) fn offline() -> Measure {
    put_on(allowed(NOT_A_REPLAY), SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()))
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn allowed(calls: &[i64]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// Protection without PROT_EXEC: the third argument of `mmap` and `mprotect`.
fn not_executable() -> Vec<SeccompRule> {
    let exec = u64::from(libc::PROT_EXEC.unsigned_abs());
    argument(2, SeccompCmpOp::MaskedEq(exec), 0)
}

fn argument(index: u8, op: SeccompCmpOp, value: u64) -> Vec<SeccompRule> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, op, value);
    // An argument that cannot be tested leaves no rule at all, and `put_on` reports that.
    condition.and_then(|condition| SeccompRule::new(vec![condition])).into_iter().collect()
}

fn put_on(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> Measure {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Measure::Absent };
    let program = SeccompFilter::new(rules, otherwise, listed, arch).and_then(BpfProgram::try_from);
    Measure::of(program.is_ok_and(|program| seccompiler::apply_filter(&program).is_ok()))
}
