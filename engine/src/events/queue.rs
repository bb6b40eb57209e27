//! A bounded queue of events that loses nothing silently.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::task::AtomicWaker;

use super::{Lagged, ZegoEvent};

/// Events on their way to one reader, in order.
///
/// When it is full, reports of quality give way first: a newer one takes the place of the older one of the same stream.
/// Where only other events are left, the oldest is lost and the reader is told how many in [`Lagged`].
#[derive(Debug)]
pub(crate) struct EventQueue {
    capacity: usize,
    inner: Mutex<Inner>,
    waker: AtomicWaker,
}

/// An event, and how many were reported before it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) event: ZegoEvent,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Numbered>,
    lost: u64,
    closed: bool,
}

impl EventQueue {
    /// An empty queue for at most `capacity` events.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            inner: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `event`. The reader is woken by [`wake`](Self::wake), so that this can be called under a lock.
    pub(crate) fn push(&self, event: Numbered) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        if inner.events.len() >= self.capacity && !make_room(&mut inner, &event.event) {
            return;
        }
        inner.events.push_back(event);
    }

    /// Wakes the reader.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// What is queued stays; nothing more comes. The reader then sees the end.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// The next event, how many were lost before it, or the end.
    pub(crate) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Result<Numbered, Lagged>>> {
        if let Some(item) = self.try_next() {
            return Poll::Ready(item);
        }
        self.waker.register(context.waker());
        // It may have come between the two.
        self.try_next().map_or(Poll::Pending, Poll::Ready)
    }

    /// As [`poll_next`](Self::poll_next); `None` where nothing is there yet.
    #[allow(clippy::option_option)]
    fn try_next(&self) -> Option<Option<Result<Numbered, Lagged>>> {
        let mut inner = self.lock();
        if inner.lost > 0 {
            return Some(Some(Err(Lagged(std::mem::take(&mut inner.lost)))));
        }
        match inner.events.pop_front() {
            Some(event) => Some(Some(Ok(event))),
            None if inner.closed => Some(None),
            None => None,
        }
    }
}

/// Makes room in a full queue for `event`; `false` says that `event` itself is the one to go.
fn make_room(inner: &mut Inner, event: &ZegoEvent) -> bool {
    let report = event.report_of();
    let same = |queued: &Numbered| report.is_some() && queued.event.report_of() == report;
    let any_report = |queued: &Numbered| queued.event.report_of().is_some();
    let victim = inner
        .events
        .iter()
        .position(same)
        .or_else(|| inner.events.iter().position(any_report));
    match victim {
        Some(index) => drop(inner.events.remove(index)),
        // A report never drives out an event that comes once: the next report is 3 s away.
        None if report.is_some() => return false,
        None => {
            inner.events.pop_front();
            inner.lost = inner.lost.saturating_add(1);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use express_messages::{ids::StreamId, types::RoomStateChangedReason};
    use futures::task::noop_waker;

    use super::*;
    use crate::events::{PublishQualityUpdate, RoomStateChanged};

    fn numbered(event: impl Into<ZegoEvent>) -> Numbered {
        Numbered {
            number: 0,
            event: event.into(),
        }
    }

    fn state(code: i32) -> Numbered {
        numbered(RoomStateChanged {
            room_id: "r".into(),
            reason: RoomStateChangedReason::Reconnecting,
            error_code: code,
            extended_data: String::new(),
        })
    }

    fn quality(stream: &str, kbps: f64) -> Numbered {
        numbered(PublishQualityUpdate {
            stream_id: StreamId::new(stream).unwrap(),
            stats: crate::testing::publish_stats(kbps),
        })
    }

    fn drain(queue: &EventQueue) -> Vec<Result<Numbered, Lagged>> {
        let waker = noop_waker();
        let context = Context::from_waker(&waker);
        let mut seen = Vec::new();
        while let Poll::Ready(Some(item)) = queue.poll_next(&context) {
            seen.push(item);
        }
        seen
    }

    #[test]
    fn a_full_queue_tells_how_many_events_were_lost_before_the_rest() {
        let queue = EventQueue::new(2);
        for code in 0..5 {
            queue.push(state(code));
        }
        assert_eq!(drain(&queue), [Err(Lagged(3)), Ok(state(3)), Ok(state(4))]);
    }

    #[test]
    fn a_newer_report_takes_the_place_of_the_older_one_of_its_stream_without_a_lag() {
        let queue = EventQueue::new(3);
        for event in [quality("a", 1.0), quality("b", 1.0), state(1), quality("b", 2.0)] {
            queue.push(event);
        }
        assert_eq!(drain(&queue), [Ok(quality("a", 1.0)), Ok(state(1)), Ok(quality("b", 2.0))]);
    }

    #[test]
    fn reports_give_way_to_other_events_and_never_the_other_way_round() {
        let queue = EventQueue::new(2);
        queue.push(quality("a", 1.0));
        for code in 1..3 {
            queue.push(state(code));
        }
        queue.push(quality("a", 2.0));
        assert_eq!(drain(&queue), [Ok(state(1)), Ok(state(2))]);
    }

    #[test]
    fn what_was_queued_before_the_end_is_still_given() {
        let queue = EventQueue::new(2);
        queue.push(state(1));
        queue.close();
        queue.push(state(2));
        assert_eq!(drain(&queue), [Ok(state(1))]);
        let waker = noop_waker();
        assert_eq!(queue.poll_next(&Context::from_waker(&waker)), Poll::Ready(None));
    }
}
