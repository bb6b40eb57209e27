//! What the bus counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was taken and dropped since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BusCounters {
    /// Messages that the inbox took.
    pub received: u64,
    /// Messages that found no room in the inbox, or nobody who reads it.
    pub inbox_dropped: u64,
    /// Events of watches that found no room.
    pub watch_dropped: u64,
    /// What came and was larger than allowed, or nothing that a node sends.
    pub refused: u64,
    /// Connections to the broker that were made.
    pub connects: u64,
}

/// [`BusCounters`] as they grow.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) received: AtomicU64,
    pub(super) inbox_dropped: AtomicU64,
    pub(super) watch_dropped: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) connects: AtomicU64,
}

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> BusCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BusCounters {
            received: read(&self.received),
            inbox_dropped: read(&self.inbox_dropped),
            watch_dropped: read(&self.watch_dropped),
            refused: read(&self.refused),
            connects: read(&self.connects),
        }
    }
}
