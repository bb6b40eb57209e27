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
mod tests {
    use std::io::Write;

    use hound::{WavSpec, WavWriter};
    use proptest::prelude::*;

    use super::*;
    use crate::scratch::ScratchDir;

    fn spec(rate: u32, channels: u16, bits: u16, format: SampleFormat) -> WavSpec {
        WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: bits,
            sample_format: format,
        }
    }

    fn write_i32(path: &Path, spec: WavSpec, samples: impl IntoIterator<Item = i32>) {
        let mut writer = WavWriter::create(path, spec).unwrap();
        samples.into_iter().for_each(|s| writer.write_sample(s).unwrap());
        writer.finalize().unwrap();
    }

    fn read_all(decoder: &mut WavDecoder) -> Vec<f32> {
        let mut out = Vec::new();
        loop {
            let mut block = vec![0.0; 480 * decoder.channels()];
            let frames = decoder.next(&mut block);
            out.extend_from_slice(&block[..frames * decoder.channels()]);
            if frames < 480 {
                return out;
            }
        }
    }

    #[test]
    fn each_sample_format_is_read_at_its_full_scale() {
        let dir = ScratchDir::new();
        for (bits, value) in [(16, 8_192), (24, 2_097_152), (32, 536_870_912)] {
            let path = dir.file("int.wav");
            write_i32(&path, spec(48_000, 1, bits, SampleFormat::Int), [value, -value]);
            assert_eq!(
                read_all(&mut WavDecoder::open(&path, false).unwrap()),
                [0.25, -0.25],
                "{bits} bit"
            );
        }
        let path = dir.file("float.wav");
        let mut writer = WavWriter::create(&path, spec(48_000, 1, 32, SampleFormat::Float)).unwrap();
        for s in [0.25f32, f32::NAN, -0.25] {
            writer.write_sample(s).unwrap();
        }
        writer.finalize().unwrap();
        assert_eq!(read_all(&mut WavDecoder::open(&path, false).unwrap()), [0.25, 0.0, -0.25]);
    }

    #[test]
    fn more_than_two_channels_are_mixed_down_to_two() {
        let dir = ScratchDir::new();
        for (channels, frame, wanted) in [
            (3u16, vec![8_192, 4_096, 24_576], [0.5, 0.125]),
            (4, vec![8_192, 4_096, 24_576, 12_288], [0.5, 0.25]),
        ] {
            let path = dir.file("many.wav");
            write_i32(&path, spec(48_000, channels, 16, SampleFormat::Int), frame);
            let mut decoder = WavDecoder::open(&path, false).unwrap();
            assert_eq!(decoder.channels(), 2);
            assert_eq!(read_all(&mut decoder), wanted);
        }
    }

    #[test]
    fn a_file_of_another_rate_keeps_its_length_and_its_place_in_time() {
        let dir = ScratchDir::new();
        for rate in [8_000u32, 16_000, 44_100, 96_000, 192_000] {
            let path = dir.file("rate.wav");
            // One second of silence with a 500 Hz burst from 0.5 s on.
            let samples = (0..rate).map(|i| {
                let t = f64::from(i) / f64::from(rate);
                let s = if t < 0.5 {
                    0.0
                } else {
                    (std::f64::consts::TAU * 500.0 * t).sin()
                };
                (s * 16_384.0) as i32
            });
            write_i32(&path, spec(rate, 1, 16, SampleFormat::Int), samples);
            let out = read_all(&mut WavDecoder::open(&path, false).unwrap());
            assert_eq!(out.len(), 48_000, "{rate} Hz");
            let worst = out.iter().enumerate().map(|(i, s)| {
                let t = i as f64 / 48_000.0;
                let wanted = if t < 0.5 {
                    0.0
                } else {
                    0.5 * (std::f64::consts::TAU * 500.0 * t).sin()
                };
                // The edges of the burst ring, within the reach of the filter; everywhere else the samples agree.
                let reach = 128.0 / f64::from(rate);
                if (t - 0.5).abs() < reach || t > 1.0 - reach {
                    0.0
                } else {
                    (f64::from(*s) - wanted).abs()
                }
            });
            let worst = worst.fold(0.0, f64::max);
            // Half a sample frame is 0.016 of this tone.
            assert!(worst < 0.018, "{rate} Hz: off by {worst}");
        }
    }

    #[test]
    fn a_repeated_file_has_no_seam() {
        let dir = ScratchDir::new();
        let path = dir.file("loop.wav");
        // 1,470 samples at 44.1 kHz are 1/30 s: ten periods of 300 Hz.
        let samples = (0..1_470).map(|i| ((std::f64::consts::TAU * f64::from(i) / 147.0).sin() * 16_384.0) as i32);
        write_i32(&path, spec(44_100, 1, 16, SampleFormat::Int), samples);
        let mut decoder = WavDecoder::open(&path, true).unwrap();
        let mut out = vec![0.0; 48_000];
        assert_eq!(decoder.next(&mut out), 48_000);
        for (i, s) in out.iter().enumerate().skip(480) {
            let wanted = 0.5 * (std::f64::consts::TAU * 300.0 * i as f64 / 48_000.0).sin();
            assert!((f64::from(*s) - wanted).abs() < 0.012, "sample {i}");
        }
    }

    #[test]
    fn what_is_no_usable_wav_file_is_refused_with_1100001() {
        let dir = ScratchDir::new();
        let refused = |path: &Path, repeat| {
            let error = WavDecoder::open(path, repeat).err().expect("refused");
            assert_eq!(express_messages::ZegoError::from(error).code, 1100001, "{}", path.display());
        };
        refused(&dir.file("absent.wav"), false);
        let text = dir.file("text.wav");
        std::fs::write(&text, "RIFF but not really").unwrap();
        refused(&text, false);
        for (rate, channels, bits) in [(7_999, 1, 16), (192_001, 1, 16), (48_000, 65, 16), (48_000, 1, 8)] {
            let path = dir.file("odd.wav");
            write_i32(
                &path,
                spec(rate, channels, bits, SampleFormat::Int),
                vec![0; usize::from(channels) * 1_000],
            );
            refused(&path, false);
        }
        let empty = dir.file("empty.wav");
        write_i32(&empty, spec(48_000, 1, 16, SampleFormat::Int), []);
        refused(&empty, false);
        let tiny = dir.file("tiny.wav");
        write_i32(&tiny, spec(48_000, 1, 16, SampleFormat::Int), vec![0; 479]);
        refused(&tiny, true);
        assert!(WavDecoder::open(&tiny, false).is_ok());
    }

    #[test]
    fn a_file_that_is_cut_short_ends_where_its_data_ends() {
        let dir = ScratchDir::new();
        let path = dir.file("cut.wav");
        write_i32(&path, spec(48_000, 1, 16, SampleFormat::Int), vec![8_192; 4_800]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 4_801]).unwrap();
        assert_eq!(read_all(&mut WavDecoder::open(&path, false).unwrap()).len(), 2_399);
        let mut looped = WavDecoder::open(&path, true).unwrap();
        let mut out = vec![0.0; 9_600];
        assert_eq!(looped.next(&mut out), 9_600, "it repeats what is there");
        assert!(out.iter().all(|s| *s == 0.25));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_run_for_ever(
            head in proptest::collection::vec(any::<u8>(), 28),
            size in any::<u32>(), repeat in any::<bool>(), tail in 0usize..200,
        ) {
            let dir = ScratchDir::new();
            let path = dir.file("fuzz.wav");
            let mut file = File::create(&path).unwrap();
            file.write_all(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0").unwrap();
            // Half of the cases have a plausible format so that more than the header is reached.
            let format = if head[0] & 1 == 0 { &head[..16] } else { b"\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0" };
            file.write_all(format).unwrap();
            file.write_all(b"data").unwrap();
            file.write_all(&size.to_le_bytes()).unwrap();
            file.write_all(&vec![head[1]; tail]).unwrap();
            drop(file);
            if let Ok(mut decoder) = WavDecoder::open(&path, repeat) {
                let mut out = vec![0.0; 960 * decoder.channels()];
                for _ in 0..5 {
                    prop_assert!(decoder.next(&mut out) <= 960);
                    prop_assert!(out.iter().all(|s| s.is_finite()));
                }
            }
        }
    }
}
