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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, answer, page, routes};

    fn offered(world: &World, page: &Page) -> Vec<String> {
        world.progress.offered(page).iter().map(|route| route.name.to_string()).collect()
    }

    fn args(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const USER: &str =
        r#"{"id":"00u1","status":"ACTIVE","profile":{"login":"svc"},"credentials":{"provider":{"type":"OKTA"}}}"#;

    #[test]
    fn a_change_is_offered_once_what_it_needs_is_there_and_only_once() {
        let page = page("okta");
        let mut world = World::new(&page, Step::Change, "svc", "p", "f");
        assert_eq!(offered(&world, &page), ["find-by-login", "find-by-filter"]);
        assert_eq!(
            world.progress.admit(&page, "change-password", &[]).unwrap_err(),
            Denial::Missing(Need::Bound(BindName::new("account.id")))
        );
        world.learn(&page, "find-by-login", answer(404, ""));
        assert_eq!(offered(&world, &page), ["find-by-filter"], "a look-up that passed is used up");
        world.learn(&page, "find-by-filter", answer(200, &format!("[{USER}]")));
        assert_eq!(offered(&world, &page), ["change-password"]);
        assert!(world.progress.admit(&page, "change-password", &[]).is_ok());
        world.learn(&page, "change-password", answer(200, "{}"));
        assert!(offered(&world, &page).is_empty());
        assert_eq!(world.progress.admit(&page, "change-password", &[]).unwrap_err(), Denial::UsedUp { uses: 1 });
    }

    #[test]
    fn a_look_up_whose_binds_exist_is_not_offered_but_may_be_sent() {
        let page = page("okta");
        let mut world = World::new(&page, Step::Change, "svc", "p", "f");
        world.learn(&page, "find-by-login", answer(200, USER));
        assert_eq!(offered(&world, &page), ["change-password"]);
        assert!(world.progress.admit(&page, "find-by-filter", &[]).is_ok());
    }

    #[test]
    fn a_route_that_was_not_met_opens_nothing() {
        let page = page("vault-userpass");
        for refusal in [answer(404, ""), answer(500, ""), answer(403, "")] {
            let mut world = World::new(&page, Step::Change, "svc", "p", "f");
            world.learn(&page, "exists", refusal);
            assert!(offered(&world, &page).is_empty());
            assert_eq!(
                world.progress.admit(&page, "set", &[]).unwrap_err(),
                Denial::Missing(Need::Met(RouteName::new("exists")))
            );
        }
    }

    #[test]
    fn steps_keep_routes_apart() {
        let page = page("vault-userpass");
        let world = World::new(&page, Step::Verify, "svc", "p", "f");
        assert_eq!(offered(&world, &page), ["sign-in"]);
        assert_eq!(
            world.progress.admit(&page, "set", &[]).unwrap_err(),
            Denial::WrongStep { step: Step::Verify, allowed: vec![Step::Change, Step::Reconcile] }
        );
    }

    #[test]
    fn an_unknown_route_gets_the_nearest_name() {
        let page = page("okta");
        let world = World::new(&page, Step::Change, "svc", "p", "f");
        assert_eq!(
            world.progress.admit(&page, "find-by-logn", &[]).unwrap_err(),
            Denial::UnknownRoute { name: "find-by-logn".to_owned(), nearest: Some("find-by-login".to_owned()) }
        );
    }

    #[test]
    fn a_session_is_only_signed_out_if_one_was_opened() {
        let page = page("vault-userpass");
        let mut world = World::new(&page, Step::Verify, "svc", "p", "f");
        world.learn(&page, "sign-in", answer(200, r#"{"auth":{}}"#));
        assert!(offered(&world, &page).is_empty());
        let mut world = World::new(&page, Step::Verify, "svc", "p", "f");
        world.learn(&page, "sign-in", answer(200, r#"{"auth":{"client_token":"t"}}"#));
        assert_eq!(offered(&world, &page), ["sign-out"]);
    }

    #[test]
    fn each_argument_is_given_once_and_of_its_class() {
        let page = page("everything");
        let mut world = World::new(&page, Step::Change, "svc", "p", "f");
        let headers = [("x-token", "t"), ("set-cookie", "XSRF-TOKEN=x")];
        world.learn(&page, "login", crate::testing::answer_with(201, &headers, ""));
        let good = args(&[("group", "a.b-c_9"), ("kind", "role"), ("text", "what' ever/é")]);
        let admit = |given: &[(String, String)]| world.progress.admit(&page, "groups", given).map(|route| route.uses);
        assert_eq!(admit(&good), Ok(3));
        assert_eq!(admit(&good[..2]), Err(Denial::ArgCount { name: "text".to_owned(), given: 0 }));
        let twice = [&good[..], &good[..1]].concat();
        assert_eq!(admit(&twice), Err(Denial::ArgCount { name: "group".to_owned(), given: 2 }));
        let unknown = [&good[..], &args(&[("grup", "x")])[..]].concat();
        assert_eq!(
            admit(&unknown),
            Err(Denial::UnknownArg { name: "grup".to_owned(), nearest: Some("group".to_owned()) })
        );
        let bad = ["", ".", "..", "a/b", "a b", "é", &"x".repeat(65)];
        for value in bad {
            let mut given = good.clone();
            given[0].1 = value.to_owned();
            let Err(Denial::BadArg { name, class }) = admit(&given) else { panic!("{value} was admitted") };
            assert_eq!((name.as_str(), class.contains("at most 64 characters")), ("group", true));
        }
        for (index, value) in [(1, "admin"), (2, "a\nb"), (2, "")] {
            let mut given = good.clone();
            given[index].1 = value.to_owned();
            assert!(matches!(admit(&given), Err(Denial::BadArg { .. })), "{value}");
        }
    }

    #[test]
    fn classes_admit_what_they_say() {
        let rule = |class| crate::model::ArgRule { name: crate::names::ArgName::new("a"), max: 40, class };
        let uuid = rule(crate::model::ArgClass::Uuid);
        assert!(uuid.admits("123e4567-e89b-12d3-A456-426614174000"));
        for bad in ["123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g", "--123e4567-e89b-12d3"]
        {
            assert!(!uuid.admits(bad), "{bad}");
        }
        let number = rule(crate::model::ArgClass::Number);
        assert!(number.admits("007") && !number.admits("-7") && !number.admits("٣"));
    }

    #[test]
    fn a_second_answer_replaces_a_bind() {
        let page = routes(
            "[[route]]\nname = \"read\"\nfor = [\"change\"]\nuses = 2\nrequest = \"GET {api.url}/\"\nbinds = { rev = \"/rev\" }\nkeeps = true\n",
        );
        let mut world = World::new(&page, Step::Change, "svc", "p", "f");
        for rev in ["1-a", "2-b"] {
            world.learn(&page, "read", answer(200, &format!(r#"{{"rev":"{rev}"}}"#)));
            assert_eq!(world.progress.bind("read.rev"), Some(&serde_json::json!(rev)));
            assert_eq!(world.progress.kept("read"), Some(&serde_json::json!({ "rev": rev })));
        }
        assert!(world.progress.admit(&page, "read", &[]).is_err());
    }
}
