//! `diff`: what a new version can do that the old one could not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, BLIND, Desk, Said, matches_file, rotator};

/// Compares `ACME` with a changed copy.
fn changed(changes: &[(&str, &str)]) -> Said {
    let desk = Desk::new();
    let mut page = ACME.to_owned();
    for (from, to) in changes {
        assert!(page.contains(from), "{from}");
        page = page.replace(from, to);
    }
    desk.module("old.wasm", ACME);
    desk.module("new.wasm", &page);
    desk.run(&["diff", "old.wasm", "new.wasm"])
}

#[test]
fn what_changes_nothing_that_can_be_done_is_no_difference() {
    changed(&[]).exits(0).says("both can do exactly the same (the same file)");
    changed(&[
        ("Accounts of Acme", "Other words"),
        ("[[route]]\nname     = \"token\"", "# a comment\n\n[[route]]\nabout = \"why\"\nname     = \"token\""),
    ])
    .exits(0)
    .says("(other bytes)")
    .does_not_say("Other words");
}

#[test]
fn every_change_that_counts_is_shown() {
    for (from, to, gone, new) in [
        ("json     = { password = ", "json     = { admin = true, password = ", "", "+ constant JSON /admin = true"),
        (
            "\"PUT {api.url}/v1/users/{account.id}\"",
            "\"PUT {api.url}/v2/users/{account.id}\"",
            "- request PUT {api.url}/v1/users",
            "+ request PUT {api.url}/v2/users",
        ),
        (
            "shows    = { code = \"/code\" }",
            "shows    = { all = \"\" }",
            "- may be read code = /code",
            "+ may be read all = the whole answer",
        ),
        (
            "expire = false",
            "expire = \"false\"",
            "- constant JSON /expire = false",
            "+ constant JSON /expire = \"false\"",
        ),
        (
            "limit = \"200\"",
            "limit = { base64 = \"200\" }",
            "- constant query limit = 200",
            "+ constant query limit = { base64 = \"200\" }",
        ),
        (
            "next = \"header:link\"",
            "next = \"/next\", into = \"cursor\"",
            "named by header:link",
            "named by /next, for query cursor",
        ),
        (
            "expire = false }",
            "expire = [false] }",
            "- constant JSON /expire = false",
            "+ constant JSON /expire/0 = false",
        ),
        ("expire = false", "expire = true", "- constant JSON /expire = false", "+ constant JSON /expire = true"),
        (
            "refuses  = { status = 401 }",
            "refuses  = { status = [401, 403] }",
            "- refused { status = 401 }",
            "+ refused { status = [401, 403] }",
        ),
        (
            "for      = [\"reconcile\"]\nchanges",
            "for      = [\"change\", \"reconcile\"]\nchanges",
            "- step reconcile",
            "+ step change, reconcile",
        ),
        ("max-bytes = 72", "max-bytes = 64", "- password at most 72 bytes", "+ password at most 64 bytes"),
        (
            "text   = { tenant = \"Tenant\" }",
            "text   = { tenant = \"Mandant\" }",
            "text `api.tenant` in `Tenant`",
            "text `api.tenant` in `Mandant`",
        ),
        (
            "https://login.acme.example/",
            "https://login.acme.example:8443/",
            "- host login.acme.example, written out",
            "+ host login.acme.example:8443, written out",
        ),
        ("class = \"token\", max = 16", "class = \"token\", max = 17", "at most 16", "+ argument arg.group"),
        ("may-fail  = true\n", "", "- marks may fail", ""),
        ("removable = true\n", "", "- marks removable", ""),
        ("at-most = 5", "at-most = 6", "up to 5 pages", "up to 6 pages"),
        (
            "exactly = 1, else = \"{count} users match\"",
            "exactly = 1, else = \"none\"",
            "how many of /users match",
            "+ picks exactly 1",
        ),
        ("one-of = [\"ACTIVE\", \"LOCKED\"]", "one-of = [\"ACTIVE\"]", "\"LOCKED\"", "+ requires /state"),
        ("warns    = { \"/state\" = \"EXPIRED\" }\n", "", "- warns /state", ""),
        (
            "{ base64 = \"{account.login}:{api.token}\" }",
            "\"{account.login}:{api.token}\"",
            "base64",
            "as {account.login}:{api.token}",
        ),
        (
            "binds    = { \"account.id\" = \"/id\"",
            "binds    = { \"account.id\" = \"/uid\"",
            "account.id from /id",
            "account.id from /uid",
        ),
    ] {
        changed(&[(from, to)]).exits(1).says(gone).says(new);
    }
    changed(&[("name      = \"tell\"", "uses = 3\nname      = \"tell\"")])
        .exits(1)
        .says("+ marks may be sent 3 times in a step");
}

#[test]
fn what_the_table_cannot_tell_apart_is_a_difference_all_the_same() {
    let desk = Desk::new();
    // A list of one, and a table whose only key is `0`: the same pointer.
    desk.write("old.toml", BLIND.replace("{ password = \"{new-password}\" }", "{ set = [\"{new-password}\"] }"));
    desk.write("new.toml", BLIND.replace("{ password = \"{new-password}\" }", "{ set = { 0 = \"{new-password}\" } }"));
    desk.run(&["diff", "old.toml", "new.toml"]).exits(1).says("differ in a way that the table does not show");
}

#[test]
fn requests_that_come_go_or_move_are_said() {
    let added = "\n[[route]]\nname = \"who\"\nfor = [\"finish\"]\nrequest = \"GET {api.url}/v1/me\"\nheaders = { authorization = \"Bearer {api.token}\" }\nexpects = { status = 200 }\n\n[[route]]\nname      = \"tell\"";
    let said = changed(&[("\n[[route]]\nname      = \"tell\"", added)]).exits(1);
    matches_file("diff/new-request.txt", &said.stdout);
    let desk = Desk::new();
    let without = &ACME[..ACME.find("[[route]]\nname      = \"tell\"").unwrap()];
    desk.write("old.toml", ACME);
    desk.write("new.toml", without);
    desk.run(&["diff", "old.toml", "new.toml"]).exits(1).says("no longer there: tell (finish)");
    desk.run(&["diff", "new.toml", "old.toml"]).exits(1).says("new request: tell (finish)");
    let (head, tell) = ACME.split_at(ACME.find("[[route]]\nname     = \"sign-in\"").unwrap());
    let (sign_in, tell) = tell.split_at(tell.find("[[route]]\nname      = \"tell\"").unwrap());
    desk.write("moved.toml", format!("{head}{tell}\n{sign_in}"));
    desk.run(&["diff", "old.toml", "moved.toml"]).exits(1).says("stand in another order");
}

#[test]
fn open_pages_are_compared_too() {
    let desk = Desk::new();
    desk.write("rest.wasm", rotator());
    desk.write("a.toml", BLIND);
    desk.write("b.toml", BLIND.replace("204", "200"));
    desk.run(&["diff", "rest.wasm", "rest.wasm"]).exits(0);
    let pages = ["diff", "rest.wasm", "rest.wasm", "--old-page", "a.toml", "--new-page", "b.toml"];
    desk.run(&pages).exits(1).says("- accepted { status = 204 }").says("+ accepted { status = 200 }");
    desk.module("sealed.wasm", BLIND);
    desk.run(&["diff", "sealed.wasm", "rest.wasm"]).exits(1).says("open: each policy names a page file");
    desk.run(&["diff", "sealed.wasm", "a.toml"]).exits(0);
    desk.module("bad.wasm", &BLIND.replace("{api.login}", "{api.logn}"));
    desk.run(&["diff", "sealed.wasm", "bad.wasm"]).exits(2).says("the new one is not accepted");
    desk.run(&["diff", "none.wasm", "bad.wasm"]).exits(2);
}
