//! A cassette as TOML: one line an event, so that two of them can be compared by any tool.

use super::{Cassette, End, Event, TapedStep, VERSION, level_word, problem_words};
use crate::page::template::{toml_key, toml_string};
use std::fmt::Write as _;

/// The first lines of every cassette.
const HEAD: &str = "\
# A cassette: what a rotator asked, what it was told, and how its steps ended. No secret is on it, for a rotator sees none;
# names of people and places are replaced by stand-ins. `rotabox replay` compares a module with it.
";

/// The file.
pub fn cassette(cassette: &Cassette) -> String {
    let mut out = String::from(HEAD);
    let mut top = vec![("version", VERSION.to_string())];
    top.extend(cassette.verb.as_deref().map(|verb| ("verb", toml_string(verb))));
    top.extend(cassette.outcome.as_deref().map(|outcome| ("outcome", toml_string(outcome))));
    top.push(("user", toml_string(&cassette.user)));
    top.push(("old-password", cassette.old_password.to_string()));
    if cassette.inert_wasi {
        top.push(("wasi", toml_string("inert")));
    }
    keys(&mut out, &top);
    if !cassette.texts.is_empty() {
        out.push_str("\n[texts]\n");
        for (name, text) in &cassette.texts {
            let _ = writeln!(out, "{} = {}", toml_key(name), toml_string(text));
        }
    }
    if let Some(made) = &cassette.made {
        out.push_str("\n[made]\n");
        let fields = [&made.rotabox, &made.rotator, &made.module, &made.page].map(|text| toml_string(text));
        let names = ["rotabox", "rotator", "module", "page"];
        keys(&mut out, &names.into_iter().zip(fields).collect::<Vec<_>>());
    }
    for step in &cassette.steps {
        taped_step(&mut out, step);
    }
    out
}

fn keys(out: &mut String, entries: &[(&str, String)]) {
    let width = entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    for (key, value) in entries {
        let _ = writeln!(out, "{key:width$} = {value}");
    }
}

fn taped_step(out: &mut String, step: &TapedStep) {
    let _ = write!(out, "\n[[step]]\nname   = {}\nevents = [", toml_string(step.label.as_str()));
    for event_ in &step.events {
        let _ = write!(out, "\n  {},", event(event_));
    }
    out.push_str(if step.events.is_empty() { "]\n" } else { "\n]\n" });
    let _ = writeln!(out, "ends   = {}", end(&step.ends));
}

/// An event as it stands in the file: an inline table.
pub fn event(event: &Event) -> String {
    match event {
        Event::Routes(routes) => format!("{{ routes = {} }}", list(routes)),
        Event::Slept { milliseconds } => format!("{{ sleep = {milliseconds} }}"),
        Event::Logged { level, text } => {
            format!("{{ log = {}, text = {} }}", toml_string(level_word(*level)), toml_string(text))
        }
        Event::Sent { route, args, told } => {
            let mut out = format!("{{ {}", call(route, args));
            match told {
                Ok(answer) => {
                    let _ = write!(out, ", status = {}, judged = {}", answer.status, toml_string(&answer.judged));
                    if !answer.unmet.is_empty() {
                        let _ = write!(out, ", unmet = {}", list(&answer.unmet));
                    }
                    if !answer.shown.is_empty() {
                        let pairs = answer.shown.iter().map(|(name, text)| {
                            format!("{} = {}", toml_key(name), toml_string(text)) //
                        });
                        let _ = write!(out, ", shown = {{ {} }}", pairs.collect::<Vec<_>>().join(", "));
                    }
                }
                Err(problem) => {
                    let (word, text) = problem_words(problem);
                    let _ = write!(out, ", problem = {}", toml_string(word));
                    if !text.is_empty() {
                        let _ = write!(out, ", text = {}", toml_string(text));
                    }
                }
            }
            out.push_str(" }");
            out
        }
    }
}

/// The first keys of a `send`: what the rotator itself wrote.
pub fn call(route: &str, args: &[(String, String)]) -> String {
    let mut out = format!("send = {}", toml_string(route));
    if !args.is_empty() {
        // Pairs, not a table: nothing keeps a rotator from naming an argument twice.
        let pairs = args.iter().map(|(name, value)| format!("[{}, {}]", toml_string(name), toml_string(value)));
        let _ = write!(out, ", args = [{}]", pairs.collect::<Vec<_>>().join(", "));
    }
    out
}

/// What stands after `ends =`.
pub fn end(end: &End) -> String {
    match end {
        End::Ok => toml_string("ok"),
        End::Failed { code, detail } => {
            format!("{{ failed = {}, detail = {} }}", toml_string(code), toml_string(detail))
        }
        End::Trapped(reason) => format!("{{ trapped = {} }}", toml_string(reason)),
    }
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| toml_string(text)).collect::<Vec<_>>().join(", "))
}
