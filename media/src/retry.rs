//! The retry budget of one stream, shared by both state machines.

use std::time::{Duration, Instant};

use express_messages::timings::Timings;

/// `now` and `wait` later; a wait that no clock can hold is a year.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait)
        .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3_600))
}

/// When the next try is due, and when trying ends.
#[derive(Debug)]
pub(crate) struct Retry {
    tries: u32,
    ends: Instant,
}

impl Retry {
    /// Starts a fresh budget at `now`.
    pub(crate) fn new(now: Instant, timings: &Timings) -> Self {
        Self {
            tries: 0,
            ends: after(now, timings.stream_retry_time),
        }
    }

    /// When trying ends.
    pub(crate) fn ends(&self) -> Instant {
        self.ends
    }

    /// Takes the next wait: what the server `asked` for, or the next step of the back-off, and never past the end of the
    /// budget. `random` is a fresh value in 0..1.
    pub(crate) fn next(&mut self, now: Instant, asked: Option<Duration>, timings: &Timings, random: f64) -> Instant {
        let wait = asked.unwrap_or_else(|| timings.stream_backoff.delay(self.tries, random));
        self.tries = self.tries.saturating_add(1);
        after(now, wait).min(self.ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_documented_steps() {
        let (now, timings) = (Instant::now(), Timings::default());
        let mut retry = Retry::new(now, &timings);
        let waits: Vec<u128> = (0..6)
            .map(|_| (retry.next(now, None, &timings, 0.5) - now).as_millis())
            .collect();
        assert_eq!(waits, [300, 300, 1_200, 2_400, 4_800, 4_800]);
    }

    #[test]
    fn no_wait_is_longer_than_what_is_left_of_the_budget() {
        let (now, timings) = (Instant::now(), Timings::default());
        let mut retry = Retry::new(now, &timings);
        assert_eq!(retry.next(now, Some(Duration::MAX), &timings, 0.0), retry.ends());
        assert_eq!(
            retry.next(now, Some(Duration::from_secs(7)), &timings, 0.0),
            now + Duration::from_secs(7)
        );
    }
}
