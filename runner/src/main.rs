//! argv -> command -> exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(verb) if verb == "__worker" => return rotabox::worker::main(),
        Some(verb) if verb == "__launcher" => return rotabox::broker::launcher::main(),
        _ => {}
    }
    if cfg!(target_feature = "crt-static") {
        // Whether it took is seen when a name is looked up.
        let _ = rotabox::confine::names::this_binary_is_static();
    }
    rotabox::cli::main(std::env::args_os())
}
