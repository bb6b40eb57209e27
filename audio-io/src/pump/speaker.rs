//! The playout device as the pump sees it: its ring is the pump's clock.

use std::time::Instant;

use express_messages::audio::{AudioBlock, BLOCK_FRAMES, SAMPLE_RATE};

use super::{
    clock::MasterView,
    target::{AdaptiveTarget, Mean},
};
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
    /// Frames that the device had taken when it was last looked at, in its own rate.
    taken: Option<u64>,
    /// How full the ring is when the pump comes, in frames at the device's rate.
    fill: Mean,
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
            taken: None,
            fill: Mean::default(),
            faults: 0,
        })
    }

    /// What the clock wants to know. To be asked once for each time the ring is filled.
    pub(super) fn view(&mut self, now: Instant) -> MasterView {
        let rate = self.port.format.rate_hz;
        let (fill, taken) = (self.port.writer.fill_frames(), self.port.health.frames());
        self.fill.note(fill);
        // As much as it took at once, between two looks, it may take again; and a block for the slip between both.
        let at_once = self.taken.replace(taken).map_or(0, |before| taken.saturating_sub(before));
        let needed = to_48k(usize::try_from(at_once).unwrap_or(usize::MAX), rate).saturating_add(BLOCK_FRAMES);
        let target_frames = self.target.update(now, needed);
        let target = target_frames * rate as usize / SAMPLE_RATE as usize;
        self.port.health.measured.note_ring(self.fill.get() as usize, target);
        MasterView {
            fill_frames: to_48k(fill, rate),
            target_frames,
            taken_frames: taken,
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
        tracing::debug!(
            faults = self.faults,
            report = %self.port.health.report(self.port.format.rate_hz),
            "speaker closed"
        );
    }
}

fn to_48k(frames: usize, rate: u32) -> usize {
    frames.saturating_mul(SAMPLE_RATE as usize) / rate.max(1) as usize
}
