//! A placed request becomes what stands on the wire. The last look at it: nothing here repairs anything.

use super::failure::NotSent;
use crate::page::model::Method;
use crate::page::place::Placed;
use crate::policy::file::HostPort;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, COOKIE, HeaderMap, HeaderName, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

/// The method on the wire. `CONNECT` and `TRACE` do not exist here.
pub(super) fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}

/// The request's URL, and its host and port. The URL parser may not change what was placed: it would be another
/// request than the page's.
pub(super) fn address(request: &Placed) -> Result<(Url, HostPort), NotSent> {
    let refuse = |why| Err(NotSent::Request(why));
    if !request.origin.starts_with("https://") {
        return refuse("only https is spoken");
    }
    if !is_plain_path(&request.path) {
        return refuse("its path is not in canonical form");
    }
    if request.query.contains('#') || !is_visible(&request.query) {
        return refuse("its query is not in canonical form");
    }
    let query = if request.query.is_empty() { "" } else { "?" };
    let Ok(url) = Url::parse(&[&request.origin, &request.path, query, &request.query].concat()) else {
        return refuse("its URL is not one");
    };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return refuse("its origin names no host");
    };
    let target = HostPort { host: host.to_owned(), port };
    // No user, no path, no dot at the end, no other way to write an address.
    if host.ends_with('.') || !same_origin(&request.origin, &url) {
        return refuse("its origin is not in canonical form");
    }
    if url.path() == request.path { Ok((url, target)) } else { refuse("its URL is not in canonical form") }
}

/// All headers: the page's, the step's cookies, and what we always say. Every value that the page wrote counts as
/// sensitive: it may hold a secret, and it is in no index of the protocol then.
pub(super) fn headers(request: &Placed, cookies: Option<Zeroizing<String>>) -> Result<HeaderMap, NotSent> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NotSent::Request("a header name is none"))?;
        if is_ours(name.as_str()) {
            return Err(NotSent::Request("it sets a header that belongs to the connection"));
        }
        headers.append(name, sensitive(value)?);
    }
    if let Some(cookies) = cookies {
        // One line, as RFC 6265 has it: the page's own cookies first.
        let all = match headers.remove(COOKIE) {
            Some(own) => {
                let own = own.to_str().map_err(|_| NotSent::Request("a header value is none"))?;
                Zeroizing::new(format!("{own}; {}", *cookies))
            }
            None => cookies,
        };
        headers.insert(COOKIE, sensitive(&all)?);
    }
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json, */*;q=0.5"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    // RFC 9110, 8.6: these announce an empty body. Servers answer 411 otherwise, and the library leaves it out.
    if matches!(request.method, Method::Post | Method::Put | Method::Patch) && request.body.is_none() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).sum();
    if bytes > HEADERS_BYTES {
        return Err(NotSent::Request("its headers are larger than 64 KiB, which no server reads"));
    }
    Ok(headers)
}

/// Most bytes of all headers. Servers take 8 to 32 KiB, and answer what is more in ways of their own.
const HEADERS_BYTES: usize = 64 * 1024;

fn sensitive(value: &str) -> Result<HeaderValue, NotSent> {
    let mut value = HeaderValue::from_str(value).map_err(|_| NotSent::Request("a header value is none"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Headers that frame or route the message. The page language refuses them too; this is the second wall.
fn is_ours(name: &str) -> bool {
    const OURS: [&str; 16] = [
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-real-ip",
        "x-original-url",
    ];
    OURS.contains(&name)
        || ["proxy-", "x-forwarded-", "x-rewrite-", "x-http-method", "sec-"].iter().any(|start| name.starts_with(start))
}

/// Is `written` the origin as a URL parser would write it? The default port may be written out.
fn same_origin(written: &str, parsed: &Url) -> bool {
    let canonical = parsed.origin().ascii_serialization();
    written == canonical || (parsed.port().is_none() && written.strip_suffix(":443") == Some(&canonical))
}

/// A path of segments that no server can read in two ways: no dots alone, no backslash, no second slash inside one.
fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && is_visible(path)
        && !path.contains(['?', '#', '\\'])
        && path.split('/').all(|segment| !is_dots(segment))
}

/// `.`, `..`, and what decodes to them.
fn is_dots(segment: &str) -> bool {
    let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
    decoded == "." || decoded == ".."
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn placed(origin: &str, path: &str, query: &str) -> Placed {
        Placed {
            method: Method::Post,
            origin: origin.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    fn with_headers(headers: &[(&str, &str)]) -> Placed {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut placed = placed("https://api.example.com", "/", "");
        placed.headers = headers;
        placed
    }

    #[test]
    fn a_url_is_sent_as_it_was_placed() {
        for (origin, path, query, host, port, url) in [
            ("https://api.example.com", "/", "", "api.example.com", 443, "https://api.example.com/"),
            ("https://api.example.com:443", "/a", "", "api.example.com", 443, "https://api.example.com/a"),
            (
                "https://api.example.com:8443",
                "/a%2Fb/c",
                "x=%20&y=1",
                "api.example.com",
                8443,
                "https://api.example.com:8443/a%2Fb/c?x=%20&y=1",
            ),
            (
                "https://10.0.0.1",
                "/_users/org.couchdb.user:a",
                "",
                "10.0.0.1",
                443,
                "https://10.0.0.1/_users/org.couchdb.user:a",
            ),
            ("https://[fd00::1]:8443", "/a//b;c=d/...", "", "[fd00::1]", 8443, "https://[fd00::1]:8443/a//b;c=d/..."),
        ] {
            let (sent, target) = address(&placed(origin, path, query)).unwrap();
            assert_eq!(sent.as_str(), url);
            assert_eq!(target, HostPort { host: host.to_owned(), port });
        }
    }

    #[test]
    fn an_origin_that_could_be_read_in_two_ways_is_refused() {
        for origin in [
            "http://api.example.com",
            "file:///etc/passwd",
            "data:text/plain,x",
            "ftp://api.example.com",
            "api.example.com",
            "",
            "https://",
            "https:api.example.com",
            "https:/api.example.com",
            "https:///api.example.com",
            "https://api.example.com/",
            "https://api.example.com/base",
            "https://api.example.com?x",
            "https://api.example.com#x",
            "https://user@api.example.com",
            "https://user:pass@api.example.com",
            "https://api.example.com@127.0.0.1",
            "https://api.example.com\\@evil.test",
            "https://evil.test\\.api.example.com",
            "https://api.example\t.com",
            "https://api.example\n.com",
            "https://api.example\u{ad}.com",
            "https://api.example%2ecom",
            "https://api.example.com.",
            "https://API.example.com",
            "https://api.example.com:0443",
            "https://api.example.com:8443:1",
            "https://api.example.com:99999",
            "https://*.example.com/",
            // Other ways to write 127.0.0.1.
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://0177.0.0.1",
            "https://0x7f.1",
            "https://１２７.0.0.1",
            "https://①②⑦.0.0.1",
            "https://[0:0::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[fe80::1%25eth0]",
        ] {
            assert!(matches!(address(&placed(origin, "/", "")), Err(NotSent::Request(_))), "{origin}");
        }
    }

    #[test]
    fn a_path_or_query_that_could_be_read_in_two_ways_is_refused() {
        for path in [
            "",
            "a",
            "/..",
            "/a/../b",
            "/a/.",
            "/%2e%2e/b",
            "/%2E./b",
            "/.%2e",
            "/a\\..\\b",
            "/a?b",
            "/a#b",
            "/a b",
            "/a\tb",
            "/a\r\nb",
            "/é",
            "/a\u{0}b",
            "/a|b\"c",
        ] {
            let answer = address(&placed("https://api.example.com", path, ""));
            assert!(matches!(answer, Err(NotSent::Request(_))), "{path:?} {answer:?}");
        }
        for query in ["a b", "a#b", "a\nb", "é"] {
            assert!(address(&placed("https://api.example.com", "/", query)).is_err(), "{query:?}");
        }
    }

    #[test]
    fn headers_of_the_connection_cannot_be_set() {
        for name in [
            "host",
            "transfer-encoding",
            "content-length",
            "connection",
            "proxy-authorization",
            "proxy-connection",
            "expect",
            "upgrade",
            "te",
            "trailer",
            "keep-alive",
            "content-encoding",
            "accept-encoding",
            "x-forwarded-host",
            "x-http-method-override",
            "x-original-url",
            "user-agent",
            "Host",
            "HOST",
        ] {
            assert!(headers(&with_headers(&[(name, "x")]), None).is_err(), "{name}");
        }
    }

    #[test]
    fn nothing_in_a_header_can_begin_another() {
        for (name, value) in [
            ("x-a", "a\r\nb: c"),
            ("x-a", "a\nb"),
            ("x-a", "a\0b"),
            ("x-a\r\nb", "c"),
            ("x a", "b"),
            ("", "b"),
            ("x-a", "\u{7f}"),
        ] {
            assert!(headers(&with_headers(&[(name, value)]), None).is_err(), "{name:?}: {value:?}");
        }
    }

    #[test]
    fn what_the_page_writes_is_marked_as_sensitive() {
        let cookies = Zeroizing::new("session=0123".to_owned());
        let sent =
            headers(&with_headers(&[("authorization", "Bearer t0ken"), ("cookie", "own=1")]), Some(cookies)).unwrap();
        for name in ["authorization", "cookie"] {
            let value = sent.get(name).unwrap();
            assert!(value.is_sensitive());
            assert_eq!(format!("{value:?}"), "Sensitive");
        }
        assert_eq!(sent.get("cookie").unwrap(), "own=1; session=0123");
    }

    #[test]
    fn the_page_may_choose_what_it_accepts_but_no_coding() {
        let sent = headers(&with_headers(&[("accept", "application/scim+json")]), None).unwrap();
        assert_eq!(sent.get("accept").unwrap(), "application/scim+json");
        assert_eq!(sent.get_all("accept").iter().count(), 1);
        assert_eq!(sent.get("accept-encoding").unwrap(), "identity");
    }
}
