//! One shard without its socket: datagrams, commands and time in; datagrams and events out.
//!
//! ```text
//!   datagram ─► first byte (RFC 7983) ─┬─ STUN ── by user fragment or transaction ─► ice
//!                                      ├─ DTLS ── by proved address ──────────────► dtls
//!                                      └─ SRTP ─┬ by proved address ──────────────► media (forward.rs)
//!                                               └ by SSRC: a relay's (relay.rs) ─► media
//! ```
//!
//! A packet from an address that no peer has proved is policed first. Nothing here reads a clock.

mod cross;
mod feedback;
mod forms;
mod forward;
mod groups;
mod intake;
mod peers;
mod probe;
mod protect;
mod relay;
mod repair;
mod reports;
mod retransmit;
mod spread;
mod stream;
mod transport;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub(crate) use self::cross::Neighbours;
use self::forms::Forms;
use self::groups::Groups;
pub(crate) use self::relay::wanted;
use self::stream::Stream;
use super::counters::ShardCounters;
use super::dtls::DtlsIdentity;
use super::listener::Listener;
use super::peer::{NewPeer, Peer};
use super::policing::Policer;
use super::queue::{SendQueue, Taken};
use super::relay::NewRelay;
use super::sdp::Credentials;
use super::summary::Samples;
use super::tuple::{TcpLink, Tuple};
use super::{ForwarderEvent, ForwarderLimits, PeerId, StreamKey};

/// What the rest of the server wants of a shard.
#[derive(Debug)]
pub(crate) enum Command {
    Add(Box<NewPeer>),
    AddRelay(Box<NewRelay>),
    /// Where the packets of a relay that is taken here will come from.
    SetRelaySource(PeerId, Tuple),
    /// A player's: only while the stream is one of so many loudest.
    SetLoudest(PeerId, u32),
    Remove(PeerId),
    SetPaused(PeerId, bool),
    /// Other ICE credentials: ours, then the client's.
    RestartIce(PeerId, Box<(Credentials, Credentials)>),
}

/// Who an address belongs to.
#[derive(Clone, Copy, Debug)]
struct Route {
    peer: usize,
    /// Only then is anything but STUN believed to come from this peer.
    validated: bool,
}

/// The state of one shard.
#[derive(Debug)]
pub(crate) struct Core {
    identity: DtlsIdentity,
    limits: ForwarderLimits,
    counters: Arc<ShardCounters>,
    rng: StdRng,
    policer: Policer,
    peers: Vec<Option<Box<Peer>>>,
    /// Of the peers that play, under the same index.
    listeners: Vec<Option<Listener>>,
    free: Vec<usize>,
    by_id: HashMap<PeerId, usize>,
    by_ufrag: HashMap<String, usize>,
    /// Who may ask for an answer without being a peer.
    probe: Option<Credentials>,
    by_address: HashMap<Tuple, Route>,
    /// Relays, by the SSRC of what comes from their other side.
    by_relay: HashMap<u32, usize>,
    streams: HashMap<StreamKey, Stream>,
    groups: Groups,
    /// The ways to the other shards.
    neighbours: Neighbours,
    timers: BinaryHeap<Reverse<(Instant, usize, PeerId)>>,
    queue: SendQueue,
    closed_links: Vec<TcpLink>,
    events: VecDeque<ForwarderEvent>,
    next_source: u64,
    /// What this shard is called in its summaries: unlike any other.
    name: u64,
    began: Instant,
    samples: Samples,
    /// The packet that is taken in, decrypted.
    decrypted: Vec<u8>,
    /// A publisher's packet that came as a copy only.
    repaired: Vec<u8>,
    forms: Forms,
    /// Since the last look: when the oldest packet came that was forwarded, and how many copies there were.
    forwarded: Option<(Instant, u64)>,
    /// Where a packet from another shard is put.
    crossed: Vec<u8>,
    outgoing: Vec<(Tuple, Vec<u8>)>,
    records: Vec<Vec<u8>>,
}

impl Core {
    pub(crate) fn new(
        identity: DtlsIdentity,
        limits: ForwarderLimits,
        counters: Arc<ShardCounters>,
        seed: [u8; 32],
        now: Instant,
    ) -> Self {
        let policer = Policer::new(&limits, now);
        let mut rng = StdRng::from_seed(seed);
        Self {
            identity,
            limits,
            counters,
            name: rng.random(),
            began: now,
            samples: Samples::default(),
            rng,
            policer,
            peers: Vec::new(),
            listeners: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            probe: None,
            by_address: HashMap::new(),
            by_relay: HashMap::new(),
            streams: HashMap::new(),
            groups: Groups::default(),
            neighbours: Neighbours::default(),
            timers: BinaryHeap::new(),
            queue: SendQueue::default(),
            closed_links: Vec::new(),
            events: VecDeque::new(),
            next_source: 0,
            decrypted: Vec::new(),
            repaired: Vec::new(),
            forms: Forms::default(),
            forwarded: None,
            crossed: Vec::with_capacity(2048),
            outgoing: Vec::new(),
            records: Vec::new(),
        }
    }

    /// The same as one of several shards.
    pub(crate) fn with_neighbours(mut self, neighbours: Neighbours) -> Self {
        // Every source of the forwarder has a number of its own: the upper bits are the shard's.
        self.next_source = (neighbours.own() as u64) << 48;
        self.neighbours = neighbours;
        self
    }

    /// Whether nothing is left of any peer and any stream.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn is_empty(&self) -> bool {
        let tables = [
            self.by_id.len(),
            self.by_ufrag.len(),
            self.by_address.len(),
            self.by_relay.len(),
            self.streams.len(),
        ];
        tables == [0; 5] && self.groups.is_empty()
    }

    /// Carries out a command.
    pub(crate) fn handle_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Add(new) => self.add(*new, now),
            Command::AddRelay(new) => self.add_relay(*new, now),
            Command::SetRelaySource(id, source) => self.set_relay_source(id, source, now),
            Command::SetLoudest(id, loudest) => self.set_loudest(id, loudest),
            Command::Remove(id) => {
                if let Some(&index) = self.by_id.get(&id) {
                    self.say_goodbye(index, now);
                    self.forget(index);
                }
            }
            Command::SetPaused(id, paused) => self.set_paused(id, paused),
            Command::RestartIce(id, credentials) => self.restart_ice(id, *credentials),
        }
    }

    /// Takes a datagram as it came from the network.
    pub(crate) fn handle(&mut self, datagram: &[u8], from: Tuple, now: Instant) {
        self.counters.datagrams_received.one();
        self.counters.bytes_received.add(datagram.len() as u64);
        let route = self.by_address.get(&from).copied();
        if !route.is_some_and(|route| route.validated) {
            if let Some(index) = self.relay_named_in(datagram, from) {
                self.handle_relayed(datagram, from, index, now);
                return;
            }
            if !self.admit_stranger(from, now) {
                return;
            }
        }
        match datagram.first() {
            Some(0..=3) => self.handle_stun(datagram, from, now),
            Some(20..=63) => self.handle_dtls(datagram, from, route, now),
            Some(128..=191) => match route {
                Some(route) if route.validated => self.handle_srtp(datagram, from, route.peer, now),
                _ => {}
            },
            _ => self.counters.malformed.one(),
        }
    }

    /// Counts a datagram from an address that nobody has proved; `false`: there were too many.
    fn admit_stranger(&mut self, from: Tuple, now: Instant) -> bool {
        self.counters.unauthenticated.one();
        let is_admitted = self.policer.admit(from.address.ip(), now);
        self.counters.policed.add(u64::from(!is_admitted));
        is_admitted
    }

    /// The next datagrams to send, at most `most`.
    pub(crate) fn poll_transmits(&mut self, most: usize) -> Taken<'_> {
        self.queue.take(most)
    }

    /// The datagrams to send over TCP, all of them.
    pub(crate) fn poll_links(&mut self) -> impl Iterator<Item = (TcpLink, Bytes)> + '_ {
        self.queue.take_for_links()
    }

    /// The TCP connections that are of use no more.
    pub(crate) fn poll_closed_links(&mut self) -> impl Iterator<Item = TcpLink> + '_ {
        self.closed_links.drain(..)
    }

    /// When the oldest packet arrived of those forwarded since the last call, and how many copies were made.
    pub(crate) fn take_forwarded(&mut self) -> Option<(Instant, u64)> {
        self.forwarded.take()
    }

    /// The next event for the rest of the server.
    pub(crate) fn poll_event(&mut self) -> Option<ForwarderEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called at the latest.
    ///
    /// Timers that count no more (their peer is gone, or is looked at earlier) go here, so that an idle shard sleeps.
    pub(crate) fn next_timeout(&mut self) -> Option<Instant> {
        while let Some(&Reverse((at, index, id))) = self.timers.peek() {
            let counts = |peer: &mut Peer| peer.id == id && peer.armed == Some(at);
            if self.peer_mut(index).is_some_and(counts) {
                return Some(at);
            }
            self.timers.pop();
        }
        None
    }

    /// Does what time asks for.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while self.next_timeout().is_some_and(|at| at <= now) {
            let Some(Reverse((_, index, _))) = self.timers.pop() else {
                return;
            };
            if let Some(peer) = self.peer_mut(index) {
                peer.armed = None;
            }
            self.handle_peer_timeout(index, now);
        }
    }

    /// Ends every peer as [`Command::Remove`] does.
    pub(crate) fn end_all(&mut self, now: Instant) {
        for index in 0..self.peers.len() {
            self.say_goodbye(index, now);
            self.forget(index);
        }
    }

    fn unroute(&mut self, address: Tuple, index: usize) {
        if self.by_address.get(&address).is_some_and(|route| route.peer == index) {
            self.by_address.remove(&address);
            self.closed_links.extend(address.link());
        }
    }

    fn peer_mut(&mut self, index: usize) -> Option<&mut Peer> {
        self.peers.get_mut(index)?.as_deref_mut()
    }

    /// Sees to it that this peer is looked at in time.
    fn arm(&mut self, index: usize) {
        let (connect, consent) = (self.limits.connect_timeout, self.limits.consent_timeout);
        let Some(peer) = self.peer_mut(index) else {
            return;
        };
        let at = peer.next_timeout(connect, consent);
        if peer.armed.is_none_or(|armed| at < armed) {
            peer.armed = Some(at);
            let id = peer.id;
            self.timers.push(Reverse((at, index, id)));
        }
    }
}

/// Sends a listener's media where its peer is reached now: after everything that may change the selected path.
fn follow_path(listeners: &mut [Option<Listener>], index: usize, peer: &Peer) {
    if let Some(listener) = listeners.get_mut(index).and_then(Option::as_mut) {
        listener.path = peer.ice.selected();
    }
}
