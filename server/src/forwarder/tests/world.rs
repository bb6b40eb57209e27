//! A shard and its clients on a network that is a vector.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::core::{Command, Core, Neighbours};
use super::super::counters::ShardCounters;
use super::super::dtls::{ClientCertificates, DtlsIdentity};
use super::super::negotiate::{Terms, negotiate};
use super::super::peer::Placement;
use super::super::sdp::{Credentials, Role};
use super::super::{ForwarderCounters, ForwarderEvent, ForwarderLimits, PeerId, StreamKey};
use super::client::{Numbers, TestClient, USUAL};

/// A datagram that the shard sent.
#[derive(Debug)]
pub(super) struct Transmit {
    pub(super) to: SocketAddr,
    pub(super) data: Vec<u8>,
}

/// Where the shard seems to listen.
pub(super) const SERVER: &str = "198.51.100.1:7000";

/// The usual limits, but for a publisher's: tests send without time passing.
pub(super) fn limits() -> ForwarderLimits {
    ForwarderLimits {
        publisher_packets: 0,
        publisher_kbit: 0,
        ..ForwarderLimits::default()
    }
}

pub(super) struct World {
    pub(super) core: Core,
    pub(super) now: Instant,
    pub(super) clients: Vec<TestClient>,
    pub(super) events: Vec<ForwarderEvent>,
    /// Datagrams that no client has the address of.
    pub(super) stray: Vec<Transmit>,
    /// Where the next peers belong, and what the players among them want.
    pub(super) place: Placement,
    identity: DtlsIdentity,
    counters: Arc<ShardCounters>,
    rng: StdRng,
    next_peer: u64,
    /// Chance in percent that a datagram is lost, each way.
    pub(super) loss: u32,
    /// Which certificates the next client may have.
    pub(super) certificates: ClientCertificates,
}

/// What clients before their login are told.
pub(super) fn probe() -> Credentials {
    Credentials::new("AAtryingit", "known/to/all/who/ask/for/it").unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(limits())
    }

    pub(super) fn with(limits: ForwarderLimits) -> Self {
        Self::linked(limits, Neighbours::default())
    }

    /// One of several shards.
    pub(super) fn linked(limits: ForwarderLimits, neighbours: Neighbours) -> Self {
        let identity = DtlsIdentity::generate().unwrap();
        let counters = Arc::new(ShardCounters::default());
        // An hour ahead, so that a stray read of the real clock shows.
        let now = Instant::now() + Duration::from_secs(3600);
        Self {
            core: Core::new(identity.clone(), limits, Arc::clone(&counters), [7; 32], now)
                .with_neighbours(neighbours)
                .with_probe(probe()),
            now,
            clients: Vec::new(),
            events: Vec::new(),
            stray: Vec::new(),
            place: Placement::default(),
            identity,
            counters,
            rng: StdRng::seed_from_u64(7),
            next_peer: 1,
            loss: 0,
            certificates: ClientCertificates::Ecdsa,
        }
    }

    pub(super) fn server(&self) -> SocketAddr {
        SERVER.parse().unwrap()
    }

    pub(super) fn counters(&self) -> ForwarderCounters {
        let mut total = ForwarderCounters::default();
        self.counters.add_to(&mut total);
        total
    }

    /// Adds a client that has its answer and sent nothing yet; gives its index and its peer.
    pub(super) fn add(&mut self, role: Role, key: u64, numbers: Numbers) -> (usize, PeerId) {
        let port = 40_000 + u16::try_from(self.clients.len()).unwrap();
        let address = SocketAddr::from(([203, 0, 113, 9], port));
        let client = TestClient::new(address, numbers, self.now);
        self.add_client(role, key, client, None)
    }

    /// The same for a client that offers NACK.
    pub(super) fn add_with_nack(&mut self, role: Role, key: u64, numbers: Numbers) -> (usize, PeerId) {
        let port = 40_000 + u16::try_from(self.clients.len()).unwrap();
        let mut client = TestClient::new(SocketAddr::from(([203, 0, 113, 9], port)), numbers, self.now);
        client.nack = true;
        self.add_client(role, key, client, None)
    }

    /// The same for a client of one's own and an offer that may differ from its truth.
    pub(super) fn add_client(&mut self, role: Role, key: u64, mut client: TestClient, offer: Option<String>) -> (usize, PeerId) {
        let direction = if role == Role::Publisher { "sendonly" } else { "recvonly" };
        let offer = offer.unwrap_or_else(|| client.offer(direction));
        let id = self.next_id();
        let terms = Terms {
            offer_bytes: 32_768,
            fingerprint: self.identity.fingerprint(),
            candidates: &[self.server()],
            tcp_candidates: &[],
            shard: 0,
        };
        let (mut new, answer) = negotiate(&offer, role, (id, StreamKey(key)), terms, &mut self.rng).unwrap();
        new.certificates = self.certificates;
        new.place = self.place;
        self.core.handle_command(Command::Add(Box::new(new)), self.now);
        client.accept(&answer);
        self.clients.push(client);
        (self.clients.len() - 1, id)
    }

    /// The name of the next peer.
    pub(super) fn next_id(&mut self) -> PeerId {
        let id = PeerId(self.next_peer);
        self.next_peer += 1;
        id
    }

    /// Adds a client and connects it.
    pub(super) fn join(&mut self, role: Role, key: u64, numbers: Numbers) -> (usize, PeerId) {
        let (index, id) = self.add(role, key, numbers);
        self.connect(index);
        assert!(self.clients[index].connected);
        (index, id)
    }

    pub(super) fn publisher(&mut self, key: u64) -> (usize, PeerId) {
        self.join(Role::Publisher, key, USUAL)
    }

    pub(super) fn player(&mut self, key: u64) -> (usize, PeerId) {
        self.join(Role::Player, key, USUAL)
    }

    /// ICE and DTLS of one client.
    pub(super) fn connect(&mut self, index: usize) {
        let request = self.clients[index].request(true);
        self.send(index, &request);
        let now = self.now;
        for hello in self.clients[index].start_dtls(now) {
            self.send(index, &hello);
        }
    }

    /// Sends a datagram from a client and lets everything that follows happen.
    pub(super) fn send(&mut self, index: usize, datagram: &[u8]) {
        self.send_from(self.clients[index].address, datagram);
    }

    pub(super) fn send_from(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.deliver(from, datagram);
        self.settle();
    }

    fn deliver(&mut self, from: SocketAddr, datagram: &[u8]) {
        if !self.is_lost() {
            self.core.handle(datagram, from.into(), self.now);
        }
    }

    pub(super) fn is_lost(&mut self) -> bool {
        self.rng.random_range(0..100) < self.loss
    }

    /// The next datagram of the shard.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        let (to, data) = self.core.poll_transmits(1).get(0)?;
        Some(Transmit {
            to: to.address,
            data: data.to_vec(),
        })
    }

    /// Carries what is on its way.
    pub(super) fn settle(&mut self) {
        let server = self.server();
        while let Some(transmit) = self.poll_transmit() {
            if self.is_lost() {
                continue;
            }
            let Some(client) = self.clients.iter_mut().find(|client| client.address == transmit.to) else {
                self.stray.push(transmit);
                continue;
            };
            let from = client.address;
            for answer in client.handle(&transmit.data, server, self.now) {
                self.deliver(from, &answer);
            }
        }
        while let Some(event) = self.core.poll_event() {
            self.events.push(event);
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        self.core.handle_command(command, self.now);
        self.settle();
    }

    /// Lets time pass, stopping at every time-out of the shard.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.core.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.core.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// One Opus packet of a publisher.
    pub(super) fn speak(&mut self, index: usize, ssrc: u32, sequence: u16, timestamp: u32) {
        self.speak_at(index, ssrc, sequence, timestamp, 0x85);
    }

    /// The same with an audio level: the voice flag and dB below full scale, as RFC 6464 has them.
    pub(super) fn speak_at(&mut self, index: usize, ssrc: u32, sequence: u16, timestamp: u32, level: u8) {
        let payload = [&sequence.to_be_bytes()[..], b"speech"].concat();
        let packet = self.clients[index].rtp_packet((ssrc, sequence, timestamp), &[0x10, level], &payload);
        self.send(index, &packet);
    }

    /// The publisher's sequence numbers that a client heard, from the payloads.
    pub(super) fn heard(&self, index: usize) -> Vec<u16> {
        let packets = self.clients[index].rtp.iter();
        packets
            .map(|(_, payload)| u16::from_be_bytes([payload[0], payload[1]]))
            .collect()
    }
}
