//! One step: the rotator's calls, each decided, placed, sent, judged, and only then answered, redacted.

mod call;
mod gather;
mod secrets;
mod shares;

pub(super) use gather::is_personal;
pub use secrets::Known;

use super::http::cookies::Jar;
use super::http::dial::Capability;
use super::interrupt::Interrupts;
use super::ledger::Ledger;
use super::link::Offer;
use super::proof::Observations;
use super::seat::Seat;
use crate::audit::Trail;
use crate::audit::event::{self, Event};
use crate::cassette::tape::Tape;
use crate::page::progress::Progress;
use crate::page::{Secret, Step};
use crate::policy::Bound;
use crate::wire::{self, Call, Level, Reply, Start, ToBroker};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most characters of one value that a page shows to the rotator.
const SHOWN_MOST: usize = 4096;
/// How many workers a step that has sent nothing is begun on, where there are others.
const WORKERS_PER_STEP: u32 = 3;
/// Most characters of a reason or a log line.
const WORDS_MOST: usize = 1024;

/// What one step needs of the run.
pub struct Desk<'b> {
    /// What may be done, with the values to do it with.
    pub bound: &'b Bound,
    /// The worker.
    pub worker: Seat,
    /// The network.
    pub capability: Capability,
    /// The book.
    pub ledger: Ledger,
    /// One deadline for everything.
    pub deadline: Instant,
    /// Ctrl-C.
    pub interrupts: Interrupts,
    /// A single look is all that was asked for: it may take all the time there is.
    pub one_look: bool,
    /// Look-ups only: changing requests are answered `not-sent("rehearsal")`.
    pub rehearsal: bool,
    /// The rotator's own words: (step, level, text), escaped.
    pub log: Vec<(String, Level, String)>,
    /// What is worth a warning.
    pub warnings: Vec<String>,
    /// Every secret of the run, for redaction.
    pub known: Known,
    /// The audit log.
    pub trail: &'b mut Trail,
    /// Takes down what the rotator asks and is told, if the run is recorded.
    pub tape: Option<&'b mut Tape>,
    /// The rotator has asked which routes it could send: it is told from now on before it asks.
    pub asks_routes: bool,
}

/// What was seen of one step.
#[derive(Debug, Default)]
pub struct Seen {
    /// What the answers said of the candidate.
    pub observations: Observations,
    /// The first thing it asked for that page or policy refuse.
    pub denied: Option<String>,
    /// Why the step ended before its time: an unmet `requires`, no connection, a trap, the rotator's failure. The first
    /// one that the broker saw itself, else the rotator's words.
    pub reason: Option<String>,
    /// A changing request was reached in a rehearsal: (method, route).
    pub would_change: Option<String>,
    /// The provider's answer to the changing request, in words.
    pub change_answer: Option<String>,
    /// A precondition of the page did not hold.
    pub unmet: bool,
    /// The rotator said that it succeeded.
    pub said_ok: bool,
}

impl Seen {
    fn because(&mut self, reason: impl Into<String>) {
        self.reason.get_or_insert(reason.into());
    }
}

/// The state of the step that is running.
struct Running<'s> {
    step: Step,
    label: String,
    candidate: Option<&'s Secret>,
    /// When its time is up, that of its requests included.
    until: Instant,
    progress: Progress,
    jar: Jar,
    /// The address that was dialled last.
    peer: Option<SocketAddr>,
    /// The worker failed in it.
    lost_worker: bool,
    seen: Seen,
}

/// How the wait for a frame ended.
enum Heard {
    Frame(ToBroker),
    Gone(String),
    TimeUp,
    Interrupted,
}

impl<'b> Desk<'b> {
    /// Runs one step of the rotator on a fresh instance, with a fresh memory of cookies, binds and captures.
    pub async fn step(&mut self, step: Step, candidate: Option<&'b Secret>, label: &str) -> Seen {
        let until = self.time_for(step);
        let fresh = || Running {
            step,
            label: label.to_owned(),
            candidate,
            until,
            progress: Progress::new(step),
            jar: Jar::default(),
            peer: None,
            lost_worker: false,
            seen: Seen::default(),
        };
        let mut running = fresh();
        for worker in 1..=WORKERS_PER_STEP {
            self.capability.fresh();
            self.capability.ends_at(until);
            let requests = self.ledger.requests();
            self.drive(&mut running).await;
            let untouched = self.ledger.requests() == requests && running.seen.denied.is_none();
            let again = running.lost_worker && untouched && self.worker.has_others() && worker < WORKERS_PER_STEP;
            if !again {
                break;
            }
            running = fresh();
        }
        self.capability.fresh();
        self.remember_secrets(&running);
        if let Some(ended) = running.progress.ended() {
            // What a `requires` says is the best reason there is: it goes before what the rotator makes of it.
            let ended = self.words(ended);
            running.seen.reason = Some(ended);
            running.seen.unmet = true;
        }
        running.seen
    }

    /// Records an event, whatever comes of it.
    fn note(&mut self, event: Event) {
        self.trail.note(event, self.known.redactor());
    }

    async fn drive(&mut self, running: &mut Running<'b>) {
        let start = Start {
            step: running.step,
            user: self.bound.user.clone(),
            has_old_password: self.bound.old_password.is_some(),
            texts: self.texts(),
            milliseconds: milliseconds_until(running.until),
        };
        if let Some(tape) = &mut self.tape {
            tape.step(&running.label, &start);
        }
        let until = running.until;
        let offer = self.offer(running);
        if let Err(reason) = self.worker.begin(start, offer, until).await {
            running.lost_worker = true;
            if let Some(tape) = &mut self.tape {
                tape.cut(&reason);
            }
            running.seen.because(reason);
            return;
        }
        loop {
            let frame = match self.wait(until).await {
                Heard::Frame(frame) => frame,
                Heard::Gone(reason) => return self.give_up_worker(running, reason).await,
                // The step is left where it is, without a reply: the worker serves the next one, and stops this one by
                // itself if it computes beyond its time.
                Heard::TimeUp => return self.leave(running, "the rotator used up the time for this step"),
                Heard::Interrupted => return self.leave(running, "interrupted by a signal"),
            };
            if let Some(tape) = &mut self.tape {
                tape.heard(&frame, self.known.redactor());
            }
            match frame {
                ToBroker::Call(call) => {
                    let reply = self.answer(running, &call, until).await;
                    if let Some(tape) = &mut self.tape {
                        tape.told(&call, &reply, self.known.redactor());
                    }
                    let offer = matches!(reply, Reply::Sent(_)).then(|| self.offer(running)).flatten();
                    if let Err(reason) = self.worker.reply(reply, offer, self.deadline).await {
                        return self.give_up_worker(running, reason).await;
                    }
                }
                ToBroker::Log(line) => {
                    let text = self.words(&line.text);
                    let said = event::Said { step: running.label.clone(), level: line.level, guest: text.clone() };
                    self.note(Event::Said(said));
                    self.log.push((running.label.clone(), line.level, text));
                }
                ToBroker::Done(Ok(())) => {
                    running.seen.said_ok = true;
                    return;
                }
                ToBroker::Done(Err(failure)) => {
                    let said = self.words(&format!("{}: {}", failure.code, failure.detail));
                    return running.seen.because(format!("the rotator ended the step with `{said}`"));
                }
                ToBroker::Trapped(reason) => {
                    let said = self.words(&reason);
                    self.note(Event::Trap(event::Trap { step: running.label.clone(), guest: said.clone() }));
                    return running.seen.because(format!("the rotator was stopped: {said}"));
                }
                ToBroker::Ready(_)
                | ToBroker::Rejected(_)
                | ToBroker::NativeRefused(_)
                | ToBroker::Described(_)
                | ToBroker::Left => {
                    let error = wire::WorkerMisbehaved::OutOfTurn("a frame that is not of a step");
                    return self.give_up_worker(running, error.to_string()).await;
                }
            }
        }
    }

    /// The routes that could be sent now, for a rotator that will ask. A tape takes down what it asked, so it has to ask.
    fn offer(&self, running: &Running<'_>) -> Option<Offer> {
        (self.asks_routes && self.tape.is_none()).then(|| self.routes(running))
    }

    /// Waits for the next frame of the step.
    async fn wait(&mut self, until: Instant) -> Heard {
        let times = if self.ledger.anything_changed() { 2 } else { 1 };
        tokio::select! {
            biased;
            () = self.interrupts.wait(times) => Heard::Interrupted,
            () = tokio::time::sleep_until(until.into()) => Heard::TimeUp,
            frame = self.worker.next() => match frame {
                Ok(frame) => Heard::Frame(frame),
                Err(reason) => Heard::Gone(reason),
            },
        }
    }

    /// Leaves a run that has not ended.
    fn leave(&mut self, running: &mut Running<'_>, reason: &str) {
        self.worker.leave();
        if let Some(tape) = &mut self.tape {
            tape.cut(reason);
        }
        running.seen.because(reason);
    }

    async fn give_up_worker(&mut self, running: &mut Running<'_>, reason: String) {
        if let Some(tape) = &mut self.tape {
            tape.cut(&format!("the worker failed: {reason}"));
        }
        running.lost_worker = true;
        running.seen.because(format!("the worker failed: {reason}"));
        self.worker.give_up(reason).await;
    }

    /// When the time for a step is up.
    fn time_for(&self, step: Step) -> Instant {
        let now = Instant::now();
        let left = self.deadline.saturating_duration_since(now);
        now + shares::of(step, shares::Follows::of(&self.ledger, self.one_look), left)
    }

    /// Waits; false if a signal came first.
    async fn rest_until(&mut self, wake: Instant) -> bool {
        let times = if self.ledger.anything_changed() { 2 } else { 1 };
        tokio::select! {
            () = self.interrupts.wait(times) => false,
            () = tokio::time::sleep_until(wake.into()) => true,
        }
    }

    async fn answer(&mut self, running: &mut Running<'b>, call: &Call, until: Instant) -> Reply {
        match call {
            Call::Routes => {
                self.asks_routes = true;
                Reply::Routes(self.routes(running))
            }
            Call::Now => Reply::Now(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            ),
            Call::Sleep { milliseconds } => {
                let end = Instant::now()
                    .checked_add(Duration::from_millis(*milliseconds))
                    .map_or(until, |end| end.min(until));
                self.rest_until(end).await;
                Reply::Slept
            }
            Call::Send { route, args } => Reply::Sent(self.send(running, route, args).await),
        }
    }
}

fn milliseconds_until(until: Instant) -> u64 {
    u64::try_from(until.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX)
}
