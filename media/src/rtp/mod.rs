//! RTP (RFC 3550, RFC 7587) as the pipelines see it, and the two pipelines between the audio pump and the network.
//!
//! ```text
//! pump: SendPipeline (CaptureSink) ─ ring of 64 ─► PacketReceiver: the publisher's network task
//! pump: ReceivePipeline (PlayoutSource) ◄─ ring of 256 ─ PacketSender: the player's network task
//! ```
//!
//! Nothing is allocated or freed on the pump's thread: a sent packet lies in its ring slot and becomes [`bytes::Bytes`] on
//! the network's side; a received payload moves through the pump as the `Bytes` that the transport made, and travels back
//! through a return ring to be dropped where it came from.

mod pace;
mod packet;
mod packetise;
mod plan;
mod receive;
mod redundancy;
mod send;
mod shared;

pub use express_messages::red::CopySet;
pub use packet::{RtpHeader, RtpPacketIn, RtpPacketOut, audio_level_dbov};
pub use packetise::RtpStart;
pub use plan::SendPlan;
pub use receive::{PacketSender, ReceiveOptions, ReceivePipeline, ReceiveSnapshot, ReceiveStats, receive_pipeline};
pub use send::{PacketReceiver, SendControl, SendPipeline, SendSnapshot, SendStats, send_pipeline};

/// RTP payload type of Opus in every offer of ours.
pub const OPUS_PAYLOAD_TYPE: u8 = 111;
/// RTP payload type of RED (RFC 2198) around that Opus in every offer of ours: what browsers take, too.
pub const RED_PAYLOAD_TYPE: u8 = 63;

#[cfg(test)]
mod tests;
