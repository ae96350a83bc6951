use super::super::file::{HostPort, Limits, Policy, Select, Settings, parse};
use super::{ZEROS, assert_problem, source};
use proptest::prelude::*;
use std::time::Duration;

const ROTATOR: &str = "[rotator]\nmodule = \"okta.wasm\"\nsha256 = [\"0000000000000000000000000000000000000000000000000000000000000000\"]\n";

/// A policy with `more` after a valid `[rotator]`.
fn with(more: &str) -> String {
    format!("version = 1\n{ROTATOR}{more}\n")
}

fn good(text: &str) -> Policy {
    parse(source(text)).unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn the_policy_of_the_design_is_read() {
    let policy = good(
        r#"
version = 1

[rotator]
module = "/opt/rotabox/okta.wasm"
sha256 = ["00000000000000000000000000000000000000000000000000000000000000AB", "1111111111111111111111111111111111111111111111111111111111111111"]
literal-hosts = ["graph.microsoft.com", "[fd00::1]:8443"]
wasi = "inert"

[records.api]
title = "Okta API Access Details"
hosts = ["acme.okta.com", "acme.example:8443"]

[records.other]
uid = "x-_1"

[account]
allow  = ["*@svc.acme.example"]
except = ["rotation-admin@svc.acme.example"]

[settings]
reconcile   = "old-refused"
unverified  = "accept"
confinement = "require"

[routes]
off = ["end-sessions"]

[limits]
deadline = 60
compile  = 30
settle   = 0.5
requests = 20
memory   = 64
fuel     = 1_000_000
answer   = 1
"#,
    );
    assert_eq!(policy.rotator.module.to_str(), Some("/opt/rotabox/okta.wasm"));
    assert_eq!(policy.rotator.sha256.len(), 2);
    assert!(policy.rotator.sha256[0].ends_with("0ab"), "digests are lowered");
    let host = |host: &str, port| HostPort { host: host.to_owned(), port };
    assert_eq!(policy.rotator.literal_hosts, [host("graph.microsoft.com", 443), host("[fd00::1]", 8443)]);
    assert!(policy.rotator.inert_wasi && policy.rotator.page.is_none());
    assert_eq!(policy.records["api"].select, Select::Title("Okta API Access Details".to_owned()));
    assert_eq!(policy.records["api"].hosts, [host("acme.okta.com", 443), host("acme.example", 8443)]);
    assert_eq!(policy.records["other"].select, Select::Uid("x-_1".to_owned()));
    assert_eq!(policy.account.allow[0].as_str(), "*@svc.acme.example");
    assert_eq!(policy.account.except[0].as_str(), "rotation-admin@svc.acme.example");
    let all = Settings { reconcile: true, accept_unverified: true, require_confinement: true };
    assert_eq!(policy.settings, all);
    assert_eq!(policy.off[0].0, "end-sessions");
    let limits = Limits {
        deadline: Duration::from_secs(60),
        compile: Duration::from_secs(30),
        settle: Duration::from_millis(500),
        requests: 20,
        memory_bytes: 64 << 20,
        fuel: 1_000_000,
        answer_bytes: 1 << 20,
    };
    assert_eq!(policy.limits, limits);
    let line = |span| policy.file.line_of(span);
    assert_eq!(line(policy.rotator.sha256_span), "okta-prod.toml:6");
    assert_eq!(line(policy.records["api"].span), "okta-prod.toml:10");
    assert_eq!(line(policy.records["api"].hosts_span), "okta-prod.toml:12");
    assert_eq!(line(policy.records["other"].hosts_span), "okta-prod.toml:14");
    assert_eq!(line(policy.account.span), "okta-prod.toml:17");
    assert_eq!(line(policy.account.except[0].span), "okta-prod.toml:19");
    assert_eq!(line(policy.off[0].1), "okta-prod.toml:27");
}

#[test]
fn what_is_left_out_has_a_cautious_default() {
    let policy = good(&with(""));
    assert_eq!(policy.settings, Settings::default());
    assert!(!policy.settings.reconcile && !policy.settings.accept_unverified && !policy.settings.require_confinement);
    assert_eq!(policy.limits, Limits::default());
    assert!(policy.account.allow.is_empty() && policy.off.is_empty() && policy.records.is_empty());
    assert!(!policy.rotator.inert_wasi);
    assert_eq!(good(&with("[limits]\nrequests = 9")).limits, Limits { requests: 9, ..Limits::default() });
}

#[test]
fn one_digest_may_stand_without_brackets() {
    let policy = good(&format!("version = 1\n[rotator]\nmodule = \"m\"\nsha256 = \"{ZEROS}\"\n"));
    assert_eq!(policy.rotator.sha256, [ZEROS]);
}

#[test]
fn a_page_is_named_with_its_digest() {
    let pinned = format!("page = \"rest.toml\"\npage-sha256 = [\"{ZEROS}\"]");
    let page = good(&with(&pinned)).rotator.page.unwrap();
    assert_eq!((page.path.to_str(), page.sha256.as_slice()), (Some("rest.toml"), &[ZEROS.to_owned()][..]));
}

#[test]
fn each_mistake_says_where_it_is_and_what_to_do() {
    let cases: &[(&str, &str, &str, &str)] = &[
        // (after a valid [rotator], under the caret, message, hint)
        ("[setings]", "setings", "`setings` is no key of a policy", "did you mean `settings`?"),
        ("[account]\nexept = [\"x\"]", "exept", "no key of `[account]`", "did you mean `except`?"),
        ("modul = \"x\"", "modul", "no key of `[rotator]`", "did you mean `module`?"),
        ("page = \"x\"", "\"x\"", "needs `page-sha256`", "sha256sum"),
        ("page-sha256 = \"x\"", "\"x\"", "needs `page` beside it", "sealed in"),
        ("wasi = \"full\"", "\"full\"", "`full` is no choice", "`none`, `inert`"),
        ("literal-hosts = \"a.test\"", "\"a.test\"", "an array belongs here, not a text", "[\"acme.okta.com\"]"),
        ("literal-hosts = [\"*.a.test\"]", "\"*.a.test\"", "wildcards", "list each host exactly"),
        ("[records.api]\ntitle = \"A\"\nuid = \"B\"", "\"B\"", "has `title` and `uid`", "keep one"),
        ("[records.api]\nhosts = [\"a.test\"]", "[records.api]", "does not say which vault record", "title = "),
        ("[records.api]\ntitle = \"\"", "\"\"", "empty", "exactly as in the vault"),
        ("[records.api]\nuid = \"a\\u0000\"", "\"a", "control characters", "remove"),
        ("[records.api]\nuid = 3", "3", "a text belongs here, not a number", "\"3\""),
        ("[records.api]\ntitel = \"A\"", "titel", "no key of `[records.api]`", "did you mean `title`?"),
        ("[records]\ntitle = \"A\"", "\"A\"", "a table belongs here", "[records.api]"),
        (
            "[records.api]\ntitle = \"A\"\nhosts = [\"https://a.test/x\"]",
            "\"https",
            "without a scheme",
            "write `a.test`",
        ),
        ("[records.api]\ntitle = \"A\"\nhosts = [\"a.test/x\"]", "\"a.test/x\"", "without a path", "write `a.test`"),
        ("[records.api]\ntitle = \"A\"\nhosts = [\"*.a.test\"]", "\"*", "another tenant", "list each"),
        ("[records.api]\ntitle = \"A\"\npins = []", "[]", "any certificate or none", "remove the key"),
        ("[records.api]\ntitle = \"A\"\npins = \"x\"", "\"x\"", "an array belongs here", "sha256/"),
        ("[records.api]\ntitle = \"A\"\npins = [\"sha256/AAAA\"]", "\"sha256", "this is no pin", "44 characters"),
        ("[records.api]\ntitle = \"A\"\npins = [\"sha1/AAAA\"]", "\"sha1", "this is no pin", "44 characters"),
        ("[records.api]\ntitle = \"A\"\npins = [\"sha256//AAAA\"]", "\"sha256", "this is no pin", "one slash"),
        ("[records.api]\ntitle = \"A\"\nclient-certificate = \"c\"", "\"c\"", "a table belongs here", "key = "),
        (
            "[records.api]\ntitle = \"A\"\nclient-certificate = { certificate = \"c\" }",
            "{",
            "`client-certificate` needs `key`",
            "two fields of the vault record",
        ),
        (
            "[records.api]\ntitle = \"A\"\nclient-certificate = { certificate = \"c\", key = \"\" }",
            "\"\"",
            "empty",
            "exactly as in the vault",
        ),
        ("[account]\nallow = []", "[]", "all or nothing", "remove the key"),
        ("[account]\nallow = \"*\"", "\"*\"", "an array belongs here", "[\"*@svc"),
        ("[account]\nallow = [\"\"]", "\"\"", "empty", "exactly"),
        ("[settings]\nreconcile = true", "true", "a text belongs here", ""),
        ("[settings]\nreconcile = \"always\"", "\"always\"", "`always` is no choice", "`never`, `old-refused`"),
        ("[settings]\nunverified = \"acept\"", "\"acept\"", "no choice", "did you mean `accept`?"),
        ("[settings]\nconfinement = \"required\"", "\"required\"", "no choice", "did you mean `require`?"),
        ("[routes]\noff = \"x\"", "\"x\"", "an array belongs here", "[\"end-sessions\"]"),
        ("[routes]\non = [\"x\"]", "on", "no key of `[routes]`", "`off`"),
        ("[limits]\ndeadline = 0", "0", "from 1 to 900", "seconds"),
        ("[limits]\ndeadline = 901", "901", "from 1 to 900", "seconds"),
        ("[limits]\ndeadline = 1.5", "1.5", "from 1 to 900", "seconds"),
        ("[limits]\nsettle = 60.1", "60.1", "from 0 to 60", ""),
        ("[limits]\nsettle = nan", "nan", "", ""),
        ("[limits]\nsettle = -1", "-1", "from 0 to 60", ""),
        ("[limits]\nrequests = 1001", "1001", "from 1 to 1000", "requests"),
        ("[limits]\nmemory = 513", "513", "from 1 to 512", "MiB"),
        ("[limits]\nfuel = 10", "10", "from 1000000", "instruction"),
        ("[limits]\nanswer = 65", "65", "from 1 to 64", "MiB"),
        ("[limits]\nanswer = \"4\"", "\"4\"", "from 1 to 64", "MiB"),
        ("[limits]\nmemmory = 4", "memmory", "no key of `[limits]`", "did you mean `memory`?"),
        ("[limits", "", "not TOML", ""),
        ("[limits]\n[limits]", "", "not TOML", ""),
    ];
    for (more, at, message, hint) in cases {
        let text = with(more);
        let problem = parse(source(&text)).err().unwrap_or_else(|| panic!("accepted: {text}"));
        if hint.is_empty() {
            assert!(problem.message.contains(message), "{problem}");
        } else {
            assert_problem(&text, &problem, at, message, hint);
        }
    }
}

#[test]
fn what_must_be_there_is_asked_for() {
    let zeros = format!("sha256 = \"{ZEROS}\"");
    for (text, message, hint) in [
        (String::new(), "a policy needs `version`", "version = 1"),
        (ROTATOR.to_owned(), "a policy needs `version`", "version = 1"),
        (with("").replace("version = 1", "version = 2"), "does not read", "it reads `version = 1`"),
        (with("").replace("version = 1", "version = \"1\""), "does not read", "it reads `version = 1`"),
        ("version = 1\n".to_owned(), "a policy needs `[rotator]`", "rotabox approve"),
        (format!("version = 1\n[rotator]\n{zeros}"), "`[rotator]` needs `module`", "module = "),
        ("version = 1\n[rotator]\nmodule = \"m\"".to_owned(), "`[rotator]` needs `sha256`", "rotabox approve"),
        (format!("version = 1\n[rotator]\nmodule = \"\"\n{zeros}"), "no path", "path of the file"),
        ("version = 1\n[rotator]\nmodule = \"m\"\nsha256 = []".to_owned(), "a list of digests", "64"),
        (
            "version = 1\n[rotator]\nmodule = \"m\"\nsha256 = [\"…\"]".to_owned(),
            "no sha256 digest (1 ",
            "64 hexadecimal",
        ),
        (
            format!("version = 1\n[rotator]\nmodule = \"m\"\nsha256 = [\"{}g\"]", &ZEROS[1..]),
            "no sha256 digest (64",
            "64",
        ),
        (
            format!("version = 1\n[rotator]\nmodule = \"m\"\nsha256 = \"sha256:{ZEROS}\""),
            "without `sha256:`",
            "64 digits",
        ),
    ] {
        let problem = parse(source(&text)).err().unwrap_or_else(|| panic!("accepted: {text}"));
        assert!(problem.message.contains(message), "{text}\n{problem}");
        assert!(problem.hint.clone().unwrap_or_default().contains(hint), "{text}\n{problem}");
    }
}

#[test]
fn a_problem_is_printed_with_its_line_a_caret_and_a_hint() {
    let problem = parse(source(&with("[account]\nexept = [\"x\"]"))).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "okta-prod.toml:6:1: `exept` is no key of `[account]`\n  exept = [\"x\"]\n  ^~~~~\nhint: did you mean `except`? Valid are \
         `allow`, `except`"
    );
}

/// TOML for a text.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn listed(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn vault_text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,20}".prop_filter("nothing hidden", |text| !text.chars().any(crate::page::diagnostic::is_hidden))
}

#[test]
fn who_approved_what_is_read_and_the_last_word_counts() {
    let digest = |digit: &str| digit.repeat(64);
    let entry = |digit: &str, by: &str, more: &str| {
        format!(
            "[[approved]]\nsha256 = \"{}\"\nby = \"{by}\"\nat = \"2026-11-22T09:30:00+01:00\"\n{more}",
            digest(digit)
        )
    };
    let text = [
        entry("a", "Alice", "signed = \"okta 1.2.0 by acme\"\naccepted = [\"wider\"]\n"),
        entry("a", "Bob", &format!("page-sha256 = \"{}\"\n", digest("c"))),
        entry("b", "Carol", ""),
    ];
    let policy = good(&with(&text.concat()));
    assert_eq!(policy.approved[0].at, "2026-11-22T08:30:00Z");
    assert_eq!(policy.approved[0].signed.as_deref(), Some("okta 1.2.0 by acme"));
    assert_eq!(policy.approved[0].accepted, ["wider"]);
    let by = |module: &str, page: Option<&str>| {
        super::super::approved::approval(&policy.approved, &digest(module), page).map(|entry| entry.by.as_str())
    };
    assert_eq!((by("a", None), by("b", None), by("d", None)), (Some("Bob"), Some("Carol"), None));
    assert_eq!((by("a", Some(&digest("c"))), by("a", Some(&digest("e")))), (Some("Bob"), Some("Alice")));
}

#[test]
fn a_malformed_approval_is_refused_with_the_place_and_the_fix() {
    let digest = "a".repeat(64);
    let entry = format!("[[approved]]\nsha256 = \"{digest}\"\nby = \"Alice\"\nat = \"2026-11-22T09:30:00Z\"\n");
    good(&with(&entry));
    for (from, to, message, hint) in [
        ("[[approved]]", "[approved]", "an array belongs here", "write `[[approved]]`"),
        ("by = \"Alice\"", "", "needs `by`", "who approved it"),
        ("by = \"Alice\"", "by = \" \"", "this is empty", "write a name"),
        ("by = \"Alice\"", "by = \"a\\nb\"", "control characters", "remove them"),
        ("by = \"Alice\"", "who = \"Alice\"", "`who` is no key", "valid are"),
        ("\"2026-11-22T09:30:00Z\"", "2026-11-22T09:30:00Z", "a text belongs here, not a date", "in quotes, in UTC"),
        ("\"2026-11-22T09:30:00Z\"", "\"yesterday\"", "this is no time", "in quotes, in UTC"),
        ("at = \"2026-11-22T09:30:00Z\"", "", "needs `at`", "in quotes, in UTC"),
        (&format!("\"{digest}\""), "\"abc\"", "no sha256 digest", "64 hexadecimal digits"),
        ("by = \"Alice\"", "by = \"Alice\"\naccepted = \"wider\"", "an array belongs here", "accepted = [\"wider\"]"),
    ] {
        assert!(entry.contains(from), "{from}");
        let problem = parse(source(&with(&entry.replace(from, to)))).unwrap_err().to_string();
        assert!(problem.contains(message) && problem.contains(hint), "{to}: {problem}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        title in vault_text(),
        uid in "[-_A-Za-z0-9]{1,22}",
        hosts in prop::collection::vec("[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5})?\\.test(:[1-9][0-9]{0,3})?", 1..4),
        allow in prop::collection::vec(vault_text(), 1..4),
        digests in prop::collection::vec("[0-9a-f]{64}", 1..4),
        (reconcile, accept, require, inert) in any::<(bool, bool, bool, bool)>(),
        (deadline, settle, requests) in (1u64..=900, 0u32..=60, 1u32..=1000),
    ) {
        let text = format!(
            "version = 1\n[rotator]\nmodule = {}\nsha256 = {}\nwasi = \"{}\"\n[records.a]\ntitle = {}\nhosts = {}\n\
             [records.b]\nuid = {}\n[account]\nallow = {}\nexcept = {}\n[settings]\nreconcile = \"{}\"\nunverified = \"{}\"\n\
             confinement = \"{}\"\n[limits]\ndeadline = {deadline}\nsettle = {settle}\nrequests = {requests}\n",
            quoted(&title), listed(&digests), if inert { "inert" } else { "none" }, quoted(&title), listed(&hosts),
            quoted(&uid), listed(&allow), listed(if allow.len() > 1 { &allow[1..] } else { &allow }),
            if reconcile { "old-refused" } else { "never" }, if accept { "accept" } else { "refuse" },
            if require { "require" } else { "best-effort" },
        );
        let policy = good(&text);
        prop_assert_eq!(policy.rotator.module.to_str(), Some(title.as_str()));
        prop_assert_eq!(&policy.rotator.sha256, &digests);
        prop_assert_eq!(&policy.records["a"].select, &Select::Title(title));
        prop_assert_eq!(&policy.records["b"].select, &Select::Uid(uid));
        let read: Vec<String> = policy.records["a"].hosts.iter().map(HostPort::to_string).collect();
        let hosts: Vec<String> = hosts.iter().map(|host| host.strip_suffix(":443").unwrap_or(host).to_owned()).collect();
        prop_assert_eq!(read, hosts);
        let patterns: Vec<&str> = policy.account.allow.iter().map(|pattern| pattern.as_str()).collect();
        prop_assert_eq!(patterns, allow.iter().map(String::as_str).collect::<Vec<_>>());
        let settings = Settings { reconcile, accept_unverified: accept, require_confinement: require };
        prop_assert_eq!(policy.settings, settings);
        prop_assert_eq!(policy.rotator.inert_wasi, inert);
        prop_assert_eq!(policy.limits.deadline, Duration::from_secs(deadline));
        prop_assert_eq!(policy.limits.settle, Duration::from_secs(settle.into()));
        prop_assert_eq!(policy.limits.requests, requests);
    }

    #[test]
    fn arbitrary_text_never_panics(text: String, toml in "[a-z\\[\\].=\"{}#\\n 0-9*-]{0,80}") {
        let _ = parse(source(&text));
        let _ = parse(source(&with(&toml)));
        let _ = parse(source(&with(&format!("[records.api]\n{toml}"))));
    }
}
