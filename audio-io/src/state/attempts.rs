//! Tries to open the devices that are needed: at once, then less and less often, and anew when the list of devices changes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::devices::StreamKey;

/// Waits between tries; the last one goes on.
const WAITS: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// A device that ran for so long runs. One that opens and fails, again and again, is as good as one that does not open.
const STEADY_AFTER: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Tries {
    opening: Option<StreamKey>,
    /// What came of it, while that runs.
    running: Option<StreamKey>,
    failed: usize,
    not_before: Option<Instant>,
}

impl Tries {
    fn fail(&mut self, now: Instant) {
        let wait = WAITS[self.failed.min(WAITS.len() - 1)];
        *self = Self {
            failed: self.failed + 1,
            not_before: Some(now + wait),
            ..Self::default()
        };
    }
}

/// All tries of one direction, by the device that is wanted, `None` the default one.
#[derive(Debug, Default)]
pub(super) struct Attempts(BTreeMap<Option<String>, Tries>);

impl Attempts {
    fn of(&self, device: Option<&str>) -> Option<&Tries> {
        let found = self.0.iter().find(|(wanted, _)| wanted.as_deref() == device);
        found.map(|(_, tries)| tries)
    }

    /// Whether `device` may be tried at `now`.
    pub(super) fn may_begin(&self, device: Option<&str>, now: Instant) -> bool {
        self.of(device)
            .is_none_or(|tries| tries.opening.is_none() && tries.not_before.is_none_or(|at| now >= at))
    }

    /// It is being opened as `key`.
    pub(super) fn begin(&mut self, device: Option<String>, key: StreamKey) {
        self.0.entry(device).or_default().opening = Some(key);
    }

    /// Whether it failed, and is waited for.
    pub(super) fn is_waiting(&self, device: Option<&str>, now: Instant) -> bool {
        let not_before = self.of(device).and_then(|tries| tries.not_before);
        not_before.is_some_and(|at| now < at)
    }

    /// What was opened as `key` runs.
    pub(super) fn opened(&mut self, key: StreamKey) {
        if let Some(tries) = self.0.values_mut().find(|tries| tries.opening == Some(key)) {
            tries.opening = None;
            tries.running = Some(key);
        }
    }

    /// It could not be opened.
    pub(super) fn not_opened(&mut self, key: StreamKey, now: Instant) {
        if let Some(tries) = self.0.values_mut().find(|tries| tries.opening == Some(key)) {
            tries.fail(now);
        }
    }

    /// It failed after it ran for `ran`. The first time it may be tried again at once. Answers whether that is news: not where
    /// it does so again and again.
    pub(super) fn lost(&mut self, key: StreamKey, ran: Duration, now: Instant) -> bool {
        let Some(tries) = self.0.values_mut().find(|tries| tries.running == Some(key)) else {
            return true;
        };
        if ran < STEADY_AFTER && tries.failed > 0 {
            tries.fail(now);
            return false;
        }
        *tries = Tries {
            failed: usize::from(ran < STEADY_AFTER),
            ..Tries::default()
        };
        true
    }

    /// `device` is not tried before `at`.
    pub(super) fn hold(&mut self, device: &str, at: Instant) {
        let tries = self.0.entry(Some(device.into())).or_default();
        tries.not_before = tries.not_before.max(Some(at));
    }

    /// The list of devices is another: what failed may work now.
    pub(super) fn try_again(&mut self) {
        self.0.retain(|_, tries| tries.opening.is_some() || tries.running.is_some());
        for tries in self.0.values_mut() {
            tries.failed = 0;
            tries.not_before = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: StreamKey = StreamKey(1);

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn a_device_that_does_not_open_is_tried_less_and_less_often_until_the_list_changes() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        let mut tried = Vec::new();
        for ms in (0..8_000).step_by(50) {
            if attempts.may_begin(None, at(start, ms)) {
                attempts.begin(None, KEY);
                assert!(!attempts.may_begin(None, at(start, ms)), "it is being opened");
                attempts.not_opened(KEY, at(start, ms));
                tried.push(ms);
            }
        }
        assert_eq!(tried, [0, 250, 750, 1_750, 3_750, 5_750, 7_750]);
        attempts.try_again();
        assert!(attempts.may_begin(None, at(start, 8_000)));
    }

    #[test]
    fn a_device_that_opens_and_fails_again_and_again_is_told_once_and_waited_for() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        let mut told = Vec::new();
        let mut tried = 0;
        for ms in (0..10_000).step_by(50) {
            if attempts.may_begin(Some("usb"), at(start, ms)) {
                attempts.begin(Some("usb".into()), KEY);
                attempts.opened(KEY);
                told.push(attempts.lost(KEY, Duration::from_millis(10), at(start, ms)));
                tried += 1;
            }
        }
        assert_eq!(tried, 8);
        assert!(told[0] && !told[1..].contains(&true), "{told:?}");
    }

    #[test]
    fn a_device_that_ran_for_a_while_is_opened_again_at_once() {
        let start = Instant::now();
        let mut attempts = Attempts::default();
        attempts.begin(None, KEY);
        attempts.opened(KEY);
        assert!(attempts.lost(KEY, STEADY_AFTER, start));
        assert!(attempts.may_begin(None, start));
    }
}
