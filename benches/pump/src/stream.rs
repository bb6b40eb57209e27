//! What one played stream costs. The floor beside it is libopus alone, decoding the same frames without any enhancement, in the
//! same run.

use std::time::{Duration, Instant};

use express_media::{
    codec::{Decoder, MAX_PACKET_SAMPLES},
    rtp::{PacketSender, ReceiveOptions, ReceivePipeline, RtpPacketIn, receive_pipeline},
};
use express_messages::audio::{AudioBlock, PlayoutSource};
use serde::Serialize;

use crate::{Fault, cpu::thread_us};

pub(crate) const TICK: Duration = Duration::from_millis(10);

/// A played stream, of whose packets so many are lost.
#[derive(Serialize)]
pub(crate) struct Row {
    lost_percent: usize,
    us_per_20_ms: f64,
}

/// Measures and prints.
pub(crate) fn measure(packets: &[RtpPacketIn], floor: f64) -> Result<Vec<Row>, Fault> {
    println!("floor: {floor:.1} us of CPU for each 20 ms, libopus alone");
    println!("{:<28} {:>12} {:>9}", "one stream", "us per 20 ms", "x floor");
    let mut rows = Vec::new();
    for lost in [0, 20] {
        let spent = stream_us(packets, lost)?;
        println!("{:<28} {spent:>12.1} {:>9.2}", format!("{lost} % lost"), spent / floor);
        rows.push(Row {
            lost_percent: lost,
            us_per_20_ms: spent,
        });
    }
    Ok(rows)
}

/// Microseconds that libopus needs for one of these packets.
pub(crate) fn floor_us(packets: &[RtpPacketIn]) -> Result<f64, Fault> {
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

/// A receiving pipeline and the network's way into it.
pub(crate) fn receiver() -> Result<(ReceivePipeline, PacketSender), Fault> {
    let (pipeline, network, _) = receive_pipeline(ReceiveOptions::default())?;
    Ok((pipeline, network))
}
