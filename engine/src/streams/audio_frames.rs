//! Frames of sound for callbacks, as long and at the rate that the application wants.

mod listener;
mod options;

use express_messages::{
    ZegoError,
    audio::{AudioBlock, BLOCK_FRAMES, SAMPLE_RATE},
    codes,
};
pub(crate) use listener::{FrameListener, frame_listener};
pub use options::ZegoAudioFrameOptions;
use rubato::{
    Async, FixedAsync, Indexing, Resampler, SincInterpolationParameters, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice,
};

/// Taps of the filter, twice those of a device's: to go down to 16 kHz and less takes a longer one.
const TAPS: usize = 256;

/// A frame of sound, for a frame callback.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ZegoAudioFrame {
    /// The samples of each channel.
    pub channels: ZegoAudioSamples,
    /// How many channels there are, 1 or 2.
    #[doc(alias = "channelCount")]
    pub channel_count: usize,
    /// Hz.
    #[doc(alias = "sampleRate")]
    pub sample_rate: u32,
    /// How many frames this callback has not been given so far, because it or another callback took too long. An addition of
    /// this project.
    #[doc(alias = "lostFrames")]
    pub lost_frames: u64,
}

/// Planar samples: one list for each channel, all of the frame's size.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ZegoAudioSamples {
    /// `bit_depth` 32: nominally −1.0..=1.0.
    Float(Vec<Vec<f32>>),
    /// `bit_depth` 16: −32767..=32767.
    Int16(Vec<Vec<i16>>),
}

/// What is called with each frame.
pub type ZegoAudioFrameCallback = Box<dyn FnMut(ZegoAudioFrame) + Send>;

/// Makes frames of blocks. Pure.
pub(crate) struct FrameMaker {
    options: ZegoAudioFrameOptions,
    /// `None` where the rate is that of the blocks.
    resampler: Option<Async<f32>>,
    resampled: Vec<f32>,
    planes: Vec<Vec<f32>>,
    lost: u64,
}

impl FrameMaker {
    /// # Errors
    /// 1100001 for options that are not documented.
    pub(crate) fn new(options: ZegoAudioFrameOptions) -> Result<Self, ZegoError> {
        options.check()?;
        let resampler = (options.sample_rate != SAMPLE_RATE)
            .then(|| {
                let ratio = f64::from(options.sample_rate) / f64::from(SAMPLE_RATE);
                let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2);
                let channels = options.channel_count;
                Async::new_sinc(ratio, 1.0, &parameters, BLOCK_FRAMES, channels, FixedAsync::Input)
            })
            .transpose()
            .map_err(|error| ZegoError::new(codes::INPUT_PARAM, format!("frames cannot be resampled: {error}")))?;
        let most = resampler.as_ref().map_or(0, Resampler::output_frames_max);
        Ok(Self {
            resampler,
            resampled: vec![0.0; most * options.channel_count],
            planes: vec![Vec::with_capacity(options.frame_size); options.channel_count],
            lost: 0,
            options,
        })
    }

    /// Takes the next block; adds the frames that it completes to `frames`.
    pub(crate) fn take(&mut self, block: &AudioBlock, frames: &mut Vec<ZegoAudioFrame>) {
        let channels = self.options.channel_count;
        let mut converted = AudioBlock::silent(channels);
        converted.copy_from(block);
        if self.resampler.is_none() {
            return self.gather(converted.samples(), frames);
        }
        let mut resampled = std::mem::take(&mut self.resampled);
        match self.resample(converted.samples(), &mut resampled) {
            Some(made) => self.gather(&resampled[..made * channels], frames),
            None => self.lose(1),
        }
        self.resampled = resampled;
    }

    /// Answers how many sample frames `output` got; `None` where it could not be done, which its sizes rule out.
    fn resample(&mut self, input: &[f32], output: &mut [f32]) -> Option<usize> {
        let channels = self.options.channel_count;
        let room = output.len() / channels;
        let input = InterleavedSlice::new(input, channels, BLOCK_FRAMES).ok()?;
        let mut output = InterleavedSlice::new_mut(output, channels, room).ok()?;
        let made = self
            .resampler
            .as_mut()?
            .process_into_buffer(&input, &mut output, None::<&Indexing>);
        made.ok().map(|(_, made)| made)
    }

    fn gather(&mut self, samples: &[f32], frames: &mut Vec<ZegoAudioFrame>) {
        for frame in samples.chunks_exact(self.options.channel_count) {
            for (plane, sample) in self.planes.iter_mut().zip(frame) {
                plane.push(*sample);
            }
            if self.planes[0].len() == self.options.frame_size {
                frames.push(self.finish());
            }
        }
    }

    fn finish(&mut self) -> ZegoAudioFrame {
        let ZegoAudioFrameOptions {
            frame_size,
            sample_rate,
            channel_count,
            bit_depth,
        } = self.options;
        let planes = self.planes.iter_mut();
        let channels = if bit_depth == 16 {
            let integers = |plane: &mut Vec<f32>| plane.drain(..).map(to_i16).collect();
            ZegoAudioSamples::Int16(planes.map(integers).collect())
        } else {
            let floats = |plane: &mut Vec<f32>| std::mem::replace(plane, Vec::with_capacity(frame_size));
            ZegoAudioSamples::Float(planes.map(floats).collect())
        };
        ZegoAudioFrame {
            channels,
            channel_count,
            sample_rate,
            lost_frames: self.lost,
        }
    }

    /// So many blocks are missing: with them goes what was begun.
    pub(crate) fn lose(&mut self, blocks: u64) {
        let rate = u64::from(self.options.sample_rate);
        let missing = blocks.saturating_mul(BLOCK_FRAMES as u64 * rate) / u64::from(SAMPLE_RATE);
        let begun = self.planes[0].len() as u64;
        let frames = missing.saturating_add(begun).div_ceil(self.options.frame_size as u64);
        self.lost = self.lost.saturating_add(frames);
        self.planes.iter_mut().for_each(Vec::clear);
    }
}

fn to_i16(sample: f32) -> i16 {
    // What is no number becomes 0.
    (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16
}

#[cfg(test)]
mod tests {
    use super::{options::SAMPLE_RATES, *};

    pub(super) fn options(frame_size: usize, sample_rate: u32, channel_count: usize, bit_depth: u32) -> ZegoAudioFrameOptions {
        ZegoAudioFrameOptions {
            frame_size,
            sample_rate,
            channel_count,
            bit_depth,
        }
    }

    /// The frames of so many blocks of a sine of `hz` and 0.5, with so many channels.
    fn frames(options: ZegoAudioFrameOptions, channels: usize, blocks: usize, hz: f32) -> Vec<ZegoAudioFrame> {
        let mut maker = FrameMaker::new(options).unwrap();
        let mut frames = Vec::new();
        for number in 0..blocks {
            let mut block = AudioBlock::silent(channels);
            for (n, frame) in block.samples_mut().chunks_exact_mut(channels).enumerate() {
                let at = (number * BLOCK_FRAMES + n) as f32 / SAMPLE_RATE as f32;
                frame.fill(0.5 * (std::f32::consts::TAU * hz * at).sin());
            }
            maker.take(&block, &mut frames);
        }
        frames
    }

    fn floats(frame: &ZegoAudioFrame) -> &[Vec<f32>] {
        match &frame.channels {
            ZegoAudioSamples::Float(planes) => planes,
            ZegoAudioSamples::Int16(_) => panic!("integers"),
        }
    }

    #[test]
    fn frames_have_the_size_the_rate_and_the_channels_that_were_asked_for() {
        for rate in SAMPLE_RATES {
            for (size, channels) in [(256, 1), (1_024, 2)] {
                let made = frames(options(size, rate, channels, 32), 3 - channels, 100, 440.0);
                let expected = rate as usize / size;
                assert!((expected - 1..=expected).contains(&made.len()), "{rate}: {}", made.len());
                for frame in &made {
                    assert_eq!((frame.channel_count, frame.sample_rate), (channels, rate));
                    assert_eq!(floats(frame).len(), channels);
                    assert!(floats(frame).iter().all(|plane| plane.len() == size));
                }
                // Behind the filter's first samples it is the same sine.
                let samples: Vec<f32> = made
                    .iter()
                    .skip(2)
                    .flat_map(|frame| floats(frame)[channels - 1].clone())
                    .collect();
                let mean = samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32;
                assert!((mean.sqrt() - 0.5 / 2f32.sqrt()).abs() < 0.01, "{rate}: {}", mean.sqrt());
            }
        }
    }

    #[test]
    fn what_a_lower_rate_cannot_hold_is_left_out_instead_of_folded_back() {
        let made = frames(options(256, 16_000, 1, 32), 1, 50, 11_000.0);
        let loudest = made
            .iter()
            .skip(2)
            .flat_map(|frame| floats(frame)[0].clone())
            .fold(0.0, |a: f32, b| a.max(b.abs()));
        assert!(loudest < 0.005, "{loudest}");
    }

    #[test]
    fn integers_are_as_loud_and_never_wrap() {
        let mut maker = FrameMaker::new(options(256, 48_000, 1, 16)).unwrap();
        let mut block = AudioBlock::silent(1);
        block.samples_mut()[..4].copy_from_slice(&[0.5, 2.0, -2.0, f32::NAN]);
        let mut made = Vec::new();
        maker.take(&block, &mut made);
        let ZegoAudioSamples::Int16(planes) = &made[0].channels else {
            panic!("floats")
        };
        assert_eq!(
            (&planes[0][..5], planes[0].len()),
            (&[16_384, 32_767, -32_767, 0, 0][..], 256)
        );
    }

    #[test]
    fn lost_blocks_are_told_as_lost_frames_and_no_frame_spans_the_gap() {
        let mut maker = FrameMaker::new(options(1_024, 48_000, 1, 32)).unwrap();
        let mut block = AudioBlock::silent(1);
        let mut made = Vec::new();
        block.samples_mut().fill(0.25);
        maker.take(&block, &mut made);
        maker.lose(100);
        block.samples_mut().fill(0.5);
        (0..3).for_each(|_| maker.take(&block, &mut made));
        assert_eq!(made.len(), 1);
        assert!(floats(&made[0])[0].iter().all(|s| *s == 0.5));
        // 48,480 samples are missing.
        assert_eq!(made[0].lost_frames, 48);
    }
}
