//! The worker: the process with wasmtime and the rotator, and nothing else.

/// Runs the worker's side of the protocol on stdin and stdout until stdin ends.
pub fn main() -> std::process::ExitCode {
    todo!()
}
