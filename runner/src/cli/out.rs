//! Where a verb writes: data to stdout, everything else to stderr. A closed pipe changes nothing about the exit code.

use std::io::{IsTerminal as _, Write};

/// The two streams of a verb.
pub struct Out {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    coloured: bool,
}

impl Out {
    /// This process's own streams.
    pub fn standard() -> Out {
        let coloured = std::io::stdout().is_terminal();
        Out { stdout: Box::new(std::io::stdout()), stderr: Box::new(std::io::stderr()), coloured }
    }

    /// Whether data goes to a terminal that colours it.
    pub fn is_coloured(&self) -> bool {
        self.coloured
    }

    /// Other streams, for tests.
    pub fn to(stdout: Box<dyn Write>, stderr: Box<dyn Write>) -> Out {
        Out { stdout, stderr, coloured: false }
    }

    /// Writes to stdout, in one write where the stream takes it. Failure is ignored on purpose: the exit code
    /// belongs to the outcome.
    pub fn data(&mut self, text: &str) {
        let _ = self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush());
    }

    /// Writes to stderr.
    pub fn error(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes()).and_then(|()| self.stderr.flush());
    }
}

/// From now on a panic (a bug of ours) ends the process with a result line and exit code 70. Only the place is said:
/// a message could hold anything.
pub(super) fn on_panic(verb: crate::report::result::Verb) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
        let mut out = Out::standard();
        out.data(&format!(
            "{{\"version\":1,\"verb\":\"{}\",\"outcome\":\"bug\",\"exit\":70,\"live\":\"unknown\",\"reason\":\"a bug of rotabox at {place}\"}}\n",
            verb.as_str()
        ));
        out.error(&format!("rotabox: bug: a bug of rotabox at {place}; keep both passwords, and report this line\n"));
        #[expect(clippy::exit, reason = "a panic must end in the exit code of a bug, from whichever thread")]
        std::process::exit(70);
    }));
}
