//! Descriptors handed from one of our processes to another, over a pair of sockets that leads nowhere else.
//!
//! A message is eight bytes: what it is (u8), three unused, and a number (u32, little endian). It may bring one descriptor with it, or two.
#![allow(unsafe_code, reason = "descriptors in messages have no safe interface in the standard library")]

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the other side may take for one message.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most descriptors of a message.
const MOST: usize = 2;
/// Bytes of a message.
const MESSAGE: usize = 8;
/// Bytes of one descriptor's number.
const NUMBER: u32 = 4;
/// Room for the header of a control message and two descriptors, as numbers that align it (CMSG_SPACE of 8 is 24 on every 64-bit system
/// and 20 on 32-bit ones).
type Control = [u64; 4];

/// One end of the pair.
#[derive(Debug)]
pub struct Channel(UnixStream);

/// A message, with the descriptors that it handed over.
#[derive(Debug)]
pub struct Message {
    /// What it is.
    pub word: u8,
    /// What it is about.
    pub number: u32,
    /// What came with it: two at most.
    pub descriptors: Vec<OwnedFd>,
}

/// A pair of ends. Neither waits for ever when it is this process's own; the other is for another process.
pub fn channel() -> io::Result<(Channel, OwnedFd)> {
    let (own, other) = UnixStream::pair()?;
    own.set_read_timeout(Some(PATIENCE))?;
    own.set_write_timeout(Some(PATIENCE))?;
    Ok((Channel(own), other.into()))
}

/// The end that a process was started with, as its standard input.
pub fn inherited() -> io::Result<Channel> {
    // SAFETY: descriptor 0 is open from the start of every Rust program; the copy that F_DUPFD_CLOEXEC makes is ours alone.
    let copy = unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now, and nothing else knows its number.
    Ok(Channel(UnixStream::from(unsafe { OwnedFd::from_raw_fd(copy) })))
}

impl Channel {
    /// Sends a message; the descriptors, two at most, are handed over with it and stay open here.
    pub fn send(&self, word: u8, number: u32, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let [n0, n1, n2, n3] = number.to_le_bytes();
        let mut bytes = [word, 0, 0, 0, n0, n1, n2, n3];
        let mut control: Control = [0; 4];
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: MESSAGE };
        let mut message = empty(&mut part);
        if !descriptors.is_empty() {
            message.msg_control = control.as_mut_ptr().cast();
            let bytes = u32::try_from(descriptors.len()).map_or(u32::MAX, |count| count.saturating_mul(NUMBER));
            // SAFETY: pure arithmetic.
            let (space, length) = unsafe { (libc::CMSG_SPACE(bytes), libc::CMSG_LEN(bytes)) };
            if descriptors.len() > MOST || space as usize > size_of::<Control>() {
                return Err(io::Error::other("the control message does not fit"));
            }
            message.msg_controllen = space as _;
            // SAFETY: `msg_control` is `control`, aligned for a header by its type and as large as `msg_controllen` says (checked
            // above), so CMSG_FIRSTHDR is not null and CMSG_DATA has room for as many numbers as there are descriptors.
            unsafe {
                let header = libc::CMSG_FIRSTHDR(&raw const message);
                (*header).cmsg_level = libc::SOL_SOCKET;
                (*header).cmsg_type = libc::SCM_RIGHTS;
                (*header).cmsg_len = length as _;
                let numbers = libc::CMSG_DATA(header).cast::<RawFd>();
                for (index, descriptor) in descriptors.iter().enumerate() {
                    numbers.add(index).write_unaligned(descriptor.as_raw_fd());
                }
            }
        }
        // SAFETY: `message` points to `part` (and so `bytes`) and `control`, which all outlive the call.
        let sent = unsafe { libc::sendmsg(self.0.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
        match usize::try_from(sent) {
            Ok(MESSAGE) => Ok(()),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    /// The socket alone, as a way to the other side and not back: what the other side writes is refused.
    pub fn into_descriptor(self) -> io::Result<OwnedFd> {
        self.0.shutdown(Shutdown::Read)?;
        self.0.set_read_timeout(None)?;
        self.0.set_write_timeout(None)?;
        Ok(self.0.into())
    }

    /// The next message; `None` when the other side has ended.
    pub fn receive(&self) -> io::Result<Option<Message>> {
        let mut bytes = [0_u8; MESSAGE];
        let mut control: Control = [0; 4];
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: MESSAGE };
        let mut message = empty(&mut part);
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of::<Control>() as _;
        let flags = libc::MSG_WAITALL | libc::MSG_CMSG_CLOEXEC;
        let count = loop {
            // SAFETY: `message` points to `part` (and so `bytes`) and `control`, which are as large as it says and outlive the call.
            let count = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, flags) };
            match usize::try_from(count) {
                Ok(count) => break count,
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        };
        let descriptors = received(&message)?;
        match count {
            0 => Ok(None),
            MESSAGE => {
                let [word, _, _, _, n0, n1, n2, n3] = bytes;
                Ok(Some(Message { word, number: u32::from_le_bytes([n0, n1, n2, n3]), descriptors }))
            }
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A message of one part, without control data.
fn empty(part: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: zeros are a valid `msghdr`: null pointers with lengths of zero.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = std::ptr::from_mut(part);
    message.msg_iovlen = 1;
    message
}

/// The descriptors that came; closed again if there are more than a message may have.
fn received(message: &libc::msghdr) -> io::Result<Vec<OwnedFd>> {
    let mut found = Vec::new();
    // SAFETY: the kernel has filled `msg_control` up to `msg_controllen`, which lies inside the caller's buffer; CMSG_FIRSTHDR and
    // CMSG_NXTHDR stay inside it, and `cmsg_len` says how many numbers there are. Each is a descriptor that the kernel has just made
    // for this process and that nothing else owns.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes = ((*header).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for index in 0..bytes / size_of::<RawFd>() {
                    found.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    let whole = found.len() <= MOST && message.msg_flags & libc::MSG_CTRUNC == 0;
    if whole { Ok(found) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn one_descriptor_arrives_alone() {
        let (own, other) = channel().unwrap();
        let other = Channel(UnixStream::from(other));
        let (read, write) = std::io::pipe().unwrap();
        own.send(b'n', 7, &[write.as_fd()]).unwrap();
        drop(write);
        let message = other.receive().unwrap().unwrap();
        assert_eq!((message.word, message.number, message.descriptors.len()), (b'n', 7, 1));
        File::from(message.descriptors.into_iter().next().unwrap()).write_all(b"through").unwrap();
        let mut text = String::new();
        File::from(OwnedFd::from(read)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn what_a_channel_becomes_leads_one_way() {
        let (own, other) = channel().unwrap();
        let mut own = File::from(own.into_descriptor().unwrap());
        let mut other = UnixStream::from(other);
        own.write_all(b"there").unwrap();
        assert_eq!(other.write(b"back").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let mut there = [0; 5];
        other.read_exact(&mut there).unwrap();
        assert_eq!(&there, b"there");
    }

    #[test]
    fn three_descriptors_are_too_many() {
        let (own, _other) = channel().unwrap();
        let file = File::open("/dev/null").unwrap();
        assert!(own.send(b'n', 0, &[file.as_fd(); 3]).is_err());
    }

    #[test]
    fn two_descriptors_arrive_and_others_do_not() {
        let (own, other) = channel().unwrap();
        let other = Channel(UnixStream::from(other));
        let (read, write) = std::io::pipe().unwrap();
        let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
        own.send(b'w', 70_000, &[read.as_fd(), write.as_fd()]).unwrap();
        own.send(b'e', 13, &[]).unwrap();
        drop((read, write));
        let message = other.receive().unwrap().unwrap();
        assert_eq!((message.word, message.number), (b'w', 70_000));
        let [read, write] = <[OwnedFd; 2]>::try_from(message.descriptors).unwrap();
        File::from(write).write_all(b"through").unwrap();
        let mut text = String::new();
        File::from(read).read_to_string(&mut text).unwrap();
        assert_eq!(text, "through", "and the first end is closed, or this would not end");
        let message = other.receive().unwrap().unwrap();
        assert_eq!((message.word, message.number, message.descriptors.len()), (b'e', 13, 0));
        drop(own);
        assert!(other.receive().unwrap().is_none());
    }

    #[test]
    fn a_message_that_is_cut_short_is_an_error() {
        let (own, other) = channel().unwrap();
        UnixStream::from(other).write_all(b"abc").unwrap();
        assert!(own.receive().is_err());
    }
}
