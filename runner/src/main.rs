//! argv -> command -> exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == "__worker") {
        return rotabox::worker::main();
    }
    rotabox::cli::main(std::env::args_os())
}
