//! The sound of a played stream, pulled by the application.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use express_messages::audio::{AudioBlock, CaptureSink};
use futures::{Stream, task::AtomicWaker};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    events::{Lagged, RecvTimeout},
    park,
};

/// How many blocks wait for a slow reader: one second.
const CAPACITY: usize = 100;

#[derive(Debug, Default)]
struct Shared {
    reader: AtomicWaker,
    /// Blocks that the pump gave, taken or not.
    given: AtomicU64,
    ended: AtomicBool,
}

/// A block and its number.
#[derive(Debug)]
struct Numbered(u64, AudioBlock);

/// The pump's end: copies each block into a ring.
#[derive(Debug)]
pub(crate) struct FrameTap {
    ring: Producer<Numbered>,
    shared: Arc<Shared>,
}

/// The sound of one played stream, 10 ms at a time: a `Stream` for async code, [`recv`](Self::recv) for threads.
///
/// It gives every block, silence included, at the pace of the pump's clock and before the speaker's volume. A reader that
/// falls a second behind loses blocks and is told how many by [`Lagged`], at the place where they are missing. It ends when
/// the stream is stopped, the engine is destroyed, or the audio device part was started afresh.
///
/// # Shape and units
/// [`AudioBlock`]: 480 sample frames, 48 kHz, interleaved, 1 or 2 channels as the publisher sends them.
#[derive(Debug)]
pub struct ZegoFrames {
    ring: Consumer<Numbered>,
    shared: Arc<Shared>,
    next: u64,
    /// A block that came after a gap that is yet to be told.
    held: Option<AudioBlock>,
    /// Takes the tap away when the reader goes.
    _on_drop: OnDrop,
}

struct OnDrop(Option<Box<dyn FnOnce() + Send + Sync>>);

impl std::fmt::Debug for OnDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDrop")
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

/// A tap and its reader. `on_drop` runs when the reader is dropped.
pub(crate) fn frames(on_drop: impl FnOnce() + Send + Sync + 'static) -> (FrameTap, ZegoFrames) {
    let (producer, consumer) = RingBuffer::new(CAPACITY);
    let shared = Arc::new(Shared::default());
    let tap = FrameTap {
        ring: producer,
        shared: Arc::clone(&shared),
    };
    let reader = ZegoFrames {
        ring: consumer,
        shared,
        next: 0,
        held: None,
        _on_drop: OnDrop(Some(Box::new(on_drop))),
    };
    (tap, reader)
}

impl CaptureSink for FrameTap {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        let number = self.shared.given.fetch_add(1, Ordering::AcqRel);
        // Full: the reader learns of it by the gap in the numbers.
        let _ = self.ring.push(Numbered(number, block.clone()));
        self.shared.reader.wake();
    }
}

impl Drop for FrameTap {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.reader.wake();
    }
}

impl ZegoFrames {
    /// Blocks until the next 10 ms; `None` at the end.
    pub fn recv(&mut self) -> Option<Result<AudioBlock, Lagged>> {
        park::block_on(poll_fn(|context| self.poll_block(context)))
    }

    /// Blocks until the next 10 ms, at most for `limit`.
    ///
    /// # Errors
    /// [`RecvTimeout`] when nothing came in that time.
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<Option<Result<AudioBlock, Lagged>>, RecvTimeout> {
        let next = poll_fn(|context| self.poll_block(context));
        park::block_until(next, park::deadline_in(limit)).ok_or(RecvTimeout)
    }

    /// What is there now, without waiting: `None` where nothing is, also at the end.
    pub fn try_recv(&mut self) -> Option<Result<AudioBlock, Lagged>> {
        self.take().flatten()
    }

    fn poll_block(&mut self, context: &Context<'_>) -> Poll<Option<Result<AudioBlock, Lagged>>> {
        if let Some(item) = self.take() {
            return Poll::Ready(item);
        }
        self.shared.reader.register(context.waker());
        // It may have come between the two.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// The next item, or the end as `Some(None)`; `None` where nothing is there yet.
    #[allow(clippy::option_option)]
    fn take(&mut self) -> Option<Option<Result<AudioBlock, Lagged>>> {
        if let Some(block) = self.held.take() {
            return Some(Some(Ok(block)));
        }
        // Read before the ring: whatever was pushed before the end is then in the ring.
        let ended = self.shared.ended.load(Ordering::Acquire);
        match self.ring.pop() {
            Ok(Numbered(number, block)) => Some(Some(self.after_gap(number, block))),
            Err(_) if ended => Some(self.gap_at_end().map(Err)),
            Err(_) => None,
        }
    }

    fn after_gap(&mut self, number: u64, block: AudioBlock) -> Result<AudioBlock, Lagged> {
        let missing = number.saturating_sub(self.next);
        self.next = number.saturating_add(1);
        if missing == 0 {
            return Ok(block);
        }
        self.held = Some(block);
        Err(Lagged(missing))
    }

    fn gap_at_end(&mut self) -> Option<Lagged> {
        let given = self.shared.given.load(Ordering::Acquire);
        let missing = given.saturating_sub(self.next);
        self.next = given;
        (missing > 0).then_some(Lagged(missing))
    }
}

impl Stream for ZegoFrames {
    type Item = Result<AudioBlock, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_block(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(tap: &mut FrameTap, count: usize) {
        for _ in 0..count {
            tap.on_block(&AudioBlock::silent(1), Instant::now());
        }
    }

    fn lags(reader: &mut ZegoFrames) -> (usize, Vec<u64>) {
        let (mut blocks, mut lags) = (0, Vec::new());
        while let Some(item) = reader.try_recv() {
            match item {
                Ok(_) => blocks += 1,
                Err(Lagged(lost)) => lags.push(lost),
            }
        }
        (blocks, lags)
    }

    #[test]
    fn a_reader_that_keeps_up_gets_every_block() {
        let (mut tap, mut reader) = frames(|| {});
        for _ in 0..3 {
            give(&mut tap, CAPACITY);
            assert_eq!(lags(&mut reader), (CAPACITY, vec![]));
        }
    }

    #[test]
    fn a_slow_reader_is_told_how_many_blocks_are_missing_and_where() {
        let (mut tap, mut reader) = frames(|| {});
        give(&mut tap, CAPACITY + 7);
        assert_eq!(lags(&mut reader), (CAPACITY, vec![]));
        give(&mut tap, 1);
        assert_eq!(reader.try_recv().unwrap().unwrap_err(), Lagged(7));
        assert!(reader.try_recv().unwrap().is_ok());
    }

    #[test]
    fn blocks_lost_before_the_end_are_told_too() {
        let (mut tap, mut reader) = frames(|| {});
        give(&mut tap, CAPACITY + 2);
        drop(tap);
        assert_eq!(lags(&mut reader), (CAPACITY, vec![2]));
        assert!(reader.recv().is_none());
    }

    #[test]
    fn a_blocked_reader_wakes_for_a_block_and_for_the_end() {
        let (mut tap, mut reader) = frames(|| {});
        let reading = std::thread::spawn(move || std::iter::from_fn(|| reader.recv()).count());
        give(&mut tap, 5);
        drop(tap);
        assert_eq!(reading.join().unwrap(), 5);
    }
}
