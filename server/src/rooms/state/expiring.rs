//! Entries that are forgotten when their time is over, and only so many of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::rooms::timers::Timers;

/// A bounded table on the clock of [`Now::mono`](super::Now). What has expired is not there, and is dropped by the next insertion.
#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    values: HashMap<K, (V, Duration)>,
    deadlines: Timers<K>,
    most: usize,
}

impl<K: Clone + Ord + Hash, V> Expiring<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            values: HashMap::new(),
            deadlines: Timers::new(),
            most,
        }
    }

    pub(super) fn get(&self, key: &K, now: Duration) -> Option<&V> {
        let (value, until) = self.values.get(key)?;
        (*until > now).then_some(value)
    }

    /// How many entries there are, those included that have expired and were not dropped yet.
    #[cfg(feature = "chaos")]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Every entry and what is left of its time.
    pub(super) fn iter(&self, now: Duration) -> impl Iterator<Item = (&K, &V, Duration)> {
        let entries = self.values.iter().filter(move |(_, (_, until))| *until > now);
        entries.map(move |(key, (value, until))| (key, value, until.saturating_sub(now)))
    }

    /// Sets or replaces an entry. In a full table it takes the place of the one that would have expired first, and the answer is
    /// `true`.
    pub(super) fn insert(&mut self, key: K, value: V, until: Duration, now: Duration) -> bool {
        self.forget_expired(now);
        let full = !self.values.contains_key(&key) && self.values.len() >= self.most;
        if full && let Some(first) = self.deadlines.pop_due(Duration::MAX) {
            self.values.remove(&first);
        }
        self.deadlines.set(key.clone(), until);
        self.values.insert(key, (value, until));
        full
    }

    pub(super) fn remove(&mut self, key: &K, now: Duration) -> Option<V> {
        self.deadlines.clear(key.clone());
        let (value, until) = self.values.remove(key)?;
        (until > now).then_some(value)
    }

    fn forget_expired(&mut self, now: Duration) {
        while let Some(key) = self.deadlines.pop_due(now) {
            self.values.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_is_there_until_its_time_is_over_and_takes_no_memory_after_the_next_one() {
        let mut table = Expiring::new(9);
        table.insert('a', 1, 5 * S, S);
        assert_eq!((table.get(&'a', 4 * S), table.get(&'a', 5 * S)), (Some(&1), None));
        assert_eq!(table.iter(2 * S).collect::<Vec<_>>(), [(&'a', &1, 3 * S)]);
        table.insert('b', 2, 9 * S, 6 * S);
        assert_eq!(table.values.len(), 1);
        assert_eq!((table.remove(&'b', 7 * S), table.remove(&'b', 7 * S)), (Some(2), None));
    }

    #[test]
    fn a_full_table_forgets_what_would_have_expired_first() {
        let mut table = Expiring::new(2);
        assert!(!table.insert('a', 1, 9 * S, S));
        assert!(!table.insert('b', 2, 5 * S, S));
        assert!(!table.insert('a', 3, 9 * S, S), "an entry that is replaced needs no place");
        assert!(table.insert('c', 4, 7 * S, S));
        assert_eq!(
            [table.get(&'a', S), table.get(&'b', S), table.get(&'c', S)],
            [Some(&3), None, Some(&4)]
        );
    }
}
