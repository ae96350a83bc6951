//! Recorded runs: free of secrets and of names, the same bytes each time, replayed without a network, and committed beside
//! the rotators that they test.

use rotabox_tests::case::Setup;
use rotabox_tests::params::Form;
use rotabox_tests::run::{Bench, Ran};
use rotabox_tests::{artifacts, leak};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// The committed cassettes: (rotator, file, case, further flags). To make them anew, run the test once with `ROTABOX_ACCEPT=1`.
const COMMITTED: [(&str, &str, &str, &[&str]); 12] = [
    ("okta", "rotated", "okta/change/old-to-new", &[]),
    ("okta", "found-by-e-mail", "okta/change/found-by-e-mail-and-signed-in-by-login", &[]),
    ("okta", "login-with-a-slash", "okta/change/login-with-a-slash-is-found-by-a-filter", &[]),
    (
        "okta",
        "second-factor-is-cancelled",
        "okta/change/second-factor-is-never-reached-and-the-sign-in-is-cancelled",
        &[],
    ),
    ("okta", "set-with-admin-rights", "okta/reconcile/neither-works-so-it-is-set-with-admin-rights", &[]),
    (
        "okta",
        "new-password-breaks-the-rules",
        "okta/unchanged/new-password-breaks-the-rules",
        &["--keep", "change-password.code"],
    ),
    ("okta", "account-is-suspended", "okta/unchanged/account-is-suspended", &[]),
    ("okta", "no-such-account", "okta/unchanged/no-such-account", &[]),
    ("okta", "rehearsed", "okta/rehearse/works", &["--rehearse"]),
    ("rest", "rotated", "rest/change/old-to-new", &[]),
    ("rest", "refused-by-the-provider", "rest/change/refused-by-the-provider", &[]),
    ("rest", "set-with-admin-rights", "rest/reconcile/neither-works-so-it-is-set", &[]),
];

/// Records, and asserts what must hold of every cassette.
fn record(setup: &Setup, name: &str, flags: &[&str]) -> (Ran, String) {
    let path = setup.bench.folder().join(name);
    let to = path.display().to_string();
    let mut verb = vec!["record", "prod", "--to", &to];
    verb.extend(flags);
    let ran = setup.run(&verb);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}: {}", ran.stderr));
    for secret in setup.params.secrets() {
        let found = leak::find(text.as_bytes(), &secret);
        assert!(found.is_none(), "a secret as {found:?} on the cassette:\n{text}");
    }
    let port = setup.server.port().to_string();
    assert!(!text.contains(&port) && !text.contains("localhost"), "the provider's place is on the cassette:\n{text}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(setup.bench.folder()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".new")), "{left:?}");
    (ran, text)
}

/// Any other verb, without stdin: exit code, stdout, stderr.
fn verb(bench: &Bench, args: &[&str]) -> (i32, String, String) {
    let (status, stdout, stderr, _) = bench.raw(args, b"");
    (status.code().expect("it ends by itself"), stdout, stderr)
}

fn guest(name: &str) -> String {
    artifacts::guest(name).path.display().to_string()
}

/// Without the table that says what it was made with: a module's digest changes with the compiler.
fn bare(cassette: &str) -> String {
    let mut out = String::new();
    let mut made = false;
    for line in cassette.lines() {
        made = line == "[made]" || (made && !line.is_empty());
        if !made {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_committed_cassettes_are_what_is_recorded_today_and_two_recordings_are_the_same_bytes() {
    for (rotator, name, case, flags) in COMMITTED {
        let (_, first) = record(&Setup::of_case(case), "first.toml", flags);
        let setup = Setup::of_case(case); // another port, other ids, another time
        let (ran, second) = record(&setup, "second.toml", flags);
        assert_eq!(first, second, "{case}");
        assert!(ran.stderr.contains("\ncassette: "), "{case}: {}", ran.stderr);
        assert!(!ran.stderr.contains("differs already"), "{case}: {}", ran.stderr);
        let user = setup.params.top["user"].as_str().unwrap();
        assert!(!first.contains(user) && !first.contains("example.test"), "{case}: {first}");
        let committed = artifacts::root().join("guests").join(rotator).join("cassettes").join(format!("{name}.toml"));
        if std::env::var_os("ROTABOX_ACCEPT").is_some() {
            fs::create_dir_all(committed.parent().unwrap()).unwrap();
            fs::write(&committed, &first).unwrap();
        }
        let text = fs::read_to_string(&committed).unwrap_or_default();
        assert_eq!(bare(&text), bare(&first), "{}", committed.display());
    }
}

#[test]
fn the_committed_cassettes_pass() {
    let bench = Bench::new();
    for rotator in ["okta", "rest"] {
        let folder = artifacts::root().join("guests").join(rotator).join("cassettes");
        let count = COMMITTED.iter().filter(|(of, ..)| *of == rotator).count();
        let (exit, stdout, stderr) =
            verb(&bench, &["test", &folder.display().to_string(), "--module", &guest(rotator)]);
        assert_eq!(exit, 0, "{stdout}{stderr}");
        assert!(stdout.ends_with(&format!("{count} cassettes: {count} same\n")), "{stdout}");
    }
}

#[test]
fn no_awkward_secret_is_on_a_cassette() {
    for (old, new) in [
        ("plain-Old-1", "N3w\"pa$s\\w0rd & <é> %41+"),
        ("with\"quote\\and/slash", "${x} {{7*7}} {new-password} {api.token}"),
        ("emoji 🔑 and ümläuts", "-leading --dash=1 'quoted' `ticks` $(id)"),
        ("line\nbreak\r\nbreak", "nul\u{0}inside\u{7f}\u{1b}[31m"),
        ("base64+/==base64+/==", "%2e%2e%2f&amp;&#39;\u{2028}\u{202e}"),
    ] {
        let setup = Setup::with("rest", json!({ "oldPassword": old, "newPassword": new }), Value::Null);
        let (ran, _) = record(&setup, "a.toml", &[]);
        assert_eq!(ran.exit, 0, "{ran:?}");
    }
}

#[test]
fn what_a_rotator_writes_and_a_provider_says_holds_no_secret_either() {
    // The provider answers with secrets in every encoding; the page shows all of it; the rotator says what it saw.
    let setup = Setup::of_case("puppet/looks/secrets-in-answers-are-cut-out");
    let (_, text) = record(&setup, "a.toml", &["--keep", "api.script"]);
    assert!(text.contains("log = "), "{text}");
}

#[test]
fn a_rotator_that_does_otherwise_is_shown_line_by_line() {
    let setup = Setup::of("puppet");
    let (_, text) = record(&setup, "a.toml", &["--keep", "api.script"]);
    let path = setup.bench.folder().join("a.toml").display().to_string();
    let puppet = guest("puppet");
    let (exit, stdout, stderr) = verb(&setup.bench, &["replay", &path, "--module", &puppet]);
    assert_eq!((exit, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with("same "), "{stdout}");
    let again = verb(
        &setup.bench,
        &["replay", &path, "--module", "prod", "--policies", &setup.bench.policies().display().to_string()],
    );
    assert_eq!(again.0, 0, "{again:?}");

    // The puppet goes by its script: with another one on the cassette it is another rotator.
    let line = text.lines().find(|line| line.starts_with("\"api.script\" = ")).unwrap_or_else(|| panic!("{text}"));
    let changed =
        text.replace(line, "\"api.script\" = \"change: send elsewhere a=b; log on my way; fail lost the way\"");
    let path = setup.bench.write("b.toml", &changed).display().to_string();
    let (exit, stdout, _) = verb(&setup.bench, &["replay", &path, "--module", &puppet]);
    assert_eq!(exit, 1, "{stdout}");
    for wanted in [
        "@@ change @@\n",
        "\n- { send = \"find\", status = 200, judged = \"accepted\"",
        "\n- ends = \"ok\"\n",
        "\n+ { send = \"elsewhere\", args = [[\"a\", \"b\"]], problem = \"other\", text = \"the cassette has no answer to this\" }\n",
        "\n+ { log = \"error\", text = \"on my way\" }\n",
        "\n+ ends = { failed = \"lost\", detail = \"the way\" }\n",
    ] {
        assert!(stdout.contains(wanted), "it does not say {wanted:?}:\n{stdout}");
    }
    assert!(!stdout.contains('\u{1b}'), "{stdout}");
}

#[test]
fn a_rotator_that_goes_by_a_replaced_value_is_reported_when_it_is_recorded() {
    // Without its script the puppet does nothing.
    let (ran, _) = record(&Setup::of("puppet"), "a.toml", &[]);
    assert!(ran.stderr.contains("note: a replay with the same module differs already"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`--keep api.script`"), "{}", ran.stderr);
    let (ran, _) = record(&Setup::of("puppet"), "a.toml", &["--keep", "api.script", "--keep", "api.scripd"]);
    assert!(!ran.stderr.contains("differs already"), "{}", ran.stderr);
    assert!(ran.stderr.contains("note: nothing was seen of `api.scripd`"), "{}", ran.stderr);
}

#[test]
fn a_folder_is_tested_with_a_report_for_ci() {
    let setup = Setup::of("puppet");
    let (_, text) = record(&setup, "a.toml", &["--keep", "api.script"]);
    let folder = setup.bench.folder().join("cassettes");
    let (at, xml) = (folder.display().to_string(), setup.bench.folder().join("report.xml"));
    let put = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let puppet = guest("puppet");
    let report = xml.display().to_string();
    let test = || verb(&setup.bench, &["test", &at, "--module", &puppet, "--junit", &report]);
    fs::create_dir(&folder).unwrap();
    let (exit, _, stderr) = test();
    assert!(exit == 2 && stderr.contains("holds no cassette"), "{stderr}");
    put("a.toml", &text);
    put("not-one.txt", "");
    put(".hidden.toml", "");
    assert_eq!(test().1, "same    a.toml: 3 steps\n1 cassette: 1 same\n");
    put("b.toml", &text.replacen("ends   = \"ok\"", "ends   = { failed = \"x\" }", 1));
    let (exit, stdout, _) = test();
    assert!(exit == 1 && stdout.contains("differs b.toml: 1 of 3 steps\n"), "{stdout}");
    put("c.toml", "version = 1\nsteps = []\n");
    fs::write(folder.join("d.toml"), b"version = 1\n\xff\n").unwrap();
    let (exit, stdout, _) = test();
    assert_eq!(exit, 2, "{stdout}");
    assert!(
        stdout.contains("c.toml:2:1: `steps` is no key of a cassette\n")
            && stdout.contains("hint: did you mean `step`?"),
        "{stdout}"
    );
    assert!(stdout.contains("d.toml:2: this is not UTF-8 text"), "{stdout}");
    assert!(stdout.ends_with("4 cassettes: 1 same, 1 differs, 2 broken\n"), "{stdout}");
    let report = fs::read_to_string(&xml).unwrap();
    assert!(report.contains("tests=\"4\" failures=\"1\" errors=\"2\""), "{report}");
    assert!(report.contains("<testcase classname=\"puppet.wasm\" name=\"a.toml\"/>"), "{report}");
}

#[test]
fn a_hostile_rotator_cannot_hold_a_replay_up_or_write_to_the_terminal() {
    let setup = Setup::of("puppet");
    let script = |script: &str| {
        let text = format!(
            "version = 1\n[texts]\n\"api.script\" = {script:?}\n[[step]]\nname = \"change\"\n[[step]]\nname = \"verify new\"\n"
        );
        let path = setup.bench.write("h.toml", &text).display().to_string();
        verb(&setup.bench, &["replay", &path, "--module", &guest("puppet")])
    };
    for (what, said) in [
        ("change: trap", "+ ends = { trapped = "),
        ("change: recurse", "+ ends = { trapped = "),
        ("change: times 20000 send x", "+ ends = { trapped = \"more than 10000 host calls\" }"),
        ("change: sleep 1000000000", "+ { sleep = 1000000000 }"),
        ("change: flood 3000", "further lines were dropped"),
        ("change: log a\\e[2J\\nb", "+ { log = \"error\", text = 'a\\u{1b}[2J\\u{a}b' }"),
    ] {
        let (exit, stdout, stderr) = script(what);
        assert!(exit == 1 && stdout.contains(said), "{what}: {exit}\n{stdout}{stderr}");
        assert!(!stdout.contains('\u{1b}') && stdout.len() < 1_000_000, "{what}: {stdout}");
    }
}

#[test]
fn a_file_that_is_there_stays_and_nothing_is_tried() {
    let setup = Setup::of("puppet");
    let path = setup.bench.write("a.toml", "mine");
    let to = path.display().to_string();
    let args = |more: &[&str]| {
        let mut verb = vec!["record", "prod", "--to", &to, "--keep", "api.script"];
        verb.extend(more);
        setup.bench.args(&verb)
    };
    let refused = args(&[]);
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    let (status, stdout, stderr, _) = setup.bench.raw(&refused, &setup.params.line(Form::Plain));
    assert_eq!((status.code(), stdout.as_str(), setup.server.connections()), (Some(2), "", 0), "{stderr}");
    assert!(stderr.contains("exists; name another file, or replace it with `--force`"), "{stderr}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let ran = setup.run(&["record", "prod", "--to", &to, "--keep", "api.script", "--force"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("# A cassette"));
}

#[test]
fn a_cassette_that_cannot_be_written_changes_nothing_about_the_run() {
    let setup = Setup::of("puppet");
    let folder = setup.bench.folder().join("cassettes");
    fs::create_dir(&folder).unwrap();
    let to = folder.join("a.toml").display().to_string();
    let args = setup.bench.args(&["record", "prod", "--to", &to, "--keep", "api.script"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut child = setup.bench.command(&args).spawn().unwrap();
    // It waits for its params. Its place is kept by now; then somebody else takes it.
    while fs::read_dir(&folder).unwrap().count() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was given its params");
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::write(&to, "theirs").unwrap();
    child.stdin.take().unwrap().write_all(&setup.params.line(Form::Plain)).unwrap();
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("\"outcome\":\"rotated\""), "{stdout}");
    assert!(stderr.contains("\nwarning: no cassette was written: ") && stderr.contains("exists"), "{stderr}");
    assert_eq!(fs::read_to_string(&to).unwrap(), "theirs");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_run_that_was_cut_short_makes_no_cassette_and_keeps_its_outcome() {
    let setup = Setup::of_case("puppet/breaks/sleeps-for-ever-before-the-change-is-unchanged");
    let to = setup.bench.folder().join("a.toml");
    let ran = setup.run(&["record", "prod", "--to", &to.display().to_string()]);
    assert_eq!((ran.exit, ran.result["outcome"].as_str()), (1, Some("unchanged")), "{ran:?}");
    assert!(ran.stderr.contains("warning: no cassette was written: "), "{}", ran.stderr);
    assert!(!to.exists());
}

#[test]
fn what_is_no_module_or_no_cassette_is_said() {
    let bench = Bench::new();
    let good = bench.write("a.toml", "version = 1\n[[step]]\nname = \"change\"\n").display().to_string();
    let text = bench.write("x.wasm", "no module").display().to_string();
    let none = bench.folder().join("none.toml").display().to_string();
    let folder = bench.folder().display().to_string();
    let rest = guest("rest");
    for (args, said) in [
        (["replay", &good, "--module", &text], "the module is not accepted"),
        (["replay", &none, "--module", &rest], "there is no cassette `"),
        (["replay", &folder, "--module", &rest], "is no file"),
        (["replay", &good, "--module", "/nowhere/x.wasm"], "/nowhere/x.wasm"),
        (["test", &none, "--module", &rest], "there is no folder `"),
    ] {
        let (exit, stdout, stderr) = verb(&bench, &args);
        assert!(exit == 2 && stdout.is_empty() && stderr.contains(said), "{args:?}: {exit} {stdout}{stderr}");
    }
    // Empty steps of the REST rotator: it says so, and the cassette does not expect it.
    let (exit, stdout, _) = verb(&bench, &["replay", &good, "--module", &rest]);
    assert!(exit == 1 && stdout.contains("+ { routes = [] }\n+ ends = { failed = \"unsupported\""), "{stdout}");
    assert!(Path::new(&good).exists());
}
