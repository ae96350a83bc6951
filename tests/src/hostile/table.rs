//! `docs/attacks.md` has a row an attack, and each row names its tests:
//!
//! | named | is |
//! | --- | --- |
//! | `F2-other-forms-of-an-address` | a file below `tests/hostile` |
//! | `cases/puppet/lies/…` | a folder below `tests`, with an `expect.toml` |
//! | `walls_kill::child_is_killed` | a function that is a test, in a file or folder of that name |
//!
//! A row whose test does not exist, an attack without a row, and a number without a row fail the build. So does a test that only exists
//! by name: the functions are read from the source, attribute and all.

use super::attack;
use crate::artifacts;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Numbers of attacks that must have a row, a letter a group. Gaps are numbers that were never given.
const NUMBERS: [(char, &[u32]); 12] = [
    ('A', &[1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19]),
    ('B', &[1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14]),
    ('C', &[1, 2, 3, 6, 7, 8, 9, 11, 12, 13, 14]),
    ('D', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ('E', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16]),
    ('F', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]),
    ('G', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
    ('H', &[1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13]),
    ('I', &[1, 2, 3, 4, 5, 6, 8, 10, 11]),
    ('J', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
    ('K', &[1, 2, 3, 4, 5, 6, 8, 9, 11, 13]),
    ('L', &[1, 2, 3, 4, 5, 6, 8, 10]),
];

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// `F2`
    pub id: String,
    /// What happens.
    pub happens: String,
    /// The tests that it names.
    pub tests: Vec<String>,
}

/// What is wrong with the table, a sentence each. `coded` are the tests of this suite that are written in Rust.
pub fn faults(coded: &[&str]) -> Vec<String> {
    let text = fs::read_to_string(artifacts::root().join("docs/attacks.md")).expect("docs/attacks.md");
    let rows = rows(&text);
    let (files, functions) = (files(), functions());
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let mut named = BTreeSet::new();
    for row in &rows {
        if !seen.insert(row.id.clone()) {
            faults.push(format!("{} has two rows", row.id));
        }
        if row.tests.is_empty() && !row.happens.starts_with("cannot arise") {
            faults.push(format!("{} names no test", row.id));
        }
        for test in &row.tests {
            named.insert(test.clone());
            if !exists(test, &files, &functions) {
                faults.push(format!("{} names `{test}`, which is no test", row.id));
            }
            if files.contains(test) && attack::id(test) != row.id {
                faults.push(format!("{} names `{test}`, which has another number", row.id));
            }
        }
    }
    for (letter, numbers) in NUMBERS {
        let missing = numbers.iter().map(|number| format!("{letter}{number}")).filter(|id| !seen.contains(id));
        faults.extend(missing.map(|id| format!("{id} has no row")));
    }
    let tests = files.iter().cloned().chain(coded.iter().map(|name| (*name).to_owned()));
    let unnamed = tests.filter(|test| !named.contains(test));
    faults.extend(unnamed.map(|test| format!("`{test}` is in no row")));
    faults
}

/// The rows of all tables whose first column is `#`.
pub fn rows(text: &str) -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let lines = text.lines().filter(|line| line.starts_with("| ")).map(cells);
    lines
        .filter(|cells| cells.len() == 4 && cells[0] != "#" && !cells[0].starts_with('-'))
        .map(|cells| Row { id: cells[0].clone(), happens: cells[2].clone(), tests: quoted(&cells[3]) })
        .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

fn files() -> BTreeSet<String> {
    attack::files().iter().map(|path| attack::stem(path)).collect()
}

fn exists(test: &str, files: &BTreeSet<String>, functions: &BTreeMap<String, BTreeSet<String>>) -> bool {
    if let Some((place, function)) = test.rsplit_once("::") {
        return functions.get(function).is_some_and(|places| places.contains(place));
    }
    if test.starts_with("cases/") {
        return artifacts::root().join("tests").join(test).join("expect.toml").is_file();
    }
    files.contains(test)
}

/// Every function of the repository that is a test, and the files and folders that it stands in.
fn functions() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test")
                || line.starts_with("#[tokio::test")
                || line.contains("// a test of this suite")
            {
                is_test = true;
            } else if line.starts_with("#[ignore") {
                is_test = false;
            } else if is_test && !line.starts_with('#') && !line.starts_with("//") {
                is_test = false;
                if let Some(name) = line.split("fn ").nth(1).and_then(|rest| rest.split(['(', '<']).next()) {
                    let places = file.iter().map(|part| part.to_string_lossy().trim_end_matches(".rs").to_owned());
                    found.entry(name.to_owned()).or_default().extend(places);
                }
            }
        }
    }
    found
}

fn sources() -> Vec<PathBuf> {
    let root = artifacts::root();
    let mut left: Vec<PathBuf> =
        ["runner", "tests", "guest-sdk", "guests"].iter().map(|name| root.join(name)).collect();
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let skipped = ["target", "vendor", "node_modules"].iter().any(|name| path.ends_with(name));
            if !skipped {
                left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path.strip_prefix(root).map_or_else(|_| path.clone(), Path::to_owned));
        }
    }
    files.sort();
    files.into_iter().map(|file| root.join(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_number_and_names_tests() {
        let rows = rows(
            "| # | attack | what happens | tests |\n| --- | --- | --- | --- |\n| F2 | a b | refused | `F2-x`, `http::y` |\ntext\n",
        );
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].id.as_str(), rows[0].tests.as_slice()),
            ("F2", &["F2-x".to_owned(), "http::y".to_owned()][..])
        );
    }

    #[test]
    fn a_test_that_is_not_there_is_no_test() {
        let (files, functions) = (BTreeSet::from(["A1-x".to_owned()]), functions());
        assert!(exists("A1-x", &files, &functions));
        assert!(exists("table::a_test_that_is_not_there_is_no_test", &files, &functions));
        assert!(exists("cases/puppet/honest/old-to-new", &files, &functions));
        for no in [
            "A1-y",
            "table::exists",
            "walls_kill::child",
            "elsewhere::a_test_that_is_not_there_is_no_test",
            "cases/puppet/honest",
        ] {
            assert!(!exists(no, &files, &functions), "{no}");
        }
    }
}
