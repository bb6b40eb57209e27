//! What went wrong quietly, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// What an engine counted since it was made; see [`ZegoExpressEngine::counters`](crate::ZegoExpressEngine::counters).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineCounters {
    /// Callbacks that panicked. Each panic was caught and logged.
    pub callback_panics: u64,
    /// Events that no callback got, because callbacks took too long.
    pub callback_events_lost: u64,
    /// Parts that did not end within 1 s of being told to, and were dropped.
    pub stops_unanswered: u64,
    /// Parts that ended by themselves or panicked, and were started afresh.
    pub restarts: u64,
}

/// The counters while the engine lives.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    callback_panics: AtomicU64,
    callback_events_lost: AtomicU64,
}

impl Counters {
    pub(crate) fn callback_panicked(&self) {
        self.callback_panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn callback_events_lost(&self, lost: u64) {
        self.callback_events_lost.fetch_add(lost, Ordering::Relaxed);
    }

    /// The numbers now; `stops_unanswered` and `restarts` are the state's to fill in.
    pub(crate) fn snapshot(&self) -> EngineCounters {
        EngineCounters {
            callback_panics: self.callback_panics.load(Ordering::Relaxed),
            callback_events_lost: self.callback_events_lost.load(Ordering::Relaxed),
            ..EngineCounters::default()
        }
    }
}
