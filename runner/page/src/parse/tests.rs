//! Every worked page parses; every rule of the language has a page that breaks it.

use super::*;
use crate::model::Need;
use crate::names::{BindName, Step};
use crate::template::{Source, Template, toml_key, toml_string};
use crate::testing::{PAGES, page};
use proptest::prelude::*;

fn fails(text: &str) -> Diagnostic {
    *parse(SourceFile::new("page.toml", text)).expect_err("this page should be refused")
}

#[test]
fn every_worked_page_parses() {
    for (name, _) in PAGES {
        assert_eq!(page(name).name, *name);
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let page = page("okta");
    let route = page.route("change-password").unwrap();
    assert_eq!(route.request(), "POST {api.url}/api/v1/users/{account.id}/credentials/change_password");
    assert_eq!(route.needs, [Need::Bound(BindName::new("account.id"))], "using a bind implies it");
    assert!(route.changes && route.expects_written && route.steps.contains(&Step::Change));
    assert_eq!(
        route.secret_places().iter().map(|(source, place)| format!("{source}: {place}")).collect::<Vec<_>>(),
        [
            "api.token: header authorization",
            "old-password: JSON /oldPassword/value",
            "new-password: JSON /newPassword/value"
        ]
    );
    assert_eq!(
        route.constants(),
        [("query strict".to_owned(), "false".to_owned()), ("JSON /revokeSessions".to_owned(), "false".to_owned())]
    );
    let sign_in = page.route("sign-in").unwrap();
    assert!(sign_in.places_candidate());
    assert_eq!(sign_in.refuses.as_ref().unwrap().to_string(), r#"{ status = 401, "/errorCode" = "E0000004" }"#);
    let filter = page.route("find-by-filter").unwrap();
    assert_eq!(filter.query[0].1.to_string(), r#"profile.login eq "{user:scim}" or profile.email eq "{user:scim}""#);
    assert_eq!(page.file.line_of(route.request_span), "page.toml:42");
}

#[test]
fn targets_keep_each_name_in_its_segment() {
    let everything = page("everything");
    let target = |name: &str| everything.route(name).unwrap().target.clone();
    assert_eq!(target("deep").to_string(), "https://api.example:8443/v1/{user}");
    assert_eq!(target("groups").to_string(), "{api.url}/groups/{arg.group}/%2F/");
    assert_eq!(target("groups").segments.len(), 4, "a slash at the end is an empty segment");
    assert_eq!(target("sign-in").segments, [Template::default()]);
}

/// A good page, in which each case replaces one text by another.
const GOOD: &str = r#"version = 1
name = "good"

[records.api]
url = "url"
secret = { token = "password" }
text = { login = "login" }

[[route]]
name = "find"
for = ["change", "reconcile"]
request = "GET {api.url}/users/{user}"
headers = { authorization = "Bearer {api.token}" }
expects = { status = 200 }
binds = { id = "/id" }

[[route]]
name = "set"
for = ["change"]
changes = true
request = "POST {api.url}/users/{find.id}"
headers = { authorization = "Bearer {api.token}" }
json = { password = "{new-password}", old = "{old-password}" }
expects = { status = 200 }
refuses = { status = 400 }
captures = { ticket = "/ticket/id" }

[[route]]
name = "sign-in"
for = ["verify"]
request = "POST {api.url}/login"
json = { user = "{user}", password = "{candidate}" }
expects = { status = 200 }
refuses = { status = 401 }
"#;

/// A case: its name, what is replaced, by what, the line and column of the complaint, and words of message and hint.
type Case = (&'static str, &'static str, &'static str, (usize, usize), &'static [&'static str]);

#[rustfmt::skip]
const BROKEN: &[Case] = &[
    ("no version", "version = 1\n", "", (1, 1), &["needs `version`"]),
    ("version 2", "version = 1", "version = 2", (1, 11), &["version 2", "newer release"]),
    ("not toml", "name = \"good\"", "name = ", (2, 8), &["not TOML"]),
    ("a name in upper case", "name = \"good\"", "name = \"Good\"", (2, 8), &["`Good` is not a name", "lower-case"]),
    ("an unknown key of the page", "version = 1", "version = 1\nrecord = 1", (2, 1), &["`record` is no key of a page", "did you mean `records`"]),
    ("an unknown key of a record", "url = \"url\"", "uri = \"url\"", (5, 1), &["`uri`", "did you mean `url`"]),
    ("a record that needs no label", "url = \"url\"", "url = \"\"", (5, 7), &["label"]),
    ("a field called url", "token = \"password\"", "url = \"password\"", (6, 12), &["record's URL"]),
    ("secret and text of one name", "login = \"login\"", "token = \"login\"", (7, 1), &["`token`", "under `secret` and under `text`"]),
    ("an unknown key of a route", "expects = { status = 200 }\nbinds", "expect = { status = 200 }\nbinds", (14, 1), &["`expect` is no key of a route", "did you mean `expects`"]),
    ("an unknown step", "[\"change\", \"reconcile\"]", "[\"change\", \"recocile\"]", (11, 18), &["no step", "did you mean `reconcile`"]),
    ("no step", "for = [\"verify\"]", "for = []", (30, 7), &["at least one step"]),
    ("two routes of one name", "name = \"sign-in\"", "name = \"find\"", (29, 8), &["two routes called `find`"]),
    ("a route called as a record", "name = \"sign-in\"", "name = \"api\"", (29, 8), &["`api` is a record already"]),
    ("a reserved name", "name = \"sign-in\"", "name = \"user\"", (29, 8), &["meaning of its own"]),
    ("an unknown method", "\"GET {api", "\"FETCH {api", (12, 12), &["`FETCH`", "GET"]),
    ("a method in lower case", "\"GET {api", "\"get {api", (12, 12), &["`get`", "did you mean `GET`"]),
    ("plain http", "\"GET {api.url}/", "\"GET http://api.example/", (12, 11), &["plain http"]),
    ("no origin", "\"GET {api.url}/", "\"GET /", (12, 11), &["begins with a record's URL"]),
    ("a record that is not there", "\"GET {api.url}/", "\"GET {apl.url}/", (12, 16), &["`apl.url` is not the URL", "did you mean `api.url`"]),
    ("a query in the target", "/users/{user}\"", "/users/{user}?x=1\"", (12, 38), &["cannot hold `?`", "query = "]),
    ("a fragment", "/users/{user}\"", "/users/{user}#x\"", (12, 38), &["cannot hold `#`"]),
    ("a blank in the target", "/users/{user}\"", "/us ers/{user}\"", (12, 28), &["cannot hold ` `"]),
    ("an empty segment", "/users/{user}\"", "//users/{user}\"", (12, 11), &["empty segment"]),
    ("a dot segment", "/users/{user}\"", "/users/../{user}\"", (12, 11), &["segment `..`"]),
    ("an encoded dot segment", "/users/{user}\"", "/users/%2E%2e/{user}\"", (12, 11), &["segment `%2E%2e`"]),
    ("a bad escape", "/users/{user}\"", "/users/%zz/{user}\"", (12, 11), &["must begin an escape"]),
    ("an escaped control character", "/users/{user}\"", "/users/%0a/{user}\"", (12, 11), &["control character"]),
    ("a name beside the origin", "{api.url}/users/{user}", "{api.url}{user}", (12, 11), &["a slash belongs"]),
    ("a host with a name in it", "\"GET {api.url}/", "\"GET https://{user}.example/", (12, 11), &["cannot hold a name"]),
    ("a host with user info", "\"GET {api.url}/", "\"GET https://a@b.example/", (12, 11), &["no host"]),
    ("a shortened address", "\"GET {api.url}/", "\"GET https://127.1/", (12, 11), &["four numbers"]),
    ("a port out of range", "\"GET {api.url}/", "\"GET https://b.example:70000/", (12, 11), &["port"]),
    ("a name that does not exist", "{find.id}", "{find.ix}", (21, 33), &["route `set` names `find.ix`", "did you mean `find.id`"]),
    ("a name that is nothing like another", "{find.id}", "{nonsense}", (21, 33), &["`nonsense`", "`find.id`", "`api.token`"]),
    ("a field that is not declared", "{api.token}\" }\nexpects", "{api.tokens}\" }\nexpects", (13, 37), &["no field `tokens`", "did you mean `token`"]),
    ("an argument that is not declared", "{find.id}", "{arg.id}", (21, 33), &["declares no argument `id`", "args = { id ="]),
    ("a URL in the middle", "Bearer {api.token}\" }\nexpects", "Bearer {api.url}\" }\nexpects", (13, 37), &["can only begin a request"]),
    ("an unknown encoding", "{find.id}", "{find.id:hex}", (21, 33), &["`hex` is no encoding", "`scim`"]),
    ("an encoding without its quotes", "/users/{find.id}", "/users/{find.id:odata}", (21, 33), &["must stand between ' and '"]),
    ("an open brace", "{find.id}", "{find.id", (21, 33), &["not closed", "`{{`"]),
    ("a stray brace", "{find.id}", "find.id}", (21, 40), &["closes nothing"]),
    ("a bind of the same route", "/users/{user}\"", "/users/{find.id}\"", (12, 32), &["this very request"]),
    ("candidate in another step", "for = [\"verify\"]", "for = [\"verify\", \"change\"]", (32, 39), &["`{candidate}` can only stand", "verify"]),
    ("old password in two steps", "for = [\"change\"]\nchanges", "for = [\"change\", \"reconcile\"]\nchanges", (23, 46), &["`{old-password}` can only stand"]),
    ("new password where nothing changes", "changes = true\n", "", (22, 22), &["`{new-password}` can only stand", "changes = true"]),
    ("a change in verify", "for = [\"change\"]\nchanges", "for = [\"change\", \"finish\"]\nchanges", (23, 46), &["`{old-password}`"]),
    ("a change in finish", "old = \"{old-password}\" }", "old = 1 }\nuses = 1\nafter = []\nkeeps = false\nabout = \"x\"\nquery = {}\nmay-fail = true", (29, 1), &["cannot be `may-fail`"]),
    ("a change that does not say what it expects", "expects = { status = 200 }\nrefuses = { status = 400 }", "refuses = { status = 400 }", (21, 11), &["must say when the provider has accepted"]),
    ("a test that does not say what it expects", "expects = { status = 200 }\nrefuses = { status = 401 }", "refuses = { status = 401 }", (31, 11), &["tests a password", "expects"]),
    ("refuses on a look-up", "binds = { id", "refuses = { status = 404 }\nbinds = { id", (15, 1), &["`refuses` belongs to routes that change"]),
    ("a change that may be sent twice", "changes = true", "changes = true\nuses = 2", (21, 1), &["sent once in a step"]),
    ("a candidate that may fail", "for = [\"verify\"]", "for = [\"verify\"]\nmay-fail = true", (31, 1), &["cannot be `may-fail`"]),
    ("a candidate that can be switched off", "for = [\"verify\"]", "for = [\"verify\"]\nremovable = true", (31, 1), &["cannot be removable"]),
    ("a candidate that changes", "for = [\"verify\"]", "for = [\"verify\"]\nchanges = true", (30, 1), &["only change and reconcile"]),
    ("keeps on a change", "changes = true", "changes = true\nkeeps = true", (21, 1), &["only a look-up can keep"]),
    ("a secret beside the candidate", "user = \"{user}\", password = \"{candidate}\"", "user = \"{user}\", password = \"{candidate}\", token = \"{api.token}\"", (33, 1), &["status alone proves nothing", "test the body"]),
    ("a secret in the same step", "for = [\"change\", \"reconcile\"]", "for = [\"change\", \"reconcile\", \"verify\"]", (31, 11), &["route `find` of the same step", "vouch", "test the body"]),
    ("an argument in the target of a change", "/users/{find.id}\"", "/users/{arg.id}\"\nargs = { id = { class = \"token\" } }", (21, 11), &["an argument cannot stand in a request that changes"]),
    ("an argument in the body of a change", "old = \"{old-password}\" }", "old = \"{old-password}\", login = \"{arg.id}\" }\nargs = { id = { class = \"token\" } }", (21, 11), &["an argument cannot stand in a request that changes"]),
    ("an argument in a sign-in", "json = { user = \"{user}\",", "args = { id = { class = \"token\" } }\njson = { user = \"{arg.id}\",", (31, 11), &["an argument cannot stand"]),
    ("what a look-up by an argument found, in a change", "/users/{user}\"", "/users/{arg.id}\"\nargs = { id = { class = \"token\" } }", (22, 33), &["`find.id` comes from a look-up with arguments", "compare its answer with `{user}`"]),
    ("requires of a change", "refuses = { status = 400 }", "requires = [{ at = \"/ok\", equals = true }]", (25, 1), &["`requires` cannot alter what came of a request that changes", "`expects`"]),
    ("requires of a sign-in", "refuses = { status = 401 }", "requires = [{ at = \"/user\", equals = \"{user}\" }]", (34, 1), &["`requires` cannot alter what came of a request that tests", "`expects`"]),
    ("picks of a sign-in", "refuses = { status = 401 }", "picks = { from = \"/users\", where = { \"/login\" = \"{user}\" } }", (34, 1), &["`picks` cannot alter"]),
    ("an unknown class", "changes = true", "changes = true\nargs = { id = { class = \"word\" } }", (21, 25), &["`word` is no class", "`token`"]),
    ("a 5xx", "refuses = { status = 401 }", "refuses = { status = [401, 500] }", (34, 22), &["a 5xx always counts as unmatched"]),
    ("a status that is none", "refuses = { status = 401 }", "refuses = { status = 42 }", (34, 22), &["100 to 599"]),
    ("a status as text", "refuses = { status = 401 }", "refuses = { status = \"401\" }", (34, 22), &["100 to 599"]),
    ("an array as a test", "refuses = { status = 401 }", "refuses = { status = 401, \"/code\" = [\"a\", \"b\"] }", (34, 37), &["an array is not a test", "one-of"]),
    ("two tests in a table", "refuses = { status = 401 }", "refuses = { \"/code\" = { equals = 1, absent = true } }", (34, 37), &["`equals` and `absent` are two tests"]),
    ("no test in a table", "refuses = { status = 401 }", "refuses = { \"/code\" = { ignore-case = true } }", (34, 23), &["no test here"]),
    ("an unknown test", "refuses = { status = 401 }", "refuses = { \"/code\" = { equal = 1 } }", (34, 25), &["`equal` is no key of a test", "did you mean `equals`"]),
    ("ignore-case where it says nothing", "refuses = { status = 401 }", "refuses = { \"/code\" = { absent = true, ignore-case = true } }", (34, 54), &["goes with `equals`"]),
    ("a place that is none", "refuses = { status = 401 }", "refuses = { code = 1 }", (34, 13), &["`code` is not a place", "JSON pointer"]),
    ("a pointer with a bad escape", "refuses = { status = 401 }", "refuses = { \"/a~2\" = 1 }", (34, 13), &["`~0`"]),
    ("a secret in a test", "refuses = { status = 401 }", "refuses = { \"/echo\" = \"{candidate}\" }", (34, 24), &["a test cannot name the secret"]),
    ("nothing in expects", "refuses = { status = 401 }", "refuses = {}", (34, 11), &["says nothing"]),
    ("a date", "user = \"{user}\", password", "at = 2020-01-01, password", (32, 15), &["JSON has no dates"]),
    ("a GET with a body", "headers = { authorization = \"Bearer {api.token}\" }\nexpects = { status = 200 }\nbinds", "json = 1\nexpects = { status = 200 }\nbinds", (12, 11), &["has no body"]),
    ("two bodies", "user = \"{user}\", password = \"{candidate}\" }", "password = \"{candidate}\" }\nform = { a = \"b\" }", (33, 1), &["one body"]),
    ("a host header", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{ host = \"evil.example\" }\nexpects", (13, 13), &["cannot set the header `host`", "the policy allows"]),
    ("a cookie header", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{ Cookie = \"a=b\" }\nexpects", (13, 13), &["cookies are kept"]),
    ("a method override", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{ X-HTTP-Method-Override = \"DELETE\" }\nexpects", (13, 13), &["method another than the page says"]),
    ("a method override in a form", "json = { user = \"{user}\", password", "form = { _method = \"DELETE\", password", (32, 10), &["`_method`"]),
    ("a proxy header", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{ proxy-authorization = \"x\" }\nexpects", (13, 13), &["proxy-authorization"]),
    ("a line break in a header", "Bearer {api.token}\" }\nexpects", "Bearer\\n{api.token}\", x = \"a\\nb\" }\nexpects", (13, 56), &["cannot stand in a header"]),
    ("one header twice", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{ X-a = \"1\", x-A = \"2\" }\nexpects", (13, 24), &["written twice"]),
    ("a number as a header", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{ x = 1 }\nexpects", (13, 17), &["a text belongs here", "\"1\""]),
    ("authorization twice", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{ authorization = \"x\" }\nbasic = { user = \"a\", password = \"b\" }\nexpects", (14, 1), &["the same header"]),
    ("a colon in the user of Basic", "{ authorization = \"Bearer {api.token}\" }\nexpects", "{}\nbasic = { user = \"a:{user}\", password = \"b\" }\nexpects", (14, 18), &["colon"]),
    ("a shared bind named after a route", "binds = { id = \"/id\" }", "binds = { \"set.id\" = \"/id\" }", (15, 11), &["`set` is a route", "account.id"]),
    ("a shared bind named after a record", "binds = { id = \"/id\" }", "binds = { \"api.id\" = \"/id\" }", (15, 11), &["`api` is a record"]),
    ("a place that is captured and bound", "captures = { ticket", "binds = { all = \"/ticket\" }\ncaptures = { ticket", (26, 11), &["captured as a secret"]),
    ("a place that is captured and shown", "captures = { ticket", "shows = { all = \"\" }\ncaptures = { ticket", (26, 1), &["captured as a secret"]),
    ("a cookie that is shown", "binds = { id", "shows = { c = \"cookie:sid\" }\nbinds = { id", (15, 15), &["a cookie is a secret"]),
    ("a cookie header that is shown", "binds = { id", "shows = { c = \"header:Set-Cookie\" }\nbinds = { id", (15, 15), &["a cookie is a secret"]),
    ("a need that no route gives", "changes = true", "changes = true\nafter = [\"fnd\"]", (21, 10), &["neither a route nor a bind", "did you mean `find`"]),
    ("a need that only another step gives", "for = [\"change\", \"reconcile\"]", "for = [\"reconcile\"]", (21, 33), &["`set` is for change", "`find.id` is given", "add \"change\""]),
    ("a route after itself", "changes = true", "changes = true\nafter = [\"set\"]", (21, 10), &["after itself"]),
    ("a circle", "expects = { status = 200 }\nbinds", "after = [\"set\"]\nexpects = { status = 200 }\nbinds", (14, 10), &["can never be sent"]),
    ("json-from of a route that keeps nothing", "json = { password = \"{new-password}\", old = \"{old-password}\" }", "json-from = \"find\"\njson = { password = \"{new-password}\" }", (23, 13), &["`find` keeps no document", "keeps = true"]),
    ("a change that sets no password", "password = \"{new-password}\", old", "old", (21, 11), &["does not place `{new-password}`", "take `changes` out"]),
    ("a look-up that can be switched off under a change", "binds = { id", "removable = true\nbinds = { id", (22, 33), &["could not be sent any more", "`find.id` is given", "removable"]),
    ("json-from of nothing", "json = { password", "json-from = \"fid\"\njson = { password", (23, 13), &["no route `fid`", "did you mean `find`"]),
    ("broken xml", "json = { user = \"{user}\", password = \"{candidate}\" }", "xml = \"<a>{candidate}</b>\"", (32, 7), &["not well-formed"]),
    ("a name in a tag", "json = { user = \"{user}\", password = \"{candidate}\" }", "xml = \"<{user}>{candidate}</{user}>\"", (32, 7), &["not well-formed"]),
    ("a name in CDATA", "json = { user = \"{user}\", password = \"{candidate}\" }", "xml = \"<a><![CDATA[{candidate}]]>{user}</a>\"", (32, 7), &["CDATA"]),
    ("a name in a comment", "json = { user = \"{user}\", password = \"{candidate}\" }", "xml = \"<a><!-- {candidate} --></a>\"", (32, 7), &["comment"]),
    ("a DTD", "json = { user = \"{user}\", password = \"{candidate}\" }", "xml = \"<!DOCTYPE a><a>{candidate}</a>\"", (32, 7), &["no DTD"]),
    ("pages without picks", "binds = { id", "pages = { next = \"header:link\" }\nbinds = { id", (15, 1), &["`picks` one element"]),
    ("picks of two", "binds = { id", "picks = { from = \"/a\", exactly = 2 }\nbinds = { id", (15, 34), &["from 1 to 1", "exactly one"]),
    ("picks by a header", "binds = { id", "picks = { from = \"/a\", where = { \"header:x\" = 1 } }\nbinds = { id", (15, 32), &["JSON pointers"]),
    ("a word that else does not know", "binds = { id", "requires = [{ at = \"/a\", equals = 1, else = \"it is {user}\" }]\nbinds = { id", (15, 52), &["only `{value}` can stand here"]),
    ("a pointer without its slash", "binds = { id", "picks = { from = \"users\" }\nbinds = { id", (15, 18), &["begins with a slash", "\"/users\""]),
];

#[test]
fn each_broken_page_is_refused_at_its_place_with_a_hint() {
    assert!(parse(SourceFile::new("page.toml", GOOD)).is_ok());
    let mut wrong = Vec::new();
    for (name, from, to, place, words) in BROKEN {
        assert_eq!(GOOD.matches(from).count(), 1, "{name}: `{from}` stands once in the good page");
        match parse(SourceFile::new("page.toml", GOOD.replace(from, to))) {
            Ok(_) => wrong.push(format!("{name}: accepted")),
            Err(problem) => {
                let said = problem.to_string();
                let missing = words.iter().any(|word| !said.contains(word));
                if missing || (problem.line, problem.column) != *place {
                    wrong.push(format!("{name}: wanted {place:?} and {words:?}, got {said}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn an_error_shows_the_line_a_caret_and_the_fix() {
    let text = GOOD.replace("{find.id}", "{find.ix}");
    let shown = fails(&text).to_string();
    let wanted = "page.toml:21:33: route `set` names `find.ix`, which does not exist\n  \
                  request = \"POST {api.url}/users/{find.ix}\"\n                                  ^~~~~~~~~\n\
                  hint: did you mean `find.id`? Valid are `user`, ";
    assert!(shown.starts_with(wanted), "{shown}\n---\n{wanted}");
}

#[test]
fn what_a_reviewer_cannot_see_is_refused() {
    for hidden in ["\u{202e}", "\u{200b}", "\u{feff}", "\u{1b}", "\u{0}", "\u{2066}", "\u{e0041}"] {
        let problem = fails(&GOOD.replace("/users/{user}", &format!("/us{hidden}ers/{{user}}")));
        assert!(problem.message.contains("invisible character"), "{problem}");
        assert_eq!((problem.line, problem.column), (12, 28));
        assert!(!problem.to_string().contains(hidden));
    }
}

#[test]
fn the_first_error_of_the_file_is_reported() {
    let text = GOOD
        .replace("{find.id}", "{find.ix}")
        .replace("for = [\"verify\"]", "for = [\"vrify\"]")
        .replace("binds", "bind");
    assert_eq!(fails(&text).line, 15);
}

#[test]
fn a_bind_and_a_capture_cannot_share_a_name() {
    let text = GOOD
        .replace("binds = { id = \"/id\" }", "binds = { id = \"/id\", account.key = \"/key\" }")
        .replace("captures = { ticket = \"/ticket/id\" }", "captures = { account.key = \"/key\" }");
    let problem = fails(&text);
    assert_eq!(problem.line, 26);
    assert!(problem.message.contains("a bind in one route and a capture in another"), "{problem}");
}

#[test]
fn a_captured_admin_session_cannot_vouch_for_a_password() {
    let text = GOOD.replace(
        "[[route]]\nname = \"sign-in\"",
        "[[route]]\nname = \"admin\"\nfor = [\"verify\"]\nrequest = \"POST {api.url}/admin\"\njson = { t = \"{api.token}\" }\ncaptures = { session = \"/s\" }\n\n[[route]]\nname = \"sign-in\"",
    );
    assert!(fails(&text).message.contains("route `admin` of the same step uses a record's secret"));
    let tests_body = text.replace(
        "expects = { status = 200 }\nrefuses = { status = 401 }",
        "expects = { status = 200, \"/me\" = \"{user}\" }",
    );
    assert!(parse(SourceFile::new("page.toml", tests_body)).is_ok());
}

#[test]
fn hostile_shapes_are_refused_without_a_panic() {
    let deep_key = format!("version = 1\n{} = 1", "a.".repeat(5000) + "a");
    let deep_array = format!("version = 1\nname = {}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_json =
        GOOD.replace("json = { user", &format!("json = {}1{}\nform = {{ user", "{ a = ".repeat(40), " }".repeat(40)));
    for text in
        [&deep_key, &deep_array, &deep_json, &"x".repeat(PAGE_BYTES + 1), &String::new(), &"\u{feff}".to_owned()]
    {
        let problem = fails(text);
        assert!(!problem.message.is_empty());
    }
    assert!(fails(&deep_json).message.contains("nested deeper"));
}

/// `good`, whose account is found by an argument; and what makes that right.
#[test]
fn a_look_up_by_an_argument_is_compared_with_the_user() {
    let by_argument = GOOD.replace("/users/{user}\"", "/users/{arg.id}\"\nargs = { id = { class = \"token\" } }");
    let with = |more: &str| by_argument.replacen("binds = {", &format!("{more}\nbinds = {{"), 1);
    for (more, right) in [
        ("requires = [{ at = \"/login\", equals = \"{user}\" }]", true),
        ("requires = [{ at = \"/login\", one-of = [\"{user}\", \"{user}@acme.example\"] }]", true),
        ("picks = { from = \"\", where = { \"/login\" = \"{user}\" } }", true),
        ("requires = [{ at = \"/login\", one-of = [\"{user}\", \"root\"] }]", false),
        ("requires = [{ at = \"/login\", not = \"{user}\" }]", false),
        ("requires = [{ at = \"/login\", contains = \"{user}\" }]", false),
        ("requires = [{ at = \"/state\", equals = \"live\" }]", false),
        ("", false),
    ] {
        let parsed = parse(SourceFile::new("page.toml", with(more)));
        assert_eq!(parsed.is_ok(), right, "{more}: {:?}", parsed.map(|_| ()));
    }
    // Through a second look-up.
    let second = "[[route]]\nname = \"more\"\nfor = [\"change\"]\nrequest = \"GET {api.url}/more/{find.id}\"\nbinds = { id = \"/id\" }\n";
    let page =
        format!("{}\n{second}", with("").replace("POST {api.url}/users/{find.id}", "POST {api.url}/users/{more.id}"));
    let problem = parse(SourceFile::new("page.toml", page)).unwrap_err().to_string();
    assert!(problem.contains("`more.id` comes from a look-up with arguments"), "{problem}");
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(text in "\\PC{0,200}") {
        let _ = parse(SourceFile::new("page.toml", text));
    }

    #[test]
    fn any_damage_to_a_page_parses_or_is_refused(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..40,
        insert in "[\\[\\]{}\"'=.\\\\#%/a-z0-9é\n ]{0,8}",
    ) {
        let text = which.get(PAGES).1;
        let at = at.index(text.len());
        let (mut from, mut to) = (at, (at + cut).min(text.len()));
        while !text.is_char_boundary(from) { from -= 1; }
        while !text.is_char_boundary(to) { to += 1; }
        let damaged = format!("{}{insert}{}", &text[..from], &text[to..]);
        if let Err(problem) = parse(SourceFile::new("page.toml", damaged.as_str())) {
            prop_assert!(problem.line <= damaged.lines().count() + 1);
            let _ = problem.to_string();
        }
    }

    #[test]
    fn printing_a_template_and_parsing_it_gives_the_same(template in template()) {
        // An argument stands in look-ups only, and the new password in changes only.
        let changes = template.sources().any(|source| *source == Source::NewPassword);
        prop_assume!(!changes || !template.sources().any(|source| matches!(source, Source::Arg(_))));
        let toml = format!(
            "version = 1\nname = \"t\"\n[records.api]\nurl = \"url\"\nsecret = {{ token = \"p\" }}\ntext = {{ login = \"l\" }}\n\
             [[route]]\nname = \"find\"\nfor = [\"change\"]\nrequest = \"GET {{api.url}}/\"\nbinds = {{ id = \"/id\" }}\ncaptures = {{ key = \"/key\" }}\n\
             [[route]]\nname = \"r\"\nfor = [\"change\"]\nrequest = \"POST {{api.url}}/x\"\nexpects = {{ status = 200 }}\n\
             form = {{ {} = {}{} }}\n{}\n",
            toml_key("k k"), toml_string(&template.to_string()),
            if changes { ", p = \"{new-password}\"" } else { "" },
            if changes { "changes = true" } else { "args = { a = { class = \"token\" } }" },
        );
        let page = parse(SourceFile::new("page.toml", toml)).map_err(|problem| TestCaseError::fail(problem.to_string()))?;
        let crate::model::Body::Form(form) = &page.routes[1].body else { panic!("a form") };
        prop_assert_eq!(form[0].1.template(), &template);
    }
}

/// Any template: literals never empty, never adjacent.
fn template() -> impl Strategy<Value = Template> {
    use crate::names::{ArgName, RecordName};
    use crate::template::{Encoding, Part};
    let field = |field: &str, secret| Source::Field { record: RecordName::new("api"), field: field.to_owned(), secret };
    let source = prop_oneof![
        Just(Source::User),
        Just(Source::OldPassword),
        Just(Source::NewPassword),
        Just(field("token", true)),
        Just(field("login", false)),
        Just(Source::Bind(BindName::new("find.id"))),
        Just(Source::Capture(BindName::new("find.key"))),
        Just(Source::Arg(ArgName::new("a"))),
    ];
    let encoding = prop_oneof![Just(None), Just(Some(Encoding::Url)), Just(Some(Encoding::LdapFilter))];
    let piece = ("[^\u{0}]{0,6}", source, encoding);
    (proptest::collection::vec(piece, 0..5), ".{0,6}").prop_map(|(pieces, last)| {
        let mut parts = Vec::new();
        for (literal, source, encoding) in pieces {
            if !literal.is_empty() {
                parts.push(Part::Literal(literal));
            }
            parts.push(Part::Name { source, encoding });
        }
        if !last.is_empty() {
            parts.push(Part::Literal(last));
        }
        Template { parts }
    })
}
