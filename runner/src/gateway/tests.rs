#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

const RECORDS: &str = r#"[{"uid":"cfgUid","title":"Lab PAM Configuration"},
 {"uid":"usrUid","title":"Jo","login":"jo@example.test","password":"old","NOOP":"True"},
 {"uid":"apiUid","title":"Okta API Access Details","login":"svc","password":"00tok","url":"https://org.example.test"}]"#;

fn params(records: &str) -> Value {
    json!({
        "providerRecordUid": "cfgUid", "resourceRecordUid": "", "userRecordUid": "usrUid", "user": "jo@example.test",
        "newPassword": "n\"e\\w Pä$s", "oldPassword": "old", "records": STANDARD.encode(records),
    })
}

fn read_bytes(bytes: &[u8]) -> Result<Params, InputError> {
    read(&mut &*bytes)
}

/// Reads the JSON text as the gateway would send it.
fn read_json(json: &str) -> Result<Params, InputError> {
    read_bytes(format!("{}\n", STANDARD.encode(json)).as_bytes())
}

fn read_records(records: &str) -> Result<Params, InputError> {
    read_json(&params(records).to_string())
}

fn with(key: &str, value: Value) -> Result<Params, InputError> {
    let mut params = params(RECORDS);
    params[key] = value;
    read_json(&params.to_string())
}

fn without(key: &str) -> Result<Params, InputError> {
    let mut params = params(RECORDS);
    params.as_object_mut().unwrap().remove(key);
    read_json(&params.to_string())
}

fn lent(secret: &Option<Secret>) -> Option<&str> {
    secret.as_ref().map(Secret::lend)
}

fn assert_is_the_sample(params: &Params) {
    assert_eq!(params.user, "jo@example.test");
    assert_eq!(lent(&params.new_password), Some("n\"e\\w Pä$s"));
    assert_eq!(lent(&params.old_password), Some("old"));
    assert_eq!(params.user_record_uid.as_deref(), Some("usrUid"));
    assert_eq!(params.provider_record_uid.as_deref(), Some("cfgUid"));
    assert_eq!(params.resource_record_uid, None);
    let titles: Vec<_> = params.records.iter().map(|record| record.title.as_str()).collect();
    assert_eq!(titles, ["Lab PAM Configuration", "Jo", "Okta API Access Details"]);
    let api = &params.records[2];
    assert_eq!(api.uid, "apiUid");
    assert_eq!(api.fields.keys().collect::<Vec<_>>(), ["login", "password", "url"]);
    assert_eq!(api.field("password").unwrap().lend(), "00tok");
}

/// What gateways and shells make of one base64 line.
#[derive(Clone, Copy, Debug)]
struct Form {
    url_safe: bool,
    padded: bool,
    wrapped: Option<usize>,
    line_end: &'static str,
    around: &'static str,
    encoding: &'static str,
}

const PLAIN: Form =
    Form { url_safe: false, padded: true, wrapped: None, line_end: "\n", around: "", encoding: "ascii" };

fn encode(json: &[u8], form: Form) -> Vec<u8> {
    let engine = match (form.url_safe, form.padded) {
        (false, true) => STANDARD,
        (false, false) => STANDARD_NO_PAD,
        (true, true) => URL_SAFE,
        (true, false) => URL_SAFE_NO_PAD,
    };
    let text = engine.encode(json);
    let lines: Vec<String> = match form.wrapped {
        None => vec![text],
        Some(width) => text.as_bytes().chunks(width).map(|chunk| String::from_utf8(chunk.to_vec()).unwrap()).collect(),
    };
    let text: String = lines.iter().map(|line| [form.around, line, form.around, form.line_end].concat()).collect();
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect::<Vec<u8>>()
    };
    match form.encoding {
        "utf-8 with a mark" => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        "utf-16le" => utf16([0xff, 0xfe], u16::to_le_bytes),
        "utf-16be" => utf16([0xfe, 0xff], u16::to_be_bytes),
        _ => text.into_bytes(),
    }
}

macro_rules! forms {
    ($($name:ident: $form:expr;)*) => {$(
        #[test]
        fn $name() {
            let json = params(RECORDS).to_string();
            assert_is_the_sample(&read_bytes(&encode(json.as_bytes(), $form)).unwrap());
        }
    )*};
}

forms! {
    one_line_is_read: PLAIN;
    a_missing_line_end_is_fine: Form { line_end: "", ..PLAIN };
    crlf_is_fine: Form { line_end: "\r\n", ..PLAIN };
    blanks_around_are_skipped: Form { around: " \t ", ..PLAIN };
    empty_lines_are_skipped: Form { line_end: "\r\n\r\n  \n", ..PLAIN };
    a_utf8_byte_order_mark_is_skipped: Form { encoding: "utf-8 with a mark", ..PLAIN };
    utf16le_is_read: Form { encoding: "utf-16le", line_end: "\r\n", ..PLAIN };
    utf16be_is_read: Form { encoding: "utf-16be", line_end: "\r\n", ..PLAIN };
    unpadded_is_read: Form { padded: false, ..PLAIN };
    wrapped_at_76_is_read: Form { wrapped: Some(76), ..PLAIN };
    wrapped_at_64_with_crlf_is_read: Form { wrapped: Some(64), line_end: "\r\n", ..PLAIN };
    wrapped_utf16_without_padding_is_read: Form { wrapped: Some(76), padded: false, encoding: "utf-16le", ..PLAIN };
    base64url_is_read: Form { url_safe: true, padded: false, ..PLAIN };
    base64url_with_padding_is_read: Form { url_safe: true, ..PLAIN };
}

#[test]
fn the_forms_really_differ() {
    let json = r#"{"user":"j","newPassword":"??>>~~ÿÿ"}"#.as_bytes();
    assert!(encode(json, PLAIN).iter().any(|byte| matches!(byte, b'+' | b'/')));
    assert!(encode(json, Form { url_safe: true, ..PLAIN }).iter().any(|byte| matches!(byte, b'-' | b'_')));
    assert!(encode(b"{}", PLAIN).ends_with(b"=\n") && !encode(b"{}", Form { padded: false, ..PLAIN }).contains(&b'='));
    assert!(encode(json, Form { wrapped: Some(8), ..PLAIN }).split(|byte| *byte == b'\n').count() > 5);
}

#[test]
fn empty_stdin_is_refused_and_says_what_is_piped() {
    for empty in ["", "\n", " \r\n\t\n", "\u{feff}"] {
        assert_eq!(read_bytes(empty.as_bytes()).unwrap_err(), InputError::Empty);
    }
}

#[test]
fn two_params_lines_are_refused_even_if_they_have_the_same_length() {
    let one = STANDARD.encode(params(RECORDS).to_string());
    let padded = STANDARD.encode(r#"{"user":"jo"}"#);
    let unpadded = STANDARD.encode(r#"{"user":"joe"} "#);
    assert!(padded.ends_with('=') && !unpadded.ends_with('='));
    let longer = format!("{one}\n{}\n", STANDARD.encode(format!("{} ", params(RECORDS))) + "AAAA");
    for two in [format!("{one}\n{one}\n"), format!("{padded}\n{padded}"), format!("{unpadded}\n{unpadded}\n"), longer] {
        assert_eq!(read_bytes(two.as_bytes()).unwrap_err(), InputError::SeveralLines { lines: 2 }, "{two}");
    }
}

#[test]
fn lines_of_other_lengths_are_not_one_wrapped_text() {
    let text = STANDARD.encode(params(RECORDS).to_string());
    let odd = format!("{}\n{}\n{}\n", &text[..40], &text[40..60], &text[60..]);
    assert_eq!(read_bytes(odd.as_bytes()).unwrap_err(), InputError::SeveralLines { lines: 3 });
}

#[test]
fn more_than_the_cap_is_refused_without_reading_on() {
    struct Endless(usize);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len();
            assert!(self.0 <= 2 * MAX_INPUT, "it reads on");
            buffer.fill(b'A');
            Ok(buffer.len())
        }
    }
    assert_eq!(read(&mut Endless(0)).unwrap_err(), InputError::TooLong);
    let most = vec![b'A'; MAX_INPUT];
    assert!(!matches!(read_bytes(&most), Err(InputError::TooLong)));
}

#[test]
fn a_failing_stdin_says_so_and_an_interruption_is_retried() {
    struct Failing(u8);
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            Err(if self.0 < 3 { ErrorKind::Interrupted } else { ErrorKind::BrokenPipe }.into())
        }
    }
    assert_eq!(read(&mut Failing(0)).unwrap_err(), InputError::Unreadable(ErrorKind::BrokenPipe));
}

#[test]
fn small_reads_make_one_line() {
    struct Dripping<'a>(&'a [u8]);
    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(7);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    let big = params(&json!([{"uid": "u", "title": "t", "x": "y".repeat(300_000)}]).to_string()).to_string();
    let params = read(&mut Dripping(&encode(big.as_bytes(), PLAIN))).unwrap();
    assert_eq!(params.records[0].field("x").unwrap().lend().len(), 300_000);
}

#[test]
fn nul_bytes_and_broken_utf16_say_what_they_look_like() {
    let utf16_without_mark: Vec<u8> = STANDARD.encode("{}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = read_bytes(&utf16_without_mark).unwrap_err();
    assert!(error.to_string().contains("UTF-16 without a byte order mark"), "{error}");
    for broken in [&b"\xff\xfee\0y"[..], b"\xff\xfe\xe4\0", b"\xfe\xff\x01\x65", b"\xff\xfe\0\0"] {
        assert!(matches!(read_bytes(broken), Err(InputError::NotText { .. })), "{broken:?}");
    }
}

#[test]
fn bad_base64_says_where_and_never_what() {
    let cases: [(&str, usize, &str); 8] = [
        ("eyJ1c2Vy!joiam8ifQ==", 9, "does not have"),
        ("eyJ1 c2Vy", 5, "does not have"),
        ("'eyJ1c2Vy'", 1, "does not have"),
        ("eyJ1c2V+_w==", 9, "mixed"),
        ("eyJ1=2Vy", 5, "padding is misplaced"),
        ("eyJ1c2Vyf", 9, "cut"),
        ("eyJ1c2VyfR", 10, "cut, or altered"),
        ("eyJ1c2VyfQ=", 11, "padding is wrong"),
    ];
    for (text, at, why) in cases {
        match read_bytes(text.as_bytes()).unwrap_err() {
            InputError::NotBase64 { layer: Layer::Params, at: found, why: said } => {
                assert_eq!(found, at, "{text}");
                assert!(said.contains(why), "{text}: {said}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn invalid_utf8_inside_is_refused() {
    let line = STANDARD.encode(b"{\"user\":\"j\xff\"}");
    assert_eq!(read_bytes(line.as_bytes()).unwrap_err(), InputError::NotUtf8 { layer: Layer::Params, at: 11 });
    let records = STANDARD.encode(b"[\xc3]");
    let error = with("records", json!(records)).unwrap_err();
    assert_eq!(error, InputError::NotUtf8 { layer: Layer::Records, at: 2 });
}

#[test]
fn anything_but_an_object_is_refused_by_its_kind() {
    for (json, found) in
        [("[]", "an array"), ("\"x\"", "text"), ("7", "a number"), ("null", "null"), ("true", "true or false")]
    {
        assert_eq!(read_json(json).unwrap_err(), InputError::NotAnObject { found });
    }
}

#[test]
fn broken_json_says_where_and_why() {
    for (json, at, why) in [
        ("{\"user\":\"jo\"", 13, "comma or a closing brace"),
        ("{\"user\":\"jo\"} x", 15, "something follows"),
        ("{\"user\":\"jo\",}", 14, "key in quotes"),
        ("{user:1}", 2, "key in quotes"),
        ("{\"user\" 1}", 9, "colon"),
        ("{\"user\":}", 9, "no value"),
        ("{\"user\":", 9, "ends too early"),
        ("{\"user\":\"jo", 12, "does not end"),
        ("{\"user\":\"j\no\"}", 11, "control character"),
        ("{\"user\":\"j\0o\"}", 11, "control character"),
        ("\0{}", 1, "no value"),
        ("{\"user\":\"\\x\"}", 11, "escape"),
        ("{\"user\":\"\\ud800\"}", 11, "surrogate"),
        ("{\"user\":\"\\ud800\\u0041\"}", 11, "surrogate"),
        ("{\"user\":\"\\udc00\"}", 11, "surrogate"),
        ("{\"user\":\"\\u00g0\"}", 12, "hexadecimal"),
        ("{\"a\":01}", 7, "zero"),
        ("{\"a\":-}", 7, "digit"),
        ("{\"a\":1.}", 8, "digit"),
        ("{\"a\":1e+}", 9, "digit"),
        ("{\"a\":nul}", 6, "no value"),
        ("{\"a\":[1 2]}", 9, "closing bracket"),
        ("{\"a\":NaN}", 6, "no value"),
    ] {
        match read_json(json).unwrap_err() {
            InputError::NotJson { layer: Layer::Params, at: found, why: said } => {
                assert!(said.contains(why), "{json}: {said}");
                assert_eq!(found, at, "{json}");
            }
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn deep_and_crowded_documents_are_refused() {
    for (deep, refused) in [(31, false), (32, true), (100_000, true)] {
        let json = format!("{{\"user\":\"jo\",\"x\":{}{}}}", "[".repeat(deep), "]".repeat(deep));
        match read_json(&json) {
            Ok(_) => assert!(!refused, "{deep}"),
            Err(InputError::NotJson { why, .. }) => assert!(refused && why.contains("32 deep"), "{deep}: {why}"),
            Err(other) => panic!("{other:?}"),
        }
    }
    let crowded = format!("{{\"user\":\"jo\",\"x\":[{}0]}}", "0,".repeat(100_000));
    assert!(matches!(read_json(&crowded), Err(InputError::NotJson { why, .. }) if why.contains("100000")));
}

#[test]
fn missing_null_and_empty_records_are_no_records() {
    assert!(without("records").unwrap().records.is_empty());
    for none in [json!(null), json!(""), json!(" \n"), json!(STANDARD.encode("[]"))] {
        assert!(with("records", none).unwrap().records.is_empty());
    }
}

#[test]
fn records_as_a_real_array_are_refused_with_a_clear_word() {
    let error = with("records", json!([{"uid": "u", "title": "t"}])).unwrap_err();
    assert_eq!(error, InputError::RecordsNotEncoded);
    assert_eq!(error.to_string(), "`records` is a JSON array; it must be text: the base64 of that array");
}

#[test]
fn records_take_the_same_forms_of_base64() {
    let wrapped: Vec<_> = STANDARD.encode(RECORDS).into_bytes().chunks(76).map(<[u8]>::to_vec).collect();
    let wrapped = String::from_utf8(wrapped.join(&b'\n')).unwrap();
    for records in
        [STANDARD_NO_PAD.encode(RECORDS), URL_SAFE.encode(RECORDS), wrapped, format!(" {}\n", STANDARD.encode(RECORDS))]
    {
        assert_is_the_sample(&with("records", json!(records)).unwrap());
    }
}

#[test]
fn wrong_records_say_which_one() {
    let records = |text: &str| read_records(text).unwrap_err();
    assert_eq!(records("{}"), InputError::RecordsNotAnArray { found: "an object" });
    assert_eq!(records("[{}, 3]"), InputError::RecordNotAnObject { number: 2, found: "a number" });
    assert_eq!(records("[{\"uid\": []}]"), InputError::RecordWrongType { number: 1, key: "uid", found: "an array" });
    assert_eq!(records("[{\"title\": 1}]"), InputError::RecordWrongType { number: 1, key: "title", found: "a number" });
    assert!(matches!(records("[}"), InputError::NotJson { layer: Layer::Records, at: 2, .. }));
    let error = with("records", json!("not base64!")).unwrap_err();
    assert!(matches!(error, InputError::NotBase64 { layer: Layer::Records, at: 4, .. }), "{error:?}");
    let error = with("records", json!("AAAA\nAAAAAA")).unwrap_err();
    assert!(matches!(error, InputError::NotBase64 { layer: Layer::Records, .. }), "{error:?}");
}

#[test]
fn duplicate_keys_are_refused_at_every_depth() {
    let error = read_json(r#"{"user":"a","user":"b"}"#).unwrap_err();
    assert_eq!(error, InputError::DuplicateKey { layer: Layer::Params, at: 13, key: Some("user") });
    assert!(error.to_string().contains("the key `user` twice"), "{error}");
    let error = read_json(r#"{"user":"a","u\u0073er":"b"}"#).unwrap_err();
    assert!(matches!(error, InputError::DuplicateKey { key: Some("user"), .. }), "an escape is the same key");
    for (records, key) in [
        (r#"[{"uid":"a","uid":"b"}]"#, Some("uid")),
        (r#"[{"url":"a","url":"b"}]"#, None),
        (r#"[{"host":{"port":1,"port":2}}]"#, None),
        (r#"[[[{"x":1,"x":1}]]]"#, None),
    ] {
        let error = read_records(records).unwrap_err();
        assert!(
            matches!(error, InputError::DuplicateKey { layer: Layer::Records, key: found, .. } if found == key),
            "{records}: {error:?}"
        );
    }
}

#[test]
fn an_old_or_new_password_may_be_absent_null_or_empty() {
    for key in ["oldPassword", "newPassword"] {
        for params in [without(key), with(key, json!(null)), with(key, json!(""))] {
            let params = params.unwrap();
            let (absent, present) = match key {
                "oldPassword" => (params.old_password, params.new_password),
                _ => (params.new_password, params.old_password),
            };
            assert!(absent.is_none() && present.is_some(), "{key}");
        }
    }
}

#[test]
fn record_uids_may_be_absent_null_or_empty() {
    for key in ["resourceRecordUid", "providerRecordUid", "userRecordUid"] {
        for params in [without(key), with(key, json!(null)), with(key, json!(""))] {
            let params = params.unwrap();
            let uids = [params.resource_record_uid, params.provider_record_uid, params.user_record_uid];
            assert!(uids.iter().flatten().all(|uid| uid == "cfgUid" || uid == "usrUid"), "{key}");
            assert!(uids.iter().flatten().count() < 3);
        }
    }
    assert_eq!(with("resourceRecordUid", json!("m")).unwrap().resource_record_uid.as_deref(), Some("m"));
}

#[test]
fn wrong_types_name_the_key_and_never_the_value() {
    for key in
        ["user", "oldPassword", "newPassword", "userRecordUid", "providerRecordUid", "resourceRecordUid", "records"]
    {
        for (value, found) in [
            (json!(314_159_265), "a number"),
            (json!(true), "true or false"),
            (json!({"leaked-value": "leaked-value"}), "an object"),
        ] {
            let error = with(key, value).unwrap_err();
            assert_eq!(error, InputError::WrongType { key, found, wanted: "text" });
            assert!(!error.to_string().contains("314") && !error.to_string().contains("leaked"), "{error}");
        }
    }
}

#[test]
fn the_user_must_be_a_login() {
    for none in [without("user"), with("user", json!(null)), with("user", json!("")), with("user", json!(" \u{a0}"))] {
        assert_eq!(none.unwrap_err(), InputError::NoUser);
    }
    for bad in ["jo\n", "j\0o", "jo\u{1b}[31m", "jo\u{85}", &"x".repeat(1025)] {
        let error = with("user", json!(bad)).unwrap_err();
        assert!(matches!(error, InputError::BadUser { .. }), "{error:?}");
    }
    for good in ["jo", "CN=Jo,OU=Ö/ä", "-rf", "jo+tag@x.test", &"ü".repeat(1024)] {
        assert_eq!(with("user", json!(good)).unwrap().user, good);
    }
}

#[test]
fn unknown_keys_are_ignored() {
    assert_is_the_sample(&with("schemaVersion", json!({"major": [1, 2.5e3, null]})).unwrap());
}

#[test]
fn passwords_arrive_exactly_whatever_is_in_them() {
    let big = "\u{1f511}\"\\".repeat(1 << 18);
    for password in [
        "q\"uo'te",
        "back\\slash",
        "new\nline\r\n",
        "n\0ul",
        "🔑 ключ e\u{301}",
        "-leading",
        "\u{feff}mark",
        " blank ",
        "\\u0041",
        &big,
    ] {
        let params = with("newPassword", json!(password)).unwrap();
        assert_eq!(lent(&params.new_password), Some(password));
    }
    // Escapes that `serde_json` does not write.
    let params = read_json(r#"{"user":"\u006a\/","newPassword":"\ud83d\uDD11\u0000\b\f"}"#).unwrap();
    assert_eq!((params.user.as_str(), lent(&params.new_password)), ("j/", Some("🔑\0\u{8}\u{c}")));
}

#[test]
fn swapped_passwords_of_a_re_run_are_just_swapped() {
    let mut swapped = params(RECORDS);
    swapped["oldPassword"] = json!("n\"e\\w Pä$s");
    swapped["newPassword"] = json!("old");
    let params = read_json(&swapped.to_string()).unwrap();
    assert_eq!((lent(&params.old_password), lent(&params.new_password)), (Some("n\"e\\w Pä$s"), Some("old")));
}

#[test]
fn two_records_with_the_same_title_both_arrive() {
    let params = read_records(r#"[{"uid":"a","title":"Okta"},{"uid":"b","title":"Okta"}]"#).unwrap();
    let uids: Vec<_> = params.records.iter().map(|record| (record.uid.as_str(), record.title.as_str())).collect();
    assert_eq!(uids, [("a", "Okta"), ("b", "Okta")]);
}

#[test]
fn labels_are_kept_as_sent_and_values_become_text_or_nothing() {
    let params = read_records(
        r#"[{"uid":"u","title":"t","url":"a","url2":"b","URL":"c","Mein Schlüssel.x":"d","port":8443,"big":1.50e3,
            "managed":true,"empty":"","none":null,"list":["x"],"host":{"hostName":"h"},"zero":"0"}]"#,
    )
    .unwrap();
    let fields: Vec<_> = params.records[0]
        .fields
        .iter()
        .map(|(label, value)| (label.as_str(), value.as_ref().map(Secret::lend)))
        .collect();
    assert_eq!(
        fields,
        [
            ("Mein Schlüssel.x", Some("d")),
            ("URL", Some("c")),
            ("big", Some("1.50e3")),
            ("empty", None),
            ("host", None),
            ("list", None),
            ("managed", Some("true")),
            ("none", None),
            ("port", Some("8443")),
            ("url", Some("a")),
            ("url2", Some("b")),
            ("zero", Some("0")),
        ]
    );
}

#[test]
fn a_record_without_uid_or_title_is_kept_under_no_name() {
    let params = read_records(r#"[{"login":"x","uid":null}]"#).unwrap();
    assert_eq!((params.records[0].uid.as_str(), params.records[0].title.as_str()), ("", ""));
}

#[test]
fn debug_shows_no_value() {
    let text = format!("{:?}", read_records(RECORDS).unwrap());
    for value in ["00tok", "Pä$s", "\"old\"", "https://"] {
        assert!(!text.contains(value), "{text}");
    }
}

fn any_form() -> impl Strategy<Value = Form> {
    (
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(None), (20usize..200).prop_map(Some)],
        prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n"), Just(" \n")],
        prop_oneof![Just(""), Just(" "), Just("\t ")],
        prop_oneof![Just("ascii"), Just("utf-8 with a mark"), Just("utf-16le"), Just("utf-16be")],
    )
        .prop_map(|(url_safe, padded, wrapped, line_end, around, encoding)| Form {
            url_safe,
            padded,
            wrapped,
            line_end,
            around,
            encoding,
        })
}

/// Something that a broken sender might send, all of whose texts are made of one distinctive alphabet.
fn distinctive() -> impl Strategy<Value = String> {
    "[ΔΘΛΞΠΣΦΨΩ0-9]{8,24}"
}

proptest! {
    #[test]
    fn every_form_round_trips(user in "[^\\p{Cc}\\p{Z}]{1,20}", old in ".{0,20}", new in any::<String>(),
            label in any::<String>(), value in any::<String>(), form in any_form()) {
        let label = format!("x{label}");
        let records = json!([{"uid": "u", "title": "t", label.as_str(): value}]).to_string();
        let sent = json!({"user": user, "oldPassword": old, "newPassword": new, "records": STANDARD.encode(records)});
        let read = read_bytes(&encode(sent.to_string().as_bytes(), form)).unwrap();
        prop_assert_eq!(&read.user, &user);
        prop_assert_eq!(lent(&read.old_password).unwrap_or(""), old);
        prop_assert_eq!(lent(&read.new_password).unwrap_or(""), new);
        prop_assert_eq!(lent(&read.records[0].fields[&label]).unwrap_or(""), value);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text in "[-A-Za-z0-9+/=_ \\r\\n]{0,80}", json in "[\\[\\]{}\",:\\\\u0-9a-e. tn-]{0,60}") {
        let _ = read_bytes(&bytes);
        let _ = read_bytes(text.as_bytes());
        let _ = read_json(&json);
        let _ = read_json(&format!("{{\"user\":{json}}}"));
        let _ = read_records(&json);
        let _ = read_bytes(&[&b"\xff\xfe"[..], &bytes].concat());
    }

    #[test]
    fn error_text_never_holds_the_input(texts in prop::collection::vec(distinctive(), 5), cut in any::<prop::sample::Index>(),
            swap in any::<prop::sample::Index>(), byte: u8, twist in 0usize..8) {
        let records = json!([{"uid": texts[0], "title": texts[1], texts[2].as_str(): texts[3]}]).to_string();
        let mut records = records.into_bytes();
        let mut json = json!({"user": texts[0], "newPassword": texts[4], texts[2].as_str(): texts[3]});
        if twist & 1 == 1 {
            let at = swap.index(records.len());
            records[at] = byte;
        }
        json["records"] = json!(STANDARD.encode(&records));
        if twist & 2 == 2 {
            json[["user", "oldPassword", "records"][swap.index(3)]] = json!({texts[2].as_str(): [texts[3]]});
        }
        let mut document = json.to_string().into_bytes();
        if twist & 4 == 4 {
            document.truncate(cut.index(document.len()));
        }
        let mut line = STANDARD.encode(&document).into_bytes();
        if twist == 0 {
            let at = swap.index(line.len());
            line[at] = byte;
        }
        if let Err(error) = read_bytes(&line) {
            let said = format!("{error} {error:?}");
            for text in &texts {
                prop_assert!(!said.contains(text.as_str()), "{}", said);
            }
            for chunk in line.chunks(12) {
                prop_assert!(chunk.len() < 12 || !said.as_bytes().windows(12).any(|window| window == chunk), "{}", said);
            }
        }
    }

    #[test]
    fn the_parser_agrees_with_another_one(json in "[\\[\\]{}\",:\\\\/u0-9a-f. tnrls-]{0,40}", value in any_json(4)) {
        let ours = |text: &str| json::parse(text.as_bytes(), Layer::Params).ok().map(plain);
        prop_assert_eq!(ours(&value.to_string()), Some(value.clone()));
        prop_assert_eq!(ours(&serde_json::to_string_pretty(&value).unwrap()), Some(value));
        let theirs: Option<Value> = serde_json::from_str(&json).ok();
        match (ours(&json), theirs) {
            (Some(ours), theirs) => prop_assert_eq!(Some(ours), theirs),
            // Only duplicate keys are refused here and accepted there.
            (None, theirs) => prop_assert!(
                theirs.is_none() || matches!(json::parse(json.as_bytes(), Layer::Params), Err(InputError::DuplicateKey { .. })),
                "{}", json
            ),
        }
    }
}

fn any_json(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn plain(value: json::Json) -> Value {
    match value {
        json::Json::Null => Value::Null,
        json::Json::Bool(value) => value.into(),
        json::Json::Number(text) => serde_json::from_str(&text).unwrap(),
        json::Json::Text(text) => text.as_str().into(),
        json::Json::List(elements) => elements.into_iter().map(plain).collect(),
        json::Json::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, plain(value))).collect())
        }
    }
}
