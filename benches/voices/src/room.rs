//! Rooms: from a loudspeaker to a microphone.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use realfft::RealFftPlanner;
use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

use crate::{Fault, RATE};

/// How loud the whole echo comes back, as a factor: −6 dB, as of a laptop whose speakers are turned up.
const ECHO_GAIN: f32 = 0.5;
/// Energy of the direct way from speaker to microphone over that of all reflections.
const DIRECT_TO_REVERBERANT: f32 = 1.0;

/// A room and the buffers of its devices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Time in which a sound in it falls by 60 dB, in ms.
    pub reverberation_ms: u32,
    /// Time from the block that is played to its first echo in a captured block: devices, buffers and way, in ms.
    pub delay_ms: u32,
    /// By how much the microphone's clock is slower than the speaker's, in parts per million.
    pub drift_ppm: f64,
}

/// Rooms that the chain is held to.
pub const ROOMS: [Room; 9] = [
    room(100, 40, 0.0),
    room(100, 120, 50.0),
    room(200, 40, 50.0),
    room(200, 80, 0.0),
    room(200, 120, 0.0),
    room(200, 120, 50.0),
    room(300, 40, 0.0),
    room(300, 80, 50.0),
    room(300, 120, 50.0),
];

const fn room(reverberation_ms: u32, delay_ms: u32, drift_ppm: f64) -> Room {
    Room {
        reverberation_ms,
        delay_ms,
        drift_ppm,
    }
}

impl Room {
    /// What of `played` comes back into the microphone, as long as `played`.
    ///
    /// # Errors
    /// When the libraries refuse the lengths, which are no input.
    pub fn echo(&self, played: &[f32]) -> Result<Vec<f32>, Fault> {
        let mut echo = convolve(played, &self.response())?;
        if self.drift_ppm != 0.0 {
            echo = drift(&echo, self.drift_ppm)?;
        }
        echo.resize(played.len(), 0.0);
        Ok(echo)
    }

    /// Impulse response: the direct sound, then reflections as noise that decays.
    fn response(&self) -> Vec<f32> {
        let samples = |ms: u32| ms as usize * RATE / 1000;
        let mut random = ChaCha8Rng::seed_from_u64(u64::from(self.reverberation_ms));
        let decay = (1e-3f32).ln() / samples(self.reverberation_ms) as f32;
        let tail = |i: usize| (decay * i as f32).exp();
        let mut reflections: Vec<f32> = (1..samples(self.reverberation_ms))
            .map(|i| random.random_range(-1.0..1.0) * tail(i))
            .collect();
        let energy: f32 = reflections.iter().map(|s| s * s).sum();
        let (direct, scale) = (
            ECHO_GAIN * (DIRECT_TO_REVERBERANT / (1.0 + DIRECT_TO_REVERBERANT)).sqrt(),
            ECHO_GAIN / (energy * (1.0 + DIRECT_TO_REVERBERANT)).sqrt(),
        );
        reflections.iter_mut().for_each(|s| *s *= scale);
        let mut response = vec![0.0; samples(self.delay_ms)];
        response.push(direct);
        response.append(&mut reflections);
        response
    }
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RT60 {} ms, delay {} ms, {:+} ppm",
            self.reverberation_ms, self.delay_ms, self.drift_ppm
        )
    }
}

/// The whole of `sound` through `response`.
fn convolve(sound: &[f32], response: &[f32]) -> Result<Vec<f32>, Fault> {
    let length = (sound.len() + response.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let spectrum = |samples: &[f32]| {
        let mut input = samples.to_vec();
        input.resize(length, 0.0);
        let mut output = forward.make_output_vec();
        forward.process(&mut input, &mut output).map(|()| output)
    };
    let (mut product, response) = (spectrum(sound)?, spectrum(response)?);
    for (bin, factor) in product.iter_mut().zip(&response) {
        *bin = *bin * *factor / length as f32;
    }
    let mut result = inverse.make_output_vec();
    inverse.process(&mut product, &mut result)?;
    Ok(result)
}

/// `sound` as a clock hears it that is slower by `ppm`.
fn drift(sound: &[f32], ppm: f64) -> Result<Vec<f32>, Fault> {
    let parameters = SincInterpolationParameters::new(128, WindowFunction::BlackmanHarris2);
    let mut resampler = Async::<f32>::new_sinc(1.0 - ppm * 1e-6, 1.01, &parameters, 480, 1, FixedAsync::Input)?;
    let input = InterleavedSlice::new(sound, 1, sound.len())?;
    Ok(resampler.process_all(&input, sound.len(), None)?.take_data())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impulse_comes_back_after_the_delay_at_half_its_strength() {
        let mut played = vec![0.0; RATE];
        played[0] = 1.0;
        let echo = room(200, 80, 0.0).echo(&played).unwrap();
        let first = echo.iter().position(|s| s.abs() > 0.1).unwrap();
        assert_eq!(first, 80 * 48);
        let energy: f32 = echo.iter().map(|s| s * s).sum();
        assert!((energy.sqrt() - ECHO_GAIN).abs() < 0.01, "{}", energy.sqrt());
    }

    #[test]
    fn a_slower_clock_hears_a_click_earlier_by_its_drift() {
        let at = 4 * RATE;
        let mut played = vec![0.0; 5 * RATE];
        played[at] = 1.0;
        let echo = room(100, 40, 50.0).echo(&played).unwrap();
        let loudest = (0..echo.len())
            .max_by(|a, b| echo[*a].abs().total_cmp(&echo[*b].abs()))
            .unwrap();
        // 50 ppm of 4 s are 9.6 samples.
        let expected = at + 40 * 48 - 10;
        assert!(loudest.abs_diff(expected) <= 1, "{loudest} for {expected}");
    }
}
