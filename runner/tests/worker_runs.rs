//! Steps in a real worker process: what a rotator sees, and what stops a hostile one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{component, core, in_time, limits, loaded, loaded_with, run_alone, run_with, start, trap_of};
use rotabox::page::Step;
use rotabox::wire::{Answer, Call, Failure, Level, Limits, LogLine, Problem, Reply, RunId, Start, ToBroker, ToWorker};

const LOG: &str = r#"(import "rotabox:rotator/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
const USER: &str = r#"(import "rotabox:rotator/account@0.1.0" "user" (func $user (param i32)))"#;
const SEND: &str = r#"(import "rotabox:rotator/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32)))"#;
const ROUTES: &str = r#"(import "rotabox:rotator/http@0.1.0" "routes" (func $routes (param i32)))"#;
const NOW: &str = r#"(import "rotabox:rotator/time@0.1.0" "now" (func $now (result i64)))"#;
const SLEEP: &str = r#"(import "rotabox:rotator/time@0.1.0" "sleep" (func $sleep (param i64)))"#;
/// `ok`: memory is zero there.
const OK: &str = "(i32.const 1024)";

fn line(level: Level, text: &str) -> LogLine {
    LogLine { level, text: text.to_owned() }
}

#[tokio::test]
async fn a_step_that_does_nothing_is_done() {
    let mut link = loaded(&component(&core("", OK))).await;
    assert_eq!(run_alone(&mut link).await, (vec![], ToBroker::Done(Ok(()))));
}

#[tokio::test]
async fn each_step_runs_in_a_fresh_store() {
    // The second call of one instance would fail: it counts in memory.
    let counts =
        format!("(if (i32.load (i32.const 8)) (then (unreachable))) (i32.store (i32.const 8) (i32.const 1)) {OK}");
    let mut link = loaded(&component(&core("", &counts))).await;
    for _ in 0..3 {
        assert_eq!(run_alone(&mut link).await.1, ToBroker::Done(Ok(())));
    }
}

#[tokio::test]
async fn the_step_and_the_facts_of_the_account_arrive() {
    // Logs the user's name with the step's number as the level, then the field `app.tenant` if there is one.
    let imports = format!(
        r#"{LOG} {USER}
        (import "rotabox:rotator/account@0.1.0" "has-old-password" (func $has-old (result i32)))
        (import "rotabox:rotator/account@0.1.0" "text" (func $text (param i32 i32 i32)))
        (data (i32.const 100) "app.tenant")"#
    );
    let body = format!(
        "(call $user (i32.const 0))
         (call $log (local.get $step) (i32.load (i32.const 0)) (i32.load (i32.const 4)))
         (call $text (i32.const 100) (i32.const 10) (i32.const 16))
         (if (i32.load8_u (i32.const 16)) (then
            (call $log (i32.const 0) (i32.load (i32.const 20)) (i32.load (i32.const 24)))))
         (if (call $has-old) (then (call $log (i32.const 1) (i32.const 100) (i32.const 3))))
         {OK}"
    );
    let mut link = loaded(&component(&core(&imports, &body))).await;
    let full = Start {
        step: Step::Finish,
        user: "adä".to_owned(),
        has_old_password: true,
        texts: vec![("app.tenant".to_owned(), "acme".to_owned())],
        ..start()
    };
    let bare = Start { step: Step::Verify, user: String::new(), has_old_password: false, ..start() };
    let quiet = |call: Call| -> Reply { panic!("unexpected call {call:?}") };
    let (lines, end) = run_with(&mut link, RunId(1), full, quiet).await;
    assert_eq!(lines, [line(Level::Error, "adä"), line(Level::Debug, "acme"), line(Level::Info, "app")]);
    assert_eq!(end, ToBroker::Done(Ok(())));
    assert_eq!(run_with(&mut link, RunId(2), bare, quiet).await.0, [line(Level::Debug, "")]);
}

#[tokio::test]
async fn a_call_carries_the_route_and_its_arguments_and_its_answer_comes_back() {
    // Sends `set` with one argument, logs the status as a line of that length, then the problem's case as a level.
    let imports = format!(
        r#"{LOG} {SEND} (data (i32.const 100) "set") (data (i32.const 110) "group") (data (i32.const 120) "admins")
        (data (i32.const 200) "\6e\00\00\00\05\00\00\00\78\00\00\00\06\00\00\00")"#
    );
    let body = format!(
        "(call $send (i32.const 100) (i32.const 3) (i32.const 200) (i32.const 1) (i32.const 300))
         (if (i32.load8_u (i32.const 300))
            (then (call $log (i32.load8_u (i32.const 304)) (i32.load (i32.const 308)) (i32.load (i32.const 312))))
            (else (call $log (i32.const 1) (i32.load (i32.const 308)) (i32.load (i32.const 312)))))
         {OK}"
    );
    let mut link = loaded(&component(&core(&imports, &body))).await;
    let expected = Call::Send { route: "set".to_owned(), args: vec![("group".to_owned(), "admins".to_owned())] };
    let accepted = Answer { status: 200, judged: "accepted".to_owned(), unmet: vec![], shown: vec![] };
    for (reply, logged) in [
        (Ok(accepted), line(Level::Info, "accepted")),
        (Err(Problem::NotInPage("a".to_owned())), line(Level::Debug, "a")),
        (Err(Problem::Denied("b".to_owned())), line(Level::Info, "b")),
        (Err(Problem::NotSent("c".to_owned())), line(Level::Warn, "c")),
        (Err(Problem::NoAnswer("d".to_owned())), line(Level::Error, "d")),
    ] {
        let answer = |call| {
            assert_eq!(call, expected);
            Reply::Sent(reply.clone())
        };
        let (lines, end) = run_with(&mut link, RunId(1), start(), answer).await;
        assert_eq!((lines, end), (vec![logged], ToBroker::Done(Ok(()))));
    }
}

#[tokio::test]
async fn time_and_routes_are_the_brokers() {
    let imports = format!("{ROUTES} {NOW} {SLEEP} {LOG}");
    let body = format!(
        "(call $sleep (i64.add (call $now) (i64.const 1)))
         (call $routes (i32.const 0))
         (local.set $i (i32.load (i32.const 0)))
         (call $log (i32.const 1) (i32.load (local.get $i)) (i32.load offset=4 (local.get $i)))
         {OK}"
    );
    let mut link = loaded(&component(&core(&imports, &body))).await;
    let mut asked = vec![];
    let (lines, end) = run_with(&mut link, RunId(5), start(), |call| {
        asked.push(call.clone());
        match call {
            Call::Now => Reply::Now(u64::MAX - 1),
            Call::Sleep { .. } => Reply::Slept,
            _ => Reply::Routes(vec!["find".to_owned(), "set".to_owned()]),
        }
    })
    .await;
    assert_eq!(asked, [Call::Now, Call::Sleep { milliseconds: u64::MAX }, Call::Routes]);
    assert_eq!((lines, end), (vec![line(Level::Info, "find")], ToBroker::Done(Ok(()))));
}

#[tokio::test]
async fn routes_that_were_offered_are_not_asked_for_until_something_is_sent() {
    // Logs the first of the routes, sends, and logs the first of them again.
    let imports = format!(r#"{ROUTES} {SEND} {LOG} (data (i32.const 100) "set")"#);
    let first = "(call $routes (i32.const 0))
         (local.set $i (i32.load (i32.const 0)))
         (call $log (i32.const 1) (i32.load (local.get $i)) (i32.load offset=4 (local.get $i)))";
    let body = format!(
        "{first} {first} (call $send (i32.const 100) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 300)) {first} {OK}"
    );
    let mut link = loaded(&component(&core(&imports, &body))).await;
    let offer = |name: &str| Some(vec![name.to_owned()]);
    let (send, sent) = (Call::Send { route: "set".to_owned(), args: vec![] }, Reply::Sent(Err(Problem::OutOfTime)));
    for (run, offers, asked) in [
        (1, [offer("one"), offer("two")], vec![send.clone()]),
        (2, [None, offer("two")], vec![Call::Routes, Call::Routes, send.clone()]),
        // What was offered before the request says nothing about the time after it.
        (3, [offer("one"), None], vec![send.clone(), Call::Routes]),
    ] {
        let (run, mut calls, mut logged) = (RunId(run), vec![], vec![]);
        let [before, after] = offers;
        let mut frames = vec![];
        link.put_with(run, before, &ToWorker::Start(start()), &mut frames).unwrap();
        loop {
            let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
            link.send_bytes_until(&std::mem::take(&mut frames), until).await.unwrap();
            match in_time(link.next()).await.unwrap() {
                (_, ToBroker::Log(line)) => logged.push(line.text),
                (_, ToBroker::Call(call)) => {
                    let (reply, offer) = match call {
                        Call::Routes if calls.contains(&send) => (Reply::Routes(vec!["two".to_owned()]), None),
                        Call::Routes => (Reply::Routes(vec!["one".to_owned()]), None),
                        _ => (sent.clone(), after.clone()),
                    };
                    calls.push(call);
                    link.put_with(run, offer, &ToWorker::Reply(reply), &mut frames).unwrap();
                }
                (_, end) => break assert_eq!(end, ToBroker::Done(Ok(()))),
            }
        }
        assert_eq!((calls, logged), (asked, vec!["one".to_owned(), "one".to_owned(), "two".to_owned()]), "{run:?}");
    }
}

#[tokio::test]
async fn a_rotator_that_asks_for_offered_routes_for_ever_is_stopped_too() {
    let body = format!("(loop (call $routes (i32.const 0)) (br 0)) {OK}");
    let mut link = loaded(&component(&core(ROUTES, &body))).await;
    let mut frames = vec![];
    link.put_with(RunId(1), Some(vec![]), &ToWorker::Start(start()), &mut frames).unwrap();
    link.send_bytes_until(&frames, std::time::Instant::now() + std::time::Duration::from_secs(60)).await.unwrap();
    let end = in_time(link.next()).await.unwrap();
    assert!(
        matches!(&end, (RunId(1), ToBroker::Trapped(reason)) if reason.contains("more than 10000 host calls")),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_failure_comes_back_in_the_rotators_words_cut_to_size() {
    let fails = r#"(data (i32.const 100) "unmet") (data (i32.const 110) "no such group")"#;
    let failure = |code: i32, detail: i32| {
        format!(
            "(i32.store8 (i32.const 60000) (i32.const 1))
             (i32.store (i32.const 60004) (i32.const 100)) (i32.store (i32.const 60008) (i32.const {code}))
             (i32.store (i32.const 60012) (i32.const 110)) (i32.store (i32.const 60016) (i32.const {detail}))
             (i32.const 60000)"
        )
    };
    let mut link = loaded(&component(&core(fails, &failure(5, 13)))).await;
    let expected = Failure { code: "unmet".to_owned(), detail: "no such group".to_owned() };
    assert_eq!(run_alone(&mut link).await.1, ToBroker::Done(Err(expected)));

    let mut link = loaded(&component(&core(fails, &failure(5000, 50_000)))).await;
    let ToBroker::Done(Err(failure)) = run_alone(&mut link).await.1 else { panic!("it fails") };
    assert!(failure.code.len() <= rotabox::wire::CODE_MAX && failure.code.ends_with('…'));
    assert!(failure.detail.len() <= rotabox::wire::DETAIL_MAX && failure.detail.ends_with('…'));
}

#[tokio::test]
async fn two_outstanding_runs_go_on_in_any_order() {
    // Each logs what it was told between two calls.
    let imports = format!("{NOW} {LOG} {USER}");
    let body = format!(
        "(call $user (i32.const 0)) (drop (call $now))
         (call $log (i32.const 1) (i32.load (i32.const 0)) (i32.load (i32.const 4)))
         (drop (call $now)) {OK}"
    );
    let mut link = loaded(&component(&core(&imports, &body))).await;
    let (one, two) = (RunId(1), RunId(0x0a0a_0a0a));
    in_time(async {
        for (run, user) in [(one, "one"), (two, "two")] {
            link.send(run, &ToWorker::Start(Start { user: user.to_owned(), ..start() })).await.unwrap();
        }
        let now = ToWorker::Reply(Reply::Now(0));
        assert_eq!(link.next().await.unwrap(), (one, ToBroker::Call(Call::Now)));
        assert_eq!(link.next().await.unwrap(), (two, ToBroker::Call(Call::Now)));
        link.send(two, &now).await.unwrap();
        assert_eq!(link.next().await.unwrap(), (two, ToBroker::Log(line(Level::Info, "two"))));
        assert_eq!(link.next().await.unwrap(), (two, ToBroker::Call(Call::Now)));
        link.send(two, &now).await.unwrap();
        assert_eq!(link.next().await.unwrap(), (two, ToBroker::Done(Ok(()))));
        link.send(one, &now).await.unwrap();
        assert_eq!(link.next().await.unwrap(), (one, ToBroker::Log(line(Level::Info, "one"))));
        assert_eq!(link.next().await.unwrap(), (one, ToBroker::Call(Call::Now)));
        link.send(one, &now).await.unwrap();
        assert_eq!(link.next().await.unwrap(), (one, ToBroker::Done(Ok(()))));
    })
    .await;
}

#[tokio::test]
async fn a_trap_ends_its_run_and_no_other() {
    let imports = format!("{NOW} {USER}");
    let body = format!(
        "(call $user (i32.const 0)) (drop (call $now))
         (if (i32.eq (i32.load8_u (i32.load (i32.const 0))) (i32.const 120)) (then (unreachable))) {OK}"
    );
    let mut link = loaded(&component(&core(&imports, &body))).await;
    let reply = ToWorker::Reply(Reply::Now(0));
    in_time(async {
        for (run, user) in [(1, "x"), (2, "y")] {
            link.send(RunId(run), &ToWorker::Start(Start { user: user.to_owned(), ..start() })).await.unwrap();
            assert_eq!(link.next().await.unwrap(), (RunId(run), ToBroker::Call(Call::Now)));
        }
        link.send(RunId(1), &reply).await.unwrap();
        assert!(matches!(link.next().await.unwrap(), (RunId(1), ToBroker::Trapped(_))));
        link.send(RunId(2), &reply).await.unwrap();
        assert_eq!(link.next().await.unwrap(), (RunId(2), ToBroker::Done(Ok(()))));
    })
    .await;
}

#[tokio::test]
async fn an_endless_loop_runs_out_of_fuel_wherever_it_is() {
    let forever = "(loop $again (br $again))";
    let in_run = core("", &format!("{forever} {OK}"));
    let in_start = in_run.replace(forever, "").replace("(memory", &format!("(start $s) (func $s {forever}) (memory"));
    let in_realloc = core(USER, &format!("(call $user (i32.const 0)) {OK}"))
        .replace("(global.get $next)\n", &format!("{forever} (global.get $next)\n"));
    let after =
        format!(r#"(func (export "cabi_post_rotabox:rotator/rotation@0.1.0#run") (param i32) {forever}) (memory"#);
    let in_post_return = core("", OK).replace("(memory", &after);
    for (place, module) in
        [("run", in_run), ("start", in_start), ("realloc", in_realloc), ("post-return", in_post_return)]
    {
        assert!(module.contains(forever), "{place}");
        assert_eq!(trap_of(&module).await, "out of fuel", "{place}");
    }
}

/// Fuel that nobody uses up while a test runs.
const ENDLESS: Limits = Limits { memory_bytes: 16 << 20, fuel: 10_000_000_000_000, inert_wasi: false };

#[tokio::test]
async fn an_endless_loop_runs_out_of_time_however_much_fuel_it_has_and_the_next_step_runs() {
    // The rotator loops if the user is `x`; when it is instantiated, there is nothing to ask for yet.
    let body = format!(
        "(call $user (i32.const 0))
         (if (i32.eq (i32.load8_u (i32.load (i32.const 0))) (i32.const 120)) (then (loop $again (br $again)))) {OK}"
    );
    let forever = "(loop $again (br $again))";
    let at_start = core("", OK).replace("(memory", &format!("(start $s) (func $s {forever}) (memory"));
    let at_start = component(&at_start);
    let mut link = loaded_with(&at_start, ENDLESS).await;
    let soon = |user: &str, milliseconds| Start { user: user.to_owned(), milliseconds, ..start() };
    let no_calls = |call: Call| -> Reply { panic!("unexpected call {call:?}") };
    for run in 1..=2 {
        let (_, end) = run_with(&mut link, RunId(run), soon("x", 50), no_calls).await;
        assert_eq!(end, ToBroker::Trapped("out of time".to_owned()));
    }
    let mut link = loaded_with(&component(&core(USER, &body)), ENDLESS).await;
    for run in 1..=3 {
        let (_, end) = run_with(&mut link, RunId(2 * run), soon("x", 50), no_calls).await;
        assert_eq!(end, ToBroker::Trapped("out of time".to_owned()));
        // A step that has no time at all gets as far as it can without a loop, as the broker may be the slower clock.
        let (_, end) = run_with(&mut link, RunId(2 * run + 1), soon("y", 0), no_calls).await;
        assert_eq!(end, ToBroker::Done(Ok(())));
    }
}

#[tokio::test]
async fn copying_memory_costs_fuel_by_the_byte() {
    // A hundred instructions would not be noticed if each were one unit.
    let body = format!(
        "(drop (memory.grow (i32.const 200)))
         (loop $again
            (memory.fill (i32.const 65536) (i32.const 1) (i32.const 13000000))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))
         {OK}"
    );
    assert_eq!(trap_of(&core("", &body)).await, "out of fuel");
}

#[tokio::test]
async fn endless_recursion_overflows_the_stack() {
    assert_eq!(
        trap_of(&core("", &format!("(drop (call $run (i32.const 0) (i32.const 0) (i32.const 0))) {OK}"))).await,
        "stack overflow"
    );
}

#[tokio::test]
async fn growing_to_four_gibibytes_fails_inside_and_the_step_goes_on() {
    let body = format!("(if (i32.ne (memory.grow (i32.const 65535)) (i32.const -1)) (then (unreachable))) {OK}");
    let mut link = loaded(&component(&core("", &body))).await;
    assert_eq!(run_alone(&mut link).await.1, ToBroker::Done(Ok(())));
}

#[tokio::test]
async fn memory_grows_to_the_limit_and_no_further() {
    // 16 MiB are 256 pages, one is there already.
    let grow = |pages: u32| {
        core("", &format!("(if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then (unreachable))) {OK}"))
    };
    let mut link = loaded(&component(&grow(255))).await;
    assert_eq!(run_alone(&mut link).await.1, ToBroker::Done(Ok(())));
    assert_eq!(trap_of(&grow(256)).await, "out of memory");
}

#[tokio::test]
async fn a_table_cannot_grow_without_end() {
    let table = "(table $t 1 funcref)";
    let body = format!(
        "(if (i32.ne (table.grow $t (ref.null func) (i32.const 10000000)) (i32.const -1)) (then (unreachable))) {OK}"
    );
    let mut link = loaded(&component(&core(table, &body))).await;
    assert_eq!(run_alone(&mut link).await.1, ToBroker::Done(Ok(())));
}

#[tokio::test]
async fn lies_about_lengths_are_traps() {
    let send = |route: &str, args: &str| core(SEND, &format!("(call $send {route} {args} (i32.const 300)) {OK}"));
    let good = "(i32.const 0) (i32.const 3)";
    for (lie, module) in [
        ("a route beyond memory", send("(i32.const 65530) (i32.const 100)", "(i32.const 0) (i32.const 0)")),
        ("a route of four gibibytes", send("(i32.const 0) (i32.const -1)", "(i32.const 0) (i32.const 0)")),
        ("a list beyond memory", send(good, "(i32.const 65520) (i32.const 100)")),
        ("a list of four billion", send(good, "(i32.const 0) (i32.const -1)")),
        ("a list whose size overflows", send(good, "(i32.const 0) (i32.const 0x10000001)")),
        ("a list that is not aligned", send(good, "(i32.const 1) (i32.const 1)")),
        ("a result beyond memory", core("", "(i32.const -16)")),
        ("a result that is no case", core("", "(i32.store8 (i32.const 1024) (i32.const 9)) (i32.const 1024)")),
        (
            "a level that does not exist",
            core(LOG, &format!("(call $log (i32.const 77) (i32.const 0) (i32.const 0)) {OK}")),
        ),
        (
            "a text that is no UTF-8",
            core(
                LOG,
                &format!(
                    "(i32.store8 (i32.const 0) (i32.const 255)) (call $log (i32.const 0) (i32.const 0) (i32.const 1)) {OK}"
                ),
            ),
        ),
        ("a load beyond memory", core("", "(i32.load (i32.const 65536))")),
    ] {
        let reason = trap_of(&module).await;
        assert!(!reason.is_empty() && reason.is_ascii(), "{lie}: {reason}");
    }
}

#[tokio::test]
async fn a_large_list_is_stopped_before_it_is_copied() {
    // 4 MiB of arguments, more than any call may carry, in a memory that has them.
    let body = format!(
        "(drop (memory.grow (i32.const 200))) (call $send (i32.const 0) (i32.const 0) (i32.const 4096) (i32.const 250000) (i32.const 300)) {OK}"
    );
    assert!(trap_of(&core(SEND, &body)).await.contains("fuel"));
}

#[tokio::test]
async fn a_call_that_no_page_can_allow_is_denied_without_the_broker() {
    // The problem's case and text come out as a log line.
    let deny = |route: i32, args: i32| {
        format!(
            "(call $send (i32.const 0) (i32.const {route}) (i32.const 8192) (i32.const {args}) (i32.const 300))
             (call $log (i32.load8_u (i32.const 304)) (i32.load (i32.const 308)) (i32.load (i32.const 312))) {OK}"
        )
    };
    let long_value = format!("(i32.store (i32.const 8204) (i32.const 4097)) {}", deny(3, 1));
    let long_name = format!("(i32.store (i32.const 8196) (i32.const 257)) {}", deny(3, 1));
    for (body, word) in
        [(deny(257, 0), "route"), (deny(3, 65), "64 arguments"), (long_value, "4096 bytes"), (long_name, "name")]
    {
        let mut link = loaded(&component(&core(&format!("{SEND} {LOG}"), &body))).await;
        let (lines, end) = run_alone(&mut link).await;
        assert_eq!(end, ToBroker::Done(Ok(())));
        assert!(matches!(lines.as_slice(), [LogLine { level: Level::Info, text }] if text.contains(word)), "{lines:?}");
    }
}

#[tokio::test]
async fn a_flood_of_lines_is_capped_and_said_once() {
    let flood = format!(
        "(loop $again
            (call $log (i32.const 1) (i32.const 0) (i32.const 5000))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
         {OK}"
    );
    let mut link = loaded(&component(&core(LOG, &flood))).await;
    let (lines, end) = run_alone(&mut link).await;
    assert_eq!(end, ToBroker::Done(Ok(())));
    assert_eq!(lines.len(), 201);
    assert!(lines.iter().all(|line| line.text.len() <= rotabox::wire::LINE_MAX));
    assert_eq!(lines.last().unwrap().text, "further lines were dropped");
}

#[tokio::test]
async fn a_step_makes_so_many_calls_and_no_more() {
    let forever = format!("(loop $again (drop (call $now)) (br $again)) {OK}");
    let mut link = loaded(&component(&core(NOW, &forever))).await;
    let mut calls = 0;
    let (_, end) = run_with(&mut link, RunId(1), start(), |_| {
        calls += 1;
        Reply::Now(0)
    })
    .await;
    assert_eq!(calls, rotabox::wire::CALLS_PER_STEP);
    assert_eq!(end, ToBroker::Trapped("more than 10000 host calls".to_owned()));
}

#[tokio::test]
async fn aborting_is_a_trap_without_names() {
    let named =
        core("", "(call $secret_name) (i32.const 0)").replace("(memory", "(func $secret_name (unreachable)) (memory");
    let reason = trap_of(&named).await;
    assert!(reason.contains("unreachable") && !reason.contains("secret"), "{reason}");
}

#[tokio::test]
async fn fuel_is_per_step() {
    // Three steps that use most of it each.
    let spin = format!(
        "(loop $again (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000)))) {OK}"
    );
    let mut link = loaded_with(&component(&core("", &spin)), rotabox::wire::Limits { fuel: 900_000, ..limits() }).await;
    for _ in 0..3 {
        assert_eq!(run_alone(&mut link).await.1, ToBroker::Done(Ok(())));
    }
}
