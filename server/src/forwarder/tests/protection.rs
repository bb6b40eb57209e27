//! Copies for listeners that lose packets: who gets which, from when to when, and that nobody else notices.

use std::time::Duration;

use express_messages::red;
use rtc_rtcp::extended_report::{Chunk, ExtendedReport, RLEReportBlock};
use rtc_shared::marshal::Marshal;

use super::super::core::Command;
use super::super::sdp::Role;
use super::super::{ForwarderEvent, ForwarderLimits, PeerId};
use super::client::{Numbers, USUAL};
use super::shards::Shards;
use super::world::{World, limits};

const MS: Duration = Duration::from_millis(1);
pub(super) const WITH_RED: Numbers = Numbers { red: Some(63), ..USUAL };
/// 20 %, in 256ths.
pub(super) const FIFTH: u8 = 51;

/// The frame of packet `sequence`: 20 ms of Opus by its first byte.
pub(super) fn frame(sequence: u16) -> Vec<u8> {
    [&[0x78], &sequence.to_be_bytes()[..], b"speech"].concat()
}

/// What a listener found in one packet: the numbers of frames.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) own: u16,
    /// Age in ticks and the frame's number, the oldest first.
    pub(super) copies: Vec<(u32, u16)>,
}

impl World {
    /// A player that takes RED.
    pub(super) fn red_player(&mut self, key: u64) -> (usize, PeerId) {
        self.join(Role::Player, key, WITH_RED)
    }

    /// The same that asks for packets again, too.
    pub(super) fn nacking_with_red(&mut self, key: u64) -> (usize, PeerId) {
        let (index, id) = self.add_with_nack(Role::Player, key, WITH_RED);
        self.connect(index);
        (index, id)
    }

    /// One packet of Opus, and 20 ms.
    pub(super) fn say(&mut self, publisher: usize, sequence: u16) {
        let names = (5, sequence, u32::from(sequence) * 960);
        let packet = self.clients[publisher].rtp_packet(names, &[0x10, 0x85], &frame(sequence));
        self.send(publisher, &packet);
        self.pass(20 * MS);
    }

    /// The same, several times.
    pub(super) fn say_all(&mut self, publisher: usize, sequences: std::ops::Range<u16>) {
        sequences.for_each(|sequence| self.say(publisher, sequence));
    }

    /// What a client got from its packet `from` on.
    pub(super) fn found(&self, index: usize, from: usize) -> Vec<Found> {
        let client = &self.clients[index];
        let number = |frame: &[u8]| u16::from_be_bytes([frame[1], frame[2]]);
        let packets = client.rtp[from..].iter();
        packets
            .map(|(header, payload)| {
                if Some(header.payload_type) != client.numbers.red {
                    return Found {
                        own: number(payload),
                        copies: Vec::new(),
                    };
                }
                let blocks = red::read(payload).unwrap();
                Found {
                    own: number(blocks.own().data),
                    copies: blocks.map(|copy| (copy.offset, number(copy.data))).collect(),
                }
            })
            .collect()
    }

    /// The distances of the copies in a client's last packet, by their ages, checked against the frames.
    pub(super) fn distances(&self, index: usize) -> Vec<u8> {
        let last = self.clients[index].rtp.len() - 1;
        let found = &self.found(index, last)[0];
        let distances = found.copies.iter().rev().map(|(age, number)| {
            assert_eq!(*age, u32::from(found.own - number) * 960, "{found:?}");
            u8::try_from(age / 960).unwrap()
        });
        distances.collect()
    }

    /// A loss report of runs: received, lost, received, and so on. RFC 3611 §4.1.1.
    fn tell_runs(&mut self, index: usize, spans: &[u16]) {
        let chunks = spans.iter().zip([0x4000, 0].into_iter().cycle());
        let chunks = chunks.map(|(length, kind)| Chunk(kind | length));
        // A block has whole words: RFC 3611 §4.1.3.
        let padding = (spans.len() % 2 == 1).then_some(Chunk(0));
        let losses = RLEReportBlock {
            is_loss_rle: true,
            ssrc: self.clients[index].server_ssrc.unwrap(),
            begin_seq: 1,
            end_seq: 1 + spans.iter().sum::<u16>(),
            chunks: chunks.chain(padding).collect(),
            ..RLEReportBlock::default()
        };
        let losses = ExtendedReport {
            sender_ssrc: 1,
            reports: vec![Box::new(losses)],
        };
        self.rtcp(index, vec![Box::new(losses)]);
    }

    /// Speaks on for so many seconds; this listener reports so much loss every 500 ms.
    fn say_with_loss(&mut self, publisher: usize, listener: usize, from: u16, seconds: u16, lost: u8) -> u16 {
        let mut next = from;
        for _ in 0..seconds * 2 {
            self.say_all(publisher, next..next + 25);
            next += 25;
            self.report(listener, lost, Duration::ZERO);
        }
        next
    }

    fn copies_told(&mut self) -> Vec<(PeerId, Vec<u8>)> {
        let events = std::mem::take(&mut self.events).into_iter();
        let told = events.filter_map(|event| match event {
            ForwarderEvent::CopiesChanged { peer, copies } => Some((peer, copies.distances().collect())),
            _ => None,
        });
        told.collect()
    }
}

#[test]
fn one_lossy_listener_gets_copies_and_the_nine_others_get_the_same_packets_as_without_it() {
    let run = |lost: u8| {
        let mut world = World::new();
        let (publisher, _) = world.publisher(1);
        let listeners: Vec<_> = (0..10).map(|_| world.red_player(1)).collect();
        let next = world.say_with_loss(publisher, listeners[0].0, 0, 2, 0);
        world.say_with_loss(publisher, listeners[0].0, next, 3, lost);
        (world, listeners)
    };
    let (mut lossy, listeners) = run(FIFTH);
    let (clean, _) = run(0);
    assert_eq!(lossy.distances(listeners[0].0), [1, 3]);
    let told = lossy.copies_told();
    assert!(told.iter().all(|(peer, _)| *peer == listeners[0].1));
    assert_eq!(told.last().unwrap().1, [1, 3]);
    for (index, _) in &listeners[1..] {
        let packets = |world: &World| {
            let packets = world.clients[*index].rtp.iter();
            packets
                .map(|(header, payload)| (header.marshal().unwrap(), payload.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(packets(&lossy), packets(&clean));
    }
    let counters = lossy.counters();
    assert_eq!((counters.protection_begun, counters.protection_ended), (1, 0));
    assert!(counters.copies_sent >= 100, "{counters:?}");
    assert_eq!(counters.bytes_copied, counters.copies_sent * (4 + 9));
}

#[test]
fn the_first_report_of_loss_brings_copies_and_a_single_lost_packet_or_a_client_without_red_gets_none() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, peer) = world.red_player(1);
    let (single, _) = world.red_player(1);
    let (plain, _) = world.player(1);
    world.say_all(publisher, 0..25);
    world.report(single, 10, Duration::ZERO);
    world.report(plain, FIFTH, Duration::ZERO);
    assert_eq!(world.copies_told(), []);
    world.report(listener, FIFTH, Duration::ZERO);
    assert_eq!(world.copies_told(), [(peer, vec![1, 3])]);
    world.say_all(publisher, 25..30);
    assert_eq!(world.distances(listener), [1, 3]);
    assert!(world.distances(single).is_empty());
    assert_eq!(world.found(plain, 29)[0].copies, []);
    assert_eq!(world.clients[plain].rtp[29].0.payload_type, 111);
}

#[test]
fn distances_go_by_how_packets_are_lost() {
    // Spans of received and lost packets, a loss in 256ths, and the distances.
    let single: &[u16] = &[5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5];
    let table: [(&[u16], u8, &[u8]); 5] = [
        (single, 20, &[2]),
        (single, FIFTH, &[2, 4]),
        (&[20, 4, 20, 4, 20], 20, &[4]),
        (&[20, 4, 20, 4, 20], FIFTH, &[2, 4]),
        (&[20, 4, 20, 4, 20], 2, &[]),
    ];
    for (spans, lost, distances) in table {
        let mut world = World::new();
        let (publisher, _) = world.publisher(1);
        let (listener, _) = world.red_player(1);
        world.say_all(publisher, 0..25);
        world.tell_runs(listener, spans);
        world.say_with_loss(publisher, listener, 25, 4, lost);
        assert_eq!(world.distances(listener), distances, "{spans:?} {lost}");
    }
}

#[test]
fn copies_end_30_s_after_the_loss_also_for_a_listener_that_reports_no_more() {
    for reports in [true, false] {
        let mut world = World::new();
        let (publisher, _) = world.publisher(1);
        let (listener, _) = world.red_player(1);
        let mut next = world.say_with_loss(publisher, listener, 0, 3, FIFTH);
        for second in 0..29 {
            world.say_all(publisher, next..next + 50);
            next += 50;
            if reports {
                world.report(listener, 0, Duration::ZERO);
            }
            assert!(!world.distances(listener).is_empty(), "second {second}");
        }
        world.say_all(publisher, next..next + 100);
        assert!(world.distances(listener).is_empty());
        assert_eq!(world.copies_told().last().unwrap().1, [0; 0]);
        assert_eq!(world.counters().protection_ended, 1);
    }
}

#[test]
fn a_copy_is_not_made_of_another_source_over_silence_or_of_a_packet_that_did_not_come() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, _) = world.red_player(1);
    world.say_with_loss(publisher, listener, 0, 3, FIFTH);
    for sequence in [150, 151, 153, 154, 155, 156] {
        world.say(publisher, sequence);
    }
    let copied = |found: &Found| found.copies.iter().map(|(_, number)| *number).collect::<Vec<_>>();
    let last: Vec<_> = world.found(listener, 152).iter().map(copied).collect();
    assert_eq!(last, [vec![150], vec![151, 153], vec![154], vec![153, 155]], "152 is nowhere");
    // Half a second of silence, and its first packet.
    let names = (5, 157, 156 * 960 + 24_000);
    let packet = world.clients[publisher].rtp_packet(names, &[], &frame(157));
    world.send(publisher, &packet);
    assert!(
        world.distances(listener).is_empty(),
        "nobody misses what was before the silence"
    );
    let names = (6, 1, 960);
    let packet = world.clients[publisher].rtp_packet(names, &[], &frame(1));
    world.send(publisher, &packet);
    assert!(world.distances(listener).is_empty(), "of another source");
}

#[test]
fn copies_stay_within_the_budget_and_what_is_left_out_is_counted() {
    // A frame has 9 bytes, a copy 13: 5.2 kbit/s.
    let table: [(u32, &[u8], u64); 3] = [(10, &[3], 1), (11, &[1, 3], 0), (0, &[], 0)];
    for (protection_kbit, distances, thinned) in table {
        let mut world = World::with(ForwarderLimits {
            protection_kbit,
            ..limits()
        });
        let (publisher, _) = world.publisher(1);
        let (listener, _) = world.nacking_with_red(1);
        world.say_with_loss(publisher, listener, 0, 4, FIFTH);
        assert_eq!(world.distances(listener), distances, "{protection_kbit}");
        assert_eq!(world.counters().protection_thinned, thinned, "{protection_kbit}");
    }
}

#[test]
fn copies_that_fill_the_link_are_taken_away() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, _) = world.red_player(1);
    let mut next = world.say_with_loss(publisher, listener, 0, 4, 20);
    assert!(!world.distances(listener).is_empty());
    for _ in 0..4 {
        world.say_all(publisher, next..next + 25);
        next += 25;
        // Held no time, the last sender report seems to have come back that much later.
        world.now += 300 * MS;
        world.report(listener, 128, Duration::ZERO);
    }
    world.say_all(publisher, next..next + 2);
    assert!(world.distances(listener).is_empty());
    assert_eq!(world.counters().protection_withdrawn, 1);
}

#[test]
fn a_packet_with_copies_is_sent_again_with_the_same_ones_or_not_at_all() {
    let mut world = World::new();
    let (publisher, _) = world.publisher(1);
    let (listener, _) = world.nacking_with_red(1);
    let next = world.say_with_loss(publisher, listener, 0, 3, FIFTH);
    let numbers = world.numbers(listener);
    let last = *numbers.last().unwrap();
    // The copy that it lacked comes late; what was sent stays as it was.
    world.say(publisher, next + 1);
    world.say(publisher, next);
    let before = world.clients[listener].rtp.len();
    let asked = [last, last.wrapping_add(2), last.wrapping_add(1)];
    world.ask_again(listener, &asked);
    let client = &world.clients[listener];
    assert_eq!(client.rtp.len(), before + 3);
    for (again, number) in client.rtp[before..].iter().zip(asked) {
        let first = client.rtp.iter().find(|(header, _)| header.sequence_number == number);
        assert_eq!(Some(again), first);
    }
    assert_eq!(client.refused, 0);
}

#[test]
fn a_listener_on_another_shard_is_protected_there_and_one_that_leaves_is_forgotten() {
    let mut shards = Shards::new(2);
    let (publisher, _) = shards.publisher(1);
    let (listener, peer) = shards.0[1].red_player(1);
    shards.cross();
    for sequence in 0..100u16 {
        let names = (5, sequence, u32::from(sequence) * 960);
        let packet = shards.0[0].clients[publisher].rtp_packet(names, &[], &frame(sequence));
        shards.0[0].send(publisher, &packet);
        shards.cross();
        for world in &mut shards.0 {
            world.pass(20 * MS);
        }
        if sequence % 25 == 24 {
            shards.0[1].report(listener, FIFTH, Duration::ZERO);
        }
    }
    assert_eq!(shards.0[1].distances(listener), [1, 3]);
    assert_eq!(shards.0[0].counters().copies_sent, 0);
    let summaries = shards.0[1].summaries();
    assert_eq!(summaries.last().unwrap().copying, 1);
    shards.command(1, Command::Remove(peer));
    let counters = shards.0[1].counters();
    assert_eq!((counters.protection_begun, counters.protection_ended), (1, 1));
    assert!(shards.0[1].core.is_empty());
}
