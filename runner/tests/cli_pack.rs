//! `pack` of modules (crate folders are built in the library's own tests).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{BLIND, Desk, common, rotator};
use rotabox::page::sealed;
use rotabox::policy::find;

/// A core module with the contract's types in it.
fn core_module() -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let contract = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/wit");
    let (package, _) = resolve.push_path(contract).unwrap();
    let world = resolve.select_world(&[package], Some("rotator")).unwrap();
    let mut module = wat::parse_str(common::core("", "(i32.const 1024)")).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    module
}

#[test]
fn a_core_module_becomes_a_component_with_its_page_that_inspect_accepts() {
    let desk = Desk::new();
    desk.write("core.wasm", core_module());
    desk.write("page.toml", BLIND);
    let said = desk.run(&["pack", "core.wasm", "--page", "page.toml", "-o", "out.wasm"]).exits(0);
    assert_eq!(said.stdout, "[SHA256]  out.wasm\n");
    said.says("rotabox: packed: out.wasm")
        .says("page sealed in")
        .says("next: rotabox inspect out.wasm")
        .says("rotabox approve out.wasm");
    let component = std::fs::read(desk.path("out.wasm")).unwrap();
    assert_eq!(sealed::read(&component).unwrap(), Some(BLIND));
    desk.run(&["inspect", "out.wasm"])
        .exits(0)
        .says(&find::digest(&component).replace(char::is_alphanumeric, ""))
        .says("Page `blind`");
    desk.run(&["pack", "core.wasm", "--page", "page.toml", "-o", "again.wasm"]).exits(0);
    assert_eq!(std::fs::read(desk.path("again.wasm")).unwrap(), component, "the same input gives the same bytes");
}

#[test]
fn a_component_can_be_sealed_anew_or_left_open() {
    let desk = Desk::new();
    desk.write("rest.wasm", rotator());
    desk.write("page.toml", BLIND);
    desk.run(&["pack", "rest.wasm", "--open-page", "-o", "open.wasm"])
        .exits(0)
        .says("open page")
        .says("--page page.toml");
    assert_eq!(std::fs::read(desk.path("open.wasm")).unwrap(), rotator());
    desk.run(&["pack", "rest.wasm", "--page", "page.toml"]).exits(0).says("rest.rotator.wasm");
    desk.run(&["inspect", "rest.rotator.wasm"]).exits(0).says("sealed in");
}

#[test]
fn a_page_is_never_guessed() {
    let desk = Desk::new();
    desk.write("rest.wasm", rotator());
    desk.write("page.toml", BLIND);
    desk.run(&["pack", "rest.wasm"]).exits(2).says("give it with `--page FILE`").says("--open-page");
    std::fs::create_dir(desk.path("crate")).unwrap();
    desk.run(&["pack", "crate"]).exits(2).says("this crate folder has no page.toml");
    desk.run(&["pack", "nowhere"]).exits(2).says("`nowhere` does not exist");
    desk.run(&["pack", "rest.wasm", "--page", "page.toml", "--open-page"]).exits(2);
}

#[test]
fn what_cannot_be_packed_leaves_no_file() {
    let desk = Desk::new();
    desk.write("page.toml", BLIND);
    desk.write("bad.toml", BLIND.replace("{api.login}", "{api.logn}"));
    desk.write("text.wasm", "(module)");
    desk.write("plain.wasm", wat::parse_str("(module)").unwrap());
    desk.write("rest.wasm", rotator());
    for (module, page, words) in [
        ("text.wasm", "page.toml", "not WebAssembly"),
        ("plain.wasm", "page.toml", "rotation"),
        ("rest.wasm", "bad.toml", "bad.toml:13:"),
        ("rest.wasm", "none.toml", "none.toml"),
    ] {
        desk.run(&["pack", module, "--page", page, "-o", "out.wasm"]).exits(2).says(words);
        assert!(!desk.path("out.wasm").exists(), "{module} {page}");
    }
}
