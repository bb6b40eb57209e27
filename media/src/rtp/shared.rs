//! Counters that one thread writes and any thread reads, without a lock on either side.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// `N` counters published together by one writer; a reader gets values of one and the same publication.
///
/// A sequence lock made of atomics: the writer never waits, a reader that meets the writer tries again.
#[derive(Debug)]
pub(super) struct Published<const N: usize> {
    /// Odd while the writer is at work.
    version: AtomicU64,
    values: [AtomicU64; N],
}

impl<const N: usize> Published<N> {
    pub(super) fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            values: [const { AtomicU64::new(0) }; N],
        }
    }

    /// Publishes `values`; called by one thread only.
    pub(super) fn store(&self, values: &[u64; N]) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for (slot, value) in self.values.iter().zip(values) {
            slot.store(*value, Ordering::Relaxed);
        }
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// The latest publication; called from any thread.
    pub(super) fn load(&self) -> [u64; N] {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let values = std::array::from_fn(|i| self.values[i].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return values;
            }
            std::hint::spin_loop();
        }
    }
}

/// The largest sample since it was last taken.
#[derive(Debug, Default)]
pub(super) struct PeakMeter(AtomicU32);

impl PeakMeter {
    /// Notes a peak; negative and non-finite values are nothing.
    pub(super) fn note(&self, peak: f32) {
        if peak.is_finite() && peak > 0.0 {
            // The bits of positive floats are ordered as the floats are.
            self.0.fetch_max(peak.to_bits(), Ordering::Relaxed);
        }
    }

    /// The largest peak since the last call.
    pub(super) fn take(&self) -> f32 {
        f32::from_bits(self.0.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_reader_never_sees_half_a_publication() {
        let shared = Arc::new(Published::<8>::new());
        let writer = shared.clone();
        let thread = std::thread::spawn(move || (1..=200_000).for_each(|n| writer.store(&[n; 8])));
        let mut last = 0;
        while last < 200_000 {
            let values = shared.load();
            assert!(values.iter().all(|v| *v == values[0]), "{values:?}");
            assert!(values[0] >= last);
            last = values[0];
        }
        thread.join().unwrap();
    }

    #[test]
    fn a_taken_peak_starts_anew() {
        let meter = PeakMeter::default();
        for peak in [0.25, 0.5, f32::NAN, -1.0, 0.125] {
            meter.note(peak);
        }
        assert_eq!(meter.take(), 0.5);
        assert_eq!(meter.take(), 0.0);
    }
}
