//! Why a step ended, in words. Nothing of it was written by the guest: no names, no messages.

use super::port::CallError;
use super::wasi::NotThere;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

/// A short reason.
pub(super) fn reason(error: &wasmtime::Error, refused_memory: bool) -> String {
    if let Some(error) = error.downcast_ref::<CallError>() {
        return error.to_string();
    }
    if let Some(error) = error.downcast_ref::<NotThere>() {
        return error.to_string();
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return format!("it exited with {code} instead of answering");
    }
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return if refused_memory { OUT_OF_MEMORY.to_owned() } else { other(error) };
    };
    match trap {
        Trap::OutOfFuel => "out of fuel".to_owned(),
        Trap::StackOverflow => "stack overflow".to_owned(),
        // A refused growth is answered with an abort by every language's allocator.
        Trap::UnreachableCodeReached if refused_memory => OUT_OF_MEMORY.to_owned(),
        Trap::UnreachableCodeReached => {
            "it reached code that aborts (`unreachable`): a panic or a failed assertion".to_owned()
        }
        known => known.to_string().trim_start_matches("wasm trap: ").to_owned(),
    }
}

const OUT_OF_MEMORY: &str = "out of memory";

/// What the engine says, as far as it is plain text.
fn other(error: &wasmtime::Error) -> String {
    let text: String = error.root_cause().to_string().chars().map(plain).take(200).collect();
    if text.is_empty() { "the engine gave up".to_owned() } else { text }
}

fn plain(character: char) -> char {
    if character == ' ' || character.is_ascii_graphic() { character } else { '?' }
}
