//! The registry of the simulation: entries with revisions, compare-and-set, and a limit to what it does in a second.

use std::collections::HashMap;
use std::time::Duration;

use crate::cluster::bus::Revision;
use crate::cluster::state::{RegistryKey, WriteError};

/// What is asked of it.
#[derive(Debug)]
pub(super) enum RegistryWork {
    Get(RegistryKey),
    Put(RegistryKey, Vec<u8>, Option<Revision>),
    Delete(RegistryKey, Revision),
}

impl RegistryWork {
    /// What is answered when the registry cannot be reached, or not in time.
    pub(super) fn unavailable(&self) -> RegistryAnswer {
        match self {
            Self::Get(_) => RegistryAnswer::Got(Err(())),
            Self::Put(..) | Self::Delete(..) => RegistryAnswer::Written(Err(WriteError::Unavailable)),
        }
    }
}

/// What it answers.
#[derive(Debug)]
pub(super) enum RegistryAnswer {
    Got(Result<Option<(Vec<u8>, Revision)>, ()>),
    Written(Result<(), WriteError>),
}

/// The entries.
#[derive(Debug)]
pub(super) struct Registry {
    entries: HashMap<RegistryKey, (Vec<u8>, Revision)>,
    store: u64,
    writes: u64,
    /// Until when it is busy.
    busy_until: Duration,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self {
            entries: HashMap::new(),
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
    pub(super) fn work(&mut self, work: RegistryWork) -> RegistryAnswer {
        match work {
            RegistryWork::Get(key) => RegistryAnswer::Got(Ok(self.entries.get(&key).cloned())),
            RegistryWork::Put(key, value, expected) => {
                let known = self.entries.get(&key).map(|(_, revision)| *revision);
                let written = known == expected;
                if written {
                    let revision = self.next_revision();
                    self.entries.insert(key, (value, revision));
                }
                RegistryAnswer::Written(written.then_some(()).ok_or(WriteError::Conflict))
            }
            RegistryWork::Delete(key, expected) => {
                let is_it = self.entries.get(&key).is_some_and(|(_, revision)| *revision == expected);
                if is_it {
                    self.entries.remove(&key);
                }
                RegistryAnswer::Written(is_it.then_some(()).ok_or(WriteError::Conflict))
            }
        }
    }
}
