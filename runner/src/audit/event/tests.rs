use super::super::chain::{RECORD_BYTES, seal};
use super::*;
use crate::broker::outcome::Live;
use crate::policy::file;

/// One of each, with `text` wherever a text can stand.
pub(crate) fn all(text: &str) -> Vec<Event> {
    let t = || text.to_owned();
    vec![
        Event::RunStart(Box::new(RunStart {
            rotabox: "0.1.0",
            verb: "run",
            policy: t(),
            policy_sha256: "a".repeat(64),
            policy_self_owned: false,
            rotator: t(),
            module_sha256: "b".repeat(64),
            page_sha256: "c".repeat(64),
            native: Some(crate::native::Native::Stored),
            approved_by: Some(t()),
            approved_at: Some("2026-11-22T09:30:00Z".to_owned()),
            account: Some(t()),
            hosts: vec![t(); 100],
            limits: Limits::of(&file::Limits::default()),
            walls: Enforced::default(),
        })),
        Event::Intent(Sending { step: t(), route: t(), method: "POST", host: t(), account: t() }),
        Event::Request(Request {
            step: t(),
            route: t(),
            method: "GET",
            host: t(),
            peer: Some(t()),
            status: Some(200),
            judged: t(),
            changes: false,
            milliseconds: 12,
        }),
        Event::Denial(Denial { step: t(), asked: t(), reason: t(), line: t() }),
        Event::Limit(Limit { step: t(), limit: "requests", reason: t() }),
        Event::Trap(Trap { step: t(), guest: t() }),
        Event::Said(Said { step: t(), level: Level::Info, guest: t() }),
        Event::Warning(Warning { reason: t() }),
        Event::Outcome(Box::new(Outcome {
            verb: "run",
            outcome: "rotated",
            exit: 0,
            live: Live::New,
            changed_by: Some(Step::Change),
            proved_by: Some(t()),
            reason: t(),
            policy: t(),
            rotator: Some(t()),
            account: Some(t()),
            hosts: vec![t(); 100],
            requests: 3,
            warnings: 0,
            milliseconds: 1234,
        })),
    ]
}

fn none() -> Redactor {
    Redactor::new([])
}

#[test]
fn every_event_is_one_flat_record_with_a_name_and_no_member_of_the_envelope() {
    let mut names = Vec::new();
    for event in all("x") {
        let fields = event.fields();
        for taken in
            ["hash", "prev", "run", "seq", "time", "version", "unrecorded", "said_left_out", "denials_left_out"]
        {
            assert!(!fields.contains_key(taken), "{taken}");
        }
        names.push(fields["event"].as_str().unwrap().to_owned());
        seal(fields, None, &mut Vec::new()).unwrap();
    }
    assert_eq!(
        names,
        ["run-start", "intent", "request", "denial", "limit", "trap", "said", "warning", "outcome"],
        "an event without an example here?"
    );
}

#[test]
fn no_secret_gets_into_any_text_of_any_event() {
    let secret = "correct horse battery";
    let redactor = Redactor::new([("api.token", secret)]);
    for event in all(secret) {
        let record = serde_json::to_string(&event.made_safe(&redactor).fields()).unwrap();
        assert!(!record.contains("horse"), "{record}");
        assert!(record.contains("[api.token]"), "{record}");
    }
}

#[test]
fn text_of_others_cannot_forge_a_line_or_move_a_cursor() {
    for attack in [
        "\u{1b}[31mred",
        "a\n{\"event\":\"outcome\",\"exit\":0}",
        "a\r\u{8}b",
        "\u{202e}gnp",
        "zero\u{200b}width\u{e0041}",
        "\u{9b}31m",
        "CEF:0|a|b|\n<86>sshd: Accepted",
        "\u{fffd}",
    ] {
        for event in all(attack) {
            let mut line = Vec::new();
            let fields = event.made_safe(&none()).fields();
            for value in fields.values().filter_map(Value::as_str) {
                assert_eq!(escape(value, 4096).replace("\\u{5c}u{", "\\u{"), value, "already safe to show");
            }
            seal(fields, None, &mut line).unwrap();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\n'));
            super::super::chain::read(&line).unwrap();
        }
    }
}

#[test]
fn a_text_that_was_escaped_before_is_not_escaped_again() {
    let once = safe("a\u{1b}b", WORDS_MOST);
    assert_eq!(once, "a\\u{1b}b");
    assert_eq!(safe(&once, WORDS_MOST), once);
}

#[test]
fn the_largest_record_is_far_below_the_cap() {
    for event in all(&"\u{20000}".repeat(100_000)) {
        let mut line = Vec::new();
        seal(event.made_safe(&none()).fields(), None, &mut line).unwrap();
        assert!(line.len() < RECORD_BYTES * 3 / 4, "{}", line.len());
    }
}

#[test]
fn intents_and_outcomes_are_waited_for() {
    let durable: Vec<_> =
        all("x").into_iter().filter(Event::is_durable).map(|event| event.fields()["event"].clone()).collect();
    assert_eq!(durable, ["intent", "outcome"]);
}
