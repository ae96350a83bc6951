//! seccomp: which system calls may be made, from here on.
//!
//! The worker has a list of what it may do, and is killed for anything else. It comes in two stages, because compiling needs
//! memory that becomes executable, once: the second stage takes that away before the rotator's first instruction.
//! The broker has a list of what it may not do (its resolver and its TLS need too much for the other kind), and gets
//! an error for it: killing the process that must say how a run ended would help nobody. It may start threads, and no process; what is
//! writable never becomes executable.
//!
//! The filters are made from numbers that belong to one architecture, so that the tests make and run those of both.

use super::Measure;
use super::filter::{self, ALLOW, Condition, KILL, Rule, Rules, error};
use seccompiler::{BpfProgram, TargetArch};

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
    libc::SYS_mount_setattr,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
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
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork, // no process is started any more; `clone` may start a thread
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

/// The numbers of one architecture.
struct Calls<'l> {
    arch: TargetArch,
    worker: &'l [i64],
    not_the_broker: &'l [i64],
    mmap: i64,
    mprotect: i64,
    pkey_mprotect: i64,
    seccomp: i64,
    prctl: i64,
    clone: i64,
    clone3: i64,
    /// What starts a program, the C library's way or another.
    starting: &'l [i64],
    /// `socket`, `connect` and `bind`.
    dialling: [i64; 3],
    not_a_replay: &'l [i64],
}

#[cfg(target_arch = "x86_64")]
const HERE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const HERE: TargetArch = TargetArch::aarch64;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const CALLS: Option<Calls<'static>> = Some(Calls {
    arch: HERE,
    worker: WORKER,
    not_the_broker: NOT_THE_BROKER,
    mmap: libc::SYS_mmap,
    mprotect: libc::SYS_mprotect,
    pkey_mprotect: libc::SYS_pkey_mprotect,
    seccomp: libc::SYS_seccomp,
    prctl: libc::SYS_prctl,
    clone: libc::SYS_clone,
    clone3: libc::SYS_clone3,
    starting: STARTING,
    dialling: [libc::SYS_socket, libc::SYS_connect, libc::SYS_bind],
    not_a_replay: NOT_A_REPLAY,
});
/// The lists were not gone through for other architectures.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CALLS: Option<Calls<'static>> = None;

/// What the launcher of a batch needs of that.
const STARTING: &[i64] = &[
    libc::SYS_execve,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

/// The worker's first stage: memory may become executable by `mprotect`, and the second stage may be put on top.
pub(super) fn worker_compiling() -> Measure {
    put_on(&[Filter::worker_compiling])
}

/// The worker's second stage: nothing new becomes executable.
pub(super) fn worker_running() -> Measure {
    put_on(&[Filter::worker_running])
}

/// The list of a batch's launcher: the broker's, but it starts programs and makes no connection.
pub(super) fn launcher() -> Measure {
    put_on(&[Filter::launcher])
}

/// The broker's list.
pub(super) fn broker() -> Measure {
    put_on(&[Filter::broker])
}

/// For a broker that replays. A pair of connected sockets can still be made: the event loop wakes itself through one.
pub(super) fn offline() -> Measure {
    put_on(&[Filter::offline])
}

fn put_on(filters: &[Maker]) -> Measure {
    let Some(calls) = CALLS else { return Measure::Absent };
    let on = |filter: &Maker| {
        let program = filter(&calls).program(calls.arch);
        program.is_some_and(|program| seccompiler::apply_filter(&program).is_ok())
    };
    Measure::of(filters.iter().all(on))
}

type Maker = fn(&Calls<'_>) -> Filter;

/// What is done with the calls that the rules name, and with all others.
struct Filter {
    rules: Rules,
    otherwise: u32,
    /// What a call by a number of another kind gets.
    refused: u32,
}

impl Filter {
    fn worker_compiling(calls: &Calls<'_>) -> Filter {
        let mut filter = Filter::only(calls.worker);
        filter.rules.insert(calls.mmap, own_memory());
        filter.rules.insert(calls.mprotect, Rule::always(ALLOW));
        filter.rules.insert(calls.seccomp, Rule::always(ALLOW));
        filter.rules.insert(calls.prctl, Rule::when(no_new_privileges(), ALLOW));
        filter
    }

    fn worker_running(calls: &Calls<'_>) -> Filter {
        let mut filter = Filter::only(calls.worker);
        filter.rules.insert(calls.mmap, own_memory());
        filter.rules.insert(calls.mprotect, Rule::when(not_executable(), ALLOW));
        filter
    }

    fn broker(calls: &Calls<'_>) -> Filter {
        let (exec, thread) = (number(libc::PROT_EXEC), number(libc::CLONE_THREAD));
        let both = exec | number(libc::PROT_WRITE);
        let mut filter = Filter::but(calls.not_the_broker);
        let refused = filter.refused;
        let mut when = |call, argument, mask, is| {
            filter.rules.insert(call, Rule::when(Condition { argument, mask, is }, refused));
        };
        when(calls.clone, 0, thread, 0);
        when(calls.mmap, 2, both, both);
        when(calls.mprotect, 2, exec, exec);
        when(calls.pkey_mprotect, 2, exec, exec);
        // `clone3` hides its flags from a filter. Told that there is none, the C library starts its threads by `clone`.
        filter.rules.insert(calls.clone3, Rule::always(error(libc::ENOSYS)));
        filter
    }

    /// Of what the broker may not do, this process starts programs; of what the broker does, it reaches no network.
    fn launcher(calls: &Calls<'_>) -> Filter {
        let mut filter = Filter::but(calls.not_the_broker);
        filter.rules.retain(|call, _| !calls.starting.contains(call));
        filter.rules.append(&mut named(&calls.dialling, filter.refused));
        filter
    }

    fn offline(calls: &Calls<'_>) -> Filter {
        Filter::but(calls.not_a_replay)
    }

    /// These and no others.
    fn only(calls: &[i64]) -> Filter {
        Filter { rules: named(calls, ALLOW), otherwise: KILL, refused: KILL }
    }

    /// All but these, which get an error.
    fn but(calls: &[i64]) -> Filter {
        let refused = error(libc::EPERM);
        Filter { rules: named(calls, refused), otherwise: ALLOW, refused }
    }

    /// As instructions of the kernel. Calls of another architecture end the process. `None` for an architecture that the lists were
    /// not gone through for.
    fn program(&self, arch: TargetArch) -> Option<BpfProgram> {
        filter::program(&self.rules, self.otherwise, self.refused, arch)
    }
}

fn named(calls: &[i64], verdict: u32) -> Rules {
    calls.iter().map(|call| (*call, Rule::always(verdict))).collect()
}

fn number(constant: libc::c_int) -> u32 {
    constant.unsigned_abs()
}

/// Protection without PROT_EXEC: the third argument of `mmap` and `mprotect`.
fn not_executable() -> Condition {
    Condition { argument: 2, mask: number(libc::PROT_EXEC), is: 0 }
}

/// A new mapping of the worker: not executable, and not shared. What is shared is not counted against the limit on its memory.
fn own_memory() -> Rule {
    let not_shared = Condition { argument: 3, mask: number(libc::MAP_SHARED), is: 0 };
    Rule { when: [Some(not_executable()), Some(not_shared)], verdict: ALLOW }
}

/// The one thing that `prctl` is used for between the two walls: asked again by what puts the second one up.
fn no_new_privileges() -> Condition {
    Condition { argument: 0, mask: u32::MAX, is: number(libc::PR_SET_NO_NEW_PRIVS) }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
