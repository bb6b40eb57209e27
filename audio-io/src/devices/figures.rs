//! What is measured of a device while it runs: how large its callbacks really are, and how full its ring stands.

use std::{
    fmt,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use super::DeviceHealth;

/// What a device's callbacks and the pump have measured, in sample frames at the device's rate; readable from any thread
/// without waiting. All are 0 before the first callback.
#[derive(Debug, Default)]
pub struct Measured {
    callbacks: AtomicU64,
    shortest: AtomicU32,
    longest: AtomicU32,
    fill: AtomicU32,
    target: AtomicU32,
}

impl Measured {
    /// Notes a callback. For the callback's thread only.
    pub(crate) fn note_callback(&self, frames: usize) {
        let frames = saturated(frames);
        if self.callbacks.fetch_add(1, Ordering::Relaxed) == 0 {
            self.shortest.store(frames, Ordering::Relaxed);
        }
        self.shortest.fetch_min(frames, Ordering::Relaxed);
        self.longest.fetch_max(frames, Ordering::Relaxed);
    }

    /// Notes how full the ring stands on average, and how full it should. For the pump's thread only.
    pub(crate) fn note_ring(&self, fill_frames: usize, target_frames: usize) {
        self.fill.store(saturated(fill_frames), Ordering::Relaxed);
        self.target.store(saturated(target_frames), Ordering::Relaxed);
    }

    /// Callbacks so far.
    pub fn callbacks(&self) -> u64 {
        self.callbacks.load(Ordering::Relaxed)
    }

    /// Frames of the shortest callback.
    pub fn shortest_callback(&self) -> u32 {
        self.shortest.load(Ordering::Relaxed)
    }

    /// Frames of the longest callback.
    pub fn longest_callback(&self) -> u32 {
        self.longest.load(Ordering::Relaxed)
    }

    /// Mean fill of the ring of late: of a microphone before a block is taken, of a speaker after it was filled.
    pub fn ring_fill(&self) -> u32 {
        self.fill.load(Ordering::Relaxed)
    }

    /// How full the ring should be, now.
    pub fn ring_target(&self) -> u32 {
        self.target.load(Ordering::Relaxed)
    }
}

fn saturated(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}

/// A device as it really ran, for people. Made by [`DeviceHealth::report`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeviceReport {
    /// Its sample rate in Hz.
    pub rate_hz: u32,
    /// Callbacks so far.
    pub callbacks: u64,
    /// The shortest callback, in ms of sound.
    pub shortest_ms: f64,
    /// The mean callback, in ms of sound.
    pub mean_ms: f64,
    /// The longest callback, in ms of sound.
    pub longest_ms: f64,
    /// How full its ring stands on average when the pump comes, in ms of sound: what the ring adds to the delay.
    pub ring_ms: f64,
    /// How full its ring should be, in ms of sound.
    pub target_ms: f64,
    /// How often its ring ran dry, and
    pub underruns: u64,
    /// how much silence that made, in ms.
    pub missing_ms: f64,
    /// What did not fit into its ring, in ms.
    pub lost_ms: f64,
    /// Gaps that the system reported.
    pub xruns: u64,
    /// Other errors that the system reported.
    pub errors: u32,
}

impl DeviceReport {
    pub(crate) fn new(health: &DeviceHealth, rate_hz: u32) -> Self {
        let ms = |frames: f64| frames * 1_000.0 / f64::from(rate_hz.max(1));
        let (measured, ring) = (&health.measured, health.ring());
        let callbacks = measured.callbacks();
        Self {
            rate_hz,
            callbacks,
            shortest_ms: ms(measured.shortest_callback().into()),
            mean_ms: ms(health.frames() as f64 / callbacks.max(1) as f64),
            longest_ms: ms(measured.longest_callback().into()),
            ring_ms: ms(measured.ring_fill().into()),
            target_ms: ms(measured.ring_target().into()),
            underruns: ring.underruns(),
            missing_ms: ms(ring.underrun_frames() as f64),
            lost_ms: ms(ring.overrun_frames() as f64),
            xruns: health.xruns(),
            errors: health.errors(),
        }
    }
}

impl fmt::Display for DeviceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} Hz, {} callbacks of {:.1} ms ({:.1} to {:.1}), ring at {:.1} of {:.1} ms, dry {} times ({:.0} ms), {:.0} ms did not \
             fit, the system told of {} gaps and {} errors",
            self.rate_hz,
            self.callbacks,
            self.mean_ms,
            self.shortest_ms,
            self.longest_ms,
            self.ring_ms,
            self.target_ms,
            self.underruns,
            self.missing_ms,
            self.lost_ms,
            self.xruns,
            self.errors
        )
    }
}
