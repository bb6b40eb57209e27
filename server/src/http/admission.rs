//! How many sockets there may be, in all and from one address, and how fast they may come.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;

use super::Shared;
use super::signal::count;
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

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// That of all connections.
    Server,
    /// That of one address.
    Address,
    /// How often an address may come.
    TooOften,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "the server has as many connections as it takes",
            Self::Address => "your address has as many connections as it may have",
            Self::TooOften => "your address connects too often",
        })
    }
}

/// A place among the connections; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    from: IpAddr,
}

impl Place {
    /// For whoever sent this request.
    ///
    /// # Errors
    /// Which limit is reached; it is counted.
    pub(super) fn take(shared: &Arc<Shared>, request: &HttpRequest) -> Result<Self, Full> {
        let from = source_of(request);
        let admitted = Admission::of(shared).admit(from, shared.uptime());
        admitted.map_err(|full| refused(shared, from, full))?;
        Ok(Self {
            shared: Arc::clone(shared),
            from,
        })
    }

    /// Whose it is.
    pub(super) fn from(&self) -> IpAddr {
        self.from
    }

    /// The same for a request that needs a place for a moment only.
    ///
    /// # Errors
    /// [`Full::TooOften`]; it is counted.
    pub(super) fn pass(shared: &Shared, request: &HttpRequest) -> Result<(), Full> {
        let from = source_of(request);
        let passed = Admission::of(shared).pass(from, shared.uptime());
        passed.map_err(|full| refused(shared, from, full))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        Admission::of(&self.shared).release(self.from);
    }
}

fn source_of(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip())
}

fn refused(shared: &Shared, from: IpAddr, full: Full) -> Full {
    count(&shared.counters.refused_by_limit);
    tracing::info!(%from, problem = %full, "connection refused");
    full
}

impl Admission {
    fn of(shared: &Shared) -> MutexGuard<'_, Self> {
        shared.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
    /// Which limit is reached.
    fn admit(&mut self, from: IpAddr, now: Duration) -> Result<(), Full> {
        if self.in_all != 0 && self.open >= self.in_all {
            return Err(Full::Server);
        }
        // A reverse proxy on this machine speaks for everyone.
        if !from.is_loopback() {
            self.admit_source(network(from), now)?;
        }
        self.open = self.open.saturating_add(1);
        Ok(())
    }

    /// Counts a request that takes no place.
    fn pass(&mut self, from: IpAddr, now: Duration) -> Result<(), Full> {
        if from.is_loopback() {
            return Ok(());
        }
        let rate = self.rate;
        let source = self.source(network(from), now);
        source.connects.take(rate, 1, now).map_err(|_| Full::TooOften)
    }

    fn release(&mut self, from: IpAddr) {
        self.open = self.open.saturating_sub(1);
        if let Some(source) = self.sources.get_mut(&network(from)) {
            source.open = source.open.saturating_sub(1);
        }
    }

    fn source(&mut self, from: IpAddr, now: Duration) -> &mut Source {
        if self.sources.len() >= ADDRESSES {
            self.sources
                .retain(|_, source| source.open > 0 || !source.connects.is_idle(now));
        }
        self.sources.entry(from).or_default()
    }

    fn admit_source(&mut self, from: IpAddr, now: Duration) -> Result<(), Full> {
        let (per_address, rate) = (self.per_address, self.rate);
        let source = self.source(from, now);
        if per_address != 0 && source.open >= per_address {
            return Err(Full::Address);
        }
        source.connects.take(rate, 1, now).map_err(|_| Full::TooOften)?;
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
        assert_eq!(admission.admit(one, NOW), Err(Full::Address));
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
    fn requests_that_take_no_place_count_for_the_rate() {
        let mut admission = admission(1, 1, 5);
        let passed = (0..20).filter(|_| admission.pass(ip("192.0.2.1"), NOW).is_ok()).count();
        assert_eq!(passed, 10);
        assert_eq!(admission.admit(ip("192.0.2.1"), NOW), Err(Full::TooOften));
        assert_eq!(admission.open, 0);
    }

    #[test]
    fn all_sockets_together_have_a_limit_too() {
        let mut admission = admission(2, 0, 0);
        assert!(admission.admit(ip("192.0.2.1"), NOW).is_ok() && admission.admit(ip("127.0.0.1"), NOW).is_ok());
        assert_eq!(admission.admit(ip("127.0.0.1"), NOW), Err(Full::Server));
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
