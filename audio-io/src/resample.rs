//! Sample rates: a fixed one for files and speakers, and one that follows a device's clock.
//!
//! Capture and playout devices have clocks of their own, a few hundred parts per million apart. [`DriftControl`] turns how
//! full a ring is into a small correction of the resampling ratio, so that the ring neither runs dry nor over. Nothing
//! outside this crate sees anything but 48 kHz.

use rubato::{
    Adjustable, Async, FixedAsync, Resampler, ResamplerConstructionError, SincInterpolationParameters, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice,
};

/// Taps of the interpolation filter: 1.3 ms of delay at 48 kHz, flat to 20 kHz, 30 to 47 us for 10 ms of mono.
const SINC_TAPS: usize = 128;
/// Most correction of one device's clock against another's. Crystals differ by up to 100 ppm each, cheap USB ones by 300: two of
/// those, one fast and one slow, by 600; more is a fault.
pub(crate) const MAX_CORRECTION: f64 = 750e-6;
/// Ring error, in seconds of sound, that asks for the whole correction. 5 ms: the loop settles within about 10 s, and clocks
/// that are 600 ppm apart shift the ring by 4 ms only.
const FULL_CORRECTION_AT: f64 = 0.005;
/// By so much, in seconds, a ring settles below its target where the clocks are 600 ppm apart.
const SLOWEST: f64 = 0.004;
/// Weight of one 10 ms observation in the smoothed ring error: a time constant of 1 s, as device callbacks make the ring
/// jump by 20 ms and more.
const SMOOTHING: f64 = 0.01;

/// How many observations tell where the ring's fill stands of itself: 1 s.
const LEARN: u32 = 100;
/// How far from its target the ring may stand of itself, in seconds. It is filled to its target by a callback and is seen
/// at any point of the saw-tooth, on average half a callback lower.
const OWN_OFFSET: (f64, f64) = (-0.015, 0.005);

/// Turns ring fill into a resampling correction. Pure; one observation for each 10 ms block.
///
/// It first learns, for a second, how far below its target the ring stands of itself. So no correction is spent on the phase
/// between callbacks and ticks, and clocks that agree are left alone from the start.
#[derive(Debug, Clone)]
pub(crate) struct DriftControl {
    /// Input rate in Hz.
    rate: f64,
    seen: u32,
    sum: f64,
    smoothed: f64,
}

impl DriftControl {
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            rate: f64::from(rate),
            seen: 0,
            sum: 0.0,
            smoothed: 0.0,
        }
    }

    /// Forgets what was observed, after the ring was emptied or trimmed.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.rate as u32);
    }

    /// How many frames below its target the ring stands when it has settled, of itself and by as much as a slow device is
    /// allowed, once that is learned.
    pub(crate) fn stands_below(&self) -> Option<f64> {
        let slow = self.smoothed.clamp(-SLOWEST, 0.0);
        (self.seen == LEARN).then(|| -(self.own() + slow) * self.rate)
    }

    /// How far above its target the ring stands of itself, in seconds.
    fn own(&self) -> f64 {
        (self.sum / f64::from(LEARN)).clamp(OWN_OFFSET.0, OWN_OFFSET.1)
    }

    /// The factor for the ratio output/input, 1 ± 750 ppm: below 1 where the ring holds too much.
    pub(crate) fn observe(&mut self, fill_frames: usize, target_frames: usize) -> f64 {
        let error = (fill_frames as f64 - target_frames as f64) / self.rate;
        if self.seen < LEARN {
            self.seen += 1;
            self.sum += error;
            return 1.0;
        }
        self.smoothed += SMOOTHING * (error - self.own() - self.smoothed);
        1.0 - (self.smoothed / FULL_CORRECTION_AT).clamp(-1.0, 1.0) * MAX_CORRECTION
    }
}

/// Why a resampler could not be made or run. It is our bug if this is ever seen: rates are checked before.
#[derive(Debug, thiserror::Error)]
#[error("resampling: {0}")]
pub struct ResampleError(String);

impl From<ResamplerConstructionError> for ResampleError {
    fn from(error: ResamplerConstructionError) -> Self {
        Self(error.to_string())
    }
}

impl From<rubato::ResampleError> for ResampleError {
    fn from(error: rubato::ResampleError) -> Self {
        Self(error.to_string())
    }
}

fn sinc(
    from_hz: u32,
    to_hz: u32,
    chunk: usize,
    channels: usize,
    fixed: FixedAsync,
) -> Result<Async<f32>, ResamplerConstructionError> {
    let parameters = SincInterpolationParameters::new(SINC_TAPS, WindowFunction::BlackmanHarris2);
    // Relative bound of the ratio: a little more than the correction, which would otherwise touch it by rounding.
    let bound = 1.0 + 2.0 * MAX_CORRECTION;
    Async::new_sinc(
        f64::from(to_hz) / f64::from(from_hz),
        bound,
        &parameters,
        chunk,
        channels,
        fixed,
    )
}

/// Makes blocks of a fixed number of output frames from as many input frames as they take.
///
/// # Real time
/// [`Self::process`] computes only: it does not allocate.
#[derive(Debug)]
pub(crate) struct PullResampler {
    inner: Async<f32>,
    channels: usize,
    chunk: usize,
    input: Vec<f32>,
}

impl PullResampler {
    /// Output blocks of `chunk` frames at `to_hz`, input at `from_hz`.
    pub(crate) fn new(from_hz: u32, to_hz: u32, chunk: usize, channels: usize) -> Result<Self, ResampleError> {
        let inner = sinc(from_hz, to_hz, chunk, channels, FixedAsync::Output)?;
        let input = vec![0.0; inner.input_frames_max().saturating_mul(channels)];
        Ok(Self {
            inner,
            channels,
            chunk,
            input,
        })
    }

    /// Input frames that the next block takes.
    pub(crate) fn needed_frames(&self) -> usize {
        self.inner.input_frames_next()
    }

    /// Output frames by which the output lags the input.
    pub(crate) fn delay_frames(&self) -> usize {
        // Half the filter, less one: the first output stands one step behind the start already, as rubato moves before it
        // interpolates. Rounded: half an output frame is the finest that leaving frames out can place.
        (SINC_TAPS as f64 / 2.0 * self.inner.resample_ratio() - 1.0).round().max(0.0) as usize
    }

    /// Moves the ratio to `factor` times the nominal one within the next block.
    pub(crate) fn steer(&mut self, factor: f64) -> Result<(), ResampleError> {
        Ok(self.inner.set_resample_ratio_relative(factor, true)?)
    }

    /// Makes the next block: `fill` gets the room for exactly [`Self::needed_frames`] interleaved frames.
    pub(crate) fn process(&mut self, out: &mut [f32], fill: impl FnOnce(&mut [f32])) -> Result<(), ResampleError> {
        let frames = self.needed_frames();
        fill(&mut self.input[..frames * self.channels]);
        let input = InterleavedSlice::new(&self.input, self.channels, frames).map_err(size)?;
        let mut output = InterleavedSlice::new_mut(out, self.channels, self.chunk).map_err(size)?;
        self.inner.process_into_buffer(&input, &mut output, None)?;
        Ok(())
    }
}

/// Turns blocks of a fixed number of input frames into as many output frames as they give.
///
/// # Real time
/// As [`PullResampler`].
#[derive(Debug)]
pub(crate) struct PushResampler {
    inner: Async<f32>,
    channels: usize,
    chunk: usize,
    output: Vec<f32>,
}

impl PushResampler {
    /// Input blocks of `chunk` frames at `from_hz`, output at `to_hz`.
    pub(crate) fn new(from_hz: u32, to_hz: u32, chunk: usize, channels: usize) -> Result<Self, ResampleError> {
        let inner = sinc(from_hz, to_hz, chunk, channels, FixedAsync::Input)?;
        let output = vec![0.0; inner.output_frames_max().saturating_mul(channels)];
        Ok(Self {
            inner,
            channels,
            chunk,
            output,
        })
    }

    /// As [`PullResampler::steer`].
    pub(crate) fn steer(&mut self, factor: f64) -> Result<(), ResampleError> {
        Ok(self.inner.set_resample_ratio_relative(factor, true)?)
    }

    /// The output for one input block, interleaved.
    pub(crate) fn process(&mut self, block: &[f32]) -> Result<&[f32], ResampleError> {
        let frames = self.inner.output_frames_max();
        let input = InterleavedSlice::new(block, self.channels, self.chunk).map_err(size)?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, self.channels, frames).map_err(size)?;
        let (_, made) = self.inner.process_into_buffer(&input, &mut output, None)?;
        Ok(&self.output[..made * self.channels])
    }
}

fn size(error: impl std::fmt::Display) -> ResampleError {
    ResampleError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One hour of 10 ms blocks read from a ring that a device fills by a clock of its own, in callbacks of 20 ms that begin
    /// `phase` seconds after a tick. Lowest and highest fill of the last 59 minutes, and the furthest factor of the first 5 s.
    fn an_hour_of_drift(ppm: f64, phase: f64, first_fill: usize) -> (usize, usize, f64) {
        let (rate, target) = (48_000u32, 960 + 720usize);
        let mut control = DriftControl::new(rate);
        let mut fill = first_fill as f64;
        let (mut lowest, mut highest, mut early) = (usize::MAX, 0, 0.0f64);
        let (mut device_time, mut fraction) = (0.02 - phase, 0.0f64);
        for block in 0..360_000u32 {
            let now = f64::from(block) * 0.01;
            while device_time <= now {
                fill += 960.0;
                device_time += 0.02 / (1.0 + ppm * 1e-6);
            }
            let factor = control.observe(fill as usize, target);
            assert!((factor - 1.0).abs() <= MAX_CORRECTION + 1e-12);
            fraction += 480.0 / factor;
            fill -= fraction.floor();
            fraction -= fraction.floor();
            assert!(fill >= 0.0, "ran dry in block {block} at {ppm} ppm, phase {phase}");
            if block > 6_000 {
                lowest = lowest.min(fill as usize);
                highest = highest.max(fill as usize);
            } else if block < 500 {
                early = early.max((factor - 1.0).abs());
            }
        }
        (lowest, highest, early)
    }

    #[test]
    fn a_virtual_hour_of_drift_neither_empties_nor_overflows_the_ring() {
        for ppm in [-600.0, -300.0, -50.0, 0.0, 50.0, 300.0, 600.0] {
            // Apart by 600 ppm: a microphone that is 300 ppm slow and a speaker, the pump's clock, that is 300 ppm fast.
            for phase in [0.000_5, 0.005, 0.009_5] {
                let (lowest, highest, _) = an_hour_of_drift(ppm, phase, 1_680);
                // 20 ms callbacks slip past 10 ms ticks, so the fill moves in steps of 480; what must not happen is 0.
                assert!(lowest >= 60, "{ppm} ppm, phase {phase}: lowest {lowest}");
                assert!(highest <= 2_400, "{ppm} ppm, phase {phase}: highest {highest}");
            }
        }
    }

    #[test]
    fn clocks_that_agree_are_left_alone_from_the_start() {
        for phase in [0.000_5, 0.005, 0.009_5] {
            let (_, _, early) = an_hour_of_drift(0.0, phase, 1_680);
            assert!(early < 10e-6, "phase {phase}: {early}");
        }
    }

    #[test]
    fn a_ring_that_begins_far_off_comes_back() {
        let (lowest, highest, _) = an_hour_of_drift(100.0, 0.005, 4_000);
        assert!(lowest >= 60 && highest <= 3_400, "{lowest}..{highest}");
    }

    /// Level in dB of `frequency` in `samples`, relative to a sine of full scale.
    fn level_db(samples: &[f32], frequency: f64, rate: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, &s) in samples.iter().enumerate() {
            let phase = std::f64::consts::TAU * frequency * i as f64 / rate;
            re += f64::from(s) * phase.cos();
            im += f64::from(s) * phase.sin();
        }
        20.0 * (2.0 * re.hypot(im) / samples.len() as f64).max(1e-12).log10()
    }

    fn sine(frequency: f64, rate: f64, from: usize, out: &mut [f32]) {
        for (i, s) in out.iter_mut().enumerate() {
            *s = (std::f64::consts::TAU * frequency * (from + i) as f64 / rate).sin() as f32 * 0.5;
        }
    }

    #[test]
    fn a_tone_keeps_its_frequency_and_level_through_each_rate() {
        for rate in [8_000u32, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            let mut resampler = PullResampler::new(rate, 48_000, 480, 1).unwrap();
            let (mut out, mut position) = (Vec::new(), 0);
            let mut block = [0.0; 480];
            for _ in 0..100 {
                let needed = resampler.needed_frames();
                resampler
                    .process(&mut block, |input| sine(1_000.0, f64::from(rate), position, input))
                    .unwrap();
                position += needed;
                out.extend_from_slice(&block);
            }
            let level = level_db(&out[9_600..], 1_000.0, 48_000.0);
            assert!((level + 6.02).abs() < 0.1, "{rate} Hz: {level} dB");
        }
    }

    #[test]
    fn a_push_resampler_gives_the_speaker_its_own_rate() {
        let mut resampler = PushResampler::new(48_000, 44_100, 480, 2).unwrap();
        let (mut mono, mut out) = ([0.0; 480], Vec::new());
        for block in 0..200 {
            sine(1_000.0, 48_000.0, block * 480, &mut mono);
            let stereo: Vec<f32> = mono.iter().flat_map(|s| [*s, *s]).collect();
            out.extend(resampler.process(&stereo).unwrap().chunks_exact(2).map(|f| f[0]));
        }
        assert!((out.len() as i64 - 88_200).abs() < 200, "{}", out.len());
        let level = level_db(&out[8_820..], 1_000.0, 44_100.0);
        assert!((level + 6.02).abs() < 0.1, "{level} dB");
    }
}
