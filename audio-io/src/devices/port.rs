//! The two halves of an open device: what its callback holds and what the pump holds, with a ring between them.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
};

use cpal::{FromSample, Sample};

use crate::{
    mixer::finite,
    ring::{SampleReader, SampleWriter, sample_ring},
};

/// What a ring to or from a device can hold, in seconds: more than any target with its reserve, or than a late pump leaves.
const RING_SECONDS: f64 = 0.4;

/// The format that a device runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceFormat {
    /// Its sample rate in Hz.
    pub rate_hz: u32,
    /// Its channels, at least 1.
    pub channels: usize,
    /// Sample frames of one callback.
    pub period_frames: usize,
}

impl DeviceFormat {
    fn ring_frames(&self) -> usize {
        (f64::from(self.rate_hz) * RING_SECONDS) as usize + 4 * self.period_frames
    }
}

/// What became of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFailure {
    /// It is gone.
    Unplugged,
    /// It failed for a reason of its own.
    Failed,
    /// It is there, in another format or on another route: to be opened anew at once. Nothing is wrong.
    Changed,
}

/// Errors without sound between them that make a device a failed one. Drivers report some that pass (ALSA over PulseAudio does,
/// once, when it begins); a broken one reports millions a second.
const ERRORS_MAX: u32 = 100;

/// What a device's callbacks report, readable from any thread without waiting.
#[derive(Debug, Default)]
pub struct DeviceHealth {
    failure: AtomicU8,
    frames: AtomicU64,
    xruns: AtomicU64,
    errors: AtomicU32,
    errors_in_a_row: AtomicU32,
}

impl DeviceHealth {
    /// The first failure, if any.
    pub fn failure(&self) -> Option<DeviceFailure> {
        match self.failure.load(Ordering::Acquire) {
            0 => None,
            1 => Some(DeviceFailure::Unplugged),
            3 => Some(DeviceFailure::Changed),
            _ => Some(DeviceFailure::Failed),
        }
    }

    /// Notes a failure; only the first counts. For error callbacks: no allocation, no lock.
    pub fn fail(&self, failure: DeviceFailure) {
        let code = match failure {
            DeviceFailure::Unplugged => 1,
            DeviceFailure::Failed => 2,
            DeviceFailure::Changed => 3,
        };
        // Only the first is kept: a second one finds a value other than 0.
        let _ = self.failure.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Notes an error that may pass. Many without sound between them are a failure.
    pub fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        if self.errors_in_a_row.fetch_add(1, Ordering::Relaxed) >= ERRORS_MAX {
            self.fail(DeviceFailure::Failed);
        }
    }

    /// Errors that it reported, other than gaps.
    pub fn errors(&self) -> u32 {
        self.errors.load(Ordering::Relaxed)
    }

    fn count_frames(&self, frames: usize) {
        self.frames.fetch_add(frames as u64, Ordering::Relaxed);
        self.errors_in_a_row.store(0, Ordering::Relaxed);
    }

    /// Sample frames that its callback has handled.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Counts one gap that the device itself reported.
    pub fn count_xrun(&self) {
        self.xruns.fetch_add(1, Ordering::Relaxed);
    }

    /// Gaps that the device itself reported.
    pub fn xruns(&self) -> u64 {
        self.xruns.load(Ordering::Relaxed)
    }
}

/// Makes the two halves of a playout device.
pub fn output_port(format: DeviceFormat) -> (OutputCallback, OutputPort) {
    let (writer, reader) = sample_ring(format.ring_frames(), 2);
    let health = Arc::new(DeviceHealth::default());
    let callback = OutputCallback {
        reader,
        channels: format.channels.max(1),
        health: Arc::clone(&health),
        started: false,
    };
    (callback, OutputPort { format, writer, health })
}

/// Makes the two halves of a capture device. The pump's half has the device's first one or two channels.
pub fn input_port(format: DeviceFormat) -> (InputCallback, InputPort) {
    let channels = format.channels.max(1);
    let (writer, reader) = sample_ring(format.ring_frames(), channels.min(2));
    let health = Arc::new(DeviceHealth::default());
    let callback = InputCallback {
        writer,
        channels,
        health: Arc::clone(&health),
    };
    (callback, InputPort { format, reader, health })
}

/// What the callback of a playout device holds.
///
/// # Real time
/// Its methods copy, convert, count and return: no lock, no allocation, no system call.
#[derive(Debug)]
pub struct OutputCallback {
    reader: SampleReader,
    channels: usize,
    health: Arc<DeviceHealth>,
    started: bool,
}

impl OutputCallback {
    /// Fills `out` (interleaved in the device's channels) from the ring; silence where the ring is empty.
    pub fn fill<T: Sample + FromSample<f32>>(&mut self, out: &mut [T]) {
        let channels = self.channels;
        let frames = out.len() / channels;
        out.fill(T::EQUILIBRIUM);
        let mut left = 0.0;
        let read = self.reader.read_with(frames, |i, sample| {
            let (frame, side) = (i / 2, i % 2);
            if channels > 1 {
                out[frame * channels + side] = T::from_sample(sample);
            } else if side == 0 {
                left = sample;
            } else {
                out[frame] = T::from_sample(0.5 * (left + sample));
            }
        });
        // Until the pump has written once there is nothing that could be missing.
        self.started |= read > 0;
        if self.started && read < frames {
            self.reader.note_underrun(frames - read);
        }
        self.health.count_frames(frames);
    }

    /// Where the device's error callback reports.
    pub fn health(&self) -> &Arc<DeviceHealth> {
        &self.health
    }
}

/// What the callback of a capture device holds.
///
/// # Real time
/// As [`OutputCallback`].
#[derive(Debug)]
pub struct InputCallback {
    writer: SampleWriter,
    channels: usize,
    health: Arc<DeviceHealth>,
}

impl InputCallback {
    /// Takes `samples` (interleaved in the device's channels) into the ring; a full ring is counted.
    pub fn take<T: Copy>(&mut self, samples: &[T])
    where
        f32: FromSample<T>,
    {
        let (from, to) = (self.channels, self.writer.channels());
        let frames = samples.len() / from;
        self.writer
            .write_with(frames, |i| finite(f32::from_sample_(samples[i / to * from + i % to])));
        self.health.count_frames(frames);
    }

    /// Where the device's error callback reports.
    pub fn health(&self) -> &Arc<DeviceHealth> {
        &self.health
    }
}

/// What the pump holds of a playout device: stereo at the device's rate.
#[derive(Debug)]
pub struct OutputPort {
    /// How the device runs.
    pub format: DeviceFormat,
    pub(crate) writer: SampleWriter,
    pub(crate) health: Arc<DeviceHealth>,
}

/// What the pump holds of a capture device: one or two channels at the device's rate.
#[derive(Debug)]
pub struct InputPort {
    /// How the device runs.
    pub format: DeviceFormat,
    pub(crate) reader: SampleReader,
    pub(crate) health: Arc<DeviceHealth>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(channels: usize) -> DeviceFormat {
        DeviceFormat {
            rate_hz: 48_000,
            channels,
            period_frames: 480,
        }
    }

    #[test]
    fn a_speaker_of_any_channel_count_gets_both_sides() {
        for (channels, wanted) in [(1, vec![0.5]), (2, vec![0.25, 0.75]), (4, vec![0.25, 0.75, 0.0, 0.0])] {
            let (mut callback, mut port) = output_port(format(channels));
            port.writer.write(&[0.25, 0.75]);
            let mut out = vec![9.0f32; channels];
            callback.fill(&mut out);
            assert_eq!(out, wanted);
        }
    }

    #[test]
    fn a_speaker_that_finds_nothing_is_silent_and_counts_it_once_sound_has_begun() {
        let (mut callback, mut port) = output_port(format(2));
        let mut out = [7i16; 4];
        callback.fill(&mut out);
        assert_eq!((out, port.writer.counters().underruns()), ([0; 4], 0));
        port.writer.write(&[0.5, -0.5]);
        callback.fill(&mut out);
        assert_eq!(out, [16_384, -16_384, 0, 0]);
        assert_eq!(port.writer.counters().underrun_frames(), 1);
        assert_eq!(port.health.frames(), 4);
    }

    #[test]
    fn a_microphone_of_any_channel_count_gives_its_first_two() {
        for (channels, wanted) in [(1, vec![0.0, 0.5]), (2, vec![0.0, 0.5]), (3, vec![0.0, 0.5])] {
            let (mut callback, mut port) = input_port(format(channels));
            let samples: Vec<i16> = [0, 16_384, 1][..channels.max(2)].to_vec();
            callback.take(&samples);
            let mut out = vec![0.0; 2];
            port.reader.read(&mut out);
            assert_eq!(out, wanted, "{channels} channels");
        }
    }

    #[test]
    fn errors_between_which_sound_goes_on_are_no_failure() {
        let (mut callback, port) = output_port(format(2));
        for _ in 0..1_000 {
            port.health.count_error();
            callback.fill(&mut [0.0f32; 4]);
        }
        assert_eq!((port.health.failure(), port.health.errors()), (None, 1_000));
        (0..=ERRORS_MAX).for_each(|_| port.health.count_error());
        assert_eq!(port.health.failure(), Some(DeviceFailure::Failed));
    }

    #[test]
    fn the_first_failure_stands() {
        let health = DeviceHealth::default();
        assert_eq!(health.failure(), None);
        health.fail(DeviceFailure::Unplugged);
        health.fail(DeviceFailure::Failed);
        assert_eq!(health.failure(), Some(DeviceFailure::Unplugged));
    }
}
