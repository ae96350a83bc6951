//! What the suites of the verbs share: the real binary in a folder of its own, and texts compared with files.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests; each suite uses a part"
)]

#[path = "../common/mod.rs"]
pub mod common;

use rotabox::page::sealed;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with modules, pages and policies, in which the binary is started.
pub struct Desk {
    folder: tempfile::TempDir,
}

/// What a command answered.
pub struct Said {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    pub fn new() -> Desk {
        Desk { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A module that does nothing, with this page sealed in.
    pub fn module(&self, name: &str, page: &str) {
        self.write(name, sealed::seal(&rotator(), page).expect("the page is sealed"));
    }

    /// Runs a command without stdin, in the folder.
    pub fn run(&self, args: &[&str]) -> Said {
        let output = Command::new(common::ROTABOX)
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("the binary starts");
        Said {
            exit: output.status.code().expect("it ends by itself"),
            stdout: self.stable(&output.stdout),
            stderr: self.stable(&output.stderr),
        }
    }

    /// The text with everything replaced that differs from run to run.
    fn stable(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
        let folder = self.folder.path().canonicalize().unwrap();
        let text = text.replace(&folder.display().to_string(), "[FOLDER]");
        let text = text.replace(&self.folder.path().display().to_string(), "[FOLDER]");
        text.lines().map(|line| stable_line(line) + "\n").collect()
    }
}

impl Said {
    /// Exit code, stdout and stderr as one text.
    pub fn all(&self) -> String {
        format!("exit: {}\n----- stdout -----\n{}----- stderr -----\n{}", self.exit, self.stdout, self.stderr)
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Said {
        assert_eq!(self.exit, code, "{}", self.all());
        self
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Said {
        // Tables wrap.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&self.all()).contains(&flat(words)), "it does not say {words:?}:\n{}", self.all());
        self
    }

    #[track_caller]
    pub fn does_not_say(self, words: &str) -> Said {
        assert!(!self.all().contains(words), "it says {words:?}:\n{}", self.all());
        self
    }
}

/// Digests, sizes, times and users.
pub fn stable_line(line: &str) -> String {
    let mut line = line.to_owned();
    for (key, stable) in [("by = \"", "by = \"[WHO]\""), ("at = \"", "at = \"[WHEN]\"")] {
        if line.starts_with(key) {
            line = stable.to_owned();
        }
    }
    if line.trim_start().starts_with("size ") {
        line = "  size       [SIZE] bytes".to_owned();
    }
    let mut out = String::new();
    let mut digits = String::new();
    for character in line.chars().chain(['\0']) {
        if character.is_ascii_hexdigit() {
            digits.push(character);
            continue;
        }
        out.push_str(if digits.len() == 64 { "[SHA256]" } else { &digits });
        digits.clear();
        if character != '\0' {
            out.push(character);
        }
    }
    out
}

/// A component of the contract whose step succeeds at once.
pub fn rotator() -> Vec<u8> {
    common::component(&common::core("", "(i32.const 1024)"))
}

/// Compares a text with the file of that name in `tests/snapshots`. To accept what is said now, run the test once with
/// `ROTABOX_ACCEPT=1` in the environment, and look at the difference before you commit it.
#[track_caller]
pub fn matches_file(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("ROTABOX_ACCEPT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected == text {
        return;
    }
    let at = expected.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
    panic!(
        "{} differs from line {}:\n  expected: {:?}\n  found:    {:?}\nAccept it with ROTABOX_ACCEPT=1. All of it:\n{text}",
        path.display(),
        at + 1,
        expected.lines().nth(at),
        text.lines().nth(at),
    );
}

/// A page with one of everything that an operator has to say something about.
pub const ACME: &str = r#"version = 1
name    = "acme"
about   = "Accounts of Acme"

[records.api]
url    = "url"
secret = { token = "password" }
text   = { tenant = "Tenant" }

[records.app]
secret = { key = "password" }

[password]
max-bytes = 72
refuse    = ['\']

[[route]]
name     = "token"
for      = ["change", "reconcile"]
request  = "POST https://login.acme.example/{api.tenant}/token"
form     = { grant_type = "client_credentials", client_secret = "{app.key}" }
expects  = { status = 200 }
captures = { access = "/access_token" }

[[route]]
name     = "find"
for      = ["change", "reconcile", "verify", "finish"]
request  = "GET {api.url}/v1/users"
query    = { filter = 'login eq "{user:scim}"', limit = "200" }
headers  = { authorization = "Bearer {api.token}" }
expects  = { status = 200 }
pages    = { next = "header:link", at-most = 5 }
picks    = { from = "/users", where = { "/login" = "{user}" }, exactly = 1, else = "{count} users match" }
requires = [ { at = "/state", one-of = ["ACTIVE", "LOCKED"], else = "the user is {value}" } ]
binds    = { "account.id" = "/id", "account.login" = "/login" }

[[route]]
name     = "change"
for      = ["change"]
changes  = true
request  = "POST {api.url}/v1/users/{account.id}/password"
headers  = { authorization = "Bearer {token.access}" }
json     = { old = "{old-password}", new = "{new-password}", expire = false }
expects  = { status = 204 }
refuses  = { status = [400, 403], "/code" = "weak" }
shows    = { code = "/code" }

[[route]]
name     = "reset"
for      = ["reconcile"]
changes  = true
request  = "PUT {api.url}/v1/users/{account.id}"
headers  = { authorization = { base64 = "{account.login}:{api.token}" } }
json     = { password = "{new-password}" }
expects  = { status = 200 }
refuses  = { status = 400 }

[[route]]
name     = "sign-in"
for      = ["verify"]
request  = "POST {api.url}/v1/sessions"
basic    = { user = "{user}", password = "{candidate}" }
expects  = { status = 201, "/login" = "{user}" }
refuses  = { status = 401 }
warns    = { "/state" = "EXPIRED" }

[[route]]
name      = "tell"
for       = ["finish"]
removable = true
may-fail  = true
request   = "POST {api.url}/v1/groups/{arg.group}/tell"
headers   = { authorization = "Bearer {api.token}" }
expects   = { status = 200 }
[route.args]
group = { class = "token", max = 16 }
"#;

/// A page that cannot verify, with an admin's secret, for a module with an open page.
pub const BLIND: &str = r#"version = 1
name = "blind"

[records.api]
url    = "url"
secret = { login = "login", password = "password" }

[[route]]
name     = "set"
for      = ["change"]
changes  = true
request  = "PUT {api.url}/users/{user}"
basic    = { user = "{api.login}", password = "{api.password}" }
json     = { password = "{new-password}" }
expects  = { status = 204 }
"#;

/// Flags that answer everything that `ACME` raises.
pub const ANSWERS: &[&str] = &[
    "--record",
    "api=title:Acme \"API\"",
    "--host",
    "api=api.acme.example",
    "--host",
    "api=api.acme.example:8443",
    "--record",
    "app=uid:abc_-123",
    "--literal-host",
    "login.acme.example",
    "--allow",
    "*@svc.acme.example",
    "--except",
    "admin@svc.acme.example",
    "--reconcile",
    "old-refused",
    "--off",
    "tell",
];

impl Desk {
    /// Approves `ACME` as `acme-prod` in the folder `policies`.
    #[track_caller]
    pub fn approve_acme(&self) -> Said {
        self.module("acme.wasm", ACME);
        let mut args = vec!["approve", "acme.wasm", "--policies", "policies", "--name", "acme-prod"];
        args.extend(ANSWERS);
        self.run(&args).exits(0)
    }
}
