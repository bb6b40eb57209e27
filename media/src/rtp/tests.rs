use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use express_messages::{
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    publisher::{EncoderOptions, FrameLength},
    red,
};

use super::*;
use crate::codec::inspect;

const START: RtpStart = RtpStart {
    ssrc: 0xCAFE,
    payload_type: 111,
    sequence: u16::MAX - 1,
    timestamp: u32::MAX - 1_000,
};

/// The clock of a test starts an hour ahead, so that a stray read of the real one shows.
fn epoch() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

/// Ten milliseconds of a tone, `n` blocks after the start.
fn tone(n: usize, gain: f32, channels: usize) -> AudioBlock {
    let mut block = AudioBlock::silent(channels);
    for (k, frame) in block.samples_mut().chunks_exact_mut(channels).enumerate() {
        let phase = (n * 480 + k) as f32 * 440.0 / 48_000.0;
        frame.fill(gain * (phase * std::f32::consts::TAU).sin());
    }
    block
}

/// Feeds `blocks` blocks and returns the packets that came.
fn feed(pipeline: &mut SendPipeline, packets: &mut PacketReceiver, blocks: usize, gain: f32) -> Vec<RtpPacketOut> {
    let now = epoch();
    let mut out = Vec::new();
    for n in 0..blocks {
        pipeline.on_block(&tone(n, gain, 1), now);
        out.extend(packets.try_recv());
    }
    out
}

fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn two_blocks_make_one_packet_and_the_numbers_wrap() {
    let (mut pipeline, mut packets, control, stats) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    let sent = feed(&mut pipeline, &mut packets, 9, 0.5);
    assert_eq!(sent.len(), 4);
    for (n, packet) in sent.iter().enumerate() {
        let expected = RtpHeader {
            marker: n == 0,
            payload_type: 111,
            sequence_number: START.sequence.wrapping_add(n as u16),
            timestamp: START.timestamp.wrapping_add(n as u32 * 960),
            ssrc: 0xCAFE,
        };
        assert_eq!(packet.header, expected);
        assert_eq!(
            packet.audio_level_dbov, 9,
            "a sine of half scale is 9 dB below the square wave"
        );
        assert_eq!(inspect(&packet.payload).unwrap().samples, 960);
    }
    let snapshot = stats.snapshot();
    assert_eq!((snapshot.packets, snapshot.frames, snapshot.overruns), (4, 4, 0));
    assert_eq!(
        snapshot.payload_bytes,
        sent.iter().map(|p| p.payload.len() as u64).sum::<u64>()
    );
    assert!((stats.take_peak_level() - 0.5).abs() < 0.01);
    assert_eq!(stats.take_peak_level(), 0.0);
}

#[test]
fn short_frames_are_a_packet_of_each_block_within_the_same_bitrate() {
    let options = EncoderOptions {
        frame: FrameLength::Ms10,
        bitrate_kbps: 32,
        ..Default::default()
    };
    let (mut pipeline, mut packets, control, _) = send_pipeline(&options, START).unwrap();
    control.set_active(true);
    control.set_plan(SendPlan {
        copies: CopySet::of(&[2]),
        ..SendPlan::plain(32_000)
    });
    let sent = feed(&mut pipeline, &mut packets, 600, 0.5);
    assert_eq!(sent.len(), 600);
    for (n, packet) in sent.iter().enumerate() {
        assert_eq!(packet.header.timestamp, START.timestamp.wrapping_add(n as u32 * 480));
        assert_eq!(packet.header.sequence_number, START.sequence.wrapping_add(n as u16));
    }
    let mut blocks = red::read(&sent[599].payload).unwrap();
    assert_eq!(inspect(blocks.own().data).unwrap().samples, 480);
    let copy = blocks.next().unwrap();
    assert_eq!(copy.offset, 1_920, "40 ms back, as of frames of 20 ms");
    let bits = sent[200..].iter().map(|packet| packet.payload.len() * 8).sum::<usize>();
    assert!((26_000..32_500).contains(&(bits / 4)), "{} bit/s", bits / 4);
}

#[test]
fn the_bitrate_is_the_one_asked_for_and_can_be_changed() {
    let (mut pipeline, mut packets, control, _) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    let kbps = |sent: &[RtpPacketOut]| sent.iter().map(|p| p.payload.len() * 8).sum::<usize>() as f64 / sent.len() as f64 / 20.0;
    feed(&mut pipeline, &mut packets, 20, 0.5);
    let before = kbps(&feed(&mut pipeline, &mut packets, 200, 0.5));
    assert!((40.0..56.0).contains(&before), "{before}");
    control.set_plan(SendPlan::plain(16_000));
    feed(&mut pipeline, &mut packets, 20, 0.5);
    let after = kbps(&feed(&mut pipeline, &mut packets, 200, 0.5));
    assert!((11.0..21.0).contains(&after), "{after}");
}

#[test]
fn expected_loss_turns_in_band_fec_on() {
    let options = EncoderOptions {
        bitrate_kbps: 24,
        ..Default::default()
    };
    let (mut pipeline, mut packets, control, _) = send_pipeline(&options, START).unwrap();
    control.set_active(true);
    let with_fec = |sent: &[RtpPacketOut]| sent.iter().filter(|p| inspect(&p.payload).unwrap().has_fec).count();
    assert_eq!(with_fec(&feed(&mut pipeline, &mut packets, 100, 0.5)), 0);
    control.set_plan(SendPlan {
        fec_against: 15,
        ..SendPlan::plain(24_000)
    });
    assert!(with_fec(&feed(&mut pipeline, &mut packets, 100, 0.5)) > 30);
}

#[test]
fn media_time_goes_on_while_inactive_and_the_next_packet_begins_a_spurt() {
    let (mut pipeline, mut packets, control, stats) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    assert!(feed(&mut pipeline, &mut packets, 100, 0.5).is_empty());
    control.set_active(true);
    let first = feed(&mut pipeline, &mut packets, 5, 0.5);
    control.set_active(false);
    assert!(feed(&mut pipeline, &mut packets, 7, 0.5).is_empty());
    control.set_active(true);
    let second = feed(&mut pipeline, &mut packets, 4, 0.5);
    let at = |blocks: u32| START.timestamp.wrapping_add(blocks * 480);
    let seen: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|p| (p.header.timestamp, p.header.marker))
        .collect();
    // The half frame of block 104 is gone; its time is not.
    assert_eq!(seen, [(at(100), true), (at(102), false), (at(112), true), (at(114), false)]);
    let sequence: Vec<_> = first.iter().chain(&second).map(|p| p.header.sequence_number).collect();
    assert_eq!(sequence, [u16::MAX - 1, u16::MAX, 0, 1], "nothing seems lost");
    assert_eq!(stats.snapshot().frames, 4);
}

#[test]
fn silence_costs_next_to_nothing_with_dtx_and_speech_begins_a_spurt() {
    let options = EncoderOptions {
        dtx: true,
        bitrate_kbps: 24,
        ..Default::default()
    };
    let (mut pipeline, mut packets, control, stats) = send_pipeline(&options, START).unwrap();
    control.set_active(true);
    let speech = feed(&mut pipeline, &mut packets, 100, 0.5);
    let silence = feed(&mut pipeline, &mut packets, 400, 0.0);
    let again = feed(&mut pipeline, &mut packets, 100, 0.5);
    assert_eq!(speech.len(), 50);
    assert!(silence.len() < 60, "{} packets in 4 s", silence.len());
    assert!(
        silence.iter().any(|p| inspect(&p.payload).unwrap().is_dtx),
        "the silence is announced"
    );
    assert!(silence.iter().all(|p| p.audio_level_dbov == 127));
    let all: Vec<_> = speech.iter().chain(&silence).chain(&again).collect();
    for pair in all.windows(2) {
        let [a, b] = [&pair[0].header, &pair[1].header];
        assert_eq!(b.sequence_number, a.sequence_number.wrapping_add(1));
        let gap = b.timestamp.wrapping_sub(a.timestamp);
        assert_eq!(gap % 960, 0);
        let after_silence = inspect(&pair[0].payload).unwrap().is_dtx;
        assert_eq!(b.marker, after_silence, "a marker where a silence ends, and nowhere else");
        assert!(gap == 960 || after_silence);
    }
    let last = all[all.len() - 1];
    assert_eq!(last.header.timestamp, START.timestamp.wrapping_add(299 * 960));
    let snapshot = stats.snapshot();
    assert_eq!((snapshot.frames, snapshot.packets + snapshot.dtx_frames), (300, 300));
}

#[test]
fn a_network_task_that_is_away_loses_packets_and_they_are_counted() {
    let (mut pipeline, mut packets, control, stats) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    let now = epoch();
    for n in 0..160 {
        pipeline.on_block(&tone(n, 0.5, 1), now);
    }
    let waiting = std::iter::from_fn(|| packets.try_recv()).count() as u64;
    let snapshot = stats.snapshot();
    assert_eq!((snapshot.packets, waiting, snapshot.overruns), (64, 64, 16));
}

#[test]
fn the_receiver_waits_for_packets_and_ends_with_the_pipeline() {
    let (mut pipeline, mut packets, control, _) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    assert!(poll_once(packets.recv()).is_pending());
    pipeline.on_block(&tone(0, 0.5, 1), epoch());
    pipeline.on_block(&tone(1, 0.5, 1), epoch());
    assert!(matches!(poll_once(packets.recv()), Poll::Ready(Some(_))));
    assert!(poll_once(packets.recv()).is_pending());
    pipeline.on_block(&tone(2, 0.5, 1), epoch());
    pipeline.on_block(&tone(3, 0.5, 1), epoch());
    drop(pipeline);
    assert!(
        matches!(poll_once(packets.recv()), Poll::Ready(Some(_))),
        "what was made is still sent"
    );
    assert!(matches!(poll_once(packets.recv()), Poll::Ready(None)));
    assert!(matches!(poll_once(packets.recv()), Poll::Ready(None)));
}

#[tokio::test]
async fn a_waiting_receiver_is_woken_by_a_packet_and_by_the_end() {
    let (mut pipeline, mut packets, control, _) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    let task = tokio::spawn(async move {
        let mut count = 0;
        while packets.recv().await.is_some() {
            count += 1;
        }
        count
    });
    for n in 0..10 {
        tokio::task::yield_now().await;
        pipeline.on_block(&tone(n, 0.5, 1), epoch());
    }
    tokio::task::yield_now().await;
    drop(pipeline);
    assert_eq!(task.await.unwrap(), 5);
}

#[test]
fn whatever_is_captured_can_be_encoded() {
    let stereo = EncoderOptions {
        channels: 2,
        bitrate_kbps: 5_000,
        ..Default::default()
    };
    for options in [
        EncoderOptions {
            bitrate_kbps: 0,
            ..Default::default()
        },
        stereo,
    ] {
        let (mut pipeline, mut packets, control, stats) = send_pipeline(&options, START).unwrap();
        control.set_active(true);
        for sample in [f32::NAN, f32::INFINITY, -1e30, 1e-42, 2.0] {
            for channels in [1, 2] {
                let mut block = AudioBlock::silent(channels);
                block.samples_mut().fill(sample);
                pipeline.on_block(&block, epoch());
                packets.try_recv();
            }
        }
        let snapshot = stats.snapshot();
        assert_eq!((snapshot.frames, snapshot.packets, snapshot.encoder_errors), (5, 5, 0));
    }
}

fn receive_options() -> ReceiveOptions {
    ReceiveOptions::default()
}

fn packets_of_a_second() -> Vec<RtpPacketIn> {
    let (mut pipeline, mut packets, control, _) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    let sent = feed(&mut pipeline, &mut packets, 100, 0.5);
    sent.into_iter().map(RtpPacketIn::from).collect()
}

#[test]
fn packets_go_through_the_ring_and_their_memory_comes_back() {
    let (mut pipeline, mut sender, stats) = receive_pipeline(receive_options()).unwrap();
    let zero = epoch();
    let mut out = AudioBlock::silent(2);
    let mut decoded = pin!(stats.next_decoded());
    let poll = |future: std::pin::Pin<&mut _>| Future::poll(future, &mut Context::from_waker(Waker::noop()));
    assert!(poll(decoded.as_mut()).is_pending());
    let mut kept = Vec::new();
    for (n, packet) in packets_of_a_second().into_iter().enumerate() {
        let now = zero + Duration::from_millis(20 * n as u64);
        kept.push(packet.payload.clone());
        assert!(sender.push(now, packet));
        for _ in 0..2 {
            pipeline.next_block(&mut out, now);
        }
    }
    assert!(poll(decoded.as_mut()).is_ready());
    let snapshot = stats.snapshot();
    assert_eq!((snapshot.playout.packets_received, snapshot.ring_overruns), (50, 0));
    assert!(snapshot.playout.packets_played > 45);
    assert!(stats.take_peak_level() > 0.4);
    // What was played last lies in the ring on its way back, until the next push drops it.
    let last = snapshot.playout.packets_played as usize - 1;
    assert!(kept[..last].iter().all(Bytes::is_unique));
    assert!(!kept[last].is_unique());
    let padding = RtpPacketIn {
        header: RtpHeader::default(),
        payload: Bytes::new(),
    };
    sender.push(zero, padding);
    assert!(kept[last].is_unique());
}

#[test]
fn a_pump_that_stands_still_fills_the_ring_and_no_more() {
    let (mut pipeline, mut sender, stats) = receive_pipeline(receive_options()).unwrap();
    let now = epoch();
    let packet = packets_of_a_second().remove(0);
    let taken = (0..300).filter(|_| sender.push(now, packet.clone())).count();
    assert_eq!((taken, stats.snapshot().ring_overruns), (256, 44));
    pipeline.next_block(&mut AudioBlock::silent(1), now);
    let playout = stats.snapshot().playout;
    assert_eq!((playout.packets_received, playout.packets_duplicated), (256, 255));
    assert!(!sender.is_closed());
    drop(pipeline);
    assert!(sender.is_closed());
}

#[test]
fn pause_reaches_the_playout() {
    let (mut pipeline, mut sender, stats) = receive_pipeline(receive_options()).unwrap();
    let zero = epoch();
    let mut out = AudioBlock::silent(1);
    for (n, packet) in packets_of_a_second().into_iter().enumerate() {
        sender.push(zero + Duration::from_millis(20 * n as u64), packet);
    }
    sender.set_paused(true);
    for n in 0..300 {
        pipeline.next_block(&mut out, zero + Duration::from_millis(10 * n + 980));
    }
    let playout = stats.snapshot().playout;
    assert!(playout.packets_played > 0);
    assert_eq!((playout.concealed_samples, playout.breaks), (0, 0));
}

#[test]
fn where_a_plan_puts_three_frames_in_a_packet_each_is_60_ms_of_media_time() {
    let (mut pipeline, mut packets, control, stats) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    control.set_plan(SendPlan {
        frames: 3,
        ..SendPlan::plain(14_000)
    });
    let sent = feed(&mut pipeline, &mut packets, 61, 0.5);
    assert_eq!((sent.len(), stats.snapshot().frames), (10, 10));
    for pair in sent.windows(2) {
        let passed = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
        assert_eq!(passed, 3 * 960);
    }
}

#[test]
fn what_is_held_is_not_sent_and_its_time_goes_on() {
    let (mut pipeline, mut packets, control, stats) = send_pipeline(&EncoderOptions::default(), START).unwrap();
    control.set_active(true);
    let before = feed(&mut pipeline, &mut packets, 20, 0.5);
    control.set_plan(SendPlan {
        held: true,
        ..SendPlan::plain(48_000)
    });
    assert!(feed(&mut pipeline, &mut packets, 30, 0.5).is_empty());
    control.set_plan(SendPlan::plain(48_000));
    let after = feed(&mut pipeline, &mut packets, 20, 0.5);
    let (last, next) = (before[9].header, after[0].header);
    assert_eq!(next.sequence_number, last.sequence_number.wrapping_add(1), "nothing is lost");
    assert_eq!(next.timestamp, last.timestamp.wrapping_add(16 * 960));
    assert_eq!((stats.snapshot().packets, stats.snapshot().frames), (20, 20));
}
