//! Events: what a server tells a client unasked.

use express_messages::{
    ids::StreamId,
    types::{StreamDeleteReason, ZegoStream, ZegoUpdateType, ZegoUser},
};
use serde::{Deserialize, Deserializer, Serialize};

/// An event and its number. Numbers ascend by one within a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequencedEvent {
    /// 1 for the first event of a session.
    pub seq: u64,
    /// The event; its `event` word and fields stand beside `seq`.
    #[serde(flatten)]
    pub event: Event,
}

/// Every event, by its word on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// Users came or went.
    RoomUserUpdate(RoomUserUpdate),
    /// Streams of others came or went.
    RoomStreamUpdate(RoomStreamUpdate),
    /// The session is over.
    KickOut(KickOut),
    /// The server ended a stream that this client publishes or plays.
    StreamEnded(StreamEnded),
    /// A publisher muted or opened its stream.
    StreamMicUpdate(StreamMicUpdate),
    /// A publisher attached another text to its stream.
    StreamExtraInfoUpdate(StreamExtraInfoUpdate),
    /// Something else is attached to the room.
    RoomExtraInfoUpdate(RoomExtraInfoUpdate),
    /// Texts to the whole room.
    BroadcastMessage(BroadcastMessage),
    /// A text to this user.
    CustomCommand(CustomCommand),
    /// This node is going to stop.
    NodeLeaving(NodeLeaving),
    /// An event of a newer server; to be ignored.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// Whether it is a text to this user, which no snapshot of the room contains.
    pub fn is_message(&self) -> bool {
        matches!(self, Self::BroadcastMessage(_) | Self::CustomCommand(_))
    }
}

/// Other users came or went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomUserUpdate {
    /// Came or went.
    pub update: ZegoUpdateType,
    /// Who; never the client itself.
    pub users: Vec<ZegoUser>,
}

/// A stream of another user, as lists have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedStream {
    /// The stream; its fields stand beside `muted`.
    #[serde(flatten)]
    pub stream: ZegoStream,
    /// Whether its publisher muted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
}

impl From<ZegoStream> for ListedStream {
    /// A stream that is not muted.
    fn from(stream: ZegoStream) -> Self {
        Self { stream, muted: false }
    }
}

/// Streams of others came or went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomStreamUpdate {
    /// Came or went.
    pub update: ZegoUpdateType,
    /// Which.
    pub streams: Vec<ListedStream>,
    /// On DELETE, why each went. A reader leaves out reasons that it does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known_reasons")]
    pub reasons: Vec<StreamGone>,
}

/// A newer server may have reasons that this version has no word for; the event itself still counts.
fn known_reasons<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<StreamGone>, D::Error> {
    let reasons = Vec::<serde_json::Value>::deserialize(from)?;
    Ok(reasons
        .into_iter()
        .filter_map(|reason| serde_json::from_value(reason).ok())
        .collect())
}

/// Why one stream went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamGone {
    /// The stream.
    pub stream_id: StreamId,
    /// Why.
    pub reason: StreamDeleteReason,
}

/// The session is over; the server closes the socket behind this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KickOut {
    /// 1002050, 1002055, 1102018 or 1002099.
    pub code: i32,
    /// The server's text, or the reason that the kicker gave.
    pub message: String,
    /// Log in again instead of telling the application.
    #[serde(default)]
    pub need_relogin: bool,
}

/// The client's side of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StreamRoleWord {
    /// It publishes the stream.
    Publish,
    /// It plays the stream.
    Play,
}

/// The server ended a stream that this client publishes or plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamEnded {
    /// The stream.
    pub stream_id: StreamId,
    /// The client's side of it.
    pub role: StreamRoleWord,
    /// The documented code: 1002082, 1003025, 1103027, 1004020, ...
    pub code: i32,
    /// The server's text.
    pub message: String,
}

/// A publisher muted or opened its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamMicUpdate {
    /// The stream.
    pub stream_id: StreamId,
    /// `true`: muted.
    pub muted: bool,
}

/// Publishers attached other texts to their streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamExtraInfoUpdate {
    /// The streams with their new texts.
    pub streams: Vec<ZegoStream>,
}

/// Something else is attached to the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomExtraInfoUpdate {
    /// What; one key, as the documented event has a list.
    pub infos: Vec<RoomExtraInfo>,
}

/// What is attached to a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomExtraInfo {
    /// 1 to 128 bytes.
    pub key: String,
    /// At most 4,096 bytes.
    pub value: String,
    /// Who set it.
    pub update_user: ZegoUser,
    /// When the server took it, Unix milliseconds.
    pub update_time_ms: u64,
}

/// Texts to the whole room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastMessage {
    /// In their order.
    pub messages: Vec<RoomMessage>,
}

/// One text to the whole room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomMessage {
    /// Who sent it.
    pub from_user: ZegoUser,
    /// What.
    pub message: String,
    /// Its number; ascends within the room.
    pub message_id: u64,
    /// When the server took it, Unix milliseconds.
    pub send_time_ms: u64,
}

/// A text to this user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomCommand {
    /// Who sent it.
    pub from_user: ZegoUser,
    /// What; often JSON.
    pub command: String,
}

/// This node is going to stop, within seconds: a client moves to another one while its session here still stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLeaving {
    /// Base URLs of other nodes of the same cloud, best first; at most [`MAX_NODES`](super::MAX_NODES).
    pub nodes: Vec<String>,
}
