//! Several speakers: which stream is heard on which, and whose clock counts.

use super::*;

const OTHER: OutputId = OutputId(2);
/// The tone that is played; at 0.5 it moves by up to 0.033 a sample.
const TONE: f32 = 500.0;
const SMOOTH: f32 = 0.036;

/// A speaker with a clock of its own, and what its left side played.
struct Device {
    callback: OutputCallback,
    rate: u32,
    period: f64,
    /// When it takes the next period, in seconds.
    due: f64,
    played: Vec<f32>,
}

impl Device {
    fn new(callback: OutputCallback, rate: u32, ppm: f64, phase: f64) -> Self {
        Self {
            callback,
            rate,
            period: 0.02 / (1.0 + ppm * 1e-6),
            due: phase,
            played: Vec::new(),
        }
    }

    fn run(&mut self, until: f64) {
        let mut out = vec![0.0f32; self.rate as usize / 50 * 2];
        while self.due <= until {
            self.callback.fill(&mut out);
            self.played.extend(out.chunks_exact(2).map(|frame| frame[0]));
            self.due += self.period;
        }
    }
}

struct Stage {
    bench: Bench,
    ms: u64,
}

impl Stage {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            ms: 0,
        }
    }

    /// `ms` in which these devices run.
    fn pass(&mut self, ms: u64, devices: &mut [&mut Device]) {
        for _ in 0..ms / 10 {
            self.bench.tick(10);
            self.ms += 10;
            let now = self.ms as f64 / 1_000.0;
            devices.iter_mut().for_each(|device| device.run(now));
        }
    }

    /// Two speakers that run, with a tone on the first.
    fn two(rate: u32, ppm: f64) -> (Self, Device, Device, PlayoutId) {
        let mut stage = Self::new();
        let first = Device::new(stage.bench.speaker(RATE), RATE, 0.0, 0.005);
        let other = Device::new(stage.bench.another_speaker(OTHER, rate), rate, ppm, 0.012);
        let id = stage.bench.play(1, 1.0, tone(TONE, 0.5));
        (stage, first, other, id)
    }

    fn move_to(&mut self, id: PlayoutId, output: OutputId) {
        self.bench.port.send(PumpCommand::SetOutput(Audible::Played(id), output));
    }
}

/// The longest run of samples that are next to nothing, in ms.
fn longest_gap_ms(samples: &[f32], rate: u32) -> usize {
    let runs = samples.split(|s| s.abs() > 0.02).map(<[f32]>::len);
    runs.max().unwrap_or(0) * 1_000 / rate as usize
}

#[test]
fn a_stream_moves_to_another_speaker_by_a_fade_on_both() {
    let (mut stage, mut first, mut other, id) = Stage::two(RATE, 0.0);
    stage.pass(1_000, &mut [&mut first, &mut other]);
    assert!(other.played.iter().all(|s| *s == 0.0), "nothing is heard on it yet");
    stage.move_to(id, OTHER);
    stage.pass(1_000, &mut [&mut first, &mut other]);
    for (device, samples) in [("first", &first.played), ("other", &other.played)] {
        assert!(steepest(samples) < SMOOTH, "{device}: {}", steepest(samples));
    }
    let (left, came) = (&first.played[48_000..], &other.played[48_000..]);
    let last = left.iter().rposition(|s| s.abs() > 0.02).unwrap() / 48;
    let begin = came.iter().position(|s| s.abs() > 0.02).unwrap() / 48;
    assert!(last < 60 && begin < 60, "left after {last} ms, came after {begin} ms");
    assert!((level(&came[9_600..], f64::from(TONE), 48_000.0) - 0.5).abs() < 0.005);
    assert_eq!(left.last(), Some(&0.0));
}

#[test]
fn a_second_speaker_follows_the_first_without_a_gap_whatever_its_clock() {
    for (rate, ppm) in [(48_000, 300.0), (48_000, -600.0), (44_100, 600.0), (96_000, -300.0)] {
        let (mut stage, mut first, mut other, id) = Stage::two(rate, ppm);
        stage.move_to(id, OTHER);
        stage.pass(60_000, &mut [&mut first, &mut other]);
        let sound = &other.played[rate as usize / 5..];
        let smooth = SMOOTH * 48_000.0 / rate as f32;
        assert!(steepest(sound) < smooth, "{rate} Hz, {ppm} ppm: {}", steepest(sound));
        for (i, window) in sound.chunks_exact(rate as usize / 10).enumerate() {
            let level = level(window, f64::from(TONE), f64::from(rate));
            assert!((level - 0.5).abs() < 0.01, "{rate} Hz, {ppm} ppm, {} ms: {level}", i * 100);
        }
    }
}

#[test]
fn a_second_speaker_goes_on_when_the_first_hangs_and_when_it_is_gone() {
    let (mut stage, mut first, mut other, id) = Stage::two(RATE, 0.0);
    stage.move_to(id, OTHER);
    stage.pass(1_000, &mut [&mut first, &mut other]);
    stage.pass(1_000, &mut [&mut other]);
    let gap = longest_gap_ms(&other.played[9_600..], RATE);
    assert!(gap <= 100, "{gap} ms without sound");
    assert!((level(&other.played[72_000..], f64::from(TONE), 48_000.0) - 0.5).abs() < 0.01);
    stage.pass(1_000, &mut [&mut first, &mut other]);
    let begin = other.played.len() - 9_600;
    stage.bench.port.send(PumpCommand::RemoveSpeaker(SPEAKER));
    stage.pass(2_000, &mut [&mut other]);
    let after = &other.played[begin..];
    assert!(steepest(after) < SMOOTH, "{}", steepest(after));
    assert!(longest_gap_ms(after, RATE) < 1);
    assert!(matches!(stage.bench.port.take_returned(), Some(Returned::Speaker(_))));
}

#[test]
fn what_is_played_is_not_old_where_a_speaker_begins_late_or_pauses() {
    let (mut stage, mut first, mut other, id) = Stage::two(RATE, 0.0);
    stage.move_to(id, OTHER);
    stage.pass(3_000, &mut [&mut first]);
    other.due = 3.0;
    stage.pass(500, &mut [&mut first, &mut other]);
    let mut delays = vec![delay_ms(&mut stage, id, &mut first, &mut other)];
    let paused = stage.ms;
    stage.pass(350, &mut [&mut first]);
    other.due = (paused + 350) as f64 / 1_000.0;
    stage.pass(1_000, &mut [&mut first, &mut other]);
    delays.push(delay_ms(&mut stage, id, &mut first, &mut other));
    assert!(delays.iter().all(|ms| *ms <= 110), "{delays:?} ms");
}

/// How long it takes until a mute is heard on the other speaker.
fn delay_ms(stage: &mut Stage, id: PlayoutId, first: &mut Device, other: &mut Device) -> usize {
    let begin = other.played.len();
    stage.bench.port.send(PumpCommand::SetGain(id, 0.0));
    stage.pass(500, &mut [first, other]);
    stage.bench.port.send(PumpCommand::SetGain(id, 1.0));
    let sound = &other.played[begin..];
    let last = sound.iter().rposition(|s| s.abs() > 0.02).unwrap_or(0) / 48;
    stage.pass(500, &mut [first, other]);
    last
}
