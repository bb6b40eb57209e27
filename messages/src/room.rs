//! The room role: one login to one room. Commands, events, link and factory of RoomActor.

mod talk;

use std::{net::SocketAddr, pin::Pin, time::Duration};

use actix::{Message, Recipient};

pub use self::talk::{
    MuteStream, ReportQuality, SendBarrageMessage, SendBroadcastMessage, SendCustomCommand, SetRoomExtraInfo, SetStreamExtraInfo,
};
use crate::{
    ZegoError,
    ice::IceServer,
    ids::{InstanceId, RoomId, StreamId},
    role_link::role_link,
    stats::{ListenerReport, UplinkReport, UserQuality},
    timings::Timings,
    types::{
        RoomStateChangedReason, ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo, ZegoRoomExtraInfo, ZegoStream, ZegoUpdateType,
        ZegoUser,
    },
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
    /// Of how many loudest streams the room's players hear, if this login creates it; 0: of all (`loudestStreams`).
    pub loudest_streams: u32,
    /// The name of this engine's life, where its user may be in several rooms (`enableMultiRoom`).
    pub instance: Option<InstanceId>,
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
    /// Whether the others are told that it is muted; see [`MuteStream`].
    pub muted: bool,
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
    /// To hear it only while it is one of so many loudest streams of its room; 0: always, `None`: as the room has it.
    pub loudest: Option<u32>,
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

/// Asks for the STUN and TURN servers that count now, for one new media connection. Sent by a publisher or player through its
/// peers, and answered from what the server told last: nothing is sent.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Vec<IceServer>")]
pub struct GetIceServers;

/// The server's side of an SDP exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdpAnswer {
    /// SDP answer with the server's candidates.
    pub sdp: String,
    /// A player's: the server sends the stream only while it is one of so many loudest of its room, and silence is no fault;
    /// 0: always. A publisher's: 0.
    pub loudest: u32,
}

/// Which side of a stream the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamRole {
    /// We published it.
    Publish,
    /// We played it.
    Play,
}

/// What became of the session when the link is up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionFate {
    /// It is the same one: the server kept our streams.
    Kept,
    /// It is over, and the server forgot our streams: each is negotiated anew.
    Lost,
    /// Another node took its place: each stream is negotiated anew, and what is connected is used until the new connection is there.
    Moved,
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
    /// Streams of others carry another text (`streamExtraInfoUpdate`), or came with one; never empty.
    ExtraInfoUpdate {
        /// The streams with their texts.
        streams: Vec<ZegoStream>,
    },
    /// The room has another extra info, or one at login (`roomExtraInfoUpdate`); never one that we set in this login.
    RoomExtraInfo(ZegoRoomExtraInfo),
    /// A stream of another user was muted or opened (`remoteMicStatusUpdate`), or came muted.
    MicUpdate {
        /// The stream.
        stream_id: StreamId,
        /// Muted or not.
        muted: bool,
    },
    /// How many users are in the room (`roomOnlineUserCountUpdate`); never 0.
    OnlineUserCount(u64),
    /// Texts to the whole room (`IMRecvBroadcastMessage`); never empty.
    BroadcastMessages(Vec<ZegoBroadcastMessageInfo>),
    /// Texts that may be lost (`IMRecvBarrageMessage`); never empty.
    BarrageMessages(Vec<ZegoBarrageMessageInfo>),
    /// A text to this user (`IMRecvCustomCommand`).
    CustomCommand {
        /// Who sent it.
        from_user: ZegoUser,
        /// What; often JSON.
        command: String,
    },
    /// What other users reported of their networks (`networkQuality`); never empty.
    NetworkQuality(Vec<UserQuality>),
    /// How streams that we publish arrive at their listeners, about once a second; never empty.
    ListenerReports(Vec<(StreamId, ListenerReport)>),
    /// How streams that we play arrive at the server, when that changes; never empty.
    UplinkReports(Vec<(StreamId, UplinkReport)>),
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
    /// The link is up again.
    LinkRestored {
        /// What that means for publishers and players.
        session: SessionFate,
    },
    /// The actor is gone; always the last event.
    Exited {
        /// By a panic.
        panicked: bool,
    },
}

role_link!(
    /// How to command a room, whoever plays the role.
    RoomLink {
        /// Leave.
        logout: Logout,
        /// End at once.
        stop: StopRoom,
        /// Show a new token.
        renew_token: RenewToken,
        /// SDP exchange of a publisher.
        publish: PublishStream,
        /// End of a published stream.
        unpublish: UnpublishStream,
        /// Whether a published stream is muted.
        mute_stream: MuteStream,
        /// Another text for a published stream.
        extra_info: SetStreamExtraInfo,
        /// Another extra info for the room.
        room_info: SetRoomExtraInfo,
        /// SDP exchange of a player.
        play: PlayStream,
        /// End of a played stream.
        stop_play: StopPlayStream,
        /// Stop or resume the audio of a played stream.
        pause_play: PausePlayStream,
        /// STUN and TURN servers.
        ice_servers: GetIceServers,
        /// A text to everybody.
        broadcast: SendBroadcastMessage,
        /// A text to everybody that may be lost.
        barrage: SendBarrageMessage,
        /// A text to some.
        command: SendCustomCommand,
        /// The client's own network quality.
        report_quality: ReportQuality,
    }
);

/// Whether a server can be reached, once that is known, and where it takes media; `None` where the part cannot tell.
pub type Reach = Pin<Box<dyn Future<Output = Option<Result<MediaPorts, ZegoError>>> + Send>>;

/// Where a server takes media; all empty where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaPorts {
    /// Over UDP: any of them may be tried.
    pub udp: Vec<SocketAddr>,
    /// Over TCP.
    pub tcp: Vec<SocketAddr>,
    /// USERNAME (RFC 8489 section 14.3) of a Binding request that is answered.
    pub username: String,
    /// The key of its MESSAGE-INTEGRITY (section 14.5).
    pub password: String,
}

/// Starts the room role. Runs on the engine's control thread, inside its actix system.
pub trait RoomFactory: Send {
    /// Starts one login; LOGINING is the first event.
    fn start(&self, options: RoomOptions, events: Recipient<RoomEvent>, peers: RoomPeers) -> RoomLink;

    /// Tries whether one of `servers` takes a signalling connection (name, TCP, TLS, WebSocket), without a login, and asks it where
    /// it takes media: for `checkSystemRequirements`. The error says what of it failed. Dropping the future ends the try; by itself it may take as long
    /// as the network does. A part that does not say otherwise cannot tell.
    fn reach(&self, servers: &[String]) -> Reach {
        let _ = servers;
        Box::pin(std::future::ready(None))
    }
}
