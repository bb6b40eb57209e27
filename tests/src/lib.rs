//! What the tests of several crates share: real processes, tokens, a collector of events.
//!
//! `suite/` runs in virtual time or against an in-process server; `realtime/` runs real processes, alone and last.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod bus;
pub mod callers;
pub mod cluster;
pub mod collect;
pub mod ear;
pub mod faults;
pub mod firewall;
pub mod gate;
pub mod lossy;
pub mod members;
pub mod nats;
pub mod plain_http;
pub mod processes;
pub mod pulse;
pub mod scores;
pub mod simulation;
pub mod soak;
pub mod tokens;
pub mod virtual_net;
