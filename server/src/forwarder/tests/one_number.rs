//! One number, one packet: with copies, repairs, late packets and retransmissions all at once.

use std::time::Duration;

use express_messages::red;
use proptest::prelude::*;

use super::super::core::Command;
use super::super::sdp::Role;
use super::client::USUAL;
use super::nack::SentNumbers;
use super::protection::{FIFTH, WITH_RED, frame};
use super::world::World;

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
enum Step {
    /// The next packet, or one that was left out before; by RED with a copy at some distance, or plain.
    Say {
        late: bool,
        copy: Option<u16>,
        length: usize,
    },
    LeaveOut,
    Pause,
    Restart,
    Report(u8),
    Again(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let copy = prop_oneof![2 => Just(None), 3 => (1u16..6).prop_map(Some)];
    prop_oneof![
        12 => (prop::bool::weighted(0.2), copy, 3usize..60).prop_map(|(late, copy, length)| Step::Say { late, copy, length }),
        3 => Just(Step::LeaveOut),
        1 => Just(Step::Pause),
        1 => Just(Step::Restart),
        4 => prop_oneof![Just(0), Just(20), Just(FIFTH), Just(128)].prop_map(Step::Report),
        8 => (0u16..70).prop_map(Step::Again),
    ]
}

/// A RED payload of frame `sequence` with a copy of an older one.
fn with_copy(sequence: u16, copy: u16, length: usize) -> Vec<u8> {
    let padded = |sequence: u16| {
        let mut frame = frame(sequence);
        frame.resize(length.max(3), sequence as u8);
        frame
    };
    let old = padded(sequence.wrapping_sub(copy));
    let mut payload = red::copy_header(111, u32::from(copy) * 960, old.len()).unwrap().to_vec();
    payload.extend(red::own_header(111));
    payload.extend(old);
    payload.extend(padded(sequence));
    payload
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With GCM two plaintexts under one number would give the key away.
    #[test]
    fn what_is_sent_under_one_number_is_the_same_bits_with_copies_repairs_and_late_packets(
        steps in prop::collection::vec(step(), 40..240),
        with_red in any::<bool>(),
    ) {
        let mut world = World::new();
        let (publisher, _) = world.join(Role::Publisher, 1, WITH_RED);
        let numbers = if with_red { WITH_RED } else { USUAL };
        let (listener, peer) = world.add_with_nack(Role::Player, 1, numbers);
        world.connect(listener);
        let (mut ssrc, mut next) = (5, 100u16);
        let mut left_out = Vec::new();
        let mut sent = SentNumbers::default();
        for step in steps {
            world.now += 50 * MS;
            let mut datagram = None;
            match step {
                Step::Say { late, copy, length } => {
                    let sequence = match left_out.pop().filter(|_| late) {
                        Some(sequence) => sequence,
                        None => {
                            next += 1;
                            next
                        }
                    };
                    let names = (ssrc, sequence, u32::from(sequence) * 960);
                    let client = &mut world.clients[publisher];
                    let packet = match copy {
                        Some(copy) => client.rtp_as(63, names, &[], &with_copy(sequence, copy, length), 0),
                        None => client.rtp_packet(names, &[0x10, 0x85], &frame(sequence)),
                    };
                    datagram = Some((publisher, packet));
                }
                Step::LeaveOut => {
                    next += 1;
                    left_out.push(next);
                }
                Step::Pause => {
                    world.command(Command::SetPaused(peer, true));
                    world.command(Command::SetPaused(peer, false));
                }
                Step::Restart if ssrc < 8 => {
                    ssrc += 1;
                    left_out.clear();
                }
                Step::Restart => {}
                Step::Report(lost) => world.report(listener, lost, Duration::ZERO),
                Step::Again(back) => {
                    datagram = Some((listener, world.nack(listener, &[sent.newest.wrapping_sub(back)])));
                }
            }
            let Some((from, datagram)) = datagram else { continue };
            sent.note(world.wire(from, listener, &datagram))?;
        }
    }
}
