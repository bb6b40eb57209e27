//! RED of publishers: passed on, taken away, and what it repairs.

use std::time::Duration;

use express_messages::red;
use proptest::prelude::*;

use super::super::ForwarderEvent;
use super::super::ForwarderLimits;
use super::super::sdp::Role;
use super::super::summary::Uplink;
use super::protection::{WITH_RED, frame};
use super::world::{World, limits};

const MS: Duration = Duration::from_millis(1);

/// The RED payload of frame `sequence` with copies at these distances.
fn payload(sequence: u16, distances: &[u16]) -> Vec<u8> {
    let frames: Vec<_> = distances
        .iter()
        .rev()
        .map(|distance| (*distance, frame(sequence - distance)))
        .collect();
    let mut payload = Vec::new();
    for (distance, copy) in &frames {
        payload.extend(red::copy_header(111, u32::from(*distance) * 960, copy.len()).unwrap());
    }
    payload.extend(red::own_header(111));
    frames.iter().for_each(|(_, copy)| payload.extend(copy));
    payload.extend(frame(sequence));
    payload
}

impl World {
    fn red_publisher(&mut self, key: u64) -> usize {
        self.join(Role::Publisher, key, WITH_RED).0
    }

    fn say_red(&mut self, publisher: usize, sequence: u16, payload: &[u8]) {
        let names = (5, sequence, u32::from(sequence) * 960);
        let packet = self.clients[publisher].rtp_as(63, names, &[0x10, 0x85], payload, 0);
        self.send(publisher, &packet);
        self.pass(20 * MS);
    }

    fn own_numbers(&self, index: usize) -> Vec<u16> {
        self.found(index, 0).iter().map(|found| found.own).collect()
    }
}

#[test]
fn red_passes_unchanged_to_who_has_it_and_the_frame_alone_to_who_has_not() {
    let mut world = World::new();
    let publisher = world.red_publisher(1);
    let (with, _) = world.red_player(1);
    let (without, _) = world.player(1);
    for sequence in 10..20 {
        world.say_red(publisher, sequence, &payload(sequence, &[1, 3]));
    }
    for sequence in 10..20u16 {
        let at = usize::from(sequence - 10);
        let (header, red) = &world.clients[with].rtp[at];
        assert_eq!((header.payload_type, red), (63, &payload(sequence, &[1, 3])));
        let (header, plain) = &world.clients[without].rtp[at];
        assert_eq!((header.payload_type, plain), (111, &frame(sequence)));
    }
    assert_eq!(world.counters().rtp_repaired, 0);
}

#[test]
fn what_the_publisher_lost_reaches_everybody_out_of_its_copies_under_its_own_number() {
    let mut world = World::new();
    let publisher = world.red_publisher(1);
    let (with, _) = world.red_player(1);
    let (without, _) = world.player(1);
    for sequence in [10, 11, 14, 15, 16] {
        world.say_red(publisher, sequence, &payload(sequence, &[2]));
    }
    for listener in [with, without] {
        assert_eq!(world.own_numbers(listener), [10, 11, 12, 14, 13, 15, 16]);
        let first = &world.clients[listener].rtp[0].0;
        for (header, own) in world.clients[listener]
            .rtp
            .iter()
            .map(|(header, _)| header)
            .zip(world.own_numbers(listener))
        {
            let distance = own - 10;
            assert_eq!(header.sequence_number, first.sequence_number.wrapping_add(distance));
            assert_eq!(header.timestamp, first.timestamp.wrapping_add(u32::from(distance) * 960));
        }
    }
    assert_eq!(world.clients[without].rtp[2].1, frame(12));
    assert_eq!(world.counters().rtp_repaired, 2);
    // The packet itself comes after all: its number is taken.
    world.say_red(publisher, 12, &payload(12, &[2]));
    assert_eq!(world.own_numbers(without).len(), 7);
    assert_eq!(world.clients[without].refused + world.clients[with].refused, 0);
}

#[test]
fn a_repaired_frame_is_copied_for_a_listener_that_loses_packets_and_red_that_covers_as_much_is_left_as_it_is() {
    let mut world = World::new();
    let publisher = world.red_publisher(1);
    let (listener, _) = world.red_player(1);
    for sequence in 10..110u16 {
        let copies: &[u16] = if sequence >= 105 { &[1, 3] } else { &[2] };
        if sequence % 10 != 6 {
            world.say_red(publisher, sequence, &payload(sequence, copies));
        }
        if sequence % 25 == 0 {
            world.report(listener, 70, Duration::ZERO);
        }
    }
    let found = world.found(listener, 0);
    let of = |own: u16| found.iter().find(|found| found.own == own).unwrap();
    assert_eq!(of(99).copies, [(2_880, 96), (960, 98)], "96 came as a copy alone");
    let last = &world.clients[listener].rtp.last().unwrap().1;
    assert_eq!(last, &payload(109, &[1, 3]));
}

#[test]
fn copies_of_frames_before_a_packet_that_is_no_repair_change_nothing_and_count_as_packets_of_their_publisher() {
    let mut world = World::with(ForwarderLimits {
        publisher_packets: 50,
        ..limits()
    });
    let publisher = world.red_publisher(1);
    let (listener, _) = world.player(1);
    for sequence in (20..2_000u16).step_by(10) {
        let names = (5, sequence, u32::from(sequence) * 960);
        let red = payload(sequence, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let packet = world.clients[publisher].rtp_as(63, names, &[], &red, 0);
        world.send(publisher, &packet);
    }
    assert!(
        world.clients[listener].rtp.len() <= 101,
        "{}",
        world.clients[listener].rtp.len()
    );
    assert!(world.counters().rtp_flooding > 100);
}

#[test]
fn loss_on_the_way_to_us_is_told_every_500_ms_as_it_was_before_repairs() {
    let mut world = World::new();
    let publisher = world.red_publisher(1);
    world.player(1);
    let uplinks = |world: &mut World| {
        let events = std::mem::take(&mut world.events).into_iter();
        let uplinks = events.filter_map(|event| match event {
            ForwarderEvent::UplinkMeasured { uplink, .. } => Some(uplink),
            _ => None,
        });
        uplinks.collect::<Vec<_>>()
    };
    for sequence in 10..110 {
        world.say_red(publisher, sequence, &payload(sequence, &[2]));
    }
    assert_eq!(uplinks(&mut world), [Uplink::default()], "once");
    for sequence in (110..210).filter(|sequence| sequence % 10 < 8) {
        world.say_red(publisher, sequence, &payload(sequence, &[2]));
        if sequence % 10 == 7 {
            world.pass(40 * MS);
        }
    }
    let told = uplinks(&mut world);
    assert_eq!(told.len(), 4);
    for uplink in &told[1..] {
        assert!((150..=260).contains(&uplink.loss_permille), "{uplink:?}");
        assert_eq!(uplink.burst_tenths, Some(20));
    }
    world.pass(2_000 * MS);
    assert_eq!(uplinks(&mut world).last(), Some(&Uplink::default()), "and when it is over");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a publisher calls RED: no panic, no packet that does not decrypt or has a number twice, nothing else stops.
    #[test]
    fn hostile_red_harms_nobody(
        packets in prop::collection::vec(
            (prop::collection::vec((any::<bool>(), 0u32..16_384, 0usize..1_024), 0..18), 0usize..200, 0u16..40, any::<bool>()),
            1..40,
        ),
    ) {
        let mut world = World::new();
        let publisher = world.red_publisher(1);
        let (with, _) = world.red_player(1);
        let (without, _) = world.player(1);
        let mut sequence = 100u16;
        for (blocks, length, step, is_opus) in packets {
            sequence += step;
            let mut red = Vec::new();
            for (of_opus, offset, length) in blocks {
                let kind = if of_opus { 111 } else { 9 };
                red.extend(red::copy_header(kind, offset, length).unwrap());
            }
            red.extend(red::own_header(if is_opus { 111 } else { 9 }));
            red.extend(vec![0x78; length]);
            if !red.is_empty() {
                world.say_red(publisher, sequence, &red);
            }
            world.report(with, 60, Duration::ZERO);
        }
        world.say(publisher, sequence + 1);
        for listener in [with, without] {
            let client = &world.clients[listener];
            prop_assert_eq!(client.refused, 0);
            let numbers = world.numbers(listener);
            let distinct: std::collections::HashSet<_> = numbers.iter().collect();
            prop_assert_eq!(distinct.len(), numbers.len());
            prop_assert!(!client.rtp.is_empty());
        }
    }
}
