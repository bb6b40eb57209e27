//! The truth about rooms: who is in, who publishes what, who plays it.
//!
//! # Shape
//! - [`RoomsState`] decides. It is pure: requests, media events and the time go in, [`Effect`]s come out.
//! - [`RoomsActor`] carries effects out: it writes to sockets, asks the [`MediaPlane`], and wakes the state in time.
//! - `http` reads sockets and hands the actor what was parsed.
//!
//! # Life of a session
//! ```text
//!            login                   socket gone                 user_timeout (100 s) since the last sign of life
//!   (none) ────────► connected ◄──────────────────► silent ────────────────────────────────► ended (HeartbeatTimeout)
//!                        │         resume              │  same user logs in again
//!                        │                             └────────► ended; its streams stay the user's until the 100 s are
//!                        │                                        over: published again = DELETE (RepeatLogin), then ADD
//!                        └─ logout, kick, login of the same user elsewhere ─► ended, its streams with it
//! ```
//! While a session is silent nobody notices: it stays in lists, its streams stay announced, and their ids stay taken.
//!
//! A session without a socket (WHIP, WHEP) lives as long as it has a resource: see [`Hosted`].
//!
//! # Life of a stream
//! ```text
//!   publish ─► negotiated ── Connected ─► announced ── media gone, not back in media_grace ─► ended (Offline)
//!                  │                        │  ▲ │
//!                  └─ Gone: never seen      │  └─┴─ published again: nobody notices
//!                     by others             └─ unpublish, end of the session ─► ended
//! ```
//! The time of a stream without media runs while its publisher is heard. One that is silent, or whose socket may be half-open,
//! has the time of its session, and media_grace from when it is heard again.
//!
//! # Over several nodes
//! A room is on every node that has members of it. Each node serves its own members and their streams as described here, tells the
//! others facts, and mirrors theirs: see [`cloud`]. A stream of another node is brought here by one relay while somebody plays it.
//! ```text
//!   login ─► room open here? ─ no ─► waits for the cloud to open it ─► as ever
//!   publish ─► streamID ours? ─ no ─► waits for the claim ─► as ever
//!   user logs in elsewhere ─► ended here; a move: quiet, streams go on until the other node has them, 15 s at most
//! ```

mod actor;
pub mod admin;
mod bucket;
mod business;
pub mod cloud;
mod counters;
mod effect;
mod hosted;
mod hosts;
mod ice_servers;
mod mail;
mod media;
mod node_name;
mod replay;
mod state;
#[cfg(test)]
mod tests;
pub(crate) mod timers;

pub use actor::{RoomsActor, RoomsOptions};
pub use bucket::{Bucket, Rate};
pub use business::{BusinessEvent, BusinessServers, Happened, LoggedSession, LogoutReason, RoomClose, StreamClose, ToldStream};
pub use counters::RoomsCounters;
pub use effect::{CloseReason, ConnectionId, Effect, Negotiation, SharedEvent, SharedNotice, Ticket, WantedRelay};
pub use hosted::{
    HostFault, HostRefusal, HostRequest, HostTicket, Hosted, IfMatch, Offered, Place, ResourceAction, ResourceRequest,
};
pub use mail::{
    Admin, CloudNews, Connect, ConnectionLink, Disconnected, Drain, DrainNow, GetCounters, GetIceServers, Host, Incoming,
    MediaNews, OnResource, Outgoing,
};
pub use media::MediaPlane;
pub use state::{BadFrame, Now, RoomsState, SocketEnd, StateOptions};
