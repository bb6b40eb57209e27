//! Which local addresses are offered as host candidates (RFC 8445 §5.1.1.1).

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use rtc::shared::ifaces::ifaces;

/// Most addresses that are offered: each costs a socket for each connection.
const MAX_ADDRESSES: usize = 16;

/// One socket address with port 0 for each address of this machine that a server could be reached from.
///
/// Loopback is among them (differs from RFC 8445 §5.1.1.1: a server on the same machine is an ordinary case here);
/// link-local addresses are not, they mean nothing without their interface.
pub(super) fn host_addresses() -> Vec<SocketAddr> {
    let found = ifaces().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed; offering loopback alone");
        Vec::new()
    });
    choose(found.into_iter().filter_map(|interface| interface.addr).map(|addr| addr.ip()))
}

fn choose(addresses: impl Iterator<Item = IpAddr>) -> Vec<SocketAddr> {
    let usable: BTreeSet<IpAddr> = addresses
        .filter(|ip| !ip.is_unspecified() && !ip.is_multicast() && !is_link_local(ip) && !other_loopback(ip))
        .chain([IpAddr::V4(Ipv4Addr::LOCALHOST)])
        .collect();
    // Loopback first: it is the one that must not fall to the limit.
    let (loopback, others): (Vec<_>, Vec<_>) = usable.into_iter().partition(IpAddr::is_loopback);
    let all = loopback.into_iter().chain(others).take(MAX_ADDRESSES);
    all.map(|ip| SocketAddr::new(ip, 0)).collect()
}

/// 127.0.0.0/8 reaches the same as 127.0.0.1.
fn other_loopback(ip: &IpAddr) -> bool {
    ip.is_loopback() && ip.is_ipv4() && *ip != IpAddr::V4(Ipv4Addr::LOCALHOST)
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(addresses: &[&str]) -> Vec<String> {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        choose(addresses).iter().map(|addr| addr.ip().to_string()).collect()
    }

    #[test]
    fn a_machine_without_a_network_offers_loopback() {
        assert_eq!(chosen(&[]), ["127.0.0.1"]);
    }

    #[test]
    fn addresses_that_no_server_can_answer_to_are_left_out() {
        let all = [
            "127.0.0.1",
            "127.0.0.53",
            "::1",
            "0.0.0.0",
            "169.254.1.1",
            "fe80::1",
            "192.168.1.7",
            "192.168.1.7",
            "2001:db8::7",
        ];
        assert_eq!(chosen(&all), ["127.0.0.1", "::1", "192.168.1.7", "2001:db8::7"]);
    }

    #[test]
    fn a_machine_of_many_addresses_offers_sixteen_and_loopback_is_among_them() {
        let many: Vec<String> = (1..=40).map(|n| format!("10.0.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let chosen = chosen(&many);
        assert_eq!((chosen.len(), chosen[0].as_str()), (16, "127.0.0.1"));
    }

    #[test]
    fn this_machine_has_an_address() {
        assert!(host_addresses().contains(&"127.0.0.1:0".parse().unwrap()));
    }
}
