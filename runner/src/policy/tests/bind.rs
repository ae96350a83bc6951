use super::super::bind::{BindError, fit};
use super::sample::{PAGE, POLICY, bind_with, page, params, policy, record, refused, with};
use crate::page::Secret;
use crate::page::place::FieldValue;

#[test]
fn a_page_a_policy_and_params_that_fit_are_bound() {
    let bound = bind_with(PAGE, POLICY, params()).unwrap();
    assert_eq!(bound.user, "jo@svc.acme.example");
    assert_eq!(bound.hosts, ["acme.okta.com", "hooks.acme.example:8443"]);
    assert_eq!(bound.records.keys().collect::<Vec<_>>(), ["api"], "every other record is dropped");
    let api = &bound.records["api"];
    assert_eq!(api.url.as_deref(), Some("https://acme.okta.com"));
    assert_eq!(api.fields.keys().collect::<Vec<_>>(), ["group", "token"], "only what the page declares");
    match (&api.fields["token"], &api.fields["group"]) {
        (FieldValue::Secret(token), FieldValue::Text(group)) => {
            assert_eq!((token.label(), token.lend(), group.as_str()), ("api.token", "00tok-secret", "staff"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bound.old_password.as_ref().map(Secret::lend), Some("old-secret"));
    assert!(bound.warnings.is_empty());
    assert!(!format!("{bound:?}").contains("-secret"));
}

#[test]
fn passwords_may_be_missing_here() {
    let mut params = params();
    params.old_password = None;
    params.new_password = None;
    let bound = bind_with(PAGE, POLICY, params).unwrap();
    assert!(bound.old_password.is_none() && bound.new_password.is_none());
}

#[test]
fn policies_that_do_not_fit_the_page_say_which_line_and_what_to_write() {
    let page_without_url = with(&with(PAGE, "url    = \"url\"\n", ""), "GET {api.url}", "GET https://acme.okta.com");
    let page_without_url = page_without_url.replace("{api.url}", "https://acme.okta.com");
    let no_removable = with(PAGE, "removable = true\n", "");
    let cases: Vec<(&str, String, u32, &str, &str)> = vec![
        // (page, policy, line, message, hint)
        (PAGE, with(POLICY, "[records.api]", "[records.apii]"), 8, "no record `apii`", "did you mean `api`?"),
        (PAGE, with(POLICY, "[account]", "[records.b]\nuid = \"x\"\n[account]"), 12, "no record `b`", "valid is `api`"),
        (
            PAGE,
            with(
                POLICY,
                "[records.api]\ntitle = \"Okta API Access Details\"\nhosts = [\"acme.okta.com\", \"acme.example:8443\"]",
                "",
            ),
            3,
            "needs a record `api`",
            "add `[records.api]` with `title = \"…\"` and `hosts",
        ),
        (PAGE, with(POLICY, "hosts = [\"acme.okta.com\", \"acme.example:8443\"]", ""), 8, "which hosts", "hosts = ["),
        (
            PAGE,
            with(POLICY, "hosts = [\"acme.okta.com\", \"acme.example:8443\"]", "hosts = []"),
            10,
            "which hosts",
            "hosts = [",
        ),
        (&page_without_url, POLICY.to_owned(), 10, "does not use the URL of `api`", "literal-hosts"),
        (
            PAGE,
            with(POLICY, "literal-hosts = [\"hooks.acme.example:8443\"]\n", ""),
            3,
            "route `tell` of the page goes to `hooks.acme.example:8443`",
            "literal-hosts = [\"hooks.acme.example:8443\"]",
        ),
        (
            PAGE,
            with(POLICY, "acme.example:8443\"]\n\n[rec", "acme.example\"]\n\n[rec"),
            3,
            "goes to",
            "hooks.acme.example:8443",
        ),
        (
            PAGE,
            with(POLICY, "off = []", "off = [\"end-session\"]"),
            20,
            "no route `end-session`",
            "did you mean `end-sessions`?",
        ),
        (
            PAGE,
            with(POLICY, "off = []", "off = [\"sign-in\"]"),
            20,
            "does not let route `sign-in`",
            "valid is `end-sessions`",
        ),
        (
            &no_removable,
            with(POLICY, "off = []", "off = [\"end-sessions\"]"),
            20,
            "does not let",
            "no route of this page",
        ),
        (
            PAGE,
            with(POLICY, "allow  = [\"*@svc.acme.example\"]\n", ""),
            12,
            "route `change-password` sets passwords by the power of `api.token`",
            "allow = [",
        ),
    ];
    for (page_text, policy_text, line, message, hint) in cases {
        match fit(&page(page_text), &policy(&policy_text)) {
            Err(BindError::Misfit(problem)) => {
                assert_eq!(problem.line, line as usize, "{problem}");
                assert!(problem.message.contains(message), "{problem}");
                assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{problem}");
            }
            other => panic!("{message}: {other:?}"),
        }
    }
    fit(&page(PAGE), &policy(&with(POLICY, "off = []", "off = [\"end-sessions\"]"))).unwrap();
}

#[test]
fn reconcile_needs_a_route_for_it() {
    let without = PAGE.replace("\"reconcile\", ", "");
    let (before, rest) = without.split_once("[[route]]\nname     = \"admin-set\"").unwrap();
    let without = format!("{before}{}", &rest[rest.find("[[route]]").unwrap()..]);
    let said = refused(&without, POLICY, params());
    assert!(said.contains("okta-prod.toml:16") && said.contains("no route for it"), "{said}");
    bind_with(&without, &with(POLICY, "old-refused", "never"), params()).unwrap();
}

/// A page with one way to set a password. `routes` goes in front of it.
fn setting(routes: &str, set: &str) -> String {
    format!(
        "version = 1\nname = \"p\"\n[records.api]\nurl = \"url\"\nsecret = {{ token = \"password\" }}\ntext = {{ name = \"login\" }}\n{routes}\n\
         [[route]]\nname = \"set\"\nchanges = true\nexpects = {{ status = 200 }}\nrefuses = {{ status = 400 }}\n{set}\n"
    )
}

#[test]
fn allow_is_required_where_an_admin_secret_sets_the_password() {
    let own = "[[route]]\nname = \"login\"\nfor = [\"change\"]\nrequest = \"POST {api.url}/login\"\nexpects = { status = 200 }\n\
               captures = { session = \"/s\" }\nform = { u = \"{user}\", p = \"{old-password}\" }";
    let admin = own.replace("{old-password}", "{api.token}");
    let look = "[[route]]\nname = \"look\"\nfor = [\"change\"]\nrequest = \"GET {api.url}/x\"\nexpects = { status = 200 }\n\
                headers = { authorization = \"{api.token}\" }\nbinds = { id = \"/id\" }";
    let on_session = "for = [\"change\"]\nrequest = \"POST {api.url}/set\"\nheaders = { x-session = \"{login.session}\" }\njson = { p = \"{new-password}\" }";
    let after =
        "for = [\"change\"]\nafter = [\"login\"]\nrequest = \"POST {api.url}/set\"\njson = { p = \"{new-password}\" }";
    let by_cookie = "for = [\"change\"]\nrequest = \"POST {api.url}/set\"\njson = { p = \"{new-password}\" }";
    let by_old = "for = [\"change\"]\nrequest = \"POST {api.url}/set/{look.id}\"\njson = { o = \"{old-password}\", p = \"{new-password}\" }";
    let in_reconcile = "for = [\"reconcile\"]\nrequest = \"POST {api.url}/set\"\nheaders = { x = \"{api.token}\" }\njson = { p = \"{new-password}\" }";
    let by_readable = "for = [\"change\"]\nrequest = \"POST {api.url}/set\"\nheaders = { x = \"{api.name}\" }\njson = { p = \"{new-password}\" }";
    let anyone = with(
        &with(POLICY, "allow  = [\"*@svc.acme.example\"]\n", ""),
        "literal-hosts = [\"hooks.acme.example:8443\"]\n",
        "",
    );
    let never = with(&anyone, "old-refused", "never");
    let both_steps = in_reconcile.replace("\"reconcile\"", "\"reconcile\", \"change\"");
    for (what, page_text, policy_text, required) in [
        ("the user's own session", setting(own, on_session), &never, false),
        ("an admin's session", setting(&admin, on_session), &never, true),
        ("after the user's login", setting(own, after), &never, false),
        ("after an admin's login", setting(&admin, after), &never, true),
        ("a cookie of an admin's login", setting(&admin, by_cookie), &never, true),
        // The look-up's cookie could carry the token's power to a change that only pretends to need the old password.
        ("the old password, after a look-up with a token", setting(look, by_old), &never, true),
        ("the old password alone", setting("", &by_old.replace("{look.id}", "{user}")), &never, false),
        ("a token in the request itself", setting("", &in_reconcile.replace("reconcile", "change")), &never, true),
        ("a token, but only to reconcile, which is off", setting("", in_reconcile), &never, false),
        ("a token to reconcile, which is on", setting("", in_reconcile), &anyone, true),
        ("a token in both", setting("", &both_steps), &never, true),
        ("a token that the rotator may read", setting("", by_readable), &never, true),
    ] {
        match fit(&page(&page_text), &policy(policy_text)) {
            Ok(()) => assert!(!required, "{what}"),
            Err(error) => {
                assert!(required, "{what}: {error}");
                assert!(error.to_string().contains("the power of `api."), "{what}: {error}");
            }
        }
    }
}

#[test]
fn the_account_must_be_allowed_and_not_excepted() {
    for (user, line) in [
        ("jo@acme.example", Some("okta-prod.toml:12")),
        ("jo@svc.acme.example.evil.test", Some("okta-prod.toml:12")),
        ("rotation-admin@svc.acme.example", Some("okta-prod.toml:14")),
        ("Rotation-ADMIN@svc.acme.example", Some("okta-prod.toml:14")),
        ("JO@SVC.acme.example", None),
    ] {
        let mut params = params();
        params.user = user.to_owned();
        match (bind_with(PAGE, POLICY, params), line) {
            (Ok(bound), None) => {
                assert!(bound.login_allowed("x@svc.acme.example") && !bound.login_allowed("x@acme.example"))
            }
            (Err(BindError::AccountNotAllowed { user: named, line: found, .. }), Some(line)) => {
                assert_eq!((named.as_str(), found.as_str()), (user, line));
            }
            (other, _) => panic!("{user}: {other:?}"),
        }
    }
    let mut params = params();
    params.user = "admin\u{202e}".to_owned();
    let said = refused(PAGE, POLICY, params);
    assert_eq!(
        said,
        "the policy does not allow the account `admin\\u{202e}`: no pattern of `allow` matches it (okta-prod.toml:12); \
         change the policy if this account is meant"
    );
}

#[test]
fn a_record_that_is_missing_or_not_alone_is_an_error_of_its_line() {
    let mut none = params();
    none.records.pop();
    let said = refused(PAGE, POLICY, none);
    assert!(said.starts_with("`[records.api]` (okta-prod.toml:8): no vault record has the title `Okta API"), "{said}");
    assert!(said.contains("`Jo` (uid `usrUid`)"), "{said}");
    let mut two = params();
    two.records.push(record("other", "Okta API Access Details", &[]));
    let said = refused(PAGE, POLICY, two);
    assert!(said.contains("2 vault records") && said.contains("`apiUid`, `other`"), "{said}");
    let by_uid = with(POLICY, "title = \"Okta API Access Details\"", "uid = \"apiUid\"");
    let mut two = params();
    two.records.push(record("other", "Okta API Access Details", &[]));
    bind_with(PAGE, &by_uid, two).unwrap();
}

#[test]
fn a_field_that_is_missing_or_empty_names_label_title_and_labels() {
    let fields = |fields: &[(&str, &str)]| {
        let mut params = params();
        params.records[2] = record("apiUid", "Okta API Access Details", fields);
        refused(PAGE, POLICY, params)
    };
    assert_eq!(
        fields(&[("url", "https://acme.okta.com"), ("Password", "x-secret"), ("Gruppe", "g")]),
        "the page needs `api.token`: the vault record `Okta API Access Details` has no field labelled `password`; did you mean \
         `Password`? It has `Gruppe`, `Password`, `url`"
    );
    let said = fields(&[("url", ""), ("password", "x-secret"), ("Gruppe", "g")]);
    assert!(said.starts_with("the page needs `api.url`: the field `url` of the vault record"), "{said}");
    let said = fields(&[("url", "https://acme.okta.com"), ("password", "x-secret")]);
    assert!(said.starts_with("the page needs `api.group`: "), "{said}");
}

#[test]
fn a_record_can_never_send_secrets_elsewhere() {
    for (url, says) in [
        (
            "https://evil.test/",
            "leads to `evil.test`, and the policy allows `acme.okta.com`, `acme.example:8443` for `api` (okta-prod.toml:10)",
        ),
        ("https://acme.okta.com.evil.test/", "leads to `acme.okta.com.evil.test`"),
        ("https://evil-acme.okta.com/", "leads to `evil-acme.okta.com`"),
        ("https://other.okta.com", "leads to `other.okta.com`"),
        ("https://acme.okta.com:8443", "leads to `acme.okta.com:8443`"),
        ("https://acme.example", "leads to `acme.example`"),
        ("https://127.0.0.1", "leads to `127.0.0.1`"),
        ("http://acme.okta.com", "begins with `http://`"),
        ("https://pass-secret@acme.okta.com", "holds a login"),
        ("https://acme.okta.com@evil.test", "holds a login"),
        ("https://acme.okta.com/x/../y", "dot segments"),
        ("acme.okta.com", "does not begin with `https://`"),
        ("https://acme.okta.com?x-secret", "query"),
    ] {
        let mut params = params();
        params.records[2].fields.insert("url".to_owned(), Some(Secret::new("url", url.to_owned())));
        let said = refused(PAGE, POLICY, params);
        assert!(said.contains(says), "{url}: {said}");
    }
    for (url, base) in [
        ("https://acme.okta.com:443", "https://acme.okta.com"),
        ("https://acme.example:8443/base/", "https://acme.example:8443/base"),
    ] {
        let mut params = params();
        params.records[2].fields.insert("url".to_owned(), Some(Secret::new("url", url.to_owned())));
        assert_eq!(bind_with(PAGE, POLICY, params).unwrap().records["api"].url.as_deref(), Some(base));
    }
}

#[test]
fn a_new_password_that_the_provider_would_not_take_is_refused_before_any_request() {
    for (password, says) in [("x".repeat(21).as_str(), "more than 20 bytes"), ("with\\slash", "contains `")] {
        let mut params = params();
        params.new_password = Some(Secret::new("new-password", password.to_owned()));
        let said = refused(PAGE, POLICY, params);
        assert!(said.contains(says) && said.contains("password complexity"), "{said}");
        assert!(!said.contains(password), "{said}");
    }
}

#[test]
fn labels_that_the_gateway_numbered_are_worth_a_warning() {
    let mut params = params();
    params.records[2].fields.insert("password2".to_owned(), Some(Secret::new("x", "other-secret".to_owned())));
    params.records[2].fields.insert("login2".to_owned(), Some(Secret::new("x", "unused-secret".to_owned())));
    let bound = bind_with(PAGE, POLICY, params).unwrap();
    assert_eq!(
        bound.warnings,
        [
            "the vault record `Okta API Access Details` has `password2` beside `password`, of which only the last is used; if these \
          were two fields with the same label, rename one"
        ]
    );
}
