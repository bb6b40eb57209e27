//! How many connections there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::policing::network_of;

/// Places for connections: in total, and from one source (an IPv4 address, or a /64 of IPv6). 0 is unlimited.
#[derive(Debug)]
pub(super) struct Places {
    in_total: usize,
    per_source: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    in_total: usize,
    by_source: HashMap<u64, usize>,
}

/// One place; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Place {
    /// None: loopback, which is not counted by source.
    source: Option<u64>,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    pub(super) fn new(in_total: usize, per_source: usize) -> Self {
        Self {
            in_total,
            per_source,
            taken: Arc::default(),
        }
    }

    /// A place for a connection from `from`, if there is one.
    pub(super) fn take(&self, from: IpAddr) -> Option<Place> {
        // As for signalling: on loopback a proxy may speak for everyone.
        let source = (!from.is_loopback()).then(|| network_of(from));
        let mut taken = lock(&self.taken);
        if is_full(taken.in_total, self.in_total) {
            return None;
        }
        if let Some(source) = source {
            if is_full(taken.by_source.get(&source).copied().unwrap_or(0), self.per_source) {
                return None;
            }
            *taken.by_source.entry(source).or_default() += 1;
        }
        taken.in_total += 1;
        Some(Place {
            source,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.in_total = taken.in_total.saturating_sub(1);
        let Some(source) = self.source else {
            return;
        };
        if let Some(count) = taken.by_source.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_source.remove(&source);
            }
        }
    }
}

fn is_full(taken: usize, limit: usize) -> bool {
    limit != 0 && taken >= limit
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_gets_its_share_others_get_theirs_and_a_place_given_back_is_there_again() {
        let places = Places::new(0, 2);
        let held: Vec<_> = (0..2).map(|_| places.take(ip("192.0.2.1")).unwrap()).collect();
        assert!(places.take(ip("192.0.2.1")).is_none());
        assert!(places.take(ip("::ffff:192.0.2.1")).is_none(), "the same address");
        let _other = places.take(ip("192.0.2.2")).unwrap();
        drop(held);
        assert!(places.take(ip("192.0.2.1")).is_some());
        assert_eq!(lock(&places.taken).by_source.len(), 1, "who has none is forgotten");
    }

    #[test]
    fn loopback_is_bounded_by_the_total_alone() {
        let places = Places::new(3, 1);
        let held: Vec<_> = (0..3).map(|_| places.take(ip("127.0.0.1")).unwrap()).collect();
        assert!(places.take(ip("::1")).is_none());
        drop(held);
        assert!(places.take(ip("::1")).is_some());
    }
}
