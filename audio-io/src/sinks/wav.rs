//! Writing WAV files: the pump fills a ring, a thread empties it into the file.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use express_messages::audio::{AudioBlock, BLOCK_FRAMES, CaptureSink, SAMPLE_RATE};
use hound::{SampleFormat, WavSpec, WavWriter};
use tokio::sync::oneshot;

use crate::{
    files::{FileError, FileMode, Opening},
    mixer::finite,
    ring::{SampleReader, SampleWriter, sample_ring},
};

/// What the ring holds: two seconds, forty times the writer's sleep, for disks that stall.
const RING_FRAMES: usize = 2 * SAMPLE_RATE as usize;
/// How long the writer sleeps.
const WRITE_EVERY: Duration = Duration::from_millis(50);
/// The header is brought up to date after so many frames, so that a crash loses one second of a valid file.
const FLUSH_FRAMES: u64 = SAMPLE_RATE as u64;
/// Most bytes of samples: the format counts in 32 bits.
const MAX_DATA_BYTES: u64 = u32::MAX as u64 - 65_536;

/// A file that is being written.
pub(crate) struct Recording {
    /// What the pump calls. Dropped, the file is completed.
    pub(crate) sink: Box<dyn CaptureSink>,
    /// Ends (its sender is dropped) when the file is complete.
    pub(crate) complete: oneshot::Receiver<()>,
}

/// Makes `path` and begins to write to it, by `mode`.
pub(crate) fn record_wav(path: PathBuf, channels: usize, mode: FileMode) -> Opening<Recording> {
    match mode {
        FileMode::Inline => Opening::inline(|tell| {
            let recording = WavFile::create(&path, channels).map(|file| {
                let (alive, complete) = oneshot::channel();
                let sink = InlineSink {
                    block: AudioBlock::silent(channels),
                    file,
                    _alive: alive,
                };
                Recording {
                    sink: Box::new(sink),
                    complete,
                }
            });
            // The receiver stands in the value that is being made.
            drop(tell.send(recording));
        }),
        FileMode::Threads => {
            let named = path.clone();
            Opening::threaded("zego-wav-write", named, move |tell| open_and_write(&path, channels, tell))
        }
    }
}

/// A WAV file of 48 kHz and 16 bit. Completed when dropped.
struct WavFile {
    path: PathBuf,
    /// `None` once it could not be written, or is full.
    writer: Option<WavWriter<BufWriter<File>>>,
    channels: usize,
    frames: u64,
    unflushed: u64,
    lost_frames: u64,
}

impl WavFile {
    fn create(path: &Path, channels: usize) -> Result<Self, FileError> {
        let spec = WavSpec {
            channels: if channels == 2 { 2 } else { 1 },
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(path, spec).map_err(|error| FileError::from_hound(path.into(), error))?;
        writer.flush().map_err(|error| FileError::from_hound(path.into(), error))?;
        Ok(Self {
            path: path.into(),
            writer: Some(writer),
            channels,
            frames: 0,
            unflushed: 0,
            lost_frames: 0,
        })
    }

    /// Appends whole frames. What cannot be written is counted, and ends the file.
    fn write(&mut self, samples: &[f32]) {
        let frames = (samples.len() / self.channels) as u64;
        let full = (self.frames + frames) * 2 * self.channels as u64 > MAX_DATA_BYTES;
        let Some(writer) = self.writer.as_mut().filter(|_| !full) else {
            self.lost_frames += frames;
            return;
        };
        let written = samples.iter().try_for_each(|&sample| writer.write_sample(to_i16(sample)));
        self.frames += frames;
        self.unflushed += frames;
        let flushed = match written {
            Ok(()) if self.unflushed >= FLUSH_FRAMES => {
                self.unflushed = 0;
                writer.flush()
            }
            other => other,
        };
        if let Err(error) = flushed {
            tracing::error!(path = %self.path.display(), %error, "a recording ends early");
            self.lost_frames += frames;
            self.writer = None;
        }
    }
}

impl Drop for WavFile {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.writer.take().map(WavWriter::finalize) {
            tracing::error!(path = %self.path.display(), %error, "a recording could not be completed");
        }
        if self.lost_frames > 0 {
            let (path, frames) = (self.path.display(), self.lost_frames);
            tracing::warn!(%path, frames, "a recording lacks sound");
        }
    }
}

/// The inverse of how 16 bit files are read, so that a copy is exact.
fn to_i16(sample: f32) -> i16 {
    // A cast saturates at both ends.
    (finite(sample) * 32_768.0).round() as i16
}

/// Writes in the pump's own call.
struct InlineSink {
    block: AudioBlock,
    /// Completed before `_alive` says so: fields drop in order.
    file: WavFile,
    _alive: oneshot::Sender<()>,
}

impl CaptureSink for InlineSink {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        self.block.copy_from(block);
        self.file.write(self.block.samples());
    }
}

/// Gives blocks to the writer thread.
struct RingSink {
    block: AudioBlock,
    ring: SampleWriter,
    closed: Arc<AtomicBool>,
    writer: thread::Thread,
}

impl CaptureSink for RingSink {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        self.block.copy_from(block);
        self.ring.write(self.block.samples());
    }
}

impl Drop for RingSink {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        self.writer.unpark();
    }
}

/// The writer thread: makes the file, answers, then writes until the sink is dropped.
fn open_and_write(path: &Path, channels: usize, tell: oneshot::Sender<Result<Recording, FileError>>) {
    let mut file = match WavFile::create(path, channels) {
        Ok(file) => file,
        Err(error) => {
            // Nobody waits any more: then nobody needs the reason.
            drop(tell.send(Err(error)));
            return;
        }
    };
    let (ring_in, mut ring_out) = sample_ring(RING_FRAMES, channels);
    let counters = Arc::clone(ring_in.counters());
    let closed = Arc::new(AtomicBool::new(false));
    let (alive, complete) = oneshot::channel::<()>();
    let sink = RingSink {
        block: AudioBlock::silent(channels),
        ring: ring_in,
        closed: Arc::clone(&closed),
        writer: thread::current(),
    };
    let recording = Recording {
        sink: Box::new(sink),
        complete,
    };
    // Dropped where nobody waits any more, which closes it.
    drop(tell.send(Ok(recording)));
    loop {
        // Asked before the ring: what was closed before was in the ring before.
        let last = closed.load(Ordering::Acquire);
        drain(&mut ring_out, &mut file);
        if last {
            break;
        }
        thread::park_timeout(WRITE_EVERY);
    }
    file.lost_frames += counters.overrun_frames();
    drop(file);
    drop(alive);
}

fn drain(ring: &mut SampleReader, file: &mut WavFile) {
    let mut block = [0.0; BLOCK_FRAMES * 2];
    let block = &mut block[..BLOCK_FRAMES * ring.channels()];
    loop {
        let frames = ring.read(block);
        if frames == 0 {
            return;
        }
        file.write(&block[..frames * ring.channels()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::ScratchDir;

    #[tokio::test]
    async fn both_ways_write_the_same_complete_file() {
        let dir = ScratchDir::new();
        for (mode, channels) in [
            (FileMode::Inline, 1),
            (FileMode::Threads, 1),
            (FileMode::Inline, 2),
            (FileMode::Threads, 2),
        ] {
            let path = dir.file("out.wav");
            let opening = record_wav(path.clone(), channels, mode);
            let mut recording = opening.answer.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
            let mut block = AudioBlock::silent(1);
            for (i, s) in block.samples_mut().iter_mut().enumerate() {
                *s = (i as f32 - 240.0) / 200.0;
            }
            for _ in 0..150 {
                recording.sink.on_block(&block, Instant::now());
            }
            drop(recording.sink);
            assert!(recording.complete.await.is_err(), "the end is a dropped sender");
            let mut reader = hound::WavReader::open(&path).unwrap();
            assert_eq!((reader.spec().sample_rate, reader.spec().bits_per_sample), (48_000, 16));
            let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
            assert_eq!(samples.len(), 150 * 480 * channels, "{mode:?}");
            for (i, frame) in samples.chunks_exact(channels).enumerate() {
                let wanted = to_i16(((i % 480) as f32 - 240.0) / 200.0);
                assert!(frame.iter().all(|s| *s == wanted), "{mode:?} frame {i}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_made_is_refused() {
        let dir = ScratchDir::new();
        for mode in [FileMode::Inline, FileMode::Threads] {
            let opening = record_wav(dir.file("no/such/folder/out.wav"), 1, mode);
            let error = opening.answer.await.unwrap().err().expect("refused");
            assert_eq!(express_messages::ZegoError::from(error).code, 1100001);
        }
    }

    #[test]
    fn samples_beyond_full_scale_are_cut_and_none_wraps() {
        for (sample, wanted) in [
            (1.0, i16::MAX),
            (9.0, i16::MAX),
            (-1.0, i16::MIN),
            (-9.0, i16::MIN),
            (f32::NAN, 0),
            (0.25, 8_192),
        ] {
            assert_eq!(to_i16(sample), wanted);
        }
    }
}
