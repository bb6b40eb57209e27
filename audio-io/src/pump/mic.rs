//! A capture device as the pump sees it: one block for each block of the pump, whatever its clock.

use std::time::Instant;

use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, MAX_CHANNELS, SAMPLE_RATE},
    voice::VoiceConfig,
};

use super::{
    MicId,
    target::{AdaptiveTarget, Mean},
};
use crate::{
    devices::InputPort,
    gain::Ramp,
    processing::{VoiceChain, VoiceReport},
    resample::{DriftControl, PullResampler, ResampleError},
    seam::Seam,
};

/// A ring that holds so much more than its target was not drained for a while (a stopped pump): the oldest is skipped at
/// once, as ±750 ppm would need minutes. In 10 ms of the device.
const TRIM_ABOVE: usize = 6;
/// What should be left in the ring when it is as empty as it has lately been, in 10 ms of the device: half a block for the
/// slip between callbacks and blocks.
const SPARE: f64 = 0.5;

/// What is done to the sound of a capture device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// The parts of the voice chain that work.
    pub config: VoiceConfig,
    /// Channels that somebody captures, 1 or 2: of a stereo device that is captured with one the mean is processed, at half of
    /// the cost.
    pub channels: usize,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            config: VoiceConfig::default(),
            channels: 1,
        }
    }
}

/// The pump's end of a capture device.
///
/// # Real time
/// A block is computed and read from its ring: no allocation, but for those of a [`VoiceChain`]. It logs what was lost when it
/// is dropped, on the control side.
#[derive(Debug)]
pub struct MicInput {
    id: MicId,
    port: InputPort,
    resampler: PullResampler,
    control: DriftControl,
    target: AdaptiveTarget,
    /// Whether the ring has been filled to its target since it last ran dry.
    primed: bool,
    /// How full the ring is before a block is taken.
    fill: Mean,
    /// Frames that were wanted of the ring since it ran dry.
    missed: usize,
    seam: Seam,
    /// What is done to its sound.
    chain: Option<Box<VoiceChain>>,
    gain: Ramp,
    /// It closes as soon as no stream has it.
    pub(super) leaving: bool,
    block: AudioBlock,
    trimmed_frames: u64,
    faults: u64,
}

impl MicInput {
    /// Takes over the device's port. `muted` as [`MuteMicrophone`](express_messages::audio_device::MuteMicrophone) says now.
    ///
    /// # Errors
    /// When no resampler can be made for the device's rate.
    pub fn new(id: MicId, port: InputPort, muted: bool) -> Result<Self, ResampleError> {
        let channels = port.reader.channels();
        let rate = port.format.rate_hz;
        let ten_ms = (rate / 100) as usize;
        let resampler = PullResampler::new(rate, SAMPLE_RATE, BLOCK_FRAMES, channels)?;
        Ok(Self {
            id,
            // A cut is heard half a filter later, and half a filter before and after that.
            seam: Seam::behind_filter(2 * resampler.delay_frames() + 2),
            resampler,
            control: DriftControl::new(rate),
            // What one callback brings, one block that is about to be taken, and half a block for the slip between the two.
            target: AdaptiveTarget::new(port.format.period_frames + ten_ms * 3 / 2, rate),
            primed: false,
            fill: Mean::default(),
            missed: 0,
            chain: None,
            gain: Ramp::at(if muted { 0.0 } else { 1.0 }),
            leaving: false,
            block: AudioBlock::silent(channels),
            trimmed_frames: 0,
            faults: 0,
            port,
        })
    }

    /// Lets a voice chain clean what it captures. Without that it gives the device's sound as it is.
    #[must_use]
    pub fn with_voice(mut self, voice: Voice) -> Self {
        self.chain = Some(Box::new(VoiceChain::new(voice.config, self.channels_of(voice))));
        self
    }

    fn channels_of(&self, voice: Voice) -> usize {
        voice.channels.min(self.port.reader.channels())
    }

    /// Where its voice chain, if it has one, is reported on.
    pub fn voice_report(&self) -> Option<VoiceReport> {
        self.chain.as_ref().map(|chain| chain.report())
    }

    /// Parts that begin to work are built here, which takes some 100 us.
    pub(super) fn set_voice(&mut self, voice: Voice) {
        let channels = self.channels_of(voice);
        if let Some(chain) = &mut self.chain {
            chain.widen(channels);
            chain.configure(voice.config);
        }
    }

    /// Hears what the speaker is given, for each block that is made: its echo is expected in a later one.
    pub(super) fn hear(&mut self, played: &AudioBlock) {
        if let Some(chain) = &mut self.chain {
            chain.render(played);
        }
    }

    /// Whether its block holds what the device captured.
    pub(super) fn gives_sound(&self) -> bool {
        self.primed
    }

    pub(crate) fn id(&self) -> MicId {
        self.id
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.gain.set(if muted { 0.0 } else { 1.0 });
    }

    /// The block that [`Self::make_block`] made last.
    pub(super) fn block(&self) -> &AudioBlock {
        &self.block
    }

    /// Makes the next block; silence while the device gives too little.
    pub(super) fn make_block(&mut self, now: Instant) {
        let channels = self.port.reader.channels();
        self.block.reset(channels);
        let target = self.target.update(now, self.needed());
        if !self.is_ready(target) {
            self.seam.gap_block(&mut self.block);
        } else if self.resample(target).is_ok() {
            self.seam.sound_block(&mut self.block);
        } else {
            self.faults = self.faults.saturating_add(1);
            self.block.reset(channels);
            self.seam.cut();
            self.seam.gap_block(&mut self.block);
        }
        self.port.health.measured.note_ring(self.fill.get() as usize, target);
        if let Some(chain) = &mut self.chain {
            chain.capture(&mut self.block);
        }
        self.gain.apply(&mut self.block);
    }

    /// The target at which this block would just have been whole: where the ring stands now, and what has not come since it
    /// ran dry, against where it stands on average.
    fn needed(&self) -> usize {
        let dip = self.fill.get() + self.missed as f64 - self.port.reader.fill_frames() as f64;
        let spare = SPARE * f64::from(self.port.format.rate_hz) / 100.0;
        // Until that is learned: a saw-tooth of callbacks stands half a callback below its top.
        let below = self
            .control
            .stands_below()
            .unwrap_or(self.port.format.period_frames as f64 / 2.0);
        match self.fill.is_known() {
            true => (self.resampler.needed_frames() as f64 + spare + dip.max(0.0) + below).max(0.0) as usize,
            false => 0,
        }
    }

    /// Whether the ring holds enough for a block; trims what is too much.
    fn is_ready(&mut self, target: usize) -> bool {
        let fill = self.port.reader.fill_frames();
        let ten_ms = (self.port.format.rate_hz / 100) as usize;
        let begins = !self.primed && fill >= target;
        if begins || (self.primed && fill > target + TRIM_ABOVE * ten_ms) {
            self.begin(fill - target);
        }
        let needed = self.resampler.needed_frames();
        if self.primed && fill < needed {
            self.port.reader.note_underrun(needed - fill);
            self.primed = false;
            self.seam.cut();
        }
        if self.primed {
            self.fill.note(self.port.reader.fill_frames());
        } else {
            self.missed = self.missed.saturating_add(needed);
        }
        self.primed
    }

    /// Begins, or goes on behind a leap over the oldest frames.
    fn begin(&mut self, too_much: usize) {
        let skipped = self.port.reader.skip(too_much);
        self.trimmed_frames = self.trimmed_frames.saturating_add(skipped as u64);
        self.control.reset();
        self.fill = Mean::default();
        self.missed = 0;
        self.seam.cut();
        self.primed = true;
    }

    fn resample(&mut self, target: usize) -> Result<(), ResampleError> {
        let reader = &mut self.port.reader;
        self.resampler.steer(self.control.observe(reader.fill_frames(), target))?;
        let mut scratch = [0.0; BLOCK_FRAMES * MAX_CHANNELS];
        let out = &mut scratch[..BLOCK_FRAMES * self.block.channels()];
        // A steered ratio may ask for a frame more than was checked: that one frame is then silent.
        self.resampler.process(out, |input| {
            reader.read(input);
        })?;
        self.block.samples_mut().copy_from_slice(out);
        Ok(())
    }
}

impl Drop for MicInput {
    fn drop(&mut self) {
        tracing::debug!(
            mic = self.id.0,
            trimmed_frames = self.trimmed_frames,
            faults = self.faults,
            report = %self.port.health.report(self.port.format.rate_hz),
            "microphone closed"
        );
    }
}
