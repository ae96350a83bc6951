//! "Narrower" is a promise about answers: it is held against the judge that runs use.

use super::page;
use crate::compare::{Verdict, pages, verdict};
use crate::page::answer::Answer;
use crate::page::judge::{self, judge};
use crate::page::model::{ArgClass, ArgRule};
use crate::page::names::ArgName;
use crate::page::place::{Records, Scope};
use crate::page::progress::Progress;
use crate::page::{Page, Step};
use proptest::prelude::*;

/// A page whose one changing route judges like this.
fn judging(expects: &str, refuses: Option<&str>) -> Option<Page> {
    let refuses = refuses.map_or(String::new(), |refuses| format!("refuses = {refuses}\n"));
    let text = format!(
        "version = 1\nname = \"t\"\n[records.api]\nurl = \"url\"\n[[route]]\nname = \"r\"\nfor = [\"change\"]\nchanges = true\n\
         request = \"POST {{api.url}}/x\"\njson = {{ p = \"{{new-password}}\" }}\nexpects = {expects}\n{refuses}"
    );
    crate::page::parse::parse(crate::page::diagnostic::SourceFile::new("x", text)).ok()
}

fn status() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        proptest::sample::subsequence(vec![200u16, 204, 400, 401], 1..3).prop_map(|all| format!("status = {all:?}")),
        Just("status = { not = 200 }".to_owned()),
    ]
}

fn test() -> impl Strategy<Value = String> {
    let text = proptest::sample::select(vec!["\"A\"", "\"a\"", "\"B\"", "1", "true"]);
    let list = proptest::sample::subsequence(vec!["\"A\"", "\"a\"", "\"B\"", "1"], 1..3).prop_map(|all| all.join(", "));
    let leaf = prop_oneof![
        text.clone().prop_map(|text| format!("{{ equals = {text} }}")),
        text.prop_map(|text| format!("{{ equals = {text}, ignore-case = true }}")),
        (list, any::<bool>()).prop_map(|(list, ignore)| format!("{{ one-of = [{list}], ignore-case = {ignore} }}")),
        any::<bool>().prop_map(|absent| format!("{{ absent = {absent} }}")),
        any::<bool>().prop_map(|null| format!("{{ null = {null} }}")),
        Just("{ length = 1 }".to_owned()),
        Just("{ contains = \"A\" }".to_owned()),
    ];
    (leaf, 0u8..3).prop_map(|(leaf, nots)| (0..nots).fold(leaf, |inner, _| format!("{{ not = {inner} }}")))
}

fn alternative() -> impl Strategy<Value = String> {
    (status(), proptest::option::of(test()), proptest::option::of(test())).prop_map(|(status, a, b)| {
        let parts = [
            (!status.is_empty()).then_some(status),
            a.map(|test| format!("\"/a\" = {test}")),
            b.map(|test| format!("\"/b\" = {test}")),
        ];
        format!("{{ {} }}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    })
}

fn expectation() -> impl Strategy<Value = String> {
    proptest::collection::vec(alternative(), 1..3).prop_map(|all| format!("[{}]", all.join(", ")))
}

/// A condition, and one that may be stricter: alternatives and tests taken out or put in.
fn pair() -> impl Strategy<Value = (String, String)> {
    let stricter = (alternative(), alternative(), test()).prop_map(|(one, other, test)| {
        let inner = one.trim_start_matches("{ ").trim_end_matches(" }").to_owned();
        let comma = if inner.is_empty() { "" } else { ", " };
        (format!("[{one}, {other}]"), format!("[{{ {inner}{comma}\"/c\" = {test} }}]"))
    });
    prop_oneof![(expectation(), expectation()), stricter, expectation().prop_map(|one| (one.clone(), one))]
}

/// Every answer that the pools above can tell apart.
fn answers() -> Vec<Answer> {
    let values = ["", "null", "\"A\"", "\"a\"", "\"B\"", "\"C\"", "1", "2", "true", "false", "[\"A\"]", "{}"];
    let mut answers = Vec::new();
    for status in [200, 204, 206, 302, 400, 401, 404, 500] {
        for a in values {
            for b in ["", "null", "\"A\"", "\"B\"", "1"] {
                let members: Vec<String> = [("a", a), ("b", b)]
                    .iter()
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(name, value)| format!("\"{name}\": {value}"))
                    .collect();
                let body = format!("{{{}}}", members.join(", ")).into_bytes();
                answers.push(Answer { status, headers: Vec::new(), body });
            }
        }
        answers.push(Answer { status, headers: Vec::new(), body: b"no JSON".to_vec() });
    }
    answers
}

fn verdict_of(page: &Page, answer: &Answer) -> judge::Verdict {
    let (records, progress) = (Records::new(), Progress::new(Step::Change));
    let scope = Scope {
        user: "jo",
        old_password: None,
        new_password: None,
        candidate: None,
        records: &records,
        args: &[],
        progress: &progress,
    };
    let again = Answer { status: answer.status, headers: Vec::new(), body: answer.body.clone() };
    judge(&page.routes[0], &[again], false, &scope).verdict
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_is_not_wider_accepts_and_refuses_nothing_more(
        (old_expects, new_expects) in pair(),
        (old_refuses, new_refuses) in pair(),
        (had, has) in (any::<bool>(), any::<bool>()),
    ) {
        let old = judging(&old_expects, had.then_some(old_refuses.as_str()));
        let new = judging(&new_expects, has.then_some(new_refuses.as_str()));
        let (Some(old), Some(new)) = (old, new) else { return Ok(()) };
        let found = verdict(&pages(&old, &new));
        for answer in answers() {
            let (before, after) = (verdict_of(&old, &answer), verdict_of(&new, &answer));
            let settled = |verdict| matches!(verdict, judge::Verdict::Accepted | judge::Verdict::Refused);
            let what = || format!("{} {} was {before:?}, is {after:?}", answer.status, String::from_utf8_lossy(&answer.body));
            match found {
                Verdict::Same => prop_assert_eq!(before, after, "{}", what()),
                Verdict::Narrower => prop_assert!(before == after || !settled(after), "{}", what()),
                Verdict::Wider => {}
            }
        }
    }

    #[test]
    fn an_argument_that_is_not_wider_admits_nothing_more(one in rule(), other in rule(), value in "[a-fA-F0-9.é -]{0,6}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}") {
        if super::super::implies::argument_within(&one, &other) {
            prop_assert!(!one.admits(&value) || other.admits(&value), "{one:?} within {other:?}: {value}");
        }
        prop_assert!(super::super::implies::argument_within(&one, &one));
    }
}

fn rule() -> impl Strategy<Value = ArgRule> {
    let class = prop_oneof![
        Just(ArgClass::Token),
        Just(ArgClass::Number),
        Just(ArgClass::Uuid),
        Just(ArgClass::Text),
        proptest::collection::vec("[a0. ]{1,2}", 1..3).prop_map(ArgClass::OneOf),
    ];
    (class, prop_oneof![1usize..6, Just(36), Just(64)]).prop_map(|(class, max)| ArgRule {
        name: ArgName::new("x"),
        class,
        max,
    })
}

#[test]
fn the_pools_hold_pairs_that_are_narrower() {
    let old = page(super::PAGE);
    assert!(pages(&old, &old).is_empty());
    for (old, new) in [
        ("{ status = [200, 204] }", "{ status = 200 }"),
        ("{ \"/a\" = { absent = false } }", "{ \"/a\" = { equals = \"A\" } }"),
        ("{ \"/a\" = { not = { equals = \"A\" } } }", "{ \"/a\" = { not = { one-of = [\"A\", \"B\"] } } }"),
        ("{ \"/a\" = { equals = \"A\", ignore-case = true } }", "{ \"/a\" = { one-of = [\"a\", \"A\"] } }"),
        ("[{ status = 200 }, { status = 204 }]", "{ status = 204, \"/a\" = true }"),
    ] {
        let page = |expects| judging(expects, Some("{ status = 401 }")).unwrap_or_else(|| panic!("{expects}"));
        assert_eq!(verdict(&pages(&page(old), &page(new))), Verdict::Narrower, "{old} -> {new}");
        assert_eq!(verdict(&pages(&page(new), &page(old))), Verdict::Wider, "{new} -> {old}");
    }
}
