//! Records a run: what the rotator asked and what it was told, as it crosses the border to the worker.

use super::replay::replay;
use super::stand_in::StandIns;
use super::{CASSETTE_BYTES, Cassette, EVENTS_MAX, End, Event, Label, Made, TapedStep, parse, said, write};
use crate::broker::http::redact::Redactor;
use crate::broker::link::Link;
use crate::page::Page;
use crate::page::diagnostic::SourceFile;
use crate::wire::{self, Call, Reply, Start, ToBroker};

use std::time::Duration;

/// Takes down one run. What it is told is redacted already, or redacted here; and in the end everything is searched for secrets once
/// more.
#[derive(Debug, Default)]
pub struct Tape {
    keep: Vec<String>,
    stand_ins: Option<StandIns>,
    cassette: Option<Cassette>,
    /// What came of a step is not known yet.
    open: bool,
    spoiled: Option<String>,
    notes: Vec<String>,
}

/// Longest that the check of a cassette may hold up a run.
const CHECK: Duration = Duration::from_secs(10);

/// Why there is no cassette.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The rotator never ran.
    #[error("no step of the rotator was run, so there is nothing to record")]
    Nothing,
    /// What happened would not happen again.
    #[error("{0}, and what depends on time makes no cassette")]
    Spoiled(String),
    /// More than a cassette takes.
    #[error("there was too much to record: {0}")]
    TooMuch(String),
    /// What must not be.
    #[error(
        "line {line} of it would hold a secret, so it was not written; a password that is an everyday word of the page can do this: \
         record with another one"
    )]
    Secret {
        /// From 1.
        line: usize,
    },
    /// The text does not read back.
    #[error("it would not read back ({0}); please report this")]
    Unreadable(String),
}

/// A finished cassette.
#[derive(Debug)]
pub struct Finished {
    /// The file.
    pub text: String,
    /// What people should know: one line each.
    pub notes: Vec<String>,
}

impl Tape {
    /// An empty one. `keep` names values that are not replaced by stand-ins: `user`, `record.field`, `route.shown`.
    pub fn new(keep: Vec<String>) -> Tape {
        Tape { keep, ..Tape::default() }
    }

    /// The run is about to start.
    pub fn begins(&mut self, verb: &str, page: &Page, user: &str, inert_wasi: bool, made: Made) {
        let stand_ins = StandIns::new(page, user, &self.keep);
        self.cassette = Some(Cassette {
            verb: Some(verb.to_owned()),
            outcome: None,
            user: stand_ins.user().to_owned(),
            old_password: true,
            inert_wasi,
            texts: Vec::new(),
            made: Some(made),
            steps: Vec::new(),
        });
        self.stand_ins = Some(stand_ins);
    }

    /// A step is started.
    pub fn step(&mut self, label: &str, start: &Start) {
        let (Some(cassette), Some(stand_ins)) = (&mut self.cassette, &mut self.stand_ins) else { return };
        let Some(label) = Label::parse(label) else {
            self.spoiled.get_or_insert_with(|| format!("there was a step `{label}`"));
            return;
        };
        cassette.old_password = start.has_old_password;
        if cassette.steps.is_empty() {
            let texts = start.texts.iter();
            cassette.texts = texts.map(|(name, text)| (name.clone(), stand_ins.field(name, text))).collect();
        }
        cassette.steps.push(TapedStep { label, events: Vec::new(), ends: End::Ok });
        self.open = true;
    }

    /// A frame of the rotator, before it is acted upon. Calls are recorded with their replies.
    pub fn heard(&mut self, frame: &ToBroker, redactor: &Redactor) {
        match frame {
            ToBroker::Log(line) => {
                let text = self.words(&line.text, redactor);
                self.event(Event::Logged { level: line.level, text });
            }
            ToBroker::Done(result) => {
                let ends = match result {
                    Ok(()) => End::Ok,
                    Err(wire::Failure { code, detail }) => {
                        End::Failed { code: self.words(code, redactor), detail: self.words(detail, redactor) }
                    }
                };
                self.ends(ends);
            }
            // The worker's word for a step that was stopped by the clock.
            ToBroker::Trapped(reason) if reason == "out of time" => {
                self.cut("the rotator used up the time for this step")
            }
            ToBroker::Trapped(reason) => {
                let reason = self.words(reason, redactor);
                self.ends(End::Trapped(reason));
            }
            ToBroker::Call(_)
            | ToBroker::Ready(_)
            | ToBroker::Rejected(_)
            | ToBroker::Described(_)
            | ToBroker::NativeRefused(_)
            | ToBroker::Left => {}
        }
    }

    /// A call, and what it was answered.
    pub fn told(&mut self, call: &Call, reply: &Reply, redactor: &Redactor) {
        let event = match (call, reply) {
            (Call::Routes, Reply::Routes(routes)) => Event::Routes(routes.clone()),
            (Call::Sleep { milliseconds }, Reply::Slept) => Event::Slept { milliseconds: *milliseconds },
            (Call::Send { route, args }, Reply::Sent(told)) => {
                let of = route.as_str();
                let route = self.words(route, redactor);
                let words = |text: &String| self.words(text, redactor);
                let args = args.iter().map(|(name, value)| (words(name), words(value))).collect();
                let Some(stand_ins) = &mut self.stand_ins else { return };
                let told = match told {
                    Ok(answer) => Ok(answer_of(answer, of, stand_ins)),
                    Err(problem) => Err(problem_of(&stand_ins.problem(problem))),
                };
                Event::Sent { route, args, told }
            }
            // The time is asked for as often as it takes.
            _ => return,
        };
        self.event(event);
    }

    /// The step was left before it ended, or its worker is gone.
    pub fn cut(&mut self, reason: &str) {
        self.open = false;
        self.spoiled.get_or_insert_with(|| reason.to_owned());
    }

    /// Replays what is recorded in the worker that it was recorded in: a rotator that goes by a value which a stand-in was put for
    /// does otherwise now, and its author should know.
    pub async fn check(&mut self, link: &mut Link, last_run: u32) {
        let Some(cassette) = self.cassette.as_ref().filter(|_| self.spoiled.is_none() && !self.open) else { return };
        let mut last_run = last_run;
        let note = match tokio::time::timeout(CHECK, replay(link, &mut last_run, cassette)).await {
            Ok(Ok(steps)) => {
                let Some(step) = steps.iter().find(|step| !step.is_same()) else { return };
                format!(
                    "a replay with the same module differs already, in step `{}`: the rotator goes by a value that a stand-in was put for \
                     (`--keep`), or by the time",
                    step.label
                )
            }
            Ok(Err(error)) => format!("it could not be replayed: {error}"),
            Err(_) => format!("its replay took more than {} seconds", CHECK.as_secs()),
        };
        self.notes.push(note);
    }

    /// The file. Refuses to make one that holds a secret.
    pub fn finish(self, outcome: &str, redactor: &Redactor) -> Result<Finished, TapeError> {
        if let Some(reason) = self.spoiled {
            return Err(TapeError::Spoiled(reason));
        }
        let (Some(mut cassette), Some(stand_ins)) = (self.cassette, self.stand_ins) else {
            return Err(TapeError::Nothing);
        };
        if cassette.steps.is_empty() {
            return Err(TapeError::Nothing);
        }
        if self.open {
            return Err(TapeError::Spoiled("the last step was left before it ended".to_owned()));
        }
        if let Some(step) = cassette.steps.iter().find(|step| step.events.len() > EVENTS_MAX) {
            let label = step.label.as_str();
            return Err(TapeError::TooMuch(format!("step `{label}` has more than {EVENTS_MAX} events")));
        }
        cassette.outcome = Some(outcome.to_owned());
        let text = write::cassette(&cassette);
        if text.len() > CASSETTE_BYTES {
            return Err(TapeError::TooMuch(format!("more than {} MiB", CASSETTE_BYTES >> 20)));
        }
        // Line by line: the redactor cuts long texts.
        if let Some(line) = text.lines().position(|line| redactor.redact(line) != line) {
            return Err(TapeError::Secret { line: line.saturating_add(1) });
        }
        match parse::parse(&SourceFile::new("cassette", text.as_str())) {
            Ok(read) if read == cassette => {}
            Ok(_) => return Err(TapeError::Unreadable("it reads back as another one".to_owned())),
            Err(mistake) => return Err(TapeError::Unreadable(mistake.message.clone())),
        }
        let mut notes = notes(&stand_ins);
        notes.extend(self.notes);
        Ok(Finished { text, notes })
    }

    fn event(&mut self, event: Event) {
        let step = self.cassette.as_mut().filter(|_| self.open).and_then(|cassette| cassette.steps.last_mut());
        // One more than is taken says that there were more.
        if let Some(step) = step.filter(|step| step.events.len() <= EVENTS_MAX) {
            step.events.push(event);
        }
    }

    fn ends(&mut self, ends: End) {
        if let Some(step) = self.cassette.as_mut().filter(|_| self.open).and_then(|cassette| cassette.steps.last_mut())
        {
            step.ends = ends;
        }
        self.open = false;
    }

    /// What the rotator wrote.
    fn words(&self, text: &str, redactor: &Redactor) -> String {
        let text = redactor.redact(text);
        said(&self.stand_ins.as_ref().map_or_else(|| text.clone(), |stand_ins| stand_ins.text(&text)))
    }
}

fn answer_of(answer: &wire::Answer, route: &str, stand_ins: &mut StandIns) -> wire::Answer {
    wire::Answer {
        status: answer.status,
        judged: answer.judged.clone(),
        unmet: answer.unmet.iter().map(|text| stand_ins.unmet(route, text)).collect(),
        shown: answer
            .shown
            .iter()
            .map(|(name, text)| (name.clone(), stand_ins.shown(route, name, text))) //
            .collect(),
    }
}

/// A problem whose text may stand on a cassette.
fn problem_of(problem: &wire::Problem) -> wire::Problem {
    let (word, text) = super::problem_words(problem);
    super::problem_of(word, said(text)).unwrap_or(wire::Problem::OutOfTime)
}

fn notes(stand_ins: &StandIns) -> Vec<String> {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut notes = Vec::new();
    let replaced: Vec<&str> =
        stand_ins.replaced().iter().map(String::as_str).filter(|name| name.contains('.')).collect();
    if !replaced.is_empty() {
        notes.push(format!(
            "stand-ins were put for {}; where the rotator goes by such a value, record again with `--keep {}`",
            quoted(&replaced),
            replaced.first().copied().unwrap_or_default()
        ));
    }
    let never = stand_ins.never_seen();
    if !never.is_empty() {
        notes.push(format!("nothing was seen of {}, which was to be kept", quoted(&never)));
    }
    notes
}
