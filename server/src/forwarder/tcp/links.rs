//! A shard's side of the TCP connections.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use crossbeam_channel::Receiver;
use tokio::sync::mpsc;

use super::super::core::Core;
use super::super::counters::ShardCounters;
use super::super::tuple::{TcpLink, Tuple};

/// What the front tells a shard.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// A connection whose first frame names this shard.
    Opened {
        from: Tuple,
        first: Bytes,
        /// Dropping it closes the connection.
        to_client: mpsc::Sender<Bytes>,
    },
    Frame {
        from: Tuple,
        datagram: Bytes,
    },
    Closed(Tuple),
}

/// The connections of a shard: exactly those whose paths its core knows.
#[derive(Debug)]
pub(in super::super) struct Links {
    events: Receiver<LinkEvent>,
    open: HashMap<TcpLink, mpsc::Sender<Bytes>>,
    /// Connections of nobody: they end with the answer to their first frame, if the core has one.
    passing: HashMap<TcpLink, mpsc::Sender<Bytes>>,
}

impl Links {
    pub(super) fn new(events: Receiver<LinkEvent>) -> Self {
        Self {
            events,
            open: HashMap::new(),
            passing: HashMap::new(),
        }
    }

    /// Gives the core what came; what comes meanwhile has its own wake-up.
    pub(in super::super) fn receive(&mut self, core: &mut Core, counters: &ShardCounters, now: Instant) {
        for event in self.events.try_iter().take(self.events.len()) {
            match event {
                LinkEvent::Opened { from, first, to_client } => {
                    core.handle(&first, from, now);
                    if let Some(link) = from.link() {
                        let kept = if core.knows(from) { &mut self.open } else { &mut self.passing };
                        kept.insert(link, to_client);
                    }
                }
                // After the core let go of a path, frames of its connection may still be on their way.
                LinkEvent::Frame { from, datagram } => match from.link() {
                    Some(link) if self.open.contains_key(&link) => core.handle(&datagram, from, now),
                    _ => counters.tcp_dropped.one(),
                },
                LinkEvent::Closed(from) => {
                    core.lose_path(from);
                }
            }
        }
    }

    /// Hands on what the core has for connections, and lets go of those that it has no use for.
    pub(in super::super) fn send(&mut self, core: &mut Core, counters: &ShardCounters) {
        for (link, datagram) in core.poll_links() {
            let length = datagram.len() as u64;
            let sent = match self.open.get(&link) {
                Some(to) => to.try_send(datagram).is_ok(),
                None => self.passing.remove(&link).is_some_and(|to| to.try_send(datagram).is_ok()),
            };
            if sent {
                counters.datagrams_sent.one();
                counters.bytes_sent.add(length);
            } else {
                counters.tcp_dropped.one();
            }
        }
        for _ in self.passing.drain() {
            counters.tcp_refused.one();
        }
        for link in core.poll_closed_links() {
            self.open.remove(&link);
        }
    }
}
