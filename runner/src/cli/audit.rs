//! `audit`: is the audit log whole, and what does it say to a SIEM?

use super::{Exit, Out};
use crate::audit::chain::Hash;
use crate::audit::ocsf::{self, Class};
use crate::audit::verify::{Broken, Intact, records, verify};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Look at the audit log: is it whole; export it
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Verify(Verify),
    Export(Export),
}

/// Read the whole log: find edits, reordering, insertions, and an end that is missing
///
/// Without an anchor, an end that was cut off cleanly cannot be noticed: give the `audit_anchor` of the latest result line
/// (the gateway keeps it), or the last `hash` that the system log has.
#[derive(Debug, Args)]
#[command(after_long_help = "Exit codes: 0 intact, 1 broken (the line, and what is wrong), 2 the file cannot be read.

Example:
  rotabox audit verify /var/log/rotabox/audit.jsonl --anchor 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
struct Verify {
    /// The log
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A record that must be in it; may be given several times
    #[arg(long = "anchor", value_name = "HASH", value_parser = hash)]
    anchors: Vec<Hash>,
}

/// Write the outcomes of all runs to stdout, one JSON line each, for a SIEM
///
/// The log is verified on the way: nothing behind a broken line is exported.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Exit codes: 0 exported, 1 the log is broken (what stands before that is exported), 2 the file cannot be read.

Example:
  rotabox audit export --ocsf /var/log/rotabox/audit.jsonl > events.jsonl"
)]
struct Export {
    /// The log, as OCSF events (Open Cybersecurity Schema Framework)
    #[arg(long, value_name = "FILE", required = true)]
    ocsf: PathBuf,
    /// The class of the events
    #[arg(long, value_enum, default_value_t)]
    class: Class,
}

impl Audit {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        match self.what {
            What::Verify(verify) => verify.execute(out),
            What::Export(export) => export.execute(out),
        }
    }
}

/// The log is broken.
const BROKEN: Exit = Exit(1);

impl Verify {
    fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        match verify(open(&self.file)?, &self.anchors, |_| ()).with_context(|| unreadable(&self.file))? {
            Ok(intact) => {
                out.data(&words(&self.file, &intact, &self.anchors));
                Ok(Exit::OK)
            }
            Err(broken) => Ok(say_broken(&self.file, &broken, out)),
        }
    }
}

impl Export {
    fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let mut batch = String::new();
        let end = verify(open(&self.ocsf)?, &[], |record| {
            if let Some(event) = ocsf::event(record, self.class) {
                batch.push_str(&event.to_string());
                batch.push('\n');
            }
            if batch.len() > 1 << 16 {
                out.data(&std::mem::take(&mut batch));
            }
        })
        .with_context(|| unreadable(&self.ocsf))?;
        out.data(&batch);
        match end {
            Ok(_) => Ok(Exit::OK),
            Err(broken) => Ok(say_broken(&self.ocsf, &broken, out)),
        }
    }
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| unreadable(path))?;
    let metadata = file.metadata().with_context(|| unreadable(path))?;
    anyhow::ensure!(!metadata.is_dir(), "`{}` is a folder; name the log itself", path.display());
    Ok(BufReader::with_capacity(1 << 16, file))
}

fn unreadable(path: &Path) -> String {
    format!("`{}` cannot be read; name an audit log that this user may read", path.display())
}

fn say_broken(path: &Path, broken: &Broken, out: &mut Out) -> Exit {
    out.error(&format!(
        "{}:{}: broken: {}\nthe chain is unbroken up to that line; keep the file as it is, and compare it with the anchors that \
         the gateway and the system log have\n",
        path.display(),
        broken.line,
        broken.what
    ));
    BROKEN
}

fn words(path: &Path, intact: &Intact, anchors: &[Hash]) -> String {
    let mut text = format!("{}: intact, {}", path.display(), records(intact.records));
    if let Some((first, last)) = &intact.times {
        // Times are texts of the file; they were vouched for by nobody but its writer.
        let plain = |time: &str| crate::report::escape::escape(time, 40);
        let _ = write!(text, " from {} to {}", plain(first), plain(last));
    }
    text.push('\n');
    if let Some(last) = intact.last {
        let _ = writeln!(text, "last hash: {}", last.hash);
    }
    if let Some(older) = intact.continues {
        let _ = writeln!(text, "goes on from an older file: verify that one with --anchor {older}");
    }
    for (line, bytes) in &intact.torn {
        let _ = writeln!(
            text,
            "line {line}: cut short ({bytes} bytes) by a crash or a full disk; the next run recorded it"
        );
    }
    for (anchor, line) in anchors.iter().zip(&intact.anchors) {
        let _ = writeln!(text, "anchor {anchor}: line {line}");
    }
    if anchors.is_empty() {
        text.push_str("without --anchor, an end that was cut off cannot be noticed\n");
    }
    text
}

fn hash(text: &str) -> Result<Hash, String> {
    Hash::parse(text).ok_or_else(|| "an anchor is 64 lower-case hex digits, as the result line has it".to_owned())
}
