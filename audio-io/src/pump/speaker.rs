//! The playout device as the pump sees it: its ring is the pump's clock.

use std::time::Instant;

use express_messages::audio::{AudioBlock, BLOCK_FRAMES, SAMPLE_RATE};

use super::clock::{AdaptiveTarget, MasterView};
use crate::{
    devices::OutputPort,
    resample::{PushResampler, ResampleError},
};

/// The pump's end of a playout device.
///
/// # Real time
/// Computes and writes to its ring: no allocation. It logs what was lost when it is dropped, on the control side.
#[derive(Debug)]
pub struct SpeakerOut {
    port: OutputPort,
    /// `None` where the device runs at 48 kHz. Its ratio is fixed: the device is the master.
    resampler: Option<PushResampler>,
    target: AdaptiveTarget,
    faults: u64,
}

impl SpeakerOut {
    /// Takes over the device's port.
    ///
    /// # Errors
    /// When no resampler can be made for the device's rate.
    pub fn new(port: OutputPort) -> Result<Self, ResampleError> {
        let rate = port.format.rate_hz;
        let resampler = match rate {
            SAMPLE_RATE => None,
            _ => Some(PushResampler::new(SAMPLE_RATE, rate, BLOCK_FRAMES, 2)?),
        };
        // What one callback takes, and one period of the pump; at least 20 ms.
        let base = (to_48k(port.format.period_frames, rate) + BLOCK_FRAMES).max(2 * BLOCK_FRAMES);
        Ok(Self {
            port,
            resampler,
            target: AdaptiveTarget::new(base, SAMPLE_RATE),
            faults: 0,
        })
    }

    /// What the clock wants to know.
    pub(super) fn view(&mut self, now: Instant) -> MasterView {
        MasterView {
            fill_frames: to_48k(self.port.writer.fill_frames(), self.port.format.rate_hz),
            target_frames: self.target.update(now, self.port.writer.counters().underruns()),
            taken_frames: self.port.health.frames(),
        }
    }

    /// Gives the device one stereo block.
    pub(super) fn write(&mut self, block: &AudioBlock) {
        match &mut self.resampler {
            None => {
                self.port.writer.write(block.samples());
            }
            Some(resampler) => match resampler.process(block.samples()) {
                Ok(samples) => {
                    self.port.writer.write(samples);
                }
                Err(_) => self.faults = self.faults.saturating_add(1),
            },
        }
    }
}

impl Drop for SpeakerOut {
    fn drop(&mut self) {
        let ring = self.port.writer.counters();
        tracing::debug!(
            underruns = ring.underruns(),
            underrun_frames = ring.underrun_frames(),
            overrun_frames = ring.overrun_frames(),
            faults = self.faults,
            xruns = self.port.health.xruns(),
            errors = self.port.health.errors(),
            "speaker closed"
        );
    }
}

fn to_48k(frames: usize, rate: u32) -> usize {
    frames * SAMPLE_RATE as usize / rate.max(1) as usize
}
