//! A private certificate authority for servers that read PEM files.
//!
//!     stand-in-ca --dir DIR NAME…
//!
//! Writes `ca.pem`, `cert.pem` and `key.pem` for the names (DNS names or addresses).

use rotabox_tests::ca::Ca;
use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [flag, dir, names @ ..] = args.as_slice() else { anyhow::bail!("usage: stand-in-ca --dir DIR NAME…") };
    anyhow::ensure!(flag == "--dir" && !names.is_empty(), "usage: stand-in-ca --dir DIR NAME…");
    let dir = PathBuf::from(dir);
    std::fs::create_dir_all(&dir)?;
    let ca = Ca::new();
    ca.write(&dir);
    let leaf = ca.leaf(&names.iter().map(String::as_str).collect::<Vec<_>>());
    std::fs::write(dir.join("cert.pem"), leaf.cert_pem)?;
    std::fs::write(dir.join("key.pem"), leaf.key_pem)?;
    Ok(())
}
