//! A run from the opened files to its outcome: `run`, `rehearse` and `verify`.
//!
//! Order: the worker starts, which takes longest; meanwhile the operator's files and the module are read and checked, and the walls go up;
//! the worker loads the module while stdin is read; page, policy and params are bound; only then the first request.
//!
//! | module | what |
//! | --- | --- |
//! | [`open`] | the operator's files |
//! | [`ready`] | up to the first request: a loaded worker, a bound run, a network |
//! | [`steps`] | the machine's hands |

mod open;
mod ready;
mod steps;

use super::http::dial::Capability;
use super::interrupt::Interrupts;
use super::ledger::Ledger;
use super::machine::{self, Plan};
use super::outcome::Outcome;
use super::seat::Seat;
use super::session::{Desk, Known};
use super::starting::{Leaving, Starting};
use crate::audit::Trail;
use crate::audit::event::Event;
use crate::cassette::tape::Tape;
use crate::confine::Enforced;
use crate::page::Step;
use crate::page::template::Source;
use crate::policy::Bound;
use crate::report::result::{RunResult, Said, Verb};
pub(super) use open::{Opened, opened, ports};
use std::path::PathBuf;
use std::time::Instant;
use steps::Run;

/// What is to be run.
#[derive(Debug)]
pub struct Request {
    /// A policy's name, or a path to a module.
    pub what: String,
    /// The policy folder.
    pub policies: PathBuf,
    /// The host file: an explicit one must exist.
    pub config: Option<PathBuf>,
    /// The verb.
    pub verb: Verb,
}

/// A run that is recorded.
#[derive(Debug)]
pub struct Recording<'t> {
    /// What it is recorded on.
    pub tape: &'t mut Tape,
    /// Where files may still be made and removed, once everything else is closed to this process.
    pub folder: PathBuf,
}

/// Runs to the end. Always answers a result; whatever went wrong is in it. Also answers with the worker, whose end is to be waited for
/// when the result was written.
pub fn execute(request: &Request, enforced: Enforced, recording: Option<Recording<'_>>) -> (RunResult, Leaving) {
    let began = Instant::now();
    let mut result = RunResult::new(request.verb, &request.what, enforced);
    let mut trail = None;
    let (said, leaving) = match event_loop() {
        Ok(runtime) => {
            let (said, mut leaving) = ran(&runtime, request, &mut trail, recording, &mut result);
            // A look-up in a helper thread may hang; the process does not wait for it.
            leaving.after(move || runtime.shutdown_background());
            (said, leaving)
        }
        Err(reason) => (Err(reason), Leaving::nobody()),
    };
    result.conclude(said.unwrap_or_else(|reason| Said::Outcome(Outcome::NotStarted { reason })), began.elapsed());
    if let Some(trail) = &mut trail {
        result.record(trail);
    }
    (result, leaving)
}

fn event_loop() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the system gave no event loop: {error}"))
}

fn ran(
    runtime: &tokio::runtime::Runtime,
    request: &Request,
    trail: &mut Option<Trail>,
    mut recording: Option<Recording<'_>>,
    result: &mut RunResult,
) -> (Result<Said, String>, Leaving) {
    let _inside = runtime.enter();
    // From here on a signal is heard, and ends in a result.
    let interrupts = match Interrupts::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => return (Err(format!("signals cannot be heard: {error}")), Leaving::nobody()),
    };
    let worker = Starting::spawn();
    let mut leaving = worker.as_ref().map_or_else(|_| Leaving::nobody(), Leaving::of);
    let said = opened(request, result, trail).and_then(|(opened, trail)| {
        let worker = worker.map_err(|error| format!("the worker process could not be started: {error}"))?;
        runtime.block_on(async {
            let (bound, hands, warnings) =
                ready::ready(request.verb, opened, worker, interrupts, recording.as_mut(), result).await?;
            let tape = recording.map(|recording| recording.tape);
            let (said, used) = conduct(request.verb, &bound, hands, warnings, trail, tape, result).await?;
            leaving.after(move || drop(used));
            Ok(said)
        })
    });
    (said, leaving)
}

/// What a run works with.
pub(super) struct Hands {
    /// A worker that has loaded the module.
    pub(super) worker: Seat,
    /// The network.
    pub(super) capability: Capability,
    /// The end of everything.
    pub(super) deadline: Instant,
    /// Ctrl-C.
    pub(super) interrupts: Interrupts,
}

/// What a run has used, to be closed when nobody waits for it any more.
pub(super) struct Used {
    _worker: Seat,
    _capability: Capability,
}

/// A run that is bound, to its end: the first record of the audit log, all steps, and what the result takes from them.
pub(super) async fn conduct(
    verb: Verb,
    bound: &Bound,
    hands: Hands,
    mut warnings: Vec<String>,
    trail: &mut Trail,
    tape: Option<&mut Tape>,
    result: &mut RunResult,
) -> Result<(Said, Used), String> {
    let Hands { mut worker, capability, deadline, interrupts } = hands;
    warnings.extend(bound.warnings.iter().cloned());
    let known = Known::new(bound);
    let begins = result.begins(&bound.user);
    if let Err(error) = trail.record(Event::RunStart(Box::new(begins)), known.redactor()) {
        worker.end();
        return Err(format!("nothing is started that cannot be recorded: {error}"));
    }
    let desk = Desk {
        bound,
        worker,
        capability,
        ledger: Ledger::default(),
        deadline,
        interrupts,
        one_look: matches!(verb, Verb::Verify { .. }),
        rehearsal: verb == Verb::Rehearse,
        log: Vec::new(),
        warnings,
        known,
        trail,
        tape,
        asks_routes: false,
    };
    let plan = plan(bound);
    let mut run = Run::new(desk, plan);
    let said = match verb {
        Verb::Run => Said::Outcome(machine::rotate(plan, &mut run).await),
        Verb::Rehearse => Said::Checked(run.rehearse(plan).await),
        Verb::Verify { new } => Said::Checked(run.look(plan, new).await),
    };
    if let (Some(tape), Some((link, last_run))) = (&mut run.desk.tape, run.desk.worker.own_link()) {
        tape.check(link, last_run).await;
    }
    run.desk.worker.end();
    run.warn_of_denials(&said);
    let Desk { ledger, warnings, log, known, worker, capability, .. } = run.desk;
    result.take(&ledger, &warnings, &log, known.into_redactor());
    Ok((said, Used { _worker: worker, _capability: capability }))
}

/// What page, policy and params say about the run.
fn plan(bound: &Bound) -> Plan {
    let (page, policy) = (&bound.page, &bound.policy);
    let has_old = bound.old_password.is_some();
    let routes = |step: Step| page.routes.iter().filter(move |route| route.steps.contains(&step));
    let needs_old = routes(Step::Change).any(|route| route.places(|source| *source == Source::OldPassword));
    let changing = |step: Step| routes(step).any(|route| route.changes);
    Plan {
        has_old,
        same: match (&bound.old_password, &bound.new_password) {
            (Some(old), Some(new)) => old.lend() == new.lend(),
            _ => false,
        },
        can_verify: page.can_verify(),
        can_change: changing(Step::Change) && (has_old || !needs_old),
        can_reconcile: changing(Step::Reconcile),
        may_reconcile: policy.settings.reconcile,
        accept_unverified: policy.settings.accept_unverified,
        has_finish: routes(Step::Finish).any(|route| !policy.off.iter().any(|(off, _)| off == route.name.as_str())),
    }
}
