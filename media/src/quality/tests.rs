use express_messages::{
    audio::{AudioBlock, CaptureSink},
    publisher::EncoderOptions,
};

use super::*;
use crate::{
    playout::PlayoutStats,
    rtp::{RtpStart, SendPlan, send_pipeline},
};

fn received(packets: u64, lost: u64, break_samples: u64) -> ReceiveSnapshot {
    ReceiveSnapshot {
        playout: PlayoutStats {
            packets_received: packets,
            packets_expected: packets + lost,
            bytes_received: packets * 120,
            packets_late: 2,
            packets_discarded: 3,
            total_samples_received: (packets + lost) * 960,
            concealed_samples: lost * 960,
            break_samples,
            jitter_buffer_emitted_count: packets * 960,
            jitter_buffer_delay_sample_us: packets * 960 * 40_000,
            jitter_us: 2_500,
            ..PlayoutStats::default()
        },
        ring_overruns: 1,
    }
}

fn input(snapshot: ReceiveSnapshot) -> PlayQualityInput {
    PlayQualityInput {
        snapshot,
        peak_level: 0.25,
        round_trip_time: Some(Duration::from_millis(30)),
        uplink: None,
        muted: false,
        connected: true,
    }
}

#[test]
fn rates_are_those_of_the_interval_and_totals_those_of_the_whole_life() {
    let zero = Instant::now();
    let mut quality = PlayQuality::new(zero);
    quality.report(zero + Duration::from_secs(3), &input(received(150, 0, 0)));
    let (stats, _) = quality.report(zero + Duration::from_secs(6), &input(received(285, 15, 14_400)));
    let audio = &stats.audio;
    assert_eq!(audio.audio_fps, 45.0);
    assert_eq!(audio.audio_bitrate, 43.2);
    assert_eq!((audio.audio_packets_lost, audio.audio_packets_lost_rate), (15, 0.1));
    assert_eq!(audio.audio_jitter, 2.5);
    assert_eq!(audio.audio_level, 0.25);
    assert_eq!(audio.audio_cumulative_decode_time, 285.0 * 20.0);
    assert_eq!(audio.audio_cumulative_break_time, 300.0);
    assert_eq!(audio.audio_cumulative_break_rate, 0.05);
    assert_eq!(audio.jitter_buffer_delay_ms, 40.0);
    assert_eq!(audio.packets_discarded, 6);
    assert_eq!((audio.audio_codec.as_str(), audio.mute_state.as_str()), ("opus", "0"));
    assert_eq!(audio.audio_sampling_rate, 48_000);
    assert_eq!(audio.audio_quality, QualityGrade::Good);
    assert_eq!(stats.peer_to_peer_delay, Some(55.0));
    assert_eq!(stats.peer_to_peer_packet_lost_rate, None);
}

#[test]
fn an_interval_without_a_packet_divides_by_nothing() {
    let zero = Instant::now();
    let mut quality = PlayQuality::new(zero);
    for _ in 0..2 {
        let (stats, _) = quality.report(
            zero,
            &PlayQualityInput {
                connected: true,
                ..Default::default()
            },
        );
        assert_eq!(stats.audio.audio_bitrate, 0.0);
        assert_eq!(stats.audio.audio_packets_lost_rate, 0.0);
        assert_eq!(stats.audio.jitter_buffer_delay_ms, 0.0);
        assert_eq!(stats.audio.audio_quality, QualityGrade::Unknown);
        assert_eq!(stats.peer_to_peer_delay, None);
    }
}

#[test]
fn delay_and_loss_are_those_of_both_ways_once_the_publishers_is_told() {
    let zero = Instant::now();
    let report = |uplink| {
        let input = PlayQualityInput {
            uplink,
            ..input(received(50, 50, 0))
        };
        PlayQuality::new(zero).report(zero + Duration::from_secs(3), &input).0
    };
    let uplink = UplinkReport {
        rtt_ms: Some(100),
        loss: 0.5,
        jitter_ms: 5,
    };
    let (alone, both) = (report(None), report(Some(uplink)));
    assert_eq!(alone.peer_to_peer_packet_lost_rate, None);
    assert_eq!(both.peer_to_peer_packet_lost_rate, Some(0.75));
    assert_eq!(both.peer_to_peer_delay, alone.peer_to_peer_delay.map(|delay| delay + 50.0));
    let unmeasured = report(Some(UplinkReport { rtt_ms: None, ..uplink }));
    assert_eq!(unmeasured.peer_to_peer_delay, alone.peer_to_peer_delay);
}

#[test]
fn muted_and_away_are_shown() {
    let zero = Instant::now();
    let away = PlayQualityInput {
        muted: true,
        connected: false,
        ..input(received(50, 0, 0))
    };
    let (stats, _) = PlayQuality::new(zero).report(zero + Duration::from_secs(3), &away);
    assert_eq!(stats.audio.mute_state, "1");
    assert_eq!(stats.audio.audio_quality, QualityGrade::Die);
}

#[test]
fn a_publisher_reports_what_it_sent_and_what_the_server_missed() {
    let zero = Instant::now();
    let mut quality = PublishQuality::new(zero);
    let mut input = PublishQualityInput {
        snapshot: SendSnapshot {
            packets: 150,
            payload_bytes: 18_000,
            frames: 170,
            dtx_frames: 20,
            ..Default::default()
        },
        remote: None,
        round_trip_time: None,
        peak_level: 0.5,
        asked_kbps: 48.0,
        target_kbps: 24.0,
        listeners: Some(ListenerReport {
            listeners: 3,
            loss_worst: Some(0.1),
            loss_median: None,
            burst_worst: None,
            burst_median: None,
            rtt_median_ms: None,
            uplink_loss: None,
            uplink_burst: None,
            copying: 0,
        }),
        muted: false,
        connected: true,
    };
    let (first, interval) = quality.report(zero + Duration::from_secs(3), &input);
    assert_eq!(first.listeners, input.listeners);
    assert_eq!(
        interval,
        PublishInterval {
            muted: false,
            capture_level: Some(0.5),
            packets_due: Some(150),
            packets_sent: 150,
            target_kbps: Some(24.0),
            asked_kbps: 48.0,
        }
    );
    let first = first.audio;
    assert_eq!((first.audio_bitrate, first.audio_fps), (48.0, 50.0));
    assert_eq!(first.audio_quality, QualityGrade::Unknown);
    assert_eq!(first.round_trip_time_ms, None);

    input.snapshot.packets = 300;
    input.remote = Some(RemoteReport {
        packets_lost: 15,
        jitter: Duration::from_millis(4),
    });
    input.round_trip_time = Some(Duration::from_millis(20));
    let second = quality.report(zero + Duration::from_secs(6), &input).0.audio;
    assert_eq!((second.audio_packets_lost, second.audio_packets_lost_rate), (15, 0.1));
    assert_eq!(second.audio_quality, QualityGrade::Good);
    assert_eq!(second.round_trip_time_ms, Some(20.0));

    // A new transport counts from zero: nothing is lost less than nothing.
    input.snapshot.packets = 450;
    input.remote = Some(RemoteReport::default());
    let third = quality.report(zero + Duration::from_secs(9), &input).0.audio;
    assert_eq!((third.audio_packets_lost, third.audio_packets_lost_rate), (0, 0.0));
}

#[test]
fn a_player_shows_what_was_concealed_and_what_repaired_the_rest() {
    let zero = Instant::now();
    let mut quality = PlayQuality::new(zero);
    let mut counted = received(100, 0, 0);
    counted.playout.jitter_buffer_target_delay_sample_us = 100 * 960 * 60_000;
    quality.report(zero + Duration::from_secs(2), &input(counted));
    counted = received(150, 10, 0);
    counted.playout = PlayoutStats {
        jitter_buffer_target_delay_sample_us: (100 * 60_000 + 50 * 90_000) * 960,
        concealment_events: 4,
        silent_concealed_samples: 480,
        inserted_samples_for_deceleration: 300,
        removed_samples_for_acceleration: 200,
        fec_frames: 7,
        underruns: 3,
        ..counted.playout
    };
    let audio = quality.report(zero + Duration::from_secs(3), &input(counted)).0.audio;
    assert_eq!(
        audio.jitter_buffer_target_ms, 90.0,
        "the mean of the interval, as the delay is"
    );
    assert_eq!((audio.concealment_events, audio.silent_concealed_samples), (4, 480));
    assert_eq!(audio.inserted_samples_for_deceleration, 300);
    assert_eq!(audio.removed_samples_for_acceleration, 200);
    assert_eq!((audio.recovered.fec, audio.recovered_frames), (7, 7));
    assert_eq!(audio.underflows, 3);
}

#[test]
fn packets_that_came_late_or_twice_are_no_failure_of_the_decoder() {
    let zero = Instant::now();
    let mut quality = PlayQuality::new(zero);
    let counted = |received, played, late, twice, discarded| ReceiveSnapshot {
        playout: PlayoutStats {
            packets_received: received,
            packets_played: played,
            packets_late: late,
            packets_duplicated: twice,
            packets_discarded: discarded,
            ..PlayoutStats::default()
        },
        ring_overruns: 0,
    };
    quality.report(zero + Duration::from_secs(3), &input(counted(150, 150, 0, 0, 0)));
    let (_, interval) = quality.report(zero + Duration::from_secs(6), &input(counted(450, 240, 60, 50, 100)));
    assert_eq!((interval.packets_received, interval.packets_decoded), (190, 90));
    assert_eq!((interval.seconds, interval.level), (3.0, 0.25));
}

#[test]
fn long_packets_are_not_missing_ones() {
    let rtp = RtpStart {
        ssrc: 1,
        payload_type: 111,
        sequence: 1,
        timestamp: 1,
    };
    let (mut pipeline, mut packets, control, stats) = send_pipeline(&EncoderOptions::default(), rtp).unwrap();
    control.set_active(true);
    control.set_plan(SendPlan {
        frames: 6,
        ..SendPlan::plain(12_000)
    });
    let now = Instant::now();
    let mut quality = PublishQuality::new(now);
    let mut block = AudioBlock::silent(1);
    for _ in 0..300 {
        let samples = block.samples_mut().iter_mut().zip(0_u16..);
        samples.for_each(|(sample, n)| *sample = 0.5 * (f32::from(n) * std::f32::consts::TAU / 120.0).sin());
        pipeline.on_block(&block, now);
        while packets.try_recv().is_some() {}
    }
    let input = PublishQualityInput {
        snapshot: stats.snapshot(),
        ..PublishQualityInput::default()
    };
    let (_, interval) = quality.report(now + Duration::from_secs(3), &input);
    assert_eq!((interval.packets_sent, interval.packets_due), (25, Some(25)));
}
