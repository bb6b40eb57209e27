//! The cloud of Express Audio in one binary: rooms, tokens, signalling, media forwarding.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod config;
pub mod forwarder;
pub mod rooms;
