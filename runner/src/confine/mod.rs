//! What a process gives up before it reads anything.
//!
//! Both processes call one function of this module as their first act. It answers with an [`Enforced`] value: what was
//! really done, not what was meant. `doctor`, the result and `confinement = "require"` read that value and nothing else.
//!
//! | measure | broker | worker | against |
//! | --- | --- | --- | --- |
//! | no core dumps, not dumpable | yes | yes | memory on disk; another process of the same user attaching |
//! | no new privileges | yes | yes | a set-user-id program started from here |
//! | environment cleared | yes | started empty | `HTTP_PROXY`, `SSL_CERT_FILE`, `LD_…` deciding what we do |
//! | descriptors | not inherited | closed | the gateway's files in the rotator's process |
//! | no files, no processes | – | yes | writing a file, starting a program or thread |
//! | memory bounded | – | yes | an escape, or a compiler gone astray, that takes the machine's memory |
//! | dies with the broker | – | yes | an orphan that goes on |
//! | Landlock | name-service files; the policy's ports | nothing at all | files and hosts that a rotation does not need |
//! | seccomp | a list of what is refused | a list of what is allowed, else killed | an escape from the engine |
//!
//! The walls of the last two rows go up late: the broker's when every file is open and the worker is started, before stdin
//! is read; the worker's before it reads the module, and once more, without executable memory, before the rotator runs.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod filter;
pub mod handover;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
#[path = "other.rs"]
mod linux;
pub mod names;
mod unix;

use serde::{Deserialize, Serialize};

pub use unix::{Handed, Stdout, handed_over, input_waits, stdout};

/// What a process gave up. Only what was really done is [`Measure::On`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Enforced {
    /// No core file is written.
    pub core_dumps_off: Measure,
    /// Its memory cannot be read, and it cannot be attached to, by another process of the same user.
    pub not_dumpable: Measure,
    /// No program started from here gains privileges.
    pub no_new_privileges: Measure,
    /// No variable is left in the environment.
    pub environment_cleared: Measure,
    /// Descriptors above 2 are closed (worker) or not inherited (broker).
    pub descriptors_closed: Measure,
    /// No file can grow, and hardly any can be opened.
    #[serde(default, skip_serializing_if = "Measure::is_absent")]
    pub files_off: Measure,
    /// No process and no thread can be started. A superuser is not held by it.
    #[serde(default, skip_serializing_if = "Measure::is_absent")]
    pub processes_off: Measure,
    /// So much memory can be written to, and no more.
    #[serde(default, skip_serializing_if = "Measure::is_absent")]
    pub memory_bounded: Measure,
    /// It is killed when the broker ends.
    #[serde(default, skip_serializing_if = "Measure::is_absent")]
    pub dies_with_broker: Measure,
    /// The kernel's file and network rules.
    pub landlock: Measure,
    /// The kernel's list of system calls.
    pub seccomp: Measure,
}

impl Enforced {
    /// The first wall of the broker that is missing, in words that fit into a sentence; `confinement = "require"` refuses to go on
    /// without it.
    pub fn missing(&self) -> Option<String> {
        let walls = [
            ("core dumps are not off", self.core_dumps_off),
            ("other processes of the same user may read its memory", self.not_dumpable),
            ("programs started from it may gain privileges", self.no_new_privileges),
            ("the environment is not cleared", self.environment_cleared),
            ("open files may be inherited", self.descriptors_closed),
            ("the kernel's file and network rules (Landlock) are not in force", self.landlock),
            ("the kernel's list of system calls (seccomp) is not in force", self.seccomp),
        ];
        walls.into_iter().find(|(_, measure)| *measure != Measure::On).map(|(words, _)| words.to_owned())
    }
}

/// Whether one measure holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// It holds.
    On,
    /// The kernel is older than the rules: it holds as far as the kernel knows them.
    Partly,
    /// It was tried and the system refused.
    Failed,
    /// It was not tried: not for this process, not on this platform, or not in this version.
    #[default]
    Absent,
}

impl Measure {
    /// For the measures that are the worker's alone: the broker does not speak of them.
    fn is_absent(&self) -> bool {
        *self == Measure::Absent
    }

    fn of(done: bool) -> Measure {
        if done { Measure::On } else { Measure::Failed }
    }
}

/// The broker this worker belongs to is gone already.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker that started this worker has ended")]
pub struct Orphaned;

/// For the broker: before it reads anything, and before it starts a thread.
pub fn broker_start() -> Enforced {
    unix::outlive_file_size_limit();
    unix::one_heap();
    Enforced {
        core_dumps_off: Measure::of(unix::limit(unix::CORE, 0)),
        not_dumpable: linux::not_dumpable(),
        no_new_privileges: linux::no_new_privileges(),
        environment_cleared: linux::clear_environment(),
        descriptors_closed: linux::do_not_inherit_descriptors(),
        ..Enforced::default()
    }
}

/// For the worker: before it reads anything. `broker` is the process id that started it, as far as it was told.
pub fn worker_start(broker: Option<u32>) -> Result<Enforced, Orphaned> {
    let dies_with_broker = linux::die_with(broker)?;
    leave_folder();
    linux::first_to_go();
    Ok(Enforced {
        core_dumps_off: Measure::of(unix::limit(unix::CORE, 0)),
        not_dumpable: linux::not_dumpable(),
        no_new_privileges: linux::no_new_privileges(),
        environment_cleared: linux::clear_environment(),
        descriptors_closed: linux::close_descriptors(),
        files_off: Measure::of(unix::limit(unix::FILE_SIZE, 0) && unix::limit(unix::OPEN_FILES, OPEN_FILES)),
        processes_off: Measure::of(unix::limit(unix::PROCESSES, 0)),
        memory_bounded: Measure::of(unix::limit(unix::DATA, MEMORY)),
        dies_with_broker,
        ..Enforced::default()
    })
}

/// A process that is in no folder keeps none from being unmounted.
fn leave_folder() {
    // The root is always there; if it may not be entered, the folder stays, and nothing here depends on it.
    let _ = std::env::set_current_dir("/");
}

/// For the launcher of a batch: before it does anything. `broker` is the process that started it.
pub fn launcher_start(broker: Option<u32>) -> Result<(), Orphaned> {
    linux::die_with(broker)?;
    leave_folder();
    unix::limit(unix::CORE, 0);
    linux::not_dumpable();
    linux::no_new_privileges();
    linux::clear_environment();
    Ok(())
}

/// For the launcher of a batch: from here on it can start this very binary, and do little else. What it lacks its workers lack too, and
/// they give up the rest themselves.
pub fn launcher_walls() {
    #[cfg(target_os = "linux")]
    {
        files::itself_only();
        calls::launcher();
    }
}

/// For the broker: every file is open, the worker is started, stdin is not read yet. `ports` are those that may be dialled, besides
/// the name service's.
pub fn broker_walls(enforced: &mut Enforced, ports: &[u16]) {
    broker_walls_and(enforced, ports, None);
}

/// The same; in `folder` (of a run that is recorded) files can still be given a name and be removed, and none be opened.
pub fn broker_walls_and(enforced: &mut Enforced, ports: &[u16], folder: Option<&std::path::Path>) {
    broker_landlock(enforced, ports, folder);
    broker_seccomp(enforced);
}

/// The first of [`broker_walls_and`]: files and ports.
pub fn broker_landlock(enforced: &mut Enforced, ports: &[u16], folder: Option<&std::path::Path>) {
    #[cfg(target_os = "linux")]
    {
        const DNS: u16 = 53;
        let mut ports = ports.to_vec();
        ports.push(DNS);
        enforced.landlock = files::names_and_ports(&ports, folder);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (enforced, ports, folder);
}

/// For the verbs that replay: no socket can be made any more, by this process or by those that it starts.
pub fn offline() -> Measure {
    #[cfg(target_os = "linux")]
    return calls::offline();
    #[cfg(not(target_os = "linux"))]
    Measure::Absent
}

/// The second of [`broker_walls_and`]: system calls.
pub fn broker_seccomp(enforced: &mut Enforced) {
    #[cfg(target_os = "linux")]
    {
        enforced.seccomp = calls::broker();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = enforced;
}

/// For the worker: before it reads the module.
pub fn worker_first_wall(enforced: &mut Enforced) {
    worker_landlock(enforced);
    worker_seccomp(enforced);
}

/// The first part of [`worker_first_wall`]: no file, no port.
pub fn worker_landlock(enforced: &mut Enforced) {
    #[cfg(target_os = "linux")]
    {
        enforced.landlock = files::nothing();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = enforced;
}

/// The second part of [`worker_first_wall`]: system calls.
pub fn worker_seccomp(enforced: &mut Enforced) {
    #[cfg(target_os = "linux")]
    {
        enforced.seccomp = calls::worker_compiling();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = enforced;
}

/// For the worker: the module is compiled; from here on no memory becomes executable.
pub fn worker_second_wall(enforced: &mut Enforced) {
    #[cfg(target_os = "linux")]
    if enforced.seccomp == Measure::On {
        enforced.seccomp = calls::worker_running();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = enforced;
}

/// Descriptors that the worker may have at once: its three, and a few that the standard library opens and closes again.
const OPEN_FILES: u64 = 8;

/// Bytes that the worker may have to write to: sixteen rotators (what a batch has under way by itself) with the largest memory that there
/// is, 512 MiB. Compiling the largest module that is admitted takes some 600 MB. Address space is not bounded: each linear memory
/// reserves 512 MiB of it and touches hardly any.
const MEMORY: u64 = 8 * 1024 * 1024 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_was_not_tried_is_not_claimed() {
        let words = serde_json::to_value(Enforced::default()).unwrap();
        assert!(words.as_object().unwrap().values().all(|word| word == "absent"));
    }

    #[test]
    fn a_wall_that_failed_or_was_not_tried_is_missing() {
        let mut enforced = Enforced {
            core_dumps_off: Measure::On,
            not_dumpable: Measure::Failed,
            no_new_privileges: Measure::On,
            environment_cleared: Measure::On,
            descriptors_closed: Measure::On,
            landlock: Measure::Absent,
            seccomp: Measure::On,
            ..Enforced::default()
        };
        assert!(enforced.missing().unwrap().contains("memory"));
        enforced.not_dumpable = Measure::On;
        assert!(enforced.missing().unwrap().contains("Landlock"));
        enforced.landlock = Measure::On;
        assert_eq!(enforced.missing(), None);
    }

    #[test]
    fn an_enforced_value_with_an_unknown_measure_is_refused() {
        let mut words = serde_json::to_value(Enforced::default()).unwrap();
        words.as_object_mut().unwrap().insert("moat".into(), "on".into());
        assert!(serde_json::from_value::<Enforced>(words).is_err());
    }
}
