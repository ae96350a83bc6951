//! A record's URL: the one place where a vault record says where to go, and so the one that is read most strictly.
//!
//! Accepted is `https://host[:port][/base/path][/]` in the form that a URL parser would give it anyway, whose host and
//! port the operator listed. Refused is everything that two parsers could read in two ways: logins, backslashes, blanks,
//! other letters than ASCII, `%` in the host, dots at its end, queries, fragments, dot segments, empty segments, encoded
//! separators. The text is never shown in a message (it may hold a login); the host is, once it is known to be one.

use super::hosts::HostPort;
use std::fmt;

/// Scheme, host, port and base path, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseUrl {
    /// Where it leads.
    pub(super) host: HostPort,
    /// `https://acme.okta.com`, `https://host.example:8443/base`.
    pub(super) text: String,
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlMistake {
    /// Nothing but blanks.
    Empty,
    /// `http://`.
    Http,
    /// No `https://` in front.
    NoScheme,
    /// Blanks, control characters, or other letters than ASCII.
    Characters,
    /// `\`
    Backslash,
    /// `user@` or `user:password@`.
    Login,
    /// No host, or none that can be.
    Host,
    /// `?`
    Query,
    /// `#`
    Fragment,
    /// `.`, `..`, `//`, `;` or an encoded separator.
    Path,
}

impl fmt::Display for UrlMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlMistake::Empty => "is empty",
            UrlMistake::Http => "begins with `http://`, which sends secrets in the clear",
            UrlMistake::NoScheme => "does not begin with `https://`",
            UrlMistake::Characters => "holds blanks, control characters or letters that a URL cannot have",
            UrlMistake::Backslash => "holds a backslash",
            UrlMistake::Login => "holds a login in front of the host",
            UrlMistake::Host => "has no host in its usual form",
            UrlMistake::Query => "holds a query (`?`)",
            UrlMistake::Fragment => "holds a fragment (`#`)",
            UrlMistake::Path => "holds dot segments, empty segments, `;` or encoded separators in its path",
        })
    }
}

/// Reads a record's URL.
pub(super) fn base_url(text: &str) -> Result<BaseUrl, UrlMistake> {
    if text.trim().is_empty() {
        return Err(UrlMistake::Empty);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UrlMistake::Characters);
    }
    if text.contains('\\') {
        return Err(UrlMistake::Backslash);
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let rest = match text.get(8..) {
        Some(rest) if lower == "https://" => rest,
        _ if lower.starts_with("http://") => return Err(UrlMistake::Http),
        _ => return Err(UrlMistake::NoScheme),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(UrlMistake::Login);
    }
    if authority.contains('%') {
        return Err(UrlMistake::Host);
    }
    if path.contains('#') {
        return Err(UrlMistake::Fragment);
    }
    if path.contains('?') {
        return Err(UrlMistake::Query);
    }
    let host = HostPort::parse(authority).map_err(|_| UrlMistake::Host)?;
    let path = base_path(path)?;
    let text = format!("https://{host}{path}");
    // What is sent later is made of this text by a URL parser: it must see the same host, port and path.
    let parsed = url::Url::parse(&text).map_err(|_| UrlMistake::Host)?;
    let same = parsed.host_str() == Some(host.host.as_str())
        && parsed.port_or_known_default() == Some(host.port)
        && parsed.path().trim_end_matches('/') == path
        && parsed.username().is_empty()
        && parsed.password().is_none();
    if same { Ok(BaseUrl { host, text }) } else { Err(UrlMistake::Path) }
}

/// The path without the slash at its end, if each segment is plain.
fn base_path(path: &str) -> Result<&str, UrlMistake> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let plain = path.split('/').skip(1).all(plain_segment);
    if plain { Ok(path) } else { Err(UrlMistake::Path) }
}

fn plain_segment(segment: &str) -> bool {
    let mut decoded = Vec::new();
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@%".contains(&byte);
        if !allowed {
            return false;
        }
        let mut digit =
            || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        match byte {
            b'%' => match (digit(), digit()) {
                (Some(high), Some(low)) => decoded.push((high << 4, low)),
                _ => return false,
            },
            _ => decoded.push((byte & 0xf0, byte & 0x0f)),
        }
    }
    let decoded: Vec<u8> = decoded.into_iter().map(|(high, low)| high | low).collect();
    !decoded.is_empty()
        && decoded != b"."
        && decoded != b".."
        && !decoded
            .iter()
            .any(|byte| matches!(byte, b'/' | b'\\' | b'%' | b';' | b'?' | b'#') || byte.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_urls_are_read_in_their_canonical_form() {
        for (written, canonical, host) in [
            ("https://acme.okta.com", "https://acme.okta.com", "acme.okta.com"),
            ("https://acme.okta.com/", "https://acme.okta.com", "acme.okta.com"),
            ("HTTPS://ACME.Okta.com:443/", "https://acme.okta.com", "acme.okta.com"),
            ("https://acme.example:8443/base/Path/", "https://acme.example:8443/base/Path", "acme.example:8443"),
            ("https://[fd00::1]:8443/x", "https://[fd00::1]:8443/x", "[fd00::1]:8443"),
            ("https://127.0.0.1:9000", "https://127.0.0.1:9000", "127.0.0.1:9000"),
            ("https://a.test/with%20blank/~u:1@x", "https://a.test/with%20blank/~u:1@x", "a.test"),
            ("https://a.test/..x/x../...", "https://a.test/..x/x../...", "a.test"),
        ] {
            let url = base_url(written).unwrap_or_else(|mistake| panic!("{written}: {mistake}"));
            assert_eq!((url.text.as_str(), url.host.to_string().as_str()), (canonical, host), "{written}");
            assert_eq!(base_url(&url.text), Ok(url));
        }
    }

    #[test]
    fn every_trick_is_refused_for_what_it_is() {
        use UrlMistake::*;
        for (written, mistake) in [
            ("", Empty),
            (" ", Empty),
            ("acme.okta.com", NoScheme),
            ("//acme.okta.com", NoScheme),
            ("https:/acme.okta.com", NoScheme),
            ("https:acme.okta.com", NoScheme),
            ("https", NoScheme),
            ("http://acme.okta.com", Http),
            ("HTTP://acme.okta.com", Http),
            ("ftp://acme.okta.com", NoScheme),
            ("file:///etc/passwd", NoScheme),
            ("data:text/plain,x", NoScheme),
            (" https://acme.okta.com", Characters),
            ("https://acme.okta.com ", Characters),
            ("https://acme.ok\tta.com", Characters),
            ("https://acme.okta.com\n", Characters),
            ("https://acme.ok\u{ad}ta.com", Characters),
            ("https://１２７.0.0.1/", Characters),
            ("https://bücher.example/", Characters),
            ("https://acme.okta.com\\@evil.test/", Backslash),
            ("https://evil.test\\.acme.okta.com/", Backslash),
            ("https://acme.okta.com@127.0.0.1/", Login),
            ("https://u:p@acme.okta.com/", Login),
            ("https://@acme.okta.com/", Login),
            ("https://acme.okta.com%2eevil.test/", Host),
            ("https://acme.okta.com./", Host),
            ("https:///acme.okta.com", Host),
            ("https://", Host),
            ("https://acme.okta.com:/", Host),
            ("https://acme.okta.com:0443/", Host),
            ("https://acme.okta.com:99999/", Host),
            ("https://127.1/", Host),
            ("https://0x7f000001/", Host),
            ("https://2130706433/", Host),
            ("https://0177.0.0.1/", Host),
            ("https://[::1/", Host),
            ("https://[fe80::1%25eth0]/", Host),
            ("https://*.okta.com/", Host),
            ("https://acme.okta.com?x", Query),
            ("https://acme.okta.com/?", Query),
            ("https://acme.okta.com/#x", Fragment),
            ("https://acme.okta.com#@evil.test/", Fragment),
            ("https://a.test/..", Path),
            ("https://a.test/x/../y", Path),
            ("https://a.test/./y", Path),
            ("https://a.test/%2e%2e/y", Path),
            ("https://a.test/.%2E/y", Path),
            ("https://a.test/x%2fy", Path),
            ("https://a.test/x%5Cy", Path),
            ("https://a.test/x%00", Path),
            ("https://a.test/x%0a", Path),
            ("https://a.test/%252e%252e", Path),
            ("https://a.test/x;y=1", Path),
            ("https://a.test/x%3by", Path),
            ("https://a.test//x", Path),
            ("https://a.test/x//", Path),
            ("https://a.test//", Path),
            ("https://a.test/%zz", Path),
            ("https://a.test/x%4", Path),
            ("https://a.test/<x>", Path),
        ] {
            assert_eq!(base_url(written), Err(mistake), "{written}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_url_reads_the_same_to_two_parsers(text in "https://[-a-zA-Z0-9.:@%\\\\/?#\\[\\];_~]{0,30}") {
            if let Ok(url) = base_url(&text) {
                let whatwg = url::Url::parse(&text).unwrap();
                prop_assert_eq!(whatwg.host_str(), Some(url.host.host.as_str()));
                prop_assert_eq!(whatwg.port_or_known_default(), Some(url.host.port));
                prop_assert_eq!(whatwg.path().trim_end_matches('/'), url.text.strip_prefix(&format!("https://{}", url.host)).unwrap());
                let rfc: http::Uri = text.parse().unwrap();
                prop_assert_eq!(rfc.host().unwrap().to_ascii_lowercase(), url.host.host.as_str());
                prop_assert_eq!(rfc.port_u16().unwrap_or(443), url.host.port);
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = base_url(&text);
            let _ = base_url(&format!("https://a.test/{text}"));
            let _ = base_url(&format!("https://{text}"));
        }
    }
}
