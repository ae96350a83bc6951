//! `approve`: the page is shown, what only the operator knows is asked, and the policy is written.

mod answers;
mod ask;
mod draft;
mod flags;
mod put;
#[cfg(test)]
mod tests;
mod update;
mod weigh;
mod who;

use self::ask::{Ask, Terminal, until, yes};
use self::flags::Flags;
use self::put::{Done, Existing, PutError, put};
use self::weigh::{concerns, weigh};
use super::inspect::{self, Seen};
use super::{Exit, Out, signed, worker};
use crate::lint::{self, Finding, Subject, Within};
use crate::page::Page;
use crate::page::diagnostic::{SourceFile, Span};
use crate::policy::file::{self, Approval, Limits};
use crate::policy::find::{self, DEFAULT_FOLDER};
use crate::policy::{Policy, bind, host};
use crate::report::inspection::{PageFrom, Wasi};
use crate::signature::Signed;
use crate::wire;
use clap::Args;
use std::path::{Path, PathBuf};

/// Show what a module can do, ask what only you know, and write the policy that lets it run
///
/// First comes the page as `inspect` shows it. Then each question that the page raises is asked on the terminal, or taken from
/// the flags below: which vault record, which hosts, whose passwords. None of it is taken from the author. Without a
/// terminal nothing is asked, and everything that is missing is listed at once.
///
/// The policy pins the module's digest, and says who approved it and when. It is checked against the page before it is put in place, whole
/// or not at all. Where the host file lists `[[signers]]`, the module's signature is checked first, before anything of it is parsed.
///
/// A new version: `--from NAME` shows what it can do that the approved one could not, and adds its digest to that policy.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 written, 1 written but not usable as it is, 2 nothing was written.",
    after_long_help = "Exit codes:
  0  written (or printed)
  1  written, but a run would refuse it as it is: the reason is said
  2  nothing was written

Examples:
  rotabox approve okta.wasm --name okta-prod --module-path /opt/rotabox/okta.wasm \\
    --record 'api=title:Okta API Access Details' --host api=acme.okta.com \\
    --allow '*@svc.acme.example' --except rotation-admin@svc.acme.example --reconcile never
  rotabox approve okta-new.wasm --from okta-prod"
)]
pub(super) struct Approve {
    /// The module
    #[arg(value_name = "MODULE")]
    module: PathBuf,
    /// The page file of a module with an open page; the policy pins its digest
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    review: Review,
    #[command(flatten)]
    place: Place,
}

/// Who reviews, and what was found.
#[derive(Debug, Args)]
#[command(next_help_heading = "The review")]
struct Review {
    /// Who approves, for the policy and the audit log [default: this user]
    ///
    /// The system's own word for the user is written beside it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Accept what was found: `wider`, `uncompared`, or a rule of the linter that says `refuse` [repeatable]
    ///
    /// Asked on a terminal. Without one, what has to be accepted is listed, and nothing is written. The policy says what was accepted.
    #[arg(long, value_name = "WHAT")]
    accept: Vec<String>,
    /// The module's signature [default: MODULE.minisig]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// The host file, which lists the signers [default: /etc/rotabox/rotabox.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where the policy goes and what stands in it.
#[derive(Debug, Args)]
#[command(next_help_heading = "The policy file")]
struct Place {
    /// The policy folder; made if it is not there
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    policies: PathBuf,
    /// The module's path as the policy names it [default: the module's absolute path]
    ///
    /// For a module that is still to be put there, or a policy for another machine.
    #[arg(long, value_name = "PATH", conflicts_with = "from")]
    module_path: Option<PathBuf>,
    /// The page file's path as the policy names it [default: its absolute path]
    #[arg(long, value_name = "PATH", requires = "page", conflicts_with = "from")]
    page_path: Option<PathBuf>,
    /// Replace a policy of this name
    #[arg(long, conflicts_with = "from")]
    force: bool,
    /// A new version: add the module's digest to this policy, and change nothing else in it
    ///
    /// What the new one can do that the approved one could not is shown first, as by `diff`. The old and the new module may run until the old
    /// digest is taken out.
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    from: Option<String>,
    /// The module that was approved, if it is not in its place any more
    #[arg(long, value_name = "FILE", requires = "from")]
    old: Option<PathBuf>,
    /// Print the policy on stdout instead of writing it
    #[arg(long, conflicts_with_all = ["force", "from"])]
    print: bool,
    /// On a terminal: do not ask once more before writing
    #[arg(long, short)]
    yes: bool,
}

/// A module that was looked at: its signature first, then all the rest.
struct Reviewed {
    seen: Seen,
    signed: Option<Signed>,
    wasi: Wasi,
}

impl Approve {
    /// The policy goes to stdout.
    pub(super) fn prints(&self) -> bool {
        self.place.print
    }

    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let reviewed = self.look(out)?;
        match &self.place.from {
            Some(_) if self.flags != Flags::default() => anyhow::bail!(
                "`--from` adds a digest and changes nothing else; leave the other answers out, or write the policy anew with `--name` and \
                 `--force`"
            ),
            Some(name) => self.update(name, &reviewed, out),
            None => self.write(&reviewed, out),
        }
    }

    /// Looks at the module and shows it. Its signature is checked before anything of it is parsed.
    fn look(&self, out: &mut Out) -> anyhow::Result<Reviewed> {
        let host = host::load(self.review.config.as_deref())?;
        let read = find::module(&self.module)?;
        let state = signed::look(&self.module, self.review.signature.as_deref(), &read.bytes, &host)?;
        let view = signed::view(&state, &host);
        let signed = state.required(&self.module, &host)?;
        let mut seen = inspect::examine_read(read, &self.module, self.page.as_deref())?;
        seen.inspection.signature = Some(view);
        out.error(&seen.inspection.text());
        out.error("\n");
        let (page, wasi) = acceptable(&seen)?;
        signed::same_name(signed.as_ref(), page, seen.inspection.page_from == PageFrom::Sealed)?;
        compiles(&seen.module, wasi)?;
        Ok(Reviewed { seen, signed, wasi })
    }

    /// A policy for a module that is new here.
    fn write(&self, reviewed: &Reviewed, out: &mut Out) -> anyhow::Result<Exit> {
        let page = reviewed.page()?;
        let mut terminal = Terminal::if_there(out);
        let asker = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
        let mut answers = answers::collect(page, reviewed.wasi, &self.flags, asker)?;
        if self.place.force
            && let Ok(replaced) = find::policy(&self.place.policies, &answers.name)
        {
            answers.keep_from(&replaced.policy);
        }
        let path = self.place.policies.join(format!("{}.toml", answers.name));
        // What is accepted stands in its last line: the findings of a policy without it have the same lines.
        let unweighed = checked(&path, &self.text(&answers, reviewed, Vec::new())?, page)?;
        let found = reviewed.findings(&unweighed)?;
        out.error(&said(&found, &path));
        let mut terminal = Terminal::if_there(out);
        let asker = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
        let accepted = weigh(&concerns(reviewed.page_findings().chain(&found)), &self.review.accept, asker)?;
        let text = self.text(&answers, reviewed, accepted)?;
        checked(&path, &text, page)?;
        if self.place.print {
            out.data(&text);
            return Ok(Exit::OK);
        }
        if let (Some(mut terminal), false) = (Terminal::if_there(out), self.place.yes) {
            terminal.say(&format!("\n{text}\n"));
            if !until(&mut terminal, &format!("Write this to {}? [y/N] ", path.display()), yes)? {
                anyhow::bail!("not approved; nothing was written");
            }
        }
        let existing = if self.place.force { Existing::Replace } else { Existing::Keep };
        self.put(&answers.name, &text, &Done::Approved(existing), out)
    }

    /// The policy's text.
    fn text(&self, answers: &answers::Answers, reviewed: &Reviewed, accepted: Vec<String>) -> anyhow::Result<String> {
        let inspection = &reviewed.seen.inspection;
        let module = written_path(&self.module, self.place.module_path.as_deref())?;
        let open_page = match (&self.page, &inspection.page_sha256) {
            (Some(page), Some(sha256)) => Some((written_path(page, self.place.page_path.as_deref())?, sha256)),
            _ => None,
        };
        let page_sha256 = open_page.as_ref().map(|(_, sha256)| (*sha256).clone());
        Ok(draft::text(
            answers,
            &draft::Facts {
                page: reviewed.page()?,
                module: &module,
                module_sha256: &inspection.sha256,
                open_page: open_page.as_ref().map(|(path, sha256)| (path.as_str(), sha256.as_str())),
                approval: &self.approval(reviewed, page_sha256, accepted)?,
            },
        ))
    }

    /// Who approves what, and when.
    fn approval(
        &self,
        reviewed: &Reviewed,
        page_sha256: Option<String>,
        accepted: Vec<String>,
    ) -> anyhow::Result<Approval> {
        let by = match &self.review.by {
            None => who::who(),
            Some(name) if name.trim().is_empty() || name.chars().any(char::is_control) => {
                anyhow::bail!("`--by` is empty or has control characters in it; write a name")
            }
            Some(name) => format!("{}, as {}", name.trim(), who::who()),
        };
        let signed = reviewed.signed.as_ref();
        Ok(Approval {
            sha256: reviewed.seen.inspection.sha256.clone(),
            page_sha256,
            by,
            at: now(),
            signed: signed.map(|signed| format!("{} {} by {}", signed.rotator, signed.version, signed.signer)),
            accepted,
            span: Span::default(),
        })
    }

    /// Puts the policy in place, looks at it as a run would, and says what comes next.
    fn put(&self, name: &str, text: &str, done: &Done, out: &mut Out) -> anyhow::Result<Exit> {
        let path = put(&self.place.policies, &format!("{name}.toml"), text, done.existing()).map_err(|error| match error {
            PutError::Exists { path } => anyhow::anyhow!(
                "there is a policy `{name}` already ({}); nothing was written. Replace it with `--force`, or add this \
                 module's digest to it with `--from {name}`",
                path.display()
            ),
            PutError::System { .. } => anyhow::Error::new(error),
        })?;
        out.data(&format!("{}\n", path.display()));
        let mut words = format!("rotabox: {}: {}\n", done.in_words(), path.display());
        let found = find::policy(&self.place.policies, name);
        let usable = match &found {
            Err(error) => {
                words.push_str(&format!("warning: a run would refuse it as it is: {error}\n"));
                false
            }
            Ok(listed) => {
                if listed.self_owned {
                    words.push_str(
                        "warning: policy: self-owned; whoever runs the rotation must not own the policy folder, or it binds \
                         nobody. Give it to root, or to another user than the runner's\n",
                    );
                }
                let module = self.place.policies.join(&listed.policy.rotator.module);
                if !module.exists() && done.moves().is_none() {
                    words.push_str(&format!("warning: there is no module at {} yet; put it there\n", module.display()));
                }
                true
            }
        };
        words.push_str(&done.moves().unwrap_or_default());
        words.push_str(&self.next(name));
        out.error(&words);
        Ok(if usable { Exit::OK } else { Exit(1) })
    }
}

impl Approve {
    /// What comes next, as lines of a shell, with the same files as here.
    fn next(&self, name: &str) -> String {
        let mut what = name.to_owned();
        if self.place.policies != Path::new(DEFAULT_FOLDER) {
            what.push_str(&format!(" --policies {}", super::shell_word(&self.place.policies)));
        }
        if let Some(config) = &self.review.config {
            what.push_str(&format!(" --config {}", super::shell_word(config)));
        }
        format!(
            "next, in this order:\n  rotabox compile {what}     # as root, or as whoever owns the policies\n  rotabox doctor {what}\n  \
             echo \"$PARAMS\" | rotabox rehearse {what}\n  exec rotabox run {what}     # the last line of the PAM script\n"
        )
    }
}

impl Reviewed {
    fn page(&self) -> anyhow::Result<&Page> {
        self.seen.page.as_ref().ok_or_else(|| anyhow::anyhow!("the module has no page"))
    }

    /// What the linter says of the page.
    fn page_findings(&self) -> impl Iterator<Item = &Finding> {
        self.seen.inspection.findings.iter()
    }

    /// What the linter says of a policy for this module.
    fn findings(&self, policy: &Policy) -> anyhow::Result<Vec<Finding>> {
        let subject = Subject {
            page: Some(self.page()?),
            policy: Some(policy),
            needs_wasi: Some(self.wasi != Wasi::None),
            // Who owns the folder is said once the policy is there.
            ..Subject::default()
        };
        Ok(lint::lint(&subject).into_iter().filter(|finding| finding.within == Within::Policy).collect())
    }
}

/// The findings of the policy that is about to be written, in words.
fn said(findings: &[Finding], path: &Path) -> String {
    let counted = lint::counted(findings);
    let mut said = format!("the policy {}: {counted}\n", super::shell_word(path));
    if !findings.is_empty() {
        said.push_str(&lint::text(findings));
    }
    said.push('\n');
    said
}

/// The page and the WASI of a module that is accepted.
fn acceptable(seen: &Seen) -> anyhow::Result<(&Page, Wasi)> {
    let inspection = &seen.inspection;
    let Some(module) = &inspection.module else {
        anyhow::bail!("this is a page, and a policy is about a module; make one with `rotabox pack`");
    };
    if !inspection.accepted {
        anyhow::bail!("the module is not accepted (the reasons stand above); nothing was written");
    }
    match &seen.page {
        Some(page) => Ok((page, module.wasi)),
        None => anyhow::bail!(
            "the module has an open page: each policy names a page file of its own; give it with `--page FILE`"
        ),
    }
}

/// Compiles and links it, as a run would.
fn compiles(module: &[u8], wasi: Wasi) -> anyhow::Result<()> {
    let limits = Limits::default();
    let limits = wire::Limits { memory_bytes: limits.memory_bytes, fuel: limits.fuel, inert_wasi: wasi == Wasi::Inert };
    worker::load(module, limits).map(drop)
}

/// The text as a policy that fits the page, or what is wrong with it.
fn checked(path: &Path, text: &str, page: &Page) -> anyhow::Result<Policy> {
    let policy = file::parse(SourceFile::new(path.display().to_string(), text))
        .map_err(|problem| anyhow::anyhow!("nothing was written: the policy would not be read\n{problem}"))?;
    bind::fit(page, &policy)
        .map_err(|problem| anyhow::anyhow!("nothing was written: the policy would not fit the page\n{problem}"))?;
    Ok(policy)
}

/// A path as the policy writes it.
fn written_path(given: &Path, explicit: Option<&Path>) -> anyhow::Result<String> {
    let path = match explicit {
        Some(path) => path.to_owned(),
        None => std::path::absolute(given)?,
    };
    let text = path.into_os_string().into_string();
    text.map_err(|path| anyhow::anyhow!("{} is not UTF-8, and a policy is; give the path with a flag", path.display()))
}

fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}
