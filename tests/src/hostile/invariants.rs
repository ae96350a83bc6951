//! Runs an attack, and asserts what must hold after every one, whatever it is:
//!
//! 1. the process ends by itself, inside its deadline, never by a signal;
//! 2. no secret stands in stdout, stderr, audit log, in any encoding; nor in anything that the rotator saw; nor at the provider
//!    in another place than the page's;
//! 3. stdout is exactly one well-formed result line, which fits the exit code;
//! 4. the audit log's chain verifies, and ends in that result;
//! 5. no canary was touched: listeners on other ports and other loopback addresses;
//! 6. no process is left, no file was made; nothing was changed twice, and no other account.
//!
//! Most of it is asserted by [`Bench::run`](crate::run::Bench::run) and [`Setup::run_line`] for every run of every suite; the rest here.

use super::attack::{Attack, Case};
use super::kernel::Kernel;
use crate::artifacts;
use crate::case::{Parts, PolicyText, Setup, lay_over, token};
use crate::leak;
use crate::params::Form;
use crate::run::Ran;
use crate::server::Canary;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A loopback address that nothing but these canaries uses.
const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 66, 6, 6);

/// Runs it on that kernel; panics if anything is not as it must be. `old_kernel` is the path of the program that takes walls away.
pub fn check(case: &Case, kernel: Kernel, old_kernel: &str) {
    let attack = &case.attack;
    let folder = artifacts::scratch();
    let module = match &attack.module {
        Some(module) => module.write(folder.path()),
        None => artifacts::guest("puppet"),
    };
    let (mut canaries, canary_words) = canaries(attack);
    let mut setup = Setup::assemble(parts(attack, module, canary_words));
    canaries.push(Canary::at(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), setup.server.port()));
    let config = setup.filled(&attack.config);
    setup.bench.add_config(&config);
    edit_policy(&setup, attack);
    if kernel != Kernel::Both {
        setup.bench.through(&[old_kernel, kernel.name()]);
    }
    let verb: Vec<String> = attack.verb.iter().map(|word| setup.filled(word)).collect();
    let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
    match verb[0] {
        "run" | "rehearse" | "verify" => {
            let line = match &attack.stdin {
                Some(line) => setup.filled(line).into_bytes(),
                None => setup.params.line(Form::Plain),
            };
            let ran = setup.run_line(&verb, &line);
            check_run(&setup, attack, kernel, &ran);
        }
        _ => check_words(&setup, attack, &verb),
    }
    drop(canaries);
}

fn parts(attack: &Attack, module: artifacts::Guest, canaries: Vec<(String, String)>) -> Parts {
    let default =
        |name: &str| fs::read_to_string(super::attack::folder().join("default").join(name)).expect("a default file");
    let tree = |name: &str| -> Value {
        let tree: toml::Value = toml::from_str(&default(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::to_value(tree).expect("TOML as a tree")
    };
    let mut params: Value = serde_json::from_str(&default("params.json")).expect("params.json");
    let (mut policy, mut provider) = (tree("policy.toml"), tree("provider.toml"));
    for (under, over) in
        [(&mut params, &attack.params), (&mut policy, &attack.policy), (&mut provider, &attack.provider)]
    {
        numbered(under, over.clone());
    }
    let mut page = attack.page.clone().unwrap_or_else(|| default("page.toml"));
    for (from, to) in &attack.edit {
        assert!(page.contains(from.as_str()), "the page does not hold `{from}`");
        page = page.replace(from.as_str(), to);
    }
    let script = attack.script.clone().unwrap_or_else(|| default("script.txt"));
    let kind = provider["kind"].as_str().unwrap_or_default().to_owned();
    let top = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
    // The attack's own first: they may hold the others.
    let mut words: Vec<_> = attack.words.iter().map(|(word, by)| (format!("@{word}@"), by.clone())).collect();
    words.extend(canaries);
    for (name, secret) in [("token", token(&kind).to_owned()), ("old", top("oldPassword")), ("new", top("newPassword"))]
    {
        words.extend(encodings(&secret).into_iter().map(|(encoding, text)| (format!("@{name}:{encoding}@"), text)));
    }
    Parts {
        params,
        provider,
        policy: PolicyText::Tree(policy),
        page: Some(page),
        script: format!("{script}\nspill\n"),
        module,
        words,
    }
}

/// Lays a tree over another; in a list, a table with numbers for keys is laid over the elements of these numbers.
fn numbered(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                let is_list = under.get(&key).is_some_and(Value::is_array) && value.is_object();
                match under.get_mut(&key) {
                    Some(Value::Array(list)) if is_list => {
                        for (index, value) in value.as_object().into_iter().flatten() {
                            let index: usize = index.parse().expect("a number");
                            while list.len() <= index {
                                list.push(Value::Null);
                            }
                            if value.is_string() {
                                list[index] = value.clone();
                            } else {
                                list[index] = match list[index].take() {
                                    Value::Null => value.clone(),
                                    mut element => {
                                        lay_over(&mut element, value.clone());
                                        element
                                    }
                                };
                            }
                        }
                    }
                    Some(below) if below.is_object() => numbered(below, value),
                    _ => {
                        let mut tree = Value::Object(std::mem::take(under));
                        lay_over(&mut tree, serde_json::json!({ key: value }));
                        let Value::Object(laid) = tree else { unreachable!("a table stays a table") };
                        *under = laid;
                    }
                }
            }
        }
        (under, over) => lay_over(under, over),
    }
}

/// What the common encodings make of a secret.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let percent = |keep: fn(u8) -> bool| -> String {
        secret.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let json = Value::from(secret).to_string();
    let quote = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => c.to_string(),
    };
    vec![
        ("raw", secret.to_owned()),
        ("percent", percent(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))),
        ("percent-all", percent(|_| false)),
        ("json", json[1..json.len() - 1].to_owned()),
        ("json-units", secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
        ("entities", secret.chars().map(quote).collect()),
        ("base64", STANDARD.encode(secret)),
        ("base64-behind-one", STANDARD.encode(format!("x{secret}"))),
        ("base64-behind-two", STANDARD.encode(format!("xy{secret}"))),
        ("base64url", URL_SAFE.encode(secret)),
        ("basic", STANDARD.encode(format!("svc:{secret}"))),
        ("hex", secret.bytes().map(|b| format!("{b:02x}")).collect()),
        ("hex-upper", secret.bytes().map(|b| format!("{b:02X}")).collect()),
        ("twice-percent", percent(|_| false).replace('%', "%25")),
        ("base64-of-hex", STANDARD.encode(secret.bytes().map(|b| format!("{b:02x}")).collect::<String>())),
    ]
}

/// One that nobody uses; others where the attack speaks of them.
fn canaries(attack: &Attack) -> (Vec<Canary>, Vec<(String, String)>) {
    let text = format!("{attack:?}");
    let mut canaries = vec![Canary::on(IpAddr::V4(NOBODY))];
    let mut words = vec![
        ("@canary@".to_owned(), canaries[0].address().to_string()),
        ("@canary-port@".to_owned(), canaries[0].address().port().to_string()),
    ];
    for (word, address) in [("canary4", IpAddr::V4(Ipv4Addr::LOCALHOST)), ("canary6", IpAddr::V6(Ipv6Addr::LOCALHOST))]
    {
        if text.contains(&format!("@{word}")) {
            let canary = Canary::on(address);
            words.push((format!("@{word}@"), canary.address().to_string()));
            words.push((format!("@{word}-port@"), canary.address().port().to_string()));
            canaries.push(canary);
        }
    }
    (canaries, words)
}

fn edit_policy(setup: &Setup, attack: &Attack) {
    if attack.policy_edit.is_empty() {
        return;
    }
    let mut policy = fs::read_to_string(setup.bench.policies().join("prod.toml")).expect("the policy");
    for (from, to) in &attack.policy_edit {
        let (from, to) = (setup.filled(from), setup.filled(to));
        assert!(policy.contains(&from), "the policy does not hold `{from}`:\n{policy}");
        policy = policy.replace(&from, &to);
    }
    setup.bench.policy("prod", &policy);
}

fn check_run(setup: &Setup, attack: &Attack, kernel: Kernel, ran: &Ran) {
    let expect = &attack.expect;
    let (lines, audit) = (setup.server.lines(), setup.bench.audit());
    let seen = spilled(&ran.stderr);
    let shown =
        format!("\nrequests: {lines:#?}\nresult: {}\nstderr: {}\nseen: {seen}\naudit: {audit}", ran.result, ran.stderr);
    check_secrets(setup, &seen, &shown);
    setup.check_truth(ran, expect.truth.as_deref());
    assert_eq!(setup.touched(), Vec::<String>::new(), "other accounts were changed{shown}");
    kernel.check(&ran.result, &shown);
    for (what, text) in [("stderr", &ran.stderr), ("the result", &ran.result.to_string())] {
        let wild = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        };
        assert_eq!(text.chars().find(|c| wild(*c)), None, "{what} could move a cursor or hide text{shown}");
    }

    let text = |name: &str| ran.result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let outcome = expect.outcome.as_ref().expect("`outcome` of a run");
    assert_eq!((ran.exit, &text("outcome")), (expect.exit, outcome), "exit and outcome{shown}");
    if let Some(live) = &expect.live {
        assert_eq!(text("live"), *live, "live{shown}");
    }
    if let Some(requests) = &expect.requests {
        assert_eq!(lines, *requests, "requests{shown}");
    }
    let said = format!("{}{}", ran.stderr, ran.result);
    let sent: String =
        setup.server.seen().iter().map(|(request, _)| format!("{request:?} {}", request.text())).collect();
    for (what, where_, wanted, unwanted) in [
        ("the reason", &text("reason"), &expect.reason, None),
        ("stderr", &ran.stderr, &expect.says, None),
        ("stderr or the result", &said, &super::attack::Texts::None, Some(&expect.never_says)),
        ("what the rotator saw", &seen, &expect.seen, Some(&expect.never_seen)),
        ("the audit log", &audit, &expect.audit, None),
        ("a request", &sent, &super::attack::Texts::None, Some(&expect.never_sent)),
    ] {
        for wanted in wanted.all().iter().map(|text| setup.filled(text)) {
            assert!(where_.contains(&wanted), "`{wanted}` does not stand in {what}{shown}");
        }
        for unwanted in unwanted.into_iter().flat_map(|texts| texts.all()).map(|text| setup.filled(text)) {
            assert!(!where_.contains(&unwanted), "`{unwanted}` stands in {what}{shown}");
        }
    }
}

/// No secret on the rotator's side; and none of a record that the policy does not name anywhere at all.
fn check_secrets(setup: &Setup, seen: &str, shown: &str) {
    for secret in setup.params.secrets() {
        assert_eq!(leak::find(seen.as_bytes(), &secret), None, "the rotator saw a secret{shown}");
    }
    let strangers = setup.params.records.iter().filter(|record| record["title"] == "Domain Admin");
    for secret in strangers.filter_map(|record| record["password"].as_str()) {
        for (request, _) in setup.server.seen() {
            let found = leak::find(format!("{request:?}{}", request.text()).as_bytes(), secret);
            assert_eq!(found, None, "the secret of a record that is not named was sent{shown}");
        }
    }
}

/// What the puppet saw: `spill` lines, in letters of its own.
fn spilled(stderr: &str) -> String {
    let lines =
        stderr.lines().filter(|line| line.starts_with("rotator| ")).filter_map(|line| line.split_once(": spill "));
    let letters: Vec<u8> =
        lines.flat_map(|(_, letters)| letters.bytes()).filter(|b| (b'g'..=b'v').contains(b)).collect();
    let bytes: Vec<u8> = letters.chunks_exact(2).map(|two| ((two[0] - b'g') << 4) | (two[1] - b'g')).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Verbs that look at files: what they print is harmless, and says what it must.
fn check_words(setup: &Setup, attack: &Attack, verb: &[&str]) {
    let (status, stdout, stderr, _) = setup.bench.raw(verb, b"");
    let shown = format!("\nstdout: {stdout}\nstderr: {stderr}");
    assert_eq!(status.code(), Some(attack.expect.exit), "the exit code{shown}");
    let said = format!("{stdout}{stderr}");
    assert_eq!(said.chars().find(|c| c.is_control() && *c != '\n'), None, "a control character{shown}");
    for wanted in attack.expect.says.all().iter().map(|text| setup.filled(text)) {
        assert!(said.contains(&wanted), "it does not say `{wanted}`{shown}");
    }
    for unwanted in attack.expect.never_says.all().iter().map(|text| setup.filled(text)) {
        assert!(!said.contains(&unwanted), "it says `{unwanted}`{shown}");
    }
}
