//! The wire format between client and server: JSON text frames on one WebSocket. `docs/protocol.md` is its description.
//!
//! A client sends [`ClientFrame`]s, the server answers each with one [`ServerFrame::Reply`] of the same id and sends
//! [`ServerFrame::Event`]s with ascending sequence numbers. The server refuses unknown fields and types; a client
//! ignores both.

mod event;
mod frame;
mod request;

pub use event::{Event, KickOut, RoomStreamUpdate, RoomUserUpdate, SequencedEvent, StreamEnded, StreamGone, StreamRoleWord};
pub use frame::{ClientFrame, FrameError, Retry, ServerFrame, WireError};
pub use request::{
    Call, Done, Heartbeat, HeartbeatOk, Login, LoginOk, Logout, PausePlay, Play, Publish, RenewToken, RenewTokenOk, Request,
    Resume, ResumeOk, SdpOk, Snapshot, StopPlay, Unpublish,
};

/// Version of this protocol. A client names the versions it speaks at login, the server chooses one.
pub const VERSION: u32 = 1;

/// Path of the WebSocket below the server's address.
pub const PATH: &str = "/v1/signal";

/// Largest frame in bytes, either way but for [`LoginOk`] and [`ResumeOk`], which carry whole rooms.
pub const MAX_CLIENT_FRAME: usize = 64 * 1024;

/// Largest SDP in bytes that a server takes.
pub const MAX_SDP: usize = 16 * 1024;

/// Longest token in bytes that a server takes.
pub const MAX_TOKEN: usize = 8 * 1024;
