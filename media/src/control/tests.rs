use std::time::{Duration, Instant};

use super::*;
use crate::rtp::CopySet;
use express_messages::publisher::FrameLength::{Ms10, Ms20};

mod link;

/// A controller of 32 kbit/s that had the same report every 500 ms for `seconds`.
fn after(seconds: u64, loss: f64, burst: f64) -> (SenderController, Instant) {
    let mut controller = SenderController::new(32_000, Ms20);
    let mut now = Instant::now();
    let report = LinkReport {
        loss,
        burst: (loss > 0.0).then_some(burst),
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
    let table: [(f64, f64, &[u8]); 7] = [
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
        assert_eq!(plan.copies, CopySet::of(distances), "{loss} in runs of {burst}");
        assert_eq!(plan.bits_per_second, 32_000, "never more than was asked for");
    }
}

#[test]
fn who_takes_no_red_gets_in_band_fec() {
    let (mut controller, now) = after(2, 0.10, 1.1);
    controller.set_red(false);
    let plan = controller.plan(now);
    assert_eq!((plan.copies, plan.fec_against), (CopySet::NONE, 10));
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

/// So many checks, all of them answered, the last after `round_trip` ms.
fn answered(checks: u32, round_trip: u64) -> Checks {
    Checks {
        sent: checks.into(),
        answered: checks.into(),
        round_trip: Some(Duration::from_millis(round_trip)),
    }
}

/// The bitrates that a controller of 48 kbit/s chooses for round trips measured every 500 ms, in kbit/s, and their packets' frames.
fn planned(round_trips: impl Iterator<Item = u64>, loss: f64) -> Vec<(u32, u8)> {
    let (mut controller, start) = (SenderController::new(48_000, Ms20), Instant::now());
    let plans = (0..).zip(round_trips).map(|(n, round_trip)| {
        let now = start + Duration::from_millis(500) * n;
        let report = LinkReport { loss, burst: Some(1.0) };
        controller.on_report(&report, now);
        controller.on_checks(&answered(n + 1, round_trip), now);
        let plan = controller.plan(now);
        (plan.bits_per_second / 1_000, plan.frames)
    });
    plans.collect()
}

#[test]
fn jitter_stalls_and_losses_without_a_queue_cost_no_bitrate() {
    let jitter = (0..240).map(|n| 40 + n * 7_919 % 50);
    let stalls = (0..240).map(|n| if n % 5 == 3 { 240 } else { 40 });
    for loss in [0.0, 0.3] {
        assert!(planned(jitter.clone(), loss).iter().all(|plan| *plan == (48, 1)));
        assert!(planned(stalls.clone(), loss).iter().all(|plan| *plan == (48, 1)));
    }
}

#[test]
fn a_path_that_became_longer_is_no_queue_for_ever() {
    let plans = planned((0..200).map(|n| if n < 40 { 40 } else { 140 }), 0.0);
    assert!(plans[45].0 < 30, "{:?}", plans[45]);
    assert_eq!(plans.last(), Some(&(48, 1)));
}

/// A controller of 48 kbit/s on a link with this loss, whose last check was sent at the time that is given and is not answered.
fn unanswered(loss: f64) -> (SenderController, Instant) {
    let (mut controller, mut now) = (SenderController::new(48_000, Ms20), Instant::now());
    for n in 1..60 {
        now += Duration::from_millis(500);
        controller.on_report(&LinkReport { loss, burst: None }, now);
        controller.on_checks(&answered(n, 40), now);
    }
    let sent = Checks {
        sent: 60,
        ..answered(59, 40)
    };
    controller.on_checks(&sent, now);
    (controller, now)
}

#[test]
fn an_overdue_answer_is_a_queue_at_once_and_none_where_packets_are_lost() {
    let waits = |loss, ms| {
        let (mut controller, asked) = unanswered(loss);
        let now = asked + Duration::from_millis(ms);
        controller.on_checks(
            &Checks {
                sent: 60,
                ..answered(59, 40)
            },
            now,
        );
        let late = controller.plan(now);
        controller.on_checks(&answered(60, 45), now);
        (late, controller.plan(now))
    };
    let all = SendPlan::plain(48_000);
    assert_eq!(waits(0.0, 200), (all, all), "a stall of a mobile network");
    let (late, after) = waits(0.0, 250);
    assert_eq!((late.bits_per_second, late.frames, late.held), (6_000, 6, false));
    assert_eq!(after, all, "it was the answer that came late, nothing else");
    assert!(waits(0.0, 600).0.held);
    assert_eq!(waits(0.01, 600), (all, all), "it may be lost as others are");
}

#[test]
fn a_stream_of_short_frames_leaves_room_for_twice_the_headers() {
    let payload = |frame| {
        let (mut controller, start) = (SenderController::new(48_000, frame), Instant::now());
        let mut plan = controller.plan(start);
        for (n, round_trip) in (1..).zip([40, 40, 120, 130, 60]) {
            let now = start + Duration::from_millis(500) * n;
            controller.on_checks(&answered(n, round_trip), now);
            plan = controller.plan(now);
        }
        (plan.bits_per_second, plan.frames)
    };
    // Of 73,600 and 99,200 bit/s on the wire so much is left of 85 %, for the queue grew by 2 %.
    let (long, short) = (payload(Ms20), payload(Ms10));
    assert!((34_000..37_500).contains(&long.0) && long.1 == 1, "{long:?}");
    assert!((29_000..34_000).contains(&short.0) && short.1 == 1, "{short:?}");
}
