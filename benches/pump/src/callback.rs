//! What a device's callback costs. It waits for nothing, so this is all the time it takes; `audio-io/tests/allocations.rs` holds
//! that it does not allocate.

use express_audio_io::{
    devices::{DeviceFormat, input_port, output_port},
    pump::{MicId, MicInput, OutputId, PumpCommand, PumpCore, SpeakerOut},
};
use express_messages::audio::SAMPLE_RATE;
use serde::Serialize;

use crate::{
    Fault,
    cpu::{mean, quantile, thread_us},
    stream::TICK,
};

/// Frames of a callback: 20 ms.
const FRAMES: usize = 960;
/// Callbacks of each kind.
const CALLS: u32 = 20_000;

/// A callback of 20 ms in stereo, in µs of CPU.
#[derive(Serialize)]
pub(crate) struct Row {
    callback: &'static str,
    mean_us: f64,
    p99_us: f64,
    worst_us: f64,
}

/// Measures and prints.
pub(crate) fn measure() -> Result<Vec<Row>, Fault> {
    println!("{:<36} {:>8} {:>8} {:>8}", "a callback of 20 ms, us", "mean", "p99", "worst");
    let mut rows = Vec::new();
    for (callback, pump_runs) in [("speaker", true), ("speaker, its ring is empty", false)] {
        rows.push(Row::new(callback, speaker_us(pump_runs)?));
    }
    for (callback, pump_runs) in [("microphone", true), ("microphone, its ring is full", false)] {
        rows.push(Row::new(callback, microphone_us(pump_runs)?));
    }
    Ok(rows)
}

impl Row {
    fn new(callback: &'static str, mut calls: Vec<f64>) -> Self {
        let row = Self {
            callback,
            mean_us: mean(&calls),
            p99_us: quantile(&mut calls, 0.99),
            worst_us: quantile(&mut calls, 1.0),
        };
        println!(
            "{callback:<36} {:>8.1} {:>8.1} {:>8.1}",
            row.mean_us, row.p99_us, row.worst_us
        );
        row
    }
}

const FORMAT: DeviceFormat = DeviceFormat {
    rate_hz: SAMPLE_RATE,
    channels: 2,
    period_frames: FRAMES,
};

fn speaker_us(pump_runs: bool) -> Result<Vec<f64>, Fault> {
    let (mut callback, port) = output_port(FORMAT);
    let mut samples = vec![0i16; 2 * FRAMES];
    calls(
        pump_runs,
        PumpCommand::AddSpeaker(Box::new(SpeakerOut::new(OutputId(1), port)?)),
        || callback.fill(&mut samples),
    )
}

fn microphone_us(pump_runs: bool) -> Result<Vec<f64>, Fault> {
    let (mut callback, port) = input_port(FORMAT);
    let samples = vec![99i16; 2 * FRAMES];
    calls(
        pump_runs,
        PumpCommand::AddMic(Box::new(MicInput::new(MicId(1), port, false)?)),
        || callback.take(&samples),
    )
}

/// The time of each call of `callback`, whose device was given to a pump that moves on or does not.
fn calls(pump_runs: bool, device: PumpCommand, mut callback: impl FnMut()) -> Result<Vec<f64>, Fault> {
    let (mut core, mut port) = PumpCore::new();
    port.send(device);
    let mut now = std::time::Instant::now();
    let mut took = Vec::new();
    for call in 0..CALLS {
        // The first few in any case: an empty ring is one that was filled once.
        if pump_runs || call < 4 {
            for _ in 0..2 {
                core.tick(now);
                now += TICK;
            }
        }
        let began = thread_us()?;
        callback();
        took.push(thread_us()? - began);
    }
    Ok(took)
}
