//! The runs that are outstanding. Each is a future that goes on when a frame for it comes.
//!
//! A rotator that computes is interrupted every few milliseconds (by its fuel) and held against the clock: one that loops for
//! ever must not keep the worker from the step that comes after it, nor, in a batch, from those of other lines: it steps aside for
//! frames that have come. When its time is up its store is dropped; the next step has a fresh one.

use super::Stop;
use super::engine::Loaded;
use super::guest;
use super::port::{Out, Port, Waits};
use crate::wire::{Failure, RunId, ToBroker, ToWorker};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// How a step ended.
pub(super) enum Ended {
    Done(Result<(), Failure>),
    Trapped(String),
}

pub(super) struct Runs {
    loaded: Loaded,
    out: Out,
    runs: BTreeMap<RunId, Run>,
    /// What the frame that follows brings along: the routes that its run could send.
    offer: Option<(RunId, Vec<String>)>,
    /// Those that compute for long, and stepped aside for others.
    aside: VecDeque<RunId>,
    /// Tells a run that computes from one that waits.
    computes: Arc<Computes>,
}

struct Run {
    port: Port,
    /// When its time is up; `None` if that is further away than the clock can say.
    until: Option<Instant>,
    step: Pin<Box<dyn Future<Output = Ended>>>,
}

impl Runs {
    pub(super) fn new(loaded: Loaded, out: Out) -> Runs {
        Runs { loaded, out, runs: BTreeMap::new(), offer: None, aside: VecDeque::new(), computes: Arc::default() }
    }

    /// Some run wants to go on without a frame.
    pub(super) fn has_work(&self) -> bool {
        !self.aside.is_empty()
    }

    /// Lets the run go on that stepped aside first.
    pub(super) fn work(&mut self) -> Result<(), Stop> {
        match self.aside.pop_front() {
            Some(id) => self.go_on(id),
            None => Ok(()),
        }
    }

    /// Takes a frame and lets its run go on as far as it can.
    pub(super) fn take(&mut self, id: RunId, frame: ToWorker) -> Result<(), Stop> {
        let offer = self.offer.take().filter(|(of, _)| *of == id).map(|(_, routes)| routes);
        match frame {
            ToWorker::Start(start) => {
                let Entry::Vacant(place) = self.runs.entry(id) else { return Err(Stop::OutOfTurn("start")) };
                let port = Port::new(id, self.out.clone());
                port.offered(offer);
                let until = Instant::now().checked_add(Duration::from_millis(start.milliseconds));
                let step = Box::pin(guest::run(self.loaded.clone(), port.clone(), start));
                place.insert(Run { port, until, step });
            }
            ToWorker::Reply(reply) => {
                let run = self.runs.get(&id).ok_or(Stop::OutOfTurn("reply"))?;
                run.port.offered(offer);
                run.port.deliver(reply)?;
            }
            ToWorker::Offer(routes) => {
                self.offer = Some((id, routes));
                return Ok(());
            }
            ToWorker::Leave => {
                // It may have ended before the broker's word came.
                self.runs.remove(&id);
                return Ok(self.out.write(id, &ToBroker::Left)?);
            }
            ToWorker::Module(_) => return Err(Stop::OutOfTurn("module")),
            ToWorker::Compile(_) => return Err(Stop::OutOfTurn("compile")),
            ToWorker::LoadNative(_) => return Err(Stop::OutOfTurn("load-native")),
            ToWorker::Load(_) => return Err(Stop::OutOfTurn("load")),
            ToWorker::Describe => return Err(Stop::OutOfTurn("describe")),
        }
        self.go_on(id)
    }

    fn go_on(&mut self, id: RunId) -> Result<(), Stop> {
        let Some(run) = self.runs.get_mut(&id) else { return Ok(()) };
        let waker = Waker::from(Arc::clone(&self.computes));
        let ended = match run.step.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(ended) => ended,
            Poll::Pending if self.computes.since_last_asked() => {
                if run.until.is_none_or(|until| until > Instant::now()) {
                    self.aside.push_back(id);
                    return Ok(());
                }
                Ended::Trapped("out of time".to_owned())
            }
            Poll::Pending => match run.port.settle() {
                Ok(Waits::ForReply) => return Ok(()),
                Ok(Waits::ForNothing) => Ended::Trapped("it waits for something that never comes".to_owned()),
                Err(error) => Ended::Trapped(error.to_string()),
            },
        };
        let frame = match ended {
            Ended::Done(result) => ToBroker::Done(result),
            Ended::Trapped(reason) => ToBroker::Trapped(reason),
        };
        self.out.write(id, &frame)?;
        if self.runs.len() == 1 {
            // The broker goes on while the store is dropped; among many, frames are written together.
            self.out.flush()?;
        }
        self.runs.remove(&id);
        Ok(())
    }
}

/// Whether a run that stopped going on wants to go on at once: the engine wakes it when it stopped only to look up.
#[derive(Default)]
struct Computes(AtomicBool);

impl Computes {
    fn since_last_asked(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Computes {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
