//! Decoded sound on its way out: interleaved samples, written at the end, taken from the front.

use crate::codec::MAX_PACKET_SAMPLES;

/// Room that never has to grow: a longest packet behind a block that was not quite full, in stereo, twice.
const CAPACITY: usize = 4 * (MAX_PACKET_SAMPLES + 960);

/// A queue of interleaved samples; allocates in [`PcmQueue::new`] only.
#[derive(Debug)]
pub(super) struct PcmQueue {
    samples: Vec<f32>,
    channels: usize,
}

impl PcmQueue {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            samples: Vec::with_capacity(CAPACITY),
            channels,
        }
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Sample frames (samples per channel) that wait.
    pub(super) fn frames(&self) -> usize {
        self.samples.len() / self.channels
    }

    pub(super) fn samples(&self) -> &[f32] {
        &self.samples
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        self.samples.extend_from_slice(samples);
    }

    pub(super) fn push_silence(&mut self, frames: usize) {
        self.samples.resize(self.samples.len() + frames * self.channels, 0.0);
    }

    /// Takes as many frames as `out` has room for; the caller has seen to it that there are enough.
    pub(super) fn take(&mut self, out: &mut [f32]) {
        let count = out.len().min(self.samples.len());
        out[..count].copy_from_slice(&self.samples[..count]);
        self.samples.copy_within(count.., 0);
        self.samples.truncate(self.samples.len() - count);
    }

    /// From now on there are two channels; what waits is doubled.
    pub(super) fn make_stereo(&mut self) {
        if self.channels == 2 {
            return;
        }
        self.channels = 2;
        let frames = self.samples.len();
        self.samples.resize(frames * 2, 0.0);
        for n in (0..frames).rev() {
            let sample = self.samples[n];
            self.samples[2 * n..2 * n + 2].fill(sample);
        }
    }

    /// Leaves out the first `lag` frames: the sound glides within `overlap` frames from where it is to where it will be then.
    ///
    /// There must be `lag + overlap` frames.
    pub(super) fn leave_out(&mut self, lag: usize, overlap: usize) {
        let channels = self.channels;
        for n in 0..overlap {
            let there = (n + 1) as f32 / (overlap + 1) as f32;
            for c in 0..channels {
                let (here, later) = (n * channels + c, (n + lag) * channels + c);
                // The glide is written to its final place, where nothing is read again that was written before.
                let glided = self.samples[here] * (1.0 - there) + self.samples[later] * there;
                self.samples[here] = glided;
            }
        }
        let (from, to) = ((lag + overlap) * channels, overlap * channels);
        self.samples.copy_within(from.., to);
        self.samples.truncate(self.samples.len() - lag * channels);
    }

    /// Plays the first `lag` frames twice: after them the sound glides within `overlap` frames back to the beginning.
    ///
    /// There must be `lag + overlap` frames.
    pub(super) fn repeat(&mut self, lag: usize, overlap: usize) {
        let channels = self.channels;
        let old = self.samples.len();
        self.samples.resize(old + lag * channels, 0.0);
        self.samples.copy_within(0..old, lag * channels);
        // Now: first `lag` frames, then everything from the beginning. What followed the first `lag` frames stands `lag` later.
        for n in 0..overlap {
            let there = (n + 1) as f32 / (overlap + 1) as f32;
            for c in 0..channels {
                let (back, onward) = ((lag + n) * channels + c, (2 * lag + n) * channels + c);
                self.samples[back] = self.samples[onward] * (1.0 - there) + self.samples[back] * there;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frames: usize, channels: usize, period: f32) -> PcmQueue {
        let mut queue = PcmQueue::new(channels);
        for n in 0..frames {
            let sample = (n as f32 * std::f32::consts::TAU / period).sin();
            queue.push(&[sample, -sample][..channels]);
        }
        queue
    }

    #[test]
    fn leaving_out_or_repeating_a_period_of_a_tone_leaves_the_tone() {
        for channels in [1, 2] {
            let reference = sine(1_440, channels, 240.0);
            let mut shorter = sine(1_440, channels, 240.0);
            shorter.leave_out(240, 200);
            assert_eq!(shorter.frames(), 1_200);
            let mut longer = sine(1_440, channels, 240.0);
            longer.repeat(240, 200);
            assert_eq!(longer.frames(), 1_680);
            for (queue, length) in [(shorter, 1_200), (longer, 1_440)] {
                for (a, b) in queue.samples()[..length * channels].iter().zip(reference.samples()) {
                    assert!((a - b).abs() < 1e-3, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn samples_come_out_as_they_went_in_and_mono_is_doubled() {
        let mut queue = PcmQueue::new(1);
        queue.push(&[1.0, 2.0, 3.0]);
        let mut first = [0.0];
        queue.take(&mut first);
        queue.make_stereo();
        queue.push_silence(1);
        let mut rest = [9.0; 6];
        queue.take(&mut rest);
        assert_eq!((first, rest), ([1.0], [2.0, 2.0, 3.0, 3.0, 0.0, 0.0]));
        assert_eq!(queue.frames(), 0);
    }
}
