//! After a connection is back: what others changed in the registry meanwhile is settled anew, and nothing else.

use std::time::Duration;

use super::letters::RegistryKey;
use super::ops::Job;
use super::{Action, ClusterState, RETRIED, Timer};
use crate::cluster::bus::Revision;
use crate::rooms::Now;
use crate::rooms::cloud::RoomName;

/// Entries of rooms and claims are written anew so long after they were last: the registry forgets what nobody renews for an hour.
const RENEW_ENTRIES: Duration = Duration::from_secs(20 * 60);
/// Those that are due are so with each renewal of the node, at most: 24,000 before the first is forgotten.
const RENEWED: usize = 20;

/// To hear of so many changes costs the registry as much as to be asked about one entry, and so many are heard of in any case.
const CHANGES_AN_ENTRY: usize = 8;
const FEW_CHANGES: usize = 256;

/// So long after a connection this node begins to write what it decided alone: all nodes are back at about the same time, and what
/// one of them writes is a change to those who ask a little later.
const HOLDS: Duration = Duration::from_secs(1);
/// A busy registry is asked so often before each entry is asked for by itself, which would make it busier.
const TRIES: u32 = 5;

/// How far this node knows the registry.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The last write that it saw.
    seen: Option<Revision>,
    /// What others wrote after this is being read, or is still to be.
    reading: Option<Revision>,
    /// How often that failed, and whether it is to be asked for again.
    failed: u32,
    again: bool,
}

impl Known {
    /// A write was seen, this node's or another's.
    pub(super) fn see(&mut self, revision: Revision) {
        self.seen = self.seen.max(Some(revision));
    }
}

impl ClusterState {
    /// Asks what others have changed since this node knew the registry.
    pub(super) fn ask_changes(&mut self, now: Now) {
        self.known.failed = 0;
        self.timers.set(Timer::Settle, now.mono.saturating_add(HOLDS));
        self.read_changes();
    }

    fn read_changes(&mut self) {
        self.known.again = false;
        let Some(after) = self.known.reading.or(self.known.seen) else {
            return self.settle_everything();
        };
        self.known.reading = Some(after);
        // To ask for each is less than to hear of more.
        let own = self.rooms.len().saturating_add(self.claims.len());
        let most = own.saturating_mul(CHANGES_AN_ENTRY).max(FEW_CHANGES);
        self.actions.push(Action::ReadChanges(after, most));
    }

    /// What others have changed; `None`: more than was asked for, or everything, for the registry has lost what it had.
    pub(crate) fn on_changes(&mut self, now: Now, changes: Result<Option<Vec<RegistryKey>>, ()>) -> Vec<Action> {
        if !self.connected {
            // It is asked again with the next connection.
            return Vec::new();
        }
        if changes.is_err() && self.known.failed + 1 < TRIES {
            self.known.failed += 1;
            self.known.again = true;
            return Vec::new();
        }
        self.known.reading = None;
        match changes {
            Ok(Some(keys)) => {
                for key in keys {
                    self.changed(key);
                }
                // Who was away for long may have been forgotten, of which nobody hears.
                self.settle(usize::MAX, |_, written| is_due(now, written));
            }
            Ok(None) | Err(()) => self.settle_everything(),
        }
        self.take_actions()
    }

    fn changed(&mut self, key: RegistryKey) {
        match key {
            RegistryKey::Room(room) if self.rooms.get(&room).is_some_and(|room| room.is_open()) => self.add_job(Job::Enter(room)),
            RegistryKey::Stream(stream) if self.claims.contains_key(&stream) => self.add_job(Job::Settle(stream)),
            RegistryKey::Room(_) | RegistryKey::Stream(_) => {}
        }
    }

    /// Everything that this node has is settled with the registry, as if it were new.
    fn settle_everything(&mut self) {
        self.settle(usize::MAX, |_, _| true);
    }

    /// What was given up or begun while the registry could not be asked.
    pub(super) fn settle_rest(&mut self) {
        self.give_back(usize::MAX);
        self.settle(usize::MAX, |settled, _| !settled);
    }

    /// What the registry did not do when it was asked is tried again, and what is due is renewed: some of it at a time.
    pub(super) fn settle_some(&mut self, now: Now) {
        if self.known.again {
            self.read_changes();
        }
        if self.timers.is_set(&Timer::Settle) {
            return;
        }
        self.give_back(RETRIED);
        // Nearly always there is nothing: that is seen by one look at each.
        let wanted = |settled: bool, written| !settled || is_due(now, written);
        let room = self
            .rooms
            .values()
            .any(|room| room.is_open() && wanted(room.settled, room.written));
        if !room && !self.claims.values().any(|claim| wanted(claim.settled, claim.written)) {
            return;
        }
        self.settle(RETRIED, |settled, _| !settled);
        self.settle(RENEWED, |_, written| is_due(now, written));
    }

    /// Takes out of the registry what this node gave up.
    fn give_back(&mut self, most: usize) {
        for _ in 0..most {
            let Some(room) = self.left.pop_first() else { break };
            self.add_job(Job::Leave(room));
        }
        for _ in 0..most {
            let Some(stream) = self.released.pop_first() else { break };
            self.add_job(Job::Release(stream));
        }
    }

    /// Sees to it that the registry has what this node has.
    ///
    /// - `wanted`: of what, by whether the registry had it when it was asked last, and when it was last written from here
    fn settle(&mut self, most: usize, wanted: impl Fn(bool, Duration) -> bool) {
        let open = self.rooms.iter().filter(|(_, room)| room.is_open());
        let rooms = open.filter(|(_, room)| wanted(room.settled, room.written));
        let mut rooms: Vec<RoomName> = rooms.map(|(name, _)| name.clone()).collect();
        rooms.sort_unstable();
        for room in rooms.into_iter().take(most) {
            self.add_job(Job::Enter(room));
        }
        let claims = self.claims.iter();
        let claims = claims.filter(|(_, claim)| wanted(claim.settled, claim.written));
        let mut streams: Vec<_> = claims.map(|(stream, _)| stream.clone()).collect();
        streams.sort_unstable();
        for stream in streams.into_iter().take(most) {
            self.add_job(Job::Settle(stream));
        }
    }
}

/// Whether an entry that was last written then is to be written anew.
pub(super) fn is_due(now: Now, written: Duration) -> bool {
    now.mono.saturating_sub(written) >= RENEW_ENTRIES
}
