//! `explain`: would this be allowed, and by which line?

use super::{Exit, Out, shell_word};
use crate::gateway::{self, Params};
use crate::page::Secret;
use crate::page::Step;
use crate::page::judge::{Judgement, Verdict};
use crate::page::model::{ArgClass, Route};
use crate::page::place::Records;
use crate::page::progress::Progress;
use crate::page::template::Source;
use crate::policy::bind::Account;
use crate::policy::decide::RunFacts;
use crate::policy::find::{self, DEFAULT_FOLDER, Found};
use crate::policy::tls::ByOrigin;
use crate::policy::which::{Seen, candidates};
use crate::policy::{Ask, Bound, Decision, bind, decide, explain};
use crate::report::escape::escape;
use crate::report::explanation;
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Would this be allowed, and by which line? For a route by name, or for a request that somebody saw
///
/// The same decision as in a run is asked, with a step in which everything went as well as it can. No params are needed; with
/// `--params`, their account and records are judged as well. Nothing is sent.
///
/// With METHOD and URL, it says which route can have produced such a request, or why the nearest cannot.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 allowed, 3 denied, 2 the question could not be answered.",
    after_long_help = "Exit codes:
  0  allowed (in one of the steps, if none is given)
  3  denied
  2  the question could not be answered: no such policy, a policy that does not fit its page, …

Examples:
  rotabox explain okta-prod --route admin-set --step reconcile --user svc-db@svc.acme.example
  echo \"$PARAMS\" | rotabox explain okta-prod --route admin-set --params -
  rotabox explain okta-prod DELETE https://acme.okta.com/api/v1/users/00u1/sessions"
)]
pub(super) struct Explain {
    /// A policy's name, or a module that exactly one policy lists by digest
    #[arg(value_name = "NAME")]
    what: String,
    /// A request's method
    #[arg(conflicts_with = "route")]
    method: Option<String>,
    /// A request's URL
    url: Option<String>,
    /// A route of the page
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// An argument that the rotator would fill in [repeatable]
    #[arg(long, value_name = "NAME=VALUE", value_parser = argument, requires = "route")]
    arg: Vec<(String, String)>,
    /// The step [default: each that the route is for]
    #[arg(long, value_parser = step, value_name = "STEP", requires = "route")]
    step: Option<Step>,
    /// The account
    #[arg(long, value_name = "LOGIN", requires = "route")]
    user: Option<String>,
    /// A line of params as the gateway sends it, to be judged with its account and records; `-` reads stdin
    ///
    /// Without it, the question is asked for nobody in particular. Nothing of the records is shown.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    params: Option<PathBuf>,
    /// The policy folder
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    policies: PathBuf,
}

fn argument(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write `name=value`".to_owned()),
    }
}

fn step(text: &str) -> Result<Step, String> {
    Step::parse(text).ok_or_else(|| "a step is `verify`, `change`, `reconcile` or `finish`".to_owned())
}

impl Explain {
    pub(super) fn execute(self, out: &mut Out) -> anyhow::Result<Exit> {
        let found = find::find(&self.policies, &self.what)?;
        bind::fit(&found.page, &found.policy)?;
        let real = match self.params.as_deref().map(params).transpose()? {
            None => None,
            Some(params) => match bind::bind(found.page.clone(), found.policy.clone(), params) {
                Ok(bound) => Some(bound),
                Err(error) => {
                    let mut answer = Answer { allowed: false, text: String::new() };
                    answer.say(false, &format!("no run begins with these params: {error}"));
                    out.data(&answer.text);
                    return Ok(Exit(3));
                }
            },
        };
        let answer = match (&self.route, &self.method, &self.url) {
            (Some(route), ..) => self.by_name(route, &found, real),
            (None, Some(method), Some(url)) => {
                let seen = Seen::read(method, url).map_err(anyhow::Error::msg)?;
                by_request(&seen, &found, real)
            }
            (None, Some(method), None) => anyhow::bail!(
                "a request has a method and a URL; write `rotabox explain {} {} https://host/path`, or name a route with `--route`",
                shell_word(Path::new(&self.what)),
                escape(method, 40)
            ),
            (None, None, _) => {
                let routes: Vec<String> = found.page.routes.iter().map(|route| format!("`{}`", route.name)).collect();
                anyhow::bail!(
                    "name a route with `--route` (there is {}), or give METHOD and URL of a request that somebody saw",
                    routes.join(", ")
                )
            }
        };
        out.data(&answer.text);
        Ok(if answer.allowed { Exit::OK } else { Exit(3) })
    }

    fn by_name(&self, name: &str, found: &Found, real: Option<Bound>) -> Answer {
        let bound = real.unwrap_or_else(|| synthetic(found, self.user.as_deref()));
        let mut answer = Answer { allowed: false, text: String::new() };
        if let Some(user) = &self.user {
            let verdict = found.policy.account.judge(user);
            if verdict != Account::Allowed {
                answer.say(false, &explanation::account_refused(&found.policy, user, &verdict));
                return answer;
            }
        }
        let route = bound.page.route(name);
        let steps = match (self.step, route) {
            (Some(step), _) => vec![step],
            (None, Some(route)) => route.steps.iter().copied().collect(),
            (None, None) => vec![Step::Change],
        };
        for step in steps {
            answer.judge(&bound, step, name, &self.arg);
        }
        if let Some(route) = route {
            answer.text.push_str(&explanation::route(&found.page, &found.policy, &found.name, route));
        }
        answer
    }
}

/// The gateway's line, from a file or from stdin.
fn params(path: &Path) -> anyhow::Result<Params> {
    if path == Path::new("-") {
        return Ok(gateway::read(&mut std::io::stdin().lock())?);
    }
    let name = escape(&path.to_string_lossy(), 400);
    let mut file = std::fs::File::open(path).map_err(|error| {
        anyhow::anyhow!(
            "{name} cannot be read ({}); name a file with one line of params",
            crate::report::system::why(&error)
        )
    })?;
    Ok(gateway::read(&mut file)?)
}

/// What is said, and whether anything of it was "allowed".
struct Answer {
    allowed: bool,
    text: String,
}

impl Answer {
    fn say(&mut self, allowed: bool, words: &str) {
        self.allowed |= allowed;
        self.text.push_str(if allowed { "allowed: " } else { "denied: " });
        self.text.push_str(words);
        self.text.push('\n');
    }

    /// Asks the one decision, in a step in which everything went as well as it can.
    fn judge(&mut self, bound: &Bound, step: Step, name: &str, args: &[(String, String)]) {
        if bound.page.route(name).is_some_and(|route| route.steps.contains(&step))
            && let Some(never) = explanation::never_begun(&bound.page, &bound.policy, step)
        {
            self.say(false, &format!("in {step}: {never}"));
            return;
        }
        let progress = at_best(bound, step, name);
        let decision = decide(bound, &Ask { route: name, args, progress: &progress, run: RunFacts::default() });
        let words = explain::decision(&decision, name);
        match decision {
            Decision::Allow { .. } => self.say(true, &format!("in {step}: {words}")),
            Decision::Deny(_) => self.say(false, &words),
        }
    }
}

/// Page and policy, bound to nobody's secrets.
fn synthetic(found: &Found, user: Option<&str>) -> Bound {
    let mut policy = found.policy.clone();
    if user.is_none() {
        // Nobody is asked about; whose passwords may be changed is said apart.
        policy.account.allow.clear();
        policy.account.except.clear();
    }
    Bound {
        page: found.page.clone().into(),
        policy: policy.into(),
        user: user.unwrap_or("somebody").to_owned(),
        old_password: None,
        new_password: None,
        records: Records::new(),
        hosts: Vec::new(),
        origins: BTreeMap::new(),
        tls: ByOrigin::new(),
        warnings: Vec::new(),
    }
}

/// A step in which every other route that may be sent was sent, and accepted.
fn at_best(bound: &Bound, step: Step, asked: &str) -> Progress {
    let mut progress = Progress::new(step);
    let mut sent: Vec<&str> = vec![asked];
    loop {
        let next = bound.page.routes.iter().find(|route| {
            let args = sample_arguments(route);
            let ask = Ask { route: route.name.as_str(), args: &args, progress: &progress, run: RunFacts::default() };
            !sent.contains(&route.name.as_str()) && matches!(decide(bound, &ask), Decision::Allow { .. })
        });
        let Some(route) = next else { return progress };
        sent.push(route.name.as_str());
        progress.learn(route, &mut accepted(route, &bound.user));
    }
}

/// An answer that gives all that the route can give. A login that it binds is the user's own.
fn accepted(route: &Route, user: &str) -> Judgement {
    Judgement {
        verdict: Verdict::Accepted,
        status: 200,
        unmet: Vec::new(),
        shown: Vec::new(),
        warnings: Vec::new(),
        binds: route.binds.iter().map(|(name, _)| (name.clone(), user.into())).collect(),
        captures: route
            .captures
            .iter()
            .map(|(name, _)| (name.clone(), Secret::new(name.as_str(), String::new())))
            .collect(),
        kept: route.keeps.then_some(serde_json::Value::Null),
    }
}

/// Arguments of the declared classes.
fn sample_arguments(route: &Route) -> Vec<(String, String)> {
    let sample = |class: &ArgClass| match class {
        ArgClass::Token | ArgClass::Text => "x".to_owned(),
        ArgClass::Number => "1".to_owned(),
        ArgClass::Uuid => "00000000-0000-0000-0000-000000000000".to_owned(),
        ArgClass::OneOf(values) => values.first().cloned().unwrap_or_default(),
    };
    route.args.iter().map(|arg| (arg.name.to_string(), sample(&arg.class))).collect()
}

/// Which route can have produced the request; or why the nearest cannot.
fn by_request(seen: &Seen, found: &Found, real: Option<Bound>) -> Answer {
    let mut answer = Answer { allowed: false, text: String::new() };
    let candidates = candidates(&found.page, &found.policy, seen);
    let fitting: Vec<_> = candidates.iter().filter(|candidate| candidate.differs.is_empty()).collect();
    let somebody = real.is_none();
    let bound = real.unwrap_or_else(|| synthetic(found, None));
    for candidate in &fitting {
        let route = candidate.route;
        let args: Vec<(String, String)> = sample_arguments(route);
        let mut stands = String::new();
        for (source, value) in &candidate.values {
            stands.push_str(&format!("\n  `{source}` would be {}", escape(value, 200)));
        }
        let read_back = candidate.values.iter().any(|(source, _)| *source == Source::User);
        if !somebody && !read_back && route.target_sources().any(|source| *source == Source::User) {
            stands.push_str("\n  `user` stands in it encoded, and is not read back: compare it with the params");
        }
        if let Some(unjudged) = candidate.unjudged {
            stands.push_str(&format!("\n  {}", explanation::unjudged(&found.page, route, unjudged)));
        }
        if let Some(base) = &candidate.base {
            stands.push_str(&format!("\n  if the URL of the vault record ends in {}", escape(base, 200)));
        }
        let other = |(source, value): &&(Source, String)| *source == Source::User && !somebody && *value != bound.user;
        if let Some((_, user)) = candidate.values.iter().find(other) {
            let (user, wanted) = (escape(user, 200), escape(&bound.user, 200));
            answer.say(
                false,
                &format!("route `{}` would be for `{user}`, and the params are for `{wanted}`", route.name),
            );
            continue;
        }
        for step in &route.steps {
            answer.judge(&bound, *step, route.name.as_str(), &args);
        }
        answer.text.push_str(stands.trim_start_matches('\n'));
        answer.text.push_str(if stands.is_empty() { "" } else { "\n" });
    }
    for candidate in &fitting {
        answer.text.push_str(&explanation::route(&found.page, &found.policy, &found.name, candidate.route));
    }
    if fitting.is_empty() {
        answer.say(false, "page and policy allow no such request");
        if let Some(nearest) = candidates.first() {
            answer.text.push_str(&format!(
                "the nearest is `{}` ({}):\n",
                nearest.route.name,
                found.page.file.line_of(nearest.route.span)
            ));
            for difference in explanation::differences(&found.policy, nearest) {
                answer.text.push_str(&format!("  {difference}\n"));
            }
        }
    }
    answer
}
