//! Reading WAV files as 48 kHz sound. Blocking; no clock, no thread.

use std::{
    collections::VecDeque,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use express_messages::audio::{BLOCK_FRAMES, SAMPLE_RATE};
use hound::{SampleFormat, WavReader};

use crate::{files::FileError, mixer::finite, resample::PullResampler};

mod blocks;

pub use blocks::WavBlocks;

/// More channels than any recording has; a header that says so is damaged.
const MAX_FILE_CHANNELS: usize = 64;
/// Sample rates that are understood, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;

/// A WAV file, read as 48 kHz with one or two channels.
pub(super) struct WavDecoder {
    frames: FrameReader,
    channels: usize,
    resampler: Option<PullResampler>,
    /// Output frames of the resampler still to be left out: its delay.
    lead_in: usize,
    made_frames: u64,
    ready: VecDeque<f32>,
    drained: bool,
}

impl WavDecoder {
    /// Opens `path`; `repeat` begins again at its end, without a seam.
    pub(super) fn open(path: &Path, repeat: bool) -> Result<Self, FileError> {
        let frames = FrameReader::open(path, repeat)?;
        let rate = frames.rate;
        let channels = frames.channels.min(2);
        let resampler = match rate {
            SAMPLE_RATE => None,
            _ => Some(
                PullResampler::new(rate, SAMPLE_RATE, BLOCK_FRAMES, channels).map_err(|error| FileError::Format {
                    path: path.into(),
                    reason: error.to_string(),
                })?,
            ),
        };
        Ok(Self {
            lead_in: resampler.as_ref().map_or(0, PullResampler::delay_frames),
            frames,
            channels,
            resampler,
            made_frames: 0,
            ready: VecDeque::new(),
            drained: false,
        })
    }

    /// Channels of what it gives, 1 or 2.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Fills `out` (interleaved) and returns the frames that came from the file; the rest is silence. Fewer than asked for
    /// means that the file is at its end.
    pub(super) fn next(&mut self, out: &mut [f32]) -> usize {
        while self.ready.len() < out.len() && !self.drained {
            self.decode_some();
        }
        let there = self.ready.len().min(out.len());
        out[there..].fill(0.0);
        for (slot, sample) in out.iter_mut().zip(self.ready.drain(..there)) {
            *slot = sample;
        }
        there / self.channels
    }

    fn decode_some(&mut self) {
        let mut block = [0.0; BLOCK_FRAMES * 2];
        let block = &mut block[..BLOCK_FRAMES * self.channels];
        let Some(resampler) = &mut self.resampler else {
            let read = self.frames.read(block);
            self.drained = read < BLOCK_FRAMES;
            self.ready.extend(&block[..read * self.channels]);
            return;
        };
        let frames = &mut self.frames;
        let made = resampler.process(block, |input| {
            frames.read(input);
        });
        if made.is_err() {
            tracing::error!(path = %frames.path.display(), "a WAV file cannot be resampled");
            self.drained = true;
            return;
        }
        let skip = self.lead_in.min(BLOCK_FRAMES);
        self.lead_in -= skip;
        self.ready.extend(&block[skip * self.channels..]);
        self.made_frames += (BLOCK_FRAMES - skip) as u64;
        self.cut_at_end();
    }

    /// Behind the end of the file the resampler goes on with silence: what was made of that is cut.
    fn cut_at_end(&mut self) {
        let Some(total_in) = self.frames.total_at_end() else { return };
        let rate = u128::from(self.frames.rate);
        let total_out = (u128::from(total_in) * u128::from(SAMPLE_RATE)).div_ceil(rate);
        let excess = u128::from(self.made_frames).checked_sub(total_out);
        if let Some(excess) = excess {
            let keep = self.ready.len().saturating_sub(excess as usize * self.channels);
            self.ready.truncate(keep);
            self.drained = true;
        }
    }
}

/// A WAV file as frames of one or two channels in −1..=1, at its own rate.
struct FrameReader {
    path: PathBuf,
    reader: WavReader<BufReader<File>>,
    rate: u32,
    channels: usize,
    float: bool,
    /// Turns an integer sample into −1..=1.
    scale: f32,
    repeat: bool,
    /// Something came since it was begun (again).
    gave: bool,
    read_frames: u64,
    ended: bool,
}

impl FrameReader {
    fn open(path: &Path, repeat: bool) -> Result<Self, FileError> {
        let reader = WavReader::open(path).map_err(|error| FileError::from_hound(path.into(), error))?;
        let spec = reader.spec();
        let refuse = |reason: String| FileError::Format {
            path: path.into(),
            reason,
        };
        let channels = usize::from(spec.channels);
        if !(1..=MAX_FILE_CHANNELS).contains(&channels) {
            return Err(refuse(format!("{channels} channels")));
        }
        if !RATES.contains(&spec.sample_rate) {
            return Err(refuse(format!("a sample rate of {} Hz", spec.sample_rate)));
        }
        let float = spec.sample_format == SampleFormat::Float;
        let scale = match (float, spec.bits_per_sample) {
            (false, 16) => 1.0 / 32_768.0,
            (false, 24) => 1.0 / 8_388_608.0,
            (false, 32) => 1.0 / 2_147_483_648.0,
            (true, 32) => 1.0,
            (_, bits) => return Err(refuse(format!("samples of {bits} bits"))),
        };
        // Begun again for every sample, a tiny file would cost a seek each; an empty one would never give anything.
        let shortest = if repeat { spec.sample_rate / 100 } else { 1 };
        if reader.duration() < shortest {
            return Err(refuse(format!("only {} sample frames", reader.duration())));
        }
        Ok(Self {
            path: path.into(),
            reader,
            rate: spec.sample_rate,
            channels,
            float,
            scale,
            repeat,
            gave: false,
            read_frames: 0,
            ended: false,
        })
    }

    /// Frames of the whole file, once its end was reached for good.
    fn total_at_end(&self) -> Option<u64> {
        self.ended.then_some(self.read_frames)
    }

    /// Fills `out` with frames of `min(channels, 2)` channels, the rest with silence; returns the frames that were there.
    fn read(&mut self, out: &mut [f32]) -> usize {
        let width = self.channels.min(2);
        let mut done = 0;
        let wanted = out.len() / width;
        while done < wanted && !self.ended {
            let got = self.read_once(&mut out[done * width..]);
            done += got;
            self.gave |= got > 0;
            if done < wanted {
                self.begin_again();
            }
        }
        out[done * width..].fill(0.0);
        self.read_frames += done as u64;
        done
    }

    /// At the end of the data: from the start again, or the end.
    fn begin_again(&mut self) {
        // A file that gives nothing at all, though its header says so, is not tried for ever.
        let again = self.repeat && std::mem::take(&mut self.gave);
        // Opened anew, as a seek goes astray behind a sample that was cut in half. If somebody replaced the file: the end.
        match WavReader::open(&self.path) {
            Ok(reader) if again && reader.spec() == self.reader.spec() => self.reader = reader,
            _ => self.ended = true,
        }
    }

    /// Reads up to the end of the data.
    fn read_once(&mut self, out: &mut [f32]) -> usize {
        let (channels, scale) = (self.channels, self.scale);
        if self.float {
            fill(out, channels, self.reader.samples::<f32>().map_while(Result::ok))
        } else {
            let samples = self.reader.samples::<i32>().map_while(Result::ok);
            fill(out, channels, samples.map(|sample| sample as f32 * scale))
        }
    }
}

/// Fills `out` with whole frames from `samples`, which has `channels` channels; returns how many. Of more than two channels
/// the even ones are averaged to the left, the odd ones to the right.
fn fill(out: &mut [f32], channels: usize, mut samples: impl Iterator<Item = f32>) -> usize {
    let width = channels.min(2);
    let mut frames = 0;
    for slot in out.chunks_exact_mut(width) {
        slot.fill(0.0);
        for channel in 0..channels {
            // A frame that is cut short is not a frame.
            let Some(sample) = samples.next() else { return frames };
            let share = if width == 1 { 1 } else { (channels + 1 - channel % 2) / 2 };
            slot[channel % width] += finite(sample) / share as f32;
        }
        frames += 1;
    }
    frames
}

#[cfg(test)]
mod tests;
