//! The broker in the process, and what can be broken about it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::super::counters::Counters;
use super::super::feed::Feed;
use super::super::inbox::{Inbox, Incoming, Replier};
use super::super::{Bucket, BusError, BusStatus, Entry, Key, Leases, NodeName, Revision, WatchEvent};
use super::node::{InProcessBus, Line};
use super::store::Store;

/// What several nodes of one process share in place of a broker. Clones are the same cloud.
#[derive(Debug, Clone)]
pub struct InProcessCloud(pub(super) Arc<Mutex<Cloud>>);

/// The state behind it.
#[derive(Debug)]
pub(super) struct Cloud {
    leases: Leases,
    running: bool,
    stores: [Store; Bucket::ALL.len()],
    made: u64,
    members: BTreeMap<u64, Member>,
    next_member: u64,
    watchers: Vec<Watcher>,
    faults: Faults,
}

#[derive(Debug)]
struct Member {
    name: NodeName,
    link: Link,
    inbox: Arc<Inbox>,
    status: watch::Sender<BusStatus>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Watcher {
    member: u64,
    bucket: Bucket,
    feed: Feed,
    silent: bool,
}

/// The way between a node and the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Up,
    /// Lost, and both know.
    Cut,
    /// Lost, and nobody knows yet.
    Mute,
}

#[derive(Debug, Default)]
struct Faults {
    delay: Duration,
    lost_messages: usize,
    lost_answers: usize,
}

/// What becomes of an operation before it reaches the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    /// Nothing arrives and no answer comes.
    Silent,
}

impl InProcessCloud {
    /// A cloud without nodes.
    pub fn new(leases: Leases) -> Self {
        let made = 1;
        Self(Arc::new(Mutex::new(Cloud {
            leases,
            running: true,
            stores: Bucket::ALL.map(|bucket| Store::new(leases.of(bucket), made)),
            made,
            members: BTreeMap::new(),
            next_member: 0,
            watchers: Vec::new(),
            faults: Faults::default(),
        })))
    }

    /// A node's end of the bus, which is connected where the broker runs.
    pub fn node(&self, name: NodeName) -> InProcessBus {
        let counters = Arc::new(Counters::default());
        let mut cloud = self.lock();
        let id = cloud.next_member;
        cloud.next_member += 1;
        let (status, _) = watch::channel(BusStatus::Disconnected);
        let member = Member {
            name: name.clone(),
            link: Link::Up,
            inbox: Arc::new(Inbox::new(Arc::clone(&counters))),
            status,
            counters,
        };
        cloud.members.insert(id, member);
        cloud.tell_status();
        drop(cloud);
        InProcessBus::new(self.clone(), id, name)
    }

    /// Cuts a node off, and it knows.
    pub fn cut(&self, node: &NodeName) {
        self.set_link(node, Link::Cut);
    }

    /// Cuts a node off without its noticing: what it asks times out, until [`cut`](Self::cut) or [`heal`](Self::heal).
    pub fn mute(&self, node: &NodeName) {
        self.set_link(node, Link::Mute);
    }

    /// Ends what [`cut`](Self::cut) or [`mute`](Self::mute) began.
    pub fn heal(&self, node: &NodeName) {
        self.set_link(node, Link::Up);
    }

    /// Stops the broker: all nodes are cut off. What is stored stays.
    pub fn stop(&self) {
        let mut cloud = self.lock();
        cloud.running = false;
        cloud.tell_status();
    }

    /// Starts it again.
    pub fn start(&self) {
        let mut cloud = self.lock();
        cloud.running = true;
        cloud.tell_status();
    }

    /// Empties what is stored, as a broker does that comes back on a new disk.
    pub fn lose_store(&self) {
        let mut cloud = self.lock();
        cloud.made += 1;
        let (leases, made) = (cloud.leases, cloud.made);
        cloud.stores = Bucket::ALL.map(|bucket| Store::new(leases.of(bucket), made));
    }

    /// From now on each way takes so long, there and back.
    pub fn delay(&self, delay: Duration) {
        self.lock().faults.delay = delay;
    }

    /// Loses the next messages; whoever sends them is not told.
    pub fn lose_messages(&self, number: usize) {
        self.lock().faults.lost_messages = number;
    }

    /// Loses the answers to the next writes, which are carried out: whoever asked times out.
    pub fn lose_answers(&self, number: usize) {
        self.lock().faults.lost_answers = number;
    }

    /// The watches that there are tell nothing more, for ever.
    pub fn silence_watches(&self) {
        self.lock().watchers.iter_mut().for_each(|watcher| watcher.silent = true);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Cloud> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_link(&self, node: &NodeName, link: Link) {
        let mut cloud = self.lock();
        let members = cloud.members.values_mut().filter(|member| member.name == *node);
        members.for_each(|member| member.link = link);
        cloud.tell_status();
    }
}

impl Cloud {
    /// Tells all nodes whether they are connected; the watches of those that are so again have a gap.
    fn tell_status(&mut self) {
        for (id, member) in &self.members {
            let connected = self.running && member.link != Link::Cut;
            let now = if connected {
                BusStatus::Connected
            } else {
                BusStatus::Disconnected
            };
            if *member.status.borrow() == now {
                continue;
            }
            member.status.send_replace(now);
            if connected {
                Counters::count(&member.counters.connects);
                let watchers = self.watchers.iter_mut();
                let own = watchers.filter(|watcher| watcher.member == *id && !watcher.silent);
                own.for_each(|watcher| watcher.feed.push(WatchEvent::Gap));
            }
        }
    }

    /// Whether a node's operation reaches the broker.
    pub(super) fn way(&self, member: u64) -> Result<Way, BusError> {
        match self.members.get(&member).map(|member| member.link) {
            Some(Link::Up) if self.running => Ok(Way::Open),
            Some(Link::Mute) if self.running => Ok(Way::Silent),
            _ => Err(BusError::Unavailable),
        }
    }

    pub(super) fn delay_now(&self) -> Duration {
        self.faults.delay
    }

    pub(super) fn lease(&self, bucket: Bucket) -> Duration {
        self.leases.of(bucket)
    }

    pub(super) fn inbox(&self, member: u64) -> Option<Arc<Inbox>> {
        self.members.get(&member).map(|member| Arc::clone(&member.inbox))
    }

    pub(super) fn status(&self, member: u64) -> Option<watch::Receiver<BusStatus>> {
        self.members.get(&member).map(|member| member.status.subscribe())
    }

    pub(super) fn counters(&self, member: u64) -> Option<&Counters> {
        self.members.get(&member).map(|member| &*member.counters)
    }

    pub(super) fn leave(&mut self, member: u64) {
        self.members.remove(&member);
        self.watchers.retain(|watcher| watcher.member != member);
    }

    fn loses_message(&mut self) -> bool {
        let lost = self.faults.lost_messages > 0;
        self.faults.lost_messages -= usize::from(lost);
        lost
    }

    /// Whether the answer to a write that was carried out is lost.
    pub(super) fn loses_answer(&mut self) -> bool {
        let lost = self.faults.lost_answers > 0;
        self.faults.lost_answers -= usize::from(lost);
        lost
    }

    /// Delivers to a node, or to all but `from`.
    pub(super) fn deliver(&mut self, from: u64, to: Option<&NodeName>, payload: &Bytes) {
        if self.loses_message() {
            return;
        }
        let meant = |id: u64, member: &Member| to.map_or(id != from, |to| member.name == *to);
        for (id, member) in &self.members {
            if meant(*id, member) && member.link == Link::Up {
                member.inbox.push(Incoming {
                    payload: payload.clone(),
                    reply: None,
                });
            }
        }
    }

    /// Delivers a request, with a way back for its reply.
    ///
    /// # Errors
    /// [`BusError::NoSuchNode`].
    pub(super) fn deliver_request(
        &mut self,
        cloud: &InProcessCloud,
        to: &NodeName,
        payload: Bytes,
        answer: oneshot::Sender<Bytes>,
    ) -> Result<(), BusError> {
        let mut named = self.members.iter().filter(|(_, member)| member.name == *to);
        let (member, link, inbox) = named
            .find(|(_, member)| member.link != Link::Cut)
            .map(|(id, member)| (*id, member.link, Arc::clone(&member.inbox)))
            .ok_or(BusError::NoSuchNode)?;
        if link == Link::Up && !self.loses_message() {
            let cloud = cloud.clone();
            inbox.push(Incoming {
                payload,
                reply: Some(reply_over(Line { cloud, member }, answer)),
            });
        }
        Ok(())
    }

    pub(super) fn get(&mut self, bucket: Bucket, key: &Key, now: Instant) -> Option<Entry> {
        self.stores[bucket as usize].get(key, now)
    }

    pub(super) fn entries(&mut self, bucket: Bucket, now: Instant) -> Result<Vec<(Key, Entry)>, BusError> {
        self.stores[bucket as usize].entries(now)
    }

    pub(super) fn changed(&mut self, bucket: Bucket, after: Revision, most: usize, now: Instant) -> Option<Vec<Key>> {
        self.stores[bucket as usize].changed(after, most, now)
    }

    /// Writes, and tells the watches.
    pub(super) fn write(
        &mut self,
        bucket: Bucket,
        key: &Key,
        value: Option<Bytes>,
        expected: Option<Revision>,
        now: Instant,
    ) -> Result<Revision, BusError> {
        let revision = self.stores[bucket as usize].write(key, value.clone(), expected, now)?;
        let key = key.clone();
        let event = match value {
            Some(value) => WatchEvent::Put {
                key,
                entry: Entry { value, revision },
            },
            None => WatchEvent::Deleted { key, revision },
        };
        self.tell_watchers(bucket, &event);
        Ok(revision)
    }

    fn tell_watchers(&mut self, bucket: Bucket, event: &WatchEvent) {
        let members = &self.members;
        self.watchers.retain_mut(|watcher| {
            let reached = members.get(&watcher.member).is_some_and(|member| member.link == Link::Up);
            if watcher.bucket == bucket && reached && !watcher.silent {
                watcher.feed.push(event.clone());
            }
            !watcher.feed.is_closed()
        });
    }

    pub(super) fn watch(&mut self, member: u64, bucket: Bucket) -> mpsc::Receiver<WatchEvent> {
        let counters = self.members.get(&member).map(|member| Arc::clone(&member.counters));
        let (mut feed, receiver) = Feed::new(counters.unwrap_or_default());
        if self.way(member).is_ok() {
            feed.push(WatchEvent::Gap);
        }
        self.watchers.push(Watcher {
            member,
            bucket,
            feed,
            silent: false,
        });
        receiver
    }
}

/// A replier that sends its reply over the way of the node that replies.
fn reply_over(line: Line, answer: oneshot::Sender<Bytes>) -> Replier {
    Replier::new(move |reply| {
        let send = async move {
            let arrive = |cloud: &mut Cloud| {
                // A lost one lets whoever asked wait; or nobody waits any more.
                let _ = (!cloud.loses_message()).then(|| answer.send(reply));
            };
            line.send(arrive).await
        };
        send.boxed()
    })
}
