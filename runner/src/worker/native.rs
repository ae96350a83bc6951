//! Machine code from a file, mapped instead of compiled.
//!
//! The engine can map a file itself, but only by its path, and behind the first wall nothing can be opened. So it is mapped here, from
//! the descriptor that the broker judged, and the engine is told how to make its code executable. The pages are shared with every
//! other worker that maps the file.
#![allow(unsafe_code, reason = "machine code is taken as it is, and memory is mapped and made executable by hand")]

use crate::confine::Handed;
use crate::native::label::Damaged;
use crate::wire::NativeCode;
use sha2::{Digest as _, Sha256};
use std::os::fd::AsRawFd as _;
use std::ptr::NonNull;
use std::sync::Arc;
use wasmtime::component::Component;
use wasmtime::{Config, CustomCodeMemory, Engine};

/// The component in the file, for an engine of these settings.
pub(super) fn load(file: Handed, code: &NativeCode, mut config: Config) -> wasmtime::Result<Component> {
    let memory = map(&file, code.bytes)?;
    // Nothing of the rotator runs while a file is open.
    drop(file);
    if let Some(expected) = &code.sha256 {
        // SAFETY: `map` made all of it readable, it is never unmapped, and nothing in this process writes to it.
        let bytes = unsafe { memory.as_ref() };
        let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        wasmtime::ensure!(found == *expected, "{Damaged}");
    }
    config.with_custom_code_memory(Some(Arc::new(Pages)));
    let engine = Engine::new(&config)?;
    // SAFETY: the code was made by `engine::compile` of this very build with the same settings: the broker compared the label's build
    // id, and by its owner that nobody else wrote the file; its hash was compared above. `memory` is mapped for as long as the process lives. Whoever may
    // write the file may already decide what runs here.
    unsafe { Component::deserialize_raw(&engine, memory) }
}

/// The first `bytes` of the file, readable and no more, and never unmapped: a worker has one module.
fn map(file: &Handed, bytes: u64) -> std::io::Result<NonNull<[u8]>> {
    let length = usize::try_from(bytes).map_err(std::io::Error::other)?;
    // SAFETY: a new private mapping at an address that the kernel chooses touches no other memory. The file is no shorter: its label,
    // which the broker read, stands behind these bytes.
    let at =
        unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0) };
    let at = if at == libc::MAP_FAILED { None } else { NonNull::new(at.cast::<u8>()) };
    let at = at.ok_or_else(std::io::Error::last_os_error)?;
    Ok(NonNull::slice_from_raw_parts(at, length))
}

/// How mapped code becomes executable. Never undone.
struct Pages;

impl CustomCodeMemory for Pages {
    fn required_alignment(&self) -> usize {
        // SAFETY: asks for a number, and changes nothing.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(4096)
    }

    /// The processor's caches need no help: these pages come from a file, and the kernel sees to it when it maps them.
    fn publish_executable(&self, at: *const u8, length: usize) -> wasmtime::Result<()> {
        // SAFETY: the engine gives the text of the code that it was given, which lies within the mapping of `map`. It was never
        // writable, so nothing that is executable can be changed.
        let made = unsafe { libc::mprotect(at.cast_mut().cast(), length, libc::PROT_READ | libc::PROT_EXEC) };
        if made == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().into()) }
    }

    fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}
