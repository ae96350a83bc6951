//! What is compared: a folder with policies, pages and params, and one job for each contestant.

use crate::measure::Job;
use crate::stand_ins::{Facts, NEW, OLD, USER};
use anyhow::{Context, ensure};
use rotabox_tests::artifacts::{root, sha256, target};
use rotabox_tests::params::{Form, Params};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which password is live after a good run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// None was touched.
    Nothing,
    /// The one of the stand-in for any REST API.
    Rest,
    /// The one of the stand-in Okta.
    Okta,
}

/// What a row is called in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A Rust process that does nothing, dynamically linked.
    EmptyDynamic,
    /// The same, static.
    EmptyStatic,
    /// `rotabox run`, a look-up and a change: two HTTPS calls.
    Two,
    /// The same without native code in the store.
    TwoFirst,
    /// The same with an audit log on a file.
    TwoAudited,
    /// The same with a sign-in before and after: four calls.
    Proved,
    /// A module of about 150 KB without native code.
    Large,
    /// `rotabox run`, the whole Okta flow: eight calls.
    Okta,
    /// The two calls by Bash, curl and jq.
    Bash,
    /// The two calls by Python with requests.
    Requests,
    /// The published Okta script with the client it was written for.
    OktaScript,
}

/// A contestant.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// Which one.
    pub who: Who,
    /// What it is called in the tables.
    pub title: &'static str,
    /// How it is run.
    pub job: Job,
    /// What a good run changes.
    pub changes: Changes,
}

/// The folder, and the runner.
pub struct Scene {
    /// Everything that is written goes here.
    pub folder: PathBuf,
    /// The `rotabox` that is measured.
    pub rotabox: PathBuf,
}

impl Scene {
    /// A fresh folder under the build's own.
    pub fn new(rotabox: &Path) -> anyhow::Result<Scene> {
        let folder = std::path::absolute(target().join("bench"))?;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        for part in ["policies", "cwd"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let rotabox = std::path::absolute(rotabox)?;
        ensure!(rotabox.is_file(), "there is no {}; `make bench` builds it", rotabox.display());
        Ok(Scene { folder, rotabox })
    }

    /// Writes a file of the scene.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    /// Host files, policies, pages and params for the stand-ins.
    pub fn furnish(&self, facts: &Facts) -> anyhow::Result<()> {
        let mut host = format!("[network]\nca = {:?}\nroots = \"none\"\n", facts.ca);
        for url in [&facts.rest, &facts.okta, &facts.many, &facts.slow] {
            let port = port(url);
            host.push_str(&format!(
                "[[network.open]]\nhost = \"localhost\"\nnetwork = \"127.0.0.0/8\"\nport = {port}\n"
            ));
        }
        if self.knows("compile")? {
            let none = format!("[native]\nstore = {:?}\n{host}", self.folder.join("none"));
            self.write("first.toml", none)?;
            host = format!("[native]\nstore = {:?}\n{host}", self.folder.join("native"));
        }
        self.write("rotabox.toml", &host)?;
        self.write("audited.toml", format!("[audit]\nfile = {:?}\n{host}", self.folder.join("audit.jsonl")))?;
        self.policy("okta", "okta", None, "Okta API Access Details", &facts.okta, "")?;
        let accept = "\n[settings]\nunverified = \"accept\"\n";
        let title = "API Access Details";
        self.policy("two", "rest", Some("benches/pages/two.toml"), title, &facts.rest, accept)?;
        self.policy("proved", "rest", Some("benches/pages/proved.toml"), title, &facts.rest, "")?;
        self.policy("large", "stout", Some("benches/pages/two.toml"), title, &facts.rest, accept)?;
        self.policy("idle", "puppet", Some("benches/pages/idle.toml"), title, &facts.many, accept)?;
        self.policy("look", "rest", Some("benches/pages/look.toml"), title, &facts.many, accept)?;
        self.policy("many", "rest", Some("benches/pages/proved.toml"), title, &facts.many, "")?;
        self.policy("slow", "rest", Some("benches/pages/look.toml"), title, &facts.slow, accept)?;
        let line = |title: &str, url: &str, token: &str| {
            let api = json!({ "uid": "apiUid", "title": title, "login": "svc", "password": token, "url": url });
            Params::new(USER, Some(OLD), NEW, api).line(Form::Plain)
        };
        self.write("rest.line", line(title, &facts.rest, &facts.rest_token))?;
        self.write("okta.line", line("Okta API Access Details", &facts.okta, &facts.okta_token))?;
        self.write("no.line", "")?;
        if self.knows("compile")? {
            let job = Job { argv: self.argv("compile", "rotabox.toml"), ..self.job("compile", &[], "no.line") };
            job.check(job.command()?.status()?.code())?;
        }
        Ok(())
    }

    /// Whether this runner has that verb.
    pub fn knows(&self, verb: &str) -> anyhow::Result<bool> {
        let help = Command::new(&self.rotabox).arg("--help").output()?;
        Ok(String::from_utf8_lossy(&help.stdout).lines().any(|line| line.split_whitespace().next() == Some(verb)))
    }

    fn policy(
        &self,
        name: &str,
        rotator: &str,
        page: Option<&str>,
        title: &str,
        url: &str,
        more: &str,
    ) -> anyhow::Result<()> {
        let module = guest(rotator);
        let bytes = fs::read(&module).with_context(|| format!("{}: `make guests` builds it", module.display()))?;
        let digest = sha256(&bytes);
        let copy = self.write(&format!("{rotator}.wasm"), bytes)?;
        let page = match page {
            None => String::new(),
            Some(page) => {
                let text = fs::read_to_string(root().join(page)).with_context(|| page.to_owned())?;
                let copy = self.write(&format!("{name}-page.toml"), &text)?;
                format!("page = {copy:?}\npage-sha256 = [\"{}\"]\n", sha256(text.as_bytes()))
            }
        };
        let host = url.strip_prefix("https://").unwrap_or(url);
        self.write(
            &format!("policies/{name}.toml"),
            format!(
                "version = 1\n\n[rotator]\nmodule = {copy:?}\nsha256 = [\"{digest}\"]\n{page}\n[records.api]\ntitle = {title:?}\n\
                 hosts = [{host:?}]\n\n[account]\nallow = [\"*@example.test\"]\n{more}"
            ),
        )?;
        Ok(())
    }

    /// A run of the policy `name`, with the host file `config`, reading `line`.
    pub fn run_job(&self, title: &str, name: &str, config: &str, line: &str) -> Job {
        let mut argv = self.argv("run", config);
        argv.push(name.to_owned());
        Job { argv, ..self.job(title, &[], line) }
    }

    /// A verb of the runner, with its two files.
    pub fn argv(&self, verb: &str, config: &str) -> Vec<String> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let policies = ["--policies".to_owned(), path("policies"), "--config".to_owned(), path(config)];
        [self.rotabox.display().to_string(), verb.to_owned()].into_iter().chain(policies).collect()
    }

    /// Any command.
    pub fn job(&self, title: &str, argv: &[&str], line: &str) -> Job {
        let name: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Job {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: vec![
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
                ("HOME".to_owned(), self.folder.join("cwd").display().to_string()),
                ("SSL_CERT_FILE".to_owned(), self.folder.join("ca.pem").display().to_string()),
            ],
            stdin: self.folder.join(line),
            folder: self.folder.join("cwd"),
            name,
            exit: 0,
            says: None,
        }
    }

    /// All that `run` is compared with, and itself.
    pub fn contestants(&self, with_scripts: bool) -> anyhow::Result<Vec<Contestant>> {
        let mut all = Vec::new();
        let mut add = |who, title, changes, job: Job| all.push(Contestant { who, title, job, changes });
        for (who, title, flags) in [
            (Who::EmptyDynamic, "empty Rust process, dynamic", None),
            (Who::EmptyStatic, "empty Rust process, static", Some("target-feature=+crt-static")),
        ] {
            let path = self.empty(flags)?;
            add(who, title, Changes::Nothing, self.job(title, &[&path], "no.line"));
        }
        let compiles = self.knows("compile")?;
        let says = |word: &str| compiles.then(|| format!("\"native\":\"{word}\""));
        let mut run = |who, title, policy, config, line, native| {
            let changes = if who == Who::Okta { Changes::Okta } else { Changes::Rest };
            add(who, title, changes, Job { says: says(native), ..self.run_job(title, policy, config, line) });
        };
        run(Who::Two, "`rotabox run`, 2 calls", "two", "rotabox.toml", "rest.line", "stored");
        run(Who::TwoAudited, "the same, audit log on a file", "two", "audited.toml", "rest.line", "stored");
        let title = "the same, a sign-in before and after: 4 calls";
        run(Who::Proved, title, "proved", "rotabox.toml", "rest.line", "stored");
        run(Who::Okta, "`rotabox run`, whole Okta flow, 8 calls", "okta", "rotabox.toml", "okta.line", "stored");
        let first = if compiles { "first.toml" } else { "rotabox.toml" };
        run(Who::TwoFirst, "first run of `rest`, 33 KB: compiles", "two", first, "rest.line", "compiled");
        run(Who::Large, "first run of a module of 160 KB: compiles", "large", first, "rest.line", "compiled");
        if with_scripts {
            let ca = self.folder.join("ca.pem").display().to_string();
            let script = |name: &str| root().join("benches/scripts").join(name).display().to_string();
            let python = std::path::absolute(target().join("bench-venv/bin/python"))?;
            ensure!(python.is_file(), "there is no {}; `make bench` makes it", python.display());
            let python = python.display().to_string();
            let title = "Bash, curl, jq: the same 2 calls";
            add(
                Who::Bash,
                title,
                Changes::Rest,
                self.job(title, &["/bin/bash", &script("with_curl.sh"), &ca], "rest.line"),
            );
            let title = "Python with requests: the same 2 calls";
            add(
                Who::Requests,
                title,
                Changes::Rest,
                self.job(title, &[&python, &script("with_requests.py"), &ca], "rest.line"),
            );
            let title = "published Okta script, SDK 2.9.13: 2 calls";
            add(
                Who::OktaScript,
                title,
                Changes::Okta,
                self.job(title, &[&python, &script("published_okta.py")], "okta.line"),
            );
        }
        Ok(all)
    }

    /// Compiles the process that does nothing.
    fn empty(&self, flags: Option<&str>) -> anyhow::Result<String> {
        let out = self.folder.join(if flags.is_some() { "empty-static" } else { "empty-dynamic" });
        let mut rustc = Command::new("rustc");
        rustc.args(["-O", "--edition", "2024", "-C", "panic=abort", "-C", "strip=symbols", "-o"]).arg(&out);
        rustc.args(flags.map(|flags| ["-C", flags]).into_iter().flatten()).arg(root().join("benches/empty.rs"));
        ensure!(rustc.status().context("rustc cannot be started")?.success(), "rustc failed");
        Ok(out.display().to_string())
    }
}

/// A packed guest of the build.
fn guest(name: &str) -> PathBuf {
    target().join("guests").join(format!("{name}.wasm"))
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap_or_default()
}
