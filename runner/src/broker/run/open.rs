//! The operator's files, read and checked while files can still be read.

use super::Request;
use crate::audit::{Audit, Trail};
use crate::broker::code::Code;
use crate::broker::http::client::Trust;
use crate::policy::find::{self, Found};
use crate::policy::{HostFile, Policy, bind, host};
use crate::report::result::{RunResult, Verb};

/// All of them.
pub(in crate::broker) struct Opened {
    pub(in crate::broker) found: Found,
    pub(in crate::broker) code: Code,
    pub(in crate::broker) host: HostFile,
    pub(in crate::broker) trust: Trust,
}

/// Reads and checks the operator's files and the module, and opens the audit log.
pub(in crate::broker) fn opened<'t>(
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

/// The ports that the kernel lets this process dial: those of the policy's hosts, and the proxy's.
pub(in crate::broker) fn ports(policy: &Policy, host: &HostFile) -> Vec<u16> {
    let hosts = policy.records.values().flat_map(|record| &record.hosts).chain(&policy.rotator.literal_hosts);
    let proxy = host.proxy.as_ref().and_then(url::Url::port_or_known_default);
    hosts.map(|host| host.port).chain(proxy).collect()
}
