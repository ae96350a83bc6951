use super::*;
use std::os::unix::fs::MetadataExt as _;

const MODULE: &str = "aa00000000000000000000000000000000000000000000000000000000000000";
const OTHER: &str = "bb00000000000000000000000000000000000000000000000000000000000000";

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A store with one entry.
fn store() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let store = folder.path().join("a/native");
    let path = put(&store, MODULE, b"some code").unwrap();
    (folder, path)
}

fn found(path: &Path) -> Result<Stored, Refusal> {
    let stored = look_up(path.parent().unwrap(), MODULE, user())?;
    stored.check_all()?;
    Ok(stored)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn what_was_put_is_found_by_the_modules_digest_and_by_no_other() {
    let (_folder, path) = store();
    let stored = found(&path).unwrap();
    assert_eq!((stored.code_bytes(), stored.path()), (9, path.as_path()));
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o444);
    assert!(look_up(path.parent().unwrap(), OTHER, user()).unwrap_err().is_missing());
    assert!(look_up(Path::new("/nowhere"), MODULE, user()).unwrap_err().is_missing());
}

#[test]
fn a_second_one_takes_the_place_of_the_first_and_nothing_is_left_behind() {
    let (_folder, path) = store();
    put(path.parent().unwrap(), MODULE, b"newer code").unwrap();
    assert_eq!(found(&path).unwrap().code_bytes(), 10);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let (_folder, path) = store();
    let length = std::fs::read(&path).unwrap().len();
    for at in 0..length {
        rewrite(&path, |bytes| bytes[at] ^= 1);
        assert!(matches!(found(&path), Err(Refusal::Damaged(_))), "byte {at}");
        rewrite(&path, |bytes| bytes[at] ^= 1);
        found(&path).unwrap();
    }
    rewrite(&path, |bytes| bytes.truncate(length - 1));
    assert!(matches!(found(&path), Err(Refusal::Damaged(_))));
    rewrite(&path, Vec::clear);
    assert!(matches!(found(&path), Err(Refusal::Damaged(_))));
}

#[test]
fn code_of_another_build_or_another_module_is_not_used() {
    let (_folder, path) = store();
    let relabelled = |label: Label| {
        rewrite(&path, |bytes| {
            bytes.truncate(9);
            bytes.extend(label.tail());
        });
    };
    let label = Label::new(MODULE, &build::id().unwrap(), b"some code");
    relabelled(label.clone());
    found(&path).unwrap();
    relabelled(Label { build: "0".repeat(40), ..label.clone() });
    assert!(matches!(found(&path), Err(Refusal::OtherBuild { .. })));
    relabelled(Label { module_sha256: OTHER.to_owned(), ..label });
    assert!(matches!(found(&path), Err(Refusal::OtherModule(_))));
}

#[test]
fn what_others_could_have_put_there_is_not_used() {
    let (folder, path) = store();
    let distrusted = |path: &Path| matches!(found(path), Err(Refusal::Distrusted(reason)) if !matches!(reason, Distrust::Missing(_)));
    std::fs::set_permissions(&path, Permissions::from_mode(0o464)).unwrap();
    assert!(distrusted(&path), "group-writable");
    std::fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    std::fs::hard_link(&path, &elsewhere).unwrap();
    assert!(distrusted(&path), "hard link");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert!(distrusted(&path), "symlink");
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&elsewhere, &path).unwrap();
    found(&path).unwrap();
    std::fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o777)).unwrap();
    assert!(distrusted(&path), "a folder for everyone");
}

#[test]
fn code_above_the_bound_is_believed_for_its_owner_and_can_be_hashed_in_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let code = vec![7; usize::try_from(HASHED_BYTES).unwrap() + 1];
    let path = put(folder.path(), MODULE, &code).unwrap();
    rewrite(&path, |bytes| bytes[0] ^= 1);
    let stored = look_up(path.parent().unwrap(), MODULE, user()).unwrap();
    let limits = Limits { memory_bytes: 1, fuel: 1, inert_wasi: false };
    assert_eq!(stored.native_code(limits.clone()).sha256, None);
    assert!(matches!(stored.check_all(), Err(Refusal::Damaged(_))));
    // One byte less, and the worker is told the digest.
    put(folder.path(), MODULE, &code[1..]).unwrap();
    let stored = look_up(path.parent().unwrap(), MODULE, user()).unwrap();
    assert_eq!(stored.native_code(limits).sha256.unwrap(), hex(&Sha256::digest(&code[1..])));
}
