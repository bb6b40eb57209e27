//! The wire format between client and server: JSON text frames on one WebSocket. `docs/protocol.md` is its description.
//!
//! A client sends [`ClientFrame`]s, the server answers each with one [`ServerFrame::Ok`] or [`ServerFrame::Error`] of the same
//! id and sends [`ServerFrame::Event`]s with ascending sequence numbers, and [`ServerFrame::Notice`]s without. The server refuses unknown fields and types; a
//! client ignores both.

mod event;
mod frame;
mod notice;
mod request;

pub use express_messages::ice::IceServer;

pub use event::{
    BroadcastMessage, CustomCommand, Event, KickOut, ListedStream, NodeLeaving, RoomExtraInfo, RoomExtraInfoUpdate, RoomMessage,
    RoomStreamUpdate, RoomUserUpdate, SequencedEvent, StreamEnded, StreamExtraInfoUpdate, StreamGone, StreamMicUpdate,
    StreamRoleWord,
};
pub use frame::{ClientFrame, FrameError, Retry, ServerFrame, WireError};
pub use notice::{
    BarrageMessage, ListenerReport, NetworkQuality, Notice, ProtectedStream, PublisherReport, RoomBarrage, StreamListeners,
    StreamProtection, StreamUplink, UserQuality,
};
pub use request::{
    Call, Done, Heartbeat, HeartbeatOk, Login, LoginOk, Logout, MediaPorts, MediaPortsOk, MuteStream, PausePlay, Play, Publish,
    RenewToken, RenewTokenOk, ReportQuality, Request, Resume, ResumeOk, SdpOk, SendBarrageMessage, SendBarrageMessageOk,
    SendBroadcastMessage, SendBroadcastMessageOk, SendCustomCommand, SendCustomCommandOk, SetRoomExtraInfo, SetRoomExtraInfoOk,
    SetStreamExtraInfo, Snapshot, StopPlay, Unpublish,
};

/// Version of this protocol. A client names the versions it speaks at login, the server chooses one.
pub const VERSION: u32 = 1;

/// Path of the WebSocket below the server's address.
pub const PATH: &str = "/v1/signal";

/// Largest frame in bytes, either way but for [`LoginOk`] and [`ResumeOk`], which carry whole rooms.
pub const MAX_CLIENT_FRAME: usize = 64 * 1024;

/// Largest SDP in bytes that a server takes.
pub const MAX_SDP: usize = 16 * 1024;

/// Longest text of a message or command, and of a stream's extra info, in bytes.
pub const MAX_TEXT: usize = 1024;

/// Most users of one custom command.
pub const MAX_COMMAND_USERS: usize = 500;

/// Longest token in bytes that a server takes.
pub const MAX_TOKEN: usize = 8 * 1024;

/// Most ICE servers of one answer, and most URLs of each; a client leaves out what is beyond.
pub const MAX_ICE_SERVERS: usize = 8;

/// Longest URL, user name and credential of an ICE server, in bytes; a client leaves out what is longer.
pub const MAX_ICE_TEXT: usize = 512;

/// Most nodes of one list of nodes; a client leaves out what is beyond.
pub const MAX_NODES: usize = 8;

/// Longest base URL of a node, in bytes; a client leaves out what is longer.
pub const MAX_NODE_URL: usize = 256;

/// How often a client lets itself be sent to another node in one attempt to log in or to resume.
pub const MAX_NODE_HOPS: usize = 3;

/// Largest frame in bytes that a client takes; a server keeps the snapshot of a whole room below it.
pub const MAX_SERVER_FRAME: usize = 8 * 1024 * 1024;

/// Close codes of the WebSocket (RFC 6455 section 7.4.1 and its IANA registry). They are for logs: what a client does next
/// never depends on them.
pub mod close {
    /// The login is over, or the session moved to a newer socket.
    pub const NORMAL: u16 = 1000;
    /// From a browser: the page was closed or left, which counts as a logout.
    pub const PAGE_CLOSED: u16 = 1001;
    /// From our SDK: the same, where the browser would keep the socket of a page that the back button may bring back.
    pub const PAGE_LEFT: u16 = 4001;
    /// No frame of a WebSocket.
    pub const PROTOCOL: u16 = 1002;
    /// A binary frame.
    pub const UNSUPPORTED: u16 = 1003;
    /// A text frame without a usable id, so that it could not be answered.
    pub const UNREADABLE: u16 = 1007;
    /// No login or resume in time, no heartbeat in time, or too many bad requests.
    pub const POLICY: u16 = 1008;
    /// A frame over [`MAX_CLIENT_FRAME`](super::MAX_CLIENT_FRAME).
    pub const TOO_BIG: u16 = 1009;
    /// The server restarts; come back a little later.
    pub const RESTART: u16 = 1012;
    /// The server cannot serve this socket now, for example because it reads too slowly; come back a little later.
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

#[cfg(test)]
mod page;
