//! Sending: one request, its repeats where [`retry`] allows them, and the further pages of a list.

use super::{Desk, Running};
use crate::broker::http::dial::Connection;
use crate::broker::http::failure::{DialError, NoAnswer};
use crate::broker::retry;
use crate::page::answer::Answer;
use crate::page::judge;
use crate::page::model::Route;
use crate::page::place::{self, NextPage, Placed};
use crate::page::template::Source;
use std::time::{Instant, SystemTime};

/// All pages of a list together may be this many times as large as one answer: they are read, and kept, as a whole.
const LIST_ANSWERS: usize = 4;

/// Why there is no judged answer.
pub(super) enum Trouble {
    Dial(DialError),
    Paging(String),
}

impl<'b> Desk<'b> {
    /// One answer, or all pages of a list; `true` if there were more pages than the page reads, an error if the next one cannot be
    /// followed.
    pub(super) async fn gather(
        &mut self,
        running: &mut Running<'b>,
        route: &'b Route,
        args: &[(String, String)],
        placed: Placed,
    ) -> Result<(Vec<Answer>, Result<bool, String>), Trouble> {
        let at_most = route.pages.as_ref().map_or(1, |pages| pages.at_most.max(1));
        let mut placed = placed;
        let mut turn = None;
        let mut answers = Vec::new();
        loop {
            let (origin, path) = (placed.origin.clone(), placed.path.clone());
            let answer = self.dial_patiently(running, route, args, placed, turn.as_ref()).await?;
            let next = match route.pages {
                Some(_) => judge::next_page(route, &answer, &origin, &path),
                None => Ok(None),
            };
            answers.push(answer);
            let most = self.bound.policy.limits.answer_bytes.saturating_mul(LIST_ANSWERS);
            if answers.iter().map(|answer| answer.body.len()).sum::<usize>() > most {
                let reason = format!("the pages of this list are larger than {most} bytes ([limits] answer)");
                return Ok((answers, Err(reason)));
            }
            let next = match next {
                Ok(Some(next)) => next,
                Ok(None) => return Ok((answers, Ok(false))),
                Err(reason) => return Ok((answers, Err(reason))),
            };
            if answers.len() >= at_most as usize {
                return Ok((answers, Ok(true)));
            }
            placed = self.place_again(running, route, args, Some(&next))?;
            turn = Some(next);
        }
    }

    /// Sends a request; one that changes nothing is sent again where [`retry`] says so and the step's time allows it.
    async fn dial_patiently(
        &mut self,
        running: &mut Running<'b>,
        route: &'b Route,
        args: &[(String, String)],
        placed: Placed,
        turn: Option<&NextPage>,
    ) -> Result<Answer, Trouble> {
        let mut placed = placed;
        let mut done = 0;
        loop {
            let began = Instant::now();
            let answer = self.dial(running, route, placed).await;
            if let Ok(answer) = &answer {
                self.pause_others(route, answer);
            }
            let pause = match &answer {
                _ if route.changes => None,
                // The page knows this answer: the password was refused, and once more would be one more failed sign-in.
                Ok(answer) if route.places_candidate() && self.is_judged(running, route, args, answer) => None,
                Ok(answer)
                    if route.places_candidate() && retry::may_count(answer) && !self.ledger.may_risk_another() =>
                {
                    None
                }
                Ok(answer) => retry::after_busy(answer, done, SystemTime::now(), retry::jitter()),
                Err(DialError::NotSent(why)) if why.may_pass() => retry::after_broken(done, retry::jitter()),
                Err(DialError::NoAnswer(_)) if !route.places_candidate() => retry::after_broken(done, retry::jitter()),
                Err(DialError::NotSent(_) | DialError::NoAnswer(_) | DialError::OutOfTime { .. }) => None,
            };
            let wake = pause.and_then(|pause| Instant::now().checked_add(pause));
            let Some(wake) = wake.filter(|wake| *wake < running.until) else {
                return answer.map_err(Trouble::Dial);
            };
            let status = answer.as_ref().ok().map(|answer| answer.status);
            let word =
                if matches!(answer, Err(DialError::NotSent(_))) { "not sent, tried again" } else { "sent again" };
            self.book(running, route, status, word, began.elapsed());
            if !self.rest_until(wake).await {
                return answer.map_err(Trouble::Dial);
            }
            placed = self.place_again(running, route, args, turn)?;
            done += 1;
        }
    }

    /// Whether the page says what this answer means.
    fn is_judged(&self, running: &Running<'b>, route: &Route, args: &[(String, String)], answer: &Answer) -> bool {
        let judgement = judge::judge(route, std::slice::from_ref(answer), false, &self.scope(running, args));
        judgement.verdict != judge::Verdict::Unmatched
    }

    async fn dial(&mut self, running: &mut Running<'b>, route: &Route, placed: Placed) -> Result<Answer, DialError> {
        self.ledger.count_request();
        running.peer = None;
        let times = if route.changes || self.ledger.anything_changed() { 2 } else { 1 };
        let connection = match route {
            route if route.changes => Connection::Fresh,
            route if is_personal(route) => Connection::Kept,
            _ => Connection::Shared,
        };
        tokio::select! {
            (answer, seen) = self.capability.send(placed, &mut running.jar, connection) => {
                running.peer = seen.peer;
                answer
            }
            () = self.interrupts.wait(times) => Err(DialError::NoAnswer(NoAnswer::Interrupted)),
        }
    }

    /// In a batch, a provider that is busy wants nothing of the other lines either.
    fn pause_others(&self, route: &Route, answer: &Answer) {
        if let (Some(pause), Some(host)) = (retry::for_all(answer, SystemTime::now()), self.bound.origin_of(route)) {
            self.capability.pause(&host, pause);
        }
    }

    /// Until when nothing should be sent by this route, in a batch whose provider asked for a pause.
    pub(super) fn paused(&self, route: &Route) -> Option<Instant> {
        self.capability.paused(&self.bound.origin_of(route)?)
    }

    fn place_again(
        &self,
        running: &Running<'b>,
        route: &Route,
        args: &[(String, String)],
        next: Option<&NextPage>,
    ) -> Result<Placed, Trouble> {
        let most = self.bound.policy.limits.requests;
        if self.ledger.requests() >= most {
            return Err(Trouble::Paging(format!("the run's {most} requests are used up ([limits] requests)")));
        }
        place::place(&self.bound.page, route, &self.scope(running, args), next)
            .map_err(|error| Trouble::Paging(format!("it cannot be asked for again: {error}")))
    }
}

/// Whether requests of this route, or their answers, carry a secret of one account: a password or what a session is made of.
pub(in crate::broker) fn is_personal(route: &Route) -> bool {
    let of_account = |source: &Source| {
        matches!(source, Source::OldPassword | Source::NewPassword | Source::Candidate | Source::Capture(_))
    };
    !route.captures.is_empty() || route.places(of_account)
}
