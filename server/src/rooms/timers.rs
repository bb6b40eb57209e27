//! Deadlines by name: each name has one at most.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

/// A table of deadlines on the clock of [`Now::mono`](super::Now).
#[derive(Debug)]
pub(crate) struct Timers<K> {
    by_time: BTreeSet<(Duration, K)>,
    by_key: HashMap<K, Duration>,
}

impl<K: Clone + Ord + Hash> Timers<K> {
    pub(crate) fn new() -> Self {
        Self {
            by_time: BTreeSet::new(),
            by_key: HashMap::new(),
        }
    }

    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, key: K, at: Duration) {
        self.clear(key.clone());
        self.by_key.insert(key.clone(), at);
        self.by_time.insert((at, key));
    }

    pub(crate) fn clear(&mut self, key: K) {
        if let Some(at) = self.by_key.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    /// How many are set.
    #[cfg(feature = "chaos")]
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }

    pub(crate) fn is_set(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// Takes one that is due at `now`, the oldest first.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<K> {
        let (at, key) = self.by_time.first()?.clone();
        if at > now {
            return None;
        }
        self.clear(key.clone());
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn deadlines_come_due_in_their_order_and_a_moved_one_only_once() {
        let mut timers = Timers::new();
        timers.set('b', 5 * S);
        timers.set('a', 2 * S);
        timers.set('b', 3 * S);
        timers.set('c', 4 * S);
        timers.clear('c');
        assert_eq!(timers.next(), Some(2 * S));
        assert_eq!(timers.pop_due(S), None);
        assert_eq!(timers.pop_due(9 * S), Some('a'));
        assert_eq!(timers.pop_due(9 * S), Some('b'));
        assert_eq!(timers.pop_due(9 * S), None);
        assert_eq!(timers.next(), None);
    }
}
