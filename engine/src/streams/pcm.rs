//! PCM that the application pushes into a local stream.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Instant,
};

use express_messages::audio::{AudioBlock, BLOCK_FRAMES, MAX_CHANNELS, PlayoutSource, SAMPLE_RATE};
use futures::task::AtomicWaker;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::park;

/// How much may wait to be heard: one second.
const CAPACITY_FRAMES: usize = SAMPLE_RATE as usize;

/// What both ends share.
#[derive(Debug, Default)]
struct Shared {
    /// Wakes a writer that waits for room.
    writer: AtomicWaker,
    /// Everything pushed before this sample number is to be thrown away.
    clear_before: AtomicU64,
    underruns: AtomicU64,
    closed: AtomicBool,
}

/// Pushes PCM into a local stream made by [`ZegoStreamOptions::pushed`](crate::ZegoStreamOptions::pushed).
///
/// # Shape and units
/// Interleaved samples, 48,000 Hz, −1.0..=1.0, one or two channels as chosen. One second fits in; the stream takes 10 ms
/// at a time and is silent where nothing is there.
#[derive(Debug)]
pub struct ZegoPcmWriter {
    ring: Producer<f32>,
    channels: usize,
    pushed: u64,
    shared: Arc<Shared>,
}

/// The pump's end.
#[derive(Debug)]
pub(crate) struct PcmSource {
    ring: Consumer<f32>,
    channels: usize,
    taken: u64,
    shared: Arc<Shared>,
}

/// Both ends of pushed PCM with `channels` (1 or 2, anything else becomes the nearest).
pub(crate) fn pcm_channel(channels: usize) -> (PcmSource, ZegoPcmWriter) {
    let channels = channels.clamp(1, MAX_CHANNELS);
    let (producer, consumer) = RingBuffer::new(CAPACITY_FRAMES * channels);
    let shared = Arc::new(Shared::default());
    let source = PcmSource {
        ring: consumer,
        channels,
        taken: 0,
        shared: Arc::clone(&shared),
    };
    let writer = ZegoPcmWriter {
        ring: producer,
        channels,
        pushed: 0,
        shared,
    };
    (source, writer)
}

impl ZegoPcmWriter {
    /// Pushes as many of `samples` as fit, whole sample frames only, and returns how many that was; 0 once the stream was
    /// destroyed. Never blocks.
    pub fn push(&mut self, samples: &[f32]) -> usize {
        if self.is_closed() {
            return 0;
        }
        let room = self.ring.slots().min(samples.len());
        let count = room - room % self.channels;
        let Ok(chunk) = self.ring.write_chunk_uninit(count) else {
            return 0;
        };
        let written = chunk.fill_from_iter(samples[..count].iter().copied());
        self.pushed = self.pushed.wrapping_add(written as u64);
        written
    }

    /// Pushes all of `samples`, waiting for room as the stream takes them: so a bot can hand over a whole sentence.
    ///
    /// Returns how many were taken: fewer than given only when the stream was destroyed.
    ///
    /// # Cancellation
    /// What was pushed before stays pushed.
    pub async fn write(&mut self, samples: &[f32]) -> usize {
        // A half sample frame at the end would shift the channels of all that follows.
        let samples = &samples[..samples.len() - samples.len() % self.channels];
        let mut done = 0;
        poll_fn(|context| {
            self.shared.writer.register(context.waker());
            done += self.push(&samples[done..]);
            if done == samples.len() || self.is_closed() {
                Poll::Ready(done)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// As [`write`](Self::write), for a plain thread.
    pub fn write_blocking(&mut self, samples: &[f32]) -> usize {
        park::block_on(self.write(samples))
    }

    /// Waits until everything pushed was taken by the stream (or the stream was destroyed).
    pub async fn flush(&mut self) {
        poll_fn(|context| {
            self.shared.writer.register(context.waker());
            if self.queued() == 0 || self.is_closed() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Throws away what was pushed and is not yet heard: for an agent that is interrupted. Takes effect within 10 ms.
    pub fn clear(&mut self) {
        self.shared.clear_before.store(self.pushed, Ordering::Release);
    }

    /// Samples that wait to be taken.
    pub fn queued(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    /// How often the stream found some samples but not enough for 10 ms, and filled up with silence.
    pub fn underruns(&self) -> u64 {
        self.shared.underruns.load(Ordering::Relaxed)
    }

    /// Whether the stream is destroyed, so that nothing will be taken any more.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire) || self.ring.is_abandoned()
    }
}

impl PcmSource {
    fn throw_away_cleared(&mut self) {
        let cleared = self.shared.clear_before.load(Ordering::Acquire).wrapping_sub(self.taken);
        // A mark that lies behind what was taken already wraps to more than the ring can hold.
        let count = usize::try_from(cleared).unwrap_or(usize::MAX);
        if count > 0
            && count <= self.ring.slots()
            && let Ok(chunk) = self.ring.read_chunk(count)
        {
            chunk.commit_all();
            self.taken = self.taken.wrapping_add(cleared);
        }
    }
}

impl PlayoutSource for PcmSource {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        self.throw_away_cleared();
        out.reset(self.channels);
        let wanted = BLOCK_FRAMES * self.channels;
        let count = self.ring.slots().min(wanted);
        if let Ok(chunk) = self.ring.read_chunk(count) {
            let (first, second) = chunk.as_slices();
            out.samples_mut()[..first.len()].copy_from_slice(first);
            out.samples_mut()[first.len()..count].copy_from_slice(second);
            chunk.commit_all();
            self.taken = self.taken.wrapping_add(count as u64);
        }
        if count > 0 && count < wanted {
            self.shared.underruns.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.writer.wake();
    }
}

impl Drop for PcmSource {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.writer.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn ask(source: &mut PcmSource) -> AudioBlock {
        let mut block = AudioBlock::silent(1);
        source.next_block(&mut block, Instant::now());
        block
    }

    #[test]
    fn what_is_pushed_comes_out_in_order_and_silence_follows() {
        let (mut source, mut writer) = pcm_channel(1);
        let samples: Vec<f32> = (0..600).map(|n| n as f32 / 1000.0).collect();
        assert_eq!(writer.push(&samples), 600);
        assert_eq!(ask(&mut source).samples(), &samples[..480]);
        let second = ask(&mut source);
        assert_eq!(&second.samples()[..120], &samples[480..]);
        assert!(second.samples()[120..].iter().all(|s| *s == 0.0));
        assert_eq!(writer.underruns(), 1);
        assert_eq!(ask(&mut source).peak(), 0.0);
        assert_eq!(writer.underruns(), 1, "an idle writer is no underrun");
    }

    #[test]
    fn only_whole_sample_frames_are_taken() {
        let (mut source, mut writer) = pcm_channel(2);
        assert_eq!(writer.push(&[0.5, 0.25, 0.125]), 2);
        let block = ask(&mut source);
        assert_eq!((block.channels(), &block.samples()[..3]), (2, &[0.5, 0.25, 0.0][..]));
    }

    #[test]
    fn a_full_ring_takes_no_more_and_says_so() {
        let (_source, mut writer) = pcm_channel(1);
        let samples = vec![0.1; CAPACITY_FRAMES + 10];
        assert_eq!(writer.push(&samples), CAPACITY_FRAMES);
        assert_eq!(writer.push(&samples), 0);
        assert_eq!(writer.queued(), CAPACITY_FRAMES);
    }

    #[test]
    fn clear_throws_away_what_was_pushed_before_and_nothing_after() {
        let (mut source, mut writer) = pcm_channel(1);
        writer.push(&[0.5; 1_000]);
        ask(&mut source);
        writer.clear();
        writer.push(&[0.25; 480]);
        assert!(ask(&mut source).samples().iter().all(|s| *s == 0.25));
        writer.clear();
        writer.clear();
        assert_eq!(ask(&mut source).peak(), 0.0);
        writer.push(&[0.75; 480]);
        assert!(ask(&mut source).samples().iter().all(|s| *s == 0.75));
    }

    #[test]
    fn a_writer_on_a_thread_waits_for_room_and_ends_with_the_stream() {
        let (mut source, mut writer) = pcm_channel(1);
        let total = CAPACITY_FRAMES * 2;
        let pushing = thread::spawn(move || {
            let written = writer.write_blocking(&vec![0.5; total]);
            let rest = writer.write_blocking(&vec![0.5; total]);
            (written, rest)
        });
        let mut heard = 0;
        while heard < total {
            heard += ask(&mut source).samples().iter().filter(|s| **s != 0.0).count();
        }
        drop(source);
        let (written, rest) = pushing.join().unwrap();
        assert_eq!(written, total);
        assert!(rest < total);
    }
}
