//! What is put where a name stood. Cassettes are committed, and the values that a page shows may be somebody's.
//!
//! | on the wire | on the cassette |
//! | --- | --- |
//! | the user name | `user@domain.example`, `DOMAIN\user` or `user`: of the same shape, for rotators that look at it |
//! | a record field that the page shows | `{app.tenant}` |
//! | a shown value that stands on the page itself (in `expects`, `requires`, …), `true`, `false`, or at most two characters long | itself |
//! | any other shown value | `{find.state}`; another value of the same place `{find.state 2}` |
//! | a sentence of the page with a value in it | `the account is {value}`, unless the value is one that is kept |
//! | why there was no answer (it may name hosts, ports and files) | `{not-sent}`, `{no-answer}`, `{denied}` |
//!
//! A stand-in stands for the same text wherever the rotator repeats it: in an argument, a log line, a failure. `keep` names
//! values that stay as they are, because the rotator goes by them.

use crate::page::Page;
use crate::page::model::ArgClass;
use crate::page::predicate::{All, Literal, Test};
use crate::page::template::Part;
use crate::wire::Problem;
use std::collections::BTreeSet;

/// Shorter values are nobody's, and stand in too many other words.
const SHORTEST: usize = 3;
/// What the broker says in words that never differ.
const FIXED: [&str; 4] = [
    "rehearsal",
    "the run was interrupted",
    "the audit log cannot be written",
    "no further sign-in is risked: two have failed already",
];

/// What stands for what.
#[derive(Debug)]
pub struct StandIns {
    page: Page,
    words: BTreeSet<String>,
    keep: Vec<Keep>,
    user: String,
    swaps: Vec<Swap>,
    replaced: Vec<String>,
}

#[derive(Debug)]
struct Keep {
    name: String,
    seen: bool,
}

#[derive(Debug)]
struct Swap {
    from: String,
    to: String,
}

impl StandIns {
    /// For a run of this page and user. `keep` holds names: `user`, `record.field`, `route.shown`.
    pub fn new(page: &Page, user: &str, keep: &[String]) -> StandIns {
        let mut stand_ins = StandIns {
            page: page.clone(),
            words: words(page),
            keep: keep.iter().map(|name| Keep { name: name.clone(), seen: false }).collect(),
            user: user.to_owned(),
            swaps: Vec::new(),
            replaced: Vec::new(),
        };
        if !stand_ins.keeps("user") {
            stand_ins.user = stand_ins.stand_in_for_user(user);
        }
        stand_ins
    }

    /// The user name on the cassette.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A record field that the page shows.
    pub fn field(&mut self, name: &str, text: &str) -> String {
        if self.keeps(name) || is_nobodys(text) { text.to_owned() } else { self.swap(text, name) }
    }

    /// A value that a route shows.
    pub fn shown(&mut self, route: &str, name: &str, text: &str) -> String {
        let name = format!("{route}.{name}");
        if self.keeps(&name) || is_nobodys(text) || self.words.contains(text) {
            return text.to_owned();
        }
        self.swap(text, &name)
    }

    /// Something that was not met.
    pub fn unmet(&mut self, route: &str, text: &str) -> String {
        let sentences = self.page.route(route).into_iter().flat_map(|route| {
            let picks = route.picks.iter().map(|picks| picks.otherwise.as_str());
            route.requires.iter().map(|require| require.otherwise.as_str()).chain(picks)
        });
        let found = sentences.filter_map(|sentence| fitted(sentence, text)).next();
        let stand_in = match found {
            Some((_, values)) if values.iter().all(|value| self.is_plain(value)) => return text.to_owned(),
            Some((bare, _)) => bare,
            // The broker's own sentences name places of the page.
            None if text.starts_with("the answer has no") || text.starts_with("the answer is no") => {
                return text.to_owned();
            }
            None => format!("{{{route} unmet}}"),
        };
        self.put(text, stand_in)
    }

    /// Why there is no answer.
    pub fn problem(&mut self, problem: &Problem) -> Problem {
        match problem {
            Problem::NotInPage(text) => Problem::NotInPage(self.text(text)),
            Problem::Denied(text) => Problem::Denied(self.why(text, "denied")),
            Problem::NotSent(text) => Problem::NotSent(self.why(text, "not-sent")),
            Problem::NoAnswer(text) => Problem::NoAnswer(self.why(text, "no-answer")),
            Problem::OutOfTime => Problem::OutOfTime,
            Problem::Other(text) => Problem::Other(self.why(text, "other")),
        }
    }

    fn why(&mut self, text: &str, word: &str) -> String {
        if FIXED.contains(&text) {
            return text.to_owned();
        }
        match text.strip_prefix("the step has ended: ") {
            Some(_) => self.text(text),
            None => self.swap(text, word),
        }
    }

    /// What the rotator wrote: every text that something stands for is replaced, the longest first, as whole words, ignoring case.
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = None;
        while let Some(first) = rest.chars().next() {
            let swap = self.swaps.iter().filter(|swap| swap.stands_at(rest, before)).max_by_key(|swap| swap.from.len());
            let (taken, written) = match swap {
                Some(swap) => (swap.from.len(), swap.to.as_str()),
                None => (first.len_utf8(), rest.get(..first.len_utf8()).unwrap_or_default()),
            };
            out.push_str(written);
            before = rest.get(..taken).and_then(|taken| taken.chars().next_back());
            rest = rest.get(taken..).unwrap_or_default();
        }
        out
    }

    /// The names of the values that were replaced, each once, in order.
    pub fn replaced(&self) -> &[String] {
        &self.replaced
    }

    /// Names that were to be kept, and that nothing had.
    pub fn never_seen(&self) -> Vec<&str> {
        self.keep.iter().filter(|keep| !keep.seen).map(|keep| keep.name.as_str()).collect()
    }

    fn keeps(&mut self, name: &str) -> bool {
        let kept = self.keep.iter_mut().find(|keep| keep.name == name);
        kept.map(|keep| keep.seen = true).is_some()
    }

    fn is_plain(&self, value: &str) -> bool {
        is_nobodys(value) || self.words.contains(value) || value.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// What stands for `from`; a second one under the same name is numbered.
    fn swap(&mut self, from: &str, name: &str) -> String {
        if let Some(swap) = self.swaps.iter().find(|swap| swap.from.eq_ignore_ascii_case(from)) {
            return swap.to.clone();
        }
        if !self.replaced.iter().any(|replaced| replaced == name) {
            self.replaced.push(name.to_owned());
        }
        let mut to = format!("{{{name}}}");
        let mut count = 1_u32;
        while self.swaps.iter().any(|swap| swap.to == to) {
            count = count.saturating_add(1);
            to = format!("{{{name} {count}}}");
        }
        self.put(from, to)
    }

    fn put(&mut self, from: &str, to: String) -> String {
        if !from.is_empty() && !self.swaps.iter().any(|swap| swap.from == from) {
            self.swaps.push(Swap { from: from.to_owned(), to: to.clone() });
        }
        to
    }

    /// Of the same shape; the parts of the name stand for the same parts elsewhere.
    fn stand_in_for_user(&mut self, user: &str) -> String {
        let local = |text: &str| if text.contains('/') { "user/name" } else { "user" };
        let (parts, stand_in) = if let Some((name, domain)) = user.rsplit_once('@') {
            let stand_in = local(name);
            (vec![(name, stand_in), (domain, "domain.example")], format!("{stand_in}@domain.example"))
        } else if let Some((domain, name)) = user.split_once('\\') {
            (vec![(domain, "DOMAIN"), (name, local(name))], format!("DOMAIN\\{}", local(name)))
        } else {
            (Vec::new(), local(user).to_owned())
        };
        self.put(user, stand_in.clone());
        for (from, to) in parts.into_iter().filter(|(from, _)| from.chars().count() >= SHORTEST) {
            self.put(from, to.to_owned());
        }
        stand_in
    }
}

impl Swap {
    /// Whether what it stands for begins here, as a whole word.
    fn stands_at(&self, rest: &str, before: Option<char>) -> bool {
        let Some(here) = rest.get(..self.from.len()) else { return false };
        if !here.eq_ignore_ascii_case(&self.from) {
            return false;
        }
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let after = rest.get(self.from.len()..).and_then(|rest| rest.chars().next());
        let torn = |inside: Option<char>, outside: Option<char>| is_word(inside) && is_word(outside);
        !torn(here.chars().next(), before) && !torn(here.chars().next_back(), after)
    }
}

/// A value that says nothing about anybody.
fn is_nobodys(text: &str) -> bool {
    text.chars().count() < SHORTEST || matches!(text, "true" | "false" | "null")
}

/// The literal texts of a page's tests and of its arguments' choices.
fn words(page: &Page) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for route in &page.routes {
        let expectations = [Some(&route.expects), route.refuses.as_ref()].into_iter().flatten();
        let filters = route.picks.iter().flat_map(|picks| picks.filter.iter().map(|(_, test)| test));
        let tests = expectations
            .flat_map(|expectation| &expectation.any)
            .flat_map(|All(tests)| tests.iter().map(|(_, test)| test))
            .chain(route.requires.iter().map(|require| &require.test))
            .chain(route.warns.iter().map(|warn| &warn.test))
            .chain(filters);
        tests.for_each(|test| literals(test, &mut words));
        for rule in &route.args {
            if let ArgClass::OneOf(values) = &rule.class {
                words.extend(values.iter().cloned());
            }
        }
    }
    words
}

fn literals(test: &Test, words: &mut BTreeSet<String>) {
    let mut add = |literal: &Literal| {
        if let Literal::Text(template) = literal
            && let [Part::Literal(text)] = template.parts.as_slice()
        {
            words.insert(text.clone());
        }
    };
    match test {
        Test::Equals { value, .. } => add(value),
        Test::OneOf { values, .. } => values.iter().for_each(add),
        Test::Not(inner) => literals(inner, words),
        Test::Absent(_) | Test::Null(_) | Test::Length(_) | Test::Contains(_) => {}
    }
}

/// If `text` is the page's `sentence` with values in it: the sentence without them, and the values.
fn fitted(sentence: &str, text: &str) -> Option<(String, Vec<String>)> {
    let literals = pieces(sentence);
    let (first, others) = literals.split_first()?;
    let mut rest = text.strip_prefix(first.1.as_str())?;
    let mut bare = first.1.clone();
    let mut values = Vec::new();
    for (i, (hole, literal)) in others.iter().enumerate() {
        let last = i + 1 == others.len();
        let at = if last {
            rest.len().checked_sub(literal.len()).filter(|at| rest.get(*at..) == Some(literal))?
        } else {
            rest.find(literal.as_str())?
        };
        values.push(rest.get(..at)?.to_owned());
        rest = rest.get(at + literal.len()..)?;
        bare.push_str(&format!("{{{hole}}}{literal}"));
    }
    rest.is_empty().then_some((bare, values))
}

/// A sentence of a page in pieces: the name in braces before each (none before the first), and the literal text.
fn pieces(sentence: &str) -> Vec<(String, String)> {
    let mut pieces = vec![(String::new(), String::new())];
    let mut chars = sentence.chars().peekable();
    while let Some(c) = chars.next() {
        if matches!(c, '{' | '}') && chars.peek() == Some(&c) {
            chars.next();
        } else if c == '{' {
            let hole = chars.by_ref().take_while(|c| *c != '}').collect();
            pieces.push((hole, String::new()));
            continue;
        }
        if let Some((_, literal)) = pieces.last_mut() {
            literal.push(c);
        }
    }
    pieces
}
