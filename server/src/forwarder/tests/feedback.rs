//! What flows back: NACKs and their answers, reports of listeners, sender reports, what publishers are asked for.

use std::time::Duration;

use dimpl::SrtpProfile;
use proptest::prelude::*;
use rtc_rtcp::extended_report::{Chunk, ExtendedReport, RLEReportBlock};
use rtc_rtcp::goodbye::Goodbye;
use rtc_rtcp::packet::{Packet, marshal, unmarshal};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc_rtp::header::Header;
use rtc_shared::marshal::Marshal;

use super::super::core::Command;
use super::super::sdp::Role;
use super::super::srtp::{SrtpKeys, SrtpSession};
use super::super::summary::{ListenerSummary, Spread};
use super::super::{ForwarderEvent, PeerId, PublisherLeg, StreamKey};
use super::client::USUAL;
use super::world::World;

const MS: Duration = Duration::from_millis(1);

impl World {
    fn nacking(&mut self, role: Role, key: u64) -> (usize, PeerId) {
        let (index, id) = self.add_with_nack(role, key, USUAL);
        self.connect(index);
        assert!(self.clients[index].connected);
        (index, id)
    }

    fn rtcp(&mut self, index: usize, packets: Vec<Box<dyn Packet>>) {
        let packet = marshal(&packets).unwrap();
        let packet = self.clients[index].rtcp_packet(&packet);
        self.send(index, &packet);
    }

    fn ask_again(&mut self, index: usize, numbers: &[u16]) {
        let nack = TransportLayerNack {
            sender_ssrc: 1,
            media_ssrc: self.clients[index].server_ssrc.unwrap(),
            nacks: numbers.iter().copied().map(NackPair::new).collect(),
        };
        self.rtcp(index, vec![Box::new(nack)]);
    }

    /// A receiver report about what this listener is sent, in answer to its last sender report.
    fn report(&mut self, index: usize, fraction_lost: u8, held: Duration) {
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

    fn sender_reports(&self, index: usize) -> Vec<SenderReport> {
        let packets = self.clients[index].rtcp.iter();
        let packets = packets.flat_map(|packet| unmarshal(&mut &packet[..]).unwrap());
        packets.filter_map(|packet| packet.as_any().downcast_ref().cloned()).collect()
    }

    fn numbers(&self, index: usize) -> Vec<u16> {
        let packets = self.clients[index].rtp.iter();
        packets.map(|(header, _)| header.sequence_number).collect()
    }

    /// Speaks for so long, a packet each 20 ms, the first one `sequence`.
    fn talk(&mut self, index: usize, sequence: u16, duration: Duration) -> u16 {
        let count = u16::try_from(duration.as_millis() / 20).unwrap();
        for n in 0..count {
            let sequence = sequence.wrapping_add(n);
            self.speak(index, 5, sequence, u32::from(sequence) * 960);
            self.pass(20 * MS);
        }
        sequence.wrapping_add(count)
    }

    fn summaries(&mut self) -> Vec<ListenerSummary> {
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

    /// What a client is sent when one sends `datagram`, as it is on the wire.
    fn wire(&mut self, from: usize, to: usize, datagram: &[u8]) -> Vec<Vec<u8>> {
        let (from, to) = (self.clients[from].address, self.clients[to].address);
        self.core.handle(datagram, from.into(), self.now);
        let mut sent = Vec::new();
        while let Some(transmit) = self.poll_transmit() {
            let is_rtp = !matches!(transmit.data[1], 192..=223);
            if transmit.to == to && is_rtp {
                sent.push(transmit.data);
            }
        }
        sent
    }
}

#[test]
fn a_listener_that_asks_again_gets_the_packet_once_and_nobody_else_does() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, _) = world.nacking(Role::Player, 1);
    let (other, _) = world.nacking(Role::Player, 1);
    for n in 0..10 {
        world.speak(publisher, 5, n, u32::from(n) * 960);
    }
    let numbers = world.numbers(listener);
    world.ask_again(listener, &[numbers[3], numbers[4], numbers[3]]);
    assert_eq!(world.heard(listener)[10..], [3, 4]);
    assert_eq!(world.clients[listener].rtp[3], world.clients[listener].rtp[10]);
    assert_eq!(world.heard(other).len(), 10);
    let counters = world.counters();
    assert_eq!((counters.nacks_received, counters.nacked_packets), (1, 3));
    assert_eq!(
        (counters.retransmitted, counters.nack_refused, counters.nack_too_old),
        (2, 1, 0)
    );
    // A round trip later it may ask once more.
    world.now += 20 * MS;
    world.ask_again(listener, &[numbers[3]]);
    assert_eq!(world.heard(listener).len(), 13);
}

#[test]
fn who_did_not_negotiate_it_is_paused_or_asks_for_what_is_gone_gets_nothing() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (plain, _) = world.player(1);
    let (listener, peer) = world.nacking(Role::Player, 1);
    for n in 0..80 {
        world.speak(publisher, 5, n, u32::from(n) * 960);
    }
    let numbers = world.numbers(listener);
    let first_of_plain = world.numbers(plain)[79];
    world.ask_again(plain, &[first_of_plain]);
    assert_eq!(world.counters().nack_refused, 1);
    // Forgotten, never sent, about somebody else's stream.
    world.ask_again(
        listener,
        &[numbers[15], numbers[79].wrapping_add(1), numbers[0].wrapping_sub(1)],
    );
    assert_eq!(world.counters().nack_too_old, 3);
    let foreign = TransportLayerNack {
        sender_ssrc: 1,
        media_ssrc: 77,
        nacks: vec![NackPair::new(numbers[79])],
    };
    world.rtcp(listener, vec![Box::new(foreign)]);
    world.command(Command::SetPaused(peer, true));
    world.ask_again(listener, &[numbers[79]]);
    world.command(Command::SetPaused(peer, false));
    world.speak(publisher, 5, 80, 80 * 960);
    // From before the pause.
    world.ask_again(listener, &[numbers[79]]);
    assert_eq!(world.counters().retransmitted, 0);
    assert_eq!(world.heard(listener).len(), 81);
    let again = world.numbers(listener)[80];
    world.ask_again(listener, &[again]);
    assert_eq!(world.heard(listener)[81..], [80]);
}

#[test]
fn numbers_of_a_publisher_that_restarted_are_not_taken_for_those_of_the_new_one() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, _) = world.nacking(Role::Player, 1);
    for n in 0..5 {
        world.speak(publisher, 5, n, u32::from(n) * 960);
    }
    let (again, _) = world.publisher(1);
    for n in 0..5 {
        world.speak(again, 6, n, u32::from(n) * 960);
    }
    let numbers = world.numbers(listener);
    world.ask_again(listener, &numbers);
    assert_eq!(world.heard(listener)[10..], [0, 1, 2, 3, 4]);
    assert_eq!(world.counters().nack_too_old, 5);
}

#[test]
fn a_storm_of_nacks_costs_a_quarter_of_the_stream_and_no_other_listener_anything() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (stormy, _) = world.nacking(Role::Player, 1);
    let (calm, _) = world.nacking(Role::Player, 1);
    for n in 0..400u16 {
        world.speak(publisher, 5, n, u32::from(n) * 960);
        let newest = *world.numbers(stormy).last().unwrap();
        let all: Vec<_> = (0..200).map(|back| newest.wrapping_sub(back)).collect();
        world.ask_again(stormy, &all);
        world.pass(20 * MS);
    }
    let counters = world.counters();
    assert!(counters.retransmitted <= 100 + 20, "{}", counters.retransmitted);
    assert!(counters.retransmitted >= 90, "{}", counters.retransmitted);
    assert_eq!(
        counters.nacked_packets,
        counters.retransmitted + counters.nack_refused + counters.nack_too_old
    );
    assert_eq!(world.heard(calm), (0..400).collect::<Vec<_>>());
}

#[test]
fn under_every_profile_a_number_is_sealed_the_same_each_time_also_around_the_wrap() {
    for profile in SrtpProfile::ALL {
        let material: Vec<u8> = (0..profile.keying_material_len()).map(|n| n as u8).collect();
        let mut session = SrtpSession::new(SrtpKeys::from_exporter(&material, *profile).unwrap()).unwrap();
        let mut seal = |sequence_number: u16| {
            let header = Header {
                version: 2,
                ssrc: 9,
                sequence_number,
                ..Header::default()
            };
            let packet = [&header.marshal().unwrap()[..], &sequence_number.to_be_bytes()].concat();
            session.protect_rtp(&packet, &header).unwrap().to_vec()
        };
        let mut sealed: Vec<(u16, Vec<u8>)> = Vec::new();
        for n in (30_000..=u16::MAX).chain(0..200) {
            sealed.push((n, seal(n)));
            if n > 65_400 || n < 200 {
                for (older, bytes) in sealed[sealed.len() - 64..].iter().step_by(9) {
                    assert_eq!(seal(*older), *bytes, "{profile}: {older} after {n}");
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// The next packet, or one that was left out before.
    Speak {
        late: bool,
        marker: bool,
    },
    LeaveOut,
    Pause,
    Restart,
    Again(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), any::<bool>()).prop_map(|(late, marker)| Step::Speak { late, marker }),
        1 => Just(Step::LeaveOut),
        1 => Just(Step::Pause),
        1 => Just(Step::Restart),
        6 => (0u16..70).prop_map(Step::Again),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// With GCM two packets under one number would give the key away.
    #[test]
    fn what_is_sent_under_one_number_is_the_same_bits_whatever_happens(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        let (publisher, _) = world.publisher(1);
        let (listener, peer) = world.nacking(Role::Player, 1);
        let (mut ssrc, mut next) = (5, 100u16);
        let mut left_out = Vec::new();
        let mut seen: std::collections::HashMap<u16, Vec<u8>> = std::collections::HashMap::new();
        let mut newest = 0u16;
        for step in steps {
            world.now += 25 * MS;
            let mut datagram = None;
            match step {
                Step::Speak { late, marker } => {
                    let sequence = match left_out.pop().filter(|_| late) {
                        Some(sequence) => sequence,
                        None => {
                            next += 1;
                            next
                        }
                    };
                    let payload = [marker as u8; 40];
                    let level: &[u8] = if marker { &[0x10, 0x85] } else { &[] };
                    datagram = Some((publisher, world.clients[publisher].rtp_packet((ssrc, sequence, u32::from(sequence) * 960), level, &payload)));
                }
                Step::LeaveOut => {
                    next += 1;
                    left_out.push(next);
                }
                Step::Pause => {
                    world.command(Command::SetPaused(peer, true));
                    world.command(Command::SetPaused(peer, false));
                }
                Step::Restart if ssrc < 10 => {
                    ssrc += 1;
                    left_out.clear();
                }
                Step::Restart => {}
                Step::Again(back) => {
                    let nack = TransportLayerNack {
                        sender_ssrc: 1,
                        media_ssrc: world.clients[listener].server_ssrc.unwrap(),
                        nacks: vec![NackPair::new(newest.wrapping_sub(back))],
                    };
                    datagram = Some((listener, world.clients[listener].rtcp_packet(&nack.marshal().unwrap())));
                }
            }
            let Some((from, datagram)) = datagram else { continue };
            for packet in world.wire(from, listener, &datagram) {
                let number = u16::from_be_bytes([packet[2], packet[3]]);
                newest = number;
                if let Some(before) = seen.get(&number) {
                    prop_assert_eq!(before, &packet, "number {}", number);
                }
                seen.insert(number, packet);
            }
        }
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
