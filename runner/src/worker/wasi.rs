//! An inert WASI p2, for toolchains that import it whether it is used or not.
//!
//! | package | what it does |
//! | --- | --- |
//! | `wasi:cli` | no environment, no arguments, stdin at its end, stdout and stderr into the log, `exit` ends the step |
//! | `wasi:io` | streams and polling; a wait is a sleep of the contract |
//! | `wasi:clocks` | whole seconds and whole milliseconds |
//! | `wasi:random` | the system's, a few kilobytes at a time |
//! | `wasi:filesystem`, `wasi:sockets` | no folder is open; any other function traps. The real ones are not linked |
//!
//! The upstream clocks are left out because they need an async runtime.

use super::guest::Guest;
use super::port::Port;
use super::scan;
use crate::wire::{LINE_MAX, Level};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasData, Linker, Resource, ResourceTable, ResourceType, Val};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::{cli, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{WasiCtx, WasiCtxView};
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::bindings::wasi::io;
use wasmtime_wasi_io::bytes::Bytes;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};
use wasmtime_wasi_io::streams::{self, OutputStream, StreamError, StreamResult};

/// Streams, pollables and errors that a step may hold at once.
const RESOURCES: usize = 1000;
/// Bytes of one request for random numbers.
const RANDOM_BYTES: u64 = 64 * 1024;
/// Bytes that a guest may write to a stream before it asks again.
const WRITE_BYTES: usize = 64 * 1024;

/// The state of one step. Made when the guest first uses it.
pub(super) struct Inert {
    ctx: WasiCtx,
    table: ResourceTable,
    port: Port,
    start: Instant,
    lines: [Lines; 2],
}

impl Inert {
    pub(super) fn new(port: Port) -> Inert {
        let lines = [Level::Info, Level::Warn].map(|level| Lines::new(level, port.clone()));
        let [out, err] = lines.clone();
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let ctx = WasiCtx::builder().stdout(out).stderr(err).max_random_size(RANDOM_BYTES).build();
        Inert { ctx, table, port, start: Instant::now(), lines }
    }

    pub(super) fn view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }

    /// Says the last lines, which have no end.
    pub(super) fn finish(&self) -> std::io::Result<()> {
        self.lines.iter().try_for_each(Lines::finish)
    }
}

/// Links the interfaces of WASI that a rotator may have, and stubs for those of `component` that it only has by name.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>, component: &Component) -> wasmtime::Result<()> {
    io::error::add_to_linker::<_, HasTable>(linker, |guest| guest.wasi().view().table)?;
    io::poll::add_to_linker::<_, HasTable>(linker, |guest| guest.wasi().view().table)?;
    io::streams::add_to_linker::<_, HasTable>(linker, |guest| guest.wasi().view().table)?;
    monotonic_clock::add_to_linker::<_, HasClock>(linker, clock)?;
    wall_clock::add_to_linker::<_, HasClock>(linker, clock)?;
    random::random::add_to_linker::<_, WasiRandom>(linker, |guest| guest.random())?;
    random::insecure::add_to_linker::<_, WasiRandom>(linker, |guest| guest.random())?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, |guest| guest.random())?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    stubs(linker, component)
}

/// What a stub's resources would be, if one were ever made.
struct Absent;

/// A function of a stub was called.
#[derive(Debug, thiserror::Error)]
#[error("it called `{0}`, which no rotator has")]
pub(super) struct NotThere(String);

fn stubs(linker: &mut Linker<Guest>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (interface, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        if !scan::is_stub(interface) {
            continue;
        }
        let mut stub = linker.instance(interface)?;
        for (name, export) in instance.exports(&engine) {
            match export.ty {
                // Every C library asks at its start which folders are open: none.
                ComponentItem::ComponentFunc(_) if name == "get-directories" => {
                    stub.func_new(name, |_, _, _, results| {
                        results.iter_mut().for_each(|result| *result = Val::List(vec![]));
                        Ok(())
                    })?;
                }
                ComponentItem::ComponentFunc(_) => {
                    let interface = interface.to_owned();
                    stub.func_new(name, move |_, _, _, _| Err(NotThere(interface.clone()).into()))?;
                }
                ComponentItem::Resource(_) => stub.resource(name, resource(name), |_, _| Ok(()))?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// A stub's resource. Those of `wasi:io` that it uses have to be the linked ones, or nothing fits together.
fn resource(name: &str) -> ResourceType {
    match name {
        "error" => ResourceType::host::<streams::Error>(),
        "input-stream" => ResourceType::host::<streams::DynInputStream>(),
        "output-stream" => ResourceType::host::<streams::DynOutputStream>(),
        "pollable" => ResourceType::host::<DynPollable>(),
        _ => ResourceType::host::<Absent>(),
    }
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

struct HasClock;

impl HasData for HasClock {
    type Data<'a> = Clock<'a>;
}

/// Both clocks, of the worker's own time.
struct Clock<'a> {
    table: &'a mut ResourceTable,
    port: &'a Port,
    start: Instant,
}

fn clock(guest: &mut Guest) -> Clock<'_> {
    let Inert { table, port, start, .. } = guest.wasi();
    Clock { table, port, start: *start }
}

const NANOSECONDS_A_MILLISECOND: u64 = 1_000_000;

impl wall_clock::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(wall_clock::Datetime { seconds: since.as_secs(), nanoseconds: 0 })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 1, nanoseconds: 0 })
    }
}

impl monotonic_clock::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        let milliseconds =
            u64::try_from(self.port.now().saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        Ok(milliseconds.saturating_mul(NANOSECONDS_A_MILLISECOND))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(NANOSECONDS_A_MILLISECOND)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.wake_at(self.start.checked_add(Duration::from_nanos(when)))
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.wake_at(self.port.now().checked_add(Duration::from_nanos(duration)))
    }
}

impl Clock<'_> {
    fn wake_at(&mut self, time: Option<Instant>) -> wasmtime::Result<Resource<DynPollable>> {
        let alarm = self.table.push(Alarm { time, port: self.port.clone() })?;
        subscribe(self.table, alarm)
    }
}

/// A pollable that is ready from a time on; `None` is never.
struct Alarm {
    time: Option<Instant>,
    port: Port,
}

#[async_trait]
impl Pollable for Alarm {
    async fn ready(&mut self) {
        std::future::poll_fn(|_| match self.time {
            Some(time) if self.port.now() >= time => Poll::Ready(()),
            Some(time) => {
                self.port.wake_at(time);
                Poll::Pending
            }
            None => Poll::Pending,
        })
        .await;
    }
}

/// Output as log lines. Clones write to the same line.
#[derive(Clone)]
struct Lines {
    level: Level,
    port: Port,
    line: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    fn new(level: Level, port: Port) -> Lines {
        Lines { level, port, line: Arc::default() }
    }

    fn take(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            // One byte above the cap shows that it was longer; the rest of the line is dropped.
            let room = LINE_MAX.saturating_add(1).saturating_sub(line.len());
            line.extend(text.iter().take(room));
            if text.len() < piece.len() {
                self.say(&std::mem::take(&mut *line))?;
            }
        }
        Ok(())
    }

    fn finish(&self) -> std::io::Result<()> {
        let line = std::mem::take(&mut *self.line.lock().unwrap_or_else(PoisonError::into_inner));
        if line.is_empty() { Ok(()) } else { self.say(&line) }
    }

    fn say(&self, line: &[u8]) -> std::io::Result<()> {
        self.port.log(self.level, String::from_utf8_lossy(line).into_owned())
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Only WASI p3 would use it.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes).map_err(|error| StreamError::Trap(error.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}
