//! `approve` without a terminal: what is asked for, what is refused, and what is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{ACME, ANSWERS, BLIND, Desk, matches_file, rotator, stable_line};
use rotabox::page::sealed;
use rotabox::policy::{bind, find};
use std::os::unix::fs::PermissionsExt as _;

const PLACE: &[&str] = &["approve", "acme.wasm", "--policies", "policies", "--name", "acme-prod"];

fn acme() -> Desk {
    let desk = Desk::new();
    desk.module("acme.wasm", ACME);
    desk
}

/// The answers, with some taken out (by flag and the beginning of the value) and some put in.
fn answers(without: &[(&'static str, &str)], with: &[&'static str]) -> Vec<&'static str> {
    let mut args = PLACE.to_vec();
    for pair in ANSWERS.chunks(2) {
        if !without.iter().any(|(flag, value)| pair[0] == *flag && pair[1].starts_with(value)) {
            args.extend(pair);
        }
    }
    args.extend(with);
    args
}

fn mode(desk: &Desk, name: &str) -> u32 {
    desk.path(name).metadata().unwrap().permissions().mode() & 0o7777
}

/// Nothing was put in place, and nothing is left of the attempt.
#[track_caller]
fn nothing_written(desk: &Desk) {
    let left: Vec<_> =
        std::fs::read_dir(desk.path("policies")).map(|entries| entries.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_a_terminal_everything_that_is_missing_is_listed_at_once() {
    let desk = acme();
    let said = desk.run(&["approve", "acme.wasm", "--policies", "policies"]).exits(2);
    let listed = said.stderr.split_once("rotabox: ").map(|(_, listed)| listed).unwrap();
    matches_file("approve/missing.txt", listed);
    assert!(said.stderr.contains("Page `acme`: what it can do"), "the page comes first");
    assert_eq!(said.stdout, "");
    nothing_written(&desk);
}

#[test]
fn the_flags_that_the_error_lists_are_enough() {
    let desk = acme();
    let said = desk.run(&["approve", "acme.wasm", "--policies", "policies"]).exits(2);
    let flags = said.stderr.lines().filter_map(|line| line.strip_prefix("  --")).map(|line| {
        let flag = format!("--{}", line.split("  ").next().unwrap().trim());
        let fill = [
            ("TITLE", "A title"),
            ("=HOST", "=api.acme.example"),
            ("PATTERN", "*@svc.acme.example"),
            ("never|old-refused", "never"),
            ("'", ""),
        ];
        fill.iter().fold(flag, |flag, (from, to)| flag.replace(from, to))
    });
    let mut args: Vec<String> = ["approve", "acme.wasm", "--policies", "policies"].map(str::to_owned).to_vec();
    for flag in flags {
        let (name, value) = flag.split_once(' ').unwrap();
        args.extend([name.to_owned(), value.to_owned()]);
    }
    desk.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
}

#[test]
fn the_policy_says_what_was_answered_and_a_run_finds_it() {
    let desk = acme();
    let said = desk.run(&answers(&[], &["--module-path", "/opt/rotabox/acme.wasm"])).exits(0);
    assert_eq!(said.stdout, "policies/acme-prod.toml\n");
    let said = said
        .says("rotabox: approved: policies/acme-prod.toml")
        .says("there is no module at /opt/rotabox/acme.wasm yet");
    let next = said.stderr.split_once("next, in this order:").unwrap().1;
    assert!(next.contains("rotabox rehearse acme-prod --policies policies\n"), "{next}");
    let text = desk.read("policies/acme-prod.toml");
    matches_file("approve/policy.toml", &stable(&text));
    assert_eq!((mode(&desk, "policies"), mode(&desk, "policies/acme-prod.toml")), (0o755, 0o644));

    let desk = acme();
    desk.approve_acme();
    let found = find::find(&desk.path("policies"), "acme-prod").unwrap();
    bind::fit(&found.page, &found.policy).unwrap();
    assert_eq!(found.policy.rotator.module, desk.path("acme.wasm").canonicalize().unwrap());
    assert_eq!(found.policy.account.except.len(), 1);
    let run = desk.run(&["run", "acme-prod", "--policies", "policies"]).exits(2);
    run.says("not-started").says("stdin").does_not_say("policy folder");
}

#[test]
fn what_comes_next_is_said_with_the_same_files() {
    let desk = acme();
    desk.write("my host.toml", "version = 1\n");
    let said = desk.run(&answers(&[], &["--config", "my host.toml"])).exits(0);
    let next = said.stderr.split_once("next, in this order:\n").unwrap().1;
    let verbs: Vec<&str> = next.lines().filter_map(|line| line.split("rotabox ").nth(1)?.split(' ').next()).collect();
    assert_eq!(verbs, ["compile", "doctor", "rehearse", "run"], "{next}");
    for line in next.lines() {
        assert!(line.contains(" acme-prod --policies policies --config 'my host.toml'"), "{next}");
    }
}

/// As the output of a command is made stable.
fn stable(text: &str) -> String {
    text.lines().map(|line| stable_line(line) + "\n").collect()
}

#[test]
fn a_policy_is_never_overwritten_unless_it_is_asked_for() {
    let desk = acme();
    desk.write("policies/acme-prod.toml", "mine");
    desk.run(&answers(&[], &[]))
        .exits(2)
        .says("there is a policy `acme-prod` already")
        .says("--force")
        .says("--from acme-prod");
    assert_eq!(desk.read("policies/acme-prod.toml"), "mine");
    desk.run(&answers(&[], &["--force"])).exits(0);
    assert!(desk.read("policies/acme-prod.toml").contains("[rotator]"));
    assert_eq!(std::fs::read_dir(desk.path("policies")).unwrap().count(), 1, "no temporary file is left");
    assert_eq!(mode(&desk, "policies/acme-prod.toml"), 0o644);
}

const FROM: &[&str] = &["approve", "acme.wasm", "--policies", "policies", "--from", "acme-prod"];

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [args, more].concat()
}

#[test]
fn what_was_written_by_hand_about_tls_stays_in_a_policy_that_is_replaced() {
    let desk = acme();
    desk.run(&answers(&[], &[])).exits(0);
    let more = "pins = [\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]\n\
                client-certificate = { certificate = \"Cert\", key = \"Key\" }\n";
    let text = desk.read("policies/acme-prod.toml");
    desk.write("policies/acme-prod.toml", text.replacen("[records.app]", &format!("{more}[records.app]"), 1));
    desk.run(&answers(&[], &["--force"])).exits(0);
    let replaced = desk.read("policies/acme-prod.toml");
    let of_api = replaced.split("[records.app]").next().unwrap();
    assert!(more.lines().all(|line| of_api.contains(line)), "{replaced}");
}

#[test]
fn a_new_version_is_added_beside_the_old_one_and_nothing_else_changes() {
    let desk = acme();
    desk.approve_acme();
    desk.write("old.wasm", std::fs::read(desk.path("acme.wasm")).unwrap());
    let before = desk.read("policies/acme-prod.toml");
    desk.module("acme.wasm", &ACME.replace("Accounts of Acme", "Accounts of Acme, second version"));
    desk.run(&["explain", "acme-prod", "--route", "find", "--policies", "policies"])
        .exits(2)
        .says("is not the one that was approved")
        .says("rotabox approve MODULE --from acme-prod");
    // The old one is not in its place any more, so there is nothing to compare with.
    desk.run(FROM).exits(2).says("--accept uncompared").says("nothing was written");
    assert_eq!(desk.read("policies/acme-prod.toml"), before);
    desk.run(&with(FROM, &["--old", "acme.wasm"])).exits(2).says("is not what the policy lists");
    let said = desk.run(&with(FROM, &["--old", "old.wasm", "--by", "Alice Example"])).exits(0);
    said.says("rotabox: digest added").says("compared with old.wasm: same: both can do exactly the same");
    let after = desk.read("policies/acme-prod.toml");
    let found = find::find(&desk.path("policies"), "acme-prod").unwrap();
    assert_eq!(found.policy.rotator.sha256.len(), 2);
    let approval = found.approval().unwrap();
    assert!(approval.by.starts_with("Alice Example, as ") && approval.accepted.is_empty(), "{approval:?}");
    let head =
        |text: &str, lines| stable(&text.lines().take(lines).map(|line| format!("{line}\n")).collect::<String>());
    let unchanged = before.lines().count();
    let digests =
        |text: String| text.lines().filter(|line| !line.starts_with("sha256 = ")).collect::<Vec<_>>().join("\n");
    assert_eq!(digests(head(&before, unchanged)), digests(head(&after, unchanged)), "but for the digests");
    assert!(after.lines().nth(unchanged + 1).unwrap().starts_with("[[approved]]"), "{after}");
    desk.run(FROM).exits(0).says("nothing to do");
    assert_eq!(desk.read("policies/acme-prod.toml"), after);
}

#[test]
fn an_update_that_is_wider_needs_somebody_who_accepts_it() {
    let desk = acme();
    desk.approve_acme();
    let from = |module: &'static str| ["approve", module, "--policies", "policies", "--from", "acme-prod"];
    desk.module("new.wasm", &ACME.replace("expire = false", "expire = true"));
    let said = desk.run(&from("new.wasm")).exits(2).says("wider: the new one can do what the old one could not");
    said.says("~ JSON /expire is `true`; it was `false`").says("--accept wider").says("nothing was written");
    desk.run(&with(&from("new.wasm"), &["--accept", "widr"])).exits(2).says("nothing called `widr`");
    desk.run(&with(&from("new.wasm"), &["--accept", "wider"])).exits(0);
    let policy = find::policy(&desk.path("policies"), "acme-prod").unwrap().policy;
    assert_eq!((policy.rotator.sha256.len(), &policy.approved[1].accepted), (2, &vec!["wider".to_owned()]));
    // Less needs no word, and neither does the same.
    desk.module(
        "less.wasm",
        &ACME.replace(
            "one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\"",
            "one-of = [\"ACTIVE\"], else = \"the user is not active\"",
        ),
    );
    desk.run(&from("less.wasm")).exits(0).says("narrower: the new one can do less");
    desk.module("same.wasm", &ACME.replace("Accounts of Acme", "Other words"));
    desk.run(&from("same.wasm")).exits(0).says("both can do exactly the same");
    desk.run(&with(&from("same.wasm"), &["--accept", "wider"])).exits(0).says("nothing to do");
    let policy = find::policy(&desk.path("policies"), "acme-prod").unwrap().policy;
    assert_eq!((policy.rotator.sha256.len(), policy.approved.len()), (4, 4));
}

#[test]
fn a_digest_is_not_added_to_a_policy_that_does_not_fit_the_new_page() {
    let desk = acme();
    desk.approve_acme();
    let before = desk.read("policies/acme-prod.toml");
    desk.module("acme.wasm", &ACME.replace("https://login.acme.example/", "https://elsewhere.example/"));
    desk.run(&with(FROM, &["--accept", "uncompared"])).exits(2).says("nothing was written").says("elsewhere.example");
    assert_eq!(desk.read("policies/acme-prod.toml"), before);
    desk.run(&["approve", "acme.wasm", "--policies", "policies", "--from", "acme-pord"]).exits(2).says("acme-prod");
    desk.run(&with(FROM, &["--allow", "*"])).exits(2).says("leave the other answers out");
    desk.run(&with(FROM, &["--name", "x"])).exits(2).says("cannot be used with");
}

#[test]
fn who_approved_what_and_when_is_said_by_doctor() {
    let desk = acme();
    desk.run(&answers(&[], &["--by", "Alice \u{202e}Example"])).exits(0);
    let policy = find::policy(&desk.path("policies"), "acme-prod").unwrap().policy;
    let [approval] = policy.approved.as_slice() else { panic!("{:?}", policy.approved) };
    assert!(approval.by.starts_with("Alice \u{202e}Example, as "), "{approval:?}");
    assert_eq!(approval.sha256, policy.rotator.sha256[0]);
    assert!(!desk.read("policies/acme-prod.toml").contains('\u{202e}'), "the file shows what it says");
    let doctor = desk.run(&["doctor", "acme-prod", "--policies", "policies"]);
    let doctor = doctor.says("approved by Alice ").says(&approval.at);
    assert!(!doctor.all().contains('\u{202e}'));
    for by in ["", " ", "a\nb"] {
        desk.run(&answers(&[], &["--force", "--by", by])).exits(2).says("`--by` is empty or has control characters");
    }
    let text = desk.read("policies/acme-prod.toml");
    let (without, _) = text.split_once("[[approved]]").unwrap();
    desk.write("policies/acme-prod.toml", without);
    desk.run(&["doctor", "acme-prod", "--policies", "policies"]).says("does not say who approved this module");
}

#[test]
fn answers_that_do_not_apply_are_mistakes() {
    let desk = acme();
    for (without, with, words) in [
        (("--record", "app"), ["--record", "ap=uid:x"], "did you mean `api`?"),
        (("--record", "-"), ["--record", "api=uid:x"], "is given twice"),
        (("--record", "app"), ["--record", "app=abc"], "say `app=title:…`"),
        (("--record", "app"), ["--record", "app=title:"], "say `app=title:…`"),
        (("--record", "app"), ["--record", "title:x"], "the page's name for the record comes first"),
        (("--host", "api"), ["--host", "app=app.example"], "sends nothing to the URL of `app`"),
        (("--host", "api"), ["--host", "api=https://api.acme.example/"], "write `api.acme.example`"),
        (("--host", "api"), ["--host", "api=*.acme.example"], "wildcards are not allowed"),
        (("--host", "api"), ["--host", "api.acme.example"], "api=acme.okta.com"),
        (("--literal-host", "login"), ["--literal-host", "evil.example"], "does not write out `evil.example`"),
        (("--off", "tell"), ["--off", "find"], "no route that can be switched off"),
        (("--off", "tell"), ["--off", "tel"], "did you mean `tell`?"),
        (("--allow", "*"), ["--allow", " "], "this pattern is empty"),
        (("--reconcile", "old"), ["--unverified", "accept"], "leave `--unverified` out"),
        (("--off", "-"), ["--wasi", "inert"], "leave `--wasi` out"),
    ] {
        desk.run(&answers(&[without], &with)).exits(2).says(words);
    }
    for name in ["../acme", "Acme", "a/b", "", ".acme", "acme prod"] {
        let mut args = answers(&[], &[]);
        args[5] = name;
        desk.run(&args).exits(2).says("cannot be a policy's name");
    }
    nothing_written(&desk);
    assert!(!desk.path("acme.toml").exists());
}

#[test]
fn each_answer_that_is_left_out_is_asked_for() {
    let desk = acme();
    for (without, words) in [
        (("--record", "app"), "--record 'app=title:TITLE'"),
        (("--host", "api"), "--host api=HOST"),
        (("--literal-host", ""), "--literal-host login.acme.example"),
        (("--allow", ""), "--allow PATTERN"),
        (("--reconcile", ""), "--reconcile never|old-refused"),
    ] {
        desk.run(&answers(&[without], &[])).exits(2).says("1 answer missing").says(words);
    }
    nothing_written(&desk);
}

#[test]
fn a_hostile_answer_stays_a_text() {
    let desk = acme();
    for title in ["\"]\nhosts = [\"evil.example\"]\nx = [\"", "a\nb", "tab\there", "\u{1b}[2J"] {
        let flag = format!("api=title:{title}");
        let mut args = answers(&[("--record", "api")], &[]);
        args.extend(["--record", &flag]);
        let said = desk.run(&args).exits(2).says("nothing was written");
        assert!(!said.all().contains('\u{1b}'), "{}", said.all());
        nothing_written(&desk);
    }
    // A title that people could misread is written so that the file shows what it says.
    let title = "Prod \u{202e}'''\"\\ \u{200b}#";
    let flag = format!("api=title:{title}");
    let mut args = answers(&[("--record", "api")], &[]);
    args.extend(["--record", &flag]);
    desk.run(&args).exits(0);
    let text = desk.read("policies/acme-prod.toml");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}') && text.contains("\\U0000202E"), "{text}");
    let policy = find::policy(&desk.path("policies"), "acme-prod").unwrap().policy;
    assert!(matches!(&policy.records["api"].select, rotabox::policy::file::Select::Title(read) if read == title));
}

#[test]
fn an_open_module_needs_a_page_whose_digest_is_pinned() {
    let desk = Desk::new();
    desk.write("rest.wasm", rotator());
    desk.write("blind.toml", BLIND);
    let base = ["approve", "rest.wasm", "--policies", "policies", "--name", "blind-prod"];
    desk.run(&base).exits(2).says("give it with `--page FILE`");
    let rest = ["--page", "blind.toml", "--record", "api=title:A", "--host", "api=a.example", "--allow", "*@a.example"];
    let args: Vec<&str> = base.iter().copied().chain(rest).collect();
    desk.run(&args).exits(2).says("1 answer missing").says("--unverified refuse|accept");
    let args: Vec<&str> = args.iter().copied().chain(["--unverified", "accept"]).collect();
    desk.run(&args).exits(0);
    let text = desk.read("policies/blind-prod.toml");
    assert!(
        text.contains("page = ") && text.contains("page-sha256 = ") && text.contains("unverified = \"accept\""),
        "{text}"
    );
    find::find(&desk.path("policies"), "blind-prod").unwrap();
    desk.write("blind.toml", BLIND.replace("204", "200"));
    desk.run(&["explain", "blind-prod", "--route", "set", "--policies", "policies"])
        .exits(2)
        .says("blind.toml` is not the one that was approved");
    let from = ["approve", "rest.wasm", "--policies", "policies", "--from", "blind-prod"];
    desk.run(&from).exits(2).says("give it with `--page FILE`");
    let from = with(&from, &["--page", "blind.toml"]);
    desk.run(&from).exits(2).says("--accept uncompared");
    desk.run(&with(&from, &["--accept", "uncompared"])).exits(0);
    let found = find::find(&desk.path("policies"), "blind-prod").unwrap();
    let approval = found.approval().unwrap();
    assert_eq!(approval.page_sha256.as_deref(), Some(found.page_sha256.as_str()));
    assert_eq!((found.policy.rotator.sha256.len(), found.policy.rotator.page.unwrap().sha256.len()), (1, 2));
}

#[test]
fn a_module_that_is_not_accepted_is_not_approved() {
    let desk = Desk::new();
    desk.write("core.wasm", wat::parse_str("(module)").unwrap());
    desk.run(&["approve", "core.wasm", "--policies", "policies", "--name", "x"])
        .exits(2)
        .says("the module is not accepted");
    desk.module("bad.wasm", &BLIND.replace("{api.login}", "{api.logn}"));
    desk.run(&["approve", "bad.wasm", "--policies", "policies", "--name", "x"]).exits(2).says("did you mean `login`?");
    desk.write("page.toml", BLIND);
    desk.run(&["approve", "page.toml", "--policies", "policies", "--name", "x"]).exits(2).says("rotabox pack");
    assert!(!desk.path("policies").exists());
    // The page is there and the scan has nothing against it, but it cannot be compiled: its code does not fit its types.
    let sealed = sealed::seal(&rotator(), BLIND).unwrap();
    desk.write("cut.wasm", &sealed[..sealed.len() - 7]);
    desk.run(&["approve", "cut.wasm", "--policies", "policies", "--name", "x"]).exits(2).says("not accepted");
}

#[test]
fn a_policy_that_the_linter_would_refuse_is_not_written_without_a_word() {
    let desk = acme();
    let free = |more: &[&'static str]| answers(&[("--allow", "")], &[&["--allow", "*"], more].concat());
    let said = desk.run(&free(&[])).exits(2);
    said.says("policies/acme-prod.toml: 1 to refuse")
        .says("`*` allows every account")
        .says("--accept free-account")
        .says("nothing was written");
    nothing_written(&desk);
    desk.run(&free(&["--print"])).exits(2).says("--accept free-account").does_not_say("[rotator]");
    // What is only to be looked at is shown, and needs nobody's word.
    desk.run(&free(&["--accept", "free-account"])).exits(0).says("reconcile-with-admin");
    let policy = find::policy(&desk.path("policies"), "acme-prod").unwrap().policy;
    assert_eq!(policy.approved[0].accepted, ["free-account"]);
    // The lines that were said are those of the file: `lint` finds the same there.
    let line = desk.read("policies/acme-prod.toml").lines().position(|line| line.starts_with("allow")).unwrap() + 1;
    let place = format!("policies/acme-prod.toml:{line}");
    desk.run(&free(&["--force"])).exits(2).says(&place);
    desk.run(&["lint", "policies/acme-prod.toml"]).exits(1).says(&place).says("free-account");
}

#[test]
fn an_update_weighs_the_policy_with_the_new_page() {
    let desk = acme();
    desk.run(&answers(&[("--allow", "")], &["--allow", "*", "--accept", "free-account"])).exits(0);
    desk.module("same.wasm", &ACME.replace("Accounts of Acme", "Other words"));
    let from = ["approve", "same.wasm", "--policies", "policies", "--from", "acme-prod"];
    desk.run(&from).exits(2).says("--accept free-account").says("nothing was written");
    desk.run(&with(&from, &["--accept", "free-account"])).exits(0).says("digest added");
    let policy = find::policy(&desk.path("policies"), "acme-prod").unwrap().policy;
    assert_eq!(policy.approved[1].accepted, ["free-account"]);
}

#[test]
fn after_an_update_it_is_said_what_has_to_take_the_place_of_what() {
    let desk = acme();
    desk.approve_acme();
    desk.module("new one.wasm", &ACME.replace("Accounts of Acme", "Other words"));
    let from = ["approve", "new one.wasm", "--policies", "policies", "--from", "acme-prod"];
    let said = desk.run(&from).exits(0);
    said.says("put the new module in place of the old").says("mv 'new one.wasm' [FOLDER]/acme.wasm");
    // It is the new one that is there already: then there is nothing to be put anywhere.
    let desk = acme();
    desk.approve_acme();
    desk.write("old.wasm", std::fs::read(desk.path("acme.wasm")).unwrap());
    desk.module("acme.wasm", &ACME.replace("Accounts of Acme", "Other words"));
    desk.run(&with(FROM, &["--old", "old.wasm"])).exits(0).does_not_say("  mv ").does_not_say("in place of");
    for flag in ["--module-path", "--page-path"] {
        desk.run(&with(FROM, &[flag, "/opt/x", "--page", "x"])).exits(2).says("cannot be used with");
    }
}

#[test]
fn after_an_update_of_an_open_page_both_files_are_named() {
    let desk = Desk::new();
    desk.write("rest.wasm", rotator());
    desk.write("blind.toml", BLIND);
    let base = ["approve", "rest.wasm", "--policies", "policies", "--page", "blind.toml", "--name", "blind-prod"];
    let rest = ["--record", "api=title:A", "--host", "api=a.example", "--allow", "svc-*@a.example"];
    desk.run(&[&base[..], &rest, &["--unverified", "accept"]].concat()).exits(0);
    let less = BLIND.replace("secret = { login", "text = { note = \"note\" }\nsecret = { login");
    desk.write("new.toml", less);
    let from = ["approve", "rest.wasm", "--policies", "policies", "--from", "blind-prod", "--page", "new.toml"];
    let said = desk.run(&with(&from, &["--accept", "wider"])).exits(0);
    said.says("put the new page in place of the old")
        .says("mv new.toml [FOLDER]/blind.toml")
        .does_not_say("rest.wasm [FOLDER]");
    desk.run(&["explain", "blind-prod", "--route", "set", "--policies", "policies"]).exits(0);
    std::fs::copy(desk.path("new.toml"), desk.path("blind.toml")).unwrap();
    desk.run(&["explain", "blind-prod", "--route", "set", "--policies", "policies"]).exits(0);
}

#[test]
fn print_writes_nothing() {
    let desk = acme();
    let said = desk.run(&answers(&[], &["--print", "--module-path", "/opt/rotabox/acme.wasm"])).exits(0);
    matches_file("approve/policy.toml", &said.stdout);
    assert!(!desk.path("policies").exists());
}

#[test]
fn a_policy_that_no_run_would_read_is_said_to_be_one() {
    let desk = acme();
    std::fs::create_dir(desk.path("policies")).unwrap();
    std::fs::set_permissions(desk.path("policies"), std::fs::Permissions::from_mode(0o777)).unwrap();
    desk.run(&answers(&[], &[])).exits(1).says("a run would refuse it as it is").says("chmod go-w");
}

#[test]
fn a_folder_that_cannot_be_made_leaves_no_trace() {
    let desk = acme();
    desk.write("file", "");
    let mut args = answers(&[], &[]);
    args[3] = "file/policies";
    desk.run(&args).exits(2).says("`file` could not be used: it is not a folder").does_not_say("os error");
}
