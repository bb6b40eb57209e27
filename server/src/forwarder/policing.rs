//! How many packets of strangers are looked at, and how many of a publisher are forwarded.
//!
//! A packet from an address that no peer has proved costs us work before we know whether it is worth any. So each
//! source has a budget, and all of them together have one. Memory is fixed: sources share buckets by a keyed hash.
//!
//! A publisher's packet costs us as many as there are listeners, so each publisher has a [`MediaBudget`]. It pays when its
//! packet is authentic: nobody else can spend it.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Instant;

use super::ForwarderLimits;

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

impl Bucket {
    /// Full, whatever the rate is: the first look cuts it.
    const FULL: Self = Self {
        tokens: f32::INFINITY,
        filled_at: 0,
    };
}

/// What one publisher may still send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MediaBudget {
    packets: Bucket,
    bytes: Bucket,
}

impl Default for MediaBudget {
    fn default() -> Self {
        Self {
            packets: Bucket::FULL,
            bytes: Bucket::FULL,
        }
    }
}

/// Token buckets for unauthenticated packets, and the rates of publishers.
#[derive(Debug)]
pub(crate) struct Policer {
    began: Instant,
    hasher: RandomState,
    buckets: Box<[Bucket]>,
    total: Bucket,
    per_source: u32,
    in_total: u32,
    publisher_packets: u32,
    publisher_bytes: u32,
}

impl Policer {
    pub(crate) fn new(limits: &ForwarderLimits, now: Instant) -> Self {
        Self {
            began: now,
            hasher: RandomState::new(),
            buckets: vec![Bucket::FULL; BUCKETS].into_boxed_slice(),
            total: Bucket::FULL,
            per_source: limits.unauthenticated_per_source,
            in_total: limits.unauthenticated_in_total,
            publisher_packets: limits.publisher_packets,
            publisher_bytes: limits.publisher_kbit.saturating_mul(1000 / 8),
        }
    }

    /// Whether a packet of this stranger may be looked at.
    pub(crate) fn admit(&mut self, source: IpAddr, now: Instant) -> bool {
        let at = self.millis(now);
        let slot = (self.hasher.hash_one(network_of(source)) % BUCKETS as u64) as usize;
        take(&mut self.buckets[slot], self.per_source, 1.0, at) && take(&mut self.total, self.in_total, 1.0, at)
    }

    /// Whether an authentic packet of a publisher, of so many bytes, may be forwarded.
    pub(crate) fn admit_media(&self, budget: &mut MediaBudget, bytes: usize, now: Instant) -> bool {
        let at = self.millis(now);
        take(&mut budget.packets, self.publisher_packets, 1.0, at)
            && take(&mut budget.bytes, self.publisher_bytes, bytes as f32, at)
    }

    fn millis(&self, now: Instant) -> u32 {
        let since = now.saturating_duration_since(self.began).as_millis();
        u32::try_from(since).unwrap_or(u32::MAX)
    }
}

/// Who pays: an IPv4 address, or an IPv6 network of 64 bits (what one customer has).
pub(super) fn network_of(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

fn take(bucket: &mut Bucket, rate: u32, cost: f32, at: u32) -> bool {
    if rate == 0 {
        return true;
    }
    let rate = rate as f32;
    let elapsed = at.saturating_sub(bucket.filled_at) as f32 / 1000.0;
    bucket.tokens = (bucket.tokens + elapsed * rate).min(rate * BURST_SECONDS as f32);
    bucket.filled_at = at;
    if bucket.tokens < cost {
        return false;
    }
    bucket.tokens -= cost;
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn strangers(per_source: u32, in_total: u32, now: Instant) -> Policer {
        let limits = ForwarderLimits {
            unauthenticated_per_source: per_source,
            unauthenticated_in_total: in_total,
            ..ForwarderLimits::default()
        };
        Policer::new(&limits, now)
    }

    #[test]
    fn a_source_beyond_its_rate_is_refused_and_recovers_while_others_pass() {
        let mut now = Instant::now();
        let mut policer = strangers(10, 0, now);
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
        let mut policer = strangers(10, 50, now);
        let admitted = (0..10_000u32)
            .filter(|n| policer.admit(IpAddr::from(n.to_be_bytes()), now))
            .count();
        assert_eq!(admitted, 100);
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let now = Instant::now();
        let mut policer = strangers(1, 0, now);
        let admitted = (0..100u16)
            .filter(|n| policer.admit(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, *n]), now))
            .count();
        assert_eq!(admitted, 2);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let now = Instant::now();
        let mut policer = strangers(0, 0, now);
        assert!((0..100_000).all(|_| policer.admit(IpAddr::from([1, 1, 1, 1]), now)));
    }

    #[test]
    fn a_publisher_may_send_its_rate_for_ever_and_no_more() {
        let limits = ForwarderLimits {
            publisher_packets: 100,
            publisher_kbit: 80,
            ..ForwarderLimits::default()
        };
        let mut now = Instant::now();
        let policer = Policer::new(&limits, now);
        let (mut steady, mut many, mut large) = (MediaBudget::default(), MediaBudget::default(), MediaBudget::default());
        let (mut admitted_many, mut admitted_bytes) = (0, 0);
        for _ in 0..1000 {
            now += Duration::from_millis(10);
            assert!(policer.admit_media(&mut steady, 100, now));
            admitted_many += (0..10).filter(|_| policer.admit_media(&mut many, 20, now)).count();
            admitted_bytes += 1000 * usize::from(policer.admit_media(&mut large, 1000, now));
        }
        assert!(
            (1190..=1200).contains(&admitted_many),
            "10 s and the burst of 2 s: {admitted_many}"
        );
        assert!((115_000..=120_000).contains(&admitted_bytes), "{admitted_bytes}");
    }
}
