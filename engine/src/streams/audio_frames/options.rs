//! How long frames are, at which rate, and of what.

use express_messages::{ZegoError, audio::SAMPLE_RATE, codes};

const FRAME_SIZES: [usize; 7] = [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384];
pub(super) const SAMPLE_RATES: [u32; 7] = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// How a frame callback wants its frames: see
/// [`set_capture_audio_frame_callback`](crate::ZegoExpressEngine::set_capture_audio_frame_callback).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZegoAudioFrameOptions {
    /// Samples of each channel in a frame: 256, 512, 1024, 2048, 4096 (the default), 8192 or 16384. The first size that is
    /// asked for stays for the life of the stream.
    #[doc(alias = "frameSize")]
    pub frame_size: usize,
    /// Hz: 8000, 16000, 22050, 24000, 32000, 44100 or 48000 (the default).
    #[doc(alias = "sampleRate")]
    pub sample_rate: u32,
    /// 1 (the default) or 2.
    #[doc(alias = "channelCount")]
    pub channel_count: usize,
    /// 32 (the default): floating point; 16: integers.
    #[doc(alias = "bitDepth")]
    pub bit_depth: u32,
}

impl Default for ZegoAudioFrameOptions {
    fn default() -> Self {
        Self {
            frame_size: 4_096,
            sample_rate: SAMPLE_RATE,
            channel_count: 1,
            bit_depth: 32,
        }
    }
}

impl ZegoAudioFrameOptions {
    /// # Errors
    /// 1100001 for a value that is none of the documented ones.
    pub(crate) fn check(&self) -> Result<(), ZegoError> {
        one_of("frameSize", self.frame_size, &FRAME_SIZES)?;
        one_of("sampleRate", self.sample_rate, &SAMPLE_RATES)?;
        one_of("channelCount", self.channel_count, &[1, 2])?;
        one_of("bitDepth", self.bit_depth, &[16, 32])
    }
}

fn one_of<T: PartialEq + std::fmt::Display>(name: &str, value: T, choices: &[T]) -> Result<(), ZegoError> {
    if choices.contains(&value) {
        return Ok(());
    }
    let choices: Vec<_> = choices.iter().map(ToString::to_string).collect();
    let text = format!("{name} is {value}; give one of {}", choices.join(", "));
    Err(ZegoError::new(codes::INPUT_PARAM, text))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::options, *};

    #[test]
    fn undocumented_options_are_refused_with_1100001() {
        assert!(ZegoAudioFrameOptions::default().check().is_ok());
        for bad in [
            options(100, 48_000, 1, 32),
            options(256, 96_000, 1, 32),
            options(256, 48_000, 3, 32),
            options(256, 48_000, 1, 24),
        ] {
            assert_eq!(bad.check().unwrap_err().code, 1100001, "{bad:?}");
        }
    }
}
