//! Verdicts, by the worked pages and by pages that ask for one thing.

use super::*;
use crate::names::Step;
use crate::place::NextPage;
use crate::testing::{World, answer, answer_with, page, routes};
use proptest::prelude::*;
use serde_json::json;

use Verdict::{Accepted, Passed, Refused, Unmatched, Unmet};

/// Page, step, route, status, body, verdict.
type Case = (&'static str, Step, &'static str, u16, &'static str, Verdict);

#[rustfmt::skip]
const VERDICTS: &[Case] = &[
    // The plain case: status alone.
    ("vault-userpass", Step::Change, "exists", 200, "{}", Accepted),
    ("vault-userpass", Step::Change, "exists", 404, "{}", Unmatched),
    ("vault-userpass", Step::Change, "set", 204, "", Accepted),
    ("vault-userpass", Step::Change, "set", 403, "{}", Refused),
    ("vault-userpass", Step::Change, "set", 200, "{}", Unmatched),
    ("vault-userpass", Step::Change, "set", 500, "{}", Unmatched),
    ("vault-userpass", Step::Verify, "sign-in", 400, "garbage", Refused),
    ("vault-userpass", Step::Verify, "sign-in", 503, "", Unmatched),
    ("vault-userpass", Step::Verify, "sign-out", 204, "", Accepted),
    ("vault-userpass", Step::Verify, "sign-out", 403, "", Passed),
    ("vault-userpass", Step::Verify, "sign-out", 502, "", Passed),
    ("rabbitmq", Step::Change, "set", 201, "", Unmatched),
    // A capture that is not there never alters the verdict of a sign-in.
    ("vault-userpass", Step::Verify, "sign-in", 200, "{}", Accepted),
    // Body and status.
    ("okta", Step::Verify, "sign-in", 200, r#"{"status":"SUCCESS","sessionToken":"s"}"#, Accepted),
    ("okta", Step::Verify, "sign-in", 200, r#"{"status":"LOCKED_OUT"}"#, Unmatched),
    ("okta", Step::Verify, "sign-in", 200, "", Unmatched),
    ("okta", Step::Verify, "sign-in", 401, r#"{"errorCode":"E0000004"}"#, Refused),
    ("okta", Step::Verify, "sign-in", 401, r#"{"errorCode":"E0000011"}"#, Unmatched),
    ("okta", Step::Verify, "sign-in", 401, r#"{"errorCode":"E0000004","errorCode":"x"}"#, Unmatched),
    // Every answer is a 200; garbage and cut answers are neither accepted nor refused.
    ("wiki", Step::Change, "set", 200, r#"{"change":{"status":"success"}}"#, Accepted),
    ("wiki", Step::Change, "set", 200, r#"{"error":{"code":"badtoken"}}"#, Refused),
    ("wiki", Step::Change, "set", 200, r#"{"change":{"status":"success"},"error":{"code":"x"}}"#, Unmatched),
    ("wiki", Step::Change, "set", 200, r#"{"change":{"status":"success"}"#, Unmatched),
    ("wiki", Step::Change, "csrf", 200, r#"{"query":{"tokens":{"csrftoken":"abc+\\"}}}"#, Accepted),
    ("wiki", Step::Change, "csrf", 200, r#"{"query":{"tokens":{"csrftoken":"+\\"}}}"#, Unmatched),
    ("wiki", Step::Change, "csrf", 200, "<html>", Unmatched),
    ("wiki", Step::Verify, "sign-in", 200, r#"{"login":{"result":"WrongPass"}}"#, Refused),
    // JSON-RPC.
    ("json-rpc", Step::Change, "login", 200, r#"{"jsonrpc":"2.0","result":"s1","id":1}"#, Accepted),
    ("json-rpc", Step::Change, "login", 200, r#"{"jsonrpc":"2.0","error":{"code":-32500},"id":1}"#, Unmatched),
    ("json-rpc", Step::Change, "login", 200, r#"{"jsonrpc":"2.0","result":"","id":1}"#, Unmet),
    ("json-rpc", Step::Change, "find", 200, r#"{"result":[{"userid":"5"}]}"#, Accepted),
    ("json-rpc", Step::Change, "find", 200, r#"{"result":[]}"#, Unmet),
    ("json-rpc", Step::Change, "find", 200, r#"{"result":{}}"#, Unmet),
    ("json-rpc", Step::Change, "set", 200, r#"{"error":{"code":-32602}}"#, Refused),
    ("json-rpc", Step::Verify, "sign-in", 200, r#"{"result":"x"}"#, Accepted),
    ("json-rpc", Step::Verify, "sign-in", 200, r#"{"result":null}"#, Unmatched),
    ("json-rpc", Step::Verify, "sign-in", 200, r#"{"id":1}"#, Unmatched),
    ("json-rpc", Step::Verify, "sign-in", 200, "", Unmatched),
    // XML.
    ("splunk", Step::Change, "login", 200, "<response><sessionKey>k</sessionKey></response>", Accepted),
    ("splunk", Step::Change, "login", 200, "<response/>", Unmet),
    ("splunk", Step::Change, "set", 400, r#"<response><messages><msg type="ERROR">no</msg></messages></response>"#, Refused),
    ("splunk", Step::Change, "set", 400, r#"<response><messages><msg type="ERROR">no</msg></messages>"#, Unmatched),
    ("splunk", Step::Verify, "sign-in", 200, "<response><sessionKey>k</sessionKey></response>", Accepted),
    ("splunk", Step::Verify, "sign-in", 200, "<response/>", Unmatched),
    ("splunk", Step::Verify, "sign-in", 200, "<response><sessionKey/></response>", Unmatched),
    ("splunk", Step::Verify, "sign-in", 200, "<!DOCTYPE a><response><sessionKey>k</sessionKey></response>", Unmatched),
    ("splunk", Step::Verify, "sign-in", 401, "<response><messages><msg>Login failed</msg></messages></response>", Refused),
    // Alternatives, whole answers, bare values.
    ("everything", Step::Change, "login", 200, "0", Unmet),
    ("everything", Step::Change, "login", 200, "1", Unmatched),
    ("everything", Step::Verify, "sign-in", 201, "\"ok\"", Accepted),
    ("everything", Step::Verify, "sign-in", 200, "true", Accepted),
    ("everything", Step::Verify, "sign-in", 200, "\"true\"", Unmatched),
    ("everything", Step::Verify, "sign-in", 422, r#"{"verified":false}"#, Refused),
    // What must hold of a look-up.
    ("elasticsearch", Step::Change, "read", 200, r#"{"svc":{}}"#, Accepted),
    ("elasticsearch", Step::Change, "read", 200, r#"{"svc":{},"other":{}}"#, Unmet),
    ("elasticsearch", Step::Change, "set", 200, "{}", Accepted),
    ("elasticsearch", Step::Change, "set", 200, r#"{"created":true}"#, Unmatched),
    ("elasticsearch", Step::Verify, "whoami", 200, r#"{"username":"svc","enabled":true}"#, Accepted),
    ("elasticsearch", Step::Verify, "whoami", 200, r#"{"username":"root","enabled":true}"#, Unmatched),
    ("grafana", Step::Change, "find", 200, r#"{"id":7,"isExternal":false,"isDisabled":false}"#, Accepted),
    ("grafana", Step::Change, "find", 200, r#"{"id":7,"isExternal":true,"isDisabled":false}"#, Unmet),
    ("grafana", Step::Change, "find", 200, r#"{"id":null,"isExternal":false,"isDisabled":false}"#, Unmet),
    ("grafana", Step::Finish, "find-again", 204, r#"{"id":7}"#, Accepted),
    ("grafana", Step::Finish, "find-again", 302, r#"{"id":7}"#, Unmatched),
    ("couchdb", Step::Change, "read", 200, r#"["not an object"]"#, Unmet),
    ("couchdb", Step::Change, "read", 200, r#"{"_rev":"1-a"}"#, Accepted),
];

#[test]
fn each_answer_gets_its_verdict() {
    for (name, step, route, status, body, wanted) in VERDICTS {
        let page = page(name);
        let world = World::new(&page, *step, "svc", "p", "f");
        let judged = world.judge(&page, route, answer(*status, body));
        assert_eq!(judged.verdict, *wanted, "{name} {route} {status} {body}: {judged:?}");
        assert_eq!(judged.status, *status);
        assert_eq!(judged.verdict == Unmet, judged.verdict != Accepted && !judged.unmet.is_empty());
    }
}

#[test]
fn a_precondition_that_fails_says_its_else_and_binds_nothing() {
    let page = page("okta");
    let mut world = World::new(&page, Step::Change, "Svc@Acme.example", "p", "f");
    let user = |login: &str, status: &str| {
        json!({ "id": "00u1", "status": status, "profile": { "login": login }, "credentials": { "provider": { "type": "OKTA" } } })
            .to_string()
    };
    let judged = world.learn(&page, "find-by-login", answer(200, &user("root@acme.example", "SUSPENDED")));
    assert_eq!(judged.verdict, Unmet, "also on a route that may fail");
    assert_eq!(judged.unmet, ["the API answered with another account", "the account is SUSPENDED"]);
    assert_eq!(world.progress.bind("account.id"), None);
    assert_eq!(
        world.progress.ended(),
        Some("route `find-by-login`: the API answered with another account; the account is SUSPENDED")
    );
    let mut world = World::new(&page, Step::Change, "Svc@Acme.example", "p", "f");
    assert_eq!(world.learn(&page, "find-by-login", answer(404, "{}")).verdict, Passed);
    assert_eq!(world.progress.ended(), None);
    let judged = world.judge(&page, "find-by-login", answer(200, &user("svc@acme.EXAMPLE", "ACTIVE")));
    assert_eq!(judged.verdict, Accepted, "logins are compared ignoring case");
    assert_eq!(judged.binds[0], (BindName::new("account.id"), json!("00u1")));
}

fn okta_user(id: &str, status: &str) -> serde_json::Value {
    json!({ "id": id, "status": status, "profile": { "login": "svc" }, "credentials": { "provider": { "type": "OKTA" } } })
}

#[test]
fn exactly_one_element_is_picked_over_all_pages() {
    let page = page("okta");
    let world = World::new(&page, Step::Change, "svc", "p", "f");
    let route = page.route("find-by-filter").unwrap();
    let list = |users: &[serde_json::Value]| answer(200, &serde_json::Value::from(users.to_vec()).to_string());
    let judged = |answers: &[crate::answer::Answer], more| judge(route, answers, more, &world.scope());
    let gone = okta_user("1", "DEPROVISIONED");
    let live = okta_user("2", "ACTIVE");
    let one = judged(&[list(std::slice::from_ref(&gone)), list(std::slice::from_ref(&live))], false);
    assert_eq!((one.verdict, &one.binds[0].1), (Accepted, &json!("2")));
    for (answers, more, said) in [
        (vec![list(std::slice::from_ref(&live)), list(std::slice::from_ref(&live))], false, "2 live accounts match"),
        (vec![list(std::slice::from_ref(&gone))], false, "0 live accounts match"),
        (vec![list(std::slice::from_ref(&live))], true, "the list has more than 10 pages, and not all were read"),
        (vec![answer(200, "{}")], false, "the answer has no list at its top"),
        (vec![answer(200, "[")], false, "the answer has no list at its top"),
    ] {
        let judged = judged(&answers, more);
        assert_eq!((judged.verdict, judged.unmet), (Unmet, vec![said.to_owned()]));
        assert!(judged.binds.is_empty());
    }
    let second_fails = judged(&[list(std::slice::from_ref(&live)), answer(429, "{}")], false);
    assert_eq!((second_fails.verdict, second_fails.status), (Unmatched, 429));
    assert_eq!(judged(&[], false).verdict, Unmet);
}

#[test]
fn no_match_on_a_route_that_may_fail_is_passed() {
    let page = routes(
        "[[route]]\nname = \"find\"\nfor = [\"change\"]\nmay-fail = true\nrequest = \"GET {api.url}/\"\npicks = { from = \"/u\" }\nbinds = { id = \"/id\" }\n",
    );
    let world = World::new(&page, Step::Change, "svc", "p", "f");
    assert_eq!(world.judge(&page, "find", answer(200, r#"{"u":[]}"#)).verdict, Passed);
    assert_eq!(world.judge(&page, "find", answer(200, r#"{"u":[{"id":1},{"id":2}]}"#)).verdict, Unmet);
    assert_eq!(world.judge(&page, "find", answer(200, r#"{}"#)).verdict, Unmet);
    assert_eq!(world.judge(&page, "find", answer(200, r#"{"u":[{"id":1}]}"#)).verdict, Accepted);
}

#[test]
fn what_is_captured_is_never_shown_and_known_even_when_unmet() {
    let page = page("everything");
    let mut world = World::new(&page, Step::Change, "svc", "p", "f");
    let headers = [("x-token", "tok-1"), ("set-cookie", "a=b"), ("set-cookie", "XSRF-TOKEN=x-1; Path=/; Secure")];
    let judged = world.learn(&page, "login", answer_with(201, &headers, ""));
    assert_eq!((judged.verdict, judged.shown.len()), (Accepted, 0));
    assert_eq!(world.progress.capture("login.token").unwrap().lend(), "tok-1");
    assert_eq!(world.progress.capture("shared.xsrf").unwrap().lend(), "x-1");
    assert_eq!(format!("{:?}", world.progress.capture("login.token").unwrap()), "Secret(login.token)");
    let mut world = World::new(&page, Step::Change, "svc", "p", "f");
    let judged = world.learn(&page, "login", answer_with(201, &headers[..1], ""));
    assert_eq!(judged.verdict, Unmet, "the cookie is missing");
    assert_eq!(world.progress.captures().count(), 1, "what was captured can still be redacted");
}

#[test]
fn no_message_says_a_cookie_or_what_is_captured() {
    let page = routes(
        "[[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"GET {api.url}/\"\ncaptures = { t = \"/a/t\" }\n\
         requires = [{ at = \"/a\", length = 9, else = \"a is {value}\" }, { at = \"/a/t\", length = 9 },\n\
         { at = \"cookie:c\", length = 9 }, { at = \"header:set-cookie\", length = 9 }, { at = \"/b\", length = 9 }]\n\
         warns = { \"\" = { length = 2 }, \"/b\" = \"ok\" }\n",
    );
    let world = World::new(&page, Step::Change, "svc", "p", "f");
    let judged = world.judge(&page, "r", answer_with(200, &[("set-cookie", "c=tok")], r#"{"a":{"t":"tok"},"b":"ok"}"#));
    let wanted = [
        "a is a secret",
        "`/a/t` is a secret",
        "`cookie:c` is a secret",
        "`header:set-cookie` is a secret",
        "`/b` is ok",
    ];
    assert_eq!(judged.unmet, wanted);
    assert_eq!(judged.warnings, ["the answer is a secret", "`/b` is ok"]);
}

#[test]
fn shown_values_are_texts_also_of_refusals_and_absent_ones_are_left_out() {
    let page = page("entra");
    let world = World::new(&page, Step::Change, "svc", "p", "f");
    let refused = answer_with(400, &[("request-id", "r1")], r#"{"error":{"code":{"nested":[1,true]}}}"#);
    let judged = world.judge(&page, "set", refused);
    assert_eq!(judged.verdict, Refused);
    let wanted = [("code", r#"{"nested":[1,true]}"#), ("request-id", "r1")];
    assert_eq!(judged.shown, wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert!(world.judge(&page, "set", answer(204, "")).shown.is_empty());
}

#[test]
fn warnings_are_said_of_accepted_answers_only() {
    let page = page("okta");
    let world = World::new(&page, Step::Verify, "svc", "p", "f");
    let judged = world.judge(&page, "sign-in", answer(200, r#"{"status":"PASSWORD_EXPIRED","stateToken":"s"}"#));
    assert_eq!(judged.warnings, ["`/status` is PASSWORD_EXPIRED"]);
    let judged = world.judge(&page, "sign-in", answer(401, r#"{"status":"PASSWORD_EXPIRED","errorCode":"E0000004"}"#));
    assert!(judged.warnings.is_empty());
}

/// What one test says about one value at `/v`, or about a whole answer.
#[test]
fn each_test_holds_where_it_should() {
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], &[&str])] = &[
        (r#""a""#, &[r#""a""#], &[r#""A""#, "1", "null", r#"["a"]"#, "{}"]),
        ("1", &["1", "1.0", "1e0"], &["2", r#""1""#, "true"]),
        ("123456789012345678901234567890", &["123456789012345678901234567890"], &["123456789012345678901234567891"]),
        ("true", &["true"], &["false", r#""true""#, "1"]),
        (r#"{ equals = "Äb", ignore-case = true }"#, &[r#""äB""#], &[r#""ab""#]),
        (r#"{ one-of = ["a", 1, true] }"#, &[r#""a""#, "1", "true"], &[r#""b""#, "2", "false", "null"]),
        (r#"{ not = "a" }"#, &[r#""b""#, "1", "null", "{}"], &[r#""a""#]),
        (r#"{ not = { one-of = ["a", "b"] } }"#, &[r#""c""#], &[r#""a""#, r#""b""#]),
        (r#"{ not = { not = "a" } }"#, &[r#""a""#], &[r#""b""#]),
        ("{ absent = false }", &["1", "null"], &[]),
        ("{ absent = true }", &[], &["1", "null"]),
        ("{ null = true }", &["null"], &["0", r#""null""#]),
        ("{ null = false }", &["0", "{}"], &["null"]),
        ("{ length = 2 }", &["[1,2]", r#"{"a":1,"b":2}"#, r#""éé""#], &["[1]", "2", r#""éée""#, "null"]),
        (r#"{ contains = "svc" }"#, &[r#""a svc b""#, r#"["x","svc"]"#], &[r#""sv""#, r#"["svcs"]"#, "{}", "null"]),
        (r#"{ contains = "{user}" }"#, &["[5, 77]", r#""x77x""#], &["[7]"]),
        (r#""{user}""#, &["77", r#""77""#], &["7", r#""077""#, "null"]),
    ];
    for (test, holding, failing) in cases {
        let page = routes(&format!(
            "[[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"GET {{api.url}}/\"\nexpects = {{ \"/v\" = {test} }}\n"
        ));
        let world = World::new(&page, Step::Change, "77", "p", "f");
        for (values, wanted) in [(holding, Accepted), (failing, Unmatched)] {
            for value in *values {
                let judged = world.judge(&page, "r", answer(200, &format!("{{\"v\":{value}}}")));
                assert_eq!(judged.verdict, wanted, "{test} on {value}");
            }
        }
        let printed = page.routes[0].expects.to_string();
        let again = routes(&format!(
            "[[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"GET {{api.url}}/\"\nexpects = {printed}\n"
        ));
        assert_eq!(again.routes[0].expects, page.routes[0].expects, "{printed}");
    }
}

#[test]
fn a_bind_equals_a_value_of_its_own_type() {
    let page = page("json-rpc");
    for (id, ids, wanted) in
        [("5", "[5]", Accepted), ("5", r#"["5"]"#, Accepted), (r#""5""#, "[5]", Accepted), ("5", "[55]", Unmatched)]
    {
        let mut world = World::new(&page, Step::Change, "svc", "p", "f");
        world.learn(&page, "find", answer(200, &format!(r#"{{"result":[{{"userid":{id}}}]}}"#)));
        let judged = world.judge(&page, "set", answer(200, &format!(r#"{{"result":{{"userids":{ids}}}}}"#)));
        assert_eq!(judged.verdict, wanted, "{id} in {ids}");
    }
}

#[test]
fn garbage_never_holds_and_emptiness_must_be_proved() {
    let tests = [
        "\"\" = { absent = true }",
        "\"/error\" = { absent = true }",
        "\"/error\" = { not = { absent = false } }",
        "\"xml:a/error\" = { absent = true }",
        "\"/error\" = { not = { not = { absent = true } } }",
    ];
    for test in tests {
        let page = routes(&format!(
            "[[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"GET {{api.url}}/\"\nexpects = {{ {test} }}\n"
        ));
        let world = World::new(&page, Step::Change, "svc", "p", "f");
        let verdict = |answer| world.judge(&page, "r", answer).verdict;
        for garbage in
            ["", "{", "<a>", "{\"a\":1", "{\"a\":1,\"a\":1}", "{} {}", "\u{feff}{}", "[1,]", &"[".repeat(100_000)]
        {
            assert_eq!(verdict(answer(200, garbage)), Unmatched, "{test} on {garbage}");
        }
        assert_eq!(verdict(answer_with(200, &[("content-length", "0"), ("content-length", "5")], "")), Unmatched);
        assert_eq!(verdict(answer_with(200, &[("content-length", "0")], "{")), Unmatched, "{test}");
        assert_eq!(verdict(answer(204, "")), Accepted, "{test}");
        assert_eq!(verdict(answer_with(201, &[("content-length", "0")], "")), Accepted, "{test}");
    }
}

#[test]
fn expects_without_a_status_asks_for_a_2xx_and_refuses_does_not() {
    let page = routes(
        "[[route]]\nname = \"r\"\nfor = [\"verify\"]\nrequest = \"POST {api.url}/\"\njson = \"{candidate}\"\nexpects = { \"/ok\" = true }\nrefuses = { \"/ok\" = false }\n",
    );
    let world = World::new(&page, Step::Verify, "svc", "p", "f");
    for (status, body, wanted) in [
        (200, r#"{"ok":true}"#, Accepted),
        (299, r#"{"ok":true}"#, Accepted),
        (404, r#"{"ok":true}"#, Unmatched),
        (302, r#"{"ok":true}"#, Unmatched),
        (403, r#"{"ok":false}"#, Refused),
        (500, r#"{"ok":true}"#, Unmatched),
        (500, r#"{"ok":false}"#, Unmatched),
        (599, r#"{"ok":false}"#, Unmatched),
    ] {
        assert_eq!(world.judge(&page, "r", answer(status, body)).verdict, wanted, "{status} {body}");
    }
}

#[test]
fn xml_is_read_by_local_names_in_the_documents_order() {
    let answer = answer(
        200,
        r#"<s:E xmlns:s="urn:s"><b><c>one</c></b><b x="1"><c>two</c><d y="z">th<!-- - -->ree</d></b><s:f>&lt;&#65;</s:f></s:E>"#,
    );
    let reading = Reading::new(&answer);
    for (path, wanted) in [
        ("E/b/c", Some("one")),
        ("E/b/d", Some("three")),
        ("E/b/d/@y", Some("z")),
        ("E/b/@x", Some("1")),
        ("E/f", Some("<A")),
        ("E/g", None),
        ("b/c", None),
        ("E", Some("")),
    ] {
        let place = crate::predicate::Place::Xml(path.split('/').map(str::to_owned).collect());
        assert_eq!(reading.find(&place, None).text().as_deref(), wanted, "{path}");
    }
}

fn link(header: &str) -> Result<Option<NextPage>, String> {
    let page = page("okta");
    let answer = answer_with(200, &[("link", header)], "[]");
    next_page(page.route("find-by-filter").unwrap(), &answer, "https://acme.example:8443", "/api/v1/users")
}

#[test]
fn a_next_link_is_read_as_rfc_8288_says() {
    let query = |query: &str| Ok(Some(NextPage::Query(query.to_owned())));
    for (header, wanted) in [
        ("<https://acme.example:8443/api/v1/users?after=a%3D&limit=2>; rel=\"next\"", query("after=a%3D&limit=2")),
        ("</api/v1/users?after=1>; rel=next", query("after=1")),
        ("<?after=1#top>; rel=next", query("after=1")),
        ("<users?after=1>; rel=next", query("after=1")),
        ("<//ACME.example:8443/api/v1/users?a=1>; rel=next", query("a=1")),
        ("<https://acme.example:8443/api/v1/%75sers?a=[1]>;rel=next", query("a=%5B1%5D")),
        (
            "</api/v1/users?p=0>; rel=\"self\", </api/v1/users?p=2>; title=\"a,b;\\\" <x>\"; rel=\"prev NEXT\"",
            query("p=2"),
        ),
        ("</api/v1/users?p=1> ; Rel = \"next\" , </x>; rel=last", query("p=1")),
        ("</api/v1/users?p=1>; rel=self; rel=next", Ok(None)),
        ("</api/v1/users?p=1>; rel=\"nextish\"", Ok(None)),
        ("</api/v1/users?p=1>; rel=\"next", Ok(None)),
        ("", Ok(None)),
        ("garbage", Ok(None)),
    ] {
        assert_eq!(link(header), wanted, "{header}");
    }
}

#[test]
fn a_next_page_elsewhere_is_refused() {
    for (target, leaves) in [
        ("https://evil.example/api/v1/users?a=1", "host"),
        ("https://acme.example/api/v1/users?a=1", "host"),
        ("http://acme.example:8443/api/v1/users?a=1", "host"),
        ("https://acme.example:8443@evil.example/api/v1/users", "host"),
        ("//evil.example/api/v1/users?a=1", "host"),
        ("https://acme.example:8443/api/v1/groups?a=1", "path"),
        ("https://acme.example:8443/api/v1/users/?a=1", "path"),
        ("/api/v1/users/../groups", "path"),
        ("../v1/users?a", "path"),
        ("/api%2Fv1/users", "path"),
        ("javascript:alert(1)", "path"),
        ("/api/v1\\users", "character"),
    ] {
        let refused = link(&format!("<{target}>; rel=next")).unwrap_err();
        assert!(refused.contains(leaves), "{target}: {refused}");
    }
}

#[test]
fn a_next_token_is_read_from_the_body() {
    let page = page("synapse");
    let route = page.route("find").unwrap();
    let next = |body: &str| next_page(route, &answer(200, body), "https://api.example", "/x").unwrap();
    let token = |token: &str| Some(NextPage::Token { key: "from".to_owned(), token: token.to_owned() });
    assert_eq!(next(r#"{"next_token":"100"}"#), token("100"));
    assert_eq!(next(r#"{"next_token":100}"#), token("100"));
    for last in ["{}", r#"{"next_token":null}"#, r#"{"next_token":""}"#, r#"{"next_token":false}"#, "garbage"] {
        assert_eq!(next(last), None, "{last}");
    }
    for odd in [r#"{"next_token":{"href":"/x?a=1"}}"#, r#"{"next_token":true}"#, r#"{"next_token":["100"]}"#] {
        let found = next_page(route, &answer(200, odd), "https://api.example", "/x");
        assert!(found.unwrap_err().contains("names no next page"), "{odd}: the list was not read to its end");
    }
}

/// The reader of XML compares attributes, and namespaces, with each other: 700 KiB took half a minute.
#[test]
fn xml_that_would_take_minutes_to_read_is_unreadable_at_once() {
    let numbered = |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
    let attributes = |count| format!("<a z='>' {}><b>x</b></a>", numbered(count, &|n| format!("a{n:x}=\"\" ")));
    let namespaces = |count| format!("<a {}><b>x</b></a>", numbered(count, &|n| format!("xmlns:n{n:x}=\"u{n:x}\" ")));
    let nested = |count: usize| {
        let inner = numbered(count, &|n| format!("<n xmlns:n{n:x}=\"u{n:x}\">"));
        format!("<a><b>x</b>{inner}{}</a>", "</n>".repeat(count))
    };
    let quotes = |count: usize| format!("<a><!-- {} --><b>x</b>{}</a>", "\"\" ".repeat(count), "\"\" ".repeat(count));
    for (case, body, read) in [
        ("some attributes", attributes(100), true),
        ("some namespaces", namespaces(100), true),
        ("quotes that are no attributes", quotes(10_000), true),
        ("attributes", attributes(80_000), false),
        ("namespaces", namespaces(10_000), false),
        ("namespaces, one inside another", nested(10_000), false),
    ] {
        let began = std::time::Instant::now();
        let answer = answer(200, &body);
        let found = Reading::new(&answer).find(&Place::Xml(vec!["a".to_owned(), "b".to_owned()]), None).text();
        assert_eq!(found.as_deref(), read.then_some("x"), "{case}");
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{case}: {:?}", began.elapsed());
    }
}

proptest! {
    #[test]
    fn hostile_answers_are_judged_without_a_panic(
        status in 100u16..700,
        body in prop_oneof![any::<String>(), "[\\[\\]{}\",:0-9a-z<>/]{0,60}"],
        link in "[<>;,=\"\\\\a-z/?#:%. ]{0,60}",
    ) {
        for (name, _) in crate::testing::PAGES {
            let page = page(name);
            let world = World::new(&page, Step::Change, "svc", "p", "f");
            for route in &page.routes {
                let answer = answer_with(status, &[("link", &link), ("set-cookie", &link)], &body);
                let judged = judge(route, std::slice::from_ref(&answer), false, &world.scope());
                prop_assert!(!(status >= 500 && judged.verdict == Accepted));
                prop_assert!(!(judged.verdict == Refused && route.refuses.is_none()));
                if let Ok(Some(NextPage::Query(query))) = next_page(route, &answer, "https://api.example", "/base") {
                    prop_assert!(query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
                }
            }
        }
    }

    #[test]
    fn a_cut_answer_is_never_accepted_through_absence(cut in 0usize..44) {
        let page = page("wiki");
        let world = World::new(&page, Step::Change, "svc", "p", "f");
        let whole = r#"{"query":{"tokens":{"csrftoken":"abcdef+"}}}"#;
        let verdict = world.judge(&page, "login-token", answer(200, &whole[..cut])).verdict;
        prop_assert_eq!(verdict, Unmatched);
    }
}
