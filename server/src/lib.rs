//! The cloud of Express Audio in one binary: rooms, tokens, signalling, media forwarding.
//!
//! ```text
//!   http  ── requests ──►  rooms  ── publish, play, remove ──►  forwarder
//!   (sockets)            (RoomsActor,                          (UDP, a thread
//!         ◄── replies,    pure state)   ◄── connected, gone ──  for each shard)
//!             events
//! ```
//!
//! [`start`] runs one in this process; the binary adds a command line, logs and signals.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod alarm;
pub mod api_command;
mod callbacks;
pub mod cluster;
pub mod config;
pub mod forwarder;
mod http;
pub mod rooms;
mod run;
pub mod token_command;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use forwarder::fuzzing;
pub use http::tls::TlsError;
pub use run::{RunningServer, StartError, start};
