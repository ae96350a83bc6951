//! What every Unix has: resource limits, and standard output without a buffer.
#![allow(unsafe_code, reason = "resource limits and descriptors have no safe interface in the standard library")]

use std::fs::File;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

pub(super) const CORE: Resource = libc::RLIMIT_CORE;
pub(super) const FILE_SIZE: Resource = libc::RLIMIT_FSIZE;
pub(super) const OPEN_FILES: Resource = libc::RLIMIT_NOFILE;
pub(super) const PROCESSES: Resource = libc::RLIMIT_NPROC;
pub(super) const DATA: Resource = libc::RLIMIT_DATA;

/// Sets both the soft and the hard limit, or lowers them no further than they are. True if the limit is now at most `value`.
pub(super) fn limit(resource: Resource, value: u64) -> bool {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is a whole rlimit that outlives the call.
    if unsafe { libc::getrlimit(resource, &raw mut now) } != 0 {
        return false;
    }
    let value = libc::rlim_t::from(value).min(now.rlim_max);
    let wanted = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: `wanted` is a whole rlimit that outlives the call, which only reads it.
    unsafe { libc::setrlimit(resource, &raw const wanted) == 0 }
}

/// A write beyond the limit on file sizes (`ulimit -f`) fails as any other instead of ending the process: a full audit file must not
/// take a run with it, least of all behind a change.
pub(super) fn outlive_file_size_limit() {
    // SAFETY: SIG_IGN runs no code of ours, and nothing in this process has a handler for this signal.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// All threads share one heap: a look-up's thread lives for a tenth of a millisecond, and a heap of its own costs it a fifth of that, and pages.
pub(super) fn one_heap() {
    // SAFETY: sets a number in the allocator, which reads it when a thread allocates for the first time. It was not refused, or nothing
    // has changed.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Standard output without the buffer of the standard library, which would split a frame at a byte that is 10.
#[derive(Debug)]
pub struct Stdout(ManuallyDrop<File>);

/// See [`Stdout`]. The descriptor stays open when it is dropped.
pub fn stdout() -> Stdout {
    // SAFETY: descriptor 1 is open from the start of every Rust program (the runtime opens it if it was closed), nothing in
    // this crate closes it, and `ManuallyDrop` keeps this `File` from doing so.
    Stdout(ManuallyDrop::new(unsafe { File::from_raw_fd(1) }))
}

/// A file that this process was handed. Closed when dropped, by that call and no other: a `File` of a debug build asks first whether it
/// is open, which the worker may not.
#[derive(Debug)]
pub struct Handed(RawFd);

/// The one that is descriptor 2 from the start, if this process was told so. To be called once.
pub fn handed_over() -> Handed {
    Handed(2)
}

impl From<OwnedFd> for Handed {
    fn from(descriptor: OwnedFd) -> Handed {
        Handed(descriptor.into_raw_fd())
    }
}

impl AsRawFd for Handed {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours. Either it was an `OwnedFd`; or it is 2, which is open from the start of every Rust program (the
        // runtime opens it if it was closed): the worker makes that value once, and its code writes nothing to the standard error
        // stream; the library's own handle for that stream does not own the descriptor, and what it may still write fails.
        unsafe { libc::close(self.0) };
    }
}

/// Whether standard input has something to read, or has ended. Does not wait.
pub fn input_waits() -> bool {
    let mut input = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
    // SAFETY: `input` is one whole pollfd that outlives the call, and the count says so. An error is taken for "yes": the read tells.
    unsafe { libc::poll(&raw mut input, 1, 0) != 0 }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
