//! Questions on a terminal.

use crate::cli::Out;
use std::io::{BufRead as _, IsTerminal as _};

/// Someone who can be asked.
pub(super) trait Ask {
    /// Shows `question` and reads one line. An end of the input is an error.
    fn ask(&mut self, question: &str) -> anyhow::Result<String>;
    /// Says something.
    fn say(&mut self, text: &str);
}

/// The person at the terminal.
pub(super) struct Terminal<'o> {
    out: &'o mut Out,
}

impl<'o> Terminal<'o> {
    /// Someone sits there: stdin and stderr are terminals.
    pub(super) fn if_there(out: &'o mut Out) -> Option<Terminal<'o>> {
        (std::io::stdin().is_terminal() && std::io::stderr().is_terminal()).then_some(Terminal { out })
    }
}

impl Ask for Terminal<'_> {
    fn ask(&mut self, question: &str) -> anyhow::Result<String> {
        self.out.error(question);
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line)? == 0 {
            self.out.error("\n");
            anyhow::bail!("the terminal was closed; nothing was written");
        }
        Ok(line.trim().to_owned())
    }

    fn say(&mut self, text: &str) {
        self.out.error(text);
    }
}

/// Asks until the answer can be read.
pub(super) fn until<T>(
    asker: &mut dyn Ask,
    question: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> anyhow::Result<T> {
    loop {
        let line = asker.ask(question)?;
        match read(&line) {
            Ok(answer) => return Ok(answer),
            Err(mistake) => asker.say(&format!("  {mistake}\n")),
        }
    }
}

/// `y` or `n`; an empty line is no.
pub(super) fn yes(line: &str) -> Result<bool, String> {
    match line.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "" | "n" | "no" => Ok(false),
        _ => Err("answer `y` or `n`".to_owned()),
    }
}
