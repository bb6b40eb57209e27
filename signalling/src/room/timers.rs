//! Deadlines as data: one slot for each named timer, one next deadline, nobody spawns anything.

use std::time::{Duration, Instant};

/// No deadline lies farther away than this, whatever a server says: a year.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// `now + wait`, with `wait` cut to a year.
pub(super) fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(FAR)
}

/// Every deadline of a room login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Timer {
    /// The time to retry in is over.
    Budget,
    /// The attempt that runs has taken too long.
    Attempt,
    /// The next attempt is due.
    Retry,
    /// A lost link can be kept from the application no longer.
    Debounce,
    /// A heartbeat is due.
    Heartbeat,
    /// Heartbeats were not answered for too long.
    HeartbeatTimeout,
    /// The socket was silent: ping it.
    Ping,
    /// The socket was silent for too long.
    LinkDead,
    /// Events that the server said it sent must have come by now.
    GapCheck,
    /// The token ends soon.
    TokenWarning,
    /// The logout has waited long enough for the server.
    Leave,
    /// The node that is moved to has taken too long.
    Move,
}

const ALL: [Timer; 12] = [
    Timer::Budget,
    Timer::Attempt,
    Timer::Retry,
    Timer::Debounce,
    Timer::Heartbeat,
    Timer::HeartbeatTimeout,
    Timer::Ping,
    Timer::LinkDead,
    Timer::GapCheck,
    Timer::TokenWarning,
    Timer::Leave,
    Timer::Move,
];

/// The deadlines that are set.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; ALL.len()]);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn clear_all(&mut self) {
        self.0 = Default::default();
    }

    /// Ends what belongs to one socket.
    pub(super) fn clear_link(&mut self) {
        for timer in [
            Timer::Attempt,
            Timer::Heartbeat,
            Timer::HeartbeatTimeout,
            Timer::Ping,
            Timer::LinkDead,
            Timer::GapCheck,
        ] {
            self.clear(timer);
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes the earliest deadline that is due at `now`; of two at the same instant the one named first.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = ALL
            .into_iter()
            .filter(|timer| self.0[*timer as usize].is_some_and(|at| at <= now));
        let first = due.min_by_key(|timer| self.0[*timer as usize])?;
        self.clear(first);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_due_timer_fires_first_and_once() {
        let start = Instant::now();
        let mut timers = Timers::default();
        timers.set(Timer::Budget, after(start, Duration::from_secs(3)));
        timers.set(Timer::Leave, after(start, Duration::from_secs(1)));
        timers.set(Timer::Ping, after(start, Duration::from_secs(9)));
        let now = after(start, Duration::from_secs(3));
        assert_eq!(timers.take_due(now), Some(Timer::Leave));
        assert_eq!(timers.take_due(now), Some(Timer::Budget));
        assert_eq!(timers.take_due(now), None);
        assert_eq!(timers.next(), Some(after(start, Duration::from_secs(9))));
    }

    #[test]
    fn every_timer_has_its_own_slot() {
        for (slot, timer) in ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, slot);
        }
    }

    #[test]
    fn a_wait_without_end_is_a_year() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::MAX), now + FAR);
    }
}
