use std::time::{Duration, Instant};

use super::*;
use crate::rtp::Copies;

/// A controller of 32 kbit/s that had the same report every 500 ms for `seconds`.
fn after(seconds: u64, loss: f64, burst: f64) -> (SenderController, Instant) {
    let mut controller = SenderController::new(32_000);
    let mut now = Instant::now();
    let report = LinkReport {
        loss,
        burst: (loss > 0.0).then_some(burst),
        round_trip: None,
    };
    for _ in 0..2 * seconds {
        now += Duration::from_millis(500);
        controller.on_report(&report, now);
    }
    (controller, now)
}

#[test]
fn copies_go_as_far_as_the_bursts_and_nothing_is_copied_on_a_good_link() {
    // (loss, mean run, distances)
    let table: [(f64, f64, &[usize]); 7] = [
        (0.0, 1.0, &[]),
        (0.01, 1.0, &[]),
        (0.05, 1.0, &[2]),
        (0.10, 1.1, &[2]),
        (0.30, 1.4, &[2, 3]),
        (0.10, 3.0, &[3]),
        (0.30, 5.0, &[3]),
    ];
    for (loss, burst, distances) in table {
        let (mut controller, now) = after(2, loss, burst);
        let plan = controller.plan(now);
        assert_eq!(plan.copies, Copies::at(distances), "{loss} in runs of {burst}");
        assert_eq!(plan.bits_per_second, 32_000, "never more than was asked for");
    }
}

#[test]
fn who_takes_no_red_gets_in_band_fec() {
    let (mut controller, now) = after(2, 0.10, 1.1);
    controller.set_red(false);
    let plan = controller.plan(now);
    assert_eq!((plan.copies, plan.fec_against), (Copies::NONE, 10));
}

#[test]
fn copies_end_some_time_after_the_losses() {
    let (mut controller, mut now) = after(10, 0.10, 1.1);
    let mut copied_for = 0;
    while !controller.plan(now).copies.is_empty() {
        now += Duration::from_millis(500);
        controller.on_report(&LinkReport::default(), now);
        copied_for += 500;
    }
    assert!((15_000..30_000).contains(&copied_for), "{copied_for} ms");
}
