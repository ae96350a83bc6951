//! `doctor`: what is in order on this host, what is not, and how to mend it.

mod audit;

use super::signed;
use super::{Exit, Files, Out, in_words, worker};
use crate::broker::http::client::Trust;
use crate::confine::{self, Enforced, Measure, names};
use crate::native;
use crate::page::Step;
use crate::policy::find::{self, Found};
use crate::policy::host::{self, Roots};
use crate::policy::{HostFile, bind};
use crate::report::counted;
use crate::report::escape::escape;
use crate::report::layout::pairs;
use crate::wire;
use clap::Args;
use std::path::Path;

/// Look whether everything is in order on this host, and say how to mend what is not
///
/// Looks at the walls of both processes, the policy folder, the host file, certificates, the clock, and each policy: its module,
/// digest, page, and whether a worker accepts and compiles it. Reads no stdin, and sends nothing over the network.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong (there may be warnings), 1 something is (FAIL).",
    after_long_help = "Exit codes:
  0  nothing is wrong; there may be warnings
  1  something is wrong: each FAIL says how to mend it

Run it as the user that the gateway runs as, or owners are judged for another one:
  sudo -u keeper-gateway rotabox doctor okta-prod"
)]
pub(super) struct Doctor {
    /// One policy, or a module that exactly one policy lists [default: every policy of the folder]
    #[arg(value_name = "NAME")]
    what: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Ok,
    Warn,
    Fail,
}

/// What was found out, line by line.
#[derive(Default)]
struct Findings {
    lines: Vec<(Health, String, String)>,
}

impl Findings {
    fn ok(&mut self, about: &str, words: impl Into<String>) {
        self.lines.push((Health::Ok, about.to_owned(), words.into()));
    }

    fn warn(&mut self, about: &str, words: impl Into<String>) {
        self.lines.push((Health::Warn, about.to_owned(), words.into()));
    }

    fn fail(&mut self, about: &str, words: impl Into<String>) {
        self.lines.push((Health::Fail, about.to_owned(), words.into()));
    }
}

impl Doctor {
    pub(super) fn execute(self, mut enforced: Enforced, out: &mut Out) -> anyhow::Result<Exit> {
        let mut findings = Findings::default();
        findings.ok(
            "runner",
            format!("rotabox {}, {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
        );
        user(&mut findings);
        clock(&mut findings);
        name_service(&mut findings);
        let read = host_file(self.files.config.as_deref(), &mut findings);
        match &read {
            Some(host) => audit::look(host, &mut findings),
            None => findings.warn("audit", "not known: the host file says where the log goes, and cannot be used"),
        }
        let host = read.unwrap_or_default();
        worker_starts(&mut findings);
        let (mut worker_walls, mut requiring) = (None, Vec::new());
        for what in self.policies(&mut findings) {
            if let Some(seen) = policy(&self.files.policies, &what, &host, &mut findings) {
                if seen.requires {
                    requiring.push(what);
                }
                worker_walls = seen.walls.or(worker_walls);
            }
        }
        // Last, because files cannot be read behind these walls.
        confine::broker_walls(&mut enforced, &[443]);
        walls(&enforced, worker_walls.as_ref(), &requiring, &mut findings);
        let failed = findings.lines.iter().any(|(health, ..)| *health == Health::Fail);
        out.data(&text(&findings));
        Ok(if failed { Exit(1) } else { Exit::OK })
    }

    /// What to look at.
    fn policies(&self, findings: &mut Findings) -> Vec<String> {
        let folder = &self.files.policies;
        let names = match find::names(folder) {
            Ok(names) => names,
            Err(error) => {
                findings.fail("policies", error.to_string());
                return Vec::new();
            }
        };
        match (&self.what, names.as_slice()) {
            (Some(what), _) => vec![what.clone()],
            (None, []) => {
                findings.warn(
                    "policies",
                    format!("{} has none yet; write one with `rotabox approve MODULE`", folder.display()),
                );
                Vec::new()
            }
            (None, _) => {
                findings.ok("policies", format!("{} in {}", names.len(), folder.display()));
                names
            }
        }
    }
}

fn user(findings: &mut Findings) {
    if rustix::process::geteuid().is_root() {
        findings.warn(
            "user",
            "this is root, whom some walls do not hold; run the gateway, and so this, as a user of its own",
        );
    } else {
        findings.ok("user", format!("uid {}", rustix::process::geteuid().as_raw()));
    }
}

/// Certificates are judged by this clock.
fn clock(findings: &mut Findings) {
    /// 2026-01-01, before which this program was not written, and a hundred years later.
    const SANE: std::ops::Range<i64> = 1_767_225_600..4_923_000_000;
    let now = jiff::Timestamp::now();
    if SANE.contains(&now.as_second()) {
        findings.ok("clock", jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string());
    } else {
        findings.fail("clock", format!("{now} cannot be right, and certificates are judged by it; set the clock"));
    }
}

/// A static build looks up less than the machine may be set up for.
fn name_service(findings: &mut Findings) {
    if !names::is_static() {
        findings.ok("names", "looked up by the system's name service");
        return;
    }
    let asked = names::Asked::of(&std::fs::read_to_string(names::NSSWITCH).unwrap_or_default());
    let from = if asked.dns { "in the hosts file and by DNS" } else { "in the hosts file alone" };
    let mut missed = asked.beyond;
    // Where DNS leads to the very service, nothing is missed.
    let resolved = std::fs::canonicalize("/etc/resolv.conf").is_ok_and(|path| path.starts_with("/run/systemd/resolve"));
    missed.retain(|module| module != "resolve" || !resolved);
    if missed.is_empty() {
        findings.ok("names", format!("looked up {from}: this build is static"));
        return;
    }
    findings.warn(
        "names",
        format!(
            "this build is static and looks names up {from}; {} asks {} too: if the provider is known there only, install `rotabox-dynamic`",
            names::NSSWITCH,
            escape(&missed.join(", "), 200)
        ),
    );
}

/// None if there is one that cannot be used.
fn host_file(explicit: Option<&Path>, findings: &mut Findings) -> Option<HostFile> {
    let host = match host::load(explicit) {
        Ok(host) => host,
        Err(error) => {
            findings.fail("host file", error.to_string());
            return None;
        }
    };
    match &host.file {
        None => findings.ok("host file", format!("there is no {}, and none is needed", find::DEFAULT_CONFIG)),
        Some(file) => findings.ok(
            "host file",
            format!(
                "{}, {}, {}",
                file.name,
                counted(host.open.len(), "address opening"),
                counted(host.signers.len(), "signer")
            ),
        ),
    }
    match Trust::load(&host) {
        Err(error) => findings.fail("network", error.to_string()),
        Ok(trust) => {
            let roots = match host.roots {
                Roots::Bundled => "compiled in",
                Roots::System => "of the system",
                Roots::None => "of `ca` only",
            };
            let and = match (&host.ca, host.roots) {
                (Some(ca), Roots::Bundled | Roots::System) => format!(" and those of {}", ca.display()),
                _ => String::new(),
            };
            let proxy = trust.proxy().map_or_else(|| "no proxy".to_owned(), |proxy| format!("proxy {proxy}"));
            findings.ok("network", format!("{}, {roots}{and}; {proxy}", counted(trust.roots(), "root certificate")));
        }
    }
    Some(host)
}

/// An empty component is described: the pipes and the worker's own start work.
fn worker_starts(findings: &mut Findings) {
    match worker::describe(b"\0asm\x0d\0\x01\0") {
        Ok(_) => findings.ok("worker", "starts and answers"),
        Err(error) => findings.fail(
            "worker",
            format!(
                "{}; look whether this user may start processes, and whether a security module kills them",
                in_words(&error)
            ),
        ),
    }
}

/// What a policy's module said about walls.
struct Loaded {
    /// `confinement = "require"`
    requires: bool,
    /// The worker's, if the module was loaded.
    walls: Option<Enforced>,
}

fn policy(folder: &Path, what: &str, host: &HostFile, findings: &mut Findings) -> Option<Loaded> {
    let found = match find::find(folder, what) {
        Ok(found) => found,
        Err(error) => {
            findings.fail(what, error.to_string());
            return None;
        }
    };
    if let Err(error) = bind::fit(&found.page, &found.policy) {
        findings.fail(what, error.to_string());
        return None;
    }
    let requires = found.policy.settings.require_confinement;
    let walls = match load(&found, host) {
        Ok(walls) => {
            findings.ok(what, format!("{}; {}", described(&found), abilities(&found)));
            Some(walls)
        }
        Err(error) => {
            findings.fail(
                what,
                format!("{}; look at it with `rotabox inspect {}`", in_words(&error), module_path(&found, folder)),
            );
            None
        }
    };
    native_code(&found, what, host, findings);
    match found.approval() {
        Some(approval) => {
            let signed = approval.signed.as_ref().map_or_else(String::new, |signed| format!("; signed: {signed}"));
            findings.ok(what, format!("approved by {} at {}{signed}", approval.by, approval.at));
        }
        None => findings.ok(what, "the policy does not say who approved this module (`[[approved]]`)"),
    }
    signature(&found, folder, host, what, findings);
    if found.self_owned {
        findings.warn(
            what,
            "policy: self-owned: this user owns the policy, its folder or one above it, and so could change what it is \
             allowed to do; give them to root",
        );
    }
    if !found.page.can_verify() && !found.policy.settings.accept_unverified {
        findings.fail(
            what,
            "the page has no verify route, so no run begins; write `unverified = \"accept\"` under `[settings]` to go by \
             the provider's word",
        );
    }
    Some(Loaded { requires, walls })
}

/// Would a run find native code, or compile the module each time?
fn native_code(found: &Found, what: &str, host: &HostFile, findings: &mut Findings) {
    let name = escape(&found.name, 100);
    let stored = native::look_up(host.native_store(), &found.module_sha256, found.owner);
    match stored.and_then(|stored| stored.check_all()) {
        Ok(()) => findings.ok(what, "native code is in the store"),
        Err(refusal) if refusal.is_missing() => findings.warn(
            what,
            format!("no native code is in the store, so each run compiles the module first; run `rotabox compile {name}` as root"),
        ),
        Err(refusal) => findings.warn(
            what,
            format!("its native code is not used, so each run compiles the module first: {refusal}; run `rotabox compile {name}` as root"),
        ),
    }
}

/// A signer that was taken out, or a minimum that was raised, counts for the next approval: a run goes by the digest.
fn signature(found: &Found, folder: &Path, host: &HostFile, what: &str, findings: &mut Findings) {
    if host.signers.is_empty() {
        return;
    }
    let path = folder.join(&found.policy.rotator.module);
    let sealed = found.policy.rotator.page.is_none();
    let state = signed::look(&path, None, &found.module, host).and_then(|state| state.required(&path, host));
    match state.and_then(|signed| signed::same_name(signed.as_ref(), &found.page, sealed).map(|()| signed)) {
        Ok(signed) => {
            findings.ok(what, format!("signature: {}", signed.as_ref().map_or_else(String::new, signed::in_words)))
        }
        Err(error) => findings.warn(what, format!("it would not be approved again: {}", in_words(&error))),
    }
}

fn load(found: &Found, host: &HostFile) -> anyhow::Result<Enforced> {
    let limits = host.limits(&found.policy.limits);
    worker::load(
        &found.module,
        wire::Limits {
            memory_bytes: limits.memory_bytes,
            fuel: limits.fuel,
            inert_wasi: found.policy.rotator.inert_wasi,
        },
    )
}

fn module_path(found: &Found, folder: &Path) -> String {
    super::shell_word(&folder.join(&found.policy.rotator.module))
}

fn described(found: &Found) -> String {
    let digests = found.policy.rotator.sha256.len();
    let rollout = if digests > 1 { format!(", one of {digests} that are listed") } else { String::new() };
    format!(
        "rotator `{}`, module {}{rollout}, accepted and compiled",
        found.page.name,
        found.module_sha256.get(..12).unwrap_or(&found.module_sha256)
    )
}

/// What a run can do, in a few words.
fn abilities(found: &Found) -> String {
    let has = |step: Step| found.page.routes.iter().any(|route| route.changes && route.steps.contains(&step));
    let mut can = Vec::new();
    if found.page.can_verify() {
        can.push("verifies");
    }
    if has(Step::Change) {
        can.push("changes");
    }
    if has(Step::Reconcile) {
        can.push(if found.policy.settings.reconcile { "reconciles" } else { "does not reconcile (by policy)" });
    }
    can.join(", ")
}

/// What both processes gave up.
fn walls(broker: &Enforced, worker: Option<&Enforced>, requiring: &[String], findings: &mut Findings) {
    let missing = missing(broker, &[]);
    match missing.as_slice() {
        [] => findings.ok("walls", "the broker has all of them: no core dumps, no debugger, Landlock, seccomp"),
        missing => {
            let words = format!("the broker lacks: {}; {FIX}", missing.join("; "));
            match requiring {
                [] => findings.warn("walls", words),
                policies => findings.fail(
                    "walls",
                    format!("{words}. `confinement = \"require\"` refuses to run without: {}", policies.join(", ")),
                ),
            }
        }
    }
    let Some(worker) = worker else { return };
    let own = [("it may write files", worker.files_off), ("it may outlive the broker", worker.dies_with_broker)];
    match self::missing(worker, &own).as_slice() {
        [] => findings
            .ok("walls", "the worker has all of them: no files, no sockets, no programs, a list of system calls"),
        missing => findings.warn("walls", format!("the worker lacks: {}; {FIX}", missing.join("; "))),
    }
}

const FIX: &str =
    "a newer Linux kernel (6.10 or later has all), or a container profile that permits Landlock and seccomp, has them";

/// The walls that do not hold in full, in words.
fn missing(enforced: &Enforced, more: &[(&str, Measure)]) -> Vec<String> {
    let walls = [
        ("core dumps are not off", enforced.core_dumps_off),
        ("other processes of the same user may read its memory", enforced.not_dumpable),
        ("programs started from it may gain privileges", enforced.no_new_privileges),
        ("its environment is not cleared", enforced.environment_cleared),
        ("open files may be inherited", enforced.descriptors_closed),
        ("Landlock, the kernel's file and network rules", enforced.landlock),
        ("seccomp, the kernel's list of system calls", enforced.seccomp),
    ];
    walls
        .iter()
        .chain(more)
        .filter_map(|(words, measure)| match measure {
            Measure::On => None,
            Measure::Partly => Some(format!("{words} (only in part)")),
            Measure::Failed => Some(format!("{words} (the system refused)")),
            Measure::Absent => Some((*words).to_owned()),
        })
        .collect()
}

/// One entry a line of the table; texts of several lines (a place in a file) keep theirs.
fn text(findings: &Findings) -> String {
    let mut text = String::new();
    let width = findings.lines.iter().map(|(_, about, _)| about.chars().count()).max().unwrap_or_default().min(24);
    let label = u16::try_from(width).unwrap_or(24).saturating_add(7);
    for (health, about, words) in &findings.lines {
        let mark = match health {
            Health::Ok => "ok  ",
            Health::Warn => "warn",
            Health::Fail => "FAIL",
        };
        let mut lines = words.lines().map(|line| escape(line, 1000));
        let first = lines.next().unwrap_or_default();
        text.push_str(&pairs(&[(format!("{mark}  {}", escape(about, 100)), first)], 0, label));
        text.extend(lines.map(|line| format!("{}{line}\n", " ".repeat(usize::from(label)))));
    }
    text
}
