//! A malformed page, policy or module gives a message with the place and the fix, and never a panic: in `inspect`, `diff` and `approve`.
//! (Signatures have a suite of their own.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, BLIND, Desk, Said, rotator};
use proptest::prelude::*;
use rotabox::compare::{Verdict, pages, verdict};
use rotabox::page::diagnostic::SourceFile;
use rotabox::page::{parse, sealed};

/// The three verbs on `file`, with `good.wasm` to compare with.
fn verbs(desk: &Desk, file: &str) -> [Said; 4] {
    [
        desk.run(&["inspect", file]),
        desk.run(&["diff", "good.wasm", file]),
        desk.run(&["diff", file, "good.wasm", "--json"]),
        desk.run(&["approve", file, "--policies", "policies", "--name", "x"]),
    ]
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.module("good.wasm", ACME);
    desk
}

/// It ends by itself, with a message of ours, and writes nothing.
fn civil(said: &Said) -> Result<(), String> {
    let exits = [0, 1, 2, 3].contains(&said.exit);
    let speaks = said.exit != 2 || said.stderr.contains("rotabox: ");
    match exits && speaks && !said.all().contains("panicked") && !said.all().contains("a bug of rotabox") {
        true => Ok(()),
        false => Err(said.all()),
    }
}

#[test]
fn a_malformed_page_is_refused_with_the_place_and_the_fix() {
    let changed = |from: &str, to: &str| {
        assert!(BLIND.contains(from), "{from}");
        BLIND.replace(from, to)
    };
    for (page, place, message, fix) in [
        (changed("[records.api]", "[records.api"), ":4:", "this is not TOML", ""),
        (
            changed("changes  = true", "change   = true"),
            ":11:1",
            "`change` is no key of a route",
            "did you mean `changes`?",
        ),
        (changed("{api.login}", "{api.logn}"), ":13:", "declares no field `logn`", "did you mean `login`?"),
        (changed("{api.login}", "{api.login"), ":13:", "this brace is not closed", "written twice"),
        (changed("\"PUT ", "\"PUSH "), ":12:", "`PUSH` is no method", "did you mean `POST`?"),
        (changed("version = 1", "version = 2"), ":1:11", "a page of version 2", "for version 1"),
        (changed("\"blind\"", "\"bl\u{202e}ind\""), ":2:", "invisible character U+202E", "leave it out"),
        (changed("[\"change\"]", "[]"), ":10:", "at least one step", "write `for ="),
        (String::new(), ":1:1", "a page needs `version`", "write `version = 1`"),
    ] {
        let desk = desk();
        desk.module("bad.wasm", &page);
        desk.write("bad.toml", &page);
        for said in verbs(&desk, "bad.wasm").into_iter().chain([desk.run(&["inspect", "bad.toml"])]) {
            let said = if said.stdout.is_empty() { said.exits(2) } else { said.exits(1) };
            said.says(place).says(message).says(fix);
        }
        assert!(!desk.path("policies").exists());
    }
}

#[test]
fn a_malformed_module_is_refused_and_what_is_wrong_is_said() {
    let good = sealed::seal(&rotator(), BLIND).unwrap();
    let two = [&good[..], &sealed::seal(b"\0asm\x0d\0\x01\0", BLIND).unwrap()[8..]].concat();
    let not_text = {
        let mut bytes = good.clone();
        *bytes.last_mut().unwrap() = 0xff;
        bytes
    };
    for (bytes, words) in [
        (Vec::new(), ""),
        (b"\0".to_vec(), "neither a WebAssembly module nor a page"),
        (b"\0asm".to_vec(), ""),
        (b"\0asm\x01\0\0\0".to_vec(), "core module"),
        (b"\0asm\x0e\0\x01\0".to_vec(), ""),
        (good[..good.len() / 2].to_vec(), ""),
        (good[..good.len() - 1].to_vec(), ""),
        (two, "more than one `rotabox:page` section"),
        (not_text, "not UTF-8"),
        (vec![0xff; 1000], "neither a WebAssembly module nor a page"),
        (b"\x7fELF\x02\x01\x01\0".to_vec(), "neither a WebAssembly module nor a page"),
    ] {
        let desk = desk();
        desk.write("bad.wasm", &bytes);
        for said in verbs(&desk, "bad.wasm") {
            assert!(said.exit == 2 || (said.exit == 1 && !said.stdout.is_empty()), "{}", said.all());
            civil(&said).unwrap();
            said.says(words);
        }
        assert!(!desk.path("policies").exists());
    }
    let desk = desk();
    std::fs::create_dir(desk.path("folder.wasm")).unwrap();
    for said in verbs(&desk, "folder.wasm").into_iter().chain(verbs(&desk, "none.wasm")) {
        said.exits(2).says(".wasm");
    }
}

#[test]
fn a_malformed_policy_is_refused_with_the_place_and_the_fix() {
    for (from, to, place, fix) in [
        ("version = 1", "version = 9", ":5:11", "version = 1"),
        ("reconcile = ", "reconcil = ", "", "did you mean `reconcile`?"),
        ("sha256 = [\"", "sha256 = [\"sha256:", ":10:", "without `sha256:` in front"),
        ("[[approved]]", "[approved]", "", "write `[[approved]]`"),
        ("at = \"", "at = \"on ", "", "in quotes, in UTC"),
        ("[rotator]", "[rotator", ":7:", "this is not TOML"),
    ] {
        let desk = Desk::new();
        desk.approve_acme();
        let text = desk.read("policies/acme-prod.toml");
        assert!(text.contains(from), "{from}\n{text}");
        desk.write("policies/acme-prod.toml", text.replacen(from, to, 1));
        let before = desk.read("policies/acme-prod.toml");
        desk.module("new.wasm", &ACME.replace("Accounts of Acme", "New words"));
        for said in [
            desk.run(&["approve", "new.wasm", "--policies", "policies", "--from", "acme-prod"]),
            desk.run(&["explain", "acme-prod", "--route", "find", "--policies", "policies"]),
        ] {
            said.exits(2).says(&format!("policies/acme-prod.toml{place}")).says(fix);
        }
        assert_eq!(desk.read("policies/acme-prod.toml"), before);
    }
}

/// A text with some of its bytes changed, taken out or put in; still UTF-8.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0usize..6, "[a-z{}\\[\\]\"'=., 0-9\n\u{e9}\u{202e}#-]{0,4}");
    proptest::collection::vec(edit, 1..4).prop_map(move |edits| {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, gone, with) in edits {
            let at = at.index(characters.len());
            let end = (at + gone).min(characters.len());
            characters.splice(at..end, with.chars());
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_mutated_page_is_read_or_refused_with_its_line_and_compares_with_anything(text in mutated(ACME)) {
        let good = parse::parse(SourceFile::new("good.toml", ACME)).unwrap();
        match parse::parse(SourceFile::new("bad.toml", text)) {
            Err(problem) => prop_assert!(problem.to_string().starts_with("bad.toml:"), "{}", problem),
            Ok(page) => {
                prop_assert_eq!(pages(&page, &page), []);
                let (there, back) = (verdict(&pages(&good, &page)), verdict(&pages(&page, &good)));
                prop_assert_eq!(there == Verdict::Same, back == Verdict::Same);
                prop_assert!(there != Verdict::Narrower || back == Verdict::Wider);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_module_with_changed_bytes_never_makes_a_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let desk = desk();
        let mut bytes = sealed::seal(&rotator(), BLIND).unwrap();
        for (at, with) in edits {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        bytes.truncate(cut.map_or(usize::MAX, |cut| cut.index(bytes.len())));
        desk.write("bad.wasm", &bytes);
        for said in verbs(&desk, "bad.wasm") {
            prop_assert_eq!(civil(&said), Ok(()));
        }
    }

    #[test]
    fn a_module_with_a_mutated_page_never_makes_a_panic(text in mutated(ACME)) {
        let desk = desk();
        desk.module("bad.wasm", &text);
        for said in verbs(&desk, "bad.wasm") {
            prop_assert_eq!(civil(&said), Ok(()));
        }
    }
}
