use super::super::bind::{Account, Bound};
use super::super::which::{Candidate, Difference, Seen, candidates};
use super::sample::{PAGE, POLICY, bind_with, params};
use crate::page::Step;
use crate::page::judge::{Judgement, Verdict};
use crate::page::names::BindName;
use crate::page::place::{Scope, place};
use crate::page::progress::Progress;
use crate::page::template::Source;
use proptest::prelude::*;

fn bound(user: &str, url: &str) -> Bound {
    let mut params = params();
    params.user = "jo@svc.acme.example".to_owned();
    let record = params.records.iter_mut().find(|record| record.uid == "apiUid").unwrap();
    record.fields.insert("url".to_owned(), Some(crate::page::Secret::new("url", url.to_owned())));
    let mut bound = bind_with(PAGE, POLICY, params).unwrap();
    user.clone_into(&mut bound.user);
    // Every text may be a user here: this is about requests.
    std::sync::Arc::make_mut(&mut bound.policy).account.allow.clear();
    bound
}

/// The URL of a route's request, as placing makes it; none if a value cannot be placed.
fn placed(bound: &Bound, route: &str, id: &str) -> Option<(&'static str, String)> {
    let route = bound.page.route(route).unwrap();
    let mut progress = Progress::new(Step::Change);
    let text = |text: &str| serde_json::Value::String(text.to_owned());
    let mut judgement = Judgement {
        verdict: Verdict::Accepted,
        status: 200,
        unmet: Vec::new(),
        shown: Vec::new(),
        warnings: Vec::new(),
        binds: vec![(BindName::new("account.id"), text(id)), (BindName::new("account.login"), text(&bound.user))],
        captures: Vec::new(),
        kept: None,
    };
    progress.learn(route, &mut judgement);
    let args = [("channel".to_owned(), "ops".to_owned()), ("note".to_owned(), "n".to_owned())];
    let scope = Scope {
        user: &bound.user,
        old_password: bound.old_password.as_ref(),
        new_password: bound.new_password.as_ref(),
        candidate: bound.new_password.as_ref(),
        records: &bound.records,
        args: &args,
        progress: &progress,
    };
    let placed = place(&bound.page, route, &scope, None).ok()?;
    let query = if placed.query.is_empty() { String::new() } else { format!("?{}", placed.query) };
    Some((placed.method.as_str(), format!("{}{}{query}", placed.origin, placed.path)))
}

fn found<'b>(bound: &'b Bound, method: &str, url: &str) -> Vec<Candidate<'b>> {
    let seen = Seen::read(method, url).unwrap_or_else(|error| panic!("{url}: {error}"));
    candidates(&bound.page, &bound.policy, &seen)
}

proptest! {
    #[test]
    fn what_a_route_places_is_traced_back_to_it(
        user in "\\PC{1,12}",
        id in "[-a-zA-Z0-9._~:@+ é%]{1,12}",
        base in prop_oneof![Just(""), Just("/base"), Just("/two/deep")],
    ) {
        let bound = bound(&user, &format!("https://acme.okta.com{base}"));
        for route in &bound.page.routes {
            let Some((method, url)) = placed(&bound, route.name.as_str(), &id) else { continue };
            let found = found(&bound, method, &url);
            let candidate = found.iter().find(|candidate| candidate.route.name == route.name).unwrap();
            prop_assert!(candidate.differs.is_empty(), "{url}: {:?}", candidate.differs);
            let base = if url.contains("hooks") { "" } else { base };
            prop_assert_eq!(candidate.base.as_deref().unwrap_or(""), base);
            for (source, value) in &candidate.values {
                match source {
                    Source::User => prop_assert_eq!(value, &user),
                    Source::Bind(name) if name.as_str() == "account.id" => prop_assert_eq!(value, &id),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn any_url_is_answered(method in "GET|POST|DELETE", url in "https://[a-z.]{1,8}(:[0-9]{1,5})?/[-a-z/%.?&=#{}é]{0,30}") {
        let bound = bound("jo", "https://acme.okta.com");
        if let Ok(seen) = Seen::read(&method, &url) {
            prop_assert_eq!(candidates(&bound.page, &bound.policy, &seen).len(), bound.page.routes.len());
        }
    }
}

#[test]
fn an_account_that_is_not_allowed_is_the_only_difference() {
    let mut bound = bound("jo", "https://acme.okta.com");
    bound.policy = super::sample::policy(POLICY).into();
    for (user, verdict) in [
        ("jo@svc.acme.example", None),
        ("JO@svc.acme.example", None),
        ("jo@acme.example", Some(false)),
        ("rotation-admin@svc.acme.example", Some(true)),
    ] {
        let found = found(&bound, "GET", &format!("https://acme.okta.com/api/v1/users/{user}"));
        let first = &found[0];
        assert_eq!(first.route.name.as_str(), "find-by-login");
        match (verdict, first.differs.as_slice()) {
            (None, []) => {}
            (Some(excepted), [Difference::Account { user: named, verdict }]) => {
                assert_eq!(named, user);
                assert_eq!(matches!(verdict, Account::Excepted(_)), excepted);
            }
            (_, differs) => panic!("{user}: {differs:?}"),
        }
    }
}

#[test]
fn a_page_of_nothing_but_names_takes_no_time() {
    let page = PAGE.replace("/api/v1/users/{user}\"", "/{user}{user}{user}{user}{user}{user}{user}{user}x\"");
    let bound = bind_with(&page, POLICY, params()).unwrap();
    let began = std::time::Instant::now();
    let found = found(&bound, "GET", &format!("https://acme.okta.com/{}", "a".repeat(2000)));
    assert!(found.iter().all(|candidate| !candidate.differs.is_empty()));
    assert!(began.elapsed().as_secs() < 5);
}
