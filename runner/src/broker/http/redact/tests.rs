//! Every encoding, alone and composed, at every place.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

const PASSWORD: &str = r#"N3w"pa$s\w0rd & <é> %41+/"#;

fn redact(text: &str) -> String {
    Redactor::new([("new-password", PASSWORD), ("api.token", "00aBcDeFgHiJkLmNoPq_-42")]).redact(text)
}

#[test]
fn each_known_encoding_of_a_secret_is_cut_out() {
    let every_byte = |start: &str| PASSWORD.bytes().map(|byte| format!("{start}{byte:02x}")).collect::<String>();
    let every_unit = PASSWORD.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>();
    let every_char = PASSWORD.chars().map(|c| format!("&#{};", u32::from(c))).collect::<String>();
    let utf16: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wrapped =
        STANDARD.encode(PASSWORD).as_bytes().chunks(10).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\r\n");
    for (case, form) in [
        ("raw", PASSWORD.to_owned()),
        ("another case", PASSWORD.to_ascii_uppercase()),
        ("percent, blank as %20", "N3w%22pa%24s%5Cw0rd%20%26%20%3C%C3%A9%3E%20%2541%2B%2F".to_owned()),
        ("percent in lower case", "N3w%22pa%24s%5cw0rd%20%26%20%3c%c3%a9%3e%20%2541%2b%2f".to_owned()),
        ("percent, what a path keeps", "N3w%22pa$s%5Cw0rd%20&%20%3C%C3%A9%3E%20%2541+/".to_owned()),
        ("form", "N3w%22pa%24s%5Cw0rd+%26+%3C%C3%A9%3E+%2541%2B%2F".to_owned()),
        ("percent, everything", every_byte("%")),
        ("percent of Latin-1", "N3w%22pa%24s%5Cw0rd%20%26%20%3C%E9%3E%20%2541%2B%2F".to_owned()),
        (
            "percent twice",
            "N3w%2522pa%2524s%255Cw0rd%2520%2526%2520%253C%25C3%25A9%253E%2520%252541%252B%252F".to_owned(),
        ),
        ("JSON", r#"N3w\"pa$s\\w0rd & <é> %41+/"#.to_owned()),
        ("JSON, ASCII only", r#"N3w\"pa$s\\w0rd & <\u00e9> %41+\/"#.to_owned()),
        ("JSON, safe for HTML", r#"N3w\u0022pa$s\u005Cw0rd \u0026 \u003C\u00E9\u003E %41\u002B\u002f"#.to_owned()),
        ("JSON, everything", every_unit),
        ("JSON inside JSON", r#"N3w\\\"pa$s\\\\w0rd & <é> %41+/"#.to_owned()),
        ("XML", "N3w&quot;pa$s\\w0rd &amp; &lt;é&gt; %41+/".to_owned()),
        ("HTML by name", "N3w&quot;pa&dollar;s&bsol;w0rd &AMP; &lt;&eacute;&gt; &percnt;41&plus;&sol;".to_owned()),
        ("HTML by number", "N3w&#34;pa&#x24;s&#X5c;w0rd &#38; &lt;&#233;&gt; %41&#43;/".to_owned()),
        ("HTML, everything", every_char),
        ("hex", every_byte("")),
        ("hex in upper case", every_byte("").to_uppercase()),
        ("hex with colons", every_byte(":")),
        ("UTF-16 in hex", utf16.iter().map(|byte| format!("{byte:02x}")).collect()),
        ("base64", STANDARD.encode(PASSWORD)),
        ("base64 for URLs", URL_SAFE_NO_PAD.encode(PASSWORD)),
        ("base64 inside a URL", STANDARD.encode(PASSWORD).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")),
        ("base64 inside JSON", STANDARD.encode(PASSWORD).replace('/', r"\/")),
        ("base64 in lines", wrapped),
        ("base64 of JSON", STANDARD.encode(r#"N3w\"pa$s\\w0rd & <é> %41+/"#)),
        ("base64 of UTF-16", STANDARD.encode(&utf16)),
    ] {
        for (before, after) in [("", ""), ("x", "y"), ("the password \"", "\" is wrong"), ("&a=", "&b=c"), ("é", "é")]
        {
            let out = redact(&format!("{before}{form}{after}"));
            assert!(out.contains("[new-password]"), "{case}: {out}");
            let left = out.replace("[new-password]", "");
            assert!(left.len() <= before.len() + after.len() + 2, "{case}: {left}");
        }
    }
}

#[test]
fn base64_of_something_longer_is_cut_out_at_each_alignment() {
    for user in ["", "a", "ab", "abc", "abcd"] {
        for rest in ["", "x", "xy", "xyz"] {
            let basic = STANDARD.encode(format!("{user}:{PASSWORD}{rest}"));
            let out = redact(&format!("Authorization: Basic {basic}"));
            assert!(out.starts_with("Authorization: Basic"), "{out}");
            assert!(out.contains("[new-password]"), "{user} {rest}: {out}");
            let left = out.replace("[new-password]", "");
            assert!(left.len() <= "Authorization: Basic ".len() + 8 + 8, "{left}");
        }
    }
}

#[test]
fn ordinary_text_stays_as_it_is() {
    for text in [
        "",
        "E0000014: Update of credentials failed",
        "100% of a+b & c < d; \\u0041 %41 &amp; \\n dXNlcg==",
        "N3w\"pa$s",
        "日本語 🙂",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn a_short_secret_is_cut_out_only_where_it_stands_alone() {
    let pin = Redactor::new([("card.pin", "4711"), ("card.cv", "7")]);
    for (text, out) in [
        ("4711", "[card.pin]"),
        ("the pin is 4711.", "the pin is [card.pin]."),
        (r#"{"pin":"4711","n":47110}"#, r#"{"pin":"[card.pin]","n":47110}"#),
        ("147114, a4711, 4711b", "147114, a4711, 4711b"),
        ("pin=%34%37%31%31", "pin=[card.pin]"),
        ("NDcxMQ==", "[card.pin]"),
        ("7", "[card.cv]"),
        (" 7\n", " [card.cv]\n"),
        (r#"["7", 17, 7]"#, r#"["[card.cv]", 17, 7]"#),
        ("it took 7 s", "it took 7 s"),
    ] {
        assert_eq!(pin.redact(text), out);
    }
}

#[test]
fn overlapping_secrets_leave_no_tail() {
    let both = Redactor::new([("old-password", "hunter2hunter"), ("new-password", "hunter2hunter2!")]);
    assert_eq!(both.redact("it was hunter2hunter2!"), "it was [new-password]");
    assert_eq!(both.redact("it was hunter2hunter."), "it was [old-password].");
    let chained = Redactor::new([("a", "abcdefgh"), ("b", "efghijkl")]);
    assert_eq!(chained.redact("xabcdefghijklx"), "x[a]x");
}

#[test]
fn a_mark_never_spells_a_secret() {
    let silly = Redactor::new([("new-password", "new-password"), ("secret", "[secret]"), ("t", "withheld")]);
    for text in ["new-password", "[secret]", "[new-password]", "withheld", "[withheld][secret]new-password"] {
        let out = silly.redact(text);
        assert!(silly.hits(&out).is_empty(), "{out}");
        assert_eq!(silly.redact(&out), out);
    }
}

#[test]
fn an_overlong_text_is_cut_without_leaving_half_a_secret() {
    for back in [30, 25, 24, 1, 0] {
        let before = LONGEST_TEXT - back;
        let out = redact(&format!("{}{PASSWORD}{}", "x".repeat(before), "y".repeat(100)));
        assert!(out.ends_with("[cut]"), "{before}");
        assert!(out.bytes().filter(|byte| *byte != b'x').count() <= "[new-password][cut]".len(), "{before}");
    }
}

#[test]
fn a_text_of_nothing_but_escapes_does_not_take_for_ever() {
    for piece in ["%25", "\\\\", "&amp;", "%26amp%3B", "%5C%5C", "\\u0025", "+", " "] {
        let text = piece.repeat(LONGEST_TEXT / piece.len());
        assert_eq!(redact(&text), text);
    }
}

#[test]
fn nothing_is_cut_out_without_secrets() {
    assert_eq!(Redactor::new([("empty", "")]).redact("any text"), "any text");
}

/// Encodings of text that leave text, each choosing for each character whether to encode it.
fn text_layer(layer: u8, choice: u64, text: &str) -> String {
    let chosen = |at: usize| choice >> (at % 64) & 1 == 1;
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        let code = u32::from(c);
        match layer {
            0 | 1 if c == '%' || (layer == 1 && c == '+') || chosen(at) || !c.is_ascii() => {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    out += &if chosen(at + 1) { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
                }
            }
            1 if c == ' ' => out.push('+'),
            2 if c == '\\' || c == '"' || c.is_control() || chosen(at) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out += &if chosen(at + 1) { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                }
            }
            3 if c == '&' || c == '<' || chosen(at) => {
                out += &if chosen(at + 1) { format!("&#{code};") } else { format!("&#x{code:x};") };
            }
            _ => out.push(c),
        }
    }
    out
}

/// What is found when every text is searched for every form.
fn without_beginnings(secrets: &[(&str, &str)]) -> Redactor {
    let all = Redactor::new(secrets.iter().copied());
    let always = Beginnings { always: true, ..Beginnings::of(&[]) };
    assert!(all.beginnings.set(always).is_ok());
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_form_of_a_secret_begins_as_one_of_the_beginnings(secret in "(\\PC|[a-z]|[ -~é&<\"\\\\]|[\u{0}-\u{ff}]){1,30}") {
        let known = Known { mark: String::new(), text: Zeroizing::new(secret.clone()) };
        let beginnings = Beginnings::of(&[known]);
        for pattern in Redactor::new([("a", secret.as_str())]).patterns() {
            prop_assert!(beginnings.may_be_in(&pattern.bytes.to_ascii_lowercase()), "{:?}", pattern.bytes);
        }
    }

    #[test]
    fn a_text_that_is_passed_over_holds_nothing(
        secrets in proptest::collection::vec("[a-z0-9é+/&% ]{1,12}", 1..4),
        pieces in proptest::collection::vec((0usize..6, 0usize..80, "[a-z&%+ ]{0,6}"), 0..8),
    ) {
        let secrets: Vec<(&str, &str)> = secrets.iter().map(|secret| ("a.b", secret.as_str())).collect();
        let searched = without_beginnings(&secrets);
        let forms: Vec<Vec<String>> = secrets
            .iter()
            .map(|secret| Redactor::new([*secret]).patterns())
            .map(|patterns| patterns.iter().map(|form| String::from_utf8_lossy(&form.bytes).into_owned()).collect())
            .collect();
        let text: String = pieces
            .iter()
            .map(|(secret, form, other)| forms.get(*secret).map_or(other, |forms| &forms[form % forms.len()]).as_str())
            .collect();
        prop_assert_eq!(Redactor::new(secrets.iter().copied()).redact(&text), searched.redact(&text));
    }

    #[test]
    fn no_composition_of_encodings_gets_through(
        secret in "[ -~é€🙂]{8,40}",
        core in 0u8..7,
        layers in proptest::collection::vec((0u8..4, any::<u64>()), 0..3),
        before in "[a-z ,:;.(=]{0,9}",
        after in "[a-z ,:;.)&]{0,9}",
    ) {
        let around = format!("{before}{secret}{after}");
        let mut text = match core {
            0 => STANDARD.encode(&around),
            1 => URL_SAFE_NO_PAD.encode(&around),
            2 => STANDARD_NO_PAD.encode(&around),
            3 => around.bytes().map(|byte| format!("{byte:02x}")).collect(),
            4 => around.bytes().map(|byte| format!("{byte:02X}")).collect(),
            _ => around,
        };
        for (layer, choice) in layers {
            text = text_layer(layer, choice, &text);
        }
        let redactor = Redactor::new([("api.token", secret.as_str())]);
        let out = redactor.redact(&text);
        prop_assert!(out.contains("[api.token]") || out.contains("[secret]") || out.contains("[-]"), "{out}");
        prop_assert!(!out.to_lowercase().contains(&secret.to_lowercase()));
        prop_assert_eq!(redactor.redact(&out), out);
    }

    #[test]
    fn any_text_and_any_secrets_are_survived_and_redacting_twice_changes_nothing(
        secrets in proptest::collection::vec("\\PC{0,12}", 0..4),
        pieces in proptest::collection::vec((0usize..8, "\\PC{0,6}"), 0..12),
    ) {
        let redactor = Redactor::new(secrets.iter().map(|secret| ("a.b", secret.as_str())));
        let text: String = pieces
            .iter()
            .map(|(pick, other)| secrets.get(*pick).unwrap_or(other).as_str())
            .collect();
        let out = redactor.redact(&text);
        for secret in secrets.iter().filter(|secret| secret.len() >= LONG) {
            prop_assert!(!out.contains(secret.as_str()));
        }
        prop_assert_eq!(redactor.redact(&out), out);
    }
}
