//! Where every event goes: to the callbacks' queue and to each subscription.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

use super::{EventQueue, ZegoEvent, ZegoEvents, queue::Numbered};

/// Most events that wait for the callbacks. A callback that blocks for long fills it; losses are counted and logged.
const CALLBACK_CAPACITY: usize = 16_384;

/// Hands each event to all who want it, in one order for all.
#[derive(Debug)]
pub(crate) struct EventHub {
    callbacks: Arc<EventQueue>,
    readers: Mutex<Readers>,
    /// Events reported so far.
    reported: AtomicU64,
}

#[derive(Debug, Default)]
struct Readers {
    queues: Vec<Weak<EventQueue>>,
    closed: bool,
}

impl EventHub {
    pub(crate) fn new() -> Self {
        Self {
            callbacks: Arc::new(EventQueue::new(CALLBACK_CAPACITY)),
            readers: Mutex::default(),
            reported: AtomicU64::new(0),
        }
    }

    /// How many events were reported so far. A callback that is registered now is called for those with this number and
    /// higher ones, not for what still waits to be delivered to others.
    pub(crate) fn reported(&self) -> u64 {
        self.reported.load(Ordering::Acquire)
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue that the callbacks are served from.
    pub(crate) fn callbacks(&self) -> Arc<EventQueue> {
        Arc::clone(&self.callbacks)
    }

    /// A new reader of everything from now on; at its end at once when the engine is gone.
    pub(crate) fn subscribe(&self) -> ZegoEvents {
        let queue = Arc::new(EventQueue::new(ZegoEvents::CAPACITY));
        let mut readers = self.readers();
        if readers.closed {
            queue.close();
        }
        readers.queues.retain(|queue| queue.strong_count() > 0);
        readers.queues.push(Arc::downgrade(&queue));
        ZegoEvents::new(queue)
    }

    /// Queues `events` everywhere, without waking anybody: call it under the lock that orders the engine.
    pub(crate) fn push(&self, events: Vec<ZegoEvent>) {
        if events.is_empty() {
            return;
        }
        let readers: Vec<_> = self.readers().queues.iter().filter_map(Weak::upgrade).collect();
        for event in events {
            let number = self.reported.fetch_add(1, Ordering::AcqRel);
            let event = Numbered { number, event };
            for reader in &readers {
                reader.push(event.clone());
            }
            self.callbacks.push(event);
        }
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        let mut readers = self.readers();
        readers.closed = true;
        for reader in readers.queues.iter().filter_map(Weak::upgrade) {
            reader.close();
        }
        self.callbacks.close();
    }

    /// Wakes all who wait, outside of any lock.
    pub(crate) fn wake(&self) {
        let readers: Vec<_> = self.readers().queues.iter().filter_map(Weak::upgrade).collect();
        for reader in readers {
            reader.wake();
        }
        self.callbacks.wake();
    }
}
