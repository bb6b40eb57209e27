//! What playing costs: CPU time of one stream, and the worst tick of a pump that plays many.
//!
//! The time of the thread counts, not that of the wall; the floor beside each figure is libopus alone, decoding the same frames
//! without any enhancement, in the same run.

use std::time::{Duration, Instant};

use express_audio_io::pump::{PlayedSource, Playout, PlayoutId, PumpCommand, PumpCore, PumpPort};
use express_media::{
    codec::{Decoder, MAX_PACKET_SAMPLES},
    rtp::{PacketSender, ReceiveOptions, ReceivePipeline, RtpPacketIn, SendPlan, receive_pipeline},
};
use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink, PlayoutSource},
    publisher::EncoderOptions,
};
use nix::time::{ClockId, clock_gettime};

use crate::{Fault, call::sender, clips::Clip};

/// Speech that is played, per stream.
const SECONDS: usize = 20;
const TICK: Duration = Duration::from_millis(10);
/// Payload bits a second.
const BITS: u32 = 32_000;
/// An outage begins every second and lasts so many packets: 200 ms.
const OUTAGE_EVERY: usize = 50;
const OUTAGE_PACKETS: usize = 10;

/// Measures and prints.
pub(crate) fn run(clips: &[Clip]) -> Result<(), Fault> {
    let speech: Vec<f32> = clips.iter().flat_map(|clip| clip.samples.iter().copied()).collect();
    let packets = encode(&speech)?;
    let floor = floor_us(&packets)?;
    println!("floor: {floor:.1} us of CPU for each 20 ms, libopus alone");
    println!(
        "{:<28} {:>12} {:>9} {:>8}",
        "one stream", "us per 20 ms", "x floor", "limit us"
    );
    for (name, lost, limit) in [("nothing lost", 0, "200"), ("20 % lost", 20, "-")] {
        let spent = stream_us(&packets, lost)?;
        println!("{name:<28} {spent:>12.1} {:>9.2} {limit:>8}", spent / floor);
    }
    println!(
        "{:<28} {:>12} {:>9} {:>8} {:>10} {:>9}",
        "a pump", "worst tick ms", "x floor", "limit ms", "of all ms", "median ms"
    );
    for (streams, limit) in [(12, 6.0), (50, 10.0)] {
        let ticks = pump_us(&packets, streams)?;
        // What decoding one frame of each stream costs, for all streams here decode in the same tick.
        let floor = floor * streams as f64;
        println!(
            "{:<28} {:>12.2} {:>9.2} {limit:>8.1} {:>10.2} {:>9.2}",
            format!("{streams} streams, 200 ms outages"),
            ticks.worst / 1_000.0,
            ticks.worst / floor,
            ticks.of_all / 1_000.0,
            ticks.median / 1_000.0
        );
    }
    Ok(())
}

/// The packets of [`SECONDS`] of speech.
fn encode(speech: &[f32]) -> Result<Vec<RtpPacketIn>, Fault> {
    let options = EncoderOptions {
        bitrate_kbps: BITS / 1_000,
        ..Default::default()
    };
    let (mut sender, mut packets, _control) = sender(&options, SendPlan::plain(BITS))?;
    let now = Instant::now();
    let mut block = AudioBlock::silent(1);
    let mut sent = Vec::new();
    for samples in speech.chunks_exact(BLOCK_FRAMES).cycle().take(SECONDS * 100) {
        block.samples_mut().copy_from_slice(samples);
        sender.on_block(&block, now);
        sent.extend(std::iter::from_fn(|| packets.try_recv()).map(RtpPacketIn::from));
    }
    Ok(sent)
}

/// Microseconds that libopus needs for one of these packets.
fn floor_us(packets: &[RtpPacketIn]) -> Result<f64, Fault> {
    let mut decoder = Decoder::new(1, 0)?;
    let mut out = vec![0.0; MAX_PACKET_SAMPLES];
    let began = thread_us()?;
    for packet in packets {
        decoder.decode(&packet.payload, &mut out)?;
    }
    Ok((thread_us()? - began) / packets.len() as f64)
}

/// Microseconds that a stream needs for each 20 ms where `lost` percent of its packets are missing.
fn stream_us(packets: &[RtpPacketIn], lost: usize) -> Result<f64, Fault> {
    let (mut pipeline, mut network) = receiver()?;
    let mut out = AudioBlock::silent(1);
    let epoch = Instant::now();
    let mut spent = 0.0;
    for tick in 0..2 * packets.len() {
        let now = epoch + TICK * tick as u32;
        if tick % 2 == 0 && tick * 37 % 100 >= lost {
            network.push(now, packets[tick / 2].clone());
        }
        let began = thread_us()?;
        pipeline.next_block(&mut out, now);
        spent += thread_us()? - began;
    }
    Ok(spent / packets.len() as f64)
}

/// Ticks of a pump in µs.
struct Ticks {
    /// The worst of an outage: the median over all outages, since one tick of a busy machine says nothing.
    worst: f64,
    /// The worst of all outages.
    of_all: f64,
    median: f64,
}

/// The ticks of a pump that plays `streams` streams through one outage after the other.
///
/// All streams are in step, and all of them are lost at once: it cannot get worse.
fn pump_us(packets: &[RtpPacketIn], streams: usize) -> Result<Ticks, Fault> {
    let (mut core, mut port) = PumpCore::new();
    let mut networks = Vec::new();
    for number in 0..streams {
        networks.push(play(&mut port, number)?);
    }
    let epoch = Instant::now();
    let mut ticks = Vec::new();
    for tick in 0..2 * packets.len() {
        let now = epoch + TICK * tick as u32;
        if tick % 2 == 0 && tick / 2 % OUTAGE_EVERY < OUTAGE_EVERY - OUTAGE_PACKETS {
            for (number, network) in networks.iter_mut().enumerate() {
                // Everybody says something else.
                let packet = &packets[(tick / 2 + number * 7) % packets.len()];
                let header = packets[tick / 2].header;
                network.push(
                    now,
                    RtpPacketIn {
                        header,
                        payload: packet.payload.clone(),
                    },
                );
            }
        }
        let began = thread_us()?;
        core.tick(now);
        ticks.push(thread_us()? - began);
    }
    let mut worst: Vec<f64> = ticks
        .chunks(2 * OUTAGE_EVERY)
        // In the first second the streams begin.
        .skip(1)
        .map(|second| second.iter().copied().fold(0.0, f64::max))
        .collect();
    Ok(Ticks {
        of_all: worst.iter().copied().fold(0.0, f64::max),
        worst: median(&mut worst),
        median: median(&mut ticks),
    })
}

/// Another stream for the pump, the first ones louder.
fn play(port: &mut PumpPort, number: usize) -> Result<PacketSender, Fault> {
    let (pipeline, network) = receiver()?;
    let id = PlayoutId(number as u64);
    let gain = 1.0 / (1.0 + number as f32);
    port.send(PumpCommand::AddPlayout(Box::new(Playout::new(id, gain))));
    port.send(PumpCommand::SetSource(id, PlayedSource(Some(Box::new(pipeline)))));
    Ok(network)
}

/// A receiving pipeline and the network's way into it.
fn receiver() -> Result<(ReceivePipeline, PacketSender), Fault> {
    let (pipeline, network, _) = receive_pipeline(ReceiveOptions::default())?;
    Ok((pipeline, network))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// CPU time of this thread so far in µs.
fn thread_us() -> Result<f64, Fault> {
    Ok(Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?).as_secs_f64() * 1e6)
}
