//! Sound as it passed a place: blocks of 10 ms, each with its moment, and a chirp to look for in it.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use express_examples::hearing;
use express_messages::audio::{AudioBlock, BLOCK_FRAMES, SAMPLE_RATE};

/// Blocks that a tap holds until they are collected: 60 s, more than a call.
const TAP_BLOCKS: usize = 6_000;
/// How long after it was said a chirp is looked for; less than the time to the next one.
const SEARCH: Duration = Duration::from_millis(400);
/// Least likeness of a chirp that was found.
const LIKENESS: f64 = 0.6;
const CHIRP: Duration = Duration::from_millis(100);
/// The band of a voice, in Hz.
const SWEEP: (f64, f64) = (400.0, 4_000.0);
const PEAK: f64 = 0.35;

/// One linear sweep of 100 ms with soft edges, mono at 48 kHz.
pub(crate) fn chirp() -> Vec<f32> {
    let (seconds, rate) = (CHIRP.as_secs_f64(), f64::from(SAMPLE_RATE));
    let frames = (seconds * rate) as usize;
    (0..frames)
        .map(|n| {
            let t = n as f64 / rate;
            let phase = std::f64::consts::TAU * (SWEEP.0 * t + (SWEEP.1 - SWEEP.0) * t * t / (2.0 * seconds));
            let edge = (std::f64::consts::PI * t / seconds).sin().sqrt();
            (PEAK * edge * phase.sin()) as f32
        })
        .collect()
}

/// 10 ms of mono and when they passed: sample `i` belongs to `at` + `i` / 48 ms.
#[derive(Clone)]
pub(crate) struct Passed {
    at: Instant,
    samples: [f32; BLOCK_FRAMES],
}

impl Passed {
    /// `samples`: `BLOCK_FRAMES` × `channels`, interleaved.
    pub(crate) fn new(at: Instant, samples: &[f32], channels: usize) -> Self {
        let mut mono = [0.0; BLOCK_FRAMES];
        for (out, frame) in mono.iter_mut().zip(samples.chunks_exact(channels)) {
            *out = frame.iter().sum::<f32>() / channels as f32;
        }
        Self { at, samples: mono }
    }
}

/// Notes what passes, on whatever thread: never waits, never allocates.
#[derive(Clone)]
pub(crate) struct Tap(Sender<Passed>);

impl Tap {
    /// A tap, and where its sound is collected.
    pub(crate) fn new() -> (Self, Receiver<Passed>) {
        let (tap, collected) = bounded(TAP_BLOCKS);
        (Self(tap), collected)
    }

    pub(crate) fn note(&self, block: &AudioBlock, at: Instant) {
        // Full only after a minute, which no call lasts; then the chirps behind it count as not heard.
        let _ = self.0.try_send(Passed::new(at, block.samples(), block.channels()));
    }
}

/// All that passed one place.
#[derive(Default)]
pub(crate) struct Track {
    moments: Vec<Instant>,
    samples: Vec<f32>,
}

impl Track {
    pub(crate) fn push(&mut self, passed: &Passed) {
        self.moments.push(passed.at);
        self.samples.extend_from_slice(&passed.samples);
    }

    /// When the first sample of `chirp` passed, after it was said at `said`; `None`: it did not, or not to be recognised.
    pub(crate) fn heard(&self, chirp: &[f32], said: Instant) -> Option<Instant> {
        let first = self.moments.partition_point(|at| *at < said).saturating_sub(1);
        let last = self.moments.partition_point(|at| *at < said + SEARCH + CHIRP);
        let window = self.samples.get(first * BLOCK_FRAMES..last * BLOCK_FRAMES)?;
        let (place, _) = hearing::place_of(chirp, window).filter(|(_, likeness)| *likeness >= LIKENESS)?;
        let place = first * BLOCK_FRAMES + place;
        let inside = Duration::from_secs_f64((place % BLOCK_FRAMES) as f64 / f64::from(SAMPLE_RATE));
        Some(*self.moments.get(place / BLOCK_FRAMES)? + inside)
    }

    /// When each chirp passed, for a place at which nobody knows when it was said.
    pub(crate) fn all(&self, chirp: &[f32]) -> Vec<Instant> {
        let (Some(&first), Some(&last)) = (self.moments.first(), self.moments.last()) else {
            return Vec::new();
        };
        let (mut all, mut from) = (Vec::new(), first);
        while from < last {
            match self.heard(chirp, from) {
                Some(at) => {
                    all.push(at);
                    from = at + 2 * CHIRP;
                }
                // Half of what was searched: a chirp on the border is whole in the next window.
                None => from += SEARCH / 2,
            }
        }
        all
    }
}

impl FromIterator<Passed> for Track {
    fn from_iter<I: IntoIterator<Item = Passed>>(all: I) -> Self {
        let mut track = Self::default();
        all.into_iter().for_each(|passed| track.push(&passed));
        track
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A track on which `sound` begins `late` samples after the start, one block each 10 ms.
    fn track(start: Instant, sound: &[f32], late: usize) -> Track {
        let mut samples = vec![0.0; late];
        samples.extend_from_slice(sound);
        samples.resize(samples.len().next_multiple_of(BLOCK_FRAMES) + 48_000, 0.0);
        let blocks = samples.chunks_exact(BLOCK_FRAMES).enumerate();
        blocks
            .map(|(n, block)| Passed::new(start + Duration::from_millis(10) * n as u32, block, 1))
            .collect()
    }

    #[test]
    fn a_quiet_chirp_is_found_to_the_sample() {
        let said = Instant::now() + Duration::from_secs(3_600);
        let quiet: Vec<f32> = chirp().iter().map(|s| s * 0.1).collect();
        for late in [0, 1, 4_799, 12_345] {
            let heard = track(said, &quiet, late).heard(&chirp(), said).unwrap();
            let took = (heard - said).as_secs_f64() * 48_000.0;
            assert!((took - late as f64).abs() < 0.1, "{late}: {took}");
        }
    }

    #[test]
    fn chirps_are_counted_without_knowing_when_they_were_said() {
        let start = Instant::now() + Duration::from_secs(3_600);
        let mut sound = Vec::new();
        for _ in 0..4 {
            sound.extend(chirp());
            sound.resize(sound.len() + 19_200, 0.0);
        }
        let found = track(start, &sound, 30_000).all(&chirp());
        let places: Vec<u128> = found.iter().map(|at| (*at - start).as_millis()).collect();
        assert_eq!(places, [625, 1_125, 1_625, 2_125]);
    }

    #[test]
    fn silence_and_another_sound_are_no_chirp() {
        let said = Instant::now() + Duration::from_secs(3_600);
        let backwards: Vec<f32> = chirp().into_iter().rev().collect();
        for sound in [vec![0.0; 4_800], backwards] {
            assert!(track(said, &sound, 500).heard(&chirp(), said).is_none());
        }
    }
}
