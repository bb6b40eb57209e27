//! How full a device's ring should be: no more than what the device has lately been seen to need.

use std::time::{Duration, Instant};

/// The largest of what was noted within the last 20 to 30 s.
#[derive(Debug, Default)]
struct Peak {
    /// Of the present span of 10 s and the two before it.
    spans: [usize; 3],
    began: Option<Instant>,
}

impl Peak {
    const SPAN: Duration = Duration::from_secs(10);

    fn note(&mut self, now: Instant, value: usize) -> usize {
        let began = *self.began.get_or_insert(now);
        if now.saturating_duration_since(began) >= Self::SPAN {
            self.spans.rotate_right(1);
            self.spans[0] = 0;
            self.began = Some(now);
        }
        self.spans[0] = self.spans[0].max(value);
        self.spans.into_iter().fold(0, usize::max)
    }
}

/// The target of a device's ring: a base that follows from its period, and more as long as more was needed of late, since a
/// sound server woke late, or the pump. One late wake is enough: the next one finds the ring prepared.
#[derive(Debug)]
pub(crate) struct AdaptiveTarget {
    base_frames: usize,
    most_frames: usize,
    needed: Peak,
}

impl AdaptiveTarget {
    /// More than the base at most, in ms: what is later than that is not worth the delay of all the rest.
    const RESERVE_MS: usize = 60;

    /// A target of at least `base_frames` for a device that runs at `rate_hz`.
    pub(crate) fn new(base_frames: usize, rate_hz: u32) -> Self {
        Self {
            base_frames,
            most_frames: base_frames + rate_hz as usize * Self::RESERVE_MS / 1_000,
            needed: Peak::default(),
        }
    }

    /// The target from now on, given the frames that would just have been enough at `now`.
    pub(crate) fn update(&mut self, now: Instant, needed_frames: usize) -> usize {
        self.needed.note(now, needed_frames).clamp(self.base_frames, self.most_frames)
    }
}

/// The mean of one value for each block, over about the last second.
#[derive(Debug, Default)]
pub(crate) struct Mean {
    seen: u32,
    value: f64,
}

impl Mean {
    /// Values that count alike; of more than these the older ones fade.
    const BLOCKS: u32 = 100;

    pub(crate) fn note(&mut self, value: usize) {
        self.seen = (self.seen + 1).min(Self::BLOCKS);
        self.value += (value as f64 - self.value) / f64::from(self.seen);
    }

    /// Whether anything was noted.
    pub(crate) fn is_known(&self) -> bool {
        self.seen > 0
    }

    /// The mean; 0 where nothing was noted.
    pub(crate) fn get(&self) -> f64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_what_was_needed_in_the_last_half_minute_within_its_bounds() {
        let start = Instant::now();
        let mut target = AdaptiveTarget::new(1_440, 48_000);
        let mut targets = Vec::new();
        for second in 0..100 {
            let needed = match second {
                2 => 1_500,
                15 => 2_000,
                16 => 1_700,
                60 => 1_000_000,
                _ => 960,
            };
            let now = start + Duration::from_secs(second);
            targets.push((second, target.update(now, needed)));
        }
        targets.dedup_by_key(|(_, frames)| *frames);
        assert_eq!(
            targets,
            [(0, 1_440), (2, 1_500), (15, 2_000), (40, 1_440), (60, 4_320), (90, 1_440)]
        );
    }

    #[test]
    fn a_mean_is_that_of_all_values_at_first_and_follows_within_seconds() {
        let mut mean = Mean::default();
        assert_eq!(mean.get(), 0.0);
        [10, 20, 30].into_iter().for_each(|value| mean.note(value));
        assert!((mean.get() - 20.0).abs() < 1e-9);
        (0..500).for_each(|_| mean.note(100));
        assert!((mean.get() - 100.0).abs() < 2.0, "{}", mean.get());
    }
}
