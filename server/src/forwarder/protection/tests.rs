//! From reports to copies, in virtual time.

use super::*;

const fn frames(copy_kbit: f32, ticks: u32) -> Option<FramesOfLate> {
    Some(FramesOfLate { copy_kbit, ticks })
}

const SPEECH: Conditions = Conditions {
    round_trip: Some(Duration::from_millis(40)),
    runs: Runs::Unknown,
    tells_runs: false,
    frames: frames(18.0, 960),
    budget_kbit: 96,
};

fn all(packets: u32) -> Delivered {
    Delivered {
        numbers: packets,
        packets,
    }
}

/// A listener that reports, and the copies that it gets.
struct Listener {
    protection: Protection,
    now: Instant,
    set: CopySet,
    /// Packets lost of a report so far, as a fraction: a report tells whole packets.
    owed: f64,
}

impl Listener {
    fn new() -> Self {
        Self {
            protection: Protection::default(),
            now: Instant::now(),
            set: CopySet::NONE,
            owed: 0.0,
        }
    }

    /// Reports each `every` milliseconds for so many seconds; gives the changes.
    fn report(&mut self, loss: f64, every: u64, seconds: f64, conditions: &Conditions) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..(seconds * 1000.0 / every as f64).round() as u32 {
            self.now += Duration::from_millis(every);
            let sent = u32::try_from(every / 20).unwrap();
            self.owed += f64::from(sent) * loss;
            let lost = self.owed.floor();
            self.owed -= lost;
            let fraction = (lost * 256.0 / f64::from(sent)).min(255.0) as u8;
            self.protection.note(fraction, all(sent), self.now);
            if let Some(change) = self.protection.decide(conditions, self.now) {
                self.set = match change {
                    Change::Switched(set) => set,
                    Change::Withdrawn => CopySet::NONE,
                };
                changes.push(change);
            }
        }
        changes
    }
}

#[test]
fn copies_are_those_of_the_table() {
    // Loss, then the distances for single, unknown and long runs, and for who tells its runs, single and long.
    let table: [(f64, [&[u8]; 5]); 5] = [
        (0.005, [&[], &[], &[], &[], &[]]),
        (0.02, [&[1]; 5]),
        (0.034, [&[2], &[3], &[3], &[2], &[3]]),
        (0.07, [&[2], &[4], &[4], &[2], &[4]]),
        (0.2, [&[1, 2], &[1, 3], &[4], &[2, 4], &[2, 4]]),
    ];
    let columns = [
        (Runs::Single, false),
        (Runs::Unknown, false),
        (Runs::Long, false),
        (Runs::Single, true),
        (Runs::Long, true),
    ];
    for (loss, row) in table {
        for (distances, (runs, tells_runs)) in row.into_iter().zip(columns) {
            for every in [500, 1_000, 5_000] {
                let conditions = Conditions {
                    runs,
                    tells_runs,
                    ..SPEECH
                };
                let mut listener = Listener::new();
                listener.report(loss, every, 30.0, &conditions);
                assert_eq!(
                    listener.set,
                    CopySet::of(distances),
                    "{loss} {runs:?} {tells_runs} {every} ms"
                );
            }
        }
    }
}

#[test]
fn the_first_report_of_loss_brings_copies_the_whole_table_comes_within_2_s_and_one_lost_packet_brings_none() {
    let mut listener = Listener::new();
    listener.report(0.0, 500, 20.0, &SPEECH);
    assert_eq!(listener.report(0.2, 500, 0.5, &SPEECH).len(), 1);
    listener.report(0.2, 500, 1.5, &SPEECH);
    assert_eq!(listener.set, CopySet::of(&[1, 3]));
    let mut listener = Listener::new();
    listener.report(0.0, 500, 20.0, &SPEECH);
    listener.protection.note(10, all(25), listener.now);
    assert_eq!(listener.protection.decide(&SPEECH, listener.now), None);
    let mut browser = Listener::new();
    browser.report(0.0, 5_000, 20.0, &SPEECH);
    browser.report(0.2, 5_000, 5.0, &SPEECH);
    assert_eq!(browser.set, CopySet::of(&[1, 3]));
}

#[test]
fn copies_are_as_far_in_time_whatever_the_length_of_a_frame() {
    // Milliseconds of a frame, and the distances for 1 and 3 of 20 ms.
    let table: [(u32, &[u8]); 6] = [
        (20, &[1, 3]),
        (10, &[2, 6]),
        (5, &[4, 12]),
        (40, &[1, 2]),
        (60, &[1]),
        (120, &[1]),
    ];
    for (ms, distances) in table {
        let conditions = Conditions {
            frames: frames(8.0, ms * 48),
            ..SPEECH
        };
        let mut listener = Listener::new();
        listener.report(0.2, 500, 5.0, &conditions);
        assert_eq!(listener.set, CopySet::of(distances), "{ms} ms");
    }
}

#[test]
fn what_the_publisher_lost_asks_for_no_copies() {
    let mut listener = Listener::new();
    for _ in 0..60 {
        listener.now += Duration::from_millis(500);
        let delivered = Delivered {
            numbers: 25,
            packets: 20,
        };
        listener.protection.note(51, delivered, listener.now);
        assert_eq!(listener.protection.decide(&SPEECH, listener.now), None);
    }
}

#[test]
fn copies_end_30_s_after_the_loss_and_do_not_flap_before() {
    let mut listener = Listener::new();
    listener.report(0.2, 500, 10.0, &SPEECH);
    assert_eq!(listener.report(0.0, 500, 29.0, &SPEECH), []);
    assert_eq!(listener.report(0.0, 500, 1.5, &SPEECH), [Change::Switched(CopySet::NONE)]);
    assert!(listener.set.is_empty());
    let mut listener = Listener::new();
    let mut changes = 0;
    for second in 0..120 {
        let loss = if second % 2 == 0 { 0.02 } else { 0.05 };
        changes += listener.report(loss, 500, 1.0, &SPEECH).len();
    }
    assert!(changes <= 3, "{changes}");
}

#[test]
fn copies_beyond_the_budget_are_left_out_the_nearest_first() {
    // Budget, what a copy costs, and the distances.
    let table: [(u32, Option<f32>, &[u8]); 6] = [
        (96, Some(48.0), &[1, 3]),
        (96, Some(49.0), &[3]),
        (96, Some(97.0), &[]),
        (34, None, &[3]),
        (1, Some(0.4), &[1, 3]),
        (0, Some(8.0), &[]),
    ];
    for (budget_kbit, copy_kbit, distances) in table {
        let conditions = Conditions {
            budget_kbit,
            frames: copy_kbit.and_then(|kbit| frames(kbit, 960)),
            ..SPEECH
        };
        let mut listener = Listener::new();
        listener.report(0.2, 500, 5.0, &conditions);
        assert_eq!(listener.set, CopySet::of(distances), "{budget_kbit} {copy_kbit:?}");
        assert_eq!(listener.protection.is_thinned(), distances.len() < 2);
    }
}

#[test]
fn copies_that_fill_the_link_are_taken_away_for_30_s_and_tried_again() {
    let slow = Conditions {
        round_trip: Some(Duration::from_millis(300)),
        ..SPEECH
    };
    let mut listener = Listener::new();
    listener.report(0.06, 500, 3.0, &SPEECH);
    assert!(!listener.set.is_empty());
    assert_eq!(listener.report(0.3, 500, 2.0, &slow), [Change::Withdrawn]);
    assert_eq!(listener.report(0.06, 500, 27.0, &SPEECH), []);
    assert_eq!(listener.report(0.06, 500, 2.0, &SPEECH).len(), 1, "once more");
    assert!(!listener.set.is_empty());
}

#[test]
fn loss_that_grows_by_itself_takes_no_copies_away() {
    let mut listener = Listener::new();
    listener.report(0.06, 500, 3.0, &SPEECH);
    let changes = listener.report(0.4, 500, 5.0, &SPEECH);
    assert!(!changes.contains(&Change::Withdrawn) && !listener.set.is_empty());
    // A round trip that nobody measured says nothing either.
    let unmeasured = Conditions {
        round_trip: None,
        ..SPEECH
    };
    assert!(!listener.report(0.9, 500, 5.0, &unmeasured).contains(&Change::Withdrawn));
}
