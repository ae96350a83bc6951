//! `run`, `rehearse` and `verify`: the three verbs that take a params line on stdin.

use super::{Exit, Files, Out};
use crate::broker::run::{Request, execute};
use crate::confine::Enforced;
use crate::report::result::Verb;
use clap::Args;
use std::io::IsTerminal;

/// Rotate: change the password, see the new one work
///
/// Reads one base64 line of params from stdin, as a PAM gateway pipes it. The policy of that name says which module runs,
/// which vault record it may use, which hosts it may reach and whose password it may change.
///
/// stdout gets one JSON line, the result. The first line on stderr says what happened and what to do.
#[derive(Debug, Args)]
#[command(after_help = EXITS, after_long_help = EXITS_AND_EXAMPLE)]
pub(super) struct Run {
    /// A policy's name (`okta-prod`), or a module that exactly one policy lists by digest (`X.wasm`)
    #[arg(value_name = "NAME")]
    what: String,
    #[command(flatten)]
    files: Files,
}

/// Do everything but the change: sign in with the old password, look up, check, and say what would follow
///
/// Exit 0: a run would send the changing request now. 1: refused, or a precondition does not hold. 6: cannot tell.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  echo \"$PARAMS\" | rotabox rehearse okta-prod")]
pub(super) struct Rehearse {
    /// A policy's name, or a module that exactly one policy lists by digest
    #[arg(value_name = "NAME")]
    what: String,
    #[command(flatten)]
    files: Files,
}

/// Sign in once with the old password of the params (or the new one)
///
/// Exit 0: it works. 1: it is refused. 6: cannot tell.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  echo \"$PARAMS\" | rotabox verify okta-prod --new")]
pub(super) struct Verify {
    /// A policy's name, or a module that exactly one policy lists by digest
    #[arg(value_name = "NAME")]
    what: String,
    /// Try the new password instead of the old one
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    files: Files,
}

const EXITS: &str = "Exit codes: 0 rotated or already current, 1 unchanged, 2 not started, 3 denied, 4 changed but unverified, \
                     5 out of sync, 6 unknown, 70 a bug.";
const EXITS_AND_EXAMPLE: &str = "Exit codes:
  0   rotated, or the new password worked already (or: the page cannot verify, and the policy accepts that)
  1   unchanged: the password is as it was before
  2   not started: bad input, page, policy or module; nothing was tried
  3   denied: the rotator asked for what page or policy refuse; nothing was changed
  4   changed, but nobody has seen the new password work
  5   out of sync: the provider refuses the old and the new password
  6   unknown: it cannot be told which password is live
  70  a bug in rotabox

Example, as the last line of a PAM script:
  exec rotabox run okta-prod";

impl Run {
    pub(super) fn execute(self, enforced: Enforced, out: &mut Out) -> anyhow::Result<Exit> {
        answer(Verb::Run, self.what, self.files, enforced, out)
    }
}

impl Rehearse {
    pub(super) fn execute(self, enforced: Enforced, out: &mut Out) -> anyhow::Result<Exit> {
        answer(Verb::Rehearse, self.what, self.files, enforced, out)
    }
}

impl Verify {
    pub(super) fn execute(self, enforced: Enforced, out: &mut Out) -> anyhow::Result<Exit> {
        answer(Verb::Verify { new: self.new }, self.what, self.files, enforced, out)
    }
}

/// Nobody types a params line.
pub(super) fn stdin_is_piped(verb: &str, what: &str) -> anyhow::Result<()> {
    if std::io::stdin().is_terminal() {
        anyhow::bail!(
            "`{verb}` reads the gateway's params from stdin, and stdin is a terminal; pipe one base64 line, for example \
             `echo \"$PARAMS\" | rotabox {verb} {what}`"
        );
    }
    Ok(())
}

fn answer(verb: Verb, what: String, files: Files, enforced: Enforced, out: &mut Out) -> anyhow::Result<Exit> {
    stdin_is_piped(verb.as_str(), &what)?;
    super::out::on_panic(verb);
    let (result, worker) =
        execute(&Request { what, policies: files.policies, config: files.config, verb }, enforced, None);
    out.data(&result.line());
    out.error(&result.words());
    worker.wait();
    Ok(Exit(result.exit()))
}
