#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use super::*;
use proptest::prelude::*;

fn record(uid: &str, title: &str, fields: &[(&str, Option<&str>)]) -> VaultRecord {
    let fields = fields
        .iter()
        .map(|(label, value)| ((*label).to_owned(), value.map(|text| Secret::new(*label, text.to_owned()))))
        .collect();
    VaultRecord { uid: uid.to_owned(), title: title.to_owned(), fields }
}

fn vault() -> Vec<VaultRecord> {
    vec![
        record("cfgUid", "Lab PAM Configuration", &[]),
        record("usrUid", "Jo", &[("login", Some("jo@example.test")), ("password", Some("hunter-two-secret"))]),
        record(
            "apiUid",
            "Okta API Access Details",
            &[("password", Some("00tok-secret")), ("url", Some("https://x.test"))],
        ),
    ]
}

fn by_title(title: &str) -> Select {
    Select::Title(title.to_owned())
}

#[test]
fn a_title_or_a_uid_picks_the_one_record() {
    let vault = vault();
    assert_eq!(pick(&vault, &by_title("Okta API Access Details")).unwrap().uid, "apiUid");
    assert_eq!(pick(&vault, &Select::Uid("usrUid".to_owned())).unwrap().title, "Jo");
}

#[test]
fn a_title_is_compared_exactly_and_the_near_one_is_suggested() {
    for near in ["okta api access details", "Okta  API Access Details ", "Okta API Acess Details"] {
        let error = pick(&vault(), &by_title(near)).unwrap_err().to_string();
        assert!(error.contains("did you mean `Okta API Access Details`?"), "{error}");
    }
}

#[test]
fn no_match_lists_titles_and_uids() {
    let error = pick(&vault(), &by_title("Vault token")).unwrap_err().to_string();
    assert_eq!(
        error,
        "no vault record has the title `Vault token`; attach it to the script as an additional credential, or correct the \
         policy. The gateway sent `Lab PAM Configuration` (uid `cfgUid`), `Jo` (uid `usrUid`), `Okta API Access Details` \
         (uid `apiUid`)"
    );
    let error = pick(&[], &Select::Uid("x".to_owned())).unwrap_err().to_string();
    assert!(error.contains("the gateway sent no records"), "{error}");
}

#[test]
fn two_records_with_the_same_title_are_an_error_that_lists_their_uids() {
    let vault = [record("a", "Okta", &[]), record("b", "Okta", &[]), record("c", "Other", &[])];
    let error = pick(&vault, &by_title("Okta")).unwrap_err();
    assert_eq!(error, PickError::Several { select: by_title("Okta"), uids: vec!["a".to_owned(), "b".to_owned()] });
    assert_eq!(error.to_string(), "2 vault records have the title `Okta`; select one by uid in the policy: `a`, `b`");
}

#[test]
fn a_record_without_title_is_never_picked_by_an_empty_one() {
    let vault = [record("a", "", &[])];
    assert!(matches!(pick(&vault, &by_title("")), Err(PickError::None { .. })));
}

#[test]
fn a_label_is_looked_up_exactly() {
    let record = record("a", "Okta", &[("password", Some("s3cr3t-value")), ("Password", None), ("url", Some("u"))]);
    assert_eq!(record.field("password").unwrap().lend(), "s3cr3t-value");
    assert!(matches!(record.field("Password"), Err(FieldError::NoText { .. })));
    let error = record.field("passwort").unwrap_err().to_string();
    assert_eq!(
        error,
        "the vault record `Okta` has no field labelled `passwort`; did you mean `password`? It has `Password`, `password`, \
         `url`"
    );
    let error = record.field("title").unwrap_err().to_string();
    assert!(error.contains("has no field labelled `title`"), "{error}");
}

#[test]
fn labels_that_the_gateway_numbered_are_found() {
    let record = record("a", "t", &[("url", None), ("url2", None), ("url_3", None), ("url 4", None), ("urls", None)]);
    assert_eq!(record.numbered("url").collect::<Vec<_>>(), ["url 4", "url2", "url_3"]);
    assert_eq!(record.numbered("password").count(), 0);
}

#[test]
fn debug_shows_labels_but_no_value() {
    let text = format!("{:?}", vault());
    assert!(text.contains("password") && text.contains("Okta API Access Details"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn untrusted_text_cannot_act_on_a_terminal_or_fill_a_message() {
    assert_eq!(shown("a`b\u{1b}[31m\n\u{202e}\u{200b}"), "`a\\u{60}b\\u{1b}[31m\\u{a}\\u{202e}\\u{200b}`");
    assert_eq!(shown("Jö's \"key\""), "`Jö's \"key\"`");
    assert_eq!(shown(&"x".repeat(1000)), format!("`{}… (cut)`", "x".repeat(80)));
    assert_eq!(list((0..25).map(|n| n.to_string())).split(", ").count(), 20);
    assert!(list((0..25).map(|n| n.to_string())).ends_with("19 and 5 more"));
}

proptest! {
    #[test]
    fn shown_text_is_one_printable_line(text: String) {
        let shown = shown(&text);
        prop_assert!(!shown.chars().any(char::is_control));
        prop_assert_eq!(shown.matches('`').count(), 2);
    }

    #[test]
    fn errors_never_hold_a_value(title in "[a-t]{1,8}", label in "[a-z]{1,8}", value in "[A-Z0-9]{12,20}") {
        let vault = [record("u", "Q", &[("Q", Some(&value))]), record("v", "Q", &[("Q", Some(&value))])];
        for select in [by_title(&title), by_title("Q"), Select::Uid(title.clone())] {
            let error = pick(&vault, &select).unwrap_err();
            let said = format!("{error} {error:?}");
            prop_assert!(!said.contains(&value), "{}", said);
        }
        let error = vault[0].field(&label).unwrap_err();
        let said = format!("{error} {error:?}");
        prop_assert!(!said.contains(&value), "{}", said);
    }
}
