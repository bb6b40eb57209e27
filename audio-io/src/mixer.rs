//! The sum of everything that is heard, kept inside −1..=1 without a hard edge.

use express_messages::audio::{AudioBlock, BLOCK_FRAMES};

use crate::gain::{Ramp, ramp_at};

/// Where the limiter begins to turn down: −1 dBFS.
const CEILING: f32 = 0.891;
/// How far the limiter recovers in one block: 0.1 dB, so 6 dB in 600 ms; faster is heard as pumping.
const RELEASE_PER_BLOCK: f32 = 1.011_6;
/// Below this the soft clip changes nothing, so that ordinary sound passes bit by bit.
const KNEE: f32 = 0.9;

/// Sums stereo blocks, then limits the sum.
///
/// The limiter follows the block's peak with one gain for both channels, moved linearly over a block. What an attack
/// lets through in its first block is bent by [`soft_clip`], which never passes 1.
///
/// # Real time
/// Computes only: no allocation, work proportional to the blocks added.
#[derive(Debug)]
pub(crate) struct Mixer {
    sum: AudioBlock,
    limit: f32,
}

impl Mixer {
    pub(crate) fn new() -> Self {
        Self {
            sum: AudioBlock::silent(2),
            limit: 1.0,
        }
    }

    /// Begins a new block.
    pub(crate) fn clear(&mut self) {
        self.sum.reset(2);
    }

    /// Adds `block` (mono goes to both sides) with the gain of `ramp`, which moves on by a block. Samples that are not
    /// finite are left out.
    pub(crate) fn add(&mut self, block: &AudioBlock, ramp: &mut Ramp) {
        let (from, to) = ramp.span();
        let silent = ramp.is_silent();
        ramp.finish();
        if silent {
            return;
        }
        let channels = block.channels();
        let frames = block.samples().chunks_exact(channels);
        for (i, (out, frame)) in self.sum.samples_mut().chunks_exact_mut(2).zip(frames).enumerate() {
            let gain = ramp_at(from, to, i);
            out[0] += finite(frame[0] * gain);
            out[1] += finite(frame[channels - 1] * gain);
        }
    }

    /// Whether the limiter turns nothing down (any more).
    pub(crate) fn is_at_rest(&self) -> bool {
        self.limit == 1.0
    }

    /// The limited sum.
    pub(crate) fn finish(&mut self) -> &mut AudioBlock {
        let peak = self.sum.peak();
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let (from, to) = (self.limit, wanted.min(self.limit * RELEASE_PER_BLOCK).min(1.0));
        self.limit = to;
        if from != 1.0 || to != 1.0 {
            for (i, frame) in self.sum.samples_mut().chunks_exact_mut(2).enumerate() {
                // An attack is over after an eighth of the block: what follows is already turned down.
                let at = if to < from { (i * 8).min(BLOCK_FRAMES - 1) } else { i };
                let gain = ramp_at(from, to, at);
                frame.iter_mut().for_each(|s| *s *= gain);
            }
        }
        self.sum.samples_mut().iter_mut().for_each(|s| *s = soft_clip(*s));
        &mut self.sum
    }
}

/// `sample`, or 0 where it is not finite.
pub(crate) fn finite(sample: f32) -> f32 {
    if sample.is_finite() { sample } else { 0.0 }
}

/// Passes −0.9..=0.9 unchanged and bends what is louder towards ±1, which it never passes.
pub(crate) fn soft_clip(sample: f32) -> f32 {
    let loud = sample.abs();
    if loud <= KNEE {
        return sample;
    }
    let room = 1.0 - KNEE;
    (KNEE + room * ((loud - KNEE) / room).tanh()).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(value: f32, channels: usize) -> AudioBlock {
        let mut block = AudioBlock::silent(channels);
        block.samples_mut().fill(value);
        block
    }

    #[test]
    fn quiet_sums_pass_unchanged_and_mono_goes_to_both_sides() {
        let mut mixer = Mixer::new();
        mixer.clear();
        mixer.add(&constant(0.25, 1), &mut Ramp::at(1.0));
        mixer.add(&constant(0.5, 2), &mut Ramp::at(0.5));
        assert!(mixer.finish().samples().iter().all(|s| *s == 0.5));
    }

    #[test]
    fn eight_loud_voices_stay_inside_one_without_an_edge() {
        let mut mixer = Mixer::new();
        let mut last = 0.0f32;
        for block in 0..100 {
            mixer.clear();
            for voice in 0..8usize {
                let mut tone = AudioBlock::silent(1);
                for (i, s) in tone.samples_mut().iter_mut().enumerate() {
                    let t = (block * BLOCK_FRAMES + i) as f32 / 48_000.0;
                    *s = (std::f32::consts::TAU * (200.0 + 30.0 * voice as f32) * t).sin() * 0.9;
                }
                mixer.add(&tone, &mut Ramp::at(1.0));
            }
            for frame in mixer.finish().samples().chunks_exact(2) {
                assert!(frame[0].abs() <= 1.0);
                // A 410 Hz tone of full scale moves 0.054 a sample; a wrap or a cut would jump by 1 and more.
                assert!((frame[0] - last).abs() < 0.45, "jump {}", (frame[0] - last).abs());
                last = frame[0];
            }
        }
    }

    #[test]
    fn the_limiter_lets_go_again() {
        let mut mixer = Mixer::new();
        let mut play = |value: f32| {
            mixer.clear();
            mixer.add(&constant(value, 1), &mut Ramp::at(1.0));
            mixer.finish().samples()[900]
        };
        assert!(play(4.0) <= 1.0);
        assert!(play(0.5) < 0.2, "still turned down");
        for _ in 0..200 {
            play(0.5);
        }
        assert_eq!(play(0.5), 0.5);
    }

    #[test]
    fn a_sample_that_is_no_number_is_left_out() {
        let mut mixer = Mixer::new();
        mixer.clear();
        mixer.add(&constant(f32::NAN, 1), &mut Ramp::at(1.0));
        mixer.add(&constant(0.25, 1), &mut Ramp::at(1.0));
        assert!(mixer.finish().samples().iter().all(|s| *s == 0.25));
    }

    #[test]
    fn the_soft_clip_is_even_rising_and_below_one() {
        let mut last = -2.0;
        for i in -400..=400i16 {
            let x = f32::from(i) / 100.0;
            let y = soft_clip(x);
            assert!(y >= last && y.abs() <= 1.0);
            assert!((y + soft_clip(-x)).abs() < 1e-6);
            last = y;
        }
    }
}
