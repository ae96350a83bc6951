//! What a provider answers, and what becomes of its words and the rotator's.

use crate::leak;
use rotabox::broker::http::redact::Redactor;
use rotabox::page::answer::Answer;
use rotabox::page::diagnostic::SourceFile;
use rotabox::page::judge::{self, Verdict};
use rotabox::page::place::{Records, Scope};
use rotabox::page::progress::Progress;
use rotabox::page::{Page, parse};
use rotabox::report::escape::escape;
use std::sync::OnceLock;

/// The first two bytes are the status; the rest is a body, judged by each route of the Okta page.
pub(super) fn answer_judge(bytes: &[u8]) {
    static PAGE: OnceLock<Page> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        let path = crate::artifacts::root().join("guests/okta/page.toml");
        let text = std::fs::read_to_string(path).expect("Okta's page");
        parse::parse(SourceFile::new("page.toml", text)).expect("Okta's page")
    });
    let [a, b, body @ ..] = bytes else { return };
    let status = [200, 200, 200, 401, 403, 404, 429, 500, 503, u16::from(*b) + 100][usize::from(*a) % 10];
    for route in &page.routes {
        let step = *route.steps.iter().next().expect("a step");
        let progress = Progress::new(step);
        let records = Records::new();
        let none = None;
        let scope = Scope {
            user: "ann",
            old_password: none,
            new_password: none,
            candidate: none,
            records: &records,
            args: &[],
            progress: &progress,
        };
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let answers = [Answer { status, headers, body: body.to_vec() }];
        let judged = judge::judge(route, &answers, false, &scope);
        assert!(
            status < 500 || !matches!(judged.verdict, Verdict::Accepted | Verdict::Refused),
            "a 5xx is {:?}",
            judged.verdict
        );
        assert!(judged.verdict != Verdict::Unmet || (!route.changes && !route.places_candidate()));
        assert!(judged.verdict == Verdict::Accepted || judged.binds.is_empty(), "bound from a refusal");
        assert_eq!(judged.verdict == Verdict::Passed, judged.verdict == Verdict::Passed && route.may_fail);
    }
}

/// A secret and what stands around it; the first byte says in which encoding.
pub(super) fn redactor(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let (secret, around) = text.split_once('\n').unwrap_or((&text, "before @ after"));
    if secret.len() < 8 || secret.len() > 200 {
        return;
    }
    let forms: Vec<_> = leak::forms(secret).into_iter().collect();
    let (name, form) = &forms[usize::from(*first) % forms.len()];
    // Base64 inside other base64 is not told apart from it: what stands beside the form must end it.
    let form = String::from_utf8_lossy(form);
    let (before, after) = around.split_once('@').unwrap_or((around, ""));
    let written = format!("{before} {form} {after}");
    let redactor = Redactor::new([("secret", secret)]);
    let cut = redactor.redact(&written);
    assert!(cut.len() < written.len() + 1024);
    assert!(!cut.contains(secret), "the secret itself stands there");
    if !name.starts_with("base64") {
        assert!(!cut.contains(form.as_ref()), "{secret:?} stands there as {name}: {cut:?}");
    }
    assert_eq!(redactor.redact(&cut), cut, "redacting twice is not redacting once");
}

pub(super) fn log_sanitise(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for most in [0, 1, 40, usize::MAX] {
        let line = escape(&text, most);
        assert!(line.lines().count() <= 1 && !line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains(['\u{202e}', '\u{2028}', '\u{200b}', '\u{feff}']), "{line:?}");
        assert!(most == usize::MAX || line.chars().count() <= most + 7);
    }
}
