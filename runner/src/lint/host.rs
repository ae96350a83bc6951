//! The operator's file for the host.

use super::Notes;
use super::locate::in_file;
use crate::page::diagnostic::SourceFile;
use crate::policy::HostFile;
use crate::policy::host::Opening;
use ipnet::IpNet;

/// More addresses than a provider's own network: a /16 and larger, or a /48 of IPv6.
const WIDE: (u8, u8) = (16, 48);
/// More than any network of one place: a /12, or a /32 of IPv6.
const HUGE: (u8, u8) = (12, 32);
/// Ports on which servers speak without encryption.
const CLEARTEXT_PORTS: &[u16] = &[80, 8000, 8008, 8080, 8888];

/// Calls `each` with every opening, its number and a word for it.
fn openings(host: &HostFile, mut each: impl FnMut(&Opening, &str)) {
    for (index, opening) in host.open.iter().enumerate() {
        each(opening, &index.to_string());
    }
}

fn within(network: &IpNet, bounds: (u8, u8)) -> bool {
    let most = if matches!(network, IpNet::V4(_)) { bounds.0 } else { bounds.1 };
    network.prefix_len() <= most
}

pub(super) fn wide_opening(host: &HostFile, file: &SourceFile, notes: &mut Notes<'_>) {
    openings(host, |opening, index| {
        let at = in_file(file, &["network", "open", index, "network"]);
        let what = format!("`{}` may have any address of {}", opening.host, opening.network);
        let safer = "write the provider's own address, such as `10.20.30.40/32`, or its own small network";
        if within(&opening.network, HUGE) {
            notes.refuse(
                at,
                format!("{what}, a whole private range: who answers its name look-ups reaches all of it"),
                safer,
            );
        } else if within(&opening.network, WIDE) {
            notes.look(at, format!("{what}: who answers its name look-ups chooses which"), safer);
        }
    });
}

pub(super) fn local_opening(host: &HostFile, file: &SourceFile, notes: &mut Notes<'_>) {
    openings(host, |opening, index| {
        let address = opening.network.addr();
        let (loopback, link) = match address {
            std::net::IpAddr::V4(address) => (address.is_loopback(), address.is_link_local()),
            std::net::IpAddr::V6(address) => (address.is_loopback(), address.is_unicast_link_local()),
        };
        if loopback || link {
            let whose = if loopback { "this machine itself" } else { "the link of this machine" };
            notes.look(
                in_file(file, &["network", "open", index, "network"]),
                format!("`{}` may be {whose} ({})", opening.host, opening.network),
                "take it out, unless the provider really runs there",
            );
        }
    });
}

pub(super) fn cleartext(host: &HostFile, file: &SourceFile, notes: &mut Notes<'_>) {
    openings(host, |opening, index| {
        if CLEARTEXT_PORTS.contains(&opening.port) {
            notes.look(
                in_file(file, &["network", "open", index, "port"]),
                format!(
                    "port {} is one on which servers mostly speak without encryption; only TLS is spoken here",
                    opening.port
                ),
                "open the port on which the provider speaks TLS, mostly 443",
            );
        }
    });
    if let Some(proxy) = host.proxy.as_ref().filter(|proxy| proxy.scheme() == "http") {
        notes.note(
            in_file(file, &["network", "proxy"]),
            format!("the proxy {} is asked without encryption: who is between sees the names of providers, not what is sent", proxy.host_str().unwrap_or_default()),
            "write `https://`, if the proxy speaks TLS",
        );
    }
}

pub(super) fn no_audit(host: &HostFile, _: &SourceFile, notes: &mut Notes<'_>) {
    if host.audit.file.is_none() && !host.audit.syslog {
        notes.look(
            crate::page::diagnostic::Span::default(),
            "nothing is recorded on this host: afterwards, nobody can say what a run did",
            "write `[audit]` with `file = \"/var/log/rotabox/audit.jsonl\"`, `syslog = true`, or both",
        );
    }
}
