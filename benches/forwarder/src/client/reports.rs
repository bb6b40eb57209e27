//! The RTCP that a client sends once a second, so that the server has the work that real clients give it. RFC 3550 §6.

use bytes::BytesMut;
use rtc_rtcp::packet::{Packet, marshal, unmarshal};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem};
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};

/// Seconds between 1900 and 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// What a client knows of the packets that it sends, or gets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    pub(super) packets: u32,
    pub(super) octets: u32,
    /// The last sequence number, with how often it wrapped.
    pub(super) sequence: u32,
    pub(super) timestamp: u32,
    /// The middle of the NTP time of the server's last report, and when it came (ns since 1970).
    pub(super) last_report: Option<(u32, u64)>,
}

impl Account {
    /// Notes a received packet's sequence number.
    pub(super) fn receive(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.sequence as u16);
        if self.packets == 0 {
            self.sequence = u32::from(sequence);
        } else if ahead < 0x8000 {
            self.sequence = self.sequence.wrapping_add(u32::from(ahead));
        }
        self.packets = self.packets.wrapping_add(1);
    }

    /// Notes a report of the server.
    pub(super) fn hear(&mut self, packet: &BytesMut, wall_ns: u64) {
        let mut rest = &packet[..];
        for packet in unmarshal(&mut rest).unwrap_or_default() {
            if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                self.last_report = Some(((report.ntp_time >> 16) as u32, wall_ns));
            }
        }
    }
}

/// A publisher's report.
pub(super) fn sender(ssrc: u32, account: &Account, wall_ns: u64) -> Option<BytesMut> {
    let seconds = wall_ns / 1_000_000_000 + NTP_EPOCH;
    let fraction = ((wall_ns % 1_000_000_000) << 32) / 1_000_000_000;
    let report = SenderReport {
        ssrc,
        ntp_time: (seconds << 32) | fraction,
        rtp_time: account.timestamp,
        packet_count: account.packets,
        octet_count: account.octets,
        ..SenderReport::default()
    };
    write(ssrc, Box::new(report))
}

/// A listener's report about the server's stream, or an empty one as long as nothing came.
pub(super) fn receiver(ssrc: u32, of: Option<u32>, account: &Account, wall_ns: u64) -> Option<BytesMut> {
    let (last_sender_report, delay) = account.last_report.map_or((0, 0), |(middle, at)| {
        let units = (wall_ns.saturating_sub(at) << 16) / 1_000_000_000;
        (middle, u32::try_from(units).unwrap_or(u32::MAX))
    });
    let block = of.filter(|_| account.packets > 0).map(|of| ReceptionReport {
        ssrc: of,
        last_sequence_number: account.sequence,
        last_sender_report,
        delay,
        ..ReceptionReport::default()
    });
    let report = ReceiverReport {
        ssrc,
        reports: block.into_iter().collect(),
        ..ReceiverReport::default()
    };
    write(ssrc, Box::new(report))
}

/// A request for the last 17 packets once more; `None` as long as nothing came. RFC 4585 §6.2.1.
pub(super) fn nack(ssrc: u32, of: u32, account: &Account) -> Option<BytesMut> {
    if account.packets == 0 {
        return None;
    }
    let nack = TransportLayerNack {
        sender_ssrc: ssrc,
        media_ssrc: of,
        nacks: vec![NackPair {
            packet_id: (account.sequence as u16).wrapping_sub(16),
            lost_packets: u16::MAX,
        }],
    };
    marshal(&[Box::new(nack) as Box<dyn Packet>]).ok()
}

fn write(ssrc: u32, report: Box<dyn Packet>) -> Option<BytesMut> {
    let name = SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: ssrc,
            items: vec![SourceDescriptionItem {
                sdes_type: SdesType::SdesCname,
                text: format!("light-{ssrc:08x}").into_bytes().into(),
            }],
        }],
    };
    marshal(&[report, Box::new(name)]).ok()
}
