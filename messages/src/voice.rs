//! What is done to a microphone's sound before it is sent, and what can be read of it.

use crate::ZegoError;

/// Which parts of the voice chain work on a captured stream (`ANS`, `AGC`, `AEC` and AI denoise of the documented API).
///
/// The default is that of a microphone: everything but AI denoise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceConfig {
    /// Acoustic echo cancellation: what the speaker plays is taken out of what the microphone hears.
    pub aec: bool,
    /// Suppression of stationary noise. Rests while `ai_denoise` does its work.
    pub ans: bool,
    /// Automatic gain control: quiet speech is brought up, by at most 6 dB a second.
    pub agc: bool,
    /// Denoising by a neural network, instead of `ans`; costs 10 ms of delay.
    pub ai_denoise: Option<AiDenoiseMode>,
    /// A high-pass at 80 Hz against hum, wind and direct current. On wherever `aec` is, which needs it.
    pub high_pass: bool,
}

impl VoiceConfig {
    /// Nothing is done but making the sound safe: for music, custom sources and screen sound.
    pub const OFF: Self = Self {
        aec: false,
        ans: false,
        agc: false,
        ai_denoise: None,
        high_pass: false,
    };
}

impl Default for VoiceConfig {
    fn default() -> Self {
        Self {
            aec: true,
            ans: true,
            agc: true,
            ai_denoise: None,
            high_pass: true,
        }
    }
}

/// How much of what AI denoise takes for noise is removed (`setAiDenoiseMode`). Numbered from 0 in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AiDenoiseMode {
    /// All of it.
    #[default]
    Ai,
    /// At most 12 dB of it, which leaves a room's natural sound and harms music less.
    AiBalanced,
}

impl TryFrom<u8> for AiDenoiseMode {
    type Error = ZegoError;

    /// # Errors
    /// INPUT_PARAM (1100001) for a number that is no mode.
    fn try_from(mode: u8) -> Result<Self, ZegoError> {
        match mode {
            0 => Ok(Self::Ai),
            1 => Ok(Self::AiBalanced),
            other => Err(ZegoError::new(
                crate::codes::INPUT_PARAM,
                format!("AI denoise has no mode {other}: use 0 (AI) or 1 (AI balanced)"),
            )),
        }
    }
}

/// Peak and RMS of one 10 ms block over its channels, 1.0 is full scale.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BlockLevel {
    /// Largest absolute sample.
    pub peak: f32,
    /// Root of the mean square.
    pub rms: f32,
}

/// What the voice chain of one capture device reports.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VoiceStatistics {
    /// The last block as the device gave it.
    pub before: BlockLevel,
    /// The last block as it is sent on.
    pub after: BlockLevel,
    /// Likelihood that the last block holds speech, 0.0..=1.0.
    pub speech_probability: f32,
    /// Echo return loss in dB: how much weaker the echo comes into the microphone than it is played. `None` without AEC.
    pub echo_return_loss_db: Option<f32>,
    /// Echo return loss enhancement in dB, as the canceller estimates its linear part. `None` without AEC.
    pub echo_return_loss_enhancement_db: Option<f32>,
    /// Delay between what is played and its echo, in ms, as the canceller estimates it. `None` without AEC.
    pub echo_delay_ms: Option<i32>,
    /// Likelihood that echo is left in the sound, 0.0..=1.0. `None` without AEC.
    pub residual_echo_likelihood: Option<f32>,
    /// Samples that were not finite and counted as 0, since the chain was made.
    pub non_finite_samples: u64,
    /// Times that a part of the chain failed and was replaced, since the chain was made.
    pub faults: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_mode_is_refused_by_its_name() {
        assert_eq!(AiDenoiseMode::try_from(1).unwrap(), AiDenoiseMode::AiBalanced);
        let error = AiDenoiseMode::try_from(2).unwrap_err();
        assert_eq!(error.code, crate::codes::INPUT_PARAM);
        assert!(error.message.contains("mode 2"), "{}", error.message);
    }
}
