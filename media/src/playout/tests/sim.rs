//! A sender, a network and a listener in virtual time.

use std::time::{Duration, Instant};

use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink},
    publisher::EncoderOptions,
};

use crate::{
    playout::{Playout, PlayoutOptions, PlayoutStats},
    rtp::{RtpPacketIn, RtpStart, SendPlan, send_pipeline},
};

pub(super) const PAYLOAD_TYPE: u8 = 111;

/// The clock of a test starts an hour ahead, so that a stray read of the real one shows.
pub(super) fn epoch() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

pub(super) fn options() -> PlayoutOptions {
    PlayoutOptions::default()
}

pub(super) fn rtp_start(ssrc: u32) -> RtpStart {
    RtpStart {
        ssrc,
        payload_type: PAYLOAD_TYPE,
        sequence: 65_530,
        timestamp: u32::MAX - 4_800,
    }
}

/// A packet and when it was sent, in µs.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) at_us: i64,
    pub(super) packet: RtpPacketIn,
}

/// Sends `signal` (interleaved) through the real sending pipeline; each packet leaves with the end of its frame.
pub(super) fn send(signal: &[f32], encoder: &EncoderOptions, start: RtpStart, loss_percent: u8) -> Vec<Sent> {
    let plan = SendPlan {
        fec_against: loss_percent,
        ..SendPlan::plain(encoder.bitrate_kbps * 1_000)
    };
    send_planned(signal, encoder, start, plan)
}

/// As [`send`], by `plan`.
pub(super) fn send_planned(signal: &[f32], encoder: &EncoderOptions, start: RtpStart, plan: SendPlan) -> Vec<Sent> {
    let (mut pipeline, mut packets, control, _) = send_pipeline(encoder, start).unwrap();
    control.set_active(true);
    control.set_plan(plan);
    let now = epoch();
    let mut sent = Vec::new();
    let mut block = AudioBlock::silent(encoder.channels);
    for (n, samples) in signal.chunks_exact(BLOCK_FRAMES * encoder.channels).enumerate() {
        block.samples_mut().copy_from_slice(samples);
        pipeline.on_block(&block, now);
        while let Some(packet) = packets.try_recv() {
            sent.push(Sent {
                at_us: (n as i64 + 1) * 10_000,
                packet: packet.into(),
            });
        }
    }
    sent
}

/// `seconds` of a tone at `hz`, `channels` times the same.
pub(super) fn tone(hz: f32, gain: f32, seconds: f32, channels: usize) -> Vec<f32> {
    let frames = (seconds * 48_000.0) as usize;
    (0..frames)
        .flat_map(|n| {
            let sample = gain * (n as f32 * std::f32::consts::TAU * hz / 48_000.0).sin();
            std::iter::repeat_n(sample, channels)
        })
        .collect()
}

/// A clip of the folder `tests/speech`, mono.
pub(super) fn speech(name: &str) -> Vec<f32> {
    let path = format!("{}/../tests/speech/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let samples = bytes[44..].chunks_exact(2);
    samples
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0)
        .collect()
}

/// Delivers `sent` after `delay_us(index)`; `None` is lost. In the order of arrival.
pub(super) fn deliver(sent: &[Sent], mut delay_us: impl FnMut(usize) -> Option<i64>) -> Vec<(i64, RtpPacketIn)> {
    let mut arrivals: Vec<_> = sent
        .iter()
        .enumerate()
        .filter_map(|(n, sent)| Some((sent.at_us + delay_us(n)?, sent.packet.clone())))
        .collect();
    arrivals.sort_by_key(|(at, _)| *at);
    arrivals
}

/// A regular listener: one block every 10 ms for `seconds`, a little after the packets.
pub(super) fn every_10ms(seconds: f64) -> Vec<i64> {
    (0..(seconds * 100.0) as i64).map(|n| n * 10_000 + 3_000).collect()
}

/// What a listener heard.
pub(super) struct Heard {
    pub(super) samples: Vec<f32>,
    pub(super) channels: usize,
    pub(super) stats: PlayoutStats,
    /// Mean wait in the jitter buffer over successive seconds, in ms.
    pub(super) delays_ms: Vec<f64>,
    /// What was concealed in successive seconds, in ms.
    pub(super) concealed_ms: Vec<u64>,
}

impl Heard {
    pub(super) fn mean_delay_ms(&self) -> f64 {
        self.stats.jitter_buffer_delay_sample_us as f64 / self.stats.jitter_buffer_emitted_count.max(1) as f64 / 1_000.0
    }

    /// Without the beginning, in which playout waits.
    pub(super) fn after(&self, seconds: f64) -> &[f32] {
        &self.samples[(seconds * 48_000.0) as usize * self.channels..]
    }
}

/// Plays `arrivals` to a listener that asks at `asks` (µs).
pub(super) fn listen(options: PlayoutOptions, arrivals: &[(i64, RtpPacketIn)], asks: &[i64]) -> Heard {
    let mut playout = Playout::new(options).unwrap();
    let heard = listen_with(&mut playout, arrivals, asks, |_, _| {});
    assert_books_balance(&playout.stats());
    heard
}

/// As [`listen`], with something to do before each ask.
pub(super) fn listen_with(
    playout: &mut Playout,
    arrivals: &[(i64, RtpPacketIn)],
    asks: &[i64],
    mut before: impl FnMut(&mut Playout, i64),
) -> Heard {
    let zero = epoch();
    let at = |us: i64| zero + Duration::from_micros(us as u64);
    let mut out = AudioBlock::silent(2);
    let (mut samples, mut next) = (Vec::new(), 0);
    let (mut delays_ms, mut concealed_ms) = (Vec::new(), Vec::new());
    let mut last = playout.stats();
    for (n, &ask) in asks.iter().enumerate() {
        while let Some((arrival, packet)) = arrivals.get(next).filter(|(arrival, _)| *arrival <= ask) {
            playout.insert(packet.clone(), at(*arrival));
            next += 1;
        }
        before(playout, ask);
        playout.next_10ms(at(ask), &mut out);
        playout.drain_spent();
        assert_eq!(out.samples().len(), BLOCK_FRAMES * out.channels());
        samples.extend_from_slice(out.samples());
        if n % 100 == 99 {
            let stats = playout.stats();
            let emitted = stats.jitter_buffer_emitted_count - last.jitter_buffer_emitted_count;
            let waited = stats.jitter_buffer_delay_sample_us - last.jitter_buffer_delay_sample_us;
            delays_ms.push(waited as f64 / emitted.max(1) as f64 / 1_000.0);
            concealed_ms.push((stats.concealed_samples - last.concealed_samples) / 48);
            last = stats;
        }
    }
    Heard {
        samples,
        channels: out.channels(),
        stats: playout.stats(),
        delays_ms,
        concealed_ms,
    }
}

/// The law of the counters.
pub(super) fn assert_books_balance(stats: &PlayoutStats) {
    assert_eq!(
        stats.packets_received,
        stats.packets_played + stats.packets_late + stats.packets_discarded + stats.packets_duplicated + stats.packets_buffered,
        "{stats:#?}"
    );
    assert!(stats.silent_concealed_samples <= stats.concealed_samples);
    assert!(stats.concealed_samples <= stats.total_samples_received + 960, "{stats:#?}");
}
