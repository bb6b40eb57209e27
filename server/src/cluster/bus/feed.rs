//! The sending end of a watch: bounded, and honest about what it dropped.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::counters::Counters;
use super::{WATCH_CAPACITY, WatchEvent};

/// Sends events to one watcher.
#[derive(Debug)]
pub(super) struct Feed {
    watcher: mpsc::Sender<WatchEvent>,
    counters: Arc<Counters>,
    /// A gap waits that the watcher has not read, and everything behind it was dropped.
    full: bool,
}

impl Feed {
    pub(super) fn new(counters: Arc<Counters>) -> (Self, mpsc::Receiver<WatchEvent>) {
        Self::with_capacity(counters, WATCH_CAPACITY)
    }

    fn with_capacity(counters: Arc<Counters>, capacity: usize) -> (Self, mpsc::Receiver<WatchEvent>) {
        let (watcher, receiver) = mpsc::channel(capacity);
        let feed = Self {
            watcher,
            counters,
            full: false,
        };
        (feed, receiver)
    }

    /// Sends an event. The last free place is kept for a gap, which tells of all that is dropped behind it.
    pub(super) fn push(&mut self, event: WatchEvent) {
        if self.watcher.capacity() > 1 {
            self.full = false;
            // It was closed; whoever holds this sees to that.
            let _ = self.watcher.try_send(event);
            return;
        }
        Counters::count(&self.counters.watch_dropped);
        if !self.full {
            self.full = true;
            let _ = self.watcher.try_send(WatchEvent::Gap);
        }
    }

    /// Whether the watcher is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.watcher.is_closed()
    }

    /// Ends when the watcher is gone.
    pub(super) async fn closed(&self) {
        self.watcher.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Revision};
    use super::*;

    fn event(number: u64) -> WatchEvent {
        WatchEvent::Deleted {
            key: Key::new(["k"]),
            revision: Revision { store: 1, number },
        }
    }

    #[tokio::test]
    async fn a_slow_watcher_gets_a_gap_in_place_of_what_was_dropped() {
        let counters = Arc::new(Counters::default());
        let (mut feed, mut receiver) = Feed::with_capacity(Arc::clone(&counters), 4);
        (1..=6).for_each(|number| feed.push(event(number)));
        assert_eq!(counters.read().watch_dropped, 3);
        // There is room for one, but the gap is unread and stands for this one, too.
        assert_eq!(receiver.recv().await, Some(event(1)));
        feed.push(event(7));
        for expected in [event(2), event(3), WatchEvent::Gap] {
            assert_eq!(receiver.recv().await, Some(expected));
        }
        feed.push(event(8));
        assert_eq!(receiver.recv().await, Some(event(8)));
        drop(receiver);
        assert!(feed.is_closed());
    }
}
