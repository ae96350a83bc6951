//! Bytes of the other process, and addresses.

use rotabox::broker::http::addresses;
use rotabox::wire::frame::{self, Decoder, Frame};
use rotabox::wire::{ToBroker, ToWorker};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Four bytes or sixteen. The oracle is the standard library's, and knows less: what it calls special must be.
pub(super) fn ip_classify(bytes: &[u8]) {
    let v4 = |v4: Ipv4Addr| {
        let [a, b, c, _] = v4.octets();
        v4.is_private()
            || v4.is_loopback()
            || v4.is_link_local()
            || v4.is_multicast()
            || v4.is_broadcast()
            || v4.is_unspecified()
            || v4.is_documentation()
            || a == 0
            || a >= 240
            || (a == 100 && (64..128).contains(&b))
            || (a == 198 && (b == 18 || b == 19))
            || (a == 192 && b == 0 && c == 0 && !matches!(v4.octets()[3], 9 | 10))
    };
    if let Some(octets) = bytes.first_chunk::<4>() {
        let address = Ipv4Addr::from(*octets);
        let said = addresses::special(IpAddr::V4(address));
        assert!(said.is_some() || !v4(address), "{address} is not seen as special");
        let mapped = addresses::special(IpAddr::V6(address.to_ipv6_mapped()));
        assert_eq!(mapped.is_some(), said.is_some(), "{address} is another one when it is mapped");
        if said.is_some() {
            let vetted = addresses::vet("provider.example", 443, IpAddr::V4(address), &[]);
            assert!(vetted.is_err(), "{address} could be dialled");
        }
    }
    if let Some(octets) = bytes.first_chunk::<16>() {
        let address = Ipv6Addr::from(*octets);
        let said = addresses::special(IpAddr::V6(address));
        let [first, ..] = address.segments();
        let special = address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || (first & 0xfe00) == 0xfc00
            || (first & 0xffc0) == 0xfe80
            || address.to_ipv4_mapped().is_some_and(v4);
        assert!(said.is_some() || !special, "{address} is not seen as special");
    }
}

pub(super) fn wire_to_broker(bytes: &[u8]) {
    frames::<ToBroker>(bytes);
}

pub(super) fn wire_to_worker(bytes: &[u8]) {
    frames::<ToWorker>(bytes);
}

/// Each frame that decodes is written back as one that decodes to the same; and it does not matter how the bytes come in.
fn frames<F: Frame + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let read = |chunk: usize| {
        let mut decoder = Decoder::<F>::new();
        let mut frames = Vec::new();
        for mut input in bytes.chunks(chunk) {
            while !input.is_empty() {
                match decoder.take(&mut input) {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => {}
                    Err(error) => return (frames, Some(error)),
                }
            }
        }
        (frames, None)
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(1), "frames differ with how their bytes come in");
    for (run, frame) in whole.0 {
        let Ok(written) = frame::encode(run, &frame) else { continue };
        let mut input = written.as_slice();
        let again = Decoder::<F>::new().take(&mut input).expect("what was written is read");
        assert_eq!(again, Some((run, frame)));
    }
}
