//! Proves that the pipelines of the pump's thread allocate nothing in steady state, whatever the network does.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use express_media::rtp::{
    CopySet, OPUS_PAYLOAD_TYPE, ReceiveOptions, RtpPacketIn, RtpStart, SendPipeline, SendPlan, receive_pipeline, send_pipeline,
};
use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink, Effort, PlayoutSource},
    publisher::EncoderOptions,
    testkit::{Counting, allocations},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// 10 s.
const TICKS: usize = 1_000;
const TICK: Duration = Duration::from_millis(10);

/// A voice of sorts: a tone that comes and goes.
fn sing(block: &mut AudioBlock, tick: usize) {
    for (n, sample) in block.samples_mut().iter_mut().enumerate() {
        let time = (tick * BLOCK_FRAMES + n) as f32 / 48_000.0;
        *sample = 0.3 * (time * 1_400.0).sin() * (time * 9.0).sin();
    }
}

fn sender(
    now: Instant,
) -> (
    SendPipeline,
    impl FnMut(&mut SendPipeline, usize) -> (usize, Vec<RtpPacketIn>),
) {
    let start = RtpStart {
        ssrc: 1,
        payload_type: OPUS_PAYLOAD_TYPE,
        sequence: 1,
        timestamp: 0,
    };
    let (pipeline, mut packets, control, _) = send_pipeline(&EncoderOptions::default(), start).unwrap();
    control.set_active(true);
    let mut block = AudioBlock::silent(1);
    let step = move |pipeline: &mut SendPipeline, tick: usize| {
        if tick.is_multiple_of(100) {
            control.set_plan(SendPlan {
                copies: CopySet::of(if tick.is_multiple_of(200) { &[1, 3] } else { &[2] }),
                ..SendPlan::plain(32_000)
            });
        }
        sing(&mut block, tick);
        let calls = allocations(|| pipeline.on_block(&block, now));
        let packets = std::iter::from_fn(|| packets.try_recv()).map(|packet| RtpPacketIn {
            header: packet.header,
            // As it comes from the network: in memory of its own.
            payload: Bytes::copy_from_slice(&packet.payload),
        });
        (calls, packets.collect())
    };
    (pipeline, step)
}

#[test]
fn the_pipelines_of_a_call_allocate_nothing_whatever_the_network_does() {
    let epoch = Instant::now();
    let (mut sending, mut send) = sender(epoch);
    let options = ReceiveOptions::default();
    let (mut receiving, mut network, stats) = receive_pipeline(options).unwrap();
    let mut out = AudioBlock::silent(1);
    let mut under_way: Vec<(usize, RtpPacketIn)> = Vec::new();
    let mut calls = (0, 0);
    for tick in 0..TICKS {
        let (sent, packets) = send(&mut sending, tick);
        for packet in packets {
            let number = packet.header.sequence_number;
            // A tenth is lost, now and then six in a row; the others take 0 to 30 ms, and overtake each other.
            if number % 10 != 3 && number % 97 > 5 {
                under_way.push((tick + usize::from(number * 7 % 4), packet));
            }
        }
        let now = epoch + TICK * tick as u32;
        for (_, packet) in under_way.extract_if(.., |(at, _)| *at <= tick) {
            network.push(now, packet);
        }
        receiving.set_effort(if tick % 300 < 200 { Effort::Full } else { Effort::Low });
        let heard = allocations(|| receiving.next_block(&mut out, now));
        // The first frames find libopus and thread-locals unused.
        if tick > 10 {
            calls = (calls.0 + sent, calls.1 + heard);
        }
    }
    let stats = stats.snapshot().playout;
    assert!(stats.red_frames > 20 && stats.concealed_samples > 4_800, "{stats:#?}");
    assert!(stats.inserted_samples_for_deceleration + stats.removed_samples_for_acceleration > 0);
    assert_eq!(calls, (0, 0), "calls of the allocator by sender and receiver");
}
