//! `rotabox.toml`: what is true for this host, whatever the rotator. All of it is optional.
//!
//! | table | says |
//! | --- | --- |
//! | `[network]` | `proxy`, `ca`, `roots`: how to get out, and whom to trust |
//! | `[[network.open]]` | private addresses that a provider may have: exactly one host, network and port |
//! | `[audit]` | `file`, `syslog`: where the audit log goes |
//! | `[native]` | `store`: where native code is kept |
//! | `[[signers]]` | whose signatures of modules count |
//! | `[ceilings]` | the most that any policy's `[limits]` may come to on this host |

use super::file::{self, Ceilings, HostPort, Limits};
use super::find::{self, FindError};
use super::signers::{self, Signer};
use crate::audit;
use crate::page::diagnostic::{Diagnostic, SourceFile, Span};
use crate::page::tree::{self, Node, Parsed, Problem, Table};
use ipnet::IpNet;
use std::path::{Path, PathBuf};

/// Most bytes of the host file.
pub const HOST_BYTES: usize = 256 * 1024;

/// The operator's file for the host.
#[derive(Clone, Debug, Default)]
pub struct HostFile {
    /// Where it was read; none if there is no such file.
    pub file: Option<SourceFile>,
    /// `[network] proxy = "http://proxy.corp.example:3128"`.
    pub proxy: Option<url::Url>,
    /// `[network] ca = "/etc/rotabox/corp-ca.pem"`: trusted in addition. Absolute.
    pub ca: Option<PathBuf>,
    /// `[network] roots = "bundled"` (default), `"system"` (the one bundle file of the system) or `"none"` (only `ca`).
    pub roots: Roots,
    /// `[[network.open]]`: addresses that would be refused otherwise.
    pub open: Vec<Opening>,
    /// `[audit] file = "/var/log/rotabox/audit.jsonl"`, `syslog = true`. Nothing is recorded unless one is written.
    pub audit: audit::Settings,
    /// `[native] store = "/srv/rotabox/native"`: another folder than [`crate::native::DEFAULT_STORE`]. Absolute.
    pub native_store: Option<PathBuf>,
    /// `[[signers]]`: whose signatures of modules count. If there is one, `approve` takes nothing unsigned.
    pub signers: Vec<Signer>,
    /// `[ceilings]`: the most that any policy's `[limits]` may come to here.
    pub ceilings: Ceilings,
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
    /// The port; 443 unless written.
    pub port: u16,
}

impl HostFile {
    /// Where native code is kept on this host.
    pub fn native_store(&self) -> &Path {
        self.native_store.as_deref().unwrap_or(Path::new(crate::native::DEFAULT_STORE))
    }

    /// A policy's limits, none above this host's `[ceilings]`.
    pub fn limits(&self, limits: &Limits) -> Limits {
        let most = &self.ceilings;
        fn least<T: Ord + Copy>(asked: T, most: Option<T>) -> T {
            most.map_or(asked, |most| asked.min(most))
        }
        Limits {
            deadline: least(limits.deadline, most.deadline),
            compile: least(limits.compile, most.compile),
            settle: limits.settle,
            requests: least(limits.requests, most.requests),
            memory_bytes: least(limits.memory_bytes, most.memory_bytes),
            fuel: least(limits.fuel, most.fuel),
            answer_bytes: least(limits.answer_bytes, most.answer_bytes),
        }
    }
}

/// Reads the host file: an explicit one must exist; without one, the default place is read if there is a file. The same
/// rules about owners and modes hold as for policies.
pub fn load(explicit: Option<&Path>) -> Result<HostFile, FindError> {
    let path = explicit.unwrap_or(Path::new(find::DEFAULT_CONFIG));
    // A folder that may not be searched is no answer: the file in it could hold ceilings.
    let there = path.try_exists().map_err(|error| FindError::unreadable(path, &error))?;
    if explicit.is_none() && !there {
        return Ok(HostFile::default());
    }
    let text = find::read_guarded(path, HOST_BYTES)?.text;
    Ok(parse(SourceFile::new(path.display().to_string(), text))?)
}

/// What a host file may hold besides its version; none of it stands in a page or a policy at the top.
pub const SECTIONS: [&str; 5] = ["network", "audit", "native", "ceilings", "signers"];

/// Parses the operator's file for the host. The first problem is returned.
pub fn parse(file: SourceFile) -> Result<HostFile, Box<Diagnostic>> {
    read(&file).map_err(|problem| problem.of(&file))
}

fn read(file: &SourceFile) -> Parsed<HostFile> {
    tree::nothing_hidden(&file.text, "the host file")?;
    let document = tree::read(&file.text)?;
    let known: Vec<&str> = ["version"].into_iter().chain(SECTIONS).collect();
    document.only(&known, "the host file")?;
    if document.get("version").is_some() {
        file::version(&document, "the host file")?;
    }
    let mut host = match document.get("network") {
        Some(network) => read_network(network.table()?)?,
        None => HostFile::default(),
    };
    if let Some(audit) = document.get("audit") {
        host.audit = read_audit(audit)?;
    }
    if let Some(native) = document.get("native") {
        let table = native.table()?;
        table.only(&["store"], "`[native]`")?;
        host.native_store = Some(absolute(table.need("store", "`[native]`")?)?);
    }
    if let Some(ceilings) = document.get("ceilings") {
        let table = ceilings.table()?;
        table.only(&["deadline", "compile", "requests", "memory", "fuel", "answer"], "`[ceilings]`")?;
        host.ceilings = Ceilings::read(table)?;
    }
    if let Some(node) = document.get("signers") {
        host.signers = signers::read(node)?;
    }
    host.file = Some(file.clone());
    Ok(host)
}

fn read_network(table: &Table) -> Parsed<HostFile> {
    table.only(&["proxy", "ca", "roots", "open"], "`[network]`")?;
    let ca = table.get("ca").map(absolute).transpose()?;
    let roots = table.get("roots").map_or(Ok(Roots::default()), read_roots)?;
    if let (Roots::None, None, Some(node)) = (roots, &ca, table.get("roots")) {
        return Err(Problem::new(node.span, "without roots and without `ca`, nobody is trusted")
            .hint("name a PEM file in `ca`, or write `roots = \"bundled\"`"));
    }
    let open = match table.get("open") {
        None => Vec::new(),
        Some(node) => node
            .list()
            .map_err(|problem| problem.hint("write `[[network.open]]` with `host` and `network`"))?
            .iter()
            .map(|node| read_opening(node.table()?))
            .collect::<Parsed<_>>()?,
    };
    Ok(HostFile { proxy: table.get("proxy").map(read_proxy).transpose()?, ca, roots, open, ..HostFile::default() })
}

fn read_audit(node: &Node) -> Parsed<audit::Settings> {
    let table = node.table()?;
    table.only(&["file", "syslog"], "`[audit]`")?;
    let settings = audit::Settings {
        file: table.get("file").map(absolute).transpose()?,
        syslog: table
            .get("syslog")
            .map_or(Ok(false), |node| node.bool().map_err(|problem| problem.hint("write it without quotes")))?,
    };
    if settings == audit::Settings::default() {
        return Err(Problem::new(node.span, "`[audit]` names no place to write to")
            .hint("write `file = \"/var/log/rotabox/audit.jsonl\"`, `syslog = true` or both; or leave `[audit]` out"));
    }
    Ok(settings)
}

fn absolute(node: &Node) -> Parsed<PathBuf> {
    let path = file::path(node)?;
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(Problem::new(node.span, "this path is not absolute").hint("write it from `/` on"))
    }
}

fn read_roots(node: &Node) -> Parsed<Roots> {
    match node.text()? {
        "bundled" => Ok(Roots::Bundled),
        "system" => Ok(Roots::System),
        "none" => Ok(Roots::None),
        text => Err(Problem::new(node.span, format!("`{text}` is no choice here"))
            .hint(tree::choices(text, ["bundled", "system", "none"]))),
    }
}

/// `http://host:port` or `https://host:port`, and no more: this file holds no secrets.
fn read_proxy(node: &Node) -> Parsed<url::Url> {
    let wrong = |message: &str, hint: &str| Problem::new(node.span, message).hint(hint);
    let example = "write `http://proxy.corp.example:3128`";
    let text = node.text()?;
    let url = url::Url::parse(text).map_err(|_| wrong("this is no URL", example))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("a proxy is reached by http or https", example));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "there is a login in this URL, and this file is no place for secrets",
            "let the proxy admit this host by its address, and write the URL without a login",
        ));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("a proxy has no path", example));
    }
    Ok(url)
}

fn read_opening(table: &Table) -> Parsed<Opening> {
    let of = "`[[network.open]]`";
    table.only(&["host", "network", "port"], of)?;
    let example = "write `host = \"gitlab.corp.example\"`, `network = \"10.20.0.0/16\"` and, if it is not 443, `port`";
    let host = table.need("host", of).map_err(|problem| problem.hint(example))?;
    let HostPort { host: name, port: in_host } = file::host(host)?;
    if in_host != 443 {
        return Err(Problem::new(host.span, "the port has a key of its own here")
            .hint(format!("write `host = \"{name}\"` and `port = {in_host}`")));
    }
    let network = table.need("network", of).map_err(|problem| problem.hint(example))?;
    let port = table.get("port").map_or(Ok(443), |node| node.whole(1, 65535))?;
    Ok(Opening {
        host: name,
        network: read_network_range(network.text()?, network.span)?,
        port: u16::try_from(port).unwrap_or(443),
    })
}

/// A network in CIDR form, no larger than one organisation's.
fn read_network_range(text: &str, span: Span) -> Parsed<IpNet> {
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        let length = if address.is_ipv4() { 32 } else { 128 };
        return Err(Problem::new(span, "the length of the network is missing")
            .hint(format!("write `{text}/{length}` for this one address")));
    }
    let network: IpNet = text.parse().map_err(|_| {
        Problem::new(span, "this is no network").hint("write an address and a length, such as `10.20.0.0/16`")
    })?;
    if network.addr() != network.network() {
        return Err(Problem::new(span, "this is an address within a network")
            .hint(format!("write `{}` for the network, or a longer length for less", network.trunc())));
    }
    let least = if matches!(network, IpNet::V4(_)) { 8 } else { 16 };
    if network.prefix_len() < least {
        return Err(Problem::new(span, "this opens far more than one organisation's network")
            .hint(format!("write the provider's own network; a length below {least} is not accepted")));
    }
    Ok(network)
}
