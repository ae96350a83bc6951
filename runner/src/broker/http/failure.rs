//! What a failure says about the request: the ledger's ground truth.
//!
//! Nothing was sent as long as no connection was ready: look-up, TCP, the proxy's answer and the TLS handshake come
//! first. From then on bytes count as sent, also where perhaps none were. The texts are ours: what the libraries say may
//! hold URLs.

use super::client::{CONNECT, SILENCE};
use super::identity::NotPinned;
use super::resolve::ResolveError;
use crate::policy::file::HostPort;
use crate::policy::tls::Pin;
use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Why there is no answer. Texts name host and stage, never URL, query, header or body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nothing was sent.
    #[error("nothing was sent: {0}")]
    NotSent(NotSent),
    /// Bytes left, or may have, but no whole answer came back.
    #[error("no whole answer: {0}")]
    NoAnswer(NoAnswer),
    /// The deadline passed; `sent` says whether bytes may have left.
    #[error("out of time")]
    OutOfTime {
        /// Whether bytes may have left.
        sent: bool,
    },
}

/// Why nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The host may not be dialled, or has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The request is not one that may stand on the wire.
    #[error("the request cannot be sent: {0}")]
    Request(&'static str),
    /// No connection.
    #[error("`{host}` cannot be connected to: {why}")]
    Connect {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// No connection through the operator's proxy.
    #[error(
        "`{host}` cannot be connected to through the proxy `{}:{}`: {why}. Look at `proxy` in [network] of rotabox.toml",
        .proxy.host, .proxy.port
    )]
    Proxy {
        /// The host.
        host: String,
        /// The proxy.
        proxy: HostPort,
        /// Why.
        why: String,
    },
    /// The TLS handshake failed.
    #[error("`{host}` is not trusted: {why}")]
    Tls {
        /// The host.
        host: String,
        /// Why, and what to do.
        why: TlsReason,
    },
}

/// Why a TLS handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsReason {
    /// Not signed by an authority that is trusted.
    UnknownAuthority,
    /// For another name.
    OtherName,
    /// No longer valid.
    Expired,
    /// Not valid yet.
    NotYetValid,
    /// Revoked.
    Revoked,
    /// Its public key is none of those that the policy pins.
    NotPinned {
        /// The one that it has.
        found: Pin,
    },
    /// Otherwise not a usable certificate of a server.
    BadCertificate,
    /// No common version of TLS, or of anything in it.
    NotCompatible,
    /// The server says that it refuses us.
    RefusedByServer,
    /// It does not speak TLS.
    NotTls,
}

impl fmt::Display for TlsReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            TlsReason::NotPinned { found } => {
                return write!(
                    f,
                    "its public key is {found}, which is not among `pins` of the policy. Ask the provider whether it has a new \
                     key before you add it"
                );
            }
            TlsReason::UnknownAuthority => {
                "its certificate is signed by an unknown authority. If it is your own, name its file as `ca` in \
                 [network] of rotabox.toml"
            }
            TlsReason::OtherName => {
                "its certificate is for another name. Use the name that the certificate has, or renew the certificate"
            }
            TlsReason::Expired => "its certificate is expired. Renew it, or check the clock of this machine",
            TlsReason::NotYetValid => "its certificate is not valid yet. Check the clock of this machine",
            TlsReason::Revoked => "its certificate is revoked. Ask its owner",
            TlsReason::BadCertificate => {
                "its certificate is not one of a server. Give it one made for servers, signed by an authority"
            }
            TlsReason::NotCompatible => {
                "it offers no version of TLS that is safe. Allow TLS 1.2 or 1.3 with a current cipher on the server"
            }
            TlsReason::RefusedByServer => "it ended the TLS handshake. Look into the server's log",
            TlsReason::NotTls => "it does not speak TLS on this port. Use its https port",
        };
        f.write_str(words)
    }
}

/// Why there is no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The connection ended before the answer did.
    #[error("the connection was closed before the answer was complete")]
    Closed,
    /// Silence for as long as a server may be silent.
    #[error("the server was silent for {seconds} seconds")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// Not HTTP, or too many header lines.
    #[error("the answer is not HTTP/1.1 as it should be")]
    Malformed,
    /// The body is larger than the operator allows.
    #[error("the answer is larger than {cap} bytes. Raise `answer` in [limits] of the policy if that is right")]
    TooLarge {
        /// The operator's limit.
        cap: usize,
    },
    /// The head is too large.
    #[error("the headers of the answer are larger than {cap} bytes")]
    HeadersTooLarge {
        /// The limit.
        cap: usize,
    },
    /// Compressed although we asked for no coding.
    #[error("the answer is compressed although none was asked for")]
    Encoded,
    /// A signal ended the waiting.
    #[error("interrupted by a signal")]
    Interrupted,
    /// It came from an address that was not vetted: a bug of ours or a redirected connection.
    #[error("the answer came from an address that was not vetted")]
    OtherPeer,
}

impl NotSent {
    /// May a second try end otherwise? What rules or certificates refuse stays refused.
    pub fn may_pass(&self) -> bool {
        match self {
            NotSent::Connect { .. } | NotSent::Proxy { .. } => true,
            NotSent::Resolve(why) => matches!(why, ResolveError::Failed { .. } | ResolveError::TooSlow { .. }),
            NotSent::Tls { why, .. } => matches!(why, TlsReason::RefusedByServer | TlsReason::NotTls),
            NotSent::Request(_) => false,
        }
    }
}

impl From<NotSent> for DialError {
    fn from(why: NotSent) -> Self {
        DialError::NotSent(why)
    }
}

impl From<ResolveError> for DialError {
    fn from(why: ResolveError) -> Self {
        DialError::NotSent(NotSent::Resolve(why))
    }
}

impl DialError {
    /// A failure before the answer's head. `reached`: a connection was ready at some time, which is enough to doubt.
    pub(super) fn of(error: &reqwest::Error, host: &str, proxy: Option<&HostPort>, reached: bool) -> DialError {
        if reached {
            return DialError::NoAnswer(NoAnswer::of(error));
        }
        let host = host.to_owned();
        DialError::NotSent(match (TlsReason::of(error), proxy) {
            (Some(why), _) => NotSent::Tls { host, why },
            (None, None) => NotSent::Connect { host, why: connect_reason(error) },
            (None, Some(proxy)) => NotSent::Proxy { host, proxy: proxy.clone(), why: proxy_reason(error) },
        })
    }
}

impl NoAnswer {
    /// A failure after a connection was ready.
    pub(super) fn of(error: &reqwest::Error) -> NoAnswer {
        if error.is_timeout() {
            return NoAnswer::Silent { seconds: SILENCE.as_secs() };
        }
        if causes(error).any(is_malformed) { NoAnswer::Malformed } else { NoAnswer::Closed }
    }
}

impl TlsReason {
    fn of(error: &reqwest::Error) -> Option<TlsReason> {
        let error = causes(error).find_map(|cause| cause.downcast_ref())?;
        Some(match error {
            rustls::Error::InvalidCertificate(certificate) => TlsReason::of_certificate(certificate),
            rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion)
            | rustls::Error::PeerIncompatible(_) => TlsReason::NotCompatible,
            rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure) => TlsReason::NotCompatible,
            rustls::Error::AlertReceived(_) => TlsReason::RefusedByServer,
            rustls::Error::NoCertificatesPresented => TlsReason::BadCertificate,
            _ => TlsReason::NotTls,
        })
    }

    fn of_certificate(error: &rustls::CertificateError) -> TlsReason {
        use rustls::CertificateError as Bad;
        match error {
            Bad::UnknownIssuer | Bad::BadSignature => TlsReason::UnknownAuthority,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsReason::OtherName,
            Bad::Expired | Bad::ExpiredContext { .. } => TlsReason::Expired,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => TlsReason::NotYetValid,
            Bad::Revoked => TlsReason::Revoked,
            Bad::Other(other) => match other.0.downcast_ref::<NotPinned>() {
                Some(NotPinned { found }) => TlsReason::NotPinned { found: *found },
                None => TlsReason::BadCertificate,
            },
            _ => TlsReason::BadCertificate,
        }
    }
}

fn connect_reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no connection within {} seconds", CONNECT.as_secs());
    }
    // The operating system's words only: "Connection refused (os error 111)".
    let io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).find(|io| io.raw_os_error().is_some());
    match io {
        Some(io) => io.to_string(),
        None => "the connection was closed while it was being set up".to_owned(),
    }
}

fn proxy_reason(error: &reqwest::Error) -> String {
    let says = |text: &str| causes(error).any(|cause| cause.to_string() == text);
    if says("tunnel error: proxy authorization required") {
        "it asks for a user and a password".to_owned()
    } else if says("tunnel error: unsuccessful") {
        "it refuses to connect to that host".to_owned()
    } else {
        connect_reason(error)
    }
}

/// Not HTTP: in the head, or between the chunks of the body.
fn is_malformed(cause: &(dyn StdError + 'static)) -> bool {
    let invalid = |io: &io::Error| matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
    cause.downcast_ref().is_some_and(hyper::Error::is_parse)
        || (cause.downcast_ref().is_some_and(invalid) && !beneath(cause).any(<dyn StdError>::is::<rustls::Error>))
}

/// All causes of an error, outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    error.source().into_iter().flat_map(beneath)
}

/// An error and all its causes.
fn beneath<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        // What travels inside an I/O error is not its source.
        Some(inner) => Some(inner),
        None => error.source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::http::addresses::{Refused, Special};
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn what_rules_or_certificates_refuse_is_not_tried_again() {
        let host = || "db.example".to_owned();
        let refused = Refused { address: IpAddr::V4(Ipv4Addr::LOCALHOST), is: Special::Loopback };
        for (why, passes) in [
            (NotSent::Resolve(ResolveError::Refused { host: host(), port: 443, refused }), false),
            (NotSent::Resolve(ResolveError::MetadataName(host())), false),
            (NotSent::Resolve(ResolveError::NotAllowed(HostPort { host: host(), port: 443 })), false),
            (NotSent::Resolve(ResolveError::Failed { host: host(), why: "try again".to_owned() }), true),
            (NotSent::Resolve(ResolveError::TooSlow { host: host(), seconds: 5 }), true),
            (NotSent::Tls { host: host(), why: TlsReason::UnknownAuthority }, false),
            (NotSent::Tls { host: host(), why: TlsReason::Expired }, false),
            (NotSent::Tls { host: host(), why: TlsReason::RefusedByServer }, true),
            (NotSent::Connect { host: host(), why: "refused".to_owned() }, true),
            (NotSent::Request("it is too long"), false),
        ] {
            assert_eq!(why.may_pass(), passes, "{why}");
        }
    }
}
