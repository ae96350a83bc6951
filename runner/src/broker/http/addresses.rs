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

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn opening(network: &str) -> Opening {
        Opening { host: "git.corp.example".to_owned(), network: network.parse().unwrap(), port: 443 }
    }

    #[test]
    fn each_address_is_known_for_what_it_is() {
        for (address, is) in [
            // Public.
            ("1.1.1.1", None),
            ("9.255.255.255", None),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("192.0.1.0", None),
            ("198.17.255.255", None),
            ("198.20.0.0", None),
            ("223.255.255.255", None),
            ("2606:4700::1111", None),
            ("2001:200::1", None),
            ("2a00:1450:4001:81b::200e", None),
            ("::ffff:1.1.1.1", None),
            ("64:ff9b::1.1.1.1", None),
            // F1, F3: loopback.
            ("127.0.0.1", Some(Special::Loopback)),
            ("127.255.255.255", Some(Special::Loopback)),
            ("::1", Some(Special::Loopback)),
            // F4 to F8: IPv4 inside IPv6.
            ("::ffff:127.0.0.1", Some(Special::Loopback)),
            ("::ffff:10.1.2.3", Some(Special::Private)),
            ("::ffff:169.254.169.254", Some(Special::Metadata)),
            ("::127.0.0.1", Some(Special::Tunnel)),
            ("::2", Some(Special::Tunnel)),
            ("::ffff:0:127.0.0.1", Some(Special::Tunnel)),
            ("64:ff9b::127.0.0.1", Some(Special::Loopback)),
            ("64:ff9b::10.0.0.1", Some(Special::Private)),
            ("64:ff9b::169.254.169.254", Some(Special::Metadata)),
            ("64:ff9b::168.63.129.16", Some(Special::Metadata)),
            ("64:ff9b:1::10.0.0.1", Some(Special::Tunnel)),
            ("64:ff9b:1:ffff::", Some(Special::Tunnel)),
            ("64:ff9b:0:0:0:1::", Some(Special::Reserved)),
            ("2002:7f00:1::", Some(Special::Tunnel)),
            ("2002:a00:1::1", Some(Special::Tunnel)),
            ("2001:0:53aa:64c:0:7aff:80ff:fffe", Some(Special::Tunnel)),
            ("2a00:1450::5efe:10.0.0.1", Some(Special::Tunnel)),
            ("2a00:1450::200:5efe:10.0.0.1", Some(Special::Tunnel)),
            // F9: metadata, also where it looks public.
            ("169.254.169.254", Some(Special::Metadata)),
            ("169.254.170.2", Some(Special::Metadata)),
            ("100.100.100.200", Some(Special::Metadata)),
            ("168.63.129.16", Some(Special::Metadata)),
            ("192.0.0.192", Some(Special::Metadata)),
            ("fd00:ec2::254", Some(Special::Metadata)),
            ("fd20:ce::254", Some(Special::Metadata)),
            // F10: the rest.
            ("0.0.0.0", Some(Special::Unspecified)),
            ("0.1.2.3", Some(Special::Unspecified)),
            ("::", Some(Special::Unspecified)),
            ("10.0.0.0", Some(Special::Private)),
            ("10.255.255.255", Some(Special::Private)),
            ("172.16.0.0", Some(Special::Private)),
            ("172.31.255.255", Some(Special::Private)),
            ("192.168.0.0", Some(Special::Private)),
            ("192.168.255.255", Some(Special::Private)),
            ("fc00::1", Some(Special::Private)),
            ("fdff:ffff::1", Some(Special::Private)),
            ("fec0::1", Some(Special::Private)),
            ("100.64.0.0", Some(Special::Shared)),
            ("100.127.255.255", Some(Special::Shared)),
            ("169.254.0.1", Some(Special::LinkLocal)),
            ("fe80::1", Some(Special::LinkLocal)),
            ("febf::1", Some(Special::LinkLocal)),
            ("224.0.0.1", Some(Special::Multicast)),
            ("239.255.255.255", Some(Special::Multicast)),
            ("ff02::1", Some(Special::Multicast)),
            ("255.255.255.255", Some(Special::Broadcast)),
            ("240.0.0.1", Some(Special::Reserved)),
            ("255.255.255.254", Some(Special::Reserved)),
            ("192.0.0.1", Some(Special::Reserved)),
            ("192.0.2.1", Some(Special::Example)),
            ("198.18.0.1", Some(Special::Example)),
            ("198.19.255.255", Some(Special::Example)),
            ("198.51.100.1", Some(Special::Example)),
            ("203.0.113.1", Some(Special::Example)),
            ("192.88.99.1", Some(Special::Tunnel)),
            ("2001:db8::1", Some(Special::Example)),
            ("3fff:fff::1", Some(Special::Example)),
            ("3fff:1000::1", None),
            ("2001:1::1", Some(Special::Reserved)),
            ("2001:1ff::1", Some(Special::Reserved)),
            ("100::1", Some(Special::Reserved)),
            ("5f00::1", Some(Special::Reserved)),
            ("4000::1", Some(Special::Reserved)),
            ("1fff::1", Some(Special::Reserved)),
            ("e000::1", Some(Special::Reserved)),
        ] {
            assert_eq!(special(ip(address)), is, "{address}");
            assert_eq!(vet("git.corp.example", 443, ip(address), &[]).is_ok(), is.is_none(), "{address}");
        }
    }

    #[test]
    fn an_opening_opens_exactly_its_host_network_and_port() {
        let private = [opening("10.20.0.0/16")];
        assert_eq!(vet("git.corp.example", 443, ip("10.20.3.4"), &private), Ok(ip("10.20.3.4")));
        assert_eq!(vet("GIT.corp.example", 443, ip("::ffff:10.20.3.4"), &private), Ok(ip("10.20.3.4")));
        for (host, port, address) in [
            ("git.corp.example", 443, "10.21.0.1"),
            ("git.corp.example", 8443, "10.20.3.4"),
            ("other.corp.example", 443, "10.20.3.4"),
            ("git.corp.example.", 443, "10.20.3.4"),
            ("git.corp.example", 443, "64:ff9b::10.20.3.4"),
        ] {
            assert!(vet(host, port, ip(address), &private).is_err(), "{host}:{port} at {address}");
        }
    }

    #[test]
    fn loopback_and_link_local_need_an_opening_that_means_them() {
        for (network, address, opened) in [
            ("127.0.0.0/8", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.1", true),
            ("::1/128", "::1", true),
            ("169.254.10.0/24", "169.254.10.9", true),
            ("fe80::/10", "fe80::1", true),
            ("0.0.0.0/0", "127.0.0.1", false),
            ("126.0.0.0/7", "127.0.0.1", false),
            ("::/0", "::1", false),
            ("::/127", "::1", false),
            ("0.0.0.0/0", "169.254.10.9", false),
            ("::/0", "fe80::1", false),
            ("0.0.0.0/0", "10.0.0.1", true),
            ("::/0", "fc00::1", true),
        ] {
            assert_eq!(vet("git.corp.example", 443, ip(address), &[opening(network)]).is_ok(), opened, "{network}");
        }
    }

    #[test]
    fn metadata_multicast_broadcast_and_the_unspecified_address_cannot_be_opened() {
        for address in [
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "0.0.0.0",
            "::",
        ] {
            let exact = IpNet::from(ip(address)).to_string();
            for network in [exact.as_str(), "0.0.0.0/0", "::/0", "169.254.0.0/16"] {
                assert!(vet("git.corp.example", 443, ip(address), &[opening(network)]).is_err(), "{address} {network}");
            }
        }
    }

    #[test]
    fn names_of_metadata_services_are_known() {
        for name in
            ["metadata.google.internal", "Metadata.Google.Internal", "metadata.google.internal.", "instance-data"]
        {
            assert!(is_metadata_name(name), "{name}");
        }
        for name in ["metadata.example.com", "api.example.com", ""] {
            assert!(!is_metadata_name(name), "{name}");
        }
    }

    /// The same rules written down as networks: whatever is in one of these is refused.
    struct Oracle {
        v4: Vec<IpNet>,
        v6: Vec<IpNet>,
        public: IpNet,
        nat64: IpNet,
    }

    impl Oracle {
        fn new() -> Self {
            let all = |networks: &str| networks.split_whitespace().map(|network| network.parse().unwrap()).collect();
            Self {
                v4: all("0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 \
                         192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 \
                         224.0.0.0/4 240.0.0.0/4 168.63.129.16/32"),
                v6: all("2001::/23 2001:db8::/32 2002::/16 3fff::/20"),
                public: "2000::/3".parse().unwrap(),
                nat64: "64:ff9b::/96".parse().unwrap(),
            }
        }

        fn refuses(&self, address: IpAddr) -> bool {
            let within =
                |networks: &[IpNet], address: IpAddr| networks.iter().any(|network| network.contains(&address));
            match address {
                IpAddr::V4(_) => within(&self.v4, address),
                IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                    Some(v4) => within(&self.v4, IpAddr::V4(v4)),
                    None if self.nat64.contains(&address) => {
                        let [.., a, b, c, d] = v6.octets();
                        within(&self.v4, IpAddr::from([a, b, c, d]))
                    }
                    None => {
                        let [.., u, v, w, x, _, _, _, _] = v6.octets();
                        let isatap = matches!((u, v, w, x), (0 | 2, 0, 0x5e, 0xfe));
                        !self.public.contains(&address) || within(&self.v6, address) || isatap
                    }
                },
            }
        }
    }

    /// IPv6 addresses near the edges of all ranges, and with IPv4 addresses in all places.
    fn v6() -> impl Strategy<Value = Ipv6Addr> {
        let first = prop_oneof![
            Just(0u16),
            Just(0x64),
            Just(0x100),
            Just(0x2001),
            Just(0x2002),
            0x3ffeu16..0x4001,
            0x1ffeu16..0x2003,
            0xfbffu16..,
            any::<u16>()
        ];
        let second =
            prop_oneof![Just(0u16), Just(0xff9b), Just(0xdb8), 0x1feu16..0x202, 0xffeu16..0x1002, any::<u16>()];
        let other =
            || prop_oneof![3 => Just(0u16), 1 => Just(0xffff), 1 => Just(0x5efe), 1 => Just(0x200), 1 => any::<u16>()];
        (first, second, [other(), other(), other(), other()], any::<u32>()).prop_map(|(a, b, [c, d, e, f], v4)| {
            let low = v4.to_be_bytes();
            let [g, h] = [u16::from_be_bytes([low[0], low[1]]), u16::from_be_bytes([low[2], low[3]])];
            Ipv6Addr::new(a, b, c, d, e, f, g, h)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_classifier_agrees_with_a_list_of_networks(v4 in any::<u32>(), v6 in v6()) {
            let v4 = Ipv4Addr::from(v4);
            let oracle = Oracle::new();
            for address in [IpAddr::V4(v4), IpAddr::V6(v6), IpAddr::V6(v4.to_ipv6_mapped())] {
                prop_assert_eq!(special(address).is_some(), oracle.refuses(address), "{}", address);
            }
        }
    }

    #[test]
    fn the_classifier_agrees_with_a_list_of_networks_in_every_part_of_ipv4() {
        let oracle = Oracle::new();
        for high in 0..=u16::MAX {
            let [a, b] = high.to_be_bytes();
            for (c, d) in [(0, 0), (0, 192), (0, 255), (2, 0), (99, 1), (100, 1), (113, 255), (129, 16), (255, 255)] {
                let address = IpAddr::from([a, b, c, d]);
                assert_eq!(special(address).is_some(), oracle.refuses(address), "{address}");
            }
        }
    }
}
