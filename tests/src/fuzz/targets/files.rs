//! What is read from stdin and from files: params, pages, policies, cassettes, modules' sections, the audit log, signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rotabox::audit::chain;
use rotabox::cassette;
use rotabox::gateway;
use rotabox::lint;
use rotabox::page::diagnostic::SourceFile;
use rotabox::page::{Step, parse, sealed};
use rotabox::policy::signers::Signer;
use rotabox::policy::{file, host};
use rotabox::signature;
use std::sync::OnceLock;

/// A secret that stands in the corpus: no message may quote it.
const MARKED: &str = "S3cret-Mark3r";

/// What is said of a bad file begins with its place, and does nothing to a terminal.
fn check_message(name: &str, said: &str) {
    assert!(said.starts_with(&format!("{name}:")), "no place: {said:?}");
    assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "it writes to the terminal: {said:?}");
}

fn source(name: &str, bytes: &[u8]) -> Option<SourceFile> {
    std::str::from_utf8(bytes).ok().map(|text| SourceFile::new(name, text))
}

/// The first byte says whether the rest is the line, or the object in it.
pub(super) fn stdin_params(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let line = if first % 2 == 0 { rest.to_vec() } else { STANDARD.encode(rest).into_bytes() };
    if let Err(error) = gateway::decode(&line) {
        let said = error.to_string();
        assert!(!said.is_empty() && said.len() < 8192, "{} bytes", said.len());
        assert!(!said.contains(MARKED), "a message quotes the params: {said}");
        assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "it writes to the terminal: {said:?}");
    }
}

pub(super) fn page_parse(bytes: &[u8]) {
    let Some(file) = source("page.toml", bytes) else { return };
    match parse::parse(file) {
        Ok(page) => {
            let findings = lint::page(&page);
            assert_eq!(lint::text(&findings), lint::text(&lint::page(&page)), "the linter says two things of one page");
            for route in &page.routes {
                // What a page must never be able to say (design, section 6).
                assert!(!route.places_candidate() || route.steps.iter().all(|step| *step == Step::Verify));
            }
        }
        Err(mistake) => check_message("page.toml", &mistake.to_string()),
    }
}

pub(super) fn policy_parse(bytes: &[u8]) {
    let Some(file) = source("p.toml", bytes) else { return };
    match file::parse(file.clone()) {
        Ok(policy) => assert!(policy.rotator.sha256.iter().all(|digest| digest.len() == 64)),
        Err(mistake) => check_message("p.toml", &mistake.to_string()),
    }
    if let Err(mistake) = host::parse(file) {
        check_message("p.toml", &mistake.to_string());
    }
}

pub(super) fn cassette_parse(bytes: &[u8]) {
    let Some(file) = source("c.toml", bytes) else { return };
    match cassette::parse::parse(&file) {
        Ok(read) => {
            let text = cassette::write::cassette(&read);
            let again = cassette::parse::parse(&SourceFile::new("again", text.as_str()));
            assert_eq!(again.unwrap_or_else(|mistake| panic!("{mistake}\n{text}")), read);
        }
        Err(mistake) => check_message("c.toml", &mistake.to_string()),
    }
}

pub(super) fn sealed_page(bytes: &[u8]) {
    let read = sealed::read(bytes);
    let Ok(sealed) = sealed::seal(bytes, "version = 1") else {
        return assert!(read.is_err(), "it can be read, and not be sealed");
    };
    assert_eq!(sealed::read(&sealed), Ok(Some("version = 1")), "what was sealed in is not there");
    assert_eq!(sealed::seal(&sealed, "version = 1").as_ref(), Ok(&sealed), "sealing twice is not sealing once");
}

/// A line that reads is the one line that could have been written; one that was changed in any byte does not read as it.
pub(super) fn audit_chain(bytes: &[u8]) {
    let Ok(_) = chain::read(bytes) else { return };
    assert!(bytes.ends_with(b"\n") && bytes.is_ascii(), "it holds more than was written");
    for at in (0..bytes.len()).step_by(7) {
        let mut other = bytes.to_vec();
        other[at] ^= 4;
        assert!(chain::read(&other).is_err(), "a change of byte {at} is not seen");
    }
    let cut = &bytes[..bytes.len() / 2];
    assert!(chain::read(cut).is_err());
}

/// A component without anything in it, as it was signed; by this key, with this signature.
const SIGNED: &[u8] = b"\0asm\x0d\0\x01\0";
const KEY: &str = include_str!("../../../../runner/src/signature/vectors/key.pub");
const SIGNATURE: &str = include_str!("../../../../runner/src/signature/vectors/good.minisig");

/// `m` and a module beside the good signature; or a signature beside the good module. Only what was signed counts.
pub(super) fn signature(bytes: &[u8]) {
    static SIGNERS: OnceLock<Vec<Signer>> = OnceLock::new();
    let signers = SIGNERS.get_or_init(|| {
        let key = KEY.lines().nth(1).expect("the key's line");
        let text = format!("[[signers]]\nname = \"acme\"\nkey = \"{key}\"\nrotators = [\"acme\", \"rest\"]\n");
        host::parse(SourceFile::new("rotabox.toml", text)).unwrap_or_else(|mistake| panic!("{mistake}")).signers
    });
    let (module, text) = match bytes.split_first() {
        Some((b'm', module)) => (module, SIGNATURE.to_owned()),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => (SIGNED, text.to_owned()),
            Err(_) => return,
        },
    };
    match signature::check(module, &SourceFile::new("m.minisig", text.as_str()), signers) {
        Ok(signed) => {
            // Nobody signs the first line.
            let rest = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!((module, rest(&text)), (SIGNED, rest(SIGNATURE)), "a signature of something else counts");
            assert_eq!((signed.rotator.as_str(), signed.version.as_str()), ("acme", "1.2.0"));
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains("m.minisig"), "no place: {said:?}");
            assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "it writes to the terminal: {said:?}");
        }
    }
}
