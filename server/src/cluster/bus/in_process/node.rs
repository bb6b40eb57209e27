//! One node's end of the bus in the process.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::super::counters::Counters;
use super::super::{
    Bucket, Bus, BusCounters, BusError, BusFuture, BusStatus, ENTRIES_LIMIT, Entry, Incoming, Key, MAX_PATIENCE, NodeName,
    OPERATION_LIMIT, Revision, WatchEvent, check_payload,
};
use super::cloud::{Cloud, InProcessCloud, Way};

/// A node's end of the bus. Dropped, the node is off it.
#[derive(Debug)]
pub struct InProcessBus {
    line: Line,
    name: NodeName,
}

/// Which member of which cloud.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) cloud: InProcessCloud,
    pub(super) member: u64,
}

impl InProcessBus {
    pub(super) fn new(cloud: InProcessCloud, member: u64, name: NodeName) -> Self {
        Self {
            line: Line { cloud, member },
            name,
        }
    }

    fn write<'a>(
        &'a self,
        bucket: Bucket,
        key: &'a Key,
        value: Option<Bytes>,
        expected: Option<Revision>,
    ) -> BusFuture<'a, Revision> {
        let operation = async move {
            key.encode()?;
            value.as_ref().map_or(Ok(()), check_payload)?;
            let write = |cloud: &mut Cloud| {
                let result = cloud.write(bucket, key, value, expected, Instant::now());
                (result, cloud.loses_answer())
            };
            match self.line.ask(write).await? {
                (_, true) => pending().await,
                (result, false) => result,
            }
        };
        self.line.limited(OPERATION_LIMIT, operation).boxed()
    }
}

impl Line {
    /// Ends an operation that takes too long, or once the node is not connected.
    async fn limited<T>(&self, limit: Duration, operation: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
        tokio::select! {
            biased;
            result = operation => result,
            () = self.disconnected() => Err(BusError::Unavailable),
            () = sleep(limit) => Err(BusError::TimedOut),
        }
    }

    async fn disconnected(&self) {
        let status = self.cloud.lock().status(self.member);
        if let Some(mut status) = status {
            // An error is the end of the cloud.
            let _ = status.wait_for(|status| *status == BusStatus::Disconnected).await;
        }
    }

    /// Goes to the broker, does `act` there and comes back.
    async fn ask<T>(&self, act: impl FnOnce(&mut Cloud) -> T) -> Result<T, BusError> {
        self.travel().await?;
        let done = act(&mut self.cloud.lock());
        self.travel().await?;
        Ok(done)
    }

    /// One way between the node and the broker.
    async fn travel(&self) -> Result<(), BusError> {
        // A guard that lives in the condition would be held over the wait.
        let delay = {
            let cloud = self.cloud.lock();
            cloud.way(self.member)?;
            cloud.delay_now()
        };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let way = self.cloud.lock().way(self.member)?;
        match way {
            Way::Open => Ok(()),
            Way::Silent => pending().await,
        }
    }

    /// Sends; a message that is lost on the way is not missed.
    pub(super) async fn send(&self, act: impl FnOnce(&mut Cloud)) -> Result<(), BusError> {
        let delay = {
            let cloud = self.cloud.lock();
            if cloud.way(self.member)? == Way::Silent {
                return Ok(());
            }
            cloud.delay_now()
        };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let mut cloud = self.cloud.lock();
        if cloud.way(self.member) == Ok(Way::Open) {
            act(&mut cloud);
        }
        Ok(())
    }
}

impl Bus for InProcessBus {
    fn name(&self) -> &NodeName {
        &self.name
    }

    fn publish<'a>(&'a self, to: &'a NodeName, payload: Bytes) -> BusFuture<'a, ()> {
        let operation = async move {
            check_payload(&payload)?;
            let from = self.line.member;
            self.line.send(|cloud| cloud.deliver(from, Some(to), &payload)).await
        };
        operation.boxed()
    }

    fn broadcast(&self, payload: Bytes) -> BusFuture<'_, ()> {
        let operation = async move {
            check_payload(&payload)?;
            let from = self.line.member;
            self.line.send(|cloud| cloud.deliver(from, None, &payload)).await
        };
        operation.boxed()
    }

    fn request<'a>(&'a self, to: &'a NodeName, payload: Bytes, patience: Duration) -> BusFuture<'a, Bytes> {
        let operation = async move {
            check_payload(&payload)?;
            let (answer, answered) = oneshot::channel();
            let deliver = |cloud: &mut Cloud| cloud.deliver_request(&self.line.cloud, to, payload, answer);
            self.line.travel().await?;
            deliver(&mut self.line.cloud.lock())?;
            let Ok(reply) = answered.await else {
                // Nobody is told that no reply will come.
                return pending().await;
            };
            self.line.travel().await?;
            Ok(reply)
        };
        self.line.limited(patience.min(MAX_PATIENCE), operation).boxed()
    }

    fn receive(&self) -> mpsc::Receiver<Incoming> {
        let inbox = self.line.cloud.lock().inbox(self.line.member);
        inbox.map_or_else(|| mpsc::channel(1).1, |inbox| inbox.open())
    }

    fn get<'a>(&'a self, bucket: Bucket, key: &'a Key) -> BusFuture<'a, Option<Entry>> {
        let operation = async move {
            key.encode()?;
            let get = |cloud: &mut Cloud| cloud.get(bucket, key, Instant::now());
            self.line.ask(get).await
        };
        self.line.limited(OPERATION_LIMIT, operation).boxed()
    }

    fn create<'a>(&'a self, bucket: Bucket, key: &'a Key, value: Bytes) -> BusFuture<'a, Revision> {
        self.write(bucket, key, Some(value), None)
    }

    fn update<'a>(&'a self, bucket: Bucket, key: &'a Key, value: Bytes, expected: Revision) -> BusFuture<'a, Revision> {
        self.write(bucket, key, Some(value), Some(expected))
    }

    fn delete<'a>(&'a self, bucket: Bucket, key: &'a Key, expected: Revision) -> BusFuture<'a, ()> {
        self.write(bucket, key, None, Some(expected))
            .map(|result| result.map(drop))
            .boxed()
    }

    fn entries(&self, bucket: Bucket) -> BusFuture<'_, Vec<(Key, Entry)>> {
        let entries = move |cloud: &mut Cloud| cloud.entries(bucket, Instant::now());
        let operation = async move { self.line.ask(entries).await? };
        self.line.limited(ENTRIES_LIMIT, operation).boxed()
    }

    fn changed(&self, bucket: Bucket, after: Revision, most: usize) -> BusFuture<'_, Option<Vec<Key>>> {
        let changed = move |cloud: &mut Cloud| cloud.changed(bucket, after, most, Instant::now());
        self.line.limited(ENTRIES_LIMIT, self.line.ask(changed)).boxed()
    }

    fn watch(&self, bucket: Bucket) -> mpsc::Receiver<WatchEvent> {
        self.line.cloud.lock().watch(self.line.member, bucket)
    }

    fn lease(&self, bucket: Bucket) -> Duration {
        self.line.cloud.lock().lease(bucket)
    }

    fn status(&self) -> watch::Receiver<BusStatus> {
        let status = self.line.cloud.lock().status(self.line.member);
        status.unwrap_or_else(|| watch::channel(BusStatus::Disconnected).1)
    }

    fn counters(&self) -> BusCounters {
        let cloud = self.line.cloud.lock();
        cloud.counters(self.line.member).map(Counters::read).unwrap_or_default()
    }
}

impl Drop for InProcessBus {
    fn drop(&mut self) {
        self.line.cloud.lock().leave(self.line.member);
    }
}
