//! Files that are no rotator are refused before stdin matters and before anything is dialled.

use crate::RUN;
use rotabox_tests::artifacts;
use rotabox_tests::case::Setup;
use std::fs;

fn refused(what: &str, bytes: &[u8]) -> String {
    let setup = Setup::of("puppet");
    let module = setup.bench.folder().join("module.wasm");
    fs::write(&module, bytes).unwrap();
    let policy = fs::read_to_string(setup.bench.policies().join("prod.toml")).unwrap();
    let policy = policy
        .replace(&artifacts::guest("puppet").path.display().to_string(), &module.display().to_string())
        .replace(&artifacts::guest("puppet").sha256, &artifacts::sha256(bytes));
    setup.bench.policy("prod", &policy);
    let ran = setup.run(&RUN);
    assert_eq!((ran.exit, ran.result["outcome"].as_str()), (2, Some("not-started")), "{what}: {ran:?}");
    assert_eq!(setup.server.connections(), 0, "{what}");
    ran.stderr
}

#[test]
fn what_is_no_component_is_refused() {
    let puppet = fs::read(artifacts::guest("puppet").path).unwrap();
    let mut flipped = puppet.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].iter_mut().for_each(|byte| *byte = !*byte);
    let core = wat::parse_str("(module (memory (export \"memory\") 1))").unwrap();
    for (what, bytes) in [
        ("an empty file", &b""[..]),
        ("a shell script", b"#!/bin/sh\ncat\n"),
        ("an ELF file", &fs::read(artifacts::rotabox()).unwrap()[..4096]),
        ("a core module", &core),
        ("half a component", &puppet[..puppet.len() / 2]),
        ("a damaged component", &flipped),
        ("a component and more", &[puppet.clone(), puppet.clone()].concat()),
    ] {
        refused(what, bytes);
    }
}

#[test]
fn a_component_that_wants_more_than_the_contract_is_refused_by_name() {
    for import in [
        "wasi:sockets/tcp@0.2.3",
        "wasi:filesystem/types@0.2.3",
        "wasi:http/outgoing-handler@0.2.3",
        "acme:secret/reveal@1.0.0",
    ] {
        let text = format!("(component (import \"{import}\" (instance (export \"take\" (func)))))");
        let said = refused(import, &wat::parse_str(&text).unwrap());
        assert!(said.contains(import.split('@').next().unwrap()), "{import} is not named: {said}");
    }
}

#[test]
fn a_component_that_is_no_rotator_is_refused() {
    for (what, text) in [
        ("empty", "(component)"),
        (
            "loops when it is started",
            "(component (core module $m (func $f loop br 0 end) (start $f)) (core instance (instantiate $m)))",
        ),
        ("takes 4 GiB at once", "(component (core module $m (memory 65536)) (core instance (instantiate $m)))"),
        ("uses shared memory", "(component (core module $m (memory 1 1 shared)) (core instance (instantiate $m)))"),
    ] {
        refused(what, &wat::parse_str(text).unwrap());
    }
}
