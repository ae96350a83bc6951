//! What one step knows so far, and whether a route may be sent now.
//!
//! Cookies, binds, captures and kept documents live for one step and one candidate.

use crate::diagnostic::nearest;
use crate::judge::{Judgement, Verdict};
use crate::model::{Need, Page, Route};
use crate::names::{BindName, RouteName, Step};
use crate::secret::Secret;
use std::collections::{BTreeMap, BTreeSet};

/// The state of one step.
#[derive(Debug)]
pub struct Progress {
    /// The step.
    pub step: Step,
    uses: BTreeMap<RouteName, u32>,
    met: BTreeSet<RouteName>,
    binds: BTreeMap<BindName, serde_json::Value>,
    captures: BTreeMap<BindName, Secret>,
    kept: BTreeMap<RouteName, serde_json::Value>,
    ended: Option<String>,
}

/// Why the page does not allow a route now. The rotator asked for something it may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No such route.
    UnknownRoute {
        /// What was asked for.
        name: String,
        /// The page's nearest name.
        nearest: Option<String>,
    },
    /// A route of other steps.
    WrongStep {
        /// The step that is running.
        step: Step,
        /// The steps it is for.
        allowed: Vec<Step>,
    },
    /// Sent as often as `uses` allows.
    UsedUp {
        /// How often that is.
        uses: u32,
    },
    /// Something in `after`, or a bind it uses, is missing.
    Missing(Need),
    /// An argument that the route does not declare.
    UnknownArg {
        /// Its name.
        name: String,
        /// The nearest declared one.
        nearest: Option<String>,
    },
    /// A declared argument that was not given, or given twice.
    ArgCount {
        /// Its name.
        name: String,
        /// How often it was given.
        given: usize,
    },
    /// An argument that is not of its class.
    BadArg {
        /// Its name.
        name: String,
        /// What its class allows, in words.
        class: String,
    },
}

impl Progress {
    /// A fresh start.
    pub fn new(step: Step) -> Self {
        Self {
            step,
            uses: BTreeMap::new(),
            met: BTreeSet::new(),
            binds: BTreeMap::new(),
            captures: BTreeMap::new(),
            kept: BTreeMap::new(),
            ended: None,
        }
    }

    /// May `route` be sent now with these arguments? Answers the route itself, or why not. Does not consume a use.
    pub fn admit<'p>(&self, page: &'p Page, route: &str, args: &[(String, String)]) -> Result<&'p Route, Denial> {
        let Some(route) = page.route(route) else {
            let near = nearest(route, page.routes.iter().map(|route| route.name.as_str()));
            return Err(Denial::UnknownRoute { name: route.to_owned(), nearest: near.map(str::to_owned) });
        };
        self.sendable(route)?;
        self.arguments(route, args)?;
        Ok(route)
    }

    /// The routes that could be sent now, in the page's order: of this step, with uses left, everything in `after`
    /// there, and not a look-up all of whose binds and captures exist already. (Whether `{user}` can be placed is asked of
    /// `place`.)
    pub fn offered<'p>(&self, page: &'p Page) -> Vec<&'p Route> {
        page.routes.iter().filter(|route| self.sendable(route).is_ok() && !self.answered(route)).collect()
    }

    /// Step, uses and needs.
    fn sendable(&self, route: &Route) -> Result<(), Denial> {
        if !route.steps.contains(&self.step) {
            return Err(Denial::WrongStep { step: self.step, allowed: route.steps.iter().copied().collect() });
        }
        if self.uses.get(&route.name).is_some_and(|used| *used >= route.uses) {
            return Err(Denial::UsedUp { uses: route.uses });
        }
        match route.needs.iter().find(|need| !self.has(need)) {
            Some(need) => Err(Denial::Missing(need.clone())),
            None => Ok(()),
        }
    }

    fn has(&self, need: &Need) -> bool {
        match need {
            Need::Met(route) => self.met.contains(route),
            Need::Bound(name) => self.binds.contains_key(name) || self.captures.contains_key(name),
            Need::Kept(route) => self.kept.contains_key(route),
        }
    }

    /// True for a look-up whose every bind and capture exists already, such as the second of two ways to find one account.
    fn answered(&self, route: &Route) -> bool {
        !route.changes
            && !route.places_candidate()
            && route.gives().next().is_some()
            && route.gives().all(|name| self.has(&Need::Bound(name.clone())))
    }

    /// Every declared argument exactly once, of its class, and no other.
    fn arguments(&self, route: &Route, args: &[(String, String)]) -> Result<(), Denial> {
        for (name, value) in args {
            let Some(rule) = route.args.iter().find(|rule| rule.name.as_str() == name) else {
                let near = nearest(name, route.args.iter().map(|rule| rule.name.as_str()));
                return Err(Denial::UnknownArg { name: name.clone(), nearest: near.map(str::to_owned) });
            };
            if !rule.admits(value) {
                return Err(Denial::BadArg { name: name.clone(), class: rule.described() });
            }
        }
        for rule in &route.args {
            let given = args.iter().filter(|(name, _)| name == rule.name.as_str()).count();
            if given != 1 {
                return Err(Denial::ArgCount { name: rule.name.to_string(), given });
            }
        }
        Ok(())
    }

    /// Counts one use. Called just before a request is sent; retries and further pages are not counted.
    pub fn spend(&mut self, route: &Route) {
        *self.uses.entry(route.name.clone()).or_default() += 1;
    }

    /// Takes what a judged answer gives (its binds, captures and kept document are moved out of it), and notes the route as met
    /// if it was accepted with everything it requires. An unmet answer ends the step; what it captured is taken all the same, so
    /// that it can be redacted.
    pub fn learn(&mut self, route: &Route, judgement: &mut Judgement) {
        self.binds.extend(judgement.binds.drain(..));
        self.captures.extend(judgement.captures.drain(..));
        if let Some(document) = judgement.kept.take() {
            self.kept.insert(route.name.clone(), document);
        }
        match judgement.verdict {
            Verdict::Accepted if judgement.unmet.is_empty() => {
                self.met.insert(route.name.clone());
            }
            Verdict::Unmet if self.ended.is_none() => {
                self.ended = Some(format!("route `{}`: {}", route.name, judgement.unmet.join("; ")));
            }
            _ => {}
        }
    }

    /// Why the step has ended, if an unmet answer ended it.
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// The value of a bind.
    pub fn bind(&self, name: &str) -> Option<&serde_json::Value> {
        self.binds.get(name)
    }

    /// A captured secret.
    pub fn capture(&self, name: &str) -> Option<&Secret> {
        self.captures.get(name)
    }

    /// All captured secrets (for redaction).
    pub fn captures(&self) -> impl Iterator<Item = &Secret> {
        self.captures.values()
    }

    /// The document that a route kept.
    pub fn kept(&self, route: &str) -> Option<&serde_json::Value> {
        self.kept.get(route)
    }
}
