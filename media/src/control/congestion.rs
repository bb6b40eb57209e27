//! How many bit/s a link takes, by the queue that grows before it: the round trip against its shortest lately.
//!
//! Losses alone are no congestion (copies are right then). Where the round trip grows, or an answer is overdue, what is sent falls at once
//! below what went through and stays lower until the queue is gone; it comes back in small steps, the smallest near where the queue grew last.
//!
//! # Source
//! Delay as the sign of congestion: RFC 6817 (LEDBAT), RFC 8298 (SCReAM); decrease below what was received, growth that slows down near the
//! last limit: draft-ietf-rmcat-gcc §5.5.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use express_messages::{audio::SAMPLE_RATE, publisher::FrameLength};

use super::answers::Answer;

/// What a packet costs beside its payload, in bits: IPv4 20, UDP 8, RTP 12, audio level 8, SRTP 16 bytes.
const OVERHEAD_BITS: u32 = 64 * 8;
/// Units of 20 ms in a second.
const UNITS_PER_SECOND: u32 = 50;
/// Units in one packet, and the least bit/s of payload for which that is chosen: with less, longer packets leave more for the sound.
const PACKETS: [(u8, u32); 4] = [(1, 16_000), (2, 12_000), (3, 9_000), (LONGEST, LEAST_PAYLOAD)];
const LONGEST: u8 = 6;
/// Speech goes on with so many bit/s of payload whatever the link does ...
const LEAST_PAYLOAD: u32 = 8_000;
/// ... and with so many while a queue has to go.
const DRAINING_PAYLOAD: u32 = 6_000;

/// What is measured waits behind a packet of ours that is on its way out, on a full link for as long as its sound lasts.
const UNIT: Duration = Duration::from_millis(20);
/// A queue longer than this and a packet for two reports stands.
const STANDING: Duration = Duration::from_millis(50);
/// One report of such a queue is enough. Stalls of mobile networks are shorter.
const SUDDEN: Duration = Duration::from_millis(220);
/// A queue shorter than this and a packet is none.
const CALM: Duration = Duration::from_millis(30);
/// An answer that takes so much longer is not lost, for the next check has none either: nothing is sent meanwhile.
const HELD: Range<Duration> = Duration::from_millis(540)..Duration::from_millis(840);
/// Of what went through, so much is sent next.
const BELOW: f64 = 0.85;
/// A queue of this length halves what is sent until it is gone.
const HALVES: Duration = Duration::from_millis(600);
/// Answers nearer to each other tell no rate: a long packet more or less makes all the difference.
const LEAST_BETWEEN: Duration = Duration::from_millis(200);
/// After a decrease the round trips of what was sent before are still to come: so long, and twice the queue.
const SETTLES: Duration = Duration::from_millis(900);
const MOST_WAITS: Duration = Duration::from_millis(500);
/// An answer that takes so much longer than the quickest is overdue: most stalls of mobile networks are over by then.
const OVERDUE: Duration = Duration::from_millis(180);
/// It tells of a queue where nothing was lost for so long before it was asked; else it may be lost itself.
const NOTHING_LOST_FOR: Duration = Duration::from_secs(10);
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
    /// Units of 20 ms in one packet, as in a plan: more than 1 where the link has no room for the headers of all.
    pub(super) frames: u8,
    /// Nothing at all.
    pub(super) held: bool,
}

/// Follows the queue of one link.
#[derive(Debug, Clone)]
pub(super) struct Congestion {
    asked: u32,
    /// Packets in a second where each has one frame.
    shortest: u32,
    /// What the link takes, as far as is known, in bit/s with headers; never more than was asked for.
    takes: f64,
    /// Units in one packet of what is sent.
    frames: u8,
    base: Baseline,
    last: Option<Sample>,
    loss: Option<(f64, Instant)>,
    /// Since when nothing was lost, and whether that was long when the answer was asked that is awaited.
    clean_since: Option<Instant>,
    trusted: bool,
    /// What went through when a queue grew last.
    limit: Option<f64>,
    /// A decrease shows by then; `None` once the queue is gone.
    settled: Option<Instant>,
    /// An answer takes longer than any before: the queue grows, nobody knows how far.
    overdue: bool,
    /// Two are: the queue is so long that it needs a pause.
    held: bool,
    calm_since: Option<Instant>,
    least_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    queue: Duration,
    /// When the queue was so long: the check was asked then.
    asked: Instant,
}

impl Congestion {
    /// A link that takes what is asked for, in bit/s of payload in such frames, until it shows otherwise.
    pub(super) fn new(asked: u32, frame: FrameLength) -> Self {
        // 480 or 960, so the cast is exact.
        let shortest = SAMPLE_RATE / frame.samples() as u32;
        Self {
            asked,
            shortest,
            takes: f64::from(asked + shortest * OVERHEAD_BITS),
            frames: 1,
            base: Baseline::default(),
            last: None,
            loss: None,
            clean_since: None,
            trusted: false,
            limit: None,
            settled: None,
            overdue: false,
            held: false,
            calm_since: None,
            least_since: None,
        }
    }

    /// What the receiver missed lately, 0..=1.
    pub(super) fn on_loss(&mut self, loss: f64, now: Instant) {
        self.loss = Some((loss.clamp(0.0, 1.0), now));
        self.clean_since = (loss <= 0.0).then(|| self.clean_since.unwrap_or(now));
    }

    /// So is sent from now on; with headers that is so many bit/s.
    pub(super) fn on_sending(&mut self, sent: Budget) -> f64 {
        self.frames = sent.frames;
        if sent.held {
            return 0.0;
        }
        f64::from(sent.payload + self.headers(sent.frames))
    }

    /// The answer to a check is awaited for so long.
    pub(super) fn on_waiting(&mut self, waiting: Duration, now: Instant) {
        let Some(base) = self.base.shortest() else { return };
        if waiting.is_zero() {
            let is_clean = |since: Instant| now.saturating_duration_since(since) >= NOTHING_LOST_FOR;
            self.trusted = self.clean_since.is_some_and(is_clean);
        }
        let overdue = if self.last.is_some_and(|last| last.queue >= STANDING + self.packet()) {
            OVERDUE / 2
        } else {
            OVERDUE
        };
        self.overdue |= self.trusted && waiting >= base + overdue;
        self.held = self.trusted && HELD.contains(&waiting.saturating_sub(base));
    }

    /// A round trip was measured.
    pub(super) fn on_answer(&mut self, answer: &Answer, now: Instant) {
        let queue = answer.round_trip.saturating_sub(self.base.note(answer.round_trip, now));
        let sample = Sample {
            queue,
            asked: answer.asked,
        };
        let before = self.last.replace(sample);
        let standing = STANDING + self.packet();
        let stands = before.is_some_and(|before| before.queue >= standing && queue >= standing);
        let was_sudden = before.is_some_and(|before| before.queue >= SUDDEN);
        let was_overdue = std::mem::take(&mut self.overdue);
        self.held = false;
        if queue >= SUDDEN || stands || was_overdue && queue >= OVERDUE {
            self.decrease(sample, before, answer.sent, now);
            self.doubt(answer.round_trip, now);
        } else if was_sudden && queue >= CALM {
            self.learn(sample, before, answer.sent, now);
        }
        if queue >= CALM + self.packet() {
            self.calm_since = None;
        } else {
            self.settled = None;
            self.least_since = None;
            self.grow(sample, before, now);
        }
    }

    /// What may be sent now: less than the link takes while a queue has to go.
    pub(super) fn budget(&self) -> Budget {
        let queue = self.last.map_or(Duration::ZERO, |last| last.queue);
        if self.overdue || queue >= SUDDEN {
            return Budget {
                payload: DRAINING_PAYLOAD.min(self.asked),
                frames: LONGEST,
                held: self.held,
            };
        }
        let halves = if self.settled.is_some() {
            queue.as_secs_f64() / HALVES.as_secs_f64()
        } else {
            0.0
        };
        self.budget_of(self.takes / (1.0 + halves))
    }

    fn budget_of(&self, wire: f64) -> Budget {
        // `wire` is between the least and what was asked for, so the cast is exact enough.
        let left = |frames: u8| (wire as u32).saturating_sub(self.headers(frames));
        // A publisher that asked for little gets it in short packets.
        let frames = if left(1) >= self.asked {
            1
        } else {
            let fits = PACKETS.iter().find(|(frames, enough)| left(*frames) >= *enough);
            fits.map_or(LONGEST, |(frames, _)| *frames)
        };
        Budget {
            payload: left(frames).max(LEAST_PAYLOAD).min(self.asked),
            frames,
            held: false,
        }
    }

    /// What the headers of packets with so many units cost, in bit/s.
    fn headers(&self, frames: u8) -> u32 {
        match frames {
            0 | 1 => self.shortest * OVERHEAD_BITS,
            frames => UNITS_PER_SECOND * OVERHEAD_BITS / u32::from(frames),
        }
    }

    /// How long the sound of one packet lasts.
    fn packet(&self) -> Duration {
        UNIT * u32::from(self.frames)
    }

    fn decrease(&mut self, sample: Sample, before: Option<Sample>, sent: Option<f64>, now: Instant) {
        let falls = before.is_some_and(|before| before.queue > sample.queue);
        // What is sent less shows in the answers after those of the queue there is.
        let is_due = self.settled.is_none_or(|settled| now >= settled) && !falls;
        let was_sudden = before.is_some_and(|before| before.queue >= SUDDEN);
        if is_due || was_sudden || sample.queue >= OVERDUE {
            self.learn(sample, before, sent, now);
        }
        if is_due {
            self.settled = Some(now + SETTLES + 2 * sample.queue.min(MOST_WAITS));
        }
    }

    /// Two checks came out of the queue with all that was sent between them, but for what it had no room for: so fast it is served.
    fn learn(&mut self, sample: Sample, before: Option<Sample>, sent: Option<f64>, now: Instant) {
        let (Some(before), Some(sent)) = (before, sent) else { return };
        let passed = (sample.asked + sample.queue).saturating_duration_since(before.asked + before.queue);
        if passed < LEAST_BETWEEN {
            return;
        }
        // A queue that falls has room, unless more was sent at first.
        let asked_between = sample.asked.saturating_duration_since(before.asked).as_secs_f64();
        let has_room = before.queue > sample.queue && sent <= asked_between * f64::from(self.least());
        let lost = if has_room { 0.0 } else { self.recent_loss(now) };
        let through = sent * (1.0 - lost) / passed.as_secs_f64();
        let takes = (BELOW * through).max(f64::from(self.least()));
        if takes < self.takes {
            self.takes = takes;
            self.limit = Some(takes / BELOW);
        }
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

    fn grow(&mut self, sample: Sample, before: Option<Sample>, now: Instant) {
        let since = *self.calm_since.get_or_insert(now);
        let Some(before) = before.filter(|_| now.saturating_duration_since(since) >= CALM_FOR) else {
            return;
        };
        let passed = sample.asked.saturating_duration_since(before.asked).as_secs_f64().min(1.0);
        let all = f64::from(self.asked + self.headers(1));
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
        LEAST_PAYLOAD.min(self.asked) + self.headers(LONGEST)
    }
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

    fn shortest(&self) -> Option<Duration> {
        let current = self.current.map(|(shortest, _)| shortest);
        self.before.into_iter().chain(current).min()
    }

    fn note(&mut self, round_trip: Duration, now: Instant) -> Duration {
        let (shortest, since) = self.current.unwrap_or((round_trip, now));
        self.current = Some((shortest.min(round_trip), since));
        if now.saturating_duration_since(since) >= BASE_SPAN {
            self.before = Some(shortest);
            self.current = Some((round_trip, now));
        }
        self.shortest().unwrap_or(round_trip)
    }
}
