//! How many packets of strangers are looked at.
//!
//! A packet from an address that no peer has proved costs us work before we know whether it is worth any. So each
//! source has a budget, and all of them together have one. Memory is fixed: sources share buckets by a keyed hash.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Instant;

/// Buckets of sources. 4,096 of 16 bytes: collisions are rare for honest crowds, and an attacker cannot aim them.
const BUCKETS: usize = 4096;
/// A bucket holds what comes in for so many seconds: joins come in bursts.
const BURST_SECONDS: f64 = 2.0;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f32,
    /// Milliseconds since the policer began.
    filled_at: u32,
}

/// Token buckets for unauthenticated packets.
#[derive(Debug)]
pub(crate) struct Policer {
    began: Instant,
    hasher: RandomState,
    buckets: Box<[Bucket]>,
    total: Bucket,
    per_source: u32,
    in_total: u32,
}

impl Policer {
    /// Rates are packets per second; 0 means unlimited.
    pub(crate) fn new(per_source: u32, in_total: u32, now: Instant) -> Self {
        let full = |rate: u32| Bucket {
            tokens: (f64::from(rate) * BURST_SECONDS) as f32,
            filled_at: 0,
        };
        Self {
            began: now,
            hasher: RandomState::new(),
            buckets: vec![full(per_source); BUCKETS].into_boxed_slice(),
            total: full(in_total),
            per_source,
            in_total,
        }
    }

    /// Whether a packet of this stranger may be looked at.
    pub(crate) fn admit(&mut self, source: IpAddr, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.began).as_millis();
        let at = u32::try_from(since).unwrap_or(u32::MAX);
        let slot = (self.hasher.hash_one(network_of(source)) % BUCKETS as u64) as usize;
        take(&mut self.buckets[slot], self.per_source, at) && take(&mut self.total, self.in_total, at)
    }
}

/// Who pays: an IPv4 address, or an IPv6 network of 64 bits (what one customer has).
pub(super) fn network_of(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

fn take(bucket: &mut Bucket, rate: u32, at: u32) -> bool {
    if rate == 0 {
        return true;
    }
    let rate = rate as f32;
    let elapsed = at.saturating_sub(bucket.filled_at) as f32 / 1000.0;
    bucket.tokens = (bucket.tokens + elapsed * rate).min(rate * BURST_SECONDS as f32);
    bucket.filled_at = at;
    if bucket.tokens < 1.0 {
        return false;
    }
    bucket.tokens -= 1.0;
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_source_beyond_its_rate_is_refused_and_recovers_while_others_pass() {
        let mut now = Instant::now();
        let mut policer = Policer::new(10, 0, now);
        let (loud, quiet) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let admitted = (0..1000).filter(|_| policer.admit(loud, now)).count();
        assert_eq!(admitted, 20, "two seconds' worth");
        assert!(policer.admit(quiet, now));
        now += Duration::from_secs(1);
        let admitted = (0..1000).filter(|_| policer.admit(loud, now)).count();
        assert_eq!(admitted, 10);
    }

    #[test]
    fn spoofed_sources_meet_the_total() {
        let now = Instant::now();
        let mut policer = Policer::new(10, 50, now);
        let admitted = (0..10_000u32)
            .filter(|n| policer.admit(IpAddr::from(n.to_be_bytes()), now))
            .count();
        assert_eq!(admitted, 100);
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let now = Instant::now();
        let mut policer = Policer::new(1, 0, now);
        let admitted = (0..100u16)
            .filter(|n| policer.admit(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, *n]), now))
            .count();
        assert_eq!(admitted, 2);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let now = Instant::now();
        let mut policer = Policer::new(0, 0, now);
        assert!((0..100_000).all(|_| policer.admit(IpAddr::from([1, 1, 1, 1]), now)));
    }
}
