//! Clocks that run at different speeds.

use express_messages::publisher::EncoderOptions;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ears::*, sim::*};
use crate::rtp::{CopySet, RtpPacketIn, SendPlan};

/// `seconds` of a tone from a sender whose clock is faster or slower by `drift`.
///
/// Two seconds of it, over and over: a frame is nine periods long, so the encoder's packets of a steady tone fit one another.
fn drifting(drift: f64, seconds: i64, plan: SendPlan, mut delay_us: impl FnMut() -> Option<i64>) -> Vec<(i64, RtpPacketIn)> {
    let sent = send_planned(&tone(450.0, 0.3, 4.0, 1), &EncoderOptions::default(), rtp_start(1), plan);
    let mut last = 0;
    (0..seconds * 50)
        .filter_map(|n| {
            let mut packet = sent[100 + n as usize % 100].packet.clone();
            packet.header.sequence_number = n as u16;
            packet.header.timestamp = (n * 960) as u32;
            let at = (n as f64 * 20_000.0 * (1.0 - drift)) as i64 + delay_us()?;
            last = at.max(last);
            Some((last, packet))
        })
        .collect()
}

/// The delay of no second is far from that of the one before, nothing clicks, and `most_ms` at most were stretched beyond what the
/// drift asks for.
fn assert_followed(what: &str, heard: &Heard, (drift, seconds): (f64, i64), most_ms: f64) {
    let settled = &heard.delays_ms[10..];
    let (least, most) = settled.iter().fold((f64::MAX, 0.0_f64), |(a, b), d| (a.min(*d), b.max(*d)));
    let step = settled.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
    let removed = heard.stats.removed_samples_for_acceleration as f64 / 48.0;
    let inserted = heard.stats.inserted_samples_for_deceleration as f64 / 48.0;
    let needed = (drift * seconds as f64 * 1_000.0).abs();
    println!("{what}: {least:.1} to {most:.1} ms, steps of {step:.1} ms, {removed:.0} ms removed, {inserted:.0} inserted");
    assert!(least > 15.0 && most < 95.0, "{what}: {least} to {most} ms");
    assert!(step < 15.0, "{what}: {step} ms from one second to the next");
    assert!(
        removed + inserted < needed + most_ms,
        "{what}: {removed} + {inserted} for {needed} ms"
    );
    assert_no_click(heard.after(0.3));
}

#[test]
fn a_clock_that_drifts_by_300_ppm_is_followed_for_an_hour_without_a_step() {
    const HOUR: i64 = 3_600;
    for drift in [-0.000_3, 0.000_3] {
        let arrivals = drifting(drift, HOUR, SendPlan::plain(48_000), || Some(0));
        let heard = listen(options(), &arrivals, &every_10ms(HOUR as f64 * (1.0 - drift) - 1.0));
        assert_followed(&format!("drift {drift}"), &heard, (drift, HOUR), 30.0);
        assert_eq!(heard.stats.concealed_samples, 0);
    }
}

#[test]
fn a_clock_that_drifts_is_followed_through_jitter_and_loss() {
    const SECONDS: i64 = 300;
    for drift in [-0.000_3, 0.000_3] {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let jitter = drifting(drift, SECONDS, SendPlan::plain(48_000), || {
            let normal = (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0;
            Some((20_000.0 + 10_000.0 * normal).max(0.0) as i64)
        });
        let heard = listen(options(), &jitter, &every_10ms(SECONDS as f64 - 1.0));
        assert_followed(&format!("jitter, drift {drift}"), &heard, (drift, SECONDS), 60.0);
        let copies = SendPlan {
            copies: CopySet::of(&[2]),
            ..SendPlan::plain(48_000)
        };
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let loss = drifting(drift, SECONDS, copies, || (!rng.random_bool(0.1)).then_some(0));
        let heard = listen(options(), &loss, &every_10ms(SECONDS as f64 - 1.0));
        assert_followed(&format!("loss, drift {drift}"), &heard, (drift, SECONDS), 60.0);
    }
}
