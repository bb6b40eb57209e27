//! What to tell of a microphone that was lost: that depends on whether it is still listed, and on whether it comes back soon.

use std::time::{Duration, Instant};

use express_messages::codes;

use crate::devices::DeviceFailure;

/// A device that is back sooner has a loose plug.
const LOOSE_WITHIN: Duration = Duration::from_secs(2);

/// A microphone that was lost, until that is told.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) device_id: String,
    pub(super) name: String,
    failure: DeviceFailure,
    since: Instant,
    /// It was seen to be gone.
    missing: bool,
}

impl Loss {
    pub(super) fn new(device_id: String, name: String, failure: DeviceFailure, now: Instant) -> Self {
        Self {
            device_id,
            name,
            failure,
            since: now,
            missing: false,
        }
    }

    /// The code to tell, once a look at the list, in which the device is or not, tells enough.
    pub(super) fn judge(&mut self, is_listed: bool, now: Instant) -> Option<i32> {
        match (is_listed, self.missing, self.failure) {
            (true, true, _) => Some(codes::DEVICE_MICROPHONE_LOOSE),
            (true, false, DeviceFailure::Unplugged) => Some(codes::DEVICE_MICROPHONE_TRACK_ENDED),
            (true, false, DeviceFailure::Failed) => Some(codes::DEVICE_GENERIC),
            (false, ..) => {
                self.missing = true;
                (now.saturating_duration_since(self.since) >= LOOSE_WITHIN).then_some(codes::DEVICE_UNPLUGGED)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gone_for_two_seconds_is_unplugged_back_before_is_loose_and_never_gone_is_ended() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let lost = |failure| Loss::new("id".into(), "name".into(), failure, start);
        let cases: [(DeviceFailure, &[(bool, u64, Option<i32>)]); 4] = [
            (
                DeviceFailure::Unplugged,
                &[(false, 5, None), (false, 1_999, None), (false, 2_000, Some(1006006))],
            ),
            (DeviceFailure::Unplugged, &[(false, 5, None), (true, 1_900, Some(1106007))]),
            (DeviceFailure::Unplugged, &[(true, 5, Some(1106009))]),
            (DeviceFailure::Failed, &[(true, 5, Some(1006001))]),
        ];
        for (failure, looks) in cases {
            let mut loss = lost(failure);
            for &(is_listed, ms, code) in looks {
                assert_eq!(loss.judge(is_listed, at(ms)), code, "{failure:?} at {ms} ms");
            }
        }
    }
}
