//! What stands above the routes: records, rules for passwords, hosts, and the order of the routes.

use super::{Changes, Direction, more};
use crate::page::Page;
use crate::page::model::{Field, PasswordRules, Record};
use crate::report::page_view::literal_hosts;

/// Everything but the routes.
pub(super) fn compare(old: &Page, new: &Page, changes: &mut Changes) {
    let Page { file: _, name, about: _, records, password, routes: _ } = new;
    if *name != old.name {
        let words = format!("the page is called `{name}`; it was `{}`", old.name);
        changes.add(Direction::Other, None, "name", &[], words);
    }
    for record in records {
        match old.record(record.name.as_str()) {
            None => {
                let words = format!("one more vault record is used, as `{}`", record.name);
                changes.add(Direction::Wider, None, "records", &[record.name.as_str()], words);
            }
            Some(before) => self::record(before, record, changes),
        }
    }
    for record in old.records.iter().filter(|record| new.record(record.name.as_str()).is_none()) {
        let words = format!("the vault record `{}` is no longer used", record.name);
        changes.add(Direction::Narrower, None, "records", &[record.name.as_str()], words);
    }
    rules(&old.password, password, changes);
    hosts(old, new, changes);
    order(old, new, changes);
}

fn record(old: &Record, new: &Record, changes: &mut Changes) {
    let Record { name, url, secrets, texts, span: _ } = new;
    let name = name.as_str();
    let mut add = |direction, keys: &[&str], words: String| {
        changes.add(direction, None, "records", &[&[name], keys].concat(), words);
    };
    match (&old.url, url) {
        (None, Some(label)) => {
            add(Direction::Wider, &["url"], format!("requests go to the URL of `{name}`, in field `{label}`"))
        }
        (Some(_), None) => add(Direction::Narrower, &["url"], format!("nothing goes to the URL of `{name}`")),
        (Some(before), Some(label)) if before != label => {
            add(
                Direction::Other,
                &["url"],
                format!("the URL of `{name}` is read from field `{label}`; it was `{before}`"),
            );
        }
        _ => {}
    }
    let mut fields = |old: &[Field], new: &[Field], key: &str, what: &str, used: &str| {
        for field in new {
            let keys = [key, &field.name];
            let of = format!("{what} `{name}.{}`", field.name);
            match old.iter().find(|before| before.name == field.name) {
                None => add(Direction::Wider, &keys, format!("{of} is {used}, from field `{}`", field.label)),
                Some(before) if before.label != field.label => {
                    let words = format!("{of} is read from field `{}`; it was `{}`", field.label, before.label);
                    add(Direction::Other, &keys, words);
                }
                Some(_) => {}
            }
        }
        for field in old.iter().filter(|field| !new.iter().any(|other| other.name == field.name)) {
            add(
                Direction::Narrower,
                &[key, &field.name],
                format!("{what} `{name}.{}` is no longer {used}", field.name),
            );
        }
    };
    fields(&old.secrets, secrets, "secret", "the secret", "used");
    fields(&old.texts, texts, "text", "the text", "shown to the rotator");
}

/// A rule less lets more passwords be sent.
fn rules(old: &PasswordRules, new: &PasswordRules, changes: &mut Changes) {
    let PasswordRules { max_bytes, min_characters, refuse } = new;
    let mut add = |direction, key: &str, words: String| changes.add(direction, None, "password", &[key], words);
    if let Some(direction) = more(old.max_bytes.unwrap_or(usize::MAX), max_bytes.unwrap_or(usize::MAX)) {
        let words =
            |most: Option<usize>| most.map_or("of any length".to_owned(), |most| format!("of at most {most} bytes"));
        add(
            direction,
            "max-bytes",
            format!("a new password is {}; it was {}", words(*max_bytes), words(old.max_bytes)),
        );
    }
    if let Some(direction) = more(min_characters.unwrap_or(0), old.min_characters.unwrap_or(0)) {
        let words = |least: Option<usize>| format!("of at least {} characters", least.unwrap_or(0));
        let words = format!("a new password is {}; it was {}", words(*min_characters), words(old.min_characters));
        add(direction, "min-characters", words);
    }
    for text in refuse.iter().filter(|text| !old.refuse.contains(text)) {
        add(Direction::Narrower, "refuse", format!("a new password with {text:?} is refused"));
    }
    for text in old.refuse.iter().filter(|text| !refuse.contains(text)) {
        add(Direction::Wider, "refuse", format!("a new password with {text:?} is no longer refused"));
    }
}

fn hosts(old: &Page, new: &Page, changes: &mut Changes) {
    let (before, after) = (literal_hosts(old), literal_hosts(new));
    for host in after.iter().filter(|host| !before.contains(host)) {
        changes.add(Direction::Wider, None, "hosts", &[], format!("the page itself sends requests to {host}"));
    }
    for host in before.iter().filter(|host| !after.contains(host)) {
        changes.add(Direction::Narrower, None, "hosts", &[], format!("the page no longer sends requests to {host}"));
    }
}

/// The order counts where a rotator drives the page in its order.
fn order(old: &Page, new: &Page, changes: &mut Changes) {
    fn both<'p>(page: &'p Page, other: &Page) -> Vec<&'p str> {
        page.routes.iter().map(|route| route.name.as_str()).filter(|name| other.route(name).is_some()).collect()
    }
    if both(old, new) != both(new, old) {
        let words = "the requests stand in another order, which counts where a rotator goes by the page's order";
        changes.add(Direction::Other, None, "order", &[], words);
    }
}
