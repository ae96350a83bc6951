//! A private certificate authority: the stand-ins speak real TLS, and nothing on the machine is asked to trust them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::PublicKeyData as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A certificate authority that lives as long as the test.
pub struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A leaf certificate and its key, in PEM, for servers that read files.
pub struct Leaf {
    /// The certificate.
    pub cert_pem: String,
    /// Its private key, PKCS #8.
    pub key_pem: String,
}

impl Ca {
    /// A new authority with a fresh key.
    pub fn new() -> Ca {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "rotabox test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let cert = params.self_signed(&key).expect("a self-signed certificate");
        Ca { pem: cert.pem(), issuer: Issuer::new(params, key) }
    }

    /// The authority's certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes `ca.pem` into `folder` and returns its path.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, &self.pem).expect("ca.pem can be written");
        path
    }

    /// A leaf for `names`: DNS names or IP addresses.
    pub fn leaf(&self, names: &[&str]) -> Leaf {
        let (cert, key) = self.sign(names, |_| ());
        Leaf { cert_pem: cert.pem(), key_pem: key.serialize_pem() }
    }

    /// A certificate that a client shows, and its key.
    pub fn client(&self, name: &str) -> Leaf {
        let (cert, key) =
            self.sign(&[name], |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
        Leaf { cert_pem: cert.pem(), key_pem: key.serialize_pem() }
    }

    /// A TLS server's configuration that takes no client without a certificate of this authority.
    pub fn server_of_known_clients(&self, names: &[&str]) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM")).expect("the authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().expect("a verifier");
        let (cert, key) = self.sign(names, |_| ());
        configured(|builder| builder.with_client_cert_verifier(verifier), &cert, &key)
    }

    /// A TLS server's configuration, and the digest of its public key as policies pin it.
    pub fn pinned_server(&self, names: &[&str]) -> (Arc<ServerConfig>, String) {
        let (cert, key) = self.sign(names, |_| ());
        let pin = format!("sha256/{}", STANDARD.encode(Sha256::digest(key.subject_public_key_info())));
        (configured(|builder| builder.with_no_client_auth(), &cert, &key), pin)
    }

    /// A TLS server's configuration with a leaf for `names`.
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.server_with(names, |_| ())
    }

    /// The same with a certificate that ended in the year 2000.
    pub fn expired_server(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.server_with(names, |params| {
            params.not_before = rcgen::date_time_ymd(1999, 1, 1);
            params.not_after = rcgen::date_time_ymd(2000, 1, 1);
        })
    }

    fn server_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let (cert, key) = self.sign(names, change);
        configured(|builder| builder.with_no_client_auth(), &cert, &key)
    }

    fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of a certificate");
        params.distinguished_name.push(DnType::CommonName, "rotabox stand-in");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let cert = params.signed_by(&key, &self.issuer).expect("a signed certificate");
        (cert, key)
    }
}

type Builder<State> = rustls::ConfigBuilder<ServerConfig, State>;

fn configured(
    clients: impl FnOnce(Builder<rustls::WantsVerifier>) -> Builder<rustls::server::WantsServerCert>,
    cert: &rcgen::Certificate,
    key: &KeyPair,
) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        clients(builder).with_single_cert(vec![cert.der().clone()], key).expect("the key fits the certificate");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

impl Default for Ca {
    fn default() -> Ca {
        Ca::new()
    }
}
