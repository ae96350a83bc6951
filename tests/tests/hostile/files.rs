//! Attacks on the files of an operator.

use rotabox_tests::case::Setup;
use rotabox_tests::params::Form;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

const RUN: [&str; 2] = ["run", "prod"];

// a test of this suite
pub(super) fn a_module_of_100_mib_is_not_even_read() {
    let setup = Setup::of("puppet");
    let module = setup.bench.folder().join("huge.wasm");
    File::create(&module).unwrap().set_len(100 << 20).unwrap();
    let policy = setup.bench.policies().join("prod.toml");
    let text = fs::read_to_string(&policy).unwrap();
    let line = text.lines().find(|line| line.starts_with("module")).unwrap().to_owned();
    setup.bench.policy("prod", &text.replace(&line, &format!("module = {module:?}")));
    let ran = setup.run(&RUN);
    assert_eq!((ran.exit, ran.result["outcome"].as_str()), (2, Some("not-started")), "{ran:#?}");
    assert!(ran.stderr.contains("is larger than 65536 KiB"), "{}", ran.stderr);
    assert_eq!(setup.server.connections(), 0);
}

// a test of this suite
pub(super) fn a_policy_that_others_could_write_or_exchange_is_refused() {
    type Spoil = fn(&std::path::Path);
    let spoils: [(&str, Spoil); 6] = [
        ("the group can write it", |policy| fs::set_permissions(policy, fs::Permissions::from_mode(0o664)).unwrap()),
        ("everybody can write it", |policy| fs::set_permissions(policy, fs::Permissions::from_mode(0o646)).unwrap()),
        ("everybody can write its folder", |policy| {
            fs::set_permissions(policy.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
        }),
        ("it is a link into a folder that everybody can write", |policy| {
            let open = policy.parent().unwrap().with_file_name("open");
            fs::create_dir(&open).unwrap();
            fs::rename(policy, open.join("prod.toml")).unwrap();
            fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
            symlink(open.join("prod.toml"), policy).unwrap();
        }),
        ("it is a folder", |policy| {
            fs::remove_file(policy).unwrap();
            fs::create_dir(policy).unwrap();
        }),
        ("it is larger than any policy", |policy| {
            File::options().write(true).open(policy).unwrap().set_len(1 << 20).unwrap()
        }),
    ];
    for (what, spoil) in spoils {
        let setup = Setup::of("puppet");
        spoil(&setup.bench.policies().join("prod.toml"));
        let ran = setup.run(&RUN);
        assert_eq!((ran.exit, ran.result["outcome"].as_str()), (2, Some("not-started")), "{what}: {ran:#?}");
        assert_eq!(setup.server.connections(), 0, "{what}");
    }
}

// a test of this suite
pub(super) fn there_is_no_switch_that_takes_an_unapproved_module() {
    let setup = Setup::of("puppet");
    for switch in [
        "--allow-unsigned",
        "--insecure",
        "--no-verify",
        "--allow-any",
        "--skip-digest",
        "--no-sandbox",
        "--allow-http",
    ] {
        let args = setup.bench.args(&["run", "prod", switch]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr, _) = setup.bench.raw(&args, &setup.params.line(Form::Plain));
        assert_eq!((status.code(), stdout.as_str()), (Some(2), ""), "{switch}: {stderr}");
        assert!(stderr.contains(switch), "{switch}: {stderr}");
        assert_eq!(setup.server.connections(), 0, "{switch}");
    }
}

// a test of this suite
pub(super) fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    type Which = fn(&Setup) -> std::path::PathBuf;
    let files: [(&str, Which); 5] = [
        ("the policy", |setup| setup.bench.policies().join("prod.toml")),
        ("the page", |setup| setup.bench.folder().join("page.toml")),
        ("the host file", |setup| setup.bench.folder().join("rotabox.toml")),
        ("the authority", |setup| setup.bench.folder().join("ca.pem")),
        ("the module", |setup| {
            let module = setup.bench.folder().join("piped.wasm");
            let policy = setup.bench.policies().join("prod.toml");
            let text = fs::read_to_string(&policy).unwrap();
            let line = text.lines().find(|line| line.starts_with("module")).unwrap();
            setup.bench.policy("prod", &text.replace(line, &format!("module = {module:?}")));
            module
        }),
    ];
    for (what, which) in files {
        let setup = Setup::of("puppet");
        let path = which(&setup);
        drop(fs::remove_file(&path));
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        // A run that waits for the pipe ends in a panic of the bench.
        let args = setup.bench.args(&RUN);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr, took) = setup.bench.raw(&args, &setup.params.line(Form::Plain));
        assert_eq!(status.code(), Some(2), "{what} after {took:?}: {stdout} {stderr}");
        assert_eq!(setup.server.connections(), 0, "{what}");
    }
}

// a test of this suite
pub(super) fn a_line_on_stdin_that_never_ends_is_not_waited_for_beyond_the_deadline() {
    let setup = Setup::with("puppet", serde_json::Value::Null, serde_json::json!({ "limits": { "deadline": 2 } }));
    let args = setup.bench.args(&RUN);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let line = setup.params.line(Form::Plain);
    for half in [&line[..line.len() / 2], &[]] {
        let mut child = setup.bench.command(&args).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(half).unwrap();
        // The pipe stays open for as long as the process lives, and a little longer.
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                panic!("it waits for ever for the rest of {} bytes", half.len());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        drop(stdin);
        let mut stdout = String::new();
        child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        assert_eq!(status.code(), Some(2), "{stdout}");
        assert!(stdout.contains("\"not-started\""), "{stdout}");
        assert_eq!(setup.server.connections(), 0);
    }
}
