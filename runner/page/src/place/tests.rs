//! Decoders of their own against every encoder: what was put in comes out, and the structure around it stays.

use super::*;
use crate::names::Step;
use crate::testing::{AWKWARD, World, answer, answer_with, page, routes};
use proptest::prelude::*;
use serde_json::json;

/// Percent escapes decoded, and blanks if `plus` says that `+` is one. Anything malformed fails the test.
fn unescape(text: &str, plus: bool) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).expect("a hexadecimal digit") as u8;
                bytes.push(digit(high) * 16 + digit(low));
                rest = after;
            }
            (b'+', _) if plus => {
                bytes.push(b' ');
                rest = tail;
            }
            (byte, _) => {
                assert!(byte.is_ascii_graphic(), "raw byte {byte}");
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn pairs(text: &str, plus: bool) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("one `=`");
        assert!(!value.contains('='));
        (unescape(name, plus), unescape(value, plus))
    };
    if text.is_empty() { Vec::new() } else { text.split('&').map(pair).collect() }
}

fn unbase64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for byte in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|have| *have == byte).expect("a base64 character") as u32;
        bits = (bits << 6 | value) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    assert_eq!(text.len() % 4, 0);
    String::from_utf8(bytes).expect("UTF-8")
}

/// Reads `"…"` with JSON escapes from the front; what follows it.
fn json_literal(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.strip_prefix('"').expect("an opening quote").char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 2..]),
            '\\' => match characters.next().expect("an escape").1 {
                'u' => {
                    let digits: String = (0..4).map(|_| characters.next().expect("four digits").1).collect();
                    value.push(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
                }
                escaped @ ('"' | '\\') => value.push(escaped),
                other => panic!("an escape nobody knows: {other}"),
            },
            control if u32::from(control) < 0x20 => panic!("a raw control character"),
            other => value.push(other),
        }
    }
    panic!("an open literal");
}

/// Reads `'…'` with doubled quotes from the front; what follows it.
fn odata_literal(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text.strip_prefix('\'').expect("an opening quote");
    loop {
        let (before, after) = rest.split_once('\'').expect("a closing quote");
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return (value, after),
        }
    }
}

/// Reads the value of `(uid=…)`.
fn ldap_value(text: &str) -> String {
    let inner = text.strip_prefix("(uid=").and_then(|rest| rest.strip_suffix(')')).expect("one comparison");
    let mut bytes = Vec::new();
    let mut rest = inner.as_bytes();
    while let [first, tail @ ..] = rest {
        assert!(!b"*()\0".contains(first), "a raw {first}");
        match (first, tail) {
            (b'\\', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).expect("a digit") as u8;
                bytes.push(digit(high) * 16 + digit(low));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn header<'p>(placed: &'p Placed, name: &str) -> &'p str {
    let mut values = placed.headers.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_str());
    let value = values.next().expect("the header");
    assert_eq!(values.next(), None);
    value
}

fn body(placed: &Placed) -> &str {
    std::str::from_utf8(placed.body.as_deref().expect("a body")).expect("UTF-8")
}

/// Any text, with a liking for what breaks things.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-._~a-zA-Z0-9 /\\\\%&=+?#:@;,'\"<>(){}*\\[\\]é\u{0}\r\n]{0,20}",
        Just(AWKWARD.to_owned()),
        "\\.{1,3}",
        "(%2e|\\.){1,2}",
        "[a-z]{0,3}(%2[fF]|/|\\\\)\\.\\.",
    ]
}

/// Every place at once.
const EVERYWHERE: &str = r#"
[[route]]
name    = "all"
for     = ["change"]
changes = true
request = "POST {api.url}/a:b/pre-{user}-post/{user}/end"
json    = { a = { "b/c~" = "{new-password}" }, l = ["{user}", 1], c = "{user}:{new-password}", e = { base64 = "{user}:{new-password}" } }
expects = { status = 200 }

[[route]]
name    = "query"
for     = ["change"]
changes = true
request = "POST {api.url}/q"
query   = { one = "{user}", two = "x {new-password} y", scim = 'a eq "{user:scim}"', odata = "a eq '{user:odata}'", ldap = "(uid={user:ldap-filter})", json = '{{"a":"{user:json}"}}', url = "https://x.example/?u={user:url}" }
expects = { status = 200 }

[[route]]
name    = "form"
for     = ["change"]
changes = true
request = "POST {api.url}/"
basic   = { user = "{user}", password = "{new-password}" }
form    = { "first name" = "{new-password}", second = "{user}", third = "fixed &=" }
expects = { status = 200 }

[[route]]
name    = "xml"
for     = ["change"]
changes = true
request = "POST {api.url}"
xml     = '<a x="{user}"><b>{new-password}</b><c>-{user}-</c></a>'
expects = { status = 200 }

[[route]]
name    = "header"
for     = ["change"]
changes = true
request = "POST {api.url}/x"
headers = { x-one = "Bearer {new-password}", x-two = "{user}", x-three = { base64 = "{user}:{new-password}" } }
text    = "user={user};"
expects = { status = 200 }
"#;

proptest! {
    #[test]
    fn no_user_changes_the_segments_of_a_path(user in hostile()) {
        let page = routes(EVERYWHERE);
        let world = World::new(&page, Step::Change, &user, "p", "f");
        match world.place(&page, "all") {
            Ok(placed) => {
                let segments: Vec<&str> = placed.path.split('/').collect();
                prop_assert_eq!(&segments[..3], &["", "base", "a:b"]);
                prop_assert_eq!(segments.len(), 6);
                prop_assert_eq!(unescape(segments[3], false), format!("pre-{user}-post"));
                prop_assert_eq!(unescape(segments[4], false), user.clone());
                prop_assert_eq!(segments[5], "end");
                let once = unescape(segments[4], false);
                prop_assert!(!["", ".", ".."].contains(&once.as_str()));
                prop_assert!(!once.contains(['/', '\\']));
                prop_assert_eq!(&placed.origin, "https://api.example");
            }
            Err(error) => {
                let refused = user.is_empty() || user == "." || user == ".." || user.contains(['/', '\\', '%'])
                    || user.chars().any(char::is_control);
                prop_assert!(refused, "{} should have been placed: {error}", user.escape_debug());
            }
        }
    }

    #[test]
    fn no_value_changes_the_pairs_of_a_query_or_the_language_inside(user in hostile(), password in hostile()) {
        let page = routes(EVERYWHERE);
        let placed = World::new(&page, Step::Change, &user, &password, "f").place(&page, "query").unwrap();
        prop_assert!(!placed.query.contains(['#', ' ', '+']));
        let query = pairs(&placed.query, false);
        let names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(names, ["one", "two", "scim", "odata", "ldap", "json", "url"]);
        prop_assert_eq!(&query[0].1, &user);
        prop_assert_eq!(&query[1].1, &format!("x {password} y"));
        prop_assert_eq!(json_literal(query[2].1.strip_prefix("a eq ").unwrap()), (user.clone(), ""));
        prop_assert_eq!(odata_literal(query[3].1.strip_prefix("a eq ").unwrap()), (user.clone(), ""));
        prop_assert_eq!(ldap_value(&query[4].1), user.clone());
        prop_assert_eq!(json_literal(query[5].1.strip_prefix("{\"a\":").unwrap()), (user.clone(), "}"));
        prop_assert_eq!(unescape(query[6].1.strip_prefix("https://x.example/?u=").unwrap(), false), user);
    }

    #[test]
    fn no_value_changes_the_structure_of_json(user in "[^/\\\\%\\p{Cc}]{2,20}", password in hostile()) {
        prop_assume!(user != "..");
        let page = routes(EVERYWHERE);
        let placed = World::new(&page, Step::Change, &user, &password, "f").place(&page, "all").unwrap();
        let both = format!("{user}:{password}");
        let mut read: serde_json::Value = serde_json::from_str(body(&placed)).unwrap();
        let encoded = read.as_object_mut().unwrap().remove("e").unwrap();
        prop_assert_eq!(unbase64(encoded.as_str().unwrap()), both.clone());
        prop_assert_eq!(read, json!({ "a": { "b/c~": password }, "l": [user, 1], "c": both }));
        prop_assert_eq!(header(&placed, "content-type"), "application/json");
    }

    #[test]
    fn no_value_changes_the_pairs_of_a_form_or_the_parts_of_basic(user in hostile(), password in hostile()) {
        let page = routes(EVERYWHERE);
        match World::new(&page, Step::Change, &user, &password, "f").place(&page, "form") {
            Ok(placed) => {
                let wanted = [("first name", password.as_str()), ("second", &user), ("third", "fixed &=")];
                prop_assert_eq!(pairs(body(&placed), true), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
                prop_assert!(!body(&placed).contains(' '));
                let basic = unbase64(header(&placed, "authorization").strip_prefix("Basic ").unwrap());
                prop_assert_eq!(basic.split_once(':'), Some((user.as_str(), password.as_str())));
                prop_assert_eq!(placed.headers.len(), 2);
                prop_assert_eq!(&placed.path, "/base/");
            }
            Err(_) => {
                let control = user.chars().chain(password.chars()).any(char::is_control);
                prop_assert!(user.contains(':') || control);
            }
        }
    }

    #[test]
    fn no_value_changes_the_elements_of_xml(user in hostile(), password in hostile()) {
        let page = routes(EVERYWHERE);
        match World::new(&page, Step::Change, &user, &password, "f").place(&page, "xml") {
            Ok(placed) => {
                let document = roxmltree::Document::parse(body(&placed)).unwrap();
                let a = document.root_element();
                prop_assert_eq!(document.descendants().filter(|node| node.is_element()).count(), 3);
                prop_assert_eq!(a.attributes().len(), 1);
                prop_assert_eq!(a.attribute("x"), Some(user.as_str()));
                prop_assert_eq!(a.first_element_child().unwrap().text().unwrap_or(""), &password);
                prop_assert_eq!(a.last_element_child().unwrap().text().unwrap_or(""), format!("-{user}-"));
                prop_assert_eq!(&placed.path, "/base");
            }
            Err(_) => {
                let forbidden = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || "\u{FFFE}\u{FFFF}".contains(c);
                prop_assert!(user.chars().chain(password.chars()).any(forbidden));
            }
        }
    }

    #[test]
    fn no_value_adds_a_header_or_a_line(user in hostile(), password in hostile()) {
        let page = routes(EVERYWHERE);
        match World::new(&page, Step::Change, &user, &password, "f").place(&page, "header") {
            Ok(placed) => {
                prop_assert_eq!(header(&placed, "x-one"), format!("Bearer {password}"));
                prop_assert_eq!(header(&placed, "x-two"), &user);
                prop_assert_eq!(unbase64(header(&placed, "x-three")), format!("{user}:{password}"));
                prop_assert_eq!(placed.headers.len(), 4);
                prop_assert!(placed.headers.iter().all(|(_, value)| value.bytes().all(|byte| (0x20..0x7f).contains(&byte))));
                prop_assert_eq!(body(&placed), format!("user={user};"));
            }
            Err(_) => {
                let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
                prop_assert!(!plain(&user) || !plain(&password));
            }
        }
    }

    #[test]
    fn a_token_of_a_next_page_stays_one_value(token in any::<String>()) {
        let page = page("synapse");
        let world = World::new(&page, Step::Change, "@a:b", "p", "f");
        let next = NextPage::Token { key: "from".to_owned(), token: token.clone() };
        let placed = place(&page, page.route("find").unwrap(), &world.scope(), Some(&next)).unwrap();
        let query = pairs(&placed.query, false);
        prop_assert_eq!(&query[..2], &[("user_id".to_owned(), "@a:b".to_owned()), ("guests".to_owned(), "false".to_owned())]);
        prop_assert_eq!(&query[2..], &[("from".to_owned(), token)]);
    }
}

#[test]
fn the_awkward_password_goes_through_every_placement_or_is_refused() {
    let page = routes(EVERYWHERE);
    let world = World::new(&page, Step::Change, "svc", AWKWARD, "f");
    let query = world.place(&page, "query").unwrap();
    assert_eq!(pairs(&query.query, false)[1].1, format!("x {AWKWARD} y"));
    let all = world.place(&page, "all").unwrap();
    assert_eq!(
        body(&all),
        r#"{"a":{"b/c~":"N3w\"pa$s\\w0rd & <é> %41+"},"l":["svc",1],"c":"svc:N3w\"pa$s\\w0rd & <é> %41+","e":"c3ZjOk4zdyJwYSRzXHcwcmQgJiA8w6k+ICU0MSs="}"#
    );
    let form = world.place(&page, "form").unwrap();
    assert_eq!(body(&form), "first+name=N3w%22pa%24s%5Cw0rd+%26+%3C%C3%A9%3E+%2541%2B&second=svc&third=fixed+%26%3D");
    assert_eq!(header(&form, "authorization"), "Basic c3ZjOk4zdyJwYSRzXHcwcmQgJiA8w6k+ICU0MSs=");
    let xml = world.place(&page, "xml").unwrap();
    assert_eq!(body(&xml), r#"<a x="svc"><b>N3w&quot;pa$s\w0rd &amp; &lt;é&gt; %41+</b><c>-svc-</c></a>"#);
    let refused = world.place(&page, "header").err().unwrap();
    assert_eq!(
        refused.to_string(),
        "`new-password` cannot stand in header x-one: it holds a character that cannot stand in a header (only visible ASCII and blanks can)"
    );
}

#[test]
fn a_value_that_cannot_stand_in_a_path_is_refused_with_the_reason_and_without_the_value() {
    let page = page("vault-userpass");
    for (user, reason) in [
        ("", "it is empty"),
        (".", "`.` or `..`"),
        ("..", "`.` or `..`"),
        ("a/b", "slash"),
        ("a\\b", "backslash"),
        ("a%2fb", "percent escape"),
        ("%2e%2e", "percent escape"),
        ("a\nb", "control character"),
        ("a\u{85}b", "control character"),
    ] {
        let error = World::new(&page, Step::Change, user, "p", "f").place(&page, "exists").err().unwrap();
        assert_eq!((error.name.as_str(), error.place.as_str()), ("user", "path segment 5"));
        assert!(error.reason.contains(reason), "{error}");
        assert!(user.len() < 3 || !error.to_string().contains(user), "{error}");
    }
    let placed = World::new(&page, Step::Change, "50%", "p", "f").place(&page, "exists").unwrap();
    assert!(placed.path.ends_with("/50%25"));
}

#[test]
fn dots_made_of_literal_and_value_are_refused() {
    let page = routes("[[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"GET {api.url}/.{user}/%2e{user}\"\n");
    assert!(World::new(&page, Step::Change, ".", "p", "f").place(&page, "r").is_err());
    assert_eq!(World::new(&page, Step::Change, "a", "p", "f").place(&page, "r").unwrap().path, "/base/.a/%2ea");
}

#[test]
fn literals_of_a_path_keep_their_escapes() {
    let page = page("everything");
    let world =
        World::new(&page, Step::Change, "u", "p", "f").arg("group", "g").arg("kind", "user").arg("text", "it's");
    let mut world = world;
    world.learn(&page, "login", answer_with(201, &[("x-token", "t0"), ("set-cookie", "XSRF-TOKEN=x1; Path=/")], ""));
    let placed = world.place(&page, "groups").unwrap();
    assert_eq!(placed.path, "/base/groups/g/%2F/");
    assert_eq!(header(&placed, "x-xsrf-token"), "x1");
    assert_eq!(header(&placed, "x-bare"), "t0");
    assert_eq!(unbase64(header(&placed, "x-auth")), "f:t0");
    assert_eq!(pairs(&placed.query, false)[1].1, "name eq 'it''s'");
}

#[test]
fn a_literal_origin_needs_no_record() {
    let page = page("entra");
    let mut world = World::new(&page, Step::Change, "a@b.example", "p", "f");
    let token = world.place(&page, "token").unwrap();
    assert_eq!(
        (token.origin.as_str(), token.path.as_str()),
        ("https://login.microsoftonline.com", "/f/oauth2/v2.0/token")
    );
    assert!(world.place(&page, "set").is_err(), "the token is not there yet");
    world.learn(&page, "token", answer(200, r#"{"access_token":"eyJ"}"#));
    let set = world.place(&page, "set").unwrap();
    assert_eq!(set.path, "/v1.0/users/a%40b.example");
    assert_eq!(header(&set, "authorization"), "Bearer eyJ");
    assert_eq!(body(&set), r#"{"passwordProfile":{"password":"p","forceChangePasswordNextSignIn":false}}"#);
}

#[test]
fn a_bind_keeps_its_json_type() {
    let page = page("rabbitmq");
    for tags in [r#"["administrator","x"]"#, r#""administrator""#, "12345678901234567890.10", "{}"] {
        let mut world = World::new(&page, Step::Change, "svc", "p", "f");
        world.learn(&page, "read", answer(200, &format!(r#"{{"name":"svc","tags":{tags}}}"#)));
        let set = world.place(&page, "set").unwrap();
        assert_eq!(body(&set), format!(r#"{{"password":"p","tags":{tags}}}"#));
    }
}

#[test]
fn a_list_cannot_stand_in_text() {
    let page = page("scim");
    let mut world = World::new(&page, Step::Change, "svc", "p", "f");
    world.learn(&page, "find", answer(200, r#"{"Resources":[{"userName":"svc","id":["x"]}]}"#));
    let error = world.place(&page, "set").err().unwrap();
    assert_eq!(error.name, "find.id");
    assert!(error.reason.contains("only JSON can hold"));
}

#[test]
fn a_kept_document_goes_back_numbers_and_all() {
    let page = page("couchdb");
    let mut world = World::new(&page, Step::Change, "svc", AWKWARD, "f");
    let read = r#"{"_id":"org.couchdb.user:svc","_rev":"3-a","roles":["x"],"n":1.10,"big":123456789012345678901234567890,"password":"gone","z":null}"#;
    assert!(world.place(&page, "write").is_err());
    world.learn(&page, "read", answer(200, read));
    let write = world.place(&page, "write").unwrap();
    let wanted = read.replace("gone", r#"N3w\"pa$s\\w0rd & <é> %41+"#);
    assert_eq!(body(&write), wanted);
    assert_eq!(write.path, "/base/_users/org.couchdb.user:svc");
}

#[test]
fn members_of_a_kept_document_are_merged() {
    let page = routes(
        "[[route]]\nname = \"read\"\nfor = [\"change\"]\nrequest = \"GET {api.url}/\"\nkeeps = true\n\
         [[route]]\nname = \"write\"\nfor = [\"change\"]\nchanges = true\nrequest = \"PUT {api.url}/\"\njson-from = \"read\"\n\
         json = { a = { b = \"{new-password}\", c = { d = 1 } }, e = { f = { null = true } } }\nexpects = { status = 200 }\n",
    );
    let mut world = World::new(&page, Step::Change, "svc", "p", "f");
    world.learn(&page, "read", answer(200, r#"{"a":{"x":1,"b":2,"c":3},"e":[1]}"#));
    let write = world.place(&page, "write").unwrap();
    assert_eq!(body(&write), r#"{"a":{"x":1,"b":"p","c":{"d":1}},"e":{"f":null}}"#);
}

#[test]
fn every_kind_of_json_is_written_as_the_page_says() {
    let page = page("everything");
    let world = World::new(&page, Step::Finish, "u", "p", "f");
    let deep = world.place(&page, "deep").unwrap();
    assert_eq!(body(&deep), r#"[1,-2.50,16,true,null,"dTpm","{literal}",[],{}]"#);
    assert_eq!(deep.origin, "https://api.example:8443");
    let sign_in = world.place(&page, "sign-in").unwrap();
    assert_eq!(body(&sign_in), r#""p""#);
    assert_eq!(sign_in.path, "/base/");
}

#[test]
fn a_secret_that_is_not_there_is_said_by_name() {
    let page = page("wiki");
    let world = World::new(&page, Step::Verify, "u", "p", "f");
    let mut scope = world.scope();
    scope.candidate = None;
    let error = place(&page, page.route("sign-in").unwrap(), &scope, None).err().unwrap();
    assert_eq!((error.name.as_str(), error.place.as_str()), ("candidate", "form lgpassword"));
}
