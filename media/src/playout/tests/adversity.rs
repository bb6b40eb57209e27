//! Loss, silence, restarts, clocks that jump, networks that stall.

use express_messages::publisher::EncoderOptions;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ears::*, sim::*};
use crate::{codec::inspect, playout::Playout};

fn fec() -> EncoderOptions {
    EncoderOptions {
        bitrate_kbps: 24,
        ..Default::default()
    }
}

#[test]
fn single_losses_are_repaired_by_in_band_fec() {
    let sent = send(&speech("jfk_male.wav"), &fec(), rtp_start(1), 20);
    let arrivals = deliver(&sent, |n| (n % 7 != 3).then_some(0));
    let heard = listen(options(), &arrivals, &every_10ms(9.0));
    let lost = |n: usize| n % 7 == 3 && n + 5 < sent.len();
    let repairable = (0..sent.len())
        .filter(|n| lost(*n) && inspect(&sent[n + 1].packet.payload).unwrap().has_fec)
        .count();
    println!(
        "{repairable} of {} can be rebuilt",
        (0..sent.len()).filter(|n| lost(*n)).count()
    );
    assert!(repairable > 35);
    assert_eq!(heard.stats.fec_frames, repairable as u64);
    assert_eq!(heard.stats.packets_late, 0);
}

#[test]
fn bursts_of_loss_are_concealed_without_a_click_and_keep_the_delay() {
    for seed in 0..5 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let sent = send(&tone(300.0, 0.3, 20.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
        // Gilbert-Elliott: 15 % lost in bursts of 3 on the average.
        let mut bad = false;
        let arrivals = deliver(&sent, |_| {
            bad = rng.random_bool(if bad { 0.667 } else { 0.06 });
            (!bad).then_some(0)
        });
        let heard = listen(options(), &arrivals, &every_10ms(20.0));
        let stats = heard.stats;
        let lost = sent.len() - arrivals.len();
        println!(
            "seed {seed}: lost {lost}, events {}, {:.1} ms",
            stats.concealment_events,
            heard.mean_delay_ms()
        );
        assert_no_click(&heard.samples);
        assert_eq!(stats.packets_late + stats.packets_discarded, 0);
        let concealed = stats.concealed_samples / 960 + stats.fec_frames;
        assert!(concealed.abs_diff(lost as u64) <= 3 + lost as u64 / 10, "{concealed} {lost}");
        assert!(heard.mean_delay_ms() < 75.0, "{}", heard.mean_delay_ms());
        assert!(stats.concealment_events > 20);
    }
}

#[test]
fn dtx_is_no_loss_and_has_comfort_noise() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    // Two seconds of tone, three of faint noise, twice.
    let mut signal = Vec::new();
    for _ in 0..2 {
        signal.extend(tone(220.0, 0.2, 2.0, 1));
        signal.extend((0..144_000).map(|_| rng.random_range(-0.001..0.001)));
    }
    let encoder = EncoderOptions {
        dtx: true,
        bitrate_kbps: 24,
        ..Default::default()
    };
    let sent = send(&signal, &encoder, rtp_start(1), 0);
    assert!(sent.len() < 350, "{} packets: DTX saves some", sent.len());
    let heard = listen(options(), &deliver(&sent, |n| Some(n as i64 % 3 * 1_000)), &every_10ms(10.0));
    let stats = heard.stats;
    println!(
        "{} packets, noise {} ms, {stats:?}",
        sent.len(),
        stats.comfort_noise_samples / 48
    );
    assert_eq!((stats.concealed_samples, stats.breaks, stats.packets_lost()), (0, 0, 0));
    assert!(stats.comfort_noise_samples > 48_000);
    assert_no_click(&heard.samples);
    let noise = rms(&heard.samples[3 * 48_000..4 * 48_000 + 24_000]);
    assert!(
        (0.000_05..0.002).contains(&noise),
        "comfort noise as faint as the noise was: {noise}"
    );
    // The second spurt is there, and where it belongs.
    assert!(rms(&heard.samples[6 * 48_000..7 * 48_000 - 24_000]) > 0.1);
    assert!(heard.mean_delay_ms() < 65.0);
}

#[test]
fn a_restarted_publisher_is_heard_at_once_and_without_a_click() {
    let encoder = EncoderOptions::default();
    for pause_us in [0, 300_000] {
        for same_ssrc in [false, true] {
            let first = send(&tone(440.0, 0.3, 3.0, 1), &encoder, rtp_start(1), 0);
            let mut start = rtp_start(if same_ssrc { 1 } else { 2 });
            (start.sequence, start.timestamp) = (20_000, 1_234_567_890);
            let second = send(&tone(660.0, 0.3, 3.0, 1), &encoder, start, 0);
            let mut arrivals = deliver(&first, |_| Some(0));
            arrivals.extend(deliver(&second, |_| Some(3_000_000 + pause_us)));
            let heard = listen(options(), &arrivals, &every_10ms(6.0));
            assert_eq!(heard.stats.resyncs, 1);
            assert_eq!(heard.stats.packets_late, 0);
            assert_eq!(heard.stats.packets_discarded, u64::from(same_ssrc), "one packet of doubt");
            assert_no_click(&heard.samples);
            let again = (3.15 + pause_us as f64 / 1e6) * 48_000.0;
            let after = &heard.samples[again as usize..5 * 48_000];
            assert_eq!(longest_gap_ms(after, 0.1), 0);
            assert!((pitch_near(after, 660.0) - 660.0).abs() < 2.0);
            assert!(heard.delays_ms.last().is_some_and(|d| *d < 75.0), "{:?}", heard.delays_ms);
        }
    }
}

#[test]
fn a_sender_whose_clock_jumps_by_300_ms_is_followed() {
    for jump in [-14_400_i64, 14_400] {
        let mut sent = send(&tone(440.0, 0.3, 10.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
        for sent in &mut sent[250..] {
            sent.packet.header.timestamp = sent.packet.header.timestamp.wrapping_add(jump as u32);
        }
        let heard = listen(options(), &deliver(&sent, |_| Some(0)), &every_10ms(10.0));
        assert_eq!(heard.stats.packets_late + heard.stats.packets_discarded, 0);
        assert_eq!(heard.stats.concealed_samples, 0, "jump {jump}");
        assert_no_click(&heard.samples);
    }
}

#[test]
fn a_path_that_grows_by_80_ms_is_followed_both_ways() {
    let sent = send(&tone(440.0, 0.3, 24.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    let arrivals = deliver(&sent, |n| Some(if (400..800).contains(&n) { 80_000 } else { 0 }));
    let heard = listen(options(), &arrivals, &every_10ms(24.0));
    println!("{:?} concealed {}", heard.delays_ms, heard.stats.concealed_samples);
    // The step itself cannot be foreseen; what follows can.
    assert!(heard.stats.concealed_samples < 48 * 120, "{}", heard.stats.concealed_samples);
    assert_eq!(heard.stats.packets_late, 0);
    // Where the path is short again, what overtakes makes the last of the long one look like a stall: 60 ms are waited for.
    assert!(heard.delays_ms[14] < 60.0 && heard.delays_ms[23] < 90.0);
    assert_no_click(&heard.samples);
}

#[test]
fn an_outage_is_a_break_and_playout_comes_back_at_its_delay() {
    let sent = send(&tone(440.0, 0.3, 8.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    let arrivals = deliver(&sent, |n| (!(150..200).contains(&n)).then_some(0));
    let heard = listen(options(), &arrivals, &every_10ms(8.0));
    let stats = heard.stats;
    assert_eq!(stats.breaks, 1);
    let break_ms = stats.break_samples / 48;
    assert!((960..1_060).contains(&break_ms), "{break_ms}");
    assert!(stats.silent_concealed_samples > 48 * 700);
    assert_eq!((stats.packets_lost(), stats.underruns), (50, 1));
    assert_no_click(&heard.samples);
    assert!(heard.delays_ms[6] < 60.0, "{:?}", heard.delays_ms);
    assert_eq!(longest_gap_ms(&heard.samples[(4.2 * 48_000.0) as usize..7 * 48_000], 0.1), 0);
}

#[test]
fn a_stall_is_bridged_and_what_it_held_back_is_played() {
    let sent = send(&tone(440.0, 0.3, 60.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    // Packets 200 to 207 all arrive when packet 208 does.
    let arrivals = deliver(&sent, |n| {
        Some(if (200..208).contains(&n) {
            (208 - n as i64) * 20_000
        } else {
            0
        })
    });
    let heard = listen(options(), &arrivals, &every_10ms(60.0));
    let stats = heard.stats;
    println!("{:?} {stats:?}", heard.delays_ms);
    assert_eq!(stats.packets_late + stats.packets_discarded, 0, "all of it is heard");
    assert!(stats.concealed_samples <= 48 * 170);
    assert_no_click(&heard.samples);
    assert!(heard.delays_ms[59] < 75.0, "the delay goes back: {:?}", heard.delays_ms);
}

#[test]
fn a_pump_that_stood_still_catches_up_by_leaving_out() {
    let sent = send(&tone(440.0, 0.3, 12.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    let asks: Vec<i64> = every_10ms(12.0)
        .into_iter()
        .filter(|at| !(3_000_000..5_000_000).contains(at))
        .collect();
    let heard = listen(options(), &deliver(&sent, |_| Some(0)), &asks);
    assert!(heard.stats.packets_discarded > 60);
    assert_no_click(&heard.samples);
    assert!(heard.delays_ms[9] < 110.0, "{:?}", heard.delays_ms);
}

#[test]
fn a_listener_who_comes_late_begins_with_the_newest() {
    let sent = send(&tone(440.0, 0.3, 6.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    let asks: Vec<i64> = every_10ms(6.0).into_iter().filter(|at| *at > 3_000_000).collect();
    let heard = listen(options(), &deliver(&sent, |_| Some(0)), &asks);
    assert!(heard.stats.packets_discarded > 140);
    assert_eq!(heard.stats.concealed_samples, 0);
    assert!(heard.mean_delay_ms() < 65.0, "{}", heard.mean_delay_ms());
}

#[test]
fn a_paused_stream_is_silent_and_nothing_is_missing() {
    let sent = send(&tone(440.0, 0.3, 8.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    // The relay lets packets 100 to 249 out and numbers on without a gap.
    let kept: Vec<Sent> = sent
        .iter()
        .enumerate()
        .filter(|(n, _)| !(100..250).contains(n))
        .enumerate()
        .map(|(sequence, (_, sent))| {
            let mut sent = sent.clone();
            sent.packet.header.sequence_number = sequence as u16;
            sent
        })
        .collect();
    let mut playout = Playout::new(options()).unwrap();
    let heard = listen_with(&mut playout, &deliver(&kept, |_| Some(0)), &every_10ms(8.0), |playout, at| {
        playout.set_paused((1_900_000..5_000_000).contains(&at));
    });
    let stats = heard.stats;
    assert_eq!((stats.concealed_samples, stats.breaks, stats.packets_lost()), (0, 0, 0));
    assert_no_click(&heard.samples);
    assert_eq!(rms(&heard.samples[3 * 48_000..4 * 48_000]), 0.0);
    assert!(rms(&heard.samples[(5.2 * 48_000.0) as usize..7 * 48_000]) > 0.2);
}

#[test]
fn packets_of_another_payload_type_and_padding_are_counted_and_not_played() {
    let mut sent = send(&tone(440.0, 0.3, 2.0, 1), &EncoderOptions::default(), rtp_start(1), 0);
    for (n, sent) in sent.iter_mut().enumerate() {
        match n % 10 {
            3 => sent.packet.header.payload_type = 13,
            7 => sent.packet.payload = bytes::Bytes::new(),
            _ => {}
        }
    }
    let heard = listen(options(), &deliver(&sent, |_| Some(0)), &every_10ms(2.0));
    assert_eq!(heard.stats.packets_discarded, 20);
    assert_eq!(heard.stats.packets_lost(), 0);
}

#[test]
fn a_publisher_that_mutes_is_silent_and_speaks_again_without_a_click() {
    // The microphone fades within 10 ms.
    let (from, to) = (3.0, 5.5);
    for dtx in [false, true] {
        let options = EncoderOptions {
            dtx,
            ..EncoderOptions::default()
        };
        let gain = |n: usize| {
            let t = n as f32 / 48_000.0;
            (1.0 - (t - from) / 0.01)
                .clamp(0.0, 1.0)
                .max(((t - to) / 0.01).clamp(0.0, 1.0))
        };
        let speech = speech("jfk_male.wav");
        let muted: Vec<f32> = speech.iter().enumerate().map(|(n, sample)| sample * gain(n)).collect();
        let sent = send(&muted, &options, rtp_start(1), 0);
        let heard = listen(self::options(), &deliver(&sent, |_| Some(0)), &every_10ms(9.0));
        let during = &heard.samples[(48_000.0 * (from + 0.5)) as usize..(48_000.0 * to) as usize];
        assert!(rms(during) < 1e-3, "{dtx}: {}", rms(during));
        let after = |samples: &[f32]| rms(&samples[48_000 * 6..48_000 * 8]);
        let level = after(&heard.samples) / after(&speech);
        assert!((0.8..1.25).contains(&level), "{dtx}: {level}");
        assert_no_new_click(&heard.samples, &muted, 0.0, "mute and unmute");
        let packets = sent
            .iter()
            .filter(|sent| (3_500_000..5_400_000).contains(&sent.at_us))
            .count();
        assert!(if dtx { packets < 10 } else { packets > 90 }, "{dtx}: {packets}");
    }
}
