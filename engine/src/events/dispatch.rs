//! Serving the callbacks, one event after the other.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{EventQueue, Listeners, listeners::Outcome};
use crate::counters::Counters;

/// Running callbacks of `on_async`, and whatever else was started; `true` when one panicked.
type Running = FuturesUnordered<BoxFuture<'static, bool>>;

/// Calls the callbacks for all that comes through `queue`, until the queue is closed and empty.
///
/// Plain callbacks run one after the other, in the order of events and of registration. An async callback is started in
/// that order and runs until it first waits; later events do not wait for its end.
pub(crate) fn dispatch(queue: Arc<EventQueue>, listeners: Arc<Listeners>, counters: Arc<Counters>) -> impl Future<Output = ()> {
    let mut running = Running::new();
    poll_fn(move |context| {
        loop {
            running.extend(listeners.take_started().into_iter().map(watched));
            drive(&mut running, &counters, context);
            match queue.poll_next(context) {
                // What was started meanwhile woke nobody who had not yet registered.
                Poll::Pending => match listeners.take_started() {
                    started if started.is_empty() => return Poll::Pending,
                    started => running.extend(started.into_iter().map(watched)),
                },
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(Err(lagged))) => {
                    counters.callback_events_lost(lagged.0);
                    tracing::error!(lost = lagged.0, "callbacks are too slow: events were lost");
                }
                Poll::Ready(Some(Ok(event))) => listeners.deliver(&event, |outcome| match outcome {
                    Outcome::Done => {}
                    Outcome::Started(future) => {
                        running.push(watched(future));
                        drive(&mut running, &counters, context);
                    }
                    Outcome::Panicked => panicked(&counters),
                }),
            }
        }
    })
}

fn watched(future: BoxFuture<'static, ()>) -> BoxFuture<'static, bool> {
    AssertUnwindSafe(future).catch_unwind().map(|end| end.is_err()).boxed()
}

/// Gives every async callback that can go on its turn.
fn drive(running: &mut Running, counters: &Counters, context: &mut Context<'_>) {
    while let Poll::Ready(Some(did_panic)) = running.poll_next_unpin(context) {
        if did_panic {
            panicked(counters);
        }
    }
}

fn panicked(counters: &Counters) {
    counters.callback_panicked();
    tracing::error!("a callback panicked; the engine goes on");
}
