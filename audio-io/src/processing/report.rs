//! What the chain tells the control side.

use std::sync::{
    Arc,
    atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering},
};

use express_messages::voice::{BlockLevel, VoiceStatistics};
use sonora::AudioProcessingStats;

/// A delay that is not known.
const NO_DELAY: i32 = i32::MIN;

/// Statistics that the pump writes and the control side reads, without waiting. Values of one [`Self::read`] may be of two
/// blocks that follow each other.
#[derive(Debug, Clone, Default)]
pub struct VoiceReport(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    before: LevelCell,
    after: LevelCell,
    speech_probability: Cell,
    echo_return_loss: Cell,
    echo_return_loss_enhancement: Cell,
    echo_delay_ms: AtomicI32,
    residual_echo_likelihood: Cell,
    non_finite_samples: AtomicU64,
    faults: AtomicU64,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            before: LevelCell::default(),
            after: LevelCell::default(),
            speech_probability: Cell::default(),
            echo_return_loss: Cell::none(),
            echo_return_loss_enhancement: Cell::none(),
            echo_delay_ms: AtomicI32::new(NO_DELAY),
            residual_echo_likelihood: Cell::none(),
            non_finite_samples: AtomicU64::default(),
            faults: AtomicU64::default(),
        }
    }
}

impl VoiceReport {
    /// The statistics now.
    pub fn read(&self) -> VoiceStatistics {
        let cells = &*self.0;
        let delay = cells.echo_delay_ms.load(Ordering::Relaxed);
        VoiceStatistics {
            before: cells.before.get(),
            after: cells.after.get(),
            speech_probability: cells.speech_probability.get(),
            echo_return_loss_db: cells.echo_return_loss.get_some(),
            echo_return_loss_enhancement_db: cells.echo_return_loss_enhancement.get_some(),
            echo_delay_ms: (delay != NO_DELAY).then_some(delay),
            residual_echo_likelihood: cells.residual_echo_likelihood.get_some(),
            non_finite_samples: cells.non_finite_samples.load(Ordering::Relaxed),
            faults: cells.faults.load(Ordering::Relaxed),
        }
    }

    pub(super) fn set_levels(&self, before: BlockLevel, after: BlockLevel, speech_probability: f32) {
        self.0.before.set(before);
        self.0.after.set(after);
        self.0.speech_probability.set(speech_probability);
    }

    /// `None` while there is no canceller.
    pub(super) fn set_echo(&self, stats: Option<&AudioProcessingStats>) {
        let cells = &*self.0;
        let number = |field: fn(&AudioProcessingStats) -> Option<f64>| stats.and_then(field).map(|value| value as f32);
        cells.echo_return_loss.set_some(number(|stats| stats.echo_return_loss));
        cells
            .echo_return_loss_enhancement
            .set_some(number(|stats| stats.echo_return_loss_enhancement));
        cells
            .residual_echo_likelihood
            .set_some(number(|stats| stats.residual_echo_likelihood));
        let delay = stats.and_then(|stats| stats.delay_ms).unwrap_or(NO_DELAY);
        cells.echo_delay_ms.store(delay, Ordering::Relaxed);
    }

    pub(super) fn add_non_finite(&self, samples: u64) {
        self.0.non_finite_samples.fetch_add(samples, Ordering::Relaxed);
    }

    pub(super) fn set_faults(&self, faults: u64) {
        self.0.faults.store(faults, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct LevelCell {
    peak: Cell,
    rms: Cell,
}

impl LevelCell {
    fn get(&self) -> BlockLevel {
        BlockLevel {
            peak: self.peak.get(),
            rms: self.rms.get(),
        }
    }

    fn set(&self, level: BlockLevel) {
        self.peak.set(level.peak);
        self.rms.set(level.rms);
    }
}

/// An `f32` as its bits; NaN stands for none.
#[derive(Debug, Default)]
struct Cell(AtomicU32);

impl Cell {
    fn none() -> Self {
        Self(AtomicU32::new(f32::NAN.to_bits()))
    }

    fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn get_some(&self) -> Option<f32> {
        Some(self.get()).filter(|value| value.is_finite())
    }

    fn set(&self, value: f32) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    fn set_some(&self, value: Option<f32>) {
        self.set(value.unwrap_or(f32::NAN));
    }
}
