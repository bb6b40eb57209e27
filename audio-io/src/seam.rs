//! Where a device's ring ran dry: the sound on both sides of the gap, without a step.

use express_messages::audio::{AudioBlock, MAX_CHANNELS};

/// Frames in which what was heard last falls to nothing, and in which what comes next rises: 5 ms at 48 kHz.
const FADE: u16 = 240;

/// One frame; of mono the first sample counts.
type Frame = [f32; MAX_CHANNELS];

/// Joins sound to a gap, and to what follows a gap or a leap.
///
/// Nobody knows of a gap before it is there, so nothing can fade out: the last frame is held and falls to zero, while what
/// follows rises.
///
/// # Real time
/// Computes only. It is a copy and a comparison for each frame while nothing is missing.
#[derive(Debug, Default)]
pub(crate) struct Seam {
    /// Frames after a cut in which a filter still rings of it: they are not heard.
    ringing: u16,
    last: Frame,
    falls_from: Frame,
    falling: u16,
    /// Frames until what follows is heard in full.
    rising: u16,
}

impl Seam {
    /// A seam behind a filter that rings for so many frames after a cut.
    pub(crate) fn behind_filter(ringing: usize) -> Self {
        Self {
            ringing: u16::try_from(ringing).unwrap_or(u16::MAX - FADE).min(u16::MAX - FADE),
            ..Self::default()
        }
    }

    /// What comes now does not follow from what came last.
    pub(crate) fn cut(&mut self) {
        self.falls_from = self.last;
        self.falling = FADE;
        self.rising = FADE + self.ringing;
    }

    /// The next frame of sound, as it is to be heard.
    pub(crate) fn sound(&mut self, frame: Frame) -> Frame {
        self.last = frame;
        if self.rising > 0 || self.falling > 0 {
            let gain = 1.0 - f32::from(self.rising.min(FADE)) / f32::from(FADE);
            self.rising = self.rising.saturating_sub(1);
            let tail = self.tail();
            self.last = std::array::from_fn(|side| frame[side] * gain + tail[side]);
        }
        self.last
    }

    /// The next frame of a gap; `None` where it is silent.
    pub(crate) fn gap(&mut self) -> Option<Frame> {
        let falls = self.falling > 0;
        self.last = self.tail();
        falls.then_some(self.last)
    }

    /// What is left of the frame before the cut.
    fn tail(&mut self) -> Frame {
        let gain = f32::from(self.falling) / f32::from(FADE);
        self.falling = self.falling.saturating_sub(1);
        self.falls_from.map(|sample| sample * gain)
    }

    /// The next block of sound, as it is to be heard.
    pub(crate) fn sound_block(&mut self, block: &mut AudioBlock) {
        let channels = block.channels();
        for frame in block.samples_mut().chunks_exact_mut(channels) {
            let heard = self.sound([frame[0], frame[channels - 1]]);
            frame.copy_from_slice(&heard[..channels]);
        }
    }

    /// The next block of a gap; it is silent when it comes.
    pub(crate) fn gap_block(&mut self, block: &mut AudioBlock) {
        let channels = block.channels();
        for frame in block.samples_mut().chunks_exact_mut(channels) {
            let Some(heard) = self.gap() else { return };
            frame.copy_from_slice(&heard[..channels]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steepest(heard: &[f32]) -> f32 {
        heard.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn sound_that_nothing_is_missing_of_passes_bit_by_bit() {
        let mut seam = Seam::default();
        for i in 0..1_000u16 {
            let frame = [f32::from(i) / 7.0, -f32::from(i) / 3.0];
            assert_eq!(seam.sound(frame), frame);
        }
    }

    #[test]
    fn both_ends_of_a_gap_of_any_length_and_a_leap_are_smooth() {
        for gap in [0usize, 1, 100, 239, 240, 241, 1_000] {
            let mut seam = Seam::default();
            let mut heard = Vec::new();
            let sounds = |seam: &mut Seam, frames: usize, level: f32, heard: &mut Vec<f32>| {
                (0..frames).for_each(|_| heard.push(seam.sound([level, 0.0])[0]));
            };
            sounds(&mut seam, 500, 0.0, &mut heard);
            seam.cut();
            sounds(&mut seam, 500, 1.0, &mut heard);
            assert_eq!(heard.last(), Some(&1.0));
            for _ in 0..2 {
                seam.cut();
                (0..gap).for_each(|_| heard.push(seam.gap().map_or(0.0, |frame| frame[0])));
                // Cut again before it has risen.
                sounds(&mut seam, 100, -1.0, &mut heard);
            }
            let step = steepest(&heard);
            assert!(step < 2.1 / f32::from(FADE), "gap of {gap}: {step}");
        }
    }

    #[test]
    fn what_a_filter_rings_of_a_cut_is_not_heard() {
        let mut seam = Seam::behind_filter(100);
        seam.cut();
        let heard: Vec<f32> = (0..500).map(|_| seam.sound([1.0, 1.0])[0]).collect();
        assert_eq!(heard[..101], [0.0; 101]);
        assert!(heard[102] > 0.0 && heard[341..].iter().all(|sample| *sample == 1.0));
    }

    #[test]
    fn a_gap_ends_in_silence() {
        let mut seam = Seam::default();
        seam.sound([1.0, 1.0]);
        seam.cut();
        let mut block = AudioBlock::silent(2);
        seam.gap_block(&mut block);
        assert!(block.samples()[0] > 0.9);
        assert_eq!(block.samples()[2 * usize::from(FADE)..], [0.0; 480]);
        assert_eq!(seam.gap(), None);
    }
}
