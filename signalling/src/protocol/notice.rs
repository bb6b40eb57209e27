//! Notices: what a server tells a client once, without a number. Nobody misses one that is lost.

use express_messages::{
    ids::{StreamId, UserId},
    stats::QualityGrade,
    types::ZegoUser,
};
use serde::{Deserialize, Serialize};

/// Every notice, by its word on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Notice {
    /// Texts of others that may be lost.
    BarrageMessage(BarrageMessage),
    /// How the networks of others are.
    NetworkQuality(NetworkQuality),
    /// How streams of this client arrive at those who play them.
    ListenerReport(ListenerReport),
    /// How played streams arrive at the server.
    PublisherReport(PublisherReport),
    /// Which copies of older frames played streams carry.
    StreamProtection(StreamProtection),
    /// A notice of a newer server; to be ignored.
    #[serde(other)]
    Unknown,
}

/// Texts of others, gathered for up to 200 ms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarrageMessage {
    /// In their order.
    pub messages: Vec<RoomBarrage>,
}

/// One text that may be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomBarrage {
    /// Who sent it.
    pub from_user: ZegoUser,
    /// What.
    pub message: String,
    /// Its name.
    pub message_id: String,
    /// When the server took it, Unix milliseconds.
    pub send_time_ms: u64,
}

/// How the networks of others are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkQuality {
    /// Who reported what of itself.
    pub users: Vec<UserQuality>,
}

/// What one user reported of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserQuality {
    /// Who.
    pub user_id: UserId,
    /// Of what it publishes.
    pub up: QualityGrade,
    /// Of what it plays.
    pub down: QualityGrade,
}

/// How streams of this client arrive at those who play them: for each stream every 500 ms while something is lost on the way to the
/// server or from there, and every 5 s while all is well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListenerReport {
    /// The streams.
    pub streams: Vec<StreamListeners>,
}

/// How one stream arrives, by the reports of its listeners of the last seconds (RFC 3550 §6.4, RFC 3611 §4.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamListeners {
    /// Which stream.
    pub stream_id: StreamId,
    /// How many are connected to it and not paused, whether they report or not.
    pub listeners: u32,
    /// The greatest fraction lost between server and listener, 0 to 1; `None`: nobody reports.
    pub loss_worst: Option<f64>,
    /// The median of these fractions.
    pub loss_median: Option<f64>,
    /// The greatest mean length of a run of lost packets, in packets; `None`: nothing was lost lately, or nobody tells.
    pub burst_worst: Option<f64>,
    /// The median of these lengths.
    pub burst_median: Option<f64>,
    /// The median round-trip time between server and listener, milliseconds; `None`: not measured.
    pub rtt_median_ms: Option<u32>,
    /// The fraction lost between this client and the server in the last 500 ms, before anything was repaired, 0 to 1; `None`: not
    /// measured.
    #[serde(default)]
    pub uplink_loss: Option<f64>,
    /// The mean length of a run of lost packets there, in packets, 1 or more; `None`: nothing was lost, or not measured.
    #[serde(default)]
    pub uplink_burst: Option<f64>,
    /// To how many listeners the server sends copies of older frames now.
    #[serde(default)]
    pub copying: u32,
}

/// Which copies of older frames (RFC 2198) the server adds to played streams for this client: when that changes. A play begins
/// without copies, which is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamProtection {
    /// The streams that changed.
    pub streams: Vec<ProtectedStream>,
}

/// The copies of one stream from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedStream {
    /// Which stream.
    pub stream_id: StreamId,
    /// At which distances, in packets of the stream, ascending; empty: no more copies.
    pub copies: Vec<u8>,
}

/// How played streams arrive at the server: when that changes, at most every 2 s for each stream, and soon after a play begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublisherReport {
    /// The streams.
    pub streams: Vec<StreamUplink>,
}

/// The way of one stream from its publisher to the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamUplink {
    /// Which stream.
    pub stream_id: StreamId,
    /// Round-trip time between publisher and server, milliseconds, in steps of 10; `None`: not measured.
    pub rtt_ms: Option<u32>,
    /// Fraction lost on the way and not repaired in time, 0 to 1, in steps of 0.005.
    pub loss: f64,
    /// Interarrival jitter (RFC 3550 §6.4.1), milliseconds, in steps of 5.
    pub jitter_ms: u32,
}
