//! The audit log: can it be written, and is its end whole?

use super::Findings;
use crate::audit::Audit;
use crate::audit::verify::{Broken, What, records, verify_end};
use crate::cli::shell_word;
use crate::policy::HostFile;
use crate::report::system::why;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// A log that is there is opened as a run would; one that is not is left for the first run to make, as its own user.
pub(super) fn look(host: &HostFile, findings: &mut Findings) {
    let settings = &host.audit;
    let mut places = Vec::new();
    places.extend(settings.file.as_ref().map(|file| file.display().to_string()));
    places.extend(settings.syslog.then(|| "the system log".to_owned()));
    if places.is_empty() {
        findings.ok("audit", "no log is kept; `[audit]` in the host file names one");
        return;
    }
    if let Some(missing) = settings.file.as_ref().filter(|file| !file.exists()) {
        match missing.parent().filter(|folder| folder.is_dir()) {
            Some(_) => findings.ok("audit", format!("{}; the first run makes the file", places.join(", "))),
            None => findings.fail(
                "audit",
                format!(
                    "the folder of {} does not exist; make it, for the runner's user to write to",
                    missing.display()
                ),
            ),
        }
        return;
    }
    if let Err(error) = Audit::open(settings) {
        findings.fail("audit", error.to_string());
        return;
    }
    let places = places.join(", ");
    match &settings.file {
        Some(file) => end_of_log(file, places, findings),
        None => findings.ok("audit", places),
    }
}

/// The whole chain is too much for a look; its end is not. A log that is broken stops no run, so that is a warning.
fn end_of_log(file: &Path, places: String, findings: &mut Findings) {
    let whole = format!("rotabox audit verify {}", shell_word(file));
    let read = File::open(file).and_then(|log| {
        // Nobody's half-written record is looked at. Whoever holds the lock for long was complained of above.
        let _ = log.try_lock_shared();
        verify_end(BufReader::new(log))
    });
    match read {
        Err(error) => findings.warn("audit", format!("{places}; its end cannot be read ({})", why(&error))),
        Ok(Err(Broken { what: What::Empty, .. })) => findings.ok("audit", format!("{places}; it has no record yet")),
        Ok(Err(broken)) => findings.warn(
            "audit",
            format!("{places}; near its end, {}; keep the file as it is, and look at it with `{whole}`", broken.what),
        ),
        Ok(Ok(intact)) => findings.ok(
            "audit",
            format!("{places}; its last {} one unbroken chain (all of it: `{whole}`)", are(intact.records)),
        ),
    }
}

fn are(count: u64) -> String {
    format!("{} {}", records(count), if count == 1 { "is" } else { "are" })
}
