use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const FRAME: i64 = 20 * MS;

fn options(low_latency: bool, target_ms: Option<u64>) -> PlayoutOptions {
    PlayoutOptions {
        jitter_buffer_target: target_ms.map(Duration::from_millis),
        low_latency,
        ..PlayoutOptions::default()
    }
}

/// Feeds `count` packets whose lateness in ms is `lateness(n)`, from packet `first` on.
fn feed(estimator: &mut DelayEstimator, first: i64, count: i64, mut lateness: impl FnMut(i64) -> i64) {
    for n in first..first + count {
        estimator.update(n * FRAME + lateness(n) * MS, n * FRAME);
    }
}

#[test]
fn a_clean_link_needs_the_least_delay() {
    for (low_latency, start, steady) in [(false, 35, 30), (true, 20, 15)] {
        let mut estimator = DelayEstimator::new(&options(low_latency, None));
        assert_eq!(estimator.target(), start * MS);
        feed(&mut estimator, 0, 500, |n| n % 3);
        assert_eq!(estimator.target(), steady * MS);
        assert_eq!(estimator.start_target(), start * MS);
    }
}

#[test]
fn jitter_raises_the_target_above_nearly_every_packet_and_calm_lowers_it_again() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut estimator = DelayEstimator::new(&options(false, None));
    feed(&mut estimator, 0, 1_000, |_| rng.random_range(0..60));
    let jittery = estimator.target();
    assert!((65 * MS..=90 * MS).contains(&jittery), "{}", jittery / MS);
    feed(&mut estimator, 1_000, 3_000, |_| 0);
    assert!(estimator.target() <= 31 * MS, "{}", estimator.target() / MS);
}

#[test]
fn the_application_asks_for_the_least_and_four_seconds_are_the_most() {
    for (asked, expected) in [(200, 200), (4_000, 4_000), (9_000, 4_000)] {
        let mut estimator = DelayEstimator::new(&options(false, Some(asked)));
        feed(&mut estimator, 0, 100, |_| 0);
        assert_eq!(estimator.target(), expected * MS);
    }
}

#[test]
fn the_baseline_follows_a_step_of_the_clock_within_one_and_a_half_seconds() {
    let mut estimator = DelayEstimator::new(&options(false, None));
    feed(&mut estimator, 0, 200, |_| 0);
    feed(&mut estimator, 200, 76, |_| 300);
    assert_eq!(estimator.baseline(), Some(300 * MS));
    feed(&mut estimator, 276, 1, |_| 100);
    assert_eq!(estimator.baseline(), Some(100 * MS));
}

#[test]
fn a_longer_path_or_a_stepped_clock_leaves_no_mark_on_the_target() {
    let mut estimator = DelayEstimator::new(&options(false, None));
    feed(&mut estimator, 0, 400, |_| 0);
    feed(&mut estimator, 400, 40, |_| 300);
    assert!(estimator.target() >= 300 * MS, "not yet known to be more than a stall");
    feed(&mut estimator, 440, 80, |_| 300);
    assert_eq!(estimator.target(), 30 * MS);
    feed(&mut estimator, 520, 10, |_| 0);
    assert_eq!(estimator.target(), 30 * MS);
}

#[test]
fn a_stall_is_remembered_for_half_a_minute() {
    let stall = |at: i64| move |n: i64| if (at..at + 5).contains(&n) { 200 - 20 * (n - at) } else { 0 };
    let mut estimator = DelayEstimator::new(&options(false, None));
    feed(&mut estimator, 0, 1_400, stall(1_000));
    assert!(
        (150 * MS..210 * MS).contains(&estimator.target()),
        "{}",
        estimator.target() / MS
    );
    feed(&mut estimator, 1_400, 1_100, |_| 0);
    assert!(estimator.target() >= 150 * MS, "28 s after it");
    feed(&mut estimator, 2_500, 1_500, |_| 0);
    assert!(estimator.target() <= 33 * MS, "{}", estimator.target() / MS);

    let mut quick = DelayEstimator::new(&options(true, None));
    feed(&mut quick, 0, 1_000, stall(300));
    feed(&mut quick, 1_000, 1_000, stall(1_300));
    assert_eq!(quick.target(), 15 * MS, "low latency rather conceals");
}

#[test]
fn a_drift_of_300_ppm_leaves_the_target_alone() {
    for drift in [-0.000_3, 0.000_3] {
        let mut estimator = DelayEstimator::new(&options(false, None));
        for n in 0..180_000_i64 {
            let arrival = n as f64 * FRAME as f64 * (1.0 + drift);
            estimator.update(arrival as i64, n * FRAME);
        }
        assert_eq!(estimator.target(), 30 * MS);
    }
}

#[test]
fn the_least_of_the_played_delays_counts() {
    let mut played = PlayedDelays::new();
    assert_eq!(played.least(), None);
    for n in 0..40 {
        played.push(n * FRAME + 50 * MS + (n % 2) * 10 * MS, n * FRAME);
    }
    assert!(played.is_full());
    assert_eq!(played.least(), Some(50 * MS));
    played.shift(-8 * MS);
    assert_eq!(played.least(), Some(42 * MS));
    played.clear();
    assert_eq!(played.least(), None);
}
