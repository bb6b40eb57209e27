//! How packets reach the server and come from it: a small trait, and its implementation on the `webrtc` crate.
//!
//! One [`MediaTransport`] is one peer connection: offered once, answered once, then closed for good. A publisher or player
//! that loses its connection makes another. Packets never pass through the trait: each transport gets its end of a pipeline
//! ([`SendPackets`], [`ReceivePackets`]) when it is made, and the pipeline outlives it.
//!
//! The trait is what tests fake and what strangers bring: see [`TransportFactory`] for the whole contract.

mod addresses;
#[cfg(test)]
pub(crate) mod fake;
mod follow;
mod framed;
mod handler;
mod loss_report;
mod packets;
mod peer;
mod probe;
mod reach;
mod runtime;
mod settings;
mod socket;
mod tcp;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use express_messages::ice::IceServer;
use futures::channel::mpsc::UnboundedSender;

pub use peer::WebRtcTransports;
pub(crate) use probe::try_ways;

pub use crate::rtp::{OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE};
use crate::{
    control::Checks,
    rtp::{PacketReceiver, PacketSender},
};

/// The network's end of a sending pipeline. The transport that is connected holds the lock while it sends.
pub type SendPackets = Arc<tokio::sync::Mutex<PacketReceiver>>;

/// The network's end of a receiving pipeline. Locked for one packet at a time, by the network's tasks alone.
pub type ReceivePackets = Arc<Mutex<PacketSender>>;

/// Where a transport tells what happens to it. Events are few by nature, so the channel is not bounded.
pub type TransportEvents = UnboundedSender<TransportEvent>;

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportEvent {
    /// ICE and DTLS are through: media can flow. Also when ICE hears the other side again after `Disconnected`.
    Connected,
    /// Nothing was heard for a while (5 s with the `webrtc` crate); it may come back by itself.
    Disconnected,
    /// It will not come back.
    Failed,
    /// It is closed, though nobody here asked for it: the server closed it.
    Closed,
}

/// Why a transport could not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No offer could be made; another try with a new transport may succeed.
    #[error("no offer could be made: {0}")]
    Offer(String),
    /// The answer does not fit the offer, or cannot be read; a new exchange may succeed.
    #[error("the answer cannot be used: {0}")]
    Answer(String),
    /// The transport was closed meanwhile.
    #[error("the transport is closed")]
    Closed,
}

/// What a transport knows of its path.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TransportStats {
    /// Round-trip time to the server, once measured (ICE; RFC 7675 consent checks keep it fresh: a publisher's every 500 ms, by
    /// which it sees a queue grow).
    pub round_trip_time: Option<Duration>,
    /// The connectivity checks that measure it, of the pair in use.
    pub checks: Checks,
    /// The server's last receiver report on what we send (RFC 3550 §6.4.1), once one came. Publishers only.
    pub remote: Option<ReceiverReport>,
    /// Packets that could not be given to the network.
    pub packets_not_sent: u64,
    /// Whether the server takes packets with copies of older frames ([`RED_PAYLOAD_TYPE`]), once connected. Where it does not, a
    /// transport sends their own frames alone. Publishers only.
    pub red: bool,
}

/// What the server says about the packets that we send.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ReceiverReport {
    /// Packets lost since this connection began.
    pub packets_lost: i64,
    /// Interarrival jitter.
    pub jitter: Duration,
}

/// What a publisher's offer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishOffer {
    /// The source of all packets.
    pub ssrc: u32,
    /// 1 or 2; 2 offers stereo.
    pub channels: usize,
}

/// One connection to the server's media side.
///
/// Calls may come from any runtime. Each completes, or fails, in bounded time once the transport is closed.
#[async_trait]
pub trait MediaTransport: Send + Sync + fmt::Debug {
    /// Makes the offer: SDP with every host candidate in it, so that nothing has to trickle. Called once, first.
    ///
    /// # Errors
    /// [`TransportError::Offer`] when no socket or no description can be made, [`TransportError::Closed`].
    async fn offer(&self) -> Result<String, TransportError>;

    /// Takes the server's answer and begins to connect. Called once, after [`offer`](Self::offer).
    ///
    /// # Errors
    /// [`TransportError::Answer`], [`TransportError::Closed`].
    async fn apply_answer(&self, answer: String) -> Result<(), TransportError>;

    /// What is known of the path now; all unknown before it is connected.
    async fn stats(&self) -> TransportStats;

    /// Closes the connection and frees its sockets; no event follows. Repeating it is harmless, dropping the transport does
    /// the same.
    async fn close(&self);
}

/// Makes transports.
///
/// An implementation of one's own, for a test or another network, does three things: it sends [`TransportEvent`]s, it takes
/// packets out of [`SendPackets`] while it is connected, and it pushes what arrives into [`ReceivePackets`] with the time of
/// arrival. Packets are of type [`OPUS_PAYLOAD_TYPE`]; where its [`TransportStats::red`] says so, of [`RED_PAYLOAD_TYPE`], too.
pub trait TransportFactory: Send + Sync {
    /// A transport that sends one stream. Packets from before its connection are thrown away. `ice_servers` may help it
    /// where the direct way is blocked.
    fn publish(
        &self,
        offer: PublishOffer,
        packets: SendPackets,
        ice_servers: &[IceServer],
        events: TransportEvents,
    ) -> Arc<dyn MediaTransport>;

    /// A transport that receives one stream; `ice_servers` as in [`publish`](Self::publish).
    fn play(&self, packets: ReceivePackets, ice_servers: &[IceServer], events: TransportEvents) -> Arc<dyn MediaTransport>;
}
