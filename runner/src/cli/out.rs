//! Where a verb writes: data to stdout, everything else to stderr. What could not be written is remembered: the exit code of a rotation
//! belongs to its outcome, whatever becomes of the output, and that of a verb whose output is all that it is for does not.

use std::io::{IsTerminal as _, Write};

/// The two streams of a verb.
pub struct Out {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    coloured: bool,
    unwritten: Option<std::io::Error>,
}

impl Out {
    /// This process's own streams.
    pub fn standard() -> Out {
        let coloured = std::io::stdout().is_terminal();
        Out { stdout: Box::new(std::io::stdout()), stderr: Box::new(std::io::stderr()), coloured, unwritten: None }
    }

    /// Whether data goes to a terminal that colours it.
    pub fn is_coloured(&self) -> bool {
        self.coloured
    }

    /// Other streams, for tests.
    pub fn to(stdout: Box<dyn Write>, stderr: Box<dyn Write>) -> Out {
        Out { stdout, stderr, coloured: false, unwritten: None }
    }

    /// Writes to stdout, in one write where the stream takes it. A failure is remembered, and nothing more is written after it.
    pub fn data(&mut self, text: &str) {
        if self.unwritten.is_none() {
            self.unwritten = self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush()).err();
        }
    }

    /// What was written to stdout by other means was not written whole.
    pub(super) fn not_written(&mut self, error: std::io::Error) {
        self.unwritten.get_or_insert(error);
    }

    /// Why not all of the data was written, if it was not.
    pub(super) fn unwritten(&self) -> Option<&std::io::Error> {
        self.unwritten.as_ref()
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
