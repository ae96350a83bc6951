//! libFuzzer over one target of `rotabox_tests::fuzz`: `tests/guided.sh`, which is `make fuzz-guided`, builds it, with counters in
//! our own crates. `ROTABOX_FUZZ_TARGET` names the target.
#![no_main]
#![allow(clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods, reason = "a program of the tests")]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use rotabox_tests::fuzz::{TARGETS, Target};
use std::sync::OnceLock;

fn target() -> &'static Target {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("ROTABOX_FUZZ_TARGET").unwrap_or_default();
        let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
        TARGETS
            .iter()
            .find(|target| target.name == name)
            .unwrap_or_else(|| panic!("ROTABOX_FUZZ_TARGET is one of {}", known()))
    })
}

fuzz_target!(init: outlive_closed_sockets(), |bytes: &[u8]| (target().run)(bytes));

/// As every Rust program does before its `main`, which this one has none of.
#[allow(unsafe_code, reason = "signals have no safe interface in the standard library")]
fn outlive_closed_sockets() {
    // SAFETY: SIG_IGN runs no code of ours, and this is the process's only thread yet.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

// Every second change is one of ours, which know the target's language; the others are libFuzzer's own.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(2) {
        return fuzzer_mutate(data, size, max_size);
    }
    let changed = target().changed(&data[..size], seed.into());
    let size = changed.len().min(max_size);
    data[..size].copy_from_slice(&changed[..size]);
    size
});
