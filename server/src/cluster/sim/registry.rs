//! The registry of the simulation: entries with revisions, compare-and-set, and a limit to what it does in a second.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::cluster::bus::Revision;
use crate::cluster::state::{RegistryKey, WriteError};

/// How long an entry lives after it was written, as in the bucket of claims.
const LEASE: Duration = Duration::from_secs(3_600);

/// What is asked of it.
#[derive(Debug)]
pub(super) enum RegistryWork {
    Get(RegistryKey),
    Put(RegistryKey, Vec<u8>, Option<Revision>),
    Delete(RegistryKey, Revision),
    /// What was written after this, if it is not more than so many.
    Changes(Revision, usize),
}

impl RegistryWork {
    /// What is answered when the registry cannot be reached, or not in time.
    pub(super) fn unavailable(&self) -> RegistryAnswer {
        match self {
            Self::Get(_) => RegistryAnswer::Got(Err(())),
            Self::Changes(..) => RegistryAnswer::Changed(Err(())),
            Self::Put(..) | Self::Delete(..) => RegistryAnswer::Written(Err(WriteError::Unavailable)),
        }
    }
}

/// What it answers.
#[derive(Debug)]
pub(super) enum RegistryAnswer {
    Got(Result<Option<(Vec<u8>, Revision)>, ()>),
    Written(Result<Option<Revision>, WriteError>),
    Changed(Result<Option<Vec<RegistryKey>>, ()>),
}

/// The entries.
#[derive(Debug)]
pub(super) struct Registry {
    /// With when each was written.
    entries: HashMap<RegistryKey, (Vec<u8>, Revision, Duration)>,
    /// The last write of each key, and whose each of those is.
    last: HashMap<RegistryKey, u64>,
    changes: BTreeMap<u64, RegistryKey>,
    store: u64,
    writes: u64,
    /// Until when it is busy.
    busy_until: Duration,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self {
            entries: HashMap::new(),
            last: HashMap::new(),
            changes: BTreeMap::new(),
            store: 1,
            writes: 0,
            busy_until: Duration::ZERO,
        }
    }

    /// A number that no other write has.
    pub(super) fn next_write(&mut self) -> u64 {
        self.writes += 1;
        self.writes
    }

    /// Of the next write.
    pub(super) fn next_revision(&mut self) -> Revision {
        let (store, number) = (self.store, self.next_write());
        Revision { store, number }
    }

    /// It has forgotten everything.
    pub(super) fn wipe(&mut self) {
        self.entries.clear();
        self.last.clear();
        self.changes.clear();
        self.store += 1;
    }

    /// One more thing is asked of it: how long that waits for its turn and is done, at so many in a second (0: at once).
    pub(super) fn turn(&mut self, now: Duration, a_second: u32) -> Duration {
        if a_second == 0 {
            return Duration::ZERO;
        }
        self.busy_until = self.busy_until.max(now) + Duration::from_secs(1) / a_second;
        self.busy_until - now
    }

    /// Does it.
    pub(super) fn work(&mut self, now: Duration, work: RegistryWork) -> RegistryAnswer {
        match work {
            RegistryWork::Get(key) => {
                let known = self.get(now, &key);
                RegistryAnswer::Got(Ok(known.map(|(value, revision)| (value.clone(), revision))))
            }
            RegistryWork::Put(key, value, expected) => {
                let known = self.get(now, &key).map(|(_, revision)| revision);
                if known != expected {
                    return RegistryAnswer::Written(Err(WriteError::Conflict));
                }
                let revision = self.written(&key);
                self.entries.insert(key, (value, revision, now));
                RegistryAnswer::Written(Ok(Some(revision)))
            }
            RegistryWork::Delete(key, expected) => {
                if self.get(now, &key).is_none_or(|(_, revision)| revision != expected) {
                    return RegistryAnswer::Written(Err(WriteError::Conflict));
                }
                self.written(&key);
                self.entries.remove(&key);
                RegistryAnswer::Written(Ok(None))
            }
            RegistryWork::Changes(after, most) => RegistryAnswer::Changed(Ok(self.changed(after, most))),
        }
    }

    /// An entry whose lease is not over.
    fn get(&self, now: Duration, key: &RegistryKey) -> Option<(&Vec<u8>, Revision)> {
        let (value, revision, written) = self.entries.get(key)?;
        (now.saturating_sub(*written) < LEASE).then_some((value, *revision))
    }

    /// A key is written: by which write.
    fn written(&mut self, key: &RegistryKey) -> Revision {
        let revision = self.next_revision();
        if let Some(last) = self.last.insert(key.clone(), revision.number) {
            self.changes.remove(&last);
        }
        self.changes.insert(revision.number, key.clone());
        revision
    }

    fn changed(&self, after: Revision, most: usize) -> Option<Vec<RegistryKey>> {
        if after.store != self.store {
            return None;
        }
        let changed = self.changes.range(after.number.saturating_add(1)..);
        let keys: Vec<RegistryKey> = changed.take(most.saturating_add(1)).map(|(_, key)| key.clone()).collect();
        (keys.len() <= most).then_some(keys)
    }
}
