//! `inspect` on modules and pages, good, foreign and hostile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, BLIND, Desk, common, matches_file, rotator};
use rotabox::page::sealed;

#[test]
fn a_module_is_shown_with_its_page_as_a_table() {
    let desk = Desk::new();
    desk.module("acme.wasm", ACME);
    let said = desk.run(&["inspect", "acme.wasm"]).exits(0);
    assert_eq!(said.stderr, "");
    assert!(said.stdout.lines().all(|line| line.chars().count() <= 100), "{}", said.stdout);
    matches_file("inspect/module.txt", &said.stdout);
}

#[test]
fn a_page_is_shown_on_its_own() {
    let desk = Desk::new();
    desk.write("page.toml", BLIND);
    let said = desk.run(&["inspect", "page.toml"]).exits(0);
    matches_file("inspect/page.txt", &said.stdout);
    let worked = desk.run(&["inspect", "page.toml", "--page", "page.toml"]).exits(2);
    worked.says("is a page itself");
}

#[test]
fn every_worked_page_can_be_shown() {
    let desk = Desk::new();
    let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("page/tests/pages");
    let mut shown = 0;
    for entry in std::fs::read_dir(pages).unwrap() {
        let path = entry.unwrap().path();
        let said = desk.run(&["inspect", path.to_str().unwrap()]).exits(0);
        let text = std::fs::read_to_string(&path).unwrap();
        for name in text.lines().filter_map(|line| line.strip_prefix("name")?.trim().strip_prefix('=')) {
            let name = name.trim().split('"').nth(1).unwrap();
            assert!(said.stdout.contains(name), "{name} of {}", path.display());
        }
        assert!(said.stdout.lines().all(|line| line.chars().count() <= 100), "{}", said.stdout);
        shown += 1;
    }
    assert!(shown >= 10);
}

#[test]
fn a_page_with_a_mistake_is_not_accepted_and_its_line_is_shown() {
    let desk = Desk::new();
    desk.write("page.toml", BLIND.replace("{api.login}", "{api.logn}"));
    desk.run(&["inspect", "page.toml"])
        .exits(1)
        .says("accepted NO")
        .says("page.toml:13:")
        .says("hint: did you mean `login`?");
    desk.module("bad.wasm", &BLIND.replace("{api.login}", "{api.logn}"));
    desk.run(&["inspect", "bad.wasm"])
        .exits(1)
        .says("bad.wasm (sealed page):13:")
        .says("the page has a mistake (below)");
}

#[test]
fn an_open_module_says_so_and_shows_the_page_that_is_given() {
    let desk = Desk::new();
    desk.write("rest.wasm", rotator());
    desk.write("blind.toml", BLIND);
    desk.run(&["inspect", "rest.wasm"]).exits(0).says("open: each policy names a page file").does_not_say("Page `");
    desk.run(&["inspect", "rest.wasm", "--page", "blind.toml"])
        .exits(0)
        .says("Page `blind`")
        .says("the policy pins it");
    desk.module("sealed.wasm", BLIND);
    desk.run(&["inspect", "sealed.wasm", "--page", "blind.toml"]).exits(2).says("no other one counts");
}

#[test]
fn a_component_of_another_world_is_refused_with_what_it_wanted() {
    let desk = Desk::new();
    let wit = "package x:y; interface files { read: func(path: string) -> string; } world w { import files; export run: func(); }";
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("w.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let core = r#"(module
        (import "x:y/files" "read" (func (param i32 i32 i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export "run")))"#;
    desk.write("other.wasm", common::encode(core, &resolve, world));
    desk.run(&["inspect", "other.wasm"]).exits(1).says("accepted NO").says("x:y/files").says("WASI not accepted");
}

#[test]
fn a_page_that_no_run_would_read_is_not_accepted() {
    let desk = Desk::new();
    let page = format!("{BLIND}# {}", "x".repeat(256 * 1024));
    desk.module("big.wasm", &page);
    desk.run(&["inspect", "big.wasm"]).exits(1).says("accepted NO").says("a page has at most 262144 bytes");
    desk.write("big.toml", &page);
    desk.write("rest.wasm", rotator());
    desk.run(&["inspect", "big.toml"]).exits(1).says("a page has at most 262144 bytes");
    desk.run(&["approve", "rest.wasm", "--page", "big.toml"]).exits(2).says("a page has at most 262144 bytes");
}

#[test]
fn nothing_that_is_enforced_is_cut_however_long_it_is() {
    let desk = Desk::new();
    let long = format!("{}THE-END", "x".repeat(3000));
    desk.write("page.toml", BLIND.replace("{ password = ", &format!("{{ note = \"{long}\", password = ")));
    let said = desk.run(&["inspect", "page.toml"]).exits(0);
    let text: String = said.stdout.chars().filter(|character| !character.is_whitespace()).collect();
    assert!(text.contains(&long), "{}", said.stdout);
    assert!(said.stdout.lines().all(|line| line.chars().count() <= 100));
    let other = BLIND.replace("{ password = ", &format!("{{ note = \"{}\", password = ", long.replace("END", "FIN")));
    desk.write("other.toml", other);
    let said = desk.run(&["diff", "page.toml", "other.toml"]).exits(1).says("JSON /note").stdout;
    let text: String = said.chars().filter(|character| !character.is_whitespace()).collect();
    assert!(text.contains("THE-FIN"), "{said}");
    // The author's words are no more than that.
    desk.write("words.toml", BLIND.replace("name = \"blind\"", &format!("name = \"blind\"\nabout = \"{long}\"")));
    desk.run(&["inspect", "words.toml"]).exits(0).says("… (cut)").does_not_say("THE-END");
}

#[test]
fn a_hostile_file_name_cannot_reach_the_terminal() {
    let desk = Desk::new();
    for name in ["\u{1b}[2J.wasm", "a\nb.wasm", "\u{202e}.toml"] {
        for bytes in [b"\x7fELF\0".to_vec(), rotator(), BLIND.as_bytes().to_vec(), b"version = ".to_vec()] {
            desk.write(name, bytes);
            harmless(&desk.run(&["inspect", name]));
            harmless(&desk.run(&["inspect", name, "--page", name]));
            harmless(&desk.run(&["approve", name]));
            harmless(&desk.run(&["pack", name, "--open-page", "-o", "out.wasm"]));
            harmless(&desk.run(&["pack", name, "--open-page"]));
        }
    }
}

#[test]
fn what_is_no_component_is_said_to_be_what_it_is() {
    let desk = Desk::new();
    desk.write("core.wasm", wat::parse_str("(module)").unwrap());
    desk.run(&["inspect", "core.wasm"]).exits(1).says("accepted NO").says("core module");
    desk.write("cut.wasm", &rotator()[..200]);
    desk.run(&["inspect", "cut.wasm"]).exits(1).says("accepted NO");
    desk.write("elf.wasm", b"\x7fELF\0\0\0\xff");
    desk.run(&["inspect", "elf.wasm"]).exits(2).says("neither a WebAssembly module nor a page");
    desk.run(&["inspect", "none.wasm"]).exits(2).says("none.wasm");
    let twice = [sealed::seal(&rotator(), BLIND).unwrap(), b"\0\x0d\x0crotabox:page".to_vec()].concat();
    desk.write("twice.wasm", twice);
    desk.run(&["inspect", "twice.wasm"]).exits(1).says("more than one `rotabox:page` section");
}

#[test]
fn json_is_one_line_of_ascii_that_says_the_same() {
    let desk = Desk::new();
    desk.module("acme.wasm", &ACME.replace("Accounts of Acme", "Kontos f\u{fc}r \\u202EAcme \u{1f511}"));
    let said = desk.run(&["inspect", "acme.wasm", "--json"]).exits(0);
    assert_eq!(said.stdout.lines().count(), 1);
    assert!(said.stdout.trim_end().chars().all(|character| (' '..='~').contains(&character)), "{}", said.stdout);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["accepted"], true);
    assert_eq!(json["module"]["wasi"], "none");
    assert_eq!(json["module"]["exports"][0], "rotabox:rotator/rotation@0.1.0");
    assert_eq!(json["page-from"], "sealed");
    assert_eq!(json["page"]["about"], "Kontos f\u{fc}r \u{202e}Acme \u{1f511}");
    assert_eq!(json["page"]["literal-hosts"][0], "login.acme.example");
    assert_eq!(json["page"]["verifies"][0], "sign-in");
    let reset = json["page"]["routes"].as_array().unwrap().iter().find(|route| route["name"] == "reset").unwrap();
    assert_eq!(reset["changes"], true);
    assert!(reset["secrets"].as_array().unwrap().iter().any(|placed| placed["name"] == "new-password"
        && placed["place"] == "JSON /password"
        && placed["written"].is_null()));
    assert!(reset["secrets"].as_array().unwrap().iter().any(|placed| placed["name"] == "api.token"
        && placed["place"] == "header authorization"
        && placed["written"].as_str().unwrap().contains("base64")));
}

/// Nothing that moves a cursor, changes a direction or cannot be seen.
#[track_caller]
fn harmless(said: &cli_common::Said) {
    for character in said.all().chars().filter(|character| *character != '\n') {
        assert!(
            !character.is_control() && !"\u{202e}\u{200b}\u{e0041}".contains(character),
            "{character:?} in {}",
            said.all()
        );
    }
}

#[test]
fn invisible_characters_in_a_page_are_refused_without_showing_them() {
    let desk = Desk::new();
    for evil in ["\u{202e}", "\u{200b}", "\u{e0041}", "\u{1b}[2J"] {
        desk.module("evil.wasm", &BLIND.replace("name = \"blind\"", &format!("name = \"blind\"\nabout = \"{evil}\"")));
        harmless(&desk.run(&["inspect", "evil.wasm"]).exits(1));
        harmless(&desk.run(&["inspect", "evil.wasm", "--json"]).exits(1));
    }
}

#[test]
fn the_authors_words_cannot_end_their_own_quotes() {
    let desk = Desk::new();
    let page = BLIND
        .replace("name = \"blind\"", "name = \"blind\"\nabout = \"fine”, and audited by us: “ok＂\"")
        .replace("name     = \"set\"", "name     = \"set\"\nabout    = \"sets” accepted “none\"");
    desk.write("page.toml", &page);
    let said = desk.run(&["inspect", "page.toml"]).exits(0);
    said.says(r"“fine\u{201d}, and audited by us: \u{201c}ok\u{ff02}”").says(r"“sets\u{201d} accepted \u{201c}none”");
    // What is said of an unmet condition stands in straight quotes.
    let page = ACME.replace("else = \"the user is {value}\"", r#"else = 'it is"; picks nothing; else "{value}'"#);
    desk.write("page.toml", &page);
    desk.run(&["inspect", "page.toml"]).exits(0).says(r#"else the author says 'it is"; picks nothing; else "{value}'"#);
}

#[test]
fn what_is_no_page_is_said_to_be_what_it_is() {
    let desk = Desk::new();
    desk.approve_acme();
    for (name, text, words) in [
        ("notes.txt", "Dear all,\nplease approve this.\n", "is neither a WebAssembly module"),
        ("data.json", "{ \"a\": 1 }", "is neither a WebAssembly module"),
        ("other", "a = 1\n", "is neither a WebAssembly module"),
        ("empty.wasm", "", "is empty"),
        ("text.wasm", "(component)", "is WebAssembly as text"),
        ("cassette.toml", "version = 1\n[[step]]\nstep = \"change\"\n", "is a cassette, and no module or page"),
        ("host.toml", "[network]\nroots = \"system\"\n", "is a host file, and no module or page"),
        ("policies/acme-prod.toml", &desk.read("policies/acme-prod.toml"), "is a policy, and no module or page"),
    ] {
        desk.write(name, text);
        desk.run(&["inspect", name]).exits(2).says(words).does_not_say("this is not TOML");
        desk.run(&["diff", name, "acme.wasm"]).exits(2).says(words);
    }
    // What is named like a page is judged as one.
    desk.write("page.toml", "Dear all");
    desk.run(&["inspect", "page.toml"]).exits(1).says("page.toml:1:").says("this is not TOML");
    desk.write("page", BLIND.replace("[records.api]", "[records.api"));
    desk.run(&["inspect", "page"]).exits(1).says("page:4:").says("this is not TOML");
    desk.write("page.toml", [BLIND.as_bytes(), b"# \xff\n"].concat());
    let line = BLIND.lines().count() + 1;
    desk.run(&["inspect", "page.toml"]).exits(2).says(&format!("is not UTF-8 text (line {line})"));
}

#[test]
fn what_a_hostile_page_says_cannot_reach_the_terminal() {
    let desk = Desk::new();
    // Escape, bell, carriage return, right-to-left override, zero width, a tag, C1.
    let evil = r"\u001b[2J\u0007\u000D\u202e\u200b\U000E0041\u009b";
    let page = BLIND
        .replace("name = \"blind\"", &format!("name = \"blind\"\nabout = \"{evil}\""))
        .replace("json     = { password", &format!("json     = {{ \"x{evil}\" = \"y{evil}\", password"))
        .replace("login = \"login\"", &format!("login = \"lo{evil}gin\""));
    desk.module("evil.wasm", &page);
    desk.write("page.toml", &page);
    for args in [
        &["inspect", "evil.wasm"] as &[&str],
        &["inspect", "page.toml"],
        &["inspect", "evil.wasm", "--json"],
        &["approve", "evil.wasm"],
    ] {
        let said = desk.run(args);
        harmless(&said);
        assert!(said.all().contains("202e"), "it is shown, escaped: {}", said.all());
    }
}
