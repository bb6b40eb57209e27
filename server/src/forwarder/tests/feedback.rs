//! What flows back but for NACKs: reports of listeners, sender reports, goodbyes, what publishers are asked for.

use std::time::Duration;

use rtc_rtcp::extended_report::{Chunk, ExtendedReport, RLEReportBlock};
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::packet::{Packet, marshal, unmarshal};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc_shared::marshal::Marshal;

use super::super::core::Command;
use super::super::sdp::Role;
use super::super::summary::{ListenerSummary, Spread};
use super::super::{ForwarderEvent, PeerId, PublisherLeg, StreamKey};
use super::client::USUAL;
use super::world::World;

const MS: Duration = Duration::from_millis(1);

impl World {
    pub(super) fn nacking(&mut self, role: Role, key: u64) -> (usize, PeerId) {
        let (index, id) = self.add_with_nack(role, key, USUAL);
        self.connect(index);
        assert!(self.clients[index].connected);
        (index, id)
    }

    pub(super) fn rtcp(&mut self, index: usize, packets: Vec<Box<dyn Packet>>) {
        let packet = marshal(&packets).unwrap();
        let packet = self.clients[index].rtcp_packet(&packet);
        self.send(index, &packet);
    }

    /// A client's NACK for these packets, sealed.
    pub(super) fn nack(&mut self, index: usize, numbers: &[u16]) -> Vec<u8> {
        let nack = TransportLayerNack {
            sender_ssrc: 1,
            media_ssrc: self.clients[index].server_ssrc.unwrap(),
            nacks: numbers.iter().copied().map(NackPair::new).collect(),
        };
        self.clients[index].rtcp_packet(&nack.marshal().unwrap())
    }

    pub(super) fn ask_again(&mut self, index: usize, numbers: &[u16]) {
        let packet = self.nack(index, numbers);
        self.send(index, &packet);
    }

    /// A receiver report about what this listener is sent, in answer to its last sender report.
    pub(super) fn report(&mut self, index: usize, fraction_lost: u8, held: Duration) {
        let block = ReceptionReport {
            ssrc: self.clients[index].server_ssrc.unwrap(),
            fraction_lost,
            last_sender_report: self
                .sender_reports(index)
                .last()
                .map_or(0, |report| (report.ntp_time >> 16) as u32),
            delay: (held.as_millis() * 65_536 / 1000) as u32,
            ..ReceptionReport::default()
        };
        let report = ReceiverReport {
            ssrc: 1,
            reports: vec![block],
            ..ReceiverReport::default()
        };
        self.rtcp(index, vec![Box::new(report)]);
    }

    pub(super) fn sender_reports(&self, index: usize) -> Vec<SenderReport> {
        let packets = self.clients[index].rtcp.iter();
        let packets = packets.flat_map(|packet| unmarshal(&mut &packet[..]).unwrap());
        packets.filter_map(|packet| packet.as_any().downcast_ref().cloned()).collect()
    }

    pub(super) fn numbers(&self, index: usize) -> Vec<u16> {
        let packets = self.clients[index].rtp.iter();
        packets.map(|(header, _)| header.sequence_number).collect()
    }

    /// Speaks for so long, a packet each 20 ms, the first one `sequence`.
    pub(super) fn talk(&mut self, index: usize, sequence: u16, duration: Duration) -> u16 {
        let count = u16::try_from(duration.as_millis() / 20).unwrap();
        for n in 0..count {
            let sequence = sequence.wrapping_add(n);
            self.speak(index, 5, sequence, u32::from(sequence) * 960);
            self.pass(20 * MS);
        }
        sequence.wrapping_add(count)
    }

    pub(super) fn summaries(&mut self) -> Vec<ListenerSummary> {
        let events = std::mem::take(&mut self.events);
        let summary = |event| match event {
            ForwarderEvent::ListenersHeard { stream, summary, .. } => {
                assert_eq!(stream, StreamKey(1));
                Some(summary)
            }
            _ => None,
        };
        events.into_iter().filter_map(summary).collect()
    }
}

#[test]
fn each_listener_gets_a_sender_report_soon_and_every_few_seconds_on_its_own_clock() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (early, _) = world.player(1);
    let next = world.talk(publisher, 0, 10_000 * MS);
    let (late, _) = world.player(1);
    world.talk(publisher, next, 10_000 * MS);
    assert!((6..=8).contains(&world.sender_reports(early).len()));
    for listener in [early, late] {
        let reports = world.sender_reports(listener);
        assert!(reports.len() >= 3);
        assert_eq!(reports[0].packet_count, 1, "with its first packet");
        assert_eq!(reports[0].rtp_time, world.clients[listener].rtp[0].0.timestamp);
        for pair in reports.windows(2) {
            let wall = (pair[1].ntp_time - pair[0].ntp_time) as f64 / f64::from(u32::MAX);
            let rtp = f64::from(pair[1].rtp_time.wrapping_sub(pair[0].rtp_time)) / 48_000.0;
            assert!((1.0..5.0).contains(&wall) && (wall - rtp).abs() < 0.001, "{wall} s, {rtp} s");
        }
    }
}

#[test]
fn the_round_trip_time_of_a_listener_is_measured_by_its_reports() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, _) = world.player(1);
    world.talk(publisher, 0, 500 * MS);
    world.now += 123 * MS;
    world.report(listener, 0, 500 * MS);
    world.talk(publisher, 25, 1_000 * MS);
    let summary = world.summaries().pop().unwrap();
    let median = summary.round_trip_ms.unwrap().median;
    assert!((122..=123).contains(&median), "{median}");
    assert_eq!((summary.listeners, summary.reporting), (1, 1));
}

#[test]
fn a_publisher_hears_of_the_worst_and_the_median_of_its_listeners_and_of_silent_ones() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let listeners: Vec<_> = (0..4).map(|_| world.player(1).0).collect();
    world.talk(publisher, 0, 2_000 * MS);
    assert!(world.summaries().is_empty(), "nobody reported");
    for (listener, lost) in listeners.iter().zip([0, 26, 128]) {
        world.report(*listener, lost, Duration::ZERO);
    }
    // One of them says which: runs of three and of one.
    let losses = RLEReportBlock {
        is_loss_rle: true,
        ssrc: world.clients[listeners[2]].server_ssrc.unwrap(),
        begin_seq: 10,
        end_seq: 25,
        chunks: vec![Chunk(0x8000 | 0b110_0011_1101_1111), Chunk(0)],
        ..RLEReportBlock::default()
    };
    let losses = ExtendedReport {
        sender_ssrc: 1,
        reports: vec![Box::new(losses)],
    };
    world.rtcp(listeners[2], vec![Box::new(losses)]);
    world.talk(publisher, 100, 1_000 * MS);
    let summary = world.summaries().pop().unwrap();
    assert_eq!((summary.listeners, summary.reporting), (4, 3));
    assert_eq!(summary.loss_permille, Some(Spread { worst: 500, median: 102 }));
    assert_eq!(summary.burst_tenths, Some(Spread { worst: 20, median: 20 }));
    // Reports grow old.
    world.talk(publisher, 150, 14_000 * MS);
    assert_eq!(world.summaries().pop().unwrap().reporting, 0);
}

#[test]
fn a_publisher_is_asked_for_what_it_lost_and_every_listener_gets_it_once() {
    let mut world = World::new();
    let (publisher, _) = world.nacking(Role::Publisher, 1);
    let (first, _) = world.player(1);
    let (second, _) = world.player(1);
    for sequence in [1, 2, 4, 5, 6] {
        world.speak(publisher, 5, sequence, u32::from(sequence) * 960);
        world.pass(20 * MS);
    }
    let asked: Vec<TransportLayerNack> = world.clients[publisher]
        .rtcp
        .iter()
        .flat_map(|packet| unmarshal(&mut &packet[..]).unwrap())
        .filter_map(|packet| packet.as_any().downcast_ref().cloned())
        .collect();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].media_ssrc, asked[0].nacks[0].packet_list()), (5, vec![3]));
    assert_eq!(world.counters().nacks_sent, 1);
    world.speak(publisher, 5, 3, 3 * 960);
    for listener in [first, second] {
        assert_eq!(world.heard(listener), [1, 2, 4, 5, 6, 3]);
        let numbers = world.numbers(listener);
        assert_eq!(numbers[5], numbers[1].wrapping_add(1), "in its place");
    }
    let plain = world.publisher(2).0;
    for sequence in [1, 2, 4, 5, 6] {
        world.speak(plain, 5, sequence, u32::from(sequence) * 960);
        world.pass(20 * MS);
    }
    assert_eq!(world.counters().nacks_sent, 1, "it did not negotiate it");
}

#[test]
fn the_leg_of_a_publisher_is_told_when_it_changes() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    world.talk(publisher, 0, 10_000 * MS);
    let legs = |world: &mut World| -> Vec<PublisherLeg> {
        let events = std::mem::take(&mut world.events);
        let leg = |event| match event {
            ForwarderEvent::PublisherMeasured { leg, .. } => Some(leg),
            _ => None,
        };
        events.into_iter().filter_map(leg).collect()
    };
    let told = legs(&mut world);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].loss_permille, told[0].jitter_ms), (0, 0));
    for n in 500..1_000u16 {
        if n % 10 != 0 {
            world.speak(publisher, 5, n, u32::from(n) * 960);
        }
        world.pass(20 * MS);
    }
    let told = legs(&mut world);
    assert!((1..=5).contains(&told.len()), "{told:?}");
    let loss = told.last().unwrap().loss_permille;
    assert!((70..=100).contains(&loss), "{loss}");
}

#[test]
fn a_goodbye_of_a_publisher_or_a_listener_is_counted_and_ends_nothing() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, peer) = world.player(1);
    world.speak(publisher, 5, 1, 0);
    for index in [publisher, listener] {
        let bye = Goodbye {
            sources: vec![5],
            reason: bytes::Bytes::new(),
        };
        world.rtcp(index, vec![Box::new(ReceiverReport::default()), Box::new(bye)]);
    }
    assert_eq!(world.counters().goodbyes_received, 2);
    world.speak(publisher, 5, 2, 960);
    assert_eq!(world.heard(listener), [1, 2]);
    let goodbyes = |world: &World| {
        let packets = world.clients[listener].rtcp.iter();
        let packets = packets.flat_map(|packet| unmarshal(&mut &packet[..]).unwrap());
        packets.filter(|packet| packet.as_any().is::<Goodbye>()).count()
    };
    assert_eq!(goodbyes(&world), 0, "the stream may come back");
    world.command(Command::Remove(peer));
    assert_eq!(goodbyes(&world), 1);
}
