//! Five hostile rotators, as a security team meets them: what each of them is up to is said by `inspect`, by the linter or by `diff`,
//! with the very line. The lines are marked in `tests/hostile/*.toml` by `#! rule`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::Desk;
use serde_json::Value;
use std::path::Path;

const HOSTILE: &[&str] = &["wide", "reads-more", "shown-again", "another-account", "update"];

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile").join(format!("{name}.toml"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// (line, mark) of every marked line.
fn marks(text: &str) -> Vec<(usize, String)> {
    let mark = |(at, line): (usize, &str)| Some((at + 1, line.split_once("#! ")?.1.trim().to_owned()));
    text.lines().enumerate().filter_map(mark).collect()
}

/// A desk with the honest module and a hostile one.
fn desk(name: &str) -> Desk {
    let desk = Desk::new();
    desk.module("honest.wasm", &page("honest"));
    desk.module(&format!("{name}.wasm"), &page(name));
    desk
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Every finding of the linter in an inspection: (file:line, rule).
fn findings(inspection: &Value) -> Vec<(String, String)> {
    let finding = |finding: &Value| {
        let line = format!("{}:{}", finding["file"].as_str().unwrap(), finding["line"]);
        (line, finding["rule"].as_str().unwrap().to_owned())
    };
    inspection["findings"].as_array().expect("findings").iter().map(finding).collect()
}

#[test]
fn the_linter_names_the_line_of_what_each_is_up_to() {
    let rules: Vec<&str> = rotabox::lint::rules::RULES.iter().map(|rule| rule.id).collect();
    for name in HOSTILE {
        let (desk, text) = (desk(name), page(name));
        let module = format!("{name}.wasm");
        let said = desk.run(&["inspect", &module, "--json"]);
        let found = findings(&json(&said.stdout));
        let marks = marks(&text);
        assert!(!marks.is_empty(), "{name}");
        for (line, rule) in marks.iter().filter(|(_, mark)| rules.contains(&mark.as_str())) {
            let wanted = (format!("{module} (sealed page):{line}"), rule.clone());
            assert!(found.contains(&wanted), "{name}: {wanted:?} is not among {found:#?}");
        }
        // The same in words.
        let said = desk.run(&["inspect", &module]);
        for (line, rule) in marks.iter().filter(|(_, mark)| rules.contains(&mark.as_str())) {
            let text = said.stdout.replace('\n', " ");
            assert!(
                text.contains(&format!("(sealed page):{line}")) && text.contains(rule),
                "{name} {rule}:\n{}",
                said.stdout
            );
        }
    }
}

#[test]
fn no_report_promises_what_a_hostile_page_breaks() {
    for (name, promise) in [
        ("another-account", "account that your policy does not name"),
        ("another-account", "password of another account"),
        ("reads-more", "a raw answer"),
    ] {
        let desk = desk(name);
        let module = format!("{name}.wasm");
        let said = desk.run(&["inspect", &module, "--html", "report.html"]).exits(0);
        let both = format!("{}{}", said.stdout, desk.read("report.html")).replace(['\n', '`'], " ");
        let both = both.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!both.contains(promise), "{name}: {promise}");
        assert!(both.contains("choose an account") && both.contains("choose the account"), "{both}");
        // What each says of it is no more than it knows.
        assert_eq!(both.matches("What else names an account stands in the requests below").count(), 2, "{both}");
    }
}

#[test]
fn the_linter_has_less_to_say_of_the_honest_one() {
    let desk = desk("wide");
    let honest = findings(&json(&desk.run(&["inspect", "honest.wasm", "--json"]).exits(0).stdout));
    for name in HOSTILE {
        for (_, rule) in marks(&page(name)) {
            assert!(!honest.iter().any(|(_, found)| *found == rule), "{name}: {rule} is said of the honest one too");
        }
    }
}

#[test]
fn as_an_update_of_the_honest_one_each_is_wider_and_the_line_is_said() {
    for name in HOSTILE {
        let (desk, text) = (desk(name), page(name));
        let module = format!("{name}.wasm");
        let said = desk.run(&["diff", "honest.wasm", &module, "--json"]).exits(1);
        let difference = json(&said.stdout);
        assert_eq!(difference["verdict"], "wider");
        let changes = difference["changes"].as_array().unwrap();
        let counting: Vec<&Value> = changes.iter().filter(|change| change["direction"] != "narrower").collect();
        // Each of them is one that we marked, or one of a new route's own lines, and each line that a change can name is named.
        let marked: Vec<String> =
            marks(&text).iter().map(|(line, _)| format!("{module} (sealed page):{line}")).collect();
        let new_routes: Vec<&Value> = counting.iter().filter(|change| change["about"] == "route").copied().collect();
        for change in &counting {
            let line = change["new-line"].as_str();
            let named = line.is_some_and(|line| marked.iter().any(|marked| marked == line));
            let whole = change["about"] == "hosts" || change["about"] == "route";
            assert!(named || whole, "{name}: {change}");
        }
        assert!(!counting.is_empty());
        if let [route] = new_routes.as_slice() {
            let header =
                text.lines().position(|line| line.contains(&format!("name     = {}", route["route"]))).unwrap();
            assert_eq!(route["new-line"], format!("{module} (sealed page):{header}"), "the line of its [[route]]");
        }
        // Nobody can approve it as an update without saying so.
        desk.run(&[
            "approve",
            "honest.wasm",
            "--policies",
            "policies",
            "--name",
            "acme",
            "--record",
            "api=title:A",
            "--host",
            "api=a.example",
            "--allow",
            "svc-*",
            "--reconcile",
            "never",
        ])
        .exits(0);
        let before = desk.read("policies/acme.toml");
        let update = ["approve", &module, "--policies", "policies", "--from", "acme"];
        desk.run(&update).exits(2).says("--accept wider").says("nothing was written");
        assert_eq!(desk.read("policies/acme.toml"), before);
    }
}

#[test]
fn the_added_route_is_shown_in_full() {
    let desk = desk("update");
    let said = desk.run(&["diff", "honest.wasm", "update.wasm"]).exits(1);
    cli_common::matches_file("hostile/update.txt", &said.stdout);
}
