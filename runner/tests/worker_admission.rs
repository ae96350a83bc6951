//! What the worker says to modules that it does not accept. The scan's own tests go through the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{component, core, in_time, limits, reasons, worker};
use rotabox::broker::link::LoadError;
use rotabox::wire::Limits;

const OK: &str = "(i32.const 1024)";

/// A component of another contract that calls itself ours.
fn of_contract(wit: &str, core: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("contract.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("rotator")).unwrap();
    common::encode(core, &resolve, world)
}

#[tokio::test]
async fn whatever_is_no_component_is_refused_with_a_sentence() {
    for (module, expected) in [
        (&b""[..], "empty"),
        (b"\x7fELF", "native code"),
        (b"(module)", "text form"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"garbage", "not WebAssembly"),
        (b"\0asm\x0d\0\x01\0\x07", "not a valid component"),
    ] {
        let said = reasons(module, limits()).await;
        assert!(said.contains(expected) && said.contains(": build"), "{said}");
    }
}

#[tokio::test]
async fn a_function_that_the_contract_does_not_have_is_named() {
    let wit = "package rotabox:rotator@0.1.7;
        interface http { send-raw: func(url: string) -> string; }
        interface rotation { variant step { verify, change, reconcile, finish, other(string) }
            record failure { code: string, detail: string } run: func(step: step) -> result<_, failure>; }
        world rotator { import http; export rotation; }";
    let imports = r#"(import "rotabox:rotator/http@0.1.7" "send-raw" (func (param i32 i32 i32)))"#;
    let module = of_contract(wit, &core(imports, OK).replace("rotation@0.1.0", "rotation@0.1.7"));
    let said = reasons(&module, limits()).await;
    assert!(said.contains("send-raw"), "{said}");
}

#[tokio::test]
async fn an_export_of_another_shape_is_refused() {
    let wit = "package rotabox:rotator@0.1.0;
        interface rotation { run: func(step: u32) -> string; }
        world rotator { export rotation; }";
    let module = core("", OK).replace("(param $step i32) (param i32 i32)", "(param $step i32)");
    let said = reasons(&of_contract(wit, &module), limits()).await;
    assert!(said.contains("run"), "{said}");
}

#[tokio::test]
async fn a_later_patch_of_the_contract_is_served() {
    let wit = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-sdk/wit/rotator.wit")).unwrap();
    let imports = r#"(import "rotabox:rotator/time@0.1.9" "now" (func (result i64)))"#;
    let module = core(imports, OK).replace("rotation@0.1.0", "rotation@0.1.9");
    let component = of_contract(&wit.replace("rotator@0.1.0", "rotator@0.1.9"), &module);
    in_time(worker().load(&component, limits())).await.unwrap();
}

#[tokio::test]
async fn memory_is_held_against_the_policy_before_anything_runs() {
    let module = component(&core("", OK));
    let said = reasons(&module, Limits { memory_bytes: 1000, ..limits() }).await;
    assert!(said.contains("65536 bytes of memory"), "{said}");
    let said = reasons(&module, Limits { memory_bytes: 1 << 40, ..limits() }).await;
    assert!(said.contains("is not supported"), "{said}");
}

#[tokio::test]
async fn there_are_never_more_reasons_than_people_read() {
    let imports: String = (0..150).map(|n| format!("(import \"evil:corp/i{n}\" (instance))")).collect();
    let module = wat::parse_str(format!("(component {imports})")).unwrap();
    match in_time(worker().load(&module, limits())).await {
        Err(LoadError::Rejected(reasons)) => assert_eq!(reasons.len(), rotabox::wire::REASONS_MAX),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn describing_garbage_is_a_description_with_reasons() {
    let description = in_time(worker().describe(b"garbage")).await.unwrap();
    assert_eq!(description.core_modules, 0);
    assert!(description.reasons_with_inert_wasi.concat().contains("not WebAssembly"));
}
