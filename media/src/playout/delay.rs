//! How long packets should wait: the target delay, from how late they come against the fastest of late.
//!
//! Everything here is relative: a packet's *transit* is its arrival less its media time, two clocks without a common zero. The
//! least transit of the last second and a half is the *baseline*; a packet's *lateness* is its transit less the baseline. Whoever plays
//! media time `m` at time `now` plays with the delay `now − m − baseline`, and a packet is in time if its lateness is no more.
//! Because the baseline forgets so soon, a sender's clock may drift or step without harm.

use super::PlayoutOptions;
use super::clock::{MS, duration_samples};

/// The baseline forgets after `BUCKETS × BUCKET`: 1.5 s.
const BUCKET: i64 = 250 * MS;
const BUCKETS: usize = 6;

/// Width of one step of the histogram.
const BIN: i64 = 5 * MS;
/// A baseline that rises by so much at once shows a longer path or a stepped clock, not jitter.
const STEP: i64 = 40 * MS;

/// Lateness beyond 2 s counts as 2 s.
const BINS: usize = 400;
/// Forgetting per packet once enough was seen: half of the weight is gone after 7 s of 20 ms packets.
const KEEP: f32 = 0.998;

/// Lateness from here on comes of stalls, not of jitter.
const STALL: i64 = 120 * MS;

/// The target falls to where it should be with this time constant.
const FALL: i64 = 5_000 * MS;

/// Stalls come again: they are remembered for so long. Underflow is dear, the wait for the rare highest is dearer: what is
/// beyond this part of the highest is rather concealed.
const PEAK_COVER: (i64, i64) = (9, 11);
const PEAK_MEMORY: i64 = 30_000 * MS;
/// Late packets closer to each other than this are one peak.
const PEAK_APART: i64 = 500 * MS;
/// Less is not a peak.
const PEAK_LEAST: i64 = 60 * MS;
/// No peak asks for more than this; what comes later is rather concealed.
const PEAK_MOST: i64 = 400 * MS;
const PEAKS: usize = 8;

/// `jitterBufferTarget` is at most 4 s (W3C webrtc-pc §5.3.1).
const MOST: i64 = 4_000 * MS;

/// What differs between ordinary and low-latency playout.
#[derive(Debug, Clone, Copy)]
struct Profile {
    /// Fraction of the packets that shall be in time.
    quantile: f32,
    /// Added to what the histogram says: the pump asks in blocks of 10 ms, some of them in pairs.
    margin: i64,
    /// Never less, for the threads that carry the packets are late at times.
    least: i64,
    /// Before anything is known.
    start: i64,
    /// Whether peaks count.
    peaks: bool,
}

const ORDINARY: Profile = Profile {
    quantile: 0.99,
    margin: 20 * MS,
    least: 30 * MS,
    start: 35 * MS,
    peaks: true,
};

const LOW_LATENCY: Profile = Profile {
    quantile: 0.95,
    margin: 10 * MS,
    least: 15 * MS,
    start: 20 * MS,
    peaks: false,
};

/// Estimates the target delay of one stream.
#[derive(Debug)]
pub(super) struct DelayEstimator {
    profile: Profile,
    /// What the application asked for at least.
    asked: i64,
    baseline: Baseline,
    /// Lateness of packets.
    histogram: Histogram,
    /// Lateness of frames: of their own packets, or of the copies that stand for those.
    frames: Histogram,
    peaks: Peaks,
    target: i64,
    /// The target in 256ths of a sample, and when it fell last.
    held: i64,
    fallen: i64,
}

impl DelayEstimator {
    pub(super) fn new(options: &PlayoutOptions) -> Self {
        let profile = if options.low_latency { LOW_LATENCY } else { ORDINARY };
        let asked = options.jitter_buffer_target.map_or(0, duration_samples).clamp(0, MOST);
        Self {
            profile,
            asked,
            baseline: Baseline::default(),
            histogram: Histogram::new(),
            frames: Histogram::new(),
            peaks: Peaks::default(),
            target: profile.start.max(asked),
            held: profile.least.max(asked) << 8,
            fallen: 0,
        }
    }

    /// Takes note of a packet that came at `arrival` with media time `time`.
    pub(super) fn update(&mut self, arrival: i64, time: i64) {
        let transit = arrival - time;
        let before = self.baseline.least();
        self.baseline.update(arrival, transit);
        let baseline = self.baseline.least().unwrap_or(transit);
        let rise = baseline - before.unwrap_or(baseline);
        if rise >= STEP {
            // What seemed late while the old baseline stood was not, and the target need not fall slowly.
            self.held = 0;
            self.histogram.shift_down(rise);
            self.frames.shift_down(rise);
            self.peaks.forget_since(arrival - BUCKETS as i64 * BUCKET - PEAK_APART);
        }
        let lateness = transit - baseline;
        self.histogram.update(lateness);
        self.frames.update(lateness);
        let late = self.histogram.quantile(self.profile.quantile);
        // Stalls are rare and each of another height: nothing on top of them is worth the wait.
        let usual = late + self.profile.margin.min((STALL - late).max(0) / 2);
        let mut target = usual.max(self.profile.least);
        if self.profile.peaks {
            self.peaks.update(arrival, lateness, target);
            target = target.max(self.peaks.height(arrival));
        }
        // A copy comes as late as its distance says, and jitter is in it: no margin is needed on top.
        let repaired = self.frames.quantile(self.profile.quantile);
        self.approach(target.max(repaired).max(self.asked).min(MOST), arrival);
    }

    /// More is needed at once, less may be true by chance: the target falls slowly.
    fn approach(&mut self, wanted: i64, now: i64) {
        let passed = (now - self.fallen).clamp(0, FALL);
        self.fallen = now;
        self.held = if wanted >= self.held >> 8 {
            wanted << 8
        } else {
            self.held - (self.held - (wanted << 8)) * passed / FALL
        };
        self.target = self.held >> 8;
    }

    /// Takes note of a frame whose own packet has not come and whose first copy came at `arrival`.
    pub(super) fn update_repaired(&mut self, arrival: i64, time: i64) {
        if let Some(baseline) = self.baseline.least() {
            self.frames.update(arrival - time - baseline);
        }
    }

    /// The delay that playout should have.
    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// The delay to begin with: not less than is taken before anything is known.
    pub(super) fn start_target(&self) -> i64 {
        self.target.max(self.profile.start)
    }

    /// Least transit of late; `None` before the first packet.
    pub(super) fn baseline(&self) -> Option<i64> {
        self.baseline.least()
    }

    /// The delay of a player that plays media time `time` at `now`.
    pub(super) fn delay(&self, now: i64, time: i64) -> i64 {
        now - time - self.baseline.least().unwrap_or(now - time)
    }
}

/// The least transit of the last second and a half.
#[derive(Debug, Default)]
struct Baseline {
    /// (number of the bucket, least transit in it), by number modulo their count.
    buckets: [Option<(i64, i64)>; BUCKETS],
    newest: i64,
}

impl Baseline {
    fn update(&mut self, arrival: i64, transit: i64) {
        let number = arrival.div_euclid(BUCKET);
        self.newest = self.newest.max(number);
        let index = number.rem_euclid(BUCKETS as i64) as usize;
        let least = match self.buckets[index] {
            Some((same, least)) if same == number => least.min(transit),
            Some((newer, _)) if newer > number => return,
            _ => transit,
        };
        self.buckets[index] = Some((number, least));
    }

    fn least(&self) -> Option<i64> {
        let oldest = self.newest - BUCKETS as i64;
        let alive = self.buckets.iter().flatten().filter(|(number, _)| *number > oldest);
        alive.map(|(_, least)| *least).min()
    }
}

/// Lateness of packets, the recent ones weighing more.
#[derive(Debug)]
struct Histogram {
    bins: Box<[f32; BINS]>,
    seen: u32,
}

impl Histogram {
    fn new() -> Self {
        Self {
            bins: Box::new([0.0; BINS]),
            seen: 0,
        }
    }

    fn update(&mut self, lateness: i64) {
        self.seen = self.seen.saturating_add(1);
        // At first every packet weighs the same; then the old ones are forgotten. The weights always add up to one.
        let keep = KEEP.min(1.0 - 1.0 / self.seen as f32);
        for bin in self.bins.iter_mut() {
            *bin *= keep;
        }
        let index = usize::try_from((lateness + BIN - 1) / BIN).unwrap_or(0).min(BINS - 1);
        self.bins[index] += 1.0 - keep;
    }

    /// All lateness was less by `by`.
    fn shift_down(&mut self, by: i64) {
        let bins = usize::try_from(by / BIN).unwrap_or(0).min(BINS - 1);
        let now_zero: f32 = self.bins[..bins].iter().sum();
        self.bins.copy_within(bins.., 0);
        self.bins[BINS - bins..].fill(0.0);
        self.bins[0] += now_zero;
    }

    /// The lateness that `fraction` of the packets do not exceed.
    fn quantile(&self, fraction: f32) -> i64 {
        let mut rest = 1.0 - fraction;
        for (index, weight) in self.bins.iter().enumerate().rev() {
            rest -= weight;
            if rest < 0.0 {
                return index as i64 * BIN;
            }
        }
        0
    }
}

/// The stalls of the last half minute: too rare for the histogram, too regular to be forgotten.
#[derive(Debug, Default)]
struct Peaks {
    /// (time of the last late packet, highest lateness), the newest last.
    heights: [Option<(i64, i64)>; PEAKS],
}

impl Peaks {
    fn update(&mut self, now: i64, lateness: i64, target: i64) {
        if lateness < PEAK_LEAST.max(target) {
            return;
        }
        let height = lateness.min(PEAK_MOST);
        if let Some((last, highest)) = self.heights[PEAKS - 1].as_mut()
            && now - *last < PEAK_APART
        {
            *highest = height.max(*highest);
            *last = now;
            return;
        }
        self.heights.rotate_left(1);
        self.heights[PEAKS - 1] = Some((now, height));
    }

    /// What was taken for a peak since `since` was none.
    fn forget_since(&mut self, since: i64) {
        for peak in &mut self.heights {
            *peak = peak.filter(|(at, _)| *at < since);
        }
    }

    /// What the highest peak is worth waiting for; 0 where there was none of late.
    fn height(&self, now: i64) -> i64 {
        let recent = self.heights.iter().flatten().filter(|(at, _)| now - *at < PEAK_MEMORY);
        let highest = recent.map(|(_, height)| *height).max();
        highest.unwrap_or(0) / PEAK_COVER.1 * PEAK_COVER.0
    }
}

/// The delays at which the last packets were decoded. The least of them is what counts: it is the reserve against late
/// packets, however irregularly the pump asks.
#[derive(Debug)]
pub(super) struct PlayedDelays {
    /// `now − media time` of the decoded packets.
    transits: [i64; Self::LENGTH],
    length: usize,
    next: usize,
}

impl PlayedDelays {
    /// 0.64 s of 20 ms packets.
    const LENGTH: usize = 32;

    pub(super) fn new() -> Self {
        Self {
            transits: [0; Self::LENGTH],
            length: 0,
            next: 0,
        }
    }

    /// Media time `time` was decoded at `now`.
    pub(super) fn push(&mut self, now: i64, time: i64) {
        self.transits[self.next] = now - time;
        self.next = (self.next + 1) % Self::LENGTH;
        self.length = (self.length + 1).min(Self::LENGTH);
    }

    /// Time stretching has added this much delay (or, negative, removed it).
    pub(super) fn shift(&mut self, by: i64) {
        for transit in &mut self.transits[..self.length] {
            *transit += by;
        }
    }

    /// Playout begins anew.
    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.next = 0;
    }

    /// The least transit; `None` after a beginning.
    pub(super) fn least(&self) -> Option<i64> {
        self.transits[..self.length].iter().min().copied()
    }

    /// Whether enough was seen to say that a delay is too long.
    pub(super) fn is_full(&self) -> bool {
        self.length == Self::LENGTH
    }
}

#[cfg(test)]
mod tests;
