//! The providers that everything here talks to: the stand-ins of `rotabox-tests`, over TLS, in a process of their own.

use anyhow::Context;
use rotabox_tests::ca::Ca;
use rotabox_tests::http::{Answer, Request};
use rotabox_tests::okta::{self, Okta, Rules};
use rotabox_tests::rest::{self, Rest};
use rotabox_tests::server::{Provider, Server};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The account that is rotated.
pub const USER: &str = "jo@example.test";
/// Its password before a run.
pub const OLD: &str = "Old-Passw0rd!";
/// Its password after a run.
pub const NEW: &str = "N3w-Passw0rd-after";
/// Accounts for batches: [`user_of`].
pub const MANY: usize = 100_000;
/// How long a slow answer takes.
pub const SLOW: Duration = Duration::from_millis(200);
/// Other accounts of the stand-in Okta: the published script lists them all.
const OTHERS: usize = 25;

/// Where the stand-ins are, as their process says it in its first line.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Facts {
    /// The private authority's certificate.
    pub ca: PathBuf,
    /// The stand-in for any REST API.
    pub rest: String,
    /// Its token.
    pub rest_token: String,
    /// The stand-in Okta.
    pub okta: String,
    /// Its token.
    pub okta_token: String,
    /// The stand-in for any REST API with [`MANY`] accounts, which counts requests and forgets them.
    pub many: String,
    /// The same, taking [`SLOW`] for each answer.
    pub slow: String,
}

/// The running process. Ends when dropped.
pub struct StandIns {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    /// Where they are.
    pub facts: Facts,
}

impl StandIns {
    /// Starts them; their files go to `folder`.
    pub fn start(folder: &Path) -> anyhow::Result<StandIns> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the stand-ins do not start")?;
        let to = child.stdin.take();
        let mut from = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut line = String::new();
        from.read_line(&mut line)?;
        let facts = serde_json::from_str(&line).context("the stand-ins did not say where they are")?;
        Ok(StandIns { child, to, from, facts })
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Both accounts have the old password again; answers with what was live before, at REST and at Okta.
    pub fn reset(&mut self) -> anyhow::Result<[String; 2]> {
        self.ask("one")
    }

    /// The accounts for batches have the old password again.
    pub fn reset_many(&mut self) -> anyhow::Result<()> {
        self.ask("many").map(drop)
    }

    fn ask(&mut self, what: &str) -> anyhow::Result<[String; 2]> {
        let to = self.to.as_mut().context("the stand-ins have ended")?;
        writeln!(to, "{what}")?;
        to.flush()?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        serde_json::from_str(&line).context("the stand-ins gave no answer")
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        drop(self.to.take());
        drop(self.child.wait());
    }
}

/// The account of the line with that number.
pub fn user_of(number: usize) -> String {
    format!("u{number:06}@example.test")
}

fn many_users() -> rest::Start {
    let users = (0..MANY).map(|number| (user_of(number), OLD.to_owned())).collect();
    rest::Start { users, ..rest::Start::default() }
}

/// A provider that takes its time.
struct Slow(Arc<Rest>);

impl Provider for Slow {
    fn answer(&self, request: &Request) -> Answer {
        std::thread::sleep(SLOW);
        self.0.answer(request)
    }

    fn changes(&self, request: &Request) -> bool {
        self.0.changes(request)
    }
}

/// The process itself: serves until stdin closes.
pub fn serve(folder: &Path) -> anyhow::Result<()> {
    let ca = Ca::new();
    let start = okta::Start {
        rules: Rules { rate_limit: 1_000_000_000, history: 0, ..Rules::default() },
        user: vec![okta::Account::new(USER, OLD)],
        others: OTHERS,
        ..okta::Start::default()
    };
    let (okta_server, okta) = Okta::start(start, &ca, &[]);
    let users = BTreeMap::from([(USER.to_owned(), OLD.to_owned())]);
    let (rest_server, rest) = Rest::start(rest::Start { users, ..rest::Start::default() }, &ca, &[]);
    let (many_server, many) = Rest::start(many_users(), &ca, &[]);
    many_server.only_count();
    let slow = Arc::new(Slow(Arc::clone(&many)));
    let slow_server = Server::start(slow, &ca, &[]);
    slow_server.only_count();
    let facts = Facts {
        ca: ca.write(folder),
        rest: rest_server.url(),
        rest_token: rest::TOKEN.to_owned(),
        okta: okta_server.url(),
        okta_token: okta::TOKEN.to_owned(),
        many: many_server.url(),
        slow: slow_server.url(),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&facts)?)?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        if line? == "many" {
            (0..MANY).for_each(|number| many.set_password(&user_of(number), OLD));
            many_server.begin_run();
        }
        let before = [rest.password(USER).unwrap_or_default(), okta.password(USER).unwrap_or_default()];
        rest.set_password(USER, OLD);
        okta.directory(|directory| {
            for account in directory.accounts.iter_mut().filter(|account| account.login == USER) {
                account.password = Some(OLD.to_owned());
                account.history.clear();
                account.sessions = 0;
            }
        });
        okta_server.forget();
        rest_server.forget();
        writeln!(out, "{}", serde_json::to_string(&before)?)?;
        out.flush()?;
    }
    Ok(())
}
