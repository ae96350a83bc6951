use super::place::{Place, PlaceError};
use super::stand_in::StandIns;
use super::tape::{Tape, TapeError};
use super::*;
use crate::broker::http::redact::Redactor;
use crate::page::diagnostic::SourceFile;
use crate::page::parse::parse as page_parse;
use crate::wire::{Call, Failure, LogLine, Reply, Start, ToBroker};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,12}",
        any::<String>().prop_map(|text| said(&text)),
        Just("N3w\"pa$s\\w0rd & <é> %41+".to_owned()),
        Just("'\"\"\"\\u{1b} = [ { # ,".to_owned()),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map(text(), text(), 0..3).prop_map(|pairs| pairs.into_iter().collect())
}

fn problem() -> impl Strategy<Value = Problem> {
    prop_oneof![
        text().prop_map(Problem::NotInPage),
        text().prop_map(Problem::Denied),
        text().prop_map(Problem::NotSent),
        text().prop_map(Problem::NoAnswer),
        Just(Problem::OutOfTime),
        text().prop_map(Problem::Other),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    (0..1000_u16, prop::sample::select(VERDICTS.to_vec()), prop::collection::vec(text(), 0..3), pairs())
        .prop_map(|(status, judged, unmet, shown)| Answer { status, judged: judged.to_owned(), unmet, shown })
}

fn event() -> impl Strategy<Value = Event> {
    let args = prop::collection::vec((text(), text()), 0..3);
    let told = prop_oneof![answer().prop_map(Ok), problem().prop_map(Err)];
    let levels = vec![Level::Debug, Level::Info, Level::Warn, Level::Error];
    prop_oneof![
        prop::collection::vec(text(), 0..4).prop_map(Event::Routes),
        (text(), args, told).prop_map(|(route, args, told)| Event::Sent { route, args, told }),
        any::<u64>().prop_map(|milliseconds| Event::Slept { milliseconds }),
        (prop::sample::select(levels), text()).prop_map(|(level, text)| Event::Logged { level, text }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Ok),
        (text(), text()).prop_map(|(code, detail)| End::Failed { code, detail }),
        text().prop_map(End::Trapped),
    ]
}

fn taped_step() -> impl Strategy<Value = TapedStep> {
    (prop::sample::select(Label::ALL.to_vec()), prop::collection::vec(event(), 0..5), end())
        .prop_map(|(label, events, ends)| TapedStep { label, events, ends })
}

prop_compose! {
    fn made()(rotabox in text(), rotator in text(), module in text(), page in text()) -> Made {
        Made { rotabox, rotator, module, page }
    }
}

prop_compose! {
    fn cassette()(
        verb in prop::option::of(prop::sample::select(vec!["run", "rehearse", "verify", "verify new"])),
        outcome in prop::option::of("[a-z]{1,10}"), user in text(), old_password in any::<bool>(),
        inert_wasi in any::<bool>(), texts in pairs(), made in prop::option::of(made()),
        steps in prop::collection::vec(taped_step(), 1..4),
    ) -> Cassette {
        let verb = verb.map(str::to_owned);
        Cassette { verb, outcome, user, old_password, inert_wasi, texts, made, steps }
    }
}

fn read(text: &str) -> Result<Cassette, String> {
    parse::parse(&SourceFile::new("c.toml", text)).map_err(|mistake| mistake.to_string())
}

proptest! {
    #[test]
    fn what_is_written_reads_back_and_is_written_the_same(cassette in cassette()) {
        let text = write::cassette(&cassette);
        let back = read(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&back, &cassette);
        prop_assert_eq!(write::cassette(&back), text);
    }

    #[test]
    fn an_event_is_one_line(event in event()) {
        prop_assert_eq!(write::event(&event).lines().count(), 1);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = read(&text);
    }

    #[test]
    fn a_cassette_that_was_damaged_is_refused_with_a_place_or_is_another_one(
        cassette in cassette(), at in any::<prop::sample::Index>(), by in prop_oneof![Just(String::new()), ".", any::<String>()],
    ) {
        let text = write::cassette(&cassette);
        let at = text.floor_char_boundary(at.index(text.len()));
        let mut damaged = text.clone();
        let end = text.ceil_char_boundary(at + 1);
        damaged.replace_range(at..end, &by);
        if let Err(said) = read(&damaged) {
            prop_assert!(said.starts_with("c.toml:"), "{}", said);
        }
    }
}

const SMALL: &str = "version = 1\n[[step]]\nname = \"change\"\n";

#[test]
fn a_cassette_by_hand_needs_little() {
    let cassette = read(SMALL).unwrap();
    assert_eq!((cassette.user.as_str(), cassette.old_password, cassette.inert_wasi), (USER, true, false));
    assert_eq!(cassette.steps, [TapedStep { label: Label::Change, events: vec![], ends: End::Ok }]);
}

#[test]
fn each_mistake_has_its_place_and_its_fix() {
    let event = |event: &str| format!("{SMALL}events = [\n  {event},\n]\n");
    let with = |line: &str| format!("version = 1\n{line}\n[[step]]\nname = \"change\"\n");
    for (text, said) in [
        ("".to_owned(), "c.toml:1:1: a cassette needs `version`\n  \n  ^\nhint: begin it with `version = 1`"),
        ("version = 2".to_owned(), "c.toml:1:11: this cassette is of version 2, and this rotabox reads version 1"),
        ("version = 0".to_owned(), "c.toml:1:11: a whole number from 1"),
        ("version = 1".to_owned(), "hint: write one `[[step]]` for each step"),
        ("version = 1\nstep = 3".to_owned(), "c.toml:2:8: an array belongs here, not a number"),
        ("version = 1\n[[step]]\nname = \"chang\"".to_owned(), "c.toml:3:8: there is no step `chang`"),
        ("version = 1\n[[step]]\n".to_owned(), "c.toml:2:1: a step needs `name`"),
        (
            with("uesr = \"x\""),
            "c.toml:2:1: `uesr` is no key of a cassette\n  uesr = \"x\"\n  ^~~~\nhint: did you mean `user`?",
        ),
        (with("user = 7"), "hint: write it in quotes: \"7\""),
        (with("verb = \"rotate\""), "c.toml:2:8: there is no verb `rotate`"),
        (with("outcome = \"It Worked\""), "c.toml:2:11: an outcome is a word such as `rotated`"),
        (with("wasi = \"full\""), "c.toml:2:8: there is no WASI `full`"),
        (with("user = \"a\u{202e}b\""), "c.toml:2:10: a cassette cannot hold the invisible character U+202E"),
        (with("texts = { a = 1 }"), "c.toml:2:15: a text belongs here, not a number"),
        (with("made = { rotabox = \"1\" }"), "`[made]` needs `rotator`"),
        (with("version = 1"), "c.toml:2:1: this is not TOML"),
        (format!("{SMALL}ends = \"fine\""), "c.toml:4:8: a step ends in `\"ok\"`"),
        (format!("{SMALL}ends = {{ failed = \"a\", trapped = \"b\" }}"), "c.toml:4:8: a step ends in `\"ok\"`"),
        (format!("{SMALL}ends = {{ failed = \"a\", details = \"b\" }}"), "hint: did you mean `detail`?"),
        (event("{ }"), "c.toml:5:3: an event has `routes`, `send`, `sleep` or `log`"),
        (event("{ sent = \"a\" }"), "hint: did you mean `send`?"),
        (event("{ send = \"a\" }"), "hint: write what the rotator was told: `status = 200, judged = \"accepted\"`"),
        (event("{ send = \"a\", status = 1000, judged = \"accepted\" }"), "c.toml:5:26: a whole number from 0 to 999"),
        (event("{ send = \"a\", status = 200, judged = \"fine\" }"), "c.toml:5:40: there is no verdict `fine`"),
        (event("{ send = \"a\", problem = \"lost\" }"), "c.toml:5:27: there is no problem `lost`"),
        (event("{ send = \"a\", problem = \"out-of-time\", text = \"x\" }"), "c.toml:5:49: `out-of-time` has no text"),
        (event("{ send = \"a\", problem = \"denied\", status = 3 }"), "`status` is no key of an event with `problem`"),
        (event("{ send = \"a\", args = [[\"a\"]], status = 1, judged = \"unmet\" }"), "an argument is a pair"),
        (event("{ routes = [1] }"), "c.toml:5:15: a text belongs here, not a number"),
        (event("{ sleep = -1 }"), "c.toml:5:13: a whole number from 0"),
        (event("{ log = \"loud\", text = \"x\" }"), "c.toml:5:11: there is no level `loud`"),
        (event("{ log = \"info\" }"), "a log line needs `text`"),
        (event("{ sleep = 1, routes = [] }"), "an event is one thing, and this is a `routes` and a `sleep`"),
        (format!("{SMALL}events = [{}]", "{ sleep = 1 },".repeat(EVENTS_MAX + 1)), "2000 is the most"),
        (format!("version = 1\n{}", "[[step]]\nname = \"change\"\n".repeat(STEPS_MAX + 1)), "64 is the most"),
    ] {
        let mistake = read(&text).expect_err(&text);
        assert!(mistake.contains(said), "of {text:?} it says:\n{mistake}\nand not:\n{said}");
    }
}

const PAGE: &str = r#"
version = 1
name = "acme"
[records.api]
url = "url"
secret = { token = "password" }
text = { tenant = "tenant" }
[[route]]
name = "find"
for = ["change"]
request = "GET {api.url}/accounts/{user}"
headers = { authorization = "Bearer {api.token}" }
expects = { status = 200 }
requires = [{ at = "/state", one-of = ["active", "expired"], else = "the account is {value}" }, { at = "/kind", equals = "own", else = "not {{ours}}" }]
shows = { state = "/state", mail = "/mail", name = "/name" }
[[route]]
name = "set"
for = ["change"]
changes = true
request = "PUT {api.url}/accounts/{user}/password"
headers = { authorization = "Bearer {api.token}" }
json = { password = "{new-password}" }
expects = { status = 204 }
shows = { code = "/code" }
"#;

fn page() -> crate::page::Page {
    page_parse(SourceFile::new("page.toml", PAGE)).unwrap()
}

#[test]
fn a_user_keeps_its_shape_and_loses_its_name() {
    for (user, stand_in) in [
        ("ann.smith@acme.com", "user@domain.example"),
        ("svc/db@acme.com", "user/name@domain.example"),
        ("ACME\\ann", "DOMAIN\\user"),
        ("ann", "user"),
        ("a b é", "user"),
        ("", "user"),
    ] {
        assert_eq!(StandIns::new(&page(), user, &[]).user(), stand_in, "{user}");
        assert_eq!(StandIns::new(&page(), user, &["user".to_owned()]).user(), user);
    }
}

#[test]
fn a_stand_in_stands_wherever_the_rotator_repeats_the_value() {
    let mut stand_ins = StandIns::new(&page(), "Ann.Smith@acme.com", &["find.name".to_owned(), "x.y".to_owned()]);
    assert_eq!(stand_ins.shown("find", "state", "expired"), "expired"); // stands on the page
    assert_eq!(stand_ins.shown("find", "state", "frozen"), "{find.state}");
    assert_eq!(stand_ins.shown("find", "state", "melted"), "{find.state 2}");
    assert_eq!(stand_ins.shown("find", "mail", "ANN.SMITH@ACME.COM"), "user@domain.example");
    assert_eq!(stand_ins.shown("find", "mail", "no"), "no");
    assert_eq!(stand_ins.shown("find", "mail", "true"), "true");
    assert_eq!(stand_ins.shown("find", "name", "Ann Smith"), "Ann Smith"); // kept on purpose
    assert_eq!(stand_ins.field("api.tenant", "contoso"), "{api.tenant}");
    for (text, wanted) in [
        ("state frozen, then melted", "state {find.state}, then {find.state 2}"),
        ("ann.smith@acme.com and Ann.Smith of acme.com", "user@domain.example and user of domain.example"),
        ("Contoso's; contosos", "{api.tenant}'s; contosos"),
        ("frozen", "{find.state}"),
        ("unfrozen frozen2 é frozen", "unfrozen frozen2 é {find.state}"),
        ("", ""),
    ] {
        assert_eq!(stand_ins.text(text), wanted);
    }
    assert_eq!(stand_ins.replaced(), ["find.state", "api.tenant"]);
    assert_eq!(stand_ins.never_seen(), ["x.y"]);
}

#[test]
fn sentences_keep_the_pages_words() {
    let mut stand_ins = StandIns::new(&page(), "ann", &[]);
    for (text, wanted) in [
        ("the account is expired", "the account is expired"),
        ("the account is Ann's", "the account is {value}"),
        ("not {ours}", "not {ours}"),
        ("the answer has nothing at `/id` to bind `find.id`", "the answer has nothing at `/id` to bind `find.id`"),
        ("the next page is on https://elsewhere.example", "{find unmet}"),
    ] {
        assert_eq!(stand_ins.unmet("find", text), wanted, "{text}");
    }
    assert_eq!(stand_ins.text("unmet: the account is Ann's."), "unmet: the account is {value}.");
}

#[test]
fn why_there_was_no_answer_names_no_host_port_or_file() {
    let mut stand_ins = StandIns::new(&page(), "ann", &[]);
    let refused = Problem::NoAnswer("localhost:41234 closed the connection".to_owned());
    assert_eq!(stand_ins.problem(&refused), Problem::NoAnswer("{no-answer}".to_owned()));
    assert_eq!(stand_ins.text("gave up: localhost:41234 closed the connection"), "gave up: {no-answer}");
    for same in [Problem::NotSent("rehearsal".to_owned()), Problem::OutOfTime] {
        assert_eq!(stand_ins.problem(&same), same);
    }
}

const SECRET: &str = "N3w\"pa$s\\w0rd & <é> %41+";

fn tape() -> Tape {
    let mut tape = Tape::new(vec![]);
    let made = || "x".to_owned();
    let made = Made { rotabox: made(), rotator: made(), module: made(), page: made() };
    tape.begins("run", &page(), "ann@acme.com", false, made);
    let texts = vec![("api.tenant".to_owned(), "contoso".to_owned())];
    let start =
        Start { step: Step::Change, user: "ann@acme.com".to_owned(), has_old_password: true, texts, milliseconds: 1 };
    tape.step("change", &start);
    tape
}

fn redactor() -> Redactor {
    Redactor::new([("new-password", SECRET)])
}

#[test]
fn a_secret_that_a_rotator_writes_is_cut_out_in_any_form() {
    let forms = [
        SECRET.to_owned(),
        "N3w%22pa%24s%5Cw0rd+%26+%3C%C3%A9%3E+%2541%2B".to_owned(),
        serde_json::to_string(SECRET).unwrap(),
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, SECRET),
    ];
    for form in forms {
        let mut tape = tape();
        let call = Call::Send { route: form.clone(), args: vec![(form.clone(), form.clone())] };
        tape.told(&call, &Reply::Sent(Err(Problem::NotInPage(String::new()))), &redactor());
        tape.heard(&ToBroker::Log(LogLine { level: Level::Info, text: form.clone() }), &redactor());
        tape.heard(&ToBroker::Done(Err(Failure { code: form.clone(), detail: form.clone() })), &redactor());
        let text = tape.finish("denied", &redactor()).unwrap().text;
        assert_eq!(redactor().redact(&text), text, "{form}");
        assert_eq!(text.matches("[new-password]").count(), 6, "{text}");
    }
}

#[test]
fn a_cassette_that_would_hold_a_secret_is_not_made() {
    // A reply is redacted before it comes here: one that is not stands for a mistake of ours.
    let mut tape = tape();
    let shown = vec![("state".to_owned(), "active".to_owned())];
    let answer = Answer { status: 200, judged: "accepted".to_owned(), unmet: vec![SECRET.to_owned()], shown };
    let call = Call::Send { route: "find".to_owned(), args: vec![] };
    tape.told(&call, &Reply::Sent(Ok(answer.clone())), &redactor());
    tape.heard(&ToBroker::Done(Ok(())), &redactor());
    // The stand-in for what is no sentence of the page hides it; a value that is kept does not.
    let text = tape.finish("rotated", &redactor()).unwrap().text;
    assert!(text.contains("{find unmet}") && !text.contains("pa$s"), "{text}");
    let mut tape = self::tape();
    tape.told(&call, &Reply::Routes(vec![]), &redactor());
    tape.told(&Call::Routes, &Reply::Routes(vec![SECRET.to_owned()]), &redactor());
    tape.heard(&ToBroker::Done(Ok(())), &redactor());
    match tape.finish("rotated", &redactor()) {
        Err(TapeError::Secret { line }) => assert_eq!(line, 21),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_depends_on_time_or_never_ran_makes_no_cassette() {
    let mut left = tape();
    left.cut("the rotator used up the time for this step");
    assert!(matches!(left.finish("unchanged", &redactor()), Err(TapeError::Spoiled(_))));
    assert!(matches!(tape().finish("unchanged", &redactor()), Err(TapeError::Spoiled(_))));
    assert!(matches!(Tape::new(vec![]).finish("not-started", &redactor()), Err(TapeError::Nothing)));
    let mut long = tape();
    for _ in 0..EVENTS_MAX + 1 {
        long.told(&Call::Routes, &Reply::Routes(vec![]), &redactor());
    }
    long.heard(&ToBroker::Done(Ok(())), &redactor());
    assert!(matches!(long.finish("unchanged", &redactor()), Err(TapeError::TooMuch(_))));
}

#[test]
fn the_time_is_not_on_a_cassette() {
    let mut tape = tape();
    tape.told(&Call::Now, &Reply::Now(1_234_567_890), &redactor());
    tape.heard(&ToBroker::Done(Ok(())), &redactor());
    let text = tape.finish("unchanged", &redactor()).unwrap().text;
    assert!(text.contains("events = []") && !text.contains("1234567890"), "{text}");
}

#[test]
fn a_file_is_put_in_place_whole_and_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let place = Place::keep(&path, false).unwrap();
    assert!(!path.exists());
    place.commit("one").unwrap();
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), files()), ("one", 1));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let refused = Place::keep(&path, false).unwrap_err();
    assert!(matches!(refused, PlaceError::Exists(_)) && refused.to_string().contains("--force"), "{refused}");
    // What was not committed leaves nothing behind.
    drop(Place::keep(&path, true).unwrap());
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), files()), ("one", 1));
    Place::keep(&path, true).unwrap().commit("two").unwrap();
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), files()), ("two", 1));
    // A file that came meanwhile stays.
    let late = folder.path().join("b.toml");
    let place = Place::keep(&late, false).unwrap();
    std::fs::write(&late, "theirs").unwrap();
    assert!(matches!(place.commit("ours"), Err(PlaceError::Exists(_))));
    assert_eq!((std::fs::read_to_string(&late).unwrap().as_str(), files()), ("theirs", 2));
    assert!(Place::keep(std::path::Path::new("/"), false).is_err());
    assert!(Place::keep(&folder.path().join("no/such/folder"), false).is_err());
}
