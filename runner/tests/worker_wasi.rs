//! An inert WASI p2: what a component that imports it can do, and what it cannot.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{core, in_time, limits, loaded_with, reasons, run_with, start, worker};
use rotabox::wire::{Call, Level, Limits, LogLine, Reply, RunId, ToBroker, ToWorker};

/// `ok`: memory is zero there.
const OK: &str = "(i32.const 1024)";
const INERT: Limits = Limits { memory_bytes: 16 << 20, fuel: 20_000_000, inert_wasi: true };

/// The parts of WASI that the tests use, in the versions that real toolchains write, and a world that adds them to ours.
const WASI: [(&str, &str); 6] = [
    (
        "io",
        "package wasi:io@0.2.6;
         interface error { resource error; }
         interface poll { resource pollable { ready: func() -> bool; block: func(); } poll: func(in: list<borrow<pollable>>) -> list<u32>; }
         interface streams {
            use error.{error};
            use poll.{pollable};
            variant stream-error { last-operation-failed(error), closed }
            resource input-stream { read: func(len: u64) -> result<list<u8>, stream-error>; }
            resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
         }",
    ),
    (
        "clocks",
        "package wasi:clocks@0.2.6;
         interface monotonic-clock {
            use wasi:io/poll@0.2.6.{pollable};
            type instant = u64;
            type duration = u64;
            now: func() -> instant;
            subscribe-duration: func(when: duration) -> pollable;
         }
         interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }",
    ),
    ("random", "package wasi:random@0.2.6; interface random { get-random-bytes: func(len: u64) -> list<u8>; }"),
    (
        "filesystem",
        "package wasi:filesystem@0.2.6;
         interface types {
            use wasi:io/streams@0.2.6.{input-stream, output-stream, error};
            enum error-code { access }
            resource descriptor {
                read-via-stream: func(offset: u64) -> result<input-stream, error-code>;
                write-via-stream: func(offset: u64) -> result<output-stream, error-code>;
            }
            filesystem-error-code: func(err: borrow<error>) -> option<error-code>;
         }
         interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }",
    ),
    (
        "sockets",
        "package wasi:sockets@0.2.6;
         interface network { resource network; }
         interface udp {
            use wasi:io/poll@0.2.6.{pollable};
            use network.{network};
            resource udp-socket { start-bind: func(network: borrow<network>) -> result; subscribe: func() -> pollable; }
         }
         interface instance-network { use network.{network}; instance-network: func() -> network; }",
    ),
    (
        "cli",
        "package wasi:cli@0.2.6;
         interface environment { get-environment: func() -> list<tuple<string, string>>; get-arguments: func() -> list<string>; }
         interface exit { exit: func(status: result); }
         interface stdin { use wasi:io/streams@0.2.6.{input-stream}; get-stdin: func() -> input-stream; }
         interface stdout { use wasi:io/streams@0.2.6.{output-stream}; get-stdout: func() -> output-stream; }
         interface stderr { use wasi:io/streams@0.2.6.{output-stream}; get-stderr: func() -> output-stream; }",
    ),
];

const WORLD: &str = "package test:guests;
    world wasi {
        include rotabox:rotator/rotator@0.1.0;
        import wasi:io/poll@0.2.6;
        import wasi:io/streams@0.2.6;
        import wasi:clocks/monotonic-clock@0.2.6;
        import wasi:clocks/wall-clock@0.2.6;
        import wasi:random/random@0.2.6;
        import wasi:filesystem/types@0.2.6;
        import wasi:filesystem/preopens@0.2.6;
        import wasi:sockets/udp@0.2.6;
        import wasi:sockets/instance-network@0.2.6;
        import wasi:cli/environment@0.2.6;
        import wasi:cli/exit@0.2.6;
        import wasi:cli/stdin@0.2.6;
        import wasi:cli/stdout@0.2.6;
        import wasi:cli/stderr@0.2.6;
    }";

/// A component of that world; what its core module does not import is left out of it.
fn component(imports: &str, body: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    resolve.push_path(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/wit")).unwrap();
    for (name, text) in WASI {
        resolve.push_str(format!("{name}.wit"), text).unwrap();
    }
    let package = resolve.push_str("world.wit", WORLD).unwrap();
    let world = resolve.select_world(&[package], Some("wasi")).unwrap();
    common::encode(&core(imports, body), &resolve, world)
}

async fn run(component: &[u8]) -> (Vec<LogLine>, ToBroker) {
    let mut link = loaded_with(component, INERT).await;
    run_with(&mut link, RunId(1), start(), |call| panic!("unexpected call {call:?}")).await
}

async fn trapped(imports: &str, body: &str) -> String {
    match run(&component(imports, body)).await {
        (_, ToBroker::Trapped(reason)) => reason,
        other => panic!("it should have trapped: {other:?}"),
    }
}

const OUT: &str = r#"
    (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#;
const LOG: &str = r#"(import "rotabox:rotator/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;

#[tokio::test]
async fn output_becomes_log_lines_whole_lines_and_the_rest_at_the_end() {
    let imports = format!(r#"{OUT} (data (i32.const 100) "one\ntwo") (data (i32.const 120) " and a half\n\nleft\ff")"#);
    let body = format!(
        "(call $write (call $stdout) (i32.const 100) (i32.const 7) (i32.const 200))
         (call $write (call $stderr) (i32.const 100) (i32.const 3) (i32.const 200))
         (call $write (call $stdout) (i32.const 120) (i32.const 18) (i32.const 200))
         {OK}"
    );
    let (lines, end) = run(&component(&imports, &body)).await;
    let said: Vec<_> = lines.iter().map(|line| (line.level, line.text.as_str())).collect();
    let info = Level::Info;
    assert_eq!(
        said,
        [(info, "one"), (info, "two and a half"), (info, ""), (info, "left\u{fffd}"), (Level::Warn, "one")]
    );
    assert_eq!(end, ToBroker::Done(Ok(())));
}

#[tokio::test]
async fn endless_output_is_capped_in_lines_and_in_bytes() {
    // 4000 bytes without an end of line, five hundred times; then three hundred empty lines.
    let times = |n: i32, body: &str| {
        format!(
            "(local.set $i (i32.const 0)) (loop $again {body} (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {n}))))"
        )
    };
    let body = format!(
        "{} {} {OK}",
        times(500, "(call $write (call $stdout) (i32.const 8192) (i32.const 4000) (i32.const 200))"),
        times(300, "(call $write (call $stdout) (i32.const 100) (i32.const 1) (i32.const 200))"),
    );
    let (lines, end) = run(&component(&format!(r#"{OUT} (data (i32.const 100) "\n")"#), &body)).await;
    assert_eq!(end, ToBroker::Done(Ok(())));
    assert_eq!(lines.len(), 201);
    assert!(lines.iter().all(|line| line.text.len() <= rotabox::wire::LINE_MAX));
    assert_eq!(lines.last().unwrap().text, "further lines were dropped");
}

#[tokio::test]
async fn exit_is_a_trap_even_if_it_says_success() {
    let exit = r#"(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))"#;
    assert_eq!(
        trapped(exit, &format!("(call $exit (i32.const 0)) {OK}")).await,
        "it exited with 0 instead of answering"
    );
    assert_eq!(
        trapped(exit, &format!("(call $exit (i32.const 1)) {OK}")).await,
        "it exited with 1 instead of answering"
    );
}

#[tokio::test]
async fn there_are_no_variables_arguments_folders_and_no_input() {
    let imports = r#"
        (import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))
        (import "wasi:cli/environment@0.2.6" "get-arguments" (func $arguments (param i32)))
        (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $folders (param i32)))
        (import "wasi:cli/stdin@0.2.6" "get-stdin" (func $stdin (result i32)))
        (import "wasi:io/streams@0.2.6" "[method]input-stream.read" (func $read (param i32 i64 i32)))
        (data (i32.const 200) "\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff")"#;
    let empty =
        |call: &str| format!("(call {call} (i32.const 200)) (if (i32.load (i32.const 204)) (then unreachable))");
    let body = format!(
        "{} (i32.store (i32.const 204) (i32.const -1)) {} (i32.store (i32.const 204) (i32.const -1)) {}
         (call $read (call $stdin) (i64.const 100) (i32.const 200))
         (if (i32.ne (i32.load8_u (i32.const 200)) (i32.const 1)) (then unreachable))   ;; an error,
         (if (i32.ne (i32.load8_u (i32.const 204)) (i32.const 1)) (then unreachable))   ;; namely `closed`
         {OK}",
        empty("$environment"),
        empty("$arguments"),
        empty("$folders"),
    );
    assert_eq!(run(&component(imports, &body)).await, (vec![], ToBroker::Done(Ok(()))));
}

#[tokio::test]
async fn sockets_are_there_by_name_only() {
    let network = r#"(import "wasi:sockets/instance-network@0.2.6" "instance-network" (func $network (result i32)))"#;
    let reason = trapped(network, &format!("(drop (call $network)) {OK}")).await;
    assert_eq!(reason, "it called `wasi:sockets/instance-network@0.2.6`, which no rotator has");
}

#[tokio::test]
async fn stubs_that_use_streams_and_pollables_fit_the_linked_ones() {
    let imports = format!(
        r#"{OUT} {CLOCK}
        (import "wasi:filesystem/types@0.2.6" "[method]descriptor.read-via-stream" (func (param i32 i64 i32)))
        (import "wasi:filesystem/types@0.2.6" "[method]descriptor.write-via-stream" (func (param i32 i64 i32)))
        (import "wasi:filesystem/types@0.2.6" "filesystem-error-code" (func (param i32 i32)))
        (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func (param i32)))
        (import "wasi:sockets/udp@0.2.6" "[method]udp-socket.start-bind" (func (param i32 i32) (result i32)))
        (import "wasi:sockets/udp@0.2.6" "[method]udp-socket.subscribe" (func (param i32) (result i32)))"#
    );
    assert_eq!(run(&component(&imports, OK)).await, (vec![], ToBroker::Done(Ok(()))));
}

const CLOCK: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after (param i64) (result i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.ready" (func $ready (param i32) (result i32)))
    (import "wasi:io/poll@0.2.6" "poll" (func $poll (param i32 i32 i32)))"#;

#[tokio::test]
async fn a_wait_is_a_sleep_of_the_brokers_clock() {
    // An hour; it is over when the broker says so, and the guest's clock agrees.
    let body = format!(
        "(local.set $n (call $now))
         (call $block (call $after (i64.const 3600000000000)))
         (if (i64.lt_u (i64.sub (call $now) (local.get $n)) (i64.const 3599000000000)) (then unreachable))
         {OK}"
    );
    let mut link = loaded_with(&component(CLOCK, &body), INERT).await;
    let mut asked = vec![];
    let (_, end) = run_with(&mut link, RunId(1), start(), |call| {
        asked.push(call);
        Reply::Slept
    })
    .await;
    assert_eq!(end, ToBroker::Done(Ok(())));
    let [Call::Sleep { milliseconds }] = asked.as_slice() else { panic!("{asked:?}") };
    assert!((3_590_000..=3_600_001).contains(milliseconds), "{milliseconds}");
}

#[tokio::test]
async fn of_several_waits_the_earliest_ends_the_poll() {
    let imports = format!("{CLOCK} {LOG}");
    let body = format!(
        "(i32.store (i32.const 100) (call $after (i64.const 7200000000000)))
         (i32.store (i32.const 104) (call $after (i64.const 60000000000)))
         (i32.store (i32.const 108) (call $after (i64.const -1)))
         (if (call $ready (i32.load (i32.const 104))) (then unreachable))
         (call $poll (i32.const 100) (i32.const 3) (i32.const 200))
         (call $log (i32.const 0) (i32.const 0) (i32.load (i32.const 204)))                 ;; how many are ready
         (call $log (i32.const 0) (i32.const 0) (i32.load (i32.load (i32.const 200))))      ;; which one
         {OK}"
    );
    let mut link = loaded_with(&component(&imports, &body), INERT).await;
    let mut sleeps = 0;
    let (lines, end) = run_with(&mut link, RunId(1), start(), |call| {
        assert!(matches!(call, Call::Sleep { milliseconds: ..=60_001 }), "{call:?}");
        sleeps += 1;
        Reply::Slept
    })
    .await;
    assert_eq!((sleeps, end), (1, ToBroker::Done(Ok(()))));
    assert_eq!(lines.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_wait_for_ever_is_a_sleep_that_only_the_brokers_deadline_ends() {
    let mut link =
        loaded_with(&component(CLOCK, &format!("(call $block (call $after (i64.const -1))) {OK}")), INERT).await;
    in_time(async {
        link.send(RunId(1), &ToWorker::Start(start())).await.unwrap();
        let (_, call) = link.next().await.unwrap();
        assert!(matches!(call, ToBroker::Call(Call::Sleep { milliseconds: 18_000_000_000_000.. })), "{call:?}");
        link.kill().await;
    })
    .await;
}

#[tokio::test]
async fn clocks_are_coarse() {
    let imports = format!(r#"{CLOCK} (import "wasi:clocks/wall-clock@0.2.6" "now" (func $wall (param i32)))"#);
    let body = format!(
        "(if (i64.ne (i64.rem_u (call $now) (i64.const 1000000)) (i64.const 0)) (then unreachable))
         (call $wall (i32.const 200))
         (if (i64.lt_u (i64.load (i32.const 200)) (i64.const 1700000000)) (then unreachable))
         (if (i32.load (i32.const 208)) (then unreachable))
         {OK}"
    );
    assert_eq!(run(&component(&imports, &body)).await.1, ToBroker::Done(Ok(())));
}

#[tokio::test]
async fn random_numbers_come_in_small_portions() {
    let random = r#"(import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))"#;
    let take = |bytes: u64| {
        format!("(drop (memory.grow (i32.const 10))) (call $random (i64.const {bytes}) (i32.const 200)) {OK}")
    };
    assert_eq!(run(&component(random, &take(32))).await.1, ToBroker::Done(Ok(())));
    assert!(!trapped(random, &take(1 << 20)).await.is_empty());
    assert!(!trapped(random, &take(1 << 63)).await.is_empty());
}

#[tokio::test]
async fn handles_run_out() {
    let body = format!("(loop $again (drop (call $after (i64.const 1))) (br $again)) {OK}");
    let reason = trapped(CLOCK, &body).await;
    assert!(reason.contains("resource") || reason.contains("handle"), "{reason}");
}

#[tokio::test]
async fn without_the_policys_word_there_is_no_wasi() {
    let exit = r#"(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))"#;
    let module = component(exit, OK);
    let said = reasons(&module, limits()).await;
    assert!(said.contains("`wasi:cli/exit@0.2.6`") && said.contains("wasi = \"inert\""), "{said}");
}

#[tokio::test]
async fn a_description_says_both() {
    let network = r#"(import "wasi:sockets/instance-network@0.2.6" "instance-network" (func $network (result i32)))"#;
    let mut link = worker();
    let description = in_time(link.describe(&component(network, OK))).await.unwrap();
    assert!(description.imports.contains(&"wasi:sockets/instance-network@0.2.6".to_owned()), "{description:?}");
    assert_eq!(description.exports, ["rotabox:rotator/rotation@0.1.0"]);
    assert_eq!((description.reasons_without_wasi.len(), description.reasons_with_inert_wasi.len()), (1, 0));
}
