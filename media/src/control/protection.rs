//! Which copies the losses of a link need, and what they may cost.

use std::time::{Duration, Instant};

use super::{LinkReport, WIDEBAND_BELOW};
use crate::rtp::{CopySet, SendPlan};

/// Below this loss copies cost more than they repair: the frames get all bits.
const WORTH_COPIES: f64 = 0.025;
/// Half of the memory of loss is gone after so long: a report of half a second says little by itself.
const HALF_LIFE: Duration = Duration::from_secs(4);
/// Copies stay so long after the last loss that was worth them.
const KEEP: Duration = Duration::from_secs(15);
/// Runs so much longer than those of random loss are bursts.
const BURSTY: f64 = 1.6;
/// Random loss from here on is worth a second copy where the bitrate leaves each frame [`GOOD_SHARE`] ...
const WORTH_TWO: f64 = 0.15;
/// ... in bit/s,
const GOOD_SHARE: u32 = 13_000;
/// ... and from here on at any.
const NEEDS_TWO: f64 = 0.21;
/// A second copy stays until the loss is so much below.
const SLACK: f64 = 0.04;
/// Copies at other distances make listeners wait for another time, which is heard: not oftener than this.
const SETTLED: Duration = Duration::from_secs(8);
/// A frame is not encoded below this for the sake of copies, in bit/s.
const LEAST_SHARE: u32 = 9_000;

/// Follows the losses of one link.
#[derive(Debug, Clone, Default)]
pub(super) struct Protection {
    loss: Average,
    /// Of the reports that lost something, weighted by what they lost.
    burst: Average,
    last: Option<Instant>,
    worth_until: Option<Instant>,
    /// The set of the moment, and since when.
    chosen: Option<(CopySet, Instant)>,
}

/// A mean that forgets.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    sum: f64,
    weight: f64,
}

impl Average {
    fn forget(&mut self, keep: f64) {
        self.sum *= keep;
        self.weight *= keep;
    }

    fn add(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.weight += weight;
    }

    fn value(&self) -> Option<f64> {
        (self.weight > 1e-6).then(|| self.sum / self.weight)
    }
}

impl Protection {
    pub(super) fn on_report(&mut self, report: &LinkReport, now: Instant) {
        let passed = self.last.map_or(HALF_LIFE, |last| now.saturating_duration_since(last));
        self.last = Some(now);
        let keep = 0.5_f64.powf(passed.as_secs_f64() / HALF_LIFE.as_secs_f64());
        self.loss.forget(keep);
        self.burst.forget(keep);
        self.loss.add(report.loss.clamp(0.0, 1.0), passed.as_secs_f64());
        if let Some(burst) = report.burst.filter(|burst| burst.is_finite() && *burst >= 1.0) {
            self.burst.add(burst, report.loss);
        }
        if self.loss() >= WORTH_COPIES {
            self.worth_until = Some(now + KEEP);
        }
    }

    pub(super) fn plan(&mut self, budget: u32, red: bool, now: Instant) -> SendPlan {
        let is_worth = self.worth_until.is_some_and(|until| now < until);
        if !is_worth {
            self.chosen = None;
            return SendPlan::plain(budget);
        }
        if !red {
            return SendPlan {
                // 0..=100, so the cast is exact.
                fec_against: (100.0 * self.loss()).round().clamp(1.0, 100.0) as u8,
                ..SendPlan::plain(budget)
            };
        }
        let copies = self.choose(budget, now);
        SendPlan {
            copies,
            wideband: budget / (1 + copies.len()) < WIDEBAND_BELOW,
            ..SendPlan::plain(budget)
        }
    }

    fn choose(&mut self, budget: u32, now: Instant) -> CopySet {
        let before = self
            .chosen
            .filter(|(_, since)| now.saturating_duration_since(*since) < SETTLED);
        if let Some((copies, _)) = before.filter(|(copies, _)| budget / (1 + copies.len()) >= LEAST_SHARE) {
            return copies;
        }
        let copies = self.distances(budget);
        if self.chosen.is_none_or(|(chosen, _)| chosen != copies) {
            self.chosen = Some((copies, now));
        }
        copies
    }

    /// Far enough apart that one burst does not take both, near enough that nobody waits for long.
    fn distances(&self, budget: u32) -> CopySet {
        let loss = self.loss();
        if self.burst.value().is_some_and(|burst| burst * (1.0 - loss) >= BURSTY) {
            return CopySet::of(&[3]);
        }
        let has_two = self.chosen.is_some_and(|(copies, _)| copies.len() > 1);
        let slack = if has_two { SLACK } else { 0.0 };
        let two_from = if budget / 3 >= GOOD_SHARE { WORTH_TWO } else { NEEDS_TWO };
        let is_worth = loss >= two_from - slack && budget / 3 >= LEAST_SHARE;
        CopySet::of(if is_worth { &[2, 3] } else { &[2] })
    }

    fn loss(&self) -> f64 {
        self.loss.value().unwrap_or(0.0)
    }
}
