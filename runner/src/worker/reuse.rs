//! Memory of stores that are over, for the stores that follow: wiped, and not mapped anew.
//!
//! Every step has a store of its own, and with it a linear memory and a stack. Mapping these, having the kernel fill in page after page
//! at the first touch, and unmapping them takes four times as long as a short step itself. So a mapping is kept when its store ends.
//! It is given to the next store as a new one would be: every byte is zero, and only the size that was asked for can be
//! accessed, whatever the one before had grown to. Wiping happens when the store ends, not when the next one begins.
//!
//! | part | is wiped by |
//! | --- | --- |
//! | pages that an earlier store of this size wrote to | filling them with zeros: they stay, and cost no fault the next time |
//! | everything else | giving the pages back to the kernel, which has others, full of zeros, when they are touched again |
//!
//! The first kind is only a guess at what is worth keeping: what is not of it is of the second.
#![allow(unsafe_code, reason = "memory is mapped and wiped by hand")]

use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::{Config, LinearMemory, MemoryCreator, MemoryType, StackCreator, StackMemory};

/// Mappings of one kind that are kept: with more steps than that under way at once, the others are mapped anew.
const KEPT: usize = 128;
/// The upper end of a stack, which is kept: a short step uses some 8 KiB.
const STACK_KEPT: usize = 16 * 1024;
/// Most bytes of a linear memory that are kept.
const MEMORY_KEPT: usize = 128 * 1024;
/// Memories of a shape that end before it is looked for what is worth keeping of them. Looking costs more than some fresh pages: a single
/// run, which has fewer steps, does without.
const BEFORE_LOOKING: u32 = 16;
/// How far into a linear memory it is looked for what is worth keeping.
const LOOKED_AT: usize = 4 * 1024 * 1024;
/// Pages that were not written to, but stand between two that were, so that both are wiped at once.
const GAP: usize = 2;

/// Has the engine take linear memories and stacks from here.
pub(super) fn memory_and_stacks(config: &mut Config) {
    config.with_host_memory(Arc::new(Memories::default()));
    config.with_host_stack(Arc::new(Stacks::default()));
}

/// A mapping of this process alone, nothing of it accessible until it is opened. Unmapped when dropped.
struct Mapping {
    at: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone, as a `Box<[u8]>` does, and is not bound to a thread.
unsafe impl Send for Mapping {}
// SAFETY: by a shared reference it can only be asked where it is.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(length: usize) -> io::Result<Mapping> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new private mapping at an address that the kernel chooses touches no other memory.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
        let at = if at == libc::MAP_FAILED { None } else { NonNull::new(at.cast::<u8>()) };
        Ok(Mapping { at: at.ok_or_else(io::Error::last_os_error)?, length })
    }

    /// Where byte `offset` is.
    fn place(&self, offset: usize) -> *mut u8 {
        self.at.as_ptr().wrapping_add(offset)
    }

    fn holds(&self, range: &Range<usize>) -> io::Result<()> {
        let whole = range.start.is_multiple_of(page()) && range.end.is_multiple_of(page());
        let inside = range.start <= range.end && range.end <= self.length;
        if whole && inside { Ok(()) } else { Err(io::Error::other("pages that are not of the mapping")) }
    }

    fn protect(&self, range: Range<usize>, how: libc::c_int) -> io::Result<()> {
        self.holds(&range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: whole pages of this mapping, as was just seen.
        let done = unsafe { libc::mprotect(self.place(range.start).cast(), range.len(), how) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Makes pages accessible: they are zero, unless they were written to before.
    fn open(&self, range: Range<usize>) -> io::Result<()> {
        self.protect(range, libc::PROT_READ | libc::PROT_WRITE)
    }

    /// The opposite. They keep what they hold.
    fn close(&self, range: Range<usize>) -> io::Result<()> {
        self.protect(range, libc::PROT_NONE)
    }

    /// Gives pages back to the kernel: they are zero when they are touched the next time.
    fn give_back(&self, range: Range<usize>) -> io::Result<()> {
        self.holds(&range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: whole pages of this mapping, which is private and of no file; nobody borrows from it while `&mut` of its owner is held.
        let done = unsafe { libc::madvise(self.place(range.start).cast(), range.len(), libc::MADV_DONTNEED) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Fills open pages with zeros.
    fn fill(&self, range: Range<usize>) -> io::Result<()> {
        self.holds(&range)?;
        // SAFETY: the pages are of this mapping; the callers below fill only what they have opened, and when no store uses it any more.
        unsafe { self.place(range.start).write_bytes(0, range.len()) };
        Ok(())
    }

    /// The open pages of `range` that hold something else than zeros, as few ranges.
    fn written(&self, range: Range<usize>) -> io::Result<Vec<Range<usize>>> {
        self.holds(&range)?;
        let mut found: Vec<Range<usize>> = Vec::new();
        for start in range.step_by(page()) {
            // SAFETY: one open page of this mapping; no store uses it any more.
            let bytes = unsafe { std::slice::from_raw_parts(self.place(start), page()) };
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            match found.last_mut() {
                Some(last) if start - last.end <= GAP * page() => last.end = start + page(),
                _ => found.push(start..start + page()),
            }
        }
        Ok(found)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, which nobody else knows of any more. A failure would leave it mapped, which harms nobody.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.length) };
    }
}

/// Linear memories. Clones are the same.
#[derive(Clone, Default)]
struct Memories(Arc<Mutex<KeptMemories>>);

#[derive(Default)]
struct KeptMemories {
    free: Vec<(Shape, Mapping)>,
    known: Vec<Known>,
}

/// What two memories must have in common for one to be the other's.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// Bytes that are open at the beginning, in whole pages.
    least: usize,
    /// Bytes that it can grow to, in whole pages.
    most: usize,
    /// Bytes before and behind it that stay closed.
    guard: usize,
}

/// What is known of the memories of a shape.
struct Known {
    shape: Shape,
    /// How many have ended.
    ended: u32,
    /// Which pages are kept of them, in order.
    kept: Arc<[Range<usize>]>,
}

/// A linear memory in use.
struct Memory {
    pool: Memories,
    shape: Shape,
    /// Taken out when it is dropped.
    mapping: Option<Mapping>,
    size: usize,
    /// It could not be grown, and what of it is open is not known.
    spoilt: bool,
}

impl Memories {
    fn lock(&self) -> MutexGuard<'_, KeptMemories> {
        lock(&self.0)
    }

    fn give(&self, shape: Shape, size: usize) -> io::Result<Memory> {
        let mut pool = self.lock();
        let free = pool.free.iter().rposition(|(of, _)| *of == shape).map(|at| pool.free.swap_remove(at).1);
        drop(pool);
        let mapping = match free {
            Some(mapping) => mapping,
            None => {
                let mapping = Mapping::new(shape.guard + shape.most + shape.guard)?;
                mapping.open(shape.guard..shape.guard + shape.least)?;
                mapping
            }
        };
        Ok(Memory { pool: self.clone(), shape, mapping: Some(mapping), size, spoilt: false })
    }

    /// What is kept of memories of that shape, now that one more has ended.
    fn kept(&self, shape: Shape, mapping: &Mapping, open: usize) -> io::Result<Arc<[Range<usize>]>> {
        let mut pool = self.lock();
        let known = match pool.known.iter().position(|known| known.shape == shape) {
            Some(at) => pool.known.get_mut(at),
            None => {
                pool.known.push(Known { shape, ended: 0, kept: Arc::default() });
                pool.known.last_mut()
            }
        };
        let Some(known) = known else { return Ok(Arc::default()) };
        known.ended = known.ended.saturating_add(1);
        if known.ended == BEFORE_LOOKING {
            let mut left = MEMORY_KEPT;
            let written = mapping.written(shape.guard..shape.guard + open.min(LOOKED_AT))?;
            let worth_it = written.into_iter().take_while(|range| {
                let fits = range.len() <= left;
                left = left.saturating_sub(range.len());
                fits
            });
            known.kept = worth_it.collect();
        }
        Ok(Arc::clone(&known.kept))
    }

    /// Wipes and closes what a store leaves, and keeps it.
    fn take_back(&self, shape: Shape, mapping: Mapping, open: usize) -> io::Result<()> {
        let end = shape.guard + open;
        let mut wiped = shape.guard;
        for range in &*self.kept(shape, &mapping, open)? {
            // This one may be smaller than the first one was.
            let range = range.start.min(end)..range.end.min(end);
            mapping.give_back(wiped..range.start)?;
            mapping.fill(range.clone())?;
            wiped = range.end;
        }
        mapping.give_back(wiped..end)?;
        mapping.close(shape.guard + shape.least..end)?;
        let mut pool = self.lock();
        if pool.free.len() < KEPT {
            pool.free.push((shape, mapping));
        }
        Ok(())
    }
}

// SAFETY: a memory is a mapping of its own, zero wherever it is opened for the first time or after `take_back`; it never moves, since all
// that it can grow to is reserved; what is not opened, the guards on both sides included, cannot be accessed.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        // As the engine itself does: a memory that can never be that large still has all of the reservation.
        let _ = maximum;
        let most = whole(reserved.unwrap_or(0).max(minimum)).ok_or("a linear memory that no machine has")?;
        let shape = Shape { least: whole(minimum).unwrap_or(most), most, guard };
        match self.give(shape, minimum) {
            Ok(memory) => Ok(Box::new(memory)),
            Err(error) => Err(format!("a linear memory cannot be mapped: {error}")),
        }
    }
}

// SAFETY: `as_ptr` to `byte_size` is open, page aligned, and this memory's alone.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.shape.most
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        let too_large = || wasmtime::Error::msg("a linear memory cannot grow beyond what is reserved for it");
        let (open, wanted) = (whole(self.size).ok_or_else(too_large)?, whole(size).ok_or_else(too_large)?);
        if wanted > self.shape.most || size < self.size {
            return Err(too_large());
        }
        let mapping = self.mapping.as_ref().ok_or_else(too_large)?;
        let grown = mapping.open(self.shape.guard + open..self.shape.guard + wanted);
        self.spoilt |= grown.is_err();
        grown?;
        self.size = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.mapping.as_ref().map_or(std::ptr::null_mut(), |mapping| mapping.place(self.shape.guard))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let (Some(mapping), Some(open), false) = (self.mapping.take(), whole(self.size), self.spoilt) {
            // What cannot be wiped is unmapped.
            let _ = self.pool.take_back(self.shape, mapping, open);
        }
    }
}

/// Stacks of one size. Clones are the same.
#[derive(Clone, Default)]
struct Stacks(Arc<Mutex<Vec<Mapping>>>);

/// A stack in use: a closed page, and behind it what grows downwards.
struct Stack {
    pool: Stacks,
    at: *mut u8,
    /// Taken out when it is dropped.
    mapping: Option<Mapping>,
    length: usize,
}

// SAFETY: `at` is where `mapping` is, which may go to other threads.
unsafe impl Send for Stack {}
// SAFETY: as for `Send`; nothing is changed by a shared reference.
unsafe impl Sync for Stack {}

impl Stacks {
    fn give(&self, size: usize) -> io::Result<Stack> {
        let length =
            whole(size.max(STACK_KEPT)).and_then(|size| size.checked_add(page())).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut pool = lock(&self.0);
        let free = pool.iter().rposition(|mapping| mapping.length == length).map(|at| pool.swap_remove(at));
        drop(pool);
        let mapping = match free {
            Some(mapping) => mapping,
            None => {
                let mapping = Mapping::new(length)?;
                mapping.open(page()..length)?;
                mapping
            }
        };
        Ok(Stack { pool: self.clone(), at: mapping.place(0), mapping: Some(mapping), length })
    }

    /// Wipes what a store leaves, and keeps it.
    fn take_back(&self, mapping: Mapping) -> io::Result<()> {
        // In whole pages, which are larger than four KiB on some machines.
        let kept = mapping.length.saturating_sub(whole(STACK_KEPT).unwrap_or(mapping.length)).max(page());
        mapping.give_back(page()..kept)?;
        mapping.fill(kept..mapping.length)?;
        let mut pool = lock(&self.0);
        if pool.len() < KEPT {
            pool.push(mapping);
        }
        Ok(())
    }
}

// SAFETY: a stack is a mapping of its own, page aligned, with a closed page at its lower end; it is zero when it is new and after
// `take_back`.
unsafe impl StackCreator for Stacks {
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        Ok(Box::new(self.give(size)?))
    }
}

// SAFETY: the ranges are those of the mapping, which lives as long as this does.
unsafe impl StackMemory for Stack {
    fn top(&self) -> *mut u8 {
        self.at.wrapping_add(self.length)
    }

    fn range(&self) -> Range<usize> {
        self.at.addr() + page()..self.at.addr() + self.length
    }

    fn guard_range(&self) -> Range<*mut u8> {
        self.at..self.at.wrapping_add(page())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(mapping) = self.mapping.take() {
            // What cannot be wiped is unmapped.
            let _ = self.pool.take_back(mapping);
        }
    }
}

/// In whole pages.
fn whole(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(page())
}

/// Bytes of a page.
fn page() -> usize {
    // SAFETY: asks for a number that the process was started with, and changes nothing.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// There is one thread; a lock is only what lets an engine be shared between threads in theory.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#[path = "reuse_tests.rs"]
mod tests;
