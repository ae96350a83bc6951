//! A placed request becomes what stands on the wire. The last look at it: nothing here repairs anything.

use super::failure::NotSent;
use crate::page::model::Method;
use crate::page::place::Placed;
use crate::policy::file::HostPort;
use http::header::{ACCEPT, ACCEPT_ENCODING, COOKIE, HeaderMap, HeaderName, HeaderValue};
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
    let Ok(origin) = Url::parse(&request.origin) else { return refuse("its origin is not a URL") };
    if origin.scheme() != "https" {
        return refuse("only https is spoken");
    }
    let (Some(host), Some(port)) = (origin.host_str(), origin.port_or_known_default()) else {
        return refuse("its origin names no host");
    };
    let target = HostPort { host: host.to_owned(), port };
    // No user, no path, no dot at the end, no other way to write an address.
    if host.ends_with('.') || !same_origin(&request.origin, &origin) {
        return refuse("its origin is not in canonical form");
    }
    if !is_plain_path(&request.path) {
        return refuse("its path is not in canonical form");
    }
    if request.query.contains('#') || !is_visible(&request.query) {
        return refuse("its query is not in canonical form");
    }
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    match Url::parse(&format!("{}{}{query}", request.origin, request.path)) {
        Ok(url) if url.origin() == origin.origin() && url.path() == request.path => Ok((url, target)),
        _ => refuse("its URL is not in canonical form"),
    }
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
    Ok(headers)
}

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
