//! Drives any page as `guests/rest` does, and brings two parsers along, as a rotator with libraries would: about 160 KB of
//! code that has to be compiled where no native code is kept.

use rotabox_guest::{Done, Failure, Http, Rotator};

/// The rotator.
pub struct Stout;

impl Rotator for Stout {
    fn verify(http: &mut Http) -> Done {
        drive(http)
    }

    fn change(http: &mut Http) -> Done {
        drive(http)
    }

    fn reconcile(http: &mut Http) -> Done {
        drive(http)
    }

    fn finish(http: &mut Http) -> Done {
        drive(http)
    }
}

/// How many routes at most, as somebody might configure it.
const SETTINGS: &str =
    r#"{"drive":{"at-most":20,"fail":{"code":"too-many","detail":"more routes than expected","weight":0.5}}}"#;

/// The same from a provider of the old school.
const LIMITS: &str = "<limits><drive at-most='15'>routes &amp; pages</drive></limits>";

fn drive(http: &mut Http) -> Done {
    let settings: serde_json::Value =
        serde_json::from_str(SETTINGS).map_err(|_| Failure::unsupported("settings that are no JSON"))?;
    let most = settings.pointer("/drive/at-most").and_then(serde_json::Value::as_u64).unwrap_or_default();
    let document = roxmltree::Document::parse(LIMITS).map_err(|_| Failure::unsupported("limits that are no XML"))?;
    let limit = document.descendants().find_map(|node| node.attribute("at-most")?.parse().ok()).unwrap_or(most);
    for _ in 0..most.min(limit) {
        let Some(route) = http.offered().into_iter().next() else { return Ok(()) };
        http.call(&route, &[])?.accepted_or_passed()?;
    }
    Err(Failure::unsupported(format!("more routes than expected: {settings:#}")))
}

rotabox_guest::export!(Stout);
