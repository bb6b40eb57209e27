//! The pump stepped by hand: what goes in comes out, mixed, faded, in order, whatever the clocks do.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink, Effort, PlayoutSource},
    audio_device::SinkId,
    ids::LocalStreamId,
};

mod commands;
mod hour;
mod late;
mod outputs;

use super::*;
use crate::{
    devices::{DeviceFormat, InputCallback, OutputCallback, input_port, output_port},
    sources::Tone,
};

const RATE: u32 = 48_000;
const SPEAKER: OutputId = OutputId(1);

fn format(rate_hz: u32) -> DeviceFormat {
    DeviceFormat {
        rate_hz,
        channels: 2,
        period_frames: rate_hz as usize / 50,
    }
}

fn tone(frequency_hz: f32, amplitude: f32) -> Box<dyn PlayoutSource> {
    Box::new(Tone::new(frequency_hz, amplitude).unwrap())
}

/// Gives the constants 1/1024, 2/1024, ..., one for each block.
struct Counting(u16);

impl PlayoutSource for Counting {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        self.0 += 1;
        out.samples_mut().fill(f32::from(self.0) / 1_024.0);
    }
}

/// Keeps the number of each block of a [`Counting`], and the whole sound.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<f32>>>);

impl CaptureSink for Heard {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        self.0.lock().unwrap().extend_from_slice(block.samples());
    }
}

impl Heard {
    fn samples(&self) -> Vec<f32> {
        self.0.lock().unwrap().clone()
    }

    fn numbers(&self) -> Vec<u16> {
        self.samples()
            .chunks_exact(BLOCK_FRAMES)
            .map(|block| (block[0] * 1_024.0).round() as u16)
            .collect()
    }
}

/// A pump, its port and a clock that a test moves.
struct Bench {
    core: PumpCore,
    port: PumpPort,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let (core, port) = PumpCore::new();
        Self {
            core,
            port,
            // An hour ahead: a stray read of the real clock would show.
            now: Instant::now() + Duration::from_secs(3_600),
        }
    }

    /// The speaker that everything is heard on at first.
    fn speaker(&mut self, rate: u32) -> OutputCallback {
        self.another_speaker(SPEAKER, rate)
    }

    fn another_speaker(&mut self, id: OutputId, rate: u32) -> OutputCallback {
        let (callback, port) = output_port(format(rate));
        self.port
            .send(PumpCommand::AddSpeaker(Box::new(SpeakerOut::new(id, port).unwrap())));
        callback
    }

    fn mic(&mut self, rate: u32) -> (MicId, InputCallback) {
        let (callback, port) = input_port(format(rate));
        let id = MicId(1);
        self.port
            .send(PumpCommand::AddMic(Box::new(MicInput::new(id, port, false).unwrap())));
        (id, callback)
    }

    fn play(&mut self, id: u64, gain: f32, source: Box<dyn PlayoutSource>) -> PlayoutId {
        let id = PlayoutId(id);
        self.port.send(PumpCommand::AddPlayout(Box::new(Playout::new(id, gain))));
        self.port.send(PumpCommand::SetSource(id, PlayedSource(Some(source))));
        self.port.send(PumpCommand::SetOutput(Audible::Played(id), SPEAKER));
        id
    }

    fn tap(&mut self, place: SinkPlace) -> Heard {
        let heard = Heard::default();
        let sink = SinkEntry::new(SinkId(1), Box::new(heard.clone()));
        self.port.send(PumpCommand::AddSink(place, sink));
        heard
    }

    fn tick(&mut self, ms: u64) -> usize {
        self.now += Duration::from_millis(ms);
        self.core.tick(self.now)
    }

    /// `ms` with a speaker that takes 20 ms every 20 ms; the left side of what it played.
    fn listen(&mut self, speaker: &mut OutputCallback, rate: u32, ms: u64) -> Vec<f32> {
        let mut heard = Vec::new();
        let mut out = vec![0.0f32; rate as usize / 50 * 2];
        for _ in 0..ms / 20 {
            self.tick(10);
            self.tick(10);
            speaker.fill(&mut out);
            heard.extend(out.chunks_exact(2).map(|frame| frame[0]));
        }
        heard
    }
}

/// Peak of `frequency` in `samples`.
fn level(samples: &[f32], frequency: f64, rate: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, &s) in samples.iter().enumerate() {
        let phase = std::f64::consts::TAU * frequency * i as f64 / rate;
        re += f64::from(s) * phase.cos();
        im += f64::from(s) * phase.sin();
    }
    2.0 * f64::hypot(re, im) / samples.len() as f64
}

fn steepest(samples: &[f32]) -> f32 {
    samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
}

#[test]
fn all_that_is_heard_is_summed_each_with_its_volume() {
    for rate in [48_000, 44_100] {
        let mut bench = Bench::new();
        let mut speaker = bench.speaker(rate);
        for (id, frequency, gain) in [(1, 400.0, 1.0), (2, 1_000.0, 0.5), (3, 3_000.0, 2.0), (4, 5_000.0, 0.0)] {
            bench.play(id, gain, tone(frequency, 0.1));
        }
        let local = LocalStreamId(9);
        let stream = LocalStream::new(local, Some(Capture::of_source(tone(7_000.0, 0.1), 1)), 1);
        bench.port.send(PumpCommand::AddLocal(Box::new(stream)));
        bench.port.send(PumpCommand::SetMonitor(local, 0.3));
        bench.port.send(PumpCommand::SetOutput(Audible::Local(local), SPEAKER));
        bench.listen(&mut speaker, rate, 200);
        let heard = bench.listen(&mut speaker, rate, 1_000);
        for (frequency, wanted) in [(400.0, 0.1), (1_000.0, 0.05), (3_000.0, 0.2), (5_000.0, 0.0), (7_000.0, 0.03)] {
            let level = level(&heard, frequency, f64::from(rate));
            assert!((level - wanted).abs() < 0.002, "{frequency} Hz at {rate}: {level}");
        }
    }
}

#[test]
fn each_change_of_volume_source_and_presence_is_smooth() {
    let mut bench = Bench::new();
    let mut speaker = bench.speaker(RATE);
    let a = bench.play(1, 1.0, tone(500.0, 0.5));
    bench.listen(&mut speaker, RATE, 100);
    let changes: [(&str, PumpCommand); 6] = [
        ("quiet", PumpCommand::SetGain(a, 0.1)),
        ("silent", PumpCommand::SetGain(a, 0.0)),
        ("loud", PumpCommand::SetGain(a, 1.0)),
        (
            "another source",
            PumpCommand::SetSource(a, PlayedSource(Some(tone(700.0, 0.5)))),
        ),
        ("no source", PumpCommand::SetSource(a, PlayedSource(None))),
        (
            "a source again",
            PumpCommand::SetSource(a, PlayedSource(Some(tone(500.0, 0.5)))),
        ),
    ];
    // 700 Hz at 0.5 moves by up to 0.046 a sample, 500 Hz by 0.033; a cut would jump by up to 0.5.
    for (what, command) in changes {
        bench.port.send(command);
        let heard = bench.listen(&mut speaker, RATE, 100);
        assert!(steepest(&heard) < 0.05, "{what}: {}", steepest(&heard));
    }
    bench.port.send(PumpCommand::RemovePlayout(a));
    let heard = bench.listen(&mut speaker, RATE, 100);
    assert!(steepest(&heard) < 0.05, "forgotten: {}", steepest(&heard));
    assert_eq!(heard.last(), Some(&0.0));
}

#[test]
fn a_source_is_asked_once_for_each_block_whether_it_is_heard_or_not() {
    for gain in [0.0, 1.0] {
        let mut bench = Bench::new();
        let id = bench.play(1, gain, Box::new(Counting(0)));
        let heard = bench.tap(SinkPlace::Playout(id));
        let made: usize = (0..100).map(|_| bench.tick(10)).sum();
        assert_eq!(made, 100);
        assert_eq!(heard.numbers(), (1..=100).collect::<Vec<u16>>());
    }
}

#[test]
fn an_overslept_pump_loses_nothing_within_200_ms_and_counts_what_it_loses_beyond() {
    let mut bench = Bench::new();
    let id = bench.play(1, 1.0, Box::new(Counting(0)));
    let heard = bench.tap(SinkPlace::Playout(id));
    for ms in [10, 25, 5, 190, 10] {
        bench.tick(ms);
    }
    assert_eq!(heard.numbers(), (1..=24).collect::<Vec<u16>>(), "230 ms after the first");
    assert_eq!(bench.port.counters().skipped_blocks(), 0);
    bench.tick(1_000);
    assert_eq!(heard.numbers().len(), 44);
    assert_eq!(bench.port.counters().skipped_blocks(), 80);
    assert_eq!(bench.port.counters().blocks(), 44);
}

#[test]
fn the_speakers_clock_makes_the_blocks_and_taps_follow_it_in_order() {
    for ppm in [-300.0, 0.0, 300.0] {
        let mut bench = Bench::new();
        let mut speaker = bench.speaker(RATE);
        let id = bench.play(1, 1.0, Box::new(Counting(0)));
        let heard = bench.tap(SinkPlace::Playout(id));
        let (mut taken, mut out) = (0.0, vec![0.0f32; 1_920]);
        for tick in 0..12_000u32 {
            assert!(bench.tick(10) <= 4);
            // The device takes 20 ms when its own clock says so.
            while taken < f64::from(tick) * 0.01 * (1.0 + ppm * 1e-6) {
                speaker.fill(&mut out);
                taken += 0.02;
            }
        }
        let numbers = heard.numbers();
        let wanted = 12_000.0 * (1.0 + ppm * 1e-6);
        assert!(
            (numbers.len() as f64 - wanted).abs() < 6.0,
            "{ppm} ppm: {} blocks",
            numbers.len()
        );
        assert!(numbers.windows(2).all(|w| w[1] == w[0] + 1));
    }
}

#[test]
fn a_speaker_that_hangs_does_not_hold_up_what_is_captured() {
    let mut bench = Bench::new();
    let mut speaker = bench.speaker(RATE);
    let local = LocalStreamId(1);
    let stream = LocalStream::new(local, Some(Capture::of_source(Box::new(Counting(0)), 1)), 1);
    bench.port.send(PumpCommand::AddLocal(Box::new(stream)));
    let heard = bench.tap(SinkPlace::Local(local));
    bench.listen(&mut speaker, RATE, 200);
    let before = heard.numbers().len();
    (0..100).for_each(|_| {
        bench.tick(10);
    });
    let during = heard.numbers().len() - before;
    assert!((89..=93).contains(&during), "{during} blocks in a second without a callback");
    assert!(heard.numbers().windows(2).all(|w| w[1] == w[0] + 1));
}

/// `seconds` of a microphone whose clock is `ppm` off, without a speaker; what a stream of it captured.
fn capture(rate: u32, ppm: f64, seconds: u32) -> Vec<f32> {
    let mut bench = Bench::new();
    let (mic, mut callback) = bench.mic(rate);
    let local = LocalStreamId(1);
    bench.port.send(PumpCommand::AddLocal(Box::new(LocalStream::new(
        local,
        Some(Capture::of_mic(mic, 1)),
        1,
    ))));
    let heard = bench.tap(SinkPlace::Local(local));
    let (mut given, mut phase) = (0.005, 0.0f64);
    for tick in 0..seconds * 100 {
        while given < f64::from(tick) * 0.01 * (1.0 + ppm * 1e-6) {
            let samples: Vec<f32> = (0..rate / 50)
                .flat_map(|_| {
                    phase += std::f64::consts::TAU * 1_000.0 / f64::from(rate);
                    [(phase.sin() * 0.5) as f32; 2]
                })
                .collect();
            callback.take(&samples);
            given += 0.02;
        }
        bench.tick(10);
    }
    heard.samples()
}

#[test]
fn a_microphone_with_a_clock_of_its_own_is_captured_without_a_gap() {
    for (rate, ppm) in [(48_000, 600.0), (48_000, -600.0), (44_100, 300.0), (16_000, -300.0)] {
        let samples = capture(rate, ppm, 60);
        assert_eq!(samples.len(), 60 * 48_000);
        // It begins when its ring is filled; from then on there is one unbroken tone. A gap would be a step, or a dent.
        let sound = &samples[48_000 / 5..];
        assert!(steepest(sound) < 0.067, "{rate} Hz, {ppm} ppm: {}", steepest(sound));
        for (i, window) in sound.chunks_exact(4_800).enumerate() {
            let level = level(window, 1_000.0, 48_000.0);
            assert!((level - 0.5).abs() < 0.01, "{rate} Hz, {ppm} ppm, {} ms: {level}", i * 100);
        }
    }
}

#[test]
fn more_commands_than_the_ring_holds_are_carried_out_in_order() {
    let mut bench = Bench::new();
    let local = LocalStreamId(1);
    bench.port.send(PumpCommand::AddLocal(Box::new(LocalStream::new(
        local,
        Some(Capture::of_source(tone(500.0, 0.5), 1)),
        1,
    ))));
    let heard = bench.tap(SinkPlace::Local(local));
    for i in 0..1_000u16 {
        bench.port.send(PumpCommand::SetVolume(local, f32::from(i) / 999.0));
    }
    for _ in 0..8 {
        bench.tick(10);
        bench.port.flush();
    }
    let last = &heard.samples()[7 * BLOCK_FRAMES..];
    assert!((level(last, 500.0, 48_000.0) - 0.5).abs() < 0.001, "the last volume is 100 %");
}

#[test]
fn what_names_something_unknown_comes_back_undone() {
    let mut bench = Bench::new();
    bench.play(1, 1.0, tone(500.0, 0.5));
    bench
        .port
        .send(PumpCommand::SetSource(PlayoutId(99), PlayedSource(Some(tone(500.0, 0.5)))));
    let sink = SinkEntry::new(SinkId(7), Box::new(Heard::default()));
    bench
        .port
        .send(PumpCommand::AddSink(SinkPlace::Local(LocalStreamId(99)), sink));
    bench.tick(10);
    for wanted in ["SetSource", "AddSink"] {
        match bench.port.take_returned() {
            Some(Returned::Undone(command)) => assert!(format!("{command:?}").starts_with(wanted)),
            other => panic!("{other:?}"),
        }
    }
    assert!(bench.port.take_returned().is_none());
}
