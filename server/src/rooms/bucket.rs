//! Rates, held without counting: the generic cell rate algorithm.

use std::time::Duration;

/// So many in a second on average, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What one costs.
    interval: Duration,
    /// What may be owed.
    tolerance: Duration,
}

impl Rate {
    /// One in this time.
    pub fn one_every(interval: Duration) -> Self {
        Self {
            interval,
            tolerance: interval,
        }
    }

    /// - `per_s`: 0 is no limit
    /// - `burst`: at least 1 is meant
    pub fn new(per_s: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(per_s).unwrap_or_default();
        Self {
            interval,
            tolerance: interval.saturating_mul(burst.max(1)),
        }
    }
}

/// What one source has used of a [`Rate`]. Not used for `tolerance` it is as good as new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// When everything taken so far is paid for.
    paid_at: Duration,
}

impl Bucket {
    /// Takes `cost` units at `now` (any clock that does not go back).
    ///
    /// # Errors
    /// How long to wait until they could be taken; nothing is taken.
    pub fn take(&mut self, rate: Rate, cost: u32, now: Duration) -> Result<(), Duration> {
        let paid_at = self.paid_at.max(now).saturating_add(rate.interval.saturating_mul(cost));
        let owed = paid_at.saturating_sub(now);
        match owed.checked_sub(rate.tolerance) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.paid_at = paid_at;
                Ok(())
            }
        }
    }

    /// Whether nothing is owed at `now`, so that it can be forgotten.
    pub fn is_idle(&self, now: Duration) -> bool {
        self.paid_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_passes_at_once_and_then_one_at_a_time() {
        let rate = Rate::new(10, 3);
        let mut bucket = Bucket::default();
        let start = Duration::from_secs(3600);
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, 1, start), Ok(()));
        }
        assert_eq!(bucket.take(rate, 1, start), Err(100 * MS));
        assert_eq!(bucket.take(rate, 1, start + 99 * MS), Err(MS));
        assert_eq!(bucket.take(rate, 1, start + 100 * MS), Ok(()));
        assert!(!bucket.is_idle(start + 399 * MS) && bucket.is_idle(start + 400 * MS));
    }

    #[test]
    fn in_the_long_run_the_rate_is_held() {
        let rate = Rate::new(200, 200);
        let mut bucket = Bucket::default();
        let passed = (0..10_000).filter(|ms| bucket.take(rate, 1, *ms * MS).is_ok()).count();
        assert_eq!(passed, 200 + 2_000 - 1);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let mut bucket = Bucket::default();
        assert!((0..100_000).all(|_| bucket.take(Rate::new(0, 0), 1, MS).is_ok()));
    }

    #[test]
    fn more_than_the_burst_can_never_be_taken_at_once() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(Rate::new(10, 3), 4, Duration::from_secs(9)).is_err());
    }
}
