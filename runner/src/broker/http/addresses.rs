//! Which addresses may be dialled: public ones, and those that the operator opened for one host and port.
//!
//! | address | answer |
//! | --- | --- |
//! | public unicast | yes |
//! | IPv4 inside IPv6 (`::ffff:a.b.c.d`) | judged, and dialled, as the IPv4 address |
//! | IPv4 behind NAT64 (`64:ff9b::a.b.c.d`) | judged as the IPv4 address: IPv6-only networks reach public APIs this way |
//! | 6to4, Teredo, ISATAP and other tunnels | no: nobody needs them, and they hide an IPv4 address |
//! | private, shared, loopback, link-local, documentation, … | only with an [`Opening`] |
//! | cloud metadata, multicast, broadcast, unspecified | never |
//!
//! An opening names an exact host, a network and a port. One for loopback or link-local addresses must lie within
//! that range: `0.0.0.0/0` opens neither. Ranges are those of the IANA special-purpose registries.

use crate::policy::host::Opening;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address that is not public is for. The texts end the sentence "10.0.0.1 is …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Special {
    /// `0.0.0.0/8` and `::`.
    Unspecified,
    /// `10/8`, `172.16/12`, `192.168/16`, `fc00::/7`, `fec0::/10`.
    Private,
    /// `100.64/10`: between a provider and its customers.
    Shared,
    /// `127/8`, `::1`.
    Loopback,
    /// `169.254/16`, `fe80::/10`.
    LinkLocal,
    /// Where clouds hand out credentials to whoever asks.
    Metadata,
    /// `224/4`, `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// Documentation and benchmarks.
    Example,
    /// Set aside by IANA, or not handed out.
    Reserved,
    /// A tunnel (6to4, Teredo, ISATAP, `::/96`, local NAT64) that carries an IPv4 address inside.
    Tunnel,
}

impl Special {
    /// Can an operator open it at all?
    fn can_be_opened(self) -> bool {
        !matches!(self, Special::Unspecified | Special::Metadata | Special::Multicast | Special::Broadcast)
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Special::Unspecified => "no address of any one host",
            Special::Private => "a private address",
            Special::Shared => "a shared address of a provider's network (100.64.0.0/10)",
            Special::Loopback => "a loopback address",
            Special::LinkLocal => "a link-local address",
            Special::Metadata => "a cloud metadata service",
            Special::Multicast => "a multicast address",
            Special::Broadcast => "a broadcast address",
            Special::Example => "an address for documentation or benchmarks",
            Special::Reserved => "a reserved address",
            Special::Tunnel => "a tunnel to an IPv4 address",
        })
    }
}

/// An address that may not be dialled, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The address, in its canonical form.
    pub address: IpAddr,
    /// What it is.
    pub is: Special,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.address, self.is)
    }
}

/// May `host` be dialled at `address` and `port`? Answers the canonical address to dial.
pub fn vet(host: &str, port: u16, address: IpAddr, open: &[Opening]) -> Result<IpAddr, Refused> {
    let address = address.to_canonical();
    match special(address) {
        None => Ok(address),
        Some(is) if open.iter().any(|opening| opens(opening, host, port, address, is)) => Ok(address),
        Some(is) => Err(Refused { address, is }),
    }
}

/// What `address` is for; none if it is an ordinary public one.
pub fn special(address: IpAddr) -> Option<Special> {
    match address.to_canonical() {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

/// Is `host` a name under which a cloud serves metadata? Such names are never looked up.
pub fn is_metadata_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    METADATA_NAMES.iter().any(|name| host.eq_ignore_ascii_case(name))
}

fn opens(opening: &Opening, host: &str, port: u16, address: IpAddr, is: Special) -> bool {
    is.can_be_opened()
        && opening.port == port
        && opening.host.eq_ignore_ascii_case(host)
        && opening.network.contains(&address)
        && match is {
            // The loud ones: the opening has to mean them.
            Special::Loopback | Special::LinkLocal => {
                special(opening.network.network()) == Some(is) && special(opening.network.broadcast()) == Some(is)
            }
            _ => true,
        }
}

fn special_v4(v4: Ipv4Addr) -> Option<Special> {
    if METADATA_V4.contains(&v4) {
        return Some(Special::Metadata);
    }
    match v4.octets() {
        [0, ..] => Some(Special::Unspecified),
        [127, ..] => Some(Special::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Special::Private),
        [100, 64..=127, ..] => Some(Special::Shared),
        [169, 254, ..] => Some(Special::LinkLocal),
        [192, 0, 2, _] | [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Special::Example),
        [192, 0, 0, _] => Some(Special::Reserved),
        [192, 88, 99, _] => Some(Special::Tunnel),
        [224..=239, ..] => Some(Special::Multicast),
        [255, 255, 255, 255] => Some(Special::Broadcast),
        [240..=255, ..] => Some(Special::Reserved),
        _ => None,
    }
}

fn special_v6(v6: Ipv6Addr) -> Option<Special> {
    if METADATA_V6.contains(&v6) {
        return Some(Special::Metadata);
    }
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Special::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Special::Loopback),
        // NAT64: what counts is the IPv4 address on the far side.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => special_v4(embedded(high, low)),
        // IPv4-compatible, IPv4-translated and local NAT64.
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 1, ..] => Some(Special::Tunnel),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Special::Private),
        [0xfe80..=0xfebf, ..] => Some(Special::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Special::Multicast),
        // Teredo, and 6to4.
        [0x2001, 0, ..] | [0x2002, ..] => Some(Special::Tunnel),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Special::Example),
        [0x2001, 1..=0x1ff, ..] => Some(Special::Reserved),
        // ISATAP: the interface is an IPv4 address.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Some(Special::Tunnel),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Special::Reserved),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

/// AWS, GCP and most others; Alibaba; Azure's host endpoint, which looks public; Oracle; AWS credentials of containers.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
];

/// AWS, its credentials of containers, and GCP.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Names under which the clouds serve metadata.
const METADATA_NAMES: [&str; 6] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.internal",
];
