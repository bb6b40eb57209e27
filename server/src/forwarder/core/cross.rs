//! From shard to shard: what a publisher's shard hands to those whose listeners want it.
//!
//! ```text
//!   home shard (publishers)                         another shard (players)
//!     packet, decrypted ── heads + bytes, SPSC ────►  encrypts for its own listeners
//!     who wants what    ◄── Wants, SPSC ────────────  a player came or went
//! ```
//!
//! Two rings for each ordered pair of shards: one of small records, one of packet bytes. A packet crosses once
//! for all listeners of a shard, and only if one of them wants it. A full ring loses the newest packet, which is counted;
//! what shards tell each other about listeners waits instead.

use std::collections::VecDeque;
use std::time::Instant;

use rtrb::{Consumer, Producer, RingBuffer};

use super::super::held::{Audience, Description};
use super::super::rtcp::SenderClock;
use super::super::{GroupKey, StreamKey};

/// Records on their way from one shard to another: 200 ms of 100 publishers and some.
const RECORDS: usize = 1024;
/// Bytes of packets on their way: as many of 128 bytes, which is more than a packet of speech has.
const BYTES: usize = RECORDS * 128;

/// What crosses.
#[derive(Debug)]
pub(super) enum Crossing {
    /// A packet; its bytes are in the other ring.
    Packet(Packet),
    /// The publisher's clock, for sender reports.
    Report(StreamKey, u64, SenderClock),
    /// What a shard's players want of a stream.
    Wants(Wants),
}

/// A decrypted packet without its bytes.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) key: StreamKey,
    /// When it was received.
    pub(super) at: Instant,
    pub(super) audience: Audience,
    len: usize,
    pub(super) description: Description,
}

/// What the players of one shard want of one stream, all together: the newest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wants {
    pub(super) key: StreamKey,
    pub(super) group: GroupKey,
    pub(super) shard: usize,
    /// None: no packet crosses.
    pub(super) players: u32,
    /// The largest N of loudest streams that one of them wants.
    pub(super) most: u32,
    /// Whether one of them does not want every stream.
    pub(super) limited: bool,
}

/// The way to one other shard and back.
#[derive(Debug)]
struct Neighbour {
    heads: Producer<Crossing>,
    bytes: Producer<u8>,
    came_heads: Consumer<Crossing>,
    came_bytes: Consumer<u8>,
    /// Found no room and must not be lost.
    waiting: VecDeque<Crossing>,
    /// Got something since its shard was last woken.
    touched: bool,
}

/// All ways of one shard.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    own: usize,
    /// By the other's number; none to oneself.
    others: Vec<Option<Neighbour>>,
    /// Which of them is read next.
    turn: usize,
}

impl Neighbours {
    /// For each of so many shards its ways to all others.
    pub(crate) fn mesh(shards: usize) -> Vec<Self> {
        let mut all: Vec<Self> = (0..shards)
            .map(|own| Self {
                own,
                others: (0..shards).map(|_| None).collect(),
                turn: 0,
            })
            .collect();
        for one in 0..shards {
            for other in one + 1..shards {
                let (there, back) = Neighbour::pair();
                all[one].others[other] = Some(there);
                all[other].others[one] = Some(back);
            }
        }
        all
    }

    /// The number of this shard.
    pub(super) fn own(&self) -> usize {
        self.own
    }

    /// Hands a packet over; `false`: there is no room.
    pub(super) fn send_packet(
        &mut self,
        to: usize,
        (key, at): (StreamKey, Instant),
        packet: &[u8],
        description: &Description,
        audience: Audience,
    ) -> bool {
        let Some(link) = self.link(to) else {
            return false;
        };
        let head = Packet {
            key,
            at,
            audience,
            len: packet.len(),
            description: description.clone(),
        };
        // The bytes first: a record that is seen has them.
        let sent = !link.heads.is_full() && link.bytes.push_entire_slice(packet).is_ok();
        if sent {
            // There is one producer, so there is still room.
            let _ = link.heads.push(Crossing::Packet(head));
            link.touched = true;
        }
        sent
    }

    /// Hands a sender report over; `false`: there is no room, and the next one will do.
    pub(super) fn send_report(&mut self, to: usize, key: StreamKey, source: u64, clock: SenderClock) -> bool {
        let Some(link) = self.link(to) else {
            return false;
        };
        let sent = link.heads.push(Crossing::Report(key, source, clock)).is_ok();
        link.touched |= sent;
        sent
    }

    /// Tells the home of a stream what is wanted of it; waits for room.
    pub(super) fn tell(&mut self, home: usize, wants: Wants) {
        if let Some(link) = self.link(home) {
            link.waiting.push_back(Crossing::Wants(wants));
            link.push_waiting();
        }
    }

    /// The next thing that came; a packet's bytes are put into `bytes`.
    pub(super) fn receive(&mut self, bytes: &mut Vec<u8>) -> Option<Crossing> {
        for _ in 0..self.others.len() {
            self.turn = (self.turn + 1) % self.others.len();
            let Some(link) = self.others.get_mut(self.turn).and_then(Option::as_mut) else {
                continue;
            };
            if let Ok(crossing) = link.came_heads.pop() {
                if let Crossing::Packet(packet) = &crossing {
                    bytes.resize(packet.len, 0);
                    // The other side puts the bytes in before the record.
                    link.came_bytes.pop_entire_slice(bytes).ok()?;
                }
                return Some(crossing);
            }
        }
        None
    }

    /// Calls `wake` for each shard that has got something since the last call.
    pub(crate) fn wake(&mut self, mut wake: impl FnMut(usize)) {
        for (other, link) in self.others.iter_mut().enumerate() {
            let Some(link) = link else {
                continue;
            };
            link.push_waiting();
            if std::mem::take(&mut link.touched) {
                wake(other);
            }
        }
    }

    fn link(&mut self, other: usize) -> Option<&mut Neighbour> {
        self.others.get_mut(other)?.as_mut()
    }
}

impl Neighbour {
    fn pair() -> (Self, Self) {
        let (heads, other_came_heads) = RingBuffer::new(RECORDS);
        let (bytes, other_came_bytes) = RingBuffer::new(BYTES);
        let (other_heads, came_heads) = RingBuffer::new(RECORDS);
        let (other_bytes, came_bytes) = RingBuffer::new(BYTES);
        let link = |heads, bytes, came_heads, came_bytes| Self {
            heads,
            bytes,
            came_heads,
            came_bytes,
            waiting: VecDeque::new(),
            touched: false,
        };
        let one = link(heads, bytes, came_heads, came_bytes);
        (one, link(other_heads, other_bytes, other_came_heads, other_came_bytes))
    }

    fn push_waiting(&mut self) {
        while let Some(crossing) = self.waiting.pop_front() {
            if let Err(rtrb::PushError::Full(crossing)) = self.heads.push(crossing) {
                self.waiting.push_front(crossing);
                return;
            }
            self.touched = true;
        }
    }
}
