//! The bus over NATS: core messages between nodes, and JetStream for what they remember. Server 2.9 or later.
//!
//! | what | at NATS |
//! |---|---|
//! | inbox of node `a` | subject `express.node.a` |
//! | broadcasts of node `a` | subject `express.all.a`; each node takes `express.all.*` but its own |
//! | bucket of claims | stream `KV_express_claims`, subjects `$KV.express_claims.KEY`: a key-value bucket as its tools know it |
//! | buckets of nodes and of orders | the same with `nodes` and `orders` |
//! | what changes in it | republished by the stream to `express.kv.claims.KEY` |
//!
//! A node needs the right to use those subjects, `$JS.API.>` and `_INBOX.>`.
//!
//! Server 2.9 has no lease for one key, so a bucket has one lease for all that is in it (`max_age`), which a write renews. A watch is a
//! plain subscription to what the stream republishes: it needs no consumer that a broker could forget, NATS renews it with the
//! connection, and the numbers of the writes show what is missing.

mod buckets;
mod link;
mod login;
mod reading;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::link::Link;
use super::feed::Feed;
use super::inbox::{Inbox, Incoming, Replier};
use super::{
    Bucket, Bus, BusCounters, BusError, BusFuture, BusStatus, ENTRIES_LIMIT, Entry, Key, Leases, MAX_PATIENCE, NodeName,
    OPERATION_LIMIT, Revision, WatchEvent, check_payload,
};
use crate::config::ClusterConfig;

/// A node's end of the bus. Dropped, the node is off it.
#[derive(Debug)]
pub struct NatsBus {
    name: NodeName,
    link: Arc<Link>,
    inbox: Arc<Inbox>,
    tasks: std::sync::Mutex<JoinSet<()>>,
}

impl NatsBus {
    /// Begins to connect, and goes on with it for ever: a server starts without NATS, too. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`BusError::Other`] where the credentials or certificates cannot be used, or an address is none.
    pub async fn connect(name: NodeName, config: &ClusterConfig, leases: Leases) -> Result<Self, BusError> {
        let link = Link::connect(&name, config, leases).await?;
        let inbox = Arc::new(Inbox::new(link.counters()));
        let mut tasks = JoinSet::new();
        let own = link.subscribe(link.node_subject(&name)).await?;
        let all = link.subscribe(format!("{}*", link.broadcast_prefix())).await?;
        let echo = link.broadcast_subject(&name);
        let others = all.filter(move |message| futures::future::ready(message.subject.as_str() != echo));
        tasks.spawn(take_in(stream::select(own, others), Arc::clone(&link), Arc::clone(&inbox)));
        Ok(Self {
            name,
            link,
            inbox,
            tasks: std::sync::Mutex::new(tasks),
        })
    }

    fn write<'a>(
        &'a self,
        bucket: Bucket,
        key: &'a Key,
        value: Option<Bytes>,
        expected: Option<Revision>,
    ) -> BusFuture<'a, Revision> {
        let operation = async move {
            let key = key.encode()?;
            value.as_ref().map_or(Ok(()), check_payload)?;
            self.link.write(bucket, &key, value, expected).await
        };
        self.link.limited(OPERATION_LIMIT, operation).boxed()
    }
}

/// Puts what comes into the inbox, until the client ends.
async fn take_in(mut messages: impl futures::Stream<Item = async_nats::Message> + Unpin, link: Arc<Link>, inbox: Arc<Inbox>) {
    while let Some(message) = messages.next().await {
        let reply = message.reply.map(|to| {
            let link = Arc::clone(&link);
            Replier::new(move |reply| async move { link.publish(to.to_string(), reply).await }.boxed())
        });
        inbox.push(Incoming {
            payload: message.payload,
            reply,
        });
    }
}

impl Bus for NatsBus {
    fn name(&self) -> &NodeName {
        &self.name
    }

    fn publish<'a>(&'a self, to: &'a NodeName, payload: Bytes) -> BusFuture<'a, ()> {
        self.link.publish(self.link.node_subject(to), payload).boxed()
    }

    fn broadcast(&self, payload: Bytes) -> BusFuture<'_, ()> {
        self.link.publish(self.link.broadcast_subject(&self.name), payload).boxed()
    }

    fn request<'a>(&'a self, to: &'a NodeName, payload: Bytes, patience: Duration) -> BusFuture<'a, Bytes> {
        let patience = patience.min(MAX_PATIENCE);
        let operation = async move {
            check_payload(&payload)?;
            self.link.request(self.link.node_subject(to), payload, patience).await
        };
        self.link.limited(patience, operation).boxed()
    }

    fn receive(&self) -> mpsc::Receiver<Incoming> {
        self.inbox.open()
    }

    fn get<'a>(&'a self, bucket: Bucket, key: &'a Key) -> BusFuture<'a, Option<Entry>> {
        let operation = async move { self.link.get(bucket, &key.encode()?).await };
        self.link.limited(OPERATION_LIMIT, operation).boxed()
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
        self.link.limited(ENTRIES_LIMIT, self.link.entries(bucket)).boxed()
    }

    fn changed(&self, bucket: Bucket, after: Revision, most: usize) -> BusFuture<'_, Option<Vec<Key>>> {
        let changed = self.link.changed(bucket, after, most);
        self.link.limited(ENTRIES_LIMIT, changed).boxed()
    }

    fn watch(&self, bucket: Bucket) -> mpsc::Receiver<WatchEvent> {
        let (feed, receiver) = Feed::new(self.link.counters());
        let mut tasks = self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(watching::watch(Arc::clone(&self.link), bucket, feed));
        receiver
    }

    fn lease(&self, bucket: Bucket) -> Duration {
        self.link.leases().of(bucket)
    }

    fn status(&self) -> watch::Receiver<BusStatus> {
        self.link.status()
    }

    fn counters(&self) -> BusCounters {
        self.link.counters().read()
    }
}
