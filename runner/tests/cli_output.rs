//! What becomes of output that cannot be written, and of files that a report must not replace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, ANSWERS, Desk, common::ROTABOX};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn acme() -> Desk {
    let desk = Desk::new();
    desk.approve_acme();
    desk.write("page.toml", ACME);
    desk.write("other.toml", ACME.replace("expire = false", "expire = true"));
    desk
}

/// Exit code and stderr of a command whose stdout goes to `stdout`.
fn run(desk: &Desk, args: &[&str], stdout: Stdio) -> (i32, String) {
    let mut command = Command::new(ROTABOX);
    command.args(args).current_dir(desk.path("")).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
    let output = command.output().unwrap();
    (output.status.code().expect("it ends by itself"), String::from_utf8(output.stderr).unwrap())
}

/// Verbs whose output is all that they are for, with the exit code of a good run.
fn verbs() -> Vec<(Vec<&'static str>, i32)> {
    let approve = ["approve", "acme.wasm", "--name", "x", "--print"];
    vec![
        (vec!["inspect", "acme.wasm"], 0),
        (vec!["inspect", "page.toml", "--json"], 0),
        (vec!["lint", "page.toml", "--json"], 0),
        (vec!["lint", "page.toml"], 0),
        (vec!["lint", "--rules"], 0),
        (vec!["diff", "page.toml", "page.toml"], 0),
        (vec!["diff", "page.toml", "other.toml", "--json"], 1),
        (vec!["explain", "acme-prod", "--policies", "policies", "--route", "find"], 0),
        (vec!["explain", "acme-prod", "--policies", "policies", "--route", "tell"], 3),
        (vec!["doctor", "acme-prod", "--policies", "policies"], 0),
        ([&approve[..], ANSWERS].concat(), 0),
        (vec!["help", "run"], 0),
        (vec!["--version"], 0),
    ]
}

#[test]
fn output_that_does_not_fit_is_a_failure() {
    let desk = acme();
    for (args, good) in verbs() {
        let (exit, stderr) = run(&desk, &args, Stdio::null());
        assert!(exit == good || args[0] == "doctor", "{args:?}: {exit} {stderr}");
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (exit, stderr) = run(&desk, &args, full.into());
        assert_eq!(exit, 2, "{args:?}: {stderr}");
        let said = "rotabox: the output could not be written (there is no space left); what stands on stdout is not all of it\n";
        assert!(stderr.ends_with(said), "{args:?}: {stderr}");
    }
}

#[test]
fn output_that_nobody_reads_is_a_failure_of_which_nothing_is_said() {
    let desk = acme();
    for (args, _) in verbs() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (exit, stderr) = run(&desk, &args, writer.into());
        assert!(exit == 2 && !stderr.contains("could not be written"), "{args:?}: {exit} {stderr}");
    }
}

#[test]
fn what_was_done_counts_where_output_is_not_all_that_a_verb_is_for() {
    let desk = Desk::new();
    desk.module("acme.wasm", ACME);
    let args = [&["approve", "acme.wasm", "--policies", "policies", "--name", "acme-prod"], ANSWERS].concat();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let (exit, stderr) = run(&desk, &args, full());
    assert_eq!(exit, 0, "{stderr}");
    assert!(desk.path("policies/acme-prod.toml").exists());
    let (exit, stderr) = run(&desk, &["run", "acme-prod", "--policies", "policies"], full());
    assert_eq!(exit, 2, "the outcome is not-started: {stderr}");
}

#[test]
fn a_result_that_nobody_got_is_said_in_one_line_behind_the_outcome() {
    let desk = acme();
    for verb in ["run", "rehearse", "verify", "batch"] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        for (stdout, why) in [(Stdio::from(full), "there is no space left"), (writer.into(), "nobody reads it")] {
            let mut command = Command::new(ROTABOX);
            command.args([verb, "acme-prod", "--policies", "policies"]).current_dir(desk.path(""));
            let mut child = command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
            // It may end before it reads.
            let _ = child.stdin.take().unwrap().write_all(b"no params\n");
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{verb}: {stderr}");
            let said =
                format!("rotabox: the result could not be written to stdout ({why}); exit code 2 says what was done\n");
            assert!(stderr.ends_with(&said) && stderr.matches("could not be written").count() == 1, "{verb}: {stderr}");
            assert!(!stderr.starts_with(&said), "{verb}: {stderr}");
        }
    }
}

#[test]
fn no_report_takes_the_place_of_a_file_that_the_command_reads() {
    let desk = acme();
    std::fs::hard_link(desk.path("page.toml"), desk.path("hard.html")).unwrap();
    std::os::unix::fs::symlink("acme.wasm", desk.path("soft.html")).unwrap();
    desk.write("host.toml", "[network]\nroots = \"system\"\n");
    desk.write("acme.wasm.minisig", "");
    for (file, html, more) in [
        ("page.toml", "page.toml", &[] as &[&str]),
        ("page.toml", "hard.html", &[]),
        ("acme.wasm", "soft.html", &[]),
        ("acme.wasm", "acme.wasm.minisig", &[]),
        ("acme.wasm", "host.toml", &["--config", "host.toml"]),
    ] {
        let before = std::fs::read(desk.path(html)).unwrap();
        let said = desk.run(&[&["inspect", file, "--html", html], more].concat()).exits(2);
        said.says("would be overwritten, and this command reads it").says("name another file");
        assert_eq!(std::fs::read(desk.path(html)).unwrap(), before, "{html}");
    }
}

#[test]
fn a_report_replaces_an_earlier_report_and_nothing_else() {
    let desk = acme();
    let inspect = |file: &str| desk.run(&["inspect", file, "--html", "out.html"]);
    inspect("page.toml").exits(0).says("rotabox: written: `out.html`");
    let first = desk.read("out.html");
    inspect("other.toml").exits(0);
    assert_ne!(desk.read("out.html"), first);
    inspect("page.toml").exits(0);
    assert_eq!(desk.read("out.html"), first);
    for mine in ["<!doctype html>\n<html lang=\"en\"><p>mine</p>", "version = 1\n"] {
        desk.write("out.html", mine);
        inspect("page.toml").exits(2).says("is there already, and is not an HTML page of rotabox").says("remove it");
        assert_eq!(desk.read("out.html"), mine);
    }
    desk.run(&["inspect", "page.toml", "--html", "no/out.html"]).exits(2).says("no such file or folder");
    desk.run(&["inspect", "page.toml", "--html", "/dev/full"]).exits(2).says("no space left");
    // A file that cannot be inspected leaves an earlier report as it was.
    desk.write("out.html", &first);
    desk.run(&["inspect", "gone.toml", "--html", "out.html"]).exits(2);
    assert_eq!(desk.read("out.html"), first);
}

#[test]
fn a_junit_report_replaces_no_cassette_no_module_and_no_policy() {
    let desk = acme();
    desk.write("cassettes/a.toml", "version = 1\n");
    let test = |module: &str, junit: &str| {
        desk.run(&["test", "cassettes", "--module", module, "--policies", "policies", "--junit", junit])
    };
    for (module, junit) in [
        ("acme.wasm", "cassettes/a.toml"),
        ("acme.wasm", "acme.wasm"),
        ("acme-prod", "policies/acme-prod.toml"),
        ("acme-prod", "acme.wasm"),
    ] {
        let before = std::fs::read(desk.path(junit)).unwrap();
        test(module, junit).exits(2).says("would be overwritten").does_not_say("broken");
        assert_eq!(std::fs::read(desk.path(junit)).unwrap(), before, "{junit}");
    }
    test("acme.wasm", "out.xml").exits(2).says("1 broken");
    let first = desk.read("out.xml");
    test("acme.wasm", "out.xml").exits(2).says("1 broken");
    assert!(first.contains("tests=\"1\"") && desk.read("out.xml") == first, "{first}");
    desk.write("out.xml", "<?xml version=\"1.0\"?><testsuites name=\"mine\"/>");
    test("acme.wasm", "out.xml").exits(2).says("is not a JUnit report of rotabox");
}

#[test]
fn a_cassette_replaces_no_policy_and_no_module_not_even_by_force() {
    let desk = acme();
    for (what, to) in [("acme-prod", "policies/acme-prod.toml"), ("./acme.wasm", "acme.wasm")] {
        let before = std::fs::read(desk.path(to)).unwrap();
        let args = ["record", what, "--policies", "policies", "--to", to, "--force"];
        let mut command = Command::new(ROTABOX);
        command.args(args).current_dir(desk.path("")).stdin(Stdio::piped());
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains("would be overwritten"), "{stderr}");
        assert_eq!(std::fs::read(desk.path(to)).unwrap(), before, "{to}");
    }
}

#[test]
fn what_is_not_there_is_said_in_words() {
    let desk = acme();
    desk.write("cassettes/notes.txt", "");
    for (args, words) in [
        (&["replay", "gone.toml", "--module", "acme.wasm"] as &[&str], "there is no cassette `gone.toml`; record one"),
        (&["replay", "cassettes", "--module", "acme.wasm"], "`cassettes` is no file"),
        (&["replay", "acme.wasm/x", "--module", "acme.wasm"], "`acme.wasm/x` cannot be read (it is not a folder)"),
        (&["test", "gone", "--module", "acme.wasm"], "there is no folder `gone`"),
        (&["test", "acme.wasm", "--module", "acme.wasm"], "`acme.wasm` is no folder"),
        (&["test", "cassettes", "--module", "acme.wasm"], "holds no cassette"),
        (
            &["explain", "acme-prod", "--policies", "policies", "--route", "find", "--params", "gone"],
            "gone cannot be read",
        ),
        (&["inspect", "gone.wasm"], "gone.wasm` cannot be read: there is no such file"),
        (&["lint", "gone.toml"], "there is no such file"),
        (&["audit", "verify", "gone.log"], "gone.log"),
    ] {
        desk.run(args).exits(2).says(words).does_not_say("os error");
    }
}

#[test]
fn a_mistake_in_a_file_is_shown_once_whichever_verb_finds_it() {
    let desk = acme();
    desk.write("bad.toml", "version = 1\n[netwrok]\n");
    desk.write("badpage.toml", ACME.replace("expects", "expect"));
    desk.write("bad/bad.toml", "version = 1\n[rotater]\n");
    let good = desk.read("policies/acme-prod.toml");
    desk.write("unfit/unfit.toml", good.replace("off = [\"tell\"]", "off = [\"find\"]"));
    for (args, exit) in [
        (&["approve", "acme.wasm", "--name", "x", "--config", "bad.toml"] as &[&str], 2),
        (&["compile", "--policies", "policies", "--config", "bad.toml"], 2),
        (&["doctor", "--policies", "policies", "--config", "bad.toml"], 1),
        (&["run", "acme-prod", "--policies", "policies", "--config", "bad.toml"], 2),
        (&["explain", "bad", "--policies", "bad", "--route", "find"], 2),
        (&["explain", "unfit", "--policies", "unfit", "--route", "find"], 2),
        (&["compile", "bad", "--policies", "bad"], 1),
        (&["doctor", "bad", "--policies", "bad"], 1),
        (&["lint", "badpage.toml"], 2),
        (&["lint", "unfit/unfit.toml"], 2),
        (&["inspect", "badpage.toml"], 1),
        (&["pack", "acme.wasm", "--page", "badpage.toml", "-o", "x.wasm"], 2),
    ] {
        let said = desk.run(args).exits(exit);
        let carets = said
            .all()
            .lines()
            .filter(|line| line.contains('^') && line.trim_matches([' ', '^', '~']).is_empty())
            .count();
        assert_eq!(carets, 1, "{args:?}\n{}", said.all());
    }
}
