//! Awkward passwords arrive at the provider as they are, and never come out anywhere.

use crate::RUN;
use rotabox_tests::case::Setup;
use serde_json::{Value, json};

/// Old and new, both awkward.
const PAIRS: [(&str, &str); 9] = [
    ("plain-Old-1", "N3w\"pa$s\\w0rd & <é> %41+"),
    ("with\"quote\\and/slash", "${x} {{7*7}} {new-password} {api.token}"),
    ("emoji 🔑 and ümläuts", "-leading --dash=1 'quoted' `ticks` $(id)"),
    ("base64+/==base64+/==", "%2e%2e%2f&amp;&#39;\u{2028}\u{202e}"),
    ("tab\tand more tabs\t", "  blanks around  "),
    ("line\nbreak\r\nbreak", "nul\u{0}inside\u{7f}\u{1b}[31m"),
    ("0123456789", "12345678"),
    ("a-substring-of-the-other-one", "see: a-substring-of-the-other-one!"),
    ("short", "zz"),
];

#[test]
fn awkward_passwords_arrive_as_they_are() {
    for (old, new) in PAIRS {
        let setup = Setup::with("rest", json!({ "oldPassword": old, "newPassword": new }), Value::Null);
        let ran = setup.run(&RUN);
        setup.check_truth(&ran, None);
        let sent = setup.server.lines();
        if ran.exit == 2 {
            // refusing what cannot be sent faithfully is fine, if it is said before anything was tried
            assert!(sent.is_empty(), "{old:?} {new:?}: {sent:?} {ran:?}");
            panic!("{old:?} -> {new:?} is refused: {}", ran.stderr);
        }
        assert_eq!((ran.exit, setup.live().as_deref()), (0, Some(new)), "{old:?} -> {new:?}: {ran:?}");
    }
}

#[test]
fn a_long_password_and_a_long_token_arrive_as_they_are() {
    let long: String = (0..4096).map(|i| char::from(b'!' + u8::try_from(i * 7 % 90).unwrap())).collect();
    let mut setup = Setup::with("puppet", json!({ "newPassword": long }), Value::Null);
    // the stand-in takes 72 bytes: the refusal must be honest, and nothing of the 4 KiB may come out
    setup.params.records[1]["password"] = json!("x".repeat(10_000));
    let ran = setup.run(&RUN);
    assert_eq!((ran.exit, ran.result["outcome"].as_str()), (1, Some("unchanged")), "{ran:?}");
    assert_eq!(setup.server.lines(), ["POST /login 200", "GET /user 200", "POST /rotate 422"]);
    setup.check_truth(&ran, None);
}

#[test]
fn a_user_name_cannot_break_out_of_its_place() {
    for user in [
        "jo\"@example.test",
        "jo%2e%2e@example.test",
        "../admin@example.test",
        "a&b=c#d?e@example.test",
        "é+@example.test",
        "a b@example.test",
    ] {
        let setup = Setup::with("okta", json!({ "user": user }), Value::Null);
        let ran = setup.run(&RUN);
        assert_eq!((ran.exit, ran.result["outcome"].as_str()), (1, Some("unchanged")), "{user}: {ran:?}");
        for (request, _) in setup.server.seen() {
            let path = request.path();
            let by_login = request.segments() == ["api", "v1", "users", user];
            assert!(by_login || path == "/api/v1/users", "{user}: {}", request.target);
            if path == "/api/v1/users" {
                let filter = &request.query()[0];
                let quoted = user.replace('\\', "\\\\").replace('"', "\\\"");
                assert!(filter.1.ends_with(&format!(" eq \"{quoted}\"")), "{user}: {filter:?}");
            }
        }
    }
}
