//! The room role: one login to one room. Commands, events, link and factory of RoomActor.

use std::time::Duration;

use actix::{Actor, Addr, Handler, Message, Recipient, dev::ToEnvelope};

use crate::{
    ZegoError,
    ids::{RoomId, StreamId},
    timings::Timings,
    types::{RoomStateChangedReason, ZegoStream, ZegoUpdateType, ZegoUser},
};

/// Everything one room login needs; the fields were checked before.
#[derive(Debug, Clone)]
pub struct RoomOptions {
    /// The AppID.
    pub app_id: u32,
    /// WebSocket URLs of the server, in the order to try them (`ws://host:port` or `wss://...`).
    pub servers: Vec<String>,
    /// The room.
    pub room_id: RoomId,
    /// The token04 to show.
    pub token: String,
    /// Who logs in.
    pub user: ZegoUser,
    /// Whether users coming and going are reported (`userUpdate`).
    pub user_update: bool,
    /// Limit for the room if this login creates it; 0 is none (`maxMemberCount`).
    pub max_member_count: u32,
    /// Budgets and intervals.
    pub timings: Timings,
}

/// What RoomActor may ask of others: nothing.
#[derive(Debug, Clone, Default)]
pub struct RoomPeers {}

/// Why a request to the server brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The server refused. With `retry_after` the same request may be made again after that time, else never.
    #[error("the server refused: {message} (error {code})")]
    Refused {
        /// The documented code.
        code: i32,
        /// The server's text.
        message: String,
        /// When the server says the request may be repeated.
        retry_after: Option<Duration>,
    },
    /// The link is away or was lost before the answer came; the request may be made again.
    #[error("the signalling connection is away")]
    Disconnected,
    /// No answer in time; the request may be made again.
    #[error("the server did not answer in time")]
    TimedOut,
}

/// Leaves the room and ends the actor; the event LOGOUT follows. Sent by EngineActor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Logout;

/// Ends the actor at once, without an event other than `Exited`. Sent by EngineActor when the engine is destroyed: the
/// server is still told, as far as the socket takes it at once.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StopRoom;

/// Shows a new token (`renewToken`). `Ok` says that it went to the server or is kept for the next login.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ZegoError>")]
pub struct RenewToken {
    /// The new token04.
    pub token: String,
}

/// Asks the server to take a stream: exchanges SDP. Sent by a publisher through its peers.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<SdpAnswer, RequestError>")]
pub struct PublishStream {
    /// The stream.
    pub stream_id: StreamId,
    /// SDP offer with its host candidates.
    pub offer: String,
    /// What to attach to the stream, at most 1,024 bytes.
    pub extra_info: String,
}

/// Tells the server that a stream ends. Sent by a publisher through its peers. Repeating it is harmless.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct UnpublishStream {
    /// The stream.
    pub stream_id: StreamId,
}

/// Asks the server for a stream: exchanges SDP. Sent by a player through its peers.
///
/// A stream that is not there is refused with 1104039 and a time after which to ask again.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<SdpAnswer, RequestError>")]
pub struct PlayStream {
    /// The stream.
    pub stream_id: StreamId,
    /// SDP offer with its host candidates.
    pub offer: String,
}

/// Tells the server that a stream is no longer played. Repeating it is harmless.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct StopPlayStream {
    /// The stream.
    pub stream_id: StreamId,
}

/// Asks the server to stop or resume the audio of a played stream (`mutePlayStreamAudio`).
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), RequestError>")]
pub struct PausePlayStream {
    /// The stream.
    pub stream_id: StreamId,
    /// `true`: no audio is sent to us.
    pub paused: bool,
}

/// The server's side of an SDP exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdpAnswer {
    /// SDP answer with the server's candidates.
    pub sdp: String,
}

/// Which side of a stream the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamRole {
    /// We published it.
    Publish,
    /// We played it.
    Play,
}

/// What a room tells its owner.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub enum RoomEvent {
    /// The documented `roomStateChanged`: LOGINING comes first, once; LOGINED or LOGIN_FAILED ends the login.
    StateChanged {
        /// The documented reason.
        reason: RoomStateChangedReason,
        /// The documented code, 0 where all is well.
        code: i32,
        /// Text or JSON, often empty.
        extended_data: String,
    },
    /// Users came or went; never ourselves, never empty, only with `user_update`.
    UserUpdate {
        /// Came or went.
        update: ZegoUpdateType,
        /// Who.
        users: Vec<ZegoUser>,
    },
    /// Streams of others came or went; never empty.
    StreamUpdate {
        /// Came or went.
        update: ZegoUpdateType,
        /// Which.
        streams: Vec<ZegoStream>,
        /// On DELETE the documented JSON with `stream_delete_reason`, else empty.
        extended_data: String,
    },
    /// The token ends soon (`tokenWillExpire`).
    TokenWillExpire {
        /// Time left.
        remaining: Duration,
    },
    /// The server ended a stream that we publish or play.
    StreamEnded {
        /// The stream.
        stream_id: StreamId,
        /// Our part in it.
        role: StreamRole,
        /// The documented code, for example 1003025, 1002082 or 1004020.
        code: i32,
        /// The server's text.
        message: String,
    },
    /// The link is up again. `resumed`: the server kept our streams; else each publisher and player must negotiate anew.
    LinkRestored {
        /// Whether the session survived.
        resumed: bool,
    },
    /// The actor is gone; always the last event.
    Exited {
        /// By a panic.
        panicked: bool,
    },
}

/// How to command a room, whoever plays the role.
#[derive(Debug, Clone)]
pub struct RoomLink {
    /// Leave.
    pub logout: Recipient<Logout>,
    /// End at once.
    pub stop: Recipient<StopRoom>,
    /// Show a new token.
    pub renew_token: Recipient<RenewToken>,
    /// SDP exchange of a publisher.
    pub publish: Recipient<PublishStream>,
    /// End of a published stream.
    pub unpublish: Recipient<UnpublishStream>,
    /// SDP exchange of a player.
    pub play: Recipient<PlayStream>,
    /// End of a played stream.
    pub stop_play: Recipient<StopPlayStream>,
    /// Stop or resume the audio of a played stream.
    pub pause_play: Recipient<PausePlayStream>,
}

impl<A> From<Addr<A>> for RoomLink
where
    A: Actor
        + Handler<Logout>
        + Handler<StopRoom>
        + Handler<RenewToken>
        + Handler<PublishStream>
        + Handler<UnpublishStream>
        + Handler<PlayStream>
        + Handler<StopPlayStream>
        + Handler<PausePlayStream>,
    A::Context: ToEnvelope<A, Logout>
        + ToEnvelope<A, StopRoom>
        + ToEnvelope<A, RenewToken>
        + ToEnvelope<A, PublishStream>
        + ToEnvelope<A, UnpublishStream>
        + ToEnvelope<A, PlayStream>
        + ToEnvelope<A, StopPlayStream>
        + ToEnvelope<A, PausePlayStream>,
{
    fn from(addr: Addr<A>) -> Self {
        Self {
            logout: addr.clone().recipient(),
            stop: addr.clone().recipient(),
            renew_token: addr.clone().recipient(),
            publish: addr.clone().recipient(),
            unpublish: addr.clone().recipient(),
            play: addr.clone().recipient(),
            stop_play: addr.clone().recipient(),
            pause_play: addr.recipient(),
        }
    }
}

/// Starts the room role. Runs on the engine's control thread, inside its actix system.
pub trait RoomFactory: Send {
    /// Starts one login; LOGINING is the first event.
    fn start(&self, options: RoomOptions, events: Recipient<RoomEvent>, peers: RoomPeers) -> RoomLink;
}
