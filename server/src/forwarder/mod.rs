//! The SFU: media of publishers to the players of the same stream, on a data path of its own.
//!
//! # Shape
//! - [`core`](self) of each shard is sans-I/O: datagrams, commands and time in, datagrams and events out.
//! - `socket` is its thread: one UDP socket, `recvmmsg`, `sendmmsg`, nothing else. Shard *i* listens on port + *i*.
//! - `tcp` is one thread more, for clients whose network lets no UDP through: one port for all shards.
//! - [`Forwarder`] is the handle for the rest of the server: it negotiates on the caller's thread and sends the shard
//!   what came of it. No lock is taken for a packet.
//!
//! One peer connection carries one stream one way. All publishers of a room live on its home shard; each player lives
//! where there is room. A packet crosses to a shard once for all the players there ([`core`](self), `cross`).
//!
//! A listener who asked for the N loudest of a room gets the packets of those alone (`loudness`, `held`).
//!
//! # Relays
//! A stream that is published on another node comes from that node's forwarder, once, whatever the number of listeners
//! ([`Forwarder::take_relay`], [`Forwarder::send_relay`]). A relay is a player's peer there and a publisher's peer here, without ICE and
//! DTLS: `relay`, [`core`](self).
//!
//! # What is believed
//! An address counts after a STUN request with MESSAGE-INTEGRITY from it, and gets DTLS and media after it answered
//! a check of ours. Keys count after the certificate matched the offer's fingerprint. Nobody else is
//! answered, but who was told by which credentials a client tries its network before a login (`core/probe.rs`), and that statelessly.
//! A relay's keys count because they came over the connection of the nodes; its address counts as long as its packets are authentic.
//!
//! # Source
//! RFC 8445 (ICE), 6544 (over TCP), 7675 (consent), 5764 (DTLS-SRTP), 3550 (RTP), 7587 (Opus), 2198 (RED), 5761 (rtcp-mux),
//! 7983 (telling them apart).

mod address;
mod bursts;
mod copies;
mod core;
mod counters;
mod dtls;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod handle;
mod held;
mod ice;
mod latency;
mod listener;
mod listening;
mod loudness;
mod missing;
mod negotiate;
mod numbering;
mod opus;
mod peer;
mod policing;
mod protection;
mod queue;
mod rebase;
mod recent;
mod reception;
mod red;
mod relay;
mod rtcp;
mod rtp;
mod sdp;
mod shard_thread;
mod socket;
mod srtp;
mod stun;
mod summary;
mod tcp;
mod timeline;
mod tuple;
mod uplink;

#[cfg(test)]
pub(crate) mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub use counters::ForwarderCounters;
pub use dtls::{ClientCertificates, IdentityError};
pub use express_messages::red::CopySet;
pub use handle::{Forwarder, StartForwarderError};
pub use latency::ForwardingLatency;
pub(crate) use negotiate::MAX_SHARDS;
pub use relay::RelayTerms;
pub use sdp::{Credentials, NegotiateError};
pub use shard_thread::ShardStatus;
pub use summary::{ListenerSummary, PublisherLeg, Spread, Uplink};

/// How a [`Forwarder`] is started.
#[derive(Clone, Debug)]
pub struct ForwarderConfig {
    /// Where shard 0 listens; shard *i* listens on port + *i*. Port 0: a free one for each shard.
    pub udp: SocketAddr,
    /// Where TCP connections are taken for all shards (ICE-TCP); port 0: a free one; `None`: nowhere.
    pub tcp: Option<SocketAddr>,
    /// Addresses for the answer's candidates instead of the local ones: for machines behind NAT.
    pub public_addresses: Vec<IpAddr>,
    /// Where other nodes send the streams that are taken from them: a private address of this machine. `None`: the first of the
    /// answer's candidates.
    pub relay_ip: Option<IpAddr>,
    /// Shards, one thread each, at most 4,096. 0: one below 4 cores, else one for each core.
    pub shards: usize,
    /// What strangers and peers may use.
    pub limits: ForwarderLimits,
}

/// Limits and time-outs of a forwarder.
#[derive(Clone, Debug)]
pub struct ForwarderLimits {
    /// Peers at a time, all shards together. Default 10,000.
    pub peers: usize,
    /// Bytes of an offer. Default 32,768; a browser's has 3,000.
    pub offer_bytes: usize,
    /// Packets a second from one IPv4 address or IPv6 /64 that no peer has proved, with bursts of two seconds' worth;
    /// 0 is unlimited. Default 1,000: a join takes about ten, and an office joins at once.
    pub unauthenticated_per_source: u32,
    /// The same for all sources of a shard together. Default 50,000.
    pub unauthenticated_in_total: u32,
    /// RTP packets a second of one publisher, with bursts of two seconds' worth; 0 is unlimited. Default 500: Opus has at
    /// most 400, of 2.5 ms each.
    pub publisher_packets: u32,
    /// The same in kbit/s of SRTP. Default 2,000: Opus has at most 510 (RFC 6716 §2.1.1), and headers, and all of it again
    /// by RED.
    pub publisher_kbit: u32,
    /// What copies for one listener that loses packets may cost in kbit/s; 0: it gets none. Default 96.
    pub protection_kbit: u32,
    /// TCP connections at a time; 0 is unlimited. Default 10,000.
    pub tcp_connections: usize,
    /// The same from one IPv4 address or IPv6 /64 that is not loopback. Default 1,000: an office behind one address.
    pub tcp_connections_per_source: usize,
    /// A peer that is not connected so long after its offer is gone. Default 30 s.
    pub connect_timeout: Duration,
    /// A peer is gone so long after its last authentic packet; one that is silent for 5 s is asked each second by STUN checks,
    /// which every client answers. Default 15 s; RFC 7675 §5.1 allows up to 30 s.
    pub consent_timeout: Duration,
}

impl Default for ForwarderLimits {
    fn default() -> Self {
        Self {
            peers: 10_000,
            offer_bytes: 32 * 1024,
            unauthenticated_per_source: 1_000,
            unauthenticated_in_total: 50_000,
            publisher_packets: 500,
            publisher_kbit: 2_000,
            protection_kbit: 96,
            tcp_connections: 10_000,
            tcp_connections_per_source: 1_000,
            connect_timeout: Duration::from_secs(30),
            consent_timeout: Duration::from_secs(15),
        }
    }
}

/// A stream, named by whoever owns the truth about streams. Never reused for another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey(pub u64);

/// The room whose streams are ranked together by loudness, named by whoever owns the truth about rooms. All publishers
/// of one group share a shard; numbers should be spread evenly, for their remainder chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey(pub u64);

/// What somebody without a media connection asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaRequest<'a> {
    /// The stream.
    pub stream: StreamKey,
    /// The room of the stream; the same with every request about it.
    pub group: GroupKey,
    /// Send the stream, or hear it.
    pub wish: Wish,
    /// The client's offer: SDP with one audio section.
    pub offer: &'a str,
    /// Which certificates the client may have.
    pub certificates: ClientCertificates,
}

/// What is done with the stream of a [`MediaRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Send it. A publisher that replaces another on the same key takes over with its first packet; the players stay.
    Publish,
    /// Hear it, whether it is sent already or not.
    Play {
        /// Only while it is one of so many loudest of its group; 0: always.
        loudest: u32,
    },
}

impl Wish {
    /// Whether the client will send.
    pub const fn is_publish(self) -> bool {
        matches!(self, Self::Publish)
    }
}

/// One peer connection of this forwarder; later ones are greater on the same shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(crate) u64);

impl PeerId {
    /// A name of the caller's choice: for a media plane of one's own, which makes its own peers.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of the name.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The answer to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The peer that now waits for the client.
    pub peer: PeerId,
    /// The answer, complete: all candidates are in it.
    pub sdp: String,
}

/// What happens to peers. Delivered on a shard's thread: hand it on, do not block, do not call the [`Forwarder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwarderEvent {
    /// The DTLS handshake is complete and the certificate is the offer's. Of a relay: it is sent from here, or the first authentic packet
    /// of one that is taken here came.
    Connected {
        /// Who.
        peer: PeerId,
    },
    /// The first authentic RTP packet of a publisher came.
    MediaStarted {
        /// Who.
        peer: PeerId,
    },
    /// What the listeners of a stream on one shard report: while its packets flow, every 500 ms, and every 5 s where nothing is
    /// lost and nothing changed.
    ListenersHeard {
        /// Which stream.
        stream: StreamKey,
        /// A name of the shard, the same in all its summaries: listeners of other shards have summaries of their own.
        shard: u64,
        /// What they report.
        summary: ListenerSummary,
    },
    /// The leg of a stream's publisher changed: every 2 s at most.
    PublisherMeasured {
        /// Which stream.
        stream: StreamKey,
        /// How it is now.
        leg: PublisherLeg,
    },
    /// What the network lost of a stream's publisher: every 500 ms while it loses packets, else when that changed.
    UplinkMeasured {
        /// Which stream.
        stream: StreamKey,
        /// What was lost in the last 500 ms.
        uplink: Uplink,
    },
    /// A player's packets carry other copies of older ones from now on than before; one that was just added has none.
    CopiesChanged {
        /// Who.
        peer: PeerId,
        /// At which distances.
        copies: CopySet,
    },
    /// The peer is gone and forgotten; [`Forwarder::remove`] is not needed and does no harm.
    Gone {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: GoneReason,
    },
}

/// Why a peer is gone without having been removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GoneReason {
    /// It did not connect within [`ForwarderLimits::connect_timeout`].
    NeverConnected,
    /// Nothing authentic came for [`ForwarderLimits::consent_timeout`].
    ConsentLost,
    /// The DTLS handshake failed.
    DtlsFailed,
    /// Its certificate is not the one that its offer names.
    WrongCertificate,
    /// It said goodbye: close_notify, or RTCP BYE of a relay.
    Closed,
}
