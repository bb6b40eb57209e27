//! What a stream's publisher is told of its listeners, and they of its leg. Whole numbers, so that equal is equal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::uplink::UplinkLoss;

/// The worst and the median of a figure over listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// The greatest.
    pub worst: u32,
    /// The middle one; of an even number the lower one of the two.
    pub median: u32,
}

/// The listeners of one stream as their reports of the last seconds say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerSummary {
    /// Listeners that are connected and not paused.
    pub listeners: u32,
    /// Of these, listeners that reported.
    pub reporting: u32,
    /// Packets lost between server and listener, in thousandths (RFC 3550 §6.4.1).
    pub loss_permille: Option<Spread>,
    /// Mean length of a run of lost packets, in tenths of a packet (RFC 3611 §4.1); of those who tell.
    pub burst_tenths: Option<Spread>,
    /// Round-trip time between server and listener in milliseconds.
    pub round_trip_ms: Option<Spread>,
    /// Listeners that get copies of older frames now.
    pub copying: u32,
}

/// How large a change of a round-trip time is worth telling, in milliseconds.
const ROUND_TRIP_STEP: u32 = 10;

impl ListenerSummary {
    /// Several shards' listeners together.
    ///
    /// The worst is exact. The median is the median of the parts' medians, each counted as often as listeners reported there.
    pub fn merged(parts: &[Self]) -> Self {
        let sum = |figure: fn(&Self) -> u32| parts.iter().map(figure).fold(0, u32::saturating_add);
        let spread =
            |figure: fn(&Self) -> Option<Spread>| merge(parts.iter().filter_map(|part| Some((figure(part)?, part.reporting))));
        Self {
            listeners: sum(|part| part.listeners),
            reporting: sum(|part| part.reporting),
            loss_permille: spread(|part| part.loss_permille),
            burst_tenths: spread(|part| part.burst_tenths),
            round_trip_ms: spread(|part| part.round_trip_ms),
            copying: sum(|part| part.copying),
        }
    }

    /// Whether nothing is lost, as far as is known.
    pub fn is_quiet(&self) -> bool {
        self.loss_permille.is_none_or(|loss| loss.worst == 0)
    }

    /// Whether it says nothing else than `other`, but for small changes of the round-trip time.
    pub fn is_like(&self, other: &Self) -> bool {
        let near = |a: u32, b: u32| a.abs_diff(b) < ROUND_TRIP_STEP;
        let round_trips = match (self.round_trip_ms, other.round_trip_ms) {
            (Some(a), Some(b)) => near(a.worst, b.worst) && near(a.median, b.median),
            (a, b) => a == b,
        };
        let without = |summary: &Self| Self {
            round_trip_ms: None,
            ..*summary
        };
        round_trips && without(self) == without(other)
    }
}

/// The median of medians by weight.
fn merge(parts: impl Iterator<Item = (Spread, u32)>) -> Option<Spread> {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable_by_key(|(spread, _)| spread.median);
    let worst = parts.iter().map(|(spread, _)| spread.worst).max()?;
    let total: u64 = parts.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let mut before = 0;
    let middle = parts.iter().find(|(_, weight)| {
        before += u64::from(*weight);
        before * 2 >= total
    });
    let median = middle.map(|(spread, _)| spread.median)?;
    Some(Spread { worst, median })
}

/// Figures of listeners, gathered; kept and filled again, so that it allocates only while it grows.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    listeners: u32,
    reporting: u32,
    copying: u32,
    loss: Vec<u32>,
    burst: Vec<u32>,
    round_trip: Vec<u32>,
}

impl Samples {
    /// Notes that the listener that is added gets copies.
    pub(crate) fn add_copying(&mut self) {
        self.copying = self.copying.saturating_add(1);
    }

    /// Adds a listener: its loss in 256ths, its bursts in tenths, its round-trip time.
    pub(crate) fn add(&mut self, loss: Option<u8>, burst_tenths: Option<u32>, round_trip: Option<Duration>) {
        self.listeners = self.listeners.saturating_add(1);
        self.reporting = self.reporting.saturating_add(u32::from(loss.is_some()));
        self.loss.extend(loss.map(|loss| (u32::from(loss) * 1000 + 128) / 256));
        self.burst.extend(burst_tenths);
        self.round_trip.extend(round_trip.map(whole_ms));
    }

    /// What they say together; nothing is gathered after it.
    pub(crate) fn take(&mut self) -> ListenerSummary {
        let summary = ListenerSummary {
            listeners: std::mem::take(&mut self.listeners),
            reporting: std::mem::take(&mut self.reporting),
            loss_permille: spread(&mut self.loss),
            burst_tenths: spread(&mut self.burst),
            round_trip_ms: spread(&mut self.round_trip),
            copying: std::mem::take(&mut self.copying),
        };
        self.loss.clear();
        self.burst.clear();
        self.round_trip.clear();
        summary
    }
}

fn spread(values: &mut [u32]) -> Option<Spread> {
    let worst = values.iter().copied().max()?;
    let middle = (values.len() - 1) / 2;
    let (_, median, _) = values.select_nth_unstable(middle);
    Some(Spread { worst, median: *median })
}

fn whole_ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// What the network lost of a publisher's packets in the last moment, before anything was repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// In thousandths.
    pub loss_permille: u32,
    /// Mean length of a run of lost packets, in tenths of a packet, 10 or more; `None`: nothing was lost.
    pub burst_tenths: Option<u32>,
}

impl From<UplinkLoss> for Uplink {
    fn from(loss: UplinkLoss) -> Self {
        let of = |count: u32, unit: u32, whole: u32| count.saturating_mul(unit).checked_div(whole);
        Self {
            loss_permille: of(loss.lost, 1000, loss.expected).unwrap_or(0),
            burst_tenths: of(loss.lost, 10, loss.runs),
        }
    }
}

/// The way from a publisher to the server, in steps that are worth telling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherLeg {
    /// Round-trip time in milliseconds, in steps of 10.
    pub round_trip_ms: Option<u32>,
    /// Packets lost and not repaired in time, in thousandths, in steps of 5: a mean of the last seconds.
    pub loss_permille: u32,
    /// Interarrival jitter in milliseconds, in steps of 5 (RFC 3550 §6.4.1).
    pub jitter_ms: u32,
}

/// How much a new fraction of the last 500 ms weighs in the mean.
const NEW_WEIGHT: f32 = 0.125;

/// Follows the leg of one publisher.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LegMeter {
    loss: f32,
}

impl LegMeter {
    /// Takes what the last report says: 256ths lost, jitter on the 48 kHz clock.
    pub(crate) fn measure(&mut self, lost_256ths: u8, jitter_ticks: u32, round_trip: Option<Duration>) -> PublisherLeg {
        self.loss += (f32::from(lost_256ths) / 256.0 - self.loss) * NEW_WEIGHT;
        PublisherLeg {
            round_trip_ms: round_trip.map(|time| stepped(whole_ms(time), 10)),
            // 0..=1000, so the cast is exact.
            loss_permille: stepped((self.loss * 1000.0) as u32, 5),
            jitter_ms: stepped(jitter_ticks / 48, 5),
        }
    }
}

/// The nearest multiple of `step`.
fn stepped(value: u32, step: u32) -> u32 {
    value.saturating_add(step / 2) / step * step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(losses: &[u8]) -> ListenerSummary {
        let mut samples = Samples::default();
        for loss in losses {
            samples.add(Some(*loss), None, Some(Duration::from_millis(u64::from(*loss))));
        }
        samples.take()
    }

    #[test]
    fn worst_and_median_are_those_of_the_listeners_that_tell() {
        let mut samples = Samples::default();
        for (loss, burst, rtt) in [
            (Some(0), None, Some(40)),
            (Some(32), Some(32), Some(60)),
            (Some(3), Some(10), None),
            (None, None, None),
        ] {
            samples.add(loss, burst, rtt.map(Duration::from_millis));
        }
        let expected = ListenerSummary {
            listeners: 4,
            reporting: 3,
            loss_permille: Some(Spread { worst: 125, median: 12 }),
            burst_tenths: Some(Spread { worst: 32, median: 10 }),
            round_trip_ms: Some(Spread { worst: 60, median: 40 }),
            copying: 1,
        };
        samples.add_copying();
        assert_eq!(samples.take(), expected);
        assert_eq!(samples.take(), ListenerSummary::default(), "nothing is left");
    }

    #[test]
    fn shards_together_have_the_worst_of_all_and_the_median_by_weight() {
        let merged = ListenerSummary::merged(&[summary(&[0; 10]), summary(&[128]), ListenerSummary::default()]);
        assert_eq!((merged.listeners, merged.reporting), (11, 11));
        assert_eq!(merged.loss_permille, Some(Spread { worst: 500, median: 0 }));
        let merged = ListenerSummary::merged(&[summary(&[26, 26]), summary(&[0])]);
        assert_eq!(merged.loss_permille, Some(Spread { worst: 102, median: 102 }));
        assert_eq!(ListenerSummary::merged(&[]), ListenerSummary::default());
    }

    #[test]
    fn small_changes_of_the_round_trip_time_are_no_news() {
        let of = |rtt: u64, loss: u8| {
            let mut samples = Samples::default();
            samples.add(Some(loss), None, Some(Duration::from_millis(rtt)));
            samples.take()
        };
        assert!(of(40, 0).is_like(&of(49, 0)));
        assert!(!of(40, 0).is_like(&of(50, 0)));
        assert!(!of(40, 0).is_like(&of(40, 1)));
        assert!(of(40, 0).is_quiet() && !of(40, 1).is_quiet());
    }

    #[test]
    fn the_leg_of_a_publisher_changes_in_steps() {
        let mut meter = LegMeter::default();
        let leg = meter.measure(0, 100, Some(Duration::from_millis(44)));
        assert_eq!((leg.round_trip_ms, leg.loss_permille, leg.jitter_ms), (Some(40), 0, 0));
        for _ in 0..40 {
            meter.measure(26, 480, None);
        }
        let leg = meter.measure(26, 480, None);
        assert_eq!((leg.round_trip_ms, leg.loss_permille, leg.jitter_ms), (None, 100, 10));
        for _ in 0..40 {
            meter.measure(0, 0, None);
        }
        assert_eq!(
            meter.measure(0, 0, None),
            PublisherLeg {
                round_trip_ms: None,
                ..PublisherLeg::default()
            }
        );
    }
}
