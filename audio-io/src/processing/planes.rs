//! A block with its channels apart, as the libraries want it.

use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, MAX_CHANNELS},
    voice::BlockLevel,
};

/// Full scale of the libraries that count in 16 bit samples.
pub(super) const FULL_SCALE: f32 = 32_768.0;

/// 480 samples of one channel, −1.0..=1.0.
pub(super) type Plane = [f32; BLOCK_FRAMES];

/// One or two channels of 480 samples.
#[derive(Debug, Clone)]
pub(super) struct Planes {
    data: [Plane; MAX_CHANNELS],
    channels: usize,
}

impl Planes {
    pub(super) fn silent(channels: usize) -> Self {
        Self {
            data: [[0.0; BLOCK_FRAMES]; MAX_CHANNELS],
            channels: channels.clamp(1, MAX_CHANNELS),
        }
    }

    /// Takes `block`, converted to this one's channels, and makes it safe: what is not finite becomes 0 (their number is
    /// returned), what is smaller than the smallest normal number too, and what is beyond full scale is cut to it.
    pub(super) fn load(&mut self, block: &AudioBlock) -> u64 {
        let mut not_finite = 0;
        let mut clean = |sample: f32| {
            not_finite += u64::from(!sample.is_finite());
            if sample.is_normal() { sample.clamp(-1.0, 1.0) } else { 0.0 }
        };
        let frames = block.samples().chunks_exact(block.channels());
        for (i, frame) in frames.enumerate() {
            let (left, right) = (clean(frame[0]), clean(frame[frame.len() - 1]));
            if self.channels == 1 {
                self.data[0][i] = if frame.len() == 1 { left } else { 0.5 * (left + right) };
            } else {
                (self.data[0][i], self.data[1][i]) = (left, right);
            }
        }
        not_finite
    }

    /// Writes itself to `block`, which then has its channels.
    pub(super) fn store(&self, block: &mut AudioBlock) {
        block.reset(self.channels);
        for (i, frame) in block.samples_mut().chunks_exact_mut(self.channels).enumerate() {
            for (sample, plane) in frame.iter_mut().zip(&self.data) {
                *sample = plane[i].clamp(-1.0, 1.0);
            }
        }
    }

    pub(super) fn planes(&self) -> &[Plane] {
        &self.data[..self.channels]
    }

    pub(super) fn planes_mut(&mut self) -> &mut [Plane] {
        &mut self.data[..self.channels]
    }

    pub(super) fn scale(&mut self, gain: f32) {
        self.planes_mut().as_flattened_mut().iter_mut().for_each(|s| *s *= gain);
    }

    /// Calls `with` with the channels as the libraries take them, at 16 bit scale.
    pub(super) fn with_slices<T>(&mut self, with: impl FnOnce(&mut [&mut [f32]]) -> T) -> T {
        self.scale(FULL_SCALE);
        let [left, right] = &mut self.data;
        let mut slices = [&mut left[..], &mut right[..]];
        let result = with(&mut slices[..self.channels]);
        self.scale(1.0 / FULL_SCALE);
        result
    }

    pub(super) fn is_finite(&self) -> bool {
        self.planes().as_flattened().iter().all(|s| s.is_finite())
    }

    pub(super) fn level(&self) -> BlockLevel {
        let samples = self.planes().as_flattened();
        let (peak, sum) = samples
            .iter()
            .fold((0.0f32, 0.0), |(peak, sum), s| (peak.max(s.abs()), sum + s * s));
        BlockLevel {
            peak,
            rms: (sum / samples.len() as f32).sqrt(),
        }
    }
}
