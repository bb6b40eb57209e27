//! Proves that audio threads do not allocate: device callbacks never, the pump not in steady state.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use express_audio_io::{
    devices::{DeviceFailure, DeviceFormat, InputCallback, OutputCallback, input_port, output_port},
    pump::{
        Audible, Capture, LocalStream, Medium, MicId, MicInput, OutputId, PlayedSource, Playout, PlayoutId, PumpCommand,
        PumpCore, PumpPort, SinkEntry, SinkPlace, SpeakerOut,
    },
};
use express_messages::{
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    audio_device::{MediaId, SinkId},
    ids::LocalStreamId,
    testkit::{Counting, allocations},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_test_sees_allocations() {
    assert!(allocations(|| drop(black_box(vec![1, 2, 3]))) >= 2);
    let nothing = allocations(|| {
        black_box([1, 2, 3]);
    });
    assert_eq!(nothing, 0);
}

const RATES: [u32; 2] = [48_000, 44_100];

fn format(rate_hz: u32, channels: usize) -> DeviceFormat {
    DeviceFormat {
        rate_hz,
        channels,
        period_frames: rate_hz as usize / 50,
    }
}

#[test]
fn device_callbacks_never_allocate_full_or_empty_or_failing() {
    for channels in [1, 2, 6] {
        let (mut output, output_port) = output_port(format(48_000, channels));
        let (mut input, input_port) = input_port(format(48_000, channels));
        let (mut floats, mut ints) = (vec![0.0f32; 960 * channels], vec![0i16; 960 * channels]);
        let calls = allocations(|| {
            for _ in 0..100 {
                output.fill(&mut floats);
                output.fill(&mut ints);
                input.take(&floats);
                input.take(&ints);
                output.health().fail(DeviceFailure::Unplugged);
                input.health().count_error();
            }
        });
        assert_eq!(calls, 0, "{channels} channels");
        drop((output_port, input_port));
    }
}

struct Sum(f32);

impl CaptureSink for Sum {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        self.0 += block.samples()[0];
    }
}

struct Saw(f32);

impl PlayoutSource for Saw {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.reset(2);
        for sample in out.samples_mut() {
            self.0 = (self.0 + 0.01).fract();
            *sample = self.0;
        }
    }
}

/// Devices of `rate`, as the pump's neighbours see them.
struct Devices {
    input: InputCallback,
    outputs: [OutputCallback; 2],
    samples: Vec<f32>,
}

const SPEAKERS: [OutputId; 2] = [OutputId(1), OutputId(2)];

/// A pump with two of everything, at devices of `rate`.
fn full_pump(rate: u32) -> (PumpCore, PumpPort, Devices) {
    let (mut core, mut port) = PumpCore::new();
    let outputs = SPEAKERS.map(|id| {
        let (output, output_port) = output_port(format(rate, 2));
        port.send(PumpCommand::AddSpeaker(Box::new(SpeakerOut::new(id, output_port).unwrap())));
        output
    });
    let (input, input_port) = input_port(format(rate, 2));
    let mic = MicId(1);
    port.send(PumpCommand::AddMic(Box::new(MicInput::new(mic, input_port, false).unwrap())));
    for (id, stream) in [
        LocalStream::new(LocalStreamId(1), Some(Capture::of_mic(mic, 1)), 1),
        LocalStream::new(LocalStreamId(2), Some(Capture::of_source(Box::new(Saw(0.0)), 2)), 2).with_mixing_delay(25),
    ]
    .into_iter()
    .enumerate()
    {
        let id = LocalStreamId(id as u64 + 1);
        port.send(PumpCommand::AddLocal(Box::new(stream)));
        port.send(PumpCommand::SetMonitor(id, 0.5));
        port.send(PumpCommand::SetOutput(Audible::Local(id), SPEAKERS[0]));
        let sink = SinkEntry::new(SinkId(id.0), Box::new(Sum(0.0)));
        port.send(PumpCommand::AddSink(SinkPlace::Local(id), sink));
        port.send(PumpCommand::SetCaptureMonitor(id, 0.5));
        let tap = SinkEntry::new(SinkId(id.0 + 20), Box::new(Sum(0.0)));
        port.send(PumpCommand::AddSink(SinkPlace::Captured(id), tap));
        port.send(PumpCommand::AddMedium(
            id,
            Medium::new(MediaId(id.0), Box::new(Saw(0.2)), 0.5),
        ));
    }
    for id in [PlayoutId(11), PlayoutId(12)] {
        port.send(PumpCommand::AddPlayout(Box::new(Playout::new(id, 1.0))));
        port.send(PumpCommand::SetSource(id, PlayedSource(Some(Box::new(Saw(0.5))))));
        port.send(PumpCommand::SetOutput(Audible::Played(id), SPEAKERS[1]));
        let tap = SinkEntry::new(SinkId(id.0), Box::new(Sum(0.0)));
        port.send(PumpCommand::AddSink(SinkPlace::Playout(id), tap));
    }
    core.tick(Instant::now());
    let samples = vec![0.1; rate as usize / 50 * 2];
    (core, port, Devices { input, outputs, samples })
}

#[test]
fn a_tick_does_not_allocate_in_steady_state() {
    for rate in RATES {
        let (mut core, mut port, mut devices) = full_pump(rate);
        let start = Instant::now();
        let mut made = 0;
        let calls = allocations(|| {
            for tick in 1..2_000u64 {
                if tick % 2 == 0 {
                    devices.input.take(&devices.samples);
                    for output in &mut devices.outputs {
                        output.fill(&mut devices.samples);
                    }
                }
                let other = SPEAKERS[tick as usize % 2];
                port.send(PumpCommand::SetOutput(Audible::Played(PlayoutId(11)), other));
                port.send(PumpCommand::SetOutput(Audible::Local(LocalStreamId(1)), other));
                made += core.tick(start + Duration::from_millis(tick * 10));
            }
        });
        assert_eq!(calls, 0, "{rate} Hz");
        assert!((1_990..=2_010).contains(&made), "{made} blocks at {rate} Hz");
    }
}

#[test]
fn volume_mute_removal_and_replacement_are_carried_out_without_freeing_anything() {
    let (mut core, mut port) = PumpCore::new();
    let local = LocalStreamId(1);
    let playout = PlayoutId(2);
    port.send(PumpCommand::AddLocal(Box::new(LocalStream::new(
        local,
        Some(Capture::of_source(Box::new(Saw(0.0)), 1)),
        1,
    ))));
    port.send(PumpCommand::AddPlayout(Box::new(Playout::new(playout, 1.0))));
    port.send(PumpCommand::SetSource(playout, PlayedSource(Some(Box::new(Saw(0.0))))));
    let start = Instant::now();
    core.tick(start);
    port.send(PumpCommand::SetVolume(local, 0.5));
    port.send(PumpCommand::SetMuted(local, true));
    port.send(PumpCommand::SetSource(playout, PlayedSource(Some(Box::new(Saw(0.2))))));
    port.send(PumpCommand::RemoveSink(SinkPlace::Local(local), SinkId(99)));
    port.send(PumpCommand::Capture(local, Capture::of_source(Box::new(Saw(0.3)), 2)));
    port.send(PumpCommand::SendCaptured(local));
    port.send(PumpCommand::AddMedium(
        local,
        Medium::new(MediaId(1), Box::new(Saw(0.4)), 1.0),
    ));
    let calls = allocations(|| {
        for tick in 1..5 {
            core.tick(start + Duration::from_millis(tick * 10));
        }
    });
    assert_eq!(calls, 0);
    port.send(PumpCommand::RemoveMedium(local, MediaId(1)));
    let calls = allocations(|| {
        for tick in 5..7 {
            core.tick(start + Duration::from_millis(tick * 10));
        }
    });
    assert_eq!(calls, 0);
    port.send(PumpCommand::RemoveLocal(local));
    port.send(PumpCommand::RemovePlayout(playout));
    let calls = allocations(|| {
        for tick in 7..11 {
            core.tick(start + Duration::from_millis(tick * 10));
        }
    });
    assert_eq!(calls, 0);
    let returned: Vec<String> = std::iter::from_fn(|| port.take_returned())
        .map(|thing| format!("{thing:?}"))
        .collect();
    assert_eq!(returned, ["Source", "Capture", "Medium", "Local", "Playout"]);
}
