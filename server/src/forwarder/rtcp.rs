//! The RTCP packets that we send, and what we take from those we get; by `rtc-rtcp`. RFC 3550 §6.

use bytes::{Bytes, BytesMut};
use rtc_rtcp::extended_report::{DLRRReport, DLRRReportBlock, ExtendedReport, RLEReportBlock, ReceiverReferenceTimeReportBlock};
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::packet::{Packet, marshal, unmarshal};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem};
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};

/// What a received compound packet says that we use.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ReceivedRtcp {
    /// The sender's own clock, if it sends: SSRC, NTP time and RTP time.
    pub(crate) sender_report: Option<SenderClock>,
    /// Reception of what it gets from us.
    pub(crate) reports: Vec<ReceptionReport>,
    /// Which packets it lost. RFC 3611 §4.1.
    pub(crate) losses: Vec<RLEReportBlock>,
    /// The NTP time of the sender's clock. RFC 3611 §4.4.
    pub(crate) reference: Option<u64>,
    /// Our own, with SSRC, and how long the sender had it. RFC 3611 §4.5.
    pub(crate) echoes: Vec<DLRRReport>,
    /// Packets that it asks for again. RFC 4585 §6.2.1.
    pub(crate) nacks: Vec<TransportLayerNack>,
    /// Whether it says goodbye.
    pub(crate) goodbye: bool,
}

impl ReceivedRtcp {
    fn hear_clocks(&mut self, report: &ExtendedReport) {
        for block in &report.reports {
            let block = block.as_any();
            if let Some(reference) = block.downcast_ref::<ReceiverReferenceTimeReportBlock>() {
                self.reference = Some(reference.ntp_timestamp);
            } else if let Some(echo) = block.downcast_ref::<DLRRReportBlock>() {
                self.echoes.extend_from_slice(&echo.reports);
            }
        }
    }
}

/// The pair of times in a sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderClock {
    pub(crate) ssrc: u32,
    /// 64-bit NTP time of the sender's wall clock.
    pub(crate) ntp: u64,
    pub(crate) rtp: u32,
}

/// Reads a decrypted compound packet; `None`: it is malformed.
pub(crate) fn read(packet: &BytesMut) -> Option<ReceivedRtcp> {
    let mut rest = &packet[..];
    let mut received = ReceivedRtcp::default();
    for packet in unmarshal(&mut rest).ok()? {
        let packet = packet.as_any();
        if let Some(report) = packet.downcast_ref::<SenderReport>() {
            received.sender_report = Some(SenderClock {
                ssrc: report.ssrc,
                ntp: report.ntp_time,
                rtp: report.rtp_time,
            });
            received.reports.extend_from_slice(&report.reports);
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            received.reports.extend_from_slice(&report.reports);
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            received.nacks.push(nack.clone());
        } else if let Some(report) = packet.downcast_ref::<ExtendedReport>() {
            let blocks = report
                .reports
                .iter()
                .filter_map(|block| block.as_any().downcast_ref::<RLEReportBlock>());
            received.losses.extend(blocks.filter(|block| block.is_loss_rle).cloned());
            received.hear_clocks(report);
        } else if packet.is::<Goodbye>() {
            received.goodbye = true;
        }
    }
    Some(received)
}

/// Asks a publisher for packets again: RFC 4585 §6.2.1, in the compound form of RFC 3550 §6.1.
pub(crate) fn nack(ssrc: u32, cname: &str, source: u32, numbers: &[u16]) -> Option<BytesMut> {
    let report = ReceiverReport {
        ssrc,
        ..ReceiverReport::default()
    };
    let nack = TransportLayerNack {
        sender_ssrc: ssrc,
        media_ssrc: source,
        nacks: nack_pairs_from_sequence_numbers(numbers),
    };
    write(vec![Box::new(report), name(ssrc, cname), Box::new(nack)])
}

/// A receiver report about a publisher, with our name.
pub(crate) fn receiver_report(ssrc: u32, cname: &str, reports: Vec<ReceptionReport>) -> Option<BytesMut> {
    let report = ReceiverReport {
        ssrc,
        reports,
        ..ReceiverReport::default()
    };
    write(vec![Box::new(report), name(ssrc, cname)])
}

/// A sender report to a listener: the publisher's wall clock, the listener's RTP clock.
pub(crate) fn sender_report(clock: SenderClock, cname: &str, packets: u32, octets: u32) -> Option<BytesMut> {
    let report = SenderReport {
        ssrc: clock.ssrc,
        ntp_time: clock.ntp,
        rtp_time: clock.rtp,
        packet_count: packets,
        octet_count: octets,
        ..SenderReport::default()
    };
    write(vec![Box::new(report), name(clock.ssrc, cname)])
}

/// What each side of a relay says each second: its clock `reference`, and `echo`: what the other side, `to`, said of its own, and how long
/// ago. RFC 3611 §4.4 and §4.5.
pub(crate) fn clocks((ssrc, cname): (u32, &str), reference: u64, to: u32, echo: Option<(u32, u32)>) -> Option<BytesMut> {
    let mut reports: Vec<Box<dyn Packet>> = vec![Box::new(ReceiverReferenceTimeReportBlock {
        ntp_timestamp: reference,
    })];
    if let Some((last_rr, dlrr)) = echo {
        let echo = DLRRReport { ssrc: to, last_rr, dlrr };
        reports.push(Box::new(DLRRReportBlock { reports: vec![echo] }));
    }
    let report = ReceiverReport {
        ssrc,
        ..ReceiverReport::default()
    };
    let clocks = ExtendedReport {
        sender_ssrc: ssrc,
        reports,
    };
    write(vec![Box::new(report), name(ssrc, cname), Box::new(clocks)])
}

/// The last packet to a peer. RFC 3550 §6.6.
pub(crate) fn goodbye(ssrc: u32, cname: &str) -> Option<BytesMut> {
    let report = ReceiverReport {
        ssrc,
        ..ReceiverReport::default()
    };
    let bye = Goodbye {
        sources: vec![ssrc],
        reason: Bytes::new(),
    };
    write(vec![Box::new(report), name(ssrc, cname), Box::new(bye)])
}

fn name(ssrc: u32, cname: &str) -> Box<dyn Packet> {
    Box::new(SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: ssrc,
            items: vec![SourceDescriptionItem {
                sdes_type: SdesType::SdesCname,
                text: Bytes::copy_from_slice(cname.as_bytes()),
            }],
        }],
    })
}

fn write(packets: Vec<Box<dyn Packet>>) -> Option<BytesMut> {
    marshal(&packets).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let clock = SenderClock {
            ssrc: 5,
            ntp: 0x0102_0304_0506_0708,
            rtp: 99,
        };
        let read_back = read(&sender_report(clock, "a", 3, 300).unwrap()).unwrap();
        assert_eq!(read_back.sender_report, Some(clock));
        let block = ReceptionReport {
            ssrc: 9,
            fraction_lost: 25,
            ..ReceptionReport::default()
        };
        let report = receiver_report(5, "a", vec![block.clone()]).unwrap();
        assert_eq!(read(&report).unwrap().reports, [block]);
        let clocks = read(&clocks((5, "a"), 0x0102_0304_0506_0708, 9, Some((77, 3))).unwrap()).unwrap();
        assert_eq!(clocks.reference, Some(0x0102_0304_0506_0708));
        let [echo] = &clocks.echoes[..] else { panic!("{clocks:?}") };
        assert_eq!((echo.ssrc, echo.last_rr, echo.dlrr), (9, 77, 3));
    }

    #[test]
    fn a_goodbye_is_a_valid_compound_packet() {
        let bye = goodbye(5, "a").unwrap();
        let packets = unmarshal(&mut &bye[..]).unwrap();
        assert_eq!(packets.len(), 3);
        let bye = packets[2].as_any().downcast_ref::<Goodbye>().unwrap();
        assert_eq!(bye.sources, [5]);
    }

    proptest! {
        #[test]
        fn a_hostile_member_cannot_make_the_parser_panic(
            packets in prop::collection::vec(
                (any::<u8>(), 192u8..=213, prop::option::of(any::<u16>()), prop::collection::vec(any::<u8>(), 0..80)),
                1..4,
            ),
        ) {
            let mut bytes = BytesMut::new();
            for (first, kind, length, mut body) in packets {
                body.resize(body.len().next_multiple_of(4), 0);
                let honest = u16::try_from(body.len() / 4).unwrap();
                bytes.extend_from_slice(&[0x80 | first, kind]);
                bytes.extend_from_slice(&length.unwrap_or(honest).to_be_bytes());
                bytes.extend_from_slice(&body);
            }
            let _ = read(&bytes);
        }
    }
}
