//! Whether a device still runs.

use std::time::{Duration, Instant};

use crate::devices::DeviceFailure;

/// A device that moves nothing for so long is gone: a PulseAudio sink that is removed gives no error at all.
const SILENT_FOR: Duration = Duration::from_millis(1_000);
/// The first callback may take longer: Bluetooth, a suspended sound card.
const FIRST_WITHIN: Duration = Duration::from_millis(4_000);

/// What a device's callbacks have reported so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Observation {
    /// Sample frames handled.
    pub(crate) frames: u64,
    /// The failure that its error callback saw.
    pub(crate) failure: Option<DeviceFailure>,
}

/// Watches one device.
#[derive(Debug)]
pub(crate) struct Watch {
    frames: u64,
    since: Instant,
    opened: Instant,
}

impl Watch {
    /// A device that was opened at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            frames: 0,
            since: now,
            opened: now,
        }
    }

    /// For how long it has been open.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened)
    }

    /// Says whether it has failed.
    pub(crate) fn observe(&mut self, seen: Observation, now: Instant) -> Option<DeviceFailure> {
        if seen.failure.is_some() {
            return seen.failure;
        }
        if seen.frames != self.frames {
            self.frames = seen.frames;
            self.since = now;
            return None;
        }
        let patience = if self.frames == 0 { FIRST_WITHIN } else { SILENT_FOR };
        (now.saturating_duration_since(self.since) >= patience).then_some(DeviceFailure::Unplugged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(frames: u64) -> Observation {
        Observation { frames, failure: None }
    }

    #[test]
    fn a_device_that_moves_nothing_for_a_second_is_gone_without_any_error() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut watch = Watch::new(start);
        assert_eq!(watch.observe(frames(0), at(3_999)), None, "the first callback may take 4 s");
        assert_eq!(watch.observe(frames(960), at(4_100)), None);
        assert_eq!(watch.observe(frames(960), at(5_099)), None);
        assert_eq!(watch.observe(frames(960), at(5_100)), Some(DeviceFailure::Unplugged));
    }

    #[test]
    fn a_device_that_never_begins_is_gone_after_four_seconds() {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        let seen = watch.observe(frames(0), start + Duration::from_millis(4_000));
        assert_eq!(seen, Some(DeviceFailure::Unplugged));
    }

    #[test]
    fn a_reported_failure_counts_at_once() {
        let start = Instant::now();
        let seen = Observation {
            frames: 5,
            failure: Some(DeviceFailure::Failed),
        };
        assert_eq!(Watch::new(start).observe(seen, start), Some(DeviceFailure::Failed));
    }
}
