use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far somebody may be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// This machine alone.
    Host,
    /// Addresses that everybody reaches in the same way.
    Internet,
    Any,
}

pub(super) fn reachable(address: IpAddr, reach: Reach) -> bool {
    match reach {
        Reach::Any => true,
        Reach::Host => address.is_loopback(),
        Reach::Internet => match address {
            IpAddr::V4(address) => is_public(address),
            IpAddr::V6(address) => is_public_v6(address),
        },
    }
}

/// The special-purpose registry of IANA, turned round.
fn is_public(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = a == 192 && b == 0 && c == 0;
    let measured = a == 198 && (b == 18 || b == 19);
    let relayed = a == 192 && b == 88 && c == 99;
    !(a == 0
        || a >= 240
        || shared
        || protocols
        || measured
        || relayed
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

/// Only what is given out as global; and what carries an IPv4 address inside leads to that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let inner = |high: u16, low: u16| is_public(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match (a, b) {
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0xffff) => inner(g, h),
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => inner(g, h),
        (0x2002, high) => inner(high, c),
        // Protocols, documentation, and tunnels that lead anywhere.
        (0x2001, low) if low < 0x200 || low == 0xdb8 => false,
        (0x3fff, low) if low < 0x1000 => false,
        (first, _) => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_what_is_not_of_the_internet_is_not_reached() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "fec0::1",
        ] {
            assert!(!reachable(inside.parse().unwrap(), Reach::Internet), "{inside}");
        }
        for outside in
            ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
        {
            assert!(reachable(outside.parse().unwrap(), Reach::Internet), "{outside}");
        }
    }
}
