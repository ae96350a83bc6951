//! Gates: a request is held at a chosen moment until the test lets it go. So tests wait for events, never for time.

use crate::fault::matches;
use crate::http::Request;
use crate::server::lock;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Longest that a test waits for a request that should come.
const PATIENCE: Duration = Duration::from_secs(60);

/// When a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It was read, and not carried out yet.
    Read,
    /// It was carried out, and its answer has not left.
    Applied,
    /// Its answer has left.
    Answered,
}

/// Holds one request. Lets it go when dropped.
#[derive(Debug)]
pub struct Gate(Arc<Held>);

/// The stand-in's side of a gate.
#[derive(Debug)]
pub(crate) struct Held {
    on: String,
    moment: Moment,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// That many matching requests are let through first.
    Waits(usize),
    /// This request is held.
    Holds(usize),
    /// This request was let go.
    Open(usize),
    /// The stand-in has nothing more to do with it.
    Over,
}

impl Gate {
    /// Holds the matching request that comes after `skip` others.
    pub(crate) fn new(on: &str, skip: usize, moment: Moment) -> (Gate, Arc<Held>) {
        let state = Mutex::new(State::Waits(skip));
        let held = Arc::new(Held { on: on.to_owned(), moment, state, changed: Condvar::new() });
        (Gate(Arc::clone(&held)), held)
    }

    /// Waits until the request is held.
    pub fn wait(&self) {
        self.0.until(|state| matches!(state, State::Holds(_)));
    }

    /// Lets the request go, and waits until the stand-in is through with it.
    pub fn open(&self) {
        if self.0.release() {
            self.0.until(|state| state == State::Over);
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Held {
    /// The stand-in comes by with a request.
    pub(crate) fn pass(&self, request: &Request, moment: Moment) {
        let mut state = lock(&self.state);
        if moment != self.moment || !matches(&self.on, &request.line()) {
            return;
        }
        match *state {
            State::Waits(0) => *state = State::Holds(request.number),
            State::Waits(skip) => {
                *state = State::Waits(skip - 1);
                return;
            }
            State::Holds(_) | State::Open(_) | State::Over => return,
        }
        self.changed.notify_all();
        while matches!(*state, State::Holds(_)) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The stand-in is through with a request.
    pub(crate) fn over(&self, request: &Request) {
        let mut state = lock(&self.state);
        if *state == State::Open(request.number) {
            *state = State::Over;
            self.changed.notify_all();
        }
    }

    /// True if a request was held.
    fn release(&self) -> bool {
        let mut state = lock(&self.state);
        let held = matches!(*state, State::Holds(_));
        *state = match *state {
            State::Holds(number) => State::Open(number),
            State::Waits(_) => State::Over,
            other => other,
        };
        self.changed.notify_all();
        held
    }

    fn until(&self, done: impl Fn(State) -> bool) {
        let state = lock(&self.state);
        let (state, waited) = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !done(*state))
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "`{}` {:?}: still {:?} after {PATIENCE:?}", self.on, self.moment, *state);
    }
}
