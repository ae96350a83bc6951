#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use super::*;
use crate::worker::engine::{self, FEATURES};
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

const MEMORY: u64 = 16 << 20;

/// A component of our world around a core module in text form.
fn rotator(core: &str) -> Vec<u8> {
    let mut module = wat::parse_str(core).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/wit");
    let (package, _) = resolve.push_path(contract).unwrap();
    let world = resolve.select_world(&[package], Some("rotator")).unwrap();
    let utf8 = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    wit_component::ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// With these fields and this body of `run`.
fn with(fields: &str, body: &str) -> Vec<u8> {
    rotator(&format!(
        r#"(module
            (import "rotabox:rotator/log@0.1.0" "write" (func $log (param i32 i32 i32)))
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
            {fields}
            (func (export "rotabox:rotator/rotation@0.1.0#run") (param i32 i32 i32) (result i32)
                {body} (i32.const 1024)))"#
    ))
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).unwrap()
}

/// The reasons for a module, as one text.
fn said(module: &[u8]) -> String {
    reasons(module, false, MEMORY).join("\n")
}

static VALID: LazyLock<Vec<u8>> = LazyLock::new(|| with("", "(call $log (i32.const 0) (i32.const 0) (i32.const 0))"));

#[test]
fn a_component_of_our_world_is_accepted() {
    assert_eq!(reasons(&VALID, false, MEMORY), Vec::<String>::new());
    assert_eq!(reasons(&VALID, true, MEMORY), Vec::<String>::new());
}

#[test]
fn the_engine_runs_exactly_the_proposals_that_the_scan_lets_through() {
    let engine = wasmtime::Engine::new(&engine::config()).unwrap();
    assert_eq!(engine.get_wasm_features(), FEATURES);
}

#[test]
fn what_is_no_binary_component_is_named_for_what_it_is() {
    let valid = VALID.as_slice();
    let core = wat::parse_str("(module)").unwrap();
    for (case, module, expected) in [
        ("nothing", &b""[..], "the file is empty"),
        ("native code", b"\x7fELF\x02\x01\x01", "native code (ELF)"),
        ("text", b"  (component)", "text form"),
        ("text after a comment", b";; x\n(component)", "text form"),
        ("random bytes", b"\x89PNG\r\n", "not WebAssembly"),
        ("the magic only", b"\0asm", "unknown version"),
        ("another version", b"\0asm\x0d\0\x02\0", "unknown version"),
        ("a core module", &core, "core module, and a rotator is a component"),
        ("a component cut short", &valid[..valid.len() / 2], "not a valid component"),
        ("a component without its last byte", &valid[..valid.len() - 1], "not a valid component"),
        ("bytes behind the component", &[valid, &[0xff]].concat(), "not a valid component"),
    ] {
        let said = said(module);
        assert!(said.contains(expected), "{case}: {said}");
    }
}

#[test]
fn each_proposal_that_is_off_is_refused_by_name() {
    let code = |fields: &str| component(&format!("(core module {fields})"));
    let mut wrong = vec![];
    for (proposal, module) in [
        ("threads", code("(memory 1 1 shared)")),
        ("threads", code("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))")),
        ("memory64", code("(memory i64 1)")),
        ("multi-memory", code("(memory 1) (memory 1)")),
        ("gc", code("(type (struct))")),
        ("gc-types", code("(func (param externref))")),
        ("exceptions", code("(tag)")),
        ("exceptions", code("(func (try_table))")),
        ("legacy-exceptions", code("(func try end)")),
        ("tail-call", code("(func return_call 0)")),
        ("relaxed-simd", code("(func (param v128) local.get 0 local.get 0 i8x16.relaxed_swizzle drop)")),
        ("stack-switching", code("(type $f (func)) (type (cont $f))")),
        ("custom-page-sizes", code("(memory 1 (pagesize 1))")),
        (
            "wide-arithmetic",
            code("(func (param i64) local.get 0 local.get 0 local.get 0 local.get 0 i64.add128 drop drop)"),
        ),
        ("function-references", code("(type $f (func)) (func (param (ref $f)))")),
        ("shared-everything-threads", code("(global (shared mut i32) (i32.const 0))")),
        ("cm-async", component("(type (func async))")),
        ("cm-async", component("(type (stream u8))")),
        ("cm-async", component("(core func (canon task.cancel))")),
        ("cm-error-context", component("(type error-context)")),
        ("cm-values", component("(import \"x\" (value u32))")),
    ] {
        let said = said(&module);
        if !(said.contains("which is off for rotators") && said.contains(proposal)) {
            wrong.push(format!("{proposal}: {said}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_nested_component_may_hold_types_only() {
    assert_eq!(said(&component("(component (type string))")).lines().count(), 1, "only the export is missing");
    for nested in [
        "(component (core module))",
        "(component (component))",
        "(component (import \"x\" (instance $i (export \"f\" (func)))) (alias export $i \"f\" (func $f)) (core func (canon lower (func $f))))",
        "(component (core module $m) (core instance (instantiate $m)))",
        "(component (component $c) (instance (instantiate $c)))",
    ] {
        let said = said(&component(nested));
        assert!(said.contains("another component with code of its own"), "{nested}: {said}");
    }
}

#[test]
fn imports_beyond_the_world_are_all_named() {
    let module = component(
        r#"(import "wasi:sockets/tcp@0.2.0" (instance))
           (import "wasi:cli/environment@0.2.6" (instance))
           (import "wasi:http/outgoing-handler@0.2.0" (instance))
           (import "evil:corp/shell" (instance))
           (import "rotabox:rotator/http@0.9.0" (instance))
           (import "rotabox:rotator/log@0.1.3" (func))
           (import "launch" (func))"#,
    );
    let without = reasons(&module, false, MEMORY);
    let text = without.join("\n");
    for name in [
        "wasi:sockets/tcp@0.2.0",
        "wasi:cli/environment@0.2.6",
        "wasi:http/outgoing-handler@0.2.0",
        "evil:corp/shell",
        "rotabox:rotator/http@0.9.0",
        "rotabox:rotator/log@0.1.3",
        "launch",
        "rotabox:rotator/rotation@0.1.*",
    ] {
        assert!(text.contains(name), "{name}: {text}");
    }
    let inert = reasons(&module, true, MEMORY).join("\n");
    assert!(!inert.contains("wasi:sockets") && !inert.contains("wasi:cli"), "{inert}");
    assert!(inert.contains("wasi:http") && inert.contains("evil:corp/shell"), "{inert}");
}

#[test]
fn names_cannot_write_to_a_terminal() {
    // The text form cannot say this; the bytes can. Same length, so that no other byte has to change.
    let mut module = component(r#"(import "aaaa" (func))"#);
    let at = module.windows(4).position(|window| window == b"aaaa").unwrap();
    module[at..at + 4].copy_from_slice(b"\x1b[2J");
    let said = said(&module);
    assert!(
        said.chars().all(|character| character == '\n' || character == ' ' || character.is_ascii_graphic()),
        "{said:?}"
    );
    assert!(said.contains(r"\u{1b}[2J"), "{said}");
}

#[test]
fn memory_above_the_limit_is_refused_at_the_start() {
    let module = with("", "");
    assert_eq!(reasons(&module, false, 65536), Vec::<String>::new());
    let said = reasons(&module, false, 65535).join("\n");
    assert!(said.contains("begins with 65536 bytes of memory"), "{said}");
    let huge = component("(core module (memory 65536)) (core module (memory 65536))");
    assert!(reasons(&huge, false, MEMORY).join("\n").contains("begins with 8589934592 bytes"));
}

/// The parts of a module by hand, for what the text form would take long to say.
mod bytes {
    pub(super) fn leb(mut number: u32) -> Vec<u8> {
        let mut bytes = vec![];
        loop {
            let byte = (number & 0x7f) as u8;
            number >>= 7;
            if number == 0 {
                bytes.push(byte);
                return bytes;
            }
            bytes.push(byte | 0x80);
        }
    }

    pub(super) fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [&[id], leb(u32::try_from(content.len()).unwrap()).as_slice(), content].concat()
    }

    /// `count` functions without parameters, all with this body (locals and code).
    pub(super) fn functions(count: u32, body: &[u8]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(section(1, b"\x01\x60\x00\x00"));
        module.extend(section(3, &[leb(count), vec![0; count as usize]].concat()));
        let entry = [leb(u32::try_from(body.len()).unwrap()).as_slice(), body].concat();
        module.extend(section(10, &[leb(count), entry.repeat(count as usize)].concat()));
        inside(&module)
    }

    /// The core module in a component.
    pub(super) fn inside(module: &[u8]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0".as_slice(), &section(1, module)].concat()
    }
}

#[test]
fn bombs_for_the_compiler_are_refused_by_what_is_too_large() {
    use bytes::{functions, leb};
    let locals = |count: u32| [b"\x01".as_slice(), &leb(count), b"\x7f\x0b"].concat();
    let nops = |count: usize| [b"\x00".as_slice(), &vec![1; count], b"\x0b"].concat();
    let table = |count: u32| {
        let targets = vec![0; count as usize + 1];
        [b"\x00\x41\x00\x0e".as_slice(), &leb(count), &targets, b"\x0b"].concat()
    };
    let blocks = |count: usize| [b"\x00".as_slice(), &b"\x02\x40".repeat(count), &vec![0x0b; count + 1]].concat();
    for (bomb, module, expected) in [
        ("a function too many", functions(100_001, b"\x00\x0b"), "more than 100000 functions"),
        ("a giant function", functions(1, &nops(1 << 20)), "more than 1048576 bytes in one function"),
        ("much code", functions(30, &nops((1 << 20) - 100)), "more than 25165824 bytes of code"),
        ("many locals", functions(1, &locals(10_001)), "more than 10000 locals in one function"),
        ("locals in every function", functions(301, &locals(10_000)), "more than 3000000 locals"),
        ("a giant br_table", functions(1, &table(10_001)), "more than 10000 targets in one br_table"),
        ("many br_tables", functions(101, &table(10_000)), "more than 1000000 targets of br_table"),
        ("deep blocks", functions(1, &blocks(10_001)), "more than 10000 blocks inside each other"),
        (
            "many modules",
            [b"\0asm\x0d\0\x01\0".to_vec(), bytes::section(1, b"\0asm\x01\0\0\0").repeat(101)].concat(),
            "more than 100 core modules",
        ),
        ("a giant table", component("(core module (table 100001 funcref))"), "more than 100000 table elements"),
        (
            "a giant custom section",
            [component(""), bytes::section(0, &[b"\x01x".as_slice(), &vec![0; 17 << 20]].concat())].concat(),
            "custom sections",
        ),
        (
            "many imports",
            component(&(0..201).map(|n| format!("(import \"i{n}\" (instance))")).collect::<String>()),
            "more than 200 imports",
        ),
        ("many nested components", component(&"(component)".repeat(21)), "more than 20 nested components"),
    ] {
        let said = said(&module);
        assert!(said.contains(expected), "{bomb}: {said}");
    }
}

#[test]
fn what_is_just_inside_the_caps_is_no_bomb() {
    use bytes::functions;
    let locals = [b"\x01".as_slice(), &bytes::leb(10_000), b"\x7f\x0b"].concat();
    for module in [functions(100_000, b"\x00\x0b"), functions(300, &locals)] {
        assert_eq!(reasons(&module, false, MEMORY).len(), 1, "only the export is missing");
    }
}

#[test]
fn a_description_says_what_the_module_is() {
    let description = describe(&VALID);
    assert_eq!(description.imports, ["rotabox:rotator/log@0.1.0"]);
    assert_eq!(description.exports, ["rotabox:rotator/rotation@0.1.0"]);
    assert!(description.core_modules >= 1, "the one above and the adapters around it");
    assert!(description.producers.iter().any(|(field, name, _)| field == "processed-by" && name == "wit-component"));
    assert!(description.reasons_without_wasi.is_empty() && description.reasons_with_inert_wasi.is_empty());

    let wasi = describe(&component(r#"(import "wasi:cli/stdin@0.2.6" (instance))"#));
    assert_eq!(wasi.imports, ["wasi:cli/stdin@0.2.6"]);
    assert_eq!((wasi.reasons_without_wasi.len(), wasi.reasons_with_inert_wasi.len()), (2, 1));

    let garbage = describe(b"garbage");
    assert_eq!((garbage.imports.len(), garbage.reasons_without_wasi.len()), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn damaged_components_are_refused_or_load_but_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut module = VALID.clone();
        for (at, byte) in changes {
            let at = at.index(module.len());
            module[at] = byte;
        }
        module.truncate(cut.map_or(module.len(), |cut| cut.index(module.len())));
        let _ = describe(&module);
        let limits = crate::wire::Limits { memory_bytes: MEMORY, fuel: 1000, inert_wasi: false };
        if let Err(reasons) = engine::load(&module, limits) {
            prop_assert!(!reasons.is_empty());
        }
    }

    #[test]
    fn arbitrary_bytes_behind_the_preamble_never_panic(rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = describe(&[b"\0asm\x0d\0\x01\0".as_slice(), &rest].concat());
    }
}
