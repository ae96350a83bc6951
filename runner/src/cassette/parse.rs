//! A file becomes a [`Cassette`]. Keys that do not exist are refused, and every mistake has its place: cassettes are written
//! by hand, too.

use super::{Cassette, End, Event, Label, Made, STEPS_MAX, TapedStep, USER, VERDICTS, VERSION, level_word, problem_of};
use super::{EVENTS_MAX, problem_words};
use crate::page::diagnostic::{Diagnostic, SourceFile, Span};
use crate::page::tree::{self, Kind, Node, Parsed, Problem as Mistake, Table};
use crate::wire::{ARGS_MAX, Answer, Level, NAME_MAX, Problem, VALUE_MAX};

/// What a run can be asked for, as a cassette names it.
const VERBS: [&str; 4] = ["run", "rehearse", "verify", "verify new"];
/// The words of problems.
const PROBLEMS: [&str; 6] = ["not-in-page", "denied", "not-sent", "no-answer", "out-of-time", "other"];
/// Levels of log lines.
const LEVELS: [Level; 4] = [Level::Debug, Level::Info, Level::Warn, Level::Error];

/// Parses a cassette. The first mistake is returned.
pub fn parse(file: &SourceFile) -> Result<Cassette, Box<Diagnostic>> {
    cassette(&file.text).map_err(|mistake| mistake.of(file))
}

fn cassette(text: &str) -> Parsed<Cassette> {
    tree::nothing_hidden(text, "a cassette")?;
    let table = tree::read(text)?;
    let of = "a cassette";
    version(&table)?;
    table.only(&["version", "verb", "outcome", "user", "old-password", "wasi", "texts", "made", "step"], of)?;
    let steps = table.need("step", of).map_err(|mistake| mistake.hint("write one `[[step]]` for each step"))?;
    Ok(Cassette {
        verb: table.get("verb").map(|node| one_of(node, "verb", &VERBS)).transpose()?.map(str::to_owned),
        outcome: table.get("outcome").map(outcome).transpose()?,
        user: table.get("user").map_or(Ok(USER), Node::text)?.to_owned(),
        old_password: table.get("old-password").map_or(Ok(true), Node::bool)?,
        inert_wasi: match table.get("wasi") {
            None => false,
            Some(node) => one_of(node, "WASI", &["none", "inert"])? == "inert",
        },
        texts: table.get("texts").map_or(Ok(Vec::new()), pairs)?,
        made: table.get("made").map(made).transpose()?,
        steps: at_most(steps.list()?, STEPS_MAX, "steps", steps.span)?.iter().map(taped_step).collect::<Parsed<_>>()?,
    })
}

/// The version comes first: what else stands there may be of another one.
fn version(table: &Table) -> Parsed<()> {
    let node = table.need("version", "a cassette").map_err(|mistake| mistake.hint("begin it with `version = 1`"))?;
    let version = node.whole(1, u64::MAX)?;
    if version == VERSION {
        return Ok(());
    }
    let message = format!("this cassette is of version {version}, and this rotabox reads version {VERSION}");
    Err(Mistake::new(node.span, message).hint("use a newer rotabox, or record it again"))
}

fn outcome(node: &Node) -> Parsed<String> {
    let text = node.text()?;
    if !text.is_empty() && text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(node.span, "an outcome is a word such as `rotated`"))
}

fn made(node: &Node) -> Parsed<Made> {
    let table = node.table()?;
    table.only(&["rotabox", "rotator", "module", "page"], "`[made]`")?;
    let text = |key| Ok(table.need(key, "`[made]`")?.text()?.to_owned());
    Ok(Made { rotabox: text("rotabox")?, rotator: text("rotator")?, module: text("module")?, page: text("page")? })
}

fn taped_step(node: &Node) -> Parsed<TapedStep> {
    let table = node.table()?;
    table.only(&["name", "events", "ends"], "a step")?;
    let name = table.need("name", "a step")?;
    let names = Label::ALL.map(Label::as_str);
    let word = one_of(name, "step", &names)?;
    let Some(label) = Label::parse(word) else { return Err(name.wanted("a step")) };
    let events = match table.get("events") {
        None => Vec::new(),
        Some(node) => {
            let events = at_most(node.list()?, EVENTS_MAX, "events", node.span)?;
            events.iter().map(event).collect::<Parsed<_>>()?
        }
    };
    Ok(TapedStep { label, events, ends: table.get("ends").map_or(Ok(End::Ok), end)? })
}

fn end(node: &Node) -> Parsed<End> {
    let how = "`\"ok\"`, `{ failed = \"code\", detail = \"…\" }` or `{ trapped = \"…\" }`";
    let table = match &node.kind {
        Kind::Text(text) if text == "ok" => return Ok(End::Ok),
        Kind::Table(table) => table,
        _ => return Err(Mistake::new(node.span, format!("a step ends in {how}"))),
    };
    let text = |key: &str| table.get(key).map(|node| Ok(node.text()?.to_owned())).transpose();
    match (text("failed")?, text("trapped")?) {
        (Some(code), None) => {
            table.only(&["failed", "detail"], "a failure")?;
            Ok(End::Failed { code, detail: text("detail")?.unwrap_or_default() })
        }
        (None, Some(reason)) => {
            table.only(&["trapped"], "a trap")?;
            Ok(End::Trapped(reason))
        }
        _ => Err(Mistake::new(node.span, format!("a step ends in {how}"))),
    }
}

fn event(node: &Node) -> Parsed<Event> {
    let table = node.table()?;
    let kinds = ["routes", "send", "sleep", "log"];
    let mut found = kinds.into_iter().filter_map(|kind| Some((kind, table.get(kind)?)));
    match (found.next(), found.next()) {
        (Some(("routes", value)), None) => {
            table.only(&["routes"], "an event with `routes`")?;
            Ok(Event::Routes(texts(value)?))
        }
        (Some(("send", value)), None) => sent(table, value),
        (Some(("sleep", value)), None) => {
            table.only(&["sleep"], "an event with `sleep`")?;
            Ok(Event::Slept { milliseconds: value.whole(0, u64::MAX)? })
        }
        (Some((_, value)), None) => {
            table.only(&["log", "text"], "an event with `log`")?;
            let word = one_of(value, "level", &LEVELS.map(level_word))?;
            let Some(level) = LEVELS.into_iter().find(|level| level_word(*level) == word) else {
                return Err(value.wanted("a level"));
            };
            Ok(Event::Logged { level, text: table.need("text", "a log line")?.text()?.to_owned() })
        }
        (Some((first, _)), Some((second, value))) => {
            let message = format!("an event is one thing, and this is a `{first}` and a `{second}`");
            Err(Mistake::new(value.span, message).hint("write two events"))
        }
        (None, _) => Err(match table.entries.first() {
            Some((key, _)) => tree::unknown_key(key, &kinds, "an event"),
            None => Mistake::new(node.span, "an event has `routes`, `send`, `sleep` or `log`"),
        }),
    }
}

fn sent(table: &Table, value: &Node) -> Parsed<Event> {
    let route = within(value, NAME_MAX)?.to_owned();
    let args = table.get("args").map_or(Ok(Vec::new()), args)?;
    let told = if let Some(node) = table.get("problem") {
        table.only(&["send", "args", "problem", "text"], "an event with `problem`")?;
        Err(problem(node, table)?)
    } else {
        table.only(&["send", "args", "status", "judged", "unmet", "shown", "problem"], "an event with `send`")?;
        let hint =
            "write what the rotator was told: `status = 200, judged = \"accepted\"`, or `problem = \"no-answer\"`";
        let need = |key| table.need(key, "an answer").map_err(|mistake| mistake.hint(hint));
        Ok(Answer {
            status: u16::try_from(need("status")?.whole(0, 999)?).unwrap_or(0),
            judged: one_of(need("judged")?, "verdict", &VERDICTS)?.to_owned(),
            unmet: table.get("unmet").map_or(Ok(Vec::new()), texts)?,
            shown: table.get("shown").map_or(Ok(Vec::new()), pairs)?,
        })
    };
    Ok(Event::Sent { route, args, told })
}

fn problem(node: &Node, table: &Table) -> Parsed<Problem> {
    let word = one_of(node, "problem", &PROBLEMS)?;
    let text = table.get("text").map_or(Ok(""), Node::text)?;
    let problem = problem_of(word, text.to_owned()).ok_or_else(|| node.wanted("a problem"))?;
    match table.get("text") {
        Some(at) if problem_words(&problem).1 != text => {
            Err(Mistake::new(at.span, format!("`{word}` has no text")).hint("leave it out"))
        }
        _ => Ok(problem),
    }
}

/// `[["name", "value"], …]`
fn args(node: &Node) -> Parsed<Vec<(String, String)>> {
    let how = "an argument is a pair: `[\"name\", \"value\"]`";
    let pair = |node: &Node| match node.list()? {
        [name, value] => Ok((within(name, NAME_MAX)?.to_owned(), within(value, VALUE_MAX)?.to_owned())),
        _ => Err(Mistake::new(node.span, how)),
    };
    at_most(node.list()?, ARGS_MAX, "arguments", node.span)?.iter().map(pair).collect()
}

fn pairs(node: &Node) -> Parsed<Vec<(String, String)>> {
    node.table()?.entries.iter().map(|(key, value)| Ok((key.name.clone(), value.text()?.to_owned()))).collect()
}

fn texts(node: &Node) -> Parsed<Vec<String>> {
    node.list()?.iter().map(|node| Ok(node.text()?.to_owned())).collect()
}

/// A text that a call can hold.
fn within(node: &Node, most: usize) -> Parsed<&str> {
    let text = node.text()?;
    // What is escaped on a cassette may be longer than it was.
    let most = most.saturating_mul(10);
    if text.len() <= most { Ok(text) } else { Err(Mistake::new(node.span, format!("this has at most {most} bytes"))) }
}

fn at_most<'n>(nodes: &'n [Node], most: usize, what: &str, span: Span) -> Parsed<&'n [Node]> {
    if nodes.len() <= most {
        return Ok(nodes);
    }
    Err(Mistake::new(span, format!("these are {} {what}, and {most} is the most", nodes.len())))
}

fn one_of<'n>(node: &'n Node, what: &str, words: &[&'static str]) -> Parsed<&'n str> {
    let text = node.text()?;
    if words.contains(&text) {
        return Ok(text);
    }
    Err(Mistake::new(node.span, format!("there is no {what} `{text}`"))
        .hint(tree::choices(text, words.iter().copied())))
}
