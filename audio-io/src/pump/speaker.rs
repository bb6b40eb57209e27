//! A playout device as the pump sees it: a mix of its own, a ring, and a clock that the pump follows or makes it follow.

use std::time::Instant;

use express_messages::audio::{AudioBlock, BLOCK_FRAMES, SAMPLE_RATE};

use super::{
    OutputId,
    clock::MasterView,
    target::{AdaptiveTarget, Mean},
};
use crate::{
    devices::OutputPort,
    gain::Ramp,
    mixer::Mixer,
    resample::{DriftControl, PushResampler, ResampleError},
};

/// A follower's ring that holds so much more than its target was not drained for a while: blocks are left out, as ±750 ppm
/// would need minutes.
const TRIM_ABOVE: usize = 6 * BLOCK_FRAMES;
const SILENT_FRAMES: [f32; 2 * BLOCK_FRAMES] = [0.0; 2 * BLOCK_FRAMES];

/// The pump's end of a playout device.
///
/// The first one that is open is the master: the pump makes as many blocks as it takes. Any other is a follower: it gets each
/// block that is made, resampled so that its ring stays where it should be whatever its clock.
///
/// # Real time
/// Computes and writes to its ring: no allocation. It logs what was lost when it is dropped, on the control side.
#[derive(Debug)]
pub struct SpeakerOut {
    id: OutputId,
    port: OutputPort,
    mixer: Mixer,
    resampler: PushResampler,
    /// It takes blocks as they are: a master of 48 kHz from its first block on.
    is_direct: bool,
    control: DriftControl,
    target: AdaptiveTarget,
    /// Frames that the device had taken when it was last looked at, in its own rate.
    taken: Option<u64>,
    /// How full the ring is when the pump comes, in frames at the device's rate.
    fill: Mean,
    /// How often a follower's ring had run dry when it was last filled up.
    filled_up: Option<u64>,
    /// Closed while a follower leaves blocks out.
    gate: Ramp,
    trimmed_blocks: u64,
    faults: u64,
}

impl SpeakerOut {
    /// Takes over the device's port.
    ///
    /// # Errors
    /// When no resampler can be made for the device's rate.
    pub fn new(id: OutputId, port: OutputPort) -> Result<Self, ResampleError> {
        let rate = port.format.rate_hz;
        // What one callback takes, and one period of the pump; at least 20 ms.
        let base = (to_48k(port.format.period_frames, rate) + BLOCK_FRAMES).max(2 * BLOCK_FRAMES);
        Ok(Self {
            id,
            mixer: Mixer::new(),
            resampler: PushResampler::new(SAMPLE_RATE, rate, BLOCK_FRAMES, 2)?,
            is_direct: false,
            control: DriftControl::new(SAMPLE_RATE),
            target: AdaptiveTarget::new(base, SAMPLE_RATE),
            taken: None,
            fill: Mean::default(),
            filled_up: None,
            gate: Ramp::at(1.0),
            trimmed_blocks: 0,
            faults: 0,
            port,
        })
    }

    pub(super) fn id(&self) -> OutputId {
        self.id
    }

    /// It is the first one: nothing comes before its device's clock.
    pub(super) fn begin_as_master(&mut self) {
        self.is_direct = self.port.format.rate_hz == SAMPLE_RATE;
    }

    pub(super) fn mixer(&mut self) -> &mut Mixer {
        &mut self.mixer
    }

    /// What the clock wants to know. To be asked once for each time the ring is filled.
    pub(super) fn view(&mut self, now: Instant) -> MasterView {
        // As much as the device took at once, between two looks, it may take again, and a block for the slip between both.
        let at_once = to_48k(self.taken_at_once(), self.port.format.rate_hz);
        let target_frames = self.target.update(now, at_once.saturating_add(BLOCK_FRAMES));
        self.note_ring(target_frames);
        MasterView {
            output: self.id,
            fill_frames: self.fill_frames(),
            target_frames,
            taken_frames: self.port.health.frames(),
        }
    }

    /// Frames that the device has taken since the last look, in its own rate.
    fn taken_at_once(&mut self) -> usize {
        let taken = self.port.health.frames();
        let at_once = self.taken.replace(taken).map_or(0, |before| taken.saturating_sub(before));
        usize::try_from(at_once).unwrap_or(usize::MAX)
    }

    fn note_ring(&mut self, target: usize) {
        self.fill.note(self.port.writer.fill_frames());
        let target = target * self.port.format.rate_hz as usize / SAMPLE_RATE as usize;
        self.port.health.measured.note_ring(self.fill.get() as usize, target);
    }

    /// Gives a master its mix.
    pub(super) fn lead(&mut self) -> &AudioBlock {
        self.gate.set(1.0);
        self.write(1.0)
    }

    /// Gives a follower its mix.
    pub(super) fn follow(&mut self, now: Instant) -> &AudioBlock {
        let underruns = self.port.writer.counters().underruns();
        // What it takes at once says little, as it is filled when the master's device asks. A gap asks for a block more.
        self.taken_at_once();
        let mut target = self.target.update(now, 0);
        if self.filled_up.is_some_and(|before| before != underruns) {
            target = self.target.update(now, target + BLOCK_FRAMES);
        }
        self.note_ring(target);
        // As for a master, and half a block for the slip between its callbacks and the master's.
        target += BLOCK_FRAMES / 2;
        if self.filled_up != Some(underruns) {
            self.filled_up = Some(underruns);
            self.fill_up(target.saturating_sub(BLOCK_FRAMES));
        }
        self.open_or_close(target);
        if self.gate.is_silent() {
            self.trimmed_blocks = self.trimmed_blocks.saturating_add(1);
            return self.mixer.finish();
        }
        let factor = self.control.observe(self.fill_frames(), target);
        self.write(factor)
    }

    /// Fills the ring with silence, after which sound fades in: it is new, or has run dry.
    fn fill_up(&mut self, target: usize) {
        let missing = target.saturating_sub(self.fill_frames());
        let mut frames = missing * self.port.format.rate_hz as usize / SAMPLE_RATE as usize;
        while frames > 0 {
            let some = frames.min(BLOCK_FRAMES);
            self.port.writer.write(&SILENT_FRAMES[..2 * some]);
            frames -= some;
        }
        self.gate = Ramp::at(0.0);
        self.gate.set(1.0);
        self.control.reset();
    }

    /// Leaves blocks out while the ring holds far too much: a device that has not begun yet, or one that paused.
    fn open_or_close(&mut self, target: usize) {
        let fill = self.fill_frames();
        if self.gate.is_silent() {
            if fill <= target {
                self.gate.set(1.0);
                self.control.reset();
            }
        } else if fill > target + if self.has_begun() { TRIM_ABOVE } else { 0 } {
            self.gate.set(0.0);
        }
    }

    fn write(&mut self, factor: f64) -> &AudioBlock {
        let mix = self.mixer.finish();
        self.gate.apply(mix);
        if self.is_direct {
            self.port.writer.write(mix.samples());
            return mix;
        }
        let steered = self.resampler.steer(factor);
        match steered.and_then(|()| self.resampler.process(mix.samples())) {
            Ok(samples) => {
                self.port.writer.write(samples);
            }
            Err(_) => self.faults = self.faults.saturating_add(1),
        }
        mix
    }

    fn has_begun(&self) -> bool {
        self.port.health.frames() > 0
    }

    fn fill_frames(&self) -> usize {
        to_48k(self.port.writer.fill_frames(), self.port.format.rate_hz)
    }
}

impl Drop for SpeakerOut {
    fn drop(&mut self) {
        tracing::debug!(
            output = self.id.0,
            trimmed_blocks = self.trimmed_blocks,
            faults = self.faults,
            report = %self.port.health.report(self.port.format.rate_hz),
            "speaker closed"
        );
    }
}

fn to_48k(frames: usize, rate: u32) -> usize {
    frames.saturating_mul(SAMPLE_RATE as usize) / rate.max(1) as usize
}
