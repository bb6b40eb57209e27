//! The words that the crates of Express Audio speak.
//!
//! Two layers. The plain one (ids, error codes, documented types, audio blocks, timings) needs `serde` and `thiserror`
//! and nothing else, so a business server or a tool can use it without compiling an actor system. Behind feature
//! `actors` stand the actix messages of the four roles, and for each role
//!
//! - a **link** (`RoomLink`, [`PublisherLink`](publisher::PublisherLink), ...): one `Recipient` for each command, made
//!   with `From<Addr<A>>` from any actor that handles them all;
//! - a **factory** trait ([`RoomFactory`](room::RoomFactory), ...): how the engine starts the role. Give the engine's
//!   builder another factory and a stranger plays the role;
//! - **peers**: what the role may ask of others, as recipients. No role knows the address of another.
//!
//! | look for | in |
//! |---|---|
//! | room, user and stream ids and their limits | [`ids`] |
//! | every documented error code | [`codes`] |
//! | the error type of the API | [`ZegoError`] |
//! | users, streams, states, reasons | [`types`] |
//! | publish and play statistics, grades | [`stats`] |
//! | what goes wrong with a stream's sound | [`exceptions`] |
//! | 10 ms audio blocks and the two data-plane traits | [`audio`] |
//! | what is done to a microphone's sound | [`voice`] |
//! | STUN and TURN servers | [`ice`] |
//! | frames with copies of older ones in one payload | [`red`] |
//! | budgets, back-off, intervals | [`timings`] |
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod audio;
pub mod codes;
mod error;
pub mod exceptions;
pub mod ice;
pub mod ids;
pub mod local_address;
pub mod red;
pub mod stats;
pub mod timings;
pub mod types;
pub mod voice;

#[cfg(feature = "actors")]
pub mod audio_device;
#[cfg(feature = "actors")]
pub mod player;
#[cfg(feature = "actors")]
pub mod publisher;
#[cfg(feature = "actors")]
mod role_link;
#[cfg(feature = "actors")]
pub mod room;
#[cfg(feature = "actors")]
mod supervision;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use error::ZegoError;
#[cfg(feature = "actors")]
pub use supervision::ExitGuard;
