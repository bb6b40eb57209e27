//! Signalling of Express Audio: the wire format, and RoomActor, which is one login to one room.
//!
//! - [`protocol`] (feature `protocol`): the messages between client and server as serde types, and nothing else: no actor
//!   system, no socket. Servers and tools take this alone.
//! - `room` (feature `client`, the default): RoomActor, its WebSocket, and the factory that the engine starts it with.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "protocol")]
pub mod protocol;
#[cfg(feature = "client")]
pub mod room;

#[cfg(feature = "client")]
pub use room::Signalling;
