use super::*;
use crate::page::diagnostic::SourceFile;
use crate::page::parse;
use crate::report::page_view;
use proptest::prelude::*;

const PAGE: &str = include_str!("../../../../guests/okta/page.toml");

fn inspected(text: &str) -> Inspection {
    let page = parse::parse(SourceFile::new("p.toml", text)).unwrap_or_else(|problem| panic!("{problem}"));
    let mut seen = Inspection::new("p.toml".to_owned(), text.len(), "0".repeat(64));
    seen.accepted = true;
    seen.page = Some(page_view::view(&page));
    seen.findings = lint::page(&page);
    seen
}

/// The names of all elements and of their attributes.
fn markup(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in html.split('<').skip(1) {
        let inside = piece.split('>').next().unwrap();
        let mut quoted = false;
        let bare: String = inside
            .chars()
            .filter(|character| {
                quoted ^= *character == '"';
                !quoted
            })
            .collect();
        found.extend(bare.split_whitespace().map(|word| word.trim_end_matches("=\"").to_owned()));
    }
    found
}

#[test]
fn the_page_holds_no_script_and_asks_for_nothing() {
    let page = html(&inspected(PAGE));
    let lower = page.to_lowercase();
    for never in [
        "<script",
        "<img",
        "<iframe",
        "<object",
        "<link",
        "src=",
        "url(",
        "@import",
        "javascript:",
        "onload",
        "style=\"",
    ] {
        assert!(!lower.contains(never), "{never}");
    }
    for href in page.split("href=\"").skip(1) {
        assert!(href.starts_with("#request-"), "{}", &href[..20]);
    }
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    assert_eq!(page.matches("<style>").count(), 1);
}

#[test]
fn all_that_a_reviewer_asks_is_there() {
    let page = html(&inspected(PAGE));
    for said in [
        "What it can reach",
        "Where each secret can go",
        "What it can read",
        "What it cannot do, and why",
        "What the linter found",
        "Every request it can make",
        "<code>api.token</code></div></td><td data-label=\"goes into\"><div>header authorization",
        "<a href=\"#request-5\"><code>admin-set</code></a>",
        "p.toml:71 · admin-power",
        "the author’s words",
        "POST {api.url}/api/v1/authn",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
    assert_eq!(page, html(&inspected(PAGE)), "the same file gives the same bytes");
}

#[test]
fn what_a_hostile_author_writes_stays_text() {
    let evil = r#"</code><script>alert(1)</script><img src=x onerror='a'>\" onmouseover=\"b` `<b>&amp;\u202e\u001b[2J"#;
    let text = PAGE
        .replace("about   = \"Okta users", &format!("about   = \"{evil} Okta users"))
        .replace("json     = { username", &format!("json     = {{ \"{evil}\" = \"{evil}\", username"))
        .replace("shows    = { status", &format!("shows    = {{ x = \"/{evil}\", status"))
        .replace("the API answered with another account", evil);
    let mut seen = inspected(&text);
    let calm = markup(&html(&inspected(PAGE)));
    seen.file = "<script>\u{1b}".to_owned();
    seen.reasons = vec!["<script>".to_owned()];
    let page = html(&seen);
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("202e"));
    for word in markup(&page) {
        let known = calm.contains(&word) || ["div", "/div", "class", "p", "/p"].contains(&word.as_str());
        assert!(known, "`{word}` comes from the author");
    }
    assert!(page.chars().all(|character| character == '\n' || (!character.is_control() && character != '\u{202e}')));
}

#[test]
fn the_head_counts_what_there_is_to_weigh_before_it_says_that_a_policy_can_run_it() {
    let mut seen = inspected(PAGE);
    let page = html(&seen);
    let (findings, accepted) = (page.find("to look at</span>").unwrap(), page.find("accepted by the runner").unwrap());
    assert!(findings < accepted && !page.contains("chip good\">accepted"), "{page}");
    seen.accepted = false;
    assert!(html(&seen).contains("<span class=\"chip bad\">NOT accepted by the runner"));
}

#[test]
fn one_of_a_kind_is_counted_as_one() {
    let page = html(&inspected(PAGE));
    assert!(page.contains("<strong>1</strong><span>host it can reach</span>"), "{page}");
    assert!(page.contains("<strong>2</strong><span>changing requests</span>"), "{page}");
}

#[test]
fn what_is_read_is_named_by_its_place_and_the_words_behind_else_are_the_authors() {
    let text = PAGE
        .replace("shows    = { status", "shows    = { harmless = \"/profile\", status")
        .replace("shows    = { code = \"/errorCode\", error-id", "shows    = { all = \"\", error-id");
    let page = html(&inspected(&text));
    for said in [
        "<code>/profile</code> of <code>sign-in</code> (as <code>harmless</code>)",
        "the whole answer of <code>change-password</code> and <code>admin-set</code> (as <code>all</code>)",
        "else the author says &quot;the API answered with another account",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
}

proptest! {
    #[test]
    fn any_text_stays_text(any in any::<String>()) {
        for html in [text(&any), code(&any), rich(&any), list(std::slice::from_ref(&any), "")] {
            let allowed = ["code", "/code", "ul", "/ul", "li", "/li"];
            prop_assert!(markup(&html).iter().all(|word| allowed.contains(&word.as_str())), "{html}");
            prop_assert_eq!(html.matches("<code>").count(), html.matches("</code>").count());
        }
    }
}
