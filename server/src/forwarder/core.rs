//! One shard without its socket: datagrams, commands and time in; datagrams and events out.
//!
//! ```text
//!   datagram ─► first byte (RFC 7983) ─┬─ STUN ── by user fragment or transaction ─► ice
//!                                      ├─ DTLS ── by proved address ──────────────► dtls
//!                                      └─ SRTP ── by proved address ──────────────► media (forward.rs)
//! ```
//!
//! A packet from an address that no peer has proved is policed first. Nothing here reads a clock.

mod feedback;
mod forward;
mod intake;
mod reports;
mod retransmit;
mod stream;
mod transport;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::stream::Stream;
use super::counters::ShardCounters;
use super::dtls::DtlsIdentity;
use super::peer::{Media, NewPeer, Peer};
use super::policing::Policer;
use super::queue::{SendQueue, Taken};
use super::rtp::HeaderShape;
use super::sdp::Credentials;
use super::summary::Samples;
use super::tuple::Tuple;
use super::{ForwarderEvent, ForwarderLimits, GoneReason, PeerId, StreamKey, rtcp};

/// What the rest of the server wants of a shard.
#[derive(Debug)]
pub(crate) enum Command {
    Add(Box<NewPeer>),
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
    free: Vec<usize>,
    by_id: HashMap<PeerId, usize>,
    by_ufrag: HashMap<String, usize>,
    by_address: HashMap<Tuple, Route>,
    streams: HashMap<StreamKey, Stream>,
    timers: BinaryHeap<Reverse<(Instant, usize, PeerId)>>,
    queue: SendQueue,
    events: VecDeque<ForwarderEvent>,
    next_source: u64,
    /// What this shard is called in its summaries: unlike any other.
    name: u64,
    began: Instant,
    samples: Samples,
    shape: HeaderShape,
    /// Where a packet is put together for a listener.
    scratch: Vec<u8>,
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
        let policer = Policer::new(limits.unauthenticated_per_source, limits.unauthenticated_in_total, now);
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
            free: Vec::new(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            streams: HashMap::new(),
            timers: BinaryHeap::new(),
            queue: SendQueue::default(),
            events: VecDeque::new(),
            next_source: 0,
            shape: HeaderShape::new(),
            scratch: Vec::with_capacity(2048),
            outgoing: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Carries out a command.
    pub(crate) fn handle_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Add(new) => self.add(*new, now),
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
            self.counters.unauthenticated.one();
            if !self.policer.admit(from.address.ip(), now) {
                self.counters.policed.one();
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

    /// The next datagrams to send, at most `most`.
    pub(crate) fn poll_transmits(&mut self, most: usize) -> Taken<'_> {
        self.queue.take(most)
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

    fn add(&mut self, new: NewPeer, now: Instant) {
        let random = (self.rng.random(), self.rng.random(), self.rng.random());
        let (id, key, ufrag, nack) = (new.id, new.stream, new.local.ufrag.clone(), new.nack);
        let peer = Box::new(Peer::new(new, &self.identity, random, now));
        let is_player = matches!(peer.media, Media::Player(_));
        let index = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        self.peers[index] = Some(peer);
        self.by_id.insert(id, index);
        self.by_ufrag.insert(ufrag, index);
        let stream = self.streams.entry(key).or_default();
        if is_player {
            stream.add_player(index, nack);
        } else {
            stream.publishers += 1;
        }
        self.counters.peers_added.one();
        self.arm(index);
    }

    fn restart_ice(&mut self, id: PeerId, (local, remote): (Credentials, Credentials)) {
        let index = self.by_id.get(&id).copied();
        let Some((index, peer)) = index.and_then(|index| Some((index, self.peers.get_mut(index)?.as_deref_mut()?))) else {
            return;
        };
        self.by_ufrag.remove(peer.ice.local_ufrag());
        self.by_ufrag.insert(local.ufrag.clone(), index);
        peer.ice.restart(local, remote);
        self.counters.ice_restarts.one();
    }

    fn set_paused(&mut self, id: PeerId, paused: bool) {
        let index = self.by_id.get(&id).copied();
        let peer = index.and_then(|index| self.peer_mut(index));
        if let Some(Media::Player(playing)) = peer.map(|peer| &mut peer.media) {
            playing.paused = paused;
            if paused {
                playing.rebase.pause();
            }
        }
    }

    /// A peer went by itself.
    fn lose(&mut self, index: usize, reason: GoneReason) {
        if matches!(reason, GoneReason::DtlsFailed | GoneReason::WrongCertificate) {
            self.counters.dtls_failed.one();
        }
        if let Some(peer) = self.forget(index) {
            self.events.push_back(ForwarderEvent::Gone { peer, reason });
        }
    }

    fn say_goodbye(&mut self, index: usize, now: Instant) {
        let mut records = std::mem::take(&mut self.records);
        let Some(peer) = self.peer_mut(index) else {
            return;
        };
        peer.dtls.close(now, &mut records);
        let bye = rtcp::goodbye(peer.ssrc, &peer.cname).and_then(|bye| peer.srtp.as_mut()?.protect_rtcp(&bye));
        let to = peer.ice.selected();
        if let (Some(data), Some(to)) = (bye, to) {
            self.counters.rtcp_sent.one();
            self.queue.push(to, &data);
        }
        self.send_records(index, &mut records);
        self.records = records;
    }

    fn forget(&mut self, index: usize) -> Option<PeerId> {
        let peer = self.peers.get_mut(index)?.take()?;
        self.free.push(index);
        self.by_id.remove(&peer.id);
        self.by_ufrag.remove(peer.ice.local_ufrag());
        for address in peer.ice.addresses() {
            self.unroute(address, index);
        }
        self.counters.peers_removed.one();
        if let Some(stream) = self.streams.get_mut(&peer.stream) {
            match peer.media {
                Media::Player(_) => stream.remove_player(index),
                Media::Publisher(_) => stream.publishers = stream.publishers.saturating_sub(1),
            }
            if stream.publisher == Some(peer.id) {
                stream.publisher = None;
            }
            if stream.is_empty() {
                self.streams.remove(&peer.stream);
            }
        }
        Some(peer.id)
    }

    fn handle_peer_timeout(&mut self, index: usize, now: Instant) {
        let (connect, consent) = (self.limits.connect_timeout, self.limits.consent_timeout);
        let mut out = std::mem::take(&mut self.outgoing);
        let Some(peer) = self.peer_mut(index) else {
            return;
        };
        if peer.gives_up(connect, consent) <= now {
            let reason = match peer.srtp {
                Some(_) => GoneReason::ConsentLost,
                None => GoneReason::NeverConnected,
            };
            self.outgoing = out;
            self.lose(index, reason);
            return;
        }
        peer.ice.handle_timeout(now, &mut out);
        self.outgoing = out;
        self.flush_stun(index);
        self.send_report_if_due(index, now);
        self.run_dtls(index, None, now);
    }

    fn unroute(&mut self, address: Tuple, index: usize) {
        if self.by_address.get(&address).is_some_and(|route| route.peer == index) {
            self.by_address.remove(&address);
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
