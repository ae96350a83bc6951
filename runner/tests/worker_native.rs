//! Machine code from a file: the same as compiled here, behind the same walls, or refused and compiled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ROTABOX, component, core, in_time, limits, run_alone, run_with, start, worker};
use rotabox::broker::link::{Link, LoadError};
use rotabox::confine::Measure;
use rotabox::wire::{Call, Failure, Limits, NativeCode, Reply, RunId, ToBroker, ToWorker, WorkerMisbehaved};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

async fn compiled(module: &[u8]) -> Vec<u8> {
    in_time(worker().compile(module, limits())).await.expect("it compiles")
}

/// A file with these bytes, and something behind them, as in the store.
fn file(code: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(code).unwrap();
    file.write_all(b"a label").unwrap();
    file.rewind().unwrap();
    file
}

async fn linked(code: &[u8], limits: Limits) -> (Link, Result<rotabox::confine::Enforced, String>) {
    let mut link = Link::spawn_from_with(Path::new(ROTABOX), Some(&file(code))).unwrap();
    let code = NativeCode { bytes: code.len() as u64, sha256: None, limits };
    let answer = in_time(link.load_native(code)).await.expect("the worker keeps to the protocol");
    (link, answer)
}

const NOW: &str = r#"(import "rotabox:rotator/time@0.1.0" "now" (func $now (result i64)))"#;

fn asks_the_time() -> Vec<u8> {
    component(&core(NOW, "(drop (call $now)) (i32.const 1024)"))
}

#[tokio::test]
async fn a_rotator_runs_from_a_file_behind_all_walls_with_no_file_open() {
    let (mut link, answer) = linked(&compiled(&asks_the_time()).await, limits()).await;
    let enforced = answer.unwrap();
    assert_eq!(enforced.seccomp, Measure::On);
    assert_ne!(enforced.landlock, Measure::Failed);
    let (_, end) = run_with(&mut link, RunId(1), start(), |call| {
        assert_eq!(call, Call::Now);
        Reply::Now(1)
    })
    .await;
    assert_eq!(end, ToBroker::Done(Ok(())));
    #[cfg(target_os = "linux")]
    {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", link.process().unwrap())).unwrap();
        let mut names: Vec<_> = descriptors.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["0", "1"]);
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", link.process().unwrap())).unwrap();
        let writable_code = maps.lines().filter(|line| line.contains(" rwx") || line.contains(" -wx")).count();
        assert_eq!(writable_code, 0, "{maps}");
    }
    // A second run is a fresh store of the same code.
    let (_, end) = run_with(&mut link, RunId(2), start(), |_| Reply::Now(1)).await;
    assert_eq!(end, ToBroker::Done(Ok(())));
}

#[tokio::test]
async fn steps_end_as_they_do_when_compiled_here() {
    let failing = core("", "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.const 1024)");
    for (case, core) in [
        ("out of fuel", core("", "(loop $l (br $l)) (i32.const 1024)")),
        ("unreachable", core("", "unreachable")),
        ("stack overflow", core("", "(call $run (i32.const 0) (i32.const 0) (i32.const 0))")),
        ("out of bounds", core("", "(i32.load (i32.const -1))")),
        ("division", core("", "(i32.div_u (i32.const 1) (i32.const 0))")),
        ("a failure", failing),
    ] {
        let module = component(&core);
        let mut here = worker();
        in_time(here.load(&module, limits())).await.unwrap();
        let (mut native, answer) = linked(&compiled(&module).await, limits()).await;
        answer.unwrap();
        let (expected, found) = (run_alone(&mut here).await, run_alone(&mut native).await);
        assert_eq!(found, expected, "{case}");
        if case == "a failure" {
            assert_eq!(found.1, ToBroker::Done(Err(Failure { code: String::new(), detail: String::new() })));
        } else {
            assert!(matches!(found.1, ToBroker::Trapped(_)), "{case}: {found:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_the_module_compiled_instead() {
    let module = asks_the_time();
    let good = compiled(&module).await;
    let other_engine = wasmtime::Engine::default().precompile_component(&module).unwrap();
    for (case, code) in [
        ("text", b"no code".to_vec()),
        ("half of it", good[..good.len() / 2].to_vec()),
        ("other settings", other_engine),
        ("a module instead of code", module.clone()),
    ] {
        let (mut link, answer) = linked(&code, limits()).await;
        assert!(answer.is_err(), "{case}");
        in_time(link.load(&module, limits())).await.unwrap();
        let (_, end) = run_with(&mut link, RunId(1), start(), |_| Reply::Now(1)).await;
        assert_eq!(end, ToBroker::Done(Ok(())), "{case}");
    }
    let (mut link, answer) = linked(&good, Limits { memory_bytes: u64::MAX, ..limits() }).await;
    assert!(answer.unwrap_err().contains("memory limit"));
    in_time(link.load(&module, limits())).await.unwrap();
}

#[tokio::test]
async fn code_that_is_not_what_its_digest_says_is_not_used() {
    let module = asks_the_time();
    let good = compiled(&module).await;
    let sha256: String = Sha256::digest(&good).iter().map(|byte| format!("{byte:02x}")).collect();
    // The last byte is as good as any: nothing but the digest tells of it.
    let mut other = good.clone();
    *other.last_mut().unwrap() ^= 1;
    for (code, damaged) in [(&good, false), (&other, true)] {
        let mut link = Link::spawn_from_with(Path::new(ROTABOX), Some(&file(code))).unwrap();
        let code = NativeCode { bytes: code.len() as u64, sha256: Some(sha256.clone()), limits: limits() };
        let answer = in_time(link.load_native(code)).await.unwrap();
        assert_eq!(answer.as_ref().err().map(|why| why.contains("damaged")), damaged.then_some(true), "{answer:?}");
        if damaged {
            in_time(link.load(&module, limits())).await.unwrap();
        }
        let (_, end) = run_with(&mut link, RunId(1), start(), |_| Reply::Now(1)).await;
        assert_eq!(end, ToBroker::Done(Ok(())));
    }
}

#[tokio::test]
async fn a_worker_with_a_file_may_be_given_the_module_at_once() {
    let module = asks_the_time();
    let mut link = Link::spawn_from_with(Path::new(ROTABOX), Some(&file(b"damaged"))).unwrap();
    in_time(link.load(&module, limits())).await.unwrap();
    let (_, end) = run_with(&mut link, RunId(1), start(), |_| Reply::Now(1)).await;
    assert_eq!(end, ToBroker::Done(Ok(())));
}

#[tokio::test]
async fn native_code_without_a_file_ends_the_worker() {
    let mut link = worker();
    let error =
        in_time(link.load_native(NativeCode { bytes: 4096, sha256: None, limits: limits() })).await.unwrap_err();
    assert!(matches!(error, LoadError::Misbehaved(WorkerMisbehaved::Gone(_))), "{error}");
    assert!(in_time(link.send(RunId(1), &ToWorker::Start(start()))).await.is_err());
}

#[tokio::test]
async fn what_is_not_accepted_is_not_compiled_for_the_store_either() {
    let error = in_time(worker().compile(b"\0asm\x0d\0\x01\0", limits())).await.unwrap_err();
    assert!(matches!(error, LoadError::Rejected(_)), "{error}");
}
