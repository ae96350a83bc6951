//! Hosts as operators write them: exact, `host` or `host:port`, and nothing else.
//!
//! | written | is |
//! | --- | --- |
//! | `acme.okta.com` | that name, port 443 |
//! | `acme.okta.com:8443` | that name and port |
//! | `10.20.30.40`, `[fd00::1]:8443` | that address, in its usual form |
//!
//! Upper case is lowered. There are no wildcards: a wildcard would let whoever edits a vault record choose another
//! tenant of the same provider.

use std::fmt;

/// An exact `host[:port]`; 443 unless written. Lower case, no wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// The host: a name or a literal address (IPv6 in brackets).
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => f.write_str(&self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

/// Why a text is no host: what it is instead, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostMistake {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

impl HostPort {
    /// Reads `host[:port]`.
    pub fn parse(text: &str) -> Result<HostPort, HostMistake> {
        shape(text)?;
        let (host, port) = split(text)?;
        let port = match port {
            None => 443,
            Some(port) => number(port)?,
        };
        Ok(HostPort { host: host_name(host)?, port })
    }
}

fn mistake<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, HostMistake> {
    Err(HostMistake { message: message.into(), hint: hint.into() })
}

/// Everything that is more, or something else, than a host.
fn shape(text: &str) -> Result<(), HostMistake> {
    let exact = "write the exact host, such as `acme.okta.com` or `acme.example:8443`";
    if text.is_empty() {
        return mistake("this host is empty", exact);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let hint = match HostPort::parse(host) {
            Ok(host) => format!("write `{host}`; it is always https"),
            Err(_) => exact.to_owned(),
        };
        return mistake(format!("a host is written without a scheme (`{scheme}://`)"), hint);
    }
    if text.contains('*') {
        return mistake(
            "wildcards are not allowed in hosts: whoever edits the vault record could send secrets to another tenant",
            "list each host exactly",
        );
    }
    if text.contains(['/', '\\', '?', '#']) {
        let host = text.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let hint = match HostPort::parse(host) {
            Ok(host) => format!("write `{host}`; the page says which paths are used"),
            Err(_) => exact.to_owned(),
        };
        return mistake("a host is written without a path", hint);
    }
    if text.contains('@') {
        return mistake("a host is written without a user (`@`)", exact);
    }
    if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return mistake("there are blanks or control characters in this host", exact);
    }
    Ok(())
}

fn split(text: &str) -> Result<(&str, Option<&str>), HostMistake> {
    if text.starts_with('[') {
        return match text.find(']') {
            None => mistake("a bracket is not closed", "write `[fd00::1]` or `[fd00::1]:8443`"),
            Some(end) => {
                let (host, rest) = text.split_at(end + 1);
                match rest.strip_prefix(':') {
                    Some(port) => Ok((host, Some(port))),
                    None if rest.is_empty() => Ok((host, None)),
                    None => mistake("something follows the bracket", "write `[fd00::1]` or `[fd00::1]:8443`"),
                }
            }
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, rest)) if rest.contains(':') => {
            mistake("an IPv6 address is written in brackets", format!("write `[{text}]` or `[…]:8443`"))
        }
        Some((host, port)) => Ok((host, Some(port))),
    }
}

fn number(port: &str) -> Result<u16, HostMistake> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    match port.parse() {
        Ok(port) if digits => Ok(port),
        _ => mistake(
            format!("`{port}` is no port"),
            "write a number from 1 to 65535 after the colon, or leave both out for 443",
        ),
    }
}

/// The host in the one form that the URL parser gives it too.
fn host_name(host: &str) -> Result<String, HostMistake> {
    let lower = host.to_ascii_lowercase();
    let parsed = match url::Host::parse(&lower) {
        Ok(parsed) => parsed.to_string(),
        Err(_) => {
            return mistake("this is no host name and no address", "write the exact host, such as `acme.okta.com`");
        }
    };
    if lower.ends_with('.') {
        let hint = format!("write `{}`", lower.trim_end_matches('.'));
        return mistake("a host is written without the dot at its end", hint);
    }
    if parsed != lower {
        let message = if lower.is_ascii() {
            "this is not the usual form of that host"
        } else {
            "a host with other letters than ASCII is written in its `xn--` form"
        };
        return mistake(message, format!("write `{parsed}`, if that is what you mean"));
    }
    let labels_fit = lower.len() <= 253 && lower.split('.').all(|label| !label.is_empty() && label.len() <= 63);
    if !lower.starts_with('[') && !labels_fit {
        return mistake("no host has a name like this", "write the exact host, such as `acme.okta.com`");
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_hosts_are_read_and_printed_again() {
        for (written, host, port, printed) in [
            ("acme.okta.com", "acme.okta.com", 443, "acme.okta.com"),
            ("ACME.Okta.com:443", "acme.okta.com", 443, "acme.okta.com"),
            ("gitlab:8443", "gitlab", 8443, "gitlab:8443"),
            ("under_score.example:65535", "under_score.example", 65535, "under_score.example:65535"),
            ("127.0.0.1:1", "127.0.0.1", 1, "127.0.0.1:1"),
            ("[::1]:8443", "[::1]", 8443, "[::1]:8443"),
            ("[FD00::1]", "[fd00::1]", 443, "[fd00::1]"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", 443, "xn--bcher-kva.example"),
        ] {
            let parsed = HostPort::parse(written).unwrap();
            assert_eq!((parsed.host.as_str(), parsed.port), (host, port), "{written}");
            assert_eq!(parsed.to_string(), printed);
            assert_eq!(HostPort::parse(printed).unwrap(), parsed);
        }
    }

    #[test]
    fn each_mistake_has_its_own_hint() {
        for (written, message, hint) in [
            ("", "empty", "exact host"),
            ("https://acme.okta.com/", "without a scheme (`https://`)", "write `acme.okta.com`; it is always https"),
            ("http://acme.okta.com:8080/x", "without a scheme", "write `acme.okta.com:8080`"),
            ("*.okta.com", "wildcards are not allowed", "list each host exactly"),
            ("*", "wildcards", "list each"),
            ("https://*.okta.com", "without a scheme", "exact host"),
            ("acme.okta.com/api", "without a path", "write `acme.okta.com`"),
            ("acme.okta.com\\api", "without a path", "write `acme.okta.com`"),
            ("acme.okta.com?x", "without a path", "write `acme.okta.com`"),
            ("jo@acme.okta.com", "without a user", "exact host"),
            ("acme okta.com", "blanks", "exact host"),
            ("acme.okta.com\n", "blanks or control", "exact host"),
            ("acme.okta.com.", "without the dot", "write `acme.okta.com`"),
            ("acme.okta.com:", "no port", "65535"),
            ("acme.okta.com:0", "no port", "65535"),
            ("acme.okta.com:0443", "no port", "65535"),
            ("acme.okta.com:+443", "no port", "65535"),
            ("acme.okta.com:65536", "no port", "65535"),
            ("acme.okta.com:443:1", "in brackets", "[acme"),
            ("fd00::1", "in brackets", "write `[fd00::1]`"),
            ("[::1", "not closed", "[fd00::1]"),
            ("[::1]x", "follows the bracket", "[fd00::1]"),
            ("[fd00:0:0::1]", "not the usual form", "write `[fd00::1]`"),
            ("127.1", "not the usual form", "write `127.0.0.1`"),
            ("0x7f000001", "not the usual form", "write `127.0.0.1`"),
            ("2130706433", "not the usual form", "write `127.0.0.1`"),
            ("bücher.example", "`xn--` form", "write `xn--bcher-kva.example`"),
            ("１２７.0.0.1", "`xn--` form", "write `127.0.0.1`"),
            ("acme%2eexample.test", "not the usual form", "write `acme.example.test`"),
            ("acme..test", "no host has a name like this", "exact host"),
            ("[fe80::1%25eth0]", "no host name and no address", "exact host"),
            ("a^b", "no host name", "exact host"),
        ] {
            let found = HostPort::parse(written).unwrap_err();
            assert!(found.message.contains(message), "{written}: {}", found.message);
            assert!(found.hint.contains(hint), "{written}: {}", found.hint);
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_a_url_parser_sees(text in "[-a-z0-9._:%@/\\\\*\\[\\]A-Zé]{1,16}") {
            if let Ok(host) = HostPort::parse(&text) {
                let url = url::Url::parse(&format!("https://{host}/")).unwrap();
                prop_assert_eq!(url.host_str(), Some(host.host.as_str()));
                prop_assert_eq!(url.port_or_known_default(), Some(host.port));
                prop_assert_eq!(HostPort::parse(&host.to_string()), Ok(host));
            }
        }
    }
}
