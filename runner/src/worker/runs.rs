//! The runs that are outstanding. Each is a future that goes on when a frame for it comes.

use super::Stop;
use super::engine::Loaded;
use super::guest;
use super::port::{Out, Port, Waits};
use crate::wire::{Failure, RunId, ToBroker, ToWorker};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How a step ended.
pub(super) enum Ended {
    Done(Result<(), Failure>),
    Trapped(String),
}

pub(super) struct Runs {
    loaded: Loaded,
    out: Out,
    runs: BTreeMap<RunId, Run>,
}

struct Run {
    port: Port,
    step: Pin<Box<dyn Future<Output = Ended>>>,
}

impl Runs {
    pub(super) fn new(loaded: Loaded, out: Out) -> Runs {
        Runs { loaded, out, runs: BTreeMap::new() }
    }

    /// Takes a frame and lets its run go on as far as it can.
    pub(super) fn take(&mut self, id: RunId, frame: ToWorker) -> Result<(), Stop> {
        match frame {
            ToWorker::Start(start) => {
                let Entry::Vacant(place) = self.runs.entry(id) else { return Err(Stop::OutOfTurn("start")) };
                let port = Port::new(id, self.out.clone());
                let step = Box::pin(guest::run(self.loaded.clone(), port.clone(), start));
                place.insert(Run { port, step });
            }
            ToWorker::Reply(reply) => {
                let run = self.runs.get(&id).ok_or(Stop::OutOfTurn("reply"))?;
                run.port.deliver(reply)?;
            }
            ToWorker::Module(_) => return Err(Stop::OutOfTurn("module")),
            ToWorker::Load(_) => return Err(Stop::OutOfTurn("load")),
            ToWorker::Describe => return Err(Stop::OutOfTurn("describe")),
        }
        self.go_on(id)
    }

    fn go_on(&mut self, id: RunId) -> Result<(), Stop> {
        let Some(run) = self.runs.get_mut(&id) else { return Ok(()) };
        let ended = match run.step.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => ended,
            Poll::Pending => match run.port.settle() {
                Ok(Waits::ForReply) => return Ok(()),
                Ok(Waits::ForNothing) => Ended::Trapped("it waits for something that never comes".to_owned()),
                Err(error) => Ended::Trapped(error.to_string()),
            },
        };
        // The store goes first: once the broker knows of the end, the run's memory is free again.
        self.runs.remove(&id);
        let frame = match ended {
            Ended::Done(result) => ToBroker::Done(result),
            Ended::Trapped(reason) => ToBroker::Trapped(reason),
        };
        Ok(self.out.write(id, &frame)?)
    }
}
