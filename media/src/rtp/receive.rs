//! The receiving pipeline: RTP packets in, blocks to play out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use express_messages::audio::{AudioBlock, Effort, PlayoutSource};
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::Notify;

use super::{
    RtpPacketIn,
    shared::{PeakMeter, Published},
};
use crate::{
    codec::CodecError,
    playout::{Playout, PlayoutOptions, PlayoutStats, STORE_PACKETS},
};

/// Packets that wait for the pump, which takes all of them every 10 ms: 5 s of sound, a pump that stands still.
const RING_PACKETS: usize = 256;

/// How a stream is received.
pub type ReceiveOptions = PlayoutOptions;

/// Makes the receiving pipeline of one playback: the source for the pump, the way in for the network task, and the statistics.
///
/// # Errors
/// - [`CodecError::Create`] — no decoder (give up)
pub fn receive_pipeline(options: ReceiveOptions) -> Result<(ReceivePipeline, PacketSender, ReceiveStats), CodecError> {
    let playout = Playout::new(options)?;
    let (packets_in, packets_out) = RingBuffer::new(RING_PACKETS);
    // Everything that can be under way at once has room on the way back.
    let (spent_in, spent_out) = RingBuffer::new(RING_PACKETS + STORE_PACKETS);
    let shared = Arc::new(Shared {
        paused: AtomicBool::new(false),
        overruns: AtomicU64::new(0),
        counters: Published::new(),
        peak: PeakMeter::default(),
        wanted: AtomicBool::new(false),
        decoded: Notify::new(),
    });
    let pipeline = ReceivePipeline {
        playout,
        packets: packets_out,
        spent: spent_in,
        shared: shared.clone(),
    };
    let sender = PacketSender {
        packets: packets_in,
        spent: spent_out,
        shared: shared.clone(),
    };
    Ok((pipeline, sender, ReceiveStats(shared)))
}

#[derive(Debug)]
struct Shared {
    paused: AtomicBool,
    overruns: AtomicU64,
    counters: Published<{ PlayoutStats::FIELDS }>,
    peak: PeakMeter,
    /// Somebody waits for a decoded packet.
    wanted: AtomicBool,
    decoded: Notify,
}

/// Drains the ring into the playout engine at each ask. Lives on the pump's thread.
#[derive(Debug)]
pub struct ReceivePipeline {
    playout: Playout,
    packets: Consumer<(Instant, RtpPacketIn)>,
    /// Payloads go home to be dropped.
    spent: Producer<Bytes>,
    shared: Arc<Shared>,
}

impl PlayoutSource for ReceivePipeline {
    fn next_block(&mut self, out: &mut AudioBlock, now: Instant) {
        while let Ok((arrival, packet)) = self.packets.pop() {
            self.playout.insert(packet, arrival);
        }
        self.playout.set_paused(self.shared.paused.load(Ordering::Relaxed));
        let played_before = self.playout.stats().packets_played;
        self.playout.next_10ms(now, out);
        for payload in self.playout.drain_spent() {
            // No room cannot happen while sizes are as in `receive_pipeline`; then the payload is dropped here.
            let _ = self.spent.push(payload);
        }
        let stats = self.playout.stats();
        self.shared.counters.store(&stats.to_array());
        self.shared.peak.note(out.peak());
        if stats.packets_played > played_before && self.shared.wanted.swap(false, Ordering::Relaxed) {
            self.shared.decoded.notify_waiters();
        }
    }

    fn set_effort(&mut self, effort: Effort) {
        self.playout.set_effort(effort);
    }
}

/// The way into a receiving pipeline, for the task that reads the transport.
#[derive(Debug)]
pub struct PacketSender {
    packets: Producer<(Instant, RtpPacketIn)>,
    spent: Consumer<Bytes>,
    shared: Arc<Shared>,
}

impl PacketSender {
    /// Hands a packet to the pump; `arrival` is when the transport got it. Never waits.
    ///
    /// `false`: the pump has not asked for 5 s (or is gone) and the ring is full; the packet is dropped and counted. (The
    /// oldest should go, but only the pump can take from its end of the ring; it does so itself when it is back.)
    pub fn push(&mut self, arrival: Instant, packet: RtpPacketIn) -> bool {
        while self.spent.pop().is_ok() {}
        // The first clone of a payload may allocate what its clones share: here, not on the pump, which cuts copies out of it.
        drop(packet.payload.clone());
        let pushed = self.packets.push((arrival, packet)).is_ok();
        if !pushed {
            self.shared.overruns.fetch_add(1, Ordering::Relaxed);
        }
        pushed
    }

    /// Whether the pump's end is gone for good.
    pub fn is_closed(&self) -> bool {
        self.packets.is_abandoned()
    }

    /// Says that the server has paused the stream on request: missing packets are silence then, neither loss nor a break.
    pub fn set_paused(&self, paused: bool) {
        self.shared.paused.store(paused, Ordering::Relaxed);
    }
}

/// What a receiving pipeline has done since its start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ReceiveSnapshot {
    /// Counters of the playout engine.
    pub playout: PlayoutStats,
    /// Packets dropped before they reached it, because the pump stood still.
    pub ring_overruns: u64,
}

/// Reads what a receiving pipeline does, from any thread.
#[derive(Debug, Clone)]
pub struct ReceiveStats(Arc<Shared>);

impl ReceiveStats {
    /// All counters, of one and the same moment.
    pub fn snapshot(&self) -> ReceiveSnapshot {
        ReceiveSnapshot {
            playout: PlayoutStats::from_array(self.0.counters.load()),
            ring_overruns: self.0.overruns.load(Ordering::Relaxed),
        }
    }

    /// Largest absolute sample given out since the last call, 0.0 for silence.
    pub fn take_peak_level(&self) -> f32 {
        self.0.peak.take()
    }

    /// Completes when a packet has been decoded and is being played, counted from this call: PLAYING begins.
    ///
    /// # Cancellation
    /// Dropping the future changes nothing.
    pub async fn next_decoded(&self) {
        let notified = self.0.decoded.notified();
        tokio::pin!(notified);
        // Registered before it is asked for, so that the answer cannot come too early.
        notified.as_mut().enable();
        self.0.wanted.store(true, Ordering::Relaxed);
        notified.await;
    }
}
