#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::*;

/// The `guests` folder.
fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("guests")
}

#[test]
fn a_packed_guest_imports_the_contract_only() {
    let built = build::build_crate(&guests().join("rest")).unwrap();
    assert_eq!(built.name, "rest");
    let packed = pack(&std::fs::read(&built.module).unwrap(), None).unwrap();
    assert_eq!(packed.foreign, Vec::<String>::new());
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&packed.component).unwrap() else { panic!() };
    let names = |items: Vec<_>| items.into_iter().map(|key| resolve.name_world_key(key)).collect::<Vec<_>>();
    let world = &resolve.worlds[world];
    assert_eq!(names(world.exports.keys().collect()), ["rotabox:rotator/rotation@0.1.0"]);
    let mut imports = names(world.imports.keys().collect());
    imports.sort();
    assert_eq!(imports, ["account", "http", "log", "time"].map(|name| format!("rotabox:rotator/{name}@0.1.0")));
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
