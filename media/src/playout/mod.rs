//! Playout (jitter buffer): packets in, exactly 10 ms out whenever asked.

mod stats;

use std::time::{Duration, Instant};

use bytes::Bytes;
use express_messages::audio::AudioBlock;

pub use stats::PlayoutStats;

use crate::{codec::CodecError, rtp::RtpPacketIn};

/// Most packets that wait to be decoded: 5 s of 10 ms frames.
pub const STORE_PACKETS: usize = 512;

/// How a stream is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutOptions {
    /// Least delay of the jitter buffer (`jitterBufferTarget`), at most 4 s; `None`: adaptive alone.
    pub jitter_buffer_target: Option<Duration>,
    /// Smallest delay at the price of more concealment (`enableLowLatency`).
    pub low_latency: bool,
    /// Payload type of Opus; packets of another are discarded and counted.
    pub payload_type: u8,
}

/// The jitter buffer and decoder of one played stream.
#[derive(Debug)]
pub struct Playout {
    stats: PlayoutStats,
    spent: Vec<Bytes>,
}

impl Playout {
    /// An empty playout.
    ///
    /// # Errors
    /// - [`CodecError::Create`] — no decoder (give up)
    pub fn new(_options: PlayoutOptions) -> Result<Self, CodecError> {
        Ok(Self {
            stats: PlayoutStats::default(),
            spent: Vec::new(),
        })
    }

    /// Takes a packet.
    pub fn insert(&mut self, packet: RtpPacketIn, _arrival: Instant) {
        self.stats.packets_received += 1;
        self.spent.push(packet.payload);
    }

    /// Fills `out` with the next 10 ms.
    pub fn next_10ms(&mut self, _now: Instant, out: &mut AudioBlock) {
        out.reset(1);
    }

    /// While paused, missing packets are silence, not loss.
    pub fn set_paused(&mut self, _paused: bool) {}

    /// Counters.
    pub fn stats(&self) -> PlayoutStats {
        self.stats
    }

    /// Payloads that are needed no more.
    pub fn drain_spent(&mut self) -> std::vec::Drain<'_, Bytes> {
        self.spent.drain(..)
    }
}
