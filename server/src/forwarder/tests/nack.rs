//! Packets that a listener asks for again: each once, the same bits, within a budget.

use std::collections::HashMap;
use std::time::Duration;

use dimpl::SrtpProfile;
use proptest::prelude::*;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc_rtp::header::Header;
use rtc_shared::marshal::Marshal;

use super::super::core::Command;
use super::super::sdp::Role;
use super::super::srtp::{SrtpKeys, SrtpSession};
use super::world::World;

const MS: Duration = Duration::from_millis(1);

impl World {
    /// What a client is sent when one sends `datagram`, as it is on the wire.
    pub(super) fn wire(&mut self, from: usize, to: usize, datagram: &[u8]) -> Vec<Vec<u8>> {
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

/// What went out under each number.
#[derive(Default)]
pub(super) struct SentNumbers {
    packets: HashMap<u16, Vec<u8>>,
    pub(super) newest: u16,
}

impl SentNumbers {
    /// Notes packets as they are on the wire: under one number always the same bits.
    pub(super) fn note(&mut self, packets: Vec<Vec<u8>>) -> Result<(), TestCaseError> {
        for packet in packets {
            let number = u16::from_be_bytes([packet[2], packet[3]]);
            self.newest = number;
            if let Some(before) = self.packets.get(&number) {
                prop_assert_eq!(before, &packet, "number {}", number);
            }
            self.packets.insert(number, packet);
        }
        Ok(())
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
        let session = SrtpSession::new(SrtpKeys::from_exporter(&material, *profile).unwrap()).unwrap();
        let mut sealer = session.sealer().unwrap();
        let mut seal = |index: u64| {
            let header = Header {
                version: 2,
                ssrc: 9,
                sequence_number: (index & 0xffff) as u16,
                ..Header::default()
            };
            let header = header.marshal().unwrap();
            let mut packet = [&header[..], &index.to_be_bytes()].concat();
            sealer.seal(&mut packet, 0, header.len(), 9, index).unwrap();
            packet
        };
        let mut sealed: Vec<(u64, Vec<u8>)> = Vec::new();
        for index in 30_000..65_736 {
            sealed.push((index, seal(index)));
            if index > 65_400 {
                for (older, bytes) in sealed[sealed.len() - 64..].iter().step_by(9) {
                    assert_eq!(seal(*older), *bytes, "{profile}: {older} after {index}");
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
        let mut sent = SentNumbers::default();
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
                    datagram = Some((listener, world.nack(listener, &[sent.newest.wrapping_sub(back)])));
                }
            }
            let Some((from, datagram)) = datagram else { continue };
            sent.note(world.wire(from, listener, &datagram))?;
        }
    }
}
