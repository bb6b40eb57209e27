//! The handle that the rest of the server has.

mod relay;
mod start;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use express_signalling::protocol::MediaPortsOk;
use nix::sys::eventfd::EventFd;

use super::core::{Command, wanted};
use super::counters::ShardCounters;
use super::dtls::{ClientCertificates, DtlsIdentity, IdentityError};
use super::negotiate::{Terms, fresh_credentials, negotiate};
use super::peer::Placement;
use super::relay::RelayNames;
use super::sdp::{Credentials, Offer, Role};
use super::shard_thread::{ShardStatus, ShardThread};
use super::socket::Control;
use super::tcp::{Entrance, Front};
use super::{
    Answer, ForwarderCounters, ForwarderLimits, ForwardingLatency, GroupKey, MediaRequest, NegotiateError, PeerId, StreamKey,
    Wish,
};

/// How long a command that must not be lost waits for room.
const COMMAND_PATIENCE: Duration = Duration::from_secs(1);
/// The other half of a probe's USERNAME. With it a request is as long as the longest answer.
const PROBING: &str = "anonymous";
/// A player stays with its stream's publishers as long as no shard has so many peers fewer: a crossing costs a wake-up,
/// and so many players are a quarter of a percent of a core.
const SLACK: u64 = 16;

/// The SFU. Cheap to clone; all clones are one forwarder. Dropping the last one stops it.
///
/// Methods take no lock that a packet could wait for and may be called from any thread except the one that
/// delivers a [`ForwarderEvent`](super::ForwarderEvent).
#[derive(Clone, Debug)]
pub struct Forwarder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    identity: DtlsIdentity,
    limits: ForwarderLimits,
    shards: Vec<ShardHandle>,
    front: Option<Front>,
    tcp_candidates: Vec<SocketAddr>,
    probe: Credentials,
    next_peer: AtomicU64,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct ShardHandle {
    address: SocketAddr,
    candidates: Vec<SocketAddr>,
    /// Where it takes streams of other nodes, and sends them its own from.
    relay_address: SocketAddr,
    /// The SSRCs of its relays.
    relays: RelayNames,
    commands: Sender<Control>,
    wake: Arc<EventFd>,
    entrance: Entrance,
    counters: Arc<ShardCounters>,
    thread: Arc<ShardThread>,
    /// Peers that were ever handed to it.
    joined: AtomicU64,
}

/// Why a forwarder did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartForwarderError {
    /// A shard's UDP socket or the TCP socket could not be opened.
    #[error("cannot listen on {transport} {address}")]
    Bind {
        /// `udp` or `tcp`.
        transport: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// There are not enough ports behind the configured one for every shard.
    #[error("no {shards} ports from {address} on")]
    Ports {
        /// The first.
        address: SocketAddr,
        /// How many are wanted.
        shards: usize,
    },
    /// No certificate for DTLS.
    #[error("no dtls identity")]
    Identity(#[from] IdentityError),
    /// A thread, a wake-up descriptor or the list of interfaces was refused by the system.
    #[error("the system refused a resource")]
    System(#[source] std::io::Error),
}

impl Forwarder {
    /// Where the shards listen, in their order.
    pub fn media_addresses(&self) -> Vec<SocketAddr> {
        self.inner.shards.iter().map(|shard| shard.address).collect()
    }

    /// Where TCP connections are taken, if they are.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.inner.front.as_ref().map(Front::address)
    }

    /// What a client is told that wants to try its network before a login.
    pub fn ports(&self) -> MediaPortsOk {
        let Credentials { ufrag, password } = &self.inner.probe;
        MediaPortsOk {
            udp: self.inner.shards.iter().flat_map(|shard| shard.candidates.clone()).collect(),
            tcp: self.inner.tcp_candidates.clone(),
            username: format!("{ufrag}:{PROBING}"),
            password: password.clone(),
        }
    }

    /// Answers the offer of who will send this stream.
    ///
    /// As [`Forwarder::answer`], with a group that is this stream alone.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    pub fn publish(&self, stream: StreamKey, offer_sdp: &str) -> Result<Answer, NegotiateError> {
        self.answer(&request(stream, offer_sdp, Wish::Publish))
    }

    /// Answers the offer of who wants to hear this stream always. As [`Forwarder::answer`], with a group that is this
    /// stream alone.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    pub fn play(&self, stream: StreamKey, offer_sdp: &str) -> Result<Answer, NegotiateError> {
        self.answer(&request(stream, offer_sdp, Wish::Play { loudest: 0 }))
    }

    /// Reads an offer as [`Forwarder::publish`] (`publish`) or [`Forwarder::play`] would, and makes no peer of it.
    ///
    /// # Errors
    /// [`NegotiateError`]: what is wrong with it.
    pub fn check_offer(&self, offer_sdp: &str, publish: bool) -> Result<Credentials, NegotiateError> {
        let role = if publish { Role::Publisher } else { Role::Player };
        Offer::parse(offer_sdp, role, self.inner.limits.offer_bytes).map(|offer| offer.credentials)
    }

    /// Begins the ICE session of a peer anew: `remote` are the client's new credentials, the answer is ours. DTLS and SRTP go
    /// on, and media stays where it is sent until the client has proved an address again. An unknown peer is ignored.
    ///
    /// # Errors
    /// [`NegotiateError::Busy`], [`NegotiateError::Stopped`]: the old ICE session goes on.
    pub fn restart_ice(&self, peer: PeerId, remote: Credentials) -> Result<Credentials, NegotiateError> {
        let local = fresh_credentials(self.shard_number(peer), &mut rand::rng());
        let command = Command::RestartIce(peer, Box::new((local.clone(), remote)));
        self.shard_of(peer).tell(command)?;
        Ok(local)
    }

    /// Says goodbye to a peer (RTCP BYE, close_notify) and forgets it. An unknown peer is ignored.
    pub fn remove(&self, peer: PeerId) {
        self.must_tell(peer, Command::Remove(peer));
    }

    /// Stops or resumes media to a player. Its connection stays; the numbers go on without a gap.
    pub fn set_player_paused(&self, peer: PeerId, paused: bool) {
        self.must_tell(peer, Command::SetPaused(peer, paused));
    }

    /// What was done so far.
    pub fn counters(&self) -> ForwarderCounters {
        let mut total = ForwarderCounters::default();
        for shard in &self.inner.shards {
            shard.counters.add_to(&mut total);
        }
        if let Some(front) = &self.inner.front {
            front.counters().add_to(&mut total);
        }
        total
    }

    /// Each shard's thread, in their order. Reads files of the system: not for every packet.
    pub fn shards(&self) -> Vec<ShardStatus> {
        self.inner.shards.iter().map(|shard| shard.thread.status()).collect()
    }

    /// How long forwarded copies took so far.
    pub fn latency(&self) -> ForwardingLatency {
        let mut total = ForwardingLatency::default();
        for shard in &self.inner.shards {
            shard.counters.latency.add_to(&mut total);
        }
        total
    }

    /// Says goodbye to every peer, ends the threads and waits for them. A second call does nothing.
    pub fn stop(&self) {
        self.inner.stop();
    }

    /// Answers the offer of who wants to send or hear a stream.
    ///
    /// # Errors
    /// [`NegotiateError`]: there is no peer.
    pub fn answer(&self, request: &MediaRequest<'_>) -> Result<Answer, NegotiateError> {
        let inner = &self.inner;
        self.admit()?;
        let home = self.home_number(request.group);
        let (role, shard_number, loudest) = match request.wish {
            Wish::Publish => (Role::Publisher, home, 0),
            Wish::Play { loudest } => (Role::Player, self.shard_for_player(home), loudest),
        };
        let id = self.next_id(shard_number);
        let shard = &inner.shards[shard_number];
        let terms = Terms {
            offer_bytes: inner.limits.offer_bytes,
            fingerprint: inner.identity.fingerprint(),
            candidates: &shard.candidates,
            tcp_candidates: &inner.tcp_candidates,
            shard: shard_number,
        };
        let (mut new, sdp) = negotiate(request.offer, role, (id, request.stream), terms, &mut rand::rng())?;
        new.certificates = request.certificates;
        new.place = Placement {
            group: request.group,
            home,
            loudest: wanted(loudest),
        };
        shard.add(Command::Add(Box::new(new)))?;
        Ok(Answer { peer: id, sdp })
    }

    /// Whether there is room for one peer more.
    fn admit(&self) -> Result<(), NegotiateError> {
        let present: u64 = self.inner.shards.iter().map(ShardHandle::present).sum();
        match present < self.inner.limits.peers as u64 {
            true => Ok(()),
            false => Err(NegotiateError::TooManyPeers),
        }
    }

    /// The shard of a group's publishers.
    fn home_number(&self, group: GroupKey) -> usize {
        (group.0 % self.inner.shards.len() as u64) as usize
    }

    /// A new peer's name: the remainder of its number is its shard.
    fn next_id(&self, shard: usize) -> PeerId {
        let number = self.inner.next_peer.fetch_add(1, Ordering::Relaxed);
        PeerId(number.wrapping_mul(self.inner.shards.len() as u64).wrapping_add(shard as u64))
    }

    /// The home of its stream, or the shard with the fewest peers if that has far fewer.
    fn shard_for_player(&self, home: usize) -> usize {
        let shards = &self.inner.shards;
        let load = shards.iter().map(ShardHandle::present).enumerate();
        let least = load.min_by_key(|(number, present)| (*present, *number));
        match (least, shards.get(home)) {
            (Some((number, present)), Some(at_home)) if present.saturating_add(SLACK) <= at_home.present() => number,
            _ => home,
        }
    }

    fn shard_of(&self, peer: PeerId) -> &ShardHandle {
        &self.inner.shards[self.shard_number(peer)]
    }

    fn shard_number(&self, peer: PeerId) -> usize {
        (peer.0 % self.inner.shards.len() as u64) as usize
    }

    /// For commands whose loss would leave a peer behind: waits for room, and says so if there is none.
    fn must_tell(&self, peer: PeerId, command: Command) {
        let shard = self.shard_of(peer);
        let sent = shard.commands.send_timeout(Control::Command(command), COMMAND_PATIENCE);
        if let Err(crossbeam_channel::SendTimeoutError::Timeout(_)) = sent {
            tracing::error!(?peer, "a shard took no command for a second");
        }
        shard.wake();
    }
}

impl Inner {
    fn stop(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        start::stop(&self.shards, &mut threads, self.front.as_ref());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ShardHandle {
    /// Peers that it has now.
    fn present(&self) -> u64 {
        let joined = self.joined.load(Ordering::Relaxed);
        joined.saturating_sub(self.counters.peers_removed.value())
    }

    /// Hands a peer over.
    fn add(&self, command: Command) -> Result<(), NegotiateError> {
        self.tell(command)?;
        self.joined.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn tell(&self, command: Command) -> Result<(), NegotiateError> {
        self.commands
            .try_send(Control::Command(command))
            .map_err(|error| match error {
                TrySendError::Full(_) => NegotiateError::Busy,
                TrySendError::Disconnected(_) => NegotiateError::Stopped,
            })?;
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        // It fails only when the counter is at its end: then the shard is awake.
        let _ = self.wake.write(1);
    }
}

fn request(stream: StreamKey, offer: &str, wish: Wish) -> MediaRequest<'_> {
    MediaRequest {
        stream,
        group: GroupKey(stream.0),
        wish,
        offer,
        certificates: ClientCertificates::Ecdsa,
    }
}
