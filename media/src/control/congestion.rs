//! How many bit/s a link takes, by the queue that grows before it: the round trip against its shortest lately.
//!
//! Losses alone are no congestion (copies are right then). Where the round trip grows, what is sent falls at once below what went through and
//! stays lower until the queue is gone; it comes back in small steps, the smallest near where the queue grew last.
//!
//! # Source
//! Delay as the sign of congestion: RFC 6817 (LEDBAT), RFC 8298 (SCReAM); decrease below what was received, growth that slows down near the
//! last limit: draft-ietf-rmcat-gcc §5.5.

use std::time::{Duration, Instant};

/// What a packet costs beside its payload, in bits: IPv4 20, UDP 8, RTP 12, audio level 8, SRTP 16 bytes.
const OVERHEAD_BITS: u32 = 64 * 8;
/// Frames of 20 ms in a second.
const FRAMES_PER_SECOND: u32 = 50;
/// Frames in one packet, and the least bit/s of payload for which that is chosen: with less, longer packets leave more for the sound.
const PACKETS: [(u8, u32); 4] = [(1, 16_000), (2, 12_000), (3, 9_000), (LONGEST, LEAST_PAYLOAD)];
const LONGEST: u8 = 6;
/// Speech goes on with so many bit/s of payload whatever the link does ...
const LEAST_PAYLOAD: u32 = 8_000;
/// ... and with so many while a queue has to go.
const DRAINING_PAYLOAD: u32 = 6_000;

/// What is measured waits behind a packet of ours that is on its way out, on a full link for as long as its sound lasts.
const FRAME: Duration = Duration::from_millis(20);
/// A queue longer than this and a packet for two reports stands.
const STANDING: Duration = Duration::from_millis(50);
/// One report of such a queue is enough. Stalls of mobile networks are shorter.
const SUDDEN: Duration = Duration::from_millis(220);
/// A queue shorter than this and a packet is none.
const CALM: Duration = Duration::from_millis(30);
/// Of what went through, so much is sent next.
const BELOW: f64 = 0.85;
/// A queue of this length halves what is sent until it is gone.
const HALVES: Duration = Duration::from_millis(600);
/// After a decrease the round trips of what was sent before are still to come: so long, and twice the queue.
const SETTLES: Duration = Duration::from_millis(900);
const MOST_WAITS: Duration = Duration::from_millis(500);
/// A queue that falls by so much of a second in a second says how fast the link serves it.
const FALLS: f64 = 0.2;
/// Growth begins after so long without a queue.
const CALM_FOR: Duration = Duration::from_millis(900);
/// From the least to all in so long ...
const GROWS_IN: Duration = Duration::from_secs(10);
/// ... but from [`BELOW`] to [`PASSED`] times the last limit by so many bit/s in a second.
const PROBE_BITS: f64 = 2_000.0;
const PASSED: f64 = 1.25;
/// At the least for so long without loss, and the queue still stands: others fill it.
const NOT_OURS: Duration = Duration::from_secs(4);
/// Above this loss a full queue may be ours.
const OVERFLOWS: f64 = 0.02;
/// A report of loss speaks of so long.
const LOSS_COUNTS_FOR: Duration = Duration::from_millis(1_200);
/// The shortest round trip is that of the last one or two spans.
const BASE_SPAN: Duration = Duration::from_secs(15);

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// Bit/s of RTP payload.
    pub(super) payload: u32,
    /// Frames of 20 ms in one packet: more than 1 where the link has no room for the headers of all.
    pub(super) frames: u8,
}

impl Budget {
    fn of(wire: f64, least: u32, asked: u32) -> Self {
        // `wire` is between the least and what was asked for, so the cast is exact enough.
        let left = |frames: u8| (wire as u32).saturating_sub(headers(frames));
        let fits = |(frames, enough): &(u8, u32)| left(*frames) >= *enough;
        // A publisher that asked for little gets it in short packets.
        let frames = if left(1) >= asked {
            1
        } else {
            PACKETS
                .iter()
                .find(|packet| fits(packet))
                .map_or(LONGEST, |(frames, _)| *frames)
        };
        Self {
            payload: left(frames).max(least).min(asked),
            frames,
        }
    }

    /// With the headers, in bit/s.
    fn on_wire(self) -> u32 {
        self.payload + headers(self.frames)
    }
}

/// What the headers of packets with so many frames cost, in bit/s.
fn headers(frames: u8) -> u32 {
    FRAMES_PER_SECOND * OVERHEAD_BITS / u32::from(frames.max(1))
}

/// Follows the queue of one link.
#[derive(Debug, Clone)]
pub(super) struct Congestion {
    asked: u32,
    /// What the link takes, as far as is known, in bit/s with headers; never more than was asked for.
    takes: f64,
    /// What is sent, the same way, and frames in one packet of it.
    sent: f64,
    frames: u8,
    base: Baseline,
    last: Option<Sample>,
    loss: Option<(f64, Instant)>,
    /// What went through when a queue grew last.
    limit: Option<f64>,
    /// No decrease before then; `None` once the queue is gone.
    settled: Option<Instant>,
    /// A queue came suddenly, so that it is longer than what is measured yet: the least is sent.
    emptying: bool,
    calm_since: Option<Instant>,
    least_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    queue: Duration,
    at: Instant,
}

impl Congestion {
    /// A link that takes what is asked for, in bit/s of payload, until it shows otherwise.
    pub(super) fn new(asked: u32) -> Self {
        let all = f64::from(asked + headers(1));
        Self {
            asked,
            takes: all,
            sent: all,
            frames: 1,
            base: Baseline::default(),
            last: None,
            loss: None,
            limit: None,
            settled: None,
            emptying: false,
            calm_since: None,
            least_since: None,
        }
    }

    /// What the receiver missed lately, 0..=1.
    pub(super) fn on_loss(&mut self, loss: f64, now: Instant) {
        self.loss = Some((loss.clamp(0.0, 1.0), now));
    }

    /// What is sent from now on.
    pub(super) fn on_sending(&mut self, sent: Budget) {
        self.sent = f64::from(sent.on_wire());
        self.frames = sent.frames;
    }

    /// A round trip was measured.
    pub(super) fn on_round_trip(&mut self, round_trip: Duration, now: Instant) {
        let queue = round_trip.saturating_sub(self.base.note(round_trip, now));
        let before = self.last.replace(Sample { queue, at: now });
        let standing = STANDING + self.packet();
        let stands = before.is_some_and(|before| before.queue >= standing && queue >= standing);
        if queue < SUDDEN || self.settled.is_some_and(|settled| now >= settled) {
            self.emptying = false;
        }
        if queue >= SUDDEN || stands {
            self.calm_since = None;
            self.decrease(queue, before, now);
            self.doubt(round_trip, now);
        } else if queue >= CALM + self.packet() {
            self.calm_since = None;
        } else {
            self.settled = None;
            self.least_since = None;
            self.grow(before, now);
        }
    }

    /// What may be sent now: less than the link takes while a queue has to go.
    pub(super) fn budget(&self) -> Budget {
        if self.emptying {
            return Budget {
                payload: DRAINING_PAYLOAD.min(self.asked),
                frames: LONGEST,
            };
        }
        let queue = self.last.map_or(Duration::ZERO, |last| last.queue);
        let halves = if self.settled.is_some() {
            queue.as_secs_f64() / HALVES.as_secs_f64()
        } else {
            0.0
        };
        let least = if queue >= SUDDEN { DRAINING_PAYLOAD } else { LEAST_PAYLOAD };
        Budget::of(self.takes / (1.0 + halves), least.min(self.asked), self.asked)
    }

    /// How long the sound of one packet lasts.
    fn packet(&self) -> Duration {
        FRAME * u32::from(self.frames)
    }

    fn decrease(&mut self, queue: Duration, before: Option<Sample>, now: Instant) {
        if let Some(settled) = self.settled {
            let falls = before.map_or(0.0, |before| fall(queue, before, now));
            if falls >= FALLS && queue >= SUDDEN {
                let through = self.sent / (1.0 - falls.min(0.9));
                self.takes = self.takes.min(BELOW * through).max(f64::from(self.least()));
                self.limit = Some(self.takes / BELOW);
            }
            if now < settled || falls > 0.0 {
                return;
            }
        }
        let through = self.sent * self.share_through(queue, before, now);
        self.limit = Some(through);
        self.takes = (BELOW * through).max(f64::from(self.least())).min(self.takes);
        self.settled = Some(now + SETTLES + 2 * queue.min(MOST_WAITS));
        self.emptying = queue >= SUDDEN;
    }

    /// Of what is sent, the share that goes through: a queue of bounded length loses the rest, one that grows delays it.
    fn share_through(&self, queue: Duration, before: Option<Sample>, now: Instant) -> f64 {
        let kept = 1.0 - self.recent_loss(now);
        let grown = before.map_or(0.0, |before| -fall(queue, before, now));
        kept.min(1.0 / (1.0 + grown.max(0.0)))
    }

    fn recent_loss(&self, now: Instant) -> f64 {
        let is_recent = |(_, at): &(f64, Instant)| now.saturating_duration_since(*at) < LOSS_COUNTS_FOR;
        self.loss.filter(is_recent).map_or(0.0, |(loss, _)| loss)
    }

    /// A queue that stands whatever we send is not ours; to yield to it would be to yield for ever.
    fn doubt(&mut self, round_trip: Duration, now: Instant) {
        if self.takes > f64::from(self.least()) || self.recent_loss(now) > OVERFLOWS {
            self.least_since = None;
            return;
        }
        let since = *self.least_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= NOT_OURS {
            self.base = Baseline::at(round_trip, now);
            self.least_since = None;
        }
    }

    fn grow(&mut self, before: Option<Sample>, now: Instant) {
        let since = *self.calm_since.get_or_insert(now);
        let Some(before) = before.filter(|_| now.saturating_duration_since(since) >= CALM_FOR) else {
            return;
        };
        let passed = now.saturating_duration_since(before.at).as_secs_f64().min(1.0);
        let all = f64::from(self.asked + headers(1));
        let is_near = self.limit.is_some_and(|limit| self.takes < PASSED * limit);
        let per_second = if is_near {
            PROBE_BITS
        } else {
            (all - f64::from(self.least())) / GROWS_IN.as_secs_f64()
        };
        self.takes = (self.takes + per_second * passed).min(all);
    }

    /// The least on the wire, in bit/s.
    fn least(&self) -> u32 {
        LEAST_PAYLOAD.min(self.asked) + headers(LONGEST)
    }
}

/// By how much a queue fell in a second, in seconds; negative: it grew.
fn fall(queue: Duration, before: Sample, now: Instant) -> f64 {
    let passed = now.saturating_duration_since(before.at).as_secs_f64();
    (before.queue.as_secs_f64() - queue.as_secs_f64()) / passed.max(0.1)
}

/// The shortest round trip of the last 15 to 30 s: a path that became longer is believed after that.
#[derive(Debug, Clone, Copy, Default)]
struct Baseline {
    /// The shortest of the span before, and of this one since when.
    before: Option<Duration>,
    current: Option<(Duration, Instant)>,
}

impl Baseline {
    fn at(round_trip: Duration, now: Instant) -> Self {
        Self {
            before: None,
            current: Some((round_trip, now)),
        }
    }

    fn note(&mut self, round_trip: Duration, now: Instant) -> Duration {
        let (shortest, since) = self.current.unwrap_or((round_trip, now));
        self.current = Some((shortest.min(round_trip), since));
        if now.saturating_duration_since(since) >= BASE_SPAN {
            self.before = Some(shortest);
            self.current = Some((round_trip, now));
        }
        let current = self.current.map_or(round_trip, |(shortest, _)| shortest);
        self.before.map_or(current, |before| before.min(current))
    }
}
