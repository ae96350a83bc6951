//! Outcomes as events of the Open Cybersecurity Schema Framework, for a SIEM.
//!
//! One event for each `outcome` of a `run` whose account is known. `rehearse` and `verify` change nothing and have none.
//! Nothing is sent anywhere: an exporter inside of rotabox would be one more way out.
//!
//! | outcome | activity | status | severity |
//! | --- | --- | --- | --- |
//! | `rotated`, `changed-unverified` | password change, or reset by `reconcile` | success | informational |
//! | `already-current` | other | success | informational |
//! | `unchanged`, `not-started` | as asked: password change, or reset | failure | low |
//! | `denied` | as above | failure | medium |
//! | `unknown` | as above | unknown | high |
//! | `out-of-sync`, `bug` | as above | failure | high |

use super::chain::Record;
use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Which class of the schema is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Class {
    /// 3001, as SIEMs map it today (schema 1.3)
    #[default]
    AccountChange,
    /// 3007, which replaces it in schema 1.9
    UserManagement,
}

/// Numbers and names of a class.
struct Words {
    uid: u32,
    name: &'static str,
    schema: &'static str,
    change: u32,
    reset: u32,
}

impl Class {
    fn words(self) -> Words {
        match self {
            Class::AccountChange => Words { uid: 3001, name: "Account Change", schema: "1.3.0", change: 3, reset: 4 },
            Class::UserManagement => Words { uid: 3007, name: "User Management", schema: "1.9.0", change: 8, reset: 9 },
        }
    }
}

const OTHER: u32 = 99;

/// The event of this record; none if it is not the outcome of a run with a known account.
pub fn event(record: &Record, class: Class) -> Option<Value> {
    if record.text("event") != "outcome" || record.text("verb") != "run" || record.text("account").is_empty() {
        return None;
    }
    let words = class.words();
    let outcome = record.text("outcome");
    let (activity_id, activity) = match (outcome, record.text("changed_by")) {
        ("already-current", _) => (OTHER, "Already Current"),
        (_, "reconcile") => (words.reset, "Password Reset"),
        _ => (words.change, "Password Change"),
    };
    let (status_id, status) = match outcome {
        "rotated" | "changed-unverified" | "already-current" => (1, "Success"),
        "unknown" => (0, "Unknown"),
        _ => (2, "Failure"),
    };
    let (severity_id, severity) = match outcome {
        "rotated" | "changed-unverified" | "already-current" => (1, "Informational"),
        "unchanged" | "not-started" => (2, "Low"),
        "denied" => (3, "Medium"),
        _ => (4, "High"),
    };
    let member = |name: &str| record.fields.get(name).cloned().unwrap_or(Value::Null);
    Some(json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 3,
        "category_name": "Identity & Access Management",
        "class_uid": words.uid,
        "class_name": words.name,
        "type_uid": words.uid * 100 + activity_id,
        "type_name": format!("{}: {}", words.name, if activity_id == OTHER { "Other" } else { activity }),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_code": outcome,
        "status_detail": record.text("reason"),
        "message": format!("rotabox: {outcome}: {}", record.text("account")),
        "time": milliseconds(record.text("time")),
        "duration": member("milliseconds"),
        "user": { "name": record.text("account") },
        "actor": { "app_name": "rotabox" },
        "metadata": {
            "version": words.schema,
            "product": { "name": "rotabox", "vendor_name": "rotabox" },
            "log_name": "rotabox audit log",
            "original_time": record.text("time"),
            "uid": record.hash.to_string(),
            "sequence": record.seq,
            "correlation_uid": record.text("run"),
        },
        "unmapped": {
            "exit": member("exit"),
            "live": member("live"),
            "proved_by": member("proved_by"),
            "policy": member("policy"),
            "rotator": member("rotator"),
            "hosts": member("hosts"),
            "requests": member("requests"),
        },
    }))
}

/// Since 1970, as the schema counts; 0 for a time that cannot be read.
fn milliseconds(time: &str) -> i64 {
    time.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::super::chain;
    use super::*;
    use serde_json::Map;

    fn record(fields: Value) -> Record {
        let Value::Object(fields) = fields else { panic!("an object") };
        let base: Map<String, Value> = json!({
            "event": "outcome", "verb": "run", "account": "ada", "outcome": "rotated", "reason": "because", "exit": 0,
            "time": "2026-02-03T04:05:06.789Z", "run": "r1", "hosts": ["acme.example"], "milliseconds": 12,
        })
        .as_object()
        .unwrap()
        .clone();
        let mut line = Vec::new();
        chain::seal(base.into_iter().chain(fields).collect(), None, &mut line).unwrap();
        chain::read(&line).unwrap()
    }

    #[test]
    fn outcomes_are_what_the_table_says() {
        for (outcome, by, class, expected) in [
            ("rotated", "change", Class::AccountChange, (300_103, 1, 1)),
            ("rotated", "reconcile", Class::AccountChange, (300_104, 1, 1)),
            ("rotated", "change", Class::UserManagement, (300_708, 1, 1)),
            ("rotated", "reconcile", Class::UserManagement, (300_709, 1, 1)),
            ("changed-unverified", "change", Class::AccountChange, (300_103, 1, 1)),
            ("already-current", "", Class::AccountChange, (300_199, 1, 1)),
            ("unchanged", "", Class::AccountChange, (300_103, 2, 2)),
            ("not-started", "", Class::AccountChange, (300_103, 2, 2)),
            ("denied", "", Class::AccountChange, (300_103, 2, 3)),
            ("unknown", "reconcile", Class::AccountChange, (300_104, 0, 4)),
            ("out-of-sync", "change", Class::AccountChange, (300_103, 2, 4)),
            ("bug", "", Class::AccountChange, (300_103, 2, 4)),
        ] {
            let event = event(&record(json!({ "outcome": outcome, "changed_by": by })), class).unwrap();
            let number = |name: &str| event[name].as_u64().unwrap();
            assert_eq!((number("type_uid"), number("status_id"), number("severity_id")), expected, "{outcome} {by}");
            assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
            assert_eq!(event["status_code"], outcome);
        }
    }

    #[test]
    fn what_the_schema_requires_is_there() {
        let record = record(json!({}));
        let event = event(&record, Class::default()).unwrap();
        for name in ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", "user"]
        {
            assert!(!event[name].is_null(), "{name}");
        }
        assert_eq!(event["time"], 1_770_091_506_789_i64);
        assert_eq!(event["user"]["name"], "ada");
        assert_eq!(event["metadata"]["uid"], record.hash.to_string());
        assert_eq!(event["metadata"]["correlation_uid"], "r1");
    }

    #[test]
    fn only_outcomes_of_runs_with_an_account_are_events() {
        for fields in [json!({ "event": "request" }), json!({ "verb": "rehearse" }), json!({ "account": "" })] {
            assert_eq!(event(&record(fields), Class::default()), None);
        }
    }
}
