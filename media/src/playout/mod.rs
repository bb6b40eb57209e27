//! Playout (jitter buffer): packets in, exactly 10 ms out whenever asked.
//!
//! Pure and deterministic: arrival times and the listener's clock are arguments, nothing is random, nobody else is called.
//!
//! ```text
//! insert ─► timeline ─► store ─┐                      ┌─► render: decoder, gain ─► queue of PCM ─► 10 ms
//!    │          │              ├─► next_move (Move) ──┤                              ▲
//!    │          └─► delay ─────┘                      └─► stretch, on adapt's word ──┘
//!    └─ copies of RED ─► repairs ─► store, delay
//! ```
//!
//! - `timeline` gives each packet one media time that only goes forward;
//! - `repairs` finds the copies (RFC 2198) of frames whose own packets have not come;
//! - `recovery` knows the best that can be done about sound that is missing before a packet;
//! - `delay` says how long packets should wait, from how late they come;
//! - whenever fewer than 10 ms are decoded, one `Move` is chosen and made: play the packet whose time has come, rebuild or
//!   conceal the one that is missing, make comfort noise, or wait;
//! - `adapt` compares the delay with its target after each packet, and `stretch` shortens or lengthens what was decoded.
//!
//! A move never looks at the wall clock, only at `now − media time` of what would be played. So each jitter buffer runs on the
//! listener's clock, however irregularly that asks, and drift between both clocks is one more reason to stretch.

mod adapt;
mod clock;
mod conceal;
mod delay;
mod engine;
mod pcm;
mod recovery;
mod render;
mod repairs;
mod stats;
mod store;
mod stretch;
mod timeline;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use engine::Playout;
pub use stats::PlayoutStats;
pub use store::STORE_PACKETS;

use crate::rtp::{OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE};

/// How a stream is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutOptions {
    /// Least delay of the jitter buffer (`jitterBufferTarget`), at most 4 s; `None`: adaptive alone.
    pub jitter_buffer_target: Option<Duration>,
    /// Smallest delay at the price of more concealment (`enableLowLatency`).
    pub low_latency: bool,
    /// Payload type of Opus; packets of another are discarded and counted.
    pub payload_type: u8,
    /// Payload type of RED (RFC 2198) around that Opus; `None`: not negotiated.
    pub red_payload_type: Option<u8>,
}

impl Default for PlayoutOptions {
    /// Adaptive, not in low latency, with the payload types of our own offers.
    fn default() -> Self {
        Self {
            jitter_buffer_target: None,
            low_latency: false,
            payload_type: OPUS_PAYLOAD_TYPE,
            red_payload_type: Some(RED_PAYLOAD_TYPE),
        }
    }
}
