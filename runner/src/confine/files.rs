//! Landlock: which files may be opened and which TCP ports may be dialled, from here on.
//!
//! The worker may do neither. The broker may read what the name service reads, and dial the ports that the policy names.
//! Destination addresses are not the kernel's business here: `broker/http` decides those.

use super::{Measure, names};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus,
};
use std::path::Path;

/// The rights that are handled: those of Linux 6.10. Newer kernels know more; older ones fewer, and the measure says so.
const KNOWN: ABI = ABI::V5;

/// What name look-ups read (glibc's `nsswitch`, `resolv.conf`, and modules of either).
const NAME_SERVICE: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/run/systemd/resolve", // systemd-resolved's own resolv.conf
    "/run/resolvconf",
    "/run/nscd",
    "/dev/null",
    "/dev/urandom",
    "/proc/self/task", // the thread count that the standard library asks for
];

/// What they read besides in a binary that is not static: modules of the name service are loaded on first use.
const NAME_SERVICE_MODULES: &[&str] = &["/etc/nsswitch.conf", "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib"];

/// For the worker: no file, no port.
pub(super) fn nothing() -> Measure {
    measured(|| ruleset()?.create()?.restrict_self())
}

/// For the launcher of a batch: this binary and the libraries that it is linked with; no port.
pub(super) fn itself_only() -> Measure {
    measured(|| {
        let mut rules = ruleset()?.create()?;
        for path in ["/proc/self/exe", "/lib", "/lib64", "/usr/lib", "/etc/ld.so.cache"] {
            if let Ok(file) = PathFd::new(path) {
                rules = rules.add_rule(PathBeneath::new(file, reading(path) | AccessFs::Execute))?;
            }
        }
        if let Ok(file) = PathFd::new("/dev/null") {
            rules = rules.add_rule(PathBeneath::new(file, AccessFs::ReadFile | AccessFs::WriteFile))?;
        }
        rules.restrict_self()
    })
}

/// For the broker: the name service's files, TCP connections to `ports`, and names of files in `folder`.
pub(super) fn names_and_ports(ports: &[u16], folder: Option<&Path>) -> Measure {
    measured(|| {
        let mut rules = ruleset()?.create()?;
        let modules = if names::is_static() { &[] } else { NAME_SERVICE_MODULES };
        for path in NAME_SERVICE.iter().chain(modules) {
            // What this machine does not have needs no rule.
            if let Ok(file) = PathFd::new(path) {
                rules = rules.add_rule(PathBeneath::new(file, reading(path)))?;
            }
        }
        // Not to open one, nor to write to it.
        if let Some(folder) = folder.and_then(|folder| PathFd::new(folder).ok()) {
            rules = rules.add_rule(PathBeneath::new(folder, AccessFs::MakeReg | AccessFs::RemoveFile))?;
        }
        for port in ports {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        rules.restrict_self()
    })
}

fn ruleset() -> Result<Ruleset, RulesetError> {
    Ruleset::default().handle_access(AccessFs::from_all(KNOWN))?.handle_access(AccessNet::from_all(KNOWN))
}

/// A rule on a file may not speak of folders: the kernel would take it for less than it says.
fn reading(path: &str) -> BitFlags<AccessFs> {
    if Path::new(path).is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() }
}

fn measured(restrict: impl FnOnce() -> Result<landlock::RestrictionStatus, RulesetError>) -> Measure {
    match restrict() {
        Ok(status) => match status.ruleset {
            RulesetStatus::FullyEnforced => Measure::On,
            RulesetStatus::PartiallyEnforced => Measure::Partly,
            RulesetStatus::NotEnforced => Measure::Absent,
        },
        Err(_) => Measure::Failed,
    }
}
