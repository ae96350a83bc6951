//! What the suites need built: the runner's binary and the guests, once for all test processes.

use rotabox::pack;
use rotabox::page::diagnostic::SourceFile;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

/// The build's folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A fresh folder for one test, on the same file system as the binary; removed when dropped.
pub fn scratch() -> tempfile::TempDir {
    let base = target().join("scratch");
    fs::create_dir_all(&base).expect("target/scratch can be made");
    tempfile::Builder::new().prefix("t").tempdir_in(base).expect("a scratch folder")
}

/// The `rotabox` binary, built from this workspace. `ROTABOX_BIN` names another one, such as a release build.
pub fn rotabox() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("ROTABOX_BIN") {
            return PathBuf::from(path);
        }
        let _lock = lock();
        cargo(&["build", "--quiet", "--workspace", "--bin", "rotabox"]);
        target().join("debug/rotabox")
    })
}

/// A packed guest.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The component.
    pub path: PathBuf,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

/// `okta` and `rest` of guests/, or one of tests/guests/.
pub fn guest(name: &str) -> Guest {
    let named = |guest: &&Guest| guest.path.file_stem().is_some_and(|stem| stem == name);
    guests().iter().find(named).cloned().unwrap_or_else(|| panic!("no guest `{name}`"))
}

/// All guests, built.
pub fn guests() -> &'static [Guest] {
    static GUESTS: OnceLock<Vec<Guest>> = OnceLock::new();
    GUESTS.get_or_init(build_guests)
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Builds all guests by one call of cargo and packs them into target/guests.
fn build_guests() -> Vec<Guest> {
    let _lock = lock();
    let mut crates = Vec::new();
    for parent in [root().join("guests"), root().join("tests/guests")] {
        let entries = fs::read_dir(&parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
        crates.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").is_file()));
    }
    crates.sort();
    let folders: Vec<&Path> = crates.iter().map(PathBuf::as_path).collect();
    let built = pack::build::build_crates(&folders).unwrap_or_else(|error| panic!("{error}"));
    let out = target().join("guests");
    fs::create_dir_all(&out).expect("target/guests can be made");
    let mut guests = Vec::new();
    for (folder, built) in crates.iter().zip(built) {
        let page = folder.join("page.toml");
        let page =
            fs::read_to_string(&page).ok().map(|text| SourceFile::new(format!("{}/page.toml", built.name), text));
        let module = fs::read(&built.module).expect("the module that was just built");
        let packed = pack::pack(&module, page.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", built.name));
        assert!(packed.foreign.is_empty(), "{} imports {:?}", built.name, packed.foreign);
        let path = out.join(format!("{}.wasm", built.name));
        replace(&path, &packed.component);
        guests.push(Guest { path, sha256: packed.sha256 });
    }
    guests
}

/// Writes the file unless it has these bytes already, and never half: another test process may be reading it.
fn replace(path: &Path, bytes: &[u8]) {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return;
    }
    let new = path.with_extension("new");
    fs::write(&new, bytes).expect("target/guests can be written");
    fs::rename(&new, path).expect("target/guests can be written");
}

/// One build at a time, whichever process asks.
fn lock() -> File {
    fs::create_dir_all(target()).expect("the target folder");
    let file = File::create(target().join("artifacts.lock")).expect("a lock file");
    file.lock().expect("the lock");
    file
}

/// Calls cargo without the variables that the cargo above set for this test: build scripts that look at them (ring's does)
/// would run again, and everything above them be built anew, back and forth.
fn cargo(args: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if ours || text == "CARGO_PRIMARY_PACKAGE" || text == "CARGO_TARGET_TMPDIR" {
            command.env_remove(&name);
        }
    }
    let status = command.status().expect("cargo can be started");
    assert!(status.success(), "cargo {args:?} failed");
}
