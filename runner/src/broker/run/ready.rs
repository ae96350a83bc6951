//! Up to the first request: a worker that has loaded the module, a run that is bound, and a network for it.

use super::open::{Opened, ports};
use super::{Hands, Recording};
use crate::broker::code::{Code, Origin as CodeOrigin};
use crate::broker::http::dial::{Capability, Settings};
use crate::broker::interrupt::Interrupts;
use crate::broker::link::Link;
use crate::broker::seat::Seat;
use crate::broker::starting::Starting;
use crate::cassette::Made;
use crate::confine::{self, Enforced};
use crate::gateway;
use crate::page::{Page, Step};
use crate::policy::file::HostPort;
use crate::policy::find::Found;
use crate::policy::{Bound, Policy, bind};
use crate::report::result::{Limits, RunResult, Verb};
use crate::wire;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Hosts that are looked up while the worker starts, and to the first of which a connection is opened. Most rotators have one; more of them are looked up when a request goes there.
const LOOKED_UP_AHEAD: usize = 2;

/// Waits for both. Answers with what is run, what it is run with, and warnings.
pub(super) async fn ready(
    verb: Verb,
    opened: Opened,
    worker: Starting,
    interrupts: Interrupts,
    recording: Option<&mut Recording<'_>>,
    result: &mut RunResult,
) -> Result<(Bound, Hands, Vec<String>), String> {
    let Opened { found, code, host, trust } = opened;
    let deadline = Instant::now() + found.policy.limits.deadline;
    let limits = wire::Limits {
        memory_bytes: found.policy.limits.memory_bytes,
        fuel: found.policy.limits.fuel,
        inert_wasi: found.policy.rotator.inert_wasi,
    };
    let mut link = worker
        .tell(code.native(&limits))
        .map_err(|error| format!("the worker process could not be started: {error}"))?;
    let folder = recording.as_ref().map(|recording| recording.folder.as_path());
    confine::broker_walls_and(&mut result.walls().broker, &ports(&found.policy, &host), folder);
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
    let loading_ended = Notify::new();
    let ready = async {
        let load = async {
            let loaded = loaded(code, &mut link, &module, limits, compile).await;
            loading_ended.notify_one();
            loaded
        };
        let told = async {
            let params = gateway::read_stdin().await.map_err(|error| error.to_string())?;
            let bound = bound(verb, page, policy, params)?;
            let trust = trust.towards(&bound.tls).map_err(|error| error.to_string())?;
            let (hosts, answer_bytes) = (bound.dialled(), bound.policy.limits.answer_bytes);
            let ahead: Vec<HostPort> = hosts.iter().take(if early { LOOKED_UP_AHEAD } else { 0 }).cloned().collect();
            let mut capability =
                Capability::new(Settings { hosts, open: host.open, answer_bytes, deadline }, trust).keeping();
            ahead.iter().for_each(|host| capability.warm(host));
            let first = if bound.page.can_verify() { Step::Verify } else { Step::Change };
            if let Some(first) = first_host(&bound, first).filter(|first| ahead.contains(first)) {
                tokio::select! {
                    () = capability.open_ahead(&first) => {}
                    // A name that is slow to look up is waited for by the request that needs it, not here.
                    () = loading_ended.notified() => {}
                }
            }
            Ok((bound, capability))
        };
        // Bad input is said at once; a module that is still compiling is not waited for.
        let (told, loaded) = tokio::try_join!(told, load)?;
        Ok::<_, String>((loaded, told))
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
    if let Some(Recording { tape, .. }) = recording {
        let words = match verb {
            Verb::Verify { new: true } => "verify new",
            verb => verb.as_str(),
        };
        tape.begins(words, &bound.page, &bound.user, bound.policy.rotator.inert_wasi, made);
    }
    let hands = Hands { worker: Seat::own(link), capability, deadline, interrupts };
    Ok((bound, hands, warnings))
}

/// Where the first request of a step is likely to go.
pub(super) fn first_host(bound: &Bound, step: Step) -> Option<HostPort> {
    let first = bound.page.routes.iter().find(|route| route.steps.contains(&step) && route.needs.is_empty());
    first.and_then(|route| bound.origin_of(route))
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
