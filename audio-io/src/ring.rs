//! Rings of samples between an audio thread and its neighbour.
//!
//! # Real-time contract
//! A ring allocates once, when it is made. After that neither end ever allocates, locks, blocks or makes a system call: each
//! operation copies what fits and returns. Full and empty are ordinary: what did not fit and what was missing is counted in
//! [`RingCounters`], for both ends and for the control side to read. One thread writes, one thread reads.
//!
//! Both ends speak in *sample frames* (one sample per channel), so a ring never tears a frame apart.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rtrb::{Consumer, Producer, RingBuffer, chunks::ChunkError};

/// What a ring lost, in sample frames. Only grows.
#[derive(Debug, Default)]
pub struct RingCounters {
    overrun_frames: AtomicU64,
    underrun_frames: AtomicU64,
    underruns: AtomicU64,
}

impl RingCounters {
    /// Frames that were written to a full ring and thrown away.
    pub fn overrun_frames(&self) -> u64 {
        self.overrun_frames.load(Ordering::Relaxed)
    }

    /// Frames that were asked of an empty ring and replaced by silence.
    pub fn underrun_frames(&self) -> u64 {
        self.underrun_frames.load(Ordering::Relaxed)
    }

    /// How often frames were missing.
    pub fn underruns(&self) -> u64 {
        self.underruns.load(Ordering::Relaxed)
    }

    fn count_underrun(&self, frames: usize) {
        self.underrun_frames.fetch_add(frames as u64, Ordering::Relaxed);
        self.underruns.fetch_add(1, Ordering::Relaxed);
    }
}

/// Makes a ring for `frames` sample frames of `channels` interleaved channels (at least one of each).
pub fn sample_ring(frames: usize, channels: usize) -> (SampleWriter, SampleReader) {
    let channels = channels.max(1);
    let (producer, consumer) = RingBuffer::new(frames.max(1).saturating_mul(channels));
    let counters = Arc::new(RingCounters::default());
    let writer = SampleWriter {
        ring: producer,
        channels,
        counters: Arc::clone(&counters),
    };
    let reader = SampleReader {
        ring: consumer,
        channels,
        counters,
    };
    (writer, reader)
}

/// The end that writes.
#[derive(Debug)]
pub struct SampleWriter {
    ring: Producer<f32>,
    channels: usize,
    counters: Arc<RingCounters>,
}

impl SampleWriter {
    /// Channels of a frame.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Sample frames that fit now.
    pub fn free_frames(&self) -> usize {
        self.ring.slots() / self.channels
    }

    /// Sample frames in the ring now; the reader may take some meanwhile.
    pub fn fill_frames(&self) -> usize {
        (self.ring.buffer().capacity() - self.ring.slots()) / self.channels
    }

    /// What this ring lost.
    pub fn counters(&self) -> &Arc<RingCounters> {
        &self.counters
    }

    /// Whether the reader is gone.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Writes whole frames of `samples` (interleaved) and returns how many; the rest is counted as overrun.
    pub fn write(&mut self, samples: &[f32]) -> usize {
        let wanted = samples.len() / self.channels;
        let frames = wanted.min(self.free_frames());
        // As many as are free were asked for, and only this end fills the ring: it cannot fail.
        if self.ring.push_entire_slice(&samples[..frames * self.channels]).is_err() {
            return 0;
        }
        self.count_lost(wanted - frames);
        frames
    }

    /// Writes up to `frames` frames that `next` makes sample by sample, and returns how many; the rest is counted as
    /// overrun. For callers that convert while they copy.
    pub fn write_with(&mut self, frames: usize, mut next: impl FnMut(usize) -> f32) -> usize {
        let written = frames.min(self.free_frames());
        if let Ok(mut chunk) = self.ring.write_chunk(written * self.channels) {
            let (first, second) = chunk.as_mut_slices();
            for (i, slot) in first.iter_mut().chain(second).enumerate() {
                *slot = next(i);
            }
            chunk.commit_all();
        }
        self.count_lost(frames - written);
        written
    }

    fn count_lost(&self, frames: usize) {
        if frames > 0 {
            self.counters.overrun_frames.fetch_add(frames as u64, Ordering::Relaxed);
        }
    }
}

/// The end that reads.
#[derive(Debug)]
pub struct SampleReader {
    ring: Consumer<f32>,
    channels: usize,
    counters: Arc<RingCounters>,
}

impl SampleReader {
    /// Channels of a frame.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Sample frames that can be read now.
    pub fn fill_frames(&self) -> usize {
        self.ring.slots() / self.channels
    }

    /// What this ring lost.
    pub fn counters(&self) -> &Arc<RingCounters> {
        &self.counters
    }

    /// Whether the writer is gone. What it wrote can still be read.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Fills `out` (interleaved) with what is there and the rest with silence; returns the frames that were there. What was
    /// missing is **not** counted: only the caller knows whether it should have been there ([`Self::note_underrun`]).
    pub fn read(&mut self, out: &mut [f32]) -> usize {
        let frames = (out.len() / self.channels).min(self.fill_frames());
        let (there, missing) = out.split_at_mut(frames * self.channels);
        missing.fill(0.0);
        match self.ring.pop_entire_slice(there) {
            Ok(()) => frames,
            Err(ChunkError::TooFewSlots(_)) => {
                there.fill(0.0);
                0
            }
        }
    }

    /// Reads up to `frames` frames, giving each sample and its index to `each`; returns the frames that were there. For
    /// callers that convert while they copy.
    pub fn read_with(&mut self, frames: usize, mut each: impl FnMut(usize, f32)) -> usize {
        let read = frames.min(self.fill_frames());
        match self.ring.read_chunk(read * self.channels) {
            Ok(chunk) => {
                let (first, second) = chunk.as_slices();
                for (i, &sample) in first.iter().chain(second).enumerate() {
                    each(i, sample);
                }
                chunk.commit_all();
                read
            }
            Err(ChunkError::TooFewSlots(_)) => 0,
        }
    }

    /// Throws up to `frames` frames away, oldest first; returns how many.
    pub fn skip(&mut self, frames: usize) -> usize {
        self.read_with(frames, |_, _| {})
    }

    /// Counts `frames` frames that should have been there.
    pub fn note_underrun(&self, frames: usize) {
        self.counters.count_underrun(frames);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_in_order_across_the_seam() {
        let (mut writer, mut reader) = sample_ring(5, 2);
        let mut out = [0.0; 6];
        for round in 0..20u8 {
            let base = f32::from(round) * 6.0;
            let block: Vec<f32> = (0..6u8).map(|i| base + f32::from(i)).collect();
            assert_eq!(writer.write(&block), 3);
            assert_eq!(reader.read(&mut out), 3);
            assert_eq!(out[..], block[..]);
        }
        assert_eq!(reader.counters().overrun_frames(), 0);
    }

    #[test]
    fn a_full_ring_keeps_the_old_frames_and_counts_the_new() {
        let (mut writer, mut reader) = sample_ring(2, 1);
        assert_eq!(writer.write(&[1.0, 2.0, 3.0]), 2);
        assert_eq!(writer.write_with(4, |_| 9.0), 0);
        assert_eq!(writer.counters().overrun_frames(), 5);
        let mut out = [7.0; 3];
        assert_eq!(reader.read(&mut out), 2);
        assert_eq!(out, [1.0, 2.0, 0.0]);
    }

    #[test]
    fn only_whole_frames_pass() {
        let (mut writer, mut reader) = sample_ring(2, 2);
        assert_eq!(writer.write(&[1.0, 2.0, 3.0]), 1);
        assert_eq!(reader.fill_frames(), 1);
        assert_eq!(reader.skip(9), 1);
        assert_eq!(reader.fill_frames(), 0);
    }

    #[test]
    fn each_end_sees_that_the_other_is_gone() {
        let (writer, reader) = sample_ring(2, 1);
        assert!(!reader.is_abandoned());
        drop(writer);
        assert!(reader.is_abandoned());
    }
}
