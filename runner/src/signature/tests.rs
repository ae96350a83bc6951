//! Signatures made by the minisign tool: what counts, and that nothing that was changed does.

use super::*;
use crate::page::diagnostic::SourceFile;
use crate::policy::host;
use proptest::prelude::*;

/// A component without anything in it.
const MODULE: &[u8] = b"\0asm\x0d\0\x01\0";
const KEY: &str = include_str!("vectors/key.pub");
/// `rotabox acme 1.2.0`
const GOOD: &str = include_str!("vectors/good.minisig");
const OTHER: &str = include_str!("vectors/other-key.minisig");
const TIMESTAMP: &str = include_str!("vectors/timestamp.minisig");
const OLD_KIND: &str = include_str!("vectors/legacy.minisig");
const NO_VERSION: &str = include_str!("vectors/no-version.minisig");

fn signers(more: &str) -> Vec<Signer> {
    let key = KEY.lines().nth(1).unwrap();
    let text =
        format!("[[signers]]\nname = \"acme-release\"\nkey = \"{key}\"\nrotators = [\"acme\", \"rest\"]\n{more}");
    host::parse(SourceFile::new("rotabox.toml", text)).unwrap_or_else(|problem| panic!("{problem}")).signers
}

fn checked(module: &[u8], text: &str) -> Result<Signed, SignatureError> {
    check(module, &SourceFile::new("acme.wasm.minisig", text), &signers("minimum = { acme = \"1.2.0\" }"))
}

#[track_caller]
fn refused(module: &[u8], text: &str, words: &str) {
    let error = checked(module, text).unwrap_err().to_string();
    assert!(error.contains(words), "{words:?}: {error}");
    assert!(error.contains("acme.wasm.minisig"), "{error}");
}

#[test]
fn a_signature_of_the_minisign_tool_counts() {
    let signed = checked(MODULE, GOOD).unwrap();
    assert_eq!(
        (signed.signer.as_str(), signed.rotator.as_str(), signed.version.as_str()),
        ("acme-release", "acme", "1.2.0")
    );
    let printed = KEY.lines().next().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(signed.key_id, printed, "as the tool prints it");
    assert!(signed.covers("acme") && !signed.covers("okta"));
    checked(MODULE, &GOOD.replace('\n', "\r\n")).unwrap();
    checked(MODULE, GOOD.trim_end()).unwrap();
}

#[test]
fn what_was_changed_is_refused() {
    refused(b"\0asm\x0d\0\x01\x01", GOOD, "one of the three was changed");
    refused(MODULE, &GOOD.replace("rotabox acme 1.2.0", "rotabox acme 1.3.0"), "one of the three was changed");
    refused(MODULE, &GOOD.replace("rotabox acme 1.2.0", "rotabox rest 1.2.0"), "one of the three was changed");
    refused(MODULE, OTHER, "the host file lists no such key (it lists `acme-release` ");
    let error = check(MODULE, &SourceFile::new("acme.wasm.minisig", GOOD), &[]).unwrap_err();
    assert!(matches!(error, SignatureError::UnknownKey { .. }), "{error}");
}

#[test]
fn who_may_sign_what_and_from_which_version_on_is_the_operators_to_say() {
    let file = SourceFile::new("acme.wasm.minisig", GOOD);
    let with = |more: &str| check(MODULE, &file, &signers(more));
    for (more, good) in [
        ("", true),
        ("minimum = { rest = \"9.0.0\" }", true),
        ("minimum = { acme = \"1.2.0-rc.1\" }", true),
        ("minimum = { acme = \"1.2.0\" }", true),
        ("minimum = { acme = \"1.2.1\" }", false),
        ("minimum = { acme = \"1.10.0\" }", false),
        ("minimum = { acme = \"2.0.0-rc.1\" }", false),
    ] {
        match with(more) {
            Ok(_) => assert!(good, "{more}"),
            Err(error) => assert!(!good && error.to_string().contains("or later; get a newer one"), "{more}: {error}"),
        }
    }
    let mut only = signers("");
    only[0].rotators = vec!["rest".to_owned()];
    let error = check(MODULE, &file, &only).unwrap_err().to_string();
    assert!(error.contains("`acme-release` signed rotator `acme`, and may sign for rest only"), "{error}");
}

#[test]
fn a_malformed_signature_is_refused_with_the_place_and_the_fix() {
    let line = |at: usize, with: &str| {
        let mut lines: Vec<&str> = GOOD.lines().collect();
        lines[at] = with;
        lines.join("\n") + "\n"
    };
    for (text, place, words) in [
        (String::new(), ":1:1", "a signature has four lines, and this file has 0"),
        (GOOD.lines().take(2).collect::<Vec<_>>().join("\n"), ":2:", "has 2"),
        (format!("{GOOD}more\n"), ":5:1", "has 5"),
        (line(0, "comment"), ":1:1", "the first line begins with `untrusted comment:`"),
        (line(1, "RUQ!"), ":2:1", "not base64"),
        (line(1, "RUQ="), ":2:1", "74 bytes belong here, and these are 2"),
        (line(1, &STANDARD.encode([0; 74])), ":2:1", "no signature of a known algorithm"),
        (line(2, "comment: rotabox acme 1.2.0"), ":3:1", "the third line begins with `trusted comment: `"),
        (line(3, "e2ZJ"), ":4:1", "64 bytes belong here, and these are 3"),
        (line(2, "trusted comment: \u{202e}"), ":3:18", "invisible character U+202E"),
        (OLD_KIND.to_owned(), ":2:1", "of the old kind"),
        (TIMESTAMP.to_owned(), ":3:18", "does not name a rotator and a version"),
        (NO_VERSION.to_owned(), ":3:18", "the version that was signed is none"),
    ] {
        refused(MODULE, &text, words);
        let error = checked(MODULE, &text).unwrap_err().to_string();
        assert!(error.contains(&format!("acme.wasm.minisig{place}")) && error.contains("hint: "), "{place}: {error}");
    }
}

#[test]
fn a_malformed_signer_is_refused_with_the_place_and_the_fix() {
    let key = KEY.lines().nth(1).unwrap();
    let good = format!("name = \"a\"\nkey = \"{key}\"\nrotators = [\"acme\"]\n");
    let twice = format!("{good}[[signers]]\n{good}");
    let renamed = format!("{good}[[signers]]\n{}", good.replace("\"a\"", "\"b\""));
    for (table, words, hint) in [
        ("name = \"a\"\n".to_owned(), "needs `key`", "second line of the signer's `minisign.pub`"),
        (good.replace("name = \"a\"", ""), "needs `name`", "acme-release"),
        (good.replace("rotators = [\"acme\"]", ""), "needs `rotators`", "a key signs for what is listed"),
        (good.replace("[\"acme\"]", "[]"), "this list is empty", "by the names of their pages"),
        (good.replace("[\"acme\"]", "\"acme\""), "an array belongs here", "write `[\"okta\"]`"),
        (good.replace("\"acme\"", "\"ac me\""), "this is no name", "letters, digits"),
        (good.replace(key, "RWQ!"), "not base64", "second line"),
        (good.replace(key, "RWQ="), "it has 2 bytes, and a key has 42", "second line"),
        (good.replace(key, &STANDARD.encode([7; 42])), "no minisign key of a known algorithm", "second line"),
        (good.replace(key, &format!("{key} x")), "more than a key", "second line"),
        (format!("{good}minimum = {{ okta = \"1.0.0\" }}"), "none of this signer's `rotators`", "valid is `acme`"),
        (format!("{good}minimum = {{ acme = \"1.0\" }}"), "this is no version", "three numbers"),
        (format!("{good}minimum = {{ acme = 1 }}"), "a text belongs here", "in quotes"),
        (format!("{good}minimum = \"1.0.0\""), "a table belongs here", "minimum = { okta"),
        (format!("{good}keys = 1"), "`keys` is no key", "did you mean `key`?"),
        (twice, "is that of `a` already", "list a key once"),
        (renamed, "is that of `a` already", "list a key once"),
    ] {
        let text = format!("[[signers]]\n{table}");
        let error = host::parse(SourceFile::new("rotabox.toml", text)).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(hint) && error.contains("rotabox.toml:"), "{table}: {error}");
    }
    let error = host::parse(SourceFile::new("rotabox.toml", "[signers]\nname = \"a\"\n")).unwrap_err().to_string();
    assert!(error.contains("write `[[signers]]`"), "{error}");
}

proptest! {
    #[test]
    fn one_changed_character_of_what_is_signed_is_never_accepted(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9+/= .:\n]") {
        let signed = GOOD.find('\n').unwrap() + 1;
        let at = signed + at.index(GOOD.len() - 1 - signed);
        let mut text = GOOD.to_owned();
        prop_assume!(GOOD[at..=at] != with);
        text.replace_range(at..=at, &with);
        prop_assert!(checked(MODULE, &text).is_err(), "{}", text);
    }

    #[test]
    fn one_changed_byte_of_the_module_is_never_accepted(at in 0usize..8, with in any::<u8>(), more in proptest::collection::vec(any::<u8>(), 0..4)) {
        let mut module = MODULE.to_vec();
        module[at] = with;
        module.extend(more);
        prop_assume!(module != MODULE);
        prop_assert!(checked(&module, GOOD).is_err());
    }

    #[test]
    fn hostile_text_never_panics(text in any::<String>(), lines in proptest::collection::vec("(un)?trusted comment: .{0,20}|[A-Za-z0-9+/=]{0,110}|.{0,10}", 0..6)) {
        let _ = checked(MODULE, &text);
        prop_assert!(checked(MODULE, &lines.join("\n")).is_err());
        let _ = host::parse(SourceFile::new("x", format!("[[signers]]\n{text}")));
        let _ = host::parse(SourceFile::new("x", format!("[[signers]]\nname = \"a\"\nrotators = [\"b\"]\nkey = {:?}", lines.join(""))));
    }
}
