//! Each wall of each process without the other: what an escape, or a hostile library, would try, one process a try.
//!
//! As `walls_kill`, the test binary starts itself again, puts up the library's own walls (one, the other, both or none), and
//! makes one attempt. Without any wall each attempt gets through: so it is the wall that stops it. The shipped binary has no such hook.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(unsafe_code, reason = "the tests make raw system calls on purpose")]

use rotabox::confine::{self, Enforced, Measure};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// What the child is to do: `PROCESS WALLS ATTEMPT PORT FILE`.
const TRY: &str = "ROTABOX_TEST_TRY_ALONE";
/// The attempt got through.
const THROUGH: i32 = 200;
/// A wall could not be put up.
const NO_WALLS: i32 = 201;
/// The attempt failed in a way that has no number.
const ODD: i32 = 202;

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq)]
enum Came {
    Through,
    /// With this error of the system.
    Refused(i32),
    Killed,
}

impl fmt::Debug for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Came::Through => f.write_str("through"),
            Came::Refused(number) => write!(f, "{}", io::Error::from_raw_os_error(*number)),
            Came::Killed => f.write_str("killed"),
        }
    }
}

/// Not a case: what the child does.
#[test]
#[ignore = "the other tests start it in a process of its own"]
fn child() {
    let Some(what) = std::env::var_os(TRY) else { return };
    let what = what.into_string().unwrap();
    let words: Vec<&str> = what.splitn(5, ' ').collect();
    let [process, walls, attempt, port, file] = words[..] else { panic!("{what}") };
    let port = port.parse().unwrap();
    let mut enforced = Enforced::default();
    let landlock = matches!(walls, "landlock" | "both");
    let seccomp = matches!(walls, "seccomp" | "both");
    assert!(no_new_privileges(), "both walls need it");
    match process {
        "broker" => {
            if landlock {
                confine::broker_landlock(&mut enforced, &[port], None);
            }
            if seccomp {
                confine::broker_seccomp(&mut enforced);
            }
        }
        _ => {
            if landlock {
                confine::worker_landlock(&mut enforced);
            }
            if seccomp {
                confine::worker_seccomp(&mut enforced);
                confine::worker_second_wall(&mut enforced);
            }
        }
    }
    let up = |wanted: bool, is: Measure| !wanted || is == Measure::On;
    let code = if up(landlock, enforced.landlock) && up(seccomp, enforced.seccomp) {
        match tried(attempt, std::path::Path::new(file), port) {
            Ok(()) => THROUGH,
            Err(error) => error.raw_os_error().unwrap_or(ODD),
        }
    } else {
        NO_WALLS
    };
    // SAFETY: ends the process without running anything else of it, such as the removal of files, which a wall would stop.
    unsafe { libc::_exit(code) }
}

/// Landlock and seccomp may be put on without privileges only by who cannot gain any.
fn no_new_privileges() -> bool {
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 }
}

fn system(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn tried(attempt: &str, outside: &std::path::Path, port: u16) -> io::Result<()> {
    let page = |protection: libc::c_int| {
        // SAFETY: asks for a page of its own, at no fixed place, which nothing else uses.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), 4096, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(at) }
    };
    match attempt {
        "open-a-file" => std::fs::File::open(outside).map(drop),
        "write-a-file" => std::fs::OpenOptions::new().append(true).open(outside).map(drop),
        "make-a-file" => std::fs::File::create(outside.with_extension("new")).map(drop),
        "read-a-folder" => std::fs::read_dir("/").map(drop),
        "read-the-name-service" => std::fs::File::open("/etc/hosts").map(drop),
        "dial-the-port" => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop),
        "dial-another-port" => TcpStream::connect((Ipv4Addr::LOCALHOST, port ^ 1)).map(drop),
        "bind-a-port" => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(drop),
        "listen" => {
            // Without an address the kernel picks one when it listens: no `bind` for a rule to look at.
            // SAFETY: numbers only; the descriptor lives as long as the process.
            unsafe {
                let socket = libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0);
                system(socket)?;
                system(libc::syscall(libc::SYS_listen, socket, 1))
            }
        }
        "make-a-socket" => std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map(drop),
        "start-a-program" => Command::new("/bin/true").stdin(Stdio::null()).status().map(drop),
        "become-a-program" => {
            use std::os::unix::process::CommandExt;
            Err(Command::new("/bin/true").exec())
        }
        "start-a-thread" => std::thread::Builder::new().spawn(|| ()).map(drop),
        "map-writable-code" => page(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC).map(drop),
        "make-memory-code" => {
            let at = page(libc::PROT_READ | libc::PROT_WRITE)?;
            // SAFETY: the page is our own, and nothing runs it.
            system(unsafe { libc::mprotect(at, 4096, libc::PROT_READ | libc::PROT_EXEC) }.into())
        }
        "read-memory-of-processes" => {
            // SAFETY: reads nothing: both lists are null, of no length.
            system(unsafe {
                libc::syscall(libc::SYS_process_vm_readv, libc::getpid(), 0_u64, 0_u64, 0_u64, 0_u64, 0_u64)
            })
        }
        "compare-processes" => {
            // SAFETY: numbers only; it compares this process with itself.
            system(unsafe { libc::syscall(libc::SYS_kcmp, libc::getpid(), libc::getpid(), 1, 0, 0) })
        }
        "leave-namespaces" => {
            // SAFETY: a number only, which asks for nothing.
            system(unsafe { libc::syscall(libc::SYS_unshare, 0) })
        }
        "change-personality" => {
            // SAFETY: a number only, which asks what the personality is.
            system(unsafe { libc::syscall(libc::SYS_personality, 0xffff_ffff_u32) })
        }
        other => panic!("{other}"),
    }
}

fn attempt(process: &str, walls: &str, attempt: &str, port: u16) -> Came {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outside");
    std::fs::write(&file, "outside").unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--test-threads=1", "--nocapture"])
        .env(TRY, format!("{process} {walls} {attempt} {port} {}", file.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    match (status.code(), status.signal()) {
        // A program that took the child's place.
        (Some(THROUGH | 0), _) => Came::Through,
        (Some(NO_WALLS), _) => panic!("{process}: the {walls} wall could not be put up"),
        (Some(number), _) if number < THROUGH => Came::Refused(number),
        (None, Some(libc::SIGSYS)) => Came::Killed,
        _ => panic!("{process} {walls} {attempt}: {status}"),
    }
}

const EACCES: Came = Came::Refused(libc::EACCES);
const EPERM: Came = Came::Refused(libc::EPERM);

/// What some kernels lack, and containers refuse on their own.
const NOT_EVERYWHERE: [&str; 4] =
    ["read-memory-of-processes", "compare-processes", "leave-namespaces", "change-personality"];

/// What each of the two walls alone, and both together, make of an attempt that gets through without them.
fn assert_walls(process: &str, cases: &[(&str, Came, Came, Came)]) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // The neighbouring port may belong to somebody or to nobody; what counts is who refuses it.
    let neighbour = TcpListener::bind((Ipv4Addr::LOCALHOST, port ^ 1));
    for (what, landlock, seccomp, both) in cases {
        if *what == "dial-another-port" && neighbour.is_err() {
            continue;
        }
        let without = attempt(process, "none", what, port);
        if without != Came::Through && NOT_EVERYWHERE.contains(what) {
            continue;
        }
        assert_eq!(without, Came::Through, "{process}, no walls: {what}");
        assert_eq!(attempt(process, "landlock", what, port), *landlock, "{process}, Landlock alone: {what}");
        assert_eq!(attempt(process, "seccomp", what, port), *seccomp, "{process}, seccomp alone: {what}");
        assert_eq!(attempt(process, "both", what, port), *both, "{process}, both walls: {what}");
    }
}

#[test]
fn each_wall_of_the_broker_holds_without_the_other() {
    use Came::Through;
    assert_walls(
        "broker",
        &[
            // attempt, Landlock alone, seccomp alone, both
            ("open-a-file", EACCES, Through, EACCES),
            ("write-a-file", EACCES, Through, EACCES),
            ("make-a-file", EACCES, Through, EACCES),
            ("read-a-folder", EACCES, Through, EACCES),
            ("dial-another-port", EACCES, Through, EACCES),
            ("bind-a-port", EACCES, EPERM, EACCES),
            // Landlock knows `bind`, and this does without.
            ("listen", Through, EPERM, EPERM),
            ("start-a-program", EACCES, EPERM, EPERM),
            ("become-a-program", EACCES, EPERM, EPERM),
            ("map-writable-code", Through, EPERM, EPERM),
            ("make-memory-code", Through, EPERM, EPERM),
            ("read-memory-of-processes", Through, EPERM, EPERM),
            ("compare-processes", Through, EPERM, EPERM),
            ("leave-namespaces", Through, EPERM, EPERM),
            ("change-personality", Through, EPERM, EPERM),
            // What a run needs.
            ("read-the-name-service", Through, Through, Through),
            ("dial-the-port", Through, Through, Through),
            ("make-a-socket", Through, Through, Through),
            ("start-a-thread", Through, Through, Through),
        ],
    );
}

#[test]
fn each_wall_of_the_worker_holds_without_the_other() {
    use Came::{Killed, Through};
    assert_walls(
        "worker",
        &[
            ("open-a-file", EACCES, Killed, Killed),
            ("write-a-file", EACCES, Killed, Killed),
            ("make-a-file", EACCES, Killed, Killed),
            ("read-a-folder", EACCES, Killed, Killed),
            ("read-the-name-service", EACCES, Killed, Killed),
            ("dial-the-port", EACCES, Killed, Killed),
            ("dial-another-port", EACCES, Killed, Killed),
            ("bind-a-port", EACCES, Killed, Killed),
            ("listen", Through, Killed, Killed),
            ("become-a-program", EACCES, Killed, Killed),
            // Not Landlock's: a socket that is no TCP, a thread, memory, other processes.
            ("make-a-socket", Through, Killed, Killed),
            ("start-a-thread", Through, Killed, Killed),
            ("map-writable-code", Through, Killed, Killed),
            ("make-memory-code", Through, Killed, Killed),
            ("read-memory-of-processes", Through, Killed, Killed),
            ("compare-processes", Through, Killed, Killed),
            ("leave-namespaces", Through, Killed, Killed),
        ],
    );
}
