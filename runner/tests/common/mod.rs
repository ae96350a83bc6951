//! What the suites of the worker share: tiny components, and a worker that runs them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests; each suite uses a part"
)]

use rotabox::broker::link::{Link, LoadError};
use rotabox::page::Step;
use rotabox::wire::{Limits, LogLine, Reply, RunId, Start, ToBroker, ToWorker};
use std::path::Path;
use std::time::Duration;

/// The binary under test.
pub const ROTABOX: &str = env!("CARGO_BIN_EXE_rotabox");

pub fn limits() -> Limits {
    Limits { memory_bytes: 16 << 20, fuel: 20_000_000, inert_wasi: false }
}

pub fn start() -> Start {
    Start { step: Step::Change, user: "ada".to_owned(), has_old_password: true, texts: vec![], milliseconds: 600_000 }
}

pub fn worker() -> Link {
    Link::spawn_from(Path::new(ROTABOX)).expect("the worker starts")
}

pub async fn loaded(component: &[u8]) -> Link {
    loaded_with(component, limits()).await
}

pub async fn loaded_with(component: &[u8], limits: Limits) -> Link {
    let mut link = worker();
    link.load(component, limits).await.expect("the module is accepted");
    link
}

/// Why a module is not accepted.
pub async fn reasons(module: &[u8], limits: Limits) -> String {
    let mut link = worker();
    let answer = in_time(link.load(module, limits)).await;
    match answer {
        Err(LoadError::Rejected(reasons)) => reasons.join("\n"),
        other => panic!("it should have been rejected: {other:?}"),
    }
}

/// A test that hangs fails instead.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it ends in time")
}

/// Runs one step that makes no calls: its log lines and how it ended.
pub async fn run_alone(link: &mut Link) -> (Vec<LogLine>, ToBroker) {
    run_with(link, RunId(1), start(), |call| panic!("unexpected call {call:?}")).await
}

/// Runs one step to its end, answering its calls.
pub async fn run_with(
    link: &mut Link,
    run: RunId,
    start: Start,
    mut answer: impl FnMut(rotabox::wire::Call) -> Reply,
) -> (Vec<LogLine>, ToBroker) {
    in_time(async {
        let mut lines = vec![];
        link.send(run, &ToWorker::Start(start)).await.expect("the worker takes a start");
        loop {
            match link.next().await.expect("the worker keeps to the protocol") {
                (id, ToBroker::Log(line)) if id == run => lines.push(line),
                (id, ToBroker::Call(call)) if id == run => {
                    let reply = answer(call);
                    link.send(run, &ToWorker::Reply(reply)).await.expect("the worker takes a reply");
                }
                (id, end) if id == run => return (lines, end),
                (id, other) => panic!("a frame of another run {id:?}: {other:?}"),
            }
        }
    })
    .await
}

/// Why a step of this component, given as a core module in text form, trapped.
pub async fn trap_of(core: &str) -> String {
    let mut link = loaded(&component(core)).await;
    match run_alone(&mut link).await {
        (_, ToBroker::Trapped(reason)) => reason,
        other => panic!("it should have trapped: {other:?}"),
    }
}

/// A component of our world around a core module in text form.
pub fn component(core: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/wit");
    let (package, _) = resolve.push_path(contract).expect("the contract parses");
    let world = resolve.select_world(&[package], Some("rotator")).expect("the world exists");
    encode(core, &resolve, world)
}

/// The same for another world.
pub fn encode(core: &str, resolve: &wit_parser::Resolve, world: wit_parser::WorldId) -> Vec<u8> {
    let mut module = wat::parse_str(core).expect("the text is a module");
    wit_component::embed_component_metadata(&mut module, resolve, world, wit_component::StringEncoding::UTF8)
        .expect("the world can be embedded");
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .expect("the module fits the world")
        .encode()
        .expect("it becomes a component")
}

/// A core module with a memory, an allocator and `run`, whose body is given. The result of `run` is a pointer; memory is zero,
/// which is `ok`. `imports` come first.
pub fn core(imports: &str, body: &str) -> String {
    format!(
        r#"(module
            {imports}
            (memory (export "memory") 1)
            (global $next (mut i32) (i32.const 4096))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.get $next)
                (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 15)) (i32.const -16))))
            (func $run (export "rotabox:rotator/rotation@0.1.0#run") (param $step i32) (param i32 i32) (result i32)
                (local $i i32) (local $n i64)
                {body}))"#
    )
}
