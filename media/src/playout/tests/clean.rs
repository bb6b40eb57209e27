//! A good network: everything arrives, a little early or late.

use std::time::Duration;

use express_messages::publisher::EncoderOptions;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ears::*, sim::*};
use crate::playout::PlayoutOptions;

/// Threads of a busy machine: packets and asks are 0 to 4 ms late, and one ask in ten is missed and made up for by the next.
fn irregular_asks(seconds: f64, seed: u64) -> Vec<i64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut asks = Vec::new();
    let mut owed = 0;
    for n in 0..(seconds * 100.0) as i64 {
        let at = n * 10_000 + rng.random_range(0..4_000);
        owed += 1;
        if rng.random_range(0..10) > 0 {
            asks.extend(std::iter::repeat_n(at, owed));
            owed = 0;
        }
    }
    asks
}

#[test]
fn a_tone_comes_out_with_its_pitch_and_level_without_click_or_gap() {
    for (channels, bitrate_kbps) in [(1, 48), (2, 96)] {
        let encoder = EncoderOptions {
            channels,
            bitrate_kbps,
            ..Default::default()
        };
        let sent = send(&tone(440.0, 0.3, 6.0, channels), &encoder, rtp_start(1), 0);
        let heard = listen(options(), &deliver(&sent, |_| Some(0)), &every_10ms(6.0));
        assert_eq!(heard.channels, channels);
        let left: Vec<f32> = heard.after(0.5).iter().step_by(channels).copied().collect();
        assert!((pitch_near(&left, 440.0) - 440.0).abs() < 1.5);
        assert!(
            (rms(&left) - 0.3 * std::f32::consts::FRAC_1_SQRT_2).abs() < 0.01,
            "{}",
            rms(&left)
        );
        let all: Vec<f32> = heard.samples.iter().step_by(channels).copied().collect();
        assert_no_click(&all);
        assert_eq!(longest_gap_ms(&left, 0.1), 0);
        assert_eq!(heard.stats.concealed_samples, 0);
        assert_eq!(
            heard.stats.inserted_samples_for_deceleration + heard.stats.removed_samples_for_acceleration,
            0
        );
    }
}

#[test]
fn speech_comes_out_as_it_went_in_and_less_than_90_ms_later() {
    for clip in ["jfk_male.wav", "libri103_female.wav"] {
        let said = speech(clip);
        let sent = send(&said, &EncoderOptions::default(), rtp_start(1), 0);
        let heard = listen(options(), &deliver(&sent, |_| Some(0)), &every_10ms(9.0));
        // From the first sample captured to the first sample given out: 20 ms frame, 6.5 ms look-ahead, jitter buffer.
        let (lag, likeness) = lag_of(&said[..240_000], &heard.samples, 9_600);
        let delay_ms = lag as f64 / 48.0;
        println!(
            "{clip}: {delay_ms:.1} ms end to end, {:.1} ms waiting, likeness {likeness:.3}",
            heard.mean_delay_ms()
        );
        assert!((50.0..90.0).contains(&delay_ms), "{delay_ms}");
        assert!(heard.mean_delay_ms() < 55.0);
        assert!(likeness > 0.85, "{likeness}");
        assert_eq!(heard.stats.concealed_samples, 0);
    }
}

#[test]
fn low_latency_waits_half_as_long() {
    let sent = send(&tone(440.0, 0.3, 5.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    let arrivals = deliver(&sent, |_| Some(0));
    let quick = PlayoutOptions {
        low_latency: true,
        ..options()
    };
    let heard = listen(quick, &arrivals, &every_10ms(5.0));
    println!("low latency: {:.1} ms", heard.mean_delay_ms());
    assert!(heard.mean_delay_ms() < 30.0, "{}", heard.mean_delay_ms());
    assert_eq!(heard.stats.concealed_samples, 0);
}

#[test]
fn the_least_delay_that_was_asked_for_is_kept() {
    for asked_ms in [150_u64, 1_000, 4_000] {
        let sent = send(&tone(440.0, 0.3, 8.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
        let asked = PlayoutOptions {
            jitter_buffer_target: Some(Duration::from_millis(asked_ms)),
            ..options()
        };
        let heard = listen(asked, &deliver(&sent, |_| Some(0)), &every_10ms(8.0));
        let delay = heard.mean_delay_ms();
        assert!(
            (asked_ms as f64..asked_ms as f64 + 25.0).contains(&delay),
            "{asked_ms}: {delay}"
        );
        assert_eq!(heard.stats.concealed_samples, 0);
    }
}

#[test]
fn busy_threads_never_make_a_gap() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let sent = send(&tone(440.0, 0.3, 4.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
        let arrivals = deliver(&sent, |_| Some(rng.random_range(0..6_000)));
        let heard = listen(options(), &arrivals, &irregular_asks(4.0, seed));
        assert_eq!(heard.stats.concealed_samples, 0, "seed {seed}");
        assert_eq!(longest_gap_ms(heard.after(0.2), 0.1), 0, "seed {seed}");
        assert_no_click(&heard.samples);
        assert!(heard.mean_delay_ms() < 65.0, "{}", heard.mean_delay_ms());
    }
}

#[test]
fn jitter_of_20_plus_minus_10_ms_stays_continuous() {
    for seed in 0..5 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The sum of twelve uniform values is all but normal.
        let mut normal = move || (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0;
        let sent = send(&tone(440.0, 0.3, 20.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
        let mut last = 0;
        // Order is kept, as on a link with one queue.
        let arrivals = deliver(&sent, |n| {
            let delay = (20_000.0 + 10_000.0 * normal()).max(0.0) as i64;
            last = last.max(sent[n].at_us + delay);
            Some(last - sent[n].at_us)
        });
        let heard = listen(options(), &arrivals, &every_10ms(20.0));
        let concealed = heard.stats.concealed_samples as f64 / heard.stats.total_samples_received as f64;
        println!(
            "jitter, seed {seed}: {:.1} ms, {:.3} concealed, late {}",
            heard.mean_delay_ms(),
            concealed,
            heard.stats.packets_late
        );
        assert!(concealed < 0.01, "seed {seed}: {concealed}");
        assert_eq!(heard.stats.packets_late, 0);
        assert_eq!(longest_gap_ms(heard.after(0.3), 0.05), 0, "seed {seed}");
        assert_no_click(heard.after(0.3));
        assert!((pitch_near(heard.after(3.0), 440.0) - 440.0).abs() < 2.5);
        assert!(heard.mean_delay_ms() < 90.0, "{}", heard.mean_delay_ms());
    }
}

#[test]
fn reordered_packets_are_put_in_order_and_duplicates_dropped() {
    let sent = send(&tone(440.0, 0.3, 4.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    let mut arrivals = deliver(&sent, |n| Some(if n % 5 == 1 { 25_000 } else { 0 }));
    let doubled: Vec<_> = arrivals.iter().filter(|(at, _)| at % 7 == 0).cloned().collect();
    let count = doubled.len() as u64;
    arrivals.extend(doubled);
    arrivals.sort_by_key(|(at, _)| *at);
    let heard = listen(options(), &arrivals, &every_10ms(4.0));
    assert_eq!(heard.stats.concealed_samples, 0);
    assert_eq!(heard.stats.packets_duplicated, count);
    assert_eq!(heard.stats.packets_late, 0);
    assert_eq!(heard.stats.packets_lost(), -(count as i64));
    assert_no_click(&heard.samples);
}
