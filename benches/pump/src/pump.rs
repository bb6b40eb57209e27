//! What a tick of the pump costs with a microphone and its voice chain, a speaker and many played streams.

use std::time::Instant;

use express_audio_io::{
    devices::{DeviceFormat, InputCallback, OutputCallback, input_port, output_port},
    pump::{
        Audible, Capture, LocalStream, MicId, MicInput, OutputId, PlayedSource, Playout, PlayoutId, PumpCommand, PumpCore,
        PumpPort, SinkEntry, SinkPlace, SpeakerOut, Voice,
    },
};
use express_media::rtp::{PacketSender, RtpPacketIn};
use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink, SAMPLE_RATE},
    audio_device::SinkId,
    ids::LocalStreamId,
};
use serde::Serialize;

use crate::{
    Fault,
    cpu::{mean, quantile, thread_us},
    stream::{TICK, receiver},
};

/// The pump's budget in ms.
const BUDGET_MS: f64 = 5.0;
const SPEAKER: OutputId = OutputId(1);
/// Packets of a second of each stream.
const SECOND: usize = 50;
/// An outage begins every second and lasts so many packets: 200 ms.
const OUTAGE_PACKETS: usize = 10;
/// Frames of a device's callback: 20 ms.
const PERIOD: usize = 2 * BLOCK_FRAMES;

/// A pump that plays so many streams, in ms of CPU for each tick of 10 ms.
#[derive(Serialize)]
pub(crate) struct Row {
    streams: usize,
    /// All streams lose the same 200 ms of each second.
    outages: bool,
    mean_ms: f64,
    p99_ms: f64,
    /// The worst tick of a second, as a rule: the median over the seconds.
    worst_ms: f64,
    worst_of_all_ms: f64,
}

impl Row {
    pub(crate) fn is_within_budget(&self) -> bool {
        self.outages || self.worst_ms <= BUDGET_MS
    }
}

/// Measures and prints.
pub(crate) fn measure(packets: &[RtpPacketIn], speech: &[f32]) -> Result<Vec<Row>, Fault> {
    println!(
        "{:<36} {:>8} {:>8} {:>17} {:>10}",
        "a tick of the pump, ms of 10", "mean", "p99", "worst of a second", "of all"
    );
    let mut rows = Vec::new();
    for outages in [false, true] {
        for streams in [1, 12, 50] {
            let row = Bench::new(streams)?.run(packets, speech, outages)?;
            let name = format!("{streams} streams{}", if outages { ", all lose 200 ms a second" } else { "" });
            println!(
                "{name:<36} {:>8.2} {:>8.2} {:>17.2} {:>10.2}",
                row.mean_ms, row.p99_ms, row.worst_ms, row.worst_of_all_ms
            );
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Stands for what takes a local stream's blocks.
struct Drain;

impl CaptureSink for Drain {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        std::hint::black_box(block.samples());
    }
}

struct Bench {
    core: PumpCore,
    _port: PumpPort,
    networks: Vec<PacketSender>,
    microphone: InputCallback,
    speaker: OutputCallback,
}

impl Bench {
    fn new(streams: usize) -> Result<Self, Fault> {
        let (core, mut port) = PumpCore::new();
        let format = |channels| DeviceFormat {
            rate_hz: SAMPLE_RATE,
            channels,
            period_frames: PERIOD,
        };
        let (speaker, speaker_port) = output_port(format(2));
        let (microphone, mic_port) = input_port(format(1));
        port.send(PumpCommand::AddSpeaker(Box::new(SpeakerOut::new(SPEAKER, speaker_port)?)));
        let (mic, local) = (MicId(1), LocalStreamId(1));
        let microphone_input = MicInput::new(mic, mic_port, false)?.with_voice(Voice::default());
        port.send(PumpCommand::AddMic(Box::new(microphone_input)));
        let stream = LocalStream::new(local, Some(Capture::of_mic(mic, 1)), 1);
        port.send(PumpCommand::AddLocal(Box::new(stream)));
        let sink = SinkEntry::new(SinkId(1), Box::new(Drain));
        port.send(PumpCommand::AddSink(SinkPlace::Local(local), sink));
        let networks = (0..streams).map(|number| play(&mut port, number)).collect::<Result<_, _>>()?;
        Ok(Self {
            core,
            _port: port,
            networks,
            microphone,
            speaker,
        })
    }

    /// Plays all packets. All streams are in step, so all decode in the same ticks, and lose at once: it cannot get worse.
    fn run(mut self, packets: &[RtpPacketIn], speech: &[f32], outages: bool) -> Result<Row, Fault> {
        let epoch = Instant::now();
        let mut said = speech.chunks_exact(PERIOD).cycle();
        let mut heard = vec![0.0f32; 2 * PERIOD];
        let mut ticks = Vec::new();
        for tick in 0..2 * packets.len() {
            let now = epoch + TICK * tick as u32;
            if tick % 2 == 0 {
                self.microphone
                    .take(said.next().ok_or("a clip of speech is shorter than 20 ms")?);
                self.speaker.fill(&mut heard);
                if !outages || tick / 2 % SECOND < SECOND - OUTAGE_PACKETS {
                    self.receive(packets, tick / 2, now);
                }
            }
            let began = thread_us()?;
            self.core.tick(now);
            ticks.push((thread_us()? - began) / 1_000.0);
        }
        // In the first second the streams begin.
        let mut ticks = ticks.split_off(2 * SECOND);
        let worst = |second: &[f64]| second.iter().copied().fold(0.0, f64::max);
        let mut seconds: Vec<f64> = ticks.chunks(2 * SECOND).map(worst).collect();
        Ok(Row {
            streams: self.networks.len(),
            outages,
            mean_ms: mean(&ticks),
            worst_ms: quantile(&mut seconds, 0.5),
            worst_of_all_ms: worst(&ticks),
            p99_ms: quantile(&mut ticks, 0.99),
        })
    }

    fn receive(&mut self, packets: &[RtpPacketIn], n: usize, now: Instant) {
        let header = packets[n].header;
        for (number, network) in self.networks.iter_mut().enumerate() {
            // Everybody says something else.
            let payload = packets[(n + number * 7) % packets.len()].payload.clone();
            network.push(now, RtpPacketIn { header, payload });
        }
    }
}

/// Another stream for the pump, the first ones louder.
fn play(port: &mut PumpPort, number: usize) -> Result<PacketSender, Fault> {
    let (pipeline, network) = receiver()?;
    let id = PlayoutId(number as u64);
    let gain = 1.0 / (1.0 + number as f32);
    port.send(PumpCommand::AddPlayout(Box::new(Playout::new(id, gain))));
    port.send(PumpCommand::SetOutput(Audible::Played(id), SPEAKER));
    port.send(PumpCommand::SetSource(id, PlayedSource(Some(Box::new(pipeline)))));
    Ok(network)
}
