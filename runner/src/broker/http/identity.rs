//! TLS towards one origin where the policy demands more of it: a pinned public key, a certificate of our own.

use super::chains::Chains;
use super::client::SetupError;
use crate::policy::file::HostPort;
use crate::policy::tls::{ClientPems, Demands, Pin};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, OtherError, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;
use zeroize::Zeroize as _;

/// Why a client certificate of a vault record cannot be used. Holds nothing of either text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadClientCertificate {
    /// No certificate in PEM form.
    #[error("the certificate's field holds none in PEM form; put it in as the file has it, line breaks included")]
    NoCertificate,
    /// No key in PEM form.
    #[error(
        "the key's field holds no private key in PEM form without a passphrase; put it in as the file has it, line breaks included, \
         after `openssl pkey -in key.pem`"
    )]
    NoKey,
    /// A kind of key that TLS here cannot use.
    #[error(
        "this kind of private key cannot be used; use RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519"
    )]
    UnknownKey,
    /// They do not belong together.
    #[error(
        "the private key is not that of the certificate; put the leaf certificate first, and its own key beside it"
    )]
    OtherKey,
}

/// The settings for `origin`: as `common`, and what the policy demands. `beside` is the host of a proxy that is itself reached by TLS.
pub(super) fn towards(
    origin: &HostPort,
    demands: &Demands,
    common: &ClientConfig,
    roots: &Arc<RootCertStore>,
    beside: Option<&HostPort>,
) -> Result<ClientConfig, SetupError> {
    let mut config = common.clone();
    if !demands.pins.is_empty() {
        // Only a name that is surely another one is left to the usual check.
        let proxy = beside.filter(|proxy| proxy.host != origin.host).and_then(|proxy| name(&proxy.host));
        let pins = Pins { pins: demands.pins.clone(), proxy };
        let chains = Chains::of(Arc::clone(roots), Arc::clone(common.crypto_provider()), Some(pins))?;
        config.dangerous().set_certificate_verifier(Arc::new(chains));
    }
    if let Some(client) = &demands.client {
        if beside.is_some() {
            return Err(SetupError::ClientCertificateBehindTlsProxy { origin: origin.clone() });
        }
        let certified =
            certified(client).map_err(|why| SetupError::ClientCertificate { origin: origin.clone(), why })?;
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    }
    Ok(config)
}

fn name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).ok()
}

/// The key's decoded form is wiped; the TLS library keeps one of its own for as long as the run lasts.
fn certified(client: &ClientPems) -> Result<CertifiedKey, BadClientCertificate> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(client.certificate.lend().as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(BadClientCertificate::NoCertificate)?;
    let mut der =
        PrivateKeyDer::from_pem_slice(client.key.lend().as_bytes()).map_err(|_| BadClientCertificate::NoKey)?;
    let key = any_supported_type(&der);
    der.zeroize();
    let certified = CertifiedKey::new(chain, key.map_err(|_| BadClientCertificate::UnknownKey)?);
    certified.keys_match().map_err(|_| BadClientCertificate::OtherKey)?;
    Ok(certified)
}

/// Which public keys the server may have, whatever its certificates say.
#[derive(Debug)]
pub(super) struct Pins {
    pins: Vec<Pin>,
    /// A proxy that stands between has a certificate of its own.
    proxy: Option<ServerName<'static>>,
}

impl Pins {
    /// An error if the key in this certificate, which is that of `server_name`, is none of them.
    pub(super) fn admit(
        &self,
        certificate: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
    ) -> Result<(), rustls::Error> {
        if self.proxy.as_ref().is_some_and(|proxy| proxy == server_name) {
            return Ok(());
        }
        let found = Pin::of_key(&ParsedCertificate::try_from(certificate)?.subject_public_key_info());
        if self.pins.contains(&found) {
            Ok(())
        } else {
            Err(CertificateError::Other(OtherError(Arc::new(NotPinned { found }))).into())
        }
    }
}

/// The server's public key is none of those that the policy pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the public key {found} is not pinned")]
pub(super) struct NotPinned {
    /// The one that it has.
    pub(super) found: Pin,
}
