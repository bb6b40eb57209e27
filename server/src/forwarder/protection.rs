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
//! Distances are in frames of 20 ms; with others they are as far in time. The table goes by what listeners heard (PESQ). Who tells
//! which packets it lost (RFC 3611) is one of our engines, which waits for a copy at any distance.

use std::time::{Duration, Instant};

use super::bursts::Runs;
use super::recent::FramesOfLate;
use express_messages::red::CopySet;

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
const USUAL: FramesOfLate = FramesOfLate {
    copy_kbit: 34.0,
    ticks: TABLE_TICKS,
};
/// The table's frames: 20 ms on the 48 kHz clock.
const TABLE_TICKS: u32 = 960;

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
    /// The stream's frames, where they are known already.
    pub(crate) frames: Option<FramesOfLate>,
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
        let passed = self
            .noted
            .map_or(Duration::ZERO, |noted| now.saturating_duration_since(noted));
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
        let frames = conditions.frames.unwrap_or(USUAL);
        let wanted = as_far(self.wanted(conditions, now), frames.ticks);
        let set = within_budget(wanted, frames.copy_kbit, conditions.budget_kbit);
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

/// The distances of the table, as far in time with frames of another length.
fn as_far(table: CopySet, ticks: u32) -> CopySet {
    let scaled = |distance: u8| {
        let packets = (u32::from(distance) * TABLE_TICKS + ticks / 2) / ticks.max(1);
        u8::try_from(packets).map_or(CopySet::MAX_DISTANCE, |packets| packets.clamp(1, CopySet::MAX_DISTANCE))
    };
    table.distances().map(scaled).fold(CopySet::NONE, CopySet::with)
}

/// As many of the copies as the budget has room for: the farthest survive longer bursts.
fn within_budget(wanted: CopySet, copy_kbit: f32, budget_kbit: u32) -> CopySet {
    let mut set = wanted;
    while set.len() as f32 * copy_kbit > budget_kbit as f32 {
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
        if self.lost < least {
            0.0
        } else {
            self.lost / self.sent.max(1.0)
        }
    }
}

#[cfg(test)]
mod tests;
