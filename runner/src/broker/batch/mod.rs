//! `batch`: many lines for one module, each a run of its own.
//!
//! One process with the secrets and the network, and some workers. A line is read, bound and given a place; then it is a run like any
//! other: its own ledger, deadline, secrets, trail and stores. What lines share is in [`super::http::common`] and in the
//! pool of workers, and nothing of it is one account's.
//!
//! | module | what |
//! | --- | --- |
//! | [`lines`] | stdin, no further than somebody takes |
//! | [`turns`] | lines for one account, one after the other |
//! | [`order`] | results in the order of the input |
//! | [`tally`] | counts, the words for people, the exit code |

pub mod lines;
pub mod order;
pub mod tally;
pub mod turns;

use super::code::Origin;
use super::http::common::Common;
use super::http::dial::{Capability, Settings};
use super::interrupt::Interrupts;
use super::launcher::Launcher;
use super::outcome::Outcome;
use super::pool::{Module, Pool};
use super::retry;
use super::run::{self, Hands, Opened};
use super::seat::Seat;
use crate::audit::{Audit, Trail};
use crate::confine::{self, Enforced};
use crate::gateway;
use crate::page::Page;
use crate::policy::{Bound, Policy, bind};
use crate::report::result::{Limits, RunResult, Said, Verb};
use crate::wire;
use lines::{Line, Next};
use order::{Order, Printer};
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tally::{Stop, Summary, Tally};
use tokio::task::JoinSet;
use turns::{Turn, Turns};

/// Lines that may be begun beyond the first one whose result is missing, times the lines that may be under way. A result has some three
/// kilobytes.
const WINDOW: u64 = 16;
/// The same, at least.
const WINDOW_LEAST: u64 = 1024;
/// Over how long lines spread out that were held up by a pause.
const SPREAD: Duration = Duration::from_millis(200);

/// What is to be run.
#[derive(Debug)]
pub struct Request {
    /// A policy's name, or a path to a module.
    pub what: String,
    /// The policy folder.
    pub policies: PathBuf,
    /// The host file: an explicit one must exist.
    pub config: Option<PathBuf>,
    /// Most lines under way at once.
    pub jobs: usize,
    /// Worker processes.
    pub workers: usize,
    /// Most lines begun in a second; none: as fast as they go.
    pub rate: Option<f64>,
    /// Results as lines finish, not in the order of the input.
    pub as_finished: bool,
}

/// A line that is done.
#[derive(Debug)]
pub struct Finished {
    number: u64,
    place: u64,
    exit: u8,
    outcome: &'static str,
    /// The first of its lines for people.
    words: String,
    /// The result line.
    line: String,
}

/// Runs all lines of stdin and writes their results to `stdout`. The error is the result of a batch that could not begin.
pub fn execute(
    request: &Request,
    enforced: Enforced,
    stdout: impl Write + Send + 'static,
    progress: impl FnMut(&Tally),
) -> Result<Summary, Box<RunResult>> {
    let began = Instant::now();
    let mut result = RunResult::new(Verb::Run, &request.what, enforced);
    let mut trail = None;
    let as_run = run::Request {
        what: request.what.clone(),
        policies: request.policies.clone(),
        config: request.config.clone(),
        verb: Verb::Run,
    };
    let served = match run::opened(&as_run, &mut result, &mut trail) {
        Ok((opened, trail)) => runtime(request, opened, trail, &mut result, stdout, progress),
        Err(reason) => Err(reason),
    };
    served.map(|summary| Summary { took: began.elapsed(), ..summary }).map_err(|reason| {
        result.conclude(Said::Outcome(Outcome::NotStarted { reason }), began.elapsed());
        if let Some(trail) = &mut trail {
            result.record(trail);
        }
        Box::new(result)
    })
}

fn runtime(
    request: &Request,
    opened: Opened,
    trail: &mut Trail,
    result: &mut RunResult,
    stdout: impl Write + Send + 'static,
    progress: impl FnMut(&Tally),
) -> Result<Summary, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the system gave no event loop: {error}"))?;
    let local = tokio::task::LocalSet::new();
    let summary = local.block_on(&runtime, served(request, opened, trail, result, stdout, progress));
    // What the lines left behind ends before the runtime does.
    drop(local);
    runtime.shutdown_background();
    summary
}

async fn served(
    request: &Request,
    opened: Opened,
    trail: &mut Trail,
    result: &mut RunResult,
    stdout: impl Write + Send + 'static,
    progress: impl FnMut(&Tally),
) -> Result<Summary, String> {
    let Opened { found, code, host, trust } = opened;
    let interrupts = Interrupts::listen().map_err(|error| format!("signals cannot be heard: {error}"))?;
    let launcher = Launcher::spawn(code.file())
        .map_err(|error| format!("the launcher of workers could not be started: {error}"))?;
    confine::broker_walls(&mut result.walls().broker, &run::ports(&found.policy, &host));
    // Threads from here on: those that were there before would be outside the walls.
    trail.audit().in_groups().map_err(|error| error.to_string())?;
    let limits = &found.policy.limits;
    let module = Module {
        limits: wire::Limits {
            memory_bytes: limits.memory_bytes,
            fuel: limits.fuel,
            inert_wasi: found.policy.rotator.inert_wasi,
        },
        patience: limits.compile,
        require_confinement: found.policy.settings.require_confinement,
        bytes: found.module.clone(),
        code,
    };
    result.limits(Limits::of(limits));
    let pool = Pool::start(launcher, module, request.workers);
    let mut waiting = interrupts.clone();
    let worker = tokio::select! {
        worker = pool.ready() => worker?,
        () = waiting.wait(1) => return Err("interrupted by a signal before anything was tried".to_owned()),
    };
    let (worker, origin) = worker;
    result.walls().worker = Some(worker);
    if let Some(missing) = result.walls().missing()
        && found.policy.settings.require_confinement
    {
        return Err(format!("the policy requires confinement, and {missing}; see `rotabox doctor`"));
    }
    let audit = trail.audit().clone();
    let batch = Rc::new(Batch {
        what: request.what.clone(),
        page: Arc::new(found.page.clone()),
        policy: Arc::new(found.policy.clone()),
        walls: (result.walls().broker.clone(), result.walls().worker.clone()),
        origin,
        found,
        host,
        trust,
        audit,
        pool,
        interrupts,
        common: Common::default(),
        turns: Turns::default(),
        pace: Pace::new(request.rate),
        stop: RefCell::new(None),
        stopped: tokio::sync::Notify::new(),
    });
    batch.run(request, stdout, progress).await
}

/// What all lines have in common.
struct Batch {
    what: String,
    page: Arc<Page>,
    policy: Arc<Policy>,
    walls: (Enforced, Option<Enforced>),
    origin: Origin,
    found: crate::policy::find::Found,
    host: crate::policy::HostFile,
    trust: super::http::client::Trust,
    audit: Audit,
    pool: Pool,
    interrupts: Interrupts,
    common: Common,
    turns: Turns,
    pace: Pace,
    /// Nothing new is begun any more, and why.
    stop: RefCell<Option<Stop>>,
    stopped: tokio::sync::Notify,
}

impl Batch {
    async fn run(
        self: Rc<Self>,
        request: &Request,
        stdout: impl Write + Send + 'static,
        mut progress: impl FnMut(&Tally),
    ) -> Result<Summary, String> {
        let thread = |error: std::io::Error| format!("the system gave no thread: {error}");
        let printer = Printer::start(stdout).map_err(thread)?;
        let mut input = lines::read(std::io::stdin()).map_err(thread)?;
        let jobs = request.jobs.max(1);
        let window = (WINDOW * jobs as u64).max(WINDOW_LEAST);
        let mut order = Order::new((!request.as_finished).then_some(window));
        let mut tally = Tally::default();
        let mut under_way = JoinSet::new();
        let mut interrupts = self.interrupts.clone();
        let (mut input_left, mut last_read) = (true, 0);
        loop {
            if let Some(reason) = self.pool.over() {
                self.stop(Stop::Workers(reason));
            }
            let stopped = self.stop.borrow().is_some();
            if under_way.is_empty() && (stopped || !input_left) {
                break;
            }
            let takes = input_left && !stopped && under_way.len() < jobs && order.has_room();
            tokio::select! {
                () = interrupts.wait(1), if !stopped => self.stop(Stop::Signal),
                Some(finished) = under_way.join_next(), if !under_way.is_empty() => {
                    let mut results = String::with_capacity(order::AT_ONCE + order::AT_ONCE / 8);
                    let mut next = Some(finished);
                    while let Some(finished) = next {
                        // A line that panics ends the process: see `cli::out::on_panic`.
                        if let Ok(finished) = finished {
                            tally.add(&finished);
                            order.finish(finished.place, finished.line, &mut results);
                        }
                        next = if results.len() < order::AT_ONCE { under_way.try_join_next() } else { None };
                    }
                    progress(&tally);
                    if !results.is_empty() && printer.print(results).await.is_err() {
                        self.stop(Stop::StdoutClosed);
                    }
                }
                next = input.next(), if takes => match next {
                    Some(Next::Line(line)) => {
                        last_read = line.number;
                        under_way.spawn_local(Rc::clone(&self).line(line.number, order.begin(), self.bound(line)));
                    }
                    Some(Next::Broken(why)) => self.stop(Stop::Stdin(why)),
                    None => input_left = false,
                },
            }
        }
        printer.end();
        let stop = self.stop.borrow().clone().filter(|_| input_left);
        let stopped = stop.map(|stop| (stop, last_read));
        Ok(Summary { tally, stopped, replaced: self.pool.replaced(), took: Duration::ZERO })
    }

    fn stop(&self, why: Stop) {
        self.stop.borrow_mut().get_or_insert(why);
        self.stopped.notify_waiters();
    }

    /// A line, bound, with its place among those of the same account. In the order of the input.
    fn bound(&self, line: Line) -> Result<(Bound, Turn), String> {
        let text = line.text?;
        let params = gateway::decode(&text).map_err(|error| error.to_string())?;
        drop(text);
        let bound = bind::bind_fitting(Arc::clone(&self.page), Arc::clone(&self.policy), params)
            .map_err(|error| error.to_string())?;
        if bound.new_password.is_none() {
            return Err("the params hold no `newPassword`, which this needs; look at the gateway's record".to_owned());
        }
        let turn = self.turns.take(&bound.user);
        Ok((bound, turn))
    }

    /// One line, to its result.
    async fn line(self: Rc<Self>, number: u64, place: u64, bound: Result<(Bound, Turn), String>) -> Finished {
        let (broker, worker) = &self.walls;
        let mut result = RunResult::new(Verb::Run, &self.what, broker.clone()).of_line(number);
        result.found(&self.found);
        result.limits(Limits::of(&self.policy.limits));
        result.walls().worker.clone_from(worker);
        result.native(self.origin.native);
        let mut trail = self.audit.trail(result.run());
        let began = Cell::new(Instant::now());
        let said = match bound {
            Ok((bound, turn)) => self.rotate(&bound, turn, &began, &mut trail, &mut result).await,
            Err(reason) => Err(reason),
        };
        let said = said.unwrap_or_else(|reason| Said::Outcome(Outcome::NotStarted { reason }));
        result.conclude(said, began.get().elapsed());
        result.record(&mut trail);
        if let Err(error) = trail.on_disk().await {
            result.warn(format!("the audit log is not complete: {error}"));
        }
        let words = result.words();
        let words = words.lines().next().unwrap_or_default().trim_start_matches("rotabox: ").to_owned();
        Finished { number, place, exit: result.exit(), outcome: result.outcome(), words, line: result.line() }
    }

    async fn rotate(
        &self,
        bound: &Bound,
        mut turn: Turn,
        began: &Cell<Instant>,
        trail: &mut Trail,
        result: &mut RunResult,
    ) -> Result<Said, String> {
        self.unless_stopped(turn.come()).await?;
        self.unless_stopped(self.patience(bound)).await?;
        self.unless_stopped(self.pace.wait()).await?;
        began.set(Instant::now());
        let limits = &self.policy.limits;
        let deadline = began.get() + limits.deadline;
        result.hosts(&bound.hosts);
        let settings = Settings {
            hosts: bound.dialled(),
            open: self.host.open.clone(),
            answer_bytes: limits.answer_bytes,
            deadline,
        };
        let purse = self.common.purse(&bound.records, &bound.tls);
        let trust = self.trust.clone().towards(&bound.tls).map_err(|error| error.to_string())?;
        let hands = Hands {
            worker: Seat::Shared(self.pool.member()),
            capability: Capability::new(settings, trust).sharing(self.common.clone(), purse),
            deadline,
            interrupts: self.interrupts.clone(),
        };
        let warnings = self.origin.warning.iter().cloned().collect();
        run::conduct(Verb::Run, bound, hands, warnings, trail, None, result).await.map(|(said, _)| said)
    }

    /// Waits while one of the line's providers wants nothing: its time has not begun yet.
    async fn patience(&self, bound: &Bound) {
        for host in bound.dialled() {
            while let Some(until) = self.common.paused(&host) {
                tokio::time::sleep_until((until + SPREAD.mul_f64(retry::jitter())).into()).await;
            }
        }
    }

    /// Waits for something before a line begins; it does not begin once the batch was stopped.
    async fn unless_stopped(&self, waiting: impl Future<Output = ()>) -> Result<(), String> {
        let stopped = self.stopped.notified();
        let why = || {
            let stop = self.stop.borrow();
            stop.as_ref().map(|stop| format!("this line was not tried, because {}", stop.words()))
        };
        if let Some(why) = why() {
            return Err(why);
        }
        tokio::select! {
            () = waiting => Ok(()),
            () = stopped => Err(why().unwrap_or_default()),
        }
    }
}

/// At most so many lines are begun in a second.
struct Pace {
    every: Option<Duration>,
    next: Cell<Instant>,
}

impl Pace {
    fn new(rate: Option<f64>) -> Pace {
        let every = rate.filter(|rate| *rate > 0.0).and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        Pace { every, next: Cell::new(Instant::now()) }
    }

    async fn wait(&self) {
        let Some(every) = self.every else { return };
        let turn = self.next.get().max(Instant::now());
        self.next.set(turn.checked_add(every).unwrap_or(turn));
        tokio::time::sleep_until(turn.into()).await;
    }
}
