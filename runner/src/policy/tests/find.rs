use super::super::find::{FindError, digest, find, names, policy};
use super::sample::{PAGE, POLICY};
use crate::page::sealed;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use tempfile::TempDir;

/// An empty component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Folder(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path().join(name), bytes).unwrap();
        fs::set_permissions(self.path().join(name), Permissions::from_mode(0o644)).unwrap();
    }

    /// `okta.wasm` with its page sealed in, and a policy `okta-prod` that pins it. Answers the digest.
    fn with_okta() -> (Folder, String) {
        let folder = Folder::new();
        let module = sealed::seal(COMPONENT, PAGE).unwrap();
        folder.write("okta.wasm", &module);
        folder.write("okta-prod.toml", POLICY.replace("ZEROS", &digest(&module)).as_bytes());
        (folder, digest(&module))
    }

    fn find(&self, what: &str) -> Result<super::super::find::Found, FindError> {
        find(self.path(), what)
    }

    #[track_caller]
    fn refused(&self, what: &str) -> String {
        match self.find(what) {
            Ok(found) => panic!("found {}", found.name),
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn a_policy_is_found_by_its_name_with_module_page_and_digests() {
    let (folder, sha256) = Folder::with_okta();
    let found = folder.find("okta-prod").unwrap();
    assert_eq!(found.name, "okta-prod");
    assert_eq!(found.path, folder.path().join("okta-prod.toml"));
    assert_eq!(found.module_sha256, sha256);
    assert_eq!(found.module, fs::read(folder.path().join("okta.wasm")).unwrap());
    assert_eq!(found.page.name, "okta");
    assert_eq!(&*found.page.file.name, "okta.wasm (sealed page)");
    assert_eq!(found.page_sha256, digest(PAGE.as_bytes()));
    assert_eq!(found.policy_sha256, digest(&fs::read(&found.path).unwrap()));
    assert_eq!(found.policy.file.line_of(found.policy.rotator.sha256_span), format!("{}:5", found.path.display()));
    assert!(!found.self_owned || !rustix::process::geteuid().is_root(), "root's own policies are root's");
}

#[test]
fn a_module_is_found_by_its_digest_under_any_name() {
    let (folder, sha256) = Folder::with_okta();
    folder.write("other.toml", POLICY.replace("ZEROS", &"1".repeat(64)).as_bytes());
    folder.write("broken.toml", b"version = ");
    let elsewhere = Folder::new();
    elsewhere.write("script-17.wasm", &fs::read(folder.path().join("okta.wasm")).unwrap());
    let path = elsewhere.path().join("script-17.wasm");
    let found = folder.find(path.to_str().unwrap()).unwrap();
    assert_eq!((found.name.as_str(), found.module_sha256.as_str()), ("okta-prod", sha256.as_str()));
    assert_eq!(&*found.page.file.name, "script-17.wasm (sealed page)");
}

#[test]
fn a_module_that_no_policy_or_several_list_is_refused() {
    let (folder, sha256) = Folder::with_okta();
    let path = folder.path().join("okta.wasm");
    let path = path.to_str().unwrap();
    folder.write("okta-test.toml", &fs::read(folder.path().join("okta-prod.toml")).unwrap());
    let said = folder.refused(path);
    assert!(said.contains("`okta-prod`, `okta-test`; give the policy's name"), "{said}");
    folder.write("okta-prod.toml", POLICY.replace("ZEROS", &"1".repeat(64)).as_bytes());
    folder.write("okta-test.toml", format!("# {sha256}\n{}", POLICY.replace("ZEROS", &"1".repeat(64))).as_bytes());
    let said = folder.refused(path);
    assert!(said.contains("no policy in") && said.contains(&sha256) && said.contains("rotabox approve"), "{said}");
    folder.write("okta-test.toml", format!("{sha256} = ").as_bytes());
    assert!(matches!(folder.find(path), Err(FindError::Malformed(_))), "it may be the one that is meant");
}

#[test]
fn a_changed_module_is_refused_until_approved() {
    let (folder, sha256) = Folder::with_okta();
    folder.write("okta.wasm", &sealed::seal(COMPONENT, &PAGE.replace("SSWS", "Bearer")).unwrap());
    let said = folder.refused("okta-prod");
    let found = digest(&fs::read(folder.path().join("okta.wasm")).unwrap());
    for part in [sha256.as_str(), found.as_str(), "okta-prod.toml:5)", "`rotabox approve MODULE --from okta-prod`"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn several_digests_may_be_listed_while_a_version_is_rolled_out() {
    let (folder, sha256) = Folder::with_okta();
    let both = POLICY.replace("\"ZEROS\"", &format!("\"{}\", \"{}\"", "1".repeat(64), sha256.to_uppercase()));
    folder.write("okta-prod.toml", both.as_bytes());
    folder.find("okta-prod").unwrap();
    folder.find(folder.path().join("okta.wasm").to_str().unwrap()).unwrap();
}

#[test]
fn the_only_policy_that_there_is_is_named_once() {
    let (folder, _) = Folder::with_okta();
    let said = policy(folder.path(), "okta-prd").unwrap_err().to_string();
    assert!(said.ends_with("; did you mean `okta-prod`?"), "{said}");
}

#[test]
fn an_unknown_name_lists_what_there_is_and_the_nearest() {
    let (folder, _) = Folder::with_okta();
    folder.write("rest.toml", b"");
    folder.write("notes.txt", b"");
    folder.write(".hidden.toml", b"");
    folder.write("Upper.toml", b"");
    assert_eq!(names(folder.path()).unwrap(), ["okta-prod", "rest"]);
    for (name, says) in [
        ("okta-prd", "did you mean `okta-prod`? there are `okta-prod`, `rest`"),
        ("okta-prod.toml", "did you mean `okta-prod`?"),
        ("nothing", "; there are `okta-prod`, `rest`"),
        ("../okta-prod", "cannot be read"),
        ("Ökta", "cannot be the name of a policy"),
        ("", "cannot be the name of a policy"),
        ("-x", "cannot be the name of a policy"),
        (".hidden", "cannot be the name of a policy"),
        ("Upper", "cannot be the name of a policy"),
        ("/etc/rotabox/policies/okta-prod.toml", "is the path of a policy; give its name"),
    ] {
        let said = folder.refused(name);
        assert!(said.contains(says), "{name}: {said}");
    }
    let empty = Folder::new();
    assert!(empty.refused("okta-prod").contains("the folder has none"));
    let said = find(&folder.path().join("no"), "okta-prod").unwrap_err().to_string();
    assert!(said.contains("there is no policy folder") && said.contains("--policies DIR"), "{said}");
}

#[test]
fn what_others_could_have_written_is_refused() {
    let (folder, _) = Folder::with_okta();
    let policy_file = folder.path().join("okta-prod.toml");
    fs::set_permissions(&policy_file, Permissions::from_mode(0o664)).unwrap();
    let said = folder.refused("okta-prod");
    assert!(said.contains("mode 0664") && said.contains("run `chmod g-w /"), "{said}");
    fs::set_permissions(&policy_file, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let said = folder.refused("okta-prod");
    assert!(said.contains("mode 0777") && said.contains("run `chmod go-w /"), "{said}");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path().join("okta.wasm"), Permissions::from_mode(0o666)).unwrap();
    folder.find("okta-prod").unwrap();
}

#[test]
fn a_mount_made_of_links_works_and_relative_paths_start_at_the_folder() {
    let (real, _) = Folder::with_okta();
    let mount = Folder::new();
    symlink(real.path(), mount.path().join("..data")).unwrap();
    for name in ["okta-prod.toml", "okta.wasm"] {
        symlink(Path::new("..data").join(name), mount.path().join(name)).unwrap();
    }
    let found = mount.find("okta-prod").unwrap();
    assert_eq!(found.path, mount.path().join("okta-prod.toml"));
}

#[test]
fn an_open_module_takes_the_page_that_the_policy_pins() {
    let folder = Folder::new();
    folder.write("rest.wasm", COMPONENT);
    folder.write("wiki.page.toml", PAGE.as_bytes());
    let rotator = |page: &str| {
        POLICY.replace("okta.wasm", "rest.wasm").replace("ZEROS\"]", &format!("{}\"]\n{page}", digest(COMPONENT)))
    };
    let pinned = format!("page = \"wiki.page.toml\"\npage-sha256 = [\"{}\"]", digest(PAGE.as_bytes()));
    folder.write("wiki.toml", rotator(&pinned).as_bytes());
    let found = folder.find("wiki").unwrap();
    assert_eq!(found.page_sha256, digest(PAGE.as_bytes()));
    assert_eq!(*found.page.file.name, *folder.path().join("wiki.page.toml").display().to_string());

    folder.write("wiki.page.toml", format!("{PAGE} ").as_bytes());
    let said = folder.refused("wiki");
    assert!(said.contains("the page") && said.contains("wiki.toml:7)") && said.contains("rotabox approve"), "{said}");

    folder.write("wiki.toml", rotator("").as_bytes());
    let said = folder.refused("wiki");
    assert!(
        said.contains("wiki.toml:3:1: this module has no page sealed in") && said.contains("page-sha256"),
        "{said}"
    );
}

#[test]
fn a_sealed_page_cannot_be_exchanged_by_the_policy() {
    let (folder, sha256) = Folder::with_okta();
    folder.write("page.toml", PAGE.as_bytes());
    let text = POLICY.replace(
        "ZEROS\"]",
        &format!("{sha256}\"]\npage = \"page.toml\"\npage-sha256 = \"{}\"", digest(PAGE.as_bytes())),
    );
    folder.write("okta-prod.toml", text.as_bytes());
    let said = folder.refused("okta-prod");
    assert!(
        said.contains("okta-prod.toml:7:15: this module has its page sealed in") && said.contains("remove `page`"),
        "{said}"
    );
}

#[test]
fn a_page_or_policy_with_a_mistake_shows_its_line() {
    let folder = Folder::new();
    let module = sealed::seal(COMPONENT, &PAGE.replace("changes  = true", "changse  = true")).unwrap();
    folder.write("okta.wasm", &module);
    folder.write("okta-prod.toml", POLICY.replace("ZEROS", &digest(&module)).as_bytes());
    let said = folder.refused("okta-prod");
    assert!(said.starts_with("okta.wasm (sealed page):36:1:") && said.contains("did you mean `changes`?"), "{said}");
    folder.write("bad.toml", b"version = 1\nmodule = 3");
    assert!(matches!(policy(folder.path(), "bad"), Err(FindError::Malformed(_))));
}

#[test]
fn files_of_the_wrong_kind_or_size_are_refused() {
    let (folder, _) = Folder::with_okta();
    fs::remove_file(folder.path().join("okta.wasm")).unwrap();
    assert!(folder.refused("okta-prod").contains("okta.wasm` cannot be read: there is no such file"));
    fs::create_dir(folder.path().join("okta.wasm")).unwrap();
    assert!(folder.refused("okta-prod").contains("is no regular file"));
    fs::File::create(folder.path().join("big.wasm")).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    assert!(folder.refused(folder.path().join("big.wasm").to_str().unwrap()).contains("larger than 65536 KiB"));
    folder.write("elf.wasm", b"\x7fELF");
    assert!(matches!(
        folder.find(folder.path().join("elf.wasm").to_str().unwrap()),
        Err(FindError::NoPolicyForDigest { .. })
    ));
    folder.write("huge.toml", &vec![b'#'; 256 * 1024 + 1]);
    assert!(folder.refused("huge").contains("larger than 256 KiB"));
    folder.write("binary.toml", &[0xff, 0xfe]);
    assert!(folder.refused("binary").contains("not UTF-8"));
    let said = folder.refused(folder.path().join("elf.wasm").to_str().unwrap());
    assert!(said.contains("binary.toml"), "what cannot be read might be the one that is meant: {said}");
}
