//! Audio as it crosses crates: 10 ms blocks at 48 kHz, and the two traits of the data plane.
//!
//! Blocks pass from the pump to a [`CaptureSink`] and from a [`PlayoutSource`] to the pump by plain calls on the pump's
//! thread. They never enter a mailbox.

use std::time::Instant;

/// Sample rate of everything between devices and codecs, in Hz.
pub const SAMPLE_RATE: u32 = 48_000;
/// Length of one block in milliseconds.
pub const BLOCK_MS: u64 = 10;
/// Sample frames in one block (samples per channel).
pub const BLOCK_FRAMES: usize = 480;
/// Most channels a block can have.
pub const MAX_CHANNELS: usize = 2;

/// Ten milliseconds of sound: 480 sample frames, 1 or 2 channels, interleaved, 48 kHz, nominally in −1.0..=1.0.
///
/// Lives on the stack or in scratch memory; nothing here allocates.
#[derive(Debug, Clone)]
pub struct AudioBlock {
    samples: [f32; BLOCK_FRAMES * MAX_CHANNELS],
    channels: usize,
}

impl AudioBlock {
    /// Silence with `channels` channels (1 or 2; anything else becomes the nearest of the two).
    pub fn silent(channels: usize) -> Self {
        Self {
            samples: [0.0; BLOCK_FRAMES * MAX_CHANNELS],
            channels: channels.clamp(1, MAX_CHANNELS),
        }
    }

    /// Number of channels, 1 or 2.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The 480 × `channels` interleaved samples.
    pub fn samples(&self) -> &[f32] {
        &self.samples[..BLOCK_FRAMES * self.channels]
    }

    /// The samples, to be written.
    pub fn samples_mut(&mut self) -> &mut [f32] {
        &mut self.samples[..BLOCK_FRAMES * self.channels]
    }

    /// Makes the block silent with `channels` channels.
    pub fn reset(&mut self, channels: usize) {
        self.channels = channels.clamp(1, MAX_CHANNELS);
        self.samples.fill(0.0);
    }

    /// Copies `from`, converted to this block's own channel count: mono is doubled, stereo is averaged.
    pub fn copy_from(&mut self, from: &Self) {
        match (from.channels, self.channels) {
            (1, 2) => {
                for (out, &s) in self.samples.chunks_exact_mut(2).zip(&from.samples[..BLOCK_FRAMES]) {
                    out.fill(s);
                }
            }
            (2, 1) => {
                for (out, s) in self.samples[..BLOCK_FRAMES].iter_mut().zip(from.samples.chunks_exact(2)) {
                    *out = 0.5 * (s[0] + s[1]);
                }
            }
            _ => self.samples_mut().copy_from_slice(from.samples()),
        }
    }

    /// Multiplies every sample by `gain`.
    pub fn scale(&mut self, gain: f32) {
        for sample in self.samples_mut() {
            *sample *= gain;
        }
    }

    /// Largest absolute sample; 0.0 for silence. Samples that are not finite count as 0.
    pub fn peak(&self) -> f32 {
        self.samples()
            .iter()
            .fold(0.0, |peak, s| if s.is_finite() { s.abs().max(peak) } else { peak })
    }
}

/// Takes captured blocks: the sending pipeline of a publisher, a WAV writer, a tap for the application.
///
/// # Real time
/// Called by the pump's thread every 10 ms. May compute (encode) and write to rings; must not block, wait for an actor, or
/// allocate in steady state.
pub trait CaptureSink: Send {
    /// Takes one block. `now` is the pump's clock: it may repeat and never goes back.
    fn on_block(&mut self, block: &AudioBlock, now: Instant);
}

/// How much a [`PlayoutSource`] may compute for the sound that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// Whatever makes it sound better.
    #[default]
    Full,
    /// What came is played as it came; what is missing is concealed cheaply and soon fades out.
    Low,
}

/// Gives blocks to play: the receiving pipeline of a player, or PCM that an application pushes.
///
/// # Real time
/// As [`CaptureSink`]. Asked exactly once per block by the pump alone, audible or not.
pub trait PlayoutSource: Send {
    /// Fills `out` (its channel count may be set with [`AudioBlock::reset`]). Where nothing is there to play, `out` is
    /// left silent. `now` is the pump's clock.
    fn next_block(&mut self, out: &mut AudioBlock, now: Instant);

    /// How much the blocks from the next one on may cost; [`Effort::Full`] until told. A source that costs the same either
    /// way ignores it.
    fn set_effort(&mut self, _effort: Effort) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_converted_by_copying_and_averaging() {
        let mut stereo = AudioBlock::silent(2);
        for pair in stereo.samples_mut().chunks_exact_mut(2) {
            pair.copy_from_slice(&[1.0, 0.5]);
        }
        let mut mono = AudioBlock::silent(1);
        mono.copy_from(&stereo);
        assert!(mono.samples().iter().all(|s| (*s - 0.75).abs() < 1e-6));
        let mut back = AudioBlock::silent(2);
        back.copy_from(&mono);
        assert_eq!(back.samples().len(), 960);
        assert!(back.samples().iter().all(|s| (*s - 0.75).abs() < 1e-6));
    }

    #[test]
    fn the_peak_ignores_what_is_not_a_number() {
        let mut block = AudioBlock::silent(1);
        block.samples_mut()[0] = f32::NAN;
        block.samples_mut()[1] = -0.5;
        assert_eq!(block.peak(), 0.5);
    }
}
