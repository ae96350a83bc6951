use super::super::bind::Bound;
use super::super::file::HostPort;
use super::super::tls::Pin;
use super::sample::{PAGE, POLICY, bind_with, page, params, policy, record, refused, with};
use crate::broker::session::Known;
use crate::gateway::Params;

const PINS: &str = "pins = [\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]";
const CLIENT: &str = "client-certificate = { certificate = \"Zertifikat\", key = \"Schlüssel\" }";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nZmFrZS1zZWNyZXQ=\n-----END PRIVATE KEY-----\n";

/// The policy with more in `[records.api]`.
fn demanding(more: &str) -> String {
    with(POLICY, "[records.api]\n", &format!("[records.api]\n{more}\n"))
}

fn params_with_client() -> Params {
    let mut params = params();
    params.records[2] = record(
        "apiUid",
        "Okta API Access Details",
        &[
            ("url", "https://ACME.okta.com/"),
            ("password", "00tok-secret"),
            ("Gruppe", "staff"),
            ("Zertifikat", "-----BEGIN CERTIFICATE-----"),
            ("Schlüssel", KEY),
        ],
    );
    params
}

fn bound(more: &str) -> Bound {
    bind_with(PAGE, &demanding(more), params_with_client()).unwrap()
}

#[test]
fn a_pin_is_the_digest_of_a_public_key_as_other_tools_write_it() {
    // The well-known SHA-256 of nothing.
    assert_eq!(Pin::of_key(b"").to_string(), "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

#[test]
fn what_a_policy_demands_is_bound_to_the_origin_of_the_records_url() {
    let bound = bound(&format!("{PINS}\n{CLIENT}"));
    let (origin, demands) = bound.tls.first_key_value().unwrap();
    assert_eq!((bound.tls.len(), origin), (1, &HostPort { host: "acme.okta.com".to_owned(), port: 443 }));
    assert_eq!(demands.pins, [Pin::of_key(b"")]);
    let client = demands.client.as_ref().unwrap();
    assert_eq!((client.key.lend(), client.certificate.lend()), (KEY, "-----BEGIN CERTIFICATE-----"));
    assert!(!format!("{bound:?}").contains("ZmFrZS1zZWNyZXQ"), "no debug text shows the key");
}

#[test]
fn the_private_key_is_cut_out_of_everything_that_leaves() {
    let bound = bound(CLIENT);
    let said = Known::new(&bound).redactor().redact(&format!("it said {KEY} to me"));
    assert!(!said.contains("ZmFrZS1zZWNyZXQ"), "{said}");
}

#[test]
fn a_field_that_the_vault_record_lacks_is_named() {
    let said = refused(PAGE, &demanding(CLIENT), params());
    assert!(said.contains("the certificate of `client-certificate`") && said.contains("`Zertifikat`"), "{said}");
}

#[test]
fn the_page_never_reads_the_field_with_the_private_key() {
    // By the record itself: the policy does not fit.
    for field in ["Gruppe", "password"] {
        let client = CLIENT.replace("Schlüssel", field);
        let said = refused(PAGE, &demanding(&client), params_with_client());
        assert!(said.contains(&format!("the page reads the field `{field}`")), "{said}");
    }
    // By another record of the page, which turns out to be the same one of the vault.
    let page_text = with(PAGE, "[password]", "[records.twin]\ntext = { seen = \"Schlüssel\" }\n\n[password]");
    let page_text =
        with(&page_text, "json     = { text = \"{arg.note}\" }", "json     = { text = \"{twin.seen}{arg.note}\" }");
    let twin = |select: &str| with(&demanding(CLIENT), "[account]", &format!("[records.twin]\n{select}\n[account]"));
    for select in ["uid = \"apiUid\"", "title = \"Okta API Access Details\""] {
        let said = refused(&page_text, &twin(select), params_with_client());
        assert!(said.contains("`Schlüssel`") && said.contains("as a field of `twin`"), "{said}");
    }
    let mut params = params_with_client();
    params.records.push(record("twinUid", "Another", &[("Schlüssel", "harmless")]));
    assert!(
        bind_with(&page_text, &twin("uid = \"twinUid\""), params).is_ok(),
        "another record's field of that name is free"
    );
}

#[test]
fn two_records_of_one_origin_demand_the_same_or_only_one_demands_anything() {
    let page_text = with(
        PAGE,
        "[password]",
        "[records.second]\nurl = \"url\"\n\n[[route]]\nname = \"look\"\nfor = [\"finish\"]\nrequest = \"GET {second.url}/x\"\nexpects = { status = 200 }\n\n[password]",
    );
    let both = |first: &str, second: &str| {
        let second = format!("[records.second]\nuid = \"secondUid\"\nhosts = [\"acme.okta.com\"]\n{second}\n[account]");
        with(&demanding(first), "[account]", &second)
    };
    let with_second = |key: &str| {
        let mut params = params_with_client();
        let fields =
            [("url", "https://acme.okta.com"), ("Zertifikat", "-----BEGIN CERTIFICATE-----"), ("Schlüssel", key)];
        params.records.push(record("secondUid", "Second", &fields));
        params
    };
    let other = "pins = [\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]";
    for (first, second, key, fits) in [
        (PINS, "", KEY, true),
        ("", PINS, KEY, true),
        (PINS, PINS, KEY, true),
        (PINS, other, KEY, false),
        (CLIENT, "", KEY, true),
        ("", CLIENT, KEY, true),
        (CLIENT, CLIENT, KEY, true),
        (CLIENT, CLIENT, "another", false),
    ] {
        let policy_text = both(first, second);
        if fits {
            let bound = bind_with(&page_text, &policy_text, with_second(key)).unwrap();
            assert_eq!(bound.tls.len(), 1);
            let demands = bound.tls.values().next().unwrap();
            assert!(demands.pins.len() == 1 || demands.client.is_some(), "{first} / {second}");
        } else {
            let said = refused(&page_text, &policy_text, with_second(key));
            assert!(said.contains("two records lead to `acme.okta.com`"), "{said}");
        }
    }
    assert!(page(&page_text).can_verify() && policy(POLICY).records.len() == 1);
}

#[test]
fn it_means_nothing_where_the_page_sends_nothing_to_the_record() {
    let page_text = with(PAGE, "url    = \"url\"\n", "").replace("{api.url}", "https://acme.okta.com");
    let policy_text = with(
        &with(POLICY, "hosts = [\"acme.okta.com\", \"acme.example:8443\"]", PINS),
        "literal-hosts = [\"hooks",
        "literal-hosts = [\"acme.okta.com\", \"hooks",
    );
    let said = refused(&page_text, &policy_text, params());
    assert!(said.contains("would mean nothing"), "{said}");
}
