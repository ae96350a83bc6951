//! Nobody reads what we write: the exit code belongs to the outcome all the same.

use crate::*;
use rotabox_tests::fault::Fault;
use rotabox_tests::params::Form;
use serde_json::json;
use std::io::{Read, Write};

/// Setups that end in 0, 1 and 6, with the password that is live then.
fn endings() -> Vec<(Setup, i32, bool)> {
    let failing = |fault: Value| {
        let setup = setup();
        setup.server.script(serde_json::from_value::<Fault>(fault).unwrap());
        setup
    };
    vec![
        (setup(), 0, true),
        (failing(json!({ "on": SET, "status": 422 })), 1, false),
        (failing(json!({ "on": SET, "status": 201 })), 6, false),
    ]
}

#[test]
fn closed_or_full_they_change_nothing_about_the_exit_code() {
    for behind in [">&- 2>&-", ">/dev/full 2>/dev/full", "<&0 >&- 2>/dev/full"] {
        for (setup, exit, changed) in endings() {
            let (code, stdout, _) = through_shell(&setup, "", behind);
            assert_eq!((code, stdout.as_str()), (exit, ""), "{behind}");
            assert_eq!(setup.live().unwrap() != OLD, changed, "{behind}");
        }
    }
}

#[test]
fn pipes_whose_reader_is_gone_change_nothing_about_the_exit_code() {
    for (setup, exit, changed) in endings() {
        let args = setup.bench.args(&RUN);
        let mut child = setup.bench.command(&args.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        child.stdin.take().unwrap().write_all(&setup.params.line(Form::Plain)).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(exit));
        assert_eq!(setup.live().unwrap() != OLD, changed);
        nobody_is_left(&setup);
    }
}

/// A gateway may read stdout to its end before it looks at stderr. Whatever a rotator says must fit into the pipe.
#[test]
fn a_gateway_that_reads_stderr_last_is_not_waited_for() {
    let text = |name: &str| format!("{name}: flood 400; ");
    let script = format!("{}send sign-in\n{}must find; send set", text("verify"), text("change"));
    let setup = setup();
    let mut params = setup.params.clone();
    params.records[2]["script"] = json!(script);
    let args = setup.bench.args(&RUN);
    let mut child = setup.bench.command(&args.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&params.line(Form::Plain)).unwrap();
    let mut line = String::new();
    child.stdout.take().unwrap().read_to_string(&mut line).unwrap();
    assert_eq!(result(&line)["outcome"], "rotated");
    eventually("it ends", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(words.starts_with("rotabox: rotated: "), "{words}");
    assert!(words.contains("left out"), "{} bytes on stderr, and nothing is said to be left out", words.len());
}
