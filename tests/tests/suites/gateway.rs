//! The line on stdin.

use crate::RUN;
use rotabox_tests::case::Setup;
use rotabox_tests::params::{FORMS, Form, encode};
use serde_json::{Value, json};

#[test]
fn every_form_of_the_line_is_understood() {
    for form in FORMS {
        let setup = Setup::of("rest");
        let ran = setup.run_line(&["verify", "prod"], &setup.params.line(form));
        assert_eq!((ran.exit, setup.server.lines()), (0, vec!["POST /login 200".to_owned()]), "{form:?}: {ran:?}");
    }
}

/// Bytes that are refused, by what is wrong with them. Every one holds the word that must not come back.
fn wrong_lines(setup: &Setup) -> Vec<(&'static str, Vec<u8>)> {
    let object = setup.params.object();
    let plain = setup.params.line(Form::Plain);
    let change = |change: fn(&mut Value)| {
        let mut object = object.clone();
        change(&mut object);
        encode(object.to_string().as_bytes(), Form::Plain)
    };
    let records = |array: &str| {
        let mut object = object.clone();
        object["records"] = json!(String::from_utf8(encode(array.as_bytes(), Form::NoNewline)).unwrap());
        encode(object.to_string().as_bytes(), Form::Plain)
    };
    let text = object.to_string();
    let twice = text.replacen("{\"", "{\"newPassword\":\"echo-Me-n0t\",\"", 1);
    let mut invalid = text.clone().into_bytes();
    invalid.splice(2..2, [0xff, 0xfe]);
    vec![
        ("nothing", Vec::new()),
        ("a blank line", b"\n\n".to_vec()),
        ("two lines", [plain.clone(), plain.clone()].concat()),
        ("not base64", b"echo-Me-n0t!!!\n".to_vec()),
        ("plain JSON", format!("{text}\n").into_bytes()),
        ("base64 of no JSON", encode(b"echo-Me-n0t", Form::Plain)),
        ("half of it", plain[..plain.len() / 2].to_vec()),
        ("invalid UTF-8", encode(&invalid, Form::Plain)),
        ("a list at the top", encode(b"[\"echo-Me-n0t\"]", Form::Plain)),
        ("a key twice", encode(twice.as_bytes(), Form::Plain)),
        ("something after the object", encode(format!("{text}{{}}").as_bytes(), Form::Plain)),
        ("depth", encode(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes(), Form::Plain)),
        ("nine MiB", encode(&vec![b' '; 9 << 20], Form::Plain)),
        ("NUL bytes", vec![0; 64]),
        ("no records", change(|object| drop(object.as_object_mut().unwrap().remove("records")))),
        ("records that are a list", change(|object| object["records"] = json!([{ "uid": "echo-Me-n0t" }]))),
        ("records that are empty", change(|object| object["records"] = json!(""))),
        ("records that are no base64", change(|object| object["records"] = json!("echo-Me-n0t!"))),
        ("records that are an object", records("{\"echo-Me-n0t\":1}")),
        ("a record that is text", records("[\"echo-Me-n0t\"]")),
        (
            "a record with a key twice",
            records("[{\"uid\":\"a\",\"title\":\"t\",\"password\":\"echo-Me-n0t\",\"password\":\"b\"}]"),
        ),
        ("a user that is a number", change(|object| object["user"] = json!(7))),
        ("no user", change(|object| object["user"] = json!(""))),
        ("a user with a line break", change(|object| object["user"] = json!("jo@example.test\necho-Me-n0t"))),
        ("a new password that is a list", change(|object| object["newPassword"] = json!(["echo-Me-n0t"]))),
        ("a new password that is null", change(|object| object["newPassword"] = json!(null))),
        ("an old password that is a number", change(|object| object["oldPassword"] = json!(12_345_678))),
    ]
}

#[test]
fn wrong_lines_are_refused_without_an_echo_and_before_anything_is_dialled() {
    let setup = Setup::of("rest");
    for (what, line) in wrong_lines(&setup) {
        let ran = setup.run_line(&RUN, &line);
        assert_eq!((ran.exit, ran.result["outcome"].as_str()), (2, Some("not-started")), "{what}: {ran:?}");
        let said = format!("{}{}", ran.result, ran.stderr);
        assert!(!said.contains("echo-Me-n0t"), "{what} is echoed: {said}");
        assert_eq!(setup.server.connections(), 0, "{what}");
    }
}

#[test]
fn unknown_keys_and_the_order_of_records_do_not_matter() {
    let mut setup = Setup::of("rest");
    setup.params.top.insert("newPrivateKey".to_owned(), json!({ "any": ["thing"] }));
    setup.params.top.shift_remove("resourceRecordUid");
    setup.params.records.reverse();
    setup.params.records.push(
        json!({ "uid": "x", "title": "Wide", "host": { "hostName": "h", "port": "1" }, "list": [1, null, true] }),
    );
    assert_eq!(setup.run(&RUN).exit, 0);
}
