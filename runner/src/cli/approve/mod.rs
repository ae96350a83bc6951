//! `approve`: the page is shown, what only the operator knows is asked, and the policy is written.

mod answers;
mod ask;
mod draft;
mod flags;
mod put;
#[cfg(test)]
mod tests;
mod who;

use self::ask::{Ask, Terminal, until, yes};
use self::flags::Flags;
use self::put::{Existing, PutError, put};
use super::inspect::{self, Seen};
use super::{Exit, Out, worker};
use crate::page::Page;
use crate::page::diagnostic::SourceFile;
use crate::policy::file::{self, Limits};
use crate::policy::find::{self, DEFAULT_FOLDER};
use crate::policy::{Policy, bind};
use crate::report::inspection::{Inspection, PageFrom, Wasi};
use crate::wire;
use clap::Args;
use std::path::{Path, PathBuf};

/// Show what a module can do, ask what only you know, and write the policy that lets it run
///
/// First comes the page as `inspect` shows it. Then each question that the page raises is asked on the terminal, or taken from
/// the flags below: which vault record, which hosts, whose passwords. None of it is taken from the author. Without a
/// terminal nothing is asked, and everything that is missing is listed at once.
///
/// The policy pins the module's digest. It is checked against the page before it is put in place, whole or not at all.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 written, 1 written but not usable as it is, 2 nothing was written.",
    after_long_help = "Exit codes:
  0  written (or printed)
  1  written, but a run would refuse it as it is: the reason is said
  2  nothing was written

Example:
  rotabox approve okta.wasm --name okta-prod --module-path /opt/rotabox/okta.wasm \\
    --record 'api=title:Okta API Access Details' --host api=acme.okta.com \\
    --allow '*@svc.acme.example' --except rotation-admin@svc.acme.example --reconcile never"
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
    place: Place,
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
    #[arg(long, value_name = "PATH")]
    module_path: Option<PathBuf>,
    /// The page file's path as the policy names it [default: its absolute path]
    #[arg(long, value_name = "PATH", requires = "page")]
    page_path: Option<PathBuf>,
    /// Replace a policy of this name
    #[arg(long, conflicts_with = "add_digest")]
    force: bool,
    /// Add the module's digest to the policy of this name, and change nothing else in it
    ///
    /// For a new version that is being rolled out: the old and the new module may run until the old digest is taken out.
    #[arg(long, requires = "name")]
    add_digest: bool,
    /// Print the policy on stdout instead of writing it
    #[arg(long, conflicts_with_all = ["force", "add_digest"])]
    print: bool,
    /// On a terminal: do not ask once more before writing
    #[arg(long, short)]
    yes: bool,
}

impl Approve {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let seen = inspect::examine(&self.module, self.page.as_deref())?;
        out.error(&seen.inspection.text());
        out.error("\n");
        let (page, wasi) = acceptable(&seen)?;
        compiles(&seen.module, wasi)?;
        if self.place.add_digest {
            return self.add_digest(&seen, page, out);
        }
        let mut terminal = Terminal::if_there(out);
        let asker = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
        let mut answers = answers::collect(page, wasi, &self.flags, asker)?;
        if self.place.force
            && let Ok(replaced) = find::policy(&self.place.policies, &answers.name)
        {
            answers.keep_from(&replaced.policy);
        }
        let text = self.text(&answers, &seen.inspection, page)?;
        let path = self.place.policies.join(format!("{}.toml", answers.name));
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
        self.put(&answers.name, &text, existing, "approved", out)
    }

    /// The policy's text.
    fn text(&self, answers: &answers::Answers, inspection: &Inspection, page: &Page) -> anyhow::Result<String> {
        let module = written_path(&self.module, self.place.module_path.as_deref())?;
        let open_page = match (&self.page, &inspection.page_sha256) {
            (Some(page), Some(sha256)) => Some((written_path(page, self.place.page_path.as_deref())?, sha256)),
            _ => None,
        };
        let (who, when) = (who::who(), now());
        Ok(draft::text(
            answers,
            &draft::Facts {
                page,
                module: &module,
                module_sha256: &inspection.sha256,
                open_page: open_page.as_ref().map(|(path, sha256)| (path.as_str(), sha256.as_str())),
                who: &who,
                when: &when,
            },
        ))
    }

    /// One more digest in a policy that exists; nothing else is asked, and nothing else changes.
    fn add_digest(&self, seen: &Seen, page: &Page, out: &mut Out) -> anyhow::Result<Exit> {
        let inspection = &seen.inspection;
        let name = self.flags.name.as_deref().unwrap_or_default();
        let policy = find::policy(&self.place.policies, name)?.policy;
        let mut text = policy.file.text.to_string();
        let mut added = Vec::new();
        // From the end of the file to its beginning, so that the places stay right.
        let mut lists = vec![(policy.rotator.sha256_span, &policy.rotator.sha256, &inspection.sha256)];
        match (&policy.rotator.page, &inspection.page_sha256, inspection.page_from) {
            (Some(open), Some(sha256), PageFrom::File) => lists.push((open.span, &open.sha256, sha256)),
            (Some(_), _, _) => anyhow::bail!("the policy names a page file; give it with `--page FILE`"),
            _ => {}
        }
        lists.sort_by_key(|(span, ..)| std::cmp::Reverse(span.start));
        for (span, have, digest) in lists {
            if !have.contains(digest) {
                text = draft::with_digest(&text, span, digest)
                    .ok_or_else(|| anyhow::anyhow!("the policy's digests are not where they were read"))?;
                added.push(digest.as_str());
            }
        }
        if added.is_empty() {
            out.error(&format!("rotabox: nothing to do: policy `{name}` lists this digest already\n"));
            return Ok(Exit::OK);
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!(
            "# {} added {} on {} with `rotabox approve`.\n",
            who::who(),
            added.join(" and "),
            now()
        ));
        if let Some(difference) = self.difference(&policy, seen) {
            out.error(&difference);
        }
        let path = self.place.policies.join(format!("{name}.toml"));
        let checked = checked(&path, &text, page)?;
        if !checked.rotator.sha256.contains(&inspection.sha256) {
            anyhow::bail!("the digest could not be added to {}; add it by hand", path.display());
        }
        if let (Some(mut terminal), false) = (Terminal::if_there(out), self.place.yes)
            && !until(&mut terminal, &format!("Add this module's digest to {}? [y/N] ", path.display()), yes)?
        {
            anyhow::bail!("not approved; nothing was written");
        }
        self.put(name, &text, Existing::Replace, "digest added", out)
    }

    /// What the new module can do that the one in place could not; none if that one is not there, or was not approved.
    fn difference(&self, policy: &Policy, new: &Seen) -> Option<String> {
        let module = self.place.policies.join(&policy.rotator.module);
        let page = policy.rotator.page.as_ref().map(|page| self.place.policies.join(&page.path));
        let old = inspect::examine(&module, page.as_deref()).ok()?;
        if !policy.rotator.sha256.contains(&old.inspection.sha256) {
            return None;
        }
        let difference = super::diff::difference(&old, new).ok()?;
        let text = difference.text(new.inspection.page.as_ref());
        Some(format!("compared with {}: {text}\n", super::shell_word(&module)))
    }

    /// Puts the policy in place, looks at it as a run would, and says what comes next.
    fn put(&self, name: &str, text: &str, existing: Existing, done: &str, out: &mut Out) -> anyhow::Result<Exit> {
        let path = put(&self.place.policies, &format!("{name}.toml"), text, existing).map_err(|error| match error {
            PutError::Exists { path } => anyhow::anyhow!(
                "there is a policy `{name}` already ({}); nothing was written. Replace it with `--force`, or add this \
                 module's digest to it with `--add-digest`",
                path.display()
            ),
            PutError::System { .. } => anyhow::Error::new(error),
        })?;
        out.data(&format!("{}\n", path.display()));
        let mut words = format!("rotabox: {done}: {}\n", path.display());
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
                if !module.exists() {
                    words.push_str(&format!("warning: there is no module at {} yet; put it there\n", module.display()));
                }
                true
            }
        };
        let policies = match self.place.policies == Path::new(DEFAULT_FOLDER) {
            true => String::new(),
            false => format!(" --policies {}", super::shell_word(&self.place.policies)),
        };
        words.push_str(&format!(
            "next, in this order:\n  rotabox doctor {name}{policies}\n  echo \"$PARAMS\" | rotabox rehearse {name}{policies}\n  \
             exec rotabox run {name}{policies}     # the last line of the PAM script\n"
        ));
        out.error(&words);
        Ok(if usable { Exit::OK } else { Exit(1) })
    }
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
