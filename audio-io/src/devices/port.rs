//! The two halves of an open device: what its callback holds and what the pump holds, with a ring between them.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
};

use cpal::{FromSample, Sample};

use super::figures::{DeviceReport, Measured};
use crate::{
    mixer::finite,
    ring::{RingCounters, SampleReader, SampleWriter, sample_ring},
    seam::Seam,
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
    ring: Arc<RingCounters>,
    pub(crate) measured: Measured,
}

impl DeviceHealth {
    /// That of a device with this ring.
    fn of(ring: &Arc<RingCounters>) -> Arc<Self> {
        Arc::new(Self {
            ring: Arc::clone(ring),
            ..Self::default()
        })
    }

    /// What its ring lost.
    pub fn ring(&self) -> &RingCounters {
        &self.ring
    }

    /// What its callbacks and the pump have measured.
    pub fn measured(&self) -> &Measured {
        &self.measured
    }

    /// The device as it ran until now, at `rate_hz`.
    pub fn report(&self, rate_hz: u32) -> DeviceReport {
        DeviceReport::new(self, rate_hz)
    }

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
        self.measured.note_callback(frames);
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
    let health = DeviceHealth::of(writer.counters());
    let callback = OutputCallback {
        reader,
        channels: format.channels.max(1),
        health: Arc::clone(&health),
        flow: Flow::NotBegun,
        seam: Seam::default(),
    };
    (callback, OutputPort { format, writer, health })
}

/// Makes the two halves of a capture device. The pump's half has the device's first one or two channels.
pub fn input_port(format: DeviceFormat) -> (InputCallback, InputPort) {
    let channels = format.channels.max(1);
    let (writer, reader) = sample_ring(format.ring_frames(), channels.min(2));
    let health = DeviceHealth::of(writer.counters());
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
    flow: Flow,
    seam: Seam,
}

/// What a playout device has got of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Nothing yet: until the pump has written once there is nothing that could be missing.
    NotBegun,
    Sound,
    /// Less than it asked for.
    Gap,
}

impl OutputCallback {
    /// Fills `out` (interleaved in the device's channels) from the ring. Where that is empty the sound falls to silence
    /// within 5 ms, and rises within 5 ms where it goes on.
    pub fn fill<T: Sample + FromSample<f32>>(&mut self, out: &mut [T]) {
        let channels = self.channels;
        let frames = out.len() / channels;
        out.fill(T::EQUILIBRIUM);
        let mut put = |frame: usize, sound: [f32; 2]| {
            let out = &mut out[frame * channels..];
            if channels > 1 {
                out[0] = T::from_sample(sound[0]);
                out[1] = T::from_sample(sound[1]);
            } else {
                out[0] = T::from_sample(0.5 * (sound[0] + sound[1]));
            }
        };
        let seam = &mut self.seam;
        let mut left = 0.0;
        let read = self.reader.read_with(frames, |i, sample| {
            if i % 2 == 0 {
                left = sample;
            } else {
                put(i / 2, seam.sound([left, sample]));
            }
        });
        self.note_flow(read, frames);
        for frame in read..frames {
            let Some(sound) = self.seam.gap() else { break };
            put(frame, sound);
        }
        self.health.count_frames(frames);
    }

    /// Notes that `read` of `frames` wanted frames were there.
    fn note_flow(&mut self, read: usize, frames: usize) {
        if read == frames && frames > 0 {
            self.flow = Flow::Sound;
        } else if read < frames && (read > 0 || self.flow != Flow::NotBegun) {
            self.reader.note_underrun(frames - read);
            if read > 0 || self.flow == Flow::Sound {
                self.seam.cut();
            }
            self.flow = Flow::Gap;
        }
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
    fn a_speaker_that_finds_nothing_falls_silent_without_a_step_and_counts_it_once_sound_has_begun() {
        let (mut callback, mut port) = output_port(format(2));
        let mut out = [7i16; 4];
        callback.fill(&mut out);
        assert_eq!((out, port.health.ring().underruns()), ([0; 4], 0));
        port.writer.write(&[0.5, -0.5]);
        let mut out = [7i16; 600];
        callback.fill(&mut out);
        assert_eq!(out[..4], [16_384, -16_384, 16_384, -16_384]);
        let steps = out.chunks_exact(2).zip(out.chunks_exact(2).skip(1));
        let steepest = steps.map(|(a, b)| (a[0] - b[0]).abs()).max();
        assert!(steepest < Some(80), "{steepest:?}");
        assert_eq!(out[596..], [0; 4]);
        assert_eq!(
            (port.health.ring().underruns(), port.health.ring().underrun_frames()),
            (1, 299)
        );
        assert_eq!(port.health.frames(), 302);
    }

    #[test]
    fn the_callbacks_of_a_device_are_measured_as_they_come() {
        let (mut callback, port) = output_port(format(2));
        for frames in [480, 960, 240] {
            callback.fill(&mut vec![0.0f32; 2 * frames]);
        }
        let report = port.health.report(48_000);
        assert_eq!((report.callbacks, report.shortest_ms, report.longest_ms), (3, 5.0, 20.0));
        assert!((report.mean_ms - 11.667).abs() < 0.001, "{report}");
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
