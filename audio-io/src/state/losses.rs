//! What to tell of a microphone that was lost: that depends on whether it is still listed, and on whether it comes back soon.
//!
//! ```text
//!   still listed       1106009, or 1006001 where it failed by itself
//!   not listed         1006006 at once; and 1106007 where it is back within 2 s
//!   another format     nothing, unless it cannot be opened again: then as above
//! ```

use std::time::{Duration, Instant};

use express_messages::codes;

use crate::devices::DeviceFailure;

/// A device that is back sooner has a loose plug.
const LOOSE_WITHIN: Duration = Duration::from_secs(2);

/// A microphone that was lost, until all of that is told.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) device_id: String,
    pub(super) name: String,
    failure: DeviceFailure,
    since: Instant,
    /// It was seen, and told, to be gone.
    missing: bool,
    over: bool,
}

impl Loss {
    pub(super) fn new(device_id: String, name: String, failure: DeviceFailure, now: Instant) -> Self {
        Self {
            device_id,
            name,
            failure,
            since: now,
            missing: false,
            over: false,
        }
    }

    /// The code to tell, once a look at the list, in which the device is or not, tells enough.
    pub(super) fn judge(&mut self, is_listed: bool, now: Instant) -> Option<i32> {
        if self.over {
            return None;
        }
        let is_late = now.saturating_duration_since(self.since) >= LOOSE_WITHIN;
        let may_change = self.failure == DeviceFailure::Changed || !is_listed;
        self.over = is_late || !may_change;
        match (is_listed, self.missing, self.failure) {
            (_, _, DeviceFailure::Changed) => None,
            (true, true, _) => (!is_late).then_some(codes::DEVICE_MICROPHONE_LOOSE),
            (true, false, DeviceFailure::Unplugged) => Some(codes::DEVICE_MICROPHONE_TRACK_ENDED),
            (true, false, DeviceFailure::Failed) => Some(codes::DEVICE_GENERIC),
            (false, true, _) => None,
            (false, false, _) => {
                self.missing = true;
                Some(codes::DEVICE_UNPLUGGED)
            }
        }
    }

    /// Whether there is nothing more to tell.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// It runs again.
    pub(super) fn reopened(&mut self) {
        self.over |= self.failure == DeviceFailure::Changed;
    }

    /// It cannot be opened in its new format.
    pub(super) fn not_reopened(&mut self) {
        if self.failure == DeviceFailure::Changed {
            self.failure = DeviceFailure::Unplugged;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the device is listed, after so many milliseconds, and the code that is told then.
    type Look = (bool, u64, Option<i32>);

    #[test]
    fn gone_is_unplugged_at_once_back_within_two_seconds_is_loose_too_and_never_gone_is_ended() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let lost = |failure| Loss::new("id".into(), "name".into(), failure, start);
        let cases: [(DeviceFailure, &[Look]); 5] = [
            (
                DeviceFailure::Unplugged,
                &[(false, 5, Some(1006006)), (false, 1_999, None), (false, 2_000, None)],
            ),
            (
                DeviceFailure::Unplugged,
                &[(false, 5, Some(1006006)), (true, 1_900, Some(1106007))],
            ),
            (DeviceFailure::Unplugged, &[(false, 5, Some(1006006)), (true, 2_000, None)]),
            (DeviceFailure::Unplugged, &[(true, 5, Some(1106009))]),
            (DeviceFailure::Failed, &[(true, 5, Some(1006001))]),
        ];
        for (failure, looks) in cases {
            let mut loss = lost(failure);
            for (i, &(is_listed, ms, code)) in looks.iter().enumerate() {
                assert_eq!(loss.judge(is_listed, at(ms)), code, "{failure:?} at {ms} ms");
                assert_eq!(loss.is_over(), i == looks.len() - 1, "{failure:?} at {ms} ms");
            }
        }
    }

    #[test]
    fn another_format_is_told_only_where_the_microphone_cannot_be_opened_in_it() {
        let start = Instant::now();
        let mut loss = Loss::new("id".into(), "name".into(), DeviceFailure::Changed, start);
        assert_eq!((loss.judge(true, start), loss.is_over()), (None, false));
        loss.not_reopened();
        assert_eq!((loss.judge(false, start), loss.is_over()), (Some(1006006), false));
        let mut loss = Loss::new("id".into(), "name".into(), DeviceFailure::Changed, start);
        loss.reopened();
        assert!(loss.is_over());
    }
}
