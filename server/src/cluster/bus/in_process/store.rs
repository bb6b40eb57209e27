//! What the broker in the process stores.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::super::{BusError, Entry, Key, MAX_ENTRIES, MAX_ENTRIES_BYTES, Revision};

/// One bucket. The time is an argument.
#[derive(Debug)]
pub(super) struct Store {
    lease: Duration,
    made: u64,
    writes: u64,
    entries: BTreeMap<Key, (Entry, Instant)>,
    /// The last write of each key, of those that were taken away, too.
    last: BTreeMap<Key, (u64, Instant)>,
}

impl Store {
    /// An empty one; `made` tells it from earlier ones.
    pub(super) fn new(lease: Duration, made: u64) -> Self {
        Self {
            lease,
            made,
            writes: 0,
            entries: BTreeMap::new(),
            last: BTreeMap::new(),
        }
    }

    /// The entry of a key whose lease is not over.
    pub(super) fn get(&mut self, key: &Key, now: Instant) -> Option<Entry> {
        let (entry, written) = self.entries.get(key)?;
        if now.saturating_duration_since(*written) >= self.lease {
            self.entries.remove(key);
            return None;
        }
        Some(entry.clone())
    }

    /// Writes an entry (`None`: takes it away) where the present one has the revision `expected`.
    pub(super) fn write(
        &mut self,
        key: &Key,
        value: Option<Bytes>,
        expected: Option<Revision>,
        now: Instant,
    ) -> Result<Revision, BusError> {
        let current = self.get(key, now);
        if current.as_ref().map(|entry| entry.revision) != expected {
            return Err(BusError::Conflict { current });
        }
        self.writes += 1;
        let revision = Revision {
            store: self.made,
            number: self.writes,
        };
        self.last.insert(key.clone(), (self.writes, now));
        match value {
            Some(value) => self.entries.insert(key.clone(), (Entry { value, revision }, now)),
            None => self.entries.remove(key),
        };
        Ok(revision)
    }

    /// All entries whose lease is not over.
    pub(super) fn entries(&mut self, now: Instant) -> Result<Vec<(Key, Entry)>, BusError> {
        let lease = self.lease;
        self.entries
            .retain(|_, (_, written)| now.saturating_duration_since(*written) < lease);
        let bytes: usize = self.entries.values().map(|(entry, _)| entry.value.len()).sum();
        if self.entries.len() > MAX_ENTRIES || bytes > MAX_ENTRIES_BYTES {
            return Err(BusError::Other("the bucket is too large to be read in full".into()));
        }
        let entries = self.entries.iter();
        Ok(entries.map(|(key, (entry, _))| (key.clone(), entry.clone())).collect())
    }

    /// The keys that were written after a revision; `None`: it is of another store, or they are too many.
    pub(super) fn changed(&mut self, after: Revision, most: usize, now: Instant) -> Option<Vec<Key>> {
        if after.store != self.made {
            return None;
        }
        let lease = self.lease;
        self.last
            .retain(|_, (_, written)| now.saturating_duration_since(*written) < lease);
        let later = self.last.iter().filter(|(_, (number, _))| *number > after.number);
        let keys: Vec<Key> = later.map(|(key, _)| key.clone()).collect();
        (keys.len() <= most).then_some(keys)
    }
}
