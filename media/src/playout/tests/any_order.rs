//! Whatever comes in whatever order: exactly 10 ms come out, and the books balance.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use express_messages::{
    audio::AudioBlock,
    publisher::{EncoderOptions, FrameLength},
};
use proptest::prelude::*;

use super::sim::*;
use crate::{
    playout::{Playout, PlayoutOptions},
    rtp::{CopySet, RtpHeader, RtpPacketIn, SendPlan},
};

static PACKETS: LazyLock<Vec<Sent>> = LazyLock::new(|| {
    let encoder = EncoderOptions {
        bitrate_kbps: 20,
        ..Default::default()
    };
    let mut sent = send(&speech("jfk_male.wav")[..96_000], &encoder, rtp_start(1), 20);
    let stereo = EncoderOptions {
        channels: 2,
        dtx: true,
        ..Default::default()
    };
    sent.extend(send(&tone(300.0, 0.2, 1.0, 2), &stereo, rtp_start(1), 0));
    let plan = SendPlan {
        copies: CopySet::of(&[2]),
        dred_frames: 20,
        ..SendPlan::plain(64_000)
    };
    let short = EncoderOptions {
        frame: FrameLength::Ms10,
        ..Default::default()
    };
    sent.extend(send_planned(
        &speech("jfk_male.wav")[..48_000],
        &Default::default(),
        rtp_start(1),
        plan,
    ));
    sent.extend(send_planned(&speech("jfk_male.wav")[..48_000], &short, rtp_start(1), plan));
    sent
});

#[derive(Debug, Clone)]
enum Op {
    /// Packet `index` in its place, shifted by so many packets.
    Packet {
        index: usize,
        shift: i64,
        ssrc: u32,
    },
    /// A header of any kind with any bytes.
    Garbage {
        header: (bool, bool, u16, u32, u32),
        payload: Vec<u8>,
    },
    /// So many asks after so many ms.
    Ask {
        blocks: usize,
        after_ms: u64,
    },
    Pause(bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..300_usize, -3..4_i64, 1..3_u32).prop_map(|(index, shift, ssrc)| Op::Packet { index, shift, ssrc }),
        2 => (any::<(bool, bool, u16, u32, u32)>(), prop::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(header, payload)| Op::Garbage { header, payload }),
        8 => (0..4_usize, 0..40_u64).prop_map(|(blocks, after_ms)| Op::Ask { blocks, after_ms }),
        1 => any::<bool>().prop_map(Op::Pause),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_order_of_inserts_and_asks_is_survived(
        ops in prop::collection::vec(op(), 1..250),
        low_latency in any::<bool>(),
        target_ms in prop::option::of(1..5_000_u64),
    ) {
        let mut playout = Playout::new(PlayoutOptions {
            low_latency,
            jitter_buffer_target: target_ms.map(Duration::from_millis),
            ..PlayoutOptions::default()
        }).unwrap();
        let mut now = epoch();
        let mut out = AudioBlock::silent(1);
        let mut inserted = 0;
        for op in ops {
            match op {
                Op::Packet { index, shift, ssrc } => {
                    let mut packet = PACKETS[index].packet.clone();
                    packet.header.ssrc = ssrc;
                    packet.header.sequence_number = packet.header.sequence_number.wrapping_add(shift as u16);
                    packet.header.timestamp = packet.header.timestamp.wrapping_add((shift * 960) as u32);
                    playout.insert(packet, now);
                    inserted += 1;
                }
                Op::Garbage { header: (marker, ours, sequence_number, timestamp, ssrc), payload } => {
                    let payload_type = if ours { PAYLOAD_TYPE } else { 0 };
                    let header = RtpHeader { marker, payload_type, sequence_number, timestamp, ssrc: ssrc % 3 };
                    playout.insert(RtpPacketIn { header, payload: Bytes::from(payload) }, now);
                    inserted += 1;
                }
                Op::Ask { blocks, after_ms } => {
                    now += Duration::from_millis(after_ms);
                    for _ in 0..blocks {
                        playout.next_10ms(now, &mut out);
                        prop_assert_eq!(out.samples().len(), 480 * out.channels());
                        prop_assert!(out.samples().iter().all(|s| s.is_finite()));
                    }
                }
                Op::Pause(paused) => playout.set_paused(paused),
            }
            playout.drain_spent();
            let stats = playout.stats();
            prop_assert_eq!(stats.packets_received, inserted);
            assert_books_balance(&stats);
        }
    }
}

#[test]
fn two_runs_of_the_same_input_are_the_same() {
    let arrivals = deliver(&PACKETS[..100], |n| (n % 9 != 4).then_some(n as i64 * 37 % 11 * 3_000));
    let runs = [(); 2].map(|()| listen(options(), &arrivals, &every_10ms(2.0)));
    assert_eq!(runs[0].stats, runs[1].stats);
    assert_eq!(runs[0].samples, runs[1].samples);
}
