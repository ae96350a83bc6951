//! The workers of a batch: some processes, each with many steps outstanding. One that fails is replaced.
//!
//! A step goes to the worker with the fewest. When a worker fails, the steps that it had under way end with that as their reason, and
//! what their runs have come to is read off their ledgers; the next step of the same run goes to another worker.

use super::code::{Code, Origin};
use super::launcher::Launcher;
use super::link::{Link, LoadError, Offer};
use super::seat::WORKER_READS;
use crate::confine::Enforced;
use crate::wire::{Limits, Reply, RunId, Start, ToBroker, ToWorker};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};

/// How often in a row a worker may fail before a step of it has ended, until it is not replaced any more.
const FAILURES: u32 = 5;
/// How long it takes, at least, to replace a worker that has failed once more: doubled each time.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes after which no further frame is put into the same write.
const AT_ONCE: usize = 32 * 1024;

/// What each worker gets.
#[derive(Debug)]
pub struct Module {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its native code, if the store has some.
    pub code: Code,
    /// Its bounds.
    pub limits: Limits,
    /// How long loading may take.
    pub patience: Duration,
    /// A worker that lacks a wall is not used.
    pub require_confinement: bool,
}

/// The workers. Clones are the same pool.
#[derive(Clone)]
pub struct Pool(Rc<Shared>);

struct Shared {
    module: Module,
    launcher: Arc<Launcher>,
    slots: RefCell<Vec<Slot>>,
    /// A worker came, or will not come any more.
    changed: Notify,
    /// What the last worker that loaded gave up, and where its code came from.
    enforced: RefCell<Option<(Enforced, Origin)>>,
    replaced: Cell<u64>,
}

/// The place of one worker process.
struct Slot {
    state: State,
    /// Steps under way.
    steps: usize,
}

enum State {
    /// It is being started.
    Coming,
    Here(mpsc::UnboundedSender<Command>),
    /// It is not replaced any more, and why.
    Over(String),
}

enum Command {
    Start(Start, Option<Offer>, Mailbox),
    Reply(RunId, Reply, Option<Offer>),
    Leave(RunId),
}

/// Where the frames of one step go; its number first.
type Mailbox = mpsc::UnboundedSender<Result<Said, String>>;

enum Said {
    Number(RunId),
    Frame(ToBroker),
}

impl Pool {
    /// Starts `count` workers. Needs a `LocalSet`.
    pub fn start(launcher: Launcher, module: Module, count: usize) -> Pool {
        let slots = (0..count.max(1)).map(|_| Slot { state: State::Coming, steps: 0 }).collect();
        let pool = Pool(Rc::new(Shared {
            module,
            launcher: Arc::new(launcher),
            slots: RefCell::new(slots),
            changed: Notify::new(),
            enforced: RefCell::new(None),
            replaced: Cell::new(0),
        }));
        for index in 0..count.max(1) {
            tokio::task::spawn_local(keep(Rc::clone(&pool.0), index));
        }
        pool
    }

    /// Waits until a worker has loaded the module; answers with what it gave up, and where its code came from.
    pub async fn ready(&self) -> Result<(Enforced, Origin), String> {
        loop {
            let changed = self.0.changed.notified();
            if let Some(enforced) = self.0.enforced.borrow().clone() {
                return Ok(enforced);
            }
            if let Some(reason) = self.over() {
                return Err(reason);
            }
            changed.await;
        }
    }

    /// Why there will be no worker any more, if there will be none.
    pub fn over(&self) -> Option<String> {
        let slots = self.0.slots.borrow();
        let mut reason = None;
        for slot in slots.iter() {
            match &slot.state {
                State::Over(why) => reason = Some(why.clone()),
                State::Coming | State::Here(_) => return None,
            }
        }
        reason
    }

    /// How many workers were replaced.
    pub fn replaced(&self) -> u64 {
        self.0.replaced.get()
    }

    /// A place for the steps of one run.
    pub fn member(&self) -> Member {
        Member { shared: Rc::clone(&self.0), step: None }
    }
}

/// The steps of one run, one after the other.
pub struct Member {
    shared: Rc<Shared>,
    step: Option<Step>,
}

/// A step under way. Leaves it when dropped.
struct Step {
    shared: Rc<Shared>,
    slot: usize,
    worker: mpsc::UnboundedSender<Command>,
    frames: mpsc::UnboundedReceiver<Result<Said, String>>,
    number: Option<RunId>,
    over: bool,
}

impl Member {
    /// Begins a step on the worker with the fewest; waits for one if all are being replaced.
    pub async fn begin(&mut self, start: Start, offer: Option<Offer>, until: Instant) -> Result<(), String> {
        self.step = None;
        let (slot, worker) = match tokio::time::timeout_at(until.into(), self.shared.least()).await {
            Ok(found) => found?,
            Err(_) => return Err("no worker was there in time".to_owned()),
        };
        let (mailbox, frames) = mpsc::unbounded_channel();
        if let Some(slot) = self.shared.slots.borrow_mut().get_mut(slot) {
            slot.steps += 1;
        }
        let mut step = Step { shared: Rc::clone(&self.shared), slot, worker, frames, number: None, over: false };
        if step.worker.send(Command::Start(start, offer, mailbox)).is_err() {
            step.over = true;
            return Err("the worker failed as the step was about to begin".to_owned());
        }
        self.step = Some(step);
        Ok(())
    }

    /// The next frame of the step. May be dropped at any time and called again.
    pub async fn next(&mut self) -> Result<ToBroker, String> {
        let Some(step) = &mut self.step else { return Err("no step is under way".to_owned()) };
        loop {
            match step.frames.recv().await {
                Some(Ok(Said::Number(number))) => step.number = Some(number),
                Some(Ok(Said::Frame(frame))) => {
                    step.over = matches!(frame, ToBroker::Done(_) | ToBroker::Trapped(_));
                    return Ok(frame);
                }
                Some(Err(reason)) => {
                    step.over = true;
                    return Err(reason);
                }
                None => {
                    step.over = true;
                    return Err("the worker is gone".to_owned());
                }
            }
        }
    }

    /// Answers the step's outstanding call. If the worker is gone, the next frame says so.
    pub fn reply(&mut self, reply: Reply, offer: Option<Offer>) {
        if let Some(step) = &self.step
            && let Some(number) = step.number
        {
            let _ = step.worker.send(Command::Reply(number, reply, offer));
        }
    }

    /// The step is over, or nobody waits for it any more.
    pub fn leave(&mut self) {
        self.step = None;
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(slot) = self.shared.slots.borrow_mut().get_mut(self.slot) {
            slot.steps = slot.steps.saturating_sub(1);
        }
        while let Ok(said) = self.frames.try_recv() {
            match said {
                Ok(Said::Number(number)) => self.number = Some(number),
                Ok(Said::Frame(ToBroker::Done(_) | ToBroker::Trapped(_))) | Err(_) => self.over = true,
                Ok(Said::Frame(_)) => {}
            }
        }
        // A start that was not read yet has no number; its mailbox is closed, and the worker's keeper sees that.
        if let (false, Some(number)) = (self.over, self.number) {
            let _ = self.worker.send(Command::Leave(number));
        }
    }
}

impl Shared {
    async fn least(&self) -> Result<(usize, mpsc::UnboundedSender<Command>), String> {
        loop {
            let changed = self.changed.notified();
            let mut why = None;
            {
                let slots = self.slots.borrow();
                let mut least: Option<(usize, usize, &mpsc::UnboundedSender<Command>)> = None;
                let mut coming = false;
                for (index, slot) in slots.iter().enumerate() {
                    match &slot.state {
                        State::Here(worker) if least.is_none_or(|(steps, ..)| slot.steps < steps) => {
                            least = Some((slot.steps, index, worker));
                        }
                        State::Here(_) => {}
                        State::Coming => coming = true,
                        State::Over(reason) => why = Some(reason.clone()),
                    }
                }
                if let Some((_, index, worker)) = least {
                    return Ok((index, worker.clone()));
                }
                if coming {
                    why = None;
                }
            }
            match why {
                Some(reason) => return Err(format!("there is no worker any more: {reason}")),
                None => changed.await,
            }
        }
    }

    fn set(&self, index: usize, state: State) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(index) {
            slot.state = state;
        }
        self.changed.notify_waiters();
    }
}

/// Keeps one slot filled.
async fn keep(shared: Rc<Shared>, index: usize) {
    let mut failures = 0_u32;
    loop {
        let reason = match load(&shared).await {
            Ok((link, loaded)) => {
                *shared.enforced.borrow_mut() = Some(loaded);
                let (commands, orders) = mpsc::unbounded_channel();
                shared.set(index, State::Here(commands));
                let mut serving = Serving { link, steps: HashMap::new(), leaving: BTreeMap::new(), last: 0, ended: 0 };
                let reason = serving.serve(orders, || shared.set(index, State::Coming)).await;
                if serving.ended > 0 {
                    failures = 0;
                }
                reason
            }
            Err(LoadError::Rejected(reasons)) => {
                return shared.set(index, State::Over(LoadError::Rejected(reasons).to_string()));
            }
            Err(LoadError::Misbehaved(error)) => error.to_string(),
        };
        failures += 1;
        if failures >= FAILURES {
            return shared.set(index, State::Over(format!("the worker failed {failures} times in a row: {reason}")));
        }
        shared.replaced.set(shared.replaced.get() + 1);
        tokio::time::sleep(PAUSE.saturating_mul(1 << failures.min(8)) / 2).await;
    }
}

async fn load(shared: &Shared) -> Result<(Link, (Enforced, Origin)), LoadError> {
    let gone = |why: String| LoadError::Misbehaved(crate::wire::WorkerMisbehaved::Gone(why));
    let mut link = Link::launched(&shared.launcher).await.map_err(|error| gone(error.to_string()))?;
    let module = &shared.module;
    let loading = module.code.load(&mut link, &module.bytes, module.limits.clone());
    let loaded = tokio::time::timeout(module.patience, loading).await;
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(_) => Err(gone(format!("the module was not ready within {} seconds", module.patience.as_secs()))),
    };
    match loaded {
        Ok((enforced, origin)) => match enforced.missing().filter(|_| module.require_confinement) {
            None => Ok((link, (enforced, origin))),
            Some(missing) => {
                link.kill().await;
                let missing = format!("the policy requires confinement, and in the worker {missing}");
                Err(LoadError::Rejected(vec![missing]))
            }
        },
        Err(error) => {
            link.kill().await;
            Err(error)
        }
    }
}

/// A worker that has loaded the module.
struct Serving {
    link: Link,
    steps: HashMap<RunId, Mailbox>,
    /// Steps that were left, and until when the worker has to say that they are gone.
    leaving: BTreeMap<RunId, Instant>,
    last: u32,
    /// Steps that ended by themselves.
    ended: u64,
}

impl Serving {
    /// Serves until the worker fails, and answers why. `failed` is called before its steps hear of it.
    async fn serve(&mut self, mut orders: mpsc::UnboundedReceiver<Command>, failed: impl FnOnce()) -> String {
        let reason = loop {
            let patience = self.leaving.values().min().copied();
            let turn = tokio::select! {
                frame = self.link.next() => match frame {
                    Ok((run, frame)) => { self.deliver(run, frame); Ok(()) }
                    Err(error) => Err(error.to_string()),
                },
                Some(command) = orders.recv() => self.pass_on(command, &mut orders).await,
                () = sleep_until(patience) => Err("it does not answer".to_owned()),
            };
            if let Err(reason) = turn {
                break reason;
            }
        };
        failed();
        self.link.kill().await;
        for (_, mailbox) in self.steps.drain() {
            let _ = mailbox.send(Err(reason.clone()));
        }
        reason
    }

    fn deliver(&mut self, run: RunId, frame: ToBroker) {
        match frame {
            ToBroker::Left => {
                self.leaving.remove(&run);
                self.steps.remove(&run);
            }
            frame @ (ToBroker::Done(_) | ToBroker::Trapped(_)) => {
                self.ended += 1;
                if let Some(mailbox) = self.steps.remove(&run) {
                    let _ = mailbox.send(Ok(Said::Frame(frame)));
                }
            }
            frame => {
                if let Some(mailbox) = self.steps.get(&run) {
                    let _ = mailbox.send(Ok(Said::Frame(frame)));
                }
            }
        }
    }

    /// Everything that there is to be said, in one write.
    async fn pass_on(&mut self, first: Command, orders: &mut mpsc::UnboundedReceiver<Command>) -> Result<(), String> {
        let mut bytes = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            self.put(command, &mut bytes);
            next = if bytes.len() < AT_ONCE { orders.try_recv().ok() } else { None };
        }
        let until = Instant::now() + WORKER_READS;
        self.link.send_bytes_until(&bytes, until).await.map_err(|error| error.to_string())
    }

    fn put(&mut self, command: Command, bytes: &mut Vec<u8>) {
        match command {
            Command::Start(start, offer, mailbox) => {
                let Some(number) = self.last.checked_add(1) else {
                    let _ = mailbox.send(Err("it has served all the steps that can be numbered".to_owned()));
                    return;
                };
                let run = RunId(number);
                if mailbox.send(Ok(Said::Number(run))).is_err() {
                    return;
                }
                self.last = number;
                match self.link.put_with(run, offer, &ToWorker::Start(start), bytes) {
                    Ok(()) => {
                        self.steps.insert(run, mailbox);
                    }
                    Err(error) => {
                        let _ = mailbox.send(Err(error.to_string()));
                    }
                }
            }
            // Whoever ended meanwhile gets no reply: the worker would take it for a breach.
            Command::Reply(run, reply, offer) => {
                let Some(mailbox) = self.steps.get(&run) else { return };
                if let Err(error) = self.link.put_with(run, offer, &ToWorker::Reply(reply), bytes) {
                    // This step is at fault, and no other.
                    let _ = mailbox.send(Err(error.to_string()));
                    self.leave(run, bytes);
                }
            }
            Command::Leave(run) => self.leave(run, bytes),
        }
    }

    fn leave(&mut self, run: RunId, bytes: &mut Vec<u8>) {
        if self.steps.remove(&run).is_some() && self.link.put(run, &ToWorker::Leave, bytes).is_ok() {
            self.leaving.insert(run, Instant::now() + WORKER_READS);
        }
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
