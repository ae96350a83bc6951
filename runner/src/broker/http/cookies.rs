//! A cookie jar for one step. Its values are secrets: never shown, always redacted.
//!
//! RFC 6265 as one client of a few hosts needs it: a cookie goes back to the origin that set it, and to no other, not
//! even where `Domain` would allow that. All is https, so `Secure` and `SameSite` have nothing to say.

use crate::policy::file::HostPort;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

/// Most cookies of a step. Browsers keep about 180 a site; sign-ins set below 20.
const MOST: usize = 64;
/// Most bytes of a cookie's name and value: what RFC 6265 asks clients to support, and browsers keep.
const MOST_BYTES: usize = 4096;
/// Shorter values are no credentials: `lang=en` is not worth cutting out of texts.
const CREDENTIAL: usize = 8;

/// The cookies of one step, by origin.
#[derive(Default)]
pub struct Jar {
    /// In order of creation.
    cookies: Vec<Cookie>,
}

struct Cookie {
    origin: HostPort,
    name: String,
    value: Zeroizing<String>,
    path: String,
    until: Option<Timestamp>,
}

impl Jar {
    /// Every cookie value that could be a credential, lent for redaction.
    pub fn values(&self) -> Vec<&str> {
        let values = self.cookies.iter().map(|cookie| cookie.value.trim_matches('"'));
        values.filter(|value| value.len() >= CREDENTIAL).collect()
    }

    /// The `cookie` header of a request: longer paths first, then older cookies.
    pub(super) fn header(&self, origin: &HostPort, path: &str, now: Timestamp) -> Option<Zeroizing<String>> {
        let live = |cookie: &&Cookie| cookie.until.is_none_or(|until| now < until);
        let mut sent: Vec<&Cookie> =
            self.cookies.iter().filter(|cookie| cookie.goes_to(origin, path)).filter(live).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut header = Zeroizing::new(String::new());
        for cookie in sent {
            if !header.is_empty() {
                header.push_str("; ");
            }
            header.push_str(&cookie.name);
            header.push('=');
            header.push_str(&cookie.value);
        }
        (!header.is_empty()).then_some(header)
    }

    /// Takes the cookies of an answer to `path` of `origin`. Those that are malformed, or for another host, are left out,
    /// as browsers do.
    pub(super) fn take(&mut self, origin: &HostPort, path: &str, headers: &[(String, String)], now: Timestamp) {
        for (_, value) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some(new) = Cookie::parse(origin, path, value, now) else { continue };
            let known = self.cookies.iter().position(|old| old.is_same(&new));
            let dead = new.until.is_some_and(|until| until <= now);
            match (known.and_then(|at| self.cookies.get_mut(at)), dead) {
                // It keeps its place: the time of creation stays.
                (Some(old), false) => *old = new,
                (Some(_), true) => self.cookies.retain(|old| !old.is_same(&new)),
                (None, false) => self.add(new),
                (None, true) => {}
            }
        }
    }

    fn add(&mut self, cookie: Cookie) {
        if self.cookies.len() >= MOST {
            self.cookies.remove(0);
        }
        self.cookies.push(cookie);
    }
}

impl Cookie {
    fn parse(origin: &HostPort, path: &str, line: &str, now: Timestamp) -> Option<Cookie> {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        // A value that cannot stand in a header again would stop every later request.
        let fits = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if name.is_empty() || name.len() + value.len() > MOST_BYTES || !fits(name) || !fits(value) {
            return None;
        }
        let mut cookie = Cookie {
            origin: origin.clone(),
            name: name.to_owned(),
            value: Zeroizing::new(value.to_owned()),
            path: default_path(path).to_owned(),
            until: None,
        };
        let mut max_age = None;
        for attribute in attributes.split(';') {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" if !covers(value, &origin.host) => return None,
                "path" if value.starts_with('/') => cookie.path = value.to_owned(),
                "path" => cookie.path = default_path(path).to_owned(),
                "expires" => cookie.until = date(value).or(cookie.until),
                "max-age" => max_age = until(value, now).or(max_age),
                _ => {}
            }
        }
        cookie.until = max_age.or(cookie.until);
        Some(cookie)
    }

    fn is_same(&self, other: &Cookie) -> bool {
        self.origin == other.origin && self.name == other.name && self.path == other.path
    }

    fn goes_to(&self, origin: &HostPort, path: &str) -> bool {
        self.origin == *origin
            && path
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }
}

/// The folder of a path.
fn default_path(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((folder, _)) if folder.starts_with('/') => folder,
        _ => "/",
    }
}

/// Is a cookie for `domain` one for `host`? An empty domain says nothing.
fn covers(domain: &str, host: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    domain.is_empty()
        || host == domain
        || (host.parse::<std::net::Ipv4Addr>().is_err()
            && host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')))
}

/// When `Max-Age` is over. One that is not a number says nothing.
fn until(seconds: &str, now: Timestamp) -> Option<Timestamp> {
    let digits = seconds.strip_prefix('-').unwrap_or(seconds);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = if seconds.starts_with('-') { 0 } else { seconds.parse().unwrap_or(i64::MAX) };
    if seconds == 0 {
        return Some(Timestamp::MIN);
    }
    Some(now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX))
}

/// A date as servers write it, by the rules of RFC 6265, section 5.1.1: `Wed, 21 Oct 2026 07:28:00 GMT`,
/// `Wednesday, 21-Oct-26 07:28:00 GMT`, `Wed Oct 21 07:28:00 2026`, …
fn date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':';
    for part in text.split(|c| !is_part(c)).filter(|part| !part.is_empty()) {
        let lower = part.to_ascii_lowercase();
        if time.is_none() && clock(part).is_some() {
            time = clock(part);
        } else if day.is_none()
            && let Some(number) = number(part, 1, 2)
        {
            day = Some(number);
        } else if month.is_none()
            && let Some(at) = MONTHS.iter().position(|name| lower.starts_with(name))
        {
            month = i8::try_from(at + 1).ok();
        } else if year.is_none()
            && let Some(number) = number(part, 2, 4)
        {
            year = Some(match number {
                70..=99 => number + 1900,
                0..=69 => number + 2000,
                _ => number,
            });
        }
    }
    let (hour, minute, second) = time?;
    let small = |number: i16| i8::try_from(number).ok();
    let at = DateTime::new(year?, month?, small(day?)?, small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    (at.year() >= 1601).then(|| TimeZone::UTC.to_timestamp(at).ok())?
}

/// `07:28:00`
fn clock(part: &str) -> Option<(i16, i16, i16)> {
    let mut fields = part.split(':');
    let clock = (number(fields.next()?, 1, 2)?, number(fields.next()?, 1, 2)?, number(fields.next()?, 1, 2)?);
    fields.next().is_none().then_some(clock)
}

/// A number of `least` to `most` digits.
fn number(digits: &str, least: usize, most: usize) -> Option<i16> {
    let fits = (least..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { digits.parse().ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn site() -> HostPort {
        HostPort { host: "app.example.com".to_owned(), port: 443 }
    }

    fn noon() -> Timestamp {
        "2026-10-21T12:00:00Z".parse().unwrap()
    }

    fn set(jar: &mut Jar, path: &str, cookie: &str) {
        jar.take(&site(), path, &[("set-cookie".to_owned(), cookie.to_owned())], noon());
    }

    fn sent(jar: &Jar, path: &str) -> String {
        jar.header(&site(), path, noon()).map(|header| header.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_set_cookie_line_is_read_as_browsers_do() {
        for (case, line, at) in [
            ("plain", "s=abc", "s=abc"),
            ("attributes", "s=abc; Path=/; Secure; HttpOnly; SameSite=Lax", "s=abc"),
            ("blanks", "  s  =  a b c  ; path = / ", "s=a b c"),
            ("quotes stay", "s=\"abc\"; Path=/", "s=\"abc\""),
            ("an equals sign in the value", "s=YWJj==", "s=YWJj=="),
            ("empty value", "s=", "s="),
            ("no equals sign", "abc", ""),
            ("no name", "=abc", ""),
            ("not ASCII", "s=ä", ""),
            ("a line break", "s=a\nb", ""),
            ("own domain", "s=abc; Domain=app.example.com", "s=abc"),
            ("parent domain", "s=abc; Domain=.EXAMPLE.com", "s=abc"),
            ("empty domain", "s=abc; Domain=", "s=abc"),
            ("another domain", "s=abc; Domain=other.example.com", ""),
            ("a longer domain", "s=abc; Domain=www.app.example.com", ""),
            ("part of a label", "s=abc; Domain=ample.com", ""),
            ("for years", "s=abc; Max-Age=31536000", "s=abc"),
            ("deleted by age", "s=abc; Max-Age=0", ""),
            ("deleted by negative age", "s=abc; Max-Age=-1", ""),
            ("age that is none", "s=abc; Max-Age=soon", "s=abc"),
            ("expired", "s=abc; Expires=Wed, 21 Oct 2026 11:59:59 GMT", ""),
            ("not yet", "s=abc; expires=Wed, 21-Oct-2026 12:00:01 GMT", "s=abc"),
            ("age beats date", "s=abc; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "s=abc"),
            ("a date that is none", "s=abc; Expires=never", "s=abc"),
        ] {
            let mut jar = Jar::default();
            set(&mut jar, "/login", line);
            assert_eq!(sent(&jar, "/login"), at, "{case}");
        }
    }

    #[test]
    fn a_cookie_goes_back_to_its_origin_and_path_only() {
        for (path, asked, goes) in [
            ("/", "/", true),
            ("/", "/api/users", true),
            ("/api", "/api", true),
            ("/api", "/api/users", true),
            ("/api/", "/api/users", true),
            ("/api", "/apiary", false),
            ("/api/", "/api", false),
            ("/api", "/", false),
            ("", "/auth/me", true),
            ("", "/other", false),
        ] {
            let mut jar = Jar::default();
            set(&mut jar, "/auth/login", &format!("s=1; Path={path}"));
            assert_eq!(!sent(&jar, asked).is_empty(), goes, "{path} {asked}");
        }
        let mut jar = Jar::default();
        set(&mut jar, "/", "s=1; Domain=example.com");
        for (host, port) in [("example.com", 443), ("www.example.com", 443), ("app.example.com", 8443)] {
            assert!(jar.header(&HostPort { host: host.to_owned(), port }, "/", noon()).is_none(), "{host}:{port}");
        }
    }

    #[test]
    fn longer_paths_come_first_then_older_cookies() {
        let mut jar = Jar::default();
        for cookie in ["a=1; Path=/", "b=2; Path=/api", "c=3; Path=/", "a=4; Path=/"] {
            set(&mut jar, "/", cookie);
        }
        assert_eq!(sent(&jar, "/api/users"), "b=2; a=4; c=3");
        set(&mut jar, "/", "a=; Path=/; Max-Age=0");
        assert_eq!(sent(&jar, "/api/users"), "b=2; c=3");
    }

    #[test]
    fn a_jar_is_bounded() {
        let mut jar = Jar::default();
        set(&mut jar, "/", &format!("s={}", "x".repeat(MOST_BYTES)));
        assert_eq!(sent(&jar, "/"), "");
        for at in 0..MOST + 10 {
            set(&mut jar, "/", &format!("s{at}=1"));
        }
        assert_eq!(jar.cookies.len(), MOST);
        assert!(sent(&jar, "/").starts_with("s10=1; "));
    }

    #[test]
    fn values_that_could_be_credentials_are_lent_for_redaction() {
        let mut jar = Jar::default();
        for cookie in ["lang=en", "session=\"0123456789abcdef\"", "id=12345678"] {
            set(&mut jar, "/", cookie);
        }
        assert_eq!(jar.values(), ["0123456789abcdef", "12345678"]);
    }

    #[test]
    fn dates_are_read_in_the_forms_that_servers_write() {
        for text in [
            "Wed, 21 Oct 2026 07:28:00 GMT",
            "Wednesday, 21-Oct-26 07:28:00 GMT",
            "Wed Oct 21 07:28:00 2026",
            "21 october 2026 7:28:0",
        ] {
            assert_eq!(date(text).map(|at| at.to_string()).as_deref(), Some("2026-10-21T07:28:00Z"), "{text}");
        }
        for text in [
            "",
            "never",
            "Wed, 21 Oct 2026",
            "Wed, 32 Oct 2026 07:28:00 GMT",
            "21 Oct 2026 24:00:00",
            "21 Oct 1600 00:00:00",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_survived_and_what_is_sent_is_a_header_value(line in "\\PC*|[ -~]*", path in "(/[a-z;=]*){0,3}") {
            let mut jar = Jar::default();
            set(&mut jar, &path, &line);
            if let Some(header) = jar.header(&site(), &path, noon()) {
                prop_assert!(http::HeaderValue::from_str(&header).is_ok());
            }
        }
    }
}
