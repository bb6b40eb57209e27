//! At most so many calls in a second are acted upon, and the last one always is.

use std::time::{Duration, Instant};

/// Shortest time between two mute calls that are acted upon: 10 a second, as documented.
pub(crate) const MUTE_INTERVAL: Duration = Duration::from_millis(100);

/// A setting that is passed on at most once in an interval. What was wanted last is never lost: it is passed on at the
/// end of the interval.
#[derive(Debug, Clone)]
pub(crate) struct Throttled {
    wanted: bool,
    acted: bool,
    last: Option<Instant>,
    /// Whether a timer runs for what could not be passed on at once.
    waiting: bool,
}

/// What to do about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Pass it on now.
    Act,
    /// Nothing changes.
    Nothing,
    /// Ask [`Throttled::due`] after this time.
    Later(Duration),
    /// A timer that runs already will see to it.
    Waiting,
}

impl Throttled {
    pub(crate) fn new(value: bool) -> Self {
        Self {
            wanted: value,
            acted: value,
            last: None,
            waiting: false,
        }
    }

    /// What was wanted last.
    pub(crate) fn wanted(&self) -> bool {
        self.wanted
    }

    /// A call wants `value`.
    pub(crate) fn want(&mut self, value: bool, now: Instant) -> Verdict {
        self.wanted = value;
        if self.waiting {
            return Verdict::Waiting;
        }
        if self.wanted == self.acted {
            return Verdict::Nothing;
        }
        let since = self.last.map(|last| now.saturating_duration_since(last));
        match since {
            Some(since) if since < MUTE_INTERVAL => {
                self.waiting = true;
                Verdict::Later(MUTE_INTERVAL - since)
            }
            _ => self.act(now),
        }
    }

    /// The timer of [`Verdict::Later`] ran out.
    pub(crate) fn due(&mut self, now: Instant) -> Verdict {
        self.waiting = false;
        if self.wanted == self.acted {
            return Verdict::Nothing;
        }
        self.act(now)
    }

    fn act(&mut self, now: Instant) -> Verdict {
        self.acted = self.wanted;
        self.last = Some(now);
        Verdict::Act
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn at_most_ten_calls_a_second_are_acted_upon_and_the_last_one_always_is() {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut mute = Throttled::new(false);
        let (mut acts, mut timer) = (0, None);
        for step in 0..=1_200 {
            let now = ms(start, step);
            if timer == Some(step) {
                timer = None;
                acts += u32::from(mute.due(now) == Verdict::Act);
            }
            // A call every 3 ms for a second, alternating; the last one mutes.
            let call = (step % 3 == 0 && step < 1_000).then_some(step % 2 == 1);
            match call.map(|value| mute.want(value, now)) {
                Some(Verdict::Act) => acts += 1,
                Some(Verdict::Later(after)) => timer = Some(step + u64::try_from(after.as_millis()).unwrap()),
                _ => {}
            }
        }
        assert!((5..=11).contains(&acts), "{acts}");
        assert!(mute.wanted() && mute.acted);
    }

    #[test]
    fn a_first_call_is_acted_upon_at_once_and_a_repeated_one_changes_nothing() {
        let now = Instant::now();
        let mut mute = Throttled::new(false);
        assert_eq!(mute.want(true, now), Verdict::Act);
        assert_eq!(mute.want(true, now), Verdict::Nothing);
        assert_eq!(mute.want(false, now), Verdict::Later(MUTE_INTERVAL));
        assert_eq!(mute.want(true, now), Verdict::Waiting);
        assert_eq!(mute.due(ms(now, 100)), Verdict::Nothing);
    }
}
