//! Unix systems other than Linux: nothing of this yet, and it says so.

use super::{Measure, Orphaned};

pub(super) fn not_dumpable() -> Measure {
    Measure::Absent
}

pub(super) fn no_new_privileges() -> Measure {
    Measure::Absent
}

pub(super) fn die_with(broker: Option<u32>) -> Result<Measure, Orphaned> {
    let orphaned = broker.is_some_and(|broker| std::os::unix::process::parent_id() != broker);
    if orphaned { Err(Orphaned) } else { Ok(Measure::Absent) }
}

pub(super) fn first_to_go() {}

pub(super) fn clear_environment() -> Measure {
    // The worker is started with an empty one.
    if std::env::vars_os().next().is_none() { Measure::On } else { Measure::Absent }
}

pub(super) fn close_descriptors() -> Measure {
    Measure::Absent
}

pub(super) fn do_not_inherit_descriptors() -> Measure {
    Measure::Absent
}
