//! A stand-in Okta for people and for clients in other languages.
//!
//!     stand-in-okta --dir DIR [--start FILE.toml]
//!
//! Writes `DIR/ca.pem`, prints one JSON line (`url`, `token`, `ca`, `users`), and ends when its stdin closes. A line on stdin that is a
//! login is answered with that account's state as one JSON line; `requests` lists the requests seen so far.

use rotabox_tests::ca::Ca;
use rotabox_tests::okta::{Account, Okta, Start};
use serde_json::json;
use std::io::{BufRead, Write};
use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let (mut dir, mut start) = (None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--dir" => dir = args.next().map(PathBuf::from),
            "--start" => start = args.next().map(PathBuf::from),
            other => anyhow::bail!("`{other}` is not known; usage: stand-in-okta --dir DIR [--start FILE.toml]"),
        }
    }
    let dir = dir.ok_or_else(|| anyhow::anyhow!("usage: stand-in-okta --dir DIR [--start FILE.toml]"))?;
    let start = match start {
        Some(path) => toml::from_str(&std::fs::read_to_string(path)?)?,
        None => Start { user: vec![Account::new("jo@example.test", "Old-Passw0rd!")], others: 250, ..Start::default() },
    };
    let users: Vec<_> =
        start.user.iter().map(|user| json!({ "login": user.login, "password": user.password })).collect();
    let token = start.token.clone();
    std::fs::create_dir_all(&dir)?;
    let ca = Ca::new();
    let path = ca.write(&dir);
    let (server, okta) = Okta::start(start, &ca, &[]);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "url": server.url(), "token": token, "ca": path, "users": users }))?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.trim() {
            "requests" => server.lines().into(),
            login => okta.directory(|directory| match directory.by_login(login) {
                Some(user) => json!({ "id": user.id, "status": user.status, "password": user.password, "sessions": user.sessions }),
                None => json!(null),
            }),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    server.begin_run(); // what a client did here was not a run
    Ok(())
}
