//! The two tasks that carry packets between a pipeline and a track.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use express_messages::red;
use rtc::{
    rtp::{self, extension::audio_level_extension::AudioLevelExtension},
    shared::marshal::Marshal,
};
use webrtc::media_stream::{
    track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
    track_remote::{TrackRemote, TrackRemoteEvent},
};

use super::{RED_PAYLOAD_TYPE, ReceivePackets, SendPackets, loss_report::LossReport};
use crate::rtp::{RtpHeader, RtpPacketIn, RtpPacketOut};

/// Audio levels from here down are no voice (RFC 6464 leaves the voice bit to the sender).
const VOICE_DBOV: u8 = 60;

/// What the server accepted of a publisher's offer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Accepted {
    /// The id of the audio level (RFC 6464) in packet headers. Without it packets go without: one extension too many and the crate
    /// sends no packet at all.
    pub(super) level_id: Option<u8>,
    /// Redundant audio (RFC 2198).
    pub(super) red: bool,
}

/// Gives the pipeline's packets to `track` until the pipeline ends or the task is aborted.
pub(super) async fn write(packets: SendPackets, track: Arc<TrackLocalStaticRTP>, accepted: Accepted, not_sent: Arc<AtomicU64>) {
    let mut packets = packets.lock().await;
    // What waits is from before this connection.
    while packets.try_recv().is_some() {}
    while let Some(packet) = packets.recv().await {
        let sent = match accepted.red {
            true => Some(packet),
            false => without_copies(packet),
        };
        let Some(packet) = sent else {
            not_sent.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        if let Err(error) = track.write_rtp(outgoing(packet, accepted.level_id)).await {
            not_sent.fetch_add(1, Ordering::Relaxed);
            tracing::trace!(%error, "a packet was not sent");
        }
    }
}

/// The packet with its own frame alone; `None`: its payload is not what its type says.
fn without_copies(packet: RtpPacketOut) -> Option<RtpPacketOut> {
    if packet.header.payload_type != RED_PAYLOAD_TYPE {
        return Some(packet);
    }
    let own = red::read(&packet.payload)?.own();
    Some(RtpPacketOut {
        header: RtpHeader {
            payload_type: own.payload_type,
            ..packet.header
        },
        payload: packet.payload.slice_ref(own.data),
        ..packet
    })
}

fn outgoing(packet: RtpPacketOut, level_id: Option<u8>) -> rtp::Packet {
    let mut header = rtp::Header {
        version: 2,
        marker: packet.header.marker,
        payload_type: packet.header.payload_type,
        sequence_number: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
        ssrc: packet.header.ssrc,
        ..Default::default()
    };
    let level = AudioLevelExtension {
        level: packet.audio_level_dbov.min(127),
        voice: packet.audio_level_dbov < VOICE_DBOV,
    };
    if let (Some(id), Ok(level)) = (level_id, level.marshal())
        && let Err(error) = header.set_extension(id, level.freeze())
    {
        tracing::trace!(%error, id, "a packet goes without its audio level");
    }
    rtp::Packet {
        header,
        payload: packet.payload,
    }
}

/// Gives the packets of `track` to the pipeline until the track ends or the task is aborted.
pub(super) async fn read(packets: ReceivePackets, track: Arc<dyn TrackRemote>) {
    let mut losses = LossReport::default();
    while let Some(event) = track.poll().await {
        if let TrackRemoteEvent::OnRtpPacket(packet) = event {
            let arrival = Instant::now();
            let report = losses.note(packet.header.ssrc, packet.header.sequence_number, arrival);
            // A packet that finds no room is counted by the pipeline.
            packets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(arrival, incoming(packet));
            if let Some(report) = report
                && let Err(error) = track.write_rtcp(report).await
            {
                tracing::trace!(%error, "a loss report was not sent");
            }
        }
    }
}

fn incoming(packet: rtp::Packet) -> RtpPacketIn {
    RtpPacketIn {
        header: RtpHeader {
            marker: packet.header.marker,
            payload_type: packet.header.payload_type,
            sequence_number: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            ssrc: packet.header.ssrc,
        },
        payload: packet.payload,
    }
}
