//! The references say what the parsers do: their examples parse, and every key is in them.

use super::super::{file, host};
use super::{ZEROS, source};
use crate::page::diagnostic::{Diagnostic, SourceFile};
use crate::page::parse;
use std::collections::BTreeSet;

const POLICY_REFERENCE: &str = include_str!("../../../../docs/policy-reference.md");
const PAGE_REFERENCE: &str = include_str!("../../../../docs/page-reference.md");

/// The `toml` blocks of a document.
fn examples(document: &'static str) -> Vec<&'static str> {
    let blocks: Vec<_> = document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    blocks
}

/// The words in backquotes of a hint that lists what is valid.
fn valid(problem: &Diagnostic) -> Vec<String> {
    let hint = problem.hint.clone().unwrap_or_else(|| panic!("{problem}"));
    let words: Vec<_> = hint.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(words.len() > 1, "{hint}");
    words
}

/// Each key is a word of some text in backquotes.
#[track_caller]
fn assert_all_documented(document: &str, keys: &[String]) {
    let code = document.split('`').skip(1).step_by(2);
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let words: BTreeSet<&str> = code.flat_map(|code| code.split(word)).collect();
    for key in keys {
        assert!(words.contains(key.as_str()), "`{key}` is not documented");
    }
}

#[test]
fn the_examples_of_the_policy_reference_parse() {
    for example in examples(POLICY_REFERENCE) {
        let example = match example.starts_with("[[approved]]") {
            true => format!("version = 1\n[rotator]\nmodule = \"m\"\nsha256 = \"{ZEROS}\"\n{example}"),
            false => example.to_owned(),
        };
        let example = example.as_str();
        let parsed = if example.contains("[rotator]") {
            file::parse(source(example)).map(drop)
        } else {
            host::parse(source(example)).map(drop)
        };
        parsed.unwrap_or_else(|problem| panic!("{problem}"));
    }
}

#[test]
fn every_key_of_a_policy_and_of_the_host_file_is_in_the_reference() {
    let rotator = format!("version = 1\n[rotator]\nmodule = \"m\"\nsha256 = \"{ZEROS}\"\n");
    for table in ["rotator", "records.api", "account", "settings", "limits", "[approved]"] {
        let text = match table {
            "rotator" => format!("{rotator}zzzzzz = 1"),
            table => format!("{rotator}[{table}]\nzzzzzz = 1"),
        };
        assert_all_documented(POLICY_REFERENCE, &valid(&file::parse(source(&text)).unwrap_err()));
    }
    for text in
        ["[network]\nzzzzzz = 1", "[[network.open]]\nzzzzzz = 1", "[ceilings]\nzzzzzz = 1", "[[signers]]\nzzzzzz = 1"]
    {
        assert_all_documented(POLICY_REFERENCE, &valid(&host::parse(source(text)).unwrap_err()));
    }
}

#[test]
fn the_numbers_of_the_policy_reference_are_those_of_the_parser() {
    let limits = file::Limits::default();
    let row = |key: &str| {
        let begin = format!("| `{key}` |");
        let line = POLICY_REFERENCE.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("{key}"));
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().replace(' ', "")).collect();
        (cells[3].clone(), cells[4].clone(), cells[5].clone())
    };
    let parsed = |key: &str, value: &str| {
        let text = format!("version = 1\n[rotator]\nmodule = \"m\"\nsha256 = \"{ZEROS}\"\n[limits]\n{key} = {value}\n");
        file::parse(source(&text)).map(|policy| policy.limits)
    };
    for key in ["deadline", "compile", "settle", "requests", "memory", "fuel", "answer"] {
        let (default, least, most) = row(key);
        assert_eq!(parsed(key, &default).unwrap(), limits, "{key}: the default");
        for within in [&least, &most] {
            parsed(key, within).unwrap_or_else(|problem| panic!("{problem}"));
        }
        let beyond = |number: &str, by: i64| (number.parse::<i64>().unwrap() + by).to_string();
        assert!(
            parsed(key, &beyond(&least, -1)).is_err() && parsed(key, &beyond(&most, 1)).is_err(),
            "{key}: the bounds"
        );
    }
}

#[test]
fn the_examples_of_the_page_reference_parse() {
    for example in examples(PAGE_REFERENCE) {
        if example.starts_with("version") {
            parse::parse(SourceFile::new("page.toml", example)).unwrap_or_else(|problem| panic!("{problem}"));
        }
    }
}

#[test]
fn every_key_of_a_page_is_in_the_reference() {
    let head = "version = 1\nname = \"p\"\n";
    let route = "[[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"GET https://a.test/\"\n";
    for text in [
        format!("{head}zzzzzz = 1\n{route}"),
        format!("{head}[records.api]\nzzzzzz = 1\n{route}"),
        format!("{head}[password]\nzzzzzz = 1\n{route}"),
        format!("{head}{route}zzzzzz = 1"),
        format!("{head}{route}basic = {{ zzzzzz = 1 }}"),
        format!("{head}{route}picks = {{ zzzzzz = 1 }}"),
        format!("{head}{route}pages = {{ zzzzzz = 1 }}"),
        format!("{head}{route}requires = [{{ at = \"/x\", zzzzzz = 1 }}]"),
        format!("{head}{route}args = {{ a = {{ zzzzzz = 1 }} }}"),
        format!("{head}{route}args = {{ a = {{ class = \"zzzzzz\" }} }}"),
        format!("{head}{}", route.replace("\"change\"", "\"zzzzzz\"")),
        format!("{head}{}", route.replace("GET", "ZZZZZZ")),
        format!("{head}{route}query = {{ q = '\"{{user:zzzzzz}}\"' }}"),
    ] {
        let problem = parse::parse(SourceFile::new("page.toml", text.as_str())).unwrap_err();
        assert_all_documented(PAGE_REFERENCE, &valid(&problem));
    }
}
