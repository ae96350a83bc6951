//! The questions, asked of somebody who answers by a script.

use super::answers::{Answers, collect};
use super::ask::Ask;
use super::flags::{Flags, Reconcile};
use crate::page::diagnostic::SourceFile;
use crate::page::{Page, parse};
use crate::policy::file::Select;
use crate::report::inspection::Wasi;

const PAGE: &str = r#"version = 1
name = "acme"

[records.api]
url    = "url"
secret = { token = "password" }

[[route]]
name     = "set"
for      = ["reconcile"]
changes  = true
request  = "PUT {api.url}/users/{user}"
headers  = { x-token = "{api.token}" }
json     = { password = "{new-password}" }
expects  = { status = 200 }

[[route]]
name      = "tell"
for       = ["finish"]
removable = true
request   = "POST https://hooks.acme.example/told"
json      = { user = "{user}" }
expects   = { status = 200 }
"#;

/// Answers by a script and notes what was asked and said.
#[derive(Default)]
struct Script {
    answers: Vec<&'static str>,
    heard: Vec<String>,
}

impl Ask for Script {
    fn ask(&mut self, question: &str) -> anyhow::Result<String> {
        self.heard.push(question.to_owned());
        if self.answers.is_empty() {
            anyhow::bail!("the terminal was closed");
        }
        Ok(self.answers.remove(0).to_owned())
    }

    fn say(&mut self, text: &str) {
        self.heard.push(text.to_owned());
    }
}

fn page(text: &str) -> Page {
    parse::parse(SourceFile::new("page.toml", text)).unwrap_or_else(|problem| panic!("{problem}"))
}

fn asked(page_text: &str, wasi: Wasi, flags: &Flags, answers: &[&'static str]) -> (anyhow::Result<Answers>, Script) {
    let mut script = Script { answers: answers.to_vec(), heard: Vec::new() };
    let collected = collect(&page(page_text), wasi, flags, Some(&mut script));
    (collected, script)
}

#[test]
fn each_question_is_asked_until_it_has_an_answer() {
    let answers = [
        "Acme Prod",
        "acme-prod", // a name has no blank
        "",
        "Acme API", // a title is not empty
        "https://api.acme.example/",
        "api.acme.example, api.acme.example:8443",
        "yes", // the literal host
        "y",   // reconcile
        "n",   // keep `tell`
        "",
        "*@svc.acme.example  *@bot.acme.example", // an admin secret needs an `allow`
        "admin@svc.acme.example",
        "what",
        "y", // unverified
        "y", // inert WASI
    ];
    let (collected, script) = asked(PAGE, Wasi::Inert, &Flags::default(), &answers);
    let collected = collected.unwrap();
    assert_eq!(script.answers, [""; 0], "each answer was asked for");
    assert_eq!(collected.name, "acme-prod");
    assert!(matches!(&collected.records[0].select, Select::Title(title) if title == "Acme API"));
    assert_eq!(collected.records[0].hosts.len(), 2);
    assert_eq!(collected.allow, ["*@svc.acme.example", "*@bot.acme.example"]);
    assert_eq!(collected.except, ["admin@svc.acme.example"]);
    assert_eq!(collected.literal_hosts[0].to_string(), "hooks.acme.example");
    assert!(collected.reconcile && collected.accept_unverified && collected.inert_wasi && collected.off.is_empty());
    let heard = script.heard.concat();
    for words in
        ["cannot be a policy's name", "write the record's title", "without a scheme", "say whose", "answer `y` or `n`"]
    {
        assert!(heard.contains(words), "{words}: {heard}");
    }
}

#[test]
fn what_the_flags_say_is_not_asked() {
    let flags = Flags {
        name: Some("acme-prod".to_owned()),
        record: vec![("api".to_owned(), Select::Uid("u".to_owned()))],
        reconcile: Some(Reconcile::Never),
        off: vec!["tell".to_owned()],
        ..Flags::default()
    };
    // Host, literal host, accounts (any), except (none), unverified.
    let (collected, script) = asked(PAGE, Wasi::None, &flags, &["api.acme.example", "y", "", "", "n"]);
    let collected = collected.unwrap();
    assert_eq!(script.heard.len(), 5, "{:?}", script.heard);
    assert!(collected.allow.is_empty(), "without reconcile no admin secret sets a password");
    assert!(!collected.reconcile && collected.off == ["tell"]);
}

#[test]
fn a_host_of_the_page_or_a_wasi_that_is_not_agreed_to_ends_it() {
    let (refused, _) = asked(PAGE, Wasi::None, &Flags::default(), &["a", "t", "h.example", "n"]);
    assert!(refused.unwrap_err().to_string().contains("not approved: the page sends requests to hooks.acme.example"));
    let blind = PAGE.replace("https://hooks.acme.example/told", "{api.url}/told");
    let (refused, _) =
        asked(&blind, Wasi::Inert, &Flags::default(), &["a", "t", "h.example", "n", "n", "", "", "n", "n"]);
    assert!(refused.unwrap_err().to_string().contains("does not run without WASI"));
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    let (ended, _) = asked(PAGE, Wasi::None, &Flags::default(), &["acme-prod"]);
    assert!(ended.unwrap_err().to_string().contains("closed"));
}
