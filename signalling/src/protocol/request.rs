//! Requests of a client, and what each is answered with.

use express_messages::{
    ids::{RoomId, StreamId, UserId},
    stats::QualityGrade,
    types::ZegoUser,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{IceServer, ListedStream, RoomExtraInfo, SequencedEvent};

/// Every request, by its `type` on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Request {
    /// Log in to a room; the first request on a socket, or [`Request::Resume`].
    Login(Login),
    /// Take a session up again on a new socket.
    Resume(Resume),
    /// Still here.
    Heartbeat(Heartbeat),
    /// Leave the room; the server closes the socket behind the reply.
    Logout(Logout),
    /// Show a new token.
    RenewToken(RenewToken),
    /// Offer a stream.
    Publish(Publish),
    /// End a stream.
    Unpublish(Unpublish),
    /// Ask for a stream.
    Play(Play),
    /// Play a stream no more.
    StopPlay(StopPlay),
    /// Stop or resume the audio of a played stream.
    PausePlay(PausePlay),
    /// Tell the others that a published stream is muted, or is not.
    MuteStream(MuteStream),
    /// Attach another text to a published stream.
    SetStreamExtraInfo(SetStreamExtraInfo),
    /// Attach an extra info to the room.
    SetRoomExtraInfo(SetRoomExtraInfo),
    /// A text to everybody else in the room, reliably.
    SendBroadcastMessage(SendBroadcastMessage),
    /// A text to everybody else in the room that may be lost.
    SendBarrageMessage(SendBarrageMessage),
    /// A text to some users of the room, reliably.
    SendCustomCommand(SendCustomCommand),
    /// The client's own network quality.
    ReportQuality(ReportQuality),
}

/// A request and the type of its result.
pub trait Call: Into<Request> {
    /// What `ok` of the reply holds.
    type Ok: Serialize + DeserializeOwned;
}

macro_rules! calls {
    ($($request:ident => $ok:ty,)*) => {
        $(
            impl From<$request> for Request {
                fn from(request: $request) -> Self {
                    Self::$request(request)
                }
            }
            impl Call for $request {
                type Ok = $ok;
            }
        )*
    };
}

calls! {
    Login => LoginOk,
    Resume => ResumeOk,
    Heartbeat => HeartbeatOk,
    Logout => Done,
    RenewToken => RenewTokenOk,
    Publish => SdpOk,
    Unpublish => Done,
    Play => SdpOk,
    StopPlay => Done,
    PausePlay => Done,
    MuteStream => Done,
    SetStreamExtraInfo => Done,
    SetRoomExtraInfo => Done,
    SendBroadcastMessage => SendBroadcastMessageOk,
    SendBarrageMessage => SendBarrageMessageOk,
    SendCustomCommand => SendCustomCommandOk,
    ReportQuality => Done,
}

/// Logs in to a room, which is created if it is not there.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Protocol versions that the client speaks.
    pub versions: Vec<u32>,
    /// The AppID.
    pub app_id: u32,
    /// The room.
    pub room_id: RoomId,
    /// The user; equal to the token's.
    pub user_id: UserId,
    /// The name to show, at most 256 bytes; empty: the userID.
    #[serde(default)]
    pub user_name: String,
    /// A token04.
    pub token: String,
    /// Whether `roomUserUpdate` events are wanted.
    #[serde(default)]
    pub user_update: bool,
    /// Most users in the room, counted when this login creates it; 0: no limit.
    #[serde(default)]
    pub max_member_count: u32,
    /// Who plays a stream of the room hears it while it is one of so many loudest, counted when this login creates the
    /// room; 0: always. An extension of this project.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loudest_streams: u32,
}

impl std::fmt::Debug for Login {
    /// Without the token: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({} as {} to {})", self.app_id, self.user_id, self.room_id)
    }
}

/// The whole state of a room as one client sees it: other users and their streams.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Every event up to this number is contained.
    pub seq: u64,
    /// The other users; empty without `user_update`.
    pub users: Vec<ZegoUser>,
    /// Their streams, in the order in which they came.
    pub streams: Vec<ListedStream>,
    /// What is attached to the room; at most one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_infos: Vec<RoomExtraInfo>,
}

/// A login was accepted.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LoginOk {
    /// The version chosen.
    pub version: u32,
    /// Names this session, for [`Resume`].
    pub session: String,
    /// Proves who owns the session; known to this client alone.
    pub secret: String,
    /// Names this life of the room; below 2^53.
    pub room_session_id: u64,
    /// Send a [`Heartbeat`] every so many milliseconds.
    pub heartbeat_ms: u64,
    /// A session silent for so long ends.
    pub heartbeat_timeout_ms: u64,
    /// What is left of the token's life.
    pub token_expires_in_ms: u64,
    /// The server's clock, Unix milliseconds.
    pub server_time_ms: u64,
    /// Users in the room, this one included.
    pub online_count: u64,
    /// Who and what is there.
    pub snapshot: Snapshot,
    /// STUN and TURN servers for the media connections of this session; empty, and left out on the wire: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

impl std::fmt::Debug for LoginOk {
    /// Without the session's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LoginOk(session {}, {:?})", self.session, self.snapshot)
    }
}

/// Takes a session up again on a new socket. Refused with 1002051 when the server knows it no more: log in again.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Protocol versions that the client speaks.
    pub versions: Vec<u32>,
    /// From [`LoginOk`].
    pub session: String,
    /// From [`LoginOk`].
    pub secret: String,
    /// The number of the last event seen.
    pub last_seq: u64,
}

impl std::fmt::Debug for Resume {
    /// Without the session's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resume(session {}, last_seq {})", self.session, self.last_seq)
    }
}

/// A session goes on. One of `missed` and `snapshot` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResumeOk {
    /// The version chosen.
    pub version: u32,
    /// The events after `last_seq`, where the server still has all of them.
    pub missed: Option<Vec<SequencedEvent>>,
    /// Else the whole state.
    pub snapshot: Option<Snapshot>,
    /// Beside a snapshot, which does not contain them: messages to this user after `last_seq`, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<SequencedEvent>,
    /// Streams that the server holds as published by this session.
    pub publishing: Vec<StreamId>,
    /// Streams that the server holds as played by this session.
    pub playing: Vec<StreamId>,
    /// As in [`LoginOk`].
    pub heartbeat_ms: u64,
    /// As in [`LoginOk`].
    pub heartbeat_timeout_ms: u64,
    /// As in [`LoginOk`].
    pub token_expires_in_ms: u64,
    /// As in [`LoginOk`].
    pub server_time_ms: u64,
    /// As in [`LoginOk`].
    pub online_count: u64,
    /// As in [`LoginOk`]; they replace those that came before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// Still here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {}

/// Answer to a [`Heartbeat`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatOk {
    /// Number of the last event sent to this session.
    pub seq: u64,
    /// Send the next heartbeat after so many milliseconds.
    pub heartbeat_ms: u64,
    /// What is left of the token's life.
    pub token_expires_in_ms: u64,
    /// Users in the room, this one included.
    pub online_count: u64,
    /// Where the credentials of the servers were renewed, which the server decides: the new list. Empty, and left out on the
    /// wire: those that came before stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// Leaves the room.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logout {}

/// Carried out; nothing to tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {}

/// Shows a new token; refused with 1102016 or 1102018 the old one stays in force.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewToken {
    /// A token04.
    pub token: String,
}

impl std::fmt::Debug for RenewToken {
    /// Without the token: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RenewToken")
    }
}

/// The new token is in force. A stream that it does not allow ends by a `streamEnded` event with 1002082.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenewTokenOk {
    /// What is left of the token's life.
    pub token_expires_in_ms: u64,
}

/// Offers a stream. Publishing a stream again that this session holds replaces its media connection, and nobody else notices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The stream.
    pub stream_id: StreamId,
    /// SDP offer with one sendonly audio section and the host candidates.
    pub offer: String,
    /// What to attach to the stream, at most 1,024 bytes.
    #[serde(default)]
    pub extra_info: String,
    /// Whether it begins muted, see [`MuteStream`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
}

/// Ends a stream; a stream that is not there is no error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpublish {
    /// The stream.
    pub stream_id: StreamId,
}

/// Asks for a stream; refused with 1104039 and a time to ask again while it is not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// The stream.
    pub stream_id: StreamId,
    /// SDP offer with one recvonly audio section and the host candidates.
    pub offer: String,
    /// To hear it only while it is one of so many loudest streams of its room; 0: always, left out: as the room has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudest: Option<u32>,
}

/// The server's side of an SDP exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SdpOk {
    /// SDP answer with the server's candidates.
    pub answer: String,
    /// To a player: it gets the stream only while that is one of so many loudest of its room, so that silence is no fault; 0: always.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loudest: u32,
}

/// Plays a stream no more; one that is not played is no error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopPlay {
    /// The stream.
    pub stream_id: StreamId,
}

/// Stops or resumes the audio of a played stream; refused with 1104044 when it is not played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PausePlay {
    /// The stream.
    pub stream_id: StreamId,
    /// `true`: send no audio.
    pub paused: bool,
}

/// Tells the others whether a published stream is muted; refused with 1103055 when the client does not publish it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuteStream {
    /// The stream.
    pub stream_id: StreamId,
    /// `true`: muted.
    pub muted: bool,
}

/// Attaches another text to a published stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetStreamExtraInfo {
    /// The stream.
    pub stream_id: StreamId,
    /// 1 to 1,024 bytes.
    pub extra_info: String,
}

/// Attaches an extra info to the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRoomExtraInfo {
    /// 1 to 128 bytes; a room has one key.
    pub key: String,
    /// At most 4,096 bytes.
    pub value: String,
}

/// A text to everybody else in the room, reliably and in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendBroadcastMessage {
    /// 1 to 1,024 bytes.
    pub message: String,
}

/// The message is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendBroadcastMessageOk {
    /// Its number; ascends within the room.
    pub message_id: u64,
}

/// A text to everybody else in the room that may be lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendBarrageMessage {
    /// 1 to 1,024 bytes.
    pub message: String,
}

/// The message is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendBarrageMessageOk {
    /// Its name; the documented SDK has text here.
    pub message_id: String,
}

/// A text to some users of the room, reliably.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendCustomCommand {
    /// 1 to 1,024 bytes.
    pub command: String,
    /// To whom, at most 500; empty: everybody else in the room.
    pub to_users: Vec<UserId>,
}

/// The command is on its way to those who are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SendCustomCommandOk {
    /// Those of the list who are not in the room.
    pub absent: Vec<UserId>,
}

/// The client's own network quality, for those who play its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportQuality {
    /// Of what it publishes; -1 where nothing is published.
    pub up: QualityGrade,
    /// Of what it plays; -1 where nothing is played.
    pub down: QualityGrade,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
