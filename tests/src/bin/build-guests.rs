//! Builds and packs every guest into target/guests, as the suites do, and lists them with their digests.

use rotabox_tests::artifacts;
use std::io::Write;

fn main() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for guest in artifacts::guests() {
        writeln!(out, "{}  {}", guest.sha256, guest.path.display())?;
    }
    Ok(())
}
