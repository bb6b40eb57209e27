//! What measures the forwarder: light WebRTC clients without a codec, thousands on one thread, and the floor beside them.
//!
//! WHIP and WHEP are the only interface, so any server that speaks them can be measured.
//!
//! | to | start at |
//! |---|---|
//! | be one client without sockets | [`client::LightClient`] |
//! | have a crowd of them join, speak, listen, leave | [`crowd::Crowd`] |
//! | know whether something was lost, doubled or out of order | [`tally::Traffic`] |
//! | let listeners come, go, fall silent and die meanwhile | [`churn::run`] |
//! | let strangers, a flood and a storm loose on honest rooms | [`hostile::run`] |
//! | know what the machine charges for sending alone | [`floor::run`] |
//! | read what a process used | [`process`] |
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod churn;
pub mod client;
pub mod crowd;
pub mod floor;
pub mod hostile;
pub mod orders;
pub mod payload;
pub mod process;
pub mod server;
pub mod tally;
pub mod whip;
