//! Two nodes, one shard each, and the network between them, in one virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::core::{Command, wanted};
use super::super::peer::Placement;
use super::super::relay::{NewRelay, RelayNames, RelayTerms};
use super::super::sdp::Role;
use super::super::{ForwarderEvent, GoneReason, PeerId, StreamKey};
use super::world::World;

/// The node where streams are published, and the one where they are heard, in the tests that have such.
pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// A datagram between nodes.
#[derive(Clone, Debug)]
pub(super) struct Flying {
    due: Instant,
    to: usize,
    pub(super) data: Vec<u8>,
}

/// Both sides of a relay from one node to the other.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    pub(super) sends: PeerId,
    pub(super) takes: PeerId,
    pub(super) terms: RelayTerms,
}

pub(super) struct Nodes {
    pub(super) worlds: [World; 2],
    names: [RelayNames; 2],
    /// One way.
    pub(super) delay: Duration,
    /// In percent, of what goes to a node.
    pub(super) loss: [u32; 2],
    flying: VecDeque<Flying>,
    /// Everything that was sent to a node, lost or not.
    pub(super) sent: [Vec<Vec<u8>>; 2],
    rng: StdRng,
}

pub(super) fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 101 + u8::try_from(node).unwrap()], 7000))
}

pub(super) fn is_rtp(datagram: &[u8]) -> bool {
    !matches!(datagram[1], 192..=223)
}

impl Nodes {
    pub(super) fn new() -> Self {
        let mut worlds = [World::new(), World::new()];
        worlds[A].now = worlds[B].now;
        Self {
            worlds,
            names: Default::default(),
            delay: Duration::ZERO,
            loss: [0; 2],
            flying: VecDeque::new(),
            sent: Default::default(),
            rng: StdRng::seed_from_u64(9),
        }
    }

    /// Has a stream of one node sent to the other; the key is the same on both.
    pub(super) fn relay(&mut self, from: usize, key: u64, loudest: u32) -> Relay {
        let relay = self.half_relay(from, key, loudest);
        let source = address(from).into();
        self.command(1 - from, Command::SetRelaySource(relay.takes, source));
        relay
    }

    /// The same, where the taking side is not told who sends.
    pub(super) fn half_relay(&mut self, from: usize, key: u64, loudest: u32) -> Relay {
        let to = 1 - from;
        let terms = RelayTerms::fresh(address(to));
        let takes = self.add(to, (key, Role::Publisher), &terms, 0);
        let sends = self.add(from, (key, Role::Player), &terms, loudest);
        Relay { sends, takes, terms }
    }

    /// Adds one side of a relay.
    pub(super) fn add(&mut self, node: usize, (key, role): (u64, Role), terms: &RelayTerms, loudest: u32) -> PeerId {
        let name = match role {
            Role::Publisher => terms.ssrc(),
            Role::Player => terms.feedback_ssrc(),
        };
        let id = self.worlds[node].next_id();
        let new = NewRelay {
            id,
            stream: StreamKey(key),
            place: Placement {
                loudest: wanted(loudest),
                ..Placement::default()
            },
            role,
            terms: terms.clone(),
            name: self.names[node].claim(name).unwrap(),
        };
        self.command(node, Command::AddRelay(Box::new(new)));
        id
    }

    pub(super) fn command(&mut self, node: usize, command: Command) {
        self.worlds[node].command(command);
        self.carry();
    }

    /// One packet of a publisher, with the audio level of RFC 6464.
    pub(super) fn speak(&mut self, node: usize, client: usize, ssrc: u32, sequence: u16, level: u8) {
        let timestamp = u32::from(sequence) * 960;
        self.worlds[node].speak_at(client, ssrc, sequence, timestamp, level);
        self.carry();
    }

    /// Delivers what is due between the nodes, and what that brings about.
    pub(super) fn carry(&mut self) {
        loop {
            self.send();
            let now = self.now();
            let Some(at) = self.flying.iter().position(|flying| flying.due <= now) else {
                return;
            };
            let Flying { to, data, .. } = self.flying.remove(at).unwrap();
            self.inject(to, address(1 - to), &data);
        }
    }

    /// A datagram reaches a node.
    pub(super) fn inject(&mut self, node: usize, from: SocketAddr, datagram: &[u8]) {
        self.worlds[node].send_from(from, datagram);
        self.send();
    }

    fn send(&mut self) {
        let due = self.now() + self.delay;
        for from in [A, B] {
            let to = 1 - from;
            for transmit in std::mem::take(&mut self.worlds[from].stray) {
                assert_eq!(transmit.to, address(to), "sent to a stranger");
                self.sent[to].push(transmit.data.clone());
                if self.rng.random_range(0..100) >= self.loss[to] {
                    let data = transmit.data;
                    self.flying.push_back(Flying { due, to, data });
                }
            }
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.worlds[A].now
    }

    /// Lets time pass on both nodes and between them.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now() + duration;
        loop {
            let timeouts = self.worlds.iter_mut().filter_map(|world| world.core.next_timeout());
            let next = timeouts.chain(self.flying.iter().map(|flying| flying.due)).min();
            let now = next.filter(|next| *next <= end).unwrap_or(end).max(self.now());
            for world in &mut self.worlds {
                world.now = now;
                world.core.handle_timeout(now);
                world.settle();
            }
            self.carry();
            if next.is_none_or(|next| next > end) {
                return;
            }
        }
    }

    /// RTP datagrams that were sent to a node.
    pub(super) fn rtp_to(&self, node: usize) -> Vec<&[u8]> {
        let sent = self.sent[node].iter().map(Vec::as_slice);
        sent.filter(|datagram| is_rtp(datagram)).collect()
    }

    /// Why a peer is gone; `None`: it is not.
    pub(super) fn gone(&self, node: usize, id: PeerId) -> Option<GoneReason> {
        self.worlds[node].events.iter().find_map(|event| match event {
            ForwarderEvent::Gone { peer, reason } if *peer == id => Some(*reason),
            _ => None,
        })
    }

    /// Whether the numbers that a client saw have neither gap nor step back.
    pub(super) fn is_unbroken(&self, node: usize, client: usize) -> bool {
        let packets = &self.worlds[node].clients[client].rtp;
        packets
            .windows(2)
            .all(|pair| pair[1].0.sequence_number == pair[0].0.sequence_number.wrapping_add(1))
    }
}
