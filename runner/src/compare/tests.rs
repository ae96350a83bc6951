//! Each change has its direction, its words and its line; and the directions hold together.

mod sets;

use super::{Change, Direction, Imports, Verdict, imports, pages, verdict};
use crate::page::diagnostic::SourceFile;
use crate::page::{Page, parse};
use Direction::{Narrower, Other, Wider};
use proptest::prelude::*;

const PAGE: &str = include_str!("tests/page.toml");

/// What is replaced by what, which way that goes, and what is said of it.
type Case = (&'static str, &'static str, Direction, &'static str);

/// Each of them alone has exactly one direction.
const CASES: &[Case] = &[
    // The page as a whole.
    ("name    = \"acme\"", "name    = \"acne\"", Other, "the page is called `acne`; it was `acme`"),
    ("{ tenant = \"Tenant\" }", "{ tenant = \"Mandant\" }", Other, "from field `Mandant`; it was `Tenant`"),
    (
        "{ token = \"password\" }",
        "{ token = \"password\", other = \"x\" }",
        Wider,
        "the secret `api.other` is used, from field `x`",
    ),
    (
        "{ tenant = \"Tenant\" }",
        "{ tenant = \"Tenant\", mail = \"m\" }",
        Wider,
        "the text `api.mail` is shown to the rotator",
    ),
    (
        "[password]",
        "[records.more]\nsecret = { key = \"password\" }\n[password]",
        Wider,
        "one more vault record is used, as `more`",
    ),
    (
        "secret = { key = \"password\" }",
        "url = \"url\"\nsecret = { key = \"password\" }",
        Wider,
        "requests go to the URL of `app`",
    ),
    ("max-bytes      = 72", "max-bytes      = 64", Narrower, "at most 64 bytes; it was of at most 72 bytes"),
    ("max-bytes      = 72\n", "", Wider, "of any length; it was of at most 72"),
    ("min-characters = 12", "min-characters = 14", Narrower, "at least 14 characters; it was of at least 12"),
    ("min-characters = 12\n", "", Wider, "at least 0 characters"),
    ("['\\', '\"']", "['\\']", Wider, "is no longer refused"),
    ("['\\', '\"']", "['\\', '\"', '%']", Narrower, "a new password with \"%\" is refused"),
    (
        "https://login.acme.example/",
        "https://login.acme.example:8443/",
        Other,
        "the request is POST https://login.acme.example:8443/",
    ),
    // When.
    (
        "for      = [\"reconcile\"]\nchanges",
        "for      = [\"change\", \"reconcile\"]\nchanges",
        Wider,
        "it may be sent in change",
    ),
    (
        "for      = [\"change\", \"reconcile\", \"verify\", \"finish\"]",
        "for      = [\"change\", \"reconcile\", \"verify\"]",
        Narrower,
        "no longer sent in finish",
    ),
    ("after    = [\"find\"]\n", "", Wider, "no longer waits until `find` was accepted"),
    ("after    = [\"find\"]", "after    = [\"find\", \"token\"]", Narrower, "sent only after `token` was accepted"),
    // A proof that waits is another proof.
    (
        "for      = [\"verify\"]\n",
        "for      = [\"verify\"]\nafter    = [\"find\"]\n",
        Other,
        "sent only after `find` was accepted, and a proof that a password works hangs on it",
    ),
    ("may-fail = false", "may-fail = true", Wider, "the step goes on if it fails"),
    ("removable = true\n", "", Wider, "can no longer switch it off"),
    ("uses      = 2", "uses      = 3", Wider, "3 times in a step; it was 2 times"),
    ("uses      = 2\n", "", Narrower, "once in a step; it was 2 times"),
    // The request.
    (
        "GET {api.url}/v1/users\"",
        "GET {api.url}/v2/users\"",
        Other,
        "the request is GET {api.url}/v2/users; it was GET {api.url}/v1/users",
    ),
    ("\"PUT {api.url}/v1/users/{account.id}\"", "\"PATCH {api.url}/v1/users/{account.id}\"", Other, "PATCH {api.url}"),
    ("limit = \"200\"", "limit = \"100\"", Other, "query limit is `100`; it was `200`"),
    ("limit = \"200\"", "limit = { base64 = \"200\" }", Other, "query limit is `{ base64 = \"200\" }`"),
    (", limit = \"200\"", "", Other, "no longer sent: query limit, which was `200`"),
    ("limit = \"200\"", "limit = \"200\", all = \"1\"", Other, "sent along: query all is `1`"),
    (
        "'login eq \"{user:scim}\"', limit = \"200\"",
        "'login eq \"{user:scim}\"', limit = \"200\", t = \"{api.token}\"",
        Wider,
        "the secret `api.token` goes to query t, as `{api.token}`",
    ),
    (
        "authorization = \"Bearer {token.access}\"",
        "authorization = \"Bearer {token.access}\", x-copy = \"{api.token}\"",
        Wider,
        "the secret `api.token` goes to header x-copy",
    ),
    (
        "authorization = \"Bearer {token.access}\"",
        "authorization = \"Token {token.access}\"",
        Other,
        "header authorization is `Token {token.access}`; it was `Bearer",
    ),
    ("{ base64 = \"{account.login}:{api.token}\" }", "\"{account.login}:{api.token}\"", Other, "it was `{ base64 = "),
    (
        "basic    = { user = \"{user}\", password = \"{candidate}\" }",
        "json     = { login = \"{user}\", password = \"{candidate}\" }",
        Other,
        "the body is JSON that the page writes; it was empty",
    ),
    ("expire = false", "expire = true", Other, "JSON /expire is `true`; it was `false`"),
    ("expire = false", "expire = \"false\"", Other, "JSON /expire is `\"false\"`; it was `false`"),
    ("expire = false", "expire = { null = true }", Other, "JSON /expire is `{ null = true }`"),
    ("expire = false", "expire = false, admin = true", Other, "sent along: JSON /admin is `true`"),
    ("expire = false", "expire = false, who = \"{user}\"", Wider, "sent along: JSON /who is `\"{user}\"`"),
    ("tags = [\"a\"]", "tags = { 0 = \"a\" }", Other, "put together differently"),
    (
        "old = \"{old-password}\", new = \"{new-password}\"",
        "new = \"{new-password}\", old = \"{old-password}\"",
        Other,
        "put together differently",
    ),
    (
        "client_secret = \"{app.key}\"",
        "client_secret = \"{app.key} {api.token}\"",
        Wider,
        "the secret `api.token` goes to form client_secret: ",
    ),
    // Arguments.
    ("class = \"token\", max = 16", "class = \"token\", max = 17", Wider, "at most 17 characters; it was"),
    ("class = \"token\", max = 16", "class = \"number\", max = 16", Narrower, "`arg.group` is digits, at most 16"),
    ("class = \"token\", max = 16", "one-of = [\"a\", \"b\"]", Narrower, "one of `a`, `b`"),
    ("class = \"token\", max = 16", "class = \"number\", max = 17", Other, "`arg.group` is digits, at most 17"),
    ("class = \"token\", max = 16", "one-of = [\"a\", \"b c\"]", Other, "one of `a`, `b c`"),
    // The answer.
    (
        "expects  = { status = 204 }",
        "expects  = { status = [204, 202] }",
        Wider,
        "accepted: { status = [204, 202] }; it was { status = 204 }",
    ),
    ("{ status = [200, 203] }", "{ status = 200, \"/ok\" = true }", Narrower, "accepted: "),
    ("{ status = [200, 203] }", "{ \"/ok\" = true }", Other, "accepted: "),
    ("{ status = [200, 203] }", "[ { status = 203 }, { status = 200, \"/ok\" = true } ]", Narrower, "accepted: "),
    (
        "expects  = { status = 201, \"/login\" = \"{user}\" }",
        "expects  = { status = 201, \"/login\" = { equals = \"{user}\", ignore-case = true } }",
        Wider,
        "accepted: ",
    ),
    (
        "refuses  = { status = 401 }",
        "refuses  = { status = [401, 403] }",
        Wider,
        "\"nothing was changed\": { status = [401, 403] }; it was { status = 401 }",
    ),
    (
        "refuses  = { status = [400, 403], \"/code\" = \"weak\" }\n",
        "",
        Narrower,
        "\"nothing was changed\": nothing; it was",
    ),
    (
        "refuses  = { status = [400, 403], \"/code\" = \"weak\" }",
        "refuses  = { status = [400, 403] }",
        Wider,
        "it was { status = [400, 403], \"/code\" = \"weak\" }",
    ),
    // A stricter test fails for more answers; where their value is told, that is one more thing to learn.
    (
        "one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\"",
        "one-of = [\"ACTIVE\"], else = \"the user is {value}\"",
        Wider,
        "the rotator is told the value at `/state`, if it is not as required",
    ),
    (
        "one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\"",
        "equals = \"never\", else = \"the user is {value}\"",
        Wider,
        "the rotator is told the value at `/state`",
    ),
    (
        "one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\"",
        "one-of = [\"ACTIVE\"], else = \"the user is not active\"",
        Narrower,
        "required: `/state` { one-of = [\"ACTIVE\"] }",
    ),
    (
        "one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\"",
        "equals = \"ACTIVE\", else = \"the user is not active\"",
        Narrower,
        "required: `/state` \"ACTIVE\"",
    ),
    ("one-of = [\"ACTIVE\", \"LOCKED\"]", "not = \"GONE\"", Other, ""),
    (
        "requires = [ { at = \"/state\", one-of = [\"ACTIVE\", \"LOCKED\"], else = \"the user is {value}\" } ]\n",
        "",
        Wider,
        "no longer required: `/state`",
    ),
    (
        "else = \"the user is {value}\" }",
        "else = \"the user is {value}\" }, { at = \"/kind\", equals = \"U\", else = \"x\" }",
        Narrower,
        "required: `/kind` \"U\"",
    ),
    ("the user is {value}", "the user is not active", Narrower, "no longer told the value at `/state`"),
    (
        "where = { \"/login\" = \"{user}\" }",
        "where = { \"/name\" = \"{user}\" }",
        Other,
        "picked: exactly 1 of `/users` where { \"/name\" = ",
    ),
    ("{count} users match", "not one user", Narrower, "no longer told how many elements match"),
    ("at-most = 5", "at-most = 6", Wider, "up to 6 pages of a list are read; it was 5"),
    (
        "next = \"header:link\"",
        "next = \"/next\", into = \"cursor\"",
        Other,
        "named by `/next`, for query cursor; it was `header:link`",
    ),
    ("pages    = { next = \"header:link\", at-most = 5 }\n", "", Other, "only the first page"),
    (
        "\"account.login\" = \"/login\" }",
        "\"account.login\" = \"/login\", \"account.mail\" = \"/mail\" }",
        Wider,
        "the broker takes `account.mail` from `/mail`",
    ),
    ("\"account.id\" = \"/id\"", "\"account.id\" = \"/uid\"", Other, "takes `account.id` from `/uid`; it was `/id`"),
    (
        "{ access = \"/access_token\" }",
        "{ access = \"/access_token\", refresh = \"/refresh_token\" }",
        Wider,
        "the broker takes the secret `token.refresh`",
    ),
    ("code = \"/code\"", "all = \"\", code = \"/code\"", Wider, "the rotator reads the answer as `all`"),
    ("code = \"/code\"", "code = \"\"", Wider, "the rotator reads the answer as `code`; it was `/code`"),
    ("code = \"/code\"", "code = \"/code/0\"", Narrower, "reads `/code/0` as `code`; it was `/code`"),
    ("code = \"/code\"", "code = \"/cause\"", Other, "reads `/cause` as `code`"),
    (", why = \"/why\"", "", Narrower, "no longer reads `/why` as `why`"),
    ("warns    = { \"/state\" = \"EXPIRED\" }\n", "", Wider, "no longer warns of `/state` \"EXPIRED\""),
    (
        "warns    = { \"/state\" = \"EXPIRED\" }",
        "warns    = { \"/state\" = \"EXPIRED\", \"/quota\" = 0 }",
        Narrower,
        "the result warns of `/quota` 0",
    ),
];

/// What changes nothing that can be done.
const WORDS: &[(&str, &str)] = &[
    ("Accounts of Acme", "Other words"),
    ("[[route]]\nname     = \"token\"", "# a comment\n\n[[route]]\nabout = \"why\"\nname     = \"token\""),
    ("may-fail = false\n", ""),
    ("expects  = { status = 204 }", "expects  = { status = [204] }"),
    ("status = [200, 203]", "status = [203, 200]"),
    ("{ status = [200, 203] }", "[ { status = 203 }, { status = 200 } ]"),
    ("class = \"token\", max = 16", "max = 16, class = \"token\""),
    ("[\"ACTIVE\", \"LOCKED\"]", "[\"LOCKED\", \"ACTIVE\"]"),
    ("['\\', '\"']", "['\"', '\\']"),
];

fn page(text: &str) -> Page {
    parse::parse(SourceFile::new("page.toml", text)).unwrap_or_else(|problem| panic!("{problem}"))
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn between(old: &str, new: &str) -> Vec<Change> {
    pages(&page(old), &page(new))
}

fn mirror(direction: Direction) -> Direction {
    match direction {
        Wider => Narrower,
        Narrower => Wider,
        Other => Other,
    }
}

#[test]
fn each_change_has_its_direction_and_its_words() {
    for (from, to, direction, words) in CASES {
        let new = replaced(PAGE, from, to);
        let changes = between(PAGE, &new);
        assert!(changes.iter().any(|change| change.words.contains(words)), "{from} -> {to}: {changes:#?}");
        let expected = if *direction == Narrower { Verdict::Narrower } else { Verdict::Wider };
        assert_eq!(verdict(&changes), expected, "{from} -> {to}: {changes:#?}");
        if *direction != Other {
            assert!(changes.iter().any(|change| change.direction == *direction), "{from} -> {to}: {changes:#?}");
        }
        let back = verdict(&between(&new, PAGE));
        let expected = if *direction == Narrower { Verdict::Wider } else { back };
        assert_eq!(back, expected, "back from {to}");
        assert_ne!(back, Verdict::Same, "back from {to}");
    }
}

#[test]
fn words_order_and_other_ways_to_write_the_same_do_not_count() {
    let mut all = PAGE.to_owned();
    for (from, to) in WORDS {
        let new = replaced(PAGE, from, to);
        assert_eq!(between(PAGE, &new), [], "{from} -> {to}");
        if all.contains(from) {
            all = replaced(&all, from, to);
        }
    }
    assert_eq!(between(PAGE, &all), []);
}

#[test]
fn a_change_names_the_line_it_is_about() {
    let line = |text: &str, words: &str| {
        let at = text.lines().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}"));
        Some(format!("page.toml:{}", at + 1))
    };
    for (from, to, about, at) in [
        ("limit = \"200\"", "limit = \"100\"", "query", "query    ="),
        ("expire = false", "expire = true", "json", "json     = { old"),
        ("[\"ACTIVE\", \"LOCKED\"]", "[\"ACTIVE\"]", "requires", "requires ="),
        ("max-bytes      = 72", "max-bytes      = 64", "password", "max-bytes "),
        ("group = { class = \"token\", max = 16", "group = { class = \"token\", max = 15", "args", "group = "),
        ("code = \"/code\"", "all = \"\"", "shows", "shows    ="),
        ("secret = { key = \"password\" }", "secret = { key = \"key\" }", "records", "secret = { key"),
    ] {
        let new = replaced(PAGE, from, to);
        let changes = between(PAGE, &new);
        assert!(
            changes.iter().any(|change| change.about == about && change.new_line == line(&new, at)),
            "{from}: {changes:#?}"
        );
    }
    // What is written over several lines is found where it stands.
    let new =
        replaced(PAGE, "requires = [ {", "requires = [\n  { at = \"/kind\", equals = \"U\", else = \"x\" },\n  {");
    let changes = between(PAGE, &new);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(changes[0].new_line, line(&new, "at = \"/kind\""));
    // What is gone stands in the old page only.
    let new = replaced(PAGE, "may-fail  = true\n", "");
    assert_eq!(between(PAGE, &new)[0].old_line, line(PAGE, "may-fail  ="));
}

#[test]
fn requests_that_come_go_or_move_are_said() {
    let tell = PAGE.find("[[route]]\nname      = \"tell\"").unwrap();
    let without = &PAGE[..tell];
    let gone = between(PAGE, without);
    assert_eq!((gone.len(), verdict(&gone)), (1, Verdict::Narrower), "{gone:#?}");
    assert_eq!(gone[0].words, "request `tell` is gone (POST {api.url}/v1/groups/{arg.group}/tell)");
    let line = PAGE[..tell].lines().count() + 1;
    assert_eq!((&gone[0].old_line, &gone[0].new_line), (&Some(format!("page.toml:{line}")), &None));
    let new = between(without, PAGE);
    assert_eq!((new.len(), verdict(&new), new[0].about), (1, Verdict::Wider, "route"), "{new:#?}");
    assert_eq!((&new[0].old_line, &new[0].new_line), (&None, &Some(format!("page.toml:{line}"))));
    assert!(new[0].words.starts_with("a new request `tell` in finish: POST "), "{new:#?}");
    // A proof less is no restriction.
    let sign_in = PAGE.find("[[route]]\nname     = \"sign-in\"").unwrap();
    let unproved = format!("{}{}", &PAGE[..sign_in], &PAGE[tell..]);
    assert_eq!(verdict(&between(PAGE, &unproved)), Verdict::Wider);
    let moved = format!("{}{}\n{}", &PAGE[..sign_in], &PAGE[tell..], &PAGE[sign_in..tell]);
    let moved = between(PAGE, &moved);
    assert!(moved.len() == 1 && moved[0].words.contains("another order"), "{moved:#?}");
}

#[test]
fn a_refusal_less_is_narrower_only_if_no_answer_was_both() {
    let both = replaced(PAGE, "refuses  = { status = 401 }", "refuses  = { status = [201, 401] }");
    // An answer with 201 was neither; now it is accepted.
    assert_eq!(verdict(&between(&both, PAGE)), Verdict::Wider);
}

#[test]
fn imports_are_compared_by_name_and_wasi_as_a_whole() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let plain = names(&["rotabox:rotator/http@0.1.0"]);
    let more = names(&["rotabox:rotator/http@0.1.0", "rotabox:rotator/time@0.1.0"]);
    let wasi = names(&["rotabox:rotator/http@0.1.0", "wasi:cli/environment@0.2.3"]);
    let newer = names(&["rotabox:rotator/http@0.1.0", "wasi:cli/environment@0.2.6"]);
    for (old, new, expected, words) in [
        (&plain, &plain, Verdict::Same, ""),
        (&plain, &more, Verdict::Wider, "imports `rotabox:rotator/time@0.1.0`"),
        (&more, &plain, Verdict::Narrower, "no longer imports `rotabox:rotator/time@0.1.0`"),
        (&plain, &wasi, Verdict::Wider, "imports WASI"),
        (&wasi, &plain, Verdict::Narrower, "no longer imports WASI"),
        (&wasi, &newer, Verdict::Same, ""),
    ] {
        let wasi = |names: &[String]| names.iter().any(|name| name.starts_with("wasi:"));
        let changes = imports(Imports { names: old, wasi: wasi(old) }, Imports { names: new, wasi: wasi(new) });
        assert_eq!(verdict(&changes), expected, "{changes:#?}");
        assert!(changes.len() <= 1 && changes.iter().all(|change| change.words.contains(words)), "{changes:#?}");
    }
}

/// Some of the cases, applied one after the other as far as they can be.
fn applied(picked: &[usize], of: &[&Case]) -> (String, Vec<Direction>) {
    let mut text = PAGE.to_owned();
    let mut directions = Vec::new();
    for index in picked {
        let (from, to, direction, _) = of[index % of.len()];
        if text.contains(from) && parse::parse(SourceFile::new("x", text.replacen(from, to, 1))).is_ok() {
            text = text.replacen(from, to, 1);
            directions.push(*direction);
        }
    }
    (text, directions)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_differs_from_itself(picked in proptest::collection::vec(any::<usize>(), 0..6)) {
        let cases: Vec<&Case> = CASES.iter().collect();
        let (text, _) = applied(&picked, &cases);
        prop_assert_eq!(between(&text, &text), []);
    }

    #[test]
    fn what_is_narrower_one_way_is_wider_the_other(
        one in proptest::collection::vec(any::<usize>(), 0..5),
        other in proptest::collection::vec(any::<usize>(), 0..5),
    ) {
        let cases: Vec<&Case> = CASES.iter().collect();
        let ((one, _), (other, _)) = (applied(&one, &cases), applied(&other, &cases));
        let (there, back) = (between(&one, &other), between(&other, &one));
        match verdict(&there) {
            Verdict::Same => prop_assert_eq!(verdict(&back), Verdict::Same),
            Verdict::Narrower => prop_assert_eq!(verdict(&back), Verdict::Wider, "{:#?}", back),
            Verdict::Wider => prop_assert_ne!(verdict(&back), Verdict::Same, "{:#?}", there),
        }
        // The same bytes for the same input.
        prop_assert_eq!(there, between(&one, &other));
    }

    #[test]
    fn restrictions_add_up_to_narrower_and_one_liberty_makes_it_wider(
        picked in proptest::collection::vec(any::<usize>(), 1..8),
        liberty in any::<usize>(),
    ) {
        let (narrowing, others): (Vec<&Case>, Vec<&Case>) =
            CASES.iter().partition(|(_, _, direction, _)| *direction == Narrower);
        let (text, directions) = applied(&picked, &narrowing);
        prop_assume!(!directions.is_empty());
        let changes = between(PAGE, &text);
        prop_assert_eq!(verdict(&changes), Verdict::Narrower, "{:#?}", changes);
        let (from, to, _, _) = others[liberty % others.len()];
        let wider = text.replacen(from, to, 1);
        prop_assume!(wider != text && parse::parse(SourceFile::new("x", wider.as_str())).is_ok());
        // A liberty may undo a restriction: against the restricted page it is one all the same.
        let changes = between(&text, &wider);
        prop_assert_ne!(verdict(&changes), Verdict::Same, "{:#?}", changes);
        prop_assert_ne!(verdict(&changes), Verdict::Narrower, "{} -> {}: {:#?}", from, to, changes);
    }

    #[test]
    fn directions_mirror(picked in any::<usize>()) {
        let (from, to, direction, _) = CASES[picked % CASES.len()];
        let new = replaced(PAGE, from, to);
        let back = between(&new, PAGE);
        // What is proved one way is not denied the other.
        if direction == Narrower {
            prop_assert!(back.iter().any(|change| change.direction == mirror(direction)), "{:#?}", back);
        }
    }
}
