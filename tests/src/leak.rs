//! Looks for secrets in what came out, in every common encoding. Written apart from the runner's own redaction, on
//! purpose: the two must not share a mistake.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::collections::BTreeSet;

/// Shorter secrets are not searched for: they stand in ordinary words.
const SHORTEST: usize = 6;

/// The first encoding of `secret` that stands in `text`, by name.
pub fn find(text: &[u8], secret: &str) -> Option<String> {
    if secret.len() < SHORTEST {
        return None;
    }
    forms(secret).into_iter().find(|(_, form)| !form.is_empty() && contains(text, form)).map(|(name, _)| name)
}

fn contains(text: &[u8], form: &[u8]) -> bool {
    text.windows(form.len()).any(|window| window == form)
}

/// The encodings, by name.
pub fn forms(secret: &str) -> BTreeSet<(String, Vec<u8>)> {
    let mut forms = BTreeSet::new();
    let mut add = |name: &str, form: String| {
        forms.insert((name.to_owned(), form.into_bytes()));
    };
    add("raw", secret.to_owned());
    // percent-encoding: what is left alone, the case of the digits, the blank
    type Keep = fn(u8) -> bool;
    let keep: [(&str, Keep); 3] = [
        ("unreserved", |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
        ("form", |b| b.is_ascii_alphanumeric() || b"-._*".contains(&b)),
        ("nothing", |_| false),
    ];
    for (kept, keep) in keep {
        for upper in [true, false] {
            for blank in ["%20", "+"] {
                let one = |b: u8| match b {
                    b' ' => blank.to_owned(),
                    b if keep(b) => char::from(b).to_string(),
                    b if upper => format!("%{b:02X}"),
                    b => format!("%{b:02x}"),
                };
                add(&format!("percent, {kept} kept"), secret.bytes().map(one).collect());
            }
        }
    }
    // JSON: minimal, with \/, with \u of everything that is not ASCII, with \u of everything
    for slash in ["/", "\\/"] {
        for ascii in [false, true] {
            for upper in [false, true] {
                add("JSON", secret.chars().map(|c| json_char(c, slash, ascii, upper)).collect());
            }
        }
    }
    for upper in [false, true] {
        add(
            "\\u",
            secret
                .encode_utf16()
                .map(|unit| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") })
                .collect(),
        );
    }
    // entities
    for (quote, apostrophe) in [("&quot;", "&#39;"), ("&quot;", "&apos;"), ("&#34;", "&#39;"), ("&#x22;", "&#x27;")] {
        let one = |c: char| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => quote.to_owned(),
            '\'' => apostrophe.to_owned(),
            c => c.to_string(),
        };
        add("entities", secret.chars().map(one).collect());
    }
    add("hex", secret.bytes().map(|b| format!("{b:02x}")).collect());
    add("HEX", secret.bytes().map(|b| format!("{b:02X}")).collect());
    // base64 at the three places inside a longer text: only the characters that the secret alone decides
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        let first = (before * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        for (name, engine) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
            let text = engine.encode(&bytes);
            add(&format!("{name}, {before} bytes before"), text[first..last].to_owned());
        }
    }
    forms
}

fn json_char(c: char, slash: &str, ascii: bool, upper: bool) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '/' => slash.to_owned(),
        c if (c as u32) < 0x20 || (ascii && !c.is_ascii()) => {
            let mut units = [0; 2];
            let one = |unit: &u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
            c.encode_utf16(&mut units).iter().map(one).collect()
        }
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "N3w\"pa$s\\w0rd & <é> %41+";

    #[test]
    fn every_encoding_is_found_inside_a_longer_text() {
        let text = |form: &str| format!("before {form} after").into_bytes();
        for form in [
            SECRET.to_owned(),
            "N3w%22pa%24s%5Cw0rd%20%26%20%3C%C3%A9%3E%20%2541%2B".to_owned(),
            "N3w%22pa%24s%5cw0rd+%26+%3c%c3%a9%3e+%2541%2b".to_owned(),
            "N3w\\\"pa$s\\\\w0rd & <\\u00e9> %41+".to_owned(),
            "N3w&quot;pa$s\\w0rd &amp; &lt;é&gt; %41+".to_owned(),
            SECRET.bytes().map(|b| format!("{b:02x}")).collect(),
            STANDARD.encode(SECRET),
            STANDARD.encode(format!("jo:{SECRET}")),
            STANDARD.encode(format!("joe:{SECRET}")),
            URL_SAFE.encode(format!("{{\"p\":\"{SECRET}\"}}")),
            serde_json::json!({ "x": SECRET }).to_string(),
        ] {
            assert!(find(&text(&form), SECRET).is_some(), "{form}");
        }
    }

    #[test]
    fn other_text_is_no_leak() {
        for text in ["", "N3w", "the password was changed", "N3w\"pa$s\\w0rd & <e> %41+"] {
            assert_eq!(find(text.as_bytes(), SECRET), None, "{text}");
        }
    }
}
