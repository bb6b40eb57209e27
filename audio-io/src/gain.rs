//! Gains that move without a click.

use express_messages::audio::{AudioBlock, BLOCK_FRAMES};

/// A gain that reaches each new value over one block (10 ms), so that no step can be heard.
///
/// # Real time
/// Computes only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    current: f32,
    target: f32,
}

impl Ramp {
    /// Stands at `gain`.
    pub(crate) fn at(gain: f32) -> Self {
        Self {
            current: gain,
            target: gain,
        }
    }

    /// Moves to `gain` over the next block.
    pub(crate) fn set(&mut self, gain: f32) {
        self.target = gain;
    }

    /// The gain before and after the next block.
    pub(crate) fn span(&self) -> (f32, f32) {
        (self.current, self.target)
    }

    /// Whether the next block is silent from its first to its last sample.
    pub(crate) fn is_silent(&self) -> bool {
        self.current == 0.0 && self.target == 0.0
    }

    /// Takes the next block's gain: the caller has applied [`Self::span`].
    pub(crate) fn finish(&mut self) {
        self.current = self.target;
    }

    /// Applies the next block's gain to `block`.
    pub(crate) fn apply(&mut self, block: &mut AudioBlock) {
        let (from, to) = self.span();
        self.finish();
        if from == to {
            if to != 1.0 {
                block.scale(to);
            }
            return;
        }
        let channels = block.channels();
        for (i, frame) in block.samples_mut().chunks_exact_mut(channels).enumerate() {
            let gain = ramp_at(from, to, i);
            frame.iter_mut().for_each(|s| *s *= gain);
        }
    }
}

/// Fades from `block` to `other`, of as many channels, within the block.
pub(crate) fn cross_fade(block: &mut AudioBlock, other: &AudioBlock) {
    let channels = block.channels();
    let frames = block
        .samples_mut()
        .chunks_exact_mut(channels)
        .zip(other.samples().chunks_exact(channels));
    for (i, (frame, other)) in frames.enumerate() {
        let gain = ramp_at(0.0, 1.0, i);
        frame.iter_mut().zip(other).for_each(|(s, other)| *s += gain * (other - *s));
    }
}

/// The gain at frame `i` of a block that goes from `from` to `to`; the last frame has `to`.
pub(crate) fn ramp_at(from: f32, to: f32, i: usize) -> f32 {
    from + (to - from) * (i + 1) as f32 / BLOCK_FRAMES as f32
}

/// A percentage of the documented volume calls as a factor; more than `max` counts as `max`.
pub(crate) fn percent(percent: u16, max: u16) -> f32 {
    f32::from(percent.min(max)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ones() -> AudioBlock {
        let mut block = AudioBlock::silent(1);
        block.samples_mut().fill(1.0);
        block
    }

    #[test]
    fn a_new_gain_is_reached_in_one_block_by_even_steps() {
        let mut ramp = Ramp::at(1.0);
        ramp.set(0.0);
        let mut block = ones();
        ramp.apply(&mut block);
        let steepest = block.samples().windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 1.1 / BLOCK_FRAMES as f32, "{steepest}");
        assert_eq!(block.samples().last(), Some(&0.0));
        assert!(ramp.is_silent());
    }

    #[test]
    fn a_gain_of_one_changes_no_bit() {
        let mut block = ones();
        block.samples_mut()[7] = 0.123_456_7;
        let before = block.clone();
        Ramp::at(1.0).apply(&mut block);
        assert_eq!(block.samples(), before.samples());
    }

    #[test]
    fn percents_over_the_limit_count_as_the_limit() {
        assert_eq!(percent(50, 200), 0.5);
        assert_eq!(percent(999, 200), 2.0);
    }
}
