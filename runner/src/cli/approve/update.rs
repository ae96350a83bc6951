//! `approve --from NAME`: a new version of a module that is approved. What it can do that the approved one could not is shown, and its
//! digest is added to the policy; nothing else in it changes.

use super::draft;
use super::put::{Done, Move};
use super::weigh::{Concern, concerns, weigh};
use super::{Approve, Ask, Reviewed, Terminal, checked, said, until, yes};
use crate::cli::inspect;
use crate::cli::{Exit, Out, diff, shell_word};
use crate::compare::Verdict;
use crate::policy::file::Policy;
use crate::policy::find;
use crate::report::difference::Difference;
use crate::report::inspection::PageFrom;

impl Approve {
    /// One more digest in the policy `name`, and who added it and when.
    pub(super) fn update(&self, name: &str, new: &Reviewed, out: &mut Out) -> anyhow::Result<Exit> {
        let inspection = &new.seen.inspection;
        let policy = find::policy(&self.place.policies, name)?.policy;
        let page_sha256 = match (&policy.rotator.page, inspection.page_from) {
            (Some(_), PageFrom::File) => inspection.page_sha256.clone(),
            (Some(_), _) => anyhow::bail!("the policy names a page file; give it with `--page FILE`"),
            (None, _) => None,
        };
        let (text, added) = with_digests(&policy, &inspection.sha256, page_sha256.as_deref())?;
        if added.is_empty() {
            out.error(&format!("rotabox: nothing to do: policy `{name}` lists this digest already\n"));
            return Ok(Exit::OK);
        }
        let change = match self.difference(&policy, new)? {
            Some(difference) => {
                out.error(&format!(
                    "compared with {}: {}\n",
                    shell_word(difference.old.file.as_ref()),
                    difference.text(inspection.page.as_ref())
                ));
                match difference.verdict {
                    Verdict::Wider => Some(Concern {
                        name: "wider".to_owned(),
                        what: "the new one can do what the approved one could not (above)".to_owned(),
                    }),
                    Verdict::Same | Verdict::Narrower => None,
                }
            }
            None => Some(Concern {
                name: "uncompared".to_owned(),
                what: "the approved module is not in its place, so the new one was compared with nothing (give the old one with \
                       `--old FILE`)"
                    .to_owned(),
            }),
        };
        let path = self.place.policies.join(format!("{name}.toml"));
        // One that does not fit the new page is not written; what has to be accepted is said first.
        let unweighed = checked(&path, &text, new.page()?);
        let found = unweighed.as_ref().map_or(Ok(Vec::new()), |policy| new.findings(policy))?;
        if unweighed.is_ok() {
            out.error(&said(&found, &path));
        }
        let concerns: Vec<Concern> = change.into_iter().chain(concerns(new.page_findings().chain(&found))).collect();
        let mut terminal = Terminal::if_there(out);
        let asker = terminal.as_mut().map(|terminal| terminal as &mut dyn Ask);
        let accepted = weigh(&concerns, &self.review.accept, asker)?;
        let mut text = text;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&draft::approved(&self.approval(new, page_sha256, accepted)?));
        let checked = checked(&path, &text, new.page()?)?;
        if !checked.rotator.sha256.contains(&inspection.sha256) {
            anyhow::bail!("the digest could not be added to {}; add it by hand", path.display());
        }
        if let (Some(mut terminal), false) = (Terminal::if_there(out), self.place.yes)
            && !until(&mut terminal, &format!("Add this module's digest to {}? [y/N] ", path.display()), yes)?
        {
            anyhow::bail!("not approved; nothing was written");
        }
        self.put(name, &text, &Done::Added { to_move: self.to_move(&policy, new) }, out)
    }

    /// What has to take the place of what the policy names: until then the old one runs.
    fn to_move(&self, policy: &Policy, new: &Reviewed) -> Vec<Move> {
        let inspection = &new.seen.inspection;
        let module = (Some(self.module.as_path()), Some(&policy.rotator.module), Some(&inspection.sha256));
        let page = policy.rotator.page.as_ref().map(|page| &page.path);
        let pages = (self.page.as_deref(), page, inspection.page_sha256.as_ref());
        [("module", module), ("page", pages)]
            .into_iter()
            .filter_map(|(what, (from, to, sha256))| {
                let (from, to) = (from?, self.place.policies.join(to?));
                let is_there = find::module(&to).is_ok_and(|found| Some(&found.sha256) == sha256);
                (!is_there).then(|| Move { what, from: from.to_owned(), to })
            })
            .collect()
    }

    /// What the new module can do that the approved one could not. None if that one is not in its place any more, and was not given.
    fn difference(&self, policy: &Policy, new: &Reviewed) -> anyhow::Result<Option<Difference>> {
        let in_place = self.place.policies.join(&policy.rotator.module);
        let module = self.place.old.as_deref().unwrap_or(&in_place);
        let page = policy.rotator.page.as_ref().map(|page| self.place.policies.join(&page.path));
        let old = match inspect::examine(module, page.as_deref()) {
            Ok(old) => old,
            Err(error) if self.place.old.is_some() => return Err(error),
            Err(_) => return Ok(None),
        };
        let approved = policy.rotator.sha256.contains(&old.inspection.sha256)
            && policy.rotator.page.as_ref().is_none_or(|open| {
                old.inspection.page_sha256.as_ref().is_some_and(|sha256| open.sha256.contains(sha256))
            });
        match approved {
            true => diff::difference(&old, &new.seen).map(Some),
            false if self.place.old.is_some() => anyhow::bail!(
                "{} is not what the policy lists (its sha256 is {}); nothing was written. Give the module that was approved",
                shell_word(module),
                old.inspection.sha256
            ),
            false => Ok(None),
        }
    }
}

/// The policy's text with these digests in its lists, and those that were not there.
fn with_digests(policy: &Policy, module: &str, page: Option<&str>) -> anyhow::Result<(String, Vec<String>)> {
    let mut text = policy.file.text.to_string();
    let mut added = Vec::new();
    let mut lists = vec![(policy.rotator.sha256_span, &policy.rotator.sha256, module)];
    if let (Some(open), Some(page)) = (&policy.rotator.page, page) {
        lists.push((open.span, &open.sha256, page));
    }
    // From the end of the file to its beginning, so that the places stay right.
    lists.sort_by_key(|(span, ..)| std::cmp::Reverse(span.start));
    for (span, have, digest) in lists {
        if !have.iter().any(|other| other == digest) {
            text = draft::with_digest(&text, span, digest)
                .ok_or_else(|| anyhow::anyhow!("the policy's digests are not where they were read"))?;
            added.push(digest.to_owned());
        }
    }
    Ok((text, added))
}
