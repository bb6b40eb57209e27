//! From RTP's wrapping numbers to one media time that only goes forward, and the accounting that hangs on sequence numbers.
//!
//! A publisher that restarts, a relay that switches sources, a sender whose clock jumps: all give numbers that do not follow
//! from those before. Such a packet is *rebased*: it is placed where it would stand had nothing jumped. What was received
//! before plays out, what comes plays on; no buffer is thrown away.

use super::clock::MS;
use crate::rtp::RtpHeader;

/// A jump forward by more packets than this is another sequence (RFC 3550 §A.1, MAX_DROPOUT).
const MAX_DROPOUT: u16 = 3_000;
/// Older than this many packets is another sequence (RFC 3550 §A.1, MAX_MISORDER).
const MAX_MISORDER: u16 = 100;
/// Packets of an SSRC that was replaced are strays for so long.
const RETIRED: i64 = 2_000 * MS;
/// A packet that comes so much earlier than the fastest before it shows a jump of the sender's clock.
const IMPOSSIBLY_EARLY: i64 = 100 * MS;
/// The media time of [`MAX_MISORDER`] packets of the longest kind, 120 ms.
const OLDEST: i64 = 100 * 5_760;
/// Opus knows no finer time than this, 2.5 ms; a rebased packet keeps to the grid, so that gaps can be concealed exactly.
const GRID: i64 = 120;

/// Where a packet belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// At this media time.
    Placed(Place),
    /// It was here already.
    Duplicate,
    /// It belongs to no sequence that is alive.
    Stray,
    /// It fits into the sequence and has no place in time.
    NoAudio,
}

/// A place in the unwrapped sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Media time of the first sample; unwrapped.
    pub(super) time: i64,
    /// Extended sequence number.
    pub(super) sequence: i64,
    /// The first packet of another source or sequence: what the decoder remembers does not belong to it.
    pub(super) restart: bool,
}

/// The newest audio packet.
#[derive(Debug, Clone, Copy)]
struct Newest {
    timestamp: u32,
    time: i64,
    samples: i64,
    sequence: i64,
}

/// Unwraps one stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    ssrc: Option<u32>,
    retired: Option<(u32, i64)>,
    /// Highest sequence number, as on the wire and extended.
    highest_raw: u16,
    highest: i64,
    /// Bit n: `highest - n` was received.
    seen: u128,
    /// What the sequence would go on with, if the packet that did not fit was the first of a new one.
    candidate: Option<u16>,
    /// The next packet of audio is the first of another source or sequence.
    restarting: bool,
    newest: Option<Newest>,
    /// Expected packets, RFC 3550 §A.3, over all sequences.
    expected: u64,
    resyncs: u64,
    jitter: Jitter,
}

impl Timeline {
    /// Places a packet that holds `samples` samples of audio, or none of ours (`None`: padding, another payload type).
    ///
    /// `fastest` is the least of (arrival − media time) of late, against which impossible hurry is judged.
    pub(super) fn place(&mut self, header: &RtpHeader, samples: Option<i64>, arrival: i64, fastest: Option<i64>) -> Placement {
        let sequence = match self.source(header, arrival) {
            Source::Retired => return self.stray(),
            Source::New => self.start_sequence(header.sequence_number),
            Source::Same => match self.sequence(header.sequence_number) {
                Sequence::Known(extended) => extended,
                Sequence::Duplicate => return Placement::Duplicate,
                Sequence::Elsewhere => return self.stray(),
            },
        };
        match samples {
            Some(samples) => self.audio(header, samples, arrival, fastest, sequence),
            None => Placement::NoAudio,
        }
    }

    /// Whether the packet with this extended number came; what is too old to say counts as received.
    pub(super) fn has_received(&self, sequence: i64) -> bool {
        match u32::try_from(self.highest - sequence) {
            Ok(behind) => self.seen.checked_shr(behind).is_none_or(|seen| seen & 1 == 1),
            Err(_) => false,
        }
    }

    /// Packets that should have come.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// How often media time was rebased.
    pub(super) fn resyncs(&self) -> u64 {
        self.resyncs
    }

    /// Interarrival jitter in samples (RFC 3550 §6.4.1).
    pub(super) fn jitter(&self) -> i64 {
        self.jitter.samples()
    }

    /// A stray counts as expected, since it counts as received: it is no loss, and hides none.
    fn stray(&mut self) -> Placement {
        self.expected += 1;
        Placement::Stray
    }

    fn source(&mut self, header: &RtpHeader, arrival: i64) -> Source {
        if self.ssrc == Some(header.ssrc) {
            return Source::Same;
        }
        if let Some((ssrc, until)) = self.retired
            && ssrc == header.ssrc
            && arrival < until
        {
            return Source::Retired;
        }
        self.retired = self.ssrc.map(|old| (old, arrival.saturating_add(RETIRED)));
        self.ssrc = Some(header.ssrc);
        Source::New
    }

    fn start_sequence(&mut self, raw: u16) -> i64 {
        self.highest_raw = raw;
        self.highest += 1;
        self.seen = 1;
        self.candidate = None;
        self.restarting = true;
        self.expected += 1;
        self.highest
    }

    fn sequence(&mut self, raw: u16) -> Sequence {
        let ahead = raw.wrapping_sub(self.highest_raw);
        if (1..=MAX_DROPOUT).contains(&ahead) {
            self.highest_raw = raw;
            self.highest += i64::from(ahead);
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.expected += u64::from(ahead);
            self.candidate = None;
            return Sequence::Known(self.highest);
        }
        let behind = self.highest_raw.wrapping_sub(raw);
        if behind <= MAX_MISORDER {
            let bit = 1 << behind;
            if self.seen & bit != 0 {
                return Sequence::Duplicate;
            }
            self.seen |= bit;
            return Sequence::Known(self.highest - i64::from(behind));
        }
        // One packet from elsewhere may be an accident; two in a row are a new sequence (RFC 3550 §A.1).
        if self.candidate == Some(raw) {
            return Sequence::Known(self.start_sequence(raw));
        }
        self.candidate = Some(raw.wrapping_add(1));
        Sequence::Elsewhere
    }

    fn audio(&mut self, header: &RtpHeader, samples: i64, arrival: i64, fastest: Option<i64>, sequence: i64) -> Placement {
        let mut place = Place {
            time: i64::from(header.timestamp),
            sequence,
            restart: false,
        };
        if let Some(newest) = self.newest {
            let step = i64::from(header.timestamp.wrapping_sub(newest.timestamp) as i32);
            place.time = newest.time + step;
            if sequence < newest.sequence {
                return out_of_order(place, step);
            }
            let contiguous = newest.samples * (sequence - newest.sequence);
            let hurried = fastest.is_some_and(|fastest| arrival - place.time < fastest - IMPOSSIBLY_EARLY);
            if self.restarting || step <= 0 || (hurried && step > contiguous) {
                place.time = rebased(&newest, sequence, arrival, fastest);
                self.resyncs += 1;
                self.jitter.forget();
            }
            place.restart = self.restarting;
        }
        self.restarting = false;
        self.newest = Some(Newest {
            timestamp: header.timestamp,
            time: place.time,
            samples,
            sequence,
        });
        self.jitter.update(arrival - place.time);
        Placement::Placed(place)
    }
}

/// An older packet must lie a little before the newest, else it is from before a rebase.
fn out_of_order(place: Place, step: i64) -> Placement {
    if (-OLDEST..0).contains(&step) {
        Placement::Placed(place)
    } else {
        Placement::Stray
    }
}

/// Where a packet stands whose own timestamp says nothing: behind the newest, or as late as the clock says if that is later.
fn rebased(newest: &Newest, sequence: i64, arrival: i64, fastest: Option<i64>) -> i64 {
    let follows = newest.time + newest.samples * (sequence - newest.sequence).clamp(1, i64::from(MAX_DROPOUT));
    let by_clock = fastest.map_or(follows, |fastest| arrival - fastest);
    let gap = by_clock - follows;
    // Less is jitter: then the sound simply goes on.
    if gap < IMPOSSIBLY_EARLY {
        follows
    } else {
        follows + gap / GRID * GRID
    }
}

enum Source {
    Same,
    New,
    Retired,
}

enum Sequence {
    Known(i64),
    Duplicate,
    Elsewhere,
}

/// RFC 3550 §A.8, in sixteenths of a sample.
#[derive(Debug, Clone, Copy, Default)]
struct Jitter {
    transit: Option<i64>,
    sixteenths: i64,
}

impl Jitter {
    fn update(&mut self, transit: i64) {
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit - before).abs();
            self.sixteenths += difference - ((self.sixteenths + 8) >> 4);
        }
    }

    fn forget(&mut self) {
        self.transit = None;
    }

    fn samples(&self) -> i64 {
        self.sixteenths >> 4
    }
}

#[cfg(test)]
mod tests;
