//! One call of the rotator: decided, placed, sent, judged, and only then answered, redacted.

use super::gather::Trouble;
use super::{Desk, Running, SHOWN_MOST, WORDS_MOST};
use crate::audit::event::{self, Event};
use crate::audit::{AuditError, Intended};
use crate::broker::http::failure::DialError;
use crate::broker::http::redact::Redactor;
use crate::broker::ledger::{Entry, Fate};
use crate::broker::retry;
use crate::page::Step;
use crate::page::judge::{self, Judgement, Verdict};
use crate::page::model::{ArgClass, Route};
use crate::page::place::{self, Placed};
use crate::page::progress::Denial;
use crate::policy::decide::{Rule, RunFacts};
use crate::policy::{Ask, Decision, decide, explain};
use crate::report::escape::escape;
use crate::wire::{self, Problem};
use std::time::{Duration, Instant};

/// Over how long the lines of a batch spread out after a pause.
const SPREAD: Duration = Duration::from_millis(200);

impl<'b> Desk<'b> {
    /// The routes that could be sent now: offered by the page, allowed by the one decision, and placeable.
    pub(super) fn routes(&self, running: &Running<'_>) -> Vec<String> {
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

    /// Answers `http.send`.
    pub(super) async fn send(
        &mut self,
        running: &mut Running<'b>,
        name: &str,
        args: &[(String, String)],
    ) -> Result<wire::Answer, Problem> {
        if let Some(ended) = running.progress.ended() {
            let ended = self.words(ended);
            return Err(Problem::NotSent(format!("the step has ended: {ended}")));
        }
        let bound = self.bound;
        let ask = Ask { route: name, args, progress: &running.progress, run: self.facts(running.step) };
        let route = match decide(bound, &ask) {
            Decision::Allow { route, .. } => route,
            Decision::Deny(refusal) => {
                let text = escape(&explain::refusal(&refusal, name), WORDS_MOST);
                running.seen.denied.get_or_insert_with(|| text.clone());
                let (asked, reason, line) = (name.to_owned(), text.clone(), refusal.line.clone());
                self.note(Event::Denial(event::Denial { step: running.label.clone(), asked, reason, line }));
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
            let (step, reason) = (running.label.clone(), text.to_owned());
            self.note(Event::Limit(event::Limit { step, limit: "sign-ins", reason }));
            return Err(Problem::NotSent(text.to_owned()));
        }
        if self.interrupts.came(1) && !self.ledger.anything_changed() {
            running.seen.because("interrupted by a signal");
            return Err(Problem::NotSent("the run was interrupted".to_owned()));
        }
        if let Err(why) = self.patience(running, route).await {
            running.seen.because(why.clone());
            return Err(Problem::NotSent(why));
        }
        let placed = match place::place(&bound.page, route, &self.scope(running, args), None) {
            Ok(placed) => placed,
            Err(error) => {
                running.seen.because(format!("route `{}` was not sent: {error}", route.name));
                return Err(Problem::NotSent(error.to_string()));
            }
        };
        if route.changes && self.rehearsal {
            // Placed, so that a rehearsal finds a value that cannot stand where the page puts it; then wiped.
            drop(placed);
            running
                .seen
                .would_change
                .get_or_insert_with(|| format!("{} by route `{}`", route.method.as_str(), route.name));
            return Err(Problem::NotSent("rehearsal".to_owned()));
        }
        let intended = match self.intend(running, route).await {
            Ok(intended) => intended,
            Err(error) => {
                // Nothing may change that cannot be recorded.
                running.seen.because(format!("nothing was changed, because {error}"));
                return Err(Problem::NotSent("the audit log cannot be written".to_owned()));
            }
        };
        running.progress.spend(route);
        self.exchange(running, route, args, placed, intended).await
    }

    /// Waits while the provider wants nothing of this batch.
    async fn patience(&mut self, running: &Running<'_>, route: &Route) -> Result<(), String> {
        while let Some(until) = self.paused(route) {
            if until >= running.until {
                let seconds = until.saturating_duration_since(Instant::now()).as_secs();
                return Err(format!(
                    "the provider asked for a pause of {seconds} more seconds, longer than this step may take"
                ));
            }
            // Not all at the same moment.
            let wake = until + SPREAD.mul_f64(retry::jitter());
            if !self.rest_until(wake.min(running.until)).await {
                return Err("interrupted by a signal".to_owned());
            }
        }
        Ok(())
    }

    /// The intent is on the disk before a changing request leaves.
    async fn intend(&mut self, running: &Running<'_>, route: &Route) -> Result<Option<Intended>, AuditError> {
        if !route.changes {
            return Ok(None);
        }
        let sending = event::Sending {
            step: running.label.clone(),
            route: route.name.as_str().to_owned(),
            method: route.method.as_str(),
            host: self.host_of(route),
            account: self.bound.user.clone(),
        };
        self.trail.intend(sending, self.known.redactor()).await.map(Some)
    }

    /// Sends the placed request (and further pages of a list), judges, learns, books, and answers.
    async fn exchange(
        &mut self,
        running: &mut Running<'b>,
        route: &'b Route,
        args: &[(String, String)],
        placed: Placed,
        intended: Option<Intended>,
    ) -> Result<wire::Answer, Problem> {
        let began = Instant::now();
        if let Some(intended) = intended {
            self.ledger.change_leaves(running.step, intended);
        }
        let gathered = self.gather(running, route, args, placed).await;
        let took = began.elapsed();
        self.remember_secrets(running);
        let (answers, more) = match gathered {
            Ok(gathered) => gathered,
            Err(trouble) => return Err(self.no_answer(running, route, trouble, took)),
        };
        let mut judgement = match more {
            Ok(more) => judge::judge(route, &answers, more, &self.scope(running, args)),
            Err(reason) => Judgement::unmet(answers.last().map_or(0, |answer| answer.status), reason),
        };
        self.book(running, route, Some(judgement.status), judgement.verdict.as_str(), took);
        self.draw_conclusions(running, route, &judgement);
        running.progress.learn(route, &mut judgement);
        self.remember_secrets(running);
        for warning in &judgement.warnings {
            let warning = self.words(warning);
            self.note(Event::Warning(event::Warning { reason: warning.clone() }));
            self.warnings.push(warning);
        }
        let answer = rendered(&judgement, self.known.redactor());
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
                (
                    (|_| Problem::OutOfTime) as fn(String) -> Problem,
                    fate,
                    "the time for this step passed ([limits] deadline)".to_owned(),
                )
            }
            Trouble::Paging(why) => (Problem::NoAnswer as fn(String) -> Problem, Fate::Ambiguous, why),
        };
        let text = self.words(&text);
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
                "route `{}` answered with status {}, which the page does not expect{}",
                route.name,
                judgement.status,
                suspect(route, judgement.status)
            ));
        }
    }

    pub(super) fn book(
        &mut self,
        running: &Running<'_>,
        route: &Route,
        status: Option<u16>,
        judged: &str,
        took: Duration,
    ) {
        let entry = Entry {
            step: running.label.clone(),
            route: route.name.as_str().to_owned(),
            method: route.method.as_str(),
            host: self.host_of(route),
            status,
            judged: judged.to_owned(),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        self.note(Event::Request(event::Request {
            step: entry.step.clone(),
            route: entry.route.clone(),
            method: entry.method,
            host: entry.host.clone(),
            peer: running.peer.map(|peer| peer.to_string()),
            status,
            judged: entry.judged.clone(),
            changes: route.changes,
            milliseconds: entry.milliseconds,
        }));
        self.ledger.book(entry);
    }

    fn host_of(&self, route: &Route) -> String {
        self.bound.origin_of(route).map(|origin| origin.host).unwrap_or_default()
    }

    fn facts(&self, step: Step) -> RunFacts {
        RunFacts { requests: self.ledger.requests(), changed: self.ledger.fate(step) != Fate::NotSent }
    }
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

/// Which secret of a vault record a 401 or 403 is likely about.
fn suspect(route: &Route, status: u16) -> String {
    let places = if matches!(status, 401 | 403) { route.secret_places() } else { Vec::new() };
    places
        .iter()
        .find(|(source, _)| source.is_record_secret())
        .map(|(source, _)| format!("; `{source}` may be wrong, expired or without the right"))
        .unwrap_or_default()
}
