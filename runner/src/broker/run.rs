//! A run from the opened files to its outcome: `run`, `rehearse` and `verify`.
//!
//! Order: the operator's files and the module are read and checked; the worker starts, and compiles while stdin is read;
//! page, policy and params are bound; only then the first request.

use super::code::{Code, Origin as CodeOrigin};
use super::http::client::Trust;
use super::http::dial::{Capability, Settings};
use super::interrupt::Interrupts;
use super::ledger::{Fate, Ledger};
use super::link::Link;
use super::machine::{self, Plan, StepEnd, Steps};
use super::outcome::Outcome;
use super::proof::{New, Old, Sight, Which, observe};
use super::seat::Seat;
use super::session::{Desk, Known, Seen};
use crate::audit::event::Event;
use crate::audit::{Audit, Trail};
use crate::cassette::Made;
use crate::cassette::tape::Tape;
use crate::confine::{self, Enforced};
use crate::gateway;
use crate::page::template::Source;
use crate::page::{Page, Step};
use crate::policy::file::HostPort;
use crate::policy::find::{self, Found};
use crate::policy::{Bound, HostFile, Policy, bind, host};
use crate::report::result::{Checked, Limits, RunResult, Said, Verb};
use crate::wire;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Hosts that are looked up while the worker starts. Most rotators have one; more of them are looked up when a request goes there.
const LOOKED_UP_AHEAD: usize = 2;

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

/// Runs to the end. Always answers a result; whatever went wrong is in it.
pub fn execute(request: &Request, enforced: Enforced, recording: Option<Recording<'_>>) -> RunResult {
    let began = Instant::now();
    let mut result = RunResult::new(request.verb, &request.what, enforced);
    let mut trail = None;
    let said = match opened(request, &mut result, &mut trail) {
        Ok((opened, trail)) => runtime(request.verb, opened, trail, recording, &mut result),
        Err(reason) => Err(reason),
    };
    result.conclude(said.unwrap_or_else(|reason| Said::Outcome(Outcome::NotStarted { reason })), began.elapsed());
    if let Some(trail) = &mut trail {
        result.record(trail);
    }
    result
}

/// The operator's files, read and checked while files can still be read.
pub(super) struct Opened {
    pub(super) found: Found,
    pub(super) code: Code,
    pub(super) host: HostFile,
    pub(super) trust: Trust,
}

/// Reads and checks the operator's files and the module, and opens the audit log.
pub(super) fn opened<'t>(
    request: &Request,
    result: &mut RunResult,
    trail: &'t mut Option<Trail>,
) -> Result<(Opened, &'t mut Trail), String> {
    let host = host::load(request.config.as_deref()).map_err(|error| error.to_string())?;
    let audit = Audit::open(&host.audit).map_err(|error| error.to_string())?;
    let trail = trail.insert(audit.trail(result.run()));
    let trust = Trust::load(&host).map_err(|error| error.to_string())?;
    let mut found = find::find(&request.policies, &request.what).map_err(|error| error.to_string())?;
    found.policy.limits = host.limits(&found.policy.limits);
    result.found(&found);
    bind::fit(&found.page, &found.policy).map_err(|error| error.to_string())?;
    if request.verb == Verb::Run && !found.page.can_verify() && !found.policy.settings.accept_unverified {
        return Err("the page has no verify route; to go by the provider's word, write `unverified = \"accept\"` under [settings] of the policy".to_owned());
    }
    let code = Code::of(&found.module_sha256, host.native_store(), found.owner);
    Ok((Opened { found, code, host, trust }, trail))
}

fn runtime(
    verb: Verb,
    opened: Opened,
    trail: &mut Trail,
    recording: Option<Recording<'_>>,
    result: &mut RunResult,
) -> Result<Said, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the system gave no event loop: {error}"))?;
    let said = runtime.block_on(started(verb, opened, trail, recording, result));
    // A look-up in a helper thread may hang; the process does not wait for it.
    runtime.shutdown_background();
    said
}

async fn started(
    verb: Verb,
    opened: Opened,
    trail: &mut Trail,
    recording: Option<Recording<'_>>,
    result: &mut RunResult,
) -> Result<Said, String> {
    let Opened { found, code, host, trust } = opened;
    let deadline = Instant::now() + found.policy.limits.deadline;
    let interrupts = Interrupts::listen().map_err(|error| format!("signals cannot be heard: {error}"))?;
    let mut link =
        Link::spawn_with(code.file()).map_err(|error| format!("the worker process could not be started: {error}"))?;
    let folder = recording.as_ref().map(|recording| recording.folder.as_path());
    confine::broker_walls_and(&mut result.walls().broker, &ports(&found.policy, &host), folder);
    let limits = wire::Limits {
        memory_bytes: found.policy.limits.memory_bytes,
        fuel: found.policy.limits.fuel,
        inert_wasi: found.policy.rotator.inert_wasi,
    };
    result.limits(Limits::of(&found.policy.limits));
    let mut waiting = interrupts.clone();
    let made = Made {
        rotabox: env!("CARGO_PKG_VERSION").to_owned(),
        rotator: found.page.name.clone(),
        module: found.module_sha256.clone(),
        page: found.page_sha256.clone(),
    };
    let Found { page, policy, module, .. } = found;
    let (compile, requires_confinement) = (policy.limits.compile, policy.settings.require_confinement);
    // A module that is still to be compiled may be refused, and so may be a worker without walls: no name is looked up for that.
    let early = code.file().is_some() && !requires_confinement;
    let ready = async {
        let load = loaded(code, &mut link, &module, limits, compile);
        let told = async {
            let params = gateway::read_stdin().await.map_err(|error| error.to_string())?;
            let bound = bound(verb, page, policy, params)?;
            let trust = trust.towards(&bound.tls).map_err(|error| error.to_string())?;
            let (hosts, answer_bytes) = (dialled(&bound), bound.policy.limits.answer_bytes);
            let ahead: Vec<HostPort> = hosts.iter().take(if early { LOOKED_UP_AHEAD } else { 0 }).cloned().collect();
            let mut capability = Capability::new(Settings { hosts, open: host.open, answer_bytes, deadline }, trust);
            ahead.iter().for_each(|host| capability.warm(host));
            Ok((bound, capability))
        };
        // Bad input is said at once; a module that is still compiling is not waited for.
        tokio::try_join!(load, told)
    };
    let ready = tokio::select! {
        ready = ready => ready,
        () = waiting.wait(1) => Err("interrupted by a signal before anything was tried".to_owned()),
        () = tokio::time::sleep_until(deadline.into()) => Err("the deadline passed before the module was ready ([limits] deadline)".to_owned()),
    };
    let mut warnings = Vec::new();
    let ready = ready.and_then(|((worker, origin), ready)| {
        result.walls().worker = Some(worker);
        result.native(origin.native);
        warnings.extend(origin.warning);
        match result.walls().missing() {
            Some(missing) if requires_confinement => {
                Err(format!("the policy requires confinement, and {missing}; see `rotabox doctor`"))
            }
            _ => Ok(ready),
        }
    });
    let (bound, capability) = match ready {
        Ok(ready) => ready,
        Err(reason) => {
            link.kill().await;
            return Err(reason);
        }
    };
    result.hosts(&bound.hosts);
    let mut tape = recording.map(|recording| recording.tape);
    if let Some(tape) = &mut tape {
        let words = match verb {
            Verb::Verify { new: true } => "verify new",
            verb => verb.as_str(),
        };
        tape.begins(words, &bound.page, &bound.user, bound.policy.rotator.inert_wasi, made);
    }
    let hands = Hands { worker: Seat::own(link), capability, deadline, interrupts };
    conduct(verb, &bound, hands, warnings, trail, tape, result).await
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

/// A run that is bound, to its end: the first record of the audit log, all steps, and what the result takes from them.
pub(super) async fn conduct(
    verb: Verb,
    bound: &Bound,
    hands: Hands,
    mut warnings: Vec<String>,
    trail: &mut Trail,
    tape: Option<&mut Tape>,
    result: &mut RunResult,
) -> Result<Said, String> {
    let Hands { mut worker, capability, deadline, interrupts } = hands;
    warnings.extend(bound.warnings.iter().cloned());
    let known = Known::new(bound);
    let begins = result.begins(&bound.user);
    if let Err(error) = trail.record(Event::RunStart(Box::new(begins)), known.redactor()) {
        worker.end().await;
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
    };
    let mut run = Run { desk, denied: None, denials: Vec::new(), unmet: false };
    let plan = plan(bound);
    let said = match verb {
        Verb::Run => Said::Outcome(machine::rotate(plan, &mut run).await),
        Verb::Rehearse => Said::Checked(run.rehearse(plan).await),
        Verb::Verify { new } => Said::Checked(run.look(plan, new).await),
    };
    if let (Some(tape), Some((link, last_run))) = (&mut run.desk.tape, run.desk.worker.own_link()) {
        tape.check(link, last_run).await;
    }
    run.desk.worker.end().await;
    run.warn_of_denials(&said);
    let Desk { ledger, warnings, log, known, .. } = run.desk;
    result.take(&ledger, &warnings, &log, known.into_redactor());
    Ok(said)
}

/// Hands native code or the module over. Compiling has a time of its own: the engine does not bound it, and the worker is killed after
/// it.
async fn loaded(
    code: Code,
    link: &mut Link,
    module: &[u8],
    limits: wire::Limits,
    at_most: Duration,
) -> Result<(Enforced, CodeOrigin), String> {
    match tokio::time::timeout(at_most, code.load(link, module, limits)).await {
        Ok(loaded) => loaded.map_err(|error| error.to_string()),
        Err(_) => Err(format!(
            "the module was not compiled within {} s ([limits] compile); ask its author for a smaller one, or raise `compile`",
            at_most.as_secs()
        )),
    }
}

fn bound(verb: Verb, page: Page, policy: Policy, params: gateway::Params) -> Result<Bound, String> {
    let bound = bind::bind(page, policy, params).map_err(|error| error.to_string())?;
    let wanted = match verb {
        Verb::Run | Verb::Verify { new: true } => bound.new_password.is_none().then_some("newPassword"),
        Verb::Verify { new: false } => bound.old_password.is_none().then_some("oldPassword"),
        Verb::Rehearse => None,
    };
    match wanted {
        Some(key) => Err(format!("the params hold no `{key}`, which this needs; look at the gateway's record")),
        None => Ok(bound),
    }
}

/// The ports that the kernel lets this process dial: those of the policy's hosts, and the proxy's.
pub(super) fn ports(policy: &Policy, host: &HostFile) -> Vec<u16> {
    let hosts = policy.records.values().flat_map(|record| &record.hosts).chain(&policy.rotator.literal_hosts);
    let proxy = host.proxy.as_ref().and_then(url::Url::port_or_known_default);
    hosts.map(|host| host.port).chain(proxy).collect()
}

/// The hosts and ports that may be dialled: those of the records' URLs and of literal origins.
pub(super) fn dialled(bound: &Bound) -> Vec<HostPort> {
    let mut hosts = Vec::new();
    for host in bound.page.routes.iter().filter_map(|route| bound.origin_of(route)) {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
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

/// The machine's hands: steps of the rotator, through the worker and the network.
struct Run<'b> {
    desk: Desk<'b>,
    /// The first denial of a verification.
    denied: Option<String>,
    /// All that it asked for and was refused, the first of each step.
    denials: Vec<String>,
    /// A precondition did not hold in the last verification.
    unmet: bool,
}

impl Steps for Run<'_> {
    async fn verify<W: Which>(&mut self) -> Sight<W> {
        let bound = self.desk.bound;
        let candidate = if W::IS_NEW { bound.new_password.as_ref() } else { bound.old_password.as_ref() };
        let Some(candidate) = candidate else {
            return Sight::CannotTell(format!("there is no {} password", W::WORD));
        };
        let seen = self.desk.step(Step::Verify, Some(candidate), &format!("verify {}", W::WORD)).await;
        self.note(&seen);
        if self.denied.is_none() {
            self.denied.clone_from(&seen.denied);
        }
        self.unmet = seen.unmet;
        let otherwise = why(&seen, "the rotator sent no sign-in");
        observe(seen.observations, || otherwise)
    }

    async fn change(&mut self, step: Step) -> StepEnd {
        let seen = self.desk.step(step, None, step.as_str()).await;
        self.note(&seen);
        let fate = self.desk.ledger.fate(step);
        let reason = match &seen.change_answer {
            Some(answer) => answer.clone(),
            None => why(&seen, "the rotator sent no changing request"),
        };
        StepEnd { fate, reason, denied: seen.denied }
    }

    async fn finish(&mut self) {
        let seen = self.desk.step(Step::Finish, None, "finish").await;
        self.note(&seen);
        if !seen.said_ok {
            let reason = why(&seen, "it ended without a word");
            self.desk.warnings.push(format!("the password was rotated, but `finish` was not done: {reason}"));
        }
    }

    async fn settle(&mut self) {
        let until = (Instant::now() + self.desk.bound.policy.limits.settle).min(self.desk.deadline);
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {}
            () = self.desk.interrupts.wait(2) => {}
        }
    }

    fn denied(&self) -> Option<String> {
        self.denied.clone()
    }
}

fn why(seen: &Seen, otherwise: &str) -> String {
    seen.reason.clone().unwrap_or_else(|| otherwise.to_owned())
}

impl Run<'_> {
    fn note(&mut self, seen: &Seen) {
        self.denials.extend(seen.denied.clone());
        self.denials.dedup();
    }

    /// A rotator that asks for what it may not have is worth a look, whatever the run came to.
    fn warn_of_denials(&mut self, said: &Said) {
        let reason = match said {
            Said::Outcome(outcome) => outcome.reason(),
            Said::Checked(Checked::Denied(reason)) => reason,
            Said::Checked(_) => "",
        };
        let others = self.denials.iter().filter(|denial| *denial != reason);
        self.desk.warnings.extend(others.map(|denial| format!("the rotator asked for what is refused: {denial}")));
    }

    /// `verify`: does the provider accept the old (or the new) password?
    async fn look(&mut self, plan: Plan, new: bool) -> Checked {
        if !plan.can_verify {
            return Checked::CannotTell("the page has no verify route".to_owned());
        }
        if new {
            let sight = self.verify::<New>().await;
            self.checked(sight)
        } else {
            let sight = self.verify::<Old>().await;
            self.checked(sight)
        }
    }

    fn checked<W: Which>(&self, sight: Sight<W>) -> Checked {
        match (sight, &self.denied) {
            (_, Some(reason)) => Checked::Denied(reason.clone()),
            (Sight::Accepted(proved), None) => {
                Checked::Good(format!("the {} password works (seen by route `{}`)", W::WORD, proved.route()))
            }
            (Sight::Refused { route }, None) => {
                Checked::Refused(format!("the provider refuses the {} password (route `{route}`)", W::WORD))
            }
            (Sight::CannotTell(reason), None) if self.unmet => Checked::Refused(reason),
            (Sight::CannotTell(reason), None) => Checked::CannotTell(reason),
        }
    }

    /// `rehearse`: a sign-in with the old password, then all of the changing step but its changing request.
    async fn rehearse(&mut self, plan: Plan) -> Checked {
        let mut said = Vec::new();
        if plan.can_verify && plan.has_old {
            let sight = self.verify::<Old>().await;
            match self.checked(sight) {
                Checked::Good(text) => said.push(text),
                Checked::Refused(text) if plan.may_reconcile && plan.can_reconcile => {
                    said.push(format!("{text}; a run would look for the new one and then reconcile"));
                    return self.rehearse_step(Step::Reconcile, said).await;
                }
                other => return other,
            }
        } else if !plan.can_verify {
            said.push("the page has no way to verify a password".to_owned());
        }
        if plan.can_change && (plan.has_old || !plan.can_verify) {
            self.rehearse_step(Step::Change, said).await
        } else if plan.can_reconcile && plan.may_reconcile {
            said.push("the gateway sent no old password that could be used".to_owned());
            self.rehearse_step(Step::Reconcile, said).await
        } else {
            said.push(
                "there is no old password, and reconcile is not allowed or not on the page: a run could change nothing"
                    .to_owned(),
            );
            Checked::CannotTell(said.join("; "))
        }
    }

    async fn rehearse_step(&mut self, step: Step, mut said: Vec<String>) -> Checked {
        let seen = self.desk.step(step, None, step.as_str()).await;
        if let Some(denied) = seen.denied {
            return Checked::Denied(denied);
        }
        debug_assert_eq!(self.desk.ledger.fate(step), Fate::NotSent);
        match seen.would_change {
            Some(change) => {
                said.push(format!("a run would now send the changing request: {change}"));
                Checked::Good(said.join("; "))
            }
            None => Checked::Refused(format!(
                "`{step}` did not get as far as its changing request: {}",
                why(&seen, "the rotator sent none")
            )),
        }
    }
}
