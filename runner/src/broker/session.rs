//! One step: the rotator's calls, each decided, placed, sent, judged, and only then answered, redacted.

use super::http::cookies::Jar;
use super::http::dial::{Capability, Connection};
use super::http::failure::{DialError, NoAnswer};
use super::http::redact::Redactor;
use super::interrupt::Interrupts;
use super::ledger::{Entry, Fate, Ledger};
use super::link::Link;
use super::proof::Observations;
use crate::page::answer::Answer;
use crate::page::judge::{self, Judgement, Verdict};
use crate::page::model::{ArgClass, Origin, Route};
use crate::page::place::{self, FieldValue, NextPage, Placed, Scope};
use crate::page::progress::{Denial, Progress};
use crate::page::{Secret, Step};
use crate::policy::decide::{Rule, RunFacts};
use crate::policy::{Ask, Bound, Decision, decide, explain};
use crate::report::escape::escape;
use crate::wire::{self, Call, Level, Problem, Reply, RunId, Start, ToBroker, ToWorker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// Most characters of one value that a page shows to the rotator.
const SHOWN_MOST: usize = 4096;
/// Most characters of a reason or a log line.
const WORDS_MOST: usize = 1024;

/// What one step needs of the run.
pub struct Desk<'b> {
    /// What may be done, with the values to do it with.
    pub bound: &'b Bound,
    /// The worker.
    pub link: Link,
    /// The network.
    pub capability: Capability,
    /// The book.
    pub ledger: Ledger,
    /// One deadline for everything.
    pub deadline: Instant,
    /// Ctrl-C.
    pub interrupts: Interrupts,
    /// Look-ups only: changing requests are answered `not-sent("rehearsal")`.
    pub rehearsal: bool,
    /// The rotator's own words: (step, level, text), escaped.
    pub log: Vec<(String, Level, String)>,
    /// What is worth a warning.
    pub warnings: Vec<String>,
    /// Secrets that came up on the way (captures, cookies), for redaction: (label, text).
    pub found_secrets: Vec<(String, Zeroizing<String>)>,
    /// The worker cannot be used any more, and why.
    pub worker_gone: Option<String>,
    /// The last run id that was used.
    pub last_run: u32,
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
    progress: Progress,
    jar: Jar,
    seen: Seen,
}

/// How the wait for a frame ended.
enum Event {
    Frame(ToBroker),
    Gone(String),
    TimeUp,
    Interrupted,
}

impl<'b> Desk<'b> {
    /// Runs one step of the rotator on a fresh instance, with a fresh memory of cookies, binds and captures.
    pub async fn step(&mut self, step: Step, candidate: Option<&'b Secret>, label: &str) -> Seen {
        let mut running = Running {
            step,
            label: label.to_owned(),
            candidate,
            progress: Progress::new(step),
            jar: Jar::default(),
            seen: Seen::default(),
        };
        self.capability.fresh();
        self.drive(&mut running).await;
        self.remember_secrets(&running);
        if let Some(ended) = running.progress.ended() {
            // What a `requires` says is the best reason there is: it goes before what the rotator makes of it.
            let ended = self.words(ended, &running);
            running.seen.reason = Some(ended);
        }
        running.seen
    }

    async fn drive(&mut self, running: &mut Running<'b>) {
        if let Some(reason) = &self.worker_gone {
            running.seen.because(format!("the worker is gone ({reason})"));
            return;
        }
        self.last_run += 1;
        let run = RunId(self.last_run);
        let start = Start {
            step: running.step,
            user: self.bound.user.clone(),
            has_old_password: self.bound.old_password.is_some(),
            texts: self.texts(),
        };
        if let Err(error) = self.link.send(run, &ToWorker::Start(start)).await {
            self.give_up_worker(running, error.to_string()).await;
            return;
        }
        let until = self.time_for(running.step);
        loop {
            let frame = match self.wait(run, until).await {
                Event::Frame(frame) => frame,
                Event::Gone(reason) => return self.give_up_worker(running, reason).await,
                // The run is left where it is, without a reply: the worker serves the next one.
                Event::TimeUp => return running.seen.because("the rotator used up the time for this step"),
                Event::Interrupted => return running.seen.because("interrupted by a signal"),
            };
            match frame {
                ToBroker::Call(call) => {
                    let reply = self.answer(running, call, until).await;
                    if let Err(error) = self.link.send(run, &ToWorker::Reply(reply)).await {
                        return self.give_up_worker(running, error.to_string()).await;
                    }
                }
                ToBroker::Log(line) => {
                    let text = self.words(&line.text, running);
                    self.log.push((running.label.clone(), line.level, text));
                }
                ToBroker::Done(Ok(())) => {
                    running.seen.said_ok = true;
                    return;
                }
                ToBroker::Done(Err(failure)) => {
                    let said = self.words(&format!("{}: {}", failure.code, failure.detail), running);
                    return running.seen.because(format!("the rotator ended the step with `{said}`"));
                }
                ToBroker::Trapped(reason) => {
                    let said = self.words(&reason, running);
                    return running.seen.because(format!("the rotator was stopped: {said}"));
                }
                ToBroker::Ready | ToBroker::Rejected(_) | ToBroker::Described(_) => {
                    let error = wire::WorkerMisbehaved::OutOfTurn("a frame about loading, in a step");
                    return self.give_up_worker(running, error.to_string()).await;
                }
            }
        }
    }

    /// Waits for the next frame of `run`; frames of runs that were left behind are dropped.
    async fn wait(&mut self, run: RunId, until: Instant) -> Event {
        let times = if self.ledger.anything_changed() { 2 } else { 1 };
        loop {
            let event = tokio::select! {
                biased;
                () = self.interrupts.wait(times) => return Event::Interrupted,
                () = tokio::time::sleep_until(until.into()) => return Event::TimeUp,
                frame = self.link.next() => frame,
            };
            match event {
                Ok((of, frame)) if of == run => return Event::Frame(frame),
                Ok((of, _)) if of.0 != 0 && of.0 < run.0 => {}
                Ok(_) => {
                    return Event::Gone(
                        wire::WorkerMisbehaved::OutOfTurn("a frame of a run that does not exist").to_string(),
                    );
                }
                Err(error) => return Event::Gone(error.to_string()),
            }
        }
    }

    async fn give_up_worker(&mut self, running: &mut Running<'_>, reason: String) {
        self.link.kill().await;
        running.seen.because(format!("the worker failed: {reason}"));
        self.worker_gone = Some(reason);
    }

    /// When the rotator's time for a step is up. A changing step leaves two fifths of what is left to the verification.
    fn time_for(&self, step: Step) -> Instant {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match step {
            Step::Change | Step::Reconcile => Instant::now() + left * 3 / 5,
            Step::Verify | Step::Finish => self.deadline,
        }
    }

    async fn answer(&mut self, running: &mut Running<'b>, call: Call, until: Instant) -> Reply {
        match call {
            Call::Routes => Reply::Routes(self.routes(running)),
            Call::Now => Reply::Now(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            ),
            Call::Sleep { milliseconds } => {
                let end =
                    Instant::now().checked_add(Duration::from_millis(milliseconds)).map_or(until, |end| end.min(until));
                let times = if self.ledger.anything_changed() { 2 } else { 1 };
                tokio::select! {
                    () = self.interrupts.wait(times) => {}
                    () = tokio::time::sleep_until(end.into()) => {}
                }
                Reply::Slept
            }
            Call::Send { route, args } => Reply::Sent(self.send(running, &route, &args).await),
        }
    }

    /// The routes that could be sent now: offered by the page, allowed by the one decision, and placeable.
    fn routes(&self, running: &Running<'_>) -> Vec<String> {
        let page = &self.bound.page;
        running
            .progress
            .offered(page)
            .into_iter()
            .filter(|route| {
                let args = example_args(route);
                let ask = Ask {
                    route: route.name.as_str(),
                    args: &args,
                    progress: &running.progress,
                    run: self.facts(running.step),
                };
                matches!(decide(self.bound, &ask), Decision::Allow { .. })
                    && place::place(page, route, &self.scope(running, &args), None).is_ok()
            })
            .map(|route| route.name.as_str().to_owned())
            .collect()
    }

    async fn send(
        &mut self,
        running: &mut Running<'b>,
        name: &str,
        args: &[(String, String)],
    ) -> Result<wire::Answer, Problem> {
        if let Some(ended) = running.progress.ended() {
            let ended = self.words(ended, running);
            return Err(Problem::NotSent(format!("the step has ended: {ended}")));
        }
        let bound = self.bound;
        let ask = Ask { route: name, args, progress: &running.progress, run: self.facts(running.step) };
        let route = match decide(bound, &ask) {
            Decision::Allow { route, .. } => route,
            Decision::Deny(refusal) => {
                let text = escape(&explain::refusal(&refusal, name), WORDS_MOST);
                running.seen.denied.get_or_insert_with(|| text.clone());
                running.seen.because(format!("denied: {text}"));
                return Err(match refusal.rule {
                    Rule::Page(Denial::UnknownRoute { .. }) => Problem::NotInPage(text),
                    _ => Problem::Denied(text),
                });
            }
        };
        if route.places_candidate() && !self.ledger.may_risk_sign_in() {
            let text = "no further sign-in is risked: two have failed already";
            running.seen.because(text);
            return Err(Problem::NotSent(text.to_owned()));
        }
        if route.changes && self.rehearsal {
            running
                .seen
                .would_change
                .get_or_insert_with(|| format!("{} by route `{}`", route.method.as_str(), route.name));
            return Err(Problem::NotSent("rehearsal".to_owned()));
        }
        if self.interrupts.came(1) && !self.ledger.anything_changed() {
            running.seen.because("interrupted by a signal");
            return Err(Problem::NotSent("the run was interrupted".to_owned()));
        }
        let placed = match place::place(&bound.page, route, &self.scope(running, args), None) {
            Ok(placed) => placed,
            Err(error) => {
                running.seen.because(format!("route `{}` was not sent: {error}", route.name));
                return Err(Problem::NotSent(error.to_string()));
            }
        };
        running.progress.spend(route);
        self.exchange(running, route, args, placed).await
    }

    /// Sends the placed request (and further pages of a list), judges, learns, books, and answers.
    async fn exchange(
        &mut self,
        running: &mut Running<'b>,
        route: &'b Route,
        args: &[(String, String)],
        placed: Placed,
    ) -> Result<wire::Answer, Problem> {
        let began = Instant::now();
        if route.changes {
            self.ledger.change_leaves(running.step);
        }
        let gathered = self.gather(running, route, args, placed).await;
        let took = began.elapsed();
        let (answers, more) = match gathered {
            Ok(gathered) => gathered,
            Err(trouble) => return Err(self.no_answer(running, route, trouble, took)),
        };
        let mut judgement = judge::judge(route, &answers, more, &self.scope(running, args));
        self.book(running, route, Some(judgement.status), judgement.verdict.as_str(), took);
        self.draw_conclusions(running, route, &judgement);
        running.progress.learn(route, &mut judgement);
        self.remember_secrets(running);
        let redactor = self.redactor(running);
        for warning in &judgement.warnings {
            self.warnings.push(escape(&redactor.redact(warning), WORDS_MOST));
        }
        let answer = rendered(&judgement, &redactor);
        if route.changes {
            let shown: Vec<String> = answer.shown.iter().map(|(name, value)| format!("{name}={value}")).collect();
            running.seen.change_answer = Some(format!(
                "route `{}` was answered with status {}{}{}, which the page judges `{}`",
                route.name,
                answer.status,
                if shown.is_empty() { "" } else { " and " },
                shown.join(", "),
                answer.judged
            ));
        }
        Ok(answer)
    }

    /// One answer, or all pages of a list; `true` if there were more pages than the page reads.
    async fn gather(
        &mut self,
        running: &mut Running<'b>,
        route: &'b Route,
        args: &[(String, String)],
        placed: Placed,
    ) -> Result<(Vec<Answer>, bool), Trouble> {
        let at_most = route.pages.as_ref().map_or(1, |pages| pages.at_most.max(1));
        let mut placed = placed;
        let mut answers = Vec::new();
        loop {
            let (origin, path) = (placed.origin.clone(), placed.path.clone());
            let answer = self.dial(running, route, placed).await.map_err(Trouble::Dial)?;
            let next = match route.pages {
                Some(_) => judge::next_page(route, &answer, &origin, &path).map_err(Trouble::Paging)?,
                None => None,
            };
            answers.push(answer);
            let Some(next) = next else { return Ok((answers, false)) };
            if answers.len() >= at_most as usize {
                return Ok((answers, true));
            }
            placed = self.place_next(running, route, args, &next)?;
        }
    }

    fn place_next(
        &self,
        running: &Running<'b>,
        route: &Route,
        args: &[(String, String)],
        next: &NextPage,
    ) -> Result<Placed, Trouble> {
        let most = self.bound.policy.limits.requests;
        if self.ledger.requests() >= most {
            return Err(Trouble::Paging(format!("the run's {most} requests are used up ([limits] requests)")));
        }
        place::place(&self.bound.page, route, &self.scope(running, args), Some(next))
            .map_err(|error| Trouble::Paging(format!("the next page cannot be asked for: {error}")))
    }

    async fn dial(&mut self, running: &mut Running<'b>, route: &Route, placed: Placed) -> Result<Answer, DialError> {
        self.ledger.count_request();
        let times = if route.changes || self.ledger.anything_changed() { 2 } else { 1 };
        let connection = if route.changes { Connection::Fresh } else { Connection::Kept };
        tokio::select! {
            (answer, _seen) = self.capability.send(placed, &mut running.jar, connection) => answer,
            () = self.interrupts.wait(times) => Err(DialError::NoAnswer(NoAnswer::Interrupted)),
        }
    }

    fn no_answer(&mut self, running: &mut Running<'_>, route: &Route, trouble: Trouble, took: Duration) -> Problem {
        let (problem, fate, text) = match trouble {
            Trouble::Dial(DialError::NotSent(why)) => {
                (Problem::NotSent as fn(String) -> Problem, Fate::NotSent, why.to_string())
            }
            Trouble::Dial(DialError::NoAnswer(why)) => {
                (Problem::NoAnswer as fn(String) -> Problem, Fate::Ambiguous, why.to_string())
            }
            Trouble::Dial(DialError::OutOfTime { sent }) => {
                let fate = if sent { Fate::Ambiguous } else { Fate::NotSent };
                ((|_| Problem::OutOfTime) as fn(String) -> Problem, fate, "the deadline passed".to_owned())
            }
            Trouble::Paging(why) => (Problem::NoAnswer as fn(String) -> Problem, Fate::Ambiguous, why),
        };
        let text = self.words(&text, running);
        let word = if fate == Fate::NotSent { "not sent" } else { "no answer" };
        self.book(running, route, None, word, took);
        if route.changes {
            self.ledger.change_judged(fate);
            running.seen.change_answer = Some(format!("route `{}`: {text}", route.name));
        }
        if route.places_candidate() && fate != Fate::NotSent {
            self.ledger.failed_sign_in();
            running.seen.observations.unclear(format!("route `{}` got no answer: {text}", route.name));
        }
        running.seen.because(format!("route `{}`: {text}", route.name));
        problem(text)
    }

    fn draw_conclusions(&mut self, running: &mut Running<'_>, route: &Route, judgement: &Judgement) {
        if route.changes {
            self.ledger.change_judged(Fate::of(judgement.verdict));
        }
        if route.places_candidate() {
            match judgement.verdict {
                Verdict::Accepted => running.seen.observations.accepted(&route.name),
                Verdict::Refused => running.seen.observations.refused(&route.name),
                Verdict::Unmatched | Verdict::Unmet | Verdict::Passed => running.seen.observations.unclear(format!(
                    "route `{}` answered with status {}, which the page does not judge",
                    route.name, judgement.status
                )),
            }
            if judgement.verdict != Verdict::Accepted {
                self.ledger.failed_sign_in();
            }
        } else if judgement.verdict == Verdict::Unmatched && !route.changes {
            running.seen.because(format!(
                "route `{}` answered with status {}, which the page does not expect",
                route.name, judgement.status
            ));
        }
    }

    fn book(&mut self, running: &Running<'_>, route: &Route, status: Option<u16>, judged: &str, took: Duration) {
        self.ledger.book(Entry {
            step: running.label.clone(),
            route: route.name.as_str().to_owned(),
            method: route.method.as_str(),
            host: self.host_of(route),
            status,
            judged: judged.to_owned(),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    fn host_of(&self, route: &Route) -> String {
        match &route.target.origin {
            Origin::Literal { host, .. } => host.clone(),
            Origin::Record(record) => self
                .bound
                .records
                .get(record.as_str())
                .and_then(|values| values.url.as_deref())
                .and_then(|url| url::Url::parse(url).ok())
                .and_then(|url| url.host_str().map(str::to_owned))
                .unwrap_or_default(),
        }
    }

    fn facts(&self, step: Step) -> RunFacts {
        RunFacts { requests: self.ledger.requests(), changed: self.ledger.fate(step) != Fate::NotSent }
    }

    fn scope<'s>(&'s self, running: &'s Running<'_>, args: &'s [(String, String)]) -> Scope<'s> {
        Scope {
            user: &self.bound.user,
            old_password: self.bound.old_password.as_ref(),
            new_password: self.bound.new_password.as_ref(),
            candidate: running.candidate,
            records: &self.bound.records,
            args,
            progress: &running.progress,
        }
    }

    fn texts(&self) -> Vec<(String, String)> {
        let fields = self
            .bound
            .records
            .iter()
            .flat_map(|(record, values)| values.fields.iter().map(move |field| (record, field)));
        fields
            .filter_map(|(record, (name, value))| match value {
                FieldValue::Text(text) => Some((format!("{record}.{name}"), text.clone())),
                FieldValue::Secret(_) => None,
            })
            .collect()
    }

    /// Untrusted text, redacted, escaped and capped.
    fn words(&self, text: &str, running: &Running<'_>) -> String {
        escape(&self.redactor(running).redact(text), WORDS_MOST)
    }

    fn redactor(&self, running: &Running<'_>) -> Redactor {
        let captures = running.progress.captures().map(|secret| (secret.label(), secret.lend()));
        let cookies = running.jar.values().into_iter().map(|value| ("cookie", value));
        Redactor::new(self.secrets().chain(captures).chain(cookies))
    }

    /// Every secret of the run: passwords, record fields, and what came up on the way.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        let passwords = [&self.bound.old_password, &self.bound.new_password].into_iter().flatten();
        let fields =
            self.bound.records.values().flat_map(|values| values.fields.values()).filter_map(|value| match value {
                FieldValue::Secret(secret) => Some(secret),
                FieldValue::Text(_) => None,
            });
        let found = self.found_secrets.iter().map(|(label, text)| (label.as_str(), text.as_str()));
        passwords.chain(fields).map(|secret| (secret.label(), secret.lend())).chain(found)
    }

    fn remember_secrets(&mut self, running: &Running<'_>) {
        let captures = running.progress.captures().map(|secret| (secret.label(), secret.lend()));
        let cookies = running.jar.values().into_iter().map(|value| ("cookie", value));
        for (label, text) in captures.chain(cookies) {
            if !self.found_secrets.iter().any(|(_, known)| known.as_str() == text) {
                self.found_secrets.push((label.to_owned(), Zeroizing::new(text.to_owned())));
            }
        }
    }
}

/// Why there is no judged answer.
enum Trouble {
    Dial(DialError),
    Paging(String),
}

/// What the rotator sees of a judgement.
fn rendered(judgement: &Judgement, redactor: &Redactor) -> wire::Answer {
    wire::Answer {
        status: judgement.status,
        judged: judgement.verdict.as_str().to_owned(),
        unmet: judgement.unmet.iter().map(|text| escape(&redactor.redact(text), WORDS_MOST)).collect(),
        shown: judgement
            .shown
            .iter()
            .map(|(name, text)| (name.clone(), escape(&redactor.redact(text), SHOWN_MOST)))
            .collect(),
    }
}

/// Arguments that satisfy a route's classes, to ask whether it could be sent at all.
fn example_args(route: &Route) -> Vec<(String, String)> {
    route.args.iter().map(|rule| (rule.name.as_str().to_owned(), example(&rule.class))).collect()
}

fn example(class: &ArgClass) -> String {
    match class {
        ArgClass::Token | ArgClass::Text => "a".to_owned(),
        ArgClass::Number => "1".to_owned(),
        ArgClass::Uuid => "00000000-0000-0000-0000-000000000000".to_owned(),
        ArgClass::OneOf(words) => words.first().cloned().unwrap_or_default(),
    }
}
