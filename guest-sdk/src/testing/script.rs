//! The broker's part of a step, without network, policy and redaction: admit, place, answer, judge, learn.

use super::{Double, Reply, Request, Run, request};
use crate::failure::Done;
use crate::host::Host;
use crate::http::{self, Judged, Problem};
use crate::log::Level;
use crate::rotator;
use rotabox_page::judge::{self, Judgement};
use rotabox_page::model::{ArgClass, Page, Route};
use rotabox_page::names::Step;
use rotabox_page::place::{self, FieldValue, Placed, Records, Scope};
use rotabox_page::progress::{Denial, Progress};
use rotabox_page::{Secret, answer};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

/// What stands still during a step, and what happens in it.
pub(super) struct Script {
    page: Page,
    user: String,
    old_password: Option<Secret>,
    new_password: Secret,
    candidate: Option<Secret>,
    records: Records,
    rehearsal: bool,
    state: RefCell<State>,
}

struct State {
    progress: Progress,
    replies: BTreeMap<String, VecDeque<Reply>>,
    requests: Vec<Request>,
    denied: Vec<String>,
    warnings: Vec<String>,
    log: Vec<(Level, String)>,
    slept: u64,
    changed: bool,
}

impl Script {
    pub(super) fn new(double: Double, step: &rotator::Step) -> Self {
        let Some(step) = Step::parse(step.as_str()) else {
            panic!("the double knows verify, change, reconcile and finish, not `{}`", step.as_str());
        };
        Self {
            page: double.page,
            user: double.user,
            old_password: double.old_password.map(|text| Secret::new("old-password", text)),
            new_password: Secret::new("new-password", double.new_password),
            candidate: (step == Step::Verify).then(|| Secret::new("candidate", double.candidate)),
            records: double.records,
            rehearsal: double.rehearsal,
            state: RefCell::new(State {
                progress: Progress::new(step),
                replies: double.replies,
                requests: Vec::new(),
                denied: Vec::new(),
                warnings: Vec::new(),
                log: Vec::new(),
                slept: 0,
                changed: false,
            }),
        }
    }

    /// What happened.
    pub(super) fn finish(&self, result: Done) -> Run {
        let mut state = self.state.borrow_mut();
        let left = state.replies.iter().flat_map(|(route, left)| std::iter::repeat_n(route.clone(), left.len()));
        Run {
            result,
            left: left.collect(),
            ended: state.progress.ended().map(str::to_owned),
            requests: std::mem::take(&mut state.requests),
            denied: std::mem::take(&mut state.denied),
            warnings: std::mem::take(&mut state.warnings),
            log: std::mem::take(&mut state.log),
            slept: state.slept,
        }
    }

    fn scope<'s>(&'s self, progress: &'s Progress, args: &'s [(String, String)]) -> Scope<'s> {
        Scope {
            user: &self.user,
            old_password: self.old_password.as_ref(),
            new_password: Some(&self.new_password),
            candidate: self.candidate.as_ref(),
            records: &self.records,
            args,
            progress,
        }
    }

    /// May it be sent? As the broker asks: the step goes on, the page admits it, a change is the first one.
    fn admit<'p>(&'p self, state: &State, name: &str, args: &[(String, String)]) -> Result<&'p Route, Problem> {
        if let Some(ended) = state.progress.ended() {
            return Err(Problem::NotSent(format!("the step has ended: {ended}")));
        }
        let route = state.progress.admit(&self.page, name, args).map_err(|denial| {
            let text = format!("route `{name}`: {denial:?}");
            match denial {
                Denial::UnknownRoute { .. } => Problem::NotInPage(text),
                _ => Problem::Denied(text),
            }
        })?;
        if route.changes && state.changed {
            return Err(Problem::Denied(format!("route `{name}`: a changing request was sent already")));
        }
        if route.changes && self.rehearsal {
            return Err(Problem::NotSent("rehearsal".to_owned()));
        }
        Ok(route)
    }

    /// Takes the scripted answer, or all pages of a list; `true` if there were more than the page reads.
    fn gather(
        &self,
        state: &mut State,
        route: &Route,
        args: &[(String, String)],
        placed: Placed,
    ) -> Result<(Vec<answer::Answer>, bool), Problem> {
        let at_most = route.pages.as_ref().map_or(1, |pages| pages.at_most.max(1));
        let mut placed = placed;
        let mut answers = Vec::new();
        loop {
            state.requests.push(request(route, &placed));
            let name = route.name.as_str();
            let Some(reply) = state.replies.get_mut(name).and_then(VecDeque::pop_front) else {
                panic!("the test has no (further) reply for route `{name}`");
            };
            let answer = reply.0.answer().inspect_err(|problem| {
                if matches!(problem, Problem::NotSent(_)) {
                    state.requests.pop();
                }
            })?;
            let next = match route.pages {
                Some(_) => judge::next_page(route, &answer, &placed.origin, &placed.path).map_err(Problem::NoAnswer)?,
                None => None,
            };
            answers.push(answer);
            let Some(next) = next else { return Ok((answers, false)) };
            if answers.len() >= at_most as usize {
                return Ok((answers, true));
            }
            placed = place::place(&self.page, route, &self.scope(&state.progress, args), Some(&next))
                .map_err(|error| Problem::NoAnswer(error.to_string()))?;
        }
    }
}

impl Host for Script {
    fn user(&self) -> String {
        self.user.clone()
    }

    fn has_old_password(&self) -> bool {
        self.old_password.is_some()
    }

    fn text(&self, name: &str) -> Option<String> {
        let (record, field) = name.split_once('.')?;
        match self.records.get(record)?.fields.get(field)? {
            FieldValue::Text(text) => Some(text.clone()),
            FieldValue::Secret(_) => None,
        }
    }

    fn routes(&self) -> Vec<String> {
        let state = self.state.borrow();
        if state.progress.ended().is_some() {
            return Vec::new();
        }
        let offered = state.progress.offered(&self.page).into_iter().filter(|route| {
            let args = example_args(route);
            let again = route.changes && state.changed;
            !again && place::place(&self.page, route, &self.scope(&state.progress, &args), None).is_ok()
        });
        offered.map(|route| route.name.as_str().to_owned()).collect()
    }

    fn send(&self, name: &str, args: &[(&str, &str)]) -> Result<http::Answer, Problem> {
        let args: Vec<_> = args.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let state = &mut *self.state.borrow_mut();
        let route = self.admit(state, name, &args).inspect_err(|problem| {
            if let Problem::NotInPage(text) | Problem::Denied(text) = problem {
                state.denied.push(text.clone());
            }
        })?;
        let placed = place::place(&self.page, route, &self.scope(&state.progress, &args), None)
            .map_err(|error| Problem::NotSent(error.to_string()))?;
        state.progress.spend(route);
        state.changed |= route.changes;
        let (answers, more) = self.gather(state, route, &args, placed)?;
        let mut judgement = judge::judge(route, &answers, more, &self.scope(&state.progress, &args));
        state.progress.learn(route, &mut judgement);
        state.warnings.append(&mut judgement.warnings);
        let answer = rendered(name, judgement);
        if let Some(request) = state.requests.last_mut() {
            request.judged = Some(answer.judged.clone());
        }
        Ok(answer)
    }

    fn log(&self, level: Level, text: &str) {
        self.state.borrow_mut().log.push((level, text.to_owned()));
    }

    fn now(&self) -> u64 {
        1_767_225_600_000 + self.state.borrow().slept // 2026-01-01, and what was slept since
    }

    fn sleep(&self, milliseconds: u64) {
        let mut state = self.state.borrow_mut();
        state.slept = state.slept.saturating_add(milliseconds);
    }
}

fn rendered(route: &str, judgement: Judgement) -> http::Answer {
    http::Answer {
        route: route.to_owned(),
        status: judgement.status,
        judged: Judged::parse(judgement.verdict.as_str()),
        unmet: judgement.unmet,
        shows: judgement.shown,
    }
}

/// Arguments that satisfy a route's classes, to ask whether it could be sent at all.
fn example_args(route: &Route) -> Vec<(String, String)> {
    let example = |class: &ArgClass| match class {
        ArgClass::Token | ArgClass::Text => "a".to_owned(),
        ArgClass::Number => "1".to_owned(),
        ArgClass::Uuid => "00000000-0000-0000-0000-000000000000".to_owned(),
        ArgClass::OneOf(words) => words.first().cloned().unwrap_or_default(),
    };
    route.args.iter().map(|rule| (rule.name.as_str().to_owned(), example(&rule.class))).collect()
}
