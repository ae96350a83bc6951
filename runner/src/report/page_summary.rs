//! What a page can and cannot do, in plain words. Derived from the page alone; the author's words are not asked. What a reviewer
//! should look at is the linter's ([`crate::lint`]).

use super::counted;
use super::page_view::{PageView, RouteView, ShownView, WHOLE_ANSWER};

/// Sentences about a page. Names of the page stand in them as they are written: escape before showing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What it can do.
    pub can: Vec<String>,
    /// What it cannot do.
    pub cannot: Vec<String>,
}

/// Sums a page up.
pub fn summary(view: &PageView) -> Summary {
    Summary { can: can(view), cannot: cannot(view) }
}

fn can(view: &PageView) -> Vec<String> {
    let mut can = Vec::new();
    for record in &view.records {
        let mut takes = Vec::new();
        takes.extend(record.url.as_ref().map(|label| format!("the URL in field `{label}`")));
        takes.extend(record.secrets.iter().map(|field| format!("secret `{}` in field `{}`", field.name, field.label)));
        takes.extend(record.texts.iter().map(|field| format!("text `{}` in field `{}`", field.name, field.label)));
        can.push(format!("use one vault record as `{}`: {}", record.name, joined(&takes, "and", "nothing of it")));
    }
    can.push(format!(
        "send the {} below, to {}",
        counted(view.routes.len(), "request"),
        joined(&destinations(view), "and", "no host")
    ));
    can.push(match named(view, |route| route.changes).as_slice() {
        [] => "change nothing: no request is marked as changing".to_owned(),
        changing => format!("change something with {}, at most once in a run", joined(changing, "or", "")),
    });
    for (secret, places) in secret_places(view) {
        can.push(format!("have the broker put `{secret}` into {}", places.join("; into ")));
    }
    let finish = named(view, |route| route.steps.contains(&"finish") && !route.steps.contains(&"change"));
    if !finish.is_empty() {
        can.push(format!("send {} once the new password was seen to work", joined(&finish, "and", "")));
    }
    can.push(reads(view));
    can
}

/// What the rotator itself gets to see, in one sentence.
fn reads(view: &PageView) -> String {
    format!("read: {}", read(view).join("; "))
}

/// What the rotator itself gets to see.
pub(super) fn read(view: &PageView) -> Vec<String> {
    let mut read = vec!["the user name".to_owned(), "whether there is an old password".to_owned()];
    read.extend(view.records.iter().flat_map(|record| &record.texts).map(|field| format!("`{}`", field.name)));
    read.push("status and verdict of each answer".to_owned());
    read.extend(shown(view));
    let told = named(view, |route| !route.told_when_unmet.is_empty());
    if !told.is_empty() {
        read.push(format!("what is found instead, where a requirement of {} does not hold", joined(&told, "or", "")));
    }
    read
}

/// "`/profile` of `find` and `set` (as `status`)", in order of first use: the place first, because the name is the author's.
fn shown(view: &PageView) -> Vec<String> {
    let mut shown: Vec<(&ShownView, Vec<String>)> = Vec::new();
    for route in &view.routes {
        for this in &route.shows {
            match shown.iter_mut().find(|(other, _)| *other == this) {
                Some((_, routes)) => routes.push(route.name.clone()),
                None => shown.push((this, vec![route.name.clone()])),
            }
        }
    }
    let in_words = |(this, routes): (&ShownView, Vec<String>)| {
        let place = match this.from.as_str() {
            WHOLE_ANSWER => WHOLE_ANSWER.to_owned(),
            // A key of the answer is any text.
            from => format!("`{}`", from.replace('`', "\\u{60}")),
        };
        format!("{place} of {} (as `{}`)", joined(&backticked(&routes), "and", ""), this.name)
    };
    shown.into_iter().map(in_words).collect()
}

/// Only what holds for every page, whatever stands on it: what a page does all the same is in the list above, and the linter's to find.
fn cannot(view: &PageView) -> Vec<String> {
    let arguments = view.routes.iter().map(|route| route.arguments.len()).sum::<usize>();
    let fills = match arguments {
        0 => "it fills in nothing".to_owned(),
        some => format!("it fills in {} of a declared class", counted(some, "argument")),
    };
    let mut cannot = vec![
        "see a password or a token of yours, or more of an answer than is listed: the broker places secrets where the list says, and \
         nowhere else"
            .to_owned(),
        format!("write a URL, a header or a body: it names a request of this page, and {fills}"),
        "open a file or a socket, read the environment, or start a program: its process has no way to".to_owned(),
        "reach a host or a record that your policy does not name, or choose an account: `{user}` is the one of the params, which your \
         policy has to allow. What else names an account stands in the requests below, and among what the linter found"
            .to_owned(),
        "send a request that is marked as changing twice, or follow a redirect".to_owned(),
    ];
    cannot.push(match view.verifies.as_slice() {
        [] => "claim success by itself: the broker judges the provider's answers".to_owned(),
        verifies => format!(
            "claim success by itself: exit 0 means that the broker saw {} accept the new password",
            joined(&backticked(verifies), "or", "")
        ),
    });
    cannot
}

/// Where requests go: records' hosts and literal ones.
pub(super) fn destinations(view: &PageView) -> Vec<String> {
    let mut hosts: Vec<String> = view
        .records
        .iter()
        .filter(|record| record.url.is_some())
        .map(|record| format!("the host of record `{}` (your policy names it)", record.name))
        .collect();
    hosts.extend(backticked(&view.literal_hosts));
    hosts
}

/// A secret, a place, and the requests that have it there.
pub(super) struct Put<'v> {
    pub(super) secret: &'v str,
    pub(super) place: &'v str,
    pub(super) routes: Vec<String>,
}

/// Each secret with each of its places, in order of first use.
pub(super) fn puts(view: &PageView) -> Vec<Put<'_>> {
    let mut puts: Vec<Put<'_>> = Vec::new();
    for route in &view.routes {
        for placed in &route.secrets {
            let name = route.name.clone();
            match puts.iter_mut().find(|put| put.secret == placed.name && put.place == placed.place) {
                Some(put) => put.routes.push(name),
                None => puts.push(Put { secret: &placed.name, place: &placed.place, routes: vec![name] }),
            }
        }
    }
    puts
}

/// Secret and "JSON /password of `set`", in order of first use.
fn secret_places(view: &PageView) -> Vec<(String, Vec<String>)> {
    let mut secrets: Vec<(String, Vec<String>)> = Vec::new();
    for put in puts(view) {
        let words = format!("{} of {}", put.place, joined(&backticked(&put.routes), "and", ""));
        match secrets.iter_mut().find(|(name, _)| name == put.secret) {
            Some((_, places)) => places.push(words),
            None => secrets.push((put.secret.to_owned(), vec![words])),
        }
    }
    secrets
}

fn named(view: &PageView, which: impl Fn(&RouteView) -> bool) -> Vec<String> {
    view.routes.iter().filter(|route| which(route)).map(|route| format!("`{}`", route.name)).collect()
}

fn backticked(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

/// "a, b and c", or `none`.
fn joined(items: &[String], word: &str, none: &str) -> String {
    match items {
        [] => none.to_owned(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} {word} {last}", init.join(", ")),
    }
}
