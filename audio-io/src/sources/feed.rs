//! WAV files as sources: decoded on a thread of their own, given to the pump by a ring.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use express_messages::audio::{AudioBlock, BLOCK_FRAMES, MAX_CHANNELS, PlayoutSource, SAMPLE_RATE};
use tokio::sync::oneshot;

use super::wav::WavDecoder;
use crate::{
    files::{FileError, FileMode, Opening},
    ring::{SampleReader, SampleWriter, sample_ring},
};

/// What the ring holds: one second, ten times the feeder's sleep.
const RING_FRAMES: usize = SAMPLE_RATE as usize;
/// How long the feeder sleeps; nobody wakes it, as the pump makes no system call for it.
const FEED_EVERY: Duration = Duration::from_millis(100);

/// A WAV file, ready to be played.
pub(crate) struct OpenedWav {
    /// Its sound.
    pub(crate) source: Box<dyn PlayoutSource>,
    /// Set once its last sample was taken; never for one that repeats.
    pub(crate) ended: Arc<AtomicBool>,
}

/// Opens `path` as a source, by `mode`.
pub(crate) fn open_wav(path: PathBuf, repeat: bool, mode: FileMode) -> Opening<OpenedWav> {
    match mode {
        FileMode::Inline => Opening::inline(|tell| {
            // The receiver stands in the value that is being made.
            let _ = tell.send(open_inline(&path, repeat));
        }),
        FileMode::Threads => {
            let named = path.clone();
            Opening::threaded("zego-wav-read", named, move |tell| open_and_feed(&path, repeat, tell))
        }
    }
}

fn open_inline(path: &Path, repeat: bool) -> Result<OpenedWav, FileError> {
    let ended = Arc::new(AtomicBool::new(false));
    let source = InlineSource {
        decoder: WavDecoder::open(path, repeat)?,
        ended: Arc::clone(&ended),
    };
    Ok(OpenedWav {
        source: Box::new(source),
        ended,
    })
}

/// Decodes in the pump's own call.
struct InlineSource {
    decoder: WavDecoder,
    ended: Arc<AtomicBool>,
}

impl PlayoutSource for InlineSource {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.reset(self.decoder.channels());
        if self.decoder.next(out.samples_mut()) < BLOCK_FRAMES {
            self.ended.store(true, Ordering::Release);
        }
    }
}

/// Takes what a feeder thread decoded.
struct FedSource {
    ring: SampleReader,
    /// Nobody listens any more.
    stop: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    feeder: thread::Thread,
}

impl PlayoutSource for FedSource {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        // A feeder that is gone has put everything into the ring. Asked before the ring, or its last samples could be missed.
        let complete = self.ring.is_abandoned();
        out.reset(self.ring.channels());
        let frames = self.ring.read(out.samples_mut());
        if frames < BLOCK_FRAMES && !complete {
            self.ring.note_underrun(BLOCK_FRAMES - frames);
        }
        if complete && self.ring.fill_frames() == 0 {
            self.ended.store(true, Ordering::Release);
        }
    }
}

impl Drop for FedSource {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.feeder.unpark();
    }
}

/// The feeder thread: opens, fills the ring, answers, then keeps it full.
fn open_and_feed(path: &Path, repeat: bool, tell: oneshot::Sender<Result<OpenedWav, FileError>>) {
    let mut decoder = match WavDecoder::open(path, repeat) {
        Ok(decoder) => decoder,
        Err(error) => {
            // Nobody waits any more: then nobody needs the reason.
            let _ = tell.send(Err(error));
            return;
        }
    };
    let (writer, reader) = sample_ring(RING_FRAMES, decoder.channels());
    let counters = Arc::clone(writer.counters());
    let stop = Arc::new(AtomicBool::new(false));
    let ended = Arc::new(AtomicBool::new(false));
    let source = FedSource {
        ring: reader,
        stop: Arc::clone(&stop),
        ended: Arc::clone(&ended),
        feeder: thread::current(),
    };
    let mut writer = fill(&mut decoder, writer);
    let opened = OpenedWav {
        source: Box::new(source),
        ended,
    };
    // Dropped unheard where nobody waits any more, which sets `stop`.
    drop(tell.send(Ok(opened)));
    while let Some(more) = writer.take().filter(|_| !stop.load(Ordering::Acquire)) {
        thread::park_timeout(FEED_EVERY);
        writer = fill(&mut decoder, more);
    }
    if counters.underruns() > 0 {
        let (path, frames) = (path.display(), counters.underrun_frames());
        tracing::warn!(%path, frames, "a WAV file was read too slowly; silence was played instead");
    }
}

/// Fills the ring with whole blocks; gives its writer back where there is more, and drops it at the end of the file.
fn fill(decoder: &mut WavDecoder, mut writer: SampleWriter) -> Option<SampleWriter> {
    let mut block = [0.0; BLOCK_FRAMES * MAX_CHANNELS];
    let block = &mut block[..BLOCK_FRAMES * decoder.channels()];
    while writer.free_frames() >= BLOCK_FRAMES {
        let frames = decoder.next(block);
        writer.write(&block[..frames * writer.channels()]);
        if frames < BLOCK_FRAMES {
            return None;
        }
    }
    Some(writer)
}

#[cfg(test)]
mod tests {
    use hound::{SampleFormat, WavSpec, WavWriter};

    use super::*;
    use crate::scratch::ScratchDir;

    fn ramp_file(dir: &ScratchDir, frames: i16) -> PathBuf {
        let path = dir.file("ramp.wav");
        let spec = WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        (1..=frames).for_each(|s| writer.write_sample(s).unwrap());
        writer.finalize().unwrap();
        path
    }

    #[tokio::test]
    async fn both_ways_give_the_same_samples_and_end_with_the_last_one() {
        let dir = ScratchDir::new();
        let path = ramp_file(&dir, 1_000);
        for mode in [FileMode::Inline, FileMode::Threads] {
            let opening = open_wav(path.clone(), false, mode);
            let mut wav = opening.answer.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
            let mut block = AudioBlock::silent(2);
            let mut samples = Vec::new();
            for ended in [false, false, true, true] {
                wav.source.next_block(&mut block, Instant::now());
                samples.extend(block.samples().iter().map(|s| (s * 32_768.0) as i16));
                assert_eq!(wav.ended.load(Ordering::Acquire), ended, "{mode:?}");
            }
            let wanted: Vec<i16> = (1..=1_000).chain(std::iter::repeat_n(0, 920)).collect();
            assert_eq!(samples, wanted, "{mode:?}");
            if let Some(worker) = opening.worker {
                worker.finish().await.expect("the feeder ends with its file");
            }
        }
    }

    #[tokio::test]
    async fn a_feeder_ends_when_its_source_is_dropped() {
        let dir = ScratchDir::new();
        let opening = open_wav(ramp_file(&dir, 1_000), true, FileMode::Threads);
        let wav = opening.answer.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
        drop(wav);
        opening.worker.expect("a thread").finish().await.expect("it ends");
    }
}
