//! Standard input on the event loop: a thread for it would cost more than reading it.
//!
//! A pipe tells when there is something to read, and is then read by a call that never waits: whoever else holds the pipe may have
//! been faster. A file is read at once. Anything else (`/dev/null`, an older kernel) is read by a thread that
//! may wait.

use super::InputError;
use super::line::{Filling, read_all as read_blocking};
use rustix::fs::FileType;
use std::io::Read;
use std::os::fd::AsFd as _;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use zeroize::Zeroizing;

/// All of standard input, up to the cap.
pub(super) async fn read_all() -> Result<Zeroizing<Vec<u8>>, InputError> {
    if rustix::fs::fstat(std::io::stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file()) {
        return read_blocking(&mut Unbuffered);
    }
    let mut filling = Filling::new();
    // It is not made non-blocking, which others that hold the same pipe would notice.
    #[expect(deprecated, reason = "sound here: standard input always names descriptor 0, and nothing closes it")]
    let ready = AsyncFd::with_interest(std::io::stdin(), Interest::READABLE);
    if let Ok(ready) = ready {
        match drain(&ready, &mut filling).await {
            Ok(()) => return filling.whole(),
            Err(Stopped::Input(error)) => return Err(error),
            Err(Stopped::Unsupported) => {}
        }
    }
    tokio::task::spawn_blocking(|| read_blocking(&mut Unbuffered))
        .await
        .map_err(|_| InputError::Unreadable(std::io::ErrorKind::Other))?
}

/// Standard input without the buffer of the standard library, which would keep what it holds and wipe nothing.
struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        Ok(rustix::io::read(std::io::stdin(), room)?)
    }
}

/// Why reading stopped before the end.
enum Stopped {
    Input(InputError),
    /// Not by calls that never wait. Nothing was read.
    Unsupported,
}

async fn drain(ready: &AsyncFd<std::io::Stdin>, filling: &mut Filling) -> Result<(), Stopped> {
    loop {
        let mut guard = ready.readable().await.map_err(|error| Stopped::Input(InputError::Unreadable(error.kind())))?;
        let mut unsupported = false;
        let read = filling.take(|room| {
            read_now(ready.get_ref(), room).inspect_err(|error| {
                unsupported =
                    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOSYS | libc::ESPIPE));
            })
        });
        match read {
            Err(_) if unsupported => return Err(Stopped::Unsupported),
            Err(error) => return Err(Stopped::Input(error)),
            Ok(Some(0)) => return Ok(()),
            Ok(Some(_)) => {}
            Ok(None) => guard.clear_ready(),
        }
    }
}

/// What is there, without waiting.
#[cfg(target_os = "linux")]
fn read_now(stdin: &std::io::Stdin, room: &mut [u8]) -> std::io::Result<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    /// For a pipe, which has no position; for anything else, its own.
    const HERE: u64 = u64::MAX;
    Ok(preadv2(stdin.as_fd(), &mut [std::io::IoSliceMut::new(room)], HERE, ReadWriteFlags::NOWAIT)?)
}

#[cfg(not(target_os = "linux"))]
fn read_now(_: &std::io::Stdin, _: &mut [u8]) -> std::io::Result<usize> {
    Err(std::io::ErrorKind::Unsupported.into())
}
