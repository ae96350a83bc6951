//! The check of a server's certificates, which a run makes once and not for each of its connections.
//!
//! Whether certificates lead from a name to a trusted root depends on the name, the certificates, the roots and the time, and on nothing
//! else. A run, and more so a batch, opens many connections to one server within seconds, and is shown the same bytes on each. That the
//! server has the key is another question: it is asked on every connection, by the signature of the handshake.

use super::client::SetupError;
use super::identity::Pins;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// For how long the answer holds.
const FRESH: Duration = Duration::from_secs(60);
/// How many answers are kept: a page has few origins, and a service few machines.
const KEPT: usize = 8;

/// The TLS library's check against one set of roots, and the public keys that the policy demands.
#[derive(Debug)]
pub(super) struct Chains {
    check: Arc<WebPkiServerVerifier>,
    pins: Option<Pins>,
    trusted: Mutex<VecDeque<Trusted>>,
}

/// Certificates that were found to be those of `name`.
#[derive(Debug)]
struct Trusted {
    name: ServerName<'static>,
    /// The server's own first, in the order in which they came.
    certificates: Vec<CertificateDer<'static>>,
    since: UnixTime,
}

impl Chains {
    /// Against these roots; and then `pins`, which are compared each time.
    pub(super) fn of(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        pins: Option<Pins>,
    ) -> Result<Chains, SetupError> {
        let check = WebPkiServerVerifier::builder_with_provider(roots, provider);
        let check = check.build().map_err(|error| SetupError::Tls(error.to_string()))?;
        Ok(Chains { check, pins, trusted: Mutex::default() })
    }

    /// Whether these very certificates were found to be those of `name` a moment ago.
    fn was_trusted(
        &self,
        name: &ServerName<'_>,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> bool {
        self.kept().iter().any(|trusted| trusted.is(name, own, others, now))
    }

    fn keep(&self, trusted: Trusted) {
        let mut kept = self.kept();
        kept.truncate(KEPT - 1);
        kept.push_front(trusted);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Trusted>> {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trusted {
    fn is(
        &self,
        name: &ServerName<'_>,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> bool {
        let age = now.as_secs().checked_sub(self.since.as_secs());
        age.is_some_and(|age| age < FRESH.as_secs())
            && self.name == *name
            && self.certificates.iter().eq(std::iter::once(own).chain(others))
    }
}

impl ServerCertVerifier for Chains {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.was_trusted(server_name, end_entity, intermediates, now) {
            self.check.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
            let certificates = std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned());
            self.keep(Trusted { name: server_name.to_owned(), certificates: certificates.collect(), since: now });
        }
        self.pins.as_ref().map_or(Ok(()), |pins| pins.admit(end_entity, server_name))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.check.supported_verify_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use rustls::CertificateError;

    struct Authority {
        issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
        certificate: CertificateDer<'static>,
    }

    impl Authority {
        fn new() -> Authority {
            let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap().der().clone();
            Authority { issuer: rcgen::Issuer::new(params, key), certificate }
        }

        /// A certificate for this name, valid in all of 2030.
        fn server(&self, name: &str) -> CertificateDer<'static> {
            let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            (params.not_before, params.not_after) =
                (rcgen::date_time_ymd(2030, 1, 1), rcgen::date_time_ymd(2031, 1, 1));
            let key = rcgen::KeyPair::generate().unwrap();
            params.signed_by(&key, &self.issuer).unwrap().der().clone()
        }

        fn chains(&self) -> Chains {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).unwrap();
            Chains::of(Arc::new(roots), Arc::new(rustls::crypto::ring::default_provider()), None).unwrap()
        }
    }

    const MIDDLE_OF_2030: u64 = 1_909_000_000;

    fn check(
        chains: &Chains,
        name: &str,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        at: u64,
    ) -> Result<(), CertificateError> {
        let (name, at) = (ServerName::try_from(name).unwrap(), UnixTime::since_unix_epoch(Duration::from_secs(at)));
        match chains.verify_server_cert(own, others, &name, &[], at) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(why)) => Err(why),
            Err(other) => unreachable!("{other}"),
        }
    }

    fn kept(chains: &Chains) -> usize {
        chains.kept().len()
    }

    #[test]
    fn what_was_trusted_is_trusted_again_and_only_that() {
        let authority = Authority::new();
        let chains = authority.chains();
        let (own, other) = (authority.server("a.test"), authority.server("a.test"));
        let forged = Authority::new().server("a.test");
        for round in 0..2 {
            assert_eq!(check(&chains, "a.test", &own, &[], MIDDLE_OF_2030), Ok(()));
            assert_eq!(kept(&chains), 1, "round {round}");
            let elsewhere = check(&chains, "b.test", &own, &[], MIDDLE_OF_2030).unwrap_err();
            assert!(matches!(elsewhere, CertificateError::NotValidForNameContext { .. }), "{elsewhere:?}");
            // An authority of the same name, which is another one.
            for behind in [&[][..], std::slice::from_ref(&own)] {
                let forged = check(&chains, "a.test", &forged, behind, MIDDLE_OF_2030);
                assert_eq!(forged, Err(CertificateError::BadSignature));
            }
        }
        // Another certificate of the same name, and the same one with another beside it, are checked for themselves.
        assert_eq!(check(&chains, "a.test", &other, &[], MIDDLE_OF_2030), Ok(()));
        assert_eq!(check(&chains, "a.test", &own, &[other], MIDDLE_OF_2030), Ok(()));
        assert_eq!(kept(&chains), 3);
    }

    #[test]
    fn after_a_minute_or_before_it_the_certificates_are_checked_anew() {
        let authority = Authority::new();
        let chains = authority.chains();
        let own = authority.server("a.test");
        let end_of_2030 = 1_924_991_999;
        assert_eq!(check(&chains, "a.test", &own, &[], end_of_2030 - 10), Ok(()));
        let expired = check(&chains, "a.test", &own, &[], end_of_2030 + 60).unwrap_err();
        assert!(matches!(expired, CertificateError::ExpiredContext { .. }), "{expired:?}");
        // A clock that was set back says nothing about the time before.
        let early = check(&chains, "a.test", &own, &[], MIDDLE_OF_2030 - 31_536_000).unwrap_err();
        assert!(matches!(early, CertificateError::NotValidYetContext { .. }), "{early:?}");
    }

    #[test]
    fn no_more_is_kept_than_a_run_has_origins() {
        let authority = Authority::new();
        let chains = authority.chains();
        for _ in 0..2 * KEPT {
            assert_eq!(check(&chains, "a.test", &authority.server("a.test"), &[], MIDDLE_OF_2030), Ok(()));
        }
        assert_eq!(kept(&chains), KEPT);
    }
}
