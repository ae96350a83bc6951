//! TLS and the client: everything that could be chosen is chosen here, and nothing is taken from the environment.
//!
//! One client is made for one origin, with the addresses that were vetted for it. It cannot look anything up, follows
//! nothing, repeats nothing, and keeps at most one connection.

use super::chains::Chains;
use super::connector::Reached;
use super::identity::{self, BadClientCertificate};
use crate::page::secret::Secret;
use crate::policy::file::HostPort;
use crate::policy::host::{HostFile, Roots};
use crate::policy::tls::ByOrigin;
use reqwest::dns::{Name, Resolve, Resolving};
use rustls::client::Resumption;
use rustls::{CipherSuite, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long connecting may take: TCP, the proxy's answer and the TLS handshake together.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long a name may take to look up. glibc gives up after 5 to 30 seconds, by its own settings.
pub const LOOKUP: Duration = Duration::from_secs(10);
/// How long a server may be silent. Directories behind an API can take most of a minute to change a password, and giving
/// up earlier would leave the outcome in doubt.
pub const SILENCE: Duration = Duration::from_secs(60);
/// Most header lines of an answer. Real ones have below 60.
pub const HEADER_LINES: usize = 100;

/// The bundle file of the system, where distributions keep it: Debian, Fedora, openSUSE, RHEL, Alpine.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why TLS or the proxy cannot be set up. Nothing was dialled.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A certificate file cannot be read.
    #[error("the certificates of {} cannot be read: {why}. {fix}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
        /// What to do.
        fix: &'static str,
    },
    /// A certificate file has none.
    #[error("{} holds no certificate in PEM form. {fix}", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What to do.
        fix: &'static str,
    },
    /// The system has no bundle file where one is expected.
    #[error("this system has no certificate bundle file. Write `roots = \"bundled\"` in [network] of rotabox.toml")]
    NoSystemBundle,
    /// Nothing would be trusted.
    #[error(
        "`roots = \"none\"` without `ca` trusts nobody. Name a certificate file as `ca` in [network] of rotabox.toml"
    )]
    NoRoots,
    /// The proxy's URL is not one.
    #[error("the proxy is not usable: {0}. Write `proxy = \"http://host:port\"` in [network] of rotabox.toml")]
    Proxy(&'static str),
    /// A record's client certificate cannot be used.
    #[error("the client certificate for `{origin}` cannot be used: {why}")]
    ClientCertificate {
        /// The host of the record's URL.
        origin: HostPort,
        /// Why.
        why: BadClientCertificate,
    },
    /// A proxy that is reached by TLS could be shown the certificate in the server's place.
    #[error(
        "the client certificate for `{origin}` is not shown through a proxy that is reached by TLS, which could ask for it itself. \
         Write `proxy = \"http://host:port\"` in [network] of rotabox.toml"
    )]
    ClientCertificateBehindTlsProxy {
        /// The host of the record's URL.
        origin: HostPort,
    },
    /// The TLS library refuses the settings: a bug of ours.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Whom to trust, and through which proxy: read once, before the process gives up its files.
#[derive(Clone)]
pub struct Trust {
    tls: Arc<ClientConfig>,
    /// For the origins of which the policy demands more.
    towards: BTreeMap<HostPort, Arc<ClientConfig>>,
    roots: Arc<RootCertStore>,
    proxy: Option<Arc<Proxy>>,
}

/// The operator's proxy.
struct Proxy {
    /// Where it is.
    at: HostPort,
    /// It is reached by TLS itself.
    tls: bool,
    /// Its URL, which may hold a password.
    url: Secret,
}

impl Trust {
    /// Reads what the operator's file for the host names.
    pub fn load(host: &HostFile) -> Result<Trust, SetupError> {
        let roots = Arc::new(roots(host)?);
        Ok(Trust {
            tls: Arc::new(tls(Arc::clone(&roots))?),
            towards: BTreeMap::new(),
            roots,
            proxy: host.proxy.as_ref().map(proxy).transpose()?.map(Arc::new),
        })
    }

    /// The same, and what a policy demands of single origins.
    pub fn towards(mut self, demands: &ByOrigin) -> Result<Trust, SetupError> {
        let proxy = self.proxy.as_ref().filter(|proxy| proxy.tls).map(|proxy| &proxy.at);
        let towards = demands.iter().map(|(origin, demands)| {
            let config = identity::towards(origin, demands, &self.tls, &self.roots, proxy)?;
            Ok((origin.clone(), Arc::new(config)))
        });
        self.towards = towards.collect::<Result<_, SetupError>>()?;
        Ok(self)
    }

    /// How many root certificates are trusted.
    pub fn roots(&self) -> usize {
        self.roots.len()
    }

    /// The proxy's host and port.
    pub fn proxy(&self) -> Option<&HostPort> {
        self.proxy.as_ref().map(|proxy| &proxy.at)
    }

    /// A client that can only dial `addresses`: those of `origin`, or of the proxy.
    pub(super) fn client(
        &self,
        origin: &HostPort,
        addresses: &[SocketAddr],
        reached: &Reached,
    ) -> Result<reqwest::Client, reqwest::Error> {
        self.builder(origin, addresses)?.connector_layer(reached.clone()).build()
    }

    /// Another one, which sends nothing: it opens a connection for the client with the same `reached`.
    pub(super) fn opener(
        &self,
        origin: &HostPort,
        addresses: &[SocketAddr],
        reached: &Reached,
    ) -> Result<reqwest::Client, reqwest::Error> {
        self.builder(origin, addresses)?.connector_layer(reached.opener()).build()
    }

    fn builder(&self, origin: &HostPort, addresses: &[SocketAddr]) -> Result<reqwest::ClientBuilder, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(HEADER_LINES)
            .https_only(true)
            .pool_max_idle_per_host(1)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("rotabox/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured((**self.towards.get(origin).unwrap_or(&self.tls)).clone())
            .dns_resolver(Arc::new(NoLookup));
        let dialled = match &self.proxy {
            None => &origin.host,
            Some(proxy) => {
                builder = builder.proxy(reqwest::Proxy::all(proxy.url.lend())?);
                &proxy.at.host
            }
        };
        Ok(builder.resolve_to_addrs(dialled, addresses))
    }
}

fn proxy(url: &url::Url) -> Result<Proxy, SetupError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SetupError::Proxy("only http:// and https:// proxies can be used"));
    }
    let host = url.host_str().ok_or(SetupError::Proxy("its URL names no host"))?.to_owned();
    let port = url.port_or_known_default().ok_or(SetupError::Proxy("its URL names no port"))?;
    Ok(Proxy { at: HostPort { host, port }, tls: url.scheme() == "https", url: Secret::new("proxy", url.to_string()) })
}

fn roots(host: &HostFile) -> Result<RootCertStore, SetupError> {
    let mut store = RootCertStore::empty();
    match host.roots {
        Roots::Bundled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::System => {
            let path =
                SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists()).ok_or(SetupError::NoSystemBundle)?;
            const FIX: &str = "Repair it, or write `roots = \"bundled\"` in [network] of rotabox.toml";
            // Distributions keep certificates that the TLS library cannot use: those are left out.
            if store.add_parsable_certificates(certificates(path, FIX)?).0 == 0 {
                return Err(SetupError::Empty { path: path.to_owned(), fix: FIX });
            }
        }
        Roots::None if host.ca.is_none() => return Err(SetupError::NoRoots),
        Roots::None => {}
    }
    if let Some(path) = &host.ca {
        const FIX: &str = "`ca` in [network] of rotabox.toml names it";
        for certificate in certificates(path, FIX)? {
            store.add(certificate).map_err(|error| SetupError::Unreadable {
                path: path.clone(),
                why: error.to_string(),
                fix: FIX,
            })?;
        }
    }
    Ok(store)
}

/// All certificates of a PEM file.
fn certificates(path: &Path, fix: &'static str) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let unreadable = |why: String| SetupError::Unreadable { path: path.to_owned(), why, fix };
    let pem = bundle(path).map_err(|error| unreadable(error.to_string()))?;
    let found = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(error.to_string()))?;
    if found.is_empty() {
        return Err(SetupError::Empty { path: path.to_owned(), fix });
    }
    Ok(found)
}

/// Most bytes of a file of certificates. The bundles of distributions have some 250 KB.
const BUNDLE_BYTES: u64 = 8 * 1024 * 1024;

/// The bytes of a plain file: a pipe or a device could keep the run waiting beyond its deadline, or fill its memory.
fn bundle(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no plain file"));
    }
    let mut pem = Vec::new();
    file.take(BUNDLE_BYTES).read_to_end(&mut pem)?;
    if u64::try_from(pem.len()).is_ok_and(|length| length == BUNDLE_BYTES) {
        return Err(std::io::Error::other("it is larger than 8 MiB"));
    }
    Ok(pem)
}

/// TLS 1.2 and 1.3 by ring; no key log, no early data. Nothing is resumed, so each connection proves the server anew.
fn tls(roots: Arc<RootCertStore>) -> Result<ClientConfig, SetupError> {
    let mut provider = rustls::crypto::ring::default_provider();
    // AES-128 first, as browsers have it: its SHA-256 is done by the processor, the SHA-384 of the other is not. The server decides.
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let provider = Arc::new(provider);
    let chains = Chains::of(roots, Arc::clone(&provider), None)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| SetupError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(chains))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.key_log = Arc::new(rustls::NoKeyLog {});
    Ok(config)
}

/// Answers every look-up with a refusal: a client only knows the addresses it was made with.
struct NoLookup;

impl Resolve for NoLookup {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::ready(Err("this client looks nothing up".into())))
    }
}
