//! What was found and may be accepted all the same: by a flag, or by an answer on the terminal, one by one. What was accepted is written
//! into the policy.

use super::ask::{Ask, until, yes};
use crate::lint::{Finding, Severity};
use crate::report::escape::escape;

/// Something that somebody has to accept before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Concern {
    /// What it is accepted by: `--accept wider`.
    pub(super) name: String,
    /// What it is, in words; escaped.
    pub(super) what: String,
}

/// What somebody has to accept of these: what the linter would refuse, once for each rule.
pub(super) fn concerns<'f>(findings: impl Iterator<Item = &'f Finding>) -> Vec<Concern> {
    let mut concerns: Vec<Concern> = Vec::new();
    for finding in findings.filter(|finding| finding.severity == Severity::Refuse) {
        let what = format!("{} ({})", escape(&finding.what, 400), finding.place());
        match concerns.iter_mut().find(|concern| concern.name == finding.rule) {
            Some(concern) => concern.what = format!("{}; and {what}", concern.what),
            None => concerns.push(Concern { name: finding.rule.to_owned(), what }),
        }
    }
    concerns
}

/// The names of what was accepted, in the order of the concerns. Without somebody to ask, the error lists all that is missing at once.
pub(super) fn weigh(
    concerns: &[Concern],
    accepted: &[String],
    mut asker: Option<&mut dyn Ask>,
) -> anyhow::Result<Vec<String>> {
    if let Some(stray) = accepted.iter().find(|name| !concerns.iter().any(|concern| concern.name == **name)) {
        let names: Vec<String> = concerns.iter().map(|concern| format!("`{}`", concern.name)).collect();
        let have = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        anyhow::bail!(
            "there is nothing called `{}` to accept here; there is {have}. Nothing was written",
            escape(stray, 100)
        );
    }
    let (mut names, mut missing) = (Vec::new(), Vec::new());
    for concern in concerns {
        if names.contains(&concern.name) {
            continue;
        }
        let given = accepted.contains(&concern.name);
        match &mut asker {
            _ if given => {}
            Some(asker) => {
                if !until(*asker, &format!("{}. Accept it ({})? [y/N] ", concern.what, concern.name), yes)? {
                    anyhow::bail!("not approved: {}; nothing was written", concern.what);
                }
            }
            None => {
                missing.push(format!("  --accept {}  {}", concern.name, concern.what));
                continue;
            }
        }
        names.push(concern.name.clone());
    }
    if missing.is_empty() {
        return Ok(names);
    }
    anyhow::bail!(
        "this is not approved without somebody who accepts it, and there is no terminal to ask on; nothing was written. To accept it, \
         add:\n{}",
        missing.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(Vec<&'static str>);

    impl Ask for Says {
        fn ask(&mut self, _: &str) -> anyhow::Result<String> {
            Ok(self.0.remove(0).to_owned())
        }
        fn say(&mut self, _: &str) {}
    }

    fn concerns() -> Vec<Concern> {
        ["wider", "secret-shown"].map(|name| Concern { name: name.to_owned(), what: format!("it is {name}") }).into()
    }

    #[test]
    fn nothing_is_accepted_by_silence() {
        let error = weigh(&concerns(), &[], None).unwrap_err().to_string();
        assert!(
            error.contains("  --accept wider  it is wider\n  --accept secret-shown  it is secret-shown"),
            "{error}"
        );
        let error = weigh(&concerns(), &["wider".to_owned()], None).unwrap_err().to_string();
        assert!(!error.contains("--accept wider") && error.contains("--accept secret-shown"), "{error}");
        assert_eq!(weigh(&[], &[], None).unwrap(), [""; 0]);
        let both = ["secret-shown".to_owned(), "wider".to_owned()];
        assert_eq!(weigh(&concerns(), &both, None).unwrap(), ["wider", "secret-shown"]);
    }

    #[test]
    fn each_is_asked_for_and_a_no_ends_it() {
        assert_eq!(weigh(&concerns(), &[], Some(&mut Says(vec!["y", "yes"]))).unwrap(), ["wider", "secret-shown"]);
        assert_eq!(weigh(&concerns(), &["wider".to_owned()], Some(&mut Says(vec!["y"]))).unwrap().len(), 2);
        let error = weigh(&concerns(), &[], Some(&mut Says(vec!["y", ""]))).unwrap_err().to_string();
        assert_eq!(error, "not approved: it is secret-shown; nothing was written");
    }

    #[test]
    fn an_acceptance_of_nothing_is_a_mistake() {
        let error = weigh(&concerns(), &["widr".to_owned()], None).unwrap_err().to_string();
        assert!(error.contains("`widr`") && error.contains("`wider`, `secret-shown`"), "{error}");
        assert!(weigh(&[], &["wider".to_owned()], None).unwrap_err().to_string().contains("there is nothing"));
    }
}
