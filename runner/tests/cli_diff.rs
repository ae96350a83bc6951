//! `diff`: what a new version can do that the old one could not, as it is said, and the exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, BLIND, Desk, Said, matches_file, rotator};

const SAME: i32 = 0;
const WIDER: i32 = 1;
const UNREADABLE: i32 = 2;
const NARROWER: i32 = 3;

/// `ACME` with changes.
fn acme(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(ACME.to_owned(), |page, (from, to)| {
        assert!(page.contains(from), "{from}");
        page.replacen(from, to, 1)
    })
}

/// Compares `ACME` with a changed copy.
fn changed(changes: &[(&str, &str)]) -> Said {
    let desk = Desk::new();
    desk.module("old.wasm", ACME);
    desk.module("new.wasm", &acme(changes));
    desk.run(&["diff", "old.wasm", "new.wasm"])
}

#[test]
fn what_changes_nothing_that_can_be_done_is_the_same() {
    changed(&[]).exits(SAME).says("same: both can do exactly the same (the same file)");
    changed(&[
        ("Accounts of Acme", "Other words"),
        ("[[route]]\nname     = \"token\"", "# a comment\n\n[[route]]\nabout = \"why\"\nname     = \"token\""),
    ])
    .exits(SAME)
    .says("(other bytes)")
    .does_not_say("Other words");
}

#[test]
fn the_exit_code_says_which_way_it_goes() {
    let stricter = (
        "one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\"",
        "one-of = [\"ACTIVE\"], else = \"the user is not active\"",
    );
    let more = ("shows    = { code = \"/code\" }", "shows    = { code = \"/code\", all = \"\" }");
    changed(&[stricter])
        .exits(NARROWER)
        .says("narrower: the new one can do less")
        .says("- required: `/state` { one-of");
    changed(&[more]).exits(WIDER).says("wider: the new one can").says("+ the rotator reads the answer as `all`");
    let both = changed(&[stricter, more]).exits(WIDER);
    let (wider, narrower) = both.stdout.split_once("Narrower: ").expect("narrowed and widened stand apart");
    assert!(wider.contains("reads the answer as `all`") && narrower.contains("required:"), "{}", both.stdout);
}

#[test]
fn the_whole_of_a_difference_is_said_in_words_with_lines() {
    let all = [
        (
            "one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\"",
            "one-of = [\"ACTIVE\"], else = \"the user is not active\"",
        ),
        ("expire = false", "expire = true"),
        ("max-bytes = 72", "max-bytes = 64"),
        (
            "\n[[route]]\nname      = \"tell\"",
            "\n[[route]]\nname = \"who\"\nfor = [\"finish\"]\nrequest = \"GET {api.url}/v1/me\"\nheaders = { authorization = \"Bearer {api.token}\" }\nexpects = { status = 200 }\n\n[[route]]\nname      = \"tell\"",
        ),
        (
            "headers   = { authorization = \"Bearer {api.token}\" }",
            "headers   = { authorization = \"Bearer {api.token}\", x-copy = \"{app.key}\" }",
        ),
        ("warns    = { \"/state\" = \"EXPIRED\" }\n", ""),
    ];
    let said = changed(&all).exits(WIDER);
    matches_file("diff/all.txt", &said.stdout);
    let desk = Desk::new();
    desk.module("old.wasm", ACME);
    desk.module("new.wasm", &acme(&all));
    let json = || desk.run(&["diff", "old.wasm", "new.wasm", "--json"]).exits(WIDER).stdout;
    let line = json();
    assert_eq!(line, json(), "the same input gives the same bytes");
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&read["verdict"], &read["version"]), (&"wider".into(), &1.into()));
    assert_eq!(read["old"]["file"], "old.wasm");
    let changes = read["changes"].as_array().unwrap();
    let of = |about: &str| changes.iter().find(|change| change["about"] == about).unwrap();
    assert_eq!((&of("route")["direction"], &of("route")["route"]), (&"wider".into(), &"who".into()));
    assert_eq!(of("json")["direction"], "other");
    assert_eq!(of("requires")["direction"], "narrower");
    let page = acme(&all);
    let at = page.lines().position(|line| line.contains("expire = true")).unwrap() + 1;
    assert_eq!(of("json")["new-line"], format!("new.wasm (sealed page):{at}"));
}

#[test]
fn requests_that_come_go_or_move_are_said() {
    let desk = Desk::new();
    let without = &ACME[..ACME.find("[[route]]\nname      = \"tell\"").unwrap()];
    desk.write("old.toml", ACME);
    desk.write("new.toml", without);
    desk.run(&["diff", "old.toml", "new.toml"]).exits(NARROWER).says("- request `tell` is gone");
    // A new request is shown in full.
    let said = desk.run(&["diff", "new.toml", "old.toml"]).exits(WIDER).says("+ a new request `tell` in finish");
    said.says("may be read nothing but status and verdict").says("argument arg.group");
    let (head, tell) = ACME.split_at(ACME.find("[[route]]\nname     = \"sign-in\"").unwrap());
    let (sign_in, tell) = tell.split_at(tell.find("[[route]]\nname      = \"tell\"").unwrap());
    desk.write("moved.toml", format!("{head}{tell}\n{sign_in}"));
    desk.run(&["diff", "old.toml", "moved.toml"]).exits(WIDER).says("~ the requests stand in another order");
}

#[test]
fn open_pages_are_compared_too() {
    let desk = Desk::new();
    desk.write("rest.wasm", rotator());
    desk.write("a.toml", BLIND);
    desk.write("b.toml", BLIND.replace("204", "[200, 204]"));
    // What they can do is not known, so that it is the same cannot be said.
    desk.run(&["diff", "rest.wasm", "rest.wasm"])
        .exits(UNREADABLE)
        .says("nothing was compared")
        .says("`--old-page FILE` and `--new-page FILE`")
        .does_not_say("same:");
    desk.run(&["diff", "rest.wasm", "rest.wasm", "--old-page", "a.toml", "--new-page", "a.toml"]).exits(SAME);
    let pages = ["diff", "rest.wasm", "rest.wasm", "--old-page", "a.toml", "--new-page", "b.toml"];
    desk.run(&pages).exits(WIDER).says("accepted: { status = [200, 204] }; it was { status = 204 }");
    let pages = ["diff", "rest.wasm", "rest.wasm", "--old-page", "b.toml", "--new-page", "a.toml"];
    desk.run(&pages).exits(NARROWER);
    desk.module("sealed.wasm", BLIND);
    desk.run(&["diff", "sealed.wasm", "rest.wasm"]).exits(WIDER).says("each policy names a page file");
    desk.run(&["diff", "sealed.wasm", "a.toml"]).exits(SAME);
    desk.module("bad.wasm", &BLIND.replace("{api.login}", "{api.logn}"));
    desk.run(&["diff", "sealed.wasm", "bad.wasm"])
        .exits(UNREADABLE)
        .says("the new one is not accepted")
        .says("did you mean `login`?");
    desk.run(&["diff", "none.wasm", "bad.wasm"]).exits(UNREADABLE).says("none.wasm` cannot be read");
}

#[test]
fn a_hostile_text_of_a_page_stays_a_text() {
    let desk = Desk::new();
    desk.write("old.toml", ACME);
    desk.write("new.toml", ACME.replace("limit = \"200\"", "limit = \"\\u001b[2J\\u202e\""));
    for flags in [&["diff", "old.toml", "new.toml"][..], &["diff", "old.toml", "new.toml", "--json"]] {
        let said = desk.run(flags).exits(WIDER);
        assert!(!said.stdout.contains(['\u{1b}', '\u{202e}']), "{}", said.stdout);
    }
}
