//! A file below `tests/hostile` is an attack: `F2-other-forms-of-an-address.toml`. Its name begins with its number in `docs/attacks.md`.
//!
//! ```toml
//! attack = "the vault record names loopback in a form that is no plain address"
//!
//! [params.records.2]              # laid over tests/hostile/default/params.json; so are [policy] and [provider]
//! url = "https://@form@"
//!
//! [expect]
//! exit    = 2
//! outcome = "not-started"
//! reason  = "…"                   # stands in the result's reason
//!
//! [[try]]                         # each is a test of its own; laid over all of the above
//! name = "decimal"
//! words = { form = "2130706433" }
//! ```
//!
//! | key | meaning |
//! | --- | --- |
//! | `attack` | what is tried, in a sentence |
//! | `script` | what the puppet does (`tests/guests/puppet`); it spills what it saw at the end of each step |
//! | `module` | a module in the puppet's place ([`Module`]) |
//! | `page`, `edit` | the page; pairs of texts, the first of which is replaced by the second in it (it must be there) |
//! | `params`, `policy`, `provider` | laid over the defaults; in lists, `2 = {…}` is laid over the third |
//! | `policy-edit` | pairs of texts, replaced in the written policy |
//! | `config` | added to the host file |
//! | `stdin` | the line, in the place of the params |
//! | `words` | `@word@` in any text is replaced |
//! | `verb` | `["run", "prod"]` if left out |
//! | `kernels` | on which kernels; all three if left out |
//!
//! In any text `{{1000*x}}` is a thousand times `x`, and `@token:hex@` the token in that encoding (so are `@old:…@` and `@new:…@`).

use super::guest::Module;
use super::kernel::{KERNELS, Kernel};
use crate::artifacts;
use crate::case::lay_over;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One attack, one way of trying it.
#[derive(Clone, Debug)]
pub struct Case {
    /// `F2`
    pub id: String,
    /// `F2-other-forms-of-an-address`
    pub stem: String,
    /// The name of the try, if the file has several.
    pub variant: Option<String>,
    /// What it is.
    pub attack: Attack,
}

/// What stands in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the table above")]
pub struct Attack {
    pub attack: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default = "run")]
    pub verb: Vec<String>,
    #[serde(default)]
    pub kernels: Vec<String>,
    pub script: Option<String>,
    pub module: Option<Module>,
    pub page: Option<String>,
    #[serde(default)]
    pub edit: Vec<(String, String)>,
    #[serde(default)]
    pub params: Value,
    #[serde(default)]
    pub policy: Value,
    #[serde(default)]
    pub policy_edit: Vec<(String, String)>,
    #[serde(default)]
    pub provider: Value,
    #[serde(default)]
    pub config: String,
    pub stdin: Option<String>,
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    pub expect: Expect,
}

/// What must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The exit code.
    pub exit: i32,
    /// The outcome's word; only of `run`, `rehearse` and `verify`.
    pub outcome: Option<String>,
    /// Which password the result says is live.
    pub live: Option<String>,
    /// Which one is live at the stand-in: `old`, `new` or `other`.
    pub truth: Option<String>,
    /// Stands in the result's reason.
    #[serde(default)]
    pub reason: Texts,
    /// Stands on stderr (for other verbs: there or on stdout).
    #[serde(default)]
    pub says: Texts,
    /// Stands neither on stderr nor in the result.
    #[serde(default)]
    pub never_says: Texts,
    /// All requests that the stand-in saw.
    pub requests: Option<Vec<String>>,
    /// Stands in what the rotator saw.
    #[serde(default)]
    pub seen: Texts,
    /// Stands nowhere in what the rotator saw.
    #[serde(default)]
    pub never_seen: Texts,
    /// Stands in the audit log.
    #[serde(default)]
    pub audit: Texts,
    /// Stands nowhere in a request, neither in its head nor in its body.
    #[serde(default)]
    pub never_sent: Texts,
}

/// One text or several.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum Texts {
    /// None.
    #[default]
    None,
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Texts {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Texts::None => &[],
            Texts::One(text) => std::slice::from_ref(text),
            Texts::Several(texts) => texts,
        }
    }
}

fn run() -> Vec<String> {
    vec!["run".to_owned(), "prod".to_owned()]
}

/// Where the files are.
pub fn folder() -> PathBuf {
    artifacts::root().join("tests/hostile")
}

/// All files, by the number of their attack.
pub fn files() -> Vec<PathBuf> {
    let read = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).expect("a folder of attacks").flatten().map(|entry| entry.path()).collect()
    };
    let mut files: Vec<PathBuf> = read(&folder())
        .into_iter()
        .filter(|path| path.is_dir() && !path.ends_with("default"))
        .flat_map(|path| read(&path))
        .collect();
    for file in &files {
        assert!(file.extension().is_some_and(|end| end == "toml"), "{} is no attack", file.display());
    }
    files.sort_by_key(|path| order(&stem(path)));
    files
}

/// `F10` comes after `F9`.
pub fn order(stem: &str) -> (char, u32, String) {
    let id = id(stem);
    let number = id.get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX);
    (id.chars().next().unwrap_or(' '), number, stem.to_owned())
}

/// `F2` of `F2-other-forms`.
pub fn id(stem: &str) -> String {
    stem.split('-').next().unwrap_or_default().to_owned()
}

/// A file's name without its end.
pub fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The cases of a file.
pub fn cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("an attack can be read");
    let tree: toml::Value = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut tree = serde_json::to_value(tree).expect("TOML as a tree");
    let tries = tree.as_object_mut().expect("a table").remove("try");
    let tries: Vec<Value> =
        tries.map_or_else(|| vec![Value::Null], |tries| serde_json::from_value(tries).expect("a list of tries"));
    tries
        .into_iter()
        .map(|over| {
            let mut tree = tree.clone();
            lay_over(&mut tree, over);
            repeat(&mut tree);
            let attack: Attack =
                serde_json::from_value(tree).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let stem = stem(file);
            Case { id: id(&stem), variant: attack.name.clone(), stem, attack }
        })
        .collect()
}

impl Case {
    /// The kernels that it is tried on.
    pub fn kernels(&self) -> Vec<Kernel> {
        let chosen = |kernel: &Kernel| {
            self.attack.kernels.is_empty() || self.attack.kernels.iter().any(|name| name == kernel.name())
        };
        KERNELS.into_iter().filter(chosen).collect()
    }

    /// The name of its test.
    pub fn name(&self, kernel: Kernel) -> String {
        let letter = self.id.get(..1).unwrap_or_default();
        let variant = self.variant.as_ref().map(|name| format!("::{name}")).unwrap_or_default();
        format!("{letter}::{}{variant}::{}", self.stem, kernel.name())
    }
}

/// `{{1000*x}}` in every text.
fn repeat(value: &mut Value) {
    match value {
        Value::String(text) => {
            while let Some((head, rest)) =
                text.split_once("{{").filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
            {
                let (inside, tail) = rest.split_once("}}").expect("`}}` behind `{{`");
                let (times, what) = inside.split_once('*').expect("`{{times*text}}`");
                *text = format!("{head}{}{tail}", what.repeat(times.parse().expect("a number")));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(repeat),
        Value::Object(values) => values.values_mut().for_each(repeat),
        _ => {}
    }
}
