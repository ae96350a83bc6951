//! Vault records, and picking the one that a policy names.
//!
//! Titles, labels and values are written by whoever may edit the vault: untrusted text. Titles are not unique, so
//! picking by title or by uid is exact, and none or several matches are an error that says what there was.

mod shown;
#[cfg(test)]
mod tests;

pub use crate::page::Secret;
use crate::page::diagnostic::nearest;
pub use shown::{list, shown};
use std::collections::BTreeMap;
use std::fmt;

/// One vault record. `Debug` shows uid, title and labels only.
pub struct VaultRecord {
    /// Its uid; empty if none was sent, and then never picked.
    pub uid: String,
    /// Its title; empty if none was sent, and then never picked. Untrusted text.
    pub title: String,
    /// Values by label (exact, as sent). Strings as they are; numbers and booleans as their JSON text; null, empty
    /// strings, arrays and objects are kept as `None` (present, but no text). `uid` and `title` are not among them.
    pub fields: BTreeMap<String, Option<Secret>>,
}

impl fmt::Debug for VaultRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = self.fields.keys().collect();
        f.debug_struct("VaultRecord")
            .field("uid", &self.uid)
            .field("title", &self.title)
            .field("labels", &labels)
            .finish_non_exhaustive()
    }
}

/// How a record is picked. None, or more than one match, is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// Exact title.
    Title(String),
    /// Uid.
    Uid(String),
}

impl Select {
    /// `title` or `uid`.
    pub fn by(&self) -> &'static str {
        match self {
            Select::Title(_) => "title",
            Select::Uid(_) => "uid",
        }
    }

    /// What must be equal.
    pub fn wanted(&self) -> &str {
        match self {
            Select::Title(wanted) | Select::Uid(wanted) => wanted,
        }
    }

    fn of<'r>(&self, record: &'r VaultRecord) -> &'r str {
        match self {
            Select::Title(_) => &record.title,
            Select::Uid(_) => &record.uid,
        }
    }
}

/// The one record that `select` means.
pub fn pick<'r>(records: &'r [VaultRecord], select: &Select) -> Result<&'r VaultRecord, PickError> {
    let mut matching = records.iter().filter(|record| select.of(record) == select.wanted());
    match (matching.next(), matching.next()) {
        (Some(record), None) if !select.wanted().is_empty() => Ok(record),
        (Some(_), Some(_)) => Err(PickError::Several { select: select.clone(), uids: matching_uids(records, select) }),
        _ => Err(PickError::None { select: select.clone(), have: names(records) }),
    }
}

fn names(records: &[VaultRecord]) -> Vec<(String, String)> {
    records.iter().map(|record| (record.title.clone(), record.uid.clone())).collect()
}

fn matching_uids(records: &[VaultRecord], select: &Select) -> Vec<String> {
    records.iter().filter(|record| select.of(record) == select.wanted()).map(|record| record.uid.clone()).collect()
}

/// Why no record could be picked. Holds titles and uids (untrusted text, escaped when shown), never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickError {
    /// No record matches.
    None {
        /// What was looked for.
        select: Select,
        /// Titles and uids that came.
        have: Vec<(String, String)>,
    },
    /// More than one record matches.
    Several {
        /// What was looked for.
        select: Select,
        /// The uids of those that match.
        uids: Vec<String>,
    },
}

impl fmt::Display for PickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PickError::None { select, have } if have.is_empty() => write!(
                f,
                "no vault record has the {} {}: the gateway sent no records; attach the record to the script as an additional credential",
                select.by(),
                shown(select.wanted())
            ),
            PickError::None { select, have } => {
                let (by, wanted) = (select.by(), select.wanted());
                write!(f, "no vault record has the {by} {}; ", shown(wanted))?;
                let near = match select {
                    Select::Title(_) => near_title(wanted, have),
                    Select::Uid(_) => None,
                };
                match near {
                    Some(near) => write!(f, "did you mean {}? ", shown(near))?,
                    None => write!(f, "attach it to the script as an additional credential, or correct the policy. ")?,
                }
                let came = have.iter().map(|(title, uid)| format!("{} (uid {})", shown(title), shown(uid)));
                write!(f, "The gateway sent {}", list(came))
            }
            PickError::Several { select, uids } => write!(
                f,
                "{} vault records have the {} {}; {}",
                uids.len(),
                select.by(),
                shown(select.wanted()),
                match select {
                    Select::Title(_) =>
                        format!("select one by uid in the policy: {}", list(uids.iter().map(|uid| shown(uid)))),
                    Select::Uid(_) =>
                        "a uid must be unique, so the params cannot be trusted: check what sent them".to_owned(),
                }
            ),
        }
    }
}

impl std::error::Error for PickError {}

/// A title that differs by case, blanks or a slip.
fn near_title<'t>(wanted: &str, have: &'t [(String, String)]) -> Option<&'t str> {
    // Titles are untrusted and may be long; what is far longer is no slip, and is not compared.
    let most = wanted.len() * 2 + 16;
    let titles = || have.iter().map(|(title, _)| title.as_str()).filter(|title| title.len() <= most);
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    titles().find(|title| folded(title) == folded(wanted)).or_else(|| nearest(wanted, titles()))
}

impl VaultRecord {
    /// The text of the field with this label.
    pub fn field(&self, label: &str) -> Result<&Secret, FieldError> {
        match self.fields.get(label) {
            Some(Some(value)) => Ok(value),
            Some(None) => Err(FieldError::NoText { label: label.to_owned(), title: self.title.clone() }),
            None => Err(FieldError::Missing {
                label: label.to_owned(),
                title: self.title.clone(),
                have: self.fields.keys().cloned().collect(),
            }),
        }
    }

    /// Labels that are this one with a number: the gateway numbers labels that clash, and does not document which of
    /// the fields keeps the plain one.
    pub fn numbered<'r>(&'r self, label: &str) -> impl Iterator<Item = &'r str> {
        self.fields.keys().map(String::as_str).filter(move |other| {
            let number = other.strip_prefix(label).map(|rest| rest.trim_start_matches(['_', ' ', '-', '.']));
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
    }
}

/// Why a record has no such field. Holds labels and the title (untrusted text, escaped when shown), never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// No field has this label.
    Missing {
        /// What the page asks for.
        label: String,
        /// The record's title.
        title: String,
        /// Labels it has.
        have: Vec<String>,
    },
    /// A field has this label, but it is empty or no text.
    NoText {
        /// What the page asks for.
        label: String,
        /// The record's title.
        title: String,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::Missing { label, title, have } => {
                write!(f, "the vault record {} has no field labelled {}; ", shown(title), shown(label))?;
                let most = label.len() * 2 + 16;
                match nearest(label, have.iter().map(String::as_str).filter(|other| other.len() <= most)) {
                    Some(near) => write!(f, "did you mean {}? ", shown(near))?,
                    None => write!(f, "add it to the record. ")?,
                }
                if have.is_empty() {
                    write!(f, "It has no fields")
                } else {
                    write!(f, "It has {}", list(have.iter().map(|label| shown(label))))
                }
            }
            FieldError::NoText { label, title } => write!(
                f,
                "the field {} of the vault record {} is empty or no text; fill it in",
                shown(label),
                shown(title)
            ),
        }
    }
}

impl std::error::Error for FieldError {}
