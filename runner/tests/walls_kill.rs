//! The worker's walls against native code: what an escape from the engine would try, one process a try.
//!
//! The test binary starts itself again, puts up the worker's own walls (the library's, not a copy), and makes one system
//! call. The shipped binary has no such hook.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(unsafe_code, reason = "the tests make raw system calls on purpose")]

use rotabox::confine;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

/// What the child is to do: `STAGE CALL A B C`.
const TRY: &str = "ROTABOX_TEST_TRY";
/// The child came back from a call that should have been its last.
const CAME_BACK: i32 = 41;
/// The walls could not be put up.
const NO_WALLS: i32 = 42;

/// Not a case: what the child does.
#[test]
#[ignore = "the other tests start it in a process of its own"]
fn child() {
    let Ok(what) = std::env::var_os(TRY).ok_or(()).map(|what| what.into_string().unwrap()) else { return };
    let numbers: Vec<i64> = what.split(' ').map(|word| word.parse().unwrap()).collect();
    let [stage, call, a, b, c] = numbers[..] else { panic!("{what}") };
    let mut enforced = confine::worker_start(None).unwrap();
    confine::worker_first_wall(&mut enforced);
    if stage == 2 {
        confine::worker_second_wall(&mut enforced);
    }
    let code = if enforced.seccomp != confine::Measure::On || enforced.landlock != confine::Measure::On {
        NO_WALLS
    } else {
        CAME_BACK
    };
    // SAFETY: every argument is a small number or a null pointer; the call is killed or fails, and the process ends right after.
    unsafe {
        if code == CAME_BACK {
            libc::syscall(call, a, b, c, 0, -1, 0);
        }
        libc::_exit(code);
    }
}

/// Not a case either: maps so many mebibytes, in a worker or in a process without limits.
#[test]
#[ignore = "the other tests start it in a process of its own"]
fn child_that_maps() {
    let Some(what) = std::env::var_os(TRY).map(|what| what.into_string().unwrap()) else { return };
    let (process, mebibytes) = what.split_once(' ').unwrap();
    let length = mebibytes.parse::<usize>().unwrap() << 20;
    if process == "worker" {
        let mut enforced = confine::worker_start(None).unwrap();
        confine::worker_first_wall(&mut enforced);
        confine::worker_second_wall(&mut enforced);
        if enforced.memory_bounded != confine::Measure::On {
            // SAFETY: ends the process.
            unsafe { libc::_exit(NO_WALLS) };
        }
    }
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
    // SAFETY: memory of its own, at no fixed place, that nothing touches; the process ends right after.
    unsafe {
        let at = libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0);
        libc::_exit(if at == libc::MAP_FAILED { *libc::__errno_location() } else { CAME_BACK });
    }
}

#[test]
fn an_escape_gets_so_much_memory_and_no_more() {
    let mapped = |process: &str, mebibytes: u32| {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_maps", "--ignored", "--test-threads=1", "--nocapture"])
            .env(TRY, format!("{process} {mebibytes}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        status.code()
    };
    assert_eq!(mapped("worker", 512), Some(CAME_BACK), "a rotator's memory");
    assert_eq!(mapped("worker", 9 * 1024), Some(libc::ENOMEM));
    // The control: it is the limit that refuses.
    assert_eq!(mapped("anyone", 9 * 1024), Some(CAME_BACK));
}

fn attempt(stage: u8, call: i64, a: i64, b: i64, c: i64) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--test-threads=1", "--nocapture"])
        .env(TRY, format!("{stage} {call} {a} {b} {c}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

fn assert_killed(what: &str, status: ExitStatus) {
    assert_eq!(status.signal(), Some(libc::SIGSYS), "{what}: {status}");
}

#[test]
fn an_escape_finds_no_socket_no_file_no_program_and_no_other_process() {
    for (what, call, a, b, c) in [
        ("socket(AF_INET)", libc::SYS_socket, i64::from(libc::AF_INET), i64::from(libc::SOCK_STREAM), 0),
        ("socket(AF_UNIX)", libc::SYS_socket, i64::from(libc::AF_UNIX), i64::from(libc::SOCK_STREAM), 0),
        ("open", libc::SYS_open, 0, 0, 0),
        ("openat", libc::SYS_openat, i64::from(libc::AT_FDCWD), 0, 0),
        ("execve", libc::SYS_execve, 0, 0, 0),
        ("fork", libc::SYS_fork, 0, 0, 0),
        ("clone", libc::SYS_clone, 0, 0, 0),
        ("ptrace", libc::SYS_ptrace, 16, 1, 0),
        ("process_vm_readv", libc::SYS_process_vm_readv, 1, 0, 0),
        ("kill", libc::SYS_kill, 1, 0, 0),
        ("io_uring_setup", libc::SYS_io_uring_setup, 8, 0, 0),
        ("bpf", libc::SYS_bpf, 0, 0, 0),
        ("userfaultfd", libc::SYS_userfaultfd, 0, 0, 0),
        ("perf_event_open", libc::SYS_perf_event_open, 0, 0, 0),
        ("keyctl", libc::SYS_keyctl, 0, 0, 0),
        ("unshare", libc::SYS_unshare, 0, 0, 0),
        ("prctl(PR_SET_DUMPABLE)", libc::SYS_prctl, i64::from(libc::PR_SET_DUMPABLE), 1, 0),
    ] {
        assert_killed(what, attempt(2, call, a, b, c));
        assert_killed(what, attempt(1, call, a, b, c));
    }
}

#[test]
fn memory_becomes_executable_only_while_the_module_is_compiled() {
    let exec = i64::from(libc::PROT_READ | libc::PROT_EXEC);
    let all = i64::from(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC);
    for stage in [1, 2] {
        assert_killed("mmap(PROT_EXEC)", attempt(stage, libc::SYS_mmap, 0, 4096, all));
    }
    assert_killed("mprotect(PROT_EXEC)", attempt(2, libc::SYS_mprotect, 0, 4096, exec));
    assert_killed("pkey_mprotect(PROT_EXEC)", attempt(2, libc::SYS_pkey_mprotect, 0, 4096, exec));
    // The control: the compiler needs this one, and it is the only difference between the stages.
    assert_eq!(attempt(1, libc::SYS_mprotect, 0, 4096, exec).code(), Some(CAME_BACK));
    assert_eq!(attempt(2, libc::SYS_mprotect, 0, 4096, i64::from(libc::PROT_READ)).code(), Some(CAME_BACK));
    assert_eq!(attempt(2, libc::SYS_gettid, 0, 0, 0).code(), Some(CAME_BACK));
}

#[test]
fn every_system_call_that_is_not_on_the_list_is_the_last() {
    // The list, written down a second time on purpose: a call that joins it has to be argued for here too.
    let list = [
        libc::SYS_read,
        libc::SYS_poll,
        libc::SYS_ppoll,
        libc::SYS_write,
        libc::SYS_close,
        libc::SYS_munmap,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_rt_sigreturn,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_nanosleep,
        libc::SYS_clock_nanosleep,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_restart_syscall,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_tgkill,
        libc::SYS_mmap,
        libc::SYS_mprotect,
    ];
    const BEYOND_THE_LAST: i64 = 480;
    // `uretprobe` and `uprobe`: the kernel lets them past every filter; called from outside a probe they do nothing.
    const PROBES: [i64; 2] = [335, 336];
    for call in (0..BEYOND_THE_LAST).filter(|call| !list.contains(call) && !PROBES.contains(call)) {
        let status = attempt(2, call, 0, 0, 0);
        assert_killed(&format!("system call {call}"), status);
    }
}
