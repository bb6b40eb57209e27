//! The sending pipeline: captured blocks in, RTP packets out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES, CaptureSink, MAX_CHANNELS, SAMPLE_RATE},
    publisher::{EncoderOptions, FrameLength},
};
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::Notify;

use super::{
    RED_PAYLOAD_TYPE, RtpHeader, RtpPacketOut, audio_level_dbov,
    pace::Pace,
    packetise::{Packetiser, RtpStart},
    plan::{MAX_FRAMES, SendPlan, SharedPlan},
    redundancy::Redundancy,
    shared::{PeakMeter, Published},
};
use crate::codec::{CodecError, Encoder, strip_extensions};

/// Packets that wait for the network task: 1.3 s of sound, or half of it in frames of 10 ms. A task that is away for longer has lost the call anyway.
const RING_PACKETS: usize = 64;
/// The largest payload: that of one Opus frame (RFC 6716 §3.2.1), which copies do not exceed either, so that no packet is
/// fragmented.
const MAX_PAYLOAD: usize = 1_275;

/// Makes the sending pipeline of one publication: the sink for the pump, the packets for the network task, and the handles.
///
/// It starts inactive: [`SendControl::set_active`] when a transport is connected.
///
/// # Errors
/// - [`CodecError::Create`] — no encoder for these options (give up)
pub fn send_pipeline(
    options: &EncoderOptions,
    rtp: RtpStart,
) -> Result<(SendPipeline, PacketReceiver, SendControl, SendStats), CodecError> {
    let encoder = Encoder::new(options)?;
    let plan = SendPlan::plain(options.bitrate_kbps.saturating_mul(1_000));
    let (producer, consumer) = RingBuffer::new(RING_PACKETS);
    let shared = Arc::new(Shared {
        ready: Notify::new(),
        active: AtomicBool::new(false),
        plan: SharedPlan::new(plan),
        counters: Published::new(),
        peak: PeakMeter::default(),
    });
    let pipeline = SendPipeline {
        plan,
        pace: Pace::default(),
        redundancy: Redundancy::new(rtp.payload_type),
        frame: vec![0.0; MAX_FRAMES * FrameLength::Ms20.samples() * encoder.channels()],
        filled: 0,
        block: AudioBlock::silent(encoder.channels()),
        encoder,
        rtp: Packetiser::new(rtp),
        active: false,
        counters: SendSnapshot::default(),
        ring: Some(producer),
        shared: shared.clone(),
    };
    let receiver = PacketReceiver {
        ring: consumer,
        shared: shared.clone(),
    };
    Ok((pipeline, receiver, SendControl(shared.clone()), SendStats(shared)))
}

#[derive(Debug)]
struct Shared {
    ready: Notify,
    active: AtomicBool,
    plan: SharedPlan,
    counters: Published<{ SendSnapshot::FIELDS }>,
    peak: PeakMeter,
}

/// A packet as it lies in its ring slot.
struct Slot {
    header: RtpHeader,
    audio_level_dbov: u8,
    length: usize,
    payload: [u8; MAX_PAYLOAD],
}

/// One block of 10 ms, or two of them, become one Opus frame and one RTP packet; up to twelve where the plan says so. Lives on the
/// pump's thread.
pub struct SendPipeline {
    encoder: Encoder,
    /// What the encoder is set to.
    plan: SendPlan,
    pace: Pace,
    redundancy: Redundancy,
    rtp: Packetiser,
    /// The frame that is being filled, and how many of its values are.
    frame: Vec<f32>,
    filled: usize,
    /// A block in the encoder's channel count.
    block: AudioBlock,
    active: bool,
    counters: SendSnapshot,
    /// `None` only while dropping.
    ring: Option<Producer<Slot>>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for SendPipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendPipeline")
            .field("active", &self.active)
            .field("rtp", &self.rtp)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl CaptureSink for SendPipeline {
    fn on_block(&mut self, block: &AudioBlock, _now: Instant) {
        let active = self.shared.active.load(Ordering::Relaxed);
        if active != self.active {
            self.switch(active);
        }
        if active {
            self.take(block);
        } else {
            self.rtp.skip(BLOCK_FRAMES);
        }
        self.shared.counters.store(&self.counters.to_array());
    }
}

impl SendPipeline {
    fn switch(&mut self, active: bool) {
        self.active = active;
        if active {
            // What was heard before the pause has nothing to do with what comes; a refused reset costs a rough first frame.
            self.counters.encoder_errors += u64::from(self.encoder.reset().is_err());
        }
        // Half a frame that was waiting is lost with the pause; its time is not.
        self.rtp.skip(self.filled / self.encoder.channels());
        self.rtp.start_spurt();
        self.redundancy.clear();
        self.filled = 0;
    }

    fn take(&mut self, block: &AudioBlock) {
        self.block.copy_from(block);
        self.shared.peak.note(self.block.peak());
        if self.filled == 0 {
            self.apply_plan();
            if self.plan.held {
                self.rtp.skip(BLOCK_FRAMES);
                return;
            }
        }
        let end = self.filled + self.block.samples().len();
        for (to, &from) in self.frame[self.filled..end].iter_mut().zip(self.block.samples()) {
            // One NaN would poison the encoder for good.
            *to = if from.is_finite() { from } else { 0.0 };
        }
        self.filled = end;
        if self.filled == self.samples() * self.encoder.channels() {
            self.filled = 0;
            self.encode();
        }
    }

    /// The sound of one packet lasts so long.
    fn seconds(&self) -> f64 {
        self.samples() as f64 / f64::from(SAMPLE_RATE)
    }

    /// Samples per channel in one packet.
    fn samples(&self) -> usize {
        match usize::from(self.plan.frames) {
            0 | 1 => self.encoder.frame().samples(),
            units => units * FrameLength::Ms20.samples(),
        }
    }

    /// The sound of one packet.
    fn sound(&self) -> &[f32] {
        &self.frame[..self.samples() * self.encoder.channels()]
    }

    fn apply_plan(&mut self) {
        let plan = self.shared.plan.load();
        if plan != self.plan {
            self.plan = plan;
            self.counters.encoder_errors += u64::from(self.encoder.apply(&plan).is_err());
        }
        let bits = self.pace.frame_bits_per_second(&plan, 1.0 / self.seconds());
        self.counters.encoder_errors += u64::from(self.encoder.set_bits_per_second(bits).is_err());
    }

    fn encode(&mut self) {
        let mut frame = [0; MAX_PAYLOAD];
        let samples = self.samples();
        self.counters.frames += 1;
        let sound = &self.frame[..samples * self.encoder.channels()];
        let Ok(length) = self.encoder.encode(sound, &mut frame) else {
            self.counters.encoder_errors += 1;
            self.rtp.skip(samples);
            return;
        };
        let Some(header) = self.rtp.next(samples, length) else {
            self.counters.dtx_frames += 1;
            self.pace.note(0, self.seconds(), &self.plan);
            self.redundancy.clear();
            return;
        };
        let slot = self.packet(header, &mut frame[..length]);
        let sent = slot.length;
        self.pace.note(sent, self.seconds(), &self.plan);
        let pushed = self.ring.as_mut().is_some_and(|ring| ring.push(slot).is_ok());
        if pushed {
            self.counters.packets += 1;
            self.counters.payload_bytes += sent as u64;
            self.shared.ready.notify_one();
        } else {
            self.counters.overruns += 1;
        }
    }

    /// The packet of a frame, with the copies that the plan asks for.
    fn packet(&mut self, header: RtpHeader, frame: &mut [u8]) -> Slot {
        let mut slot = Slot {
            header,
            audio_level_dbov: audio_level_dbov(self.sound()),
            length: frame.len(),
            payload: [0; MAX_PAYLOAD],
        };
        let (timestamp, copies) = (header.timestamp, self.plan.copies);
        // Packets in a step of the copies' distances.
        let step = (FrameLength::Ms20.samples() / self.samples()).max(1);
        match self.redundancy.write(&mut slot.payload, timestamp, frame, (copies, step)) {
            Some(length) => {
                slot.header.payload_type = RED_PAYLOAD_TYPE;
                slot.length = length;
            }
            None => slot.payload[..frame.len()].copy_from_slice(frame),
        }
        let bare = if self.plan.dred_frames > 0 {
            strip_extensions(frame).unwrap_or(frame.len())
        } else {
            frame.len()
        };
        self.redundancy.note(timestamp, &frame[..bare]);
        slot
    }
}

impl Drop for SendPipeline {
    fn drop(&mut self) {
        // The ring first: whoever wakes up must find it abandoned.
        self.ring = None;
        self.shared.ready.notify_one();
    }
}

/// The packets of one publication, for the task that writes them to the transport.
pub struct PacketReceiver {
    ring: Consumer<Slot>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for PacketReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PacketReceiver").field("waiting", &self.ring.slots()).finish()
    }
}

impl PacketReceiver {
    /// The next packet; `None` when the pipeline is gone and all of its packets were taken.
    ///
    /// # Cancellation
    /// Dropping the future loses no packet.
    pub async fn recv(&mut self) -> Option<RtpPacketOut> {
        loop {
            // Asked before the ring is looked at: what is pushed before the end is never missed.
            let ended = self.ring.is_abandoned();
            if let Some(packet) = self.try_recv() {
                return Some(packet);
            }
            if ended {
                return None;
            }
            self.shared.ready.notified().await;
        }
    }

    /// A packet that waits already.
    pub fn try_recv(&mut self) -> Option<RtpPacketOut> {
        let chunk = self.ring.read_chunk(1).ok()?;
        let slot = chunk.as_slices().0.first()?;
        let packet = RtpPacketOut {
            header: slot.header,
            payload: Bytes::copy_from_slice(slot.payload.get(..slot.length)?),
            audio_level_dbov: slot.audio_level_dbov,
        };
        chunk.commit_all();
        Some(packet)
    }
}

/// Steers a sending pipeline from any thread; takes effect with the next frame.
#[derive(Debug, Clone)]
pub struct SendControl(Arc<Shared>);

impl SendControl {
    /// Whether frames are encoded and packets made. While not, media time goes on.
    pub fn set_active(&self, active: bool) {
        self.0.active.store(active, Ordering::Relaxed);
    }

    /// How frames are encoded and protected from now on.
    pub fn set_plan(&self, plan: SendPlan) {
        self.0.plan.store(plan);
    }
}

/// What a sending pipeline has done since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SendSnapshot {
    /// Packets given to the network task.
    pub packets: u64,
    /// Their payload in bytes, without headers.
    pub payload_bytes: u64,
    /// Packets' sound that was encoded, sent or not: a frame each, or as many as the plan puts in one packet.
    pub frames: u64,
    /// Those of them that DTX left out.
    pub dtx_frames: u64,
    /// Packets thrown away because the network task did not take them in time.
    pub overruns: u64,
    /// Calls that the encoder refused.
    pub encoder_errors: u64,
}

impl SendSnapshot {
    const FIELDS: usize = 6;

    fn to_array(self) -> [u64; Self::FIELDS] {
        [
            self.packets,
            self.payload_bytes,
            self.frames,
            self.dtx_frames,
            self.overruns,
            self.encoder_errors,
        ]
    }

    fn from_array(values: [u64; Self::FIELDS]) -> Self {
        let [packets, payload_bytes, frames, dtx_frames, overruns, encoder_errors] = values;
        Self {
            packets,
            payload_bytes,
            frames,
            dtx_frames,
            overruns,
            encoder_errors,
        }
    }
}

/// Reads what a sending pipeline does, from any thread.
#[derive(Debug, Clone)]
pub struct SendStats(Arc<Shared>);

impl SendStats {
    /// All counters, of one and the same moment.
    pub fn snapshot(&self) -> SendSnapshot {
        SendSnapshot::from_array(self.0.counters.load())
    }

    /// Largest absolute sample that went into the encoder since the last call, 0.0 for silence.
    pub fn take_peak_level(&self) -> f32 {
        self.0.peak.take()
    }
}

const _: () = assert!(FrameLength::Ms10.samples() == BLOCK_FRAMES && MAX_CHANNELS == 2);
