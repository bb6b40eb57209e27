//! One unit for all clocks of playout: samples at 48 kHz since an epoch.

use std::time::{Duration, Instant};

/// Samples in a millisecond.
pub(super) const MS: i64 = 48;

/// Turns arrival times and the pump's clock into samples since the first call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SampleClock {
    epoch: Option<Instant>,
}

impl SampleClock {
    /// `at` in samples since the epoch; negative before it.
    pub(super) fn samples(&mut self, at: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(at);
        match at.checked_duration_since(epoch) {
            Some(after) => duration_samples(after),
            None => -duration_samples(epoch.saturating_duration_since(at)),
        }
    }
}

/// A duration in samples, cut off at about 6,000 years.
pub(super) fn duration_samples(duration: Duration) -> i64 {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).min(1 << 37);
    seconds * 48_000 + i64::from(duration.subsec_nanos()) * 48 / 1_000_000
}

/// Samples as microseconds, nothing below zero.
pub(super) fn samples_to_us(samples: i64) -> u64 {
    u64::try_from(samples.saturating_mul(125) / 6).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_the_epoch_are_samples() {
        let epoch = Instant::now() + Duration::from_secs(3_600);
        let mut clock = SampleClock::default();
        assert_eq!(clock.samples(epoch), 0);
        assert_eq!(clock.samples(epoch + Duration::from_millis(20)), 960);
        assert_eq!(clock.samples(epoch - Duration::from_millis(20)), -960);
        assert_eq!(samples_to_us(960), 20_000);
        assert_eq!(samples_to_us(-960), 0);
        assert!(duration_samples(Duration::MAX) > 0);
    }
}
