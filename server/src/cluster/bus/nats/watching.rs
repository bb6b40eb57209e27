//! Watches: what a bucket's stream republishes, as events, with a gap wherever numbers are missing.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures::StreamExt;
use tokio::sync::watch;
use tokio::time::sleep;

use super::super::counters::Counters;
use super::super::feed::Feed;
use super::super::{Bucket, BusStatus, Entry, Key, MAX_PAYLOAD, WatchEvent};
use super::buckets::{OPERATION, Opened};
use super::link::Link;

/// The header in which a republished message has the number of its write.
const NUMBER: &str = "Nats-Sequence";
/// After which a bucket that could not be opened is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Feeds one watcher until it is gone.
pub(super) async fn watch(link: Arc<Link>, bucket: Bucket, mut feed: Feed) {
    let mut status = link.status();
    loop {
        let connected = async {
            let seen = status.wait_for(|status| *status == BusStatus::Connected).await;
            seen.is_ok()
        };
        let go_on = tokio::select! {
            connected = connected => connected,
            () = feed.closed() => false,
        };
        if !go_on {
            return;
        }
        let subject = format!("{}>", link.watch_prefix(bucket));
        match link.subscribe(subject).await {
            Ok(messages) => follow(&link, bucket, &mut feed, &mut status, messages).await,
            Err(error) => {
                tracing::warn!(%error, "a watch is tried again");
                sleep(AGAIN_AFTER).await;
            }
        }
    }
}

/// Feeds over one connection.
async fn follow(link: &Link, bucket: Bucket, feed: &mut Feed, status: &mut watch::Receiver<BusStatus>, mut messages: Subscriber) {
    let mut opened: Option<Opened> = None;
    let mut last = None;
    loop {
        // Opening comes before reading, so that revisions can be told; what comes meanwhile waits in the subscription.
        if opened.is_none() {
            opened = link.bucket(bucket).await.ok();
            if opened.is_some() {
                feed.push(WatchEvent::Gap);
            }
        }
        let try_again = async {
            match opened {
                Some(_) => std::future::pending().await,
                None => sleep(AGAIN_AFTER).await,
            }
        };
        let message = tokio::select! {
            biased;
            _ = status.changed() => return,
            () = feed.closed() => return,
            () = try_again => continue,
            message = messages.next(), if opened.is_some() => message,
        };
        let Some(message) = message else { return };
        let number = number(&message);
        if last.is_some_and(|last| number != Some(last + 1)) {
            // Something was missed, or the store is another one.
            link.forget(bucket).await;
            opened = link.bucket(bucket).await.ok();
            feed.push(WatchEvent::Gap);
        }
        last = number;
        let event = opened.as_ref().zip(number);
        let event = event.and_then(|(opened, number)| event_of(link, bucket, opened, number, &message));
        match event {
            Some(event) => feed.push(event),
            None => Counters::count(&link.counters().refused),
        }
    }
}

fn number(message: &Message) -> Option<u64> {
    message.headers.as_ref()?.get(NUMBER)?.as_str().parse().ok()
}

fn event_of(link: &Link, bucket: Bucket, opened: &Opened, number: u64, message: &Message) -> Option<WatchEvent> {
    let key = message
        .subject
        .strip_prefix(link.watch_prefix(bucket).as_str())
        .and_then(Key::decode)?;
    let revision = opened.revision(number);
    if message.headers.as_ref()?.get(OPERATION).is_some() {
        return Some(WatchEvent::Deleted { key, revision });
    }
    let value = message.payload.clone();
    (value.len() <= MAX_PAYLOAD).then_some(WatchEvent::Put {
        key,
        entry: Entry { value, revision },
    })
}
