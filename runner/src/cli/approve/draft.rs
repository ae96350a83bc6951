//! The policy as text: what was answered, with comments that say what each line means.

use super::answers::{Answers, RecordAnswer};
use crate::page::Page;
use crate::policy::file::{Approval, HostPort, Select};
use crate::report::escape::escape;
use std::fmt::Write as _;

/// What stands in a policy besides the operator's answers.
pub(super) struct Facts<'a> {
    /// The page, for the words of comments.
    pub(super) page: &'a Page,
    /// Path of the module, as it is written.
    pub(super) module: &'a str,
    /// sha256 of the module.
    pub(super) module_sha256: &'a str,
    /// Path and sha256 of the page file of a module with an open page.
    pub(super) open_page: Option<(&'a str, &'a str)>,
    /// Who approves, and when.
    pub(super) approval: &'a Approval,
}

/// The text of the policy file.
pub(super) fn text(answers: &Answers, facts: &Facts<'_>) -> String {
    let mut out = String::new();
    head(&mut out, answers, facts);
    rotator(&mut out, answers, facts);
    for record in &answers.records {
        self::record(&mut out, record);
    }
    account(&mut out, answers);
    settings(&mut out, answers);
    if !answers.off.is_empty() {
        out.push_str("\n[routes]\n# Removable routes of the page that are never sent.\n");
        line(&mut out, "off", &list(answers.off.iter().map(String::as_str)));
    }
    out.push_str(
        "\n# Who approved which module, and when. `rotabox approve --from` adds an entry for each new version.",
    );
    out.push_str(&approved(facts.approval));
    out
}

/// One `[[approved]]`.
pub(super) fn approved(approval: &Approval) -> String {
    let Approval { sha256, page_sha256, by, at, signed, accepted, span: _ } = approval;
    let mut out = "\n[[approved]]\n".to_owned();
    line(&mut out, "sha256", &string(sha256));
    if let Some(page) = page_sha256 {
        line(&mut out, "page-sha256", &string(page));
    }
    line(&mut out, "by", &string(by));
    line(&mut out, "at", &string(at));
    if let Some(signed) = signed {
        line(&mut out, "signed", &string(signed));
    }
    if !accepted.is_empty() {
        line(&mut out, "accepted", &list(accepted.iter().map(String::as_str)));
    }
    out
}

fn head(out: &mut String, answers: &Answers, facts: &Facts<'_>) {
    comment(out, &format!("Policy `{}` for the rotator `{}`.", answers.name, facts.page.name));
    comment(out, "Written by `rotabox approve`; who approved which module, and when, stands at its end.");
    comment(
        out,
        "The page of the module says what the rotator can do; this file says where, for whom, and under which",
    );
    comment(out, &format!("options. It may be edited; `rotabox doctor {}` checks it.", answers.name));
    out.push_str("version = 1\n");
}

fn rotator(out: &mut String, answers: &Answers, facts: &Facts<'_>) {
    out.push_str("\n[rotator]\n");
    line(out, "module", &string(facts.module));
    comment(out, "Digests of the modules that may run. A changed module is refused until it is approved as well.");
    line(out, "sha256", &list([facts.module_sha256]));
    if let Some((path, sha256)) = facts.open_page {
        comment(out, "The module has an open page: this file is its page, as it was when it was approved.");
        line(out, "page", &string(path));
        line(out, "page-sha256", &list([sha256]));
    }
    if !answers.literal_hosts.is_empty() {
        comment(out, "Hosts that the page itself writes out, and that were agreed to.");
        line(out, "literal-hosts", &hosts(&answers.literal_hosts));
    }
    if answers.inert_wasi {
        comment(
            out,
            "The module imports WASI. It gets one that does nothing: no files, sockets, environment, arguments.",
        );
        line(out, "wasi", "\"inert\"");
    }
}

fn record(out: &mut String, record: &RecordAnswer) {
    let _ = writeln!(out, "\n[records.{}]", record.name);
    match &record.select {
        Select::Title(title) => {
            comment(out, "The vault record with exactly this title. If there is none or more than one, nothing runs.");
            line(out, "title", &string(title));
        }
        Select::Uid(uid) => {
            comment(out, "The vault record with this uid.");
            line(out, "uid", &string(uid));
        }
    }
    if !record.hosts.is_empty() {
        comment(out, "The only hosts that the record's URL may name: whoever edits the vault record cannot send its");
        comment(out, "secrets elsewhere.");
        line(out, "hosts", &hosts(&record.hosts));
    }
    if !record.pins.is_empty() {
        comment(out, "The server's certificate is trusted, and has one of these public keys.");
        line(
            out,
            "pins",
            &list(record.pins.iter().map(ToString::to_string).collect::<Vec<_>>().iter().map(String::as_str)),
        );
    }
    if let Some(client) = &record.client_certificate {
        comment(out, "Fields of the vault record: what is shown to a server that asks who we are.");
        let (certificate, key) = (string(&client.certificate), string(&client.key));
        line(out, "client-certificate", &format!("{{ certificate = {certificate}, key = {key} }}"));
    }
}

fn account(out: &mut String, answers: &Answers) {
    if answers.allow.is_empty() && answers.except.is_empty() {
        out.push_str("\n# No [account]: any account that the gateway names may be changed.\n");
        return;
    }
    out.push_str("\n[account]\n");
    if answers.allow.is_empty() {
        comment(out, "No `allow`: any account may be changed, except those below.");
    } else {
        comment(out, "Whose password may be changed. `*` is any run of characters; case does not count.");
        line(out, "allow", &list(answers.allow.iter().map(String::as_str)));
    }
    if !answers.except.is_empty() {
        comment(out, "Whose password may not be changed, even if `allow` matches.");
        line(out, "except", &list(answers.except.iter().map(String::as_str)));
    }
}

fn settings(out: &mut String, answers: &Answers) {
    out.push_str("\n[settings]\n");
    comment(
        out,
        match answers.reconcile {
            true => "Admin rights reset the password when the provider refuses the old one, or there is none.",
            false => "Admin rights never reset a password whose old one is refused.",
        },
    );
    line(out, "reconcile", if answers.reconcile { "\"old-refused\"" } else { "\"never\"" });
    comment(
        out,
        match answers.accept_unverified {
            true => "The page cannot verify a password: exit 0 is the provider's word only, and nobody saw it work.",
            false => "Exit 0 always means that the new password was seen to work.",
        },
    );
    line(out, "unverified", if answers.accept_unverified { "\"accept\"" } else { "\"refuse\"" });
    if answers.require_confinement {
        comment(out, "Where the kernel lacks a wall, nothing runs.");
        line(out, "confinement", "\"require\"");
    }
}

fn comment(out: &mut String, text: &str) {
    let _ = writeln!(out, "# {text}");
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

fn hosts(hosts: &[HostPort]) -> String {
    let hosts: Vec<String> = hosts.iter().map(HostPort::to_string).collect();
    list(hosts.iter().map(String::as_str))
}

fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(string).collect();
    format!("[{}]", texts.join(", "))
}

/// A TOML string in double quotes. What a terminal could misread is escaped, so that the file shows what it says.
pub(super) fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            // What `escape` leaves alone is safe to show.
            other if escape(&other.to_string(), 16) == other.to_string() => quoted.push(other),
            other => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(other));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// `text` with one more digest in the list at `span` (a string, or a list of strings); none if there is no such thing.
pub(super) fn with_digest(text: &str, span: crate::page::diagnostic::Span, digest: &str) -> Option<String> {
    let (before, value, after) = (text.get(..span.start)?, text.get(span.start..span.end)?, text.get(span.end..)?);
    let Some(list) = value.strip_suffix(']') else {
        return Some(format!("{before}[{value}, \"{digest}\"]{after}"));
    };
    // After a comment, on a line of its own. Whether a comma stands before the end, below all comments, is TOML's to say.
    let gap = if list.rsplit('\n').next().is_some_and(|line| line.contains('#')) { "\n" } else { "" };
    ["", ","]
        .map(|comma| format!("{before}{list}{gap}{comma} \"{digest}\"]{after}"))
        .into_iter()
        .find(|grown| toml::from_str::<toml::Table>(grown).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::diagnostic::SourceFile;
    use crate::policy::file;
    use proptest::prelude::*;

    const DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";
    const OTHER: &str = "1111111111111111111111111111111111111111111111111111111111111111";

    proptest! {
        #[test]
        fn any_text_is_read_back_and_shows_nothing_that_misleads(text in "\\PC{0,20}|[\\x00-\\x20\"'\\\\#\u{202e}\u{200b}\u{feff}]{0,12}") {
            let written = string(&text);
            prop_assert!(written.chars().all(|c| !c.is_control() && !"\u{202e}\u{200b}\u{feff}".contains(c)), "{written}");
            let table: toml::Table = toml::from_str(&format!("a = {written}\n")).unwrap();
            prop_assert_eq!(table["a"].as_str(), Some(text.as_str()));
        }
    }

    /// A policy with its digests written as `value`, after one more was added.
    fn added(value: &str) -> Vec<String> {
        let text = format!(
            "version = 1\n[rotator]\nmodule = \"x\"\nsha256 = {}\nwasi = \"none\" # end\n",
            value.replace("DIGEST", DIGEST)
        );
        let parse =
            |text: &str| file::parse(SourceFile::new("x", text)).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        let text = with_digest(&text, parse(&text).rotator.sha256_span, OTHER).unwrap();
        assert!(text.ends_with("wasi = \"none\" # end\n"), "{text}");
        parse(&text).rotator.sha256
    }

    #[test]
    fn a_digest_is_added_however_the_list_is_written() {
        for value in [
            "\"DIGEST\"",
            "'DIGEST'",
            "[\"DIGEST\"]",
            "[ 'DIGEST' ]",
            "[\"DIGEST\",]",
            "[\n  \"DIGEST\", # the first\n]",
            "[\n  \"DIGEST\" # no comma\n]",
            "[\n  \"DIGEST\",\n  # nothing more\n]",
            "[ # why\n  \"DIGEST\"\n]",
        ] {
            assert_eq!(added(value), [DIGEST, OTHER], "{value}");
        }
    }
}
