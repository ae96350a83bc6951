//! What one step knows so far, and whether a route may be sent now.
//!
//! Cookies, binds, captures and kept documents live for one step and one candidate.

use crate::judge::Judgement;
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
    pub fn admit<'p>(&self, _page: &'p Page, _route: &str, _args: &[(String, String)]) -> Result<&'p Route, Denial> {
        todo!()
    }

    /// The routes that could be sent now, in the page's order: of this step, with uses left, everything in `after`
    /// there, and not all of whose binds exist already. (Whether `{user}` can be placed is asked of `place`.)
    pub fn offered<'p>(&self, _page: &'p Page) -> Vec<&'p Route> {
        todo!()
    }

    /// Counts one use. Called just before a request is sent; retries and further pages are not counted.
    pub fn spend(&mut self, route: &Route) {
        *self.uses.entry(route.name.clone()).or_default() += 1;
    }

    /// Takes what a judged answer gives: met, binds, captures, the kept document; an unmet answer ends the step.
    pub fn learn(&mut self, _route: &Route, _judgement: &mut Judgement) {
        todo!()
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
