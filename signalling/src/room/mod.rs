//! RoomActor: one login of one user to one room.
//!
//! [`Signalling`] is the factory that the engine starts it with. What it decides is pure state (`state.rs` and the files
//! beside it), what it does goes through one port, [`Connector`]: give it another one and it talks to a fake server in
//! memory ([`testing`]) instead of a WebSocket.
//!
//! # What it promises
//!
//! **Order.** LOGINING comes first, once. After LOGINED come the users (ADD, only with `user_update`), then the streams
//! (ADD), each only if there are any. After a lost link: RECONNECTED (only if RECONNECTING was told), `LinkRestored`, then
//! the difference: streams DELETE, users DELETE, users ADD, streams ADD, so that a stream never appears without its user;
//! then the extra info and the mute of streams, where there is one or it changed. The number of users comes last.
//! After LOGIN_FAILED, RECONNECT_FAILED, KICKOUT and LOGOUT nothing comes but `Exited`.
//!
//! **Nobody else notices.** The server keeps a silent session for 100 s. A lost socket is resumed within it, and others in
//! the room see nothing: no user and no stream comes or goes. The application itself is told RECONNECTING when the link is
//! away for 8 s; or at a second loss within 8 s of the first, though the link came back in between; or as soon as a new
//! login has to be made because the session is gone, for then others may have noticed. A link that is back before is not
//! mentioned at all, only `LinkRestored` is sent, which is for publishers and players and not for the application. A relogin
//! that the server asks for (`need_relogin` in its kick-out) is held back like a lost link.
//!
//! **Retry.** The first attempt is made at once, after a lost link after 1 to 4 s (a restarted server must not meet all its
//! clients in one instant). All servers of the list are tried in order, then there is a wait, which grows; when this machine
//! gets a network that it had not, the wait is over, but for one that the server asked for. A transport
//! fault is always tried again until the budget (20 min) is over; a refusal is tried again when and if the server says so.
//!
//! **Several nodes.** Where the server is one of a cloud (`nodes`), a node that cannot be reached is replaced by another after one
//! attempt, a refusal with a `node` is followed there, and a node that leaves is left while it still stands: the login moves,
//! `LinkRestored` says so, and the difference follows. No state is told for any of it that a resume would not tell.
//!
//! **Resume.** Missed events are replayed as one difference. Streams are compared too: what the server lost is reported as
//! `StreamEnded`, what was stopped while the link was away is stopped on the server. A refused resume becomes a new login
//! with the newest token.
//!
//! **Requests.** Nothing is queued while the link is away: a command is answered `Disconnected`. What is out when the link
//! goes is answered `Disconnected` too, and what is not answered in time `TimedOut`. Whether a published stream is muted is
//! a state and no request: it is told again until the server took it.

mod actor;
mod asking;
mod attempts;
mod authorities;
mod changes;
mod commands;
mod counters;
mod events;
mod factory;
mod ice;
mod link;
mod listing;
mod media;
mod mics;
mod moving;
mod network;
mod nodes;
#[cfg(feature = "chaos")]
#[doc(hidden)]
pub mod pure;
mod reach;
mod report;
mod requests;
mod retry;
mod room_info;
mod roster;
mod session;
mod state;
mod talk;
pub mod testing;
mod timers;
mod token;
mod websocket;

pub use actor::RoomActor;
pub use authorities::{Authorities, AuthorityError};
pub use counters::{Counter, Counters};
pub use factory::Signalling;
pub use link::{Connector, INCOMING_QUEUE, Incoming, LINGER, Link, LinkEnd, LinkError, OUTGOING_QUEUE, Outgoing, signal_url};
pub use listing::MAX_LISTED;
pub use websocket::{WebSocketConnector, tls_config};

#[cfg(test)]
mod tests;
