//! The two tasks that carry packets between a pipeline and a track.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use rtc::rtp::{
    self,
    extension::{HeaderExtension, audio_level_extension::AudioLevelExtension},
};
use webrtc::media_stream::{
    track_local::static_rtp::TrackLocalStaticRTP,
    track_remote::{TrackRemote, TrackRemoteEvent},
};

use super::{ReceivePackets, SendPackets};
use crate::rtp::{RtpHeader, RtpPacketIn, RtpPacketOut};

/// Audio levels from here down are no voice (RFC 6464 leaves the voice bit to the sender).
const VOICE_DBOV: u8 = 60;

/// Gives the pipeline's packets to `track` until the pipeline ends or the task is aborted.
pub(super) async fn write(packets: SendPackets, track: Arc<TrackLocalStaticRTP>, not_sent: Arc<AtomicU64>) {
    let mut packets = packets.lock().await;
    // What waits is from before this connection.
    while packets.try_recv().is_some() {}
    while let Some(packet) = packets.recv().await {
        let level = HeaderExtension::AudioLevel(AudioLevelExtension {
            level: packet.audio_level_dbov,
            voice: packet.audio_level_dbov < VOICE_DBOV,
        });
        // An extension that the server did not accept is left out.
        if let Err(error) = track.write_rtp_with_extensions(outgoing(packet), &[level]).await {
            not_sent.fetch_add(1, Ordering::Relaxed);
            tracing::trace!(%error, "a packet was not sent");
        }
    }
}

fn outgoing(packet: RtpPacketOut) -> rtp::Packet {
    rtp::Packet {
        header: rtp::Header {
            version: 2,
            marker: packet.header.marker,
            payload_type: packet.header.payload_type,
            sequence_number: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            ssrc: packet.header.ssrc,
            ..Default::default()
        },
        payload: packet.payload,
    }
}

/// Gives the packets of `track` to the pipeline until the track ends or the task is aborted.
pub(super) async fn read(packets: ReceivePackets, track: Arc<dyn TrackRemote>) {
    while let Some(event) = track.poll().await {
        if let TrackRemoteEvent::OnRtpPacket(packet) = event {
            let arrival = Instant::now();
            // A packet that finds no room is counted by the pipeline.
            packets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(arrival, incoming(packet));
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
