//! Native code: used when it is there and can be believed, ignored and said so when it cannot. Every run comes to the same end.

use crate::RUN;
use rotabox_tests::artifacts;
use rotabox_tests::case::Setup;
use rotabox_tests::run::Ran;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

struct Store {
    setup: Setup,
    folder: PathBuf,
    entry: PathBuf,
}

impl Store {
    /// A store that is named in the host file, and empty.
    fn empty() -> Store {
        let mut setup = Setup::of("okta");
        let folder = setup.bench.folder().join("native");
        setup.bench.add_config(&format!("[native]\nstore = {:?}\n", folder.display().to_string()));
        let entry = folder.join(format!("{}.native", artifacts::guest("okta").sha256));
        Store { setup, folder, entry }
    }

    fn compiled() -> Store {
        let store = Store::empty();
        store.compile(&["compile", "prod"]);
        store
    }

    fn compile(&self, verb: &[&str]) -> String {
        let args = self.setup.bench.args(verb);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr, _) = self.setup.bench.raw(&args, b"");
        assert!(status.success(), "{stdout}{stderr}");
        stdout
    }

    /// A run, which rotates, or finds the password rotated already.
    fn run(&self) -> Ran {
        let ran = self.setup.run(&RUN);
        assert_eq!(ran.exit, 0, "{ran:?}");
        ran
    }

    fn native(&self) -> (String, Vec<String>) {
        let ran = self.run();
        let warnings = ran.result["warnings"].as_array().cloned().unwrap_or_default();
        let word = ran.result["native"].as_str().expect("where the code came from").to_owned();
        (word, warnings.iter().filter_map(|warning| warning.as_str().map(str::to_owned)).collect())
    }

    /// Every file of the store with its bytes.
    fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.map(|entry| (entry.path(), fs::read(entry.path()).unwrap_or_default())).collect();
        all.sort();
        all
    }
}

#[test]
fn a_run_uses_what_compile_put_there_and_writes_nothing() {
    let store = Store::empty();
    assert_eq!(store.native(), ("compiled".to_owned(), vec![]));
    assert!(!store.folder.exists(), "a run made the store");
    assert!(store.compile(&["compile", "prod"]).contains("compiled in"));
    let before = store.all();
    assert_eq!(before.len(), 1);
    assert_eq!(store.native(), ("stored".to_owned(), vec![]));
    assert!(store.compile(&["compile"]).contains("is in the store already"));
    assert_eq!(store.all(), before);
    let module = artifacts::guest("okta").path.display().to_string();
    assert!(store.compile(&["compile", "--force", &module]).contains("compiled in"));
    assert_eq!(store.native(), ("stored".to_owned(), vec![]));
    // Whichever way the policy is found.
    let ran = store.setup.run(&["run", &module]);
    assert_eq!((ran.exit, ran.result["native"].as_str()), (0, Some("stored")), "{ran:?}");
}

#[test]
fn the_audit_log_says_where_the_code_came_from() {
    let store = Store::compiled();
    store.run();
    let log = fs::read_to_string(store.setup.bench.folder().join("audit/audit.jsonl")).unwrap();
    let start = log.lines().find(|line| line.contains("\"run-start\"")).expect("a start");
    assert!(start.contains("\"native\":\"stored\""), "{start}");
}

fn rewrite(entry: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(entry).unwrap();
    change(&mut bytes);
    fs::remove_file(entry).unwrap();
    fs::write(entry, bytes).unwrap();
    fs::set_permissions(entry, Permissions::from_mode(0o644)).unwrap();
}

type Poison = fn(&Store);

#[test]
fn a_poisoned_entry_is_ignored_and_named() {
    let cases: [(&str, Poison, &str); 9] = [
        ("a flipped bit in the code", |store| rewrite(&store.entry, |bytes| bytes[5000] ^= 1), "damaged"),
        (
            "a flipped bit in the label",
            |store| {
                rewrite(&store.entry, |bytes| {
                    let at = bytes.len() - 100;
                    bytes[at] ^= 1;
                });
            },
            "damaged",
        ),
        (
            "group-writable",
            |store| fs::set_permissions(&store.entry, Permissions::from_mode(0o664)).unwrap(),
            "chmod g-w",
        ),
        (
            "a symlink",
            |store| {
                let real = store.folder.join("real");
                fs::rename(&store.entry, &real).unwrap();
                symlink(&real, &store.entry).unwrap();
            },
            "is a link",
        ),
        ("a hard link", |store| fs::hard_link(&store.entry, store.folder.join("other")).unwrap(), "hard links"),
        (
            "a stale version",
            |store| {
                rewrite(&store.entry, |bytes| {
                    let code = rotabox::native::label::Label::read(bytes, bytes.len() as u64).unwrap();
                    bytes.truncate(usize::try_from(code.code_bytes).unwrap());
                    let build = "0".repeat(40);
                    bytes.extend(rotabox::native::label::Label { build, ..code }.tail());
                });
            },
            "another build of the runner",
        ),
        (
            "another module's code",
            |store| {
                let rest = artifacts::guest("rest").path.display().to_string();
                store.compile(&["compile", &rest]);
                fs::rename(store.folder.join(format!("{}.native", artifacts::guest("rest").sha256)), &store.entry)
                    .unwrap();
            },
            "another module",
        ),
        (
            "a folder that anyone may write to",
            |store| fs::set_permissions(&store.folder, Permissions::from_mode(0o777)).unwrap(),
            "chmod go-w",
        ),
        (
            "a folder in its place",
            |store| {
                fs::remove_file(&store.entry).unwrap();
                fs::create_dir(&store.entry).unwrap();
            },
            "no regular file",
        ),
    ];
    for (case, poison, said) in cases {
        let store = Store::compiled();
        poison(&store);
        let before = store.all();
        let (word, warnings) = store.native();
        assert_eq!(word, "ignored", "{case}");
        assert!(warnings.iter().any(|warning| warning.contains(said)), "{case}: {warnings:?}");
        assert_eq!(store.all(), before, "{case}: a run wrote to the store");
    }
}

#[test]
fn a_strangers_entry_is_ignored() {
    const STRANGER: u32 = 54_321;
    let store = Store::compiled();
    // Only root can give files away.
    if std::os::unix::fs::chown(&store.entry, Some(STRANGER), None).is_err() {
        return;
    }
    let (word, warnings) = store.native();
    assert_eq!(word, "ignored");
    assert!(warnings[0].contains("belongs to user 54321"), "{warnings:?}");
    std::os::unix::fs::chown(&store.entry, Some(0), None).unwrap();
    std::os::unix::fs::chown(&store.folder, Some(STRANGER), None).unwrap();
    assert_eq!(store.native().0, "ignored");
    // The owner of the policy may own it: that user decides what runs anyway.
    let policy = store.setup.bench.policies().join("prod.toml");
    std::os::unix::fs::chown(&policy, Some(STRANGER), None).unwrap();
    assert_eq!(store.native().0, "stored");
}
