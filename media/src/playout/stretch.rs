//! Time stretching: where sound repeats itself, a period can be left out or played twice, and nobody hears it.
//!
//! WSOLA-like: the lag at which the beginning of the sound is most like what follows is searched on a coarse version and
//! refined on the full one. The pitch stays, for whole periods go or come.

/// Shortest and longest lag, 2.5 and 12.5 ms: voices from 80 to 400 Hz repeat within it.
const LAGS: std::ops::RangeInclusive<usize> = 120..=600;
/// What is compared and glided over, 7.5 ms.
pub(super) const OVERLAP: usize = 360;
/// Frames that a search needs.
pub(super) const NEEDED: usize = *LAGS.end() + OVERLAP;
/// The coarse search looks at every fourth sample.
const COARSE: usize = 4;
/// Quieter than this (RMS, −52 dBFS) nothing can be heard of a splice.
const QUIET_RMS: f32 = 0.002_5;

/// A way to stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Splice {
    /// Frames that can go or be repeated.
    pub(super) lag: usize,
    /// How alike both ends are, −1..=1; 1 where it is too quiet to matter.
    pub(super) likeness: f32,
    /// Whether it is too quiet to be heard.
    pub(super) quiet: bool,
}

/// Searches for splices; holds its scratch memory.
#[derive(Debug)]
pub(super) struct SpliceFinder {
    mono: Vec<f32>,
    coarse: Vec<f32>,
}

impl SpliceFinder {
    pub(super) fn new() -> Self {
        Self {
            mono: Vec::with_capacity(NEEDED),
            coarse: Vec::with_capacity(NEEDED / COARSE),
        }
    }

    /// The best splice at the beginning of `samples` (interleaved); `None` where they are fewer than [`NEEDED`] frames.
    pub(super) fn find(&mut self, samples: &[f32], channels: usize) -> Option<Splice> {
        let samples = samples.get(..NEEDED * channels)?;
        self.mono.clear();
        self.mono
            .extend(samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>()));
        let energy: f32 = self.mono.iter().map(|s| s * s).sum();
        if energy < QUIET_RMS * QUIET_RMS * NEEDED as f32 {
            return Some(Splice {
                lag: *LAGS.end(),
                likeness: 1.0,
                quiet: true,
            });
        }
        self.coarse.clear();
        // The mean of each group is a poor low-pass, and enough to find the neighbourhood.
        self.coarse
            .extend(self.mono.chunks_exact(COARSE).map(|group| group.iter().sum::<f32>()));
        let coarse_lags = LAGS.start() / COARSE..=LAGS.end() / COARSE;
        let (near, _) = best(&self.coarse, OVERLAP / COARSE, coarse_lags)?;
        let from = (near * COARSE).saturating_sub(COARSE).max(*LAGS.start());
        let to = (near * COARSE + COARSE).min(*LAGS.end());
        let (lag, likeness) = best(&self.mono, OVERLAP, from..=to)?;
        Some(Splice {
            lag,
            likeness,
            quiet: false,
        })
    }
}

/// The lag with the highest normalised correlation between `signal[..window]` and `signal[lag..lag + window]`.
fn best(signal: &[f32], window: usize, lags: std::ops::RangeInclusive<usize>) -> Option<(usize, f32)> {
    let head = signal.get(..window)?;
    let head_energy: f32 = head.iter().map(|s| s * s).sum();
    lags.filter_map(|lag| {
        let tail = signal.get(lag..lag + window)?;
        let (mut product, mut tail_energy) = (0.0, 0.0);
        for (a, b) in head.iter().zip(tail) {
            product += a * b;
            tail_energy += b * b;
        }
        let likeness = product / (head_energy * tail_energy).sqrt().max(f32::MIN_POSITIVE);
        Some((lag, likeness))
    })
    .max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn tone(hz: f32, gain: f32) -> Vec<f32> {
        (0..NEEDED)
            .map(|n| gain * (n as f32 * std::f32::consts::TAU * hz / 48_000.0).sin())
            .collect()
    }

    #[test]
    fn the_lag_of_a_tone_is_a_multiple_of_its_period() {
        for hz in [90.0, 120.0, 200.0, 333.0, 440.0, 1_000.0] {
            let splice = SpliceFinder::new().find(&tone(hz, 0.5), 1).unwrap();
            let periods = splice.lag as f32 * hz / 48_000.0;
            assert!((periods - periods.round()).abs() < 0.02, "{hz} Hz: {periods} periods");
            assert!(splice.likeness > 0.98 && !splice.quiet);
        }
    }

    #[test]
    fn noise_is_not_like_itself_and_silence_is_quiet() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let noise: Vec<f32> = (0..NEEDED).map(|_| rng.random_range(-0.5..0.5)).collect();
        assert!(SpliceFinder::new().find(&noise, 1).unwrap().likeness < 0.5);
        assert!(SpliceFinder::new().find(&tone(300.0, 0.001), 1).unwrap().quiet);
        assert_eq!(SpliceFinder::new().find(&noise[1..], 1), None);
    }

    #[test]
    fn both_channels_count() {
        let stereo: Vec<f32> = tone(200.0, 0.5).into_iter().flat_map(|s| [s, 0.3 * s]).collect();
        let splice = SpliceFinder::new().find(&stereo, 2).unwrap();
        assert_eq!(splice.lag % 240, 0);
    }
}
