//! `rotabox.toml`: what is true for this host, whatever the rotator. All of it is optional.

use crate::page::diagnostic::{Diagnostic, SourceFile};
use ipnet::IpNet;
use std::path::PathBuf;

/// The operator's file for the host.
#[derive(Clone, Debug, Default)]
pub struct HostFile {
    /// Where it was read; none if there is no such file.
    pub file: Option<SourceFile>,
    /// `[network] proxy = "http://proxy.corp.example:3128"`.
    pub proxy: Option<url::Url>,
    /// `[network] ca = "/etc/rotabox/corp-ca.pem"`: trusted in addition.
    pub ca: Option<PathBuf>,
    /// `[network] roots = "bundled"` (default), `"system"` (the one bundle file of the system) or `"none"` (only `ca`).
    pub roots: Roots,
    /// `[[network.open]]`: addresses that would be refused otherwise.
    pub open: Vec<Opening>,
}

/// Which roots are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// Compiled in.
    #[default]
    Bundled,
    /// The system's bundle file.
    System,
    /// Only `ca`.
    None,
}

/// `[[network.open]] host = "gitlab.corp.example", network = "10.20.0.0/16", port = 443`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Exact host, lower case.
    pub host: String,
    /// The addresses it may have.
    pub network: IpNet,
    /// The port.
    pub port: u16,
}

/// Parses the operator's file for the host.
pub fn parse(_file: SourceFile) -> Result<HostFile, Box<Diagnostic>> {
    todo!()
}

/// Reads the host file: an explicit one must exist; without one, the default place is read if there is a file.
pub fn load(_explicit: Option<&std::path::Path>) -> Result<HostFile, super::find::FindError> {
    todo!()
}
