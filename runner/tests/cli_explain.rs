//! `explain`: a route by name, and a request that somebody saw.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cli_common;

use cli_common::{Desk, Said, matches_file};

fn explain(desk: &Desk, args: &[&str]) -> Said {
    let args: Vec<&str> = ["explain", "acme-prod", "--policies", "policies"].iter().chain(args).copied().collect();
    let said = desk.run(&args);
    assert_eq!(said.stderr.is_empty(), said.exit != 2, "{}", said.all());
    said
}

fn acme() -> Desk {
    let desk = Desk::new();
    desk.approve_acme();
    desk
}

#[test]
fn a_route_that_may_be_sent_is_shown_with_every_line_that_allows_it() {
    let desk = acme();
    matches_file("explain/route.txt", &explain(&desk, &["--route", "change"]).exits(0).stdout);
    explain(&desk, &["--route", "find"]).exits(0).says("allowed: in verify").says("allowed: in finish");
    explain(&desk, &["--route", "reset", "--user", "svc-1@svc.acme.example"]).exits(0).says("allowed: in reconcile");
}

#[test]
fn what_is_demanded_of_tls_stands_beside_the_host() {
    let desk = acme();
    let pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let more =
        format!("pins = [\"{pin}\"]\nclient-certificate = {{ certificate = \"Cert\", key = \"Key\" }}\n[records.app]");
    let text = desk.read("policies/acme-prod.toml").replace("[records.app]", &more);
    desk.write("policies/acme-prod.toml", text);
    explain(&desk, &["--route", "change"])
        .exits(0)
        .says(&format!("pinned to {pin}"))
        .says("the certificate in the record's field \"Cert\", with the key in \"Key\"");
}

#[test]
fn what_is_denied_names_the_line_and_what_would_allow_it() {
    let desk = acme();
    for (args, words) in [
        (&["--route", "chnge"] as &[&str], "did you mean `change`?"),
        (
            &["--route", "change", "--step", "verify"],
            "is for change, and this step is verify (acme.wasm (sealed page):37)",
        ),
        (&["--route", "tell", "--arg", "group=a"], "switched off by the operator (policies/acme-prod.toml:39)"),
        (&["--route", "change", "--arg", "x=y"], "has no argument"),
        (
            &["--route", "change", "--user", "admin@svc.acme.example"],
            "is excepted with `admin@svc.acme.example` (policies/acme-prod.toml:29)",
        ),
        (
            &["--route", "change", "--user", "jo@acme.example"],
            "no pattern of `allow` matches the account `jo@acme.example` (policies/acme-prod.toml:25)",
        ),
    ] {
        explain(&desk, args).exits(3).says("denied: ").says(words).does_not_say("allowed: ");
    }
    let text =
        desk.read("policies/acme-prod.toml").replace("off = [\"tell\"]", "off = []").replace("old-refused", "never");
    desk.write("policies/acme-prod.toml", text);
    explain(&desk, &["--route", "reset"]).exits(3).says("never begun: the policy does not allow to reconcile");
    explain(&desk, &["--route", "tell"]).exits(3).says("needs the argument `group`");
    explain(&desk, &["--route", "tell", "--arg", "group=a/b"]).exits(3).says("may only be letters, digits");
    explain(&desk, &["--route", "tell", "--arg", "group=ab"]).exits(0).says("allowed: in finish");
}

#[test]
fn a_request_is_traced_back_to_its_route() {
    let desk = acme();
    let said = explain(&desk, &["POST", "https://api.acme.example/v1/users/42/password"]).exits(0);
    matches_file("explain/request.txt", &said.stdout);
    for (method, url, words) in [
        ("get", "https://api.acme.example/v1/users?filter=login%20eq%20%22jo%22&limit=200", "route `find` may be sent"),
        ("POST", "https://api.acme.example:8443/v1/users/a%20b/password", "`account.id` would be a b"),
        ("PUT", "https://api.acme.example/base/path/v1/users/42", "if the URL of the vault record ends in /base/path"),
        ("POST", "https://login.acme.example/tenant-1/token", "`api.tenant` would be tenant-1"),
        ("POST", "https://api.acme.example/v1/sessions", "route `sign-in` may be sent"),
    ] {
        explain(&desk, &[method, url]).exits(0).says(words);
    }
    explain(&desk, &["POST", "https://api.acme.example/v1/groups/g/tell"])
        .exits(3)
        .says("switched off by the operator");
}

#[test]
fn a_further_page_of_a_list_is_judged_as_far_as_the_page_says() {
    let desk = acme();
    // The provider's answer names the whole query.
    for url in ["https://api.acme.example/v1/users?cursor=abc", "https://api.acme.example/v1/users"] {
        explain(&desk, &["GET", url])
            .exits(0)
            .says("route `find` may be sent")
            .says("the query is not what the page writes, and was not judged")
            .says("further page of the list (up to 5), which the provider's answer names (acme.wasm (sealed page):28)");
    }
    let first = "https://api.acme.example/v1/users?filter=login%20eq%20%22jo%22&limit=200";
    explain(&desk, &["GET", first]).exits(0).does_not_say("not judged");
    // The page names the key under which the provider's token stands, and the rest of the query is the page's.
    let desk = Desk::new();
    desk.module(
        "acme.wasm",
        &cli_common::ACME.replace("next = \"header:link\"", "next = \"/next\", into = \"cursor\""),
    );
    let approve = ["approve", "acme.wasm", "--policies", "policies", "--name", "acme-prod"];
    desk.run(&[&approve[..], cli_common::ANSWERS].concat()).exits(0);
    explain(&desk, &["GET", first]).exits(0).does_not_say("not judged");
    explain(&desk, &["GET", &format!("{first}&cursor=abc")])
        .exits(0)
        .says("the token of a further page of the list (up to 5) stands in the query, and was not judged");
    for (query, words) in [
        ("?cursor=abc", "`filter`, `limit` missing"),
        ("?filter=login%20eq%20%22jo%22&limit=2&cursor=abc", "`limit` not as the page writes it"),
        ("?filter=login%20eq%20%22jo%22&limit=200&cursor=abc&all=1", "`all` not on the page"),
        ("?filter=login%20eq%20%22jo%22&limit=200&cursor=abc&cursor=x", "`cursor` not as the page writes it"),
        ("?all=1", "`all` not on the page"),
    ] {
        explain(&desk, &["GET", &format!("https://api.acme.example/v1/users{query}")]).exits(3).says(words);
    }
}

#[test]
fn a_request_that_no_route_can_produce_is_compared_with_the_nearest() {
    let desk = acme();
    for (method, url, nearest, words) in [
        ("GET", "https://api.acme.example/v1/users/42/password", "`change`", "the method is POST there"),
        (
            "POST",
            "https://evil.acme.example/v1/users/42/password",
            "`change`",
            "it goes to api.acme.example, api.acme.example:8443 only (policies/acme-prod.toml:19)",
        ),
        ("POST", "https://api.acme.example:444/v1/users/42/password", "`change`", "it goes to api.acme.example"),
        (
            "POST",
            "https://api.acme.example/v1/users/42/passwords",
            "`change`",
            "the path is {api.url}/v1/users/{account.id}/password there",
        ),
        ("POST", "https://api.acme.example/v1/users//password", "`change`", "the path is"),
        ("POST", "https://api.acme.example/v1/users/4%2F2/password", "`change`", "the path is"),
        (
            "POST",
            "https://api.acme.example/v1/users/42/password?sendEmail=false",
            "`change`",
            "the query differs: `sendEmail` not on the page",
        ),
        (
            "POST",
            "https://login.acme.example/base/tenant/token",
            "`token`",
            "the path is https://login.acme.example/{api.tenant}/token there",
        ),
        ("DELETE", "https://api.acme.example/v1/users/42", "`reset`", "the method is PUT there"),
    ] {
        explain(&desk, &[method, url])
            .exits(3)
            .says("denied: page and policy allow no such request")
            .says(&format!("the nearest is {nearest}"))
            .says(words);
    }
}

#[test]
fn what_is_no_question_is_exit_2() {
    let desk = acme();
    explain(&desk, &[]).exits(2).says("name a route with `--route`").says("`find`").says("METHOD and URL");
    explain(&desk, &["GET"]).exits(2).says("a request has a method and a URL").says("explain acme-prod GET https://");
    explain(&desk, &["--route", "find", "GET", "https://a/"]).exits(2);
    explain(&desk, &["--route", "find", "--step", "later"])
        .exits(2)
        .says("`verify`, `change`, `reconcile` or `finish`");
    explain(&desk, &["GET", "http://api.acme.example/"]).exits(2).says("a route is always https");
    explain(&desk, &["TRACE", "https://api.acme.example/"]).exits(2).says("no method of a page");
    explain(&desk, &["GET", "api.acme.example"]).exits(2).says("this is no URL");
    explain(&desk, &["GET", "https://jo:pw@api.acme.example/"]).exits(2).says("no login").does_not_say("pw@");
    let said = desk.run(&["explain", "acme-prd", "--route", "find", "--policies", "policies"]).exits(2);
    said.says("did you mean").says("acme-prod");
}

#[test]
fn a_page_that_cannot_verify_is_never_run_unless_the_operator_accepts_that() {
    let desk = Desk::new();
    desk.module("blind.wasm", cli_common::BLIND);
    let mut args = vec!["approve", "blind.wasm", "--policies", "policies", "--name", "blind", "--record", "api=uid:u"];
    args.extend(["--host", "api=a.example", "--allow", "*", "--accept", "free-account", "--unverified", "refuse"]);
    desk.run(&args).exits(0);
    let ask = ["explain", "blind", "--route", "set", "--policies", "policies"];
    desk.run(&ask).exits(3).says("no run begins: the page has no verify route");
    args.push("--force");
    let at = args.iter().position(|arg| *arg == "refuse").unwrap();
    args[at] = "accept";
    desk.run(&args).exits(0);
    desk.run(&ask).exits(0).says("begun at once");
    let jo = ["explain", "blind", "PUT", "https://a.example/users/jo", "--policies", "policies"];
    desk.run(&jo).exits(0).says("`user` would be jo");
}

#[test]
fn a_hostile_question_cannot_reach_the_terminal() {
    let desk = acme();
    for args in [
        &["--route", "\u{1b}[2J\u{202e}x"] as &[&str],
        &["--route", "change", "--arg", "\u{1b}=x"],
        &["--route", "change", "--user", "\u{1b}]0;x\u{7}\u{202e}"],
        &["GET", "https://api.acme.example/%1B%5B2J?\u{202e}=%1b"],
    ] {
        let said = explain(&desk, args).exits(3);
        let harmless = |character: char| character == '\n' || (!character.is_control() && character != '\u{202e}');
        assert!(said.all().chars().all(harmless), "{}", said.all());
    }
}

/// Secrets that an encoder or a log could mangle.
const CANARIES: [&str; 4] = ["0ld \"pa$s\" & <é> %41+", "N3w'pa$s w0rd{{user}}", "t0k\u{202e}en/=?#\\", "k3y\n&amp;"];

/// The gateway's line for this user and URL.
fn params(user: &str, url: &str, new: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let [old, _, token, key] = CANARIES;
    let records = serde_json::json!([
        { "uid": "r1", "title": "Acme \"API\"", "url": url, "password": token, "Tenant": "t1" },
        { "uid": "abc_-123", "title": "App", "password": key },
    ]);
    let records = STANDARD.encode(records.to_string());
    let line = serde_json::json!({ "user": user, "oldPassword": old, "newPassword": new, "records": records });
    STANDARD.encode(line.to_string()) + "\n"
}

#[test]
fn with_params_their_account_and_records_are_judged_and_no_secret_is_said() {
    let desk = acme();
    let (good, here) = (CANARIES[1], "https://api.acme.example");
    let filter = "https://api.acme.example/v1/users?filter=login%20eq%20%22jo%22&limit=200";
    for (user, url, new, question, exit, words) in [
        ("svc-1@svc.acme.example", here, good, &["--route", "change"] as &[&str], 0, "allowed: in change"),
        ("svc-1@svc.acme.example", here, good, &["--route", "chnge"], 3, "did you mean `change`?"),
        ("svc-1@svc.acme.example", here, good, &["POST", "https://api.acme.example/v1/users/4/password"], 0, "allowed"),
        ("svc-1@svc.acme.example", here, good, &["GET", filter], 0, "is not read back"),
        ("jo@acme.example", here, good, &["--route", "change"], 3, "does not allow the account"),
        ("admin@svc.acme.example", here, good, &["--route", "change"], 3, "`except` names it"),
        ("svc-1@svc.acme.example", "https://evil.example", good, &["--route", "change"], 3, "leads to `evil.example`"),
        (
            "svc-1@svc.acme.example",
            here,
            "with\\backslash",
            &["--route", "change"],
            3,
            "which the provider does not take",
        ),
    ] {
        desk.write("line", params(user, url, new));
        let said = explain(&desk, &[question, &["--params", "line"]].concat()).exits(exit).says(words);
        let all = said.all();
        for canary in CANARIES.iter().chain([&"with\\backslash"]) {
            let piece: String = canary.chars().take(6).collect();
            assert!(!all.contains(&piece), "{piece} in {all}");
        }
    }
    // In a path it is read back.
    desk.module("blind.wasm", cli_common::BLIND);
    let mut args = vec!["approve", "blind.wasm", "--policies", "policies", "--name", "blind", "--record", "api=uid:b1"];
    args.extend(["--host", "api=a.example", "--allow", "*", "--accept", "free-account", "--unverified", "accept"]);
    desk.run(&args).exits(0);
    let records = r#"[{"uid":"b1","title":"B","url":"https://a.example","login":"root","password":"t0k"}]"#;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let line = serde_json::json!({ "user": "jo", "newPassword": "n3w", "records": STANDARD.encode(records) });
    desk.write("jo", STANDARD.encode(line.to_string()));
    for (url, exit, words) in [
        ("https://a.example/users/jo", 0, "`user` would be jo"),
        ("https://a.example/users/sam", 3, "would be for `sam`, and the params are for `jo`"),
    ] {
        let said = desk.run(&["explain", "blind", "PUT", url, "--params", "jo", "--policies", "policies"]);
        said.exits(exit).says(words).does_not_say("t0k").does_not_say("n3w");
    }
    desk.write("line", "not base64!");
    explain(&desk, &["--route", "change", "--params", "line"]).exits(2).does_not_say("not base64!");
    explain(&desk, &["--route", "change", "--params", "-"]).exits(2).says("stdin");
    explain(&desk, &["--route", "change", "--params", "none"]).exits(2).says("none cannot be read");
    explain(&desk, &["--route", "change", "--params", "line", "--user", "x"]).exits(2);
}
