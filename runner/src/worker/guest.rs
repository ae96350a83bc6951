//! One step in a fresh store: the contract's imports.

use super::engine::Loaded;
use super::meter::Meter;
use super::port::Port;
use super::runs::Ended;
use super::trapped;
use super::wasi::Inert;
use crate::wire::{
    self, ARGS_MAX, CODE_MAX, Call, DETAIL_MAX, Failure, Level, NAME_MAX, Reply, Start, VALUE_MAX, clip,
};
use rotabox_page::Step;
use wasmtime::Store;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::{WasiCtxView, WasiView};

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]
    wasmtime::component::bindgen!({
        path: "../guest-sdk/wit",
        world: "rotator",
        imports: {
            "rotabox:rotator/http.routes": async | trappable,
            "rotabox:rotator/http.send": async | trappable,
            "rotabox:rotator/time.now": async | trappable,
            "rotabox:rotator/time.sleep": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

use bindings::exports::rotabox::rotator::rotation;
use bindings::rotabox::rotator::{account, http, log, time};
pub(super) use bindings::{Rotator, RotatorPre};

/// Bytes that one host call may copy out of the guest: the largest call is some 280 KB.
const BYTES_PER_CALL: usize = 2 * 1024 * 1024;
/// Handles of one store. Only an inert WASI has any.
const HANDLES: usize = 1000;

/// Units of fuel after which a computing rotator looks up, so that its time can be held against the clock: some 20 milliseconds.
const FUEL_BETWEEN_LOOKS: u64 = 10_000_000;

/// What a store holds.
pub(super) struct Guest {
    port: Port,
    start: Start,
    meter: Meter,
    wasi: Option<Box<Inert>>,
}

impl Guest {
    pub(super) fn wasi(&mut self) -> &mut Inert {
        self.wasi.get_or_insert_with(|| Box::new(Inert::new(self.port.clone())))
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi().view()
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    Rotator::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)
}

/// One step, from a fresh instance to its end. The store is dropped with it.
pub(super) async fn run(loaded: Loaded, port: Port, start: Start) -> Ended {
    let step = start.step;
    let meter = Meter::new(loaded.limits.memory_bytes);
    let mut store = Store::new(&loaded.engine, Guest { port, start, meter, wasi: None });
    store.limiter(|guest| &mut guest.meter);
    store.set_hostcall_fuel(BYTES_PER_CALL);
    store.set_max_component_handles(HANDLES);
    let result = async {
        store.fuel_async_yield_interval(Some(FUEL_BETWEEN_LOOKS))?;
        store.set_fuel(loaded.limits.fuel)?;
        let instance = loaded.pre.instantiate_async(&mut store).await?;
        instance.rotabox_rotator_rotation().call_run(&mut store, &word(step)).await
    };
    let result = result.await;
    // If the pipe is broken, the frame about the end cannot be written either, and that ends the worker.
    let _ = store.data().wasi.as_deref().map(Inert::finish);
    match result {
        Ok(Ok(())) => Ended::Done(Ok(())),
        Ok(Err(rotation::Failure { code, detail })) => {
            Ended::Done(Err(Failure { code: clip(code, CODE_MAX), detail: clip(detail, DETAIL_MAX) }))
        }
        Err(error) => Ended::Trapped(clip(trapped::reason(&error, store.data().meter.refused_memory), DETAIL_MAX)),
    }
}

fn word(step: Step) -> rotation::Step {
    match step {
        Step::Verify => rotation::Step::Verify,
        Step::Change => rotation::Step::Change,
        Step::Reconcile => rotation::Step::Reconcile,
        Step::Finish => rotation::Step::Finish,
    }
}

impl account::Host for Guest {
    fn user(&mut self) -> wasmtime::Result<String> {
        Ok(self.start.user.clone())
    }

    fn has_old_password(&mut self) -> wasmtime::Result<bool> {
        Ok(self.start.has_old_password)
    }

    fn text(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let field = self.start.texts.iter().find(|(field, _)| *field == name);
        Ok(field.map(|(_, text)| text.clone()))
    }
}

impl http::Host for Guest {
    async fn routes(&mut self) -> wasmtime::Result<Vec<String>> {
        match self.port.routes().await? {
            Reply::Routes(routes) => Ok(routes),
            _ => Err(other_kind()),
        }
    }

    async fn send(&mut self, call: http::Call) -> wasmtime::Result<Result<http::Answer, http::Problem>> {
        if let Some(refusal) = over_cap(&call) {
            return Ok(Err(http::Problem::Denied(refusal)));
        }
        match self.port.call(Call::Send { route: call.route, args: call.args }).await? {
            Reply::Sent(Ok(answer)) => Ok(Ok(answer.into())),
            Reply::Sent(Err(problem)) => Ok(Err(problem.into())),
            _ => Err(other_kind()),
        }
    }
}

/// A call that no page can allow is not worth a frame.
fn over_cap(call: &http::Call) -> Option<String> {
    if call.route.len() > NAME_MAX {
        return Some(format!("a route's name has at most {NAME_MAX} bytes"));
    }
    if call.args.len() > ARGS_MAX {
        return Some(format!("a call has at most {ARGS_MAX} arguments"));
    }
    if call.args.iter().any(|(name, _)| name.len() > NAME_MAX) {
        return Some(format!("an argument's name has at most {NAME_MAX} bytes"));
    }
    if call.args.iter().any(|(_, value)| value.len() > VALUE_MAX) {
        return Some(format!("an argument has at most {VALUE_MAX} bytes"));
    }
    None
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, text: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        Ok(self.port.log(level, text)?)
    }
}

impl time::Host for Guest {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        match self.port.call(Call::Now).await? {
            Reply::Now(milliseconds) => Ok(milliseconds),
            _ => Err(other_kind()),
        }
    }

    async fn sleep(&mut self, milliseconds: u64) -> wasmtime::Result<()> {
        match self.port.call(Call::Sleep { milliseconds }).await? {
            Reply::Slept => Ok(()),
            _ => Err(other_kind()),
        }
    }
}

/// The port checks this; said again because a wrong guess must not become an answer.
fn other_kind() -> wasmtime::Error {
    wasmtime::Error::msg("the reply is of another kind than the call")
}

impl From<wire::Answer> for http::Answer {
    fn from(answer: wire::Answer) -> Self {
        let wire::Answer { status, judged, unmet, shown } = answer;
        http::Answer { status, judged, unmet, shown }
    }
}

impl From<wire::Problem> for http::Problem {
    fn from(problem: wire::Problem) -> Self {
        match problem {
            wire::Problem::NotInPage(text) => http::Problem::NotInPage(text),
            wire::Problem::Denied(text) => http::Problem::Denied(text),
            wire::Problem::NotSent(text) => http::Problem::NotSent(text),
            wire::Problem::NoAnswer(text) => http::Problem::NoAnswer(text),
            wire::Problem::OutOfTime => http::Problem::OutOfTime,
            wire::Problem::Other(text) => http::Problem::Other(text),
        }
    }
}
