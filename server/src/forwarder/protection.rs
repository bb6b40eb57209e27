//! Which copies a listener gets: from what it reports to distances. Pure; time and figures are arguments.
//!
//! ```text
//! loss        any listener, runs of lost packets       a listener that
//!             single     unknown     long              tells which it lost
//! below 1 %   -          -           -                 -
//! from 1 %    1          1           1                 1
//! from 3 %    2          3           3                 as single, long
//! from 4 %    2          4           4                 as single, long
//! from 10 %   1 and 2    1 and 3     4                 2 and 4
//! ```
//!
//! By what Chromium's listeners heard (PESQ): docs/capacity.md tells what a copy costs. Who tells which packets it lost
//! (RFC 3611) is one of our engines, which waits for a copy at any distance.

use std::time::{Duration, Instant};

use super::bursts::Runs;
use super::copies::CopySet;

/// Copies go on for so long after the loss that asked for them.
const HOLD: Duration = Duration::from_secs(30);
/// Copies that made it worse are left out for so long.
const REST: Duration = Duration::from_secs(30);
/// A set stays for so long: a listener needs some time to get used to it.
const LEAST_STAY: Duration = Duration::from_secs(1);
/// After a switch, harm shows in this time.
const TRIAL: Duration = Duration::from_secs(10);
/// Copies do harm where the loss grew to this many times what it was and by this much, and the round-trip time by half and by
/// [`RISEN`]: the link is full.
const GROWN: f32 = 1.5;
const GROWN_BY: f32 = 0.05;
const RISEN: Duration = Duration::from_millis(60);
/// Until a stream's frames are measured they count as those of speech at 32 kbit/s.
const USUAL_KBIT: f32 = 34.0;

/// The time constant of the longer mean, in seconds; that of the shorter one is a second.
const FAR_S: f32 = 5.0;
/// Fewer lost packets in a mean say nothing: a single one, and chance in a short time.
const LEAST_NEAR: f32 = 3.5;
const LEAST_FAR: f32 = 1.5;

/// Loss from which on a listener is of a level.
const LEVELS: [f32; 4] = [0.01, 0.03, 0.04, 0.10];

/// What is known of a listener beside its loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub(crate) round_trip: Option<Duration>,
    pub(crate) runs: Runs,
    /// It tells which packets it lost.
    pub(crate) tells_runs: bool,
    /// What one copy of each frame costs, in kbit/s.
    pub(crate) copy_kbit: Option<f32>,
    /// What copies may cost all together, in kbit/s.
    pub(crate) budget_kbit: u32,
}

/// What a listener was sent between two of its reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    /// How far the numbers of its packets went on.
    pub(crate) numbers: u32,
    /// How many packets were sent: fewer where the publisher's did not come.
    pub(crate) packets: u32,
}

/// What changes for a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Other copies from now on.
    Switched(CopySet),
    /// No copies: they made the loss worse.
    Withdrawn,
}

/// The loss of one listener, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    /// The shorter and the longer mean.
    near: Window,
    far: Window,
    noted: Option<Instant>,
    /// When the loss was last of each level.
    reached: [Option<Instant>; LEVELS.len()],
    current: CopySet,
    changed: Option<Instant>,
    trial: Option<Trial>,
    rests_until: Option<Instant>,
    /// Whether the budget leaves copies out.
    thinned: bool,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    began: Instant,
    loss: f32,
    round_trip: Option<Duration>,
}

impl Protection {
    /// Takes a report: so many 256ths of what was `delivered` since the one before were lost.
    pub(crate) fn note(&mut self, lost_256ths: u8, delivered: Delivered, now: Instant) {
        let passed = self.noted.map_or(Duration::ZERO, |noted| now.saturating_duration_since(noted));
        self.noted = Some(now);
        // What the publisher lost is missing here, too, and no copy brings it back.
        let never_sent = delivered.numbers.saturating_sub(delivered.packets) as f32;
        let missing = (f32::from(lost_256ths) * delivered.numbers as f32 / 256.0).round();
        let (lost, sent) = ((missing - never_sent).max(0.0), delivered.packets as f32);
        self.near.add(lost, sent, passed.as_secs_f32());
        self.far.add(lost, sent, passed.as_secs_f32() / FAR_S);
        if lost < 1.0 {
            return;
        }
        let loss = self.loss();
        for (reached, least) in self.reached.iter_mut().zip(LEVELS) {
            if loss >= least {
                *reached = Some(now);
            }
        }
    }

    /// What changes now.
    pub(crate) fn decide(&mut self, conditions: &Conditions, now: Instant) -> Option<Change> {
        let stays = self.changed.is_some_and(|at| now.saturating_duration_since(at) < LEAST_STAY);
        if stays {
            return None;
        }
        if self.is_harmed(conditions.round_trip, now) {
            self.rests_until = Some(now + REST);
            self.switch(CopySet::NONE, None, now);
            return Some(Change::Withdrawn);
        }
        if self.rests_until.is_some_and(|until| now < until) {
            return None;
        }
        let wanted = self.wanted(conditions, now);
        let set = within_budget(wanted, conditions);
        self.thinned = set != wanted;
        if set == self.current {
            return None;
        }
        self.switch(set, conditions.round_trip, now);
        Some(Change::Switched(set))
    }

    /// Whether the budget left copies out at the last decision.
    pub(crate) fn is_thinned(&self) -> bool {
        self.thinned
    }

    /// The fraction lost between us and the listener.
    fn loss(&self) -> f32 {
        self.near.loss(LEAST_NEAR).max(self.far.loss(LEAST_FAR))
    }

    fn wanted(&self, conditions: &Conditions, now: Instant) -> CopySet {
        let lately = |at: &Instant| now.saturating_duration_since(*at) < HOLD;
        let level = self.reached.iter().rposition(|at| at.as_ref().is_some_and(lately));
        let of = |distances: &[u8]| CopySet::of(distances);
        match (level, conditions.runs) {
            (None, _) => CopySet::NONE,
            (Some(0), _) => of(&[1]),
            (Some(3), _) if conditions.tells_runs => of(&[2, 4]),
            (Some(3), Runs::Single) => of(&[1, 2]),
            (Some(3), Runs::Unknown) => of(&[1, 3]),
            (Some(_), Runs::Single) => of(&[2]),
            (Some(1), _) => of(&[3]),
            (Some(_), _) => of(&[4]),
        }
    }

    fn switch(&mut self, to: CopySet, round_trip: Option<Duration>, now: Instant) {
        let is_more = to.len() > self.current.len();
        self.trial = is_more.then(|| Trial {
            began: now,
            loss: self.loss(),
            round_trip,
        });
        self.current = to;
        self.changed = Some(now);
    }

    /// Whether the last switch to more copies filled the link. Loss alone says nothing: it grows by itself, too.
    fn is_harmed(&self, round_trip: Option<Duration>, now: Instant) -> bool {
        let Some(trial) = self.trial else {
            return false;
        };
        let risen = trial
            .round_trip
            .zip(round_trip)
            .is_some_and(|(before, after)| after >= before + RISEN.max(before / 2));
        let lost_more = self.near.loss(LEAST_NEAR) >= trial.loss * GROWN + GROWN_BY;
        risen && lost_more && now.saturating_duration_since(trial.began) <= TRIAL
    }
}

/// As many of the copies as the budget has room for: the farthest survive longer bursts.
fn within_budget(wanted: CopySet, conditions: &Conditions) -> CopySet {
    let each = conditions.copy_kbit.unwrap_or(USUAL_KBIT);
    let mut set = wanted;
    while set.len() as f32 * each > conditions.budget_kbit as f32 {
        set = set.without_nearest();
    }
    set
}

/// Packets sent and lost, the past counting less and less.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    sent: f32,
    lost: f32,
}

impl Window {
    /// `passed` in time constants.
    fn add(&mut self, lost: f32, sent: f32, passed: f32) {
        let left = (-passed).exp();
        self.sent = self.sent * left + sent;
        self.lost = self.lost * left + lost;
    }

    /// The fraction lost, or 0 where fewer than `least` packets were.
    fn loss(&self, least: f32) -> f32 {
        if self.lost < least { 0.0 } else { self.lost / self.sent.max(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: Conditions = Conditions {
        round_trip: Some(Duration::from_millis(40)),
        runs: Runs::Unknown,
        tells_runs: false,
        copy_kbit: Some(18.0),
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
                    assert_eq!(listener.set, CopySet::of(distances), "{loss} {runs:?} {tells_runs} {every} ms");
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
                copy_kbit,
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
}
