//! How many sockets there may be, in all and from one address, and how fast they may come.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::config::LimitsConfig;
use crate::rooms::{Bucket, Rate};

/// Addresses kept; beyond, those that are as good as new are forgotten.
const ADDRESSES: usize = 10_000;

/// Who has how many sockets.
#[derive(Debug)]
pub(super) struct Admission {
    in_all: usize,
    per_address: usize,
    rate: Rate,
    open: usize,
    sources: HashMap<IpAddr, Source>,
}

#[derive(Debug, Default)]
struct Source {
    open: usize,
    connects: Bucket,
}

impl Admission {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        let per_s = limits.connects_per_address_per_s;
        Self {
            in_all: limits.connections,
            per_address: limits.connections_per_address,
            rate: Rate::new(per_s, per_s.saturating_mul(2)),
            open: 0,
            sources: HashMap::new(),
        }
    }

    /// Takes a place for a socket; give it back with [`Admission::release`].
    ///
    /// # Errors
    /// Which limit is reached, for people.
    pub(super) fn admit(&mut self, from: IpAddr, now: Duration) -> Result<(), &'static str> {
        if self.in_all != 0 && self.open >= self.in_all {
            return Err("the server has as many connections as it takes");
        }
        // A reverse proxy on this machine speaks for everyone.
        if !from.is_loopback() {
            self.admit_source(network(from), now)?;
        }
        self.open = self.open.saturating_add(1);
        Ok(())
    }

    pub(super) fn release(&mut self, from: IpAddr) {
        self.open = self.open.saturating_sub(1);
        if let Some(source) = self.sources.get_mut(&network(from)) {
            source.open = source.open.saturating_sub(1);
        }
    }

    fn admit_source(&mut self, from: IpAddr, now: Duration) -> Result<(), &'static str> {
        if self.sources.len() >= ADDRESSES {
            self.sources
                .retain(|_, source| source.open > 0 || !source.connects.is_idle(now));
        }
        let source = self.sources.entry(from).or_default();
        if self.per_address != 0 && source.open >= self.per_address {
            return Err("your address has as many connections as it may have");
        }
        source
            .connects
            .take(self.rate, 1, now)
            .map_err(|_| "your address connects too often")?;
        source.open = source.open.saturating_add(1);
        Ok(())
    }
}

/// One customer has one IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig;

    const NOW: Duration = Duration::from_secs(3600);

    fn admission(in_all: usize, per_address: usize, per_s: u32) -> Admission {
        let mut limits = ServerConfig::embedded().limits;
        limits.connections = in_all;
        limits.connections_per_address = per_address;
        limits.connects_per_address_per_s = per_s;
        Admission::new(&limits)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_sockets_and_gets_a_place_back() {
        let mut admission = admission(0, 2, 0);
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        assert!(admission.admit(one, NOW).is_ok() && admission.admit(one, NOW).is_ok());
        assert!(admission.admit(one, NOW).unwrap_err().contains("as many"));
        assert!(admission.admit(other, NOW).is_ok());
        admission.release(one);
        assert!(admission.admit(one, NOW).is_ok());
    }

    #[test]
    fn an_address_connects_only_so_often() {
        let mut admission = admission(0, 0, 5);
        let passed = (0..20).filter(|_| admission.admit(ip("192.0.2.1"), NOW).is_ok()).count();
        assert_eq!(passed, 10);
        assert!(admission.admit(ip("192.0.2.1"), NOW + Duration::from_millis(200)).is_ok());
    }

    #[test]
    fn all_sockets_together_have_a_limit_too() {
        let mut admission = admission(2, 0, 0);
        assert!(admission.admit(ip("192.0.2.1"), NOW).is_ok() && admission.admit(ip("127.0.0.1"), NOW).is_ok());
        assert!(admission.admit(ip("127.0.0.1"), NOW).unwrap_err().contains("the server"));
        admission.release(ip("127.0.0.1"));
        assert!(admission.admit(ip("192.0.2.9"), NOW).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_loopback_as_none() {
        let mut admission = admission(0, 1, 0);
        assert!(admission.admit(ip("2001:db8::1"), NOW).is_ok());
        assert!(admission.admit(ip("2001:db8::2"), NOW).is_err());
        assert!(admission.admit(ip("2001:db8:0:1::1"), NOW).is_ok());
        assert!(admission.admit(ip("::ffff:192.0.2.1"), NOW).is_ok());
        assert!(admission.admit(ip("192.0.2.1"), NOW).is_err());
        assert!((0..9).all(|_| admission.admit(ip("::1"), NOW).is_ok()));
    }

    #[test]
    fn addresses_that_are_as_good_as_new_are_forgotten() {
        let mut admission = admission(0, 0, 1);
        for number in 0..ADDRESSES as u32 {
            let from = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            assert!(admission.admit(from, NOW).is_ok());
            admission.release(from);
        }
        assert_eq!(admission.sources.len(), ADDRESSES);
        assert!(admission.admit(ip("192.0.2.1"), NOW + Duration::from_secs(9)).is_ok());
        assert_eq!(admission.sources.len(), 1);
    }
}
