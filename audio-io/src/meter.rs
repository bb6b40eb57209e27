//! How loud a stream is: the documented level.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, BLOCK_MS},
    audio_device::SoundLevel,
};

use crate::voice_activity::VoiceActivity;

/// The peak is that of so many last samples of each channel (documented).
const WINDOW_FRAMES: usize = 2_048;
/// Whole blocks in the window, and what it holds of the block before them.
const WHOLE_BLOCKS: usize = WINDOW_FRAMES / BLOCK_FRAMES;
const REST_FRAMES: usize = WINDOW_FRAMES % BLOCK_FRAMES;
/// The peak is looked at every 200 ms (documented).
const BLOCKS_PER_SAMPLE: u64 = 200 / BLOCK_MS;
/// What is left of the held level at the next sample, at most one every 200 ms (documented).
const DECAY: f32 = 0.3;

/// How loud a stream is and whether somebody speaks in it: written by the pump, read by the control side, without waiting.
#[derive(Debug, Clone, Default)]
pub struct Level(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    level: AtomicU32,
    voice: AtomicBool,
}

impl Level {
    /// The level now, 0.0..=1.0.
    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.level.load(Ordering::Relaxed))
    }

    /// The level now, and whether somebody speaks.
    pub fn read(&self) -> SoundLevel {
        SoundLevel {
            level: self.get(),
            voice: self.0.voice.load(Ordering::Relaxed),
        }
    }

    fn set(&self, level: f32, voice: bool) {
        self.0.level.store(level.to_bits(), Ordering::Relaxed);
        self.0.voice.store(voice, Ordering::Relaxed);
    }
}

/// Measures one stream: every 200 ms the peak of its last 2,048 samples, held and decaying.
///
/// # Real time
/// Computes and stores to an atomic.
#[derive(Debug)]
pub(crate) struct Meter {
    level: Level,
    /// Peaks of the last blocks, the newest first, and of the part of each that is the last to leave the window.
    peaks: [(f32, f32); WHOLE_BLOCKS + 1],
    blocks: u64,
    voice: VoiceActivity,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            level: Level::default(),
            peaks: [(0.0, 0.0); WHOLE_BLOCKS + 1],
            blocks: 0,
            voice: VoiceActivity::new(),
        }
    }

    /// Where the control side reads the level.
    pub(crate) fn level(&self) -> Level {
        self.level.clone()
    }

    /// Largest absolute sample of the last block.
    pub(crate) fn newest_peak(&self) -> f32 {
        self.peaks[0].0
    }

    /// Measures the next block.
    pub(crate) fn measure(&mut self, block: &AudioBlock) {
        self.peaks.rotate_right(1);
        let rest = &block.samples()[(BLOCK_FRAMES - REST_FRAMES) * block.channels()..];
        self.peaks[0] = (block.peak(), peak(rest));
        self.voice.note(block);
        self.blocks = self.blocks.wrapping_add(1);
        if self.blocks.is_multiple_of(BLOCKS_PER_SAMPLE) {
            let (whole, oldest) = self.peaks.split_at(WHOLE_BLOCKS);
            let now = whole.iter().map(|(peak, _)| *peak).fold(oldest[0].1, f32::max);
            let held = now.max(self.level.get() * DECAY).min(1.0);
            self.level.set(held, self.voice.look());
        }
    }
}

/// Largest absolute sample; what is no number counts as 0, as in [`AudioBlock::peak`].
fn peak(samples: &[f32]) -> f32 {
    let loud = samples.iter().map(|s| s.abs()).filter(|s| s.is_finite());
    loud.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(value: f32) -> AudioBlock {
        let mut block = AudioBlock::silent(1);
        block.samples_mut().fill(value);
        block
    }

    /// Levels after each 200 ms of what `loudness` says of each block.
    fn levels(samples: u64, loudness: impl Fn(u64) -> AudioBlock) -> Vec<f32> {
        let mut meter = Meter::new();
        let level = meter.level();
        let mut seen = Vec::new();
        for block in 0..samples * BLOCKS_PER_SAMPLE {
            meter.measure(&loudness(block));
            if (block + 1) % BLOCKS_PER_SAMPLE == 0 {
                seen.push(level.get());
            }
        }
        seen
    }

    #[test]
    fn a_level_jumps_up_to_a_peak_and_decays_by_the_documented_factor_every_200_ms() {
        let seen = levels(5, |block| constant(if block == 19 { -0.5 } else { 0.0 }));
        for (seen, expected) in seen.iter().zip([0.5, 0.15, 0.045, 0.0135, 0.00405]) {
            assert!((seen - expected).abs() < 1e-6, "{seen} for {expected}");
        }
    }

    #[test]
    fn only_the_last_2048_samples_count() {
        // Sampled behind block 19; 2,048 samples reach 128 samples into block 15.
        for (block, frame, heard) in [(15, 351, false), (15, 352, true), (16, 0, true), (19, 479, true)] {
            let seen = levels(1, |number| {
                let mut one = AudioBlock::silent(2);
                if number == block {
                    one.samples_mut()[2 * frame + 1] = 0.7;
                }
                one
            });
            assert_eq!(seen, [if heard { 0.7 } else { 0.0 }], "block {block} frame {frame}");
        }
    }

    #[test]
    fn a_level_is_at_most_1_and_what_is_no_number_is_silence() {
        assert_eq!(levels(1, |_| constant(3.0)), [1.0]);
        assert_eq!(levels(1, |_| constant(f32::NAN)), [0.0]);
        assert_eq!(levels(1, |_| constant(f32::INFINITY)), [0.0]);
    }
}
