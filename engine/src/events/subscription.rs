//! `events()`: all events as a stream.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;

use super::{EventQueue, ZegoEvent};
use crate::park;

/// So many events were lost because they were not taken in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lagged(
    /// How many.
    pub u64,
);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} were not taken in time and are lost", self.0)
    }
}

impl std::error::Error for Lagged {}

/// All events of one engine, from the call of [`events`](crate::ZegoExpressEngine::events) on: a `Stream` for async code,
/// [`recv`](Self::recv) for threads.
///
/// It keeps at most 1,024 events. When that is full, a newer report of quality takes the place of an older one; of all
/// other events the oldest are lost and the next item is [`Lagged`]. After `destroy_engine` it ends.
#[derive(Debug)]
pub struct ZegoEvents {
    queue: Arc<EventQueue>,
}

impl ZegoEvents {
    /// Most events kept for one reader.
    pub const CAPACITY: usize = 1_024;

    pub(crate) fn new(queue: Arc<EventQueue>) -> Self {
        Self { queue }
    }

    fn poll_event(&self, context: &Context<'_>) -> Poll<Option<Result<ZegoEvent, Lagged>>> {
        let next = self.queue.poll_next(context);
        next.map(|next| next.map(|item| item.map(|numbered| numbered.event)))
    }

    /// Blocks until the next event; `None` after the engine's end.
    pub fn recv(&mut self) -> Option<Result<ZegoEvent, Lagged>> {
        park::block_on(std::future::poll_fn(|context| self.poll_event(context)))
    }

    /// Blocks until the next event, at most for `limit`.
    ///
    /// # Errors
    /// [`RecvTimeout`] when nothing came in that time.
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<Option<Result<ZegoEvent, Lagged>>, RecvTimeout> {
        let next = std::future::poll_fn(|context| self.poll_event(context));
        park::block_until(next, park::deadline_in(limit)).ok_or(RecvTimeout)
    }
}

/// Nothing came in the time given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvTimeout;

impl fmt::Display for RecvTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing came in time")
    }
}

impl std::error::Error for RecvTimeout {}

impl Stream for ZegoEvents {
    type Item = Result<ZegoEvent, Lagged>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(context)
    }
}

impl Drop for ZegoEvents {
    fn drop(&mut self) {
        self.queue.close();
    }
}
