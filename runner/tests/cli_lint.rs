//! `lint`: on pages, modules, policies and the host file, good and hostile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, BLIND, Desk, matches_file, rotator};

#[test]
fn a_page_is_judged_line_by_line() {
    let desk = Desk::new();
    desk.write("page.toml", ACME);
    let said = desk.run(&["lint", "page.toml"]).exits(0);
    matches_file("lint/page.txt", &said.stdout);
    assert!(said.stderr.starts_with("rotabox: "), "{}", said.stderr);
    assert_eq!(said.stdout, desk.run(&["lint", "page.toml"]).stdout);
    desk.module("acme.wasm", ACME);
    desk.run(&["lint", "acme.wasm"]).exits(0).says("acme.wasm (sealed page):");
}

#[test]
fn the_exit_code_is_by_the_gravest_finding_that_counts() {
    let desk = Desk::new();
    desk.write("page.toml", BLIND);
    desk.run(&["lint", "page.toml"]).exits(0).says("(admin-power)").says("(no-verify)");
    desk.run(&["lint", "page.toml", "--deny", "look"]).exits(1);
    let rules = ["admin-power", "no-verify", "no-refuses", "may-create"];
    let allowed: Vec<&str> = rules.iter().flat_map(|rule| ["--allow", rule]).collect();
    let args = [&["lint", "page.toml", "--deny", "look"] as &[&str], &allowed].concat();
    desk.run(&args).exits(0).says("(admin-power)");
    desk.write("bad.toml", BLIND.replace("PUT {api.url}/users/{user}", "PUT {api.url}/{api.password}/{user}"));
    desk.run(&["lint", "bad.toml"]).exits(1).says("bad.toml:12:12: refuse (secret-in-path)");
    desk.run(&["lint", "page.toml", "--allow", "no-verfy"]).exits(2).says("did you mean `no-verify`?");
    desk.run(&["lint", "page.toml", "--deny", "some"]).exits(2).says("`refuse`, `look` or `note`");
    desk.run(&["lint"]).exits(2);
}

#[test]
fn a_policy_is_judged_with_the_module_that_it_names() {
    let desk = Desk::new();
    desk.approve_acme();
    let policy = "policies/acme-prod.toml";
    let said = desk.run(&["lint", policy]).exits(0).says("(several-hosts)").says("(reconcile-with-admin)");
    said.says("policies/acme-prod.toml:").does_not_say("(literal-host)");
    desk.write(policy, desk.read(policy).replace("*@svc.acme.example", "*"));
    desk.run(&["lint", policy]).exits(1).says("refuse (free-account)");
    // Without its module: by itself, or with the page that is given.
    std::fs::remove_file(desk.path("acme.wasm")).unwrap();
    desk.run(&["lint", policy]).exits(0).says("look (free-account)");
    desk.write("page.toml", ACME);
    desk.run(&["lint", policy, "page.toml"]).exits(1).says("refuse (free-account)").says("page.toml:");
    desk.write("other.toml", BLIND);
    desk.run(&["lint", policy, "other.toml"]).exits(2).says("the page has no record");
}

#[test]
fn the_host_file_is_judged() {
    let desk = Desk::new();
    let open = "[[network.open]]\nhost = \"git.corp.example\"\nnetwork = \"10.0.0.0/8\"\n";
    desk.write("rotabox.toml", open);
    let said = desk.run(&["lint", "rotabox.toml"]).exits(1);
    said.says("rotabox.toml:3:1: refuse (wide-opening)").says("(no-audit)");
    // Whichever of its sections it has.
    desk.write("rotabox.toml", "version = 1\n[native]\nstore = \"/var/lib/rotabox/native\"\n");
    desk.run(&["lint", "rotabox.toml"]).exits(0).says("(no-audit)");
}

#[test]
fn a_misspelt_word_does_not_make_a_page_of_an_operators_file() {
    let desk = Desk::new();
    desk.approve_acme();
    let policy = desk.read("policies/acme-prod.toml");
    desk.write("rotabox.toml", "version = 1\n[netwrok]\nca = \"/etc/ca.pem\"\n");
    desk.run(&["lint", "rotabox.toml"]).exits(2).says("rotabox.toml:2:").says("did you mean `network`?");
    desk.write("rotabox.toml", "version = 1\nca = \"/etc/ca.pem\"\n");
    desk.run(&["lint", "rotabox.toml"]).exits(2).says("`ca` is no key of the host file");
    for (word, wrong) in [("[rotator]", "[rotater]"), ("[account]", "[acount]"), ("[[approved]]", "[[aproved]]")] {
        desk.write("policies/acme-prod.toml", policy.replace(word, wrong));
        let said = desk.run(&["lint", "policies/acme-prod.toml"]).exits(2);
        said.says("is no key of a policy").says(&format!("did you mean `{}`?", word.trim_matches(['[', ']'])));
        desk.run(&["inspect", "policies/acme-prod.toml"]).exits(2).says("is a policy, and no module or page");
    }
}

#[test]
fn what_cannot_be_read_is_exit_2_with_its_place() {
    let desk = Desk::new();
    desk.write("page.toml", BLIND.replace("{api.login}", "{api.logn}"));
    desk.run(&["lint", "page.toml"]).exits(2).says("page.toml:13:").says("did you mean `login`?");
    desk.write("policy.toml", "version = 1\n[rotator]\nmodule = 3\n");
    desk.run(&["lint", "policy.toml"]).exits(2).says("policy.toml:2:");
    desk.write("open.wasm", rotator());
    desk.run(&["lint", "open.wasm"]).exits(2).says("open page; judge the page file instead");
    desk.write("core.wasm", wat::parse_str("(module)").unwrap());
    desk.run(&["lint", "core.wasm"]).exits(2).says("core module");
    desk.write("junk", b"\x7fELF\0\xff");
    desk.run(&["lint", "junk"]).exits(2).says("neither a WebAssembly module nor a page");
    desk.run(&["lint", "none.toml"]).exits(2).says("none.toml");
}

#[test]
fn json_is_one_line_of_ascii_that_says_the_same() {
    let desk = Desk::new();
    desk.write("page.toml", BLIND.replace("{api.url}/users", "{api.url}/{api.login}/users"));
    let said = desk.run(&["lint", "page.toml", "--json"]).exits(1);
    assert_eq!((said.stdout.lines().count(), said.stderr.as_str()), (1, ""));
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&json["version"], &json["worst"], &json["denied"]), (&1.into(), &"refuse".into(), &true.into()));
    let first = &json["findings"][0];
    assert_eq!((&first["rule"], &first["in"], &first["line"]), (&"secret-in-path".into(), &"page".into(), &12.into()));
    assert!(json["findings"].as_array().unwrap().len() > 3);
}

#[test]
fn every_rule_is_listed_and_documented() {
    let desk = Desk::new();
    let said = desk.run(&["lint", "--rules"]).exits(0);
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lint.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let mut rules = 0;
    for line in said.stdout.lines() {
        let (rule, about) = line.split_once(' ').unwrap();
        let row = format!("| `{rule}` | {} |", about.trim());
        assert!(docs.contains(&row), "docs/lint.md lacks this row:\n{row}");
        rules += 1;
    }
    let documented = docs.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 3).count();
    assert!(rules > 40 && documented >= rules, "{rules} rules");
}

#[test]
fn the_rotators_and_pages_that_we_ship_are_not_to_be_refused() {
    let desk = Desk::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = std::fs::read_dir(root.join("guests/rest/pages")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = pages.chain([root.join("guests/okta/page.toml")]).collect();
    assert!(pages.len() > 10);
    for page in pages {
        let said = desk.run(&["lint", page.to_str().unwrap()]);
        assert_eq!(said.exit, 0, "{}", said.all());
    }
}
