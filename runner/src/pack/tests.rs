#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::*;
use std::sync::{Mutex, PoisonError};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store};

/// One build at a time: a module is read while nobody writes it.
static BUILDING: Mutex<()> = Mutex::new(());

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Builds a crate into this repository's target folder, and reads its module.
fn module(folder: &Path) -> Vec<u8> {
    let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    built(folder)
}

/// Copies okta and what it is built from to another folder, has it altered, builds it there and reads its module. Cargo
/// tells members of a workspace apart by name and age, not by where the workspace lies: the copy is newer than anything
/// built so far, so it is built anew, and an altered one needs a name of its own.
fn module_of_copy(to: &Path, alter: impl FnOnce(&Path)) -> Vec<u8> {
    let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    copy_workspace(to);
    let folder = to.join("guests/okta");
    alter(&folder);
    built(&folder)
}

fn built(folder: &Path) -> Vec<u8> {
    let built = build::build_crates_into(&[folder], Some(target())).unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(&built[0].module).unwrap()
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A crate's folder, and its page as the same file wherever it lies.
fn okta(root: &Path) -> (PathBuf, SourceFile) {
    let folder = root.join("guests/okta");
    let page = std::fs::read_to_string(folder.join("page.toml")).unwrap();
    (folder, SourceFile::new("page.toml", page))
}

/// Copies what okta is built from to another folder: its workspace, without the other members.
fn copy_workspace(to: &Path) {
    for part in ["guest-sdk", "runner/page", "guests/okta"] {
        copy(&root().join(part), &to.join(part));
    }
    std::fs::copy(root().join("Cargo.lock"), to.join("Cargo.lock")).unwrap();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = r#"members = ["runner/page", "guest-sdk", "guest-sdk/macros", "guests/okta"]"#;
    let lines = manifest.lines().filter(|line| !line.starts_with("default-members"));
    let lines = lines.map(|line| if line.starts_with("members") { members } else { line });
    std::fs::write(to.join("Cargo.toml"), lines.collect::<Vec<_>>().join("\n")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_packed_guest_imports_the_contract_only_and_holds_its_page() {
    let (folder, page) = okta(root());
    let packed = pack(&module(&folder), Some(&page)).unwrap();
    assert_eq!(packed.foreign, Vec::<String>::new());
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&packed.component).unwrap() else { panic!() };
    let names = |items: Vec<_>| items.into_iter().map(|key| resolve.name_world_key(key)).collect::<Vec<_>>();
    let world = &resolve.worlds[world];
    assert_eq!(names(world.exports.keys().collect()), ["rotabox:rotator/rotation@0.1.0"]);
    let imports = names(world.imports.keys().collect());
    assert!(imports.iter().all(|import| import.starts_with("rotabox:rotator/")), "{imports:?}");
    assert!(imports.contains(&"rotabox:rotator/http@0.1.0".to_owned()), "{imports:?}");
    assert_eq!(sealed::read(&packed.component).unwrap(), Some(&*page.text));
}

#[test]
fn the_same_crate_gives_the_same_bytes_in_another_folder() {
    let (here, page) = okta(root());
    let here = pack(&module(&here), Some(&page)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let root = elsewhere.path().join("a folder of another depth/and name");
    let there = pack(&module_of_copy(&root, |_| ()), Some(&page)).unwrap();
    assert_eq!(here.sha256, there.sha256);
    assert_eq!(here.component, there.component);
    let home = std::env::home_dir().unwrap();
    for path in [self::root(), &root, &home] {
        let path = path.to_str().unwrap().as_bytes();
        let found = here.component.windows(path.len()).any(|bytes| bytes == path);
        assert!(!found, "a path of this machine is in the module");
    }
}

#[test]
fn a_panic_of_a_guest_is_logged_before_the_trap() {
    let elsewhere = tempfile::tempdir().unwrap();
    let code = r#"
        struct Clumsy;
        impl rotabox_guest::Rotator for Clumsy {
            fn change(_: &mut rotabox_guest::Http) -> rotabox_guest::Done {
                panic!("there is no {} group", 7)
            }
        }
        rotabox_guest::export!(Clumsy);
    "#;
    let module = module_of_copy(elsewhere.path(), |folder| {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        std::fs::write(folder.join("Cargo.toml"), manifest.replace("rotator-okta", "rotator-clumsy")).unwrap();
        std::fs::write(folder.join("src/lib.rs"), code).unwrap();
    });
    let packed = pack(&module, None).unwrap();

    let engine = Engine::default();
    let component = Component::new(&engine, &packed.component).unwrap();
    let mut linker = Linker::<Vec<String>>::new(&engine);
    let mut log = linker.instance("rotabox:rotator/log@0.1.0").unwrap();
    log.func_new("write", |mut store, _, values, _| {
        store.data_mut().push(format!("{values:?}"));
        Ok(())
    })
    .unwrap();
    linker.allow_shadowing(true);
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let rotation = instance.get_export_index(&mut store, None, "rotabox:rotator/rotation@0.1.0").unwrap();
    let run = instance.get_export_index(&mut store, Some(&rotation), "run").unwrap();
    let run = instance.get_func(&mut store, run).unwrap();
    let step = Val::Variant("change".to_owned(), None);
    let trap = run.call(&mut store, &[step], &mut [Val::Bool(false)]).unwrap_err();
    assert!(format!("{trap:?}").contains("unreachable"), "{trap:?}");
    let [line] = store.data().as_slice() else { panic!("{:?}", store.data()) };
    assert!(line.contains(r#"Enum("error")"#) && line.contains("there is no 7 group"), "{line}");
    assert!(line.contains("src/lib.rs:5:"), "it says where: {line}");
}

#[test]
fn a_component_is_sealed_anew_and_a_core_module_without_a_page_stays_open() {
    let (folder, page) = okta(root());
    let open = pack(&module(&folder), None).unwrap();
    assert_eq!(sealed::read(&open.component).unwrap(), None);
    let sealed_once = pack(&open.component, Some(&page)).unwrap();
    let sealed_twice = pack(&sealed_once.component, Some(&page)).unwrap();
    assert_eq!(sealed_once, sealed_twice);
    assert_eq!(sealed::read(&sealed_twice.component).unwrap(), Some(&*page.text));
}

#[test]
fn a_page_with_a_mistake_is_not_sealed() {
    let (_, page) = okta(root());
    let slip = page.text.replacen("expects ", "expect ", 1);
    let line = slip.lines().position(|line| line.starts_with("expect ")).unwrap() + 1;
    let page = SourceFile::new("page.toml", slip);
    let component = wat::parse_str("(component)").unwrap();
    let error = pack(&component, Some(&page)).unwrap_err();
    assert!(matches!(error, PackError::Page(_)), "{error}");
    assert!(error.to_string().starts_with(&format!("page.toml:{line}:1: ")), "{error}");
}

#[test]
fn a_crate_that_does_not_compile_shows_what_the_compiler_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    let manifest = "[package]\nname = \"wrong\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), "#![no_std]\nfn wrong() { nowhere() }\n").unwrap();
    let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let error = build::build_crates_into(&[folder.path()], Some(target())).unwrap_err();
    assert!(matches!(&error, build::BuildError::Failed { names, .. } if names == &["wrong"]), "{error}");
    assert!(error.to_string().contains("cannot find function `nowhere`"), "{error}");
}

#[test]
fn what_is_no_crate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = build::build_crate(folder.path()).unwrap_err();
    assert!(matches!(error, build::BuildError::NotACrate { .. }), "{error}");
    std::fs::write(folder.path().join("Cargo.toml"), "[package\n").unwrap();
    let error = build::build_crate(folder.path()).unwrap_err();
    assert!(matches!(&error, build::BuildError::NotACrate { output, .. } if output.contains("[package")), "{error}");
}

#[test]
fn where_nothing_builds_for_wasm_it_is_said_what_to_install() {
    let error = toolchain::NoToolchain { found: "`/opt/rust` lacks the target".to_owned() }.to_string();
    assert!(error.contains("rustup target add wasm32-unknown-unknown"), "{error}");
    assert!(error.contains("apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src"), "{error}");
}

#[test]
fn what_is_not_wasm_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\n", b"\0asm\x01\0\0\x01aaaa"] {
        assert!(matches!(pack(bytes, None), Err(PackError::NotWasm)), "{bytes:?}");
    }
}

#[test]
fn a_module_without_bindings_is_refused() {
    let module = wat::parse_str("(module (memory (export \"memory\") 1))").unwrap();
    let error = pack(&module, None).unwrap_err();
    assert!(matches!(error, PackError::Module(_) | PackError::NoRotator), "{error}");
}

#[test]
fn a_component_without_a_rotator_is_refused() {
    let component = wat::parse_str("(component)").unwrap();
    let error = pack(&component, None).unwrap_err();
    assert!(matches!(error, PackError::NoRotator), "{error}");
}
