//! Lines beside each other: what one does, or what is done to it, touches no other.

use crate::*;
use rotabox_tests::gate::Moment;
use std::collections::BTreeMap;

#[test]
fn a_trap_a_loop_and_a_time_out_touch_no_other_line() {
    let batch = Batch::with(6, "deadline = 20\nfuel = 50_000_000");
    let scripted = |index: usize, script: &str| batch.line_of(&user(index), &old(index), &new(index), script);
    let input = [
        scripted(0, "verify: send sign-in\nchange: trap"),
        scripted(1, "verify: spin"),
        scripted(2, "verify: grow; trap"),
        // Longer than a changing step may take.
        scripted(3, "verify: send sign-in\nchange: sleep 600000"),
        batch.line(4),
        batch.line(5),
    ]
    .concat();
    let ran = batch.run(&["--jobs", "6", "--workers", "1"], &input);
    assert_eq!(ran.exit, 7, "{ran:#?}");
    let outcomes: Vec<&str> = ran.outcomes().into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["unchanged", "unchanged", "unchanged", "unchanged", "rotated", "rotated"], "{ran:#?}");
    for (index, why) in [(0, "stopped"), (1, "fuel"), (3, "used up the time")] {
        assert!(word(&ran.results[index], "reason").contains(why), "{}", ran.results[index]);
    }
    assert!(!ran.stderr.contains("replaced"), "the worker has served them all: {}", ran.stderr);
    for index in 0..4 {
        assert_eq!(batch.live(index), old(index));
    }
}

#[test]
fn two_lines_for_one_account_take_turns_in_the_order_of_the_input() {
    let batch = Batch::of(2);
    let input = [
        batch.line_of(&user(0), &old(0), "First-Passw0rd", SCRIPT),
        batch.line(1),
        batch.line_of(&user(0), "First-Passw0rd", "Second-Passw0rd", SCRIPT),
        batch.line_of(&user(0), "Second-Passw0rd", "Third-Passw0rd", SCRIPT),
    ]
    .concat();
    let ran = batch.run(&["--jobs", "4"], &input);
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert!(ran.outcomes().iter().all(|(_, outcome)| *outcome == "rotated"), "{ran:#?}");
    assert_eq!(batch.live(0), "Third-Passw0rd");
}

#[test]
fn a_connection_that_carried_a_password_is_not_used_for_another_line_and_others_are() {
    let batch = Batch::of(20);
    let ran = batch.run(&["--jobs", "1"], &batch.lines(20));
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let mut by_connection: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (request, _) in batch.server.seen() {
        by_connection.entry(request.connection).or_default().push(request.line());
    }
    for requests in by_connection.values() {
        let personal = requests.iter().any(|line| line == SIGN_IN || line == SET);
        assert!(!personal || requests.len() == 1, "{requests:?}");
    }
    // Each line signs in twice and sets once on a connection of its own; the look-ups share theirs, as long as it is fresh.
    let looked_up = by_connection.values().filter(|requests| requests[0] == "GET /user").count();
    assert!(looked_up < 20, "{looked_up} connections for 20 look-ups");
}

#[test]
fn a_worker_that_dies_is_replaced_and_the_lines_that_it_served_say_what_is_true() {
    let batch = Batch::of(8);
    let gate = batch.server.hold(SET, 0, Moment::Applied);
    let ran = batch.while_running(&["--jobs", "4", "--workers", "1"], &batch.lines(8), || {
        gate.wait();
        for worker in batch.processes("__worker") {
            signal("KILL", &worker);
        }
        gate.open();
    });
    let live: Vec<String> = (0..8).map(|index| batch.live(index)).collect();
    for (index, result) in ran.results.iter().enumerate() {
        let outcome = word(result, "outcome");
        match word(result, "live") {
            "new" => assert_eq!(live[index], new(index), "{result}"),
            "old" | "as-before" => assert_eq!(live[index], old(index), "{result}"),
            other => panic!("live `{other}`: {result}"),
        }
        assert!(["rotated", "unchanged"].contains(&outcome), "{result}");
    }
    assert_eq!(ran.results.len(), 8);
    // The one whose change was under way is looked at by another worker.
    let held = ran.results.iter().filter(|result| word(result, "outcome") == "rotated").count();
    assert!(held >= 5, "those that came later know nothing of it: {ran:#?}");
    assert!(ran.stderr.contains("a worker failed and was replaced"), "{}", ran.stderr);
    // And all the others are rotated by a second run of the same input.
    let again = batch.run(&[], &batch.lines(8));
    assert_eq!(again.exit, 0, "{again:#?}");
    assert!((0..8).all(|index| batch.live(index) == new(index)));
}

#[test]
fn a_worker_that_is_stopped_for_good_is_given_up() {
    let batch = Batch::with(2, "deadline = 20");
    let gate = batch.server.hold(SIGN_IN, 0, Moment::Read);
    let ran = batch.while_running(&["--jobs", "1", "--workers", "1"], &batch.lines(2), || {
        gate.wait();
        let workers = batch.processes("__worker");
        signal("STOP", &workers[0]);
        gate.open();
    });
    assert_eq!(ran.results.len(), 2, "{ran:#?}");
    assert_eq!(word(&ran.results[0], "outcome"), "unchanged", "{ran:#?}");
    assert_eq!(batch.live(0), old(0));
}

#[test]
fn a_signal_finishes_what_was_sent_and_begins_nothing_new_and_a_second_run_does_the_rest() {
    for name in ["INT", "TERM"] {
        let batch = Batch::of(5);
        let gate = batch.server.hold(SET, 1, Moment::Applied);
        let ran = batch.while_running(&["--jobs", "1"], &batch.lines(5), || {
            gate.wait();
            let broker = batch.processes("batch");
            signal(name, &broker[0]);
            eventually("the signal is taken", || {
                let status = std::fs::read_to_string(broker[0].join("status")).unwrap_or_default();
                let pending =
                    |line: &str| line.strip_prefix("ShdPnd:").or(line.strip_prefix("SigPnd:")).map(str::to_owned);
                status.lines().filter_map(pending).all(|mask| mask.trim().bytes().all(|digit| digit == b'0'))
            });
            gate.open();
        });
        assert_eq!(ran.outcomes()[..2], [(1, "rotated"), (2, "rotated")], "{name}: {ran:#?}");
        assert_eq!(ran.exit, 7, "{name}: {ran:#?}");
        let first = ran.first_line();
        assert!(first.contains("a signal") && first.contains("was not read"), "{first}");
        assert_eq!(batch.live(4), old(4), "{name}");
        let again = batch.run(&[], &batch.lines(5));
        assert_eq!(again.exit, 0, "{again:#?}");
        assert_eq!(again.outcomes()[..2], [(1, "already-current"), (2, "already-current")]);
        assert_eq!(again.outcomes()[4], (5, "rotated"));
    }
}

#[test]
fn when_nobody_reads_the_results_nothing_new_is_begun() {
    let batch = Batch::of(2000);
    let line = batch.bench.folder().join("lines");
    std::fs::write(&line, batch.lines(2000)).unwrap();
    let args = batch.args(&["--jobs", "2"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut child = batch.bench.command(&args).stdin(std::fs::File::open(&line).unwrap()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert!(stderr.lines().next().unwrap().contains("stdout is closed"), "{stderr}");
    assert_eq!(batch.live(1999), old(1999));
    eventually("no process is left", || batch.bench.processes().is_empty());
}

#[test]
fn a_broker_that_is_killed_takes_launcher_and_workers_with_it() {
    let batch = Batch::of(3);
    let gate = batch.server.hold(SIGN_IN, 0, Moment::Read);
    let args = batch.args(&["--workers", "2"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut child = batch.bench.command(&args).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), batch.lines(3).as_bytes()).unwrap();
    gate.wait();
    eventually("two workers", || batch.processes("__worker").len() == 2);
    assert_eq!(batch.processes("__launcher").len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("no process is left", || batch.bench.processes().is_empty());
}

#[test]
fn a_busy_provider_is_left_in_peace_for_as_long_as_it_asks() {
    let batch = Batch::of(4);
    let busy = json!({ "on": SIGN_IN, "times": 1, "status": 429, "headers": { "retry-after": "2" } });
    batch.server.script(serde_json::from_value(busy).unwrap());
    let ran = batch.run(&["--jobs", "1"], &batch.lines(4));
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert!(ran.took >= Duration::from_secs(2), "{:?}", ran.took);
}

#[test]
fn a_rate_holds_however_many_jobs_there_are() {
    let batch = Batch::of(5);
    let ran = batch.run(&["--jobs", "5", "--rate", "2"], &batch.lines(5));
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert!(ran.took >= Duration::from_secs(2), "the fifth begins two seconds after the first: {:?}", ran.took);
}

/// What a batch of lines comes to with a rotator that does this, and asks for nothing.
fn reasons_of(run: &str, lines: usize) -> Vec<String> {
    use rotabox_tests::hostile::guest::{Module, Rotator};
    let batch = Batch::of(lines);
    let rotator = Rotator { fields: String::new(), run: run.to_owned(), realloc: String::new(), pages: 2 };
    let module = Module::Rotator(rotator).write(batch.bench.folder());
    let puppet = artifacts::guest("puppet");
    let policy = std::fs::read_to_string(batch.bench.policies().join("prod.toml")).unwrap();
    let policy = policy
        .replace(&puppet.path.display().to_string(), &module.path.display().to_string())
        .replace(&puppet.sha256, &module.sha256);
    batch.bench.policy("prod", &policy);
    let ran = batch.run(&["--jobs", "8"], &batch.lines(lines));
    assert_eq!(ran.results.len(), lines, "{}", ran.stderr);
    assert_eq!(batch.server.connections(), 0, "it asked for nothing");
    ran.results.iter().map(|result| word(result, "reason").to_owned()).collect()
}

#[test]
fn nothing_that_a_rotator_leaves_in_memory_is_there_for_another_line() {
    // Far from all that the rotator itself uses: a mark of who was here before, in its first page and in its last.
    let aborts = |reason: &String| reason.contains("unreachable");
    let looks = "(if (i32.or (i32.load (i32.const 3000)) (i32.load (i32.const 131000))) (then unreachable))";
    let marks = "(i32.store (i32.const 3000) (i32.const 1)) (i32.store (i32.const 131000) (i32.const 1))";
    let reasons = reasons_of(&format!("{looks} {marks}"), 24);
    assert_eq!(reasons.iter().find(|reason| aborts(reason)), None, "a line found another one's mark");
    // The same the other way round: it does see a mark where there is one.
    let reasons = reasons_of(&format!("{marks} {looks}"), 3);
    assert!(reasons.iter().all(aborts), "{reasons:?}");
}
