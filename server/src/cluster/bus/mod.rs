//! The bus: how the nodes of a cluster reach each other, and what they remember together.
//!
//! ```text
//!   node a ── publish, request ──► inbox of node b           core messages: at most once, never stored
//!          ── broadcast ─────────► inbox of every other node
//!          ── create, update ────► Bucket::Nodes, Claims, …  stored: compare-and-set, with a lease
//!          ◄─ watch ──────────────     (hints, beside a full read now and then)
//! ```
//!
//! Two implementations: [`in_process`] (one node alone, tests, simulations) and [`nats`] (NATS with JetStream, server 2.9 or later).
//! One conformance suite runs over both (`tests/src/bus`).
//!
//! Rare and small messages only: no packet of media ever comes here, and no secret in clear is stored.

mod counters;
mod error;
mod feed;
pub mod in_process;
mod inbox;
mod key;
pub mod nats;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

pub use self::counters::BusCounters;
pub use self::error::BusError;
pub use self::inbox::{Incoming, Replier};
pub use self::key::{Key, MAX_KEY};
use crate::config::ClusterConfig;
pub use crate::rooms::cloud::{BadNodeName, NodeName};

/// Bytes of one message, reply or value.
pub const MAX_PAYLOAD: usize = 512 * 1024;
/// Messages that may wait in an inbox; more are dropped and counted.
pub const INBOX_CAPACITY: usize = 4_096;
/// Events that may wait in a watch; more are dropped and counted, and a [`WatchEvent::Gap`] says so.
pub const WATCH_CAPACITY: usize = 4_096;
/// Entries of a full read; a bucket with more is an error, not half a list.
pub const MAX_ENTRIES: usize = 1 << 20;
/// Bytes of all values of a full read.
pub const MAX_ENTRIES_BYTES: usize = 256 * 1024 * 1024;
/// What any operation may take but a full read, a read of changes and a request.
pub const OPERATION_LIMIT: Duration = Duration::from_secs(2);
/// What a full read or a read of changes may take.
pub const ENTRIES_LIMIT: Duration = Duration::from_secs(10);
/// The longest patience of a request; more is taken as this.
pub const MAX_PATIENCE: Duration = Duration::from_secs(30);

/// What an operation of the bus gives.
pub type BusFuture<'a, T> = BoxFuture<'a, Result<T, BusError>>;

/// The end of the bus at one node. All of it may be used from any task; dropping it takes the node off the bus.
///
/// Every operation ends: within [`OPERATION_LIMIT`] where nothing else is said, and at once with [`BusError::Unavailable`] where
/// this node is not connected. Nothing is kept to be sent later.
///
/// After [`BusError::TimedOut`] or [`BusError::Unavailable`] a message may have arrived and a write may have been stored: whoever
/// needs to know reads. A write that is tried again may so meet itself as a [`BusError::Conflict`].
pub trait Bus: fmt::Debug + Send + Sync {
    /// The name of this node. Nobody sees to it that names differ but whoever registers them in [`Bucket::Nodes`].
    fn name(&self) -> &NodeName;

    /// Sends a message to a node's inbox. `Ok` says that it is on its way: a node that is not there, or has no room, never gets it.
    /// What one task sends to one node arrives in order, with holes where something was lost.
    fn publish<'a>(&'a self, to: &'a NodeName, payload: Bytes) -> BusFuture<'a, ()>;

    /// Sends a message to the inbox of every node but this one, as [`publish`](Self::publish) does. Between broadcasts and messages
    /// to one node alone there is no order.
    fn broadcast(&self, payload: Bytes) -> BusFuture<'_, ()>;

    /// Asks a node and waits for its reply, at most `patience` and never longer than [`MAX_PATIENCE`].
    ///
    /// # Errors
    /// [`BusError::NoSuchNode`] at once where no such node is connected, [`BusError::TimedOut`] where it does not reply in time.
    fn request<'a>(&'a self, to: &'a NodeName, payload: Bytes, patience: Duration) -> BusFuture<'a, Bytes>;

    /// What comes to this node: at most [`INBOX_CAPACITY`] messages wait. There is one reader: a later call takes over, and the
    /// earlier receiver ends. What comes while there is none is dropped and counted.
    fn receive(&self) -> mpsc::Receiver<Incoming>;

    /// The entry of a key; `None` where there is none, or its lease is over.
    fn get<'a>(&'a self, bucket: Bucket, key: &'a Key) -> BusFuture<'a, Option<Entry>>;

    /// Writes the entry of a key that has none.
    ///
    /// # Errors
    /// [`BusError::Conflict`] with the entry that is there.
    fn create<'a>(&'a self, bucket: Bucket, key: &'a Key, value: Bytes) -> BusFuture<'a, Revision>;

    /// Writes an entry anew and so renews its lease, if its revision is still `expected`. The revision it gets is a greater one.
    ///
    /// # Errors
    /// [`BusError::Conflict`] where it has another, with the entry that is there; with none where its lease was over.
    fn update<'a>(&'a self, bucket: Bucket, key: &'a Key, value: Bytes, expected: Revision) -> BusFuture<'a, Revision>;

    /// Takes an entry away, if its revision is still `expected`.
    ///
    /// # Errors
    /// [`BusError::Conflict`], as for [`update`](Self::update).
    fn delete<'a>(&'a self, bucket: Bucket, key: &'a Key, expected: Revision) -> BusFuture<'a, ()>;

    /// All entries of a bucket, in order of their keys, within [`ENTRIES_LIMIT`]. It is no snapshot: an entry that changes
    /// meanwhile may be there as it was or as it is, one that is written or deleted meanwhile may be there or not.
    ///
    /// # Errors
    /// [`BusError::Other`] where there are more than [`MAX_ENTRIES`] or [`MAX_ENTRIES_BYTES`].
    fn entries(&self, bucket: Bucket) -> BusFuture<'_, Vec<(Key, Entry)>>;

    /// The keys whose entries were written or taken away after a write that this node knows of, each once. `None` where that cannot be
    /// told: the broker has lost its store meanwhile, or there are more than `most`. It costs what has changed, not what there is.
    ///
    /// An entry whose lease has ended is not among them, nor one that was taken away a lease ago.
    fn changed(&self, bucket: Bucket, after: Revision, most: usize) -> BusFuture<'_, Option<Vec<Key>>>;

    /// What changes in a bucket from now on, and [`WatchEvent::Gap`] first and whenever something may have been missed. It goes on
    /// over disconnections until its receiver is dropped. To be called in a tokio runtime.
    ///
    /// Two things it does not tell. An entry whose lease ends makes **no event**. And a watch is a hint: it may go silent (brokers
    /// that were restarted are known for it). So whoever watches also reads the bucket in full now and then.
    fn watch(&self, bucket: Bucket) -> mpsc::Receiver<WatchEvent>;

    /// How long an entry of a bucket lives after it was written. A broker may keep it some hundred milliseconds longer.
    fn lease(&self, bucket: Bucket) -> Duration;

    /// Whether the bus can be used, now and from now on. A half-open connection is noticed within 7 s; until then operations time out.
    fn status(&self) -> watch::Receiver<BusStatus>;

    /// What was taken and dropped since the start.
    fn counters(&self) -> BusCounters;
}

/// What the nodes remember together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bucket {
    /// Nodes that are there, with a short lease.
    Nodes,
    /// Who owns what, with a long lease.
    Claims,
    /// What business servers ordered, with the longest.
    Orders,
}

impl Bucket {
    /// Each.
    pub const ALL: [Self; 3] = [Self::Nodes, Self::Claims, Self::Orders];

    /// As it is named at the broker.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Claims => "claims",
            Self::Orders => "orders",
        }
    }
}

/// How long entries live after they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leases {
    /// In [`Bucket::Nodes`].
    pub nodes: Duration,
    /// In [`Bucket::Claims`].
    pub claims: Duration,
    /// In [`Bucket::Orders`].
    pub orders: Duration,
}

impl Default for Leases {
    /// 6 s, which is two lost renewals at one each 2 s; an hour; and a day, the longest that a rule of the server API lasts.
    fn default() -> Self {
        Self {
            nodes: Duration::from_secs(6),
            claims: Duration::from_secs(3_600),
            orders: Duration::from_secs(24 * 3_600),
        }
    }
}

impl Leases {
    /// That of a bucket.
    pub fn of(&self, bucket: Bucket) -> Duration {
        match bucket {
            Bucket::Nodes => self.nodes,
            Bucket::Claims => self.claims,
            Bucket::Orders => self.orders,
        }
    }
}

/// A value, and which write made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was written.
    pub value: Bytes,
    /// By which write.
    pub revision: Revision,
}

/// Which write made an entry. Of two writes to one bucket the later has the greater revision, also when the broker lost its store
/// in between: so revisions serve as fencing numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision {
    /// Which store: when the broker made it, in milliseconds since 1970. A broker that lost its store makes another.
    pub store: u64,
    /// The number of the write in that store.
    pub number: u64,
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.store, self.number)
    }
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// Something may have been missed, or this is the first event: read the bucket in full now.
    Gap,
    /// An entry was written.
    Put {
        /// Whose.
        key: Key,
        /// As it is now.
        entry: Entry,
    },
    /// An entry was taken away. One whose lease ends makes no event.
    Deleted {
        /// Whose.
        key: Key,
        /// By which write.
        revision: Revision,
    },
}

/// Whether the bus can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusStatus {
    /// It can.
    Connected,
    /// Operations end with [`BusError::Unavailable`].
    Disconnected,
}

/// The bus that `[cluster]` asks for: that of NATS, or that of a node alone. With NATS this does not wait for a connection.
///
/// # Errors
/// [`BusError::Other`] where a file that `[cluster]` names cannot be used.
pub async fn connect(name: NodeName, config: &ClusterConfig) -> Result<Arc<dyn Bus>, BusError> {
    let leases = Leases::default();
    if config.nats.is_empty() {
        return Ok(Arc::new(in_process::InProcessCloud::new(leases).node(name)));
    }
    Ok(Arc::new(nats::NatsBus::connect(name, config, leases).await?))
}

/// Refuses what is too large to send.
fn check_payload(payload: &Bytes) -> Result<(), BusError> {
    if payload.len() <= MAX_PAYLOAD {
        return Ok(());
    }
    Err(BusError::TooLarge {
        what: "payload",
        bytes: payload.len(),
        limit: MAX_PAYLOAD,
    })
}
