//! Each rule has its cases. In the files of these tests, `# <- refuse`, `# <- look` and `# <- note` mark the lines at which the
//! rule in question finds something of that weight; it finds nothing else.

use super::rules::RULES;
use super::{Finding, Severity, Subject, Within, lint, page, text};
use crate::page::diagnostic::SourceFile;
use crate::page::{Page, parse};
use crate::policy::{HostFile, Policy, file, host};

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

/// A verify route, so that a page is whole.
const SIGN_IN: &str = r#"
[[route]]
name    = "sign-in"
for     = ["verify"]
request = "POST {api.url}/sessions"
basic   = { user = "{user}", password = "{candidate}" }
expects = { status = 201 }
refuses = { status = 401 }
"#;

/// (rule, routes)
const PAGES: &[(&str, &str)] = &[
    (
        "secret-in-query",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
expects = { status = 200 }
[route.query]
key   = "{api.token}" # <- refuse
login = "{user}"
"#,
    ),
    (
        "secret-in-query",
        r#"
[[route]]
name     = "token"
for      = ["change"]
request  = "GET {api.url}/csrf"
captures = { csrf = "/csrf" }
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
query   = { csrf = "{token.csrf}" } # <- look
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "secret-in-path",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/bot{api.token}/users/{user}" # <- refuse
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "secret-elsewhere",
        r#"
[[route]]
name    = "report"
for     = ["change"]
request = "POST https://collect.example/v1"
headers = { authorization = "Bearer {api.token}" } # <- refuse
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
json    = { old = "{old-password}", password = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "reset"
for     = ["reconcile"]
changes = true
request = "POST https://login.example/users/{user}"
json    = { password = "{new-password}" } # <- look
expects = { status = 200 }
"#,
    ),
    (
        "secret-elsewhere",
        r#"
[[route]]
name     = "token"
for      = ["change"]
request  = "POST {api.url}/token"
captures = { access = "/access_token" }
[[route]]
name    = "set"
for     = ["change"]
request = "GET https://other.example/users/{user}"
headers = { authorization = "Bearer {token.access}" } # <- look
"#,
    ),
    (
        "secret-in-odd-place",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
headers = { x-request-id = "{api.token}" } # <- look
expects = { status = 200 }
[route.json]
password = "{new-password}"
hint     = "{old-password}" # <- look
Operations = [ { op = "replace", path = "password", value = "{new-password}" }, { op = "add", path = "x", value = "{old-password}" } ] # <- look
"#,
    ),
    (
        "literal-secret",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
headers = { authorization = "Bearer 0123", x-csrf-token = "fetch" } # <- refuse
expects = { status = 200 }
[route.json]
password = "{new-password}"
second   = { password = "letmein" } # <- refuse
passwordNeedsReset = "false"
grant_type = "password"
"#,
    ),
    (
        "secret-shown-again",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
expects = { status = 200 }
[route.json]
password = "{new-password}"
profile  = { nickName = "{new-password}", pager = "{old-password}", secret = "{old-password}" } # <- refuse
[[route]]
name    = "read"
for     = ["change"]
request = "GET {api.url}/users/{user}"
shows   = { code = "/user/profile/pager" }
"#,
    ),
    (
        "secret-shown-again",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
expects = { status = 200 }
[route.form]
password = "{new-password}" # <- refuse
[[route]]
name    = "read"
for     = ["finish"]
request = "GET {api.url}/users/{user}"
requires = [ { at = "/password", absent = true, else = "it is {value}" } ]
"#,
    ),
    (
        "password-in-look-up",
        r#"
[[route]]
name    = "login"
for     = ["change"]
uses    = 9 # <- look
request = "POST {api.url}/login"
json    = { login = "{user}", password = "{old-password}", again = "{old-password}" }
[[route]]
name    = "once"
for     = ["change"]
request = "POST {api.url}/login"
json    = { login = "{user}", password = "{old-password}" } # <- note
"#,
    ),
    (
        "beside-a-secret",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
expects = { status = 200 }
[route.json] # <- note
password = "{new-password}"
force = true
admin = true # <- look
sendEmail = false # <- look
"#,
    ),
    (
        "secret-unused",
        r#"
[records.more]
secret = { one = "a", two = "b" } # <- look
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
headers = { authorization = "{more.one}{api.token}" }
"#,
    ),
    (
        "text-readable",
        r#"
[records.more.text]
tenant = "Tenant" # <- look
key    = "API token" # <- refuse
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/{more.tenant}/{user}"
"#,
    ),
    (
        "shows-whole-answer",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
[route.shows]
code = "/code"
all  = "" # <- refuse
"#,
    ),
    (
        "shows-credential",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
requires = [
  { at = "/type", equals = "A", else = "it is {value}" },
  { at = "/resetToken", equals = "A", else = "it is {value}" }, # <- refuse
  { at = "/apiKey", equals = "A", else = "it is not" },
]
[route.shows]
code     = "/code"
question = "/profile/recovery_question" # <- refuse
link     = "/resetPasswordUrl" # <- refuse
where    = "header:location" # <- refuse
"#,
    ),
    (
        "shows-wide",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
[route.shows]
code  = "/code"
all   = "/user/profile" # <- look
[[route]]
name    = "many"
for     = ["change"]
request = "GET {api.url}/users/{user}"
shows   = { a = "/a", b = "/b", c = "/c", d = "/d", e = "/e", f = "/f", g = "/g" } # <- look
"#,
    ),
    (
        "binds-credential",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
[route.binds]
id    = "/id"
token = "/sessionToken" # <- refuse
"#,
    ),
    (
        "captures-credential",
        r#"
[[route]]
name     = "login"
for      = ["change"]
request  = "POST {api.url}/login"
captures = { session = "/session" } # <- note
[[route]]
name     = "temp"
for      = ["change"]
request  = "POST {api.url}/users/{user}"
captures = { it = "/tempPassword" } # <- look
"#,
    ),
    (
        "returns-credential",
        r#"
[[route]]
name    = "a"
for     = ["change"]
request = "POST {api.url}/users/{user}/lifecycle/expire_password_with_temp_password" # <- refuse
[[route]]
name    = "b"
for     = ["change"]
request = "POST {api.url}/users/{user}/credentials"
[route.query]
sendEmail = "false" # <- refuse
[[route]]
name    = "c"
for     = ["change"]
request = "POST {api.url}/users/{user}/change_password"
query   = { sendEmail = "true" }
"#,
    ),
    (
        "admin-power",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}" # <- look
headers = { authorization = "{api.token}" }
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "literal-account",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/root/password" # <- refuse
json    = { login = "{user}", password = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "own"
for     = ["reconcile"]
changes = true
request = "POST {api.url}/users/me" # <- refuse
headers = { authorization = "{api.token}" }
json    = { login = "{user}", password = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "right"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}/password"
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "account-not-user",
        r#"
[[route]]
name    = "set"
for     = ["reconcile"]
changes = true
request = "POST {api.url}/admin/password" # <- refuse
json    = { password = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "login"
for     = ["change"]
request = "POST {api.url}/login"
form    = { login = "{user}", password = "{old-password}" }
[[route]]
name    = "own"
for     = ["change"]
changes = true
request = "POST {api.url}/password"
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "bind-unchecked",
        r#"
[[route]]
name    = "search"
for     = ["change"]
request = "GET {api.url}/users"
query   = { q = "{user}" }
binds   = { id = "/0/id" } # <- look
[[route]]
name    = "first"
for     = ["change"]
request = "GET {api.url}/users"
binds   = { id = "/0/id" } # <- refuse
[[route]]
name     = "checked"
for      = ["change"]
request  = "GET {api.url}/users"
picks    = { from = "", where = { "/login" = "{user}" }, exactly = 1 }
binds    = { id = "/id" }
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/{search.id}/{first.id}/{checked.id}"
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "account-affixed",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}-admin" # <- look
json    = { username = "{user}", password = "{new-password}" }
expects = { status = 200 }
[[route]]
name     = "reset"
for      = ["reconcile"]
changes  = true
request  = "POST {api.url}/users"
query    = { filter = 'login eq "{user:scim}"' }
expects  = { status = 200 }
[route.json]
login    = "{user}@elsewhere.example" # <- look
password = "{new-password}"
greeting = "Dear {user}"
[[route]]
name     = "compared"
for      = ["reconcile"]
request  = "GET {api.url}/users/login={user}"
requires = [ { at = "/login", equals = "{user}", else = "another account" } ]
"#,
    ),
    (
        "secret-in-write",
        r#"
[[route]]
name    = "old-style"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
expects = { status = 200 }
[route.form]
key      = "{api.token}" # <- look
password = "{new-password}"
[[route]]
name    = "hidden"
for     = ["reconcile"]
changes = true
request = "POST {api.url}/users/{user}"
headers = { authorization = "Bearer {api.token}" }
expects = { status = 200 }
[route.json]
password = "{new-password}"
auth     = { code = "{api.token}" } # <- refuse
[[route]]
name    = "mark"
for     = ["finish"]
request = "PATCH {api.url}/users/{user}"
json    = { state = "{api.token}" } # <- look
[[route]]
name    = "look-up"
for     = ["change"]
request = "POST {api.url}/search"
json    = { key = "{api.token}", q = "{user}" }
"#,
    ),
    (
        "secret-twice",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
expects = { status = 200 }
[route.json]
password = "{new-password}"
profile  = { state = "{new-password}" } # <- look
[[route]]
name    = "typed-again"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
form    = { password = "{new-password}", retype = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
[route.headers]
authorization = "Bearer {api.token}"
x-trace       = "{api.token}" # <- look
"#,
    ),
    (
        "text-readable",
        r#"
[records.more.text]
login  = "Login" # <- look
note   = "Note" # <- refuse
remark = "Remark" # <- refuse
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
headers = { authorization = "Bearer {more.note}" }
[[route]]
name    = "again"
for     = ["change"]
request = "GET {api.url}/again/{user}"
basic   = { user = "{more.login}", password = "{more.remark}" }
[[route]]
name    = "beside-its-password"
for     = ["change"]
request = "GET {api.url}/more/{user}"
headers = { authorization = { base64 = "{more.login}:{api.token}" } }
"#,
    ),
    (
        "shows-credential",
        r#"
[[route]]
name     = "open"
for      = ["change"]
request  = "POST {api.url}/open"
form     = { login = "{user}" }
captures = { it = "/a/b" }
[[route]]
name     = "open-again"
for      = ["change"]
request  = "POST {api.url}/open"
form     = { login = "{user}" }
shows    = { part = "/a" } # <- refuse
[[route]]
name     = "elsewhere"
for      = ["change"]
request  = "GET {api.url}/current"
shows    = { part = "/a/b" } # <- look
[[route]]
name     = "harmless"
for      = ["change"]
request  = "GET {api.url}/current"
shows    = { part = "/a/c" }
"#,
    ),
    (
        "binds-credential",
        r#"
[[route]]
name     = "open"
for      = ["change"]
request  = "POST {api.url}/open"
captures = { it = "/a/b" }
[[route]]
name     = "open-again"
for      = ["change"]
request  = "POST {api.url}/open"
binds    = { part = "/a/b" } # <- refuse
"#,
    ),
    (
        "shows-wide",
        r#"
[[route]]
name     = "find"
for      = ["change"]
request  = "GET {api.url}/users/{user}"
requires = [ { at = "/person/kind", equals = "A", else = "no" } ]
shows    = { a = "/person", b = "/other" } # <- look
"#,
    ),
    (
        "reaches-further",
        r#"
[[route]]
name    = "gone"
for     = ["finish"]
request = "DELETE {api.url}/auth/users/{user}" # <- refuse
[[route]]
name    = "signed-out"
for     = ["finish"]
request = "DELETE {api.url}/auth/sessions/{user}"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}/keys" # <- look
json    = { key = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "write-not-marked",
        r#"
[[route]]
name     = "open"
for      = ["change"]
request  = "POST {api.url}/open" # <- note
captures = { it = "/a" }
[[route]]
name     = "for-show"
for      = ["change"]
request  = "POST {api.url}/users/{user}/lock" # <- look
headers  = { authorization = "{open.it}" }
captures = { never = "/b" }
"#,
    ),
    // What is fine: the user beside the password, in the path, looked up, in an earlier half of the sign-in, in the answer.
    (
        "proof-not-user",
        r#"
[[route]]
name    = "by-form"
for     = ["verify"]
request = "POST {api.url}/login"
form    = { u = "{user}", p = "{candidate}" }
expects = { status = 200 }
[[route]]
name    = "by-path"
for     = ["verify"]
request = "POST {api.url}/auth/userpass/login/{user}"
json    = { password = "{candidate}" }
expects = { status = 200 }
[[route]]
name    = "by-domain"
for     = ["verify"]
request = "GET {api.url}/me"
basic   = { user = 'ACME\{user}', password = "{candidate}" }
expects = { status = 200 }
[[route]]
name    = "by-header"
for     = ["verify"]
request = "GET {api.url}/me"
headers = { authorization = { base64 = "{user}:{candidate}" } }
expects = { status = 200 }
[[route]]
name     = "find"
for      = ["verify"]
request  = "GET {api.url}/users"
query    = { q = "{user}" }
requires = [ { at = "/login", equals = "{user}", else = "another account" } ]
binds    = { login = "/short" }
[[route]]
name    = "by-login"
for     = ["verify"]
request = "POST {api.url}/login"
json    = { login = "{find.login}", password = "{candidate}" }
expects = { status = 200 }
[[route]]
name     = "start"
for      = ["verify"]
request  = "POST {api.url}/login/start"
json     = { identifier = "{user}" }
captures = { state = "/state" }
[[route]]
name    = "second-half"
for     = ["verify"]
request = "POST {api.url}/login/next"
headers = { x-state = "{start.state}" }
json    = { password = "{candidate}" }
expects = { status = 200 }
[[route]]
name    = "alone-and-compared"
for     = ["verify"]
request = "GET {api.url}/me"
headers = { authorization = "Bearer {candidate}" }
expects = [ { status = 200, "/login" = "{user}" }, { status = 203, "/name" = { one-of = ["{user}", "{user}@a.example"] } } ]
"#,
    ),
    // What is not.
    (
        "proof-not-user",
        r#"
[[route]]
name    = "alone"
for     = ["verify"]
request = "GET {api.url}/me" # <- refuse
headers = { authorization = "Bearer {candidate}" }
expects = { status = 200 }
[[route]]
name    = "compared-in-one"
for     = ["verify"]
request = "GET {api.url}/me" # <- refuse
headers = { authorization = "Bearer {candidate}" }
expects = [ { status = 200, "/login" = "{user}" }, { status = 203 } ]
[[route]]
name    = "constant"
for     = ["verify"]
request = "POST {api.url}/users/{user}/check"
basic   = { user = "root", password = "{candidate}" } # <- refuse
expects = { status = 200 }
[[route]]
name    = "of-the-record"
for     = ["verify"]
request = "GET {api.url}/users/{user}"
basic   = { user = "{more.login}", password = "{candidate}" } # <- refuse
expects = { status = 200, "/a" = "b" }
[[route]]
name    = "in-a-header"
for     = ["verify"]
request = "GET {api.url}/users/{user}"
headers = { authorization = { base64 = "root:{candidate}" } } # <- refuse
expects = { status = 200 }
[[route]]
name    = "beside"
for     = ["verify"]
request = "POST {api.url}/login"
expects = { status = 200 }
[route.json]
client = "{user}"
auth   = { username = "root", password = "{candidate}" } # <- refuse
[[route]]
name    = "look-up"
for     = ["verify"]
request = "GET {api.url}/users/{user}"
binds   = { id = "/id" }
[[route]]
name    = "after-a-look-up"
for     = ["verify"]
after   = ["look-up"]
request = "POST {api.url}/token" # <- refuse
form    = { password = "{candidate}" }
expects = { status = 200 }
[[route]]
name     = "csrf"
for      = ["verify"]
request  = "GET {api.url}/csrf"
captures = { token = "/token" }
binds    = { realm = "/realm" }
[[route]]
name    = "with-a-foreign-capture"
for     = ["verify"]
request = "POST {api.url}/login" # <- refuse
form    = { token = "{csrf.token}", realm = "{csrf.realm}", password = "{candidate}" }
expects = { status = 200 }
[records.more]
text = { login = "login" }
"#,
    ),
    (
        "proof-not-user",
        r#"
[[route]]
name    = "named-in-a-header"
for     = ["verify"]
request = "GET {api.url}/me" # <- look
headers = { x-login = "{user}", x-password = "{candidate}" }
expects = { status = 200 }
[[route]]
name    = "start"
for     = ["verify"]
request = "POST {api.url}/login/start"
form    = { identifier = "{user}" }
[[route]]
name    = "by-cookie"
for     = ["verify"]
after   = ["start"]
request = "POST {api.url}/login/next" # <- look
form    = { password = "{candidate}" }
expects = { status = 200 }
"#,
    ),
    (
        "bind-unchecked",
        r#"
[[route]]
name    = "whoami"
for     = ["verify"]
request = "GET {api.url}/me"
binds   = { login = "/login", zone = "/zone" } # <- refuse
[[route]]
name    = "proves-another"
for     = ["verify"]
request = "GET {api.url}/me"
basic   = { user = "{whoami.login}", password = "{candidate}" }
expects = { status = 200 }
[[route]]
name    = "settings"
for     = ["change"]
request = "GET {api.url}/settings"
binds   = { zone = "/zone" } # <- look
[[route]]
name    = "renamed"
for     = ["change"]
request = "GET {api.url}/settings"
binds   = { who = "/who" } # <- refuse
[[route]]
name    = "own"
for     = ["change"]
request = "POST {api.url}/login"
form    = { login = "{user}", password = "{old-password}" }
binds   = { id = "/id" }
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{own.id}"
headers = { x-zone = "{settings.zone}" }
json    = { password = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "set-whose"
for     = ["change"]
changes = true
request = "POST {api.url}/password"
json    = { person = "{renamed.who}", password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "literal-account",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
basic   = { user = "root", password = "{old-password}" } # <- refuse
json    = { password = "{new-password}", username = "root" } # <- look
expects = { status = 200 }
"#,
    ),
    (
        "argument-near-change",
        r#"
[[route]]
name     = "find"
for      = ["change"]
request  = "GET {api.url}/users/{arg.id}"
requires = [ { at = "/login", equals = "{user}", else = "another" } ]
binds    = { id = "/id" }
[route.args] # <- look
id = { class = "token" }
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{find.id}"
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "argument-in-write",
        r#"
[[route]]
name    = "find"
for     = ["finish"]
request = "GET {api.url}/users/{arg.id}"
args    = { id = { class = "token" } }
[[route]]
name    = "tell"
for     = ["finish"]
request = "POST {api.url}/users/{arg.id}"
args    = { id = { class = "token" } } # <- look
[[route]]
name    = "end"
for     = ["finish"]
request = "DELETE {api.url}/users/{arg.id}"
args    = { id = { class = "token" } } # <- refuse
"#,
    ),
    (
        "argument-wide",
        r#"
[[route]]
name    = "tell"
for     = ["finish"]
request = "POST {api.url}/users/{arg.id}"
json    = { text = "{arg.text}" }
[route.args]
id   = { class = "token" }
text = { class = "text" } # <- look
"#,
    ),
    (
        "may-create",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "PUT {api.url}/users/{user}" # <- look
headers = { authorization = "{api.token}" }
json    = { password = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "exists"
for     = ["reconcile"]
request = "GET {api.url}/users/{user}"
[[route]]
name    = "reset"
for     = ["reconcile"]
after   = ["exists"]
changes = true
request = "PUT {api.url}/users/{user}"
headers = { authorization = "{api.token}" }
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
    (
        "reaches-further",
        r#"
[[route]]
name    = "role"
for     = ["finish"]
request = "PUT {api.url}/users/{user}/roles" # <- refuse
[[route]]
name    = "roles"
for     = ["finish"]
request = "GET {api.url}/users/{user}/roles"
[[route]]
name    = "gone"
for     = ["finish"]
request = "DELETE {api.url}/users/{user}" # <- refuse
[[route]]
name    = "signed-out"
for     = ["finish"]
request = "DELETE {api.url}/users/{user}/sessions"
"#,
    ),
    (
        "acts-as",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET {api.url}/users/{user}"
headers = { x-sudo = "root" } # <- look
query   = { on_behalf_of = "{user}", as = "x" } # <- look
"#,
    ),
    (
        "write-not-marked",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "POST {api.url}/users/{user}" # <- look
"#,
    ),
    (
        "accepts-too-much",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}"
json    = { password = "{new-password}" }
expects = { status = [200, 202] } # <- look
[[route]]
name    = "reset"
for     = ["reconcile"]
changes = true
request = "POST {api.url}/users/{user}"
json    = { password = "{new-password}" }
expects = { "header:x" = "y" } # <- look
[[route]]
name    = "gives-in"
for     = ["verify"]
request = "POST {api.url}/login"
basic   = { user = "{user}", password = "{candidate}" }
expects = { status = [200, 401, 422] } # <- refuse
refuses = { status = 403 }
"#,
    ),
    (
        "no-refuses",
        r#"
[[route]]
name    = "set"
for     = ["change"]
changes = true
request = "POST {api.url}/users/{user}" # <- look
json    = { password = "{new-password}" }
expects = { status = 200 }
[[route]]
name    = "blind"
for     = ["verify"]
request = "POST {api.url}/login" # <- look
basic   = { user = "{user}", password = "{candidate}" }
expects = { status = 200 }
"#,
    ),
    (
        "literal-host",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET https://graph.example/{user}" # <- look
[[route]]
name    = "again"
for     = ["change"]
request = "GET https://graph.example/b/{user}"
"#,
    ),
    (
        "borrowed-host",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "GET https://acme.ngrok.io/{user}" # <- refuse
"#,
    ),
    (
        "cleartext",
        r#"
[[route]]
name    = "find"
for     = ["change"]
request = "POST {api.url}/{user}"
[route.json]
callback = "HTTP://hooks.example/x" # <- look
other    = "https://hooks.example/x"
"#,
    ),
    (
        "idle-route",
        r#"
[[route]]
name    = "alone"
for     = ["change"]
request = "GET {api.url}/a" # <- note
[[route]]
name    = "read"
for     = ["change"]
request = "GET {api.url}/b" # <- look
shows   = { status = "/status" }
[[route]]
name    = "needed"
for     = ["change"]
request = "GET {api.url}/c"
[[route]]
name    = "set"
for     = ["change"]
after   = ["needed"]
changes = true
request = "POST {api.url}/users/{user}"
json    = { password = "{new-password}" }
expects = { status = 200 }
"#,
    ),
];

#[test]
fn each_rule_about_pages_finds_what_is_marked_and_nothing_else() {
    agree(PAGES.iter().filter_map(|(rule, routes)| {
        let page_text = format!("{HEAD}{routes}{SIGN_IN}");
        differs(rule, &page_text, &page(&parsed(&page_text)))
    }));
    let blind = format!(
        "{}\n[[route]]\nname = \"x\"\nfor = [\"change\"]\nrequest = \"GET {{api.url}}/x\"\n",
        HEAD.replace("name = \"t\"", "name = \"t\" # <- look")
    );
    finds("no-verify", &blind, &page(&parsed(&blind)));
}

#[test]
fn a_session_that_a_records_secret_opens_is_not_the_users() {
    let marked = format!(
        "{HEAD}{}",
        r#"
[[route]]
name    = "admin"
for     = ["verify"]
request = "POST {api.url}/users/{user}/session"
headers = { authorization = "Bearer {api.token}" }
[[route]]
name    = "by-an-admins-cookie"
for     = ["verify"]
after   = ["admin"]
request = "POST {api.url}/login/next" # <- refuse
form    = { password = "{candidate}" }
expects = { status = 200, "/a" = "b" }
"#
    );
    finds("proof-not-user", &marked, &page(&parsed(&marked)));
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
        "no-verify",
    ];
    for rule in RULES {
        let tables = [PAGES, POLICIES, HOSTS].concat();
        assert!(
            tables.iter().any(|(id, _)| *id == rule.id) || of_modules.contains(&rule.id),
            "{} has no case",
            rule.id
        );
        assert_eq!(RULES.iter().filter(|other| other.id == rule.id).count(), 1, "{}", rule.id);
        assert!(!rule.about.is_empty() && !rule.about.ends_with('.'));
    }
}

#[test]
fn the_gravest_come_first_and_the_order_does_not_change() {
    let bad = parsed(&format!("{HEAD}{}{}{SIGN_IN}", PAGES[7].1, "").replace("  ", " "));
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
    assert!(said.contains("202e") && said.contains("1b"), "{said}");
    assert!(said.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{said}");
}
