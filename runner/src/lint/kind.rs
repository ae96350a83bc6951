//! What a TOML file is: a page, a policy, or the host file. Told by all of its words, so that one that is misspelt, even the one that
//! the others stand under, leaves the file what it is, and is then found by the parser of that kind.

use crate::page::diagnostic::nearest;
use crate::page::parse::{PAGE_KEYS, ROUTE_KEYS};
use crate::page::tree::{self, Node, Table};
use crate::policy::{file, host};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The author's.
    Page,
    /// The operator's, for one rotator.
    Policy,
    /// The operator's, for the host.
    Host,
}

/// The name that the host file has wherever it is kept.
const HOST_NAME: &str = "rotabox.toml";

/// What a word counts for a kind: at the top of the file, nearly so, or anywhere below. The name is worth less than one table.
const TOP: usize = 4;
const NEAR: usize = 2;
const WITHIN: usize = 1;
const NAME: usize = 3;

/// Words of a page below the top, beside those of a route.
const PAGE_WITHIN: &[&str] = &["url", "secret", "max-bytes", "min-characters"];
/// Words of a policy below the top; those that other files have as well tell nothing.
const POLICY_WITHIN: &[&str] = &[
    "module",
    "sha256",
    "page-sha256",
    "literal-hosts",
    "wasi",
    "title",
    "uid",
    "hosts",
    "pins",
    "client-certificate",
    "allow",
    "except",
    "reconcile",
    "unverified",
    "confinement",
    "off",
    "settle",
    "by",
    "at",
    "signed",
    "accepted",
];
/// Words of the host file below the top.
const HOST_WITHIN: &[&str] = &[
    "proxy", "ca", "roots", "open", "host", "network", "port", "file", "syslog", "store", "key", "rotators", "minimum",
];

/// What a file is, by its name and its words. None if no word at its top is one that such a file has.
pub fn of(path: &Path, table: &Table) -> Option<Kind> {
    let mut words = BTreeSet::new();
    within(table, 0, &mut words);
    let score = |top: &[&str], below: &[&[&str]]| {
        // Every kind has a version.
        let tops = table.entries.iter().map(|(key, _)| key.name.as_str()).filter(|name| *name != "version");
        let at_top: usize = tops.map(|name| worth(name, top)).sum();
        let known = |word: &&&str| below.iter().any(|list| list.contains(*word));
        (at_top, WITHIN * words.iter().filter(known).count())
    };
    let named = if path.file_name().is_some_and(|name| name == HOST_NAME) { NAME } else { 0 };
    let (page, policy, host) = (
        score(PAGE_KEYS, &[ROUTE_KEYS, PAGE_WITHIN]),
        score(&file::SECTIONS, &[POLICY_WITHIN]),
        score(&host::SECTIONS, &[HOST_WITHIN]),
    );
    let kinds = [(Kind::Page, page, 0), (Kind::Policy, policy, 0), (Kind::Host, host, named)];
    if named == 0 && kinds.iter().all(|(_, (at_top, _), _)| *at_top == 0) {
        return None;
    }
    // Of equals the first.
    kinds.into_iter().min_by_key(|(_, (at_top, below), named)| Reverse(at_top + below + named)).map(|(kind, ..)| kind)
}

/// The same of a file's text. One that is no TOML goes by its name.
pub fn of_text(path: &Path, text: &str) -> Option<Kind> {
    of(path, &tree::read(text).unwrap_or(Table { span: Default::default(), entries: Vec::new() }))
}

fn worth(name: &str, top: &[&str]) -> usize {
    match nearest(name, top.iter().copied()) {
        Some(known) if known == name => TOP,
        Some(_) => NEAR,
        None => 0,
    }
}

/// The words of a table and of two levels below it, where names that people chose stand among them.
fn within<'t>(table: &'t Table, level: usize, words: &mut BTreeSet<&'t str>) {
    for (key, node) in &table.entries {
        words.insert(key.name.as_str());
        if level < 2 {
            for below in tables(node) {
                within(below, level + 1, words);
            }
        }
    }
}

fn tables(node: &Node) -> Vec<&Table> {
    match &node.kind {
        tree::Kind::Table(table) => vec![table],
        tree::Kind::List(items) => items.iter().filter_map(|item| item.table().ok()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../guests/okta/page.toml");
    const POLICY: &str = r#"
        version = 1
        [rotator]
        module = "/opt/rotabox/okta.wasm"
        sha256 = ["00"]
        [records.api]
        title = "Okta"
        hosts = ["acme.okta.com"]
        [account]
        allow = ["*@svc.acme.example"]
        [settings]
        reconcile = "never"
        [[approved]]
        sha256 = "00"
        by = "me"
    "#;
    const HOST: &str = r#"
        version = 1
        [network]
        ca = "/etc/ca.pem"
        [[network.open]]
        host = "git.corp.example"
        network = "10.0.0.1/32"
        [audit]
        syslog = true
    "#;

    fn told(name: &str, text: &str) -> Option<Kind> {
        of_text(Path::new(name), text)
    }

    /// The keys at the top of a file.
    fn tops(text: &str) -> Vec<String> {
        tree::read(text).unwrap().entries.into_iter().map(|(key, _)| key.name).collect()
    }

    /// The same file with one of its words misspelt everywhere it stands at the top.
    fn misspelt(text: &str, word: &str) -> String {
        let (first, rest) = word.split_at(word.len() - 2);
        let wrong = format!("{first}{}", rest.chars().rev().collect::<String>());
        let wrong = if wrong == word { format!("{word}x") } else { wrong };
        let forms = |word: &str| [format!("[{word}"), format!("[[{word}"), format!("{word} ")];
        text.lines()
            .map(|line| {
                let found =
                    forms(word).into_iter().zip(forms(&wrong)).find(|(form, _)| line.trim_start().starts_with(form));
                found.map_or(line.to_owned(), |(form, wrong)| line.replacen(&form, &wrong, 1)) + "\n"
            })
            .collect()
    }

    #[test]
    fn a_file_stays_what_it_is_whichever_of_its_words_is_misspelt() {
        for (kind, text) in [(Kind::Page, PAGE), (Kind::Policy, POLICY), (Kind::Host, HOST)] {
            assert_eq!(told("x.toml", text), Some(kind));
            for word in tops(text) {
                let wrong = misspelt(text, &word);
                assert_ne!(tops(&wrong), tops(text), "{word}");
                assert_eq!(told("x.toml", &wrong), Some(kind), "{word}:\n{wrong}");
            }
        }
    }

    #[test]
    fn the_only_table_may_be_the_one_that_is_misspelt() {
        for (kind, text) in [
            (Kind::Host, "version = 1\n[netwrok]\nca = \"/etc/ca.pem\"\n"),
            (Kind::Host, "[adit]\nfile = \"/var/log/a.jsonl\"\n"),
            (Kind::Host, "[[singers]]\nname = \"a\"\nkey = \"b\"\n"),
            (Kind::Policy, "version = 1\n[rotater]\nmodule = \"x.wasm\"\n"),
            (Kind::Policy, "[records.x]\ntitle = \"a\"\n"),
            (Kind::Page, "[records.x]\nurl = \"url\"\n"),
            (Kind::Page, "version = 1\n[[rout]]\nrequest = \"GET {api.url}/\"\n"),
        ] {
            assert_eq!(told("x.toml", text), Some(kind), "{text}");
        }
    }

    #[test]
    fn the_host_files_name_counts_less_than_a_table_of_another_file() {
        for text in ["", "version = 1\n", "ca = \"/etc/ca.pem\"\n", "[what]\nx = 1\n", "version = "] {
            assert_eq!(told("/etc/rotabox/rotabox.toml", text), Some(Kind::Host), "{text:?}");
            assert_eq!(told("/etc/rotabox/rotabox2.toml", text), None, "{text:?}");
        }
        assert_eq!(told("policies/rotabox.toml", POLICY), Some(Kind::Policy));
        assert_eq!(told("rotabox.toml", "[rotator]\nmodule = 3\n"), Some(Kind::Policy));
        assert_eq!(told("rotabox.toml", PAGE), Some(Kind::Page));
    }
}
