//! Each rule has its cases: pages in `tests/pages`, operators' files below. In these files, `# <- refuse`, `# <- look` and `# <- note` mark the lines at which the
//! rule in question finds something of that weight; it finds nothing else.

use super::rules::{self, RULES};
use super::{Finding, Severity, Subject, Within, lint, page, text};
use crate::page::diagnostic::SourceFile;
use crate::page::{Page, parse};
use crate::policy::{HostFile, Policy, file, host};
use std::path::{Path, PathBuf};

fn parsed(text: &str) -> Page {
    parse::parse(SourceFile::new("page.toml", text)).unwrap_or_else(|problem| panic!("{problem}\nin\n{text}"))
}

fn policy(text: &str) -> Policy {
    file::parse(SourceFile::new("p.toml", text)).unwrap_or_else(|problem| panic!("{problem}\nin\n{text}"))
}

fn host_file(text: &str) -> HostFile {
    host::parse(SourceFile::new("host.toml", text)).unwrap_or_else(|problem| panic!("{problem}\nin\n{text}"))
}

/// Line and severity of each mark of a text.
fn marks(text: &str) -> Vec<(usize, Severity)> {
    let mark = |line: &str| Severity::parse(line.rsplit_once("# <- ")?.1.trim());
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, mark(line)?))).collect()
}

/// What differs between marks and findings; nothing if they agree.
fn differs(rule: &str, marked: &str, findings: &[Finding]) -> Option<String> {
    let mut found: Vec<(usize, Severity)> = findings
        .iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| {
            assert!(!finding.what.is_empty() && !finding.safer.is_empty() && finding.column > 0);
            (finding.line, finding.severity)
        })
        .collect();
    found.sort();
    found.dedup();
    let wanted = marks(marked);
    let findings: Vec<Finding> = findings.iter().filter(|finding| finding.rule == rule).cloned().collect();
    (found != wanted).then(|| format!("{rule} should find {wanted:?}\n{marked}\nand found\n{}\n", text(&findings)))
}

#[track_caller]
fn finds(rule: &str, marked: &str, findings: &[Finding]) {
    assert_eq!(differs(rule, marked, findings), None);
}

#[track_caller]
fn agree(differences: impl Iterator<Item = String>) {
    let differences: Vec<String> = differences.collect();
    assert!(differences.is_empty(), "{}", differences.join("\n=====\n"));
}

const HEAD: &str = r#"version = 1
name = "t"
[records.api]
url    = "url"
secret = { token = "password" }
"#;

/// A page to which nobody could object much.
const GOOD: &str = r#"
[[route]]
name     = "find"
for      = ["change", "reconcile"]
request  = "GET {api.url}/users/{user}"
headers  = { authorization = "Bearer {api.token}" }
expects  = { status = 200 }
requires = [ { at = "/login", equals = "{user}", else = "another account" } ]
binds    = { id = "/id" }

[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{find.id}/password"
headers = { authorization = "Bearer {api.token}" }
json    = { old = "{old-password}", password = "{new-password}" }
expects = { status = 204 }
refuses = { status = [400, 401, 403] }
shows   = { code = "/code" }

[[route]]
name    = "sign-in"
for     = ["verify"]
request = "POST {api.url}/sessions"
basic   = { user = "{user}", password = "{candidate}" }
expects = { status = 201 }
refuses = { status = 401 }
"#;

/// The pages of `tests/pages`: a folder a rule, a file a case. (rule, file, text)
fn pages() -> Vec<(String, String, String)> {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut pages = Vec::new();
    for rule in entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lint/tests/pages")) {
        for page in entries(&rule) {
            pages.push((name(&rule), name(&page), std::fs::read_to_string(&page).unwrap()));
        }
    }
    pages
}

#[test]
fn each_rule_about_pages_finds_what_is_marked_and_nothing_else() {
    let pages = pages();
    assert!(pages.iter().all(|(rule, file, _)| rules::named(rule).is_some() && file.ends_with(".toml")));
    agree(pages.iter().filter_map(|(rule, file, written)| {
        differs(rule, written, &page(&parsed(written))).map(|differs| format!("{file}: {differs}"))
    }));
}

#[test]
fn a_good_page_leaves_little_to_look_at() {
    let good = parsed(&format!("{HEAD}{GOOD}"));
    let findings = page(&good);
    let grave: Vec<&str> =
        findings.iter().filter(|finding| finding.severity != Severity::Note).map(|finding| finding.rule).collect();
    assert_eq!(grave, ["admin-power"], "{}", text(&findings));
}

const POLICY_HEAD: &str = r#"version = 1
[rotator]
module = "/opt/t.wasm"
sha256 = ["0000000000000000000000000000000000000000000000000000000000000000"]
"#;
const RECORD: &str = "[records.api]\ntitle = \"x\"\nhosts = [\"api.example.com\"]\n";

/// (rule, policy)
const POLICIES: &[(&str, &str)] = &[
    ("free-account", "[account]\nallow = [\n\"*\", # <- refuse\n\"**@*\", # <- refuse\n\"a*\",\n]\n"),
    (
        "wide-account",
        "[account]\nallow = [\n\"*@acme.example\", # <- look\n\"*@svc.acme.example\",\n\"svc-*@acme.example\",\n\"a*\", # <- look\n\"jo\",\n]\n",
    ),
    ("nobody-allowed", "[account]\nallow = [\"jo@a.example\"]\nexcept = [\n\"*@A.example\", # <- refuse\n]\n"),
    ("nobody-allowed", "[account]\nexcept = [\"**\"] # <- refuse\n"),
    (
        "nobody-allowed",
        "[account]\nallow = [\n\"jo@a.example\", # <- look\n\"*@b.example\",\n]\nexcept = [\"*@a.example\", \"jo@b.example\"]\n",
    ),
    (
        "idle-except",
        "[account]\nallow = [\"*@a.example\"]\nexcept = [\n\"root@a.example\",\n\"root@b.example\", # <- note\n]\n",
    ),
    ("admin-not-excepted", "[account]\nallow = [\"*@svc.a.example\"] # <- look\n"),
    ("admin-not-excepted", "[account]\nallow = [\"svc1\"]\n"),
    ("unverified-accepted", "[account]\nallow = [\"x\"]\n[settings]\nunverified = \"accept\" # <- look\n"),
    ("reconcile-with-admin", "[account]\nallow = [\"x\"]\n[settings]\nreconcile = \"old-refused\" # <- look\n"),
    ("walls-optional", "[account]\nallow = [\"x\"]\n[settings] # <- note\nreconcile = \"never\"\n"),
    ("walls-optional", "[account]\nallow = [\"x\"]\n[settings]\nconfinement = \"require\"\n"),
];

fn with<'a>(page: &'a Page, policy: &'a Policy) -> Subject<'a> {
    Subject { page: Some(page), policy: Some(policy), ..Subject::default() }
}

#[test]
fn each_rule_about_policies_finds_what_is_marked_and_nothing_else() {
    let good = parsed(&format!("{HEAD}{GOOD}"));
    agree(POLICIES.iter().filter_map(|(rule, tables)| {
        let written = format!("{POLICY_HEAD}{RECORD}{tables}");
        differs(rule, &written, &lint(&with(&good, &policy(&written))))
    }));
    let hosts = format!(
        "{}[records.api]\ntitle = \"x\"\nhosts = [ # <- look\n\"a.example\",\n\"10.1.2.3\",\n\"[fd00::1]\",\n\"gitlab\",\n\"x.herokuapp.com\",\n\"b.example:8080\",\n]\n[account]\nallow = [\"x\"]\n",
        POLICY_HEAD.replace("[rotator]", "[rotator]\nliteral-hosts = [\"graph.example\"]")
    );
    finds("several-hosts", &hosts, &lint(&with(&good, &policy(&hosts))));
    let marked = |texts: &[&str]| {
        let mut text = hosts.replace(" # <- look", "");
        for part in texts {
            text = text.replace(&format!("{part}\n"), &format!("{part} # <- look\n"));
        }
        text
    };
    let loose = marked(&["\"10.1.2.3\",", "\"[fd00::1]\",", "\"gitlab\",", "\"x.herokuapp.com\","]);
    finds("loose-host", &loose, &lint(&with(&good, &policy(&loose))));
    let port = marked(&["\"b.example:8080\","]);
    finds("cleartext-port", &port, &lint(&with(&good, &policy(&port))));
    let literal = marked(&["literal-hosts = [\"graph.example\"]"]);
    finds("idle-literal-host", &literal, &lint(&with(&good, &policy(&literal))));
}

#[test]
fn rules_about_the_module_ask_what_is_known_of_it() {
    let good = parsed(&format!("{HEAD}{GOOD}"));
    let digest = |digit: &str| format!("\"{}\"", digit.repeat(64));
    let written = format!(
        "version = 1\n[rotator]\nmodule = \"t.wasm\"\nsha256 = [{}, {}] # <- note\nwasi = \"inert\"\npage = \"p\"\npage-sha256 = [{}, {}] # <- note\n{RECORD}[account]\nallow = [\"x\"]\n",
        digest("0"),
        digest("1"),
        digest("2"),
        digest("3"),
    );
    finds("several-digests", &written, &lint(&with(&good, &policy(&written))));
    let parsed_policy = policy(&written);
    for (needs_wasi, wanted) in [(None, Severity::Note), (Some(true), Severity::Note), (Some(false), Severity::Look)] {
        let findings = lint(&Subject { needs_wasi, ..with(&good, &parsed_policy) });
        let found: Vec<_> = findings.iter().filter(|finding| finding.rule == "wasi-inert").collect();
        assert!(matches!(found.as_slice(), [one] if one.severity == wanted && one.line == 5), "{found:?}");
    }
    for self_owned in [true, false] {
        let findings = lint(&Subject { self_owned, ..with(&good, &parsed_policy) });
        assert_eq!(findings.iter().any(|finding| finding.rule == "self-owned"), self_owned);
    }
}

#[test]
fn a_policy_alone_is_judged_by_what_it_says() {
    let written = format!("{POLICY_HEAD}{RECORD}[account]\nallow = [\"*\"] # <- look\n");
    let findings = lint(&Subject { policy: Some(&policy(&written)), ..Subject::default() });
    finds("free-account", &written, &findings);
    assert!(findings.iter().all(|finding| finding.within == Within::Policy && finding.file == "p.toml"));
}

/// (rule, host file)
const HOSTS: &[(&str, &str)] = &[
    (
        "wide-opening",
        r#"
[[network.open]]
host = "a.example"
network = "10.0.0.0/8" # <- refuse
[[network.open]]
host = "a.example"
network = "172.16.0.0/12" # <- refuse
[[network.open]]
host = "a.example"
network = "192.168.0.0/16" # <- look
[[network.open]]
host = "a.example"
network = "192.168.7.0/24"
[[network.open]]
host = "a.example"
network = "fd00::/32" # <- refuse
[[network.open]]
host = "a.example"
network = "fd00:1:2::/48" # <- look
"#,
    ),
    (
        "local-opening",
        r#"
[[network.open]]
host = "a.example"
network = "127.0.0.1/32" # <- look
[[network.open]]
host = "a.example"
network = "169.254.1.0/24" # <- look
[[network.open]]
host = "a.example"
network = "::1/128" # <- look
[[network.open]]
host = "a.example"
network = "10.1.2.3/32"
"#,
    ),
    (
        "cleartext-opening",
        r#"
[network]
proxy = "http://proxy.example:3128" # <- note
[[network.open]]
host = "a.example"
network = "10.1.2.3/32"
port = 8080 # <- look
"#,
    ),
    ("no-audit", "[network] # <- look\nroots = \"system\"\n"),
    ("no-audit", "[audit]\nsyslog = true\n"),
];

#[test]
fn each_rule_about_the_host_finds_what_is_marked_and_nothing_else() {
    agree(HOSTS.iter().filter_map(|(rule, written)| {
        differs(rule, written, &lint(&Subject { host: Some(&host_file(written)), ..Subject::default() }))
    }));
    assert_eq!(lint(&Subject { host: Some(&HostFile::default()), ..Subject::default() }), []);
}

#[test]
fn there_is_a_case_for_every_rule_and_no_rule_twice() {
    let of_modules = [
        "several-hosts",
        "loose-host",
        "cleartext-port",
        "idle-literal-host",
        "wasi-inert",
        "several-digests",
        "self-owned",
    ];
    let pages = pages();
    for rule in RULES {
        let tables = [POLICIES, HOSTS].concat();
        let tabled = tables.iter().any(|(id, _)| *id == rule.id) || of_modules.contains(&rule.id);
        assert!(tabled || pages.iter().any(|(id, ..)| id == rule.id), "{} has no case", rule.id);
        assert_eq!(RULES.iter().filter(|other| other.id == rule.id).count(), 1, "{}", rule.id);
        assert!(!rule.about.is_empty() && !rule.about.ends_with('.'));
    }
}

#[test]
fn the_gravest_come_first_and_the_order_does_not_change() {
    let bad =
        parsed(include_str!("tests/pages/secret-shown-again/a-password-where-people-read-it-or-the-rotator-does.toml"));
    let findings = page(&bad);
    assert!(findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)), "{}", text(&findings));
    assert_eq!(findings, page(&bad));
    assert_eq!(super::worst(&findings), Some(Severity::Refuse));
    assert_eq!(super::counted(&[]), "no findings");
}

#[test]
fn what_a_hostile_page_says_is_escaped() {
    let evil = r"x\u202e\u001b[2J";
    let page_text = format!(
        "{HEAD}[[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"POST {{api.url}}/x\"\njson = {{ \"admin{evil}\" = \"{evil}\", password = \"{{old-password}}\" }}\n"
    );
    let findings = page(&parsed(&page_text));
    let said = text(&findings);
    let lower = said.to_lowercase();
    assert!(lower.contains("202e") && lower.contains("1b"), "{said}");
    assert!(said.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{said}");
}
