//! `old-kernel both-walls|no-landlock|no-seccomp PROGRAM [ARGUMENT …]`: becomes that program on a kernel that seems to lack one of the
//! walls. A filter answers the calls that would put it up with ENOSYS, here and in every process that comes of it.
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "the walls are Linux's"))]
#![allow(clippy::print_stderr, reason = "a command")]

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::os::unix::process::CommandExt as _;
    let mut words = std::env::args_os().skip(1);
    let (Some(kernel), Some(program)) = (words.next(), words.next()) else {
        eprintln!("old-kernel KERNEL PROGRAM [ARGUMENT …]");
        return std::process::ExitCode::FAILURE;
    };
    if let Err(why) = forget(&kernel.to_string_lossy()) {
        eprintln!("old-kernel: {why}");
        return std::process::ExitCode::FAILURE;
    }
    let error = std::process::Command::new(&program).args(words).exec();
    eprintln!("old-kernel: {}: {error}", program.display());
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn forget(kernel: &str) -> Result<(), Box<dyn std::error::Error>> {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        apply_filter,
    };
    /// `prctl(PR_SET_SECCOMP, …)`, the older way.
    const PR_SET_SECCOMP: u64 = 22;
    let prctl = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, PR_SET_SECCOMP)?;
    let calls: &[(i64, Vec<SeccompRule>)] = match kernel {
        "both-walls" => return Ok(()),
        "no-landlock" => &[
            (libc::SYS_landlock_create_ruleset, vec![]),
            (libc::SYS_landlock_add_rule, vec![]),
            (libc::SYS_landlock_restrict_self, vec![]),
        ],
        "no-seccomp" => &[(libc::SYS_seccomp, vec![]), (libc::SYS_prctl, vec![SeccompRule::new(vec![prctl])?])],
        other => return Err(format!("there is no kernel `{other}`").into()),
    };
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(
        calls.iter().cloned().collect(),
        SeccompAction::Allow,
        missing,
        std::env::consts::ARCH.try_into()?,
    )?;
    let filter: BpfProgram = filter.try_into()?;
    apply_filter(&filter)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
