//! `test`: all cassettes of a folder, for a rotator's author and for CI.

use super::report_file::{Kind, ReportFile};
use super::{Exit, Out, play};
use crate::policy::find::DEFAULT_FOLDER;
use crate::report::escape::escape;
use crate::report::junit;
use crate::report::replay::{Verdict, total};
use crate::report::system::why;
use clap::Args;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Replay every cassette of a folder, and say which differ
///
/// For the author of a rotator, and for CI: no provider, no vault and no network are needed. See `rotabox help replay` for how
/// differences are shown, and `rotabox help record` for how a cassette is made.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all are the same, 1 some differ, 2 some could not be used, or there are none.",
    after_long_help = "Exit codes:
  0  the module does the same as on every cassette
  1  something differs
  2  a cassette or the module could not be used, or the folder holds none

Example, in CI:
  rotabox test cassettes --module okta.wasm --junit target/cassettes.xml"
)]
pub(super) struct Test {
    /// The folder: its files `*.toml`
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A module, or the name of a policy, whose module is meant
    #[arg(long, value_name = "FILE|NAME")]
    module: String,
    /// Write a report as JUnit XML
    ///
    /// It replaces an earlier one, and no other file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// The policy folder
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    policies: PathBuf,
}

impl Test {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let paths = cassettes(&self.folder)?;
        let module = play::module(&self.module, &self.policies)?;
        let place = self.junit.as_deref().map(|path| self.junit_at(path, &paths, &module)).transpose()?;
        let read = paths.iter().map(|path| {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            (name, play::cassette(path))
        });
        let played = play::play(&module.bytes, read.collect())?;
        for played in &played {
            out.data(&played.text(out.is_coloured()));
        }
        out.data(&total(&played));
        if let Some(place) = place {
            let module = Path::new(&self.module).file_name().unwrap_or_default().to_string_lossy();
            place.write(&junit::report(&self.folder.display().to_string(), &module, &played))?;
        }
        let any = |wanted: fn(&Verdict) -> bool| played.iter().any(|played| wanted(&played.verdict));
        Ok(if any(|verdict| matches!(verdict, Verdict::Broken(_))) {
            Exit::NOT_STARTED
        } else if any(|verdict| matches!(verdict, Verdict::Differs(_))) {
            Exit(1)
        } else {
            Exit::OK
        })
    }
}

impl Test {
    /// The place of the report, which is no file that is read here.
    fn junit_at(&self, path: &Path, cassettes: &[PathBuf], module: &play::Module) -> anyhow::Result<ReportFile> {
        let kind = Kind { words: "a JUnit report", begins: junit::BEGINS };
        let inputs: Vec<&Path> = cassettes.iter().chain(&module.files).map(PathBuf::as_path).collect();
        ReportFile::at(path, kind, &inputs)
    }
}

/// The cassettes of a folder, by name. None at all is a mistake: a test that tests nothing must not be green.
fn cassettes(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let name = escape(&folder.display().to_string(), 400);
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("there is no folder `{name}`; name one with cassettes"),
        ErrorKind::NotADirectory => anyhow::anyhow!("`{name}` is no folder; one cassette is for `rotabox replay`"),
        _ => anyhow::anyhow!("`{name}` cannot be read ({}); give it to whoever runs this", why(&error)),
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let is_hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut paths =
        entries.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && !is_hidden(path));
    paths.sort();
    anyhow::ensure!(
        !paths.is_empty(),
        "`{name}` holds no cassette (a file `*.toml`); record one with `rotabox record`"
    );
    Ok(paths)
}
