//! What a microphone hears.

use std::path::Path;

use express_audio_io::WavBlocks;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{RATE, Room};

/// Why a figure cannot be measured, for people.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The noise of a quiet microphone, −80 dBFS.
const MIC_NOISE: f32 = 1e-4;

/// A WAV file as mono samples at 48 kHz.
///
/// # Errors
/// Where it cannot be read.
pub fn clip(path: &Path) -> Result<Vec<f32>, Fault> {
    let blocks = WavBlocks::open(path)?;
    let channels = blocks.channels();
    let mono = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
    Ok(blocks
        .flat_map(|block| block.samples().chunks_exact(channels).map(mono).collect::<Vec<_>>())
        .collect())
}

/// Somebody says a clip into a microphone.
#[derive(Debug, Clone)]
pub struct Talk {
    /// What the microphone hears.
    pub mic: Vec<f32>,
    /// What the speaker plays.
    pub played: Vec<f32>,
}

impl Talk {
    /// Nothing but `near`, behind half a second of silence.
    pub fn clean(near: &[f32]) -> Self {
        Self {
            mic: echo_of(&vec![0.0; near.len() + RATE], &behind(near, RATE / 2)),
            played: Vec::new(),
        }
    }

    /// `near` in pink noise that is 15 dB weaker and begins two seconds before it.
    pub fn noisy(near: &[f32]) -> Self {
        let noise = pink_noise(near.len() + 5 * RATE / 2);
        let gain = rms(near) / rms(&noise) / 10f32.powf(15.0 / 20.0);
        let noise: Vec<f32> = noise.iter().map(|s| s * gain).collect();
        Self {
            mic: echo_of(&noise, &behind(near, 2 * RATE)),
            played: Vec::new(),
        }
    }

    /// `near` while `far` is played in `room`, three seconds after it began.
    ///
    /// # Errors
    /// As [`Room::echo`].
    pub fn double(near: &[f32], far: &[f32], room: Room) -> Result<Self, Fault> {
        let length = near.len() + 7 * RATE / 2;
        let played: Vec<f32> = far.iter().copied().cycle().take(length).collect();
        let mic = echo_of(&room.echo(&played)?, &behind(near, 3 * RATE));
        Ok(Self { mic, played })
    }
}

/// `sound` behind so many samples of silence.
fn behind(sound: &[f32], samples: usize) -> Vec<f32> {
    let mut later = vec![0.0; samples];
    later.extend_from_slice(sound);
    later
}

/// Root of the mean square.
pub fn rms(samples: &[f32]) -> f32 {
    let sum: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt() as f32
}

/// So many samples of stationary pink noise (3 dB less each octave, from 20 Hz), always the same.
fn pink_noise(samples: usize) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    // Three poles: within 0.5 dB of the slope (P. Kellet's economy filter).
    let (mut a, mut b, mut c) = (0.0f32, 0.0f32, 0.0f32);
    let mut next = || {
        let white: f32 = random.random_range(-1.0..1.0);
        a = 0.997_65 * a + white * 0.099_046;
        b = 0.963 * b + white * 0.296_516_4;
        c = 0.57 * c + white * 1.052_691_3;
        a + b + c + white * 0.184_8
    };
    (0..samples).map(|_| next()).collect()
}

/// What a microphone hears of `near` (silence behind its end), of `echo`, and of itself; as long as `echo`.
pub fn echo_of(echo: &[f32], near: &[f32]) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let near = near.iter().copied().chain(std::iter::repeat(0.0));
    let heard = echo.iter().zip(near);
    heard
        .map(|(echo, near)| echo + near + random.random_range(-1.7..1.7) * MIC_NOISE)
        .collect()
}

/// By how many dB `out` is weaker than `echo` over the seconds `from` to `to`.
pub fn echo_reduction_db(echo: &[f32], out: &[f32], from: usize, to: usize) -> f32 {
    let span = from * RATE..to * RATE;
    20.0 * (rms(&echo[span.clone()]) / rms(&out[span]).max(1e-9)).log10()
}
