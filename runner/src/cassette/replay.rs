//! Answers a rotator from a cassette, and notes where it does otherwise. There is a worker, and nothing else: no params, no vault, no
//! network.

use super::{Cassette, End, Event, TapedStep, said, write};
use crate::broker::link::Link;
use crate::wire::{self, Call, Problem, Reply, RunId, Start, ToBroker, ToWorker, WorkerMisbehaved};
use std::time::Duration;

/// Longest that a step may take. All answers are at hand, so this is about loops, and fuel ends those far earlier.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longest that a rotator may compute, in milliseconds; the worker sees to that.
const LOOPS: u64 = 90_000;
/// What time it is when a replay begins: 2026-01-01, in milliseconds since 1970.
const BEGINNING: u64 = 1_767_225_600_000;
/// What a rotator is told that asks for something which is not on the cassette.
const NO_ANSWER: &str = "the cassette has no answer to this";

/// How a step went, line by line, as the cassette writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReplay {
    /// Its words.
    pub label: &'static str,
    /// Its lines: events, and the end.
    pub lines: Vec<(Mark, String)>,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// As on the cassette.
    Same,
    /// On the cassette, and not done.
    Missing,
    /// Done, and not on the cassette.
    Extra,
}

/// Why a cassette could not be replayed to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The worker broke the protocol, or died.
    #[error(transparent)]
    Worker(#[from] WorkerMisbehaved),
    /// A step does not end.
    #[error("step `{0}` did not end within {seconds} seconds", seconds = PATIENCE.as_secs())]
    Endless(&'static str),
}

impl StepReplay {
    /// Whether everything went as on the cassette.
    pub fn is_same(&self) -> bool {
        self.lines.iter().all(|(mark, _)| *mark == Mark::Same)
    }
}

/// Replays a cassette in a worker that has loaded a module. `last_run` is the last run id that was used in this worker. After an
/// error the worker is of no more use.
pub async fn replay(link: &mut Link, last_run: &mut u32, cassette: &Cassette) -> Result<Vec<StepReplay>, ReplayError> {
    let mut steps = Vec::new();
    for step in &cassette.steps {
        *last_run = last_run.saturating_add(1);
        let start = Start {
            step: step.label.step(),
            user: cassette.user.clone(),
            has_old_password: cassette.old_password,
            texts: cassette.texts.clone(),
            milliseconds: LOOPS,
        };
        let played = tokio::time::timeout(PATIENCE, play(link, RunId(*last_run), start, step)).await;
        steps.push(played.map_err(|_| ReplayError::Endless(step.label.as_str()))??);
    }
    Ok(steps)
}

async fn play(link: &mut Link, run: RunId, start: Start, step: &TapedStep) -> Result<StepReplay, WorkerMisbehaved> {
    let mut player = Player { step, next: 0, skipped: Vec::new(), lines: Vec::new(), now: BEGINNING };
    link.send(run, &ToWorker::Start(start)).await?;
    loop {
        let (of, frame) = link.next().await?;
        if of != run {
            return Err(WorkerMisbehaved::OutOfTurn("a frame of another run"));
        }
        match frame {
            ToBroker::Call(call) => {
                let reply = player.answer(call);
                link.send(run, &ToWorker::Reply(reply)).await?;
            }
            ToBroker::Log(line) => player.logged(Event::Logged { level: line.level, text: said(&line.text) }),
            ToBroker::Done(Ok(())) => return Ok(player.ends(&End::Ok)),
            ToBroker::Done(Err(wire::Failure { code, detail })) => {
                return Ok(player.ends(&End::Failed { code: said(&code), detail: said(&detail) }));
            }
            ToBroker::Trapped(reason) => return Ok(player.ends(&End::Trapped(said(&reason)))),
            ToBroker::Ready(_)
            | ToBroker::Rejected(_)
            | ToBroker::Described(_)
            | ToBroker::NativeRefused(_)
            | ToBroker::Left => {
                return Err(WorkerMisbehaved::OutOfTurn("a frame about loading, in a step"));
            }
        }
    }
}

/// One step of the cassette, and how far the rotator has come.
struct Player<'c> {
    step: &'c TapedStep,
    /// The event that should come next.
    next: usize,
    /// Events that did not come when they should have.
    skipped: Vec<&'c Event>,
    lines: Vec<(Mark, String)>,
    now: u64,
}

impl<'c> Player<'c> {
    fn answer(&mut self, call: Call) -> Reply {
        match call {
            Call::Now => {
                // A rotator that waits for a time by asking for it gets there.
                self.now = self.now.saturating_add(1);
                Reply::Now(self.now)
            }
            Call::Sleep { milliseconds } => {
                self.now = self.now.saturating_add(milliseconds);
                let slept = Event::Slept { milliseconds };
                if self.find(|event| *event == slept).is_none() {
                    self.extra(&slept);
                }
                Reply::Slept
            }
            Call::Routes => match self.find(|event| matches!(event, Event::Routes(_))) {
                Some(Event::Routes(routes)) => Reply::Routes(routes.clone()),
                _ => {
                    let routes = self.last_routes();
                    self.extra(&Event::Routes(routes.clone()));
                    Reply::Routes(routes)
                }
            },
            Call::Send { route, args } => self.send(said(&route), args),
        }
    }

    fn send(&mut self, route: String, args: Vec<(String, String)>) -> Reply {
        let args: Vec<(String, String)> = args.into_iter().map(|(name, value)| (said(&name), said(&value))).collect();
        let is_it = |event: &Event| match event {
            Event::Sent { route: taped, args: with, .. } => *taped == route && *with == args,
            _ => false,
        };
        if let Some(Event::Sent { told, .. }) = self.find(is_it) {
            return Reply::Sent(told.clone());
        }
        let late = self.skipped.iter().position(|event| is_it(event)).map(|at| self.skipped.remove(at));
        let told = match late {
            Some(Event::Sent { told, .. }) => told.clone(),
            _ => Err(Problem::Other(NO_ANSWER.to_owned())),
        };
        self.extra(&Event::Sent { route, args, told: told.clone() });
        Reply::Sent(told)
    }

    fn logged(&mut self, logged: Event) {
        if self.find(|event| *event == logged).is_none() {
            self.extra(&logged);
        }
    }

    /// The event that is meant: the next one, or a later one. But for a request, none beyond the next request: a rotator that asks
    /// once more than it did must not run ahead.
    fn find(&mut self, is_it: impl Fn(&Event) -> bool) -> Option<&'c Event> {
        let left = self.step.events.get(self.next..).unwrap_or_default();
        let at = left.iter().position(|event| is_it(event) || matches!(event, Event::Sent { .. }));
        let at = match at {
            Some(at) if left.get(at).is_some_and(&is_it) => at,
            _ => left.iter().position(|event| matches!(event, Event::Sent { .. }) && is_it(event))?,
        };
        for missed in left.get(..at).unwrap_or_default() {
            self.skipped.push(missed);
            self.lines.push((Mark::Missing, write::event(missed)));
        }
        let event = left.get(at)?;
        self.lines.push((Mark::Same, write::event(event)));
        self.next = self.next.saturating_add(at).saturating_add(1);
        Some(event)
    }

    fn extra(&mut self, event: &Event) {
        self.lines.push((Mark::Extra, write::event(event)));
    }

    /// What could be sent, by the last answer to that question, or else by the first one.
    fn last_routes(&self) -> Vec<String> {
        let routes = |event: &'c Event| match event {
            Event::Routes(routes) => Some(routes),
            _ => None,
        };
        let past = self.step.events.get(..self.next).unwrap_or_default();
        let found = past.iter().rev().find_map(routes).or_else(|| self.step.events.iter().find_map(routes));
        found.cloned().unwrap_or_default()
    }

    fn ends(mut self, end: &End) -> StepReplay {
        for missed in self.step.events.get(self.next..).unwrap_or_default() {
            self.lines.push((Mark::Missing, write::event(missed)));
        }
        let line = |end: &End| format!("ends = {}", write::end(end));
        if *end == self.step.ends {
            self.lines.push((Mark::Same, line(end)));
        } else {
            self.lines.push((Mark::Missing, line(&self.step.ends)));
            self.lines.push((Mark::Extra, line(end)));
        }
        // What is missing stands before what came instead.
        for changed in self.lines.chunk_by_mut(|(a, _), (b, _)| *a != Mark::Same && *b != Mark::Same) {
            changed.sort_by_key(|(mark, _)| *mark);
        }
        StepReplay { label: self.step.label.as_str(), lines: self.lines }
    }
}
