//! What business servers are told: the documented callbacks `room_create`, `room_close`, `room_login`, `room_logout`,
//! `stream_create`, `stream_close`. Who sends them, and how, is the affair of [`BusinessServers`].

use express_messages::ids::{RoomId, StreamId, UserId};
use express_messages::types::ZegoUser;

/// The port to whatever tells business servers. A call is short and does not wait for the network.
pub trait BusinessServers: Send {
    /// Tells the business server of the event's AppID, in the order of the calls for each room.
    ///
    /// - `unix_ms`: when it happened, Unix milliseconds
    fn tell(&mut self, unix_ms: u64, event: BusinessEvent);
}

/// Nobody is told.
impl BusinessServers for () {
    fn tell(&mut self, _: u64, _: BusinessEvent) {}
}

/// Something that a business server is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessEvent {
    /// The AppID.
    pub app_id: u32,
    /// The room in which it happened.
    pub room_id: RoomId,
    /// Names this life of the room (`room_session_id`, `room_seq`).
    pub room_session: u64,
    /// What.
    pub happened: Happened,
}

/// What happened in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The first user has logged in.
    RoomCreated {
        /// Who that is.
        creator: UserId,
    },
    /// The last user is gone.
    RoomClosed(RoomClose),
    /// A user has logged in.
    LoggedIn {
        /// The login.
        session: LoggedSession,
        /// The user was in the room already; that session has ended.
        again: bool,
    },
    /// A user's login is over.
    LoggedOut {
        /// The login.
        session: LoggedSession,
        /// Why it ended.
        reason: LogoutReason,
    },
    /// Others may play a stream.
    StreamCreated {
        /// The stream.
        stream: ToldStream,
        /// It was there before; its publisher has connected anew.
        again: bool,
    },
    /// A stream is over.
    StreamClosed {
        /// The stream.
        stream: ToldStream,
        /// Why it ended.
        reason: StreamClose,
    },
}

/// One login of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedSession {
    /// Who.
    pub user: ZegoUser,
    /// Names the login (`session_id`); below 2^53.
    pub number: u64,
    /// When it began, Unix milliseconds.
    pub login_ms: u64,
    /// How often users have come and gone in this life of the room, this time included (`user_update_seq`).
    pub user_seq: u64,
}

/// A stream as business servers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldStream {
    /// Its id.
    pub stream_id: StreamId,
    /// Names this life of it on this server.
    pub number: u64,
    /// Who publishes it.
    pub user: ZegoUser,
    /// The newest extra info of its publisher.
    pub extra_info: String,
    /// When others saw it first, Unix milliseconds.
    pub created_ms: u64,
    /// How often streams have come and gone in this life of the room, this time included (`stream_seq`).
    pub stream_seq: u64,
}

/// Why a room is over: the documented `close_reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomClose {
    /// The last user logged out, or the room was closed by the server API.
    Normal = 0,
    /// The last user sent no heartbeat for too long.
    HeartbeatTimeout = 1,
    /// The last user's connection was lost.
    Offline = 2,
    /// The last user was kicked out by the server API.
    Kicked = 3,
}

/// Why a login is over: the documented `reason` of `room_logout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutReason {
    /// The user logged out.
    Normal = 0,
    /// The user had a connection and sent no heartbeat for too long.
    HeartbeatTimeout = 1,
    /// The connection was lost and did not come back in time.
    LinkLost = 2,
    /// The user logged in again, or was kicked out by the server API.
    KickedOut = 3,
    /// The token expired.
    TokenExpired = 4,
}

/// Why a stream is over: the documented `type` of `stream_close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamClose {
    /// Its publisher stopped it.
    Normal = 0,
    /// Its publisher was silent for too long.
    HeartbeatTimeout = 1,
    /// Its publisher logged in again.
    RepeatLogin = 2,
    /// Its publisher was kicked out.
    KickedOut = 3,
    /// Its media was lost and did not come back in time.
    LinkLost = 4,
    /// The room was closed by the server API.
    RoomClosed = 5,
    /// The server API ended it.
    RemovedByServer = 100,
}
