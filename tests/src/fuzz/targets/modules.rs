//! Modules: what the admission scan says of them, and what comes of running one. All over the worker's own protocol, in this process.
//!
//! | first byte | the rest is |
//! | --- | --- |
//! | `c` | what wasm-smith makes a component of, with every proposal that it knows |
//! | `m` | what it makes a core module of the contract's shape of, with every proposal |
//! | `r` | the same, with the proposals that rotators may use |
//! | `t` | the same, of code that mostly goes on: without traps |
//! | another | the module itself |

use arbitrary::Unstructured;
use rotabox::page::Step;
use rotabox::wire::frame::{self, Decoder};
use rotabox::wire::{
    Answer, CALLS_PER_STEP, CODE_MAX, Call, DETAIL_MAX, Description, LINE_MAX, LINES_PER_STEP, Limits, NAME_MAX,
    Problem, Reply, RunId, Start, ToBroker, ToWorker,
};
use rotabox::worker;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, OnceLock};
use wasm_smith::Config;

/// Tiny: below what makes a run step aside for other runs.
const LIMITS: Limits = Limits { memory_bytes: 16 << 20, fuel: 2_000_000, inert_wasi: false };

/// What the scan accepts, the engine compiles; what it does not, the engine never sees.
pub(super) fn admission(bytes: &[u8]) {
    let Some(module) = module(bytes) else { return };
    let [ToBroker::Described(described)] = &said(&module, [ToWorker::Describe])[..] else {
        panic!("it is not described")
    };
    check_description(described);
    match &said(&module, [ToWorker::Load(LIMITS)])[..] {
        [ToBroker::Ready(_)] => {
            assert_eq!(described.reasons_without_wasi, Vec::<String>::new(), "it was loaded all the same")
        }
        [ToBroker::Rejected(reasons)] => {
            check_reasons(reasons);
            let seen = &described.reasons_without_wasi;
            assert!(reasons.starts_with(seen), "{seen:?} became {reasons:?}");
            for reason in &reasons[seen.len()..] {
                let meant = ["it does not fit the contract (", "it begins with "];
                assert!(
                    meant.iter().any(|meant| reason.starts_with(meant)),
                    "the scan let through what the engine refuses: {reason}"
                );
            }
        }
        other => panic!("{other:?}"),
    }
}

fn check_description(described: &Description) {
    for name in described.imports.iter().chain(&described.exports) {
        assert!(name.len() <= NAME_MAX, "{name:?}");
    }
    check_reasons(&described.reasons_without_wasi);
    check_reasons(&described.reasons_with_inert_wasi);
    // The policy's word for WASI can only widen.
    let narrower = &described.reasons_without_wasi;
    assert!(!narrower.is_empty() || described.reasons_with_inert_wasi.is_empty(), "{described:?}");
}

fn check_reasons(reasons: &[String]) {
    for reason in reasons {
        assert!(!reason.is_empty() && reason.len() <= DETAIL_MAX, "{} bytes", reason.len());
        assert!(!reason.chars().any(|c| c.is_control() || ('\u{200b}'..'\u{2070}').contains(&c)), "{reason:?}");
    }
}

/// Each step ends by itself, within its fuel, memory and calls.
pub(super) fn run(bytes: &[u8]) {
    let Some(module) = module(bytes) else { return };
    let start = |step| {
        let texts = vec![("app.tenant".to_owned(), "acme".to_owned())];
        ToWorker::Start(Start { step, user: "ann".to_owned(), has_old_password: true, texts, milliseconds: 60_000 })
    };
    let said = said(&module, [ToWorker::Load(LIMITS), start(Step::Verify), start(Step::Change)]);
    let [first, rest @ ..] = said.as_slice() else { panic!("it says nothing") };
    if let ToBroker::Rejected(reasons) = first {
        assert!(rest.is_empty());
        return check_reasons(reasons);
    }
    assert!(matches!(first, ToBroker::Ready(_)), "{first:?}");
    let mut ends = 0;
    let (mut calls, mut lines) = (0, 0);
    for frame in rest {
        match frame {
            ToBroker::Call(_) => calls += 1,
            ToBroker::Log(line) => {
                lines += 1;
                assert!(line.text.len() <= LINE_MAX);
            }
            ToBroker::Done(Ok(())) => ends += 1,
            ToBroker::Done(Err(failure)) => {
                assert!(failure.code.len() <= CODE_MAX && failure.detail.len() <= DETAIL_MAX);
                ends += 1;
            }
            ToBroker::Trapped(reason) => {
                check_reasons(std::slice::from_ref(reason));
                ends += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ends, 2, "each step ends, and once: {rest:?}");
    assert!(calls <= 2 * CALLS_PER_STEP && lines <= 2 * (LINES_PER_STEP + 1), "{calls} calls, {lines} lines");
}

/// All that a worker says of a module which is asked this.
fn said<const N: usize>(module: &[u8], asked: [ToWorker; N]) -> Vec<ToBroker> {
    let broker = Broker::default();
    let mut id = 0;
    broker.send(RunId(0), &ToWorker::Module(module.to_vec()));
    for frame in asked {
        // Runs have ids of their own; the worker itself is 0.
        id += u32::from(matches!(frame, ToWorker::Start(_)));
        broker.send(RunId(id), &frame);
    }
    // A module that is not accepted ends the worker, and there is nothing to run.
    worker::answer(broker.clone(), Box::new(broker.clone()))
        .unwrap_or_else(|stop| panic!("the worker gives up: {stop}"));
    broker.with(|scene| std::mem::take(&mut scene.said))
}

/// Both pipes of a worker, and a broker behind them that answers each call at once.
#[derive(Clone, Default)]
struct Broker(Arc<Mutex<Scene>>);

#[derive(Default)]
struct Scene {
    to_worker: VecDeque<u8>,
    decoder: Decoder<ToBroker>,
    said: Vec<ToBroker>,
}

impl Broker {
    fn with<T>(&self, look: impl FnOnce(&mut Scene) -> T) -> T {
        look(&mut self.0.lock().expect("one thread"))
    }

    fn send(&self, run: RunId, frame: &ToWorker) {
        let bytes = frame::encode(run, frame).expect("a frame");
        self.with(|scene| scene.to_worker.extend(bytes));
    }
}

impl Read for Broker {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|scene| scene.to_worker.read(buffer))
    }
}

impl Write for Broker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut left = bytes;
        while !left.is_empty() {
            let frame = self.with(|scene| scene.decoder.take(&mut left)).expect("the worker writes frames");
            let Some((run, frame)) = frame else { continue };
            if let ToBroker::Call(call) = &frame {
                let count = self.with(|scene| scene.said.len());
                self.send(run, &ToWorker::Reply(reply(call, count)));
            }
            self.with(|scene| scene.said.push(frame));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reply(call: &Call, count: usize) -> Reply {
    match call {
        Call::Routes => Reply::Routes(vec!["find".to_owned(), "sign-in".to_owned()]),
        Call::Now => Reply::Now(1_700_000_000_000),
        Call::Sleep { .. } => Reply::Slept,
        Call::Send { .. } => Reply::Sent(match count % 3 {
            0 => Err(Problem::Denied("no".to_owned())),
            1 => Err(Problem::OutOfTime),
            _ => Ok(Answer {
                status: 200,
                judged: "accepted".to_owned(),
                unmet: vec![],
                shown: vec![("code".to_owned(), "E1".to_owned())],
            }),
        }),
    }
}

fn module(bytes: &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = bytes.split_first()?;
    let mut source = Unstructured::new(rest);
    match first {
        b'c' => wasm_smith::Component::new(Config::default(), &mut source).ok().map(|component| component.to_bytes()),
        b'm' => rotator(Config { module_shape: Some(shape().to_vec()), ..Config::default() }, &mut source),
        b'r' => rotator(plain(), &mut source),
        b't' => rotator(Config { disallow_traps: true, ..plain() }, &mut source),
        _ => Some(rest.to_vec()),
    }
}

/// A component of the contract around a core module that wasm-smith makes.
fn rotator(config: Config, source: &mut Unstructured<'_>) -> Option<Vec<u8>> {
    let mut module = wasm_smith::Module::new(config, source).ok()?.to_bytes();
    let (resolve, world) = contract();
    wit_component::embed_component_metadata(&mut module, resolve, *world, wit_component::StringEncoding::UTF8)
        .expect("the contract can be embedded");
    // The encoder reads less of WebAssembly than wasm-smith writes.
    wit_component::ComponentEncoder::default().module(&module).ok()?.encode().ok()
}

/// What rotators may use.
fn plain() -> Config {
    Config {
        module_shape: Some(shape().to_vec()),
        gc_enabled: false,
        custom_descriptors_enabled: false,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        max_memory32_bytes: 1 << 20,
        max_table_elements: 1000,
        max_tables: 4,
        ..Config::default()
    }
}

/// The imports and exports of a rotator's core module.
fn shape() -> &'static [u8] {
    static SHAPE: OnceLock<Vec<u8>> = OnceLock::new();
    SHAPE.get_or_init(|| {
        wat::parse_str(
            r#"(module
                (import "rotabox:rotator/account@0.1.0" "user" (func (param i32)))
                (import "rotabox:rotator/account@0.1.0" "has-old-password" (func (result i32)))
                (import "rotabox:rotator/account@0.1.0" "text" (func (param i32 i32 i32)))
                (import "rotabox:rotator/http@0.1.0" "routes" (func (param i32)))
                (import "rotabox:rotator/http@0.1.0" "send" (func (param i32 i32 i32 i32 i32)))
                (import "rotabox:rotator/log@0.1.0" "write" (func (param i32 i32 i32)))
                (import "rotabox:rotator/time@0.1.0" "now" (func (result i64)))
                (import "rotabox:rotator/time@0.1.0" "sleep" (func (param i64)))
                (memory (export "memory") 1 16)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "rotabox:rotator/rotation@0.1.0#run") (param i32 i32 i32) (result i32) unreachable))"#,
        )
        .expect("the shape")
    })
}

fn contract() -> &'static (wit_parser::Resolve, wit_parser::WorldId) {
    static CONTRACT: OnceLock<(wit_parser::Resolve, wit_parser::WorldId)> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut resolve = wit_parser::Resolve::default();
        let folder = crate::artifacts::root().join("guest-sdk/wit");
        let (package, _) = resolve.push_path(folder).expect("the contract parses");
        let world = resolve.select_world(&[package], Some("rotator")).expect("the world");
        (resolve, world)
    })
}
