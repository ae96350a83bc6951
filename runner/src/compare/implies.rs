//! Which answers a condition admits, compared with another: the sets, not the texts. Every answer here is on the safe side: "cannot
//! be told" is `false`.

use crate::page::model::{ArgClass, ArgRule};
use crate::page::predicate::{All, Expectation, Literal, Place, Test};

/// How two sets of answers stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sets {
    /// The same.
    Same,
    /// The new one is contained in the old one.
    Less,
    /// The old one is contained in the new one.
    More,
    /// Neither, or it cannot be told.
    Other,
}

impl Sets {
    /// From "the new one is within the old one" and "the old one is within the new one".
    pub(super) fn of(new_in_old: bool, old_in_new: bool) -> Sets {
        match (new_in_old, old_in_new) {
            (true, true) => Sets::Same,
            (true, false) => Sets::Less,
            (false, true) => Sets::More,
            (false, false) => Sets::Other,
        }
    }
}

/// Whether an alternative without `status` asks for any 2xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// `expects`: it does.
    Expects,
    /// `refuses`: it does not.
    Refuses,
}

/// Every answer that `one` admits, `other` admits too.
pub(super) fn within(one: &Expectation, other: &Expectation, of: Of) -> bool {
    let (one, other) = (alternatives(one, of), alternatives(other, of));
    one.iter().all(|one| other.iter().any(|other| all_implies(one, other, of)))
}

/// No answer is admitted by both.
pub(super) fn disjoint(expects: &Expectation, refuses: &Expectation) -> bool {
    let (expects, refuses) = (alternatives(expects, Of::Expects), alternatives(refuses, Of::Refuses));
    expects.iter().all(|yes| {
        refuses.iter().all(|no| {
            let apart =
                |(place, test): &(Place, Test)| no.0.iter().any(|(at, other)| at == place && never_both(test, other));
            let outside = |(place, test): &(Place, Test)| {
                *place == Place::Status
                    && statuses(test).is_some_and(|all| all.iter().all(|status| !(200..300).contains(status)))
            };
            yes.0.iter().any(apart) || (!writes_status(yes) && no.0.iter().any(outside))
        })
    })
}

/// Without alternatives, `expects` is any 2xx, and `refuses` nothing. A list of statuses is one alternative each.
fn alternatives(expectation: &Expectation, of: Of) -> Vec<All> {
    if expectation.any.is_empty() && of == Of::Expects {
        return vec![All::default()];
    }
    let mut alternatives = Vec::new();
    for all in &expectation.any {
        let list = all.0.iter().position(|(place, test)| *place == Place::Status && statuses(test).is_some());
        match list.and_then(|at| Some((at, statuses(&all.0.get(at)?.1)?))) {
            None => alternatives.push(all.clone()),
            Some((at, list)) => alternatives.extend(list.into_iter().map(|status| {
                let mut one = all.clone();
                if let Some((_, test)) = one.0.get_mut(at) {
                    *test = Test::Equals { value: Literal::Number(status.into()), ignore_case: false };
                }
                one
            })),
        }
    }
    alternatives
}

fn writes_status(all: &All) -> bool {
    all.0.iter().any(|(place, _)| *place == Place::Status)
}

/// Whatever meets all of `one` meets all of `other`.
fn all_implies(one: &All, other: &All, of: Of) -> bool {
    let implied = |(place, test): &(Place, Test)| one.0.iter().any(|(at, have)| at == place && implies(have, test));
    let success = of == Of::Refuses
        || writes_status(other)
        || !writes_status(one)
        || one.0.iter().any(|(place, test)| {
            *place == Place::Status
                && statuses(test).is_some_and(|all| all.iter().all(|status| (200..300).contains(status)))
        });
    success && other.0.iter().all(implied)
}

/// The statuses that a test admits, if it lists them.
fn statuses(test: &Test) -> Option<Vec<u64>> {
    let (values, _) = listed(test)?;
    values
        .into_iter()
        .map(|value| match value {
            Literal::Number(number) => number.as_u64(),
            Literal::Text(_) | Literal::Bool(_) => None,
        })
        .collect()
}

/// Whatever `one` holds of, `other` holds of too: both at the same place.
pub(super) fn implies(one: &Test, other: &Test) -> bool {
    if one == other {
        return true;
    }
    match (one, other) {
        (Test::Absent(true), _) => false,
        // Everything but `absent = true` and some `not` needs something that stands there.
        (Test::Not(inner), Test::Absent(false)) => plain(inner),
        (_, Test::Absent(false)) => true,
        (Test::Not(one), Test::Not(other)) => plain(one) && plain(other) && implies(other, one),
        _ => match (listed(one), listed(other)) {
            (Some((these, ignoring)), Some((those, ignored))) => {
                (ignored || !ignoring) && these.iter().all(|this| those.iter().any(|that| equal(this, that, ignored)))
            }
            _ => false,
        },
    }
}

/// Nothing stands there that both hold of.
fn never_both(one: &Test, other: &Test) -> bool {
    match (one, other) {
        (Test::Absent(one), Test::Absent(other)) => one != other,
        (Test::Absent(true), other) | (other, Test::Absent(true)) => implies(other, &Test::Absent(false)),
        _ => match (listed(one), listed(other)) {
            (Some((these, _)), Some((those, _))) => {
                these.iter().all(|this| those.iter().all(|that| surely_different(this, that)))
            }
            _ => false,
        },
    }
}

/// The values that a test admits, and whether case is ignored.
fn listed(test: &Test) -> Option<(Vec<&Literal>, bool)> {
    match test {
        Test::Equals { value, ignore_case } => Some((vec![value], *ignore_case)),
        Test::OneOf { values, ignore_case } => Some((values.iter().collect(), *ignore_case)),
        Test::Not(_) | Test::Absent(_) | Test::Null(_) | Test::Length(_) | Test::Contains(_) => None,
    }
}

/// A test that never holds where nothing stands, and whose `not` does not either.
fn plain(test: &Test) -> bool {
    !matches!(test, Test::Absent(_) | Test::Not(_))
}

fn equal(this: &Literal, that: &Literal, ignoring_case: bool) -> bool {
    this == that
        || match (this, that) {
            (Literal::Text(this), Literal::Text(that)) if ignoring_case => {
                this.constant().zip(that.constant()).is_some_and(|(a, b)| a.to_lowercase() == b.to_lowercase())
            }
            _ => false,
        }
}

/// Different kinds may be equal in a header, which is text.
fn surely_different(this: &Literal, that: &Literal) -> bool {
    match (this, that) {
        (Literal::Text(this), Literal::Text(that)) => {
            this.constant().zip(that.constant()).is_some_and(|(a, b)| a.to_lowercase() != b.to_lowercase())
        }
        (Literal::Number(this), Literal::Number(that)) => this.as_u64().zip(that.as_u64()).is_some_and(|(a, b)| a != b),
        (Literal::Bool(this), Literal::Bool(that)) => this != that,
        _ => false,
    }
}

/// Everything that `one` admits, `other` admits too.
pub(super) fn argument_within(one: &ArgRule, other: &ArgRule) -> bool {
    if let ArgClass::OneOf(values) = &one.class {
        return values.iter().filter(|value| one.admits(value)).all(|value| other.admits(value));
    }
    // A UUID has 36 characters, whatever `max` says.
    let longest = |rule: &ArgRule| if rule.class == ArgClass::Uuid { rule.max.min(36) } else { rule.max };
    let class = match (&one.class, &other.class) {
        (_, ArgClass::Text) => true,
        (one, ArgClass::Token) => matches!(one, ArgClass::Token | ArgClass::Number | ArgClass::Uuid),
        (one, other) => one == other,
    };
    class && !matches!(other.class, ArgClass::OneOf(_)) && longest(one) <= other.max
}
